"""The marks of one stretch of a run: what its readings cannot have shown, and what is left out of them by rule.

Made once when a run is laid out (docs/reference/data-quality.md): first what the readings say themselves, then, when
noise and density are known, how far each shift of the level went. Nothing that left the outlet is ever left out: the
levels on both sides of an excluded reading are used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from rig.analysis import quality as found
from rig.analysis.quality.steps import SIDE, SIDE_S
from rig.errors import BenchError
from rig.judging.gaps import ExplainedGap, departure_over
from rig.judging.marks import (
    NOISE,
    REPEAT,
    ZERO,
    Moved,
    Quality,
    burst_mark,
    drop_mark,
    frozen_mark,
    limits,
    shift_mark,
    spike_mark,
    told,
    zero_mark,
)
from rig.judging.valve_moves import own_steps, spare_moves, valve_moves
from rig.metrology.checks import FloatArray
from rig.metrology.volume import WeighingChain
from rig.programme import Programme
from rig.record.reader import Event

NS_PER_S = 1e9
MG_PER_UL = 0.9982  # water at 20 C: the programme in mg, good enough to compare steps with
CLOCK_S = 2.0  # a delivery begins by the pump's clock
BEGINS_S = 60.0  # of the first blank: what the pump did before it was stopped is still arriving
TAIL_S = 120.0  # after the nominal end of a bolus
MOST_SHIFTS = 50  # more are not sized one by one: nothing over them is measurable


@dataclass(frozen=True, slots=True)
class Look:
    """What the readings themselves say: those that are kept, and the shifts whose sizes are still to be found."""

    times_s: FloatArray
    masses_mg: FloatArray
    quality: Quality
    shifts: tuple[found.Shift, ...]

    @property
    def holes(self) -> list[tuple[float, float]]:
        """Return where a blank's slope would be wrong: at every shift, burst of noise or still display."""
        spans = [(mark.start_s, mark.end_s) for mark in self.quality.marks if mark.rule in (NOISE, ZERO, REPEAT)]
        return sorted([*spans, *((shift.before_s, shift.after_s) for shift in self.shifts)])


def look_over(
    events: Sequence[Event],
    origin_ns: int,
    times_s: FloatArray,
    masses_mg: FloatArray,
    programme: Programme,
    ul_per_u: float,
    resolution_mg: float,
    stated_mg: float,
    bridged: Sequence[ExplainedGap] = (),
) -> Look:
    """Return the readings of a stretch as the rules leave them; arrays of shape (n,), times strictly increasing.

    Looked at is what came from 60 s into the blank before the steps on; without one, from when the pump was known to
    have stopped for 60 s, or to deliver: before it nobody knows what the pump was doing.
    """
    rests = _blanks(events, origin_ns)
    scale = found.noise_scale(
        [_between(times_s, masses_mg, *rest) for rest in rests.values()], resolution_mg, stated_mg=stated_mg
    )
    low = int(np.searchsorted(times_s, _begins_s(events, origin_ns, rests)))
    times, masses = times_s[low:], masses_mg[low:]
    if times.size <= 2:
        return Look(times_s, masses_mg, Quality(read=times_s.size), ())
    dose_mg = programme.dose_u * ul_per_u * MG_PER_UL
    frozen, tracked = found.find_frozen(times, masses, scale)
    still = _repeats(times, frozen)
    due = programmed_u(programme, times) * ul_per_u * MG_PER_UL
    busy = [(order.start_s - CLOCK_S, order.end_s + TAIL_S) for order in programme.boluses]
    noisy = found.find_bursts(times, masses, scale)
    steps = found.find_steps(times[~still], masses[~still], due[~still], dose_mg, scale, busy, noisy)
    moves = valve_moves(events, origin_ns)
    steps = spare_moves(steps, times[~still], moves)
    excluded = still.copy()
    excluded[~still] |= steps.excluded
    sound = times[~excluded]
    due_mg = _due_for_steps(programme, sound) * ul_per_u * MG_PER_UL
    due_mg[own_steps(sound, moves)] = np.inf  # what was stored comes at once
    drops = found.find_drops(sound, masses[~excluded], due_mg, dose_mg)
    bursts = [
        span
        for span in noisy
        if not any(each.start_s - 1.0 <= span.start_s and span.end_s <= each.end_s + 31.0 for each in steps.excursions)
    ]
    # An outlet above the surface was there before the first drop fell, and is there after the last.
    drops = None if drops is None else (found.Span(float(times[0]), float(times[-1]), times.size), drops[1])
    in_drops = drops[0] if drops is not None else None
    falls, rises = (_own(each, bridged, in_drops) for each in (steps.falls, steps.rises))
    marks = [
        *(frozen_mark(span, scale, times.size) for span in frozen),
        *(zero_mark(span, scale, times.size) for span in tracked),
        *(spike_mark(each, steps) for each in steps.excursions),
        *(shift_mark(each, steps) for each in (*falls, *rises)),
        *(burst_mark(span, scale, times.size) for span in bursts),
        *([drop_mark(*drops, dose_mg)] if drops is not None else []),
    ]
    kept = np.concatenate((np.ones(low, dtype=np.bool_), ~excluded))
    quality = Quality(
        marks=tuple(sorted(marks, key=lambda mark: mark.start_s)),
        unsure=tuple(each for each in steps.excursions if each.unsure_mg > 0.0),
        limits=limits(scale, steps, times.size, dose_mg),
        excluded_s=times_s[~kept],
        excluded_mg=masses_mg[~kept],
        read=times_s.size,
        rise_limit_mg=steps.rise_flowing_mg,
    )
    shifts = tuple(sorted((*falls, *rises), key=lambda each: each.before_s))
    return Look(times_s[kept], masses_mg[kept], quality, shifts)


