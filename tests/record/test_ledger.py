from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import zlib
from pathlib import Path
from typing import Any

import pytest

from rig.errors import RecordError
from rig.record.ledger import DAMAGED, FIRST, BenchLedger, ledger_path

SAFE = {"wanted": "suspended", "confirmed": True, "by": "status"}


def _filled(path: Path, runs: int = 3) -> BenchLedger:
    ledger = BenchLedger(path)
    for number in range(runs):
        ledger.append("started", run_id=f"run-{number}", folder=f"run-{number}", scenario="quick")
        ledger.append("ended", run_id=f"run-{number}", segment=1, reason="completed", safe=SAFE, manifest_sha256="00")
    return ledger


@pytest.fixture
def ledger(tmp_path: Path) -> BenchLedger:
    return _filled(tmp_path / "bench.ledger")


def _lines(ledger: BenchLedger) -> list[bytes]:
    return ledger.path.read_bytes().split(b"\n")[:-1]


def _rewrite(ledger: BenchLedger, lines: list[bytes]) -> None:
    ledger.path.write_bytes(b"".join(line + b"\n" for line in lines))


def _forged(line: bytes, **changes: Any) -> bytes:
    """Return a line with its CRC made right again, as somebody who has read the documentation would."""
    document = {**json.loads(line), **changes}
    document.pop("crc")
    body = json.dumps(document, separators=(",", ":"))[:-1].encode()
    return body + b',"crc":"%08x"}' % zlib.crc32(body)


def test_each_line_names_the_hash_of_the_line_before_and_counts_on(ledger: BenchLedger) -> None:
    lines = _lines(ledger)
    documents = [json.loads(line) for line in lines]
    assert [document["n"] for document in documents] == [1, 2, 3, 4, 5, 6]
    assert documents[0]["previous"] == FIRST
    assert [document["previous"] for document in documents[1:]] == [
        hashlib.sha256(line).hexdigest() for line in lines[:-1]
    ]
    reading = ledger.read()
    assert (reading.damage, reading.torn) == ((), ())
    assert [entry.kind for entry in reading.entries] == ["started", "ended"] * 3
    assert reading.entries[0].data["scenario"] == "quick"


def test_a_ledger_that_does_not_exist_is_empty_and_safe(tmp_path: Path) -> None:
    ledger = BenchLedger(tmp_path / "none.ledger")
    assert ledger.entries() == ()
    assert ledger.unsafe() is None
    assert not ledger.path.exists()


def test_append_returns_the_entry_that_is_read_back(ledger: BenchLedger) -> None:
    made = ledger.append("acknowledged", who="A. Person", why="looked at it")
    assert ledger.entries()[-1] == made


@pytest.mark.parametrize("cut", [1, 7, 40])
def test_a_torn_tail_is_named_forgiven_kept_and_followed_on_a_fresh_line(ledger: BenchLedger, cut: int) -> None:
    content = ledger.path.read_bytes()
    whole = _lines(ledger)[4]
    ledger.path.write_bytes(content[: -1 - cut])
    torn = ledger.path.read_bytes()
    reading = ledger.read()
    assert len(reading.entries) == 5
    assert reading.damage == ()
    assert "line (6) is torn" in reading.torn[0]
    entry = ledger.append("safe", run_id=None, confirmed=True, by="guardian", source="start")
    assert ledger.path.read_bytes().startswith(torn + b"\n")
    assert (entry.n, entry.previous) == (6, hashlib.sha256(whole).hexdigest())
    reading = ledger.read()
    assert reading.entries[-1] == entry
    assert reading.damage == ()
    assert "line 6 was torn" in reading.torn[0]


def test_only_the_line_end_torn_off_costs_nothing(ledger: BenchLedger) -> None:
    ledger.path.write_bytes(ledger.path.read_bytes()[:-1])
    assert len(ledger.entries()) == 6
    ledger.append("acknowledged", who="A. Person", why="test")
    reading = ledger.read()
    assert [entry.n for entry in reading.entries] == [1, 2, 3, 4, 5, 6, 7]
    assert (reading.damage, reading.torn) == ((), ())


def test_one_flipped_bit_in_any_byte_is_found(ledger: BenchLedger) -> None:
    content = ledger.path.read_bytes()
    for at in range(len(content)):
        altered = bytearray(content)
        altered[at] ^= 1
        ledger.path.write_bytes(bytes(altered))
        reading = ledger.read()
        assert reading.damage or reading.torn, at
        assert reading.damage or at == len(content) - 1, at  # the last line end alone is no different from a torn one


def test_a_changed_line_is_named(ledger: BenchLedger) -> None:
    lines = _lines(ledger)
    lines[2] = lines[2].replace(b"run-1", b"run-7")
    _rewrite(ledger, lines)
    assert ledger.read().damage == ("bench.ledger: line 3 was changed: its CRC does not match",)


def test_a_changed_line_with_a_new_crc_is_named_by_its_follower(ledger: BenchLedger) -> None:
    lines = _lines(ledger)
    lines[2] = _forged(lines[2], run_id="run-7")
    _rewrite(ledger, lines)
    assert ledger.read().damage == ("bench.ledger: line 3 was changed: line 4 names another SHA-256",)


