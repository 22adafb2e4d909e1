"""Run folders: made once, sealed once, found after any kind of end."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rig.cli.main import main
from rig.errors import UsageError
from rig.record.reader import read_run, read_segment
from rig.record.writer import RecordWriter
from rig.runner.folder import RECORD, RunFolder, find_runs

WRITE_UNTIL_KILLED = """
import sys, time
from pathlib import Path
from rig.readings import Weighing
from rig.record.writer import RecordWriter
from rig.runner.folder import RECORD, RunFolder
folder = RunFolder(Path(sys.argv[1]), "quick")
folder.make()
writer = RecordWriter(folder.evidence / RECORD, {"run_id": folder.run_id, "scenario": "quick"}, 0.02)
for number in range(200):
    writer.weighing("balance", Weighing(number, number, 1.0, 0.01, True, ""))
time.sleep(0.2)
print(folder.path, flush=True)
time.sleep(60)
"""


def _end(folder: RunFolder) -> None:
    writer = RecordWriter(folder.evidence / RECORD, {"run_id": folder.run_id, "scenario": "quick"})
    folder.seal(writer.close({"reason": "completed"}), {"reason": "completed"})


def test_a_finished_run_is_listed_as_ended_with_its_reason(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "quick")
    folder.make()
    _end(folder)
    folder.release()
    (state,) = find_runs(tmp_path)
    assert (state.run_id, state.scenario, state.state) == (folder.run_id, "quick", "ended")
    assert (state.end_reason, state.outcome) == ("completed", "not judged")


def test_a_run_that_lives_is_listed_as_running(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "quick")
    folder.make()
    writer = RecordWriter(folder.evidence / RECORD, {"run_id": folder.run_id})
    assert find_runs(tmp_path)[0].state == "running"
    writer.close({})
    folder.release()


def test_a_killed_run_keeps_all_that_was_committed_and_is_listed(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE_UNTIL_KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    path = Path(process.stdout.readline().strip())
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    (state,) = find_runs(tmp_path)
    assert state.state == "interrupted"
    assert len(read_run(path).weighings["balance"].mass_mg) == 200


def test_the_manifest_names_every_file_of_the_evidence(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "quick")
    folder.make()
    folder.keep("scenario.yaml", "id: quick\n")
    _end(folder)
    folder.release()
    manifest = json.loads((folder.evidence / "manifest.json").read_text())
    assert set(manifest["files"]) == {"scenario.yaml", RECORD}
    assert manifest["record_head_sha256"] == read_run(folder.path).head_sha256


def test_a_seal_that_was_cut_off_is_not_part_of_what_is_sealed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "quick")
    folder.make()
    (folder.evidence / "manifest.json.part").write_text("{")
    _end(folder)
    folder.release()
    sealed = json.loads((folder.evidence / "manifest.json").read_text())["files"]
    assert set(sealed) == {each.name for each in folder.evidence.iterdir()} - {"manifest.json"}


def test_a_folder_that_cannot_be_made_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"no run folder can be made .* try: choose another with --out DIR"):
        RunFolder(tmp_path / "file", "quick").make()


def test_a_folder_without_a_readable_record_is_listed_as_unreadable(tmp_path: Path) -> None:
    (tmp_path / "r" / "evidence").mkdir(parents=True)
    (tmp_path / "r" / "evidence" / RECORD).write_bytes(b"garbage")
    assert find_runs(tmp_path)[0].state == "unreadable"


def _cut_off(tmp_path: Path) -> RunFolder:
    """A run that was broken off in the middle of a commit, and nobody writes any more."""
    folder = RunFolder(tmp_path, "quick")
    folder.make()
    writer = RecordWriter(folder.record, {"run_id": folder.run_id, "scenario": "quick"})
    writer.close({})
    whole = folder.record.read_bytes()
    folder.record.write_bytes(whole[:-20])
    folder.release()
    return folder


def test_a_cut_off_segment_is_sealed_as_it_is_its_torn_tail_included(tmp_path: Path) -> None:
    made = _cut_off(tmp_path)
    before = made.record.read_bytes()
    folder = RunFolder.of(made.path)
    folder.seal_interrupted()
    assert made.record.read_bytes() == before
    manifest = json.loads((made.evidence / "manifest.json").read_text())
    assert manifest["files"][RECORD] == hashlib.sha256(before).hexdigest()
    continues = folder.begin_segment()
    assert (continues["file"], continues["size"]) == (RECORD, len(before))
    assert continues["head_sha256"] == manifest["record_head_sha256"] == read_run(made.path).head_sha256
    assert folder.record.name == "record-002.log.gz"
    folder.release()


def test_the_manifest_of_a_later_segment_names_the_earlier_ones_and_leaves_them_alone(tmp_path: Path) -> None:
    folder = RunFolder.of(_cut_off(tmp_path).path)
    folder.seal_interrupted()
    first = (folder.evidence / "manifest.json").read_bytes()
    continues = folder.begin_segment()
    writer = RecordWriter(folder.record, {"run_id": folder.run_id, "segment": 2, "continues": continues})
    folder.seal(writer.close({"reason": "completed"}), {"reason": "completed"})
    folder.release()
    assert (folder.evidence / "manifest.json").read_bytes() == first
    second = json.loads((folder.evidence / "manifest-002.json").read_text())
    assert second["segment"] == 2
    assert second["files"]["manifest.json"] == hashlib.sha256(first).hexdigest()
    assert set(second["files"]) == {RECORD, "record-002.log.gz", "manifest.json"}
    assert find_runs(tmp_path)[0].state == "ended"


def test_the_states_of_a_run_are_told_by_its_latest_segment(tmp_path: Path) -> None:
    folder = RunFolder.of(_cut_off(tmp_path).path)
    assert find_runs(tmp_path)[0].state == "running"
    folder.release()
    assert find_runs(tmp_path)[0].state == "interrupted"
    folder = RunFolder.of(folder.path)
    folder.seal_interrupted()
    folder.release()
    assert find_runs(tmp_path)[0].state == "interrupted"
    folder = RunFolder.of(folder.path)
    folder.begin_segment()
    writer = RecordWriter(folder.record, {"run_id": folder.run_id})
    folder.seal(writer.close({"reason": "aborted"}), {"reason": "aborted"})
    folder.release()
    assert (find_runs(tmp_path)[0].state, find_runs(tmp_path)[0].end_reason) == ("stopped", "aborted")
    folder = RunFolder.of(folder.path)
    folder.void("somebody", "the wrong vessel")
    with pytest.raises(UsageError, match="voided before"):
        folder.void("somebody else", "again")
    folder.release()
    assert (find_runs(tmp_path)[0].state, find_runs(tmp_path)[0].end_reason) == ("void", "the wrong vessel")


def test_a_folder_that_a_power_cut_left_without_a_record_can_be_closed(tmp_path: Path) -> None:
    made = RunFolder(tmp_path, "quick")
    made.make()
    made.release()
    folder = RunFolder.of(made.path)
    folder.seal_interrupted()
    folder.void("somebody", "nothing was recorded")
    folder.release()
    assert (made.path / "void.json").exists()


def test_a_run_that_was_killed_is_resumed_and_one_that_counts_no_more_is_voided_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--out", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "rig", "run", "standard", "--no-report", "--quiet", *where], stderr=subprocess.DEVNULL
    )
    _wait_until_weighed(tmp_path)
    process.kill()
    process.wait()
    (run,) = find_runs(tmp_path)
    assert main(["runs", *where]) == 0
    assert "rig runs resume RUN" in capsys.readouterr().out
    resume = ["runs", "resume", run.run_id, "--why", "power cut", "--no-report", "--quiet", *where]
    assert main(resume) == 0
    (run,) = find_runs(tmp_path)
    assert (run.state, run.outcome) == ("ended", "PASS")
    assert main(resume) == 2
    assert "came to its end" in capsys.readouterr().err
    assert main(["runs", "void", run.run_id, "--why", "a door was open", "--who", "Ada", *where]) == 0
    (run,) = find_runs(tmp_path)
    assert (run.state, run.end_reason) == ("void", "a door was open")
    void = json.loads((run.folder / "void.json").read_text())
    sealed = hashlib.sha256((run.folder / "evidence" / "manifest-002.json").read_bytes()).hexdigest()
    assert (void["who"], void["evidence_manifest_sha256"]) == ("Ada", sealed)


def _wait_until_weighed(parent: Path) -> None:
    """Return as soon as the run below ``parent`` has committed a reading."""
    deadline_s = time.monotonic() + 60.0
    while time.monotonic() < deadline_s:
        if any(read_segment(record).weighings for record in parent.glob("*/evidence/record-001.log.gz")):
            return
        time.sleep(0.01)
    raise AssertionError("the run recorded nothing")
