"""Every key of a scenario file, declared once: the parser, the JSON Schema and the reference page come from here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from rig.errors import UsageError
from rig.profiles.strict import nearest
from rig.scenario.document import Mapping, Node, Place, Scalar
from rig.scenario.kinds import Field, Flag, ListOf, OneOf, Quantity, Table, Whole, Words, refuse, scalar_text
from rig.scenario.measures import MEASURES
from rig.units import INSULIN, PERCENT, RATE, TIME, Dimension, parse_quantity

DAY_S = 86400.0
LONGEST_S = 60 * DAY_S
DURATION = Quantity(TIME, LONGEST_S, above_zero=True)
PAUSE = Quantity(TIME, LONGEST_S)
NAME = Words(r"[a-z0-9][a-z0-9_-]{0,60}", "lower-case letters, digits, '-' and '_'")
LINE = Words(r"\S.{0,199}", "one line of at most 200 characters")
LATER = (
    "square",
    "dual",
    "cancel",
    "prime",
    "rewind",
    "set_clock",
    "press",
    "occlude",
    "release",
    "disconnect",
    "supply",
    "wait_alarm",
    "prompt",
    "pattern",
)


@dataclass(frozen=True, slots=True)
class HalfHour:
    """A time of day on the pump's clock, ``"HH:MM"`` at a full or half hour; read as half-hours after midnight."""

    def read(self, node: Node, place: Place) -> int:
        """Return the half-hours after midnight, 0 to 47."""
        expected = 'a time of day such as "06:30", at a full or half hour'
        text = scalar_text(node, place, expected)
        match = re.fullmatch(r"([01]\d|2[0-3]):(00|30)", text, re.ASCII)
        if match is None:
            raise refuse(place, f"'{text[:40]}' cannot be used", expected)
        return int(match[1]) * 2 + (match[2] == "30")

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the time of day."""
        return {"type": "string", "pattern": "^([01][0-9]|2[0-3]):(00|30)$", "examples": ["06:30"]}


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit of a check, in % or U, either sign; read as value and unit."""

    def read(self, node: Node, place: Place) -> tuple[float, str]:
        """Return value and unit."""
        expected = "a limit such as '5 %' or '0.05 U'"
        text = scalar_text(node, place, expected)
        dimension: Dimension = INSULIN if text.rstrip().endswith("U") else PERCENT
        try:
            return parse_quantity(text, dimension), dimension.base
        except UsageError as error:
            raise refuse(place, error.what.split(", which is no")[0], expected) from None

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the limit."""
        pattern = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,5})?\s*(%|U)$"
        return {"type": "string", "pattern": pattern, "examples": ["5 %", "0.05 U"]}


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


_FOR = Field("for", DURATION, "how long, such as '24 h'", required=True)
_STEP_NAME = Field("name", NAME, "a name that checks use to point at this step")
SEGMENT = Table(
    (
        Field("at", HalfHour(), 'pump-clock time at which the rate begins, such as "06:30"', required=True),
        Field("rate", Quantity(RATE, 100.0), "rate from then on", required=True),
    )
)
STEPS: dict[str, tuple[str, Table]] = {
    "basal": (
        "constant basal rate, all day",
        Table((Field("rate", Quantity(RATE, 100.0), "the rate", required=True), _FOR, _STEP_NAME)),
    ),
    "profile": (
        "basal profile on the pump's clock; the first segment begins at midnight",
        Table((Field("segments", ListOf(SEGMENT, 1, 48), "its rates, in time order", required=True), _FOR, _STEP_NAME)),
    ),
    "temp_basal": (
        "temporary basal: either a rate or a percentage of the running segment",
        Table(
            (
                Field("rate", Quantity(RATE, 100.0), "absolute rate"),
                Field("percent", Quantity(PERCENT, 500.0), "percentage of the running segment"),
                _FOR,
                _STEP_NAME,
            )
        ),
    ),
    "bolus": (
        "normal boluses, each closed before the next; under a temporary basal of 0 unless over_basal is true",
        Table(
            (
                Field("amount", Quantity(INSULIN, 100.0, above_zero=True), "amount of each", required=True),
                Field("repeat", Whole(1, 500), "how many", default=1),
                Field("over_basal", Flag(), "leave the basal running", default=False),
                _STEP_NAME,
            )
        ),
    ),
    "suspend": (
        "suspend the pump, then wait",
        Table((Field("for", PAUSE, "how long to wait, such as '1 h'", default=0.0), _STEP_NAME)),
    ),
    "resume": ("resume delivery", Table((_STEP_NAME,))),
    "wait": ("let time pass", Table((_FOR, _STEP_NAME))),
}


@dataclass(frozen=True, slots=True)
class StepKind:
    """One step: a mapping with one key, the kind of the step."""

    def read(self, node: Node, place: Place) -> tuple[str, dict[str, Any]]:
        """Return the kind and its values; ``line`` among them is the line of the step."""
        kind, body = self._kind_and_body(node, place)
        if kind.text in LATER:
            raise refuse(
                place.at(kind, kind.text), "this version does not run such steps yet", f"one of {', '.join(STEPS)}"
            )
        if kind.text not in STEPS:
            near = nearest(kind.text, STEPS)
            raise refuse(
                place.at(kind, kind.text[:40]),
                "unknown step",
                f"one of {', '.join(STEPS)}",
                near and f"'{near}'",
            )
        table = STEPS[kind.text][1]
        if (body is None or (isinstance(body, Scalar) and body.empty)) and not any(f.required for f in table.fields):
            body = Mapping(kind.line)
        where = place.at(kind, kind.text)
        return kind.text, table.read(body or Mapping(kind.line), where) | {"line": kind.line}

    @staticmethod
    def _kind_and_body(node: Node, place: Place) -> tuple[Scalar, Node | None]:
        expected = "one step such as 'basal: {rate: 1.0 U/h, for: 1 h}'"
        if isinstance(node, Scalar) and not node.empty:
            return node, None
        if not isinstance(node, Mapping) or not node.pairs:
            raise refuse(place, "no step stands here", expected)
        if len(node.pairs) > 1:
            names = ", ".join(key.text[:20] for key, _ in node.pairs[:4])
            raise refuse(place, f"several keys stand in one step: {names}", f"{expected}, each with its own '-'")
        return node.pairs[0]

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema: one of the step kinds."""
        return {"oneOf": [_step_schema(kind, doc, table) for kind, (doc, table) in STEPS.items()]}


def _step_schema(kind: str, doc: str, table: Table) -> dict[str, Any]:
    body = table.schema()
    if not body["required"]:
        body = {"anyOf": [body, {"type": "null"}]}
    step = {"type": "object", "additionalProperties": False, "required": [kind], "properties": {kind: body}}
    if "anyOf" in body:
        return {"description": doc, "anyOf": [step, {"const": kind}]}
    return {"description": doc, **step}


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
            "which pumps it is for",
            required=True,
        ),
        Field(
            "needs",
            ListOf(OneOf(("pump", "balance"), ("valve", "supply", "buttons", "camera", "environment")), 1, 10),
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
