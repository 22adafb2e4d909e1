"""Read a run's record back: weighings as columns, events in order, whatever survived.

A torn tail or a flipped bit costs the member it hit and nothing else; each is named in `RunRecord.damage`.
"""

from __future__ import annotations

import hashlib
import zlib
from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from rig.errors import RecordError
from rig.readings import Ambient
from rig.record.electrical import Electrical, parse_electrical
from rig.record.lines import BlockDecoder, Heading, Reading, parse_finite, parse_heading, parse_object

GZIP_MAGIC = b"\x1f\x8b\x08\x00\x00\x00\x00\x00"
# Flags of the compressor and name of the system, as the Pythons that we run on write them; zlib looks at neither.
GZIP_ENDINGS = (b"\x00\x03", b"\x00\xff")  # codec 1, from the gzip modules of several Pythons
GZIP_ENDING = (b"\x02\x03",)  # codec 2: best compression, Unix
GZIP_TRAILER = 8  # bytes: CRC and size
GZIP_WINDOW = 31  # zlib: 15 bits of window, plus 16 for a gzip header and trailer
UNREADABLE = (ValueError, KeyError, IndexError, TypeError)  # what a line that is not as the record writes it raises
FIRST_FEED = 1024  # members of one second are a few hundred bytes; larger ones are fed in growing pieces
RECORD_GLOB = "record-*.log.gz"
GUARDIAN_GLOB = "guardian-*.log.gz"


def manifest_name(segment: int) -> str:
    """Return the name of the manifest that seals a segment of the evidence, counted from 1."""
    return "manifest.json" if segment <= 1 else f"manifest-{segment:03d}.json"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, at a rig time; ``data`` is plain JSON."""

    at_ns: int
    name: str
    data: dict[str, Any]


@dataclass(slots=True)
class WeighingColumns:
    """All readings of one balance in the order they came: parallel columns.

    ``block``, ``line``: where the line of a reading stands: number of its block, and of the line in it with the heading
    as 1; empty where the readings did not come from a file.
    """

    asked_ns: array[int] = field(default_factory=lambda: array("q"))
    answered_ns: array[int] = field(default_factory=lambda: array("q"))
    mass_mg: array[float] = field(default_factory=lambda: array("d"))
    resolution_mg: array[float] = field(default_factory=lambda: array("d"))
    stable: bytearray = field(default_factory=bytearray)
    block: array[int] = field(default_factory=lambda: array("l"))
    line: array[int] = field(default_factory=lambda: array("l"))


@dataclass(frozen=True, slots=True)
class ClockPair:
    """Wall-clock time beside rig time; ``error_s`` is the largest error that the time service vouched for."""

    monotonic_ns: int
    utc: datetime
    synchronised: str  # "yes" | "no" | "unknown"
    error_s: float | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """One record file: a run has one, and one more for each time it was resumed."""

    file: str
    number: int
    header: dict[str, Any]
    weighings: dict[str, WeighingColumns]
    events: tuple[Event, ...]
    ambient: tuple[Ambient, ...]
    clocks: tuple[ClockPair, ...]
    damage: tuple[str, ...]
    ended: bool
    end: dict[str, Any]
    head_sha256: str
    electrical: tuple[Electrical, ...] = ()


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Everything that a run left behind, readable without a bench.

    ``segments`` in the order in which they were recorded; the other fields join them: the header is the first one's,
    the end the last one's.
    """

    folder: Path
    header: dict[str, Any]  # run id, started_utc, tool, bench, clock, evidence facts
    weighings: dict[str, WeighingColumns]
    events: tuple[Event, ...]
    ambient: tuple[Ambient, ...]
    damage: tuple[str, ...]  # what was torn or flipped, in words; empty when whole
    ended: bool  # a closing line with an end reason was found
    end: dict[str, Any] = field(default_factory=dict)
    head_sha256: str = ""
    segments: tuple[Segment, ...] = ()
    electrical: tuple[Electrical, ...] = ()

    def __post_init__(self) -> None:
        """Let a record that was not read from files be one segment."""
        if not self.segments:
            alone = Segment(
                "", 1, self.header, self.weighings, self.events, self.ambient, (), self.damage, self.ended, self.end,
                self.head_sha256,
            )  # fmt: skip
            object.__setattr__(self, "segments", (alone,))


