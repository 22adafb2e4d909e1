"""The published JSON Schema of scenario files, generated from the same declaration that the parser reads by."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rig.scenario.fields import SCENARIO

SCHEMA_FILE = Path(__file__).with_name("scenario.schema.json")


def scenario_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a scenario file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Scenario of the insulin-pump rig, version 1",
        **SCENARIO.schema(),
    }


def schema_text() -> str:
    """Return the content of ``scenario.schema.json``."""
    return json.dumps(scenario_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
