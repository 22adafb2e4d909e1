"""A cable that is pulled and put back is bridged; one that stays out ends the run safely."""

import json
from pathlib import Path

import pytest

from rig.cli.main import main
from rig.record.reader import RunRecord, read_run
from rig.runner.folder import find_runs


def _run(tmp_path: Path, *faults: str) -> tuple[int, RunRecord]:
    arguments = [argument for fault in faults for argument in ("--fault", fault)]
    code = main(["run", "quick", "--quiet", "--no-report", "--out", str(tmp_path), *arguments])
    (run,) = find_runs(tmp_path)
    return code, read_run(run.folder)


def _names(run: RunRecord) -> list[str]:
    return [event.name for event in run.events]


def test_a_balance_that_is_unplugged_for_a_while_is_taken_back_and_the_run_passes(tmp_path: Path) -> None:
    code, run = _run(tmp_path, "balance.unplugged=on@8min+20s")
    assert code == 0
    back = next(event for event in run.events if event.name == "link_reopened")
    assert back.data["link"] == "balance"
    assert 18.0 < back.data["down_s"] < 23.0
    assert back.data["attempts"] >= 18


def test_a_balance_that_stays_away_ends_the_run_with_the_pump_stopped(tmp_path: Path) -> None:
    code, run = _run(tmp_path, "balance.unplugged=on@8min")
    assert code == 4
    assert run.end["reason"] == "bench_fault"
    assert run.end["safe"]["confirmed"]
    assert "link_reopened" not in _names(run)


@pytest.mark.parametrize("start", ["3min", "10min", "14min", "15min", "20min"])
def test_a_stick_that_is_unplugged_for_some_seconds_never_doubles_a_delivery(tmp_path: Path, start: str) -> None:
    code, run = _run(tmp_path, f"link.unplugged=on@{start}+4s")
    assert code in (0, 4)
    assert run.end["safe"]["confirmed"]
    ledger = json.loads((run.folder / "sealed" / "ledger.json").read_text())
    intended = [e for e in run.events if e.name == "command" and e.data["state"] == "intended" and e.data["delivers"]]
    assert len([each for each in ledger["deliveries"] if each["kind"] == "bolus"]) <= len(intended)


def test_a_stick_that_stays_away_is_reported_as_not_confirmed(tmp_path: Path) -> None:
    code, run = _run(tmp_path, "link.unplugged=on@8min")
    assert code == 5
    assert not run.end["safe"]["confirmed"]


def test_a_stick_that_comes_back_within_a_minute_still_stops_the_pump(tmp_path: Path) -> None:
    code, run = _run(tmp_path, "link.unplugged=on@13min+30s")
    assert code in (0, 4)
    assert run.end["safe"]["confirmed"]
