"""A basal log judged by nobody and analysed by everything: the document of design 5.3."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from rig.analysis.basal import cumulative_deliveries
from rig.analysis.quality import Span, find_gaps, repeated_readings
from rig.analysis.series import value_at
from rig.analysis.trumpet import AMBULATORY_WINDOWS_MIN, trumpet_curve
from rig.analysis.windows import WITHIN_LIMITS_PCT, FixedWindows, error_statistics, fixed_windows, relative_errors_pct
from rig.errors import UsageError
from rig.metrology.budget import COVERAGE_FACTOR
from rig.metrology.checks import FloatArray
from rig.results import Outcome
from rig.units import format_duration
from rig.weighing_log.budget import basal_uncertainty
from rig.weighing_log.budget_file import LogBudget
from rig.weighing_log.method import Method, elapsed_s, insulin_u, log_json, method_for
from rig.weighing_log.periods import Periods, periods_of
from rig.weighing_log.read import OPTIONAL, REQUIRED, WeighingLog
from rig.weighing_log.request import Request

HOUR_S = 3600.0
LIKE_AMBIENT = re.compile(r"temp|hum|rh|press|baro|stab", re.IGNORECASE)
MOST_EVAPORATION = 0.2  # of the programmed rate (design 4.11)
STILL_FOR_S = 900.0  # a display that stands longer than this while a pump runs is worth a note


def analyse_basal(log: WeighingLog, request: Request, budget: LogBudget | None = None) -> dict[str, Any]:
    """Return the document of a basal log: the keys of design 5.3, and what else is known.

    ``UsageError``: no rate, a period beyond the record, an analysis shorter than the sample interval, a named window
    that is no multiple of it.
    """
    rate = request.rate_u_per_h
    if rate is None:
        raise UsageError("a basal log without its rate", expected="--basal RATE")
    method = method_for(log, request)
    times, volume = elapsed_s(log), insulin_u(log, method)
    periods = periods_of(float(times[-1]), request)
    delivered = float(np.diff(value_at(times, volume, (periods.from_s, periods.to_s)))[0])
    expected = rate * periods.analysis_s / HOUR_S
    gaps = find_gaps(times, request.sample_interval_s, start_s=periods.start_s)
    broken = [gap for gap in gaps if gap.end_s > periods.from_s and gap.start_s < periods.to_s]
    trumpet, left_out = (None, []) if broken else _trumpet(times, volume, rate, periods, request)
    hours = fixed_windows(times, volume, start_s=periods.start_s, longest_gap_s=request.sample_interval_s)
    uncertainty = basal_uncertainty(log, method, budget, periods, expected) if budget else None
    outcome = Outcome.INVALID if broken else Outcome.REPORT_ONLY
    return {
        "overall_error_pct": 100.0 * (delivered / expected - 1.0),
        "delivered_u": delivered,
        "expected_u": expected,
        "expanded_uncertainty_pct": uncertainty.expanded_pct if uncertainty else None,
        "trumpet": trumpet,
        "windows_1h": _hours(hours, rate, periods.start_s),
        "cumulative": [
            {"at_h": hour, "delivered_u": amount}
            for hour, amount in cumulative_deliveries(times, volume, start_s=periods.start_s)
        ],
        "outcome": outcome.value,
        "why": _why(broken, request, float(log.times_s[0])),
        "gaps": [_gap(gap, float(log.times_s[0]), gap in broken) for gap in gaps],
        "notes": [
            *method.notes,
            *periods.notes,
            *left_out,
            *_data_notes(log, times, delivered, method),
            *_evaporation_note(rate, method),
            *_hour_notes(hours),
            *(uncertainty.notes if uncertainty else ()),
        ],
        "coverage_factor": COVERAGE_FACTOR,
        "budget": uncertainty.lines() if uncertainty else None,
        "method": {
            "rate_u_per_h": rate,
            "start_s": periods.start_s,
            "analysis_from_s": periods.from_s,
            "analysis_to_s": periods.to_s,
            "sample_interval_s": request.sample_interval_s,
            **method.to_json(),
        },
        "log": log_json(log),
    }


def _trumpet(
    times: FloatArray, volume: FloatArray, rate: float, periods: Periods, request: Request
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the trumpet curve and what to say about windows that are not in it.

    Windows that the user named and that are no multiple of the sample interval are refused; those of the standard's
    ambulatory set are left out with a note.
    """
    windows = request.windows_min or AMBULATORY_WINDOWS_MIN
    notes = []
    if request.windows_min is None:
        ratios = [window * 60.0 / request.sample_interval_s for window in windows]
        odd = [w for w, r in zip(windows, ratios, strict=True) if abs(r - round(r)) > 1e-9 * r or round(r) < 1]
        windows = tuple(window for window in windows if window not in odd)
        if odd:
            told = ", ".join(f"{window:g}" for window in odd)
            notes.append(
                f"observation windows of {told} min are left out: no multiple of the sample interval, "
                f"{format_duration(request.sample_interval_s)}"
            )
    curve = trumpet_curve(
        times,
        volume,
        rate,
        start_s=periods.from_s,
        analysis_s=periods.analysis_s,
        sample_interval_s=request.sample_interval_s,
        windows_min=windows,
    )
    longer = [window for window in windows if window > curve.analysis_s / 60.0 * (1.0 + 1e-9)]
    if longer:
        told = ", ".join(f"{window:g}" for window in longer)
        notes.append(f"observation windows of {told} min are left out: longer than the analysis")
    points = [
        {"window_min": point.window_min, "count": point.count, "min_pct": point.min_pct, "max_pct": point.max_pct}
        for point in curve.points
    ]
    return points, notes


