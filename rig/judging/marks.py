"""Marks: what a rule of the data quality found in a stretch of a run, its part in a volume, and how it is told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rig.analysis import quality as found
from rig.analysis.bridging import Departure
from rig.analysis.quality.bursts import detection_limit, fall_limit
from rig.analysis.quality.drops import drop_limit_mg
from rig.metrology.budget import Component
from rig.metrology.checks import FloatArray

SURE_SIGMAS = 3.0
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


def frozen_mark(span: found.Span, scale: found.NoiseScale, count: int) -> Mark:
    """Return the mark of a stretch in which the display repeated one value."""
    longest_s = found.frozen_limits(scale, count).longest_s
    text = f"the display showed one value for {span.duration_s:.0f} s although its noise moves it"
    return Mark(REPEAT, span.start_s, span.end_s, span.count, span.count - 1, text, f"{longest_s:.0f} s")


def zero_mark(span: found.Span, scale: found.NoiseScale, count: int) -> Mark:
    """Return the mark of a stretch in which the display held at zero."""
    fewest = found.frozen_limits(scale, count).fewest_moves
    text = f"the display held at zero for {span.duration_s:.0f} s: zero tracking swallows what is delivered"
    return Mark(ZERO, span.start_s, span.end_s, span.count, 0, text, f"{fewest} moves in 60 readings")


def spike_mark(each: found.Excursion, steps: found.Steps) -> Mark:
    """Return the mark of readings that were out and back."""
    text = f"out by {each.size_mg:+.3g} mg and back within {max(each.end_s - each.start_s, 0.0):.1f} s"
    if each.unsure_mg > 0.0:
        text += f"; a fall of {each.unsure_mg:.2g} mg after a delivery is not excluded, and in the budget"
    return Mark(SPIKE, each.start_s, each.end_s, each.readings, each.readings, text, f"{steps.fall_mg:.3g} mg")


def shift_mark(each: found.Shift, steps: found.Steps) -> Mark:
    """Return the mark of a lasting shift of the level, up or down."""
    if each.size_mg < 0.0:
        rule, text = BUMP, f"the level fell by {-each.size_mg:.3g} mg, which is no delivery"
    else:
        rule = RISE
        text = f"the level rose by {each.size_mg:.3g} mg that were not programmed: a bump, or an unprogrammed delivery"
    limit = (
        f"{steps.rise_mg:.2g} mg, {steps.rise_flowing_mg:.2g} mg in flow" if rule == RISE else f"{steps.fall_mg:.2g} mg"
    )
    return Mark(rule, each.before_s, each.after_s, each.readings + 2, each.readings, text, limit)


def burst_mark(span: found.Span, scale: found.NoiseScale, count: int) -> Mark:
    """Return the mark of a stretch whose noise is far above the blanks'."""
    limit_mg = fall_limit(count, scale) * scale.difference_mg
    text = f"noise far above the blanks' for {span.duration_s:.0f} s: a draught, or a table that shakes"
    return Mark(NOISE, span.start_s, span.end_s, span.count, 0, text, f"4 falls of {limit_mg:.2g} mg in 20 readings")


def drop_mark(span: found.Span, sizes: tuple[float, ...], dose_mg: float) -> Mark:
    """Return the mark of a stretch in which the liquid fell in drops; ``sizes`` in mg."""
    text = f"{len(sizes)} steps of {min(sizes):.1f} to {max(sizes):.1f} mg: drops, the outlet is not under the surface"
    return Mark(DROP, span.start_s, span.end_s, span.count, 0, text, f"{drop_limit_mg(dose_mg):.1f} mg, 3 times")


def told(mark: Mark, moved: dict[float, Moved]) -> Mark:
    """Return a mark with how far its shift went, as it was found; ``moved``: by the time before the shift, s."""
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


def limits(scale: found.NoiseScale, steps: found.Steps, count: int, dose_mg: float) -> tuple[tuple[str, str], ...]:
    """Return the detection limit of each rule for this run, in words."""
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
