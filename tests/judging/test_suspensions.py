"""What flows while the pump is suspended: L-S1 reports, finds, and never judges."""

from __future__ import annotations

from typing import Any

import pytest

from rig.judging.evidence import Evidence
from rig.judging.judge import judge_evidence
from rig.results import Outcome
from rig.scenario.model import BasalStep, Check, Step, SuspendStep
from tests.judging.runs import RunMaker

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