def _hours(windows: FixedWindows, rate: float, start_s: float) -> dict[str, Any]:
    """Return the statistics of complete hours; None where there are none."""
    keys = {
        "hours": [round(float(start - start_s) / HOUR_S) + 1 for start in windows.start_s],
        "excluded_hours": [round((start - start_s) / HOUR_S) + 1 for start in windows.excluded_s],
    }
    if windows.volume_u.size == 0:
        empty = ["mean_pct", "sd_pct", "mard_pct", *(f"within_{limit}_pct" for limit in WITHIN_LIMITS_PCT)]
        return (
            {"count": 0} | dict.fromkeys([*empty, "median_abs_pct", "min_pct", "max_pct"]) | keys | {"errors_pct": []}
        )
    found = error_statistics(windows.volume_u, rate)
    return {
        "count": found.count,
        "mean_pct": found.mean_pct,
        "sd_pct": found.sd_pct,
        "mard_pct": found.mard_pct,
        **{f"within_{limit}_pct": found.within_pct(limit) for limit in WITHIN_LIMITS_PCT},
        "median_abs_pct": found.median_abs_pct,
        "min_pct": found.min_pct,
        "max_pct": found.max_pct,
        **keys,
        "errors_pct": relative_errors_pct(windows.volume_u, rate).tolist(),
    }


def _why(broken: list[Span], request: Request, origin_s: float) -> str:
    """Return the reason of the outcome."""
    if not broken:
        return "a weighing log names no limit: nothing is decided"
    first = broken[0]
    return (
        f"{len(broken)} gap(s) in the analysis longer than the sample interval of "
        f"{format_duration(request.sample_interval_s)}, the first from time_s {first.start_s + origin_s:.10g} to "
        f"{first.end_s + origin_s:.10g}: no trumpet curve"
    )


def _gap(gap: Span, origin_s: float, in_analysis: bool) -> dict[str, Any]:
    """Return a gap in the times of the log itself."""
    return {"start_s": gap.start_s + origin_s, "end_s": gap.end_s + origin_s, "in_analysis": in_analysis}


def _data_notes(log: WeighingLog, times: FloatArray, delivered: float, method: Method) -> list[str]:
    """Return what the readings themselves give cause to say."""
    notes = reading_notes(log, method)
    if delivered <= 0.0:
        notes.append("the mass does not rise over the analysis: rising mass is delivery")
    still = _still(times, log.masses_mg)
    if still:
        longest = max(still, key=lambda span: span.duration_s)
        notes.append(
            f"the reading stands still for up to {format_duration(longest.duration_s)} (from time_s "
            f"{longest.start_s + float(log.times_s[0]):.10g}): a stopped pump, a frozen display or zero tracking"
        )
    return notes


def _still(times: FloatArray, masses_mg: FloatArray) -> tuple[Span, ...]:
    """Return the stretches in which the reading stands still for long; whoever has none is told so quickly.

    A stretch of that length holds two neighbours of a grid half as wide, and they are equal.
    """
    grid = np.arange(0.0, float(times[-1]), STILL_FOR_S / 2.0)
    sampled = masses_mg[np.searchsorted(times, grid)]
    if not bool((sampled[1:] == sampled[:-1]).any()):
        return ()
    return repeated_readings(times, masses_mg, longest_s=STILL_FOR_S)


def _evaporation_note(rate: float, method: Method) -> list[str]:
    """Return whether so much evaporates that a bench would not be fit (design 4.11)."""
    share = abs(method.evaporation_mg_per_h) * method.u_per_mg / rate
    if share <= MOST_EVAPORATION:
        return []
    return [f"the evaporation is {100.0 * share:.3g} % of the programmed rate; above 20 % a bench is not fit"]


def reading_notes(log: WeighingLog, method: Method) -> list[str]:
    """Return notes that hold for any log: unstable readings, columns that were perhaps meant, a negative E."""
    notes = []
    if log.stable is not None and not log.stable.all():
        count = int(np.count_nonzero(log.stable == 0.0))
        notes.append(f"{count} of {log.stable.size} readings are marked as not stable; they are used like the others")
    alike = [name for name in log.ignored if LIKE_AMBIENT.match(name)]
    if alike:
        notes.append(f"not read: {', '.join(alike)}; columns that are read: {', '.join((*REQUIRED, *OPTIONAL))}")
    if method.evaporation_mg_per_h < 0.0:
        notes.append("the stated evaporation is negative: mass gained is taken off")
    return notes


def _hour_notes(hours: FixedWindows) -> list[str]:
    """Return which hours do not count."""
    if not hours.excluded_s:
        return []
    return [f"{len(hours.excluded_s)} one-hour window(s) touch a gap longer than the sample interval and do not count"]
