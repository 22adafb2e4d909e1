"""MT-SICS, levels 0 and 1: what a Mettler-Toledo balance (and many others) says on its line.

Every line is matched whole; unit and stability are part of the grammar. A weight is taken in grams or milligrams and
nothing else. Source: balance-protocols 1.2, 1.3 and 1.5 (manual 11781363L).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rig.errors import MalformedReply
from rig.wire import weights
from rig.wire.crc import crc16
from rig.wire.weights import DEVICE, MAX_LINE, BalanceRefused, Condition, Weight, malformed, weight_from

__all__ = [
    "DEVICE",
    "MAX_LINE",
    "BalanceRefused",
    "Condition",
    "Reply",
    "Weight",
    "is_key_line",
    "is_weight_line",
    "parse_checked",
    "parse_reply",
    "parse_tare",
    "parse_text",
    "parse_weight",
    "refusal_of",
    "request",
    "take_checked",
    "take_kcp_weight",
    "take_line",
    "take_weight",
]

_WEIGHT_EXPECTED = "'S S|D <10-character value> g|mg' and <CR><LF>"


class Reply(NamedTuple):
    """A reply without a weight: ``<id> <status> <text>``; status A is the last, B means more follow."""

    command: str
    status: str
    text: str


# The value field has exactly ten characters: what stands ten characters before the blank in front of the unit.
_VALUE = rb" *((-?(?:0|[1-9][0-9]{0,9}))(?:\.([0-9]{1,9}))? ? ([^ \r\n]{1,5}))"  # text: whole, decimals, unit
_match_weight = re.compile(rb"S ([SD]) (?=[ -~]{9}[0-9 ] [^ ])" + _VALUE + rb"\r\n").fullmatch
_match_any_width = re.compile(rb"S ([SD]) (?=[ -~]{8,12} [^ \r\n]{1,5}\r\n)" + _VALUE + rb"\r\n").fullmatch
_match_checked = re.compile(
    rb"SIC1 ([SD]) (?=[ -~]{9}[0-9 ] [^ \r\n]{1,5} [^ ]{4}\r\n)" + _VALUE + rb" ([0-9A-F]{4})\r\n"
).fullmatch
_match_refusal = re.compile(rb"([A-Z][A-Z0-9]{0,4}) ([IL+\-])\r\n").fullmatch
_match_fault = re.compile(rb"[A-Z0-9]{1,4} [SD] +Error +([0-9]{1,9})([bt])(?: [^ \r\n]*)?\r\n").fullmatch
_match_reply = re.compile(rb"([A-Z][A-Z0-9]{0,4}) ([AB])(?: ([ -~\x80-\xff]*))?\r\n").fullmatch
_match_key = re.compile(rb"K [ABCI] [0-9]\r\n").fullmatch
_match_tare = re.compile(_VALUE).fullmatch

_BARE = {b"ES\r\n": Condition.SYNTAX, b"ET\r\n": Condition.TRANSMISSION, b"EL\r\n": Condition.LOGICAL}
_REFUSALS = {
    b"I": Condition.BUSY,
    b"L": Condition.PARAMETER,
    b"+": Condition.OVERLOAD,
    b"-": Condition.UNDERLOAD,
}
_HINTS = {
    Condition.SYNTAX: "choose MT-SICS on the balance's interface menu",
    Condition.TRANSMISSION: "make baud rate and parity of the bench file those of the balance (factory: 9600 8N1)",
    Condition.UNIT: "set the unit of the interface (host unit) to gram, by menu or with 'M21 0 0'",
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
    return weights.take_line(inbox, _PROTOCOL_HINT)


def take_weight(inbox: bytearray) -> Weight | None:
    """Take the reply to ``SI`` off the front of ``inbox``; None: more bytes, please.

    Lines about pressed keys are passed over. Anything but a weight raises `BalanceRefused` (told apart by its
    condition) or `MalformedReply`.
    """
    while (line := take_line(inbox)) is not None:
        if (match := _match_weight(line)) is not None:
            return _read(match)
        if _match_key(line) is None:
            raise _no_weight(line)
    return None


def parse_weight(line: bytes) -> Weight:
    """Read one reply to ``S`` or ``SI``; see `take_weight`. ``-0.0000`` is zero, and its text is kept.

    Check value: ``S S    12.3456 g`` is 12345.6 mg, stable, in steps of 0.1 mg.
    """
    match = _match_weight(line)
    if match is None:
        raise _no_weight(line)
    return _read(match)


def _read(match: re.Match[bytes]) -> Weight:
    state, text, whole, decimals, unit = match.groups()
    return _weight(whole, decimals or b"", unit, text, stable=state == b"S")


def take_kcp_weight(inbox: bytearray) -> Weight | None:
    """Take a weight as KERN writes it: the same grammar, with a value of 8 to 12 characters; see `take_weight`."""
    while True:
        line = take_line(inbox)
        if line is None:
            return None
        if _match_key(line) is None:
            match = _match_any_width(line)
            if match is None:
                return parse_weight(line)
            return _read(match)


def take_checked(inbox: bytearray) -> Weight | None:
    """Take the reply to ``SIC1``, a weight with its CRC, off the front of ``inbox``; None: more bytes, please."""
    while True:
        line = take_line(inbox)
        if line is None:
            return None
        if _match_key(line) is None:
            return parse_checked(line)


def parse_checked(line: bytes) -> Weight:
    """Read one reply to ``SIC1``; a checksum that does not fit raises `BalanceRefused`.

    Check value: ``SIC1 S   12325.00 g E603`` is 12325000 mg; the CRC covers all up to the blank in front of it.
    """
    match = _match_checked(line)
    if match is None:
        if line.startswith(b"I4 A "):
            raise _no_weight(line)
        raise _no_reply(line, "SIC1", "'SIC1 S|D <10-character value> g|mg <CRC>' and <CR><LF>")
    state, text, whole, decimals, unit, checksum = match.groups()
    wanted = crc16(line[:-6])
    if int(checksum, 16) != wanted:
        raise BalanceRefused(
            Condition.CHECKSUM,
            f"a weight whose checksum does not fit: {line!r}",
            expected=f"{wanted:04X}",
            hint=weights.HINTS[Condition.CHECKSUM],
        )
    return _weight(whole, decimals or b"", unit, text, stable=state == b"S")


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
    text, whole, decimals, unit = match.groups()
    return _weight(whole, decimals or b"", unit, text, stable=True).mass_mg


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
        return _refused(condition, f"{command} was answered {line[:2].decode()}: {condition.value}")
    fault = _match_fault(line)
    if fault is not None:
        return _fault(int(fault[1]), fault[2].decode(), line)
    match = _match_refusal(line)
    if match is None or match[1] != command.encode("latin-1"):
        return None
    condition = _REFUSALS[match[2]]
    return _refused(condition, f"{command} was answered {line[:-2].decode()!r}: {condition.value}")


def _refused(condition: Condition, detail: str) -> BalanceRefused:
    return BalanceRefused(condition, detail, hint=_HINTS.get(condition, ""))


def _fault(number: int, place: str, line: bytes) -> BalanceRefused:
    meaning = _FAULTS.get(number, "not in the manual")
    return BalanceRefused(
        Condition.FAULT,
        f"the balance reports error {number} of its {_FAULT_PLACES[place]} ({meaning}): {line!r}",
        hint="adjust the balance" if number == 15 else "switch it off and on; if it stays, call service",
    )


def _weight(whole: bytes, decimals: bytes, unit: bytes, text: bytes, *, stable: bool) -> Weight:
    try:
        return weight_from(whole, decimals, unit, text, stable=stable)
    except BalanceRefused as refused:
        raise BalanceRefused(
            refused.condition, refused.what, expected=refused.expected, hint=_HINTS[Condition.UNIT]
        ) from None


def _no_weight(line: bytes) -> BalanceRefused | MalformedReply:
    if line.startswith(b"I4 A "):
        return BalanceRefused(Condition.RESTARTED, f"the balance restarted by itself: {line!r} came unasked")
    return _no_reply(line, "S", _WEIGHT_EXPECTED)


def _no_reply(line: bytes, command: str, expected: str) -> BalanceRefused | MalformedReply:
    refused = refusal_of(line, command)
    if refused is not None:
        return refused
    return malformed(line, command, expected, _PROTOCOL_HINT)


_PROTOCOL_HINT = "choose MT-SICS on the balance's interface menu, and check that nothing else uses the port"
