"""Where a default of the rig holds: a limit that is printed with its words must be used where its words are true."""

from __future__ import annotations

from rig.errors import ScenarioError
from rig.programme import BasalSegment, Plan
from rig.scenario.model import Check
from rig.scenario.sources import DEFAULT_LIMITS, Condition
from rig.units import format_duration, format_number

_NEAR_S = 1.0
_SAME_RATE = 1e-9


def check_conditions(check: Check, planned: Plan, where: str) -> None:
    """Raise `ScenarioError` where a check names a default for rates or for a window that are not its own."""
    default = DEFAULT_LIMITS.get(check.source or "")
    if default is None or default.condition is None:
        return
    windows = occlusion_windows(check, planned) if check.measure.startswith("occlusion.") else [_window(check, planned)]
    why = next((why for window in windows if (why := _contradicts(default.condition, planned, *window))), "")
    if why:
        raise ScenarioError(
            f"{default.id} does not hold for this check: {why}",
            where=where,
            expected=default.text,
            hint="another source, or no limit and no source",
        )


def occlusion_windows(check: Check, planned: Plan) -> list[tuple[float, float]]:
    """Return from when to when the tube of a delivering pump will be clamped, seconds since the first delivery."""
    opened = [step.start_s for step in planned.steps if step.kind == "release"]
    windows = [
        (step.start_s, min(at_s for at_s in opened if at_s >= step.start_s))
        for step in planned.steps
        if step.kind == "occlude" and check.step in (None, step.index)
    ]
    return [window for window in windows if planned.programme.expected_u(*window) > 0.0]


def _window(check: Check, planned: Plan) -> tuple[float, float]:
    """Return the window of a check in seconds since the first delivery, as it will be judged."""
    steps = [step for step in planned.steps if check.step in (None, step.index)]
    from_s, to_s = (max(steps[0].start_s, 0.0), steps[-1].end_s) if steps else (0.0, planned.delivery_s)
    if check.from_s is not None:
        from_s = check.from_s
    return from_s, to_s if check.for_s is None else from_s + check.for_s


def _contradicts(condition: Condition, planned: Plan, from_s: float, to_s: float) -> str:
    """Return what of a window contradicts a condition, or nothing."""
    if from_s < condition.after_s - _NEAR_S:
        return f"its window begins {format_duration(from_s)} after the first delivery"
    if to_s - from_s < condition.least_s - _NEAR_S:
        return f"its window lasts {format_duration(to_s - from_s)}"
    inside = [part for part in planned.programme.segments if _overlap_s(part, from_s, to_s) > _NEAR_S]
    rates = sorted({part.rate_u_per_h for part in inside})
    wrong = [rate for rate in rates if not condition.allows(rate, _SAME_RATE)]
    if wrong:
        return f"it runs at {', '.join(format_number(rate) for rate in wrong)} U/h"
    if condition.rate_u_per_h is not None and any(
        order.start_s < to_s and order.end_s > from_s for order in planned.programme.boluses
    ):
        return "a bolus runs in its window"
    return ""


def _overlap_s(part: BasalSegment, from_s: float, to_s: float) -> float:
    return min(part.end_s, to_s) - max(part.start_s, from_s)
