"""The line to a Harvard pump: one command, one answer up to its XON, errors and stalls told apart from silence.

Source: syringe-pump-protocols 2.1 and 2.2.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

from rig.clock import to_ns
from rig.errors import BenchError, InstrumentError, MalformedReply, ProtocolError, TransportTimeout
from rig.instruments import FlowAlarm, FlowAlarmRaised, FlowState
from rig.transport.links import Link, Links
from rig.wire import harvard
from rig.wire.harvard import Answer, Prompt, Refusal

Result = TypeVar("Result")

_OPEN_TRIES = 3
_TRIES = 3  # of what may be repeated

STATES: Final = {
    Prompt.IDLE: FlowState.STOPPED,
    Prompt.INFUSING: FlowState.INFUSING,
    Prompt.WITHDRAWING: FlowState.WITHDRAWING,
    Prompt.STALLED: FlowState.STALLED,
    Prompt.TARGET_REACHED: FlowState.TARGET_REACHED,
}


class HarvardRefused(InstrumentError):
    """The pump answered that it did not do it; ``refusal`` is what it said, ``state`` what it is doing."""

    def __init__(self, refusal: Refusal, state: FlowState, asked: str, *, where: str) -> None:
        argument = f" ({refusal.argument!r})" if refusal.argument else ""
        super().__init__(
            f"{asked} was refused: {refusal.kind} error{argument}, {refusal.message} (the pump is {state.value})",
            where=where,
            hint="choose Quick Start on the pump's display, stop it, and set diameter before rate",
        )
        self.refusal = refusal
        self.state = state


class HarvardLine:
    """Asks one pump, on one link; ``timeout_s`` is link time for one answer."""

    def __init__(self, links: Links, link: Link, address: int, timeout_s: float) -> None:
        self.links = links
        self.link = link
        self.alarms: list[tuple[int, FlowAlarm]] = []
        self.opening = -1  # the opening of the link at which the pump was told to speak on demand only
        self._address = harvard.check_address(address)
        self._timeout_s = timeout_s
        self._colon = False  # after the address; found out by `begin`
        self._doubtful = True  # something may still be on its way that belongs to no request of ours
        self._silent = False  # it did not answer the last time: its session may have been ended at its screen
        self._stalled = False

    def begin(self, tries: int = _OPEN_TRIES) -> None:
        """Reopen the remote session by a CR, and have an XON put after each prompt; find the form of the address.

        Until then nothing but a silence ends an answer.
        """
        opening = self.link.openings
        trouble: BenchError | None = None
        for _ in range(tries):
            self.links.fall_quiet(self.link)
            self._reopen()
            for colon in (False, True) if self._address else (False,):
                self._colon = colon
                heard = self._collect("poll on")
                try:
                    answer = self._not_refused(harvard.parse_answer(heard, self._address), "poll on")
                except (MalformedReply, HarvardRefused) as error:
                    trouble = error if heard else trouble
                else:
                    self._keep_stall(answer)
                    self._doubtful, self.opening = False, opening
                    return
        raise trouble or TransportTimeout(
            f"no answer to poll on within {self._timeout_s:g} s",
            where=self.link.where,
            hint="check power, cable, the port in the bench file, and the pump's address in its menu",
        )

    def read(self, command: str, tries: int = _TRIES) -> str:
        """Ask for a value that is one line, again when the line lost it; a refusal raises."""
        return self.told(command, tries)[0]

    def told(self, command: str, tries: int = _TRIES) -> tuple[str, FlowState]:
        """As `read`; return the state that the prompt tells, too."""

        def ask() -> tuple[str, FlowState]:
            answer = self.ask(command)
            return self._only_line(answer, command), STATES[answer.prompt]

        return self._repeated(ask, tries)

    def _only_line(self, answer: Answer, asked: str) -> str:
        if len(answer.lines) != 1:
            text = "\n".join(answer.lines).encode("latin-1")
            raise MalformedReply(self.link.where, text, asked=asked, expected="one line and a prompt")
        return answer.lines[0]

    def _set(self, command: str) -> None:
        """Send one setting, once; raises when it was not done, or may not have been."""
        answer = self.ask(command)
        if answer.lines:
            text = "\n".join(answer.lines).encode("latin-1")
            raise MalformedReply(self.link.where, text, asked=command, expected="a prompt and nothing else")

    def set_before_reading_back(self, command: str) -> None:
        """Send one setting, once; a lost answer is left to the reading back that follows."""
        with suppress(TransportTimeout, ProtocolError):
            self._set(command)

    def insist(self, command: str) -> None:
        """Send one setting until its answer arrives; sent twice it does what it does sent once."""
        self._repeated(lambda: self._set(command), _TRIES)

    def _repeated(self, action: Callable[[], Result], tries: int) -> Result:
        """Do what may be repeated until an answer arrives whole; raise the last trouble."""
        for _ in range(tries - 1):
            with suppress(TransportTimeout, ProtocolError):
                return action()
        return action()

    def ask(self, command: str) -> Answer:
        """Send one command, once, and return its answer; a refusal raises `HarvardRefused`.

        After silence or noise the line is left to fall quiet first: what comes late belongs to no request. After
        silence a CR goes before the command, which reopens a session that a touch of the screen has ended.
        """
        if self._doubtful:
            self.links.fall_quiet(self.link)
        if self._silent:
            self._reopen()
        self.link.discard_input()
        self._doubtful = True
        request = self._request(command)
        try:
            answer = self.links.exchange(self.link, request, self._take, self._timeout_s, command)
        except TransportTimeout:
            self._look_for_reset(command)
            self._silent = True
            raise
        self._doubtful = False
        self._keep_stall(answer)
        return self._not_refused(answer, command)

    def _reopen(self) -> None:
        """Send a CR alone, and let its prompt, if any, go by."""
        self.link.write(harvard.request(""))
        self.links.fall_quiet(self.link)
        self._silent = False

    def _collect(self, command: str) -> bytes:
        """Send a command and return all that comes until it is quiet, without the XON at its end."""
        self.link.discard_input()
        self.link.write(self._request(command))
        if self.links.wait(self.links.clock.link_ns() + to_ns(self._timeout_s), self.link):
            self.links.fall_quiet(self.link)
        return self.link.discard_input().removesuffix(bytes([harvard.XON]))

    def _request(self, command: str) -> bytes:
        return harvard.request(command, self._address, colon=self._colon)

    def _take(self, inbox: bytearray) -> Answer | None:
        return harvard.take_answer(inbox, self._address)

    def _not_refused(self, answer: Answer, asked: str) -> Answer:
        refusal = harvard.refusal_of(answer)
        if refusal is not None:
            raise HarvardRefused(refusal, STATES[answer.prompt], asked, where=self.link.where)
        return answer

    def _look_for_reset(self, asked: str) -> None:
        """Tell a pump that forgot ``poll on``, because it lost its supply, from a silent one."""
        try:
            harvard.parse_answer(bytes(self.link.inbox), self._address)
        except MalformedReply:
            return
        self.alarms.append((self.link.last_rx_ns, FlowAlarm.RESET))
        self.opening = -1
        raise FlowAlarmRaised(FlowAlarm.RESET, asked, where=self.link.where)

    def _keep_stall(self, answer: Answer) -> None:
        stalled = answer.prompt is Prompt.STALLED
        if stalled and not self._stalled:
            self.alarms.append((self.link.last_rx_ns, FlowAlarm.STALLED))
        self._stalled = stalled
