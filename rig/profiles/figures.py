"""One figure of a pump: its value, its mark, where it stands, and what other sources say instead."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar

from rig.errors import ConfigError
from rig.profiles.marks import LETTERS, UNKNOWN_MARK
from rig.profiles.strict import Kind, ListOf, Origin, Text, unknown_key

V = TypeVar("V")
KEY = Text(r"[a-z0-9][a-z0-9-]{0,40}", "lower-case letters, digits and dashes")
_SOURCES = ListOf(KEY, 1, 10)
_KEYS = ("value", "mark", "source", "note", "also")


@dataclass(frozen=True, slots=True)
class Source:
    """Where figures stand: a document, driver code, a study, a page."""

    mark: Annotated[str, Text(r"[MCPW]", "M, C, P or W"), "kind of source"]
    text: Annotated[str, Text(), "title, edition, page, address"]


@dataclass(frozen=True, slots=True)
class Figure(Generic[V]):
    """A value with its provenance; ``value`` None means that nobody knows it, and then the mark is '?'.

    ``also`` holds what other sources say where they contradict: both stay, the rig uses ``value``.
    """

    value: V | None
    mark: str
    source: tuple[str, ...] = ()
    note: str = ""
    also: tuple[Figure[V], ...] = field(default=())

    @property
    def known(self) -> bool:
        """Return whether there is a value."""
        return self.value is not None


UNKNOWN: Figure[Any] = Figure(None, UNKNOWN_MARK)


@dataclass(frozen=True, slots=True)
class FigureOf:
    """A table ``{ value = ..., mark = "C", source = ["key"], note = "...", also = [...] }``."""

    kind: Kind
    contradictions: bool = True

    def read(self, value: Any, origin: Origin) -> Figure[Any]:
        """Return the figure; a value without a mark, or a mark '?' beside a value, is an error."""
        if not isinstance(value, dict):
            raise ConfigError("a figure without its mark", where=str(origin), expected="{ value = ..., mark = 'C' }")
        keys = _KEYS if self.contradictions else _KEYS[:-1]
        for key in value:
            if key not in keys:
                raise unknown_key(key, keys, origin.child(key))
        if "mark" not in value:
            raise ConfigError("the key 'mark' is missing", where=str(origin), expected="the provenance of the figure")
        mark = LETTERS.read(value["mark"], origin.child("mark"))
        if ("value" in value) == (mark == UNKNOWN_MARK):
            raise ConfigError(
                "a mark '?' stands for a figure that nobody knows, and for no other",
                where=str(origin),
                expected="a value with the mark of its source, or '?' without a value",
            )
        held = self.kind.read(value["value"], origin.child("value")) if "value" in value else None
        source = _SOURCES.read(value["source"], origin.child("source")) if "source" in value else ()
        note = Text().read(value["note"], origin.child("note")) if "note" in value else ""
        others = ListOf(FigureOf(self.kind, contradictions=False), 1, 10)
        also = others.read(value["also"], origin.child("also")) if "also" in value else ()
        return Figure(held, mark, source, note, also)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the figure."""
        properties: dict[str, Any] = {
            "value": self.kind.schema(),
            "mark": LETTERS.schema(),
            "source": _SOURCES.schema(),
            "note": Text().schema(),
        }
        if self.contradictions:
            properties["also"] = ListOf(FigureOf(self.kind, contradictions=False), 1, 10).schema()
        return {"type": "object", "additionalProperties": False, "required": ["mark"], "properties": properties}
