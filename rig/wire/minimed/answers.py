"""Answers of MiniMed pumps of families 22 and 23, read from the 65-byte body of a long packet.

The count byte decides a layout; a larger count than a layout needs is accepted, a smaller one refused. Source:
minimed-protocol 4 and 8.3.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

from rig.errors import MalformedReply
from rig.wire.minimed.amounts import ENTRIES, PER_UNIT
from rig.wire.minimed.packets import FRAGMENT_DATA, Opcode, Packet

FAMILY_12_SETTINGS_COUNT = 18
OLD_SETTINGS_COUNT = 21
NEW_SETTINGS_COUNT = 25
_DIGITS = re.compile(rb"[0-9]+")
_PRINTABLE = re.compile(rb"[ -~]+")


class Battery(NamedTuple):
    """The pump's view of its battery."""

    low: bool
    voltage_v: float


class Status(NamedTuple):
    """What the pump is doing; ``normal`` is False while rewinding or priming."""

    normal: bool
    bolusing: bool
    suspended: bool


class Settings(NamedTuple):
    """The limits and modes that decide what the pump accepts; ``pattern`` 0 is standard, 1 A, 2 B.

    ``insulin_action_h`` is None in family 12, which knows fast and regular insulin only; ``auto_off_h`` 0 is off.
    """

    max_bolus_u: float
    max_basal_u_per_h: float
    temp_basal_is_percent: bool
    pattern: int
    patterns_enabled: bool
    auto_off_h: int
    insulin_action_h: int | None


class Totals(NamedTuple):
    """What the pump has delivered today and yesterday, by its own count; primes are not in it."""

    today_u: float
    yesterday_u: float


class RunningTempBasal(NamedTuple):
    """A temporary basal; it runs only while ``minutes_left`` is above 0."""

    is_percent: bool
    percent: int
    rate_u_per_h: float
    minutes_left: int


class ProfileEntry(NamedTuple):
    """One entry of a basal profile."""

    start_half_hours: int
    rate_u_per_h: float


def _content(packet: Packet, opcode: Opcode, at_least: int) -> bytes:
    """Return the body of an answer to ``opcode``, count byte included, once its count is seen to be enough."""
    if packet.opcode != opcode or not packet.is_long:
        raise _malformed(packet, opcode, "a long packet of that opcode")
    count = packet.body[0]
    if not at_least <= count <= FRAGMENT_DATA:
        raise _malformed(packet, opcode, f"a count of {at_least} or more, not {count}")
    return packet.body


def _malformed(packet: Packet, opcode: Opcode, expected: str) -> MalformedReply:
    asked = f"{opcode.name.lower().replace('_', ' ')} ({opcode:02X})"
    return MalformedReply(f"pump {packet.pump_id}", packet.encode(), asked=asked, expected=expected)


def _u16(body: bytes, offset: int) -> int:
    return int.from_bytes(body[offset : offset + 2], "big")


def parse_time(packet: Packet) -> datetime:
    """Return the pump's local time."""
    body = _content(packet, Opcode.TIME, 7)
    hour, minute, second = body[1:4]
    try:
        return datetime(_u16(body, 4), body[6], body[7], hour, minute, second)  # noqa: DTZ001 - pumps know no zone
    except ValueError as error:
        raise _malformed(packet, Opcode.TIME, "a date and time that exist") from error


def parse_pump_id(packet: Packet) -> str:
    """Return the six digits of the pump's id."""
    body = _content(packet, Opcode.PUMP_ID, 6)
    if _DIGITS.fullmatch(body[1:7]) is None:
        raise _malformed(packet, Opcode.PUMP_ID, "six digits")
    return body[1:7].decode("ascii")


def parse_battery(packet: Packet) -> Battery:
    """Return whether the battery is low, and its voltage (0.01 V steps)."""
    body = _content(packet, Opcode.BATTERY, 3)
    if body[1] > 1:
        raise _malformed(packet, Opcode.BATTERY, "battery status 00 or 01")
    return Battery(low=body[1] == 1, voltage_v=_u16(body, 2) / 100)


def parse_reservoir(packet: Packet) -> float:
    """Return units left: one word in 0.1 U (count 2, old), or a second word in 0.025 U (count 4, new)."""
    body = _content(packet, Opcode.RESERVOIR, 2)
    if body[0] == 2:
        return _u16(body, 1) / 10
    if body[0] < 4:
        raise _malformed(packet, Opcode.RESERVOIR, "a count of 2 or 4")
    return _u16(body, 3) / PER_UNIT


def parse_firmware(packet: Packet) -> str:
    """Return the firmware text without its padding."""
    body = _content(packet, Opcode.FIRMWARE, 1)
    text = body[1 : 1 + body[0]].rstrip(b"\x00\x0b ")
    if _PRINTABLE.fullmatch(text) is None:
        raise _malformed(packet, Opcode.FIRMWARE, "printable text")
    return text.decode("ascii").strip()


