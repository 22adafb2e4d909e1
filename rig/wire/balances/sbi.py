"""Sartorius SBI: data lines of 16 and 22 characters.

A line without a unit is one of a load that moves: there is no other flag, so the unit is remembered. Commands are
``<ESC>`` and a letter; most of them have no answer, and a command that a model does not know has none either. Source:
balance-protocols 2.1 to 2.5.
"""

from __future__ import annotations

import re
from typing import Final

from rig.errors import MalformedReply
from rig.wire.weights import DEVICE, BalanceRefused, Condition, UnitMemory, Weight, malformed, take_line

PRINT: Final = b"\x1bP\r\n"
WHO: Final = {"model": b"\x1bx1_\r\n", "serial": b"\x1bx2_\r\n", "software": b"\x1bx3_\r\n"}
HINT: Final = (
    "choose SBI on the balance's interface menu (not xBPI, printer or PC-direct), one line for each print, "
    "and a decimal point"
)
_EXPECTED: Final = "16 characters, sign, value, unit, or 22 with an identification in front"

# Position 1 the sign, 2 to 10 the value right-aligned (2 is mostly blank), 11 blank, 12 to 14 the unit or blanks.
_NUMBER = rb"((?:0|[1-9][0-9]*)(?:\.[0-9]+)?)"
_match_body = re.compile(rb"([+\- ])(?=[ 0-9.]{9} .{3}\r\n) *" + _NUMBER + rb" (   |[!-~]{1,3} {0,2})\r\n").fullmatch
_match_special = re.compile(rb"(?:Stat )? *([A-Za-z.\-]+(?: [A-Za-z.]+)?)(?: +([0-9]+))? *\r\n").fullmatch
_match_other = re.compile(rb"(?:G     |G#    |T     )(?=.{14}\r\n).*\r\n").fullmatch
_match_label = re.compile(
    r"(?:model|type|bac|ser\.? ?no\.?|s/?n|vers(?:ion)?\.?|softw(?:are)?\.?)[ :]+", re.IGNORECASE
).match

_SPECIAL: Final = {
    b"High": Condition.OVERLOAD,
    b"H": Condition.OVERLOAD,
    b"Low": Condition.UNDERLOAD,
    b"L": Condition.UNDERLOAD,
    b"Cal.Int.": Condition.BUSY,
    b"Cal.Ext.": Condition.BUSY,
    b"C": Condition.BUSY,
    b"--": Condition.BUSY,
    b"OFF": Condition.ASLEEP,
    b"APP.ERR": Condition.FAULT,
    b"DIS.ERR": Condition.FAULT,
    b"PRT.ERR": Condition.FAULT,
    b"COMM.ERR": Condition.FAULT,
    b"SYS.ERR": Condition.FAULT,
}
_ERRORS: Final = {54: Condition.UNDERLOAD, 55: Condition.OVERLOAD}


def take_weight(inbox: bytearray, units: UnitMemory) -> Weight | None:
    """Take the answer to a print off the front of ``inbox``; None: more bytes, please.

    Lines of gross and tare in one block are passed over; the net line is the answer. Anything but a weight raises
    `BalanceRefused` or `MalformedReply`.
    """
    while (line := take_line(inbox, HINT)) is not None:
        if _match_other(line) is None and line.strip(b"\r\n"):
            return parse_weight(line, units)
    return None


def parse_weight(line: bytes, units: UnitMemory) -> Weight:
    """Read one data line; ``units`` remembers the unit of the last stable one.

    Check value: ``+  12.3456 g  `` is 12345.6 mg, stable, in steps of 0.1 mg.
    """
    body = line
    if len(line) == 22:
        if line[:6] != b"N     ":
            raise _no_weight(line)
        body = line[6:]
    match = _match_body(body)
    if match is None or len(body) != 16:
        raise _no_weight(line)
    sign, number, unit = match.groups()
    value = (b"-" if sign == b"-" else b"") + number
    text = body[:-2].strip()
    unit = unit.strip()
    return units.stable(value, unit, text) if unit else units.moving(value, text)


def parse_text(line: bytes) -> str:
    """Read the answer to one of `WHO`: a text, with or without a label in front."""
    if is_data_line(line):
        raise MalformedReply(DEVICE, line, expected="a model, number or version", hint=HINT)
    text = line.decode("latin-1").strip()
    label = _match_label(text)
    return text[label.end() :].strip() if label else text


def is_data_line(line: bytes) -> bool:
    """Say whether this looks like a line that a print gives: a weight, or what stands in its place."""
    if _match_other(line) is not None:
        return True
    body = line[6:] if len(line) == 22 and line[:6] in (b"N     ", b"Qnt   ", b"Stat  ") else line
    if len(body) != 16:
        return False
    special = _match_special(body)
    return _match_body(body) is not None or (
        special is not None and (special[1].replace(b" ", b"") in _SPECIAL or special[1] in (b"Err", b"ERR"))
    )


def is_other_line(line: bytes) -> bool:
    """Say whether this is the gross or tare line of a block, which no driver here asks for by itself."""
    return _match_other(line) is not None


def _no_weight(line: bytes) -> BalanceRefused | MalformedReply:
    match = _match_special(line)
    if match is not None:
        word, number = match[1].replace(b" ", b""), match[2]
        said = line[:-2].decode("latin-1").strip()
        if word in (b"Err", b"ERR") and number is not None:
            condition = _ERRORS.get(int(number), Condition.FAULT)
            return BalanceRefused(condition, f"the balance reports error {int(number)} ({condition.value})")
        if word in _SPECIAL and number is None:
            condition = _SPECIAL[word]
            return BalanceRefused(condition, f"the balance shows {said!r}: {condition.value}")
    if b"[" in line and b"]" in line:
        return BalanceRefused(
            Condition.FORMAT, f"a line for a printer, with digits in brackets: {line!r}", expected=_EXPECTED, hint=HINT
        )
    return malformed(line, "print", _EXPECTED, HINT)
