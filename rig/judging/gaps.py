"""Reading gaps: nothing was weighed, but the pump kept delivering (design 4.4).

A gap that the record explains (the rig re-attached to a running pump, a balance's link was lost and reopened, the
balance was adjusting itself, off, silent, or answered out of step) costs added uncertainty only: both edges of an
interval around it are measured, and what may have happened unseen between them, a knock at the table, a drop, another
zero, is bounded by how the level after it fits the one before. Any other gap stays what it was: longer than
``gap.tolerate``, and nothing over it is measurable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rig.analysis.bridging import Departure, Gap, Side, departure_of
from rig.analysis.quality import Span, find_gaps
from rig.errors import BenchError
from rig.judging.doubted import cause_of, edges
from rig.metrology.budget import Component
from rig.metrology.checks import FloatArray
from rig.metrology.volume import WeighingChain
from rig.programme import Programme
from rig.record.reader import Event
from rig.scenario.model import Scenario

NS_PER_S = 1e9
BALANCE = "balance"
REATTACHED = "rig re-attached after loss of the runner"
REOPENED = "the balance's link was lost and reopened"
REJOIN_S = 120.0  # after the hold: opening ports, waking the pump, asking everyone who he is
SHIFT_SIGMAS = 3.0
SETTLING_S = 120.0  # after a change of rate or a bolus the line still moves: no slope is taken from it
DOSES_IN_A_SIDE = 20.0
SHORTEST_SIDE_S = 300.0
LONGEST_SIDE_S = 7200.0
PUMP_CLOCK_S = 2.0  # a rate changes by the pump's clock, which tells whole seconds
SOURCE = "an unseen shift is bounded by what the level after it departs from the extrapolation of both sides"


@dataclass(frozen=True, slots=True)
class ExplainedGap:
    """From the last reading before to the first after what interrupted the readings; ``longest_s`` is tolerable."""

    start_s: float
    end_s: float
    cause: str
    longest_s: float

    @property
    def duration_s(self) -> float:
        """Length, s."""
        return self.end_s - self.start_s

    @property
    def tolerable(self) -> bool:
        """Whether added uncertainty may decide."""
        return self.duration_s <= self.longest_s


@dataclass(frozen=True, slots=True)
class Bridge:
    """A tolerable gap with its departure; ``why_not``: the sides hold too little to bound a shift."""

    gap: ExplainedGap
    departure: Departure | None
    why_not: str = ""

    @property
    def shifted(self) -> bool:
        """Whether the level moved by more than three times what the extrapolation leaves open."""
        found = self.departure
        return found is not None and abs(found.departure_mg) > SHIFT_SIGMAS * found.u_mg

    @property
    def u_mg(self) -> float:
        """Standard uncertainty that the gap adds to a difference across it: the departure is not corrected for."""
        found = self.departure
        return 0.0 if found is None else math.hypot(found.u_mg, found.departure_mg)

    def component(self, ul_per_mg: float) -> Component:
        """Return the line of a volume's budget, in uL."""
        name = f"reading gap of {self.gap.duration_s:.0f} s"
        return Component(name, self.u_mg, "mg", ul_per_mg, "A", source=SOURCE)

    def touches(self, at_s: float) -> bool:
        """Whether an instant lies within the gap, where nothing was weighed."""
        return self.gap.start_s < at_s < self.gap.end_s

    def spans(self, from_s: float, to_s: float) -> bool:
        """Whether an interval and the gap overlap."""
        return self.gap.start_s < to_s and self.gap.end_s > from_s


def explained_gaps(
    events: Sequence[Event], origin_ns: int, times_s: FloatArray, scenario: Scenario
) -> tuple[ExplainedGap, ...]:
    """Return the gaps that events of the record explain, in order, each once."""
    held = scenario.hold_s + REJOIN_S if scenario.on_runner_loss == "hold" else 0.0
    found: dict[tuple[float, float], ExplainedGap] = {}
    for event in events:
        at_ns, told = event.at_ns, cause_of(event)
        if event.name == "run_resumed" and event.data.get("mode") == "reattach":
            cause, longest_s = REATTACHED, held
        elif event.name == "link_reopened" and event.data.get("link") == BALANCE:
            cause, longest_s = REOPENED, scenario.gap_tolerate_s
        elif told is not None:
            (cause, at_ns), longest_s = told, scenario.gap_tolerate_s
        else:
            continue
        around = edges(times_s, (at_ns - origin_ns) / NS_PER_S)
        if around is not None and (around not in found or cause == REATTACHED):
            found[around] = ExplainedGap(*around, cause, longest_s)
    return tuple(sorted(found.values(), key=lambda gap: gap.start_s))


