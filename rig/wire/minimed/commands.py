"""Parameters of the commands that change something, as they stand after the count byte.

Source: minimed-protocol 4.2, 5 and 8.2. Amounts come in fortieths (0.025 U, 0.025 U/h), see `rig.wire.minimed.amounts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rig.wire.minimed.packets import FRAGMENT_DATA

PROFILE_FRAGMENTS = 3
TENTH_IN_FORTIETHS = 4


def bolus(fortieths: int, *, new: bool) -> bytes:
    """Return a normal bolus: one byte in 0.1 U (old family), or two, high first, in 0.025 U (new family)."""
    if new:
        return fortieths.to_bytes(2, "big")
    return bytes((fortieths // TENTH_IN_FORTIETHS,))


def temp_basal(fortieths: int, half_hours: int) -> bytes:
    """Return an absolute temporary basal; 0 half-hours cancel."""
    return fortieths.to_bytes(2, "big") + bytes((half_hours,))


def temp_basal_percent(percent: int, half_hours: int) -> bytes:
    """Return a relative temporary basal."""
    return bytes((percent, half_hours))


def suspend_resume(*, suspend: bool) -> bytes:
    """Return 01 to stop all delivery, 00 to resume basal."""
    return bytes((1 if suspend else 0,))


def set_time(local: datetime) -> bytes:
    """Return hour, minute, second, year (high first), month, day."""
    clock = bytes((local.hour, local.minute, local.second))
    return clock + local.year.to_bytes(2, "big") + bytes((local.month, local.day))


def set_max_bolus(tenths: int, *, new: bool) -> bytes:
    """Return the largest bolus in 0.1 U: one byte (old family), or two, high first (new family)."""
    return tenths.to_bytes(2 if new else 1, "big")


def set_max_basal(fortieths: int) -> bytes:
    """Return the highest basal rate in 0.025 U/h, high byte first."""
    return fortieths.to_bytes(2, "big")


def select_pattern(pattern: int) -> bytes:
    """Return 0 for the standard profile, 1 for pattern A, 2 for pattern B."""
    return bytes((pattern,))


def temp_basal_type(*, percent: bool) -> bytes:
    """Return 01 for temporary basals in percent, 00 for absolute ones.

    No public client sends this command: its opcode is known by name, its parameter is a guess (minimed-protocol 3).
    """
    return bytes((int(percent),))


def keypad(key: int) -> bytes:
    """Return a press of one key: 00 easy bolus, 01 ESC, 02 ACT, 03 UP, 04 DOWN."""
    return bytes((key,))


def power(minutes: int) -> bytes:
    """Return how long the pump's radio shall stay on."""
    return bytes((1, minutes))


def history_page(page: int) -> bytes:
    """Return the number of a history page; 0 is the newest."""
    return bytes((page,))


def profile_image(entries: Sequence[tuple[int, int]]) -> bytes:
    """Return the 192 bytes that write a basal profile.

    ``entries`` are (start in half-hours, rate in fortieths per hour); on the air each is rate (low byte first), then
    start, and zeros fill the image up.
    """
    image = b"".join(rate.to_bytes(2, "little") + bytes((start,)) for start, rate in entries)
    return image.ljust(PROFILE_FRAGMENTS * FRAGMENT_DATA, b"\0")
