"""The JSON Schema of ``result.json``, published as ``result.schema.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rig.judging.schema_parts import component_schema, fitness_schema, item_schema, monte_carlo_schema, trace_schema
from rig.results import EndReason, Outcome

SCHEMA_FILE = Path(__file__).with_name("result.schema.json")
SINCE_FIRST = ("interval_basis", "components", "trace", "monte_carlo")  # earlier results of version 1 lack them
_NUMBER = {"type": ["number", "null"]}
_TEXT = {"type": "string"}
_OUTCOME = {"enum": [outcome.value for outcome in Outcome]}


def _object(properties: dict[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def result_schema() -> dict[str, Any]:
    """Return the schema of design 5.2, version 1."""
    budget = _object(
        {
            "name": _TEXT,
            "evaluation": {"enum": ["A", "B"]},
            "distribution": _TEXT,
            "standard_uncertainty": _NUMBER,
            "unit": _TEXT,
            "sensitivity": _NUMBER,
            "contribution": _NUMBER,
            "source": _TEXT,
        }
    )
    finding = _object({"id": _TEXT, "text": _TEXT, "from_s": _NUMBER, "to_s": _NUMBER})
    source = {"anyOf": [_object({"id": _TEXT, "text": _TEXT, "mark": _TEXT}), {"type": "null"}]}
    check = _object(
        {
            "id": _TEXT,
            "title": _TEXT,
            "requirements": _list(_TEXT),
            "from_s": _NUMBER,
            "to_s": _NUMBER,
            "value": _NUMBER,
            "unit": _TEXT,
            "expanded_uncertainty": _NUMBER,
            "coverage_factor": {"type": "number"},
            "budget": _list(budget),
            "lower_limit": _NUMBER,
            "upper_limit": _NUMBER,
            "limit_source": source,
            "decision_rule": _TEXT,
            "conformance_probability": _NUMBER,
            "measurement_capability": _NUMBER,
            "outcome": _OUTCOME,
            "why": _TEXT,
            "findings": _list(finding),
            "measure": _TEXT,
            "interval": {"type": ["array", "null"], "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
            "items": _list(item_schema(_OUTCOME["enum"])),
            "interval_basis": _TEXT,
            "components": _list(component_schema()),
            "trace": trace_schema(),
            "monte_carlo": {"anyOf": [monte_carlo_schema(), {"type": "null"}]},
        },
        optional=SINCE_FIRST,
    )
    delivery = _object(
        {
            "kind": {"enum": ["basal", "temp_basal", "bolus", "square", "dual", "prime"]},
            "start_s": {"type": "number"},
            "end_s": {"type": "number"},
            "set_u": {"type": "number"},
            "reported_u": _NUMBER,
            "reported_resolution_u": _NUMBER,
            "reported_source": {"type": ["string", "null"]},
            "measured_u": _NUMBER,
            "expanded_uncertainty_u": _NUMBER,
        }
    )
    segment = _object(
        {
            "number": {"type": "integer"},
            "mode": {"enum": ["start", "repeat", "reattach"]},
            "from_s": {"type": "number"},
            "to_s": {"type": "number"},
            "end_reason": _TEXT,
            "boot_id": {"type": ["string", "null"]},
        }
    )
    gap = _object({"start_s": {"type": "number"}, "end_s": {"type": "number"}, "stream": _TEXT, "cause": _TEXT})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Result of one judgement of one run",
        **_object(
            {
                "schema": {"const": 1},
                "run_id": _TEXT,
                "scenario": _TEXT,
                "title": _TEXT,
                "evidence": {"enum": ["simulated", "hardware"]},
                "outcome": _OUTCOME,
                "end_reason": {"enum": [reason.value for reason in EndReason]},
                "started_utc": _TEXT,
                "ended_utc": {"type": ["string", "null"]},
                "tool": _object({"version": _TEXT, "commit": _TEXT}),
                "bench": {"type": "object"},
                "pump": {"type": "object", "required": ["model", "serial", "firmware"]},
                "checks": _list(check),
                "deliveries": _list(delivery),
                "gaps": _list(gap),
                "events": _list({"type": "object", "required": ["at_s", "name", "data"]}),
                "deviations": _list({"type": "object"}),
                "findings": _list(finding),
                "analysis": {"type": "object"},
                "segments": _list(segment),
                "fitness": fitness_schema(),
            },
            optional=("fitness",),  # earlier results of version 1 lack it
        ),
    }


def schema_text() -> str:
    """Return the schema as it is published."""
    return json.dumps(result_schema(), indent=1) + "\n"
