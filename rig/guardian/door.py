"""The guardian's door: a socket in the file system at which one runner at a time is heard."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
from enum import Enum
from pathlib import Path
from typing import Any

from rig.guardian.messages import MessageReader, encode
from rig.guardian.system import peer

ANSWER_LIMIT_S = 1.0


class Event(Enum):
    """What happened at the door."""

    KNOCK = "somebody connects"
    SPEECH = "whoever is connected said something, or is gone"


class Door:
    """Listens at ``path``; ``peer`` is the process that is connected, of this user or root."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._connection: socket.socket | None = None
        self._messages = MessageReader()
        self._nudged, self._nudger = socket.socketpair()
        self._nudged.setblocking(False)
        self._nudger.setblocking(False)
        self.peer = 0  # who is connected; only whoever armed is a runner, and may ever be fenced

    @property
    def taken(self) -> bool:
        """Say whether somebody is connected."""
        return self._connection is not None

    def open(self) -> None:
        """Listen, for this user and group only."""
        self._path.unlink(missing_ok=True)
        before = os.umask(0o117)
        try:
            self._listener.bind(str(self._path))
        finally:
            os.umask(before)
        self._listener.listen(4)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._nudged, selectors.EVENT_READ)

    def nudge(self) -> None:
        """Let `wait` return now; from any thread."""
        with contextlib.suppress(OSError):  # full: it returns anyway; closed: nobody waits any more
            self._nudger.send(b"\0")

    def wait(self, timeout_s: float) -> list[Event]:
        """Return what happened, in order, as soon as something did."""
        events = []
        for key, _ in self._selector.select(timeout_s):
            if key.fileobj is self._nudged:
                with contextlib.suppress(OSError):
                    self._nudged.recv(4096)
            else:
                events.append(Event.KNOCK if key.fileobj is self._listener else Event.SPEECH)
        return events

    def admit(self, refusal: str) -> bool:
        """Let whoever knocks in, unless ``refusal`` says why not; say whether somebody is connected now."""
        connection, _ = self._listener.accept()
        pid, uid = peer(connection)
        if uid not in (0, os.getuid()):
            connection.close()
            return False
        if refusal:
            _refuse(connection, refusal)
            return False
        connection.settimeout(ANSWER_LIMIT_S)
        self._connection = connection
        self._messages = MessageReader()
        self.peer = pid
        self._selector.register(connection, selectors.EVENT_READ)
        return True

    def receive(self) -> list[dict[str, Any]] | None:
        """Return what was said, or None when whoever was connected is gone, or says what nobody understands."""
        if self._connection is None:
            return []
        try:
            data = self._connection.recv(65_536)
            return self._messages.feed(data) if data else None
        except (OSError, ValueError):
            return None

    def send(self, message: dict[str, Any]) -> None:
        """Say something to whoever is connected."""
        if self._connection is not None:
            try:
                self._connection.sendall(encode(message))
            except OSError:
                return  # it is gone: the next look at the connection says so

    def hang_up(self) -> None:
        """Let go of whoever is connected."""
        if self._connection is not None:
            self._selector.unregister(self._connection)
            self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Hang up, and listen no more."""
        self.hang_up()
        self._listener.close()
        self._selector.close()
        self._nudged.close()
        self._nudger.close()
        self._path.unlink(missing_ok=True)


def _refuse(connection: socket.socket, why: str) -> None:
    try:
        connection.settimeout(ANSWER_LIMIT_S)
        connection.sendall(encode({"ok": False, "error": why, "re": "arm"}))
    except OSError:
        pass
    finally:
        connection.close()
