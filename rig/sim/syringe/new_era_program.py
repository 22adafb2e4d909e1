"""Pumping program, numbers and units of the New Era pumps [syringe 1.5]."""

from __future__ import annotations

import re
from dataclasses import dataclass

PHASES = 41
RATE_UNITS = {"UM": 60.0, "MM": 60_000.0, "UH": 1.0, "MH": 1000.0}  # uL/h in one
VOLUME_UNITS = {"UL": 1.0, "ML": 1000.0}  # uL in one
LARGEST_UL_DIAMETER_MM = 14.0  # above it the volume unit is mL
_NUMBER = re.compile(r"(\d*)\.?(\d*)")


class Refused(Exception):
    """A command that cannot be obeyed; ``code`` is what follows the status."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


UNKNOWN, NOT_NOW, OUT_OF_RANGE, BAD_PACKET, IGNORED = "?", "?NA", "?OOR", "?COM", "?IGN"


@dataclass(slots=True)
class Phase:
    """One step of a pumping program; phases are numbered from 1."""

    function: str = "STP"  # "RAT" | "STP" | "PAS" | "JMP"
    operand: int = 0  # seconds of PAS, phase of JMP
    rate: float = 0.0
    rate_unit: str = "MH"
    stored: tuple[float, str] = (0.0, "MH")  # what a rate falls back to when the supply fails
    volume: float = 0.0
    forward: bool = True

    @property
    def rate_ul_per_h(self) -> float:
        """Return the pumping rate."""
        return self.rate * RATE_UNITS[self.rate_unit]

    @property
    def function_text(self) -> str:
        """Return the function as the pump writes it."""
        return f"{self.function}{self.operand:02d}" if self.function in ("PAS", "JMP") else self.function


def new_program(rate: float, rate_unit: str) -> list[Phase]:
    """Return a program of one pumping phase; all others stop."""
    first = Phase("RAT", rate=rate, rate_unit=rate_unit, stored=(rate, rate_unit))
    return [first, *(Phase() for _ in range(PHASES - 1))]


def read_function(text: str) -> tuple[str, int]:
    """Return (function, operand) of a FUN command; raise `Refused`."""
    if text in ("RAT", "STP"):
        return text, 0
    if text[:3] in ("PAS", "JMP") and text[3:].isdecimal() and len(text) <= 5:
        operand = int(text[3:])
        if not 1 <= operand <= (99 if text[:3] == "PAS" else PHASES):
            raise Refused(OUT_OF_RANGE)
        return text[:3], operand
    raise Refused(UNKNOWN)


def read_number(text: str) -> float:
    """Return a number of at most 4 digits, at most 3 of them behind the point; raise `Refused`."""
    match = _NUMBER.fullmatch(text)
    if match is None or not (match[1] or match[2]):
        raise Refused(UNKNOWN)
    if len(match[1]) + len(match[2]) > 4 or len(match[2]) > 3:
        raise Refused(OUT_OF_RANGE)
    return float(text)


def write_number(value: float) -> str:
    """Return a number as the pump shows it: four digits, always with a point."""
    for decimals, below in ((3, 9.9995), (2, 99.995), (1, 999.95)):
        if value < below:
            return f"{value:.{decimals}f}"
    return f"{value % 10_000.0:.0f}."
