"""Strict reading of TOML tables into frozen dataclasses: one description gives the reader and the JSON Schema.

A field is declared as ``Annotated[type, Kind, "what it means"]``; unknown keys, missing keys and wrong values are
errors that name file, line, key and the nearest valid key.
"""

from __future__ import annotations

import dataclasses
import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar, get_type_hints

from rig.errors import ConfigError

T = TypeVar("T")
LARGEST_FILE = 262_144  # bytes; a bench file is a page, not a book


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value stands: the file's name and text, and the path of keys that leads to it."""

    name: str
    text: str
    path: tuple[str, ...] = ()

    def child(self, key: str) -> Origin:
        """Return the origin of ``key`` in this table."""
        return Origin(self.name, self.text, (*self.path, key))

    def __str__(self) -> str:
        """Return ``file:line: key.path``, the line being left out where it cannot be found."""
        line = line_of(self.text, self.path)
        place = f"{self.name}:{line}" if line else self.name
        return f"{place}: {printable('.'.join(self.path))}" if self.path else place


class Kind(Protocol):
    """How one value is read, and what a JSON Schema says of it."""

    def read(self, value: Any, origin: Origin) -> Any:
        """Return the checked value, or raise `ConfigError`."""

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the value."""


@dataclass(frozen=True, slots=True)
class Number:
    """A finite number between two bounds, both included; ``unit`` is for messages."""

    lowest: float
    highest: float
    unit: str = ""
    positive: bool = False

    def read(self, value: Any, origin: Origin) -> float:
        """Return the number as a float."""
        expected = f"a number from {self.lowest:g} to {self.highest:g} {self.unit}".rstrip()
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ConfigError(f"{_show(value)} is not a number", where=str(origin), expected=expected)
        if not self.lowest <= value <= self.highest or (self.positive and value <= 0):
            more = " and more than 0" if self.positive else ""
            raise ConfigError(f"{_show(value)} is out of range", where=str(origin), expected=expected + more)
        return float(value)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the number."""
        lower = "exclusiveMinimum" if self.positive and self.lowest == 0 else "minimum"
        return {"type": "number", lower: self.lowest, "maximum": self.highest}


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number between two bounds, both included."""

    lowest: int
    highest: int

    def read(self, value: Any, origin: Origin) -> int:
        """Return the whole number."""
        if isinstance(value, bool) or not isinstance(value, int) or not self.lowest <= value <= self.highest:
            expected = f"a whole number from {self.lowest} to {self.highest}"
            raise ConfigError(f"{_show(value)} cannot be used", where=str(origin), expected=expected)
        return value

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the whole number."""
        return {"type": "integer", "minimum": self.lowest, "maximum": self.highest}


@dataclass(frozen=True, slots=True)
class Flag:
    """``true`` or ``false``."""

    def read(self, value: Any, origin: Origin) -> bool:
        """Return the flag."""
        if not isinstance(value, bool):
            raise ConfigError(f"{_show(value)} cannot be used", where=str(origin), expected="true or false")
        return value

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the flag."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Text:
    """Text that matches a pattern as a whole; ``expected`` says in words what that is."""

    pattern: str = r"[^\x00-\x1f\x7f]{1,500}"
    expected: str = "text"

    def read(self, value: Any, origin: Origin) -> str:
        """Return the text."""
        if not isinstance(value, str) or re.fullmatch(self.pattern, value) is None:
            quoted = f' in quotes, "{value}"' if isinstance(value, int) and not isinstance(value, bool) else ""
            raise ConfigError(f"{_show(value)} cannot be used", where=str(origin), expected=self.expected + quoted)
        return value

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the text."""
        return {"type": "string", "pattern": f"^({self.pattern})$"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    def read(self, value: Any, origin: Origin) -> str:
        """Return the word."""
        if not isinstance(value, str) or value not in self.words:
            near = nearest(value, self.words) if isinstance(value, str) else ""
            raise ConfigError(
                f"{_show(value)} cannot be used", where=str(origin), expected=" or ".join(self.words), hint=near
            )
        return value

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the choice."""
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar date, written without quotes: ``2027-01-31``."""

    def read(self, value: Any, origin: Origin) -> date:
        """Return the date."""
        if type(value) is not date:
            raise ConfigError(f"{_show(value)} is not a date", where=str(origin), expected="a date such as 2027-01-31")
        return value

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the date (editors see a TOML date as text)."""
        return {"type": "string", "format": "date"}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of values of one kind; ``shortest`` items at least."""

    kind: Kind
    shortest: int = 0
    longest: int = 100

    def read(self, value: Any, origin: Origin) -> tuple[Any, ...]:
        """Return the values as a tuple."""
        if not isinstance(value, list) or not self.shortest <= len(value) <= self.longest:
            expected = f"a list of {self.shortest} to {self.longest} values in [ ]"
            raise ConfigError(f"{_show(value)} cannot be used", where=str(origin), expected=expected)
        return tuple(self.kind.read(item, origin) for item in value)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the list."""
        return {
            "type": "array",
            "items": self.kind.schema(),
            "minItems": self.shortest,
            "maxItems": self.longest,
        }


