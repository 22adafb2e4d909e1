"""New Era NE-1000 and NE-500 syringe pumps (also Aladdin, LA, SP500): frames of both modes, answers, numbers.

Every answer is matched whole: address, status or alarm, error, data. Numbers carry their unit. Source:
syringe-pump-protocols 1.2 to 1.6.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Final, NamedTuple, TypeVar

from rig.errors import MalformedReply, UsageError
from rig.wire.crc import crc16_xmodem
from rig.wire.shown import Fit, Shown, fit, shown

DEVICE = "New Era pump"
MAX_TEXT = 40  # the longest answer, two counters, has 20 characters
SAFE_LIMIT_S = 255
HIGHEST_ADDRESS = 99
_STX, _ETX = 0x02, 0x03
_FRAME_BYTES = 4  # what the length counts beside the text: itself, two of the CRC, ETX
_FIRST_DIGIT = 0x30  # basic: an address follows STX; safe: a length, which is always smaller
_DIGITS, _DECIMALS = 4, 3

RATE_UNITS: Final = {"UH": Decimal(1), "UM": Decimal(60), "MH": Decimal(1000), "MM": Decimal(60_000)}
VOLUME_UNITS: Final = {"UL": Decimal(1), "ML": Decimal(1000)}
_MILLIMETRES: Final = {"": Decimal(1)}

Kind = TypeVar("Kind", bound=Enum)


class Status(Enum):
    """What the pump is doing; the letter on the wire."""

    INFUSING = "I"
    WITHDRAWING = "W"
    STOPPED = "S"
    PAUSED = "P"
    PAUSE_PHASE = "T"
    WAITING = "U"
    PURGING = "X"


class Alarm(Enum):
    """Why the pump stopped by itself; the letter on the wire. The command that it answers was not executed."""

    RESET = "R"
    STALLED = "S"
    TIMEOUT = "T"
    PROGRAM = "E"
    PHASE = "O"


class Fault(Enum):
    """Why a command was not done; what follows the question mark on the wire."""

    UNKNOWN = ""
    NOT_APPLICABLE = "NA"
    OUT_OF_RANGE = "OOR"
    BAD_PACKET = "COM"
    IGNORED = "IGN"


class Answer(NamedTuple):
    """One answer: either ``status``, with ``fault`` or ``data``, or an ``alarm`` in the place of all of them."""

    address: int
    status: Status | None
    alarm: Alarm | None
    fault: Fault | None
    data: str
    safe: bool
    text: bytes


class Dispensed(NamedTuple):
    """The two counters, in microlitres."""

    infused_ul: Shown
    withdrawn_ul: Shown


class Version(NamedTuple):
    """Model and firmware."""

    model: str
    firmware: str


_NUMBER = r"(?=[0-9.]{2,5}(?![0-9.]))([0-9]{1,4}\.[0-9]{0,3})"
_match_answer = re.compile(r"([0-9]{2})(?:A\?([A-Z])|([A-Z])(?:\?([A-Z]*)|([A-Z0-9.]*)))").fullmatch
_match_number = re.compile(_NUMBER).fullmatch
_match_rate = re.compile(_NUMBER + "(UH|UM|MH|MM)").fullmatch
_match_volume = re.compile(_NUMBER + "(UL|ML)").fullmatch
_match_dispensed = re.compile(f"I{_NUMBER}W{_NUMBER}(UL|ML)").fullmatch
_match_version = re.compile(r"([A-Z0-9-]*[A-Z0-9])V([0-9]+\.[0-9]+)").fullmatch


# --- what is sent


def request(text: str, *, safe: bool) -> bytes:
    """Return a command as it goes on the wire: ``text`` CR, or a safe packet.

    Check value: ``request("0SAF0", safe=True)`` is 02 09 30 53 41 46 30 59 AD 03.
    """
    body = text.encode("ascii")
    if not safe:
        return body + b"\r"
    crc = crc16_xmodem(body).to_bytes(2, "big")
    return bytes([_STX, len(body) + _FRAME_BYTES]) + body + crc + bytes([_ETX])


def check_address(address: int) -> int:
    """Return ``address``, or raise `UsageError`: pumps have 0 to 99."""
    if not 0 <= address <= HIGHEST_ADDRESS:
        raise UsageError(f"a New Era pump has no address {address}", expected="0 to 99")
    return address


def check_safe_timeout(seconds: int) -> int:
    """Return ``seconds``, or raise `UsageError`: safe mode waits 1 to 255 s for a packet; 0 is basic mode."""
    if not 0 <= seconds <= SAFE_LIMIT_S:
        raise UsageError(f"safe mode has no time-out of {seconds} s", expected="1 to 255, or 0 for basic mode")
    return seconds


def diameter(diameter_mm: float) -> str:
    """Write an inside diameter; raises `UsageError` for one that four digits do not hold."""
    return write(_exactly(fit(diameter_mm, _MILLIMETRES, _DIGITS, _DECIMALS), diameter_mm, "diameter", "mm"))


def rate(rate_ul_per_h: float, unit: str | None = None) -> tuple[str, str]:
    """Write a rate as number and unit, or in this ``unit`` only; `UsageError` when four digits do not hold it."""
    units = RATE_UNITS if unit is None else {unit: RATE_UNITS[unit]}
    found = _exactly(fit(rate_ul_per_h, units, _DIGITS, _DECIMALS), rate_ul_per_h, "rate", "uL/h")
    return write(found), found.unit


def volume(volume_ul: float) -> tuple[str, str]:
    """Write a volume as number and unit; `UsageError` when four digits do not hold it."""
    found = _exactly(fit(volume_ul, VOLUME_UNITS, _DIGITS, _DECIMALS), volume_ul, "volume", "uL")
    return write(found), found.unit


def write(found: Fit) -> str:
    """Write a number with every decimal that fits, such as ``500.0``."""
    return f"{found.number:f}"


def _exactly(found: Fit | None, wanted: float, what: str, unit: str) -> Fit:
    if found is None:
        raise UsageError(f"a {what} of {wanted!r} {unit} cannot be set", expected="a number above 0, of 4 digits")
    if not found.exact:
        raise UsageError(
            f"a {what} of {wanted!r} {unit} cannot be set exactly",
            expected=f"at most 4 digits and 3 decimals in one of the pump's units; the nearest is {found.amount!r}",
        )
    return found


# --- what comes back


def take_answer(inbox: bytearray) -> Answer | None:
    """Take one answer off the front of ``inbox``, in the frame of either mode; None: more bytes, please.

    Raises `MalformedReply`, and takes what is unreadable with it. The frame of an answer tells its mode: after STX
    comes an address in basic mode, and a length below any digit in safe mode.
    """
    if not inbox:
        return None
    if inbox[0] != _STX:
        raise _unreadable(inbox, inbox.find(_STX), "STX at its start")
    if len(inbox) == 1:
        return None
    return _take_basic(inbox) if inbox[1] >= _FIRST_DIGIT else _take_safe(inbox)


def _take_basic(inbox: bytearray) -> Answer | None:
    end = inbox.find(_ETX)
    if (end - 1 if end > 0 else len(inbox)) > MAX_TEXT:
        raise _unreadable(inbox, end + 1, "ETX after at most 40 characters")
    if end < 0:
        return None
    frame = bytes(inbox[: end + 1])
    del inbox[: end + 1]
    return parse_text(frame[1:-1], safe=False)


def _take_safe(inbox: bytearray) -> Answer | None:
    length = inbox[1]
    if length < _FRAME_BYTES:
        raise _unreadable(inbox, -1, "a length of at least 4")
    if len(inbox) < length + 1:
        return None
    frame = bytes(inbox[: length + 1])
    text, crc = frame[2:-3], int.from_bytes(frame[-3:-1], "big")
    if frame[-1] != _ETX:
        raise _unreadable(inbox, -1, f"ETX as byte {length} after STX")
    del inbox[: length + 1]
    if crc != crc16_xmodem(text):
        raise MalformedReply(DEVICE, frame, expected=f"CRC {crc16_xmodem(text):04X}, not {crc:04X}", hint=_LINE_HINT)
    return parse_text(text, safe=True)


def parse_text(text: bytes, *, safe: bool) -> Answer:
    """Read what stands between the frame's ends; anything but address and status or alarm is `MalformedReply`."""
    match = _match_answer(text.decode("latin-1"))
    if match is None:
        raise MalformedReply(DEVICE, text, expected="address, status, and data or an error", hint=_LINE_HINT)
    address, alarm, status, fault, data = match.groups()
    return Answer(
        int(address),
        None if status is None else _known(Status, status, text),
        None if alarm is None else _known(Alarm, alarm, text),
        None if fault is None else _known(Fault, fault, text),
        data or "",
        safe,
        text,
    )