def settle_shifts(
    look: Look,
    programme: Programme,
    chain: WeighingChain,
    ul_per_u: float,
    explained: Sequence[ExplainedGap],
) -> tuple[FloatArray, Quality]:
    """Return the masses with the falls taken out whose sizes are known, and the marks with what was found."""
    if not look.shifts:
        return look.masses_mg, look.quality
    gaps = [ExplainedGap(each.before_s, each.after_s, "bump", math.inf) for each in look.shifts]
    others = [*explained, *gaps]
    masses = look.masses_mg.copy()
    less_due = masses - programmed_u(programme, look.times_s) * ul_per_u * MG_PER_UL
    moved = []
    for shift, gap in zip(look.shifts, gaps, strict=True):
        try:
            if len(look.shifts) > MOST_SHIFTS:
                raise BenchError(f"it is one of {len(look.shifts)} shifts")
            size = departure_over(gap, others, look.times_s, look.masses_mg, programme, chain, ul_per_u)
            own_mg = max(-_own_step(shift, look.times_s, less_due), 0.0) if shift.size_mg < 0.0 else 0.0
            moved.append(Moved(shift, size, own_mg=own_mg))
        except BenchError as error:
            moved.append(Moved(shift, None, error.what))
        masses[look.times_s >= shift.after_s] += moved[-1].taken_out_mg
    falls = tuple(each for each in moved if each.shift.size_mg < 0.0)
    rises = tuple(each for each in moved if each.shift.size_mg >= 0.0)
    sizes = {each.shift.before_s: each for each in moved}
    marks = tuple(told(mark, sizes) for mark in look.quality.marks)
    return masses, replace(look.quality, marks=marks, falls=falls, rises=rises)


def _own_step(shift: found.Shift, times: FloatArray, less_due: FloatArray) -> float:
    """Return by how much the display itself moved, mg: medians of up to five readings at both edges, less SET."""
    before = less_due[(times <= shift.before_s) & (times >= shift.before_s - SIDE_S)][-SIDE:]
    after = less_due[(times >= shift.after_s) & (times <= shift.after_s + SIDE_S)][:SIDE]
    return float(np.median(after) - np.median(before)) if before.size and after.size else shift.size_mg


def programmed_u(programme: Programme, times_s: FloatArray) -> FloatArray:
    """Return what was programmed to have left the outlet by each time, in U; exact, for SET is piecewise linear."""
    knots = {float(times_s[0]), float(times_s[-1])}
    for part in programme.segments:
        knots |= {part.start_s, part.end_s}
    for order in programme.boluses:
        knots |= {order.start_s, order.end_s}
    places = sorted(knots)
    levels = np.cumsum([0.0, *(programme.expected_u(a, b) for a, b in pairwise(places))])
    return np.asarray(np.interp(times_s, places, levels), dtype=np.float64)


def _due_for_steps(programme: Programme, times: FloatArray) -> FloatArray:
    """Return the most that was programmed for each step between readings, whatever the pump's clock says, in U."""
    wide = np.concatenate((times[:-1] - CLOCK_S, times[1:] + CLOCK_S))
    order = np.argsort(wide, kind="stable")
    levels = np.empty_like(wide)
    levels[order] = programmed_u(programme, wide[order])
    return np.asarray(levels[times.size - 1 :] - levels[: times.size - 1], dtype=np.float64)


def _begins_s(events: Sequence[Event], origin_ns: int, rests: dict[str, tuple[float, float]]) -> float:
    if "before" in rests:
        return rests["before"][0] + BEGINS_S
    known = [
        (event.at_ns - origin_ns) / NS_PER_S + (BEGINS_S if event.name == "suspended" else 0.0)
        for event in events
        if event.name in ("suspended", "resumed", "temp_started", "bolus_started")
    ]
    return min(known, default=0.0)


def _blanks(events: Sequence[Event], origin_ns: int) -> dict[str, tuple[float, float]]:
    started: dict[str, float] = {}
    rests: dict[str, tuple[float, float]] = {}
    for event in events:
        which, at_s = str(event.data.get("which", "")), (event.at_ns - origin_ns) / NS_PER_S
        if event.name == "blank_started":
            started[which] = at_s
        elif event.name == "blank_ended" and which in started:
            rests[which] = (started[which], at_s)
    return rests


def _between(times: FloatArray, masses: FloatArray, from_s: float, to_s: float) -> tuple[FloatArray, FloatArray]:
    part = slice(*np.searchsorted(times, (from_s, to_s)))
    return times[part], masses[part]


def _repeats(times: FloatArray, frozen: Sequence[found.Span]) -> npt.NDArray[np.bool_]:
    """Return which readings repeat a frozen one; the first of each stretch is a reading like any other."""
    still = np.zeros(times.size, dtype=np.bool_)
    for span in frozen:
        still |= (times > span.start_s) & (times <= span.end_s)
    return still


def _own(
    shifts: Sequence[found.Shift], bridged: Sequence[ExplainedGap], drops: found.Span | None
) -> tuple[found.Shift, ...]:
    """Return the shifts that are not told of otherwise: as a shift in an explained gap, or as a drop."""
    return tuple(
        each
        for each in shifts
        if not any(gap.start_s < each.after_s and gap.end_s > each.before_s for gap in bridged)
        and not (drops is not None and drops.start_s <= each.after_s and each.before_s <= drops.end_s)
    )
