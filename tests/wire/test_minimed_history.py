"""History pages: every worked record, whole pages, and pages that cannot be read to their end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import MalformedReply
from rig.instruments import EVENT_KINDS
from rig.wire.crc import crc16
from rig.wire.minimed.history import PAGE_SIZE, parse_date, parse_page, parse_records, parse_stamp, record_size
from rig.wire.minimed.packets import Fragments, Opcode, Progress, fragment_packets, parse_packet
from tests.transcripts.notation import expand, load

TRANSCRIPT = load("minimed_history.toml")
RECORDS = [(record, family) for record in TRANSCRIPT["record"] for family in record["families"]]
FIELDS = ("programmed_u", "delivered_u", "rate_u_per_h", "percent", "minutes", "code")


def page_of(content: bytes) -> bytes:
    filled = content.ljust(PAGE_SIZE - 2, b"\0")
    return filled + crc16(filled).to_bytes(2, "big")


def published_page() -> bytes:
    return page_of(b"".join(expand(record["bytes"]) for record in TRANSCRIPT["record"] if record.get("page")))


@pytest.mark.parametrize("stamp", TRANSCRIPT["stamp"], ids=lambda stamp: stamp["bytes"])
def test_stamps_are_read_with_their_flags_masked_off(stamp: dict[str, Any]) -> None:
    assert parse_stamp(expand(stamp["bytes"])) == stamp["at"]


@pytest.mark.parametrize("date", TRANSCRIPT["date"], ids=lambda date: date["bytes"])
def test_dates_are_read(date: dict[str, Any]) -> None:
    assert parse_date(expand(date["bytes"])) == date["at"]


@pytest.mark.parametrize(("record", "family"), RECORDS, ids=[f"{r['what']} ({f})" for r, f in RECORDS])
def test_every_published_record_is_read(record: dict[str, Any], family: str) -> None:
    raw = expand(record["bytes"])
    page = parse_records(raw, new=family == "new")
    assert page.unreadable == b""
    (read,) = page.records
    assert (read.kind, read.at, read.raw, read.remote) == (
        record["kind"],
        record["at"],
        raw,
        record.get("remote", False),
    )
    # A record's type may stand in `code` where one kind has several types; the transcript names it only if it matters.
    for field in FIELDS:
        assert getattr(read, field) == record.get(field), field


def test_the_published_page_is_read_in_order() -> None:
    page = published_page()
    assert page[-2:] == expand(TRANSCRIPT["page"]["crc"])
    read = parse_page(page, new=False)
    assert sum(len(record.raw) for record in read.records) == TRANSCRIPT["page"]["length"]
    assert [record.raw for record in read.records] == [
        expand(record["bytes"]) for record in TRANSCRIPT["record"] if record.get("page")
    ]
    assert (read.unreadable, read.unreadable_at) == (b"", None)


def test_the_published_page_travels_in_sixteen_fragments() -> None:
    packets = fragment_packets("512847", Opcode.HISTORY_PAGE, published_page())
    assert len(packets) == 16
    assert packets[0].encode()[-1:] == expand(TRANSCRIPT["page"]["fragment_1_crc"])
    assert packets[1].encode()[-1:] == expand(TRANSCRIPT["page"]["fragment_2_crc"])
    assert packets[15].encode() == expand(TRANSCRIPT["page"]["fragment_16"])
    fragments = Fragments()
    progress = [fragments.take(parse_packet(packet.encode())) for packet in packets]
    assert progress == [Progress.MORE] * 15 + [Progress.COMPLETE]
    assert fragments.data == published_page()


def test_an_unknown_record_stops_the_reading_and_is_reported() -> None:
    known, unknown = expand("1E 00 00 C9 0E 49 19"), expand("F7 01 02 03 1F 00 00 CB 0E 49 19")
    page = parse_page(page_of(known + unknown), new=True)
    assert [record.kind for record in page.records] == ["suspend"]
    assert page.unreadable_at == len(known)
    assert page.unreadable.startswith(unknown)


def test_a_delivery_record_with_an_impossible_date_stops_the_reading() -> None:
    page = parse_page(page_of(expand("01 11 11 00 00 07 0E 40 19")), new=False)
    assert page.records == ()
    assert page.unreadable_at == 0


def test_a_record_cut_off_by_the_end_of_the_page_is_reported() -> None:
    page = parse_records(expand("1E 00 00 C9"), new=False)
    assert page.records == ()
    assert page.unreadable == expand("1E 00 00 C9")


def test_zeros_between_records_are_stepped_over() -> None:
    record = "1E 00 00 C9 0E 49 19"
    page = parse_records(expand(f"00*3 {record} 00 {record} 00*9"), new=True)
    assert [read.kind for read in page.records] == ["suspend", "suspend"]


@pytest.mark.parametrize("position", [0, 500, 1021, 1023])
def test_a_damaged_page_is_refused_whole(position: int) -> None:
    page = bytearray(published_page())
    page[position] ^= 0x10
    with pytest.raises(MalformedReply, match="CRC"):
        parse_page(bytes(page), new=False)


def test_a_page_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(MalformedReply, match="1024 bytes"):
        parse_page(published_page()[:-64], new=False)


# Type: (size in the old family, size in the new one). Source: minimed-protocol 6.2 and 6.3.
SIZES = {
    0x01: (9, 13),
    0x03: (10, 10),
    0x06: (9, 9),
    0x07: (7, 10),
    0x08: (152, 152),
    0x09: (152, 152),
    0x0B: (8, 8),
    0x26: (21, 21),
    0x2E: (107, 107),
    0x2F: (19, 19),
    0x33: (8, 8),
    0x36: (21, 21),
    0x39: (10, 10),
    0x3C: (21, 21),
    0x3F: (10, 10),
    0x40: (9, 9),
    0x41: (8, 8),
    0x42: (8, 8),
    0x4F: (39, 39),
    0x50: (37, 37),
    0x53: (8, 8),
    0x54: (64, 64),
    0x55: (55, 55),
    0x56: (12, 12),
    0x5A: (124, 144),
    0x5B: (20, 22),
    0x67: (9, 9),
    0x68: (9, 9),
    0x69: (7, 9),
    0x6C: (38, 38),
    0x6D: (44, 44),
    0x6E: (52, 52),
    0x7B: (10, 10),
    0x7D: (37, 37),
    0x81: (12, 12),
    0x82: (12, 12),
}


@pytest.mark.parametrize("kind", list(SIZES))
def test_records_of_other_sizes_than_seven_are_stepped_over(kind: int) -> None:
    assert (record_size(bytes([kind, 0]), new=False), record_size(bytes([kind, 0]), new=True)) == SIZES[kind]


@pytest.mark.parametrize(
    "kind", list(expand("0A 0C 14 16 1B 1C 1E 21 24 2C 2D 31 32 34 35 3A 3B 43 44 51 52 57 5D 66"))
)
def test_most_records_have_seven_bytes(kind: int) -> None:
    assert record_size(bytes([kind, 0]), new=False) == record_size(bytes([kind, 0]), new=True) == 7


@pytest.mark.parametrize(("head", "size"), [("5C 08", 8), ("5C 00", 2), ("5C 02", 2), ("30 1D", 29)])
def test_two_record_types_carry_their_own_size(head: str, size: int) -> None:
    assert record_size(expand(head), new=True) == size


@given(st.binary(max_size=1022), st.booleans())
def test_no_page_crashes_the_history_decoder_and_no_byte_is_lost(content: bytes, new: bool) -> None:
    page = parse_page(page_of(content), new=new)
    read = b"".join(record.raw for record in page.records) + page.unreadable
    assert read.replace(b"\0", b"") == content.replace(b"\0", b"")


@given(st.lists(st.sampled_from(TRANSCRIPT["record"]), max_size=60), st.booleans())
def test_any_sequence_of_known_records_is_read_back(records: list[dict[str, Any]], new: bool) -> None:
    raws = [expand(record["bytes"]) for record in records if ("new" if new else "old") in record["families"]]
    assert [record.raw for record in parse_records(b"".join(raws), new=new).records] == raws


def test_the_kinds_of_records_are_those_that_the_pump_role_knows() -> None:
    filled = b"\x41" * PAGE_SIZE  # a stamp of these bytes exists
    pages = [
        parse_records(bytes([first]) + filled, new=new, family=23) for first in range(1, 256) for new in (False, True)
    ]
    assert {page.records[0].kind for page in pages if page.records} == EVENT_KINDS
