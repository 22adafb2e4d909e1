"""The line to a New Era pump: one command, one answer, in basic or safe mode, and every alarm kept.

Source: syringe-pump-protocols 1.1 to 1.4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from rig.errors import BenchError, InstrumentError, MalformedReply, ProtocolError, TransportTimeout
from rig.instruments import FlowAlarm, FlowAlarmRaised, FlowState
from rig.transport.links import Link, Links
from rig.wire import new_era
from rig.wire.new_era import Alarm, Answer, Fault, Status

Result = TypeVar("Result")

_OPEN_TRIES = 4  # a half command left behind costs one
_OPEN_ALARMS = 4  # pending alarms that may be told before the mode is set
_TRIES = 3  # of what may be repeated

STATES: Final = {
    Status.INFUSING: FlowState.INFUSING,
    Status.WITHDRAWING: FlowState.WITHDRAWING,
    Status.STOPPED: FlowState.STOPPED,
    Status.PAUSED: FlowState.PAUSED,
    Status.PAUSE_PHASE: FlowState.WAITING,
    Status.WAITING: FlowState.WAITING,
    Status.PURGING: FlowState.PURGING,
}
_ALARMS: Final = {
    Alarm.RESET: FlowAlarm.RESET,
    Alarm.STALLED: FlowAlarm.STALLED,
    Alarm.TIMEOUT: FlowAlarm.LINK_SILENT,
    Alarm.PROGRAM: FlowAlarm.PROGRAM,
    Alarm.PHASE: FlowAlarm.PHASE,
}
_FAULTS: Final = {
    Fault.UNKNOWN: ("the pump does not know it", "is this model and firmware among those the reference page names?"),
    Fault.NOT_APPLICABLE: ("not applicable now", "stop the pump first"),
    Fault.OUT_OF_RANGE: ("out of range", "set the syringe's diameter first: it decides which rates are possible"),
    Fault.BAD_PACKET: ("the packet arrived damaged", "check cable and earth, and choose a lower baud rate"),
    Fault.IGNORED: ("ignored: a new phase of the pump's program began at that moment", "ask again"),
}


class NewEraRefused(InstrumentError):
    """The pump answered that it did not do it; ``fault`` says why, ``state`` what it is doing."""

    def __init__(self, fault: Fault, state: FlowState, asked: str, *, where: str) -> None:
        why, hint = _FAULTS[fault]
        super().__init__(f"{asked} was refused: {why} (the pump is {state.value})", where=where, hint=hint)
        self.fault = fault
        self.state = state


class Told:
    """What an answer that was no refusal tells: the pump's ``state``, the ``alarm`` in its place, ``data``."""

    __slots__ = ("alarm", "data", "state")

    def __init__(self, answer: Answer) -> None:
        self.alarm = None if answer.alarm is None else _ALARMS[answer.alarm]
        self.data = answer.data
        if answer.status is not None:
            self.state = STATES[answer.status]
        else:
            self.state = FlowState.STALLED if self.alarm is FlowAlarm.STALLED else FlowState.ALARM


