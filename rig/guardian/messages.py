"""The words between runner and guardian: JSON lines on a Unix socket. No I/O here."""

from __future__ import annotations

import json
from typing import Any

LONGEST_LINE = 65_536


class MessageReader:
    """Bytes in, whole messages out; a line that is none, or one without an end, raises ValueError."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Take bytes; return the messages that are complete."""
        self._buffer += data
        if len(self._buffer) > LONGEST_LINE and b"\n" not in self._buffer:
            raise ValueError("a message without an end")
        *lines, rest = bytes(self._buffer).split(b"\n")
        self._buffer = bytearray(rest)
        return [_message(line) for line in lines if line]


def encode(message: dict[str, Any]) -> bytes:
    """Return a message as one line."""
    return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"


def _message(line: bytes) -> dict[str, Any]:
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError(f"not a message: {line[:40]!r}")  # noqa: TRY004 - what came from outside is a wrong value
    return message
