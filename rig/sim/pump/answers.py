"""What the pump answers to a read: the meaningful bytes after the count [minimed 4]."""

from __future__ import annotations

from collections.abc import Callable

from rig.sim.pump import tables
from rig.sim.pump.firmware import Firmware
from rig.sim.pump.therapy import Profile

FIRMWARE_TEXT = b"VER 2.4A1.1 \x0b\x0b"
PROFILE_BYTES = 192
PROFILE_READS = {0x92: 0, 0x93: 1, 0x94: 2}
NO_MORE_ENTRIES = 0x3F
HALF_HOURS_IN_DAY = 48
FIRST = (0x8C, 0x91)  # what only family 12 answers
LATER = (0x9D, 0x9F, 0xC0, 0xC3, 0xCE)  # what it refuses


def profile_image(firmware: Firmware, opcode: int) -> bytes | None:
    """Return the 192 bytes of a stored profile, or None when ``opcode`` reads none; an empty one is 00 00 3F."""
    pattern = PROFILE_READS.get(opcode)
    if pattern is None:
        return None
    profile = firmware.therapy.profiles[pattern]
    image = b"".join(rate.to_bytes(2, "little") + bytes((start,)) for start, rate in profile)
    return (image or bytes((0, 0, NO_MORE_ENTRIES))).ljust(PROFILE_BYTES, b"\x00")


def read_profile(image: bytes) -> Profile:
    """Return the entries of an uploaded profile; the list ends as [minimed 4.2] says."""
    entries: list[tuple[int, int]] = []
    for at in range(0, len(image) - 2, 3):
        rate, start = int.from_bytes(image[at : at + 2], "little"), image[at + 2]
        if start >= HALF_HOURS_IN_DAY or (entries and start <= entries[-1][0]) or len(entries) == HALF_HOURS_IN_DAY:
            break
        entries.append((start, rate))
    return tuple(entries)


def answer(firmware: Firmware, opcode: int, rig_ns: int) -> bytes | None:
    """Return the data of a read, or None for an opcode this pump does not know; call `Firmware.settle` first."""
    left_out = LATER if firmware.model.is_first else FIRST
    reader = None if opcode in left_out else _READERS.get(opcode)
    return None if reader is None else reader(firmware, rig_ns)


def _time(firmware: Firmware, _rig_ns: int) -> bytes:
    at = firmware.local()
    return bytes((at.hour, at.minute, at.second)) + at.year.to_bytes(2, "big") + bytes((at.month, at.day))


def _battery(firmware: Firmware, rig_ns: int) -> bytes:
    low, centivolts = firmware.battery(rig_ns)
    return bytes((low,)) + centivolts.to_bytes(2, "big")


def _reservoir(firmware: Firmware, _rig_ns: int) -> bytes:
    left = firmware.therapy.reservoir_strokes
    return b"\x00\x00" + left.to_bytes(2, "big") if firmware.model.is_new else (left // 4).to_bytes(2, "big")


def _error_status(firmware: Firmware, _rig_ns: int) -> bytes:
    return bytes((firmware.therapy.alarm,)) if firmware.therapy.alarm else b""


def _totals(firmware: Firmware, _rig_ns: int) -> bytes:
    if firmware.model.is_new:
        return b"".join(strokes.to_bytes(4, "big") for strokes in firmware.totals())
    return b"".join((strokes // 4).to_bytes(2, "big") for strokes in firmware.totals())


def _temp_basal(firmware: Firmware, _rig_ns: int) -> bytes:
    temp = firmware.temp()
    if temp is None:
        return bytes(6)
    minutes = firmware.therapy.temp_minutes_left().to_bytes(2, "big")
    if temp.is_percent:
        return bytes((1, temp.value, 0, 0)) + minutes
    return bytes((0, 0)) + temp.value.to_bytes(2, "big") + minutes


def _status(firmware: Firmware, _rig_ns: int) -> bytes:
    therapy = firmware.therapy
    return bytes((firmware.state(), therapy.bolus is not None, therapy.suspended))


def _settings(firmware: Firmware, _rig_ns: int) -> bytes:
    """Return the settings; family 12 in 18 bytes, old pumps in 21, new ones in 25 [minimed 4.1, 8.3]."""
    basal = firmware.max_basal_strokes.to_bytes(2, "big")
    tail = bytes((firmware.therapy.pattern != 0, firmware.therapy.pattern, firmware.remote_enabled, 0))
    tail += bytes((firmware.temp_is_percent, 100, 1))
    later = bytes((4, 0, 20, 0))  # action in hours, warning in units, its level, keypad unlocked
    if firmware.model.is_new:
        head = bytes((0, 4, 0, 0, 0, 0, firmware.max_bolus_tenths)) + basal + bytes(1)
        return head + tail + later + bytes((100, 1, 1, 0))
    head = bytes((0, 4, 0, 0, 0, firmware.max_bolus_tenths)) + basal + bytes(2)
    return head + tail + (b"\x00" if firmware.model.is_first else later)


def _constant(data: bytes) -> Callable[[Firmware, int], bytes]:
    return lambda _firmware, _rig_ns: data


_READERS: dict[int, Callable[[Firmware, int], bytes]] = {
    0x70: _time,
    0x71: lambda firmware, _: firmware.serial.encode(),
    0x72: _battery,
    0x73: _reservoir,
    0x74: _constant(FIRMWARE_TEXT),
    0x75: _error_status,
    0x76: lambda firmware, _: tables.remote_ids(firmware.tables),
    0x79: _totals,
    0x88: lambda firmware, _: bytes((firmware.tables.carb_units,)),
    0x89: lambda firmware, _: bytes((firmware.tables.bg_units,)),
    0x8A: lambda firmware, _: tables.carb_ratios(firmware.tables, firmware.model.is_new),
    0x8B: lambda firmware, _: tables.sensitivities(firmware.tables),
    0x8C: lambda firmware, _: tables.targets(firmware.tables, firmware.model.is_first),
    0x8D: lambda firmware, _: (b"\x03" + firmware.model.name.encode()).ljust(9, b"\x00"),
    0x91: _settings,
    0x98: _temp_basal,
    0x9D: lambda firmware, _: firmware.history.newest_number.to_bytes(4, "big"),
    0x9F: lambda firmware, _: tables.targets(firmware.tables, firmware.model.is_first),
    0xC0: _settings,
    0xC3: _constant(b"\x05"),
    0xCE: _status,
}
