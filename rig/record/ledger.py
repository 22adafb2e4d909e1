"""The ledger of a bench: one line for everything that happened to it, chained by hash (docs/reference/ledger.md).

Every run of a hardware bench stands here from before its first byte leaves, so that a run folder that goes missing is
missed, and the next run knows whether the bench was left safe. A line is never rewritten. A power cut in the middle of
an append leaves a torn line: it is kept and named, the entry it would have been was never promised to anyone, and the
next entry stands on a fresh line and follows the last whole one.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rig.errors import RecordError

SUFFIX = ".ledger"
KINDS = frozenset({"started", "resumed", "ended", "safe", "void", "acknowledged", "fitness"})
NOT_ITS_STATE = frozenset({"void", "fitness"})  # they say nothing of how the bench was left
DAMAGED = "damaged"  # kind of the entry that `BenchLedger.unsafe` makes up for lines that nobody can read any more
FIRST = "-"
_OWN_KEYS = ("n", "previous", "utc", "kind", "crc")
_CRC = ',"crc":"'


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: ``data`` is what its kind says (docs/reference/ledger.md); ``sha256`` is of the line without its LF."""

    n: int
    previous: str
    utc: str
    kind: str
    data: dict[str, Any]
    line: int = 0  # line number in the file, from 1
    sha256: str = ""

    @property
    def run_id(self) -> str | None:
        """Return the run this is about, or None."""
        run_id = self.data.get("run_id")
        return run_id if isinstance(run_id, str) else None

    @property
    def safe(self) -> bool:
        """Return whether this entry says that the bench is safe now: confirmed, or acknowledged by a person."""
        if self.kind == "acknowledged":
            return True
        said = self.data.get("safe") if self.kind == "ended" else self.data
        return self.kind in {"ended", "safe"} and isinstance(said, dict) and said.get("confirmed") is True


@dataclass(frozen=True, slots=True)
class LedgerReading:
    """What stands in a ledger: whole entries in order, what was altered, and what a power cut tore (forgiven)."""

    entries: tuple[Entry, ...]
    damage: tuple[str, ...]
    torn: tuple[str, ...]
    unreadable_end: str = ""  # the newest lines, when they were altered so that nobody knows what they said


@dataclass(slots=True)
class _Lines:
    """The file, taken apart."""

    whole: list[Entry] = field(default_factory=list)
    broken: dict[int, tuple[str, str]] = field(default_factory=dict)  # line number -> (SHA-256, what is wrong)
    tail_torn: bool = False  # the last line has no LF and is no entry
    tail_open: bool = False  # the last line has no LF


def ledger_path(runs_dir: Path, bench: str) -> Path:
    """Return where the ledger of a bench stands: beside its runs."""
    return runs_dir / f"{bench}{SUFFIX}"


