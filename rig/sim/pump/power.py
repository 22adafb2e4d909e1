"""What keeps the pump running: its own cell, or the loop of a supply that stands in for it; and what it draws.

Powers are at the battery contacts, behind a step-up converter, so that the current grows as the voltage falls. The
thresholds and currents are in `rig.sim.parameters`, each with its source or marked as the twin's own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, takewhile

from rig.sim.instruments.circuit import Circuit, Point, Source, Steps, regulated
from rig.sim.parameters import HOUR_NS, PlantParameters

NOMINAL_V = 1.5
KEPT_SPANS = 512
UP, BOOTING, OFF = "up", "booting", "off"
ALARM_BATTERY_OUT, ALARM_DEPLETED, ALARM_RESET_BY_BATTERY = 0x03, 0x05, 0x11  # [minimed 6.2, pump-specs 1]
NS_PER_S = 1_000_000_000


@dataclass(slots=True)
class Span:
    """A time in which something draws power on top of the rest."""

    begin_ns: int
    end_ns: int
    watts: float


class PumpLoad:
    """What the pump draws, over time; as a load of the loop."""

    def __init__(self, parameters: PlantParameters, start_ns: int) -> None:
        self._p = parameters
        self._rest = Steps([start_ns], [NOMINAL_V * parameters.sleep_a])
        self._radio: deque[Span] = deque(maxlen=KEPT_SPANS)
        self._screen: deque[Span] = deque(maxlen=KEPT_SPANS)
        self._motor: deque[Span] = deque(maxlen=KEPT_SPANS)

    def rests_at(self, amps: float, rig_ns: int) -> None:
        """Set what is drawn all the time from now on, at 1.5 V; what was going on beside it ends."""
        self._rest.change(NOMINAL_V * amps, rig_ns)
        for span in chain(self._radio, self._screen, self._motor):
            span.end_ns = min(span.end_ns, rig_ns)

    def radio(self, from_ns: int, to_ns: int) -> None:
        """Note that the radio is on; called again, it is on for longer."""
        _extend(self._radio, from_ns, to_ns, NOMINAL_V * self._p.radio_a)

    def radio_off(self, rig_ns: int) -> None:
        """Note that the radio goes off."""
        if self._radio:
            self._radio[-1].end_ns = min(self._radio[-1].end_ns, rig_ns)

    def screen(self, from_ns: int, to_ns: int) -> None:
        """Note that the screen is lit."""
        _extend(self._screen, from_ns, to_ns, NOMINAL_V * self._p.screen_a)

    def motor(self, rig_ns: int, span_ns: int) -> int:
        """Note that the motor runs, when it has ended what it does; return from when on."""
        begin_ns = max(rig_ns, self._motor[-1].end_ns) if self._motor else rig_ns
        self._motor.append(Span(begin_ns, begin_ns + span_ns, NOMINAL_V * self._p.motor_a))
        return begin_ns

    def watts(self, rig_ns: int) -> float:
        """Return what is drawn at a rig time."""
        spans = self._since(rig_ns)
        return self._rest.at(rig_ns) + sum(span.watts for span in spans if span.begin_ns <= rig_ns < span.end_ns)

    def solve(self, source: Source, ohm: float, rig_ns: int) -> Point:
        """Return the loop's state at a rig time."""
        return regulated(source, ohm, self.watts(rig_ns), NOMINAL_V)

    def edges(self, from_ns: int, to_ns: int) -> list[int]:
        """Return the times at which something begins or ends."""
        spans = self._since(from_ns)
        ends = [edge for span in spans for edge in (span.begin_ns, span.end_ns) if from_ns < edge < to_ns]
        return ends + self._rest.edges(from_ns, to_ns)

    def _since(self, rig_ns: int) -> Iterator[Span]:
        """Return what had not ended at a rig time; what ended before stands first in each row."""
        for spans in (self._radio, self._screen, self._motor):
            yield from takewhile(lambda span: span.end_ns > rig_ns, reversed(spans))


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the supply of the pump does to the rest of it; ``later`` calls back at a rig time, plant and pump there."""

    later: Callable[[int, Callable[[], None]], None]
    lost: Callable[[], None]
    back: Callable[[int, int, int], None]  # rig time; alarm, 0 for none; ns for which the clock stood
    depleted: Callable[[], None]


class PumpPower:
    """The state of the pump's supply. Without a loop it runs from its own cell, which never fails by itself."""

    def __init__(self, parameters: PlantParameters, cell_v: float, start_ns: int, wiring: Wiring) -> None:
        self._p = parameters
        self._cell_v = cell_v
        self._start_ns = start_ns
        self._wiring = wiring
        self._circuit: Circuit | None = None
        self.load = PumpLoad(parameters, start_ns)
        self.state = UP
        self.resets: deque[tuple[int, str]] = deque(maxlen=1000)  # rig time and reason, for tests and tools
        self.starts = 0  # self-tests that it passed
        self._failing = False
        self._fail_token = self._boot_token = 0  # of what is due to happen; a later one makes it void
        self._out_since_ns: int | None = None
        self._pulled_down = False  # by the motor, and not by whoever took the supply away

    def feed_from(self, circuit: Circuit, rig_ns: int) -> None:
        """Put a dummy cell at the end of a loop in place of the cell."""
        self._circuit = circuit
        circuit.changed = self.look
        self.look(rig_ns)

    @property
    def is_up(self) -> bool:
        """Say whether the pump works."""
        return self.state == UP

    def volts(self, rig_ns: int, used_u: float) -> float:
        """Return the voltage at the battery contacts, as the pump measures it between strokes."""
        if self._circuit is not None:
            return self._circuit.at(rig_ns).load_v
        hours = (rig_ns - self._start_ns) / HOUR_NS
        return self._cell_v - self._p.battery_v_per_h * hours - self._p.battery_v_per_u * used_u

    def radio(self, rig_ns: int, for_ns: int) -> None:
        """Note that the radio stays on for so long; 0: it goes off."""
        if self._circuit is None:
            return
        if for_ns > 0:
            self.load.radio(rig_ns, rig_ns + for_ns)
            self.look(rig_ns)
        else:
            self.load.radio_off(rig_ns)

    def screen(self, rig_ns: int) -> None:
        """Note that the screen is lit: a key, or an alarm."""
        if self._circuit is not None:
            self.load.screen(rig_ns, rig_ns + round(self._p.screen_s * NS_PER_S))

    def stroke(self, rig_ns: int, strokes: int) -> bool:
        """Let the motor run; False when that pulls the supply down so far that the pump resets."""
        circuit = self._circuit
        if circuit is None:
            return True
        begin_ns = self.load.motor(rig_ns, round(strokes * self._p.motor_s * NS_PER_S))
        point = circuit.at(begin_ns)
        if point.load_v < self._p.brown_out_v:
            self._pulled_down = True
            self._lose(rig_ns)
            return False
        if point.limited:
            circuit.limited(rig_ns)
        return True

    def look(self, rig_ns: int) -> None:
        """See what a change of the supply, or of what is drawn, does to the pump."""
        if self._circuit is None:
            return
        volts = self._circuit.at(rig_ns).load_v
        if self.state == OFF:
            self._boot_token += 1
            if volts >= self._p.restart_v:
                self._later(rig_ns + self._ns(self._p.retry_s), self._boot, self._boot_token)
        elif volts >= self._p.brown_out_v:
            self._failing = False
            self._fail_token += 1
            if self.state == UP and volts < self._p.battery_dead_v:
                self._wiring.later(rig_ns, self._wiring.depleted)
        elif not self._failing:
            self._failing = True
            self._fail_token += 1
            self._later(rig_ns + self._ns(self._p.hold_up_s), self._fail, self._fail_token)

    def _later(self, at_ns: int, act: Callable[[int, int], None], token: int) -> None:
        self._wiring.later(at_ns, partial(act, token, at_ns))

    def _ns(self, seconds: float) -> int:
        return round(seconds * NS_PER_S)

    def _fail(self, token: int, rig_ns: int) -> None:
        if token == self._fail_token and self.state != OFF:
            self._lose(rig_ns)

    def _lose(self, rig_ns: int) -> None:
        """Everything stops; what was in memory only is gone."""
        self.state = OFF
        self._failing = False
        self._fail_token += 1
        self._boot_token += 1
        if self._out_since_ns is None:
            self._out_since_ns = rig_ns
        self.load.rests_at(0.0, rig_ns)
        self.resets.append((rig_ns, "pulled down by the motor" if self._pulled_down else "supply gone"))
        self._wiring.lost()
        self.look(rig_ns)

    def _boot(self, token: int, rig_ns: int) -> None:
        if token != self._boot_token or self.state != OFF:
            return
        self.state = BOOTING
        self.load.rests_at(self._p.boot_a, rig_ns)
        self._boot_token += 1
        self._later(rig_ns + self._ns(self._p.boot_s), self._booted, self._boot_token)
        self.look(rig_ns)

    def _booted(self, token: int, rig_ns: int) -> None:
        if token != self._boot_token or self.state != BOOTING:
            return
        began_ns = rig_ns - self._ns(self._p.boot_s)
        out_ns = began_ns - (began_ns if self._out_since_ns is None else self._out_since_ns)
        stood_ns = max(0, out_ns - self._ns(self._p.battery_out_s))
        alarm = ALARM_RESET_BY_BATTERY if self._pulled_down else ALARM_BATTERY_OUT if stood_ns else 0
        self.state, self._pulled_down, self._out_since_ns = UP, False, None
        self.starts += 1
        self.load.rests_at(self._p.sleep_a, rig_ns)
        self._wiring.back(rig_ns, alarm, stood_ns)
        self.look(rig_ns)


def _extend(spans: deque[Span], from_ns: int, to_ns: int, watts: float) -> None:
    if spans and spans[-1].end_ns >= from_ns:
        spans[-1].end_ns = max(spans[-1].end_ns, to_ns)
    else:
        spans.append(Span(from_ns, to_ns, watts))
