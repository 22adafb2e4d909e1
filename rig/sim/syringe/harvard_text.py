"""Numbers, units and refusals of the Harvard pumps [syringe 2.2 to 2.5]."""

from __future__ import annotations

import re

VOLUME_LETTERS = {"m": 1000.0, "u": 1.0, "n": 1e-3, "p": 1e-6}  # uL in one litre of that prefix
PER_HOUR = {"h": 1.0, "m": 60.0, "s": 3600.0}
TIME_WORDS = {"h": "hr", "m": "min", "s": "sec"}
NOT_NOW = "Not possible now"
UNKNOWN = "Unknown command"
OUT_OF_RANGE = "Out of range"
INVALID = "Invalid argument"

_NUMBER = re.compile(r"(?=.{1,12}$)\d+\.?\d*|(?=.{1,12}$)\.\d+")
_RATE_UNIT = re.compile(r"([munp])l?/(h|hr|m|min|s|sec)")
_VOLUME_UNIT = re.compile(r"([munp])l?")


class Refused(Exception):
    """A command that is not obeyed; ``lines`` are what the pump says, ``argument`` None for a command error."""

    def __init__(self, message: str, argument: str | None = None) -> None:
        super().__init__(message)
        head = "Command error:" if argument is None else f"Argument error: {argument}"
        self.lines = [head, f"   {message}"]


def read_number(text: str) -> float:
    """Return a number without a sign; raise `Refused`."""
    if _NUMBER.fullmatch(text) is None:
        raise Refused(INVALID, text)
    return float(text)


def read_whole(text: str, low: int, high: int) -> int:
    """Return a whole number between two limits; raise `Refused`."""
    if not text.isdecimal() or len(text) > 9:
        raise Refused(INVALID, text)
    if not low <= int(text) <= high:
        raise Refused(OUT_OF_RANGE, text)
    return int(text)


def read_rate_unit(text: str) -> tuple[str, str]:
    """Return the letters of (volume, time) in a unit such as ``u/m`` or ``ul/min``; raise `Refused`."""
    match = _RATE_UNIT.fullmatch(text)
    if match is None:
        raise Refused(INVALID, text)
    return match[1], match[2][0]


def read_volume_ul(number: str, unit: str) -> float:
    """Return a volume such as ``10`` ``ml`` in uL; raise `Refused`."""
    match = _VOLUME_UNIT.fullmatch(unit)
    if match is None:
        raise Refused(INVALID, unit)
    return read_number(number) * VOLUME_LETTERS[match[1]]


def ul_per_h(rate: float, unit: tuple[str, str]) -> float:
    """Return a rate in uL/h."""
    return rate * VOLUME_LETTERS[unit[0]] * PER_HOUR[unit[1]]


def write_rate(rate: float, unit: tuple[str, str], digits: int = 6) -> str:
    """Return a rate as the pump shows it, such as ``5 ul/min``."""
    return f"{rate:.{digits}g} {unit[0]}l/{TIME_WORDS[unit[1]]}"


def write_volume(volume_ul: float) -> str:
    """Return a volume in the unit that suits it, such as ``12.345 ul``."""
    letter = _letter(volume_ul)
    return f"{volume_ul / VOLUME_LETTERS[letter]:.6g} {letter}l"


def write_limit(rate_ul_per_h: float) -> str:
    """Return a limit as four digits per minute, such as ``17.29 nl/min``."""
    ul_per_min = rate_ul_per_h / 60.0
    letter = _letter(ul_per_min)
    return write_rate(ul_per_min / VOLUME_LETTERS[letter], (letter, "m"), 4)


def _letter(volume_ul: float) -> str:
    if volume_ul == 0.0:
        return "u"
    return next((letter for letter, ul in VOLUME_LETTERS.items() if volume_ul >= ul), "p")