@dataclass(frozen=True, slots=True)
class Nested:
    """A table that becomes a dataclass of its own."""

    table: type[Any]

    def read(self, value: Any, origin: Origin) -> Any:
        """Return the dataclass."""
        if not isinstance(value, dict):
            raise ConfigError(f"{_show(value)} is not a table", where=str(origin), expected="a table of keys")
        return read_table(self.table, value, origin)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the table."""
        return table_schema(self.table)


@dataclass(frozen=True, slots=True)
class MapOf:
    """A table whose keys are ids of the writer's choice, and whose values are of one kind."""

    kind: Kind
    pattern: str = r"[a-z0-9][a-z0-9-]{0,39}"
    shortest: int = 0

    def read(self, value: Any, origin: Origin) -> dict[str, Any]:
        """Return the values by id."""
        if not isinstance(value, dict) or len(value) < self.shortest:
            raise ConfigError(f"{_show(value)} cannot be used", where=str(origin), expected="a table by id")
        for key in value:
            if re.fullmatch(self.pattern, key) is None:
                expected = "lower-case letters, digits and dashes"
                raise ConfigError(f"'{printable(key)}' is not an id", where=str(origin.child(key)), expected=expected)
        return {key: self.kind.read(item, origin.child(key)) for key, item in value.items()}

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the table."""
        return {
            "type": "object",
            "minProperties": self.shortest,
            "additionalProperties": False,
            "patternProperties": {f"^({self.pattern})$": self.kind.schema()},
        }


@dataclass(frozen=True, slots=True)
class DeclaredKey:
    """One declared key of a table."""

    name: str
    kind: Kind
    doc: str
    required: bool


def read_table(table: type[T], data: Mapping[str, Any], origin: Origin) -> T:
    """Return ``data`` as the dataclass ``table``; unknown, missing and unusable keys raise `ConfigError`.

    A key of the file is a field annotated ``Annotated[type, Kind, "what it means"]``; other fields are not read.
    """
    declared = {key.name: key for key in declared_keys(table)}
    for name in data:
        if name not in declared:
            raise unknown_key(name, declared, origin.child(name))
    values = {name: declared[name].kind.read(value, origin.child(name)) for name, value in data.items()}
    for name, key in declared.items():
        if key.required and name not in data:
            raise ConfigError(f"the key '{name}' is missing", where=str(origin), expected=key.doc)
    return table(**values)


def table_schema(table: type[Any]) -> dict[str, Any]:
    """Return the JSON Schema of a strict table."""
    keys = declared_keys(table)
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [key.name for key in keys if key.required],
        "properties": {key.name: {"description": key.doc, **key.kind.schema()} for key in keys},
    }


def declared_keys(table: Any) -> tuple[DeclaredKey, ...]:
    """Return the declared keys of a strict table, in their order."""
    return _declared(table)


@cache
def _declared(table: Any) -> tuple[DeclaredKey, ...]:
    """Look the keys up, once for each table: a data file has hundreds of them."""
    hints = get_type_hints(table, include_extras=True)
    found = []
    for item in dataclasses.fields(table):
        kind_and_doc = getattr(hints[item.name], "__metadata__", ())
        if kind_and_doc:
            required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
            kind, doc = kind_and_doc
            found.append(DeclaredKey(item.name, kind, doc, required))
    return tuple(found)


def unknown_key(key: str, valid: Iterable[str], origin: Origin) -> ConfigError:
    """Return the error for a key that nobody knows, with the nearest valid one."""
    valid = list(valid)
    near = nearest(key, valid)
    return ConfigError(
        f"unknown key '{printable(key)}'",
        where=str(origin),
        expected=f"one of {', '.join(valid)}",
        hint=near and f"'{near}'",
    )


def nearest(word: str, valid: Iterable[str]) -> str:
    """Return the valid word most like ``word``, or an empty text when none is."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a wrong key pays for the import

    words = list(valid)
    lowered = {candidate.lower(): candidate for candidate in words}
    found = get_close_matches(word.lower()[:100], list(lowered), n=1, cutoff=0.5)
    return lowered[found[0]] if found else ""


def read_toml(path: Path) -> tuple[dict[str, Any], str]:
    """Return a TOML file as plain values and as text; raises `ConfigError` with file and line."""
    try:
        raw = path.read_bytes()[: LARGEST_FILE + 1]
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if len(raw) > LARGEST_FILE:
        raise ConfigError(f"larger than {LARGEST_FILE} bytes", where=str(path), expected="a bench description")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("not a text file (UTF-8)", where=str(path), expected="a TOML file") from error
    return parse_toml(text, str(path)), text


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """Return TOML text as plain values; raises `ConfigError` with file and line."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        match = re.search(r"\(at line (\d+), column \d+\)|\(at end of document\)", str(error))
        line = f":{match[1]}" if match and match[1] else ""
        what = re.sub(r" \(at .*\)$", "", str(error))
        raise ConfigError(
            f"not valid TOML: {what}", where=f"{name}{line}", expected="lines like 'key = value'"
        ) from None


def line_of(text: str, path: tuple[str, ...]) -> int:
    """Return the line (from 1) on which the key ``path`` stands in TOML ``text``, or 0 when it cannot be told."""
    header: tuple[str, ...] = ()
    section = 0
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        inside, closed, _ = stripped.lstrip("[").partition("]")
        if stripped.startswith("[") and closed and inside.strip():
            header = tuple(part.strip().strip("\"'") for part in inside.split("."))
            if header == path:
                section = number
        elif match := re.match(r"([A-Za-z0-9_.\"'-]+)\s*=", stripped):
            key = tuple(part.strip("\"'") for part in match[1].split("."))
            full = header + key
            if full == path:
                return number
            if path[: len(full)] == full:  # an inline table holds the key
                section = number
    return section


def printable(text: str) -> str:
    """Return ``text`` fit for a message on a terminal: short, control characters escaped."""
    shown = text if text.isprintable() else repr(text)[1:-1]
    return shown if len(shown) <= 80 else shown[:77] + "..."


def _show(value: Any) -> str:
    """Return a value as it may stand in a message: short and on one line."""
    text = repr(value) if not isinstance(value, bool) else str(value).lower()
    return text if len(text) <= 60 else text[:57] + "..."
