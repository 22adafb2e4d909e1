"""Every certificate of a bench: what it is of, its number, and the day on which it expires.

Found by their type wherever they stand in the bench file, so that an instrument that is added later is not forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from typing import Any, Final

from rig.config import BenchConfig, Calibration, FlowAccuracy

ONLY_WHEN_USED: Final = ("reference_weights", "flow_sources")  # a run without them rests on none of theirs


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate; ``always``: every run of the bench rests on it; ``kind``: its table in the bench file."""

    what: str
    number: str
    due: date
    kind: str
    always: bool


def certificates(bench: BenchConfig) -> tuple[Certificate, ...]:
    """Return all certificates of a bench that expire, in the order of the bench file."""
    return tuple(
        found for field in fields(bench) for found in _within(getattr(bench, field.name), field.name, field.name)
    )


def _within(value: Any, kind: str, what: str) -> Iterator[Certificate]:
    """Yield the certificates in a table of the bench file, and in the tables and lists within it."""
    if isinstance(value, tuple):
        for each in value:
            yield from _within(each, kind, what)
    elif is_dataclass(value) and not isinstance(value, type):
        named = f"{_words(kind)}{_name(value)}"
        for field in fields(value):
            held = getattr(value, field.name)
            number = _number(held)
            if number is not None and held.due is not None:
                yield Certificate(named, number, held.due, kind, kind not in ONLY_WHEN_USED)
            elif number is None:
                yield from _within(held, kind, named)


def _number(held: Any) -> str | None:
    """Return what a certificate calls itself, or None for what is none."""
    if isinstance(held, Calibration):
        return held.certificate
    return held.source if isinstance(held, FlowAccuracy) else None


def _words(kind: str) -> str:
    return kind.removesuffix("s").replace("_", " ") if kind in ONLY_WHEN_USED else kind.replace("_", " ")


def _name(value: Any) -> str:
    """Return what tells one of several from the others, with a space before it."""
    if hasattr(value, "nominal_g"):
        return f" of {value.nominal_g:g} g"
    name = getattr(value, "name", "")
    return f" {name}" if isinstance(name, str) and name else ""
