"""What drivers of balances have in common, for whoever writes one: requests, streams, and telling silences apart.

Nothing here tares, zeroes or changes a setting: a run needs differences of one load only, and a tare in the middle of
it would shift every reading that follows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Final, TypeVar

from rig.clock import to_ns
from rig.errors import DeviceChanged, InstrumentError, MalformedReply, TransportTimeout
from rig.instruments import BalanceIdentity, BalanceSetting, Withdrawn
from rig.plugins.streams import Stream, Streamed, polled_timing
from rig.plugins.turns import Manners, Tag, Turns, no_tag
from rig.readings import Timing, Weighing
from rig.transport.links import Link, Links
from rig.wire.weights import BalanceRefused, Condition, UnitMemory, Weight, line_hint

Answer = TypeVar("Answer")

LISTEN_S: Final = 1.5  # before the first command: a balance that sends by itself has said something by then
QUIET_S: Final = 0.3
DRAIN_S: Final = 2.0
BUSY_TRIES: Final = 5
BUSY_PAUSE_S: Final = 1.0
ASK_AGAIN_S: Final = 0.2  # between two looks for a stable weight, where the make has no request that waits
UNIT_TRIES: Final = 50  # looks for the first line with a unit, where moving ones have none


def unread(name: str, wanted: str, mend: str) -> BalanceSetting:
    """Return a setting that the link does not tell, with where to look for it."""
    return BalanceSetting(name, None, wanted, None, mend)


class LineBalance(ABC):
    """A balance on one link that answers in lines; masses in mg, times on the rig's clock.

    Constructing does nothing; `open` makes the first contact. ``stream``: it sends readings by itself, by command or,
    where its make has no command for it, by its menu; with a command it must be silent until then. A request is sent
    only after the answer to the one before it, or once no answer to that can come any more: see `Turns`. ``timeout_s``
    is for immediate answers, ``stable_timeout_s`` for a stable one; both are link time.
    """

    WEIGH_NOW: ClassVar[bytes]
    WEIGH_STABLE: ClassVar[bytes] = b""  # empty: it is asked for a weight now until that is stable
    CANCEL: ClassVar[bytes] = b""  # ends a request that waits, and a stream
    START_STREAM: ClassVar[bytes] = b""  # empty: only its menu makes it stream
    NOT_STABLE: ClassVar[frozenset[Condition]] = frozenset({Condition.BUSY, Condition.UNSTABLE})  # to WEIGH_STABLE
    PACE_S: ClassVar[float] = 0.0  # least time between two requests
    MENU: ClassVar[tuple[BalanceSetting, ...]] = ()  # what the link does not tell, and where to look

    def __init__(
        self, links: Links, link: Link, *, stream: bool = False, timeout_s: float = 1.0, stable_timeout_s: float = 60.0
    ) -> None:
        self._links = links
        self._link = link
        self._streams = stream
        self._timeout_s = timeout_s
        self._stable_timeout_s = stable_timeout_s
        self._units = UnitMemory()
        self._identity: BalanceIdentity | None = None
        self._opening = 0  # the opening of the link at which the balance was asked who it is
        self._stream = Stream(links, link, self._take)
        self._last: tuple[Weighing, int] | None = None
        self._asked_link_ns: int | None = None
        manners = Manners(
            lambda: (self.WEIGH_NOW, self._take),
            cancel=self.CANCEL,
            timeout_s=timeout_s,
            pace=self._keep_pace if self.PACE_S else None,
            tag=self._tag,
            unasked=self._means_nothing,
        )
        self._turns = Turns(links, link, manners)

    @abstractmethod
    def _take(self, inbox: bytearray) -> Weight | None:
        """Take a weight off the front of ``inbox``; None: more bytes, please. Raises what stands in its place."""

    @abstractmethod
    def _ask_identity(self) -> BalanceIdentity:
        """Ask who it is; a field is empty where it does not tell."""

    def _tag(self) -> Tag | None:
        """Return a question that this balance answered when it was opened, and not with a weight, or None."""
        return no_tag()

    def _means_nothing(self, line: bytes) -> bool:
        """Say whether a line may come at any time, and is no answer to anything."""
        return not line.strip(b"\r\n")

    def open(self) -> None:
        """Bring the balance to a known state, and learn who it is.

        Raises `BalanceRefused` when unit, condition or lines that come unasked do not allow weighing,
        `TransportTimeout` when nothing answers, `MalformedReply` when something else does; `DeviceChanged` when another
        balance answers on a link that was opened again.
        """
        opening = self._link.openings
        self._stream.stop()
        sends = self._come_to_rest()
        if sends:
            self._stream.start()  # it cannot be silenced: what it answers is looked for between its readings
        identity = self._ask_identity()
        self._check_unchanged(identity)
        if not sends:
            self._try_weighing()
        if self._streams:
            self._begin_stream(sends)
        self._identity, self._opening = identity, opening

    def identify(self) -> BalanceIdentity:
        """Return model, serial number and software; opens the balance if that was not done on this link opening."""
        if self._identity is None or self._opening != self._link.openings:
            self.open()
        assert self._identity is not None  # noqa: S101 - open() sets it or raises
        return self._identity

    def zero_tracking(self) -> bool | None:
        """Return whether zero tracking is on; None: it does not say, and `examined` names the menu."""
        return None

    def examined(self) -> Sequence[BalanceSetting]:
        """Return every setting that can hurt a slow flow, as read back, or with where to look."""
        return self.MENU

    def weigh(self) -> Weighing:
        """Return the load now, settled or not; of a stream the first reading that comes from now on."""
        if self._streams:
            return self._stream.weigh()
        return self._poll(self.WEIGH_NOW, self._timeout_s)

    def weigh_stable(self) -> Weighing:
        """Return the load when the balance calls it stable.

        When it never does, an immediate weighing tells overload, a dead line and unrest apart; raises
        `BalanceRefused` with that condition, or `TransportTimeout`.
        """
        if self._streams:
            return self._stream.weigh_stable(self._stable_timeout_s)
        if not self.WEIGH_STABLE:
            return self._until_stable()
        try:
            weighing = self._poll(self.WEIGH_STABLE, self._stable_timeout_s, waits=True)
        except BalanceRefused as refused:
            if refused.condition not in self.NOT_STABLE:
                raise
            raise self._why_not_stable() from refused
        except TransportTimeout as timeout:
            raise self._why_not_stable() from timeout
        if not weighing.stable:
            text = weighing.text.encode("latin-1")
            raise MalformedReply(self._link.where, text, asked="a stable weight", expected="a stable weight")
        return weighing

    def withdrawn(self) -> list[Withdrawn]:
        """Return which polled readings turned out to be doubtful since the last call."""
        return [] if self._streams else self._turns.withdrawn()

    def readings(self) -> list[Streamed]:
        """Return what every line of a stream gave since the last call, each with its own stamp; waits for nothing."""
        return self._stream.readings()

    @property
    def lost(self) -> int:
        """Return how many lines of a stream there was no room for."""
        return self._stream.lost

    def timing(self) -> Timing | None:
        """Return the timing of the last reading of `weigh`; None before there was one."""
        if self._streams:
            return self._stream.timing
        if self._last is None:
            return None
        return polled_timing(self._links, self._link, *self._last)

    # --- for drivers

    def _ask(self, request: bytes, take: Callable[[bytearray], Answer | None], timeout_s: float, asked: str) -> Answer:
        self._keep_pace()
        self._link.discard_input()
        return self._links.exchange(self._link, request, take, timeout_s, asked)

    def _ask_or_none(self, request: bytes, take: Callable[[bytearray], Answer | None], asked: str) -> Answer | None:
        """Return an answer, or None for a model that says nothing or does not know what is asked."""
        try:
            return self._ask(request, take, self._timeout_s, asked)
        except TransportTimeout:
            return None
        except BalanceRefused as refused:
            if refused.condition in (Condition.SYNTAX, Condition.PARAMETER):
                return None
            raise

    def _poll(self, request: bytes, timeout_s: float, *, waits: bool = False) -> Weighing:
        weighing = self._turns.weigh(request, self._take, timeout_s, repr(request)[2:-1], waits=waits)
        self._last = weighing, self._link.blind_ns
        return weighing

    def _drain(self) -> bytes:
        """Wait until nothing arrives any more; return and forget what did."""
        self._links.fall_quiet(self._link, QUIET_S, DRAIN_S)
        return self._link.discard_input()

    # --- its own

    def _keep_pace(self) -> None:
        if not self.PACE_S:
            return
        clock = self._links.clock
        if self._asked_link_ns is not None:
            due_ns = self._asked_link_ns + to_ns(self.PACE_S)
            if clock.link_ns() < due_ns:
                self._links.wait(due_ns)
        self._asked_link_ns = clock.link_ns()

    def _come_to_rest(self) -> bool:
        """End what another program left running; return whether it sends by itself all the same."""
        if self.CANCEL:
            self._link.write(self.CANCEL)
            self._drain()
        self._links.wait(self._links.clock.link_ns() + to_ns(LISTEN_S), self._link)
        heard = self._drain()
        if not heard:
            return False
        if self._streams and not self.START_STREAM:
            return True
        self._refuse_heard(heard)
        return False

    def _refuse_heard(self, heard: bytes) -> None:
        """Refuse to ask a balance that talks: its answers could not be told from what it says unasked."""
        hint = line_hint(heard)
        if hint:
            raise MalformedReply(self._link.where, heard[:48], expected="silence before the first command", hint=hint)
        raise BalanceRefused(Condition.STREAMING, f"lines come unasked: {heard[:48]!r}")

    def _begin_stream(self, sends: bool) -> None:
        """Make it stream, and see that a reading comes."""
        if not sends:
            if not self.START_STREAM:
                raise BalanceRefused(
                    Condition.LOGICAL,
                    "nothing comes by itself, and this make has no command for it",
                    expected="a stream",
                    hint='switch automatic output without stability on in its menu, or mode = "poll" in [balance]',
                )
            self._keep_pace()
            self._link.discard_input()
            self._stream.start()
            self._link.write(self.START_STREAM)
        for left in reversed(range(UNIT_TRIES)):
            try:
                self._stream.weigh()
            except BalanceRefused as refused:
                if not left or not self._unit_pending(refused):
                    raise
            else:
                return

    def _check_unchanged(self, identity: BalanceIdentity) -> None:
        """Refuse a balance that came back as another one: its readings would not go on as before."""
        was = self._identity.serial if self._identity is not None else ""
        if was and not identity.serial:
            raise TransportTimeout(
                "it does not say who it is", where=self._link.where, expected=f"serial number {was}, as before"
            )
        if was and was != identity.serial:
            raise DeviceChanged(
                f"it came back with serial number {identity.serial}",
                where=self._link.where,
                expected=f"{was}, as before its link was lost",
                hint="plug the former balance in again",
            )

    def _try_weighing(self) -> None:
        """Take one reading, so that a wrong unit or an overload is known before anything moves."""
        busy, unitless = BUSY_TRIES, UNIT_TRIES
        while True:
            try:
                self._poll(self.WEIGH_NOW, self._timeout_s)
            except BalanceRefused as refused:
                if self._unit_pending(refused) and (unitless := unitless - 1):
                    self._links.pause(ASK_AGAIN_S)
                elif refused.condition is Condition.BUSY and (busy := busy - 1):
                    self._links.pause(BUSY_PAUSE_S)
                else:
                    raise
            else:
                return

    def _unit_pending(self, refused: BalanceRefused) -> bool:
        """Say whether a line was refused only because no line has told the unit yet."""
        return refused.condition is Condition.UNIT and refused.pending

    def _until_stable(self) -> Weighing:
        """Look until a weight calls itself stable."""
        clock = self._links.clock
        give_up_ns = clock.link_ns() + to_ns(self._stable_timeout_s)
        while True:
            weighing = self.weigh()
            if weighing.stable:
                return weighing
            if clock.link_ns() >= give_up_ns:
                raise self._unstable(weighing)
            self._links.pause(ASK_AGAIN_S)

    def _why_not_stable(self) -> InstrumentError | TransportTimeout:
        """Ask for an immediate weight: it says why there was no stable one."""
        try:
            now = self._poll(self.WEIGH_NOW, self._timeout_s)
        except BalanceRefused as refused:
            return refused
        except TransportTimeout as timeout:
            return timeout
        return self._unstable(now)

    def _unstable(self, now: Weighing) -> BalanceRefused:
        return BalanceRefused(
            Condition.UNSTABLE, f"no stable weight within {self._stable_timeout_s:g} s; it shows {now.text} now"
        )
