"""Simulated devices on TCP ports: instruments with a session for each connection, serial devices behind one wire.

A device with one wire (a balance, a radio stick) is served as a terminal server does it: one client at a time, in turn;
a second one is turned away. Nothing is buffered for a client that is not there.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol, runtime_checkable

from rig.errors import UsageError
from rig.transport.virtual import Port, SimulatedDevice

READ_SIZE = 65_536
RETRY_NS = 1_000_000
MAX_UNREAD = 1 << 24  # bytes that wait for a client who does not read; then the connection is reset
STAMPED = 35  # SO_TIMESTAMPNS, which Python does not name: when the kernel got what is read
STAMP_SPACE = 64
OLDEST_NS = 1_000_000_000  # an older stamp is a clock that was set
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST


class Host(Protocol):
    """Whoever runs the select loop."""

    def watch(self, descriptor: int, reader: Readable) -> None:
        """Call ``reader.read`` when there is something to read."""

    def unwatch(self, descriptor: int) -> None:
        """Stop that."""

    def schedule(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Call ``action`` at a link time."""

    def rig_ns(self, link_ns: int) -> int:
        """Return the rig time at a link time."""


class Readable(Protocol):
    """Something with a descriptor that was watched."""

    def read(self, now_ns: int) -> None:
        """Take what is there to read."""


@runtime_checkable
class Closes(Protocol):
    """A session that wants to know when its connection is gone."""

    def close(self) -> None:
        """Nobody is connected any more."""


class TcpListener:
    """One TCP port; ``session`` gives the device of each new connection, or None when there is none left."""

    def __init__(self, host: Host, address: tuple[str, int], session: Callable[[], SimulatedDevice | None]) -> None:
        self._host = host
        self._session = session
        self._connections: set[TcpConnection] = set()
        self._socket: socket.socket | None = None
        self.address = address
        self.plug_in()

    def plug_in(self) -> None:
        """Listen; raises `UsageError` for an address that cannot be had."""
        if self._socket is not None:
            return
        try:
            self._socket = socket.create_server(self.address)
        except OSError as error:
            where = "{}:{}".format(*self.address)
            raise UsageError(f"no port can be had there ({error})", where=where, expected="a free HOST:PORT") from error
        self._socket.setblocking(False)
        self.address = self._socket.getsockname()[:2]
        self._host.watch(self._socket.fileno(), self)

    def unplug(self) -> None:
        """Reset every connection and listen no more, as when the cable is pulled; the port stays reserved by name."""
        for connection in list(self._connections):
            connection.hang_up()
        if self._socket is not None:
            self._host.unwatch(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def read(self, _now_ns: int) -> None:
        """Take a new connection."""
        if self._socket is None:
            return
        with contextlib.suppress(BlockingIOError, InterruptedError, ConnectionError):
            client, _ = self._socket.accept()
            device = self._session()
            if device is None:
                client.close()
                return
            self._connections.add(TcpConnection(self._host, client, device, self._connections.discard))


class TcpConnection:
    """One connection, as the `rig.transport.virtual.Port` of a session."""

    def __init__(
        self,
        host: Host,
        client: socket.socket,
        device: SimulatedDevice,
        gone: Callable[[TcpConnection], None],
    ) -> None:
        self._host = host
        self._socket = client
        self._device = device
        self._gone = gone
        self._unsent = bytearray()
        self._open = True
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            client.setsockopt(socket.SOL_SOCKET, STAMPED, 1)
        host.watch(client.fileno(), self)
        device.attach(self)

    def read(self, now_ns: int) -> None:
        """Hand the device what the client wrote; nothing at all means that the client is gone."""
        try:
            data, stamps, _, _ = self._socket.recvmsg(READ_SIZE, STAMP_SPACE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data, stamps = b"", []
        if data:
            self._acknowledge()
            self._device.receive(data, now_ns - _age_ns(stamps))
        else:
            self._close()

    def _acknowledge(self) -> None:
        """Acknowledge at once: a client that bundles (Nagle) holds its next message until then, and loses its pace."""
        if hasattr(socket, "TCP_QUICKACK"):
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def send(self, data: bytes, at_ns: int) -> None:
        """Put bytes on the wire at a link time."""
        self._host.schedule(at_ns, partial(self._write, data))

    def call_at(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Call the device back at a link time, whether the client is still there or not."""
        self._host.schedule(at_ns, action)

    def rig_ns(self, link_ns: int) -> int:
        """Return the plant's time at a link time."""
        return self._host.rig_ns(link_ns)

    def hang_up(self) -> None:
        """Reset the connection."""
        if self._open:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._close()

    def _write(self, data: bytes, now_ns: int) -> None:
        if not self._open:
            return
        self._unsent += data
        try:
            sent = self._socket.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self._close()
            return
        del self._unsent[:sent]
        if len(self._unsent) > MAX_UNREAD:
            self.hang_up()
        elif self._unsent:
            self._host.schedule(now_ns + RETRY_NS, partial(self._write, b""))

    def _close(self) -> None:
        if not self._open:
            return
        self._open = False
        self._host.unwatch(self._socket.fileno())
        self._socket.close()
        self._gone(self)
        if isinstance(self._device, Closes):
            self._device.close()


class OneWire:
    """A device with one wire, for one client at a time; the device is attached once and lives on in between."""

    def __init__(self, host: Host, device: SimulatedDevice) -> None:
        self._host = host
        self._device = device
        self.client: Port | None = None
        device.attach(self)

    def session(self) -> SimulatedDevice | None:
        """Return the wire's end for a new client, or None while another one has it."""
        return None if self.client is not None else _WireEnd(self, self._device)

    def send(self, data: bytes, at_ns: int) -> None:
        """Put bytes on the wire at a link time, for whoever is there then."""
        self._host.schedule(at_ns, partial(self._send, data))

    def call_at(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Call the device back at a link time."""
        self._host.schedule(at_ns, action)

    def rig_ns(self, link_ns: int) -> int:
        """Return the plant's time at a link time."""
        return self._host.rig_ns(link_ns)

    def _send(self, data: bytes, now_ns: int) -> None:
        if self.client is not None:
            self.client.send(data, now_ns)


class _WireEnd:
    """What a client of a one-wire device is connected to."""

    def __init__(self, wire: OneWire, device: SimulatedDevice) -> None:
        self._wire = wire
        self._device = device

    def attach(self, port: Port) -> None:
        """Learn the connection."""
        self._wire.client = port

    def receive(self, data: bytes, now_ns: int) -> None:
        """Hand on what the client wrote."""
        self._device.receive(data, now_ns)

    def close(self) -> None:
        """Free the wire."""
        self._wire.client = None


def _age_ns(stamps: list[tuple[int, int, bytes]]) -> int:
    """Return how long ago bytes arrived: an instrument that needs rest must not suffer from a busy computer."""
    for level, kind, stamp in stamps:
        if level == socket.SOL_SOCKET and kind == STAMPED and len(stamp) == struct.calcsize("ll"):
            seconds, rest_ns = struct.unpack("ll", stamp)
            age_ns = time.time_ns() - seconds * 1_000_000_000 - rest_ns
            return age_ns if 0 <= age_ns < OLDEST_NS else 0
    return 0


def parse_address(text: str) -> tuple[str, int]:
    """Read HOST:PORT; port 0 is any free one. Raises `UsageError`."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise UsageError(f"'{text}' is no address", where="--tcp", expected="HOST:PORT, for example 127.0.0.1:5025")
    return host.removeprefix("[").removesuffix("]"), int(port)
