"""The section on three truths: what has no partner stands first."""

from __future__ import annotations

from typing import Any

from reports.blocks import Paragraph, Table
from reports.sections.truths import truth_blocks
from rig.judging.judge import judge_evidence
from rig.scenario.model import BolusStep
from tests.judging.logs import LoggedRun


def _document(**by_hand: Any) -> dict[str, Any]:
    maker = LoggedRun((BolusStep(1.0, 3),), ())
    maker.by_hand = by_hand.get("by_hand", {})
    return judge_evidence(maker.make()).to_json()


def _events(document: dict[str, Any]) -> list[list[str]]:
    table = next(each for each in truth_blocks(document) if isinstance(each, Table) and "Every event" in each.caption)
    return [[cell.text for cell in row] for row in table.rows]


def test_events_without_a_partner_stand_first_and_say_why() -> None:
    rows = _events(_document(by_hand={1: (0.5, 0.5)}))
    assert rows[0] == ["Without a partner, or amounts that differ"]
    assert rows[1][:5] == ["bolus", "—", "—", rows[1][3], "0.5\u00a0U"]
    assert rows[1][-1] == "nobody programmed it"
    assert rows[2] == ["In agreement"]
    assert all(row[-1].startswith("matched") for row in rows[3:])


def test_a_clean_run_has_no_such_heading_and_says_how_well_it_was_searched() -> None:
    document = _document()
    rows = _events(document)
    assert all(len(row) > 1 for row in rows)
    told = [each.text for each in truth_blocks(document) if isinstance(each, Paragraph)]
    assert told[0] == f"All {len(rows)} events agree."
    assert any("Searched for deliveries that nobody programmed" in text for text in told)


def test_a_document_of_a_former_version_shows_its_deliveries_alone() -> None:
    document = _document()
    del document["analysis"]["truths"]
    captions = [each.caption for each in truth_blocks(document) if isinstance(each, Table)]
    assert captions == ["Deliveries: programmed, reported, measured (k = 2)"]
