"""History pages of MiniMed pumps of families 22 and 23.

Records carry no length: it follows from the type byte and the family, so an unknown type makes the rest of a page
unreadable. It is kept and reported, never guessed at. Source: minimed-protocol 6 and 8.4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from rig.errors import MalformedReply
from rig.wire.crc import crc16
from rig.wire.minimed.amounts import PER_UNIT

PAGE_SIZE = 1024
_STAMP = 5
_REMOTE = 0x40


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """One record of a page.

    ``kind`` and the amounts are those of `rig.instruments.HistoryEvent`. ``code`` is the alarm, the pattern, the index
    of a profile entry, or the record type where one kind has several. A low-reservoir record has the amount left in
    0.1 U in ``code``; a ``basal_start`` has the start of its profile entry in ``minutes`` after midnight; a bolus has 0
    ``minutes`` when it is a normal one.
    """

    kind: str
    at: datetime | None
    raw: bytes
    remote: bool = False
    programmed_u: float | None = None
    delivered_u: float | None = None
    rate_u_per_h: float | None = None
    percent: int | None = None
    minutes: int | None = None
    code: int | None = None


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page, oldest record first; ``unreadable`` is what is left after a record that cannot be read."""

    records: tuple[HistoryRecord, ...]
    unreadable: bytes = b""
    unreadable_at: int | None = None


def parse_page(page: bytes, *, new: bool, family: int = 0) -> HistoryPage:
    """Check a page's CRC and read its records; zeros between them are skipped.

    Raises `MalformedReply` when size or CRC is wrong: then no byte of the page can be trusted.
    """
    if len(page) != PAGE_SIZE:
        raise MalformedReply("pump", page[:16], asked="history page", expected=f"{PAGE_SIZE} bytes, not {len(page)}")
    content, stored = page[:-2], int.from_bytes(page[-2:], "big")
    if crc16(content) != stored:
        expected = f"CRC {crc16(content):04X} in place of {stored:04X}"
        raise MalformedReply("pump", page[-2:], asked="history page", expected=expected)
    return parse_records(content, new=new, family=family)


def parse_records(content: bytes, *, new: bool, family: int = 0) -> HistoryPage:
    """Read the records of a page without its CRC."""
    records: list[HistoryRecord] = []
    offset = 0
    while offset < len(content):
        if content[offset] == 0:
            offset += 1
            continue
        record = _parse_record(content[offset:], new=new, family=family)
        if record is None:
            return HistoryPage(tuple(records), content[offset:], offset)
        records.append(record)
        offset += len(record.raw)
    return HistoryPage(tuple(records))


def _parse_record(rest: bytes, *, new: bool, family: int) -> HistoryRecord | None:
    """Return the record at the front of ``rest``, or None when it cannot be read."""
    size = record_size(rest, new=new, family=family)
    if size is None or size > len(rest):
        return None
    raw = rest[:size]
    reader = _READERS.get(raw[0], _read_other)
    try:
        return reader(raw)
    except ValueError:  # a delivery record with a date that does not exist: the page is out of step
        return None


def record_size(rest: bytes, *, new: bool, family: int = 0) -> int | None:
    """Return the size of the record at the front of ``rest``; None when its type is unknown."""
    kind = rest[0]
    if kind in _COUNTED:
        return max(2, rest[1]) if len(rest) > 1 else None
    if kind == 0x50 and family >= _FAMILY_OF_LONG_50:
        return _LONG_50
    sizes = _NEW_SIZES if new else _OLD_SIZES
    return sizes.get(kind, _SIZES.get(kind))


def parse_stamp(stamp: bytes) -> datetime:
    """Return the time in a 5-byte stamp, flags masked off; raise ValueError when there is no such time."""
    month = ((stamp[0] >> 6) << 2) | (stamp[1] >> 6)
    return datetime(  # noqa: DTZ001 - pumps know no zone
        2000 + (stamp[4] & 0x7F), month, stamp[3] & 0x1F, stamp[2] & 0x1F, stamp[1] & 0x3F, stamp[0] & 0x3F
    )


def parse_date(date: bytes) -> datetime:
    """Return midnight of a 2-byte date; raise ValueError when there is no such day."""
    month = ((date[0] >> 5) << 1) | (date[1] >> 7)
    return datetime(2000 + (date[1] & 0x7F), month, date[0] & 0x1F)  # noqa: DTZ001 - pumps know no zone


def _read_bolus(raw: bytes) -> HistoryRecord:
    stamp = raw[-_STAMP:]
    if len(raw) == _OLD_SIZES[0x01]:
        programmed_u, delivered_u, half_hours = raw[1] / 10, raw[2] / 10, raw[3]
    else:
        programmed_u = int.from_bytes(raw[1:3], "big") / PER_UNIT
        delivered_u = int.from_bytes(raw[3:5], "big") / PER_UNIT
        half_hours = raw[7]
    return HistoryRecord(
        "bolus",
        parse_stamp(stamp),
        raw,
        remote=_is_remote(stamp),
        programmed_u=programmed_u,
        delivered_u=delivered_u,
        minutes=30 * half_hours,
    )


def _read_prime(raw: bytes) -> HistoryRecord:
    return HistoryRecord("prime", parse_stamp(raw[-_STAMP:]), raw, programmed_u=raw[2] / 10, delivered_u=raw[4] / 10)


