"""The record: what goes in comes out, and damage costs only what it hit."""

import errno
import gzip
import hashlib
import os
import re
import subprocess
import sys
import threading
import time
import zlib
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import RecordError
from rig.readings import Ambient, Weighing
from rig.record.lines import BlockDecoder, BlockEncoder, decode_bytes, encode_bytes, parse_heading
from rig.record.reader import ClockPair, read_chunks, read_header, read_run, split_members
from rig.record.writer import RecordWriter
from rig.wall_clock import WallClock


def _record(folder: Path, readings: int = 3, *, close: bool = True, blocks: int = 1) -> Path:
    evidence = folder / "evidence"
    evidence.mkdir(parents=True)
    path = evidence / "record-001.log.gz"
    writer = RecordWriter(path, {"run_id": "r1"}, commit_interval_s=3600.0)
    for block in range(blocks):
        for index in range(readings):
            at_ns = (block * readings + index) * 10**9
            writer.tap("balance", "<", at_ns, b"S S    12.34567 g\r\n")
            writer.weighing("balance", Weighing(at_ns - 5, at_ns, 12345.67, 0.01, True, "12.34567 g"))
        writer._commit_all()  # a commit where the test wants it
    writer.ambient(Ambient(1, 20.0, 50.0, 1013.25, 0.1, 1.0, 0.2, "typed in"))
    writer.event(7, "resumed", {"step": 0})
    if close:
        writer.close({"reason": "completed"})
    else:
        writer._commit_all()
    return path


DAMAGE = re.compile(r"record-001\.log\.gz: .*(offset|bytes) \d+")
FILL_THE_DISK = """
import resource, sys
from pathlib import Path
from rig.errors import RecordError
from rig.readings import Weighing
from rig.record.writer import RecordWriter
evidence = Path(sys.argv[1]) / "evidence"
evidence.mkdir()
writer = RecordWriter(evidence / "record-001.log.gz", {"run_id": "r"}, 3600.0)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))  # as a full disk does: a short write, then an error
said, committed = [], 0
for number in range(100000):
    writer.weighing("balance", Weighing(number, number, 1.0 + number, 0.01, True, ""))
    try:
        writer.flush()
        committed = number + 1
    except RecordError as error:
        said.append("File too large" if "File too large" in str(error) else str(error))
        break
try:
    writer.check()
except RecordError as error:
    said.append("File too large" if "File too large" in str(error) else str(error))
try:
    writer.close({"reason": "record_failed"})
except RecordError:
    print("|".join([*said, str(committed)]))
"""


def test_everything_written_is_read_back(tmp_path: Path) -> None:
    _record(tmp_path)
    run = read_run(tmp_path)
    assert run.header["run_id"] == "r1"
    assert list(run.weighings["balance"].mass_mg) == [12345.67] * 3
    assert list(run.weighings["balance"].asked_ns) == [-5, 10**9 - 5, 2 * 10**9 - 5]
    assert run.events[0].name == "resumed"
    assert run.events[0].at_ns == 7
    assert run.ambient[0].pressure_hpa == 1013.25
    assert run.ended
    assert run.end == {"reason": "completed"}
    assert run.damage == ()


def test_the_header_is_on_disk_before_the_first_reading(tmp_path: Path) -> None:
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    writer = RecordWriter(evidence / "record-001.log.gz", {"run_id": "r2"}, 3600.0)
    assert read_header(tmp_path)["run_id"] == "r2"
    writer.close({"reason": "completed"})


def test_zcat_alone_reads_a_record(tmp_path: Path) -> None:
    path = _record(tmp_path, blocks=3)
    text = gzip.decompress(path.read_bytes()).decode()
    assert sum(line.startswith("R ") for line in text.splitlines()) == 8
    assert text.count("\n< ") == 9


def test_a_record_is_never_overwritten(tmp_path: Path) -> None:
    path = _record(tmp_path)
    with pytest.raises(RecordError, match="cannot be made"):
        RecordWriter(path, {}, 1.0)


def test_a_record_without_its_closing_line_is_read_and_called_unfinished(tmp_path: Path) -> None:
    _record(tmp_path, close=False)
    run = read_run(tmp_path)
    assert not run.ended
    assert len(run.weighings["balance"].mass_mg) == 3


