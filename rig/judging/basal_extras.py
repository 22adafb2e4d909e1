"""What a basal table holds beyond the standard's numbers: whole doses, three estimators, the volumetric trumpet."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from rig.analysis.estimators import Estimates, best_averaging_time, estimate_rate
from rig.analysis.phase import DoseSchedule, PhaseUnknownError
from rig.analysis.trumpet import (
    VOLUMETRIC_SAMPLE_INTERVAL_S,
    VOLUMETRIC_WINDOWS_MIN,
    ideal_pulse_envelope,
    trumpet_curve,
)
from rig.analysis.windows import error_statistics
from rig.errors import RigError
from rig.judging.aligned import AlignedError, aligned_hours, best_error, dose_noise, hour_error, schedule_at
from rig.judging.view import RunView, StepSpan
from rig.results import Finding

S_PER_H = 3600.0
STABILISATION_S = 24 * S_PER_H
LIMITS_PCT = (5, 10, 15, 20, 25, 30)
LEAST_ESTIMATE_S = 1800.0


def basal_extras(view: RunView, span: StepSpan) -> dict[str, Any]:
    """Return the further entries of one table of ``analysis.basal``; a part that cannot be computed says why."""
    found: dict[str, Any] = {}
    try:
        found |= _aligned(best_error(view, span.start_s, span.end_s))
    except RigError as broken:
        found["aligned_why_not"] = broken.what
    if _one_rate(view, span) > 0.0:
        found |= _hours(view, span) | _estimates(view, span) | _volumetric(view, span)
    return found


def segment_extras(view: RunView, from_s: float, to_s: float) -> dict[str, Any]:
    """Return the error of one segment of a profile, its edges timed to a dose where that can be."""
    try:
        best = best_error(view, from_s, to_s)
    except RigError:
        return {}
    return {
        "error_pct": best.error.error_pct,
        "expanded_uncertainty_pct": 2.0 * best.error.u_pct,
        "edges": "dose" if best.fixed is not None else "clock",
        "edge_from_s": best.from_s,
        "edge_to_s": best.to_s,
    }


def estimator_findings(view: RunView) -> list[Finding]:
    """Return where slope or staircase departs from the end points by more than noise and pulses explain."""
    found = []
    for span in view.spans:
        held = _estimate(view, span)
        if held is not None and held[0].disagreements:
            text = f"step {span.step + 1}: {'; '.join(held[0].disagreements)}"
            found.append(Finding("estimators-disagree", text, span.start_s, span.end_s))
    return found


def _aligned(best: AlignedError) -> dict[str, Any]:
    if best.fixed is None:
        return {"aligned_why_not": best.notes[0]} if best.notes else {}
    error = best.error
    return {
        "aligned": {
            "from_s": best.from_s,
            "to_s": best.to_s,
            "doses": best.doses,
            "set_u": error.expected_u,
            "measured_u": error.delivered_u,
            "error_pct": error.error_pct,
            "expanded_uncertainty_pct": 2.0 * error.u_pct,
        }
    }


def _one_rate(view: RunView, span: StepSpan) -> float:
    """Return the rate of a step that has only one, without boluses; else 0."""
    if span.kind not in ("basal", "profile", "temp_basal"):
        return 0.0
    rates = {
        part.rate_u_per_h
        for part in view.programme.segments
        if part.start_s < span.end_s - 1.0 and part.end_s > span.start_s + 1.0
    }
    boluses = any(order.start_s < span.end_s and order.end_s > span.start_s for order in view.programme.boluses)
    return rates.pop() if len(rates) == 1 and not boluses else 0.0


def _hours(view: RunView, span: StepSpan) -> dict[str, Any]:
    """Return the 1-h windows with whole doses, beside the fixed ones."""
    if span.end_s - span.start_s < S_PER_H:
        return {}
    try:
        hours = aligned_hours(view, span.start_s, span.end_s)
        errors = [hour_error(view, *whole, hours.interval_s) for whole in hours.whole]
    except RigError as unknown:
        return {"windows_1h_aligned_why_not": unknown.what}
    stats = error_statistics(
        np.array([each.delivered_u for each in errors]), np.array([each.expected_u for each in errors])
    )
    return {
        "windows_1h_aligned": {
            "count": stats.count,
            "on_the_clock": len(hours.hours) - stats.count,
            "mean_pct": stats.mean_pct,
            "sd_pct": stats.sd_pct,
            "mard_pct": stats.mard_pct,
            "median_abs_pct": stats.median_abs_pct,
            **{f"within_{limit}_pct": stats.within_pct(limit) for limit in LIMITS_PCT},
            "u_pct": float(np.mean([each.u_pct for each in errors])),
        }
    }


def _estimate(view: RunView, span: StepSpan) -> tuple[Estimates, DoseSchedule | None] | None:
    """Return the three estimates of a step of one rate that nothing interrupts; None where they mean nothing."""
    noise = dose_noise(view)
    whole = view.gap_in(span.start_s, span.end_s) is None and not view.bridges_in(span.start_s, span.end_s)
    if noise is None or not whole or _one_rate(view, span) <= 0.0 or span.end_s - span.start_s < LEAST_ESTIMATE_S:
        return None
    schedule: DoseSchedule | None
    try:
        schedule = schedule_at(view, span.start_s)
    except PhaseUnknownError:
        schedule = None
    keep = slice(*np.searchsorted(view.times_s, (span.start_s, span.end_s)))
    try:
        found = estimate_rate(
            view.times_s[keep], view.volume_u[keep], noise.model, scale=noise.u_per_mg, schedule=schedule
        )
    except RigError:
        return None
    return found, schedule


def _estimates(view: RunView, span: StepSpan) -> dict[str, Any]:
    held = _estimate(view, span)
    noise = dose_noise(view)
    if held is None or noise is None:
        return {}
    found, rate = held[0], _one_rate(view, span)
    # What the blanks leave open of the evaporation is the same for all three.
    loss = view.evaporation
    shared = 0.0 if loss is None else math.hypot(loss.u_mg_per_h, loss.u_between_mg_per_h) * noise.u_per_mg
    blank = view.blanks.get("before") or view.blanks.get("after")
    best = None if blank is None else best_averaging_time(blank.allan)
    return {
        "estimates": [
            {
                "kind": each.kind,
                "rate_u_per_h": each.rate_per_h,
                "expanded_uncertainty_u_per_h": 2.0 * math.hypot(each.u_per_h, shared),
                "noise_u_per_h": 2.0 * each.u_per_h,
                "error_pct": 100.0 * (each.rate_per_h / rate - 1.0),
                "expanded_uncertainty_pct": 200.0 * math.hypot(each.u_per_h, shared) / rate,
                "pulse_bias_pct": None if each.pulse_bias is None else 100.0 * each.pulse_bias / rate,
            }
            for each in found.all
        ],
        "estimates_from_s": found.start_s,
        "estimates_to_s": found.end_s,
        "estimates_disagree": list(found.disagreements),
        "best_averaging_s": None if best is None else best.tau_s,
        "best_averaging_slope_mg_per_h": None if best is None else best.slope_mg_per_h,
    }


def _volumetric(view: RunView, span: StepSpan) -> dict[str, Any]:
    """Return the trumpet of the volumetric set where readings come every 30 s or more often."""
    rate = view.programme.rate_at(span.start_s)
    span = replace(span, end_s=min(span.end_s, float(view.times_s[-1])))
    length_s = span.end_s - span.start_s
    start_s = span.start_s + (STABILISATION_S if length_s >= STABILISATION_S + S_PER_H else 0.0)
    keep = slice(*np.searchsorted(view.times_s, (start_s, span.end_s)))
    windows = [each for each in VOLUMETRIC_WINDOWS_MIN if each * 60.0 <= span.end_s - start_s]
    times = view.times_s[keep]
    if not windows or times.size < 3 or float(np.median(np.diff(times))) > VOLUMETRIC_SAMPLE_INTERVAL_S:
        return {}
    if view.bridges_in(start_s, span.end_s) or view.gap_in(start_s, span.end_s):
        return {"trumpet_volumetric_why_not": "a reading gap"}
    try:
        curve = trumpet_curve(
            view.times_s,
            view.volume_u,
            rate,
            start_s=start_s,
            analysis_s=(span.end_s - start_s) // VOLUMETRIC_SAMPLE_INTERVAL_S * VOLUMETRIC_SAMPLE_INTERVAL_S,
            sample_interval_s=VOLUMETRIC_SAMPLE_INTERVAL_S,
            windows_min=windows,
        )
    except RigError as broken:
        return {"trumpet_volumetric_why_not": broken.what}
    ideal = ideal_pulse_envelope(rate, view.programme.dose_u, windows)
    return {
        "trumpet_volumetric": [
            {
                "window_min": point.window_min,
                "count": point.count,
                "min_pct": point.min_pct,
                "max_pct": point.max_pct,
                "ideal_min_pct": envelope.min_pct,
                "ideal_max_pct": envelope.max_pct,
            }
            for point, envelope in zip(curve.points, ideal, strict=True)
        ]
    }
