"""The pump's history: records as bytes, packed into pages of 1024 with their CRC-16 [minimed 6]."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

PAGE_BYTES = 1022
PROFILE_ENTRIES = 48


def crc16(data: bytes) -> int:
    """Return CRC-16/CCITT-FALSE: polynomial 1021, start FFFF, not reflected; '123456789' gives 29B1 [minimed 1.3]."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return crc


def stamp(local: datetime, remote: bool = False, mark: int = 0) -> bytes:
    """Return the 5-byte time stamp; 2025-03-09 14:05:30 is 1E C5 0E 09 19 [minimed 6.1, 8.4].

    ``mark`` stands in the upper three bits of the hour.
    """
    return bytes(
        (
            (local.month >> 2) << 6 | local.second,
            (local.month & 3) << 6 | local.minute,
            mark << 5 | local.hour,
            local.day | (0x40 if remote else 0),
            local.year - 2000 & 0x7F,
        )
    )


def date_stamp(day: datetime) -> bytes:
    """Return the 2-byte date; 2025-03-09 is 29 99."""
    return bytes(((day.month >> 1) << 5 | day.day, (day.month & 1) << 7 | (day.year - 2000 & 0x7F)))


class Records:
    """Builds records in the layout of one pump family; ``is_late`` is family 51 and up."""

    def __init__(self, is_new: bool, is_late: bool = False) -> None:
        self.is_new = is_new
        self._is_late = is_late

    def bolus(
        self,
        programmed: int,
        delivered: int,
        at: datetime,
        remote: bool,
        unabsorbed: int = 0,
        half_hours: int = 0,
        mark: int = 0,
    ) -> bytes:
        """Return a bolus; amounts in steps of 0.025 U, half-hours of a square wave (0: normal)."""
        if self.is_new:
            body = b"\x01" + b"".join(amount.to_bytes(2, "big") for amount in (programmed, delivered, unabsorbed))
        else:
            body = bytes((0x01, programmed // 4, delivered // 4))
        return body + bytes((half_hours,)) + stamp(at, remote, mark)

    def temp_basal(self, kind_percent: bool, value: int, half_hours: int, at: datetime, remote: bool) -> bytes:
        """Return the pair of records of a temp basal; ``value`` in percent or in 0.025 U/h."""
        last = 0x08 if kind_percent else value >> 8 & 0x07
        when = stamp(at, remote)
        return bytes((0x33, value & 0xFF)) + when + bytes((last,)) + bytes((0x16, half_hours)) + when

    def basal_start(self, index: int, half_hours: int, rate: int, at: datetime) -> bytes:
        """Return "scheduled basal starts", which only new pumps write; ``rate`` in 0.025 U/h."""
        if not self.is_new:
            return b""
        return bytes((0x7B, index)) + stamp(at) + bytes((half_hours,)) + rate.to_bytes(2, "little")

    def daily_total(self, strokes: int, day: datetime) -> bytes:
        """Return the total of a day, in steps of 0.025 U."""
        body = b"\x07\x00\x00" + min(strokes, 0xFFFF).to_bytes(2, "big") + date_stamp(day)
        return body + (bytes(3) if self.is_new else b"")

    def profile_change(self, before: bool, entries: list[tuple[int, int]], at: datetime) -> bytes:
        """Return a profile before (08) or after (09) a change; entries are (half-hours, 0.025 U/h)."""
        image = b"".join(bytes((start,)) + rate.to_bytes(2, "little") for start, rate in entries[:PROFILE_ENTRIES])
        return bytes((0x08 if before else 0x09, 0)) + stamp(at) + image.ljust(145, b"\x00")

    def simple(self, kind: int, value: int, at: datetime, remote: bool = False) -> bytes:
        """Return any of the 7-byte records: type, one byte, stamp."""
        return bytes((kind, value & 0xFF)) + stamp(at, remote)

    def prime(self, fixed: int, delivered: int, at: datetime) -> bytes:
        """Return a prime; amounts in 0.1 U, fixed 0 is a manual prime."""
        return bytes((0x03, 0, fixed, 0, delivered)) + stamp(at)

    def sensor_setup(self, at: datetime) -> bytes:
        """Return a record that has nothing to do with delivery, but a size of its own."""
        return (b"\x50\x00" + stamp(at)).ljust(41 if self._is_late else 37, b"\x00")

    def alarm(self, code: int, at: datetime) -> bytes:
        """Return an alarm."""
        return bytes((0x06, code, 0, 0)) + stamp(at)


@dataclass(frozen=True, slots=True)
class Place:
    """Where records stand, for the few that a pump brings up to date."""

    page: bytearray
    at: int

    def overwrite(self, records: bytes) -> None:
        """Put others of the same size in their place; a page that is gone by now stays gone."""
        self.page[self.at : self.at + len(records)] = records


class History:
    """Pages of records; page 0 is the newest, and the oldest goes when there are too many."""

    def __init__(self, most: int = 36) -> None:
        self._most = most
        self._pages: list[bytearray] = [bytearray()]
        self._dropped = 0

    def append(self, records: bytes) -> Place:
        """Add records that belong together; they never straddle two pages. Return where they stand."""
        if len(self._pages[-1]) + len(records) > PAGE_BYTES:
            self._pages.append(bytearray())
            if len(self._pages) > self._most:
                self._pages.pop(0)
                self._dropped += 1
        page = self._pages[-1]
        page += records
        return Place(page, len(page) - len(records))

    @property
    def newest_number(self) -> int:
        """Return the counter of the newest page, as opcode 9D reports it."""
        return self._dropped + len(self._pages) - 1

    def page(self, number: int) -> bytes | None:
        """Return the 1024 bytes of a page, oldest record first, or None when there is no such page."""
        if not 0 <= number < len(self._pages):
            return None
        body = bytes(self._pages[-1 - number]).ljust(PAGE_BYTES, b"\x00")
        return body + crc16(body).to_bytes(2, "big")
