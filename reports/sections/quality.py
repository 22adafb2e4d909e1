"""Data quality in section 10: every rule with what it marked and excluded, nought included, and every mark."""

from __future__ import annotations

from typing import Any

from reports.blocks import Block, Paragraph, Table, cells, columns
from reports.formatting import UNKNOWN, as_number, elapsed, general
from reports.reading import mapping, rows, text

MOST_ROWS = 200


def quality(document: dict[str, Any]) -> list[Block]:
    """Return the blocks on data quality; a document without them says so."""
    held = mapping(mapping(document.get("analysis")).get("quality"))
    if not held:
        return [Paragraph("No exclusions of readings from the analysis were recorded.")]
    blocks: list[Block] = [Paragraph(_sentence(held)), _counts(held)]
    marks = [mark for mark in rows(held.get("marks")) if text(mark.get("rule")) != "Q-GAP"]
    if marks:
        blocks.append(_marks(marks))
    return blocks


def _sentence(held: dict[str, Any]) -> str:
    excluded, readings = as_number(held.get("excluded")) or 0, as_number(held.get("readings")) or 0
    refused = as_number(held.get("refused")) or 0
    what = (
        f"{excluded:.0f} of {readings:.0f} readings were excluded by rule"
        if excluded
        else f"Nothing was excluded: all {readings:.0f} readings were used"
    )
    and_refused = f"; {refused:.0f} questions to the balance brought no weight" if refused else ""
    return (
        f"{what}{and_refused}. An excluded reading is one whose display was provably not the load; what was delivered "
        "meanwhile is never left out, the levels on both sides are used."
    )


def _counts(held: dict[str, Any]) -> Table:
    body = tuple(
        cells(
            text(row.get("rule")),
            text(row.get("title")),
            general(row.get("marks"), 6),
            general(row.get("readings"), 8),
            general(row.get("excluded"), 8),
            text(row.get("detection_limit")) or UNKNOWN,
        )
        for row in rows(held.get("rules"))
    )
    alarm = general(1000.0 * (as_number(held.get("false_alarm_probability")) or 0.0), 2)
    share = general(100.0 * (as_number(held.get("most_missing_share")) or 0.0), 2)
    most = general(held.get("most_marks"), 3)
    note = (
        f"All rules together raise a false alarm in at most {alarm} of 1,000 undisturbed runs. A check is INVALID "
        f"where more than {share} % of its interval has no usable reading, or more than {most} "
        "disturbances are marked in it. Every mark is drawn in every figure over run time."
    )
    head = columns("Rule", "*What it finds", ">Marks", ">Readings", ">Excluded", "*Found from")
    return Table(head, body, "Data quality: what was marked and excluded", note)


def _marks(marks: list[dict[str, Any]]) -> Table:
    body = tuple(
        cells(
            text(mark.get("rule")),
            elapsed(mark.get("from_s")),
            elapsed(mark.get("to_s")),
            general(mark.get("excluded"), 8),
            text(mark.get("text")),
            text(mark.get("threshold")) or UNKNOWN,
        )
        for mark in marks[:MOST_ROWS]
    )
    left = len(marks) - len(body)
    note = f"{left} more stand in result.json." if left else ""
    head = columns("Rule", ">From (h:mm:ss)", ">To (h:mm:ss)", ">Excluded", "*What was seen", "Threshold")
    return Table(head, body, "Marks", note)