def test_a_tail_torn_at_any_byte_costs_only_the_last_block(tmp_path: Path) -> None:
    path = _record(tmp_path, close=False, blocks=3)
    whole = path.read_bytes()
    offsets = [offset for offset, _, _ in split_members(whole, "x", [])]
    for cut in range(offsets[-1] + 1, len(whole)):
        path.write_bytes(whole[:cut])
        run = read_run(tmp_path)
        assert len(run.weighings["balance"].mass_mg) == 9
        assert len(run.damage) == 1
        assert "torn" in run.damage[0]


def test_one_flipped_bit_is_found_and_costs_at_most_its_own_block(tmp_path: Path) -> None:
    path = _record(tmp_path, blocks=4)
    whole = path.read_bytes()
    members = list(split_members(whole, "x", []))
    for offset, _, member in members[:2] + members[3:5] + members[-2:]:
        for byte in range(offset, offset + len(member)):
            for bit in range(8):
                damaged = bytearray(whole)
                damaged[byte] ^= 1 << bit
                path.write_bytes(damaged)
                run = read_run(tmp_path)
                assert run.damage, (byte, bit)
                assert all(DAMAGE.match(text) for text in run.damage), run.damage
                assert len(run.weighings["balance"].mass_mg) >= 9
                assert run.header["run_id"] == "r1"
                assert run.end == {"reason": "completed"}
                assert set(run.weighings["balance"].mass_mg) == {12345.67}


def test_a_removed_block_breaks_the_chain(tmp_path: Path) -> None:
    path = _record(tmp_path, blocks=4)
    members = [member for _, _, member in split_members(path.read_bytes(), "x", [])]
    path.write_bytes(b"".join(members[:2] + members[3:]))
    assert any("chain" in damage for damage in read_run(tmp_path).damage)


