"""What flows while the pump is suspended: L-S1 reports, finds, and never judges."""

from __future__ import annotations

from typing import Any

import pytest

from rig.judging.evidence import Evidence
from rig.judging.judge import judge_evidence
from rig.results import CheckResult, Outcome
from rig.scenario.model import BasalStep, Check, Step, SuspendStep
from tests.judging.runs import MG_PER_U, NS, RunMaker

HOUR = 3600.0
SLOPE = Check("slope", "s", "suspend.slope", unit="U/h", source="L-S1")


class Suspending(RunMaker):
    """A run whose suspensions leak ``leak_u_per_h``."""

    leak_u_per_h = 0.0

    def _step(self, index: int, step: Step) -> None:
        if not isinstance(step, SuspendStep):
            return super()._step(index, step)
        self._event("step_started", {"step": index, "kind": step.kind})
        self._event("suspended", {})
        self._weigh(step.duration_s, self.leak_u_per_h)
        return self._event("step_ended", {"step": index, "kind": step.kind})


def _evidence(leak_u_per_h: float = 0.0, length_s: float = HOUR, **how: Any) -> Evidence:
    maker = Suspending((BasalStep(1.0, 2 * HOUR), SuspendStep(length_s)), (SLOPE,), **how)
    maker.leak_u_per_h = leak_u_per_h
    return maker.make()


@pytest.mark.parametrize("leak", [0.0, 0.05, 0.5])
def test_a_slope_is_reported_with_its_uncertainty_and_never_judged(leak: float) -> None:
    check = judge_evidence(_evidence(leak, evaporation_mg_per_h=0.05)).checks[0]
    assert check.outcome is Outcome.REPORT_ONLY
    assert check.limit_source is not None
    assert check.limit_source.id == "L-S1"
    assert check.value is not None
    assert check.expanded_uncertainty is not None
    assert abs(check.value - leak) <= 1.5 * check.expanded_uncertainty


def test_a_leak_beyond_three_u_is_found_and_a_still_line_is_not() -> None:
    found = {finding.id for finding in judge_evidence(_evidence(0.1)).findings}
    assert {"suspend-flow", "measured-not-set"} <= found
    assert judge_evidence(_evidence(0.0)).findings == ()


def test_a_suspension_too_short_for_a_slope_says_so() -> None:
    (item,) = judge_evidence(_evidence(0.0, 400.0)).checks[0].items
    assert item["value"] is None
    assert "needs a suspension of 540 s" in item["why"]


TWO = (BasalStep(1.0, 2 * HOUR), SuspendStep(HOUR), BasalStep(1.0, HOUR), SuspendStep(HOUR))
STARTS_S = (3 * HOUR, 5 * HOUR)  # run time: an hour of blank, and what comes before


def _two(
    *, held: int | None = None, flows: int | None = None, flow_u: float = 0.03, limit_u: float = 0.08, **how: Any
) -> CheckResult:
    """Two suspensions: in one the display may be held at zero, in one a little may flow. Return the check on them."""
    check = Check("stop", "s", "suspend.delivered", unit="U", upper=limit_u, source="a document", **how)
    evidence = Suspending(TWO, (check,)).make()
    columns = evidence.record.weighings["balance"]
    times_s, shown = [at_ns / NS for at_ns in columns.asked_ns], columns.mass_mg
    if flows is not None:
        for index, at_s in enumerate(times_s):
            share = min(max((at_s - STARTS_S[flows] - 600.0) / 1200.0, 0.0), 1.0)
            shown[index] = round(shown[index] + share * flow_u * MG_PER_U, 2)
    if held is not None:
        low_s, high_s = STARTS_S[held] + 120.0, STARTS_S[held] + HOUR - 60.0
        zero_mg = next(mg for at_s, mg in zip(times_s, shown, strict=True) if at_s >= low_s)  # where it was tared
        for index, at_s in enumerate(times_s):
            still = 0.01 if index // 15 % 2 else 0.0
            shown[index] = still if low_s < at_s < high_s else round(shown[index] - zero_mg, 2)
    return judge_evidence(evidence).checks[0]


def test_two_still_suspensions_pass() -> None:
    assert _two().outcome is Outcome.PASS


@pytest.mark.parametrize("held", [0, 1])
def test_a_display_held_at_zero_in_the_suspension_that_is_not_shown_forbids_a_pass(held: int) -> None:
    check = _two(held=held, flows=1 - held)
    assert check.from_s is not None
    assert check.from_s == pytest.approx(STARTS_S[1 - held], abs=60.0)  # the one with the flow is shown
    assert check.outcome is Outcome.INVALID
    assert "Q-ZERO" in check.why
    assert any("PASS" in finding.text for finding in check.findings if finding.id == "data-quality")


def test_a_suspension_that_fails_by_its_own_sound_readings_stands() -> None:
    check = _two(held=0, flows=1, flow_u=0.5)
    assert check.outcome is Outcome.FAIL


@pytest.mark.parametrize("decision", ["guarded", "simple"])
def test_what_flows_back_in_one_suspension_is_not_hidden_by_what_flows_in_the_other(decision: str) -> None:
    check = _two(flows=0, flow_u=-0.3, lower=-0.08, decision=decision)
    assert check.value == pytest.approx(-0.3, abs=0.02)
    assert check.outcome is Outcome.FAIL
