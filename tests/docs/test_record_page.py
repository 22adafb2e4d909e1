"""The reader printed on the page about the record works as it stands there, without the rig."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rig.record.writer import RecordWriter

PAGE = Path("docs/reference/record.md")


@pytest.fixture
def checker(tmp_path: Path) -> Path:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    assert found[1].count("\n") <= 16
    script = tmp_path / "check.py"
    script.write_text(found[1], encoding="utf-8")
    return script


def _check(script: Path, record: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-I", str(script), str(record)], capture_output=True, text=True, check=False)


def test_the_printed_checker_follows_the_chain_and_stops_where_it_breaks(checker: Path, tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "record-001.log.gz", {"run_id": "r"}, 3600.0)
    for number in range(3):
        writer.event(number, "e", {})
        writer.flush()
    head = writer.close({"reason": "completed"})
    assert _check(checker, writer.path).stdout.split() == ["7", head]
    whole = writer.path.read_bytes()
    writer.path.write_bytes(whole[:-1])
    assert "torn at offset" in _check(checker, writer.path).stderr
    altered = bytearray(whole)
    altered[4] = 1  # a time in the gzip heading of the first block: the second names another hash
    writer.path.write_bytes(altered)
    assert "does not follow" in _check(checker, writer.path).stderr
