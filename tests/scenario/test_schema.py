"""The published JSON Schema is the parser's own table."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from rig.paths import scenarios_dir
from rig.scenario.fields import CHECK, SCENARIO, STEPS
from rig.scenario.measures import MEASURES
from rig.scenario.schema import SCHEMA_FILE, scenario_schema, schema_text
from tests.scenario.test_parse import GOOD

DATA = Path(__file__).parents[1] / "data"


def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA_FILE.read_text("utf-8")))


def test_the_published_file_is_the_generated_one() -> None:
    assert SCHEMA_FILE.read_text("utf-8") == schema_text()


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(scenario_schema())


@pytest.mark.parametrize("path", sorted(scenarios_dir().glob("*.yaml")), ids=lambda path: str(path.stem))
def test_every_shipped_scenario_validates(path: Path) -> None:
    validator().validate(yaml.safe_load(path.read_text("utf-8")))


@pytest.mark.parametrize("path", sorted(DATA.glob("*.yaml")), ids=lambda path: str(path.stem))
def test_the_scenarios_of_the_tests_validate(path: Path) -> None:
    validator().validate(yaml.safe_load(path.read_text("utf-8")))


def test_every_step_is_played_by_a_scenario_of_the_tests() -> None:
    found = [yaml.safe_load(path.read_text("utf-8"))["steps"] for path in DATA.glob("*.yaml")]
    kinds = {kind for steps in found for step in steps for kind in (step if isinstance(step, dict) else [step])}
    assert set(STEPS) <= kinds


def test_the_scenario_with_every_step_validates() -> None:
    validator().validate(yaml.safe_load(GOOD.replace("06:30", '"06:30"')))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("schema: 1", "schema: 2"),
        ("title:", "titel:"),
        ("rate: 1.0 U/h", "rate: 1.0 U"),
        ("rate: 1.0 U/h", "rate: 1.0"),
        ("- basal:", "- basel:"),
        ("families: [22, 23]", "families: 22"),
        ("measure: basal.delivered", "measure: basal.deliverd"),
        ("repeat: 3", "repeat: 0"),
        ("decision: simple", "decision: simpel"),
        ("limit: 5 %", "limit: 5"),
    ],
)
def test_an_editor_sees_the_slips_that_the_parser_sees(old: str, new: str) -> None:
    broken = yaml.safe_load(GOOD.replace("06:30", '"06:30"').replace(old, new, 1))
    assert not validator().is_valid(broken)


def test_the_reference_page_names_every_key_step_and_measure() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "scenario-file.md").read_text("utf-8")
    names = [
        field.name for table in (SCENARIO, CHECK, *(table for _, table in STEPS.values())) for field in table.fields
    ]
    missing = [name for name in {*names, *STEPS, *MEASURES} if f"`{name}`" not in page]
    assert missing == []
