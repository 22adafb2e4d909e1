"""The record stays small: real MT-SICS traffic of the driver against the twin, raw bytes and readings together."""

import random
from pathlib import Path

import pytest

from rig.bench import open_bench
from rig.clock import to_ns
from rig.config import load_bench
from rig.readings import Weighing
from rig.record.writer import RecordWriter
from rig.wire.crc import crc16

TWO_WEEKS_NS = 14 * 86400 * 10**9  # times have all their digits at the end of a long run


VESSEL_G = 12.34567  # the twin starts empty; a vessel on the pan has more digits
RISE_G_PER_S = 30.0 * 0.01 / 3600.0  # 30 U/h


def _loaded(data: bytes, load_g: float) -> bytes:
    """Return a weight as the display shows it with the vessel on the pan."""
    head, state, text, *_ = data.split()
    line = b"%s %s " % (head, state) + f"{float(text) + load_g:10.5f} g ".encode()
    return line + b"%04X\r\n" % crc16(line)


def bytes_per_reading(folder: Path, rate_hz: float, commit_s: float, readings: int) -> float:
    """Return what a reading adds to a record on a host: times that jitter, asked a little before the bytes leave."""
    scatter = random.Random(1)
    config = load_bench("simulated")
    bench = open_bench(config, config.pump_profile())
    writer = RecordWriter(folder / "record-001.log.gz", {"run_id": "size"}, 3600.0)
    late_ns = 0
    load_g = VESSEL_G

    def tap(link: str, direction: str, at_ns: int, data: bytes) -> None:
        nonlocal late_ns
        late_ns = scatter.randrange(900_000) if direction == "<" else late_ns
        data = _loaded(data, load_g) if direction == "<" else data
        shift = late_ns if direction == "<" else scatter.randrange(3_000, 9_000)
        writer.tap(link, direction, TWO_WEEKS_NS + at_ns + shift, data)

    bench.balance.open()
    writer.flush()
    before = writer.path.stat().st_size
    bench.links.tap = tap
    per_commit = int(rate_hz * commit_s)
    start_ns = bench.clock.now_ns()
    for number in range(readings):
        bench.links.sleep_until(start_ns + int(number * to_ns(1.0 / rate_hz)) + scatter.randrange(300_000))
        load_g = round(VESSEL_G + RISE_G_PER_S * number / rate_hz, 5)
        now = bench.balance.weigh()
        late = Weighing(
            TWO_WEEKS_NS + now.asked_ns,
            TWO_WEEKS_NS + now.answered_ns + late_ns,
            round(now.mass_mg + load_g * 1000.0, 2),
            now.resolution_mg,
            now.stable,
            now.text,
        )
        writer.weighing("balance", late)
        if (number + 1) % per_commit == 0:
            writer.flush()
    size = writer.path.stat().st_size - before
    writer.close({})
    bench.close()
    return size / readings


@pytest.mark.parametrize(
    ("rate_hz", "commit_s", "readings", "limit"),
    [(1.0, 1.0, 300, 150.0), (1.0, 10.0, 600, 39.0), (20.0, 1.0, 2000, 38.0)],
)
def test_raw_bytes_and_reading_together_stay_below_their_limit(
    tmp_path: Path, rate_hz: float, commit_s: float, readings: int, limit: float
) -> None:
    assert bytes_per_reading(tmp_path, rate_hz, commit_s, readings) <= limit
