"""KERN's older remote set ("rE Cr"): single letters without a line end, answers of 18 characters.

A line without a unit is one of a load that moves; older firmware cuts it to 15 characters. The fault line does not say
what is wrong. Source: balance-protocols 5.
"""

from __future__ import annotations

import re
from typing import Final

from rig.errors import MalformedReply
from rig.wire.weights import BalanceRefused, Condition, UnitMemory, Weight, malformed, take_line

WEIGH_NOW: Final = b"w"
WEIGH_STABLE: Final = b"s"
HINT: Final = "choose remote control ('rE Cr') in the balance's menu; newer models speak KCP: protocol = \"kern-kcp\""
_EXPECTED: Final = "18 characters: sign, value of ten, unit of three and <CR><LF>"

# Position 1 blank or M, 2 the sign, 3 to 12 the value right-aligned, 13 blank, 14 to 16 the unit.
_match_stable = re.compile(
    rb"([ M])([ \-])(?=[ 0-9.]{10} .{3}\r\n) *((?:0|[1-9][0-9]*)(?:\.[0-9]+)?) ([!-~]{1,3} {0,2})\r\n"
).fullmatch
_match_moving = re.compile(
    rb"([ M])([ \-])(?=[ 0-9.]{10} *\r\n) *((?:0|[1-9][0-9]*)(?:\.[0-9]+)?)(    | )\r\n"
).fullmatch
_FAULTS: Final = (b" " * 11 + b"Error\r\n", b" " * 7 + b"Error\r\n")


def take_weight(inbox: bytearray, units: UnitMemory) -> Weight | None:
    """Take the answer to ``s`` or ``w`` off the front of ``inbox``; None: more bytes, please."""
    line = take_line(inbox, HINT)
    return None if line is None else parse_weight(line, units)


def parse_weight(line: bytes, units: UnitMemory) -> Weight:
    """Read one line; ``units`` remembers the unit of the last stable one.

    Check value: ``      123.45 g  `` is 123450 mg, stable, in steps of 10 mg.
    """
    match = _match_stable(line) if len(line) == 18 else None
    moving = match is None
    if match is None and len(line) in (15, 18):
        match = _match_moving(line)
    if match is None:
        raise _no_weight(line)
    first, sign, number, unit = match.groups()
    if first == b"M":
        raise BalanceRefused(
            Condition.FORMAT,
            f"a line marked M, which is no plain load: {line!r}",
            expected=_EXPECTED,
            hint="clear the balance's memory, and leave its functions",
        )
    value = (b"-" if sign == b"-" else b"") + number
    text = line[:-2].strip()
    return units.moving(value, text) if moving else units.stable(value, unit.strip(), text)


def _no_weight(line: bytes) -> BalanceRefused | MalformedReply:
    if line in _FAULTS:
        return BalanceRefused(Condition.RANGE, f"the balance shows 'Error': {Condition.RANGE.value}")
    return malformed(line, "weighing", _EXPECTED, HINT)
