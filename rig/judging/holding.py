"""Which stretch of an interrupted run holds the whole interval of a check, its lead-in included (design 4.4).

The rules err on the side of INVALID:

- a check of one step, or of steps of one kind (boluses, temporary basals, suspensions), needs them whole in one
  stretch;
- a check with ``from`` or ``for`` needs, in its own stretch, continuous delivery from the beginning of the step in
  which its window begins. Where the window begins as a step begins, its lead-in was the steps before, which only a
  stretch from scenario time 0 has;
- a check of the whole run needs a stretch that holds the whole run.
"""

from __future__ import annotations

from rig.judging.interval import window
from rig.judging.items import NotMeasurableError
from rig.judging.view import RunView
from rig.scenario.model import BolusStep, Check

BOUNDARY_S = 60.0  # commands take their time: a window that begins so near a step's beginning begins with it
OWN_STEPS = {
    "temp_basal.error": "temp_basal",
    "suspend.delivered": "suspend",
    "suspend.slope": "suspend",
    "bolus.each_error": "bolus",
    "bolus.each_error_u": "bolus",
    "bolus.mean_error": "bolus",
    "bolus.duration": "bolus",
    "reported.difference": "bolus",
    "occlusion.time_to_alarm": "occlude",
    "occlusion.missed_volume": "occlude",
    "occlusion.released_volume": "occlude",
    "occlusion.released_share": "occlude",
}
SAME_U = 1e-9


def why_not_held(check: Check, view: RunView) -> str:
    """Return why a stretch does not hold the whole interval of a check, or nothing when it does."""
    kind = OWN_STEPS.get(check.measure)
    if kind is not None:
        return _steps_missing(view, _own_steps(check, view, kind))
    try:
        from_s, _ = window(check, view)
    except NotMeasurableError as error:
        return error.what
    if check.step is not None:
        missing = _steps_missing(view, [check.step])
        if missing or check.from_s is None:
            return missing
    return _lead_in_missing(view, from_s)


def _own_steps(check: Check, view: RunView, kind: str) -> list[int]:
    steps = view.evidence.scenario.steps
    return [
        index
        for index, step in enumerate(steps)
        if step.kind == kind
        and check.step in (None, index)
        and (check.amount_u is None or (isinstance(step, BolusStep) and abs(step.amount_u - check.amount_u) < SAME_U))
    ]


def _steps_missing(view: RunView, wanted: list[int]) -> str:
    whole = {span.step for span in view.spans if span.complete}
    missing = [step for step in wanted if step not in whole]
    return f"step {missing[0] + 1} is not whole in it" if missing else ""


def _lead_in_missing(view: RunView, from_s: float) -> str:
    """Return that a window's lead-in is not in a stretch, or nothing."""
    if view.stretch.from_the_start:
        return ""
    if from_s < view.spans[0].start_s - BOUNDARY_S:
        return "the interval began before it"
    step = next((span.step for span in view.spans if abs(span.start_s - from_s) <= BOUNDARY_S), None)
    if step is not None:
        return f"the interval begins with step {step + 1}, and what led in to it was before the interruption"
    return ""
