"""A balance that speaks MT-SICS: Mettler-Toledo, and the many that imitate it; KERN's newer ones call it KCP.

Polled (`SI`, or `SIC1` with its checksum where the balance lists that) or streaming (`SIR`).

Only commands that are safe to repeat are offered. **There is no tare and no zero here, on purpose**: a run needs
differences of one load only, and a tare in the middle of it would shift every reading that follows. Taring is a
person's act at the balance before the run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from rig.clock import to_ns
from rig.drivers.mt_sics.settings import BalanceSettings, examined
from rig.errors import DeviceChanged, InstrumentError, MalformedReply, TransportTimeout
from rig.instruments import BalanceIdentity, BalanceSetting, Withdrawn
from rig.plugins.streams import Stream, Streamed, polled_timing
from rig.plugins.turns import Manners, Tag, Turns, answers
from rig.readings import Timing, Weighing
from rig.transport.links import Link, Links
from rig.wire import mt_sics
from rig.wire.mt_sics import BalanceRefused, Condition, Weight, take_checked, take_kcp_weight, take_weight

Answer = TypeVar("Answer")

_WEIGH_NOW: Final = b"SI\r\n"
_WEIGH_CHECKED: Final = b"SIC1\r\n"
_STREAM: Final = b"SIR\r\n"
_KCP_PACE_S: Final = 0.1  # least time between two requests (balance-protocols 5)
_QUIET_S = 0.3  # no byte for so long means that nothing is on its way
_DRAIN_S = 2.0  # a stream never gets quiet; `@` stops it
_OPEN_TRIES = 3
_BUSY_TRIES = 5
_BUSY_PAUSE_S = 1.0
_MAX_COMMANDS = 512  # lines of the reply to I0; the longest known list has about 150


class SicsBalance:
    """A balance on one link; masses in mg, times on the rig's clock.

    Constructing does nothing; `open` makes the first contact. Tare and zero are not offered (see the module). A request
    is sent only after the reply to the one before it, or once no reply to that can come any more: see `Turns`.
    ``timeout_s`` is for immediate answers, ``stable_timeout_s`` for a stable one; both are link time. ``stream``: it
    sends readings by itself once it was opened. ``kcp``: KERN's manners, a slower pace and values of any width.
    """

    def __init__(
        self,
        links: Links,
        link: Link,
        *,
        timeout_s: float = 1.0,
        stable_timeout_s: float = 60.0,
        stream: bool = False,
        kcp: bool = False,
    ) -> None:
        self._streams = stream
        self._take: Callable[[bytearray], Weight | None] = take_kcp_weight if kcp else take_weight
        self._take_plain = self._take
        self._now = _WEIGH_NOW
        self._pace_ns = to_ns(_KCP_PACE_S) if kcp else 0
        self._asked_link_ns: int | None = None
        self._stream = Stream(links, link, self._take)
        self._last: tuple[Weighing, int] | None = None
        self._links = links
        self._link = link
        self._timeout_s = timeout_s
        self._stable_timeout_s = stable_timeout_s
        self._identity: BalanceIdentity | None = None
        self._settings: BalanceSettings | None = None
        self._saw_stream = False
        self._opening = 0  # the opening of the link at which the balance was asked who it is
        manners = Manners(
            lambda: (self._now, self._take),
            hush=_WEIGH_NOW,
            timeout_s=timeout_s,
            pace=self._keep_pace if kcp else None,
            tag=self._tag,
            unasked=_means_nothing,
            restarted=_tells_a_start,
        )
        self._turns = Turns(links, link, manners)

    def open(self) -> None:
        """Bring the balance to a known state, and learn who it is and how it is set.

        Ends a stream that another program left running. Raises `BalanceRefused` when unit or condition do not allow
        weighing, `TransportTimeout` when nothing answers, `MalformedReply` when something else does. On a link that was
        opened again: `DeviceChanged` for another balance, or one whose zero tracking, filter or tare is not as before.
        """
        opening = self._link.openings
        self._stream.stop()
        serial = self._reset()
        self._turns.forget()  # @ ends whatever it was asked before, and has been answered
        model = self._ask_text("I2")
        software = self._ask_text("I3")
        commands = self._ask_commands()
        auto_zero = self._ask_digit("M03", commands)
        environment = self._ask_digit("M02", commands)
        tare_mg = self._ask_tare(commands)
        identity = BalanceIdentity(model=model, serial=serial, software=software)
        settings = BalanceSettings(
            auto_zero=None if auto_zero is None else auto_zero == 1,
            environment=environment,
            tare_mg=tare_mg,
            stream_was_running=self._saw_stream,
            commands=commands,
            release=self._ask_digit("M29", commands),
            update_hz=self._ask_update(commands),
        )
        if opening:
            self._check_unchanged(identity, settings)
        self._identity, self._settings, self._opening = identity, settings, opening
        checked = "SIC1" in commands
        self._now, self._take = (_WEIGH_CHECKED, take_checked) if checked else (_WEIGH_NOW, self._take_plain)
        self._try_weighing()
        if self._streams:
            self._begin_stream()

    def identify(self) -> BalanceIdentity:
        """Return model, serial number and software; opens the balance if that was not done on this link opening."""
        if self._identity is None or self._opening != self._link.openings:
            self.open()
        assert self._identity is not None  # noqa: S101 - open() sets it or raises
        return self._identity

    def settings(self) -> BalanceSettings:
        """Return how the balance was set when it was opened; opens it if that was not done."""
        if self._settings is None:
            self.open()
        assert self._settings is not None  # noqa: S101 - open() sets it or raises
        return self._settings

    def zero_tracking(self) -> bool | None:
        """Return whether zero tracking (M03) was on when the balance was opened; None when it does not say."""
        return self.settings().auto_zero

    def examined(self) -> Sequence[BalanceSetting]:
        """Return every setting that can hurt a slow flow, as read back, or with where to look."""
        return examined(self.settings())

    def weigh(self) -> Weighing:
        """Return the load now, settled or not (SI, SIC1); of a stream the first reading that comes from now on."""
        return self._stream.weigh() if self._streams else self._poll()

    def withdrawn(self) -> list[Withdrawn]:
        """Return which polled readings turned out to be doubtful since the last call."""
        return [] if self._streams else self._turns.withdrawn()

    def readings(self) -> list[Streamed]:
        """Return what every line of a stream gave since the last call, each with its own stamp; waits for nothing."""
        return self._stream.readings()

    def timing(self) -> Timing | None:
        """Return the timing of the last reading of `weigh`; None before there was one."""
        if self._streams:
            return self._stream.timing
        return None if self._last is None else polled_timing(self._links, self._link, *self._last)

    def _poll(self) -> Weighing:
        weighing = self._turns.weigh(self._now, self._take, self._timeout_s, "SI")
        self._last = weighing, self._link.blind_ns
        return weighing

    def _tag(self) -> Tag | None:
        """Return the question for the serial number: its answer is no weight."""
        known = self._identity
        if known is None:
            return None
        return Tag(b"I4\r\n", "I4", answers(_take_i4, known.serial))

    def weigh_stable(self) -> Weighing:
        """Return the load when the balance calls it stable (S).

        When it never does, an immediate weighing tells overload, a dead line and unrest apart; raises
        `BalanceRefused` with that condition, or `TransportTimeout`.
        """
        if self._streams:
            return self._stream.weigh_stable(self._stable_timeout_s)
        try:
            weighing = self._turns.weigh(b"S\r\n", self._take_plain, self._stable_timeout_s, "S", waits=True)
        except BalanceRefused as refused:
            if refused.condition is not Condition.BUSY:
                raise
            raise self._why_not_stable() from refused
        except TransportTimeout as timeout:
            raise self._why_not_stable() from timeout
        if not weighing.stable:
            text = weighing.text.encode("latin-1")
            raise MalformedReply(self._where, text, asked="S", expected="a stable weight, 'S S <value> g'")
        return weighing

    @property
    def _where(self) -> str:
        return self._link.where

    def _check_unchanged(self, identity: BalanceIdentity, settings: BalanceSettings) -> None:
        """Refuse a balance that came back as another one, or set otherwise: its readings would not go on as before."""
        if self._identity is None or self._settings is None:
            return
        for what, was, found in (
            ("serial number", self._identity.serial, identity.serial),
            ("zero tracking", self._settings.auto_zero, settings.auto_zero),
            ("filter (M02)", self._settings.environment, settings.environment),
            ("tare", self._settings.tare_mg, settings.tare_mg),
        ):
            if was is not None and found is not None and was != found:
                raise DeviceChanged(
                    f"it came back with {what} {found}",
                    where=self._where,
                    expected=f"{was}, as before its link was lost",
                    hint="plug the former balance in again; one that lost its supply has lost its tare too",
                )

    def _why_not_stable(self) -> InstrumentError | TransportTimeout:
        """Ask for an immediate weight: its header says why there was no stable one."""
        try:
            now = self._poll()
        except BalanceRefused as refused:
            return refused
        except TransportTimeout as timeout:
            return timeout
        return BalanceRefused(
            Condition.UNSTABLE, f"no stable weight within {self._stable_timeout_s:g} s; it shows {now.text} now"
        )

    def _keep_pace(self) -> None:
        clock = self._links.clock
        if self._asked_link_ns is not None and clock.link_ns() < self._asked_link_ns + self._pace_ns:
            self._links.wait(self._asked_link_ns + self._pace_ns)
        self._asked_link_ns = clock.link_ns()

    def _begin_stream(self) -> None:
        """Make it stream, and see that a reading comes."""
        self._keep_pace()
        self._link.discard_input()
        self._stream.start()
        self._link.write(_STREAM)
        self._stream.weigh()

    def _reset(self) -> str:
        """Send ``@`` until the balance gives its serial number; what came before that is passed over."""
        self._drain()
        for _ in range(_OPEN_TRIES):
            other = bytearray()
            try:
                serial = self._ask("@", partial(self._take_serial, other))
            except TransportTimeout as timeout:
                # The first @ may have been the end of a command that another program had begun.
                silence = timeout
                self._drain()
                continue
            self._drain()
            return serial
        if other:
            expected = "the reply to @, 'I4 A \"<serial number>\"'"
            hint = "choose MT-SICS on the balance's interface menu, and check port and baud rate in the bench file"
            raise MalformedReply(self._where, bytes(other[:40]), asked="@", expected=expected, hint=hint)
        raise silence

    def _take_serial(self, other: bytearray, inbox: bytearray) -> str | None:
        """Return the serial number; stream lines, refusals of a half command and noise go to ``other``."""
        while (line := mt_sics.take_line(inbox)) is not None:
            if line.startswith(b"I4 A "):
                return mt_sics.parse_text(line, "I4")
            self._saw_stream = self._saw_stream or mt_sics.is_weight_line(line)
            other += line
        return None

    def _drain(self) -> None:
        """Wait until nothing arrives any more, and forget what did."""
        clock = self._links.clock
        give_up_ns = clock.link_ns() + to_ns(_DRAIN_S)
        while clock.link_ns() < give_up_ns:
            if not self._links.wait(clock.link_ns() + to_ns(_QUIET_S), self._link):
                break
        stale = self._link.discard_input()
        self._saw_stream = self._saw_stream or any(map(mt_sics.is_weight_line, stale.splitlines(keepends=True)))

    def _ask(self, command: str, take: Callable[[bytearray], Answer | None]) -> Answer:
        self._keep_pace()
        self._link.discard_input()
        return self._links.exchange(self._link, mt_sics.request(command), take, self._timeout_s, command)

    def _ask_text(self, command: str) -> str:
        return self._ask(command, lambda inbox: _with_line(inbox, lambda line: mt_sics.parse_text(line, command)))

    def _ask_commands(self) -> frozenset[str]:
        """Return the commands that the balance says it knows; none when it does not know I0 itself."""
        found: set[str] = set()
        try:
            reply = self._ask("I0", _take_i0)
            for _ in range(_MAX_COMMANDS):
                found.update(part for part in reply.text.split('"')[1:2] if part)
                if reply.status == "A":
                    break
                reply = self._links.exchange(self._link, b"", _take_i0, self._timeout_s, "I0")
        except BalanceRefused:
            return frozenset()
        return frozenset(found)

    def _ask_digit(self, command: str, commands: frozenset[str]) -> int | None:
        """Return a setting that is one digit, or None when the balance does not offer it."""
        if command not in commands:
            return None
        try:
            text = self._ask(command, lambda inbox: _with_line(inbox, lambda line: mt_sics.parse_reply(line, command)))
        except BalanceRefused:
            return None
        return int(text.text) if text.text.isascii() and text.text.isdigit() else None

    def _ask_update(self, commands: frozenset[str]) -> float | None:
        """Return the rate of the stream in Hz, or None when the balance does not tell it."""
        if "UPD" not in commands:
            return None
        try:
            reply = self._ask("UPD", lambda inbox: _with_line(inbox, lambda line: mt_sics.parse_reply(line, "UPD")))
            return float(reply.text)
        except (BalanceRefused, ValueError):
            return None

    def _ask_tare(self, commands: frozenset[str]) -> float | None:
        if "TA" not in commands:
            return None
        try:
            return self._ask("TA", lambda inbox: _with_line(inbox, mt_sics.parse_tare))
        except BalanceRefused as refused:
            if refused.condition is Condition.UNIT:
                raise
            return None

    def _try_weighing(self) -> None:
        """Take one reading, so that a wrong unit or an overload is known before anything moves."""
        for left in reversed(range(_BUSY_TRIES)):
            try:
                self._poll()
            except BalanceRefused as refused:
                if refused.condition is not Condition.BUSY or not left:
                    raise
                self._links.pause(_BUSY_PAUSE_S)
            else:
                return


def _take_i4(inbox: bytearray) -> str | None:
    return _with_line(inbox, lambda line: mt_sics.parse_text(line, "I4"))


def _means_nothing(line: bytes) -> bool:
    return mt_sics.is_key_line(line) or not line.strip(b"\r\n")


def _tells_a_start(line: bytes) -> bool:
    return line.startswith(b"I4 A ")


def _take_i0(inbox: bytearray) -> mt_sics.Reply | None:
    return _with_line(inbox, lambda line: mt_sics.parse_reply(line, "I0"))


def _with_line(inbox: bytearray, parse: Callable[[bytes], Answer]) -> Answer | None:
    """Give the next line that is no key press to ``parse``; None: more bytes, please."""
    while (line := mt_sics.take_line(inbox)) is not None:
        if not mt_sics.is_key_line(line):
            return parse(line)
    return None
