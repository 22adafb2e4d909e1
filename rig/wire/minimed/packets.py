"""MiniMed radio packets: short and long, fragments, acknowledgement and refusal.

A packet is ``A7``, three bytes of pump id, an opcode, a body of 1 or 65 bytes and a CRC-8. Source: minimed-protocol
1.1, 1.2, 1.5 and 3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import NamedTuple

from rig.errors import ConfigError, MalformedReply
from rig.wire.crc import crc8

PUMP_TRAFFIC = 0xA7
SHORT_BODY = 1
LONG_BODY = 65
FRAGMENT_DATA = 64
LAST_FRAGMENT = 0x80

_ID = re.compile(r"[0-9]{6}")
_HEAD = 5  # packet type, three bytes of id, opcode
_SIZES = frozenset((_HEAD + SHORT_BODY + 1, _HEAD + LONG_BODY + 1))


class Opcode(IntEnum):
    """Opcodes that the rig uses."""

    ACK = 0x06
    NAK = 0x15
    SET_PROFILE_A = 0x30
    SET_PROFILE_B = 0x31
    SET_TIME = 0x40
    SET_MAX_BOLUS = 0x41
    BOLUS = 0x42
    SELECT_PATTERN = 0x4A
    TEMP_BASAL = 0x4C
    SUSPEND_RESUME = 0x4D
    KEYPAD = 0x5B
    POWER = 0x5D
    SET_TEMP_BASAL_TYPE = 0x68
    TEMP_BASAL_PERCENT = 0x69
    SET_MAX_BASAL = 0x6E
    SET_PROFILE = 0x6F
    TIME = 0x70
    PUMP_ID = 0x71
    BATTERY = 0x72
    RESERVOIR = 0x73
    FIRMWARE = 0x74
    ERROR_STATUS = 0x75
    TOTALS = 0x79
    HISTORY_PAGE = 0x80
    CARB_UNITS = 0x88
    BG_UNITS = 0x89
    CARB_RATIOS = 0x8A
    SENSITIVITIES = 0x8B
    TARGETS_12 = 0x8C
    MODEL = 0x8D
    SETTINGS_12 = 0x91
    PROFILE = 0x92
    PROFILE_A = 0x93
    PROFILE_B = 0x94
    READ_TEMP_BASAL = 0x98
    HISTORY_PAGE_NUMBER = 0x9D
    TARGETS = 0x9F
    SETTINGS = 0xC0
    STATUS = 0xCE


class Packet(NamedTuple):
    """One radio packet, decoded; ``body`` has 1 (short) or 65 (long) bytes."""

    pump_id: str
    opcode: int
    body: bytes

    @property
    def is_long(self) -> bool:
        """Say whether this packet can carry data."""
        return len(self.body) == LONG_BODY

    @property
    def is_ack(self) -> bool:
        """Say whether the pump accepted."""
        return self.opcode == Opcode.ACK

    @property
    def is_nak(self) -> bool:
        """Say whether the pump refused; the first byte of the body says why."""
        return self.opcode == Opcode.NAK

    def encode(self) -> bytes:
        """Return the packet with its CRC, before the line code."""
        packet = bytes((PUMP_TRAFFIC,)) + bytes.fromhex(self.pump_id) + bytes((self.opcode,)) + self.body
        return packet + bytes((crc8(packet),))


def check_pump_id(pump_id: str) -> str:
    """Return ``pump_id`` if it can be one; raise `ConfigError` otherwise."""
    if _ID.fullmatch(pump_id) is None:
        raise ConfigError(
            f"{pump_id!r} cannot be a pump's serial number",
            where="pump",
            expected="the six digits printed on the pump",
            hint="correct [pump] serial in the bench file",
        )
    return pump_id


def short_packet(pump_id: str, opcode: int, value: int = 0) -> Packet:
    """Build a short packet: a read, the first half of a command, an ACK or a NAK."""
    return Packet(pump_id, opcode, bytes((value,)))


def long_packet(pump_id: str, opcode: int, parameters: bytes) -> Packet:
    """Build a long packet: the count of parameter bytes, the parameters, zeros."""
    return Packet(pump_id, opcode, (bytes((len(parameters),)) + parameters).ljust(LONG_BODY, b"\0"))


def fragment_packets(pump_id: str, opcode: int, image: bytes) -> list[Packet]:
    """Cut ``image`` (a multiple of 64 bytes) into numbered fragments; the last carries the end bit."""
    starts = range(0, len(image), FRAGMENT_DATA)
    numbers = [number | (LAST_FRAGMENT if number == len(starts) else 0) for number in range(1, len(starts) + 1)]
    return [
        Packet(pump_id, opcode, bytes((number,)) + image[start : start + FRAGMENT_DATA])
        for number, start in zip(numbers, starts, strict=True)
    ]


def parse_packet(data: bytes) -> Packet:
    """Read a decoded packet; wrong size, wrong type or wrong CRC raises `MalformedReply`."""
    if len(data) not in _SIZES:
        raise MalformedReply("radio", data, expected="a packet of 7 or 71 bytes")
    if crc8(data[:-1]) != data[-1]:
        raise MalformedReply("radio", data, expected=f"CRC {crc8(data[:-1]):02X} in place of {data[-1]:02X}")
    if data[0] != PUMP_TRAFFIC:
        raise MalformedReply("radio", data, expected="packet type A7 (pump traffic)")
    return Packet(data[1:4].hex(), data[4], data[5:-1])


class Progress(Enum):
    """What a fragment did for an answer in several packets."""

    MORE = "more"  # acknowledge it, the next one follows
    REPEATED = "repeated"  # it was there already: the pump did not hear the acknowledgement
    COMPLETE = "complete"


class Fragments:
    """Puts an answer in several packets together; numbers run 1, 2, 3, ... and the last has bit 80 set."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._last = 0

    @property
    def data(self) -> bytes:
        """Everything collected, 64 bytes a fragment."""
        return bytes(self._data)

    @property
    def taken(self) -> int:
        """How many fragments were collected."""
        return self._last

    def take(self, packet: Packet) -> Progress:
        """Add one packet; a fragment that is neither the next nor a repetition raises `MalformedReply`."""
        if not packet.is_long:
            raise MalformedReply("pump", packet.encode(), expected="a long packet")
        number = packet.body[0] & ~LAST_FRAGMENT
        if number == self._last and number:
            return Progress.REPEATED
        if number != self._last + 1:
            raise MalformedReply("pump", packet.encode(), expected=f"fragment {self._last + 1}, not {number}")
        self._last = number
        self._data += packet.body[1:]
        return Progress.COMPLETE if packet.body[0] & LAST_FRAGMENT else Progress.MORE


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a NAK code means, and what a person can do about it."""

    meaning: str
    hint: str


_REFUSALS = {
    0x01: Refusal("wait 3 s", "ask again later"),
    0x02: Refusal("wait until acknowledged", "look at the pump's display and confirm what it shows"),
    0x03: Refusal("the pump received a CRC error", "bring the stick nearer to the pump"),
    0x04: Refusal("program upload refused", "look at the pump's display"),
    0x05: Refusal("timeout in the pump", "bring the stick nearer to the pump and ask again"),
    0x06: Refusal("counter sequence error", "ask again"),
    0x07: Refusal("the pump is in an error state", "clear the alarm on the pump"),
    0x08: Refusal(
        "command refused or unknown",
        "resume the pump, finish the prime, and set the temp basal type to the one that the scenario uses",
    ),
    0x09: Refusal("setting out of range", "raise the maximum bolus or maximum basal in the pump's menu"),
    0x0A: Refusal("data inconsistent", "check the programme"),
    0x0B: Refusal("unused profile", "select the standard pattern on the pump"),
    0x0C: Refusal("a bolus is already in progress", "wait for its end, or suspend the pump"),
    0x0D: Refusal("the history page does not exist", "ask for a lower page number"),
    0x0E: Refusal("hardware failure", "take this pump off the bench"),
}


OF_THE_TALK = (0x01, 0x02, 0x03, 0x05, 0x06)
"""Codes that speak of the exchange of packets, and not of what was asked. Source: minimed-protocol 1.5."""
BOLUS_RUNS = 0x0C


def refusal(code: int) -> Refusal:
    """Return what a NAK code means; an unlisted one is reported as such. Source: minimed-protocol 1.5."""
    return _REFUSALS.get(code, Refusal("a code that no source documents", "look at the pump's display"))
