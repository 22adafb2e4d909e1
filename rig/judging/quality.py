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
from rig.analysis.bridging import Departure
from rig.analysis.quality.bursts import detection_limit, fall_limit
from rig.analysis.quality.drops import drop_limit_mg
from rig.analysis.quality.steps import SIDE, SIDE_S
from rig.errors import BenchError
from rig.judging.gaps import ExplainedGap, departure_over
from rig.judging.valve_moves import own_steps, spare_moves, valve_moves
from rig.metrology.budget import Component
from rig.metrology.checks import FloatArray
from rig.metrology.volume import WeighingChain
from rig.programme import Programme
from rig.record.reader import Event

NS_PER_S = 1e9
MG_PER_UL = 0.9982  # water at 20 C: the programme in mg, good enough to compare steps with
CLOCK_S = 2.0  # a delivery begins by the pump's clock
BEGINS_S = 60.0  # of the first blank: what the pump did before it was stopped is still arriving
TAIL_S = 120.0  # after the nominal end of a bolus
SURE_SIGMAS = 3.0
MOST_SHIFTS = 50  # more are not sized one by one: nothing over them is measurable
SOURCE = "a fall is no delivery; its size by extrapolation of both sides"
SPIKE, BUMP, RISE, REPEAT, ZERO, NOISE, DROP = "Q-SPIKE", "Q-BUMP", "Q-STEP", "Q-REPEAT", "Q-ZERO", "Q-NOISE", "Q-DROP"


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that a rule found; ``excluded`` of its ``readings`` are left out; ``threshold`` with its unit."""

    rule: str
    start_s: float
    end_s: float
    readings: int
    excluded: int
    text: str
    threshold: str

    def touches(self, from_s: float, to_s: float) -> bool:
        """Whether a mark and an interval have an instant in common."""
        return self.start_s <= to_s and self.end_s >= from_s


@dataclass(frozen=True, slots=True)
class Moved:
    """A lasting shift of the level. ``departure`` None: its size cannot be told, for the reason ``why_not``.

    ``own_mg``: how far the display itself fell there, and what was due meanwhile. ``as_shown``: nothing is taken out,
    for the fall may be the end of a rise that was too slow or too small to be seen.
    """

    shift: found.Shift
    departure: Departure | None
    why_not: str = ""
    own_mg: float = 0.0
    as_shown: bool = False

    @property
    def size_mg(self) -> float:
        """Return the best estimate of the shift, mg; negative for a fall."""
        return self.shift.size_mg if self.departure is None else self.departure.departure_mg

    @property
    def fell_mg(self) -> float:
        """Return by how much the display fell, mg, as good as it is known; 0 for a rise."""
        return self.own_mg or max(-self.shift.size_mg, 0.0)

    @property
    def known_mg(self) -> float:
        """Return how far a fall went that is known well enough, mg, never more than the display fell; else 0.

        Known: larger than 3 u by both sides, and by both sides what the display itself fell, within 3 u.
        """
        known = self.departure
        if known is None or self.shift.size_mg >= 0.0:
            return 0.0
        sure_mg = SURE_SIGMAS * known.u_mg
        is_known = known.departure_mg < -sure_mg and abs(known.departure_mg + self.own_mg) <= sure_mg
        return min(-known.departure_mg, self.own_mg) if is_known else 0.0

    @property
    def taken_out_mg(self) -> float:
        """Return what is added to the readings after a fall that is known well enough; 0 for any other shift."""
        return 0.0 if self.as_shown else self.known_mg

    @property
    def u_mg(self) -> float:
        """Return u of a difference across a fall: of what is known of it, else of all that may have gone, mg."""
        known = self.departure
        if known is None:
            return 0.0
        if self.known_mg:
            return math.hypot(known.u_mg, known.departure_mg + self.known_mg)
        return math.hypot(max(abs(known.departure_mg), self.own_mg), known.u_mg)

    def within(self, from_s: float, to_s: float) -> bool:
        """Whether the shift came within an interval, an edge in its settling included."""
        return self.shift.before_s < to_s and self.shift.after_s > from_s

    def component(self, ul_per_mg: float) -> Component:
        """Return the line of a volume's budget, uL."""
        name = f"fall of the level at {self.shift.before_s:.0f} s"
        return Component(name, self.u_mg, "mg", ul_per_mg, "A", source=SOURCE)