@dataclass(slots=True)
class _Gathered:
    header: dict[str, Any] = field(default_factory=dict)
    weighings: dict[str, WeighingColumns] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    ambient: list[Ambient] = field(default_factory=list)
    clocks: list[ClockPair] = field(default_factory=list)
    electrical: list[Electrical] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    end: dict[str, Any] | None = None
    head_sha256: str = ""


def read_run(folder: Path) -> RunRecord:
    """Read the record in ``folder/evidence``; raise `RecordError` when there is none."""
    evidence = folder / "evidence"
    files = sorted(evidence.glob(RECORD_GLOB))
    if not files:
        raise RecordError("no record found", where=str(evidence), expected=f"a file {RECORD_GLOB}")
    segments = tuple(read_segment(file, number) for number, file in enumerate(files, start=1))
    if not any(segment.header for segment in segments):
        raise RecordError("the record holds no readable header", where=str(files[0]))
    return _joined(folder, segments, _link_damage(evidence, segments))


def read_guardian(folder: Path) -> tuple[Segment, ...]:
    """Return what guardians recorded when they took over; empty where none had to."""
    return tuple(
        read_segment(file, number) for number, file in enumerate(sorted((folder / "evidence").glob(GUARDIAN_GLOB)), 1)
    )


def read_segment(file: Path, number: int = 1) -> Segment:
    """Read one record file, whatever survived of it."""
    gathered = _Gathered()
    _read_file(file, gathered)
    return Segment(
        file=file.name,
        number=number,
        header=gathered.header,
        weighings=gathered.weighings,
        events=tuple(gathered.events),
        ambient=tuple(gathered.ambient),
        clocks=tuple(gathered.clocks),
        damage=tuple(gathered.damage),
        ended=gathered.end is not None,
        end=gathered.end or {},
        head_sha256=gathered.head_sha256,
        electrical=tuple(gathered.electrical),
    )


def _joined(folder: Path, segments: tuple[Segment, ...], damage: list[str]) -> RunRecord:
    last = segments[-1]
    weighings = segments[0].weighings if len(segments) == 1 else joined_weighings(segments)
    return RunRecord(
        folder=folder,
        header=next(segment.header for segment in segments if segment.header),
        weighings=weighings,
        events=tuple(event for segment in segments for event in segment.events),
        ambient=tuple(ambient for segment in segments for ambient in segment.ambient),
        damage=(*(text for segment in segments for text in segment.damage), *damage),
        ended=last.ended,
        end=last.end,
        head_sha256=last.head_sha256,
        segments=segments,
        electrical=tuple(each for segment in segments for each in segment.electrical),
    )


def joined_weighings(segments: tuple[Segment, ...]) -> dict[str, WeighingColumns]:
    """Return the readings of several segments as one set of columns."""
    joined: dict[str, WeighingColumns] = {}
    for segment in segments:
        for name, columns in segment.weighings.items():
            into = joined.setdefault(name, WeighingColumns())
            into.asked_ns.extend(columns.asked_ns)
            into.answered_ns.extend(columns.answered_ns)
            into.mass_mg.extend(columns.mass_mg)
            into.resolution_mg.extend(columns.resolution_mg)
            into.stable.extend(columns.stable)
            into.block.extend(columns.block)
            into.line.extend(columns.line)
    return joined


def _link_damage(evidence: Path, segments: tuple[Segment, ...]) -> list[str]:
    """Return where a segment does not continue the file that it says it continues."""
    found = []
    lost = segments[0].header.get("continues")
    if isinstance(lost, dict):
        found.append(f"{lost.get('file')} is missing: {segments[0].file} continues it")
    for before, segment in pairwise(segments):
        continues = segment.header.get("continues")
        if not segment.header:
            continue  # named already
        if not isinstance(continues, dict):
            found.append(f"{segment.file}: it does not say what it continues")
        elif continues.get("file") != before.file:
            found.append(f"{segment.file}: it continues {continues.get('file')}, which is missing")
        elif continues.get("sha256") != hashlib.sha256((evidence / before.file).read_bytes()).hexdigest():
            found.append(f"{before.file}: altered after {segment.file} continued it")
        elif continues.get("head_sha256", before.head_sha256) != before.head_sha256:
            found.append(f"{before.file}: its last whole block is not the one that {segment.file} continues")
    return found