class NewEraLine:
    """Asks one pump, on one link; ``timeout_s`` is link time for one answer."""

    def __init__(self, links: Links, link: Link, address: int, safe_timeout_s: int, timeout_s: float) -> None:
        self.links = links
        self.link = link
        self.alarms: list[tuple[int, FlowAlarm]] = []
        self._address = new_era.check_address(address)
        self._safe_timeout_s = new_era.check_safe_timeout(safe_timeout_s)
        self._timeout_s = timeout_s
        self._doubtful = True  # something may still be on its way that belongs to no request of ours

    def choose_mode(self) -> None:
        """Send ``SAF`` as a safe packet, which either mode understands, until it is done; nothing moves by it.

        A first answer may be an alarm, in the form of the mode of before, or the refusal of half a command that
        another program left behind.
        """
        trouble: BenchError | None = None
        alarms, tries = 0, 0
        while tries < _OPEN_TRIES:
            tries += 1
            try:
                answer = self._exchange("SAF", str(self._safe_timeout_s), choosing=True)
            except (TransportTimeout, MalformedReply) as error:
                if trouble is None or not isinstance(error, TransportTimeout):
                    trouble = error  # what came says more than silence
                continue
            if answer.alarm is None and answer.fault is None and answer.safe == bool(self._safe_timeout_s):
                return
            if answer.alarm is not None and alarms < _OPEN_ALARMS:
                alarms, tries = alarms + 1, tries - 1
                continue
            trouble = self._refusal(answer, "SAF") or self._malformed(answer, "SAF", self._mode)
        assert trouble is not None  # noqa: S101 - every other way out of the loop returns
        raise trouble

    def ask(self, command: str) -> Told:
        """Send a command once and return what the answer tells, an alarm too; a refusal raises `NewEraRefused`."""
        answer = self._exchange(command)
        if answer.fault is not None:
            raise self._fault(answer.fault, answer, command)
        return Told(answer)

    def query(self, command: str, tries: int = _TRIES) -> Told:
        """Ask for a value, again when the line lost it; an alarm or a refusal raises, and so does no value."""
        return self._repeated(lambda: self._query(command), tries)

    def status(self) -> Told:
        """Ask for the status, again when the line lost it; an alarm is told, and not raised."""
        return self._repeated(lambda: self.ask(""), _TRIES)

    def _query(self, command: str) -> Told:
        answer = self._exchange(command)
        refusal = self._refusal(answer, command)
        if refusal is not None:
            raise refusal
        if not answer.data:
            raise self._malformed(answer, command, "a value")
        return Told(answer)

    def set(self, command: str, parameter: str) -> None:
        """Send one setting, once; raises when it was not done, or may not have been."""
        asked = f"{command} {parameter}"
        answer = self._exchange(command, parameter)
        refusal = self._refusal(answer, asked)
        if refusal is not None:
            raise refusal
        if answer.data:
            raise self._malformed(answer, asked, "a status and nothing else")

    def set_before_reading_back(self, command: str, parameter: str) -> None:
        """Send one setting, once; a lost answer is left to the reading back that follows."""
        try:
            self.set(command, parameter)
        except (TransportTimeout, ProtocolError):
            return

    def insist(self, command: str, parameter: str) -> None:
        """Send one setting until its answer arrives; sent twice it does what it does sent once."""
        self._repeated(lambda: self.set(command, parameter), _TRIES)

    def _repeated(self, action: Callable[[], Result], tries: int) -> Result:
        """Do what may be repeated until an answer arrives whole, and the request did; raise the last trouble."""
        for _ in range(tries - 1):
            try:
                return action()
            except (TransportTimeout, ProtocolError):
                continue
            except NewEraRefused as refused:
                if refused.fault not in (Fault.BAD_PACKET, Fault.IGNORED):
                    raise
        return action()

    @property
    def _mode(self) -> str:
        return f"an answer in {'safe' if self._safe_timeout_s else 'basic'} mode"

    def _exchange(self, command: str, parameter: str = "", *, choosing: bool = False) -> Answer:
        """Send one command, once, and return its answer, whatever it says.

        After silence, noise or an alarm the line is left to fall quiet first: what comes late belongs to no request.
        While ``choosing`` a mode, the packet is a safe one and the answer comes in the form of either.
        """
        if self._doubtful:
            self.links.fall_quiet(self.link)
        self._take_unasked()
        safe = bool(self._safe_timeout_s)
        request = new_era.request(f"{self._address}{command}{parameter}", safe=safe or choosing)
        asked = f"{command} {parameter}".strip() or "the status query"
        self._doubtful = True
        answer = self.links.exchange(self.link, request, new_era.take_answer, self._timeout_s, asked)
        if answer.address != self._address:
            raise self._malformed(answer, asked, f"an answer of pump {self._address}, not of pump {answer.address}")
        if not choosing and answer.safe != safe:
            raise self._malformed(answer, asked, self._mode)
        self._keep_alarm(answer)
        self._doubtful = answer.alarm is not None
        return answer

    def _refusal(self, answer: Answer, asked: str) -> InstrumentError | None:
        if answer.alarm is not None:
            return FlowAlarmRaised(_ALARMS[answer.alarm], asked, where=self.link.where)
        return None if answer.fault is None else self._fault(answer.fault, answer, asked)

    def _fault(self, fault: Fault, answer: Answer, asked: str) -> NewEraRefused:
        return NewEraRefused(fault, Told(answer).state, asked or "the status query", where=self.link.where)

    def _malformed(self, answer: Answer, asked: str, expected: str) -> MalformedReply:
        return MalformedReply(self.link.where, answer.text, asked=asked, expected=expected)

    def _keep_alarm(self, answer: Answer) -> None:
        if answer.alarm is not None and answer.address == self._address:
            self.alarms.append((self.link.last_rx_ns, _ALARMS[answer.alarm]))

    def _take_unasked(self) -> None:
        """Forget what came by itself, but keep the alarms among it: safe mode sends them unasked."""
        inbox = self.link.inbox
        while inbox:
            try:
                answer = new_era.take_answer(inbox)
            except MalformedReply:
                continue  # what was unreadable is gone; there may be more behind it
            if answer is None:
                break
            self._keep_alarm(answer)
        self.link.discard_input()
