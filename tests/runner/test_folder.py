"""Run folders: made once, sealed once, found after any kind of end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rig.errors import UsageError
from rig.record.reader import read_run
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
