"""What the system offers a guardian: fencing a process, the service manager's and the hardware's watchdog."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import time
from types import TracebackType


class Process:
    """A process held by a descriptor, so that a reused number never hits another one."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._descriptor = os.pidfd_open(pid)

    def gone(self, within_s: float = 0.0) -> bool:
        """Say whether the process has ended, waiting for at most ``within_s``."""
        ready, _, _ = select.select([self._descriptor], [], [], within_s)
        return bool(ready)

    def kill(self, within_s: float) -> bool:
        """Kill the process and see it gone: only then are its ports free."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
        return self.gone(within_s)

    def close(self) -> None:
        """Let go of the descriptor."""
        os.close(self._descriptor)


def peer(connection: socket.socket) -> tuple[int, int]:
    """Return (pid, uid) of whoever connected."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", credentials)
    return pid, uid


def notify(text: str) -> None:
    """Tell the service manager something (sd_notify); without one, nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel, contextlib.suppress(OSError):
        channel.sendto(text.encode(), address)


class Watchdogs:
    """Feeds the service manager's watchdog and the hardware's, only ever from a complete pass of the safety loop."""

    FEED_S = 1.0

    def __init__(self, device: str = "") -> None:
        self._device = os.open(device, os.O_WRONLY | os.O_CLOEXEC) if device else -1
        self._fed_s = 0.0

    def feed(self) -> None:
        """Say that the safety loop is alive; at most once a second."""
        now_s = time.monotonic()
        if now_s - self._fed_s < self.FEED_S:
            return
        self._fed_s = now_s
        notify("WATCHDOG=1")
        if self._device >= 0:
            os.write(self._device, b"\0")

    def close(self) -> None:
        """Stop the hardware watchdog: writing V before closing tells it that this is on purpose."""
        if self._device >= 0:
            os.write(self._device, b"V")
            os.close(self._device)
            self._device = -1

    def __enter__(self) -> Watchdogs:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the watchdog on a regular end; after an error it bites, which is what it is for."""
        if kind is None:
            self.close()