def parse_diameter(data: str) -> Shown:
    """Read an inside diameter in millimetres."""
    match = _matched(_match_number, data, "DIA", "a number such as 14.43")
    return shown(match[1], _MILLIMETRES[""], data)


def parse_rate(data: str) -> Shown:
    """Read a rate, in microlitres an hour. Check value: ``8.333UM`` is 499.98 uL/h in steps of 0.06 uL/h."""
    match = _matched(_match_rate, data, "RAT", "a number and UH, UM, MH or MM")
    return shown(match[1], RATE_UNITS[match[2]], data)


def rate_unit(data: str) -> str:
    """Return the unit of a rate that the pump told."""
    return _matched(_match_rate, data, "RAT", "a number and UH, UM, MH or MM")[2]


def parse_volume(data: str) -> Shown:
    """Read a volume, in microlitres."""
    match = _matched(_match_volume, data, "VOL", "a number and UL or ML")
    return shown(match[1], VOLUME_UNITS[match[2]], data)


def parse_dispensed(data: str) -> Dispensed:
    """Read the two counters, in microlitres."""
    match = _matched(_match_dispensed, data, "DIS", "I, a number, W, a number, and UL or ML")
    factor = VOLUME_UNITS[match[3]]
    return Dispensed(shown(match[1], factor, match[1] + match[3]), shown(match[2], factor, match[2] + match[3]))


