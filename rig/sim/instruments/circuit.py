"""The loop from the supply's output through leads, contact and meter to the pump's battery compartment.

Voltages and currents are steady at every instant: what the pump's capacitor holds up is the pump's business. Between
two edges (a setting, a motor pulse, a contact that opens) nothing changes, so means over a time are exact sums.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

from rig.sim.faults import FOREVER_NS, FaultSet

T = TypeVar("T")
KEPT = 4096  # edges that are remembered; whoever averages asks soon after


@dataclass(frozen=True, slots=True)
class Source:
    """What a supply's output is asked for; off is an open circuit."""

    volts: float = 0.0
    limit_a: float = 0.0
    on: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """The loop at an instant, or on average: at the supply's terminals, at the load, and whether current is limited."""

    source_v: float
    load_v: float
    amps: float
    limited: bool


OPEN = Point(0.0, 0.0, 0.0, False)


class Load(Protocol):
    """What hangs at the end of the leads."""

    def solve(self, source: Source, ohm: float, rig_ns: int) -> Point:
        """Return the loop's state behind a series resistance at a rig time."""

    def edges(self, from_ns: int, to_ns: int) -> list[int]:
        """Return the rig times in between at which it changes."""


@dataclass(frozen=True, slots=True)
class Resistor:
    """A plain resistor in place of a pump."""

    ohm: float

    def solve(self, source: Source, ohm: float, _rig_ns: int) -> Point:
        """Return the loop's state."""
        return resistive(source, ohm, 1.0 / self.ohm)

    def edges(self, _from_ns: int, _to_ns: int) -> list[int]:
        """Return no times: it never changes."""
        return []


def resistive(source: Source, ohm: float, siemens: float) -> Point:
    """Return the state of the loop with a load of constant conductance."""
    amps = source.volts * siemens / (1.0 + ohm * siemens)
    limited = amps > source.limit_a
    amps = min(amps, source.limit_a)
    load_v = amps / siemens if siemens > 0.0 else source.volts
    return Point(load_v + amps * ohm if limited else source.volts, load_v, amps, limited)


def regulated(source: Source, ohm: float, watts: float, nominal_v: float) -> Point:
    """Return the state of the loop with a load behind a step-up converter, which takes constant power.

    Beyond what the leads can carry, or the limit allows, its voltage collapses: it takes what a resistor of
    ``nominal_v`` squared over ``watts`` would, and has at most half of the source's voltage left, where a resistance
    gives most.
    """
    if watts <= 0.0 or source.volts <= 0.0:
        return Point(source.volts, source.volts, 0.0, False)
    room = source.volts * source.volts - 4.0 * ohm * watts
    if room >= 0.0:
        amps = 2.0 * watts / (source.volts + math.sqrt(room))
        if amps <= source.limit_a:
            return Point(source.volts, source.volts - amps * ohm, amps, False)
    point = resistive(source, ohm, watts / (nominal_v * nominal_v))
    return replace(point, load_v=min(point.load_v, source.volts / 2.0))


@dataclass(slots=True)
class Steps(Generic[T]):
    """A quantity that changes in steps; the latest changes are kept."""

    times: list[int]
    values: list[T]

    def change(self, value: T, rig_ns: int) -> None:
        """Note a new value from a rig time on."""
        if self.times[-1] == rig_ns:
            self.values[-1] = value
            return
        self.times.append(rig_ns)
        self.values.append(value)
        if len(self.times) > KEPT:
            del self.times[: KEPT // 2], self.values[: KEPT // 2]

    def at(self, rig_ns: int) -> T:
        """Return the value at a rig time."""
        return self.values[max(0, bisect_right(self.times, rig_ns) - 1)]

    def edges(self, from_ns: int, to_ns: int) -> list[int]:
        """Return the times of change in between."""
        return self.times[bisect_right(self.times, from_ns) : bisect_right(self.times, to_ns)]


class Circuit:
    """One loop; `changed` is called after each change of source or resistance, with its rig time."""

    def __init__(self, load: Load, lead_ohm: float, faults: FaultSet, start_ns: int) -> None:
        self._load = load
        self._lead_ohm = lead_ohm
        self._faults = faults
        self._source = Steps([start_ns], [Source()])
        self._meter_ohm = Steps([start_ns], [0.0])
        self._interrupted = _marks(faults.spans("supply.contact"))
        self.changed: Callable[[int], None] = lambda _rig_ns: None
        self.limited: Callable[[int], None] = lambda _rig_ns: None  # a pulse ran into the current limit

    def feed(self, source: Source, rig_ns: int) -> None:
        """Set what the supply puts out from a rig time on."""
        self._source.change(source, rig_ns)
        self.changed(rig_ns)

    def put_in_series(self, ohm: float, rig_ns: int) -> None:
        """Set the resistance of the meter in the loop."""
        if self._meter_ohm.at(rig_ns) != ohm:
            self._meter_ohm.change(ohm, rig_ns)
            self.changed(rig_ns)

    def ohm(self, rig_ns: int) -> float:
        """Return the resistance between supply and load."""
        return self._lead_ohm + self._meter_ohm.at(rig_ns)

    def source(self, rig_ns: int) -> Source | None:
        """Return what feeds the load, None while the loop is open."""
        source = self._source.at(rig_ns)
        if not source.on or self._faults.on("supply.contact", rig_ns):
            return None
        return source

    def asked(self, rig_ns: int) -> Source:
        """Return what the supply was last told to put out."""
        return self._source.at(rig_ns)

    def at(self, rig_ns: int) -> Point:
        """Return the loop at a rig time."""
        source = self.source(rig_ns)
        if source is None:
            asked = self._source.at(rig_ns)
            return Point(asked.volts, 0.0, 0.0, False) if asked.on else OPEN
        return self._load.solve(source, self.ohm(rig_ns), rig_ns)

    def mean(self, from_ns: int, to_ns: int) -> Point:
        """Return the averages over a time that has passed; ``limited`` if it ever was."""
        if to_ns <= from_ns:
            return self.at(to_ns)
        inner = {
            *self._source.edges(from_ns, to_ns),
            *self._meter_ohm.edges(from_ns, to_ns),
            *self._load.edges(from_ns, to_ns),
            *(mark for mark in self._interrupted if from_ns < mark < to_ns),
        }
        edges = sorted({from_ns, to_ns} | {edge for edge in inner if from_ns < edge < to_ns})
        total = _Mean()
        for begin, end in pairwise(edges):
            total.add(self.at(begin), end - begin)
        return total.point()


@dataclass(slots=True)
class _Mean:
    """A sum of points, each weighted with the time it lasted."""

    span: int = 0
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    limited: bool = False

    def add(self, point: Point, span: int) -> None:
        self.span += span
        for place, value in enumerate((point.source_v, point.load_v, point.amps)):
            self.sums[place] += value * span
        self.limited = self.limited or point.limited

    def point(self) -> Point:
        source_v, load_v, amps = (value / self.span for value in self.sums)
        return Point(source_v, load_v, amps, self.limited)


def _marks(spans: list[tuple[int, int]]) -> list[int]:
    return sorted(mark for span in spans for mark in span if mark < FOREVER_NS)
