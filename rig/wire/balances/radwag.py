"""Radwag: mass frames of 21 characters, and answers in two steps.

Source: balance-protocols 6.
"""

from __future__ import annotations

import re
from typing import Final

from rig.errors import MalformedReply
from rig.wire.weights import BalanceRefused, Condition, Weight, malformed, take_line, weight_of

WEIGH_NOW: Final = b"SI\r\n"
WEIGH_STABLE: Final = b"S\r\n"
STREAM: Final = b"C1\r\n"
STOP: Final = b"C0\r\n"
WHO: Final = {"model": "BN", "serial": "NB", "software": "RV"}
FILTER: Final = "FIG"  # 1 very fast to 5 very slow
ENVIRONMENT: Final = "EVG"  # 0 unstable, 1 stable
HINT: Final = "choose Radwag's own protocol on the balance's interface, and the unit g"
_EXPECTED: Final = "a mass frame of 19 characters: command, stability, sign, mass, unit, and <CR><LF>"

# Command 1 to 3, stability 4, blank, sign 6, mass 7 to 15 right-aligned, blank, unit 17 to 19 left-aligned.
_match_frame = re.compile(
    rb"(S  |SI |C1 )([ ?^v]) ([ \-])(?=[ 0-9.]{9} .{3}\r\n) *((?:0|[1-9][0-9]*)(?:\.[0-9]+)?) ([!-~]{1,3} {0,2})\r\n"
).fullmatch
_match_range = re.compile(rb"(S|SI|C1) {1,2}([\^v])[ -~]*\r\n").fullmatch
_match_short = re.compile(rb"([A-Z][A-Z0-9]{0,2}) ([ADIE^v]|OK)\r\n").fullmatch
_match_text = re.compile(rb"([A-Z]{2,3}) (?:A )?\"?([^\"\r\n]*)\"?\r\n").fullmatch

_match_digit = re.compile(rb"([A-Z]{2,3}) ([0-9]) OK\r\n").fullmatch

_SHORT: Final = {
    b"I": Condition.BUSY,
    b"E": Condition.UNSTABLE,
    b"^": Condition.OVERLOAD,
    b"v": Condition.UNDERLOAD,
}


def take_weight(inbox: bytearray) -> Weight | None:
    """Take the answer to ``S`` or ``SI`` off the front of ``inbox``; None: more bytes, please.

    That a command was accepted (``S A``) or is done (``S D``) is passed over: it is no weight.
    """
    while (line := take_line(inbox, HINT)) is not None:
        short = _match_short(line)
        if short is None or short[2] not in (b"A", b"D"):
            return parse_weight(line)
    return None


def parse_weight(line: bytes) -> Weight:
    """Read one mass frame.

    Check value: ``S    -      8.5 g  `` is -8500 mg, stable, in steps of 100 mg.
    """
    match = _match_frame(line)
    if match is None or len(line) != 21 or match[2] in b"^v":
        raise _no_weight(line)
    _, stability, sign, digits, unit = match.groups()
    number = (b"-" if sign == b"-" else b"") + digits
    return weight_of(number, unit.strip(), line[5:-2].strip(), stable=stability == b" ")


def take_text(inbox: bytearray, command: str) -> str | None:
    """Take the answer to one of `WHO` off the front of ``inbox``; None: more bytes, please."""
    line = take_line(inbox, HINT)
    if line is None:
        return None
    match = _match_text(line)
    if match is None or match[1] != command.encode() or match[2] == b"I":
        raise _no_weight(line)
    return match[2].decode("latin-1").strip()


def take_digit(inbox: bytearray, command: str) -> int | None:
    """Take the answer to `FILTER` or `ENVIRONMENT` off the front of ``inbox``; None: more bytes, please."""
    line = take_line(inbox, HINT)
    if line is None:
        return None
    match = _match_digit(line)
    if match is None or match[1] != command.encode():
        raise _no_weight(line)
    return int(match[2])


def _no_weight(line: bytes) -> BalanceRefused | MalformedReply:
    if line == b"ES\r\n":
        return BalanceRefused(Condition.SYNTAX, "the balance answered ES: command not recognised")
    short, over = _match_short(line), _match_range(line)
    sign = short[2] if short is not None else over[2] if over is not None else b""
    condition = _SHORT.get(sign)
    if condition is not None:
        return BalanceRefused(condition, f"the balance answered {line[:-2].decode()!r}: {condition.value}")
    return malformed(line, "weighing", _EXPECTED, HINT)
