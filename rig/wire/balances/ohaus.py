"""Ohaus: lines of words, cut at blanks because their widths differ between models.

A ``?`` behind the unit says that the load moves or lies below the minimum weight. Source: balance-protocols 4.
"""

from __future__ import annotations

import re
from typing import Final

from rig.errors import MalformedReply
from rig.wire.weights import BalanceRefused, Condition, Weight, malformed, take_line, weight_of

WEIGH_NOW: Final = b"IP\r\n"
WEIGH_STABLE: Final = b"SP\r\n"
STREAM: Final = b"CP\r\n"
STOP: Final = b"0P\r\n"
SERIAL: Final = b"PSN\r\n"
VERSION: Final = b"PV\r\n"
HINT: Final = (
    "set print content to the result only and the unit to g in the balance's menu; "
    'a model that speaks MT-SICS: protocol = "mt-sics"'
)
_EXPECTED: Final = "'<value> g|mg', '?' while it moves, and <CR><LF>"

_match_weight = re.compile(rb" {0,11}(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?) {1,5}([!-~]{1,5}) *(\?)? *\r\n").fullmatch
_match_error = re.compile(rb" *\[?Err(?:or)?[ .]*([0-9.]*)\]?[ -~]*\r\n", re.IGNORECASE).fullmatch
_match_text = re.compile(rb"[ -~]{1,60}\r\n").fullmatch
_KNOWN: Final = {b"ES\r\n": Condition.SYNTAX, b"LE\r\n": Condition.LOGICAL}
_ERRORS: Final = {b"8.3": Condition.OVERLOAD, b"8.4": Condition.UNDERLOAD}
_BLANK: Final = re.compile(rb" [ \-]*\r\n").fullmatch


def take_weight(inbox: bytearray) -> Weight | None:
    """Take the answer to a print off the front of ``inbox``; None: more bytes, please.

    ``OK!``, which newer models say to a command, is passed over.
    """
    while (line := take_line(inbox, HINT)) is not None:
        if line != b"OK!\r\n":
            return parse_weight(line)
    return None


def parse_weight(line: bytes) -> Weight:
    """Read one printed line.

    Check value: ``      0.01 g ?`` is 10 mg, moving, in steps of 10 mg.
    """
    match = _match_weight(line)
    if match is None:
        raise _no_weight(line)
    number, unit, moving = match[1], match[2], match[3] is not None
    return weight_of(number, unit, number + b" " + unit, stable=not moving)


def take_text(inbox: bytearray) -> str | None:
    """Take the answer to `SERIAL` or `VERSION` off the front of ``inbox``; None: more bytes, please."""
    while (line := take_line(inbox, HINT)) is not None:
        if line == b"OK!\r\n":
            continue
        if line in _KNOWN:
            raise _no_weight(line)
        if _match_weight(line) is not None or _match_text(line) is None:
            raise malformed(line, "identity", "a serial number or version", HINT)
        return line.decode("latin-1").strip()
    return None


def _no_weight(line: bytes) -> BalanceRefused | MalformedReply:
    condition = _KNOWN.get(line)
    if condition is not None:
        return BalanceRefused(condition, f"the balance answered {line[:-2].decode()}: {condition.value}")
    error = _match_error(line)
    if error is not None or _BLANK(line) is not None:
        condition = _ERRORS.get(error[1], Condition.FAULT) if error is not None else Condition.RANGE
        return BalanceRefused(condition, f"the balance printed {line[:-2].decode('latin-1')!r}: {condition.value}")
    return malformed(line, "print", _EXPECTED, HINT)
