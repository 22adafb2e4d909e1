"""Questions and answers in lines, over any link: what a bench instrument is asked, never more than one at a time.

`Session` is the small interface that drivers of supplies and meters use; `LinkSession` is the one that runs over a
`Link`: a TCP port, a serial port, a session of pyvisa (`rig.transport.visa`) or a simulated device in virtual time.
"""

from __future__ import annotations

from typing import Final, Protocol

from rig.clock import to_ns
from rig.errors import MalformedReply, ProtocolError, TransportTimeout
from rig.transport.links import Link, Links

LATIN_1: Final = "latin-1"  # one micro sign must not end a run
MAX_LINE: Final = 65_536
QUIET_S: Final = 0.3
DRAIN_S: Final = 2.0
TIMEOUT_S: Final = 2.0


class Session(Protocol):
    """An instrument that is told and asked, in text."""

    def write(self, command: str) -> None:
        """Send a command that has no answer."""

    def query(self, question: str, timeout_s: float = TIMEOUT_S) -> str:
        """Send a question and return its answer without the line end."""

    def close(self) -> None:
        """Let the instrument go."""


class LinkSession:
    """A `Session` over one link; times are link time.

    ``pause_s`` is kept after every message, sent or answered: some instruments lose what comes sooner. What came
    unasked is discarded before a message is sent (it is in the record). After a question that timed out, the line is
    drained, and the next question waits for `resynchronise` first: a late answer is never taken for another one's.
    """

    def __init__(self, links: Links, link: Link, *, pause_s: float = 0.0) -> None:
        self.links = links
        self.link = link
        self.sign: tuple[str, str] | None = None  # a question and its only answer, by which the line is in step again
        self._pause_ns = to_ns(pause_s)
        self._ready_ns = 0
        self._late = False

    def write(self, command: str) -> None:
        """Send a command that has no answer; raises `rig.errors.LinkLost` when the instrument is gone."""
        self._wait_until_ready()
        self.link.discard_input()
        self.link.write(_line(command))
        self._sent()

    def query(self, question: str, timeout_s: float = TIMEOUT_S) -> str:
        """Send a question and return its answer without the line end.

        Raises `TransportTimeout` when no whole line came, `MalformedReply` for one that is no text, and `LinkLost`.
        """
        if self._late:
            self.resynchronise()
        return self._ask(question, timeout_s)

    def close(self) -> None:
        """Do nothing: the link belongs to whoever opened it."""

    def pause(self, seconds: float) -> None:
        """Wait; every other link is served meanwhile."""
        self.links.pause(seconds)

    def resynchronise(self) -> None:
        """Ask for the sign until it comes: what comes before it are late answers, which are thrown away."""
        self.drain()
        if self.sign is None:
            self._late = False
            return
        question, answer = self.sign
        for _ in range(2):
            found = self._ask(question)
            while found != answer and self.link.inbox:
                found = self._next_line(question)
            if found == answer:
                self._late = False
                return
            self.drain()
        raise ProtocolError(
            f"after a question that timed out it answers {question} with {found!r}",
            where=self.link.where,
            expected=repr(answer),
            hint="switch the instrument off and on, and see that no other program talks to it",
        )

    def drain(self) -> None:
        """Wait until nothing comes any more, and forget what did."""
        self.links.fall_quiet(self.link, QUIET_S, DRAIN_S)
        self.link.discard_input()

    def _ask(self, question: str, timeout_s: float = TIMEOUT_S) -> str:
        self._wait_until_ready()
        self.link.discard_input()
        try:
            answer = self.links.exchange(self.link, _line(question), take_line, timeout_s, question)
        except TransportTimeout:
            self._late = True
            raise
        finally:
            self._sent()
        return self._text(answer, question)

    def _next_line(self, question: str) -> str:
        return self._text(self.links.exchange(self.link, b"", take_line, TIMEOUT_S, question), question)

    def _text(self, answer: bytes, question: str) -> str:
        text = answer.rstrip(b"\r\n").decode(LATIN_1)
        if not text.isprintable():
            raise MalformedReply(self.link.where, answer[:80], asked=question, expected="one line of text")
        return text

    def _wait_until_ready(self) -> None:
        if self.links.clock.link_ns() < self._ready_ns:
            self.links.wait(self._ready_ns)

    def _sent(self) -> None:
        self._ready_ns = self.links.clock.link_ns() + self._pause_ns


def take_line(inbox: bytearray) -> bytes | None:
    """Take one line off the front of ``inbox``, its line feed included; None: more bytes, please.

    A line longer than `MAX_LINE` raises `ProtocolError`: no instrument says so much at once.
    """
    end = inbox.find(b"\n") + 1
    if not end:
        if len(inbox) > MAX_LINE:
            inbox.clear()
            raise ProtocolError(f"more than {MAX_LINE} bytes without a line end", expected="one line of text")
        return None
    line = bytes(inbox[:end])
    del inbox[:end]
    return line


def _line(text: str) -> bytes:
    return text.encode(LATIN_1) + b"\n"
