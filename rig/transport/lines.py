"""Lines of a stream, each with the stamp of the chunk that completed it.

Bytes of many devices arrive while somebody waits for one of them; what a stream sent meanwhile must neither be lost
nor be stamped with the time at which it is read. A TCP serial server splits and joins lines at any byte.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from rig.transport.links import Link

MAX_LINE: Final = 256
KEEP: Final = 100_000  # lines: over an hour at 20 a second


class Line(NamedTuple):
    """One line, its line end included, in rig time.

    ``at_ns`` is when the chunk with its last byte was read, ``blind_ns`` how much earlier that may have come,
    ``behind`` how many bytes had come behind it in the same chunk: they were on the wire after it.
    """

    data: bytes
    at_ns: int
    blind_ns: int
    behind: int


class LineCutter:
    """Cuts what arrives on one link into lines; nothing is read into them here.

    What has no line end within `MAX_LINE` bytes is cut off as a line of its own, for whoever reads it to refuse.
    ``lost`` counts the oldest lines that nobody took in time.
    """

    def __init__(self, link: Link) -> None:
        self.lost = 0
        self._link = link
        self._rest = bytearray()
        self._lines: deque[Line] = deque()

    def __len__(self) -> int:
        """Return how many whole lines wait."""
        return len(self._lines)

    def start(self) -> None:
        """Take over the link from now on; what is in its inbox comes first."""
        waiting = self._link.discard_input()
        self._link.listener = self.hear
        if waiting:
            self.hear(waiting)

    def stop(self) -> None:
        """Give the link back; what was not taken is forgotten here (it is in the record)."""
        self._link.listener = None
        self.clear()

    def clear(self) -> None:
        """Forget every line that waits, and the beginning of the next."""
        self._lines.clear()
        self._rest.clear()

    def skip(self) -> None:
        """Forget the whole lines that wait; one that has begun is kept."""
        self._lines.clear()

    def hear(self, data: bytes) -> None:
        """Take a chunk; called by the link."""
        link, rest = self._link, self._rest
        rest += data
        start = 0
        while True:
            end = rest.find(b"\n", start) + 1
            if not end:
                break
            self._lines.append(Line(bytes(rest[start:end]), link.last_rx_ns, link.blind_ns, len(rest) - end))
            start = end
        del rest[:start]
        if len(rest) > MAX_LINE:
            self._lines.append(Line(bytes(rest), link.last_rx_ns, link.blind_ns, 0))
            rest.clear()
        while len(self._lines) > KEEP:
            self._lines.popleft()
            self.lost += 1

    def take(self) -> Line | None:
        """Return the oldest line; None when none waits."""
        return self._lines.popleft() if self._lines else None
