"""What ``rig analyse`` says of the safe state of a run whose record does not: unknown is never confirmed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rig.cli.safe_state import safe_state_of
from rig.judging.judge import judge_evidence
from rig.judging.junit import junit_xml
from rig.record.ledger import BenchLedger, ledger_path
from rig.results import Result
from rig.scenario.model import BasalStep
from rig.verdict import exit_code
from tests.judging.runs import RunMaker

BENCH = "pty-example"
BENCH_FILE = Path(__file__).parents[2] / "fixtures" / "benches" / f"{BENCH}.toml"
OTHER = {"run_id": "other"}


@pytest.fixture(scope="module")
def cut() -> Result:
    """A run on hardware whose record has no closing line."""
    evidence = RunMaker((BasalStep(1.0, 3600.0),), ()).make()
    result = judge_evidence(replace(evidence, record=replace(evidence.record, ended=False, end={})))
    return replace(result, bench={**result.bench, "kind": "hardware"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    evidence = tmp_path / "made" / "evidence"
    evidence.mkdir(parents=True)
    (evidence / "bench.toml").write_text(BENCH_FILE.read_text())
    return evidence.parent


def _write(folder: Path, *entries: tuple[str, dict[str, Any]]) -> None:
    ledger = BenchLedger(ledger_path(folder.parent, BENCH))
    for kind, data in entries:
        ledger.append(kind, **data)


def test_a_record_without_a_closing_line_says_so_in_the_result_and_in_junit(cut: Result) -> None:
    assert cut.bench["safe_state"]["confirmed"] is None
    assert "safe state not known from this record" in junit_xml(cut)


def test_without_a_ledger_that_knows_the_run_nothing_is_confirmed(cut: Result, folder: Path) -> None:
    confirmed, told = safe_state_of(folder, cut)
    assert not confirmed
    assert "safe state: not known from this record" in told
    assert "does not know the run" in told
    assert "go to the bench" in told
    assert exit_code(cut, safe_confirmed=confirmed) == 5


@pytest.mark.parametrize(
    ("after", "confirmed"),
    [
        ((), False),
        ((("safe", {"run_id": "made", "confirmed": False, "by": "no answer"}),), False),
        ((("safe", {"run_id": "made", "confirmed": True, "by": "guardian"}),), True),
        ((("acknowledged", {"who": "Ann", "why": "looked"}),), True),
        ((("started", OTHER), ("ended", {**OTHER, "safe": {"confirmed": True}})), True),
        ((("safe", {"run_id": "made", "confirmed": True, "by": "guardian"}), ("resumed", {"run_id": "made"})), False),
    ],
    ids=["nothing", "not confirmed", "guardian", "a person", "a later run", "taken up again and cut again"],
)
def test_the_ledger_knows_what_was_confirmed_since_the_run_was_last_begun(
    cut: Result, folder: Path, after: tuple[tuple[str, dict[str, Any]], ...], *, confirmed: bool
) -> None:
    _write(
        folder, ("started", OTHER), ("ended", {**OTHER, "safe": {"confirmed": True}}), ("started", {"run_id": "made"})
    )
    _write(folder, *after)
    found, told = safe_state_of(folder, cut)
    assert found is confirmed
    assert ("go to the bench" in told) is not confirmed
    assert exit_code(cut, safe_confirmed=found) == (4 if confirmed else 5)


def test_what_the_record_itself_says_needs_no_ledger(cut: Result, folder: Path) -> None:
    said = [{"confirmed": True, "by": "status"}, {"confirmed": False, "by": "no answer"}]
    found = [safe_state_of(folder, replace(cut, bench={**cut.bench, "safe_state": each})) for each in said]
    assert found[0] == (True, "")
    assert found[1][0] is False
    assert "NOT CONFIRMED (no answer)" in found[1][1]


def test_the_pump_of_a_simulated_bench_ended_with_its_process(cut: Result, folder: Path) -> None:
    confirmed, told = safe_state_of(folder, replace(cut, bench={**cut.bench, "kind": "simulated"}))
    assert confirmed
    assert "the simulated pump ended" in told
