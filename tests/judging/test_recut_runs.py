"""Real runs of the simulated bench, their records cut as a lost runner cuts them, judged from their folders."""

import json
from pathlib import Path

import pytest

from rig.cli.main import main
from rig.judging.judge import judge
from rig.results import CheckResult, Outcome, Result
from rig.runner.folder import find_runs
from tests.judging.recut import reattached

SCENARIO = """
schema: 1
id: held
title: A basal that goes on while nobody looks
pump: {families: [22, 23]}
needs: [pump, balance]
operator: none
sampling: {balance: 5 s, environment: 60 s}
blank: {before: 1 h, after: 1 h}
steps:
  - basal: {rate: 4 U/h, for: 4 h}
checks:
  - {id: all, measure: basal.overall_error, from: 1 h, for: 3 h, limit: 5 %, source: pump.accuracy.basal}
  - {id: small, measure: basal.overall_error, from: 2 h, for: 15 min, limit: 5 %, source: pump.accuracy.basal}
  - {id: edge, measure: basal.overall_error, from: 2 h, for: 6 min, limit: 5 %, source: pump.accuracy.basal}
on_runner_loss: {hold: 10 min}
gap: {tolerate: 60 s}
"""
LOST_S = 3600.0 + 2 * 3600.0 + 320.0  # after the blank, within "small", and before "edge" ends


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("held")
    scenario = place / "held.yaml"
    scenario.write_text(SCENARIO, encoding="utf-8")
    main(["run", str(scenario), "--seed", "4", "--quiet", "--no-report", "--out", str(place / "runs")])
    return find_runs(place / "runs")[0].folder


def _named(result: Result, name: str) -> CheckResult:
    return next(check for check in result.checks if check.id == name)


def _ids(result: Result) -> set[str]:
    return {finding.id for finding in result.findings}


def test_a_run_that_was_held_and_taken_up_again_passes_with_a_larger_uncertainty(whole: Path, tmp_path: Path) -> None:
    plain = json.loads((whole / "result.json").read_text())["checks"][0]
    result = judge(reattached(whole, tmp_path / "held", LOST_S, 180.0))
    check = _named(result, "all")
    assert (plain["outcome"], check.outcome) == ("PASS", Outcome.PASS)
    assert check.value == pytest.approx(plain["value"], abs=1e-3)
    assert (check.expanded_uncertainty or 0.0) > plain["expanded_uncertainty"]
    assert _named(result, "edge").outcome is Outcome.INVALID
    assert {"record-damage", "resumed"} <= _ids(result)  # its torn tail is told, and forgiven
    assert "shift-in-gap" not in _ids(result)


@pytest.mark.parametrize("shift_mg", [1.0, -1.0])
def test_what_moved_while_nobody_looked_is_found_and_no_small_volume_passes(
    whole: Path, tmp_path: Path, shift_mg: float
) -> None:
    result = judge(reattached(whole, tmp_path / "shifted", LOST_S, 180.0, shift_mg))
    assert "shift-in-gap" in _ids(result)
    assert _named(result, "small").outcome is not Outcome.PASS
    assert _named(result, "all").outcome is Outcome.PASS  # 12 U: a milligram is 0.8 % of them


def test_evidence_that_was_altered_after_the_resumption_judges_nothing(whole: Path, tmp_path: Path) -> None:
    folder = reattached(whole, tmp_path / "altered", LOST_S, 180.0)
    for name in ("record-001.log.gz", "manifest.json"):
        (folder / "evidence" / name).write_bytes((folder / "evidence" / name).read_bytes() + b" ")
        assert {check.outcome for check in judge(folder).checks} == {Outcome.INVALID}


def test_a_first_segment_that_was_never_sealed_cannot_have_been_resumed(whole: Path, tmp_path: Path) -> None:
    folder = reattached(whole, tmp_path / "unsealed", LOST_S, 180.0)
    (folder / "evidence" / "manifest.json").unlink()
    result = judge(folder)
    assert {check.outcome for check in result.checks} == {Outcome.INVALID}
    assert any("manifest.json" in finding.text for finding in result.findings)