class BenchLedger:
    """The ledger of one bench in one file; any number of processes may append to it.

    Every method raises `RecordError` when the file cannot be read or written. A file that does not exist is an empty
    ledger.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, kind: str, **data: Any) -> Entry:
        """Add an entry and return it; when this returns, it is on the disk (one write, one fsync)."""
        if kind not in KINDS or not data.keys().isdisjoint(_OWN_KEYS):
            raise ValueError(f"a ledger has no entry {kind!r} with {sorted(data)}")
        try:
            with self._opened(os.O_RDWR | os.O_CREAT | os.O_APPEND, fcntl.LOCK_EX) as descriptor:
                return self._append(descriptor, kind, data)
        except OSError as error:
            raise self._unusable("cannot be written", error) from error

    def read(self) -> LedgerReading:
        """Return all entries and all damage."""
        try:
            with self._opened(os.O_RDONLY, fcntl.LOCK_SH) as descriptor:
                content = _content(descriptor)
        except FileNotFoundError:
            return LedgerReading((), (), ())
        except OSError as error:
            raise self._unusable("cannot be read", error) from error
        return _reading(_split(content), self.path.name)

    def entries(self) -> tuple[Entry, ...]:
        """Return all whole entries, oldest first."""
        return self.read().entries

    def unsafe(self) -> Entry | None:
        """Return the newest entry that left the bench in an unconfirmed state; None when the bench is safe.

        Altered lines after it say nothing that can be trusted: they count as unsafe, as an entry of kind ``damaged``.
        """
        reading = self.read()
        if reading.unreadable_end:
            last = reading.entries[-1] if reading.entries else None
            n, utc = (last.n + 1, last.utc) if last else (1, "")
            return Entry(n, "", utc, DAMAGED, {"why": reading.unreadable_end})
        for entry in reversed(reading.entries):
            if entry.safe:
                return None
            if entry.kind not in NOT_ITS_STATE:
                return entry
        return None

    def _append(self, descriptor: int, kind: str, data: dict[str, Any]) -> Entry:
        content = _content(descriptor)
        lines = _split(content)
        n, previous = _follow(lines)
        entry = {"n": n, "previous": previous, "utc": datetime.now(UTC).isoformat(), "kind": kind, **data}
        line = _line(entry)
        new = (b"\n" if lines.tail_open else b"") + line + b"\n"
        written = os.write(descriptor, new)
        os.fsync(descriptor)
        if not content:
            _sync_folder(self.path.parent)
        if written != len(new):
            raise RecordError(
                f"only {written} of {len(new)} bytes could be written",
                where=str(self.path),
                hint="free the disk; the torn line is forgiven",
            )
        at = content.count(b"\n") + len(lines.tail_open * b"\n") + 1
        return Entry(n, previous, str(entry["utc"]), kind, data, at, hashlib.sha256(line).hexdigest())

    @contextmanager
    def _opened(self, flags: int, lock: int) -> Iterator[int]:
        if flags & os.O_CREAT:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, flags | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, lock)  # ends with the descriptor, however this process ends
            yield descriptor
        finally:
            os.close(descriptor)

    def _unusable(self, what: str, error: OSError) -> RecordError:
        return RecordError(
            f"the bench's ledger {what} ({error})", where=str(self.path), hint="check the disk and your rights"
        )


def _line(entry: dict[str, Any]) -> bytes:
    """Return the line of an entry without LF: compact JSON that ends in the CRC-32 of what stands before ``,"crc"``."""
    body = json.dumps(entry, separators=(",", ":"), allow_nan=False)[:-1].encode("ascii")
    return body + f'{_CRC}{zlib.crc32(body):08x}"}}'.encode("ascii")


def _parse(line: bytes, number: int) -> Entry | str:
    """Return the entry of a line without LF, or what is wrong with it."""
    body, mark, crc = line.rpartition(_CRC.encode("ascii"))
    try:
        document = json.loads(line)
        n, previous, utc, kind = document["n"], document["previous"], document["utc"], document["kind"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "is no entry"
    if not mark or crc != f'{zlib.crc32(body):08x}"}}'.encode("ascii") or not isinstance(n, int):
        return "was changed: its CRC does not match"
    data = {key: value for key, value in document.items() if key not in _OWN_KEYS}
    return Entry(n, str(previous), str(utc), str(kind), data, number, hashlib.sha256(line).hexdigest())


def _split(content: bytes) -> _Lines:
    lines = _Lines(tail_open=bool(content) and not content.endswith(b"\n"))
    pieces = content.split(b"\n")
    if not lines.tail_open:
        pieces.pop()
    for number, piece in enumerate(pieces, start=1):
        parsed = _parse(piece, number)
        if isinstance(parsed, Entry):
            lines.whole.append(parsed)
        else:
            lines.broken[number] = (hashlib.sha256(piece).hexdigest(), parsed)
    lines.tail_torn = lines.tail_open and len(pieces) in lines.broken
    return lines


def _follow(lines: _Lines) -> tuple[int, str]:
    """Return ``n`` and ``previous`` of the next entry.

    It follows the last whole line over a torn one; but a broken line that was once written to its end is a link of the
    chain, is named as such by hash, and takes a number.
    """
    last = lines.whole[-1] if lines.whole else None
    after = [number for number in lines.broken if last is None or number > last.line]
    n = last.n if last else 0
    if after and not lines.tail_torn:
        return n + len(after) + 1, lines.broken[after[-1]][0]
    return n + 1, last.sha256 if last else FIRST


def _reading(lines: _Lines, name: str) -> LedgerReading:
    damage: list[str] = []
    torn: list[str] = []
    before: Entry | None = None
    seen: dict[str, int] = {FIRST: 0}
    for entry in lines.whole:
        between = [n for n in lines.broken if (before.line if before else 0) < n < entry.line]
        expected = before.sha256 if before else FIRST
        if entry.previous == expected and entry.n == (before.n if before else 0) + 1:
            torn += [f"{name}: line {n} was torn by a power cut or kill, and is kept" for n in between]
        else:
            damage += [f"{name}: line {n} {lines.broken[n][1]}" for n in between]
            if not between or entry.previous != lines.broken[between[-1]][0]:
                damage += _broken_link(name, before, entry, seen, between)
        seen[entry.sha256] = entry.line
        before = entry
    after = [n for n in lines.broken if n > (before.line if before else 0)]
    if lines.tail_torn:
        torn += [f"{name}: the last line ({n}) is torn by a power cut or kill, and is kept" for n in after]
        return LedgerReading(tuple(lines.whole), tuple(damage), tuple(torn))
    end = [f"{name}: line {n} {lines.broken[n][1]}" for n in after]
    return LedgerReading(tuple(lines.whole), (*damage, *end), tuple(torn), "; ".join(end))


def _broken_link(name: str, before: Entry | None, entry: Entry, seen: dict[str, int], between: list[int]) -> list[str]:
    """Say how ``entry`` came to follow ``before``, whose hash it does not name."""
    last_n = before.n if before else 0
    if entry.previous in seen:
        first = seen[entry.previous] + 1
        if first < entry.line and not between:
            return [f"{name}: {_lines_text(first, entry.line - 1)} inserted: line {entry.line} follows the one before"]
        return [f"{name}: line {entry.line} has number {entry.n} where {last_n + 1} was expected: it was changed"]
    if between:
        return []  # the broken lines before it are named already
    if entry.n > last_n + 1:
        gone = f"entry {last_n + 1} was" if entry.n == last_n + 2 else f"entries {last_n + 1} to {entry.n - 1} were"
        return [f"{name}: {gone} removed before line {entry.line}"]
    if entry.n == last_n + 1:
        changed = f"line {before.line}" if before else f"the beginning before line {entry.line}"
        return [f"{name}: {changed} was changed: line {entry.line} names another SHA-256"]
    return [f"{name}: line {entry.line} (entry {entry.n}) was moved or inserted"]


def _lines_text(first: int, last: int) -> str:
    return f"line {first} was" if first == last else f"lines {first} to {last} were"


def _content(descriptor: int) -> bytes:
    parts = []
    os.lseek(descriptor, 0, os.SEEK_SET)
    while piece := os.read(descriptor, 1 << 20):
        parts.append(piece)
    return b"".join(parts)


def _sync_folder(folder: Path) -> None:
    """Make a new file's name itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
