"""An occlusion in the report: its instants, what was missed and released, and its figure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reports.blocks import Facts, Heading, Paragraph, Picture
from reports.figures.occlusion import course
from reports.sections.occlusions import occlusion_blocks
from rig.config import load_bench
from rig.engine import run_scenario
from rig.paths import checkout
from rig.scenario.parse import load_scenario


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """A run with one occlusion, as it is stored."""
    scenario = load_scenario(checkout() / "tests" / "data" / "clamped.yaml")
    finished = run_scenario(scenario, load_bench(), tmp_path_factory.mktemp("occlusion"))
    return _read(finished.judgement / "result.json"), _read(finished.judgement / "curves.json")


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def test_it_stands_in_the_report_with_its_figure(stored: tuple[dict[str, Any], dict[str, Any]]) -> None:
    blocks = occlusion_blocks(stored[0])
    assert isinstance(blocks[0], Heading)
    facts = dict(blocks[1].rows) if isinstance(blocks[1], Facts) else {}
    assert facts["Missed"].endswith("U (k = 2)")
    assert facts["Released"].startswith("2.7")
    assert facts["Alarm seen"] != "none while the tube was clamped"
    assert any(isinstance(block, Paragraph) and "was not measured" in block.text for block in blocks)
    assert isinstance(blocks[-1], Picture)
    figure = course(stored[0]["analysis"], stored[1])
    assert figure is not None
    assert figure.name == "occlusion"
    assert "missed" in figure.alt
    assert "released" in figure.alt


def test_the_curve_falls_by_what_is_missed_and_rises_by_what_is_released(
    stored: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    (item,) = stored[0]["analysis"]["occlusions"]
    (curve,) = stored[1]["occlusions"]
    assert min(curve["difference_u"]) == pytest.approx(-item["missed"]["value"], abs=0.15)
    assert curve["difference_u"][-1] == pytest.approx(item["released"]["value"] - item["missed"]["value"], abs=0.15)
    assert 0.0 < curve["alarm_s"] < curve["opened_s"]


def test_what_could_not_be_measured_says_why_and_a_run_without_one_says_nothing() -> None:
    item = {"label": "step 2", "closed_s": 10.0, "alarm_s": None, "opened_s": None, "why_not": "the run ended"}
    blocks = occlusion_blocks({"analysis": {"occlusions": [item]}})
    assert any(isinstance(block, Paragraph) and "the run ended" in block.text for block in blocks)
    assert dict(blocks[1].rows)["Clamp opened"] == "not within the run" if isinstance(blocks[1], Facts) else False
    assert occlusion_blocks({"analysis": {}}) == []
