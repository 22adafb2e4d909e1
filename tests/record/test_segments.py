"""Several record files of one run: their chain, and what a guardian left."""

import hashlib
from pathlib import Path

import pytest

from rig.errors import RecordError
from rig.record.reader import read_guardian, read_run, split_members
from rig.record.writer import RecordWriter


def _segment(folder: Path, name: str, header: dict[str, object], event: str) -> tuple[Path, str]:
    (folder / "evidence").mkdir(exist_ok=True)
    writer = RecordWriter(folder / "evidence" / name, header, 3600.0)
    writer.event(1, event, {})
    return writer.path, writer.close({"reason": "completed"})


def _two(folder: Path, **other: object) -> tuple[Path, Path]:
    first, head = _segment(folder, "record-001.log.gz", {"run_id": "r", "segment": 1}, "one")
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    continues = {"file": first.name, "sha256": digest, "head_sha256": head, "size": first.stat().st_size, **other}
    second, _ = _segment(folder, "record-002.log.gz", {"run_id": "r", "segment": 2, "continues": continues}, "two")
    return first, second


def test_segments_that_follow_each_other_are_one_run(tmp_path: Path) -> None:
    _two(tmp_path)
    run = read_run(tmp_path)
    assert run.damage == ()
    assert [event.name for event in run.events] == ["one", "two"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"file": "record-007.log.gz"}, "continues record-007.log.gz, which is missing"),
        ({"sha256": "0" * 64}, "altered after record-002.log.gz continued it"),
        ({"head_sha256": "0" * 64}, "its last whole block is not the one"),
    ],
)
def test_a_segment_that_continues_something_else_is_named(tmp_path: Path, said: dict[str, str], words: str) -> None:
    _two(tmp_path, **said)
    (damage,) = read_run(tmp_path).damage
    assert words in damage


def test_a_segment_without_a_header_is_named_and_the_rest_of_it_read(tmp_path: Path) -> None:
    first, second = _two(tmp_path)
    ends = [offset + len(member) for offset, _, member in split_members(second.read_bytes(), "", [])]
    second.write_bytes(second.read_bytes()[ends[1] :])
    run = read_run(tmp_path)
    assert [event.name for event in run.events] == ["one", "two"]
    assert any(text == "record-002.log.gz: no readable header" for text in run.damage)
    first.write_bytes(b"")
    second.write_bytes(b"")
    with pytest.raises(RecordError, match="no readable header"):
        read_run(tmp_path)


def test_what_a_guardian_recorded_stands_apart_from_the_run(tmp_path: Path) -> None:
    _segment(tmp_path, "record-001.log.gz", {"run_id": "r", "role": "runner"}, "run")
    assert read_guardian(tmp_path) == ()
    _segment(tmp_path, "guardian-001.log.gz", {"run_id": "r", "role": "guardian"}, "takeover")
    (guardian,) = read_guardian(tmp_path)
    assert guardian.header["role"] == "guardian"
    assert [event.name for event in guardian.events] == ["takeover"]
    assert [event.name for event in read_run(tmp_path).events] == ["run"]


def test_a_first_segment_that_is_missing_is_named_by_the_one_that_continues_it(tmp_path: Path) -> None:
    first, second = _two(tmp_path)
    first.unlink()
    assert read_run(tmp_path).damage == (f"{first.name} is missing: {second.name} continues it",)
