"""What a report shows of the occlusions of a run: every measured value with its U, and the course as a curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from rig.analysis.occlusion_document import occlusion_row
from rig.judging.occlusions import Occlusion, occlusions
from rig.judging.quality import programmed_u
from rig.judging.view import FloatArray, RunView

POINTS = 1500
BASELINE_S = 10.0
MARGIN_S = 600.0


def occlusion_tables(view: RunView) -> list[dict[str, Any]]:
    """Return one row for each occlusion of a stretch; what could not be measured says why."""
    return [_row(each, view) for each in occlusions(view)]


def occlusion_curves(view: RunView) -> list[dict[str, Any]]:
    """Return, for each occlusion, measured less programmed insulin in U over s from the closing, for its figure.

    Programmed ends with the alarm, which stops the pump: the curve falls by what is missed, rises by what is released.
    """
    return [_curve(each, view) for each in occlusions(view)]


def _row(each: Occlusion, view: RunView) -> dict[str, Any]:
    head = {"label": each.label, "step": each.step, "set_u": each.set_u}
    if each.measured is None:
        instants = {"closed_s": each.closed.at_s, "alarm_s": each.alarm_s, "opened_s": each.opened_s}
        return {**head, **instants, "why_not": each.why_not}
    pinch = each.measured.pinch
    clamp = None
    if pinch is not None:
        clamp = {
            "count": pinch.count,
            "closing_u": pinch.closing.value / view.ul_per_u,
            "opening_u": pinch.opening.value / view.ul_per_u,
            "expanded_uncertainty_u": max(pinch.closing.expanded, pinch.opening.expanded) / view.ul_per_u,
        }
    return {**head, **occlusion_row(each.measured), "alarm_poll_s": each.poll_s, "clamp": clamp}


def _curve(each: Occlusion, view: RunView) -> dict[str, Any]:
    closed_s, opened_s = each.closed.at_s, each.opened_s
    measured = each.measured
    end_s = each.end_s if measured is None or measured.collected_until_s is None else measured.collected_until_s
    margin_s = min(MARGIN_S, max(0.1 * (end_s - closed_s), 3.0 * BASELINE_S))
    part = slice(*(int(at) for at in np.searchsorted(view.times_s, (closed_s - margin_s, end_s + margin_s))))
    times = view.times_s[part]
    if not times.size:
        return {"t_s": [], "difference_u": [], "release": None}
    due = programmed_u(view.programme, np.concatenate(([closed_s], times)))[1:]
    due -= float(np.interp(closed_s, times, due))
    if each.alarm_s is not None:
        due = np.minimum(due, float(np.interp(each.alarm_s, times, due)))
    less = view.volume_u[part] - due
    before = (times < closed_s) & (times >= closed_s - BASELINE_S)
    less -= float(less[before].mean()) if before.any() else float(less[0])
    release = None
    if opened_s is not None:
        near = (times >= opened_s - 2.0 * BASELINE_S) & (times <= opened_s + 1.6 * (end_s - opened_s))
        release = _points(times[near] - opened_s, less[near])
    return {
        **_points(times - closed_s, less),
        "release": release,
        "alarm_s": None if each.alarm_s is None else each.alarm_s - closed_s,
        "opened_s": None if opened_s is None else opened_s - closed_s,
        "collected_s": None if opened_s is None else end_s - opened_s,
    }


def _points(times: FloatArray, values: FloatArray) -> dict[str, list[float]]:
    step = max(1, -(-times.size // POINTS))
    return {"t_s": times[::step].tolist(), "difference_u": values[::step].tolist()}
