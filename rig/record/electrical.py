"""Electrical readings as a record keeps them: one line each, ``P <time> <supply|meter> <V> <A>``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from rig.electrical import Metered, Supplied
from rig.record.lines import BlockDecoder

NONE: Final = "-"
OVER: Final = "over"


@dataclass(frozen=True, slots=True)
class Electrical:
    """One reading; ``name`` is ``supply`` or ``meter``, ``at_ns`` the middle between question and answer, rig time.

    ``voltage_v`` is None for a meter; ``current_a`` is None for an overload, which is no number.
    """

    at_ns: int
    name: str
    voltage_v: float | None
    current_a: float | None

    @property
    def text(self) -> str:
        """Return what stands behind the time of its line."""
        voltage = NONE if self.voltage_v is None else repr(self.voltage_v)
        current = OVER if self.current_a is None else repr(self.current_a)
        return f"{self.name} {voltage} {current}"


def supplied(reading: Supplied) -> Electrical:
    """Return a measurement of the supply as the record keeps it."""
    return Electrical((reading.asked_ns + reading.answered_ns) // 2, "supply", reading.voltage_v, reading.current_a)


def metered(reading: Metered) -> Electrical:
    """Return a reading of the meter as the record keeps it."""
    return Electrical((reading.asked_ns + reading.answered_ns) // 2, "meter", None, reading.current_a)


def parse_electrical(line: str, decoder: BlockDecoder) -> Electrical:
    """Return the reading of a ``P`` line; raises ValueError for another line."""
    kind, word, name, voltage, current = line.split(" ")
    if kind != "P" or name not in ("supply", "meter"):
        raise ValueError(line)
    at_ns = decoder.time(word)
    return Electrical(
        at_ns, name, None if voltage == NONE else _finite(voltage), None if current == OVER else _finite(current)
    )


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value