def test_a_removed_line_is_named(ledger: BenchLedger) -> None:
    lines = _lines(ledger)
    del lines[2:4]
    _rewrite(ledger, lines)
    assert ledger.read().damage == ("bench.ledger: entries 3 to 4 were removed before line 3",)


def test_a_removed_first_line_is_named(ledger: BenchLedger) -> None:
    _rewrite(ledger, _lines(ledger)[1:])
    assert ledger.read().damage == ("bench.ledger: entry 1 was removed before line 1",)


def test_an_inserted_line_is_named(ledger: BenchLedger) -> None:
    lines = _lines(ledger)
    previous = hashlib.sha256(lines[1]).hexdigest()
    lines.insert(2, _forged(lines[2], run_id="run-7", n=3, previous=previous))
    _rewrite(ledger, lines)
    assert ledger.read().damage == ("bench.ledger: line 3 was inserted: line 4 follows the one before",)


def test_swapped_lines_are_named(ledger: BenchLedger) -> None:
    lines = _lines(ledger)
    lines[2], lines[3] = lines[3], lines[2]
    _rewrite(ledger, lines)
    assert "line 3" in ledger.read().damage[0]


def test_an_entry_of_a_bench_left_running_is_unsafe_until_somebody_confirms_or_acknowledges(tmp_path: Path) -> None:
    ledger = BenchLedger(tmp_path / "bench.ledger")
    started = ledger.append("started", run_id="a", folder="a", scenario="quick")
    assert ledger.unsafe() == started
    ended = ledger.append(
        "ended",
        run_id="a",
        segment=1,
        reason="error",
        safe={"wanted": "suspended", "confirmed": False, "by": "nothing"},
        manifest_sha256=None,
    )
    assert ledger.unsafe() == ended
    failed = ledger.append("safe", run_id="a", confirmed=False, by="guardian", source="takeover")
    assert ledger.unsafe() == failed
    ledger.append("void", run_id="a", who="A. Person", why="pulled the plug", void_sha256="00")
    assert ledger.unsafe() == failed  # voiding a run does not stop a pump
    ledger.append("acknowledged", who="A. Person", why="stopped it by hand")
    assert ledger.unsafe() is None
    resumed = ledger.append("resumed", run_id="a", segment=2)
    assert ledger.unsafe() == resumed
    ledger.append("safe", run_id="a", confirmed=True, by="guardian", source="takeover")
    assert ledger.unsafe() is None


def test_altered_newest_lines_count_as_unsafe(ledger: BenchLedger) -> None:
    ledger.path.write_bytes(ledger.path.read_bytes().replace(b'"n":6', b'"n":9'))
    found = ledger.unsafe()
    assert found is not None
    assert found.kind == DAMAGED
    assert "line 6" in found.data["why"]


def test_an_unknown_kind_or_a_reserved_key_is_refused(ledger: BenchLedger) -> None:
    with pytest.raises(ValueError, match="no entry"):
        ledger.append("deleted", run_id="run-0")
    with pytest.raises(ValueError, match="no entry"):
        ledger.append("safe", previous="-")


def test_a_full_disk_is_a_record_error_and_the_line_it_tore_is_forgiven(
    ledger: BenchLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:20]))
    with pytest.raises(RecordError, match="only 20 of"):
        ledger.append("acknowledged", who="A. Person", why="full")
    monkeypatch.undo()
    ledger.append("acknowledged", who="A. Person", why="freed")
    assert ledger.read().damage == ()
    assert ledger.entries()[-1].data["why"] == "freed"


def test_every_append_is_one_write_and_one_sync(ledger: BenchLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    write, sync = os.write, os.fsync

    def written(descriptor: int, data: bytes) -> int:
        calls.append("write")
        return write(descriptor, data)

    def synced(descriptor: int) -> None:
        calls.append("sync")
        sync(descriptor)

    monkeypatch.setattr(os, "write", written)
    monkeypatch.setattr(os, "fsync", synced)
    ledger.append("acknowledged", who="A. Person", why="test")
    assert calls == ["write", "sync"]


def test_a_ledger_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    path = tmp_path / "bench.ledger"
    path.mkdir()
    with pytest.raises(RecordError, match="cannot be written"):
        BenchLedger(path).append("acknowledged", who="A. Person", why="test")


def _append_many(path: str, who: str) -> None:
    for number in range(40):
        BenchLedger(Path(path)).append("acknowledged", who=who, why=str(number))


def test_appends_of_two_processes_all_land_in_one_chain(tmp_path: Path) -> None:
    path = ledger_path(tmp_path, "bench")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_append_many, args=(str(path), who)) for who in ("one", "other")]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    reading = BenchLedger(path).read()
    assert (reading.damage, reading.torn) == ((), ())
    assert [entry.n for entry in reading.entries] == list(range(1, 81))
    for who in ("one", "other"):
        assert [entry.data["why"] for entry in reading.entries if entry.data["who"] == who] == [
            str(number) for number in range(40)
        ]


def test_a_line_nested_beyond_reason_is_named_and_no_entry(ledger: BenchLedger) -> None:
    before = _lines(ledger)
    _rewrite(ledger, [*before, b'{"a":' * 5000])
    assert ledger.read().damage == (f"bench.ledger: line {len(before) + 1} is no entry",)
