"""Doses that were missed, doubled, late, early or clustered: by rule, with the limit below which nothing is claimed.

A missing dose moves the whole staircase down for good; a late one comes after all. So a dose is called *missed* or
*doubled* only if the median level of the five dose intervals after it departs from that of the five before it and no
opposite step brings it back within 30 doses. If one does, or if the departure is gone within two doses, it came *late*
(held back, then made up) or *clustered* (with another, and one stayed out for it): what left the outlet is the same
as for one missed and one given twice, and one balance cannot tell them apart. The threshold is half a dose, or what
noise and this pump's own scatter, taken as normal, reach once in 1,000 runs, whichever is more; where that exceeds
what a whole dose would show, the answer is "not resolvable", with the figures (design 4.9, reference section 5.10).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from scipy.stats import t as student_t

from rig.analysis.doses import DoseRecord
from rig.metrology.checks import FloatArray

BoolArray: TypeAlias = NDArray[np.bool_]
Kind = Literal["missed", "doubled", "late", "early", "clustered"]

FALSE_ALARMS_PER_RUN = 1e-3  # by design, over all tests of one run
FAMILIES = 3  # lasting departures, passing ones, times
HALF_DOSE = 0.5
CANDIDATE = 0.75  # doses: a dose that departs by more may be missing or double
NEIGHBOURS = 5
LEAST_NEIGHBOURS = 3
MADE_UP_WITHIN = 2  # doses; a departure that lasts longer is lasting
PASSING_NEIGHBOURS = 4
SIDE_SCATTER = 1.15  # of a level against the median of four, relative to that of the level itself
SEEN = 0.95  # doses: with a higher threshold one whole dose may escape
LATE_SHARE = 0.25  # of the interval
CLUSTER_SHARE = 0.5
MAD_TO_SD = 1.4826
MEDIAN_SCATTER = 0.76  # of the difference of two medians of five, relative to one level (normal: sqrt(2 x 0.287))
GAIN_BAND = 0.3  # the median dose is the reference within this much of the nominal one
_LASTING_KINDS: tuple[tuple[float, Kind], ...] = ((-1.0, "missed"), (1.0, "doubled"))
_PASSING_KINDS: tuple[tuple[float, Kind], ...] = ((-1.0, "late"), (1.0, "clustered"))
MADE_UP_BEFORE = 30  # doses: a deficit and an excess farther apart are two events
OPPOSITE_STEP = 0.4  # of the departure: what brings it back must be a step, not a drift
STILL_AWAY = 0.4  # of the departure: nearer than this, the level is back


@dataclass(frozen=True, slots=True)
class DoseEvent:
    """Something that happened to ``doses`` doses at ``at_s``, the ``number``-th of the stretch, counted from 1.

    ``change_doses``: departure of the delivered volume, in doses. ``by``: how many doses later it was made up (late) or
    taken back (clustered). ``by_s``: how many seconds off its time it came, where only the clock shows it.
    """

    kind: Kind
    at_s: float
    number: int
    doses: int
    change_doses: float
    by: float | None = None
    by_s: float | None = None


@dataclass(frozen=True, slots=True)
class DoseEvents:
    """The events of a stretch, and what could be told at all; thresholds in doses, None without enough doses.

    ``lasting_limit``: smallest lasting departure that is claimed (missed, doubled); ``passing_limit``: smallest passing
    one (late, clustered); ``time_limit_s``: smallest departure in time. ``why_not``: what is not resolvable, and why.
    """

    events: tuple[DoseEvent, ...]
    scatter_pct: float | None
    lasting_limit: float | None
    passing_limit: float | None
    time_limit_s: float | None
    why_not: tuple[str, ...]

    def count(self, kind: Kind) -> int:
        """Return how many doses an event of this kind happened to."""
        return sum(event.doses for event in self.events if event.kind == kind)


def find_events(record: DoseRecord) -> DoseEvents:
    """Return what happened to the doses of a stretch, by the rules above; nothing is claimed that noise forbids."""
    dose = record.schedule.dose_u
    if record.known < 2 * LEAST_NEIGHBOURS:
        why = f"{record.known} measured doses: fewer than {2 * LEAST_NEIGHBOURS} tell nothing of one among them"
        return DoseEvents((), None, None, None, None, (why,))
    tail = FALSE_ALARMS_PER_RUN / (2.0 * FAMILIES * max(record.size_u.size, 1))
    reference = _reference(record.size_u, dose)
    noise = float(norm.isf(tail)) * record.u_dose_u / dose
    departures = (record.size_u - reference) / dose
    rest = (record.level_u - reference * np.arange(record.level_u.size)) / dose
    lasting, passing = _lasting(rest), _passing(rest)
    level = _reach(_single(rest), _away(departures, 1)[:-1], tail)
    lasting_limit = max(
        HALF_DOSE, noise, MEDIAN_SCATTER * level, _reach(lasting, _away(departures, NEIGHBOURS), tail, robust=True)
    )
    passing_limit = max(HALF_DOSE, noise, SIDE_SCATTER * level)
    residuals = record.time_s - record.scheduled_s
    interval = record.schedule.interval_s
    centre = float(np.nanmedian(residuals)) if np.isfinite(residuals).any() else math.nan
    ordinary = np.abs(residuals - centre) <= LATE_SHARE * interval
    u_time = float(norm.isf(tail)) * record.sampling_s / math.sqrt(12.0)
    time_limit = max(LATE_SHARE * interval, u_time, _reach(residuals, ordinary, tail))
    taken = np.zeros(departures.size, dtype=np.bool_)
    lasts = _lasting_events(record, rest, departures, lasting, lasting_limit, taken)
    events = _made_up(record, lasts, rest, lasting)
    events += _passing_events(record, passing, passing_limit, taken)
    if time_limit <= CLUSTER_SHARE * record.schedule.interval_s:
        events += _time_events(record, residuals, time_limit, taken)
    scatter = float(np.nanstd(departures))
    return DoseEvents(
        events=tuple(sorted(events, key=lambda event: event.at_s)),
        scatter_pct=100.0 * scatter,
        lasting_limit=lasting_limit,
        passing_limit=passing_limit,
        time_limit_s=time_limit,
        why_not=_why_not(record, scatter, lasting_limit, passing_limit, time_limit),
    )


def _why_not(
    record: DoseRecord, scatter: float, lasting_limit: float, passing_limit: float, time_limit: float
) -> tuple[str, ...]:
    dose = record.schedule.dose_u
    against = (
        f"a dose of {dose:g} U against u = {record.u_dose_u:.2g} U of the bench and {100 * scatter:.0f} % of scatter"
    )
    found = []
    if lasting_limit > SEEN:
        found.append(f"missed and doubled doses are not resolvable: {against}")
    if passing_limit > SEEN:
        found.append(f"late and clustered doses are not resolvable by size: {against}")
    if time_limit > CLUSTER_SHARE * record.schedule.interval_s:
        found.append(
            f"late and early doses are not resolvable by time: {time_limit:.3g} s of scatter and sampling against an "
            f"interval of {record.schedule.interval_s:.3g} s"
        )
    return tuple(found)


def _reference(sizes: FloatArray, dose_u: float) -> float:
    """Return the size that a dose of this pump has: its median, unless that is far from the nominal one."""
    median = float(np.nanmedian(sizes))
    return median if abs(median / dose_u - 1.0) <= GAIN_BAND else dose_u


def _away(departures: FloatArray, reach: int) -> BoolArray:
    """Return which doses lie more than ``reach`` doses away from a candidate; all of them where that leaves too few.

    A dose that is nearly missing or nearly double moves what is computed from its neighbours; in a short stretch one
    of each would pass for this pump's scatter. Where more than half would be left out, it is its scatter.
    """
    away = np.ones(departures.size, dtype=np.bool_)
    for k in np.flatnonzero(np.abs(np.nan_to_num(departures)) >= CANDIDATE):
        away[max(0, int(k) - reach) : int(k) + reach + 1] = False
    return away if 2 * np.count_nonzero(away) >= away.size else np.ones(departures.size, dtype=np.bool_)


def _reach(values: FloatArray, ordinary: BoolArray, tail: float, *, robust: bool = False) -> float:
    """Return what scatter like that of the ordinary ``values`` exceeds with probability ``tail`` on one side.

    Their standard deviation is itself uncertain, neighbours share readings: Student's t with half as many degrees of
    freedom as there are values.
    """
    known = values[np.isfinite(values) & ordinary]
    if known.size < LEAST_NEIGHBOURS:
        return math.inf
    spread = known.std(ddof=1)
    if robust:  # departures of a few neighbours come in runs: a single event must not pass for scatter
        spread = MAD_TO_SD * np.median(np.abs(known - np.median(known)))
    return float(spread) * float(student_t.isf(tail, max(known.size / 2.0, 2.0)))


def _lasting(rest: FloatArray) -> FloatArray:
    """Return by how much the level after each dose departs for good from the one before it, in doses, shape (n,).

    ``rest``: levels in doses without the staircase itself, shape (n + 1,). Medians of five, at least three known.
    """
    side = np.full(NEIGHBOURS, np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate((side, rest, side)), NEIGHBOURS)
    known = np.isfinite(windows).sum(axis=1) >= LEAST_NEIGHBOURS
    medians = np.where(known, np.nanmedian(np.where(known[:, None], windows, 0.0), axis=1), np.nan)
    count = rest.size - 1
    return np.asarray(medians[NEIGHBOURS + 1 : NEIGHBOURS + 1 + count] - medians[1 : count + 1], dtype=np.float64)


def _single(rest: FloatArray) -> FloatArray:
    """Return the departure of each level from the mean of its two neighbours, scaled to the scatter of one level."""
    return np.asarray((rest[1:-1] - (rest[:-2] + rest[2:]) / 2.0) / math.sqrt(1.5), dtype=np.float64)


def _lasting_events(
    record: DoseRecord, rest: FloatArray, departures: FloatArray, lasting: FloatArray, limit: float, taken: BoolArray
) -> list[DoseEvent]:
    found = []
    for sign, kind in _LASTING_KINDS:
        flagged = np.flatnonzero(np.nan_to_num(sign * lasting) >= limit)
        for region in np.split(flagged, np.flatnonzero(np.diff(flagged) > 1) + 1):
            if region.size == 0:
                continue
            sizes = sign * np.nan_to_num(departures[region])
            own = region[sizes >= HALF_DOSE]
            first = int(own[0]) if own.size else int(region[np.argmax(sizes)])
            taken[own] = True
            change = _change(rest, int(region[0]), int(region[-1]))
            at_s = float(record.scheduled_s[first])
            found.append(DoseEvent(kind, at_s, first + 1, max(1, round(abs(change))), change))
    return found


def _change(rest: FloatArray, first: int, last: int) -> float:
    """Return the whole departure over the doses ``first`` to ``last``, in doses."""
    before, after = rest[max(0, first + 1 - NEIGHBOURS) : first + 1], rest[last + 1 : last + 1 + NEIGHBOURS]
    return float(np.nanmedian(after) - np.nanmedian(before))


def _made_up(record: DoseRecord, events: list[DoseEvent], rest: FloatArray, lasting: FloatArray) -> list[DoseEvent]:
    """Return lasting events as what they are once their sequel is known.

    A deficit that a later excess undoes within 30 doses is one that came late, however long the plunger was held back;
    an excess that a later deficit undoes came early. Each pair is told once.
    """
    found: list[DoseEvent] = []
    for event in sorted(events, key=lambda each: each.number):
        dose = event.number - 1
        if any(0 <= dose - (each.number - 1) <= (each.by or 0.0) + NEIGHBOURS for each in found if each.by):
            continue  # the other half of a pair
        after, before = _undone(rest, lasting, dose, event.change_doses), 0
        if after == 0:
            before = _undone(rest[::-1], -lasting[::-1], lasting.size - 1 - dose, -event.change_doses)
        if after == before == 0:
            found.append(event)
            continue
        deficit_first = (event.kind == "missed") == (after > 0)
        start = dose - before
        kind: Kind = "late" if deficit_first else "clustered"
        found.append(
            DoseEvent(
                kind,
                float(record.scheduled_s[start]),
                start + 1,
                event.doses,
                event.change_doses,
                float(after or before),
            )
        )
    return found


def _undone(rest: FloatArray, lasting: FloatArray, dose: int, change: float) -> int:
    """Return after how many doses an opposite step brings the level back; 0 when none does within the horizon."""
    sign = math.copysign(1.0, change)
    before = rest[max(0, dose + 1 - NEIGHBOURS) : dose + 1]
    for later in range(dose + LEAST_NEIGHBOURS, min(dose + MADE_UP_BEFORE, lasting.size - 1) + 1):
        opposite = -sign * lasting[later] >= OPPOSITE_STEP * abs(change)
        after = rest[later + 1 : later + 1 + NEIGHBOURS]
        if opposite and np.isfinite(after).any() and np.isfinite(before).any():
            left = float(np.nanmedian(after) - np.nanmedian(before)) * sign
            if left <= STILL_AWAY * abs(change):
                return later - dose
    return 0


def _passing(rest: FloatArray) -> FloatArray:
    """Return by how much each level departs from both the levels before and those after it, in doses, shape (n + 1,).

    Zero where it agrees with either side: then it is no passing departure.
    """
    side = np.full(PASSING_NEIGHBOURS, np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate((side, rest, side)), PASSING_NEIGHBOURS)
    known = np.isfinite(windows).sum(axis=1) >= LEAST_NEIGHBOURS
    medians = np.where(known, np.nanmedian(np.where(known[:, None], windows, 0.0), axis=1), np.nan)
    from_before = rest - medians[: rest.size]
    from_after = rest - medians[PASSING_NEIGHBOURS + 1 :]
    smaller = np.where(np.abs(from_before) <= np.abs(from_after), from_before, from_after)
    return np.where(
        from_before * from_after > 0.0, smaller, np.where(np.isfinite(from_before + from_after), 0.0, np.nan)
    )


def _passing_events(record: DoseRecord, passing: FloatArray, limit: float, taken: BoolArray) -> list[DoseEvent]:
    """Return doses that came one or two doses late, or came together with an earlier one."""
    found = []
    for sign, kind in _PASSING_KINDS:
        flagged = np.flatnonzero(np.nan_to_num(sign * passing) >= limit)
        for run in np.split(flagged, np.flatnonzero(np.diff(flagged) > 1) + 1):
            if not 0 < run.size <= MADE_UP_WITHIN or not 0 < run[0] <= taken.size:
                continue
            dose = int(run[0]) - 1  # the dose before the first level that departs
            change = float(passing[run[0]])
            taken[dose : dose + run.size + 1] = True
            at_s = float(record.scheduled_s[dose])
            found.append(DoseEvent(kind, at_s, dose + 1, 1, change, float(run.size)))
    return found


def _time_events(record: DoseRecord, residuals: FloatArray, limit_s: float, taken: BoolArray) -> list[DoseEvent]:
    """Return doses that came off their time by the clock, though within their own slot."""
    found = []
    centre = float(np.nanmedian(residuals))
    for k in np.flatnonzero(np.abs(np.nan_to_num(residuals - centre)) > limit_s):
        if taken[k]:
            continue
        by_s = float(residuals[k] - centre)
        gap = record.time_s[k] - record.time_s[k - 1] if k else math.inf
        close = gap < CLUSTER_SHARE * record.schedule.interval_s  # False where either time is unknown
        kind: Kind = "clustered" if close else "late" if by_s > 0.0 else "early"
        found.append(DoseEvent(kind, float(record.time_s[k]), int(k) + 1, 1, 0.0, by_s=by_s))
    return found
