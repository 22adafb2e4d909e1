"""Every key of a step, declared once: the parser, the JSON Schema and the reference page come from here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rig.errors import UsageError
from rig.profiles.strict import nearest
from rig.scenario import qualification_fields
from rig.scenario.document import Mapping, Node, Place, Scalar
from rig.scenario.kinds import (
    STEP_NAME,
    Field,
    Flag,
    ListOf,
    OneOf,
    Quantity,
    Table,
    Whole,
    Words,
    refuse,
    scalar_text,
)
from rig.scenario.supply_fields import SUPPLY_STEPS
from rig.units import INSULIN, PERCENT, RATE, TIME, format_duration, parse_quantity

DAY_S = 86400.0
LONGEST_S = 60 * DAY_S
DURATION = Quantity(TIME, LONGEST_S, above_zero=True)
PAUSE = Quantity(TIME, LONGEST_S)
LINE = Words(r"\S.{0,199}", "one line of at most 200 characters")
BY_HAND = "the pumps that the rig drives take it over no link; by hand, when a scenario can prompt a person"
LATER: dict[str, str] = {
    "square": "the pumps that the rig drives take no square wave over their link: no command for it is known",
    "dual": "the pumps that the rig drives take no dual wave over their link: no command for it is known",
    "cancel": "a temporary basal or a bolus is cancelled by 'cancel_after: ...' in its own step",
    "prime": BY_HAND,
    "rewind": BY_HAND,
    "prompt": "this version asks nobody",
}
VALVE_STEPS = {
    "occlude": "clamp the tube with the bench's pinch valve",
    "release": "open the pinch valve again",
    "disconnect": "lead the line past the vessel with the bench's diverting valve",
    "reconnect": "lead the line into the vessel again",
}
PATTERNS = ("standard", "a", "b")
KEYS = ("easy_bolus", "esc", "act", "up", "down")
ALARMS = {  # minimed-protocol 6.2, record 06
    "battery out": 3,
    "no delivery": 4,
    "battery depleted": 5,
    "auto off": 6,
    "device reset": 16,
    "reprogram error": 61,
    "empty reservoir": 62,
}
LONGEST_SHIFT_S = 30 * DAY_S


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
class LocalTime:
    """A date and time on the pump's clock, ``2026-11-25 14:05:30``."""

    def read(self, node: Node, place: Place) -> datetime:
        """Return the time, naive."""
        expected = "a date and time such as '2026-11-25 14:05:30', from 2000 to 2099"
        text = scalar_text(node, place, expected)
        shaped = re.fullmatch(r"20\d\d-\d\d-\d\d[ T]\d\d:\d\d:\d\d", text, re.ASCII)
        try:
            if shaped is not None:
                return datetime.fromisoformat(text)
        except ValueError:
            pass  # a day or an hour that does not exist
        raise refuse(place, f"'{text[:40]}' cannot be used", expected)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the time."""
        pattern = "^20[0-9]{2}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}$"
        return {"type": "string", "pattern": pattern, "examples": ["2026-11-25 14:05:30"]}


@dataclass(frozen=True, slots=True)
class Shift:
    """A time with its sign: ``+1 h`` forward, ``-30 min`` back; whole seconds, not 0."""

    def read(self, node: Node, place: Place) -> float:
        """Return the shift in s."""
        expected = f"a shift such as '+1 h' or '-30 min', of whole seconds, at most {format_duration(LONGEST_SHIFT_S)}"
        text = scalar_text(node, place, expected)
        try:
            value = parse_quantity(text, TIME)
        except UsageError as error:
            raise refuse(place, error.what, expected, error.hint) from None
        if not value or value != int(value) or abs(value) > LONGEST_SHIFT_S:
            raise refuse(place, f"'{text[:40]}' cannot be used", expected)
        return value

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the shift."""
        pattern = r"^[+-]?" + TIME.pattern.removeprefix(r"^\+?")
        return {"type": "string", "pattern": pattern, "examples": ["+1 h", "-30 min"]}


