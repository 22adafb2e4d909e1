"""Kinds of value in a scenario file: how each is read, and what the JSON Schema says of it.

One declaration of a key (`Field`) gives both, so that parser and schema cannot drift apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from rig.errors import ScenarioError, UsageError
from rig.profiles.strict import nearest
from rig.scenario.document import Mapping, Node, Place, Scalar, Sequence
from rig.units import Dimension, format_number, parse_quantity


class Kind(Protocol):
    """How one value is read and described."""

    def read(self, node: Node, place: Place) -> Any:
        """Return the checked value, or raise `ScenarioError` naming the place."""

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the value."""


@dataclass(frozen=True, slots=True)
class Field:
    """One key: its kind, what it means, whether it must stand, and what holds when it does not."""

    name: str
    kind: Kind
    doc: str
    required: bool = False
    default: Any = None


def refuse(place: Place, what: str, expected: str = "", hint: str = "") -> ScenarioError:
    """Return the error for a value at ``place``."""
    return ScenarioError(what, where=str(place), expected=expected, hint=hint)


def scalar_text(node: Node, place: Place, expected: str) -> str:
    """Return the text of a scalar; a list, a mapping and nothing at all are refused."""
    if not isinstance(node, Scalar):
        what = "a list" if isinstance(node, Sequence) else "a mapping"
        raise refuse(place, f"{what} stands here", expected)
    if node.empty:
        raise refuse(place, "the value is missing", expected)
    return node.text


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit, between two bounds in base units, both included (``above_zero``: 0 is not)."""

    dimension: Dimension
    highest: float
    lowest: float = 0.0
    above_zero: bool = False

    def read(self, node: Node, place: Place) -> float:
        """Return the quantity in base units."""
        dimension = self.dimension
        text = scalar_text(node, place, f"a {dimension.name} such as '{dimension.example}'")
        try:
            value = parse_quantity(text, dimension)
        except UsageError as error:
            raise refuse(place, error.what, error.expected, error.hint) from None
        if not self.lowest <= value <= self.highest or (self.above_zero and value <= 0):
            low = "more than 0" if self.above_zero else f"{format_number(self.lowest)} {dimension.base} or more"
            most = f"{format_number(self.highest)} {dimension.base}"
            raise refuse(place, f"'{_short(text)}' is out of range", f"{low}, at most {most}")
        return value

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema: text that holds a number and one of the units."""
        return {"type": "string", "pattern": self.dimension.pattern, "examples": [self.dimension.example]}


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number between two bounds, both included."""

    lowest: int
    highest: int

    def read(self, node: Node, place: Place) -> int:
        """Return the whole number."""
        expected = f"a whole number from {self.lowest} to {self.highest}"
        text = scalar_text(node, place, expected)
        if re.fullmatch(r"\d{1,9}", text, re.ASCII) is None or not self.lowest <= int(text) <= self.highest:
            raise refuse(place, f"'{_short(text)}' cannot be used", expected)
        return int(text)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the whole number."""
        return {"type": "integer", "minimum": self.lowest, "maximum": self.highest}


@dataclass(frozen=True, slots=True)
class Words:
    """Text that matches a pattern as a whole; ``expected`` says in words what that is."""

    pattern: str
    expected: str

    def read(self, node: Node, place: Place) -> str:
        """Return the text."""
        text = scalar_text(node, place, self.expected)
        if re.fullmatch(self.pattern, text, re.DOTALL) is None:
            raise refuse(place, f"'{_short(text)}' cannot be used", self.expected)
        return text

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the text."""
        return {"type": "string", "pattern": f"^({self.pattern})$"}


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few words; ``later`` are words that the design knows and this version does not run."""

    words: tuple[str, ...]
    later: tuple[str, ...] = ()

    def read(self, node: Node, place: Place) -> str:
        """Return the word."""
        expected = " or ".join(self.words)
        text = scalar_text(node, place, expected)
        if text in self.later:
            raise refuse(place, f"this version does not run '{text}' yet", expected)
        if text not in self.words:
            near = nearest(text, self.words)
            raise refuse(place, f"'{_short(text)}' cannot be used", expected, near and f"'{near}'")
        return text

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the choice."""
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Flag:
    """``true`` or ``false``."""

    def read(self, node: Node, place: Place) -> bool:
        """Return the flag."""
        text = scalar_text(node, place, "true or false")
        if text not in {"true", "false"}:
            raise refuse(place, f"'{_short(text)}' cannot be used", "true or false")
        return text == "true"

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the flag."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of values of one kind."""

    kind: Kind
    shortest: int
    longest: int
    numbers: bool = False  # the schema offers numbers

    def read(self, node: Node, place: Place) -> tuple[Any, ...]:
        """Return the values."""
        expected = f"a list of {self.shortest} to {self.longest} values"
        if not isinstance(node, Sequence):
            raise refuse(place, "no list stands here", f"{expected} in [ ] or one '- ' a line")
        if not self.shortest <= len(node.items) <= self.longest:
            raise refuse(place, f"the list holds {len(node.items)} values", expected)
        return tuple(self.kind.read(item, place.at(item, f"[{n}]")) for n, item in enumerate(node.items, start=1))

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the list."""
        return {
            "type": "array",
            "items": self.kind.schema(),
            "minItems": self.shortest,
            "maxItems": self.longest,
        }


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping with declared keys."""

    fields: tuple[Field, ...]

    def read(self, node: Node, place: Place) -> dict[str, Any]:
        """Return every declared key with its value or its default; ``line`` is where the mapping begins."""
        names = [item.name for item in self.fields]
        if not isinstance(node, Mapping):
            raise refuse(place, "no mapping stands here", f"keys such as '{names[0]}: ...'")
        known = {item.name: item for item in self.fields}
        found: dict[str, Any] = {}
        for key, value in node.pairs:
            if key.text not in known:
                raise unknown_key(key, names, place)
            found[key.text] = known[key.text].kind.read(value, place.at(key, key.text))
        for item in self.fields:
            if item.required and item.name not in found:
                raise refuse(place, f"the key '{item.name}' is missing", item.doc)
        return {item.name: found.get(item.name, item.default) for item in self.fields} | {"line": node.line}

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the mapping."""
        return {
            "type": "object",
            "additionalProperties": False,
            "required": [item.name for item in self.fields if item.required],
            "properties": {item.name: {"description": item.doc, **item.kind.schema()} for item in self.fields},
        }


def unknown_key(key: Scalar, valid: Iterable[str], place: Place) -> ScenarioError:
    """Return the error for a key that nobody knows, with the nearest valid one."""
    names = list(valid)
    near = nearest(key.text, names)
    return refuse(place.at(key, _short(key.text)), "unknown key", f"one of {', '.join(names)}", near and f"'{near}'")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 40 else line[:37] + "..."


NAME = Words(r"[a-z0-9][a-z0-9_-]{0,60}", "lower-case letters, digits, '-' and '_'")
STEP_NAME = Field("name", NAME, "a name that checks use to point at this step")
