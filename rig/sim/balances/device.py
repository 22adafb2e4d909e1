"""What every simulated balance shares: wire, states, waiting for stability, streams, zero and tare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rig.sim.balances.display import UNIT_MG, Display
from rig.sim.balances.menu import Menu
from rig.sim.balances.output import Output
from rig.sim.faults import FOREVER_NS, FaultSet
from rig.sim.parameters import PlantParameters
from rig.sim.plant.balance_cell import Sample
from rig.sim.plant.plant import Plant
from rig.transport.virtual import Port

NS = 1_000_000_000

Stable = Callable[[Sample | None, int], None]
"""Called with the stable sample, an overload or underload, or None at the time-out."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a balance stands: what is on its pan, and what goes wrong there."""

    plant: Plant
    parameters: PlantParameters
    seed: int
    faults: FaultSet
    start_ns: int


class BalanceDevice:
    """One balance on one wire; times are link times unless a name says otherwise.

    A protocol says in `_hear` what it does with bytes, in `_say_weight` how a sample is written, in `_power_up` what it
    sends when it gets its supply. Nothing here knows a command.
    """

    waits_through_loads = False  # an overload or underload does not end the wait for stability

    def __init__(self, place: Place, menu: Menu) -> None:
        self._p = parameters = place.parameters
        self._plant = place.plant
        self._faults = place.faults
        self._start_ns = place.start_ns
        self._seed = place.seed
        self._menu = menu
        self.model = menu.model or parameters.balance_model
        self.serial = menu.serial or parameters.balance_serial
        self._display = Display(parameters.resolution_mg)
        self._port: Port | None = None
        self._output: Output | None = None
        self._update_ns = round(parameters.update_s * 1e9)
        self._waiting: Stable | None = None
        self._deadline_ns = FOREVER_NS
        self._token = 0  # of the running wait or stream; a later one makes it void
        self._streaming = False
        self._front_unit, self._front_coarse = "g", False  # as set by keys
        self._standby = False
        self._woken_ns = -1  # rig time of the last command that woke it
        self._adjusted: Callable[[int], None] | None = None  # what is said when an internal adjustment ends
        self._adjusting = 0  # which adjustment this is

    # --- wire and supply

    def attach(self, port: Port) -> None:
        """Learn the wire; the balance says what it says at power-up."""
        self._port = port
        self._output = Output(port, self._faults, self._seed, self._p.reply_s)
        self._power_up(self._start_ns)
        if self._menu.autoprint:
            port.call_at(self._start_ns, self._start_stream)
        self._plan("balance.power_cut", lambda _now_ns: self._end_running(), self._supply_back)
        self._plan("balance.autoprint", self._start_stream, self._autoprint_off)

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take bytes; without supply they are lost."""
        if not self._fault("balance.power_cut", now_ns):
            self._hear(data, now_ns)

    def _hear(self, data: bytes, now_ns: int) -> None:
        raise NotImplementedError

    def _power_up(self, now_ns: int) -> None:
        """Say what is said at power-up; silent where the protocol does not say otherwise."""

    def _supply_back(self, now_ns: int) -> None:
        """Start anew: the load becomes zero, the tare is forgotten, settings stay."""
        self._adjusted, self._standby = None, False
        sample = self._sample(now_ns)
        if sample.state == "ok" and self._zero_at_start():
            self._plant.cell.zero(sample.counts)
        self._plant.cell.set_tare(0)
        self._plant.refresh()
        self._power_up(now_ns)
        if self._menu.autoprint:
            self._start_stream(now_ns)

    def _zero_at_start(self) -> bool:
        """Say whether the load at power-up becomes zero."""
        return True

    def _autoprint_off(self, now_ns: int) -> None:
        del now_ns
        if not self._menu.autoprint:
            self._end_running()

    def _plan(self, fault: str, begin: Callable[[int], None], end: Callable[[int], None]) -> None:
        """Call ``begin`` and ``end`` when an on/off fault begins and ends."""
        port = self._wire
        rig_start_ns = port.rig_ns(self._start_ns)
        speed = (port.rig_ns(self._start_ns + NS) - rig_start_ns) / NS
        for span in self._faults.spans(fault):
            for at_ns, action in zip(span, (begin, end), strict=True):
                if at_ns < FOREVER_NS:
                    port.call_at(self._start_ns + round((at_ns - rig_start_ns) / speed), action)

    @property
    def _wire(self) -> Port:
        if self._port is None:
            raise RuntimeError("a simulated balance was used before it was attached")
        return self._port

    def _fault(self, name: str, now_ns: int) -> bool:
        return self._faults.any_balance and self._faults.on(name, self._wire.rig_ns(now_ns))

    def _send(self, line: bytes, now_ns: int) -> None:
        if self._output is None:
            raise RuntimeError("a simulated balance was used before it was attached")
        self._output.send(line, now_ns)

    def _say(self, text: str, now_ns: int) -> None:
        self._send(text.encode("latin-1") + b"\r\n", now_ns)

    # --- states

    def _trouble(self, now_ns: int) -> str:
        """Return why there is no weight: "asleep", "error", "busy", or "" when there is one."""
        if self._standby:
            return "asleep"
        if self._faults.any_balance:
            rig_ns = self._wire.rig_ns(now_ns)
            spans = self._faults.spans("balance.asleep")
            if any(start_ns <= rig_ns < end_ns and start_ns > self._woken_ns for start_ns, end_ns in spans):
                return "asleep"
            if self._faults.on("balance.error", rig_ns):
                return "error"
            if self._faults.on("balance.adjusting", rig_ns):
                return "busy"
        return "busy" if self._adjusted is not None else ""

    def _wake(self, now_ns: int) -> None:
        self._standby = False
        self._woken_ns = self._wire.rig_ns(now_ns)

    def _sleep(self) -> None:
        self._end_running()
        self._standby = True

    def _adjust(self, now_ns: int, then: Callable[[int], None]) -> None:
        """Begin an internal adjustment; ``then`` says that it is done. A running stream goes on, without weights."""
        self._adjusting += 1
        number = self._adjusting
        self._adjusted = then
        self._wire.call_at(now_ns + round(self._menu.adjust_s * 1e9), lambda at_ns: self._end_adjusting(number, at_ns))

    def _end_adjusting(self, number: int, now_ns: int) -> None:
        then = self._adjusted
        if then is not None and number == self._adjusting and not self._fault("balance.power_cut", now_ns):
            self._adjusted = None
            self._plant.cell.adjust()
            self._plant.refresh()
            then(now_ns)

    def _break_off_adjusting(self) -> None:
        self._adjusted = None

    # --- weighing

    def _sample(self, now_ns: int) -> Sample:
        return self._plant.sample(self._wire.rig_ns(now_ns))

    def _unit(self, now_ns: int) -> str:
        """Return the unit of the display."""
        if not self._faults.any_balance:
            return self._front_unit
        return self._faults.text("balance.unit", self._wire.rig_ns(now_ns)) or self._front_unit

    def _number(self, counts: int, unit: str, width: int, now_ns: int) -> str:
        return self._display.number(counts, unit, width, coarse=self._coarse(now_ns))

    def _coarse(self, now_ns: int) -> bool:
        """Say whether the display leaves out its last digit."""
        return self._front_coarse or self._fault("balance.coarse", now_ns)

    def _say_settled(self, sample: Sample | None, now_ns: int) -> None:
        """Say a stable weight; nothing at a time-out."""
        if sample is not None:
            self._say_weight(sample, now_ns)

    def _say_weight(self, sample: Sample, now_ns: int) -> None:
        raise NotImplementedError

    def _say_trouble(self, trouble: str, now_ns: int) -> None:
        """Say in the place of a weight why there is none; silent where the protocol does not say otherwise."""

    def _weigh(self, now_ns: int) -> None:
        """Say the weight, or why there is none."""
        trouble = self._trouble(now_ns)
        if trouble:
            self._say_trouble(trouble, now_ns)
        else:
            self._say_weight(self._sample(now_ns), now_ns)

    def _end_running(self) -> None:
        """End a stream and a wait."""
        self._token += 1
        self._streaming = False
        self._waiting = None

    @property
    def _output_hz(self) -> float:
        """Return how many lines of a stream come in a second."""
        return self._menu.output_hz

    def _start_stream(self, now_ns: int) -> None:
        self._end_running()
        self._streaming = True
        self._stream(self._token, now_ns)

    def _stream(self, token: int, now_ns: int) -> None:
        if token != self._token or not self._streaming:
            return
        self._weigh(now_ns)
        self._wire.call_at(now_ns + round(1e9 / self._output_hz), lambda at_ns: self._stream(token, at_ns))

    def _when_stable(self, now_ns: int, then: Stable, timeout_s: float | None = None) -> None:
        """Call ``then`` with a stable sample or at the time-out; without one it waits for good."""
        self._waiting = then
        self._deadline_ns = FOREVER_NS if timeout_s is None else now_ns + round(timeout_s * 1e9)
        self._try_stable(self._token, now_ns)

    def _try_stable(self, token: int, now_ns: int) -> None:
        then = self._waiting
        if then is None or token != self._token:
            return
        sample = None if self._trouble(now_ns) else self._sample(now_ns)
        if sample is not None and (sample.stable or (sample.state != "ok" and not self.waits_through_loads)):
            self._finish(then, sample, now_ns)
        elif now_ns >= self._deadline_ns:
            self._finish(then, None, now_ns)
        else:
            self._wire.call_at(now_ns + self._update_ns, lambda at_ns: self._try_stable(token, at_ns))

    def _finish(self, then: Stable, sample: Sample | None, now_ns: int) -> None:
        self._waiting = None
        then(sample, now_ns)

    # --- zero and tare

    def _take_zero(self, sample: Sample) -> None:
        self._plant.cell.zero(sample.counts)
        self._plant.refresh()

    def _take_tare(self, sample: Sample) -> int:
        """Return the new tare in digits since zero."""
        tare = self._plant.cell.tare(sample.counts)
        self._plant.refresh()
        return tare

    def _rezero(self, sample: Sample) -> None:
        """Zero near zero, and tare otherwise: a hundredth of the capacity is "near"."""
        near = self._p.capacity_g * 10.0 / self._p.resolution_mg
        if abs(sample.counts + self._plant.cell.tare_counts) <= near:
            self._take_zero(sample)
        else:
            self._take_tare(sample)

    def _set_tare(self, value: float, unit: str) -> bool:
        """Set a known tare; say whether it is possible."""
        if unit not in UNIT_MG or not 0.0 <= value * UNIT_MG[unit] <= self._p.capacity_g * 1000.0:
            return False
        self._plant.cell.set_tare(round(value * UNIT_MG[unit] / self._p.resolution_mg))
        self._plant.refresh()
        return True


class LineBalance(BalanceDevice):
    """A balance whose commands are lines; what is no command stays in the buffer until it is too long."""

    ends: tuple[bytes, ...] = (b"\r\n",)
    max_line = 255

    def __init__(self, place: Place, menu: Menu) -> None:
        super().__init__(place, menu)
        self._input = bytearray()

    def _hear(self, data: bytes, now_ns: int) -> None:
        self._input += data
        while (found := self._first_end()) is not None:
            at, length = found
            line = bytes(self._input[:at])
            del self._input[: at + length]
            if line:
                self._command(line, now_ns)
        if len(self._input) > self.max_line:
            self._input.clear()
            self._too_long(now_ns)

    def _first_end(self) -> tuple[int, int] | None:
        """Return (place, length) of the first end of a line."""
        found = [(at, -len(end)) for end in self.ends if (at := self._input.find(end)) >= 0]
        if not found:
            return None
        at, length = min(found)
        return at, -length

    def _command(self, line: bytes, now_ns: int) -> None:
        raise NotImplementedError

    def _too_long(self, now_ns: int) -> None:
        """Say that a line had no end."""
