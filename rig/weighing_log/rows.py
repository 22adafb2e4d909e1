"""The careful way through the rows of a CSV file: slow, and able to say what is wrong where."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from rig.errors import UsageError
from rig.profiles.strict import printable
from rig.weighing_log.layout import NUMBER, Layout, Place, fields_of

NO_NUMBER = {"nan", "inf", "infinity", "na", "n/a", "#n/a", "null", "none", "-", "--"}
_WITH_UNIT = re.compile(rf"{NUMBER.pattern}\s*(?P<unit>[A-Za-z%°µμ/^0-9]*[A-Za-z%°µμ])")
_LONGEST_UNIT = 80  # a field with more is no number with a unit, and the pattern takes the square of its length
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a column may hold: its unit (empty: 0 or 1), believable bounds, and a ``hint`` for what lies beyond."""

    unit: str
    lowest: float
    highest: float
    hint: str = ""

    @property
    def told(self) -> str:
        """Return what is expected, for messages."""
        return f"a plain number in {self.unit}" if self.unit else "0 or 1"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of data with its line in the file; ``values`` in the order of the layout's columns."""

    line: int
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Grammar:
    """How rows are read: the layout, what each column may hold, and which column strictly increases."""

    layout: Layout
    quantities: Mapping[str, Quantity]
    increasing: str
    place: Place


def careful_rows(text: str, grammar: Grammar, first_line: int, first_row: int, previous: float) -> list[Row]:
    """Return the rows of ``text``, whole lines; ``previous``: last value of the increasing column before (-inf: none).

    Comments and blank lines are skipped. ``UsageError`` names line, row and column of the first thing that is wrong.
    """
    rows: list[Row] = []
    for number, line in enumerate(text.split("\n"), start=first_line):
        bare = line.removesuffix("\r")
        if not bare.strip() or bare.lstrip(" \t").startswith("#"):
            continue
        values = _values(bare, grammar, number, first_row + len(rows))
        at = values[grammar.layout.columns.index(grammar.increasing)]
        if at <= previous:
            raise _order(previous, at, grammar, number, first_row + len(rows))
        previous = at
        rows.append(Row(number, values))
    return rows


def _values(line: str, grammar: Grammar, number: int, row: int) -> tuple[float, ...]:
    """Return the numbers of one line."""
    layout, place = grammar.layout, grammar.place
    if "\r" in line or "\0" in line:
        raise UsageError(
            "a control character inside the line", where=place.at(number, row), expected="lines that end in LF or CRLF"
        )
    fields = fields_of(line)
    if len(fields) != layout.count:
        raise _count(fields, line, grammar, number, row)
    if _is_header(fields, layout):
        raise UsageError(
            f"'{printable(line)}' is a second header", where=place.at(number, row), expected="one header, then numbers"
        )
    return tuple(
        _number(fields[index], grammar, number, row, name)
        for name, index in zip(layout.columns, layout.indexes, strict=True)
    )


def _is_header(fields: list[str], layout: Layout) -> bool:
    """Return whether a row is the header again, or the header of another file."""
    read = [fields[index] for index in layout.indexes]
    words = [re.fullmatch(r"[A-Za-z][A-Za-z0-9_ ()/%°]*", field) and field.lower() not in NO_NUMBER for field in read]
    return any(field in layout.columns for field in read) or all(words)


def _count(fields: list[str], line: str, grammar: Grammar, number: int, row: int) -> UsageError:
    """Return the error of a row with too few or too many fields."""
    what = f"{len(fields)} field{'' if len(fields) == 1 else 's'}"
    names = ",".join(grammar.layout.names)
    expected = f"{grammar.layout.count}, one for each name of the header '{printable(names)}'"
    hint = ""
    digits = [field for field in fields if re.fullmatch(r"[+-]?[0-9]+(\.[0-9]*)?|[0-9]+", field)]
    if '"' in line and len(fields) == 1:
        what = f"a quote that does not end on its line in '{printable(line)}'"
    elif ";" in line:
        what = f"fields separated by semicolons in '{printable(line)}' (decimal commas?)"
        expected = "commas between fields and a dot for decimals"
    elif not fields[-1] and len(fields) > grammar.layout.count:
        hint = "no comma at the end of the line"
    elif len(fields) > grammar.layout.count and len(digits) == len(fields):
        what += f" in '{printable(line)}' (decimal commas?)"
        hint = "a dot for decimals"
    return UsageError(what, where=grammar.place.at(number, row), expected=expected, hint=hint)


def _number(field: str, grammar: Grammar, number: int, row: int, column: str) -> float:
    """Return one field as a number that a log may hold."""
    quantity = grammar.quantities[column]
    where = grammar.place.at(number, row, column)
    if NUMBER.fullmatch(field) is None:
        raise UsageError(_what_is(field), where=where, expected=quantity.told)
    value = float(field)
    if not quantity.lowest <= value <= quantity.highest or (not quantity.unit and value not in {0.0, 1.0}):
        bounds = f", {quantity.lowest:g} to {quantity.highest:g}" if quantity.unit else ""
        raise UsageError(
            f"{printable(field)} cannot be", where=where, expected=quantity.told + bounds, hint=quantity.hint
        )
    return value


def _what_is(field: str) -> str:
    """Return in words what stands where a number should."""
    shown = f"'{printable(field)}'"
    if not field:
        return "the field is empty"
    if field.lower().lstrip("+-") in NO_NUMBER or not math.isfinite(_as_python(field)):
        return f"{shown} is not a finite number"
    if _DECIMAL_COMMA.fullmatch(field):
        return f"{shown} has a decimal comma"
    match = _WITH_UNIT.fullmatch(field) if len(field) <= _LONGEST_UNIT else None
    if match is not None and not field.lower().startswith("0x"):
        return f"{shown} carries a unit, '{printable(match['unit'])}': units stand in the header only"
    return f"{shown} is not a number"


def _as_python(field: str) -> float:
    """Return what Python would read, 0 where it reads nothing."""
    try:
        return float(field)
    except ValueError:
        return 0.0


def _order(previous: float, at: float, grammar: Grammar, number: int, row: int) -> UsageError:
    """Return the error of a time that does not increase."""
    unit = grammar.quantities[grammar.increasing].unit
    what = f"time stands still: {at:.15g} {unit} twice"
    if at < previous:
        what = f"time goes backwards: {at:.15g} {unit} after {previous:.15g} {unit}"
    return UsageError(what, where=grammar.place.at(number, row, grammar.increasing), expected="strictly increasing")
