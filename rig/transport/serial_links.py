"""Real links: serial ports and pseudo-terminals, TCP ports, sessions of pyvisa; all are read here (design 4.2).

pyserial opens and configures a port; from then on its file descriptor is polled and read directly, so that one place
stamps the bytes of every device. The time-out is given to pyserial once and never changed: a later change fails on
pseudo-terminals with 7 data bits or parity.
"""

from __future__ import annotations

import os
import select
import termios
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from rig.clock import Clock, to_s
from rig.errors import DeviceChanged, TransportError
from rig.transport.folder import is_folder, kind_of, open_folder
from rig.transport.found_again import found_again
from rig.transport.links import Link, LinkIdentity, Links, Tap
from rig.transport.tcp import CONNECT_S, RECONNECT_S, identify_tcp, is_tcp, open_tcp
from rig.transport.visa import SerialLine, VisaPort, identify_visa, is_visa, open_visa

if TYPE_CHECKING:
    import socket

    import serial

READ_SIZE = 65536
NS_PER_MS = 1_000_000
WRITE_LIMIT_MS = 5_000
SLICE_MS = 250  # the longest that anything waits without looking up
STALL_NS = 1_000_000_000
BETWEEN_NS = 50_000  # nothing to speak of is done in so short a time
SLEPT_NS = 5_000_000  # a poll that took so long slept, even on a loaded host
PORT_HINT = "check the cable and the port in the bench file; list ports with: ls -l /dev/serial/by-id"
TCP_HINT = "check host and port in the bench file, and that no other program is connected"
VISA_HINT = "check the resource in the bench file, its cable or address, and that no other program uses it"
HUNG_UP = select.POLLHUP | select.POLLERR | select.POLLNVAL


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """How a port is to be opened."""

    baud: int = 9600
    data_bits: int = 8
    parity: str = "N"
    stop_bits: int = 1
    rtscts: bool = False

    @property
    def ns_per_byte(self) -> int:
        """Return the time of one byte on the wire: start bit, data bits, parity, stop bits."""
        bits = 1 + self.data_bits + (self.parity != "N") + self.stop_bits
        return bits * 1_000_000_000 // self.baud


@dataclass(slots=True)
class _Port:
    """One port that was opened, and how to open it again; ``path`` is as given, so a by-id name is looked up anew."""

    link: Link
    path: str
    settings: SerialSettings
    opened: serial.Serial | socket.socket | VisaPort
    descriptor: int


