"""What every SCPI instrument does: sessions, error queue, status, faults of the line; makers' classes add commands."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

from rig.sim.faults import FaultSet
from rig.sim.instruments.scpi import Call, CommandTable, Handler, Later, ScpiError, Unit, units
from rig.sim.seeds import source
from rig.transport.virtual import Port

NS_PER_S = 1_000_000_000
QUEUE_LENGTH = 20  # entries; the last becomes -350 when more come
MAX_MESSAGE = 65_536
POWER_ON, COMMAND_ERROR, EXECUTION_ERROR, DEVICE_ERROR, QUERY_ERROR, COMPLETE = 128, 32, 16, 8, 4, 1


@runtime_checkable
class HangsUp(Protocol):
    """A wire whose connection the device itself can break off; a terminal or a virtual link is not one."""

    def hang_up(self) -> None:
        """Reset the connection."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How an instrument talks, as data: who it is, its error texts, how fast it answers, what it needs to rest."""

    identity: str
    error: Callable[[int, str], str]
    kind: str  # "supply" or "meter": the first word of its faults
    reply_s: float = 0.002  # from message to answer; the twin's own figure
    rest_s: float = 0.0  # a message that comes sooner after the one before is lost
    save_rest_s: float = 0.0  # after *SAV; sooner, the unit hangs until its power is cycled


def quoted(code: int, text: str) -> str:
    """Return an error as SCPI has it; ``0,"No error"`` where there is none."""
    return f'{code},"{text}"'


def signed(code: int, text: str) -> str:
    """Return an error as Keysight writes it: +0."""
    return f'{code:+d},"{text}"'


