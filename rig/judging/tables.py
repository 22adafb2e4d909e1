"""What a run shows beyond its checks: tables for basal, boluses, blanks and air (docs/reference/result.md)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from rig.analysis.basal import cumulative_deliveries
from rig.analysis.trumpet import AMBULATORY_WINDOWS_MIN, ideal_pulse_envelope, trumpet_curve
from rig.analysis.windows import error_statistics, fixed_windows
from rig.errors import RigError
from rig.judging.basal_extras import basal_extras, segment_extras
from rig.judging.bolus_tables import bolus_tables
from rig.judging.boluses import JudgedBolus
from rig.judging.dose_tables import dose_tables
from rig.judging.electrical import electrical_table
from rig.judging.interval import basal_error
from rig.judging.occlusion_tables import occlusion_tables
from rig.judging.quality_tables import quality_table
from rig.judging.uncertainties import expanded_pct, expanded_u
from rig.judging.view import RunView, StepSpan
from rig.scenario.model import BasalStep

S_PER_H = 3600.0
STABILISATION_S = 24 * S_PER_H
MIN_TABLE_S = 600.0
SAMPLE_S = 900.0
LIMITS_PCT = (5, 10, 15, 20, 25, 30)


def analysis(view: RunView, boluses: tuple[JudgedBolus, ...]) -> dict[str, Any]:
    """Return the tables of a run; a part that cannot be computed is left out."""
    return {
        "basal": [table for span in view.spans if (table := _basal(view, span))],
        "boluses": bolus_tables(view, boluses),
        "doses": dose_tables(view),
        "occlusions": occlusion_tables(view),
        "blank": _blank(view),
        "ambient": _ambient(view),
        "quality": quality_table(view, boluses),
        **({"electrical": table} if (table := electrical_table(view)) else {}),
    }


def _basal(view: RunView, span: StepSpan) -> dict[str, Any] | None:
    if span.kind not in ("basal", "profile", "temp_basal") or span.end_s - span.start_s < MIN_TABLE_S:
        return None
    span = replace(span, end_s=view.last_weighed_s(span.end_s))
    table: dict[str, Any] = {
        "step": span.step,
        "label": f"step {span.step + 1}: {span.kind.replace('_', ' ')}",
        "from_s": span.start_s,
        "to_s": span.end_s,
    }
    try:
        error = basal_error(view, span.start_s, span.end_s)
    except RigError as broken:
        return table | {"why_not": str(broken)}
    table |= {
        "set_u": error.expected_u,
        "measured_u": error.delivered_u,
        "overall_error_pct": error.error_pct,
        "expanded_uncertainty_u": 2.0 * error.budget_u.combined,
        "expanded_uncertainty_pct": 2.0 * error.u_pct,
        "cumulative": _cumulative(view, span),
        "windows_1h": _hours(view, span),
        "segments": _segments(view, span),
    }
    return table | _trumpet(view, span) | basal_extras(view, span)


def _in_a_gap(view: RunView, at_s: float) -> bool:
    return any(bridge.touches(at_s) for bridge in view.bridges)


def _is_measured(view: RunView, from_s: float, to_s: float) -> bool:
    """Whether both edges of a window were weighed, and no reading gap in it hides a shift, nor a fall its size."""
    bad = any(bridge.shifted or bridge.departure is None for bridge in view.bridges_in(from_s, to_s))
    bad |= any(fall.departure is None and fall.within(from_s, to_s) for fall in view.quality.falls)
    return not (bad or _in_a_gap(view, from_s) or _in_a_gap(view, to_s))


def _cumulative(view: RunView, span: StepSpan) -> list[dict[str, float | None]]:
    rows = cumulative_deliveries(view.times_s, view.volume_u, start_s=span.start_s, end_s=span.end_s)
    rows = tuple(row for row in rows if not _in_a_gap(view, span.start_s + row[0] * S_PER_H))
    return [
        {
            "at_h": at_h,
            "delivered_u": delivered_u,
            "expanded_uncertainty_u": expanded_u(view, span.start_s, min(span.start_s + at_h * S_PER_H, span.end_s)),
            "expected_u": view.programme.expected_u(span.start_s, span.start_s + at_h * S_PER_H),
        }
        for at_h, delivered_u in rows
    ]


def _hours(view: RunView, span: StepSpan) -> dict[str, Any] | None:
    hours = fixed_windows(view.times_s, view.volume_u, start_s=span.start_s, end_s=min(span.end_s, view.times_s[-1]))
    targets = np.array([view.programme.expected_u(float(at), float(at) + S_PER_H) for at in hours.start_s])
    whole = np.array([_is_measured(view, float(at), float(at) + S_PER_H) for at in hours.start_s], dtype=np.bool_)
    keep = (targets > 0) & whole
    if not keep.any():
        return None
    stats = error_statistics(hours.volume_u[keep], targets[keep])
    errors = 100.0 * (hours.volume_u[keep] / targets[keep] - 1.0)
    shares = {f"within_{limit}_pct": stats.within_pct(limit) for limit in LIMITS_PCT}
    return {
        "count": stats.count,
        "mean_pct": stats.mean_pct,
        "sd_pct": stats.sd_pct,
        "mard_pct": stats.mard_pct,
        "median_abs_pct": stats.median_abs_pct,
        **shares,
        "hours": [round((float(at) - span.start_s) / S_PER_H) + 1 for at in hours.start_s[keep]],
        "errors_pct": [float(each) for each in errors],
        "expanded_uncertainties_pct": [
            expanded_pct(view, float(at), min(float(at) + S_PER_H, span.end_s)) for at in hours.start_s[keep]
        ],
    }


def _segments(view: RunView, span: StepSpan) -> list[dict[str, Any]]:
    rows = []
    for part in view.programme.segments:
        from_s, to_s = max(part.start_s, span.start_s), min(part.end_s, span.end_s)
        if to_s - from_s < MIN_TABLE_S or part.rate_u_per_h == 0:
            continue
        try:
            error = basal_error(view, from_s, to_s)
        except RigError:
            continue
        rows.append(
            {
                "from_s": from_s,
                "to_s": to_s,
                "rate_u_per_h": part.rate_u_per_h,
                "set_u": error.expected_u,
                "measured_u": error.delivered_u,
                "expanded_uncertainty_u": 2.0 * error.budget_u.combined,
                **segment_extras(view, from_s, to_s),
            }
        )
    return rows if len(rows) > 1 else []


def _trumpet(view: RunView, span: StepSpan) -> dict[str, Any]:
    """Return the trumpet after 24 h of stabilisation where the step is long enough, else over the whole step."""
    rate = view.programme.rate_at(span.start_s)
    if not isinstance(view.evidence.scenario.steps[span.step], BasalStep) or rate <= 0:
        return {}
    length_s = span.end_s - span.start_s
    start_s = span.start_s + (STABILISATION_S if length_s >= STABILISATION_S + S_PER_H else 0.0)
    analysis_s = (span.end_s - start_s) // SAMPLE_S * SAMPLE_S
    windows = [each for each in AMBULATORY_WINDOWS_MIN if each * 60.0 <= analysis_s]
    if not windows:
        return {}
    samples = np.arange(start_s, start_s + analysis_s + SAMPLE_S, SAMPLE_S)
    if not all(_is_measured(view, float(low), float(high)) for low, high in pairwise(samples)):
        return {"trumpet_why_not": "a sample lies in a reading gap, or the level shifted in one"}
    try:
        curve = trumpet_curve(
            view.times_s, view.volume_u, rate, start_s=start_s, analysis_s=analysis_s, windows_min=windows
        )
    except RigError as broken:
        return {"trumpet_why_not": str(broken)}
    ideal = {point.window_min: point for point in ideal_pulse_envelope(rate, view.programme.dose_u, windows)}
    points = [
        {
            "window_min": point.window_min,
            "count": point.count,
            "min_pct": point.min_pct,
            "max_pct": point.max_pct,
            "ideal_min_pct": ideal[point.window_min].min_pct,
            "ideal_max_pct": ideal[point.window_min].max_pct,
        }
        for point in curve.points
    ]
    return {"trumpet": points, "trumpet_from_s": start_s, "trumpet_analysis_s": analysis_s}


def _blank(view: RunView) -> dict[str, Any]:
    found: dict[str, Any] = {
        which: {
            "duration_s": blank.duration_s,
            "slope_mg_per_h": blank.slope_mg_per_h,
            "u_slope_mg_per_h": blank.u_slope_mg_per_h,
            "noise_mg": blank.noise.reading_mg,
            "drift_mg": blank.drift_mg,
        }
        for which, blank in view.blanks.items()
    }
    if view.evaporation is not None:
        found["evaporation_mg_per_h"] = view.evaporation.rate_mg_per_h
        found["u_evaporation_mg_per_h"] = view.evaporation.u_mg_per_h
        found["source"] = view.evaporation.source
    return found


def _ambient(view: RunView) -> dict[str, Any]:
    readings = view.record.ambient
    return {
        "temperature_c": float(np.mean([each.temperature_c for each in readings])),
        "humidity_pct": float(np.mean([each.humidity_pct for each in readings])),
        "pressure_hpa": float(np.mean([each.pressure_hpa for each in readings])),
        "u_temperature_c": readings[0].u_temperature_c,
        "u_humidity_pct": readings[0].u_humidity_pct,
        "u_pressure_hpa": readings[0].u_pressure_hpa,
        "readings": len(readings),
        "gaps_s": sum(gap.end_s - gap.start_s for gap in view.room.gaps),
        "source": readings[0].source,
    }