class SerialLinks(Links):
    """Every serial port of a bench, on one `select.poll`."""

    def __init__(self, clock: Clock, tap: Tap | None = None) -> None:
        super().__init__(clock, tap)
        self._poll = select.poll()
        self._ports: dict[str, _Port] = {}
        self._listening: dict[int, _Port] = {}
        self._looked_ns: int | None = None  # link time at which the last slice of waiting ended
        self._since_ns = 0  # rig time before which what is being read now cannot have come

    def open(self, name: str, port: str, settings: SerialSettings) -> Link:
        """Open ``port`` exclusively; raise `TransportError` that names it and what to try."""
        try:
            opened = _open_port(port, settings)
        except (OSError, ValueError, termios.error) as error:  # SerialException is an OSError
            raise TransportError(
                f"the port cannot be opened ({error})",
                where=f"{name} on {port}",
                expected="a port that nobody else has open",
                hint=TCP_HINT if is_tcp(port) else VISA_HINT if is_visa(port) else PORT_HINT,
            ) from error
        link = Link(name, identify_port(port), lambda data: self._write(at_port, data))
        if link.identity.is_hardware:
            link.ns_per_byte = settings.ns_per_byte
        at_port = self._ports[name] = _Port(link, port, settings, opened, opened.fileno())
        self._listen(at_port)
        return link

    def reopen(self, link: Link) -> bool:
        """Try once to open a lost port again, by the path that the bench file gives; see `Links.reopen`.

        A USB port that is not there under that path is looked for by its serial number: a device that was plugged in
        again may have another number, and another device its own.
        """
        if not link.lost_because:
            return True
        port = self._ports[link.name]
        _close_port(port.opened)
        path = _where_now(port)
        if not path:
            return False
        try:
            opened = _open_port(path, port.settings, RECONNECT_S)
        except (OSError, ValueError, termios.error):
            return False
        link.identity = replace(link.identity, port=path)
        port.opened, port.descriptor = opened, opened.fileno()
        self._reopened(link)
        self._listen(port)
        return True

    def wait(self, until_link_ns: int, for_link: Link | None = None) -> bool:
        """Wait on every open port; see `Links.wait`.

        A device that goes away while another is waited for is remembered, and told to whoever next asks something of
        it: a lost balance must not keep the pump from being stopped.
        """
        link_ns, poll = self.clock.link_ns, self._poll.poll
        while True:
            if monotonic() >= self._pulse_due_s:
                self._pulse()
            if for_link is not None and for_link.lost_because:
                raise for_link.lost()
            entered_ns = link_ns()
            # Rounded up: a poll that returns early would spin through the last millisecond.
            slice_ms = min(SLICE_MS, max(0, -((entered_ns - until_link_ns) // NS_PER_MS)))
            ready = poll(slice_ms)
            self._returned(entered_ns, link_ns(), slice_ms)
            if not ready:
                if link_ns() >= until_link_ns:
                    return False
                continue
            arrived = False
            for descriptor, events in ready:
                arrived = self._read(descriptor, events) is for_link or arrived
            if arrived and for_link is not None and not for_link.lost_because:
                return True

    def _returned(self, entered_ns: int, now_ns: int, slice_ms: int) -> None:
        """Note that a poll returned: since when its bytes may have waited, and whether this process stood still.

        A poll that slept was woken by what is ready. One that soon returned may have found it there, and then it may
        have come at any time since the last one returned, unless nothing was done between the two.
        """
        before_ns, self._looked_ns = self._looked_ns, now_ns
        if before_ns is None:
            self._since_ns = self.clock.rig_ns(entered_ns)
            return
        unseen_ns = now_ns - before_ns
        found_there = entered_ns - before_ns > BETWEEN_NS and now_ns - entered_ns < SLEPT_NS
        self._since_ns = self.clock.rig_ns(before_ns if found_there else now_ns)
        if unseen_ns - slice_ms * NS_PER_MS > STALL_NS:
            self.on_stall(to_s(unseen_ns - slice_ms * NS_PER_MS))

    def _read(self, descriptor: int, events: int) -> Link:
        port = self._listening[descriptor]
        link = port.link
        try:
            data = os.read(descriptor, READ_SIZE)
        except BlockingIOError:
            if events & HUNG_UP:  # else the poll would return at once, for ever
                self._stop_listening(port, "hung up")
            return link
        except OSError as error:
            self._stop_listening(port, str(error))
            return link
        arrived_ns = self.clock.now_ns()
        if not data:
            self._stop_listening(port, getattr(port.opened, "why", "") or "end of file")
            return link
        self.tap(link.name, "<", arrived_ns, data)
        link.arrived(data, arrived_ns, arrived_ns - self._since_ns)
        return link

    def _write(self, port: _Port, data: bytes) -> None:
        link = port.link
        if link.lost_because:
            raise link.lost()
        self.tap(link.name, ">", self.clock.now_ns(), data)
        deadline_ns = 0
        while data:
            try:
                data = data[os.write(port.descriptor, data) :]
            except BlockingIOError:
                deadline_ns = deadline_ns or self.clock.link_ns() + WRITE_LIMIT_MS * NS_PER_MS
                if self.clock.link_ns() > deadline_ns:
                    self._stop_listening(port, "it takes no bytes")
                    raise link.lost() from None
                self._wait_for_room(port)
            except OSError as error:
                self._stop_listening(port, str(error))
                raise link.lost() from error

    def _wait_for_room(self, port: _Port) -> None:
        """Wait until a port takes more bytes; what a pulse raises waits until the whole packet is out."""
        with self._shielded():
            self._beat()
        select.select([], [port.descriptor], [], SLICE_MS / 1000)
        self._looked_ns = self.clock.link_ns()

    def _listen(self, port: _Port) -> None:
        self._listening[port.descriptor] = port
        self._poll.register(port.descriptor, select.POLLIN | select.POLLERR | select.POLLHUP)

    def _stop_listening(self, port: _Port, why: str) -> None:
        """Let a device go that went away; the others go on."""
        if self._listening.pop(port.descriptor, None) is not None:
            self._poll.unregister(port.descriptor)
        self._lose(port.link, why)

    def let_go(self, link: Link) -> None:
        """Close one port for good; somebody else wants it."""
        port = self._ports.pop(link.name)
        if self._listening.pop(port.descriptor, None) is not None:
            self._poll.unregister(port.descriptor)
        link.lost_because = link.lost_because or "its port was closed"
        _close_port(port.opened)

    def close(self) -> None:
        """Close every port; a port that is gone already does not matter."""
        for descriptor in self._listening:
            self._poll.unregister(descriptor)
        self._listening.clear()
        for port in self._ports.values():
            _close_port(port.opened)
        self._ports.clear()


def _where_now(port: _Port) -> str:
    """Return under which path a lost port is there again, empty where it is not.

    Raises `DeviceChanged` where another one has its path, and it is nowhere else.
    """
    was = port.link.identity
    there = is_tcp(port.path) or is_visa(port.path) or Path(port.path).exists()
    found = identify_port(port.path) if there else None
    if found is not None and (found.kind, found.serial_number) == (was.kind, was.serial_number):
        return port.path
    again = found_again(was.serial_number) if was.kind == "usb" else ""
    if found is None or again:
        return again
    raise DeviceChanged(
        f"another port answers to this name: {_said(found)}",
        where=port.link.where,
        expected=_said(was),
        hint="plug the former adapter in again",
    )


def _open_port(
    path: str, settings: SerialSettings, timeout_s: float = CONNECT_S
) -> serial.Serial | socket.socket | VisaPort:
    if is_tcp(path):
        return open_tcp(path, timeout_s)
    if is_visa(path):
        line = SerialLine(settings.baud, settings.data_bits, settings.parity, settings.stop_bits)
        return open_visa(path, line, timeout_s)
    if is_folder(path):
        return open_folder(path)
    import serial  # noqa: PLC0415 - only benches with ports pay for it

    if _is_pseudo(path):  # it has no wire: the kernel refuses 7 bits and parity there, at the second opening at last
        settings = replace(settings, data_bits=8, parity="N")
    return serial.Serial(
        path,
        baudrate=settings.baud,
        bytesize=settings.data_bits,
        parity=settings.parity,
        stopbits=settings.stop_bits,
        rtscts=settings.rtscts,
        timeout=0,
        exclusive=True,
    )


def _close_port(opened: serial.Serial | socket.socket | VisaPort) -> None:
    """Close a port that may be gone; what it has not sent is dropped, for a close may wait 30 s for it to drain."""
    with suppress(OSError, termios.error, ValueError):  # a closed socket has the descriptor -1
        termios.tcflush(opened.fileno(), termios.TCOFLUSH)
    with suppress(OSError):
        opened.close()


def _said(identity: LinkIdentity) -> str:
    return f"{identity.kind} {identity.serial_number or 'without a serial number'}"


def identify_port(port: str) -> LinkIdentity:
    """Say what kind of port this is: only ``usb`` and ``uart`` count as hardware evidence."""
    if is_tcp(port):
        return identify_tcp(port)
    if is_visa(port):
        return identify_visa(port, identify_port)
    from serial.tools import list_ports  # noqa: PLC0415 - see SerialLinks.open

    resolved = str(Path(port).resolve())
    if _is_pseudo(port) or is_folder(port):
        return LinkIdentity("pty", port, _born(port)) if _is_pseudo(port) else LinkIdentity(kind_of(port), port)
    for known in list_ports.comports():
        if str(Path(known.device).resolve()) == resolved:
            if known.vid is not None:
                return LinkIdentity("usb", port, known.serial_number or "")
            return LinkIdentity("uart", port)
    # Never guess "hardware": a port that the system does not list is treated like a pseudo-terminal.
    return LinkIdentity("pty", port)


def _is_pseudo(port: str) -> bool:
    return str(Path(port).resolve()).startswith(("/dev/pts/", "/dev/pty"))


def _born(port: str) -> str:
    """Return what tells a pseudo-terminal from a later one of the same number; a name of one's own stands for itself.

    The system gives numbers away again as soon as they are free: whoever waits for a dead simulator must not talk to
    another one.
    """
    if not port.startswith("/dev/pts/"):
        return ""
    try:
        return f"made {Path(port).stat().st_ctime_ns}"
    except OSError:
        return ""