def intolerable_gaps(
    times_s: FloatArray, end_s: float, scenario: Scenario, explained: Sequence[ExplainedGap]
) -> tuple[Span, ...]:
    """Return the gaps over which nothing is measurable, explained ones that lasted too long included."""
    bridged = {(gap.start_s, gap.end_s) for gap in explained if gap.tolerable}
    found = list(find_gaps(times_s, scenario.gap_tolerate_s, end_s=end_s))
    held = {(gap.start_s, gap.end_s) for gap in found}
    found += [
        Span(gap.start_s, gap.end_s) for gap in explained if not gap.tolerable and (gap.start_s, gap.end_s) not in held
    ]
    kept = [gap for gap in found if (gap.start_s, gap.end_s) not in bridged]
    return tuple(sorted(kept, key=lambda gap: gap.start_s))


def bridges(
    explained: Sequence[ExplainedGap],
    times_s: FloatArray,
    masses_mg: FloatArray,
    programme: Programme,
    chain: WeighingChain,
    ul_per_u: float,
) -> tuple[Bridge, ...]:
    """Return the tolerable gaps, each with what its sides say of it."""
    found = []
    for gap in explained:
        if not gap.tolerable:
            continue
        try:
            others = [other for other in explained if other is not gap]
            found.append(Bridge(gap, departure_over(gap, others, times_s, masses_mg, programme, chain, ul_per_u)))
        except BenchError as error:
            found.append(Bridge(gap, None, error.what))
    return tuple(found)


def departure_over(
    gap: ExplainedGap,
    others: Sequence[ExplainedGap],
    times_s: FloatArray,
    masses_mg: FloatArray,
    programme: Programme,
    chain: WeighingChain,
    ul_per_u: float,
) -> Departure:
    """Return what the sides of a gap say of a shift in it; ``BenchError`` where they hold too little to say it."""
    if chain.noise is None:
        raise BenchError("no blank: the balance's noise is unknown")
    rate = programme.rate_at(gap.start_s)
    before_s, after_s, switches = _shares(gap, programme)
    dose_mg = programme.dose_u * ul_per_u * 1e-3 * chain.liquid.density_kg_per_m3 if rate or switches else 0.0
    low_s, high_s = _quiet(gap, others, programme, float(times_s[0]), float(times_s[-1]))
    model = Gap(
        gap.start_s,
        gap.end_s,
        before_s,
        after_s,
        _side_s(gap, rate, programme.dose_u),
        dose_mg,
        PUMP_CLOCK_S if switches else 0.0,
    )
    sides = Side(low_s, gap.start_s), Side(gap.end_s, high_s)
    return departure_of(times_s, masses_mg, sides[0], model, sides[1], chain.noise, chain.balance.resolution_mg)


def _side_s(gap: ExplainedGap, rate_u_per_h: float, dose_u: float) -> float:
    """Return how much of each side to look at: twice the gap, 20 doses, 5 min to 2 h."""
    doses_s = DOSES_IN_A_SIDE * dose_u / rate_u_per_h * 3600.0 if rate_u_per_h > 0.0 else 0.0
    return min(max(2.0 * gap.duration_s, doses_s, SHORTEST_SIDE_S), LONGEST_SIDE_S)


def _shares(gap: ExplainedGap, programme: Programme) -> tuple[float, float, bool]:
    """Return how long the rate before and the rate after ran within the gap, and whether they differ.

    ``BenchError`` for a rate that ran within the gap only: nobody measured it, and SET is not assumed.
    """
    before, after = programme.rate_at(gap.start_s), programme.rate_at(gap.end_s)
    if any(order.start_s < gap.end_s and order.end_s > gap.start_s for order in programme.boluses):
        raise BenchError("a bolus ran within the reading gap")
    if before == after and all(
        part.rate_u_per_h == before
        for part in programme.segments
        if part.start_s < gap.end_s and part.end_s > gap.start_s
    ):
        return gap.duration_s / 2.0, gap.duration_s / 2.0, False
    shares = {before: 0.0, after: 0.0}
    for part in programme.segments:
        length_s = min(part.end_s, gap.end_s) - max(part.start_s, gap.start_s)
        if length_s <= 0.0:
            continue
        if part.rate_u_per_h not in shares:
            raise BenchError(f"the rate was {part.rate_u_per_h:g} U/h within the reading gap only")
        shares[part.rate_u_per_h] += length_s
    if before == after:
        raise BenchError("the rate changed within the reading gap and back")
    return shares[before], shares[after], True


def _quiet(
    gap: ExplainedGap, others: Sequence[ExplainedGap], programme: Programme, first_s: float, last_s: float
) -> tuple[float, float]:
    """Return from when and until when the flow beside the gap is steady, without boluses or further gaps."""
    low, high = first_s, last_s
    for part in programme.segments:
        if part.start_s <= gap.start_s:
            low = max(low, part.start_s + SETTLING_S)
        if part.end_s >= gap.end_s:
            high = min(high, part.end_s)
    for order in programme.boluses:
        if order.end_s <= gap.start_s:
            low = max(low, order.end_s + SETTLING_S)
        elif order.start_s >= gap.end_s:
            high = min(high, order.start_s)
    for other in others:
        if other.end_s <= gap.start_s:
            low = max(low, other.end_s)
        elif other.start_s >= gap.end_s:
            high = min(high, other.start_s)
    return min(low, gap.start_s), high
