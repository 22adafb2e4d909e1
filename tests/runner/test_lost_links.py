"""Whole runs whose cables are pulled, on the simulated bench: bridged, settled, or ended with the pump stopped."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from rig.config import load_bench
from rig.engine import Finished, run_scenario
from rig.paths import scenarios_dir
from rig.record.reader import RunRecord, read_run
from rig.results import EndReason
from rig.scenario.parse import load_scenario


def _run(folder: Path, *faults: str) -> tuple[Finished, RunRecord, dict[str, Any]]:
    """Run the quick scenario; return how it ended, its record, and what really happened."""
    scenario = load_scenario(scenarios_dir() / "quick.yaml")
    finished = run_scenario(scenario, load_bench("simulated"), folder, faults=faults)
    ledger: dict[str, Any] = json.loads((finished.folder / "sealed" / "ledger.json").read_text())
    return finished, read_run(finished.folder), ledger


@cache
def _times_s() -> dict[str, float]:
    """Return when the first event of each name happens in a run that nothing disturbs; the twin is deterministic."""
    with TemporaryDirectory() as folder:
        _, record, _ = _run(Path(folder))
    times: dict[str, float] = {}
    for event in record.events:
        times.setdefault(event.name, event.at_ns * 1e-9)
    return times


def _names(record: RunRecord) -> list[str]:
    return [event.name for event in record.events]


def _boluses_u(ledger: dict[str, Any]) -> list[float]:
    return [each["programmed_u"] for each in ledger["deliveries"] if each["kind"] == "bolus"]


def _pulled(device: str, at_s: float, for_s: float | None = None) -> str:
    return f"{device}.unplugged=on@{at_s:.4f}s" + (f"+{for_s}s" if for_s is not None else "")


def test_a_balance_cable_that_is_put_back_costs_a_gap_and_not_the_run(tmp_path: Path) -> None:
    finished, record, _ = _run(tmp_path, _pulled("balance", _times_s()["resumed"] + 100.0, 20.0))
    assert finished.ended.reason is EndReason.COMPLETED
    assert finished.ended.safe.confirmed
    assert _names(record).count("link_reopened") == 1


def test_a_balance_that_never_comes_back_ends_the_run_with_the_pump_stopped(tmp_path: Path) -> None:
    finished, record, _ = _run(tmp_path, _pulled("balance", _times_s()["resumed"] + 100.0))
    assert finished.ended.reason is EndReason.BENCH_FAULT
    assert "went away" in finished.ended.detail
    assert finished.ended.safe.confirmed
    assert "link_reopened" not in _names(record)


# From the ACK on the UART (the pump has the bolus) back to before the first half of the command was answered.
@pytest.mark.parametrize("before_ack_s", [0.002, 0.02, 0.06, 0.1, 0.14, 0.18, 0.3, 0.45])
def test_a_stick_that_is_pulled_while_a_bolus_is_ordered_never_doubles_it_and_the_record_knows(
    tmp_path: Path, before_ack_s: float
) -> None:
    finished, record, ledger = _run(tmp_path, _pulled("link", _times_s()["bolus_started"] - before_ack_s, 4.0))
    assert finished.ended.reason is EndReason.COMPLETED, finished.ended.detail
    assert finished.ended.safe.confirmed
    started = _names(record).count("bolus_started")
    missed = _names(record).count("bolus_not_delivered")
    assert _boluses_u(ledger) == [5.0] * started
    assert started + missed == 2
    assert _names(record).count("link_reopened") == 1


def test_both_ends_of_a_lost_order_are_met() -> None:
    """The instants above are worth something only if some of them lose the bolus and some its answer."""
    ends = set()
    for before_ack_s in (0.002, 0.14):
        with TemporaryDirectory() as folder:
            at_s = _times_s()["bolus_started"] - before_ack_s
            _, record, _ = _run(Path(folder), _pulled("link", at_s, 4.0))
            states = [event.data for event in record.events if event.name == "command"]
            ends |= {each["delivered"] for each in states if each["name"] == "bolus" and each["state"] == "settled"}
    assert ends == {True, False}


def test_a_stick_that_is_put_back_while_the_bench_is_made_safe_stops_the_pump(tmp_path: Path) -> None:
    at_s = _times_s()["bolus_started"] - 0.002
    finished, record, ledger = _run(tmp_path, _pulled("link", at_s, 40.0))
    assert finished.ended.reason is EndReason.BENCH_FAULT
    assert finished.ended.safe.confirmed, finished.ended.safe
    assert _names(record).index("link_reopened") < _names(record).index("safe_state")
    assert _boluses_u(ledger) == [5.0]
    delivered_u = next(each for each in ledger["deliveries"] if each["kind"] == "bolus")["entered_u"]
    assert delivered_u < 4.0, "the bolus was cut short"


def test_a_stick_that_never_comes_back_is_reported_as_not_confirmed_within_the_limit(tmp_path: Path) -> None:
    at_s = _times_s()["bolus_started"] - 0.002
    finished, record, _ = _run(tmp_path, _pulled("link", at_s))
    assert finished.ended.reason is EndReason.BENCH_FAULT
    assert not finished.ended.safe.confirmed
    (safe,) = [event for event in record.events if event.name == "safe_state"]
    assert safe.at_ns * 1e-9 - at_s == pytest.approx(10.0 + 60.0, abs=2.0)


def test_an_idle_stick_that_is_pulled_and_put_back_is_opened_for_the_next_command(tmp_path: Path) -> None:
    finished, record, _ = _run(tmp_path, _pulled("link", _times_s()["resumed"] + 30.0, 5.0))
    assert finished.ended.reason is EndReason.COMPLETED, finished.ended.detail
    assert _names(record).count("link_lost") == _names(record).count("link_reopened") == 1


def test_the_twins_own_faults_change_no_byte_before_they_act(tmp_path: Path) -> None:
    at_s = _times_s()["resumed"] + 100.0
    clean, pulled = tmp_path / "clean", tmp_path / "pulled"
    runs = [_run(clean)[1], _run(pulled, _pulled("balance", at_s, 20.0))[1]]
    masses = [
        [
            mass
            for at, mass in zip(run.weighings["balance"].answered_ns, run.weighings["balance"].mass_mg, strict=True)
            if at < at_s * 1e9
        ]
        for run in runs
    ]
    assert masses[0] == masses[1]
    assert len(masses[0]) > 50
