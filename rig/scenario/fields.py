"""Every key of a scenario file, declared once: the parser, the JSON Schema and the reference page come from here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from rig.errors import UsageError
from rig.scenario.document import Mapping, Node, Place
from rig.scenario.kinds import NAME, Field, ListOf, OneOf, Quantity, Table, Whole, Words, refuse, scalar_text
from rig.scenario.measures import MEASURES
from rig.scenario.step_fields import DAY_S, DURATION, LINE, PAUSE, STEPS, StepKind
from rig.units import CURRENT, INSULIN, MASS, MASS_RATE, PERCENT, TIME, VOLTAGE, Dimension, parse_quantity

__all__ = ["CHECK", "SCENARIO", "STEPS", "Bound", "RunnerLoss"]


LIMIT_UNITS: tuple[Dimension, ...] = (INSULIN, PERCENT, MASS_RATE, MASS, TIME)


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit of a check: %, U, mg, mg/h, V, mA or a time, either sign; read as value and unit, every time in s."""

    def read(self, node: Node, place: Place) -> tuple[float, str]:
        """Return value and unit."""
        expected = "a limit such as '5 %', '0.05 U' or '5 h'"
        text = scalar_text(node, place, expected)
        dimension = next((each for each in LIMIT_UNITS if text.rstrip().endswith(each.base)), PERCENT)
        if re.search(r"[\d.]\s*(min|h|s)\s*$", text, re.ASCII):
            dimension = TIME
        if text.rstrip().endswith(("V", "A")):
            dimension = VOLTAGE if text.rstrip().endswith("V") else CURRENT
        try:
            value = parse_quantity(text, dimension)
            return (1000.0 * value, "mA") if dimension is CURRENT else (value, dimension.base)
        except UsageError as error:
            raise refuse(place, error.what.split(", which is no")[0], expected) from None

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the limit."""
        pattern = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,5})?\s*(%|U|mg\/h|mg|h|min|s|V|mV|A|mA|uA)$"
        return {"type": "string", "pattern": pattern, "examples": ["5 %", "0.05 U", "5 h"]}


LONGEST_HOLD_S = 3600.0


@dataclass(frozen=True, slots=True)
class RunnerLoss:
    """What the bench does when it loses the runner: ``stop``, or ``hold`` for a time."""

    def read(self, node: Node, place: Place) -> tuple[str, float]:
        """Return the word and for how long, in s."""
        if isinstance(node, Mapping):
            keys = [key.text for key, _ in node.pairs]
            if keys != ["hold"]:
                raise refuse(place, f"'{', '.join(keys)[:40]}' cannot be used", "stop, or hold: 10 min")
            time = Quantity(TIME, LONGEST_HOLD_S, above_zero=True)
            return "hold", time.read(node.pairs[0][1], place.at(node, "hold"))
        return str(OneOf(("stop",), ("hold",)).read(node, place)), 0.0

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema."""
        hold = {"type": "object", "properties": {"hold": DURATION.schema()}, "required": ["hold"]}
        return {"oneOf": [{"enum": ["stop"]}, {**hold, "additionalProperties": False}]}


CHECK = Table(
    (
        Field("id", NAME, "its name in the report", required=True),
        Field("title", LINE, "the question in words"),
        Field("measure", OneOf(tuple(MEASURES)), "what is measured", required=True),
        Field("from", PAUSE, "begin of the window, counted from the first delivery"),
        Field("for", DURATION, "length of the window; to the end when left out"),
        Field("step", NAME, "name of the step that the check is confined to"),
        Field("amount", Quantity(INSULIN, 100.0, above_zero=True), "only boluses of this amount"),
        Field("limit", Bound(), "largest value, either sign"),
        Field("min", Bound(), "smallest value"),
        Field("max", Bound(), "largest value"),
        Field("source", LINE, "where the limit comes from; without it the check only reports"),
        Field("decision", OneOf(("guarded", "simple")), "decision rule", default="guarded"),
        Field(
            "requirements",
            ListOf(Words(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,60}", "an id such as BAS-1"), 0, 50),
            "ids of requirements that the check verifies",
            default=(),
        ),
    )
)
SCENARIO = Table(
    (
        Field("schema", Whole(1, 1), "version of this format", required=True),
        Field("id", NAME, "name of the scenario", required=True),
        Field("title", LINE, "the question asked of the pump", required=True),
        Field("description", Words(r"[\s\S]{1,4000}", "text of at most 4000 characters"), "what else should be known"),
        Field(
            "pump",
            Table((Field("families", ListOf(Whole(1, 99), 1, 20), "model numbers modulo 100", required=True),)),
            "which pumps it is for; left out in a qualification of the bench alone",
        ),
        Field(
            "needs",
            ListOf(
                OneOf(
                    ("pump", "balance", "flow_source", "valve", "supply", "meter"), ("buttons", "camera", "environment")
                ),
                1,
                10,
            ),
            "instruments that it uses",
            default=("pump", "balance"),
        ),
        Field("operator", OneOf(("none",), ("prompts",)), "whether a person must be there", default="none"),
        Field(
            "sampling",
            Table(
                (
                    Field("balance", Quantity(TIME, 60.0, 0.1), "between two weighings", default=1.0),
                    Field("bolus", Quantity(TIME, 10.0, 0.1), "the same while a bolus is timed", default=0.2),
                    Field("environment", Quantity(TIME, 3600.0, 1.0), "between two readings of the air", default=60.0),
                    Field(
                        "supply", Quantity(TIME, 3600.0, 0.1), "between two readings of the supply; none when left out"
                    ),
                    Field(
                        "meter", Quantity(TIME, 3600.0, 0.1), "between two readings of the meter; none when left out"
                    ),
                )
            ),
            "how often is read",
        ),
        Field(
            "blank",
            Table(
                (
                    Field("before", Quantity(TIME, DAY_S), "pump stopped before the steps", default=0.0),
                    Field("after", Quantity(TIME, DAY_S), "pump stopped after the steps", default=0.0),
                )
            ),
            "weighing with the pump stopped, for evaporation and drift",
        ),
        Field("steps", ListOf(StepKind(), 1, 500), "what the pump is told, in order", required=True),
        Field("checks", ListOf(CHECK, 0, 200), "what is asked of the measurement", default=()),
        Field("on_runner_loss", RunnerLoss(), "what the bench does when it loses the runner", default=("stop", 0.0)),
        Field(
            "gap",
            Table((Field("tolerate", Quantity(TIME, 3600.0), "longest gap in the readings", default=60.0),)),
            "how much silence of the balance is borne",
        ),
        Field(
            "markers",
            ListOf(Words(r"[a-z][a-z0-9_]{0,40}", "a word in lower case"), 0, 20),
            "words to select scenarios by",
            default=(),
        ),
    )
)
