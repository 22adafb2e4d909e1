"""A TCP port of an instrument that speaks to several clients at once: a session for each connection."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol, runtime_checkable

from rig.errors import TransportError
from rig.sim.wires import Loop
from rig.transport.virtual import SimulatedDevice

READ_SIZE = 65_536
RETRY_NS = 1_000_000
MAX_UNREAD = 1 << 24  # bytes that wait for a client who does not read; then the connection is reset
STAMPED = 35  # SO_TIMESTAMPNS, which Python does not name: when the kernel got what is read
STAMP_SPACE = 64
OLDEST_NS = 1_000_000_000  # an older stamp is a clock that was set
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST


@runtime_checkable
class Closes(Protocol):
    """A session that wants to know when its connection is gone."""

    def close(self) -> None:
        """Nobody is connected any more."""


class TcpListener:
    """One TCP port; ``session`` gives the device of each new connection. Unplugged, it is a wire like others."""

    def __init__(self, loop: Loop, name: str, address: tuple[str, int], session: Callable[[], SimulatedDevice]) -> None:
        self.name = name
        self.plugged = False
        self.path = ""
        self._loop = loop
        self._host, self._number = address
        self._session = session
        self._connections: set[TcpConnection] = set()
        self._socket: socket.socket | None = None

    def open(self) -> str:
        """Listen; return the address. Plugged in again, the port is the same; raises `TransportError`."""
        try:
            self._socket = socket.create_server((self._host, self._number))
        except OSError as error:
            raise TransportError(
                f"it cannot listen there ({error})",
                where=f"{self.name} on {self._host}:{self._number}",
                expected="an address of this machine and a free port; port 0 takes any",
            ) from error
        self._socket.setblocking(False)
        self._number = int(self._socket.getsockname()[1])
        self.path = f"tcp://{self._host}:{self._number}"
        self.plugged = True
        self._loop.watch(self._socket.fileno(), self._accept)
        return self.path

    def hang_up(self) -> None:
        """Reset every connection, and accept no other: the cable is pulled."""
        self.plugged = False
        for connection in list(self._connections):
            connection.hang_up()
        if self._socket is not None:
            self._loop.forget(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _accept(self, _now_ns: int) -> None:
        if self._socket is None:
            return
        with contextlib.suppress(BlockingIOError, InterruptedError, ConnectionError):
            client, _ = self._socket.accept()
            self._connections.add(TcpConnection(self._loop, client, self._session(), self._connections.discard))


class TcpConnection:
    """One connection, as the `rig.transport.virtual.Port` of a session."""

    def __init__(
        self,
        loop: Loop,
        client: socket.socket,
        device: SimulatedDevice,
        gone: Callable[[TcpConnection], None],
    ) -> None:
        self._loop = loop
        self._socket = client
        self._device = device
        self._gone = gone
        self._unsent = bytearray()
        self._open = True
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):
            client.setsockopt(socket.SOL_SOCKET, STAMPED, 1)
        loop.watch(client.fileno(), self._read)
        device.attach(self)

    def _read(self, now_ns: int) -> None:
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
        self._loop.schedule(at_ns, partial(self._write, data))

    def call_at(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Call the device back at a link time, whether the client is still there or not."""
        self._loop.schedule(at_ns, action)

    def rig_ns(self, link_ns: int) -> int:
        """Return the plant's time at a link time."""
        return self._loop.rig_ns(link_ns)

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
            self._loop.schedule(now_ns + RETRY_NS, partial(self._write, b""))

    def _close(self) -> None:
        if not self._open:
            return
        self._open = False
        self._loop.forget(self._socket.fileno())
        self._socket.close()
        self._gone(self)
        if isinstance(self._device, Closes):
            self._device.close()


def _age_ns(stamps: list[tuple[int, int, bytes]]) -> int:
    """Return how long ago bytes arrived: an instrument that needs rest must not suffer from a busy computer."""
    for level, kind, stamp in stamps:
        if level == socket.SOL_SOCKET and kind == STAMPED and len(stamp) == struct.calcsize("ll"):
            seconds, rest_ns = struct.unpack("ll", stamp)
            age_ns = time.time_ns() - seconds * 1_000_000_000 - rest_ns
            return age_ns if 0 <= age_ns < OLDEST_NS else 0
    return 0
