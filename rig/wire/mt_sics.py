"""MT-SICS, levels 0 and 1: what a Mettler-Toledo balance (and many others) says on its line.

Every line is matched whole; unit and stability are part of the grammar. A weight is taken in grams or milligrams and
nothing else. Source: balance-protocols 1.2, 1.3 and 1.5 (manual 11781363L).
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import Enum
from typing import NamedTuple

from rig.errors import InstrumentError, MalformedReply

DEVICE = "balance"
MAX_LINE = 256
_WEIGHT_EXPECTED = "'S S|D <10-character value> g|mg' and <CR><LF>"


class Condition(Enum):
    """Why a balance gave no value; the value of each member is what a person reads."""

    BUSY = "busy: taring, zeroing, adjusting, warming up, or never stable"
    PARAMETER = "parameter wrong, or not possible on this model"
    OVERLOAD = "overload"
    UNDERLOAD = "underload"
    SYNTAX = "command not recognised or not allowed"
    TRANSMISSION = "transmission error: parity, framing or break"
    LOGICAL = "logical error: command cannot be executed"
    FAULT = "fault inside the balance"
    UNIT = "wrong unit"
    RESTARTED = "the balance restarted by itself"
    UNSTABLE = "never stable"


class BalanceRefused(InstrumentError):
    """The balance answered, and the answer is no value; ``condition`` says why."""

    def __init__(self, condition: Condition, detail: str, *, expected: str = "", hint: str = "") -> None:
        super().__init__(detail, where=DEVICE, expected=expected, hint=hint or _HINTS.get(condition, ""))
        self.condition = condition


class Weight(NamedTuple):
    """One weight in milligrams; ``resolution_mg`` is one step of the last decimal of *this* value."""

    mass_mg: float
    resolution_mg: float
    stable: bool
    text: str


class Reply(NamedTuple):
    """A reply without a weight: ``<id> <status> <text>``; status A is the last, B means more follow."""

    command: str
    status: str
    text: str


# The value field has exactly ten characters: what stands ten characters before the blank in front of the unit.
_match_weight = re.compile(
    rb"S ([SD]) (?=[ -~]{9}[0-9 ] [^ \r\n]{1,5}\r\n) *(-?(?:0|[1-9][0-9]*)(?:\.([0-9]+))?) ? ([^ \r\n]{1,5})\r\n"
).fullmatch
_match_refusal = re.compile(rb"([A-Z][A-Z0-9]{0,4}) ([IL+\-])\r\n").fullmatch
_match_fault = re.compile(rb"[A-Z0-9]{1,4} [SD] +Error +([0-9]+)([bt])(?: [^ \r\n]*)?\r\n").fullmatch
_match_reply = re.compile(rb"([A-Z][A-Z0-9]{0,4}) ([AB])(?: ([ -~\x80-\xff]*))?\r\n").fullmatch
_match_key = re.compile(rb"K [ABCI] [0-9]\r\n").fullmatch
_match_tare = re.compile(rb" *(-?(?:0|[1-9][0-9]{0,9})(?:\.[0-9]{1,9})?) ? ([^ \r\n]{1,5})").fullmatch

_SCALES = {b"g": 3, b"mg": 0}  # power of ten to milligrams
_RESOLUTIONS_MG = {(scale, digits): float(Decimal(1).scaleb(scale - digits)) for scale in (0, 3) for digits in range(9)}
_BARE = {b"ES\r\n": Condition.SYNTAX, b"ET\r\n": Condition.TRANSMISSION, b"EL\r\n": Condition.LOGICAL}
_REFUSALS = {
    b"I": Condition.BUSY,
    b"L": Condition.PARAMETER,
    b"+": Condition.OVERLOAD,
    b"-": Condition.UNDERLOAD,
}
_HINTS = {
    Condition.BUSY: "wait for the end of warming up or adjusting, and switch automatic adjustment off",
    Condition.PARAMETER: "look the command up in this model's manual",
    Condition.OVERLOAD: "take load off the pan; does a draft shield or a tube rest on the vessel?",
    Condition.UNDERLOAD: "is pan or vessel missing?",
    Condition.SYNTAX: "choose MT-SICS on the balance's interface menu",
    Condition.TRANSMISSION: "make baud rate and parity of the bench file those of the balance (factory: 9600 8N1)",
    Condition.LOGICAL: "leave the menu on the balance's display",
    Condition.RESTARTED: "check its power supply; zero and tare may have changed",
    Condition.UNSTABLE: "stop draught and vibration, close the draft shield, and look for a tube that moves",
}
_FAULTS = {
    1: "boot",
    2: "brand",
    3: "checksum",
    9: "option",
    10: "EEPROM",
    11: "device mismatch",
    12: "hot plug-out",
    14: "module and electronics do not match",
    15: "adjustment needed",
}
_FAULT_PLACES = {"b": "bridge electronics", "t": "terminal"}


def request(command: str) -> bytes:
    """Return a command as it goes on the wire."""
    return command.encode("latin-1") + b"\r\n"


def take_line(inbox: bytearray) -> bytes | None:
    """Take one line, its <CR><LF> included, off the front of ``inbox``; None: more bytes, please."""
    end = inbox.find(b"\n") + 1
    if (end or len(inbox)) > MAX_LINE:
        start = bytes(inbox[:32])
        del inbox[:end]
        expected = f"lines of at most {MAX_LINE} characters that end in <CR><LF>"
        raise MalformedReply(DEVICE, start, expected=expected, hint=_PROTOCOL_HINT)
    if not end:
        return None
    line = bytes(inbox[:end])
    del inbox[:end]
    return line


def take_weight(inbox: bytearray) -> Weight | None:
    """Take the reply to ``SI`` off the front of ``inbox``; None: more bytes, please.

    Lines about pressed keys are passed over. Anything but a weight raises `BalanceRefused` (told apart by its
    condition) or `MalformedReply`.
    """
    while True:
        line = take_line(inbox)
        if line is None:
            return None
        if _match_key(line) is None:
            return parse_weight(line)


def parse_weight(line: bytes) -> Weight:
    """Read one reply to ``S`` or ``SI``; see `take_weight`. ``-0.0000`` is zero, and its text is kept.

    Check value: ``S S    12.3456 g`` is 12345.6 mg, stable, in steps of 0.1 mg.
    """
    match = _match_weight(line)
    if match is None:
        raise _no_weight(line)
    state, number, decimals, unit = match.groups()
    scale = _SCALES.get(unit)
    if scale is None:
        raise _wrong_unit(unit)
    return Weight(
        # Decimal to the last moment: 12.3456 g is 12345.6 mg and nothing near it. Adding 0.0 takes the sign off -0.
        float(Decimal(number.decode()).scaleb(scale)) + 0.0,
        _RESOLUTIONS_MG[scale, len(decimals) if decimals else 0],
        state == b"S",
        line[4:-2].strip().decode("latin-1"),
    )


def parse_reply(line: bytes, command: str) -> Reply:
    """Read one line of the reply to ``command``, without a weight; the reply to another command is refused."""
    match = _match_reply(line)
    if match is None:
        raise _no_reply(line, command, f"'{command} A ...' and <CR><LF>")
    name, status, text = (part.decode("latin-1") if part else "" for part in match.groups())
    if name != command:
        if name == "I4":
            raise BalanceRefused(Condition.RESTARTED, f"the balance restarted by itself: {line!r} came unasked")
        raise MalformedReply(DEVICE, line, asked=command, expected=f"a reply to {command}, not to {name}")
    return Reply(name, status, text)


def parse_text(line: bytes, command: str) -> str:
    r"""Read a reply that is one quoted text, such as ``I4 A "B123"``; a quote inside is written ``\"``."""
    text = parse_reply(line, command).text
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        raise MalformedReply(DEVICE, line, asked=command, expected=f'{command} A "<text>"')
    return text[1:-1].replace('\\"', '"')


