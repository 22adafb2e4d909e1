"""``Links``: every open link of a bench, one clock, and the one place that waits (design 4.2).

A driver writes to a `Link` and calls `exchange`; while it waits, whatever arrives on *any* link is stamped and shown
to the tap before anything reads meaning into it, so a slow pump never delays a balance's time stamp.

A device that goes away is remembered on its link and told to whoever asks something of it (`LinkLost`); the other
links go on. `Links.bring_back` opens it again when it is plugged in again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar

from rig.clock import Clock, to_ns, to_s
from rig.errors import (
    BenchError,
    DeviceChanged,
    InstrumentError,
    LinkLost,
    ProtocolError,
    RigError,
    TransportError,
    TransportTimeout,
)

Message = TypeVar("Message")

Tap = Callable[[str, str, int, bytes], None]
"""Called with link name, ``"<"`` (received) or ``">"`` (sent), rig time in ns, and the bytes."""

PULSE_S = 0.2  # real time between two pulses, at least; `wait` looks every 0.25 s, so that 0.5 s is kept with room
RETRY_S = 0.5  # link time between two attempts to open a port that the caller cannot do without


@dataclass(frozen=True, slots=True)
class LinkIdentity:
    """How a link was opened; evidence is `hardware` only over ``usb`` or ``uart`` (design 4.1)."""

    kind: str  # "usb" | "uart" | "pty" | "tcp" | "memory"
    port: str
    serial_number: str = ""

    @property
    def is_hardware(self) -> bool:
        """Say whether the far end was found by a USB or UART identity."""
        return self.kind in ("usb", "uart")


class Link:
    """One open byte link: what arrived and was not yet read waits in ``inbox``.

    ``lost_because`` is empty while the link is open. ``openings`` counts how often it was opened again: a driver that
    sees another number than at its last contact knows that the device must be greeted anew.

    ``blind_ns`` says how much earlier than ``last_rx_ns`` (rig time) the last bytes may have come, because nobody was
    looking. ``ns_per_byte`` is the time of a byte on the wire, 0 where that has no meaning. A ``listener`` gets what
    arrives in place of the inbox, so that each line of a stream keeps its own stamp; it must not raise.
    """

    __slots__ = (
        "_write",
        "attempts",
        "blind_ns",
        "chunks",
        "down_since_ns",
        "identity",
        "inbox",
        "last_rx_ns",
        "listener",
        "lost_because",
        "name",
        "ns_per_byte",
        "openings",
    )

    def __init__(self, name: str, identity: LinkIdentity, write: Callable[[bytes], None]) -> None:
        self.name = name
        self.identity = identity
        self.inbox = bytearray()
        self.chunks = 0
        self.last_rx_ns = 0
        self.lost_because = ""
        self.openings = 0
        self.down_since_ns: int | None = None  # rig time; until the device has been greeted again
        self.attempts = 0
        self.blind_ns = 0
        self.ns_per_byte = 0
        self.listener: Callable[[bytes], None] | None = None
        self._write = write

    def write(self, data: bytes) -> None:
        """Send ``data`` whole, in one write; raise `LinkLost` when the device is gone."""
        self._write(data)

    def arrived(self, data: bytes, at_ns: int, blind_ns: int) -> None:
        """Take bytes that were read at rig time ``at_ns``; only `Links` call this."""
        self.last_rx_ns = at_ns
        self.blind_ns = blind_ns
        self.chunks += 1
        if self.listener is None:
            self.inbox += data
        else:
            self.listener(data)

    def discard_input(self) -> bytes:
        """Return and forget what arrived and was never read; it is in the record already."""
        stale = bytes(self.inbox)
        self.inbox.clear()
        return stale

    @property
    def where(self) -> str:
        """Name link and port for messages."""
        return f"{self.name} on {self.identity.port}"

    def lost(self) -> LinkLost:
        """Return the error that says why this link is lost."""
        return LinkLost(
            f"the device went away ({self.lost_because})",
            where=self.where,
            hint="check plug and power; readings until now are in the record",
        )


def _no_tap(_name: str, _direction: str, _at_ns: int, _data: bytes) -> None:
    """Record nothing."""


def _no_pulse() -> None:
    """Beat for nobody."""


def _no_stall(_seconds: float) -> None:
    """Tell nobody."""


def _no_event(_name: str, _data: dict[str, Any]) -> None:
    """Record nothing."""


class Links(ABC):
    """All open links of one bench.

    Three hooks for whoever runs the bench, each doing nothing at first: ``pulse`` is called by every wait, every 0.2
    to 0.5 s of real time, and may raise to end what is going on; ``on_stall`` is told when this process did nothing
    for more than 1 s longer than it was asked to wait; ``tell`` gets the events ``link_lost`` and ``link_reopened``.
    """

    def __init__(self, clock: Clock, tap: Tap | None = None) -> None:
        self.clock = clock
        self.tap: Tap = tap or _no_tap
        self.pulse: Callable[[], None] = _no_pulse
        self.on_stall: Callable[[float], None] = _no_stall
        self.tell: Callable[[str, dict[str, Any]], object] = _no_event
        self.reconnects: dict[str, int] = {}  # how often each link was lost and brought back
        self._pulse_due_s = 0.0
        self._pulsing = False
        self._shields = 0
        self._held: RigError | None = None
        self._give_up_ns: int | None = None

    @abstractmethod
    def wait(self, until_link_ns: int, for_link: Link | None = None) -> bool:
        """Wait until something arrived on ``for_link`` (True) or link time ``until_link_ns`` (False).

        Everything that arrives meanwhile, on any link, is stamped, tapped and put into its inbox. Raises `LinkLost`
        when ``for_link`` is lost, and whatever ``pulse`` raises; bytes that had arrived by then are in their inbox.
        """

    @abstractmethod
    def reopen(self, link: Link) -> bool:
        """Try once, without waiting, to open a lost link again; True when it is open (also when it never was lost).

        The same `Link` object goes on, with an empty inbox. Raises `DeviceChanged` naming both when the port now leads
        to another kind of port or another USB serial number.
        """

    @abstractmethod
    def close(self) -> None:
        """Close every link."""

    def sleep_until(self, rig_ns: int) -> None:
        """Wait until a rig time."""
        self.wait(self.clock.link_at(rig_ns))

    def pause(self, seconds: float) -> None:
        """Wait for ``seconds`` of link time."""
        self.wait(self.clock.link_ns() + to_ns(seconds))

    def fall_quiet(self, link: Link, quiet_s: float = 0.3, within_s: float = 2.0) -> None:
        """Wait until nothing arrived on ``link`` for ``quiet_s``, or ``within_s`` is over: streams never do."""
        give_up_ns = self.clock.link_ns() + to_ns(within_s)
        while self.clock.link_ns() < give_up_ns:
            if not self.wait(self.clock.link_ns() + to_ns(quiet_s), link):
                break

    def exchange(
        self,
        link: Link,
        request: bytes,
        decode: Callable[[bytearray], Message | None],
        timeout_s: float,
        asked: str,
    ) -> Message:
        """Write ``request`` (may be empty) and wait for one whole message.

        ``decode`` takes a message off the front of the inbox and returns it, returns None ("more bytes, please"),
        or raises. ``timeout_s`` is link time. Raises `TransportTimeout` with the bytes that did come.
        """
        deadline_ns = self.clock.link_ns() + to_ns(timeout_s)
        if request:
            link.write(request)
        while True:
            message = decode(link.inbox) if link.inbox else None
            if message is not None:
                return message
            if not self.wait(deadline_ns, link):
                message = decode(link.inbox)
                if message is not None:
                    return message
                raise TransportTimeout(
                    f"no complete answer to {asked} within {timeout_s:g} s, received {bytes(link.inbox)!r}",
                    where=link.where,
                    hint="check power, cable and the port in the bench file",
                )

    # --- a device that went away

    def bring_back(self, link: Link, greet: Callable[[], object]) -> BenchError | None:
        """Try once to open a lost link and to ``greet`` its device; return None, or what is still in the way.

        ``greet`` says who is there, brings it to a known state, and raises `DeviceChanged` when nothing may go on with
        it, which is raised here too. Greeting a device that is not ready yet takes its own time-outs.
        """
        link.attempts += 1
        if not self.reopen(link):
            return link.lost()
        try:
            greet()
        except DeviceChanged:
            raise
        except (TransportError, ProtocolError, InstrumentError) as error:
            return error
        if link.down_since_ns is not None:
            self._back(link, self.clock.now_ns() - link.down_since_ns)
        return None

    def recover(self, link: Link, within_s: float, greet: Callable[[], object]) -> None:
        """Bring a lost link back within ``within_s`` of link time, or raise what was still in the way.

        Every other link is served meanwhile. Ends earlier at the deadline of `making_safe`.
        """
        give_up_ns = self.clock.link_ns() + to_ns(within_s)
        if self._give_up_ns is not None:
            give_up_ns = min(give_up_ns, self._give_up_ns)
        while (trouble := self.bring_back(link, greet)) is not None:
            left_ns = give_up_ns - self.clock.link_ns()
            if left_ns <= 0:
                raise trouble
            self.wait(self.clock.link_ns() + min(left_ns, to_ns(RETRY_S)))

    @contextmanager
    def making_safe(self, deadline_link_ns: int) -> Iterator[None]:
        """Let nothing but its own failure end what makes the bench safe: pulses go on, what they raise is held.

        What is held is raised by the first wait after this. Links are brought back until ``deadline_link_ns`` only.
        """
        before = self._give_up_ns
        self._give_up_ns = deadline_link_ns
        try:
            with self._shielded():
                yield
        finally:
            self._give_up_ns = before

    def _lose(self, link: Link, why: str) -> None:
        """Remember that a device went away; the others go on."""
        if link.lost_because:
            return
        link.lost_because = why
        if link.down_since_ns is None:
            link.down_since_ns = self.clock.now_ns()
        self.tell("link_lost", {"link": link.name, "port": link.identity.port, "why": why})

    def _back(self, link: Link, down_ns: int) -> None:
        """Count and tell a link that works again."""
        self.reconnects[link.name] = self.reconnects.get(link.name, 0) + 1
        event = {"link": link.name, "port": link.identity.port, "attempts": link.attempts, "down_s": to_s(down_ns)}
        link.down_since_ns, link.attempts = None, 0
        self.tell("link_reopened", event)

    def _reopened(self, link: Link) -> None:
        link.inbox.clear()
        link.lost_because = ""
        link.openings += 1

    # --- the pulse

    def _beat(self) -> None:
        """Pulse, unless that was done just now."""
        if monotonic() >= self._pulse_due_s:
            self._pulse()

    def _pulse(self) -> None:
        if self._pulsing:
            return
        if self._held is not None and not self._shields:
            error, self._held = self._held, None
            raise error
        self._pulsing = True
        try:
            self.pulse()
        except RigError as error:
            if not self._shields:
                raise
            self._held = error
        finally:
            self._pulsing = False
            self._pulse_due_s = monotonic() + PULSE_S

    @contextmanager
    def _shielded(self) -> Iterator[None]:
        """Hold what a pulse raises until this is over."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
            if self._held is not None:
                self._pulse_due_s = 0.0