def parse_model(packet: Packet) -> str:
    """Return the model number, such as ``"522"``."""
    body = _content(packet, Opcode.MODEL, 4)
    length = body[1]
    digits = body[2 : 2 + length]
    if length >= body[0] or _DIGITS.fullmatch(digits) is None:
        raise _malformed(packet, Opcode.MODEL, "a length and that many digits")
    return digits.decode("ascii")


def parse_status(packet: Packet) -> Status:
    """Return what the pump is doing; state 03 is normal."""
    body = _content(packet, Opcode.STATUS, 3)
    if body[2] > 1 or body[3] > 1:
        raise _malformed(packet, Opcode.STATUS, "flags 00 or 01")
    return Status(normal=body[1] == 3, bolusing=body[2] == 1, suspended=body[3] == 1)


def parse_temp_basal(packet: Packet) -> RunningTempBasal:
    """Return the temporary basal; with none running the rate may still be the scheduled one."""
    body = _content(packet, Opcode.READ_TEMP_BASAL, 6)
    if body[1] > 1:
        raise _malformed(packet, Opcode.READ_TEMP_BASAL, "type 00 or 01")
    return RunningTempBasal(
        is_percent=body[1] == 1, percent=body[2], rate_u_per_h=_u16(body, 3) / PER_UNIT, minutes_left=_u16(body, 5)
    )


def parse_settings(packet: Packet) -> Settings:
    """Return limits and modes; the layout follows the count (18 family 12, 21 old, 25 new), not the model."""
    if packet.opcode == Opcode.SETTINGS_12:
        return _settings(packet, Opcode.SETTINGS_12, _content(packet, Opcode.SETTINGS_12, FAMILY_12_SETTINGS_COUNT))
    return _settings(packet, Opcode.SETTINGS, _content(packet, Opcode.SETTINGS, OLD_SETTINGS_COUNT))


def _settings(packet: Packet, opcode: Opcode, body: bytes) -> Settings:
    max_bolus, max_basal = (7, 8) if body[0] >= NEW_SETTINGS_COUNT else (6, 7)
    if body[12] > 2 or body[15] > 1:
        raise _malformed(packet, opcode, "pattern 0 to 2 and temp basal type 0 or 1")
    return Settings(
        max_bolus_u=body[max_bolus] / 10,
        max_basal_u_per_h=_u16(body, max_basal) / PER_UNIT,
        temp_basal_is_percent=body[15] == 1,
        pattern=body[12],
        patterns_enabled=body[11] == 1,
        auto_off_h=body[1],
        insulin_action_h=None if opcode == Opcode.SETTINGS_12 else body[18],
    )


def parse_error_status(packet: Packet) -> int:
    """Return the code of the alarm that is active, 0 when none is.

    Only the answer of a pump without an alarm was ever recorded, all zeros; that byte 1 holds the code is the natural
    reading and no more (minimed-protocol 4). So whatever is not zero counts as an alarm.
    """
    body = _content(packet, Opcode.ERROR_STATUS, 0)
    return body[1] or next((byte for byte in body[2:] if byte), 0)


def parse_totals(packet: Packet, *, new: bool) -> Totals:
    """Return today's and yesterday's total: two words in 0.1 U (old), or two double words in 0.025 U (new)."""
    body = _content(packet, Opcode.TOTALS, 0)
    if new:
        today, yesterday = (int.from_bytes(body[at : at + 4], "big") for at in (1, 5))
        return Totals(today / PER_UNIT, yesterday / PER_UNIT)
    return Totals(_u16(body, 1) / 10, _u16(body, 3) / 10)


def parse_page_number(packet: Packet) -> int:
    """Return the number of the newest history page; new pumps go on counting beyond the 36 that they keep."""
    return int.from_bytes(_content(packet, Opcode.HISTORY_PAGE_NUMBER, 4)[1:5], "big")


def parse_profile(image: bytes) -> list[ProfileEntry]:
    """Read the joined fragments of a profile: entries of rate (low byte first, 0.025 U/h) and start.

    The list ends at the first entry after the first that is no later than the one before, or past the day; an empty
    profile gives an empty list.
    """
    entries: list[ProfileEntry] = []
    for offset in range(0, len(image) - 2, 3):
        start = image[offset + 2]
        if start >= ENTRIES or (entries and start <= entries[-1].start_half_hours):
            break
        if not entries and start != 0:
            raise MalformedReply("pump", image[:24], asked="profile", expected="a first entry that starts at 00:00")
        entries.append(ProfileEntry(start, int.from_bytes(image[offset : offset + 2], "little") / PER_UNIT))
    return entries
