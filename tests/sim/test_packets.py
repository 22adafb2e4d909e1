"""The pump's line code and frames against the published tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.sim.pump.packets import crc8, decode_4b6b, encode_4b6b, read_packet
from tests.sim.kit import PUMP_ID, unhex

SHORT = [
    ("A7 51 28 47 5D 00 76", "A9 69 71 C9 AD 16 94 D5 55 5A 65"),
    ("A7 51 28 47 06 00 DD", "A9 69 71 C9 AD 16 56 65 55 34 D5"),
    ("A7 51 28 47 15 08 05", "A9 69 71 C9 AD 16 C6 55 5A 56 55"),
    ("A7 51 28 47 15 09 9E", "A9 69 71 C9 AD 16 C6 55 59 64 E5"),
    ("A7 51 28 47 15 0C C4", "A9 69 71 C9 AD 16 C6 55 6C B3 45"),
    ("A7 51 28 47 15 0D 5F", "A9 69 71 C9 AD 16 C6 55 4D 95 C5"),
    ("A7 51 28 47 70 00 E5", "A9 69 71 C9 AD 16 59 55 55 3A 55"),
    ("A7 51 28 47 71 00 F3", "A9 69 71 C9 AD 16 5B 15 55 72 35"),
    ("A7 51 28 47 72 00 C9", "A9 69 71 C9 AD 16 5B 25 55 B1 95"),
    ("A7 51 28 47 73 00 DF", "A9 69 71 C9 AD 16 5A 35 55 35 C5"),
    ("A7 51 28 47 74 00 BD", "A9 69 71 C9 AD 16 5B 45 55 2C D5"),
    ("A7 51 28 47 75 00 AB", "A9 69 71 C9 AD 16 5A 55 55 A8 B5"),
    ("A7 51 28 47 80 00 86", "A9 69 71 C9 AD 16 69 55 55 6A 65"),
    ("A7 51 28 47 8A 00 1A", "A9 69 71 C9 AD 16 6A A5 55 C6 A5"),
    ("A7 51 28 47 8B 00 0C", "A9 69 71 C9 AD 16 68 B5 55 56 C5"),
    ("A7 51 28 47 8D 00 78", "A9 69 71 C9 AD 16 68 D5 55 59 A5"),
    ("A7 51 28 47 91 00 6B", "A9 69 71 C9 AD 16 67 15 55 98 B5"),
    ("A7 51 28 47 92 00 51", "A9 69 71 C9 AD 16 67 25 55 97 15"),
    ("A7 51 28 47 93 00 47", "A9 69 71 C9 AD 16 66 35 55 D1 65"),
    ("A7 51 28 47 94 00 25", "A9 69 71 C9 AD 16 67 45 55 CA 55"),
    ("A7 51 28 47 98 00 CD", "A9 69 71 C9 AD 16 65 A5 55 B0 D5"),
    ("A7 51 28 47 9D 00 83", "A9 69 71 C9 AD 16 64 D5 55 6A 35"),
    ("A7 51 28 47 9F 00 AF", "A9 69 71 C9 AD 16 65 C5 55 A9 C5"),
    ("A7 51 28 47 C0 00 5C", "A9 69 71 C9 AD 16 B1 55 55 96 C5"),
    ("A7 51 28 47 CE 00 98", "A9 69 71 C9 AD 16 B0 E5 55 65 A5"),
    ("A7 51 28 47 42 00 5F", "A9 69 71 C9 AD 16 D3 25 55 95 C5"),
    ("A7 51 28 47 4C 00 9B", "A9 69 71 C9 AD 16 D2 C5 55 64 B5"),
    ("A7 51 28 47 4D 00 8D", "A9 69 71 C9 AD 16 D0 D5 55 68 D5"),
]
LONG = [
    ("A7 51 28 47 5D 02 01 0A 00*62 B6", "A9 69 71 C9 AD 16 94 D5 72 57 15 6A 55*93 2E 65"),
    ("A7 51 28 47 42 01 11 00*63 13", "A9 69 71 C9 AD 16 D3 25 71 C7 15 55*94 C6 35"),
    ("A7 51 28 47 42 02 00 5E 00*62 35", "A9 69 71 C9 AD 16 D3 25 72 55 59 4E 55*93 8E 55"),
    ("A7 51 28 47 42 02 01 EC 00*62 B6", "A9 69 71 C9 AD 16 D3 25 72 57 13 AC 55*93 2E 65"),
    ("A7 51 28 47 4C 03 00 22 03 00*61 C7", "A9 69 71 C9 AD 16 D2 C5 63 55 5C B2 56 35 55*91 B1 65"),
    ("A7 51 28 47 4C 03 01 40 02 00*61 D7", "A9 69 71 C9 AD 16 D2 C5 63 57 1D 15 57 25 55*91 35 65"),
    ("A7 51 28 47 4C 03 00*64 64", "A9 69 71 C9 AD 16 D2 C5 63 55*96 9B 45"),
    ("A7 51 28 47 69 02 96 04 00*62 82", "A9 69 71 C9 AD 16 99 95 72 66 65 74 55*93 6B 25"),
    ("A7 51 28 47 4D 01 01 00*63 EB", "A9 69 71 C9 AD 16 D0 D5 71 57 15 55*94 38 B5"),
    ("A7 51 28 47 4D 01 00*64 FB", "A9 69 71 C9 AD 16 D0 D5 71 55*96 70 B5"),
    (
        "A7 51 28 47 40 07 0E 05 1E 07 E9 03 09 00*57 7F",
        "A9 69 71 C9 AD 16 D1 55 56 54 E5 65 C4 E5 56 39 95 63 55 95 55*85 59 C5",
    ),
    ("A7 51 28 47 5B 01 02 00*63 32", "A9 69 71 C9 AD 16 94 B5 71 57 25 55*94 8F 25"),
    ("A7 51 28 47 41 01 5A 00*63 F4", "A9 69 71 C9 AD 16 D3 15 71 96 A5 55*94 73 45"),
    ("A7 51 28 47 41 02 00 5A 00*62 08", "A9 69 71 C9 AD 16 D3 15 72 55 59 6A 55*94 A5"),
    ("A7 51 28 47 6E 02 00 58 00*62 4F", "A9 69 71 C9 AD 16 98 E5 72 55 59 5A 55*93 D1 C5"),
    ("A7 51 28 47 4A 01 01 00*63 A7", "A9 69 71 C9 AD 16 D2 A5 71 57 15 55*94 A9 65"),
    ("A7 51 28 47 80 01 00*64 4B", "A9 69 71 C9 AD 16 69 55 71 55*96 D0 B5"),
    ("A7 51 28 47 80 01 03 00*63 7B", "A9 69 71 C9 AD 16 69 55 71 56 35 55*94 58 B5"),
    (
        "A7 51 28 47 6F 01 1E 00 00 34 00 0D 2C 01 24 00*55 B3",
        "A9 69 71 C9 AD 16 99 C5 71 C4 E5 55 55 58 F4 55 55 4D CA C5 71 CB 45 55*82 2E 35",
    ),
    ("A7 51 28 47 6F 02 00*64 7C", "A9 69 71 C9 AD 16 99 C5 72 55*96 5A C5"),
    ("A7 51 28 47 6F 83 00*64 FE", "A9 69 71 C9 AD 16 99 C6 A3 55*96 70 E5"),
    ("A7 51 28 47 8D 09 03 35 32 32 00*60 F9", "A9 69 71 C9 AD 16 68 D5 59 56 38 E5 8F 28 F2 55*90 71 95"),
]


def test_crc8_has_its_catalogued_check_value() -> None:
    assert crc8(b"123456789") == 0xEA
    assert crc8(b"") == 0


@pytest.mark.parametrize(("decoded", "encoded"), SHORT + LONG)
def test_each_published_packet_is_read_and_written_byte_for_byte(decoded: str, encoded: str) -> None:
    assert encode_4b6b(unhex(decoded)) == unhex(encoded)
    assert decode_4b6b(unhex(encoded)) == unhex(decoded)
    packet = read_packet(unhex(decoded))
    assert packet is not None
    assert packet.pump_id == PUMP_ID


@pytest.mark.parametrize("filler", ["5A 60", "5A 60 00", "5A 60 00 00"])
def test_a_filler_of_zeros_is_taken_as_well(filler: str) -> None:
    assert decode_4b6b(unhex("A9 69 71 C9 AD 16 94 D5 55 " + filler)) == unhex("A7 51 28 47 5D 00 76")


def test_a_code_outside_the_table_spoils_the_packet() -> None:
    assert decode_4b6b(unhex("FF 69 71")) is None


@pytest.mark.parametrize(
    "data", ["A7 51 28 47 5D 00 77", "A5 51 28 47 5D 00 76", "A7 51 28 47 5D 00", "A7 51 28 47 5D 00 76 00"]
)
def test_wrong_crc_type_or_size_is_no_packet(data: str) -> None:
    assert read_packet(unhex(data)) is None


@given(st.binary(max_size=80))
def test_any_bytes_survive_the_line_code(data: bytes) -> None:
    assert decode_4b6b(encode_4b6b(data)) == data


@given(st.binary(max_size=120))
def test_no_line_coded_packet_holds_a_zero_byte_and_garbage_never_raises(data: bytes) -> None:
    assert 0 not in encode_4b6b(data)
    decode_4b6b(data)
    read_packet(data)
