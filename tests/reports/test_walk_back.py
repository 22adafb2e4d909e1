"""The way from raw readings to the result, as a reader of the report sees it."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from reports.blocks import Facts, Paragraph, Table
from reports.formatting import UNKNOWN
from reports.sections.results import check_blocks
from reports.sections.walk_back import item_budget_table, monte_carlo_text, walk_back_blocks
from rig.judging.judge import judge_evidence
from rig.scenario.model import BasalStep, BolusStep, Check
from tests.judging.runs import RunMaker
from tests.reports.sample import sample

HOUR = 3600.0
CLAIM = "pump.accuracy.basal"


@cache
def stored() -> str:
    checks = (
        Check("mean", "m", "basal.overall_error", 0.0, 3 * HOUR, lower=-5, upper=5, source=CLAIM),
        Check("hours", "h", "basal.windows_1h_within_15", 0.0, 3 * HOUR, lower=1, source="paper", unit="%"),
        Check("each", "e", "bolus.each_error", amount_u=5.0, source="pump.accuracy.bolus"),
        Check("bolus", "b", "bolus.mean_error", amount_u=5.0, source="pump.accuracy.bolus"),
        Check("duration", "d", "bolus.duration", amount_u=5.0),
    )
    maker = RunMaker((BasalStep(1.0, 3 * HOUR), BolusStep(5.0, 3)), checks)
    return json.dumps(judge_evidence(maker.make()).to_json())


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stored())
    return found


def check(name: str) -> dict[str, Any]:
    return next(each for each in document()["checks"] if each["id"] == name)


def told(blocks: list[Any]) -> str:
    parts: list[str] = []
    for block in blocks:
        if isinstance(block, Facts):
            parts += [f"{label}: {value}" for label, value in block.rows]
        elif isinstance(block, Paragraph):
            parts.append(block.text)
        elif isinstance(block, Table):
            parts += [block.caption, block.note, *(column.title for column in block.columns)]
            parts += [cell.text for row in block.rows for cell in row]
    return "\n".join(parts)


def test_the_formula_and_every_quantity_of_a_single_value_are_printed() -> None:
    text = told(walk_back_blocks(document()))
    trace = check("mean")["trace"]
    assert "V = 1000 · k_tube" in text
    assert "value = 100 (V / ul_per_u / set_u - 1)" in text
    assert f"{trace['volume_ul']:.8g}\u00a0µL" in text
    for label in ("W1", "W2", "t2 − t1", "E, evaporation", "ρa1", "ρa2", "ρl", "ρb", "V_load", "k_tube", "SET"):
        assert label in text, label


def test_each_item_and_each_part_has_its_row() -> None:
    tables = [block for block in walk_back_blocks(document()) if isinstance(block, Table)]
    counts = {table.caption: len(table.rows) for table in tables}
    ways = {caption: count for caption, count in counts.items() if caption.startswith("Way of")}
    assert ways == {"Way of hours": 3, "Way of each": 3, "Way of bolus": 3, "Way of duration": 3}
    each = {f"Contributions to u of each item of {name}, in %": 3 for name in ("hours", "each", "duration")}
    assert counts == {**ways, **each}


def test_the_contributions_of_each_item_are_printed_and_the_rest_is_joined() -> None:
    table = item_budget_table(check("each"))
    assert table is not None
    assert len(table.rows) == 3
    assert [column.title for column in table.columns][-4:] == ["others", "u (%)", "p", "C_m"]
    assert "a: " in table.note
    assert ": vessel buoyancy" in table.note
    item = check("each")["items"][0]
    u = float(table.rows[0][-3].text)
    assert u == pytest.approx(item["expanded_uncertainty"] / 2, rel=1e-2)


def test_hours_of_a_share_have_their_contributions_too() -> None:
    table = item_budget_table(check("hours"))
    assert table is not None
    assert [row[1].text for row in table.rows] == ["hour 1", "hour 2", "hour 3"]


def test_a_check_prints_monte_carlo_and_how_a_share_was_widened() -> None:
    assert "100000 draws" in told(check_blocks(check("mean")))
    assert "Clopper-Pearson" in told(check_blocks(check("hours")))
    assert monte_carlo_text(check("hours")) == UNKNOWN


def test_the_budget_of_an_each_check_names_the_item_it_belongs_to() -> None:
    captions = [block.caption for block in check_blocks(check("each")) if isinstance(block, Table)]
    assert any(caption.startswith("Uncertainty budget of each, 5 U, number ") for caption in captions)


def test_a_judgement_of_before_that_holds_no_trace_shows_none() -> None:
    former, _ = sample()
    assert walk_back_blocks(former) == []
    assert item_budget_table(former["checks"][1]) is None


@pytest.mark.parametrize("budget", [7, "x", {"a": 1}, [[1, 2]], [[99, 1.0, 1.0, 1.0]], [None], [["a", 1, 1, 1]]])
def test_a_budget_that_makes_no_sense_does_not_break_the_page(budget: Any) -> None:
    broken = check("each")
    for item in broken["items"]:
        item["budget"] = budget
    item_budget_table(broken)
    check_blocks(broken)
