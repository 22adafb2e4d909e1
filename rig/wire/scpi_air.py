"""Answers of transmitters of the air that speak SCPI: numbers with or without a unit, the identity, the error queue."""

from __future__ import annotations

import re
from typing import Final

from rig.errors import InstrumentError, MalformedReply

NOT_A_NUMBER: Final = 9e37  # SCPI's 9.9E37 stands for an overload, 9.91E37 for no measurement at all
_ANSWER: Final = re.compile(r"(?P<number>[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*(?P<unit>[A-Za-z%°']*)")
_ERROR: Final = re.compile(r'(?P<code>[+-]?\d+)\s*,\s*"(?P<text>[^"]*)"')
TO_HPA: Final = {"HPA": 1.0, "PA": 0.01, "KPA": 10.0, "MBAR": 1.0, "BAR": 1000.0}
UNITS: Final = {"temperature": ("", "C", "CEL", "°C"), "humidity": ("", "%", "PCT", "%RH")}


def take_line(inbox: bytearray) -> str | None:
    """Take one line off the front of ``inbox``; None: more bytes, please."""
    end = inbox.find(b"\n")
    if end < 0:
        return None
    line = bytes(inbox[:end]).decode("latin-1").strip()
    del inbox[: end + 1]
    return line


def read_value(quantity: str, line: str, where: str, pressure_unit: str = "") -> float | None:
    """Return a quantity in degrees C, % or hPa; None where the transmitter has no measurement.

    ``pressure_unit`` is what it said of its pressures; a pressure of which nobody said the unit is refused: 760 may be
    millimetres of mercury.
    """
    match = _ANSWER.fullmatch(line)
    if match is None:
        raise MalformedReply(where, line.encode("latin-1"), asked=quantity, expected="a number")
    number, unit = float(match["number"]), match["unit"].upper()
    if abs(number) > NOT_A_NUMBER:
        return None
    if quantity == "pressure":
        factor = TO_HPA.get(unit or pressure_unit.strip().strip('"').upper())
        if factor is None:
            raise InstrumentError(
                f"its pressure {line!r} is in no unit that is known ('{unit or pressure_unit}')",
                where=where,
                expected=" or ".join(TO_HPA),
                hint="UNIT:PRES HPA",
            )
        return number * factor
    if unit not in UNITS[quantity]:
        raise InstrumentError(
            f"its {quantity} {line!r} is in another unit",
            where=where,
            expected=UNITS[quantity][1],
            hint="set its units",
        )
    return number


def read_error(line: str, where: str) -> tuple[int, str]:
    """Return code and text of an entry of the error queue; 0 where it is empty."""
    match = _ERROR.fullmatch(line)
    if match is None:
        raise MalformedReply(where, line.encode("latin-1"), asked="SYST:ERR?", expected="a code and a text in quotes")
    return int(match["code"]), match["text"]


def read_identity(line: str, where: str) -> tuple[str, str, str]:
    """Return model, serial number and software of an answer to ``*IDN?``."""
    parts = [part.strip() for part in line.split(",")]
    if len(parts) != 4 or not parts[1]:
        raise MalformedReply(where, line.encode("latin-1"), asked="*IDN?", expected="maker,model,serial,software")
    return parts[1], "" if parts[2] == "0" else parts[2], parts[3]
