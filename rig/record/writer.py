"""Write a run's record: lines first, then a gzip member a commit, each naming the hash of the one before (design 4.4).

The acquiring thread only appends lines to a queue. A committer thread turns what has gathered into one gzip member,
writes it and calls ``fdatasync`` once; commits stay on real time, whatever the rig's clock does. When the disk does
not keep up or fails, `RecordWriter.check` raises, and the run ends safely: what cannot be recorded cannot pass.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rig.errors import RecordError
from rig.readings import Ambient, Weighing
from rig.record.electrical import Electrical
from rig.record.lines import CODEC_VERSION, BlockEncoder, compact_json, heading_line
from rig.wall_clock import WallClock

MAX_LAG_S = 15.0
FLUSH_LIMIT_S = 15.0
MAX_BACKLOG_LINES = 200_000
MAX_MEMBER_LINES = 20_000
COMPRESSION_LEVEL = 9  # blocks of a second are a few lines: the best compression costs nothing there
GZIP_FORMAT = 31  # zlib: 15 bits of window, plus 16 for a gzip header (time 0) and trailer
COPIES = 2  # of the heading and of the closing line
PULSE_S = 0.2  # while waiting; a guardian wants to hear at least every 0.25 s

Line = Callable[[BlockEncoder], str]
"""What happened, to be written when its block is made: times stand relative to others of the block."""


class RecordWriter:
    """The append-only record of one process of one run.

    ``commit_interval_s`` bounds the readings at risk. Raises `RecordError` when the file exists already or cannot be
    made: a record is never overwritten.
    """

    def __init__(self, path: Path, header: dict[str, Any], commit_interval_s: float = 1.0) -> None:
        self.path = path
        self._lines: deque[Line] = deque()
        self._interval_s = commit_interval_s
        self._block = 0
        self._previous: bytes | None = None  # SHA-256 of the member before
        self._failure: Exception | None = None
        self._last_commit_s = time.monotonic()
        self._stopping = False
        # Guards the file, the chain and the counters of what was asked for and what is on the disk.
        self._turn = threading.Condition()
        self._wanted = 0
        self._flushed = 0
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        except OSError as error:
            raise self._cannot_be_made(error) from error
        try:
            _sync_folder(path.parent)
            # Twice, in two members: one flipped bit must not cost what the whole record needs.
            for _ in range(COPIES):
                self._lines.append(_plain(f"H {compact_json({'codec': CODEC_VERSION, **header})}\n"))
                self._commit()
        except OSError as error:
            os.close(self._file)
            raise self._cannot_be_made(error) from error
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self._thread.start()

    def tap(self, link: str, direction: str, at_ns: int, data: bytes) -> None:
        """Record bytes as they pass; this is the tap of `rig.transport.links.Links`."""
        self._lines.append(lambda block: block.chunk(link, direction, at_ns, data))

    def weighing(self, name: str, weighing: Weighing) -> None:
        """Record a parsed reading beside its bytes."""
        self._lines.append(lambda block: block.weighing(name, weighing))

    def ambient(self, ambient: Ambient) -> None:
        """Record ambient conditions."""
        self._lines.append(lambda block: block.ambient(ambient))

    def event(self, at_ns: int, name: str, data: dict[str, Any]) -> None:
        """Record something that happened."""
        text = f"{name} {compact_json(data)}"  # now: the caller may alter its data later
        self._lines.append(lambda block: block.timed("E", at_ns, text))

    def electrical(self, reading: Electrical) -> None:
        """Record a reading of the supply or the meter beside its bytes."""
        text = reading.text
        self._lines.append(lambda block: block.timed("P", reading.at_ns, text))

    def wall_clock(self, monotonic_ns: int, clock: WallClock) -> None:
        """Record wall-clock time beside rig time."""
        error = "" if clock.error_s is None else f" {clock.error_s:.6f}"
        text = f"{clock.utc.isoformat()} {clock.synchronised}{error}"
        self._lines.append(lambda block: block.timed("C", monotonic_ns, text))

    def flush(self, timeout_s: float = FLUSH_LIMIT_S, pulse: Callable[[], None] | None = None) -> None:
        """Return when all that was recorded until now is on the disk; raise `RecordError` when it does not get there.

        The barrier in front of every command that changes a delivery. ``pulse`` is called while waiting.
        """
        deadline_s = time.monotonic() + timeout_s
        with self._turn:
            self._wanted += 1
            wanted = self._wanted
            self._turn.notify_all()
        while True:
            with self._turn:
                if self._flushed >= wanted:
                    return
                self._turn.wait(PULSE_S)
                if self._flushed >= wanted:
                    return
                late = time.monotonic() > deadline_s
                if self._failure is not None or late or not self._thread.is_alive():
                    raise self._unwritable(f"nothing reached the disk for {timeout_s:g} s")
            if pulse is not None:
                pulse()

    def check(self) -> None:
        """Raise `RecordError` when what was measured is not reaching the disk.

        In virtual time the acquiring side can outrun the disk without any reading being at risk: it is held back.
        """
        while len(self._lines) > MAX_BACKLOG_LINES and self._failure is None and self._thread.is_alive():
            time.sleep(0.01)
        lag_s = time.monotonic() - self._last_commit_s
        if self._failure is not None or not self._thread.is_alive() or lag_s > MAX_LAG_S + self._interval_s:
            raise self._unwritable(f"nothing reached the disk for {lag_s:.0f} s")

    def _unwritable(self, otherwise: str) -> RecordError:
        return RecordError(
            f"the record cannot be written ({self._failure or otherwise})",
            where=str(self.path),
            hint="free the disk or check it; all up to the last commit is kept",
        )

    def close(self, end: dict[str, Any]) -> str:
        """Write the closing line, commit, and return the SHA-256 of the last member: the head of the chain."""
        with self._turn:
            self._stopping = True
            self._turn.notify_all()
        self._thread.join(MAX_LAG_S + self._interval_s)
        if self._thread.is_alive():  # it hangs in the disk, and the file is its own
            raise RecordError("the record could not be closed (the disk does not answer)", where=str(self.path))
        try:
            if self._failure is None:
                self._commit_all()
                for _ in range(COPIES):
                    self._lines.append(_plain(f"Z {compact_json(end)}\n"))
                    self._commit()
        except (OSError, ValueError) as error:
            self._failure = error
        finally:
            os.close(self._file)
        if self._failure is not None:
            raise RecordError(
                f"the record could not be closed ({self._failure})", where=str(self.path)
            ) from self._failure
        return self._previous.hex() if self._previous is not None else ""

    def _run(self) -> None:
        """Commit on a fixed grid of real time, and at once when somebody waits for it."""
        due_s = time.monotonic() + self._interval_s
        try:
            while True:
                with self._turn:
                    while not self._stopping and self._wanted == self._flushed and time.monotonic() < due_s:
                        self._turn.wait(max(0.0, due_s - time.monotonic()))
                    if self._stopping:
                        return
                    wanted = self._wanted
                self._commit_all()
                with self._turn:
                    self._flushed = wanted
                    self._turn.notify_all()
                if time.monotonic() >= due_s:
                    due_s = max(due_s + self._interval_s, time.monotonic())
        except Exception as error:  # noqa: BLE001 - whatever it is, lines were taken that never reached the disk
            with self._turn:
                self._failure = error
                self._turn.notify_all()

    def _commit_all(self) -> None:
        """Commit all that is queued now; what comes meanwhile waits for the next commit."""
        last = len(self._lines)
        while last > 0:
            last -= self._commit()
        self._last_commit_s = time.monotonic()

    def _commit(self) -> int:
        """Write what has gathered, at most one member's worth, and flush it once; return how many lines that were.

        After a failure nothing is ever written behind the torn member.
        """
        count = min(len(self._lines), MAX_MEMBER_LINES)
        block = BlockEncoder()
        text = heading_line(self._block, self._previous)
        text += "".join([self._lines.popleft()(block) for _ in range(count)])
        packer = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, GZIP_FORMAT)
        member = packer.compress(text.encode("ascii")) + packer.flush()
        view = memoryview(member)
        while view:
            view = view[os.write(self._file, view) :]
        os.fdatasync(self._file)
        self._previous = hashlib.sha256(member).digest()
        self._block += 1
        return count

    def _cannot_be_made(self, error: OSError) -> RecordError:
        return RecordError(f"the record cannot be made ({error})", where=str(self.path), hint="check disk and rights")


def _plain(text: str) -> Line:
    return lambda _block: text


def _sync_folder(folder: Path) -> None:
    """Make a new file's name itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
