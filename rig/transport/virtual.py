"""The in-process simulated bench: a discrete-event queue behind the same `Links` (design 4.2).

No thread, no kernel object: time advances only inside `VirtualLinks.wait`, from event to event, so that the same
seed gives the same bytes.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from typing import Protocol

from rig.clock import VirtualClock
from rig.errors import LinkLost
from rig.transport.links import Link, LinkIdentity, Links, Tap

WAITS_PER_LOOK = 64
PULSE_S = 0.5


class Port(Protocol):
    """What a simulated device sees of its wire; the same in process and on a pseudo-terminal. Times are link time."""

    def send(self, data: bytes, at_ns: int) -> None:
        """Put bytes on the wire at a link time, not before now; order of calls is kept at equal times."""

    def call_at(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Call ``action(link_ns)`` at a link time."""

    def rig_ns(self, link_ns: int) -> int:
        """Return the rig time (the plant's time) at a link time."""


class SimulatedDevice(Protocol):
    """A device that takes bytes and returns bytes."""

    def attach(self, port: Port) -> None:
        """Learn the wire; called once, before the first byte."""

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take what the host sent; ``now_ns`` is the link time at which the last byte arrived."""


class VirtualLinks(Links):
    """Links to simulated devices in this process, in virtual time."""

    def __init__(self, clock: VirtualClock, tap: Tap | None = None) -> None:
        super().__init__(clock, tap)
        self._virtual = clock
        self._queue: list[tuple[int, int, Callable[[int], None]]] = []
        self._sequence = 0
        self._open: list[_VirtualPort] = []
        self._waits = 0
        self._pulsed_s = 0.0

    def connect(
        self,
        name: str,
        device: SimulatedDevice,
        ns_per_byte: int = 0,
        in_socket: Callable[[int], bool] | None = None,
    ) -> Link:
        """Attach ``device`` to a new link whose bytes each take ``ns_per_byte`` on the wire.

        ``in_socket`` says whether its cable is plugged in at a time.
        """
        port = _VirtualPort(self, device, name, ns_per_byte, in_socket)
        device.attach(port)
        self._open.append(port)
        return port.link

    def schedule(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Call ``action(at_ns)`` when virtual time gets there."""
        self._sequence += 1
        heapq.heappush(self._queue, (at_ns, self._sequence, action))

    def wait(self, until_link_ns: int, for_link: Link | None = None) -> bool:
        """Advance virtual time event by event; see `Links.wait`."""
        self._waits += 1
        if not self._waits % WAITS_PER_LOOK:
            self._look_at_the_clock()
        queue = self._queue
        clock = self._virtual
        chunks = for_link.chunks if for_link is not None else 0
        while queue and queue[0][0] <= until_link_ns:
            at_ns, _, action = heapq.heappop(queue)
            if at_ns > clock.link_ns():
                clock.advance_to(at_ns)
            action(at_ns)
            if for_link is not None and for_link.chunks != chunks:
                return True
        if until_link_ns > clock.link_ns():
            clock.advance_to(until_link_ns)
        return False

    def _look_at_the_clock(self) -> None:
        """Pulse at most twice a second of real time; asking the clock at each wait would cost more than the wait."""
        now_s = time.monotonic()
        if now_s - self._pulsed_s >= PULSE_S:
            self._pulsed_s = now_s
            self.pulse()

    def reopen(self, link: Link) -> bool:
        """Say whether the device is plugged in; see `Links.reopen`."""
        port = next(port for port in self._open if port.link is link)
        there = port.is_there(self.clock.link_ns())
        if there and port.lost:
            link.discard_input()
            port.lost = False
        return there

    def deliver(self, link: Link, data: bytes, at_ns: int) -> None:
        """Hand bytes that arrived to their link; only ports call this."""
        self.tap(link.name, "<", at_ns, data)
        link.inbox += data
        link.last_rx_ns = at_ns
        link.chunks += 1

    def close(self) -> None:
        """Unplug every device."""
        for port in self._open:
            port.plugged = False


class _VirtualPort:
    """One wire between a link and a device."""

    def __init__(
        self,
        links: VirtualLinks,
        device: SimulatedDevice,
        name: str,
        ns_per_byte: int,
        in_socket: Callable[[int], bool] | None = None,
    ) -> None:
        self.plugged = True
        self.lost = False  # the host has noticed that the device is gone, and has not opened it again
        self._in_socket = in_socket
        self.link = Link(name, LinkIdentity("memory", f"sim:{name}"), self._host_writes)
        self._links = links
        self._device = device
        self._ns_per_byte = ns_per_byte

    def _host_writes(self, data: bytes) -> None:
        links = self._links
        now_ns = links.clock.link_ns()
        if self.lost or not self.is_there(now_ns):
            self.lost = True
            raise LinkLost("the device went away (unplugged)", where=self.link.name, hint="check its plug")
        links.tap(self.link.name, ">", now_ns, data)
        links.schedule(now_ns + len(data) * self._ns_per_byte, lambda at_ns: self._device.receive(data, at_ns))

    def send(self, data: bytes, at_ns: int) -> None:
        """Deliver the device's bytes after their time on the wire."""
        arrives_ns = at_ns + len(data) * self._ns_per_byte
        self._links.schedule(arrives_ns, lambda now_ns: self._arrive(data, now_ns))

    def is_there(self, now_ns: int) -> bool:
        """Say whether the device is plugged in."""
        return self.plugged and (self._in_socket is None or self._in_socket(now_ns))

    def _arrive(self, data: bytes, now_ns: int) -> None:
        if not self.lost and self.is_there(now_ns):
            self._links.deliver(self.link, data, now_ns)

    def call_at(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Call the device back at a link time."""
        self._links.schedule(at_ns, action)

    def rig_ns(self, link_ns: int) -> int:
        """Return the same time: nothing is scaled in process."""
        return link_ns
