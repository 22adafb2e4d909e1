"""The in-process simulated bench: a discrete-event queue behind the same `Links` (design 4.2).

No thread, no kernel object: time advances only inside `VirtualLinks.wait`, from event to event, so that the same
seed gives the same bytes.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from time import monotonic
from typing import Protocol

from rig.clock import VirtualClock
from rig.transport.links import Link, LinkIdentity, Links, Tap


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
        self._open: dict[str, _VirtualPort] = {}

    def connect(self, name: str, device: SimulatedDevice, ns_per_byte: int = 0) -> Link:
        """Attach ``device`` to a new link whose bytes each take ``ns_per_byte`` on the wire."""
        port = _VirtualPort(self, device, name, ns_per_byte)
        device.attach(port)
        self._open[name] = port
        return port.link

    def schedule(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Call ``action(at_ns)`` when virtual time gets there."""
        self._sequence += 1
        heapq.heappush(self._queue, (at_ns, self._sequence, action))

    def wait(self, until_link_ns: int, for_link: Link | None = None) -> bool:
        """Advance virtual time event by event; see `Links.wait`. Pulses stay on real time."""
        if monotonic() >= self._pulse_due_s:
            self._pulse()
        queue = self._queue
        clock = self._virtual
        chunks = -1
        if for_link is not None:
            if for_link.lost_because:
                raise for_link.lost()
            chunks = for_link.chunks
        pop = heapq.heappop
        while queue and queue[0][0] <= until_link_ns:
            at_ns, _, action = pop(queue)
            if at_ns > clock.link_ns():
                clock.advance_to(at_ns)
            action(at_ns)
            if for_link is not None and for_link.chunks != chunks:
                return True
            if for_link is not None and for_link.lost_because:
                raise for_link.lost()
            if monotonic() >= self._pulse_due_s:
                self._pulse()
        if until_link_ns > clock.link_ns():
            clock.advance_to(until_link_ns)
        return False

    def deliver(self, link: Link, data: bytes, at_ns: int) -> None:
        """Hand bytes that arrived to their link; only ports call this."""
        self.tap(link.name, "<", at_ns, data)
        link.arrived(data, at_ns, 0)

    def unplug(self, name: str) -> None:
        """Pull a device's plug: its link is lost, and what is on the wire with it."""
        port = self._open[name]
        port.unplug()
        self._lose(port.link, "unplugged")

    def replug(self, name: str, device: SimulatedDevice | None = None) -> None:
        """Put the plug back in, or that of another device; the link stays lost until somebody opens it again."""
        port = self._open[name]
        port.plugged = True
        if device is not None:
            port.device = device
            device.attach(port)

    def reopen(self, link: Link) -> bool:
        """Open a lost link again if its device is plugged in; see `Links.reopen`."""
        if not link.lost_because:
            return True
        if not self._open[link.name].plugged:
            return False
        self._reopened(link)
        return True

    def close(self) -> None:
        """Unplug every device."""
        for port in self._open.values():
            port.unplug()
            port.link.lost_because = port.link.lost_because or "its link was closed"


class _VirtualPort:
    """One wire between a link and a device."""

    def __init__(self, links: VirtualLinks, device: SimulatedDevice, name: str, ns_per_byte: int) -> None:
        self.plugged = True
        self.device = device
        self.link = Link(name, LinkIdentity("memory", f"sim:{name}"), self._host_writes)
        self.link.ns_per_byte = ns_per_byte
        self._links = links
        self._ns_per_byte = ns_per_byte
        self._plugging = 0  # bytes that were on the wire when the plug was pulled never arrive
        self._heard_ns = 0  # when the device has heard all that the host wrote: nothing overtakes on a wire
        self._free_ns = 0  # when the wire has carried what the device sent before

    def unplug(self) -> None:
        """Lose what is on the wire, both ways."""
        self.plugged = False
        self._plugging += 1
        self._heard_ns = 0
        self._free_ns = 0

    def _host_writes(self, data: bytes) -> None:
        link, links = self.link, self._links
        if link.lost_because:
            raise link.lost()
        now_ns = links.clock.link_ns()
        links.tap(link.name, ">", now_ns, data)
        plugging = self._plugging
        self._heard_ns = max(now_ns, self._heard_ns) + len(data) * self._ns_per_byte
        links.schedule(self._heard_ns, lambda at_ns: self._hear(data, plugging, at_ns))

    def _hear(self, data: bytes, plugging: int, now_ns: int) -> None:
        if plugging == self._plugging:
            self.device.receive(data, now_ns)

    def send(self, data: bytes, at_ns: int) -> None:
        """Deliver the device's bytes after their time on the wire, and after what is on it already."""
        plugging = self._plugging
        if self._ns_per_byte:
            self._links.schedule(at_ns, lambda now_ns: self._transmit(data, plugging, now_ns))
        else:
            self._links.schedule(at_ns, lambda now_ns: self._arrive(data, plugging, now_ns))

    def _transmit(self, data: bytes, plugging: int, now_ns: int) -> None:
        self._free_ns = max(now_ns, self._free_ns) + len(data) * self._ns_per_byte
        self._links.schedule(self._free_ns, lambda at_ns: self._arrive(data, plugging, at_ns))

    def _arrive(self, data: bytes, plugging: int, now_ns: int) -> None:
        if plugging == self._plugging and not self.link.lost_because:
            self._links.deliver(self.link, data, now_ns)

    def call_at(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Call the device back at a link time."""
        self._links.schedule(at_ns, action)

    def rig_ns(self, link_ns: int) -> int:
        """Return the same time: nothing is scaled in process."""
        return link_ns
