"""Recording (rows 5a to 5d of the goals): power-safe commits, kills and damage, size, share of a core.

Every time is a ratio to a floor that ran interleaved with it. Run: ``python -m benchmarks.recording [folder]``; the
folder decides which disk is measured.
"""

import os
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rig.readings import Weighing
from rig.record.reader import RunRecord, read_run, split_members
from rig.record.writer import RecordWriter

SAMPLES = 20  # a second of one balance at 20 Hz
ROUNDS = 400
TRIALS = 100
CHANNELS = 16
RATE_HZ = 20
SECONDS = 20
RECORD = "record-001.log.gz"

KILLED = """
import sys
from pathlib import Path
from typing import Any
from benchmarks.recording import fill, new_writer
writer = new_writer(Path(sys.argv[1]))
number = 0
while True:
    fill(writer, number, 20)
    number += 20
    writer.flush()
    print(number, flush=True)
"""


def new_writer(folder: Path) -> RecordWriter:
    """Return a record below ``folder`` that commits when it is told to."""
    (folder / "evidence").mkdir(parents=True, exist_ok=True)
    return RecordWriter(folder / "evidence" / RECORD, {"run_id": "benchmark"}, 3600.0)


def mass_mg(number: int) -> float:
    """Return the mass of a reading: whatever comes back must be this one."""
    return round(12345.67 + 0.03 * number, 2)


def fill(writer: RecordWriter, first: int, count: int, channel: str = "balance") -> None:
    """Record ``count`` readings with their bytes; times are unique, as on a host."""
    for number in range(first, first + count):
        asked_ns = 10**15 + number * 50_000_000 + number * 7919 % 100_003
        answered_ns = asked_ns + 12_345_678 + number * 104_729 % 1_000_003
        mass = mass_mg(number)
        writer.tap(channel, ">", asked_ns + 4321, b"SI\r\n")
        writer.tap(channel, "<", answered_ns, f"S D {mass / 1000:10.5f} g\r\n".encode())
        writer.weighing(channel, Weighing(asked_ns, answered_ns, mass, 0.01, False, ""))


def commit_ratios(folder: Path) -> tuple[float, float, float, float, float]:
    """Return medians: rig / floor, SQLite / floor, floor in ms, rig - floor in ms; and flushes per commit of the rig.

    Each is timed from when its samples are there until they are on the disk; the rig's thread is handed the work.
    """
    flushes = 0
    really = os.fdatasync

    def counted(fd: Any) -> None:
        nonlocal flushes
        flushes += 1
        really(fd)

    os.fdatasync = counted
    writer = new_writer(folder / "commit")
    bare = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    database = sqlite3.connect(folder / "sqlite.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE reading (asked INTEGER, answered INTEGER, mass REAL, raw BLOB)")
    packed = bytes(18 * SAMPLES)
    rows = [(number, number + 1, mass_mg(number), b"S D   12.34567 g\r\n") for number in range(SAMPLES)]

    def with_bare() -> None:
        os.write(bare, packed)
        really(bare)

    def with_sqlite() -> None:
        database.execute("BEGIN")
        database.executemany("INSERT INTO reading VALUES (?, ?, ?, ?)", rows)
        database.execute("COMMIT")

    before_flushes = flushes
    rig, sqlite, floors, more = [], [], [], []
    for _ in range(ROUNDS):
        floor_s = _timed(with_bare)
        fill(writer, 0, SAMPLES)
        rig_s = _timed(writer.flush)
        sqlite_s = _timed(with_sqlite)
        floor_s = (floor_s + _timed(with_bare)) / 2
        floors.append(floor_s)
        more.append(rig_s - floor_s)
        rig.append(rig_s / floor_s)
        sqlite.append(sqlite_s / floor_s)
    per_commit = (flushes - before_flushes) / ROUNDS
    os.fdatasync = really
    writer.close({})
    database.close()
    os.close(bare)
    rest = (1e3 * statistics.median(floors), 1e3 * statistics.median(more))
    return statistics.median(rig), statistics.median(sqlite), *rest, per_commit


def _timed(work: Callable[[], None]) -> float:
    before_s = time.perf_counter()
    work()
    return time.perf_counter() - before_s


