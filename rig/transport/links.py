"""``Links``: every open link of a bench, one clock, and the one place that waits (design 4.2).

A driver writes to a `Link` and calls `exchange`; while it waits, whatever arrives on *any* link is stamped and shown
to the tap before anything reads meaning into it, so a slow pump never delays a balance's time stamp.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from rig.clock import Clock, to_ns
from rig.errors import TransportTimeout

Message = TypeVar("Message")

Tap = Callable[[str, str, int, bytes], None]
"""Called with link name, ``"<"`` (received) or ``">"`` (sent), rig time in ns, and the bytes."""


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
    """One open byte link: what arrived and was not yet read waits in ``inbox``."""

    __slots__ = ("_write", "chunks", "identity", "inbox", "last_rx_ns", "name")

    def __init__(self, name: str, identity: LinkIdentity, write: Callable[[bytes], None]) -> None:
        self.name = name
        self.identity = identity
        self.inbox = bytearray()
        self.chunks = 0
        self.last_rx_ns = 0
        self._write = write

    def write(self, data: bytes) -> None:
        """Send ``data`` whole, in one write; raise `TransportError` when the device is gone."""
        self._write(data)

    def discard_input(self) -> bytes:
        """Return and forget what arrived and was never read; it is in the record already."""
        stale = bytes(self.inbox)
        self.inbox.clear()
        return stale


def _no_tap(_name: str, _direction: str, _at_ns: int, _data: bytes) -> None:
    """Record nothing."""


def _no_pulse() -> None:
    """Nobody wants to know that time passes."""


def _no_stall(_seconds: float) -> None:
    """Nobody wants to know of a stall."""


class Links(ABC):
    """All open links of one bench."""

    def __init__(self, clock: Clock, tap: Tap | None = None) -> None:
        self.clock = clock
        self.tap: Tap = tap or _no_tap
        # Called while waiting, several times a second of real time; may raise, which ends the wait and harms no link.
        self.pulse: Callable[[], None] = _no_pulse
        # Called when the process did not come to run for longer than it had asked, with the seconds in excess.
        self.on_stall: Callable[[float], None] = _no_stall

    @abstractmethod
    def wait(self, until_link_ns: int, for_link: Link | None = None) -> bool:
        """Wait until something arrived on ``for_link`` (True) or link time ``until_link_ns`` (False).

        Everything that arrives meanwhile, on any link, is stamped, tapped and put into its inbox. Raises
        `TransportError` when a link is lost.
        """

    @abstractmethod
    def close(self) -> None:
        """Close every link."""

    @abstractmethod
    def reopen(self, link: Link) -> bool:
        """Open the port of a lost link again, with an empty inbox; say whether the port was there.

        Raises `DeviceChanged` when another device is behind it. A link that is not lost is left alone (True).
        """

    def sleep_until(self, rig_ns: int) -> None:
        """Wait until a rig time."""
        self.wait(self.clock.link_at(rig_ns))

    def pause(self, seconds: float) -> None:
        """Wait for ``seconds`` of link time."""
        self.wait(self.clock.link_ns() + to_ns(seconds))

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
            message = decode(link.inbox)
            if message is not None:
                return message
            if not self.wait(deadline_ns, link):
                message = decode(link.inbox)
                if message is not None:
                    return message
                raise TransportTimeout(
                    f"no complete answer to {asked} within {timeout_s:g} s, received {bytes(link.inbox)!r}",
                    where=f"{link.name} on {link.identity.port}",
                    hint="check power, cable and the port in the bench file",
                )
