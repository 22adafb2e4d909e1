"""Checks of what reads a person's files: records, weighing logs, bench files, scenarios, profiles."""

from __future__ import annotations

import gzip
import math
import tempfile
from base64 import b64encode
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from zlib import crc32

import numpy as np

from rig.config import BenchConfig, parse_bench
from rig.errors import ConfigError, ScenarioError, UsageError
from rig.profiles.data_file import marked, read_facts
from rig.profiles.strict import Origin, parse_toml
from rig.record import ledger
from rig.record.lines import BlockDecoder, decode_bytes, encode_bytes, parse_heading
from rig.record.reader import read_chunks, read_segment
from rig.scenario.model import Scenario
from rig.scenario.parse import parse_scenario
from rig.sim.faults import list_faults, parse_fault
from rig.weighing_log import read as weighing
from tests.fuzz.independent import accepted

SHM = Path("/dev/shm")  # noqa: S108 - files of a millisecond's life, kept off the disk where that is possible


class _File:
    """One file that every input is written to."""

    def __init__(self, suffix: str) -> None:
        folder = tempfile.mkdtemp(dir=SHM if SHM.is_dir() else None)
        self.path = Path(folder) / f"record-001{suffix}"

    def holding(self, data: bytes) -> Path:
        self.path.write_bytes(data)
        return self.path


_CSV, _RECORD = _File(".csv"), _File(".log.gz")


def weighing_log(data: bytes) -> None:
    """Weighing logs: times rise, numbers are finite and within bounds, and the slow way reads the same."""
    path = _CSV.holding(data)
    log = accepted(weighing.read_log, str(path), refuses=UsageError)
    if log is not None:
        assert log.times_s.size == log.masses_mg.size >= 2
        assert (np.diff(log.times_s) > 0.0).all()
        assert (
            log.sha256 == sha256(data if data.endswith(b"\n") else data + b"\n").hexdigest()
            or data[:3] == b"\xef\xbb\xbf"
        )
        for name, quantity in weighing.QUANTITIES.items():
            column = getattr(log, {"time_s": "times_s", "mass_mg": "masses_mg"}.get(name, name))
            assert column is None or ((column >= quantity.lowest) & (column <= quantity.highest)).all(), name


def record(data: bytes) -> None:
    """Records: whatever survived is read, in finite numbers; damage is named; raw bytes never crash it."""
    _segment(data)
    text = data.decode("ascii", "ignore")
    block = f"R 0 -\n{text}\n".encode("ascii")
    whole = gzip.compress(block, mtime=0)
    second = gzip.compress(f"R 1 {b64encode(sha256(whole).digest()).decode().rstrip('=')}\n{text}".encode(), mtime=0)
    _segment(whole + second)
    _segment(whole + data + second)


def _segment(data: bytes) -> None:
    path = _RECORD.holding(data)
    segment = read_segment(path)
    assert segment.header or segment.damage
    for columns in segment.weighings.values():
        rows = len(columns.mass_mg)
        assert rows == len(columns.asked_ns) == len(columns.answered_ns) == len(columns.resolution_mg)
        assert rows == len(columns.stable) == len(columns.block) == len(columns.line)
        assert all(math.isfinite(value) for value in columns.mass_mg)
        assert all(math.isfinite(value) for value in columns.resolution_mg)
    for ambient in segment.ambient:
        assert math.isfinite(ambient.temperature_c)
        assert math.isfinite(ambient.pressure_hpa)
    for clock in segment.clocks:
        assert clock.utc.tzinfo is not None
        assert clock.error_s is None or math.isfinite(clock.error_s)
    for event in segment.events:
        assert isinstance(event.data, dict), event
    assert isinstance(segment.header, dict)
    assert isinstance(segment.end, dict)
    for _ in read_chunks(path):
        pass


def record_lines(data: bytes) -> None:
    """Lines of a record: a heading, a chunk or a reading says what its text says, or is refused as ValueError."""
    text = data.decode("latin-1")
    heading = parse_heading(text)
    if heading is not None and heading.version == 2:
        assert heading.previous == "-" or bytes.fromhex(heading.previous)
    for version in (1, 2):
        decoder = BlockDecoder(version)
        decoder._tx_ns["balance"], decoder._rx_ns["balance"] = 5, 9
        with suppress(ValueError, KeyError, IndexError):
            reading = decoder.reading(text)
            assert math.isfinite(reading.mass_mg), text
            assert math.isfinite(reading.resolution_mg), text
            assert reading.resolution_mg > 0.0, text
        with suppress(ValueError, KeyError, IndexError):
            _, _, _, chunk = decoder.chunk(text)
            assert encode_bytes(chunk) == text.split(" ", 3)[3]
    assert decode_bytes(encode_bytes(data)) == data


def bench(data: bytes) -> None:
    """Bench files: a bench, or one line of `ConfigError`."""
    found = accepted(parse_bench, data.decode("utf-8", "replace"), refuses=ConfigError)
    assert found is None or isinstance(found, BenchConfig)
    assert found is None or all(serial.isdigit() and serial.isascii() for serial in found.pump.serials)


def scenario(data: bytes) -> None:
    """Scenarios: steps of finite length and amount, or one line of `ScenarioError`."""
    found = accepted(parse_scenario, data.decode("utf-8", "replace"), refuses=ScenarioError)
    if found is None:
        return
    assert isinstance(found, Scenario)
    assert found.steps
    for step in found.steps:
        for value in vars_of(step):
            assert not isinstance(value, float) or math.isfinite(value), step


def vars_of(step: object) -> list[object]:
    """Return the values of a frozen dataclass with slots."""
    return [getattr(step, name) for name in getattr(step, "__dataclass_fields__", {})]


def ledger_lines(data: bytes) -> None:
    """The ledger of a bench: an entry only with a right CRC, everything else named; and its own lines come back."""
    lines = ledger._split(data)
    for entry in lines.whole:
        line = data.split(b"\n")[entry.line - 1]
        body, _, crc = line.rpartition(b',"crc":"')
        assert crc == f'{crc32(body):08x}"}}'.encode()
        assert entry.sha256 == sha256(line).hexdigest()
    assert len(lines.whole) + len(lines.broken) == data.count(b"\n") + (1 if lines.tail_open else 0)
    reading = ledger._reading(lines, "ledger")
    assert not any("\n" in text for text in (*reading.damage, *reading.torn))
    text = data.decode("latin-1")[:40]
    written = ledger._line({"n": 1, "previous": ledger.FIRST, "utc": "2026-11-25", "kind": "run", "text": text})
    back = ledger._split(written + b"\n")
    assert not back.broken
    assert back.whole[0].data == {"text": text}


def fault(data: bytes) -> None:
    """Faults of the twin: a known one whose number, start and length are finite and within their limits."""
    found = accepted(parse_fault, data.decode("utf-8", "replace"), refuses=UsageError)
    if found is not None:
        spec = next(each for each in list_faults() if each.name == found.name)
        assert math.isfinite(found.number)
        assert 0 <= found.start_ns < found.end_ns
        assert spec.unit != "count" or 0 < found.number <= 1_000_000


def profile_data(data: bytes) -> None:
    """Data files of pump models: every figure has a mark and a source, or the file is refused."""
    text = data.decode("utf-8", "replace")
    found = accepted(lambda: read_facts(parse_toml(text, "x.toml"), Origin("x.toml", text)), refuses=ConfigError)
    for key, pump in (found or {}).items():
        assert key
        for _, item in marked(pump):
            letters = item.mark.split(", ")
            assert bool(item.source) == any(letter in "MCPW" for letter in letters), item
            assert item.mark != "confirmed"