def read_header(folder: Path) -> dict[str, Any]:
    """Return the header alone, cheaply; raise `RecordError` when it cannot be read."""
    for file in sorted((folder / "evidence").glob(RECORD_GLOB)):
        with file.open("rb") as opened:
            start = opened.read(65536)
        for _, text, _ in split_members(start, file.name, []):
            for line in text.splitlines():
                if line.startswith("H "):
                    with suppress(ValueError):  # a header that is none: the next file may have one
                        return parse_object(line[2:])
    raise RecordError("the record holds no readable header", where=str(folder))


def split_members(data: bytes, name: str, damage: list[str]) -> Iterator[tuple[int, str, bytes]]:
    """Yield (offset, text, compressed bytes) of each whole member; describe what is broken in ``damage``."""
    offset = 0
    broken_from: int | None = None
    while offset < len(data):
        unpacked = _unpack_member(data, offset)
        if unpacked is None:
            broken_from = offset if broken_from is None else broken_from
            offset = data.find(GZIP_MAGIC, offset + 1)
            if offset >= 0:
                continue
            left = len(data) - broken_from
            damage.append(f"{name}: the last {left} bytes from offset {broken_from} are torn or damaged")
            return
        if broken_from is not None:
            damage.append(f"{name}: bytes {broken_from} to {offset - 1} are damaged and were left out")
            broken_from = None
        text, size = unpacked
        member = bytes(data[offset : offset + size])
        if member[:8] != GZIP_MAGIC or member[8:10] not in (GZIP_ENDINGS if text.startswith("rig-") else GZIP_ENDING):
            damage.append(f"{name}: the gzip heading at offset {offset} was altered; what it holds is whole")
        elif offset + size == len(data) and _padding_was_altered(member):
            # In any other member the hash that the next one names tells.
            damage.append(
                f"{name}: unused bits at offset {offset + size - GZIP_TRAILER - 1} were altered; all is whole"
            )
        yield offset, text, member
        offset += size


def _padding_was_altered(member: bytes) -> bool:
    """Say whether one of the unused bits behind the compressed data, always written as 0, is set.

    A set bit is unused when the member unpacks alike without it: no two codes of one text end in the same place.
    """
    last = len(member) - GZIP_TRAILER - 1
    for bit in range(1, 8):
        if member[last] >> bit & 1:
            other = bytearray(member)
            other[last] ^= 1 << bit
            if _unpack_member(bytes(other), 0) is not None:
                return True
    return False


def _unpack_member(data: bytes, offset: int) -> tuple[str, int] | None:
    """Return (text, compressed size) of the member at ``offset``, or None when it is not whole."""
    unpacker = zlib.decompressobj(GZIP_WINDOW)
    parts = []
    end = offset
    feed = FIRST_FEED
    try:
        while not unpacker.eof and end < len(data):
            parts.append(unpacker.decompress(data[end : end + feed]))
            end = min(end + feed, len(data))
            feed *= 2
        text = b"".join(parts).decode("ascii")
    except (zlib.error, UnicodeDecodeError):
        return None
    return (text, end - len(unpacker.unused_data) - offset) if unpacker.eof else None


