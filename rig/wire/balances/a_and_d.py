"""A&D: the standard output format (menu ``type 0``), and its other formats recognised and refused.

The overload line ``OL,+9999999E+19`` holds what a loose pattern reads as a number. A balance with ``erCd 0`` says
nothing to a good control command and nothing to a bad one. Source: balance-protocols 3.1 to 3.3.
"""

from __future__ import annotations

import re
from typing import Final

from rig.errors import MalformedReply
from rig.wire.weights import BalanceRefused, Condition, Weight, malformed, take_line, weight_of

WEIGH_NOW: Final = b"Q\r\n"
WEIGH_STABLE: Final = b"S\r\n"
STREAM: Final = b"SIR\r\n"
CANCEL: Final = b"C\r\n"
MODEL: Final = b"?TN\r\n"
SERIAL: Final = b"?SN\r\n"
HINT: Final = "set the output format to A&D standard ('type 0') in the balance's menu"
_EXPECTED: Final = "'ST|US,<sign and 8 digits><unit>' of 15 characters and <CR><LF>"

# Header, comma, sign, eight characters with leading zeros and a point, unit right-aligned in three.
_match_weight = re.compile(
    rb"(ST|US|QT),([+\-])(?=[0-9.]{8}.{3}\r\n)0*([0-9]+(?:\.[0-9]+)?)(?=.{3}\r\n)( {0,2}[!-~]{1,3})\r\n"
).fullmatch
_match_range = re.compile(rb"OL,([+\-])9999999E\+19\r\n").fullmatch
_match_error = re.compile(rb"EC,E([0-9]{1,2})\r\n").fullmatch
_match_acknowledged = re.compile(rb"(?:\x06(?:\r\n)?)+")
_match_text = re.compile(rb"(ID|SN|TN|PT),([ -~]*)\r\n").fullmatch
_OTHER_FORMATS: Final = (
    ("DP", re.compile(rb"(?:WT|QT|US| {2}) {3}[+\- ][ 0-9.]+ *[!-~]{1,3}\r\n").fullmatch),
    ("KF", re.compile(rb"[+\-] {1,8}[0-9.]+ {1,3}[!-~]{0,3} *\r\n|[ ]*[HL] *\r\n").fullmatch),
    ("MT", re.compile(rb"S[ DI]? +[+\-0-9.]+ *[!-~]{0,3}\r\n").fullmatch),
    ("NU", re.compile(rb"[+\-]?[0-9.]{8,9}\r\n").fullmatch),
    ("CSV", re.compile(rb"(?:ST|US|OL)[,;][+\-][0-9.,E+]+[,;] *[!-~]{0,3}\r\n").fullmatch),
)

_ERRORS: Final = {
    0: (Condition.TRANSMISSION, "communication error: parity or framing"),
    1: (Condition.SYNTAX, "undefined command"),
    2: (Condition.BUSY, "not ready: re-zeroing, or its display is off"),
    3: (Condition.TRANSMISSION, "time-out inside a command"),
    4: (Condition.SYNTAX, "too many characters"),
    6: (Condition.SYNTAX, "format of the command"),
    7: (Condition.PARAMETER, "parameter out of range"),
    11: (Condition.UNSTABLE, "stability error"),
    16: (Condition.FAULT, "internal mass fault"),
    17: (Condition.FAULT, "internal mass fault"),
    20: (Condition.FAULT, "calibration weight too heavy"),
    21: (Condition.FAULT, "calibration weight too light"),
}


def take_weight(inbox: bytearray) -> Weight | None:
    """Take a data line off the front of ``inbox``; None: more bytes, please.

    Acknowledgements in front of it are passed over. Anything but a weight raises `BalanceRefused` or `MalformedReply`.
    """
    line = _take_line(inbox)
    return None if line is None else parse_weight(line)


def parse_weight(line: bytes) -> Weight:
    """Read one data line.

    Check value: ``ST,+012.3456  g`` is 12345.6 mg, stable, in steps of 0.1 mg.
    """
    match = _match_weight(line)
    if match is None or len(line) != 17:
        raise _no_weight(line)
    header, sign, digits, unit = match.groups()
    number = (b"-" if sign == b"-" else b"") + digits
    return weight_of(number, unit.strip(), line[3:-2].strip(), stable=header == b"ST")


def take_text(inbox: bytearray, header: str) -> str | None:
    """Take the answer to ``?<header>`` off the front of ``inbox``; None: more bytes, please.

    Some models answer ``?ID`` without a header.
    """
    line = _take_line(inbox)
    if line is None:
        return None
    match = _match_text(line)
    if match is None:
        raise _no_weight(line)
    if match[1] != header.encode():
        raise malformed(line, f"?{header}", f"'{header},<text>'", HINT)
    return match[2].decode("latin-1").strip()


def _take_line(inbox: bytearray) -> bytes | None:
    """Take a line; acknowledgements (``06h``, with or without a line end) in front of it are passed over."""
    while True:
        match = _match_acknowledged.match(inbox)
        if match is not None:
            del inbox[: match.end()]
        line = take_line(inbox, HINT)
        if line != b"\r\n":  # the end of an acknowledgement that came in two pieces
            return line


def _no_weight(line: bytes) -> BalanceRefused | MalformedReply:
    over = _match_range(line)
    if over is not None:
        condition = Condition.OVERLOAD if over[1] == b"+" else Condition.UNDERLOAD
        return BalanceRefused(condition, f"the balance reports {line[:-2].decode()!r}: {condition.value}")
    error = _match_error(line)
    if error is not None:
        condition, meaning = _ERRORS.get(int(error[1]), (Condition.FAULT, "not in the manual"))
        return BalanceRefused(condition, f"the balance reports {line[:-2].decode()}: {meaning}")
    for name, match in _OTHER_FORMATS:
        if match(line) is not None:
            return BalanceRefused(
                Condition.FORMAT, f"a line in the format {name}: {line!r}", expected=_EXPECTED, hint=HINT
            )
    return malformed(line, "weighing", _EXPECTED, HINT)
