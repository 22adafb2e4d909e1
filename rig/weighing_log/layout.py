"""The header of a CSV file: which column is where, and what is wrong with a header (design 5.3)."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rig.errors import UsageError
from rig.profiles.strict import nearest, printable

NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
MADE_FOR = {"time_s": "times in seconds", "mass_mg": "masses in milligrams"}
LIKE = {
    "time_s": "time",
    "mass_mg": "mass|weight|weighing",
    "start_s": "start|time",
    "set_u": "set|bolus|amount|units?",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A file, for messages."""

    file: str

    def at(self, line: int = 0, row: int = 0, column: str = "") -> str:
        """Return ``file: line 7 (data row 5), column mass_mg``; parts that are zero or empty are left out."""
        parts = []
        if line or row:
            parts.append(f"line {line} (data row {row})" if line and row else f"line {line}" if line else f"row {row}")
        if column:
            parts.append(f"column {column}")
        return f"{self.file}: {', '.join(parts)}" if parts else self.file


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a file: all ``names`` as written, and the known ones, ``columns``, with their ``indexes``."""

    names: tuple[str, ...]
    columns: tuple[str, ...]
    indexes: tuple[int, ...]

    @property
    def count(self) -> int:
        """Return the number of fields of a row."""
        return len(self.names)

    @property
    def ignored(self) -> tuple[str, ...]:
        """Return the names of the columns that nobody reads."""
        return tuple(name for name in self.names if name not in self.columns)


def fields_of(line: str) -> list[str]:
    """Return the fields of one line, without the spaces around them; a quoted field loses its quotes.

    A quote that does not end on its line leaves the line whole, as one field.
    """
    if '"' not in line:
        return [field.strip() for field in line.split(",")]
    try:
        return [field.strip() for field in next(csv.reader([line], skipinitialspace=True, strict=True), [])]
    except csv.Error:
        return [line]


def read_header(line: str, required: Sequence[str], optional: Sequence[str], place: Place, number: int) -> Layout:
    """Return the layout that the header ``line`` describes; ``UsageError`` names what is missing or doubled."""
    where = place.at(number)
    wanted = f"a header line such as '{','.join(required)}'"
    if any(sign < " " and sign not in "\r\t" for sign in line):
        raise UsageError("the file is not text", where=where, expected=f"a CSV file in UTF-8 with {wanted}")
    if "\r" in line:
        raise UsageError("the lines end in CR alone", where=where, expected="lines that end in LF or CRLF")
    names = fields_of(line)
    if len(names) == 1:
        _one_field(line, where, wanted)
    if all(NUMBER.fullmatch(name) for name in names):
        raise UsageError(f"'{printable(line)}' is no header: only numbers", where=where, expected=wanted)
    for name in required:
        if name not in names:
            raise _missing(name, names, where, wanted)
    columns = [name for name in (*required, *optional) if name in names]
    for name in columns:
        if names.count(name) > 1:
            raise UsageError(
                f"the column '{name}' is named {names.count(name)} times", where=where, expected=f"one column {name}"
            )
    return Layout(tuple(names), tuple(columns), tuple(names.index(name) for name in columns))


def _one_field(line: str, where: str, wanted: str) -> None:
    """Raise when a header holds another separator than the comma."""
    for sign, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if sign in line:
            raise UsageError(
                f"the fields are separated by {word} (a file with decimal commas?)",
                where=where,
                expected="commas between fields and a dot for decimals",
            )
    if not line.strip():
        raise UsageError("the file is empty", where=where, expected=wanted)


def _missing(name: str, names: Sequence[str], where: str, wanted: str) -> UsageError:
    """Return the error of a column that is not there, with the one that was perhaps meant."""
    pattern = re.compile(LIKE.get(name, name), re.IGNORECASE)
    near = next((found for found in names if pattern.match(found)), "") or nearest(name, [n for n in names if n])
    meant = f"; '{printable(near)}' is there, which is something else" if near else ""
    expected = f"{MADE_FOR[name]} in a column '{name}'" if name in MADE_FOR else wanted
    return UsageError(f"the column '{name}' is missing{meant}", where=where, expected=expected)
