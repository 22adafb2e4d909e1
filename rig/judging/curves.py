"""Series for figures, thinned so that a page stays small: ``curves.json``, beside ``result.json``."""

from __future__ import annotations

from typing import Any

import numpy as np

from rig.analysis.basal import startup_flow
from rig.errors import RigError
from rig.judging.boluses import JudgedBolus
from rig.judging.dose_tables import dose_curves
from rig.judging.electrical import electrical_curve
from rig.judging.occlusion_tables import occlusion_curves
from rig.judging.quality import programmed_u
from rig.judging.quality_tables import quality_curve
from rig.judging.thinning import thinned
from rig.judging.view import FloatArray, RunView
from rig.scenario.model import BasalStep

S_PER_H = 3600.0
STARTUP_S = 24 * S_PER_H
SHAPE_BEFORE_S = 10.0


def curves(view: RunView, boluses: tuple[JudgedBolus, ...]) -> dict[str, Any]:
    """Return every series that a figure of this run needs."""
    return {
        "cumulative": _cumulative(view),
        "startup": _startups(view),
        "bolus_shape": _shapes(view, boluses),
        "blank": _blank(view),
        "doses": dose_curves(view),
        "occlusions": occlusion_curves(view),
        "excluded": quality_curve(view),
        **({"electrical": curve} if (curve := electrical_curve(view)) else {}),
    }


def _cumulative(view: RunView) -> dict[str, Any]:
    if view.first_s is None:
        return {}
    keep = view.times_s >= view.first_s
    times, volume = view.times_s[keep], view.volume_u[keep]
    if not len(times):
        return {}
    volume = volume - volume[0]
    due_u = programmed_u(view.programme, np.concatenate(([view.first_s], times)))
    set_u = due_u[1:] - due_u[0]
    chosen = thinned(len(times), volume - set_u)
    return {
        "from_s": view.first_s,
        "t_h": _list((times[chosen] - view.first_s) / S_PER_H),
        "set_u": _list(set_u[chosen]),
        "measured_u": _list(volume[chosen]),
        "residual_u": _list((volume - set_u)[chosen]),
        "reported": _reported(view),
    }


def _reported(view: RunView) -> dict[str, Any]:
    """Return what the pump's own reservoir reading says has left it, at each time it was asked."""
    if view.first_s is None:
        return {}
    asked = [
        (view.seconds(event.at_ns), float(event.data["reservoir_u"]))
        for event in view.record.events
        if event.data.get("source") == "reservoir"
    ]
    before = [level_u for at_s, level_u in asked if at_s <= view.first_s]
    after = [(at_s, level_u) for at_s, level_u in asked if at_s > view.first_s]
    if not before or not after:
        return {}
    return {
        "t_h": [0.0, *(round((at_s - view.first_s) / S_PER_H, 6) for at_s, _ in after)],
        "u": [0.0, *(round(before[-1] - level_u, 6) for _, level_u in after)],
        "source": "reservoir reading of the pump",
    }


def _startups(view: RunView) -> list[dict[str, Any]]:
    found = []
    for span in view.spans:
        step = view.evidence.scenario.steps[span.step]
        if not isinstance(step, BasalStep):
            continue
        length_s = min(STARTUP_S, span.end_s - span.start_s)
        sample_s = 900.0 if length_s >= 4 * S_PER_H else max(30.0, length_s // 40)
        try:
            flow = startup_flow(
                view.times_s,
                view.volume_u,
                start_s=span.start_s,
                stabilisation_s=length_s // sample_s * sample_s,
                sample_interval_s=sample_s,
            )
        except RigError:
            continue
        found.append(
            {
                "from_s": span.start_s,
                "label": f"step {span.step + 1}, {step.rate_u_per_h:g} U/h, samples of {sample_s / 60:g} min",
                "t_h": _list((flow.end_s - span.start_s) / S_PER_H),
                "rate_u_per_h": _list(flow.flow_u_per_h),
                "set_u_per_h": step.rate_u_per_h,
            }
        )
    return found


def _shapes(view: RunView, boluses: tuple[JudgedBolus, ...]) -> list[dict[str, Any]]:
    """Return the first measured bolus of each amount, from shortly before its start to its close."""
    found = []
    for amount_u in sorted({bolus.order.amount_u for bolus in boluses}):
        bolus = next((b for b in boluses if b.order.amount_u == amount_u and b.measured is not None), None)
        if bolus is None or bolus.measured is None:
            continue
        from_s, to_s = bolus.order.start_s - SHAPE_BEFORE_S, bolus.measured.closed_s
        keep = (view.times_s >= from_s) & (view.times_s <= to_s)
        times, volume = view.times_s[keep], view.volume_u[keep]
        before = volume[times < bolus.order.start_s]
        level = float(before.mean()) if len(before) else float(volume[0])
        chosen = thinned(len(times), volume, 400)
        found.append(
            {
                "set_u": amount_u,
                "t_s": _list(times[chosen] - bolus.order.start_s),
                "delivered_u": _list(volume[chosen] - level),
                "nominal_end_s": bolus.order.duration_s,
            }
        )
    return found


def _blank(view: RunView) -> dict[str, Any]:
    blank = view.blanks.get("before")
    if blank is None:
        return {}
    keep = (view.times_s >= blank.start_s) & (view.times_s <= blank.end_s)
    times, masses = view.times_s[keep], view.masses_mg[keep]
    chosen = thinned(len(times), masses, 600)
    return {
        "from_s": float(times[0]),
        "t_h": _list((times[chosen] - times[0]) / S_PER_H),
        "mass_mg": _list(masses[chosen] - masses[0]),
    }


def _list(values: FloatArray) -> list[float]:
    return [round(float(value), 6) for value in values]