def test_a_full_disk_is_reported_and_the_record_kept(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILL_THE_DISK, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.split("|")[:2] == ["File too large", "File too large"], done
    run = read_run(tmp_path)
    committed = int(done.stdout.split("|")[2])
    assert committed > 0
    assert len(run.weighings["balance"].mass_mg) >= committed  # what flush() promised is there
    assert len(run.damage) == 1  # and one torn member behind it
    assert "torn" in run.damage[0]


def test_flush_returns_only_when_all_before_it_is_on_the_disk(tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    writer = RecordWriter(tmp_path / "evidence" / "record-001.log.gz", {"run_id": "r"}, 3600.0)
    writer.event(1, "command", {"state": "intended"})
    assert not read_run(tmp_path).events
    writer.flush()
    assert [event.name for event in read_run(tmp_path).events] == ["command"]
    writer.close({})


def test_a_commit_is_one_flush_and_nobody_writes_beside_the_committer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    really = os.fdatasync

    def counted(descriptor: int) -> None:
        flushed.append(threading.current_thread().name)
        really(descriptor)

    monkeypatch.setattr(os, "fdatasync", counted)
    writer = RecordWriter(tmp_path / "record-001.log.gz", {"run_id": "r"}, 3600.0)
    for number in range(10):
        writer.event(number, "e", {})
        writer.flush()
    writer.flush()  # nothing new: nothing to flush
    writer.close({})
    blocks = len(list(split_members(writer.path.read_bytes(), "", [])))
    assert blocks == 14  # heading and end twice each
    assert len(flushed) == blocks
    assert set(flushed[2:-2]) == {"committer"}


def test_a_disk_that_fails_is_named_and_never_written_to_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "evidence").mkdir()
    writer = RecordWriter(tmp_path / "evidence" / "record-001.log.gz", {"run_id": "r"}, 3600.0)
    writer.event(1, "kept", {})
    writer.flush()

    def fail(_descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", fail)
        writer.event(2, "doubtful", {})
        with pytest.raises(RecordError, match="Input/output error"):
            writer.flush()
    size = writer.path.stat().st_size
    writer.event(3, "lost", {})
    for refused in (writer.check, writer.flush, lambda: writer.close({"reason": "completed"})):
        with pytest.raises(RecordError, match="Input/output error"):
            refused()
    assert writer.path.stat().st_size == size
    run = read_run(tmp_path)
    assert run.events[0].name == "kept"
    assert not run.ended


def test_who_waits_for_the_disk_goes_on_pulsing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = RecordWriter(tmp_path / "record-001.log.gz", {"run_id": "r"}, 3600.0)
    slow, pulses = threading.Event(), []
    really = os.fdatasync

    def hang(descriptor: int) -> None:
        slow.wait(5.0)
        really(descriptor)

    def pulse() -> None:
        pulses.append(time.monotonic())
        if len(pulses) == 3:
            slow.set()

    monkeypatch.setattr(os, "fdatasync", hang)
    writer.event(1, "command", {})
    writer.flush(pulse=pulse)
    assert len(pulses) >= 3
    assert pulses[2] - pulses[0] < 1.0
    writer.close({})


def test_a_disk_that_hangs_is_reported_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = RecordWriter(tmp_path / "record-001.log.gz", {"run_id": "r"}, 3600.0)
    slow = threading.Event()
    monkeypatch.setattr(os, "fdatasync", lambda _descriptor: slow.wait(5.0))
    writer.event(1, "command", {})
    with pytest.raises(RecordError, match=r"nothing reached the disk for 0\.1 s"):
        writer.flush(0.1)
    slow.set()
    writer.close({})


def test_commits_stay_on_their_grid_however_long_each_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[float] = []
    enough = threading.Event()
    really = os.fdatasync

    def slow(descriptor: int) -> None:
        began.append(time.monotonic())
        time.sleep(0.05)
        really(descriptor)
        writer.event(1, "next", {})
        if len(began) == 6:
            enough.set()

    writer = RecordWriter(tmp_path / "record-001.log.gz", {"run_id": "r"}, 0.1)
    monkeypatch.setattr(os, "fdatasync", slow)
    writer.event(1, "first", {})
    assert enough.wait(10.0)
    writer.close({})
    steps = sorted(after - before for before, after in pairwise(began[:6]))
    assert 0.09 < steps[len(steps) // 2] < 0.14  # 0.15 when the commit came on top


def test_lines_that_no_version_knows_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    text = 'R 0 -\nH {"run_id":"r"}\nW balance\nX what\nE 5 fine {}\nE 1 half {"a\n'
    (tmp_path / "evidence" / "record-001.log.gz").write_bytes(zlib.compress(text.encode(), 9, 31))
    run = read_run(tmp_path)
    assert [event.name for event in run.events] == ["fine"]
    assert [re.sub(".*(line \\d).*", r"\1", each) for each in run.damage] == ["line 3", "line 4", "line 6"]


BIG = "9" * 20
ODD_LINES = [
    f"W balance S 1.0 {BIG} 3",  # beyond what a column holds: no column may get longer than the others
    f"W balance S 1.0 3 {BIG}",
    "W balance S nanmg 0.01mg 1 2",
    "W balance S 1.0mg 1e400mg 1 2",
    "W balance S 1e400 1 2",
    "W balance X 1.0 1 2",
    "E 5 odd []",
    'E 5 odd {"a":NaN}',
    'E 5 odd {"a":1e400}',
    f"E 5 odd {'[' * 3000}",
    "E",
    ">",
    f"C {BIG} 2026-11-25T10:00:00+00:00 yes",
    "C 5 2026-11-25T10:00:00 yes",
    "C 5 2026-11-25T10:00:00+00:00 yes nan",
    'A {"at_ns":1}',
    "A []",
    "Z 7",
    "Z []",
]


@pytest.mark.parametrize("line", ODD_LINES, ids=lambda line: line[:40])
def test_a_line_that_the_writer_never_writes_is_named_and_read_as_nothing(line: str, tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    file = tmp_path / "evidence" / "record-001.log.gz"
    text = f'R 0 -\nH {{"run_id":"r"}}\n> 1 balance SI\\r\\n\n{line}\nE 9 fine {{}}\n'
    file.write_bytes(gzip.compress(text.encode(), mtime=0))
    run = read_run(tmp_path)
    assert [event.name for event in run.events] == ["fine"]
    assert any("line 4 that cannot be read" in each for each in run.damage)
    assert not run.weighings or not run.weighings["balance"].asked_ns
    assert (run.end, run.ambient) == ({}, ())
    assert [data for _, _, _, data in read_chunks(file)] == [b"SI\r\n"]


@pytest.mark.parametrize("header", ["[]", "7", '{"run_id":', "[" * 3000])
def test_a_header_that_is_none_is_a_record_error(header: str, tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    text = f"R 0 -\nH {header}\n"
    (tmp_path / "evidence" / "record-001.log.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    for read in (read_run, read_header):
        with pytest.raises(RecordError, match="no readable header"):
            read(tmp_path)


@pytest.mark.parametrize("text", [r"\q", r"\u1234", r"\x4", r"\x41", r"\'", "\x85", "\n", r"\101"])
def test_bytes_that_are_not_written_as_the_writer_writes_them_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"escaped|ascii"):
        decode_bytes(text)


@pytest.mark.parametrize("line", [f"R {BIG} -", "R -1 -", "R 1 QUJD", f"rig-record 1 block 1 previous {'ab' * 31}"])
def test_a_heading_with_an_impossible_number_or_hash_is_none(line: str) -> None:
    assert parse_heading(line) is None


@given(
    st.lists(
        st.tuples(
            st.integers(-(10**16), 10**16),
            st.integers(-(10**9), 10**10),
            st.floats(allow_nan=False, allow_infinity=False),
            st.sampled_from([0.001, 0.01, 0.07, 0.1, 1.0, 10.0]),
            st.booleans(),
            st.booleans(),
        )
    )
)
def test_any_reading_comes_back_as_it_was(given: list[tuple[int, int, float, float, bool, bool]]) -> None:
    encoder, decoder = BlockEncoder(), BlockDecoder(2)
    for asked_ns, took_ns, mass_mg, step_mg, stable, tapped in given:
        now = Weighing(asked_ns, asked_ns + took_ns, mass_mg, step_mg, stable, "")
        if tapped:
            for direction, at_ns in ((">", asked_ns), ("<", asked_ns + took_ns)):
                chunk = encoder.chunk("balance", direction, at_ns, b"x\r\n").rstrip("\n")
                assert decoder.chunk(chunk) == ("balance", direction, at_ns, b"x\r\n")
        back = decoder.reading(encoder.weighing("balance", now).rstrip("\n"))
        assert back == ("balance", now.asked_ns, now.answered_ns, mass_mg, step_mg, stable)


def test_many_flushes_at_once_are_all_served(tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    writer = RecordWriter(tmp_path / "evidence" / "record-001.log.gz", {"run_id": "r"}, 3600.0)

    def work(name: str) -> None:
        for number in range(20):
            writer.event(number, name, {})
            writer.flush()

    threads = [threading.Thread(target=work, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close({})
    run = read_run(tmp_path)
    assert len(run.events) == 80
    assert run.damage == ()


def test_a_segment_continues_the_file_before_it_and_an_altered_one_is_named(tmp_path: Path) -> None:
    first = _record(tmp_path, close=False)
    first.write_bytes(first.read_bytes()[:-3])  # torn by the kill, kept as it is
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    header = {"run_id": "r1", "segment": 2, "continues": {"file": first.name, "sha256": digest}}
    writer = RecordWriter(first.with_name("record-002.log.gz"), header)
    writer.weighing("balance", Weighing(10, 20, 5.0, 0.01, True, ""))
    writer.close({"reason": "completed"})
    run = read_run(tmp_path)
    assert [segment.number for segment in run.segments] == [1, 2]
    assert [segment.ended for segment in run.segments] == [False, True]
    assert run.ended
    assert list(run.weighings["balance"].mass_mg)[-1] == 5.0
    assert len(run.damage) == 1
    assert "torn" in run.damage[0]
    first.write_bytes(first.read_bytes()[:-1])
    assert any("altered after record-002.log.gz continued it" in text for text in read_run(tmp_path).damage)


def test_wall_clock_pairs_come_back_with_their_state_and_error(tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    writer = RecordWriter(tmp_path / "evidence" / "record-001.log.gz", {"run_id": "r"})
    utc = datetime(2026, 3, 2, 12, 0, 0, 5, UTC)
    writer.wall_clock(7, WallClock(utc, 7, "yes", 0.0125))
    writer.wall_clock(8, WallClock(utc, 8, "no", None))
    writer.close({})
    pairs = read_run(tmp_path).segments[0].clocks
    assert pairs == (ClockPair(7, utc, "yes", 0.0125), ClockPair(8, utc, "no", None))


@given(st.binary(max_size=200))
def test_any_bytes_survive_their_text_form(data: bytes) -> None:
    text = encode_bytes(data)
    assert text.isprintable() or text == ""
    assert text.isascii()
    assert decode_bytes(text) == data