@dataclass(frozen=True, slots=True)
class Quality:
    """What the rules found in one stretch; ``limits``: the detection limit of each rule for this run, in words."""

    marks: tuple[Mark, ...] = ()
    falls: tuple[Moved, ...] = ()
    rises: tuple[Moved, ...] = ()
    unsure: tuple[found.Excursion, ...] = ()
    limits: tuple[tuple[str, str], ...] = ()
    excluded_s: FloatArray | None = None
    excluded_mg: FloatArray | None = None
    read: int = 0
    rise_limit_mg: float = 0.0

    def of(self, rules: Sequence[str], from_s: float, to_s: float) -> tuple[Mark, ...]:
        """Return the marks of some rules that touch an interval."""
        return tuple(mark for mark in self.marks if mark.rule in rules and mark.touches(from_s, to_s))

    def told_of(self, from_s: float, to_s: float) -> str:
        """Return why readings are missing between two times although the balance answered, or nothing."""
        held = [mark for mark in self.marks if mark.excluded and mark.start_s < to_s and mark.end_s > from_s]
        return f"{held[0].text} ({held[0].rule})" if held else ""


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
        *(_frozen_mark(span, scale, times.size) for span in frozen),
        *(_zero_mark(span, scale, times.size) for span in tracked),
        *(_spike_mark(each, steps) for each in steps.excursions),
        *(_shift_mark(each, steps) for each in (*falls, *rises)),
        *(_burst_mark(span, scale, times.size) for span in bursts),
        *([_drop_mark(*drops, dose_mg)] if drops is not None else []),
    ]
    kept = np.concatenate((np.ones(low, dtype=np.bool_), ~excluded))
    quality = Quality(
        marks=tuple(sorted(marks, key=lambda mark: mark.start_s)),
        unsure=tuple(each for each in steps.excursions if each.unsure_mg > 0.0),
        limits=_limits(scale, steps, times.size, dose_mg),
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
    marks = tuple(_told(mark, sizes) for mark in look.quality.marks)
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


def _frozen_mark(span: found.Span, scale: found.NoiseScale, count: int) -> Mark:
    longest_s = found.frozen_limits(scale, count).longest_s
    text = f"the display showed one value for {span.duration_s:.0f} s although its noise moves it"
    return Mark(REPEAT, span.start_s, span.end_s, span.count, span.count - 1, text, f"{longest_s:.0f} s")


def _zero_mark(span: found.Span, scale: found.NoiseScale, count: int) -> Mark:
    fewest = found.frozen_limits(scale, count).fewest_moves
    text = f"the display held at zero for {span.duration_s:.0f} s: zero tracking swallows what is delivered"
    return Mark(ZERO, span.start_s, span.end_s, span.count, 0, text, f"{fewest} moves in 60 readings")


def _spike_mark(each: found.Excursion, steps: found.Steps) -> Mark:
    text = f"out by {each.size_mg:+.3g} mg and back within {max(each.end_s - each.start_s, 0.0):.1f} s"
    if each.unsure_mg > 0.0:
        text += f"; a fall of {each.unsure_mg:.2g} mg after a delivery is not excluded, and in the budget"
    return Mark(SPIKE, each.start_s, each.end_s, each.readings, each.readings, text, f"{steps.fall_mg:.3g} mg")


def _shift_mark(each: found.Shift, steps: found.Steps) -> Mark:
    if each.size_mg < 0.0:
        rule, text = BUMP, f"the level fell by {-each.size_mg:.3g} mg, which is no delivery"
    else:
        rule = RISE
        text = f"the level rose by {each.size_mg:.3g} mg that were not programmed: a bump, or an unprogrammed delivery"
    limit = (
        f"{steps.rise_mg:.2g} mg, {steps.rise_flowing_mg:.2g} mg in flow" if rule == RISE else f"{steps.fall_mg:.2g} mg"
    )
    return Mark(rule, each.before_s, each.after_s, each.readings + 2, each.readings, text, limit)


def _burst_mark(span: found.Span, scale: found.NoiseScale, count: int) -> Mark:
    limit_mg = fall_limit(count, scale) * scale.difference_mg
    text = f"noise far above the blanks' for {span.duration_s:.0f} s: a draught, or a table that shakes"
    return Mark(NOISE, span.start_s, span.end_s, span.count, 0, text, f"4 falls of {limit_mg:.2g} mg in 20 readings")


def _drop_mark(span: found.Span, sizes: tuple[float, ...], dose_mg: float) -> Mark:
    text = f"{len(sizes)} steps of {min(sizes):.1f} to {max(sizes):.1f} mg: drops, the outlet is not under the surface"
    return Mark(DROP, span.start_s, span.end_s, span.count, 0, text, f"{drop_limit_mg(dose_mg):.1f} mg, 3 times")


def _told(mark: Mark, moved: dict[float, Moved]) -> Mark:
    each = moved.get(mark.start_s) if mark.rule in (BUMP, RISE) else None
    if each is None:
        return mark
    if each.departure is None:
        return replace(mark, text=f"{mark.text}; how far cannot be told: {each.why_not}")
    how = f"{each.departure.departure_mg:+.3g} mg by both sides, u = {each.departure.u_mg:.2g} mg"
    what = "stays in the value"
    if mark.rule == BUMP:
        taken = f"{each.taken_out_mg:.3g} mg taken out, its u in the budget"
        what = taken if each.taken_out_mg else "not taken out, all of it in the budget"
    return replace(mark, text=f"{mark.text} ({how}; {what})")


def _limits(scale: found.NoiseScale, steps: found.Steps, count: int, dose_mg: float) -> tuple[tuple[str, str], ...]:
    still, flowing = found.frozen_limits(scale, count), f"{steps.rise_flowing_mg:.2g} mg in flow"
    blind = "blind: the noise does not move this display"
    return (
        (REPEAT, blind if still.blind else f"one value for {still.longest_s:.0f} s"),
        (ZERO, blind if still.blind else f"{still.fewest_moves} moves or fewer in 60 readings at zero"),
        (SPIKE, f"{steps.fall_mg:.2g} mg out and back within 30 s"),
        (BUMP, f"a fall of {steps.fall_mg:.2g} mg"),
        (RISE, f"{steps.rise_mg:.2g} mg at rest, {flowing}, that and 3 times what is due at once in a bolus"),
        (NOISE, f"{detection_limit(count, scale):.1f} times the blanks' noise over 60 readings at rest"),
        (DROP, f"3 drops of {drop_limit_mg(dose_mg):.1f} mg"),
    )
