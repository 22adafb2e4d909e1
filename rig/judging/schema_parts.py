"""Parts of the result's JSON Schema: compact budgets, the walk back to raw readings, Monte Carlo."""

from __future__ import annotations

from typing import Any

_NUMBER = {"type": ["number", "null"]}
_TEXT = {"type": "string"}
_PAIR = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
BUDGET_ROW = {
    "description": "number of the component, standard uncertainty, sensitivity, contribution",
    "type": "array",
    "items": {"type": "number"},
    "minItems": 4,
    "maxItems": 4,
}


def _closed(properties: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required or properties),
        "additionalProperties": False,
    }


def component_schema() -> dict[str, Any]:
    """Return one entry of a check's ``components``."""
    return _closed(
        {
            "name": _TEXT,
            "evaluation": {"enum": ["A", "B"]},
            "distribution": _TEXT,
            "unit": _TEXT,
            "source": _TEXT,
        }
    )


def monte_carlo_schema() -> dict[str, Any]:
    """Return a check's ``monte_carlo``."""
    number = {"type": "number"}
    return _closed(
        {
            "draws": {"type": "integer"},
            "seed": {"type": "integer"},
            "mean": number,
            "u": number,
            "probability": number,
            "interval": _PAIR,
            "shortest": _PAIR,
            "compared_probability": number,
            "compared": _PAIR,
            "differences": _PAIR,
            "tolerance": number,
            "sampling": number,
            "agrees": {"type": "boolean"},
            "doubts": {"type": "array", "items": _TEXT},
        }
    )


def _level() -> dict[str, Any]:
    reading = {
        "anyOf": [
            _closed(
                {
                    "at_s": {"type": "number"},
                    "mass_mg": {"type": "number"},
                    "place": _TEXT,
                }
            ),
            {"type": "null"},
        ]
    }
    return _closed(
        {
            "mass_mg": {"type": "number"},
            "at_s": {"type": "number"},
            "how": {"enum": ["mean", "reading", "interpolated"]},
            "bend_mg": {"type": "number"},
            "fall_mg": {"type": "number"},
            "readings": {"type": "integer"},
            "first": reading,
            "last": reading,
        }
    )


def item_trace_schema() -> dict[str, Any]:
    """Return the walk back of one item, or null."""
    return {"anyOf": [_closed(_trace_numbers(), ("numbers", "value")), {"type": "null"}]}


def trace_schema() -> dict[str, Any]:
    """Return a check's ``trace``, or null."""
    part = _closed(
        {
            "label": _TEXT,
            "from_s": {"type": "number"},
            "to_s": {"type": "number"},
            "value": _NUMBER,
            "expanded_uncertainty": _NUMBER,
            "budget": {"type": "array", "items": BUDGET_ROW},
            "trace": item_trace_schema(),
        },
        ("label", "from_s", "to_s", "value", "expanded_uncertainty", "trace"),
    )
    whole = {
        "model": _TEXT,
        "formula": _TEXT,
        "concentration_u_per_ml": {"type": "number"},
        "part_formula": _TEXT,
        "shared": {"type": "object", "additionalProperties": {"type": "number"}},
        "parts": {"type": "array", "items": part},
        **_trace_numbers(),
    }
    return {"anyOf": [_closed(whole, ("model", "formula", "concentration_u_per_ml")), {"type": "null"}]}


def _trace_numbers() -> dict[str, Any]:
    quantities = (
        "hours",
        "evaporation_mg_per_h",
        "drift_mg",
        "span",
        "air_start_kg_per_m3",
        "air_end_kg_per_m3",
        "liquid_kg_per_m3",
        "reference_kg_per_m3",
        "load_cm3",
        "k_tube",
        "taken_off_ul",
        "volume_ul",
    )
    return {
        "start": _level(),
        "end": _level(),
        **{name: {"type": "number"} for name in quantities},
        "numbers": {"type": "object", "additionalProperties": {"type": "number"}},
        "value": _NUMBER,
    }


def fitness_schema() -> dict[str, Any]:
    """Return the part ``fitness``: each check's share of its limit, and each gate."""
    number, fit = {"type": "number"}, {"type": ["boolean", "null"]}
    component = _closed(
        {"name": _TEXT, "expanded_uncertainty": number, "share": number, "of_the_bench": {"type": "boolean"}}
    )
    check = _closed(
        {
            "id": _TEXT,
            "title": _TEXT,
            "unit": _TEXT,
            "limit": number,
            "expanded_uncertainty": _NUMBER,
            "own_expanded_uncertainty": number,
            "share": number,
            "fit": {"type": "boolean"},
            "items": {"type": "integer"},
            "items_unfit": {"type": "integer"},
            "components": {"type": "array", "items": component},
        }
    )
    gate = _closed({"gate": _TEXT, "found": _TEXT, "limit": _TEXT, "fit": fit})
    whole = {
        "fit": {"type": "boolean"},
        "line": _TEXT,
        "checks": {"type": "array", "items": check},
        "gates": {"type": "array", "items": gate},
    }
    return _closed(whole)


def item_schema(outcomes: list[str]) -> dict[str, Any]:
    """Return one item of an "each" check; further keys may come."""
    return {
        "type": "object",
        "properties": {
            "label": _TEXT,
            "from_s": _NUMBER,
            "to_s": _NUMBER,
            "set_u": _NUMBER,
            "measured_u": _NUMBER,
            "value": _NUMBER,
            "expanded_uncertainty": _NUMBER,
            "lower_limit": _NUMBER,
            "upper_limit": _NUMBER,
            "conformance_probability": _NUMBER,
            "measurement_capability": _NUMBER,
            "outcome": {"enum": outcomes},
            "why": _TEXT,
            "budget": {"type": "array", "items": BUDGET_ROW},
            "trace": item_trace_schema(),
        },
        "required": ["value", "expanded_uncertainty"],
    }
