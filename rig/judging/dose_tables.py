"""Single doses of a run: tables, series for figures, and findings (docs/explanation/doses-not-dots.md)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from rig.analysis.dose_events import FALSE_ALARMS_PER_RUN, MADE_UP_WITHIN, DoseEvent, DoseEvents, find_events
from rig.analysis.doses import DoseRecord, measure_doses
from rig.analysis.phase import find_schedule
from rig.analysis.pulses import (
    AVERAGE_LENGTHS,
    PulseAverages,
    interval_statistics,
    pulse_averages,
    size_statistics,
)
from rig.analysis.steps import find_steps
from rig.errors import RigError, UsageError
from rig.judging.aligned import AFTER_BOLUS_S, dose_noise
from rig.judging.view import FloatArray, RunView, StepSpan
from rig.programme import BasalSegment
from rig.results import Finding

S_PER_H = 3600.0
MIN_STRETCH_S = 600.0
LIMITS_PCT = (5, 10, 15, 20, 25, 30)
KINDS = ("missed", "doubled", "late", "early", "clustered")
WINDOWS_MIN = (30.0, 60.0, 120.0)  # Jahn 2013 (reference section 4.2a)
WHOLE = 1e-6  # doses
NAMED = 20  # events listed one by one; all are counted
TOLD = 5  # of them in a finding's text
BINS = 24
SIDE_SHARE = 1.0 / 3.0  # of the interval: readings on each side of a step when no schedule is known
MEANINGS = {
    "missed": "did not come, and nothing made up for it",
    "doubled": "came beyond the schedule, and none stayed out for it",
    "late": "came late, or were missed and made up for by a double one",
    "early": "came before their time",
    "clustered": "came together with another, and one stayed out for it",
}


@dataclass(frozen=True, slots=True)
class DoseStretch:
    """The doses of one stretch of constant rate within one step; ``record`` None with the reason."""

    span: StepSpan
    from_s: float
    to_s: float
    rate_u_per_h: float
    record: DoseRecord | None
    events: DoseEvents | None
    why_not: str = ""

    @property
    def label(self) -> str:
        """Return the stretch in words."""
        return f"step {self.span.step + 1}, {self.rate_u_per_h:g} U/h"


def dose_stretches(view: RunView) -> tuple[DoseStretch, ...]:
    """Return the doses of every stretch of constant rate above zero that lasts ten minutes or more."""
    return tuple(
        _stretch(view, span, part, from_s, to_s)
        for span in view.spans
        if span.kind in ("basal", "profile", "temp_basal")
        for part, from_s, to_s in _parts(view, span)
    )


def _parts(view: RunView, span: StepSpan) -> Iterator[tuple[BasalSegment, float, float]]:
    for part in view.programme.segments:
        from_s, to_s = max(part.start_s, span.start_s), min(part.end_s, span.end_s, float(view.times_s[-1]))
        if to_s - from_s >= MIN_STRETCH_S and part.rate_u_per_h > 0.0:
            yield part, from_s, to_s


def _stretch(view: RunView, span: StepSpan, part: BasalSegment, from_s: float, to_s: float) -> DoseStretch:
    rate, dose_u = part.rate_u_per_h, view.programme.dose_u
    noise = dose_noise(view)
    if noise is None:
        return DoseStretch(span, from_s, to_s, rate, None, None, "no blank: the noise is unknown")
    times, volume = _readings(view, from_s, to_s)
    try:
        schedule = find_schedule(times, volume, rate, dose_u, u_reading_u=noise.reading_u)
        record = measure_doses(times, volume, schedule, noise, holes=_holes(view))
        return DoseStretch(span, from_s, to_s, rate, record, find_events(record))
    except RigError as unknown:
        return DoseStretch(span, from_s, to_s, rate, None, None, unknown.what)


def _readings(view: RunView, from_s: float, to_s: float) -> tuple[FloatArray, FloatArray]:
    keep = slice(*np.searchsorted(view.times_s, (from_s, to_s)))
    return view.times_s[keep], view.volume_u[keep]


def _holes(view: RunView) -> list[tuple[float, float]]:
    """Return where nothing may be said of a dose: gaps, boluses with their tail, deliveries of unknown outcome."""
    holes = [(gap.start_s, gap.end_s) for gap in view.gaps]
    holes += [(bridge.gap.start_s, bridge.gap.end_s) for bridge in view.bridges]
    holes += [(order.start_s, order.end_s + AFTER_BOLUS_S) for order in view.programme.boluses]
    return holes + [(each.start_s, each.end_s) for each in view.unknown]


def dose_tables(view: RunView) -> list[dict[str, Any]]:
    """Return ``analysis.doses``: one table for each stretch of constant rate."""
    return [_table(view, stretch) for stretch in dose_stretches(view)]


def _table(view: RunView, stretch: DoseStretch) -> dict[str, Any]:
    dose_u = view.programme.dose_u
    table: dict[str, Any] = {
        "step": stretch.span.step,
        "label": stretch.label,
        "from_s": stretch.from_s,
        "to_s": stretch.to_s,
        "rate_u_per_h": stretch.rate_u_per_h,
        "dose_u": dose_u,
        "programmed": view.programme.basal_u(stretch.from_s, stretch.to_s) / dose_u,
    }
    record, events = stretch.record, stretch.events
    if record is None or events is None:
        return table | {"why_not": stretch.why_not} | _unscheduled(view, stretch)
    return table | {
        "interval_s": record.schedule.interval_s,
        "interval_error_pct": 100.0 * record.schedule.period_error,
        "sharpness": record.schedule.sharpness,
        "scheduled": int(record.scheduled_s.size),
        "measured": record.known,
        "u_dose_u": record.u_dose_u if record.known else None,
        "detection_limit_u": record.detection_limit_u if record.known else None,
        "sizes": _sizes(record),
        "intervals": _intervals(record),
        "averages": [*_averages(record), *_time_averages(record, stretch.rate_u_per_h)],
        "events": _events(events),
    }


def _unscheduled(view: RunView, stretch: DoseStretch) -> dict[str, Any]:
    """Return how many steps a detector without a schedule finds, where the expected interval leaves it room."""
    noise = dose_noise(view)
    interval_s = S_PER_H * view.programme.dose_u / stretch.rate_u_per_h
    times, volume = _readings(view, stretch.from_s, stretch.to_s)
    if noise is None or times.size < 3 or interval_s < 6.0 * float(np.median(np.diff(times))):
        return {}
    try:
        found = find_steps(times, volume, noise, side_s=SIDE_SHARE * interval_s)
    except UsageError:
        return {}
    return {
        "steps": {
            "found": len(found.steps),
            "limit_u": found.limit_u,
            "false_alarms_per_record": found.false_alarms,
            "largest_u": max((step.size_u for step in found.steps), default=None),
        }
    }


def _sizes(record: DoseRecord) -> dict[str, Any] | None:
    dose_u = record.schedule.dose_u
    stats = size_statistics(record.size_u, dose_u)
    if stats is None:
        return None
    return {
        "count": stats.count,
        "mean_u": dose_u * (1.0 + stats.mean_pct / 100.0),
        "mean_pct": stats.mean_pct,
        "sd_pct": stats.sd_pct,
        "u_sd_pct": 100.0 * record.u_dose_u / dose_u,
        "min_pct": stats.min_pct,
        "max_pct": stats.max_pct,
        **{f"within_{limit}_pct": stats.within_pct(limit) for limit in LIMITS_PCT},
    }


def _intervals(record: DoseRecord) -> dict[str, Any] | None:
    stats = interval_statistics(record.time_s, record.sampling_s)
    if stats is None:
        return None
    return {
        "count": stats.count,
        "mean_s": stats.mean_s,
        "sd_s": stats.sd_s,
        "sd_pct": stats.sd_pct,
        "min_s": stats.min_s,
        "max_s": stats.max_s,
        "sampling_sd_s": stats.sampling_sd_s,
    }


def _averages(record: DoseRecord) -> list[dict[str, Any]]:
    dose_u = record.schedule.dose_u
    found = (pulse_averages(record.size_u, dose_u, length) for length in AVERAGE_LENGTHS)
    return [{"minutes": None} | _average(row) for row in found if row is not None]


def _time_averages(record: DoseRecord, rate_u_per_h: float) -> list[dict[str, Any]]:
    """Return averages over 30 min, 1 h and 2 h of whole doses, where SET puts a whole number into them (Jahn 2013)."""
    dose_u = record.schedule.dose_u
    rows = []
    for minutes in WINDOWS_MIN:
        doses = rate_u_per_h * minutes / 60.0 / dose_u
        if abs(doses - round(doses)) < WHOLE and round(doses) >= 1:
            found = pulse_averages(record.size_u, dose_u, round(doses))
            rows += [] if found is None else [{"minutes": minutes} | _average(found)]
    return rows


def _average(row: PulseAverages) -> dict[str, Any]:
    return {
        "doses": row.length,
        "count": row.count,
        "min_pct": row.min_pct,
        "max_pct": row.max_pct,
        "outside_15_pct": row.outside_pct,
        "blocks": row.blocks,
        "blocks_outside_15": row.blocks_outside,
    }


def _events(events: DoseEvents) -> dict[str, Any]:
    return {
        **{kind: sum(each.doses for each in events.events if each.kind == kind) for kind in KINDS},
        "scatter_pct": events.scatter_pct,
        "lasting_limit_doses": events.lasting_limit,
        "passing_limit_doses": events.passing_limit,
        "time_limit_s": events.time_limit_s,
        "false_alarms_per_run": FALSE_ALARMS_PER_RUN,
        "why_not": list(events.why_not),
        "items": [
            {
                "kind": each.kind,
                "at_s": each.at_s,
                "number": each.number,
                "doses": each.doses,
                "change_doses": each.change_doses,
                "by_doses": each.by,
                "by_s": each.by_s,
            }
            for each in events.events[:NAMED]
        ],
    }


def dose_curves(view: RunView) -> list[dict[str, Any]]:
    """Return the series of the dose figures: sizes by number, and both histograms, in the order of the tables."""
    return [_curve(stretch) for stretch in dose_stretches(view)]


def _curve(stretch: DoseStretch) -> dict[str, Any]:
    record = stretch.record
    if record is None:
        return {}
    dose_u = record.schedule.dose_u
    sizes = 100.0 * (record.size_u / dose_u - 1.0)
    keep = np.flatnonzero(np.isfinite(sizes))
    intervals = np.diff(record.time_s)
    return {
        "label": stretch.label,
        "number": (keep + 1).tolist(),
        "error_pct": [round(float(each), 3) for each in sizes[keep]],
        "detection_limit_pct": 100.0 * record.detection_limit_u / dose_u if record.known else None,
        "interval_s": record.schedule.interval_s,
        "sizes": _histogram(sizes[keep]),
        "intervals": _histogram(intervals[np.isfinite(intervals)]),
    }


def _histogram(values: FloatArray) -> dict[str, Any]:
    if values.size < 2:
        return {}
    counts, edges = np.histogram(values, bins=BINS)
    return {"edges": [round(float(each), 4) for each in edges], "counts": counts.tolist()}


def dose_findings(view: RunView) -> list[Finding]:
    """Return one finding for each kind of event of each stretch; none where noise or scatter forbid a claim."""
    found = []
    for stretch in dose_stretches(view):
        if stretch.record is None or stretch.events is None:
            continue
        for kind in KINDS:
            events = [each for each in stretch.events.events if each.kind == kind]
            if events:
                found.append(_finding(stretch, stretch.record, stretch.events, kind, events))
    return found


def _finding(stretch: DoseStretch, record: DoseRecord, held: DoseEvents, kind: str, events: list[DoseEvent]) -> Finding:
    doses = sum(each.doses for each in events)
    times = ", ".join(f"{each.at_s:.0f} s" for each in events[:TOLD])
    more = f" and {len(events) - TOLD} more times" if len(events) > TOLD else ""
    short = kind == "early" or all((each.by or 0.0) <= MADE_UP_WITHIN for each in events)
    limit = held.passing_limit if short and kind not in ("missed", "doubled") else held.lasting_limit
    by_time = any(each.by is not None and each.change_doses == 0.0 for each in events)
    claimed = f"{held.time_limit_s:.3g} s" if by_time else f"{limit:.2f} doses"
    text = (
        f"{stretch.label}: {doses} of {record.scheduled_s.size} doses {MEANINGS[kind]}, at {times}{more} "
        f"(claimed from {claimed} on; at most 1 false alarm in 1,000 runs)"
    )
    return Finding(f"dose-{kind}", text, events[0].at_s, events[-1].at_s)