@dataclass(frozen=True, slots=True)
class AlarmCode:
    """An alarm of the pump, by its number or by its name; read as the number."""

    def read(self, node: Node, place: Place) -> int:
        """Return the code, 1 to 255."""
        expected = f"a code from 1 to 255, or one of {', '.join(ALARMS)}"
        text = scalar_text(node, place, expected)
        if text in ALARMS:
            return ALARMS[text]
        if re.fullmatch(r"\d{1,3}", text, re.ASCII) and 1 <= int(text) <= 255:
            return int(text)
        near = nearest(text, ALARMS)
        raise refuse(place, f"'{text[:40]}' cannot be used", expected, near and f"'{near}'")

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the alarm."""
        return {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 255}, {"enum": list(ALARMS)}]}


_FOR = Field("for", DURATION, "how long, such as '24 h'", required=True)
_CANCEL = "how long after it was acknowledged it is cancelled"
SEGMENT = Table(
    (
        Field("at", HalfHour(), 'pump-clock time at which the rate begins, such as "06:30"', required=True),
        Field("rate", Quantity(RATE, 100.0), "rate from then on", required=True),
    )
)
STEPS: dict[str, tuple[str, Table]] = {
    "basal": (
        "constant basal rate, all day",
        Table((Field("rate", Quantity(RATE, 100.0), "the rate", required=True), _FOR, STEP_NAME)),
    ),
    "profile": (
        "basal profile on the pump's clock; the first segment begins at midnight",
        Table(
            (
                Field("segments", ListOf(SEGMENT, 1, 48), "its rates, in time order", required=True),
                Field("pattern", OneOf(PATTERNS), "standard runs at once; a and b are stored only", default="standard"),
                Field("for", DURATION, "how long it runs, such as '24 h'; only of the standard one"),
                STEP_NAME,
            )
        ),
    ),
    "pattern": (
        "select the profile that runs: standard, or one that was stored before",
        Table((Field("select", OneOf(PATTERNS), "which one", required=True), _FOR, STEP_NAME)),
    ),
    "temp_basal": (
        "temporary basal: either a rate or a percentage of the running segment",
        Table(
            (
                Field("rate", Quantity(RATE, 100.0), "absolute rate"),
                Field("percent", Quantity(PERCENT, 500.0), "percentage of the running segment"),
                _FOR,
                Field("cancel_after", DURATION, _CANCEL),
                STEP_NAME,
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
                Field("cancel_after", DURATION, _CANCEL),
                STEP_NAME,
            )
        ),
    ),
    "suspend": (
        "suspend the pump, then wait",
        Table((Field("for", PAUSE, "how long to wait, such as '1 h'", default=0.0), STEP_NAME)),
    ),
    "resume": ("resume delivery", Table((STEP_NAME,))),
    "wait": ("let time pass", Table((_FOR, STEP_NAME))),
    "set_clock": (
        "set the pump's clock, to a time or by a shift",
        Table(
            (
                Field("to", LocalTime(), "the pump's local time"),
                Field("shift", Shift(), "by how much, forward (+) or back (-)"),
                STEP_NAME,
            )
        ),
    ),
    "limits": (
        "set what the pump allows; the run puts back what it found",
        Table(
            (
                Field("max_bolus", Quantity(INSULIN, 100.0, above_zero=True), "largest bolus"),
                Field("max_basal", Quantity(RATE, 100.0, above_zero=True), "highest basal rate"),
                STEP_NAME,
            )
        ),
    ),
    "press": (
        "push keys over the pump's link, each once",
        Table(
            (
                Field("keys", ListOf(OneOf(KEYS), 1, 50), "which ones, in order", required=True),
                Field("wait", Quantity(TIME, 3600.0), "after each", default=1.0),
                STEP_NAME,
            )
        ),
    ),
    "wait_alarm": (
        "wait until the pump tells of an alarm",
        Table(
            (
                Field("code", AlarmCode(), "its number or its name", required=True),
                Field("within", DURATION, "how long to wait at most, such as '2 h'", required=True),
                STEP_NAME,
            )
        ),
    ),
    **qualification_fields.STEPS,
    "clear_alarm": (
        "acknowledge an alarm over the pump's link with ESC and ACT, and see it gone",
        Table((Field("code", AlarmCode(), "its number or its name", required=True), STEP_NAME)),
    ),
    **{kind: (doc, Table((STEP_NAME,))) for kind, doc in VALVE_STEPS.items()},
    **SUPPLY_STEPS,
}


@dataclass(frozen=True, slots=True)
class StepKind:
    """One step: a mapping with one key, the kind of the step."""

    def read(self, node: Node, place: Place) -> tuple[str, dict[str, Any]]:
        """Return the kind and its values; ``line`` among them is the line of the step."""
        kind, body = self._kind_and_body(node, place)
        if kind.text in LATER:
            what = f"this version runs no such steps: {LATER[kind.text]}"
            raise refuse(place.at(kind, kind.text), what, f"one of {', '.join(STEPS)}")
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