def _read_file(file: Path, gathered: _Gathered) -> None:
    previous = "-"
    expected_block = 0
    known_damage = 0
    for offset, text, member in split_members(file.read_bytes(), file.name, gathered.damage):
        where = f"{file.name}: the block at offset {offset}"
        first, _, body = text.partition("\n")
        heading = parse_heading(first)
        if heading is None:
            gathered.damage.append(f"{where} has no heading and was left out")
            continue
        # A block that is missing because it was damaged has been named already.
        lost = len(gathered.damage) > known_damage and heading.block > expected_block
        if (heading.previous != previous or heading.block != expected_block) and not lost:
            gathered.damage.append(
                f"{where} (number {heading.block}) does not follow the one before it: the chain is broken"
            )
        previous = hashlib.sha256(member).hexdigest()
        expected_block = heading.block + 1
        _take_lines(body, heading, where, gathered)
        known_damage = len(gathered.damage)
    gathered.head_sha256 = previous
    if not gathered.header:
        gathered.damage.append(f"{file.name}: no readable header")


def _take_lines(body: str, heading: Heading, where: str, gathered: _Gathered) -> None:
    decoder = BlockDecoder(heading.version)
    for number, line in enumerate(body.splitlines(), start=2):
        try:
            _take_line(line, decoder, gathered, (heading.block, number))
        except UNREADABLE:
            gathered.damage.append(f"{where} holds a line {number} that cannot be read: {line[:60]!r}")


def _take_line(line: str, decoder: BlockDecoder, gathered: _Gathered, place: tuple[int, int]) -> None:
    kind = line[:1]
    if kind in ("<", ">"):
        decoder.passed(line)
    elif kind == "W":
        _take_reading(decoder.reading(line), gathered.weighings, place)
    elif kind == "E":
        _, word, name, data = line.split(" ", 3)
        gathered.events.append(Event(decoder.time(word), name, parse_object(data)))
    elif kind == "P":
        gathered.electrical.append(parse_electrical(line, decoder))
    elif kind == "A":
        gathered.ambient.append(_ambient(parse_object(line[2:])))
    elif kind == "H":
        gathered.header = gathered.header or parse_object(line[2:])
    elif kind == "C":
        _, word, utc, synchronised, *error = line.split(" ")
        error_s = parse_finite(error[0]) if error else None
        gathered.clocks.append(ClockPair(decoder.time(word), _instant(utc), synchronised, error_s))
    elif kind == "Z":
        gathered.end = parse_object(line[2:])
    else:
        raise ValueError(line)


def _ambient(data: dict[str, Any]) -> Ambient:
    """Return ambient conditions; raise ValueError when a number is none."""
    ambient = Ambient(**data)
    values = asdict(ambient)
    if not isinstance(values.pop("source"), str) or any(type(value) not in (int, float) for value in values.values()):
        raise ValueError(f"no ambient conditions: {data}")
    return ambient


def _instant(text: str) -> datetime:
    """Return a wall-clock time; raise ValueError when it says no zone."""
    utc = datetime.fromisoformat(text)
    if utc.tzinfo is None:
        raise ValueError(f"no zone: {text}")
    return utc


def _take_reading(reading: Reading, weighings: dict[str, WeighingColumns], place: tuple[int, int]) -> None:
    columns = weighings.get(reading.name)
    if columns is None:
        columns = weighings.setdefault(reading.name, WeighingColumns())
    columns.asked_ns.append(reading.asked_ns)
    columns.answered_ns.append(reading.answered_ns)
    columns.mass_mg.append(reading.mass_mg)
    columns.resolution_mg.append(reading.resolution_mg)
    columns.stable.append(reading.stable)
    columns.block.append(place[0])
    columns.line.append(place[1])


def read_chunks(file: Path) -> Iterator[tuple[str, str, int, bytes]]:
    """Yield (link, direction, rig time in ns, bytes) of everything that passed a link, from all whole blocks.

    Lines that cannot be read are left out; `read_segment` names them as damage.
    """
    for _, text, _ in split_members(file.read_bytes(), file.name, []):
        first, _, body = text.partition("\n")
        heading = parse_heading(first)
        if heading is None:
            continue
        decoder = BlockDecoder(heading.version)
        for line in body.splitlines():
            chunk = None
            with suppress(*UNREADABLE):
                if line[:1] in ("<", ">"):
                    chunk = decoder.chunk(line)
                elif line[:1] in ("E", "C", "P"):
                    decoder.time(line.split(" ", 2)[1])
            if chunk is not None:
                yield chunk
