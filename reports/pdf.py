"""A report as a typeset PDF: archival (PDF/A-2b), accessible (PDF/UA-1), the same bytes each time."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reports.blocks import Block, Picture, Report, Table
from reports.build import build_report
from reports.late import late
from reports.object_streams import pack

TEMPLATE = Path(__file__).parent / "templates" / "report.typ"
STANDARDS: tuple[list[Any], ...] = (["a-2b", "ua-1"], ["a-2b"], [])
FONT = re.compile(r"font-family: [^;\"]*")
TAG = re.compile(r"<text[^>]*>")


def render_pdf(document: dict[str, Any], curves: dict[str, Any]) -> bytes:
    """Return the report on ``document`` and ``curves`` as PDF; same input, same bytes.

    The document's date is the end of the run. Only the fonts that come with the typesetter and with the plotting
    library are used, so the machine's own fonts do not matter. Where a text cannot be set under an archival standard
    the PDF is made without it, rather than not at all. Its many small objects are deflated together.
    """
    typst = late("typst")
    sources = pdf_sources(build_report(document, curves))
    for standards in STANDARDS[:-1]:
        try:
            return _compile(sources, standards)
        except typst.TypstError:  # a glyph that no font holds, for example
            continue
    return _compile(sources, STANDARDS[-1])


def pdf_sources(report: Report) -> dict[str, bytes]:
    """Return the typesetter's input files: the template, the report as data, the figures."""
    files = {"main.typ": TEMPLATE.read_bytes()}
    files["report.json"] = json.dumps(pdf_data(report), ensure_ascii=False, allow_nan=False).encode()
    for name, figure in report.figures.items():
        files[f"figures/{name}.svg"] = TAG.sub(_serif, figure.svg).encode()
    return files


def pdf_data(report: Report) -> dict[str, Any]:
    """Return the report as plain data for the template."""
    return {
        "title": report.title,
        "subtitle": report.subtitle,
        "run_id": report.run_id,
        "stamps": list(report.stamps),
        "date": list(report.date_utc),
        "outcome": report.verdict.outcome,
        "sentence": report.verdict.sentence,
        "facts": report.verdict.facts,
        "counts": report.verdict.counts,
        "notices": list(report.verdict.notices),
        "checks": _block(report.verdict.checks, report),
        "tool": next((value for label, value in report.verdict.facts if label == "Tool"), "rig"),
        "footer": report.subtitle,
        "sections": [
            {
                "heading": section.heading,
                "anchor": section.anchor,
                "annex": section.is_annex,
                "blocks": [_block(block, report) for block in section.blocks],
            }
            for section in report.sections
        ],
    }


def _block(block: Block, report: Report) -> dict[str, Any]:
    """Return one block as plain data; figures get their alternative text."""
    data = asdict(block)
    if isinstance(block, Table):
        data["long"] = block.is_long
    if isinstance(block, Picture):
        data["alt"] = report.figures[block.name].alt
    return data


def _serif(tag: re.Match[str]) -> str:
    """Return a text tag set in the font of the document."""
    return FONT.sub("font-family: 'Libertinus Serif', 'DejaVu Sans'", tag.group())


def _compile(sources: dict[str, bytes], standards: list[Any]) -> bytes:
    """Return the PDF; raises `typst.TypstError` when the content breaks a standard."""
    typst = late("typst")
    fonts = Path(late("matplotlib").get_data_path()) / "fonts" / "ttf"
    made: object = typst.compile(
        sources, format="pdf", font_paths=[str(fonts)], ignore_system_fonts=True, pdf_standards=standards
    )
    if not isinstance(made, bytes):
        raise TypeError(f"the typesetter returned {type(made).__name__}, expected the bytes of one PDF")
    return pack(made)
