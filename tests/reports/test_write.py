from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from reports.write import inventory, write_atomically, write_report
from rig.errors import RecordError
from tests.reports.sample import sample


def judgement(run: Path) -> Path:
    document, curves = sample()
    (run / "evidence").mkdir(parents=True)
    (run / "evidence" / "record-0001.gz").write_bytes(b"raw bytes")
    folder = run / "judgements" / "001"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps(document))
    (folder / "curves.json").write_text(json.dumps(curves))
    return folder


def test_a_judgement_folder_gets_both_forms_with_its_inventory(tmp_path: Path) -> None:
    folder = judgement(tmp_path / "run one")
    html, pdf = write_report(folder)
    first = html.read_bytes(), pdf.read_bytes()
    assert first[1].startswith(b"%PDF-")
    assert hashlib.sha256(b"raw bytes").hexdigest() in first[0].decode()
    assert "evidence/record-0001.gz" in first[0].decode()
    assert sorted(path.name for path in folder.iterdir()) == ["curves.json", "report.html", "report.pdf", "result.json"]
    write_report(folder)
    assert (html.read_bytes(), pdf.read_bytes()) == first


def test_the_inventory_lists_evidence_first_and_never_the_report(tmp_path: Path) -> None:
    folder = judgement(tmp_path)
    (folder / "report.html").write_text("old")
    assert [entry["path"] for entry in inventory(folder)] == [
        "evidence/record-0001.gz",
        "judgements/001/result.json",
        "judgements/001/curves.json",
    ]


def test_a_run_without_curves_still_gets_its_report(tmp_path: Path) -> None:
    folder = judgement(tmp_path)
    (folder / "curves.json").unlink()
    html, _ = write_report(folder)
    assert "Cumulative volume" not in html.read_text(encoding="utf-8")


@pytest.mark.parametrize("stored", [None, "{", "[1]", "\xff"])
def test_a_result_that_cannot_be_read_is_named_in_one_line(tmp_path: Path, stored: str | None) -> None:
    if stored is not None:
        (tmp_path / "result.json").write_bytes(stored.encode("latin-1"))
    with pytest.raises(RecordError, match=r"result\.json") as caught:
        write_report(tmp_path)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("*report*"))


def test_a_failed_write_leaves_the_former_file_and_no_scraps(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    write_atomically(target, b"former")
    target_folder = tmp_path / "report.pdf"
    target_folder.mkdir()
    with pytest.raises(OSError, match=r"report\.pdf"):
        write_atomically(target_folder, b"new")
    assert target.read_bytes() == b"former"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.pdf"]
