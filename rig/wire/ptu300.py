"""Messages of transmitters of the PTU300 and HMT330 class, read by their labels.

``P=  1013.2 hPa T=  31.1 'C RH=  38.3 %RH``: a label, a number, a unit, in whatever order the transmitter is set to
tell them. Stars stand for a missing value. Where its format ends in CS4, four hexadecimal digits are the sum of the
bytes before them, modulo 65536; a sum that is there is always checked. Source: reference page on bench instruments,
section 5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from rig.errors import MalformedReply

DEVICE: Final = "transmitter"
PROMPT: Final = ">"
EXPECTED: Final = "label, number and unit, such as T= 21.3 'C"
_ITEM: Final = re.compile(
    r"(?P<label>[A-Za-z][A-Za-z0-9]*)\s*=\s*(?P<value>\*[*.]*|[+-]?\d+(?:\.\d+)?)(?:\s*(?P<unit>(?![A-Za-z0-9]+\s*=)[^\s=]+))?"
)
_SUM: Final = re.compile(r"(?P<sum>[0-9A-F]{4})$")
_SERIAL: Final = re.compile(r"Serial number\s*:\s*(\S+)", re.IGNORECASE)
_MODEL: Final = re.compile(r"^([A-Z]{2,4}\d{2,4}\w*)\s*/?\s*(\d+\.\d+)?")

# Scale and offset to degrees C, % and hPa.
UNITS: Final[dict[str, dict[str, tuple[float, float]]]] = {
    "T": {"'C": (1.0, 0.0), "'F": (5.0 / 9.0, -160.0 / 9.0)},
    "RH": {"%RH": (1.0, 0.0), "%": (1.0, 0.0)},
    "P": {
        "hPa": (1.0, 0.0),
        "mbar": (1.0, 0.0),
        "kPa": (10.0, 0.0),
        "Pa": (0.01, 0.0),
        "mmHg": (1.33322387415, 0.0),
        "torr": (1.33322368421, 0.0),
        "inHg": (33.8638866667, 0.0),
    },
}


@dataclass(frozen=True, slots=True)
class AirMessage:
    """One message: each quantity in degrees C, % or hPa, None where stars stood for it or it is not told at all."""

    temperature_c: float | None
    humidity_pct: float | None
    pressure_hpa: float | None
    told: frozenset[str]  # labels, those with stars included
    checked: bool  # by a sum that was there
    text: str


def take_line(inbox: bytearray) -> str | None:
    """Take one line off the front of ``inbox``, without its end and the prompt before it; None: more, please.

    A byte with its eighth bit set is none of a 7-bit line's: it is kept as it came, and no message has it.
    """
    end = inbox.find(b"\n")
    if end < 0:
        return None
    line = bytes(inbox[:end]).decode("latin-1")
    del inbox[: end + 1]
    return line.rstrip("\r").lstrip(PROMPT)


def read_message(line: str) -> AirMessage:
    """Return what a message says; raises `MalformedReply` for a wrong sum, an unknown unit, and anything else."""
    body, checked = _without_sum(line)
    values: dict[str, float | None] = {}
    rest = _ITEM.sub(lambda match: _take(match, values, line), body)
    if rest.strip() or not values:
        raise MalformedReply(DEVICE, line.encode("latin-1"), expected=EXPECTED)
    return AirMessage(
        values.get("T"), values.get("RH"), values.get("P"), frozenset(values), checked, " ".join(line.split())
    )


def read_about(lines: list[str]) -> tuple[str, str, str]:
    """Return model, serial number and software from what it answers to ``?``; each empty where it does not say."""
    model = software = serial = ""
    for line in lines:
        if (found := _SERIAL.search(line)) is not None:
            serial = found[1]
        elif not model and (named := _MODEL.match(line.strip())) is not None:
            model, software = named[1], named[2] or ""
    return model, serial, software


def _without_sum(line: str) -> tuple[str, bool]:
    """Return the message without its sum, and whether there was one; a wrong one is refused."""
    match = _SUM.search(line.rstrip())
    if match is None or "=" not in line[: match.start()]:
        return line, False
    before = line[: match.start()]
    if re.search(r"[=.\d]\s*$", before):
        return line, False  # the digits of a number
    if sum(before.encode("latin-1")) % 65_536 != int(match["sum"], 16):
        raise MalformedReply(
            DEVICE,
            line.encode("latin-1"),
            expected=f"the sum {sum(before.encode('latin-1')) % 65_536:04X}",
            hint="check the line: baud rate, parity, cable",
        )
    return before, True


def _take(match: re.Match[str], values: dict[str, float | None], line: str) -> str:
    label, text, unit = match["label"].upper(), match["value"], match["unit"] or ""
    if label in values:
        raise MalformedReply(DEVICE, line.encode("latin-1"), expected=f"{label} once")
    if text.startswith("*"):
        values[label] = None
        return ""
    scale = UNITS.get(label, {}).get(unit)
    if scale is None and label in UNITS:
        raise MalformedReply(
            DEVICE, line.encode("latin-1"), expected=f"{label} in {' or '.join(UNITS[label])}", hint="set its units"
        )
    factor, offset = scale or (1.0, 0.0)
    values[label] = float(text) * factor + offset
    return ""