def parse_tare(line: bytes) -> float:
    """Read the reply to ``TA``; return the tare memory in mg."""
    reply = parse_reply(line, "TA")
    match = _match_tare(reply.text.encode("latin-1"))
    if match is None:
        raise MalformedReply(DEVICE, line, asked="TA", expected="'TA A <10-character value> g|mg'")
    scale = _SCALES.get(match[2])
    if scale is None:
        raise _wrong_unit(match[2])
    return float(Decimal(match[1].decode()).scaleb(scale)) + 0.0


def is_weight_line(line: bytes) -> bool:
    """Say whether this looks like a line of a running ``SIR`` stream."""
    return _match_weight(line) is not None or line in (b"S +\r\n", b"S -\r\n")


def is_key_line(line: bytes) -> bool:
    """Say whether this line tells of a key that somebody pressed; it comes unasked."""
    return _match_key(line) is not None


def refusal_of(line: bytes, command: str) -> BalanceRefused | None:
    """Return what a line without a value means, or None when it is no refusal of ``command``."""
    if line in _BARE:
        condition = _BARE[line]
        return BalanceRefused(condition, f"{command} was answered {line[:2].decode()}: {condition.value}")
    fault = _match_fault(line)
    if fault is not None:
        return _fault(int(fault[1]), fault[2].decode(), line)
    match = _match_refusal(line)
    if match is None or match[1] != command.encode("latin-1"):
        return None
    condition = _REFUSALS[match[2]]
    return BalanceRefused(condition, f"{command} was answered {line[:-2].decode()!r}: {condition.value}")


def _fault(number: int, place: str, line: bytes) -> BalanceRefused:
    meaning = _FAULTS.get(number, "not in the manual")
    return BalanceRefused(
        Condition.FAULT,
        f"the balance reports error {number} of its {_FAULT_PLACES[place]} ({meaning}): {line!r}",
        hint="adjust the balance" if number == 15 else "switch it off and on; if it stays, call service",
    )


def _wrong_unit(unit: bytes) -> BalanceRefused:
    return BalanceRefused(
        Condition.UNIT,
        f"the balance answers in {unit.decode('latin-1')!r}",
        expected="g or mg",
        hint="set the unit of the interface (host unit) to gram, by menu or with 'M21 0 0'",
    )


def _no_weight(line: bytes) -> BalanceRefused | MalformedReply:
    if line.startswith(b"I4 A "):
        return BalanceRefused(Condition.RESTARTED, f"the balance restarted by itself: {line!r} came unasked")
    return _no_reply(line, "S", _WEIGHT_EXPECTED)


def _no_reply(line: bytes, command: str, expected: str) -> BalanceRefused | MalformedReply:
    refused = refusal_of(line, command)
    if refused is not None:
        return refused
    high_bits = any(byte >= 0x80 for byte in line)
    hint = "bytes with the top bit set: data bits or parity of the port differ" if high_bits else _PROTOCOL_HINT
    return MalformedReply(DEVICE, line, asked=command, expected=expected, hint=hint)


_PROTOCOL_HINT = "choose MT-SICS on the balance's interface menu, and check that nothing else uses the port"
