"""Whole runs with a balance that answers late, adjusts itself, or starts anew: a PASS is right, or it is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rig.audit.findings import Audit
from rig.audit.reparse import reparse
from rig.config import load_bench
from rig.engine import Finished, run_scenario
from rig.record.reader import read_run
from rig.results import CheckResult, Outcome
from rig.scenario.parse import parse_scenario

SCENARIO = parse_scenario(
    "schema: 1\nid: out_of_step\ntitle: out of step\npump: {families: [22, 23]}\nsampling: {balance: 1 s}\n"
    "blank: {before: 3 min, after: 3 min}\nsteps:\n  - basal: {rate: 24 U/h, for: 12 min}\n"
    "checks:\n"
    "  - {id: whole, measure: basal.overall_error, from: 1 min, for: 10 min, limit: 10 %, source: test}\n"
    "  - {id: before, measure: basal.overall_error, from: 1 min, for: 3 min, limit: 10 %, source: test}\n",
    "out_of_step.yaml",
)
AT = "500s"  # some five minutes into the delivery


def run(folder: Path, make: str, *faults: str) -> Finished:
    config = load_bench("simulated")
    return run_scenario(
        SCENARIO, replace(config, balance=replace(config.balance, protocol=make)), folder, faults=faults
    )


def assert_no_wrong_pass(checks: tuple[CheckResult, ...], clean: dict[str, float]) -> None:
    for check in checks:
        if check.outcome is Outcome.PASS:
            assert check.value is not None
            assert check.expanded_uncertainty is not None
            assert abs(check.value - clean[check.id]) <= check.expanded_uncertainty, check.id


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """Return what a run without a fault shows: the twin delivers the same with one."""
    result = run(tmp_path_factory.mktemp("clean"), "mt-sics").result
    assert result is not None
    assert all(check.outcome is Outcome.PASS for check in result.checks)
    return {check.id: check.value for check in result.checks if check.value is not None}


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        ("mt-sics", f"balance.late=2s@{AT}+8s"),
        ("kern", f"balance.late=2s@{AT}+8s"),
        ("ohaus", f"balance.adjusting=on@{AT}+20s"),
        ("mt-sics", f"balance.power_cut=on@{AT}+200ms"),
        ("and", f"balance.power_cut=on@{AT}+2s"),
    ],
)
def test_a_pass_is_within_its_uncertainty_of_the_truth_and_the_gap_is_marked(
    tmp_path: Path, clean: dict[str, float], make: str, fault: str
) -> None:
    finished = run(tmp_path, make, fault)
    result = finished.result
    assert result is not None
    assert_no_wrong_pass(result.checks, clean)
    assert [gap for gap in result.gaps if "balance" in gap.cause or "taken back" in gap.cause]
    whole = next(check for check in result.checks if check.id == "whole")
    shifted = "power_cut" in fault
    assert (whole.outcome is Outcome.PASS) is not shifted
    assert any(finding.id == "shift-in-gap" for finding in result.findings) is shifted
    assert next(check for check in result.checks if check.id == "before").outcome is Outcome.PASS
    record, audit = read_run(finished.folder), Audit("run", finished.folder)
    assert reparse(finished.folder, {each.number: each for each in record.segments}, audit) > 500
    assert audit.findings == []
