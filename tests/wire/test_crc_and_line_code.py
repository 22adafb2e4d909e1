"""CRC-8, CRC-16 and the 4b6b line code against published vectors."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import MalformedReply
from rig.wire import line_code
from rig.wire.crc import crc8, crc16
from tests.transcripts.notation import expand, load

FRAMES = load("minimed_packets.toml")["packet"]
ENCODED = [frame for frame in FRAMES if "encoded" in frame]


def test_crc8_gives_its_catalogue_check_value() -> None:
    assert crc8(b"123456789") == 0xEA
    assert crc8(b"") == 0


def test_crc8_table_begins_as_documented() -> None:
    documented = expand("00 9B AD 36 C1 5A 6C F7 19 82 B4 2F D8 43 75 EE")
    assert bytes(crc8(bytes([byte])) for byte in range(16)) == documented


def test_crc16_gives_its_catalogue_check_value() -> None:
    assert crc16(b"123456789") == 0x29B1
    assert crc16(b"") == 0xFFFF


@pytest.mark.parametrize("vector", load("mt_sics.toml")["crc"], ids=lambda vector: vector["crc"])
def test_crc16_agrees_with_the_protected_weights_of_a_balance(vector: dict[str, str]) -> None:
    assert f"{crc16(vector['over'].encode()):04X}" == vector["crc"]


@given(st.binary(min_size=1, max_size=80), st.data())
def test_both_crcs_see_any_single_flipped_bit(data: bytes, draw: st.DataObject) -> None:
    position = draw.draw(st.integers(0, 8 * len(data) - 1))
    flipped = bytearray(data)
    flipped[position // 8] ^= 1 << position % 8
    assert crc8(bytes(flipped)) != crc8(data)
    assert crc16(bytes(flipped)) != crc16(data)


@pytest.mark.parametrize("frame", ENCODED, ids=lambda frame: frame["what"])
def test_published_packets_are_encoded_to_the_byte(frame: dict[str, str]) -> None:
    assert line_code.encode(expand(frame["decoded"])) == expand(frame["encoded"])


@pytest.mark.parametrize("frame", ENCODED, ids=lambda frame: frame["what"])
def test_published_packets_are_decoded_to_the_byte(frame: dict[str, str]) -> None:
    assert line_code.decode(expand(frame["encoded"])) == expand(frame["decoded"])


@pytest.mark.parametrize("tail", ["5", "0", "000", "00000"])
def test_either_filler_is_accepted(tail: str) -> None:
    with_filler_5 = expand("A9 69 71 C9 AD 16 94 D5 55 5A 65").hex()
    other = with_filler_5[:-1] + tail
    other += "0" * (len(other) % 2)
    assert line_code.decode(bytes.fromhex(other)) == expand("A7 51 28 47 5D 00 76")


@given(st.binary(max_size=120))
def test_whatever_is_encoded_comes_back(packet: bytes) -> None:
    encoded = line_code.encode(packet)
    assert line_code.decode(encoded) == packet
    assert 0 not in encoded
    filled_with_zeros = encoded[:-1] + bytes([encoded[-1] & 0xF0]) if len(packet) % 2 else encoded
    assert line_code.decode(filled_with_zeros + b"\0\0") == packet


@given(st.binary(max_size=130))
def test_no_bytes_from_the_air_crash_the_decoder(noise: bytes) -> None:
    with suppress(MalformedReply):
        assert len(line_code.decode(noise)) <= len(noise) * 8 // 12


def test_a_group_that_is_no_code_is_a_coding_error() -> None:
    with pytest.raises(MalformedReply, match="4b6b"):
        line_code.decode(b"\xff\xff\xff")
