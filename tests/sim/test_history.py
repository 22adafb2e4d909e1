"""History records and pages against the worked examples."""

from __future__ import annotations

from datetime import datetime

import pytest

from rig.sim.pump.history import PAGE_BYTES, History, Records, crc16, date_stamp, stamp
from rig.sim.pump.packets import long_packet
from tests.sim.kit import PUMP_ID, unhex

DAY = datetime(2025, 3, 9)
OLD, NEW = Records(is_new=False), Records(is_new=True)


def at(hour: int, minute: int, second: int = 0) -> datetime:
    return DAY.replace(hour=hour, minute=minute, second=second)


EXAMPLES = [
    (OLD.simple(0x21, 0, at(14, 0, 5)), "21 00 05 C0 0E 09 19"),
    (OLD.prime(0, 84, at(14, 2, 10)), "03 00 00 00 54 0A C2 0E 09 19"),
    (OLD.prime(3, 3, at(14, 3)), "03 00 03 00 03 00 C3 0E 09 19"),
    (OLD.temp_basal(False, 34, 3, at(14, 5, 30), True), "33 22 1E C5 0E 49 19 00 16 03 1E C5 0E 49 19"),
    (OLD.bolus(68, 68, at(14, 7), True), "01 11 11 00 00 C7 0E 49 19"),
    (OLD.simple(0x1E, 0, at(14, 9), True), "1E 00 00 C9 0E 49 19"),
    (OLD.simple(0x1F, 0, at(14, 11), True), "1F 00 00 CB 0E 49 19"),
    (OLD.simple(0x34, 200, at(14, 12)), "34 C8 00 CC 0E 09 19"),
    (OLD.simple(0x19, 0, at(14, 13)), "19 00 00 CD 0E 09 19"),
    (OLD.alarm(4, at(14, 14)), "06 04 00 00 00 CE 0E 09 19"),
    (OLD.simple(0x0C, 4, at(14, 14, 30)), "0C 04 1E CE 0E 09 19"),
    (OLD.simple(0x14, 1, at(14, 15)), "14 01 00 CF 0E 09 19"),
]


@pytest.mark.parametrize(("record", "expected"), EXAMPLES)
def test_each_record_is_written_byte_for_byte(record: bytes, expected: str) -> None:
    assert record == unhex(expected)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (NEW.basal_start(1, 13, 52, at(14, 5, 30)), "7B 01 1E C5 0E 09 19 0D 34 00"),
        (NEW.temp_basal(False, 320, 2, at(14, 5, 30), True)[:8], "33 40 1E C5 0E 49 19 01"),
        (NEW.temp_basal(True, 150, 2, at(14, 5, 30), True)[:8], "33 96 1E C5 0E 49 19 08"),
        (NEW.bolus(94, 94, at(14, 7), True), "01 00 5E 00 5E 00 00 00 00 C7 0E 49 19"),
        (NEW.bolus(94, 94, at(14, 7), True, 20), "01 00 5E 00 5E 00 14 00 00 C7 0E 49 19"),
        (OLD.daily_total(1258, datetime(2025, 3, 8)), "07 00 00 04 EA 28 99"),
        (NEW.daily_total(1258, datetime(2025, 3, 8)), "07 00 00 04 EA 28 99 00 00 00"),
        (OLD.basal_start(1, 13, 52, at(14, 5, 30)), ""),
    ],
)
def test_family_specific_records_match_the_examples(record: bytes, expected: str) -> None:
    assert record == unhex(expected)


def test_a_profile_record_has_its_fixed_size() -> None:
    assert len(NEW.profile_change(True, [(0, 30), (13, 52)], DAY)) == 152
    assert NEW.profile_change(False, [(0, 30), (13, 52)], DAY)[7:13] == bytes((0, 30, 0, 13, 52, 0))


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (datetime(2025, 3, 9, 14, 5, 30), "1E C5 0E 09 19"),
        (datetime(2024, 11, 30, 23, 59, 58), "BA FB 17 1E 18"),
        (datetime(2025, 8, 1), "80 00 00 01 19"),
    ],
)
def test_stamps_match_the_examples(when: datetime, expected: str) -> None:
    assert stamp(when) == unhex(expected)


@pytest.mark.parametrize(
    ("when", "expected"),
    [(datetime(2025, 3, 9), "29 99"), (datetime(2024, 12, 31), "DF 18"), (datetime(2025, 8, 1), "81 19")],
)
def test_dates_match_the_examples(when: datetime, expected: str) -> None:
    assert date_stamp(when) == unhex(expected)


def test_crc16_has_its_catalogued_check_value() -> None:
    assert crc16(b"123456789") == 0x29B1


def test_the_worked_page_has_its_crc_and_its_fragments_theirs() -> None:
    history = History()
    for record, _ in EXAMPLES:
        history.append(record)
    page = history.page(0)
    assert page is not None
    assert len(page) == 1024
    assert page[-2:] == unhex("DB 6D")
    assert long_packet(PUMP_ID, 0x80, b"\x01" + page[:64])[-1] == 0xBA
    assert long_packet(PUMP_ID, 0x80, b"\x02" + page[64:128])[-1] == 0x14
    assert long_packet(PUMP_ID, 0x80, b"\x90" + page[960:]) == unhex("A7 51 28 47 80 90 00*62 DB 6D B4")


def test_records_never_straddle_pages_and_the_oldest_page_is_dropped() -> None:
    history = History()
    record = bytes(range(1, 8))
    per_page = PAGE_BYTES // len(record)
    for _ in range(per_page * 40):
        history.append(record)
    page = history.page(35)
    assert page is not None
    assert page[: per_page * 7] == record * per_page
    assert history.page(36) is None
    assert history.newest_number == 39
