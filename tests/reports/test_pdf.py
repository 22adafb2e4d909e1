from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reports.blocks import Table
from reports.build import build_report
from reports.late import late
from reports.pdf import pdf_data, pdf_sources, render_pdf
from tests.reports.sample import sample
from tests.reports.test_html import HOSTILE, TITLES, _poison


def query(sources: dict[str, bytes], selector: str) -> list[dict[str, Any]]:
    """Return the elements of the typeset document that match, as the typesetter sees them."""
    found: list[dict[str, Any]] = json.loads(late("typst").query(sources, selector, ignore_system_fonts=True))
    return found


def pages(typeset: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", typeset))


def test_it_is_an_archival_and_accessible_pdf(typeset: bytes) -> None:
    assert typeset.startswith(b"%PDF-1.7")
    assert b"pdfaid:part>2" in typeset
    assert b"pdfuaid:part>1" in typeset
    assert len(typeset) <= 400_000


def test_the_same_input_gives_the_same_bytes(typeset: bytes) -> None:
    assert render_pdf(*sample()) == typeset


def test_the_document_is_dated_by_the_run_and_not_by_the_clock(typeset: bytes) -> None:
    assert b"D:20250316194210" in typeset


def test_simulated_stands_on_every_page(typeset: bytes) -> None:
    sources = pdf_sources(build_report(*sample()))
    stamps = query(sources, "<page-stamp>")
    assert [entry["value"]["words"] for entry in stamps] == [["SIMULATED"]] * pages(typeset)
    assert [entry["value"]["page"] for entry in stamps] == list(range(1, pages(typeset) + 1))


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
def test_the_text_of_every_page_says_simulated(typeset: bytes, tmp_path: Path) -> None:
    told = _told(typeset, tmp_path)
    assert len(told) == pages(typeset)
    assert all("SIMULATED" in page for page in told)


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
def test_the_typeset_text_holds_parts_and_numbers(typeset: bytes, tmp_path: Path) -> None:
    told = re.sub(r"\s+", " ", " ".join(_told(typeset, tmp_path)))
    for number, title in enumerate(TITLES, start=1):
        assert f"{number} {title}" in told
    assert "(−0.84 ± 0.23) %" in told
    assert "Observation window (min)" in told


def _told(typeset: bytes, folder: Path) -> list[str]:
    (folder / "report.pdf").write_bytes(typeset)
    done = subprocess.run(["pdftotext", "-layout", str(folder / "report.pdf"), "-"], capture_output=True, check=True)
    return done.stdout.decode().rstrip("\f").split("\f")


def test_hardware_evidence_carries_no_stamp() -> None:
    document, _ = sample()
    document["evidence"] = "hardware"
    assert query(pdf_sources(build_report(document, {})), "<page-stamp>")[0]["value"]["words"] == []


def test_every_part_is_a_heading() -> None:
    heads = query(pdf_sources(build_report({}, {})), "heading.where(level: 1)")
    shown = [json.dumps(head["body"], ensure_ascii=False) for head in heads]
    assert len(shown) == len(TITLES)
    assert all(title in words for title, words in zip(TITLES, shown, strict=True))


def test_both_forms_show_the_same_blocks() -> None:
    report = build_report(*sample())
    data = pdf_data(report)
    assert [section["heading"] for section in data["sections"]] == [section.heading for section in report.sections]
    sections = data["sections"]
    tables = [block for part in sections for block in part["blocks"] if block["kind"] == "table"]
    held = [cell["text"] for table in tables for row in table["rows"] for cell in row]
    drawn = [block for part in report.sections for block in part.blocks if isinstance(block, Table)]
    shown = [cell.text for table in drawn for row in table.rows for cell in row]
    assert held == shown
    assert len(shown) > 1000


def test_hostile_text_is_data_and_not_markup() -> None:
    document, curves = sample()
    document = json.loads(json.dumps(document), object_hook=_poison)
    document["title"] = HOSTILE + ' #panic("markup") $x$ *b* @label <tag> #read("/etc/passwd") ' + "w" * 300
    curves["startup"][0]["label"] = HOSTILE
    assert render_pdf(document, curves).startswith(b"%PDF-1.7")


def test_an_empty_document_still_gives_a_report() -> None:
    assert render_pdf({}, {}).startswith(b"%PDF-1.7")
