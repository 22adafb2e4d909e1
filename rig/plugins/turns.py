"""Whose answer a line is: no answer of a balance is booked to a request that it cannot belong to.

Weights carry no number of the request that they answer. One request is in flight at a time, and the next line is its
answer; that holds until a request stays without a whole answer, or a line comes that nobody asked for. From then on an
answer may belong to an earlier request, and its load to an earlier time. So nothing is booked any more until the line
was silent for as long as an answer can be late, and until the balance answered a question whose answer is no weight
(`Tag`): what was asked before that has been answered then, because a wire keeps its order. A balance that has no such
question is asked for a weight that is not booked, and must then be silent for longer than the time between the last
request without an answer and this one: whatever comes at a constant delay, however long, shows itself by that.

A line that nobody asked for also makes the readings before it doubtful: it may be the true answer to one of them.
Those of the last `LATEST_S`, and the last one in any case, are withdrawn. So does an answer that comes sooner than its
bytes can be sent, or much sooner than every one before: it was on its way already.

Not excluded: two faults at once that make up for each other in number (an answer lost, and an older one doubled in its
place); and answers that overtake each other by more than `LATEST_S`. Source: balance-protocols 0 (rule 4) and 7
("reply arrives after the client's time-out").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rig.clock import to_ns
from rig.errors import ProtocolError, RigError
from rig.instruments import Withdrawn
from rig.readings import Weighing
from rig.transport.links import Link, Links
from rig.wire.weights import BalanceRefused, Condition, Weight

LATEST_S: Final = 6.0  # no answer comes later than this after its request, where no tag proves it
MARGIN_S: Final = 1.0  # by how much two answers of one delay may differ in it
QUIET_S: Final = 0.3
MOST_LATE_LINES: Final = 4  # more than that are no late answers: it sends by itself
MOST_MUTE: Final = 2  # tags without an answer: then it is a balance without one
DAMAGED: Final = frozenset({Condition.CHECKSUM, Condition.RESTARTED, Condition.FORMAT})
LEARNT: Final = 20  # answers, before their shortest time says anything
FASTER_NS: Final = 80_000_000  # so much sooner than every one before: less than half of the shortest sampling interval
WIRE_SHARE: Final = 0.9  # baud rates differ by a few per cent

Take = Callable[[bytearray], Weight | None]


@dataclass(frozen=True, slots=True)
class Tag:
    """A question whose answer is no weight; ``answered`` says whether a line is that answer."""

    request: bytes
    asked: str
    answered: Callable[[bytes], bool]


def no_tag() -> Tag | None:
    """Ask nothing."""
    return None


@dataclass(frozen=True, slots=True)
class Manners:
    """What is known of a make.

    ``probe`` is the request for a weight now with what takes its answer; ``cancel`` ends a stream and a request that
    waits; ``hush`` is a request for a weight that ends a stream, sent only where one is heard. ``unasked`` tells lines
    that may come at any time and mean nothing (keys, acknowledgements), ``restarted`` the line of a balance that starts
    anew. ``timeout_s`` is for tag and probe; ``pace`` waits until the next request may be sent.
    """

    probe: Callable[[], tuple[bytes, Take]]
    cancel: bytes = b""
    hush: bytes = b""
    timeout_s: float = 1.0
    pace: Callable[[], None] | None = None
    tag: Callable[[], Tag | None] = no_tag
    unasked: Callable[[bytes], bool] = lambda line: not line.strip(b"\r\n")
    restarted: Callable[[bytes], bool] = lambda _line: False


class Turns:
    """Requests for a weight and their answers on one link, in step, or known not to be."""

    def __init__(self, links: Links, link: Link, manners: Manners) -> None:
        self._links = links
        self._link = link
        self._manners = manners
        self._pace = manners.pace
        self._doubt = ""  # why requests and answers may be out of step; empty: they are not
        self._quiet_ns = 0  # how long it must be silent
        self._active_ns = 0  # link time of the last request without an answer, or of the last line in its place
        self._unanswered_ns = 0  # link time of the last request without an answer
        self._owed = 0  # requests for a weight without an answer
        self._booked_ns = -1  # rig time at which the last reading that was booked was answered
        self._withdrawn: list[Withdrawn] = []
        self._mute = 0  # tags without an answer
        self._answers = 0  # whose times were learnt
        self._fastest_ns = self._soonest_ns = 0

    @property
    def doubt(self) -> str:
        """Say why answers cannot be told apart at the moment; empty when they can."""
        return self._doubt

    def forget(self) -> None:
        """Begin anew: the balance was brought to a known state by a command that ends whatever it was doing."""
        self._doubt, self._owed, self._unanswered_ns, self._mute = "", 0, 0, 0

    def withdrawn(self) -> list[Withdrawn]:
        """Return which readings turned out to be doubtful since the last call; looks at what came meanwhile."""
        if self._link.inbox and not self._doubt:
            self._look()
        found, self._withdrawn = self._withdrawn, []
        return found

    def weigh(self, request: bytes, take: Take, timeout_s: float, asked: str, *, waits: bool = False) -> Weighing:
        """Ask for a weight, and return it with the times between which it was formed.

        ``waits``: the balance answers when the load rests, and without an answer by the time-out nobody knows when.
        Brings requests and answers back in step first, where they may not be. Raises what `Links.exchange` does, and
        `ProtocolError` for an answer that cannot be told from another one's.
        """
        link, clock = self._link, self._links.clock
        if link.inbox and not self._doubt:
            self._look()
        if self._doubt:
            self._settle()
        if self._pace is not None:
            self._pace()
        asked_ns, sent_ns = clock.now_ns(), clock.link_ns()
        try:
            weight = self._links.exchange(link, request, take, timeout_s, asked)
        except BaseException as error:
            self._failed(error, sent_ns, waits=waits)
            raise
        took_ns = clock.link_ns() - sent_ns
        if link.inbox:
            self._see_that_nothing_follows(asked)
        if not waits:
            if took_ns < self._soonest_ns or (link.ns_per_byte and took_ns < self._wire_ns(request, weight)):
                self._refuse_too_soon(asked, took_ns)
            if self._answers < LEARNT or took_ns < self._fastest_ns:
                self._learn(took_ns)
        self._booked_ns = link.last_rx_ns
        return Weighing(asked_ns, link.last_rx_ns, *weight)

    # --- one exchange

    def _failed(self, error: BaseException, sent_ns: int, *, waits: bool = False) -> None:
        """Note what it means for the answers to come that a request got none, or no weight."""
        if isinstance(error, BalanceRefused):
            if error.condition in DAMAGED or self._link.inbox:
                self._lose(error.what, sent_ns, damaged=error.condition is not Condition.RESTARTED)
        elif isinstance(error, ProtocolError):
            self._lose(error.what, sent_ns, damaged=True)
        else:  # a time-out, a lost link, a stop in between
            at_ns = self._links.clock.link_ns() if waits else sent_ns
            self._lose(getattr(error, "what", type(error).__name__), at_ns)

    def _lose(self, why: str, sent_ns: int, *, damaged: bool = False) -> None:
        """Note that a request has no answer, or one that is ``damaged`` and may be another's."""
        quiet_s = QUIET_S if damaged and self._manners.tag() is not None else LATEST_S
        self._owed += 1
        self._unanswered_ns = max(self._unanswered_ns, sent_ns)
        self._doubtful(why, quiet_s, self._links.clock.link_ns() if damaged else sent_ns)

    def _doubtful(self, why: str, quiet_s: float, active_ns: int) -> None:
        self._quiet_ns = max(self._quiet_ns, to_ns(quiet_s)) if self._doubt else to_ns(quiet_s)
        self._active_ns = max(self._active_ns, active_ns)
        self._doubt = self._doubt or why

    def _wire_ns(self, request: bytes, weight: Weight) -> float:
        """Return the shortest link time that request and answer can take on the wire."""
        return (len(request) + len(weight.text) + 2) * self._link.ns_per_byte * WIRE_SHARE

    def _learn(self, took_ns: int) -> None:
        """Keep the shortest time of an answer."""
        self._fastest_ns = min(self._fastest_ns, took_ns) if self._answers else took_ns
        self._answers += 1
        if self._answers >= LEARNT:
            self._soonest_ns = self._fastest_ns - FASTER_NS

    def _refuse_too_soon(self, asked: str, took_ns: int) -> None:
        self._answers = self._soonest_ns = 0  # its times are learnt anew
        self._withdraw(f"an answer to {asked} after {took_ns / 1e6:.1f} ms: sooner than this balance can")
        raise self._refusal(f"an answer to {asked} came after {took_ns / 1e6:.1f} ms, too soon to be its answer")

    # --- lines that nobody asked for

    def _look(self) -> None:
        """Look at what came since the last answer; raise for a balance that started anew."""
        lines = self._link.discard_input().splitlines(keepends=True)
        lines = [line for line in lines if not self._manners.unasked(line)]
        if not lines:
            return
        said = b"".join(lines)[:48]
        why = f"a line came that nobody asked for: {said!r}"
        self._withdraw(why)
        if any(self._manners.restarted(line) for line in lines):
            raise BalanceRefused(Condition.RESTARTED, f"the balance restarted by itself: {said!r} came unasked")

    def _see_that_nothing_follows(self, asked: str) -> None:
        rest = self._link.discard_input()
        if all(self._manners.unasked(line) for line in rest.splitlines(keepends=True)):
            return
        self._withdraw(f"more than one answer to {asked}: {rest[:48]!r} behind it")
        raise self._refusal(f"more than one answer to {asked}: {rest[:48]!r} came behind it")

    def _withdraw(self, why: str) -> None:
        """Doubt what was booked lately, and all that comes until requests and answers are in step again."""
        clock, last_ns = self._links.clock, self._link.last_rx_ns
        since_ns = round((clock.now_ns() - last_ns) / clock.speed)
        self._doubtful(why, LATEST_S, clock.link_ns() - since_ns)
        if self._booked_ns >= 0:
            from_ns = min(self._booked_ns, last_ns - round(to_ns(LATEST_S) * clock.speed))
            self._withdrawn.append(Withdrawn(from_ns, clock.now_ns(), why))
            self._booked_ns = -1

    def _refusal(self, what: str) -> ProtocolError:
        return ProtocolError(
            what,
            where=self._link.where,
            expected="one answer to each request",
            hint="look for an adapter or server that doubles or keeps back lines, and for automatic output in its menu",
        )

    # --- in step again

    def _settle(self) -> None:
        """Bring requests and answers back in step; raise what keeps them from it."""
        manners, link = self._manners, self._link
        if manners.cancel:
            link.write(manners.cancel)
        self._be_silent(self._quiet_ns)
        tag = manners.tag()
        if tag is not None and self._mute < MOST_MUTE:
            self._ask(tag)
        else:
            self._probe()
        if self._owed < 0:
            self._withdraw("more late answers than requests")
        self.forget()

    def _be_silent(self, quiet_ns: int) -> None:
        """Wait until nothing came for so long, since the last request without an answer too."""
        links, link, lines = self._links, self._link, 0
        clock, hush = links.clock, self._manners.hush
        while True:
            lines += self._drain()
            if lines > MOST_LATE_LINES:
                if not hush:
                    raise BalanceRefused(Condition.STREAMING, f"{lines} lines came unasked")
                link.write(hush)
                self._owed, lines, hush = self._owed + 1, 0, b""
            if not links.wait(self._active_ns + quiet_ns, link):
                return
            self._active_ns = clock.link_ns()

    def _drain(self) -> int:
        """Forget what came; return how many lines that were."""
        manners = self._manners
        lines = self._link.discard_input().splitlines(keepends=True)
        lines = [line for line in lines if not manners.unasked(line)]
        whole = [line for line in lines if line.endswith(b"\n")]
        if sum(map(manners.restarted, whole)) > self._mute:  # else it is a late answer to the question itself
            self._doubtful("", LATEST_S, self._links.clock.link_ns())
            raise BalanceRefused(Condition.RESTARTED, f"the balance restarted by itself: {whole[0]!r} came unasked")
        self._owed -= len(whole)
        if self._owed < 0:  # one of them is an answer to what another line was booked for
            self._owed = 0
            self._withdraw(f"more late answers than requests: {lines[-1:]!r}")
        return len(whole)

    def _ask(self, tag: Tag) -> None:
        """Ask a question whose answer is no weight; late answers before it are passed over."""
        if self._pace is not None:
            self._pace()
        sent_ns = self._links.clock.link_ns()

        def take(inbox: bytearray) -> bool | None:
            while (end := inbox.find(b"\n") + 1) > 0:
                line = bytes(inbox[:end])
                del inbox[:end]
                if tag.answered(line):
                    return True
                self._owed -= 1
            return None

        try:
            self._links.exchange(self._link, tag.request, take, self._manners.timeout_s, tag.asked)
        except BaseException:
            self._mute += 1
            self._doubtful("", LATEST_S, sent_ns)
            raise
        self._links.wait(self._links.clock.link_ns() + to_ns(QUIET_S), self._link)
        if self._drain():
            self._doubtful("", LATEST_S, self._links.clock.link_ns())
            raise self._refusal("a late answer came behind a later one")

    def _probe(self) -> None:
        """Ask for a weight that is not booked, and see that its answer is the only one."""
        request, take = self._manners.probe()
        if self._pace is not None:
            self._pace()
        clock = self._links.clock
        sent_ns = clock.link_ns()
        try:
            self._links.exchange(self._link, request, take, self._manners.timeout_s, "a weight that is not booked")
        except BaseException as error:
            self._failed(error, sent_ns)
            raise
        apart_ns = sent_ns - self._unanswered_ns if self._unanswered_ns else 0
        self._active_ns = clock.link_ns()
        if self._links.wait(self._active_ns + max(apart_ns, 0) + to_ns(MARGIN_S), self._link):
            lines = self._link.discard_input()
            self._unanswered_ns = max(self._unanswered_ns, sent_ns)
            self._doubtful("", LATEST_S, clock.link_ns())
            raise self._refusal(f"an answer came late, or twice, although the line had been silent: {lines[:48]!r}")


def answers(take: Callable[[bytearray], str | None], expected: str) -> Callable[[bytes], bool]:
    """Return what says whether a line is the answer that a balance gave to the same question before."""

    def answered(line: bytes) -> bool:
        try:
            return take(bytearray(line)) == expected
        except RigError:
            return False

    return answered