def _read_temp_rate(raw: bytes) -> HistoryRecord:
    stamp, last = raw[2:7], raw[7]
    at, remote = parse_stamp(stamp), _is_remote(stamp)
    if last >> 3:
        return HistoryRecord("temp_basal_rate", at, raw, remote=remote, percent=raw[1])
    rate_u_per_h = (((last & 0x07) << 8) | raw[1]) / PER_UNIT
    return HistoryRecord("temp_basal_rate", at, raw, remote=remote, rate_u_per_h=rate_u_per_h)


def _read_temp_duration(raw: bytes) -> HistoryRecord:
    stamp = raw[2:7]
    return HistoryRecord("temp_basal_duration", parse_stamp(stamp), raw, remote=_is_remote(stamp), minutes=30 * raw[1])


def _read_basal_start(raw: bytes) -> HistoryRecord:
    return HistoryRecord(
        "basal_start",
        parse_stamp(raw[2:7]),
        raw,
        rate_u_per_h=int.from_bytes(raw[8:10], "little") / PER_UNIT,
        minutes=30 * raw[7],
        code=raw[1],
    )


def _read_daily_total(raw: bytes) -> HistoryRecord:
    delivered_u = int.from_bytes(raw[3:5], "big") / PER_UNIT
    return HistoryRecord("daily_total", parse_date(raw[5:7]), raw, delivered_u=delivered_u)


def _read_alarm(raw: bytes) -> HistoryRecord:
    return HistoryRecord("alarm", parse_stamp(raw[4:9]), raw, code=raw[1])


def _remote_kind(kind: str) -> Callable[[bytes], HistoryRecord]:
    return lambda raw: HistoryRecord(kind, parse_stamp(raw[2:7]), raw, remote=_is_remote(raw[2:7]))


def _plain_kind(kind: str) -> Callable[[bytes], HistoryRecord]:
    return lambda raw: HistoryRecord(kind, parse_stamp(raw[2:7]), raw)


def _coded_kind(kind: str, code_at: int) -> Callable[[bytes], HistoryRecord]:
    return lambda raw: HistoryRecord(kind, parse_stamp(raw[2:7]), raw, code=raw[code_at])


def _read_other(raw: bytes) -> HistoryRecord:
    """Step over a record that says nothing about delivery; only the 7-byte ones are known to be stamped at 2."""
    at = None
    if len(raw) == _PLAIN_SIZE:
        try:
            at = parse_stamp(raw[2:7])
        except ValueError:
            at = None
    return HistoryRecord("other", at, raw, code=raw[1])


def _is_remote(stamp: bytes) -> bool:
    return bool(stamp[3] & _REMOTE)


_READERS: dict[int, Callable[[bytes], HistoryRecord]] = {
    0x01: _read_bolus,
    0x03: _read_prime,
    0x06: _read_alarm,
    0x07: _read_daily_total,
    0x08: _coded_kind("profile_changed", 0),
    0x09: _coded_kind("profile_changed", 0),
    0x0C: _coded_kind("alarm_cleared", 1),
    0x14: _coded_kind("pattern_selected", 1),
    0x16: _read_temp_duration,
    0x17: _coded_kind("time_changed", 0),
    0x18: _coded_kind("time_changed", 0),
    0x19: _plain_kind("low_battery"),
    0x1A: _coded_kind("battery_changed", 1),
    0x1E: _remote_kind("suspend"),
    0x1F: _remote_kind("resume"),
    0x21: _plain_kind("rewind"),
    0x24: _coded_kind("limit_changed", 0),
    0x2C: _coded_kind("limit_changed", 0),
    0x33: _read_temp_rate,
    0x34: _coded_kind("low_reservoir", 1),
    0x7B: _read_basal_start,
}

_PLAIN_SIZE = 7
_FAMILY_OF_LONG_50 = 51
_LONG_50 = 41
_COUNTED = frozenset((0x30, 0x5C))  # byte 1 is the size
_SEVEN = bytes.fromhex(
    "0A 0C 14 16 17 18 19 1A 1B 1C 1E 1F 20 21 22 23 24 2C 2D 31 32 34 35 3A 3B 43 44 51 52 57"
    "5D 5E 5F 60 61 62 63 64 65 66 6A 6F 7C 83"
)
_SIZES: dict[int, int] = dict.fromkeys(_SEVEN, _PLAIN_SIZE) | {
    0x03: 10,
    0x06: 9,
    0x08: 152,
    0x09: 152,
    0x0B: 8,
    0x26: 21,
    0x2E: 107,
    0x2F: 19,
    0x33: 8,
    0x36: 21,
    0x39: 10,
    0x3C: 21,
    0x3F: 10,
    0x40: 9,
    0x41: 8,
    0x42: 8,
    0x4F: 39,
    0x50: 37,
    0x53: 8,
    0x54: 64,
    0x55: 55,
    0x56: 12,
    0x67: 9,
    0x68: 9,
    0x6C: 38,
    0x6D: 44,
    0x6E: 52,
    0x7B: 10,
    0x7D: 37,
    0x81: 12,
    0x82: 12,
}
_OLD_SIZES: dict[int, int] = {0x01: 9, 0x07: 7, 0x5A: 124, 0x5B: 20, 0x69: 7}
_NEW_SIZES: dict[int, int] = {0x01: 13, 0x07: 10, 0x5A: 144, 0x5B: 22, 0x69: 9}