def parse_direction(data: str) -> bool:
    """Read the direction: True infuses, False withdraws."""
    if data not in ("INF", "WDR"):
        raise MalformedReply(DEVICE, data.encode(), asked="DIR", expected="INF or WDR")
    return data == "INF"


def parse_version(data: str) -> Version:
    """Read model and firmware, such as ``NE1000V3.928``."""
    match = _matched(_match_version, data, "VER", "a model, V and a version such as NE1000V3.928")
    return Version(match[1], match[2])


def _matched(match: Callable[[str], re.Match[str] | None], data: str, asked: str, expected: str) -> re.Match[str]:
    found = match(data)
    if found is None:
        raise MalformedReply(DEVICE, data.encode(), asked=asked, expected=expected)
    return found


def _known(kind: type[Kind], letters: str, text: bytes) -> Kind:
    try:
        return kind(letters)
    except ValueError:
        known = ", ".join(repr(each.value) for each in kind)
        expected = f"{kind.__name__.lower()} among {known}, not {letters!r}"
        raise MalformedReply(DEVICE, text, expected=expected, hint=_LINE_HINT) from None


def _unreadable(inbox: bytearray, upto: int, expected: str) -> MalformedReply:
    """Take what cannot be read off ``inbox``: up to ``upto``, or all of it when that is below 1."""
    end = upto if upto > 0 else len(inbox)
    error = MalformedReply(DEVICE, bytes(inbox[: min(end, MAX_TEXT)]), expected=expected, hint=_LINE_HINT)
    del inbox[:end]
    return error


_LINE_HINT = "make the baud rate of the bench file that of the pump, and check the maker's cable and the port"