class Instrument:
    """One instrument, shared by all who are connected to it.

    ``advance`` lets plant and pump run to a rig time. Settings live here, so that whoever connects finds what others
    have set; input and answers live in the sessions.
    """

    def __init__(self, manners: Manners, advance: Callable[[int], None], seed: int, faults: FaultSet) -> None:
        self.manners = manners
        self.commands = CommandTable()
        self.noise = source(seed, f"{manners.kind}.noise")
        self._faults = faults
        self._advance = advance
        self._errors: deque[tuple[int, str]] = deque()
        self._events = POWER_ON
        self._event_enable = 0
        self._service_enable = 0
        self._rests_until_ns = -1
        self._saving_until_ns = -1
        self._hangs = False
        self._last: dict[str, float] = {}
        self._port: Port | None = None
        self._add_common()

    def session(self) -> Session:
        """Return a new connection, as `rig.transport.virtual.SimulatedDevice`; any number may be open."""
        return Session(self)

    @property
    def wire(self) -> Port:
        """Return a wire that tells time: that of whoever connected last."""
        if self._port is None:
            raise RuntimeError("a simulated instrument was used before anybody was connected")
        return self._port

    def connected(self, port: Port) -> None:
        """Learn a wire."""
        self._port = port

    # --- for makers' classes

    @property
    def name(self) -> str:
        """Return the model's name."""
        return self.manners.identity.split(",")[1]

    def reset(self, rig_ns: int) -> None:
        """Set everything as after ``*RST``."""
        raise NotImplementedError

    def saved(self, place: int, rig_ns: int) -> None:
        """Store the settings under a number."""

    def recalled(self, place: int, rig_ns: int) -> None:
        """Take stored settings back."""

    def complete(self, _call: Call) -> str | Later:
        """Return ``1`` when nothing is going on any more."""
        return "1"

    def reading(self, name: str, value: float, rig_ns: int) -> float:
        """Return a measured value, or the last one again while a fault makes it stick."""
        if self._faults.on(f"{self.manners.kind}.stuck", rig_ns):
            return self._last.get(name, value)
        self._last[name] = value
        return value

    # --- errors

    def fail(self, code: int, text: str) -> None:
        """Put an error into the queue, and its bit into the event register."""
        self._events |= {1: COMMAND_ERROR, 2: EXECUTION_ERROR, 3: DEVICE_ERROR, 4: QUERY_ERROR}[-code // 100]
        if len(self._errors) < QUEUE_LENGTH:
            self._errors.append((code, text))
        else:
            self._errors[-1] = (-350, "Queue overflow")
            self._events |= DEVICE_ERROR

    # --- for sessions

    def hears(self, link_ns: int) -> bool:
        """Say whether a message is heard now, and begin to rest; too soon, it is lost."""
        if self._hangs:
            return False
        if link_ns < self._saving_until_ns:
            self._hangs = True
            return False
        if link_ns < self._rests_until_ns:
            return False
        self._rests_until_ns = link_ns + round(self.manners.rest_s * NS_PER_S)
        return True

    def run(self, unit: Unit, link_ns: int, rig_ns: int) -> str | Later | None:
        """Carry out one command; raises `ScpiError`."""
        self._advance(rig_ns)
        command, numbers = self.commands.find(unit.header)
        handler: Handler | None = command.query if unit.is_query else command.write
        if handler is None:
            raise ScpiError(-113)
        return handler(Call(numbers, unit.parameters, link_ns, rig_ns))

    def fault(self, name: str) -> str:
        """Return the full name of a fault of this instrument."""
        return f"{self.manners.kind}.{name}"

    @property
    def faults(self) -> FaultSet:
        """Return what was seeded."""
        return self._faults

    # --- common commands (IEEE 488.2)

    def _add_common(self) -> None:
        add = self.commands.add
        add("*IDN", query=lambda _call: self.manners.identity)
        add("*RST", write=lambda call: self.reset(call.rig_ns))
        add("*CLS", write=self._clear)
        add("*OPC", write=self._mark_complete, query=self.complete)
        add("*WAI", write=self._wait)
        add("*ESR", query=self._read_events)
        add("*ESE", write=self._enable_events, query=lambda _call: str(self._event_enable))
        add("*SRE", write=self._enable_service, query=lambda _call: str(self._service_enable))
        add("*STB", query=lambda _call: str(self._status_byte()))
        add("*TST", query=lambda _call: "0")
        add("*SAV", write=self._save)
        add("*RCL", write=lambda call: self.recalled(_byte(call), call.rig_ns))
        add(":SYSTem:ERRor[:NEXT]", query=lambda _call: self.manners.error(*self._next_error()))
        add(":SYSTem:VERSion", query=lambda _call: "1999.0")

    def _next_error(self) -> tuple[int, str]:
        return self._errors.popleft() if self._errors else (0, "No error")

    def _clear(self, _call: Call) -> None:
        self._errors.clear()
        self._events = 0

    def _mark_complete(self, _call: Call) -> None:
        self._events |= COMPLETE

    def _wait(self, call: Call) -> Later | None:
        done = self.complete(call)
        return Later(done.at_ns, lambda link_ns: _silently(done.finish(link_ns))) if isinstance(done, Later) else None

    def _read_events(self, _call: Call) -> str:
        events, self._events = self._events, 0
        return str(events)

    def _enable_events(self, call: Call) -> None:
        self._event_enable = _byte(call)

    def _enable_service(self, call: Call) -> None:
        self._service_enable = _byte(call)

    def _status_byte(self) -> int:
        status = (4 if self._errors else 0) | (32 if self._events & self._event_enable else 0)
        return status | (64 if status & self._service_enable else 0)

    def _save(self, call: Call) -> None:
        self.saved(_byte(call), call.rig_ns)
        if self.manners.save_rest_s:
            self._saving_until_ns = call.link_ns + round(self.manners.save_rest_s * NS_PER_S)


class Session:
    """One connection to an instrument; times are link times.

    Commands of one session are carried out in turn; while an answer takes its time, what comes later is held. A query
    that brings no answer is followed by -420, as if whoever asked had then tried to read: the wire does not show that.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._port: Port | None = None
        self._input = bytearray()
        self._held: deque[str] = deque()
        self._busy = False
        self._closed = False

    def attach(self, port: Port) -> None:
        """Learn the wire."""
        self._port = port
        self._instrument.connected(port)

    def close(self) -> None:
        """Forget what was to be said: nobody is connected any more."""
        self._closed = True
        self._held.clear()

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take bytes; a message ends with LF, and CR before it is no part of it."""
        self._input += data
        while (end := self._input.find(b"\n")) >= 0:
            message = bytes(self._input[:end]).decode("latin-1").strip()
            del self._input[: end + 1]
            if message:
                self._held.append(message)
        if len(self._input) > MAX_MESSAGE:
            self._input.clear()
            self._instrument.fail(-363, "Input buffer overrun")
        self._go_on(now_ns)

    def _go_on(self, now_ns: int) -> None:
        while self._held and not self._busy:
            self._begin(self._held.popleft(), now_ns)

    def _begin(self, message: str, now_ns: int) -> None:
        instrument, wire = self._instrument, self._wire
        rig_ns = wire.rig_ns(now_ns)
        if not instrument.hears(now_ns):
            return
        if instrument.faults.take(instrument.fault("reset"), rig_ns):
            self._held.clear()
            if isinstance(wire, HangsUp):
                wire.hang_up()
            return
        pending = deque(units(message))
        asks = any(unit.is_query for unit in pending)
        self._run(pending, [], asks, now_ns)

    def _run(self, pending: deque[Unit], answers: list[str], asks: bool, now_ns: int) -> None:
        """Carry out what is left of a message, and say its answers together."""
        instrument = self._instrument
        while pending:
            unit = pending.popleft()
            try:
                answer = instrument.run(unit, now_ns, self._wire.rig_ns(now_ns))
            except ScpiError as error:
                instrument.fail(error.code, error.text)
                if -200 < error.code <= -100:
                    break  # what follows a command error is not understood any more
                continue
            if isinstance(answer, Later):
                self._wait(answer, pending, answers, asks)
                return
            if answer is not None:
                answers.append(answer)
        self._finish(answers, asks, now_ns)

    def _wait(self, later: Later, pending: deque[Unit], answers: list[str], asks: bool) -> None:
        self._busy = True
        self._wire.call_at(later.at_ns, partial(self._resume, later, pending, answers, asks))

    def _resume(self, later: Later, pending: deque[Unit], answers: list[str], asks: bool, now_ns: int) -> None:
        if self._closed:
            return
        try:
            answer = later.finish(now_ns)
        except ScpiError as error:
            self._instrument.fail(error.code, error.text)
            answer = ""
        if isinstance(answer, Later):
            self._wait(answer, pending, answers, asks)
            return
        if answer:
            answers.append(answer)
        self._busy = False
        self._run(pending, answers, asks, now_ns)
        self._go_on(now_ns)

    def _finish(self, answers: list[str], asks: bool, now_ns: int) -> None:
        if answers:
            self._say(";".join(answers).encode("latin-1") + b"\n", now_ns)
        elif asks:
            self._instrument.fail(-420, "Query UNTERMINATED")

    def _say(self, line: bytes, now_ns: int) -> None:
        instrument, faults = self._instrument, self._instrument.faults
        rig_ns = self._wire.rig_ns(now_ns)
        if self._closed or faults.on(instrument.fault("silent"), rig_ns):
            return
        if faults.take(instrument.fault("half"), rig_ns):
            line = line[: len(line) // 2]
        late_s = instrument.manners.reply_s + faults.number(instrument.fault("late"), rig_ns)
        self._wire.send(line, now_ns + round(late_s * NS_PER_S))

    @property
    def _wire(self) -> Port:
        if self._port is None:
            raise RuntimeError("a simulated instrument was used before it was attached")
        return self._port


def _byte(call: Call) -> int:
    (text,) = call.only(1)
    if not text.isdigit() or int(text) > 255:
        raise ScpiError(-222)
    return int(text)


def _silently(answer: str | Later) -> str | Later:
    if isinstance(answer, Later):
        return Later(answer.at_ns, lambda link_ns: _silently(answer.finish(link_ns)))
    return ""
