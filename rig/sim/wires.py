"""Wires between a server and its devices: a pseudo-terminal, or a TCP socket that stands for a serial server.

A serial server serves one client at a time, says nothing when it connects, and knows no lines: bytes come in whatever
pieces the network makes of them. A second client is hung up on.
"""

from __future__ import annotations

import contextlib
import os
import pty
import socket
import time
import tty
from collections.abc import Callable
from functools import partial
from typing import Protocol

from rig.errors import TransportError
from rig.transport.virtual import SimulatedDevice

READ_SIZE = 4096
ABSENT_NS = 10_000_000  # how long a client may go unnoticed; the hastiest known one gives its stick 50 ms


class Loop(Protocol):
    """What a wire asks of its server."""

    def schedule(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Call ``action`` at a link time, or at once when it is over."""

    def watch(self, descriptor: int, read: Callable[[int], None]) -> None:
        """Call ``read`` with the link time whenever a descriptor has something to read."""

    def forget(self, descriptor: int) -> None:
        """Watch a descriptor no longer."""

    def rig_ns(self, link_ns: int) -> int:
        """Return the plant's time at a link time."""


class Wire:
    """One wire to a device; how it leaves the process is for the subclasses."""

    def __init__(self, loop: Loop, name: str, device: SimulatedDevice, ns_per_byte: int) -> None:
        self.name = name
        self.plugged = False
        self.path = ""
        self._loop = loop
        self._device = device
        self._plugging = 0  # what was on the wire when the plug was pulled never arrives
        self._ns_per_byte = ns_per_byte
        self._free_ns = 0  # when the wire has sent what was put on it before

    def open(self) -> str:
        """Take a new way out of the process; return what clients open."""
        raise NotImplementedError

    def hang_up(self) -> None:
        """Whoever is connected sees a device that went away."""
        self.plugged = False
        self._plugging += 1

    def send(self, data: bytes, at_ns: int) -> None:
        """Put bytes on the wire at a link time; paced, they arrive one after the other at the baud rate."""
        if not self._ns_per_byte:
            self._loop.schedule(at_ns, partial(self._arrive, data, self._plugging))
        else:
            self._loop.schedule(at_ns, partial(self._transmit, data, self._plugging))

    def _transmit(self, data: bytes, plugging: int, now_ns: int) -> None:
        begin_ns = max(now_ns, self._free_ns)
        self._free_ns = begin_ns + len(data) * self._ns_per_byte
        for number in range(len(data)):
            piece = data[number : number + 1]
            self._loop.schedule(begin_ns + (number + 1) * self._ns_per_byte, partial(self._arrive, piece, plugging))

    def call_at(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Call the device back at a link time."""
        self._loop.schedule(at_ns, action)

    def rig_ns(self, link_ns: int) -> int:
        """Return the plant's time at a link time."""
        return self._loop.rig_ns(link_ns)

    def _arrive(self, data: bytes, plugging: int, _now_ns: int) -> None:
        if plugging == self._plugging and self.plugged:
            with contextlib.suppress(BlockingIOError):  # nobody reads, and the buffer is full: a wire loses such bytes
                self._write(data)

    def _write(self, data: bytes) -> None:
        raise NotImplementedError


class PtyWire(Wire):
    """A pseudo-terminal, of which only the master end is kept.

    Clients that ask `fuser` before they open a port must not find it in use. The kernel keeps the slave and its raw
    mode (nothing is echoed back as a command) for as long as the master is open. While no client has the slave open,
    the master reads EIO and is asked again every `ABSENT_NS`; what a device says meanwhile is lost.
    """

    def __init__(self, loop: Loop, name: str, device: SimulatedDevice, ns_per_byte: int) -> None:
        super().__init__(loop, name, device, ns_per_byte)
        self._master = -1
        self._is_open = False  # by a client, as far as the last reading told

    def open(self) -> str:
        """Take a new pseudo-terminal; return the path of its slave."""
        try:
            self._master, slave = pty.openpty()
        except OSError as error:
            raise TransportError(f"no pseudo-terminal can be had ({error})", where=self.name) from error
        tty.setraw(slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(slave)
        os.close(slave)
        self.plugged, self._is_open = True, False
        self._look_again(time.monotonic_ns())
        return self.path

    def hang_up(self) -> None:
        """Close the master: whoever has the slave open sees a device that went away."""
        super().hang_up()
        self._loop.forget(self._master)
        self._is_open = False
        os.close(self._master)

    def _look_again(self, now_ns: int) -> None:
        self._loop.schedule(now_ns + ABSENT_NS, partial(self._look, self._plugging))

    def _look(self, plugging: int, _at_ns: int) -> None:
        if plugging == self._plugging and self.plugged:
            self._read(time.monotonic_ns())

    def _read(self, now_ns: int) -> None:
        """Hand the device what a client wrote, and notice whether there is a client."""
        try:
            data = os.read(self._master, READ_SIZE)
        except (BlockingIOError, InterruptedError):
            self._there()
            return
        except OSError:  # EIO: the last client closed the slave, or none has opened it yet
            data = b""
        if not data:
            self._is_open = False
            self._loop.forget(self._master)
            self._look_again(now_ns)
            return
        self._there()
        self._device.receive(data, now_ns)

    def _there(self) -> None:
        if not self._is_open:
            self._is_open = True
            self._loop.watch(self._master, self._read)

    def _write(self, data: bytes) -> None:
        if self._is_open:
            os.write(self._master, data)


class TcpWire(Wire):
    """A raw TCP socket; without a client, what the device says is lost, as on an open cable."""

    def __init__(
        self, loop: Loop, name: str, device: SimulatedDevice, ns_per_byte: int, address: tuple[str, int]
    ) -> None:
        super().__init__(loop, name, device, ns_per_byte)
        self._host, self._number = address
        self._listener: socket.socket | None = None
        self._client: socket.socket | None = None

    def open(self) -> str:
        """Listen; return the address as a bench file writes it. Plugged in again, the port is the same."""
        try:
            self._listener = socket.create_server((self._host, self._number), backlog=1)
        except OSError as error:
            raise TransportError(
                f"it cannot listen there ({error})",
                where=f"{self.name} on {self._host}:{self._number}",
                expected="an address of this machine and a free port; port 0 takes any",
            ) from error
        self._listener.setblocking(False)
        self._number = int(self._listener.getsockname()[1])
        self.path = f"tcp://{self._host}:{self._number}"
        self.plugged = True
        self._loop.watch(self._listener.fileno(), self._accept)
        return self.path

    def hang_up(self) -> None:
        """Close the connection, and accept no other."""
        super().hang_up()
        self._drop()
        if self._listener is not None:
            self._loop.forget(self._listener.fileno())
            self._listener.close()
            self._listener = None

    def _accept(self, _now_ns: int) -> None:
        if self._listener is None:
            return
        try:
            client, _ = self._listener.accept()
        except OSError:  # it went away before it was taken
            return
        if self._client is not None:
            client.close()
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client = client
        self._loop.watch(client.fileno(), self._read)

    def _drop(self) -> None:
        if self._client is not None:
            self._loop.forget(self._client.fileno())
            self._client.close()
            self._client = None

    def _read(self, now_ns: int) -> None:
        if self._client is None:
            return
        try:
            data = self._client.recv(READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self._device.receive(data, now_ns)
        else:
            self._drop()

    def _write(self, data: bytes) -> None:
        if self._client is None:
            return
        try:
            self._client.send(data)
        except (BrokenPipeError, ConnectionError):
            self._drop()
