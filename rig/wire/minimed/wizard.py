"""The tables of the bolus calculator: carb ratios, insulin sensitivities, targets. Source: minimed-protocol 4.3.

Each list has eight places and ends at the first entry after the first that starts at 00:00 again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rig.errors import MalformedReply
from rig.wire.minimed.packets import FRAGMENT_DATA, Opcode, Packet

PLACES = 8
OLD_RATIO_COUNT = 17
_HALF_HOURS = 48
_START = 0x3F
_PLUS_256 = 0x40
GRAMS, EXCHANGES = 1, 2
MG_PER_DL, MMOL_PER_L = 1, 2


class CarbRatio(NamedTuple):
    """From ``start_half_hours`` on, ``ratio`` grams per unit, or exchanges per unit where ``in_grams`` is False."""

    start_half_hours: int
    ratio: float
    in_grams: bool


class Sensitivity(NamedTuple):
    """From ``start_half_hours`` on, what a unit lowers the glucose by; mmol/L where ``in_mg_per_dl`` is False."""

    start_half_hours: int
    drop: float
    in_mg_per_dl: bool


class Target(NamedTuple):
    """From ``start_half_hours`` on, the range that a correction aims at."""

    start_half_hours: int
    low: float
    high: float
    in_mg_per_dl: bool


def parse_carb_ratios(packet: Packet) -> list[CarbRatio]:
    """Return the carb ratios: entries of two bytes (count 17, old), or of three behind one byte more (new)."""
    body = _body(packet, Opcode.CARB_RATIOS, OLD_RATIO_COUNT)
    in_grams = _unit(packet, body, Opcode.CARB_RATIOS) == GRAMS
    if body[0] == OLD_RATIO_COUNT:
        scale = 1.0 if in_grams else 10.0
        return [CarbRatio(start, raw[0] / scale, in_grams) for start, raw in _entries(packet, body[2:], 1)]
    # What the byte between unit and entries means the sources disagree about: it is skipped.
    scale = 10.0 if in_grams else 1000.0
    return [
        CarbRatio(start, int.from_bytes(raw, "big") / scale, in_grams) for start, raw in _entries(packet, body[3:], 2)
    ]


def parse_sensitivities(packet: Packet) -> list[Sensitivity]:
    """Return the insulin sensitivities; bit 6 of the start adds 256 to the value."""
    body = _body(packet, Opcode.SENSITIVITIES, 17)
    in_mg = _unit(packet, body, Opcode.SENSITIVITIES) == MG_PER_DL
    scale = 1.0 if in_mg else 10.0
    found = []
    previous = -1
    for at in range(2, 2 + 2 * PLACES, 2):
        start = body[at] & _START
        if start <= previous:
            break
        previous = start
        found.append(Sensitivity(start, (body[at + 1] + (256 if body[at] & _PLUS_256 else 0)) / scale, in_mg))
    return found


def parse_targets(packet: Packet) -> list[Target]:
    """Return the glucose targets: a range (9F), or a single value for both ends in family 12 (8C)."""
    single = packet.opcode == Opcode.TARGETS_12
    opcode = Opcode.TARGETS_12 if single else Opcode.TARGETS
    body = _body(packet, opcode, 17 if single else 25)
    in_mg = _unit(packet, body, opcode) == MG_PER_DL
    scale = 1.0 if in_mg else 10.0
    entries = _entries(packet, body[2:], 1 if single else 2)
    return [Target(start, raw[0] / scale, raw[-1] / scale, in_mg) for start, raw in entries]


def _body(packet: Packet, opcode: Opcode, at_least: int) -> bytes:
    if packet.opcode != opcode or not packet.is_long or not at_least <= packet.body[0] <= FRAGMENT_DATA:
        raise _malformed(packet, opcode, f"a long packet with a count of {at_least} or more")
    return packet.body


def _unit(packet: Packet, body: bytes, opcode: Opcode) -> int:
    if body[1] not in (1, 2):
        raise _malformed(packet, opcode, "unit 01 or 02")
    return body[1]


def _entries(packet: Packet, table: bytes, width: int) -> Iterator[tuple[int, bytes]]:
    """Yield start and raw value of each entry of a table."""
    previous = -1
    for number in range(PLACES):
        at = number * (1 + width)
        start = table[at]
        if start <= previous:
            return
        if start >= _HALF_HOURS or (previous < 0 and start != 0):
            raise _malformed(packet, Opcode(packet.opcode), "a first entry at 00:00 and starts within the day")
        previous = start
        yield start, table[at + 1 : at + 1 + width]


def _malformed(packet: Packet, opcode: Opcode, expected: str) -> MalformedReply:
    asked = f"{opcode.name.lower().replace('_', ' ')} ({opcode:02X})"
    return MalformedReply(f"pump {packet.pump_id}", packet.encode(), asked=asked, expected=expected)
