"""Real links: serial ports and pseudo-terminals, opened by pyserial, read here (design 4.2).

pyserial opens and configures a port; from then on its file descriptor is polled and read directly, so that one place
stamps the bytes of every device. The time-out is given to pyserial once and never changed: a later change fails on
pseudo-terminals with 7 data bits or parity.
"""

from __future__ import annotations

import contextlib
import os
import select
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rig.clock import Clock
from rig.errors import DeviceChanged, LinkLost, TransportError
from rig.transport.links import Link, LinkIdentity, Links, Tap

if TYPE_CHECKING:
    import serial

READ_SIZE = 65536
NS_PER_MS = 1_000_000
WRITE_LIMIT_MS = 5_000
SLICE_NS = 250_000_000  # how long one poll lasts: whoever hangs on the pulse is called so often
STALL_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """How a port is to be opened."""

    baud: int = 9600
    data_bits: int = 8
    parity: str = "N"
    stop_bits: int = 1
    rtscts: bool = False


class SerialLinks(Links):
    """Every serial port of a bench, on one `select.poll`."""

    def __init__(self, clock: Clock, tap: Tap | None = None) -> None:
        super().__init__(clock, tap)
        self._poll = select.poll()
        self._ports: dict[int, tuple[Link, serial.Serial]] = {}
        self._settings: dict[str, SerialSettings] = {}
        self._gone: dict[str, LinkLost] = {}

    def open(self, name: str, port: str, settings: SerialSettings) -> Link:
        """Open ``port`` exclusively; raise `TransportError` that names it and what to try."""
        opened = self._open_port(name, port, settings)
        link = Link(name, identify_port(port), lambda data: self._write(link, data))
        self._settings[name] = settings
        self._register(link, opened)
        return link

    def reopen(self, link: Link) -> bool:
        """Open the port of a lost link again under the same path; see `Links.reopen`."""
        if link.name not in self._gone:
            return True
        self._forget(link)
        port, before = link.identity.port, link.identity
        try:
            opened = self._open_port(link.name, port, self._settings[link.name])
        except TransportError:
            return False
        found = identify_port(port)
        if (found.kind, found.serial_number) != (before.kind, before.serial_number):
            opened.close()
            raise DeviceChanged(
                f"another device is behind it: {found.kind} {found.serial_number}".rstrip(),
                where=f"{link.name} on {port}",
                expected=f"{before.kind} {before.serial_number}".rstrip(),
                hint="plug the bench's own cable in again",
            )
        link.discard_input()
        del self._gone[link.name]
        self._register(link, opened)
        return True

    def _forget(self, link: Link) -> None:
        """Close what is left of a lost port: while it is open, the system may give the device another name."""
        for descriptor, (known, opened) in list(self._ports.items()):
            if known is link:
                del self._ports[descriptor]
                with contextlib.suppress(OSError):
                    opened.close()

    def _register(self, link: Link, opened: serial.Serial) -> None:
        self._ports[opened.fileno()] = (link, opened)
        self._poll.register(opened.fileno(), select.POLLIN | select.POLLERR | select.POLLHUP)

    def _open_port(self, name: str, port: str, settings: SerialSettings) -> serial.Serial:
        import serial  # noqa: PLC0415 - only benches with ports pay for it

        try:
            return serial.Serial(
                port,
                baudrate=settings.baud,
                bytesize=settings.data_bits,
                parity=settings.parity,
                stopbits=settings.stop_bits,
                rtscts=settings.rtscts,
                timeout=0,
                exclusive=True,
            )
        except (serial.SerialException, OSError, ValueError) as error:
            raise TransportError(
                f"the port cannot be opened ({error})",
                where=f"{name} on {port}",
                expected="a serial port that nobody else has open",
                hint="check the cable and the port in the bench file; list ports with: ls -l /dev/serial/by-id",
            ) from error

    def wait(self, until_link_ns: int, for_link: Link | None = None) -> bool:
        """Wait on every open port; see `Links.wait`.

        A device that goes away while another is waited for is remembered, and told to whoever next asks something of
        it: a lost balance must not keep the pump from being stopped.
        """
        while True:
            if for_link is not None and for_link.name in self._gone:
                raise self._gone[for_link.name]
            self.pulse()
            asked_ns = self.clock.link_ns()
            remaining_ns = until_link_ns - asked_ns
            slice_ns = min(max(0, remaining_ns), SLICE_NS)
            # Rounded up: a poll that returns early would spin through the last millisecond.
            ready = self._poll.poll(-(-slice_ns // NS_PER_MS))
            late_ns = self.clock.link_ns() - asked_ns - slice_ns
            if late_ns > STALL_NS:
                self.on_stall(late_ns * 1e-9)
            arrived = [self._read(descriptor) for descriptor, _ in ready]
            if for_link is not None and for_link in arrived and for_link.name not in self._gone:
                return True
            if not ready and self.clock.link_ns() >= until_link_ns:
                return False
            if remaining_ns <= 0 and not arrived:
                return False

    def _read(self, descriptor: int) -> Link:
        link, _ = self._ports[descriptor]
        try:
            data = os.read(descriptor, READ_SIZE)
        except BlockingIOError:
            return link
        except OSError as error:
            self._lose(descriptor, link, str(error))
            return link
        arrived_ns = self.clock.now_ns()
        if not data:
            self._lose(descriptor, link, "end of file")
            return link
        self.tap(link.name, "<", arrived_ns, data)
        link.inbox += data
        link.last_rx_ns = arrived_ns
        link.chunks += 1
        return link

    def _write(self, link: Link, data: bytes) -> None:
        if link.name in self._gone:
            raise self._gone[link.name]
        descriptor = next(number for number, (known, _) in self._ports.items() if known is link)
        self.tap(link.name, ">", self.clock.now_ns(), data)
        view = memoryview(data)
        deadline_ns = self.clock.link_ns() + WRITE_LIMIT_MS * NS_PER_MS
        while view:
            try:
                sent = os.write(descriptor, view)
            except BlockingIOError as error:
                if self.clock.link_ns() > deadline_ns:
                    raise self._error(link, "it takes no bytes") from error
                select.select([], [descriptor], [], 1.0)
                continue
            except OSError as error:
                self._lose(descriptor, link, str(error))
                raise self._gone[link.name] from error
            view = view[sent:]

    def _lose(self, descriptor: int, link: Link, why: str) -> None:
        """Stop listening to a device that went away; the others go on."""
        if link.name not in self._gone:
            self._gone[link.name] = self._error(link, why)
            self._poll.unregister(descriptor)

    def _error(self, link: Link, why: str) -> LinkLost:
        return LinkLost(
            f"the device went away ({why})",
            where=f"{link.name} on {link.identity.port}",
            hint="check plug and power; readings until now are in the record",
        )

    def close(self) -> None:
        """Close every port; a port that is gone already does not matter."""
        for descriptor, (link, opened) in self._ports.items():
            if link.name not in self._gone:
                self._poll.unregister(descriptor)
            try:
                opened.close()
            except OSError:
                continue
        self._ports.clear()


def identify_port(port: str) -> LinkIdentity:
    """Say what kind of port this is: only ``usb`` and ``uart`` count as hardware evidence."""
    from serial.tools import list_ports  # noqa: PLC0415 - see SerialLinks.open

    resolved = str(Path(port).resolve())
    if resolved.startswith(("/dev/pts/", "/dev/pty")):
        return LinkIdentity("pty", port)
    for known in list_ports.comports():
        if str(Path(known.device).resolve()) == resolved:
            if known.vid is not None:
                return LinkIdentity("usb", port, known.serial_number or "")
            return LinkIdentity("uart", port)
    # Never guess "hardware": a port that the system does not list is treated like a pseudo-terminal.
    return LinkIdentity("pty", port)