def wrong_values(run: RunRecord) -> int:
    """Return how many readings are not one that was written."""
    columns = run.weighings.get("balance")
    if columns is None:
        return 0
    return sum(
        mass != mass_mg((asked - 10**15) // 50_000_000)
        for asked, mass in zip(columns.asked_ns, columns.mass_mg, strict=True)
    )


def readings(run: RunRecord) -> int:
    """Return how many readings were read."""
    return len(run.weighings["balance"].mass_mg) if "balance" in run.weighings else 0


def kills(folder: Path, scatter: random.Random) -> int:
    """Return in how many of the trials all that was acknowledged before a SIGKILL was read back right."""
    good = 0
    for trial in range(TRIALS):
        where = folder / f"kill-{trial}"
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(where)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        acknowledged = int(process.stdout.readline())
        time.sleep(scatter.uniform(0.0, 0.05))
        process.kill()
        acknowledged = max([acknowledged, *(int(line) for line in process.stdout if line.endswith("\n"))])
        process.wait()
        run = read_run(where)
        good += readings(run) >= acknowledged and not wrong_values(run)
    return good


def damaged(folder: Path, scatter: random.Random) -> dict[str, int]:
    """Return for each kind of damage how many trials were named, lost nothing beyond it, and gave no wrong value."""
    writer = new_writer(folder / "damage")
    for block in range(50):
        fill(writer, block * SAMPLES, SAMPLES)
        writer.flush()
    whole = writer.path.read_bytes()
    ends = [offset + len(member) for offset, _, member in split_members(whole, "", [])]
    good = dict.fromkeys(("cut", "zeros", "noise", "flip"), 0)
    for trial in range(TRIALS):
        kind = ("cut", "zeros", "noise")[trial % 3]
        at = scatter.randrange(ends[1], len(whole))
        while at in ends:
            at += 1
        tail = {"cut": 0, "zeros": len(whole) - at, "noise": len(whole) - at}[kind]
        writer.path.write_bytes(whole[:at] + (bytes(tail) if kind == "zeros" else scatter.randbytes(tail)))
        run = read_run(folder / "damage")
        kept = SAMPLES * max(0, sum(end <= at for end in ends) - 2)
        good[kind] += bool(run.damage) and readings(run) >= kept and not wrong_values(run)
        flipped = bytearray(whole)
        flipped[scatter.randrange(len(whole))] ^= 1 << scatter.randrange(8)
        writer.path.write_bytes(flipped)
        run = read_run(folder / "damage")
        good["flip"] += bool(run.damage) and readings(run) >= 49 * SAMPLES and not wrong_values(run)
    return good


def share_of_a_core(folder: Path) -> tuple[float, float]:
    """Return (CPU share of a core, bytes per reading) of recording all channels, in real time with 1-s commits."""
    (folder / "share" / "evidence").mkdir(parents=True)
    writer = RecordWriter(folder / "share" / "evidence" / RECORD, {"run_id": "share"}, 1.0)
    channels = [f"balance{number}" for number in range(CHANNELS)]
    masses = [(mass_mg(number), f"S D {mass_mg(number) / 1000:10.5f} g\r\n".encode()) for number in range(1000)]
    ticks = RATE_HZ * SECONDS

    def tick(number: int, record: RecordWriter | None) -> None:
        for index, channel in enumerate(channels):
            at_ns = time.monotonic_ns()
            late_ns = 10**7 + (at_ns * 7919) % 1_000_003
            mass, raw = masses[(number + index) % 1000]
            weighing = Weighing(at_ns - at_ns % 5000, at_ns + late_ns, mass, 0.01, False, "")
            if record is not None:
                record.tap(channel, ">", at_ns, b"SI\r\n")
                record.tap(channel, "<", at_ns + late_ns, raw)
                record.weighing(channel, weighing)

    costs = []
    for record in (None, writer):
        before_s = _cpu_s()
        start_s = time.monotonic()
        for number in range(ticks):
            tick(number, record)
            time.sleep(max(0.0, start_s + (number + 1) / RATE_HZ - time.monotonic()))
        if record is not None:
            record.flush()
        costs.append(_cpu_s() - before_s)
    size = writer.path.stat().st_size / (ticks * CHANNELS)
    writer.close({})
    return (costs[1] - costs[0]) / SECONDS, size


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print the figures beside their goals."""
    scatter = random.Random(5)  # noqa: S311 - damage, no secrets
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else ".") as name:
        folder = Path(name)
        rig, sqlite, floor_ms, more_ms, per_commit = commit_ratios(folder)
        print(f"5a commit of {SAMPLES} readings / write + fdatasync ({floor_ms:.2f} ms): {rig:.2f} (goal 1.15)")
        print(f"   that is {more_ms:.2f} ms more; computed: {1 + more_ms / 4:.2f} where a flush takes 4 ms")
        print(f"   SQLite (WAL, FULL) / the same: {sqlite:.2f}; flushes per commit of the rig: {per_commit:g} (goal 1)")
        print(f"5c kills with nothing acknowledged lost: {kills(folder, scatter)} of {TRIALS} (goal {TRIALS})")
        good = damaged(folder, scatter)
        tails = good["cut"] + good["zeros"] + good["noise"]
        print(f"   torn tails (cut, zeros, noise) named, all before them read: {tails} of {TRIALS} (goal {TRIALS})")
        print(
            f"   flipped bits named, one block lost at most, no wrong value: {good['flip']} of {TRIALS} (goal {TRIALS})"
        )
        share, size = share_of_a_core(folder)
        print(f"   {CHANNELS} channels of {RATE_HZ} Hz, recording alone: {100 * share:.1f} % of a core (goal 3)")
        print(f"5d raw bytes and reading together: {size:.1f} bytes a reading (goal of this record 40)")


if __name__ == "__main__":
    main()
