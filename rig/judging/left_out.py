"""Checks of a qualification whose part the bench did not have: left out, with the reason, and never a PASS."""

from __future__ import annotations

from dataclasses import replace

from rig.judging.checks import invalid
from rig.judging.evidence import Evidence
from rig.results import CheckResult, Outcome
from rig.scenario.measures import MEASURES
from rig.scenario.model import Check
from rig.verdict import Limits

SKIPPED = "step_skipped"


def why_left_out(check: Check, evidence: Evidence) -> str:
    """Return why every step that a check looks at was left out, or nothing where one of them was to run."""
    scenario = evidence.scenario
    if not scenario.qualifies:
        return ""
    kinds = MEASURES[check.measure].kinds
    steps = {index for index, step in enumerate(scenario.steps) if step.kind in kinds and check.step in (None, index)}
    skipped = {int(each.data["step"]): str(each.data["why"]) for each in evidence.record.events if each.name == SKIPPED}
    return next(iter(skipped[index] for index in sorted(steps)), "") if steps and steps <= skipped.keys() else ""


def not_asked(check: Check, why: str) -> CheckResult:
    """Return a check that nobody asked the bench."""
    asked = invalid(check, Limits(None, None, None), f"left out: {why}")
    return replace(asked, outcome=Outcome.REPORT_ONLY)
