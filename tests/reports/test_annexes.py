"""What section 9 leaves out for brevity stands in section 13 or an annex, and the check says where."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest

from reports.blocks import Heading, Report, Section, See, Table
from reports.build import build_report
from reports.html import render_html
from reports.sections.budgets import compact_table
from reports.sections.items import item_blocks
from reports.sections.record import timeline
from tests.reports.sample import sample
from tests.reports.test_html import read
from tests.reports.test_walk_back import document, stored

MANY = 40


def part(report: Report, anchor: str) -> Section:
    return next(each for each in report.sections if each.anchor == anchor)


def words(section: Section) -> str:
    tables = [block for block in section.blocks if isinstance(block, Table)]
    return "\n".join(cell.text for table in tables for row in table.rows for cell in row)


def long() -> dict[str, Any]:
    """The sample with so many items, events, boluses and deliveries that each has to go to an annex."""
    found, _ = sample()
    items = [{"label": f"item {number}", "value": float(number), "outcome": "PASS"} for number in range(MANY)]
    items[7] |= {"outcome": "FAIL", "why": "item 7 lies outside"}
    found["checks"][1] |= {"items": items, "value": 39.0}
    found["events"] = [{"at_s": float(index), "name": "bolus_started", "data": {"n": index}} for index in range(MANY)]
    found["events"].insert(3, {"at_s": 2.5, "name": "armed", "data": {}})
    event = {"kind": "bolus", "status": "matched", "set_u": 1.0, "set_at_s": 1.0}
    odd = {"kind": "bolus", "status": "set-not-measured", "set_u": 0.123, "set_at_s": 9.0}
    found["analysis"]["truths"] = {"rows": [odd, *[event] * MANY], "counts": {"matched": MANY, "set-not-measured": 1}}
    return found


def test_a_compact_budget_joins_small_components_and_keeps_the_sum() -> None:
    check = document()["checks"][0]
    table = compact_table(check)
    assert table is not None
    lines = [line["contribution"] for line in check["budget"]]
    shown = [float(row[2].text) for row in table.rows]
    assert len(shown) < len(lines)
    assert "others, together" in table.rows[-2][0].text
    assert math.hypot(*shown[:-1]) == pytest.approx(shown[-1], rel=5e-3)
    assert shown[-1] == pytest.approx(math.hypot(*lines), rel=5e-3)
    shares = [float(row[3].text) for row in table.rows[:-2]]
    assert min(shares) >= 1.0


def test_a_budget_without_a_known_contribution_has_no_compact_table() -> None:
    assert compact_table({"budget": [{"name": "a", "contribution": None}]}) is None
    assert compact_table({"budget": [{"name": "a", "contribution": 0.0}]}) is None


def test_every_component_of_every_budget_stands_in_section_13() -> None:
    report = build_report(document(), {})
    told = words(part(report, "budget"))
    for check in document()["checks"]:
        for line in check["budget"]:
            assert line["name"] in told
            assert str(line["source"]) in told


def test_each_check_says_in_which_section_its_budget_and_its_way_stand() -> None:
    report = build_report(document(), {})
    result, budget, annex = (part(report, anchor) for anchor in ("results", "budget", "annex-way"))
    named = {
        block.anchor: block.number for each in report.sections for block in each.blocks if isinstance(block, Heading)
    }
    see = [block for block in result.blocks if isinstance(block, See)]
    for place, check in enumerate(document()["checks"]):
        told = {row: where for block in see for row, where in zip(block.rows, block.places, strict=True)}
        if check["budget"]:
            assert told["Full budget", f"budget-{place}"] == f"section {named[f'budget-{place}']}"
        assert told["From raw readings to the result", f"way-{place}"] == f"annex {named[f'way-{place}']}"
    assert budget.number == 13
    assert annex.number == "A"
    assert annex.heading == "Annex A: From raw readings to the result"


def test_links_of_the_page_lead_somewhere_and_ids_are_used_once() -> None:
    reader = read(render_html(json.loads(stored()), {}))
    ids = [value for _, name, value in reader.attributes if name == "id"]
    targets = {value[1:] for tag, name, value in reader.attributes if tag == "a" and name == "href"}
    assert len(ids) == len(set(ids))
    assert targets <= set(ids)
    assert {"budget-0", "way-0"} <= targets


def test_of_many_items_section_9_shows_the_value_and_what_failed_and_the_annex_all() -> None:
    found = long()
    (table,) = (block for block in item_blocks(found["checks"][1]) if isinstance(block, Table))
    assert [row[0].text for row in table.rows] == ["8", "40"]
    assert "item 7 lies outside" in [cell.text for cell in table.rows[0]]
    assert "39 PASS, 1 FAIL" in table.caption
    told = words(part(build_report(found, {}), "annex-events"))
    assert all(f"item {number}" in told for number in range(MANY))


def test_of_many_events_section_9_shows_those_without_a_partner_and_the_annex_all() -> None:
    report = build_report(long(), {})
    (shown,) = (
        block
        for block in part(report, "results").blocks
        if isinstance(block, Table) and block.caption.startswith("Events without a partner")
    )
    assert len(shown.rows) == 2
    assert "did not come" in shown.rows[1][-1].text
    assert "matched" not in words(part(report, "results")).splitlines()
    annex = part(report, "annex-events")
    (every,) = (block for block in annex.blocks if isinstance(block, Table) and block.caption.startswith("Every event"))
    assert len(every.rows) == MANY + 3


def test_a_long_timeline_is_short_in_section_12_and_whole_in_the_annex() -> None:
    found = long()
    (table, _) = timeline(found).blocks
    assert isinstance(table, Table)
    assert [row[1].text for row in table.rows] == ["bolus_started", "armed"]
    assert table.rows[0][2].text == f"{MANY} times, the last at 0:00:39"
    told = words(part(build_report(found, {}), "annex-timeline"))
    assert len(re.findall("bolus_started", told)) == MANY


def test_a_report_with_nothing_to_look_up_has_no_annex_and_no_dangling_reference() -> None:
    report = build_report({"checks": [{"id": "c", "outcome": "PASS", "value": 1.0}]}, {})
    assert [each.number for each in report.sections] == list(range(2, 16))
    assert not [block for each in report.sections for block in each.blocks if isinstance(block, See)]
