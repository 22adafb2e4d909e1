"""Single doses in the report: figures, limits in words, and what cannot be resolved."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from reports.blocks import Block, Paragraph, Table
from reports.build import build_report
from reports.figures.doses import draw_doses
from reports.sections.basal_extras import extra_blocks
from reports.sections.doses import dose_blocks
from rig.judging.judge import judge_evidence
from rig.scenario.model import BasalStep
from tests.judging.pulsed import PulsedMaker

HOUR = 3600.0


@pytest.fixture(scope="module")
def stored() -> tuple[dict[str, Any], dict[str, Any]]:
    """A run of 80 doses of which one was missed, as it is stored."""
    result = judge_evidence(PulsedMaker((BasalStep(1.0, 2 * HOUR),), (), sizes={41: 0.0}).make())
    return result.to_json(), result.curves


def _words(blocks: list[Block]) -> str:
    told = [block.text for block in blocks if isinstance(block, Paragraph)]
    for block in blocks:
        if isinstance(block, Table):
            told += [block.caption, block.note, *(cell.text for row in block.rows for cell in row)]
    return " | ".join(told)


def test_sizes_and_intervals_of_single_doses_are_drawn(stored: tuple[dict[str, Any], dict[str, Any]]) -> None:
    figures = [figure for figure in draw_doses(*stored) if figure is not None]
    assert [figure.name for figure in figures] == ["doses-0", "dose-intervals-0"]
    for figure in figures:
        ET.fromstring(figure.svg)
    assert "Error of 80 single doses" in figures[0].alt or "Error of 79 single doses" in figures[0].alt
    assert "smallest −10" in figures[0].alt or "smallest −9" in figures[0].alt
    assert {"doses-0", "dose-intervals-0"} <= set(build_report(*stored).figures)


def test_the_report_says_what_can_be_seen_and_what_was(stored: tuple[dict[str, Any], dict[str, Any]]) -> None:
    told = _words(dose_blocks(stored[0]))
    assert "Detection limit of a single dose: 0.00" in told
    assert "against doses of 0.025" in told
    assert "at most one false alarm in 1,000 runs" in told
    assert "missed 1, doubled 0, late 0" in told
    assert "Averages of consecutive doses" in told


def test_doses_that_cannot_be_resolved_are_said_to_be() -> None:
    document = {"analysis": {"doses": [{"label": "step 1, 30 U/h", "why_not": "a dose each 3 s"}]}}
    assert _words(dose_blocks(document)) == "Single doses are not evaluated: a dose each 3 s."
    assert draw_doses(document, {"doses": [{}]}) == [None, None]
    assert dose_blocks({}) == []


def test_both_windows_and_all_three_estimators_are_printed(stored: tuple[dict[str, Any], dict[str, Any]]) -> None:
    (basal,) = stored[0]["analysis"]["basal"]
    told = _words(extra_blocks(basal))
    for words in ("window as asked", "dose edge to dose edge", "end points", "slope", "staircase", "volumetric set"):
        assert words in told
