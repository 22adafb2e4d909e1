"""The CareLink stick's bytes against every worked example."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import InstrumentError, MalformedReply
from rig.wire import carelink
from rig.wire.carelink import Kind, Records
from rig.wire.crc import crc8
from rig.wire.minimed.answers import parse_settings
from rig.wire.minimed.counts import Counts
from rig.wire.minimed.packets import Opcode
from tests.transcripts.notation import expand, load, packet
from tests.wire.test_minimed_history import published_page

PUMP = "512847"
TRANSCRIPT = load("carelink.toml")


def block(start: str) -> bytearray:
    return bytearray(expand(start).ljust(carelink.BLOCK, b"\xee"))


@pytest.mark.parametrize("entry", TRANSCRIPT["transmit"], ids=lambda entry: entry["what"])
def test_every_published_command_is_built_to_the_byte(entry: dict[str, Any]) -> None:
    parameters = expand(entry.get("parameters", ""))
    built = carelink.transmit(
        PUMP, entry["opcode"], parameters, records=Records(entry["records"]), retries=entry["retries"]
    )
    assert built == expand(entry["bytes"])


@pytest.mark.parametrize("entry", TRANSCRIPT["download"], ids=lambda entry: str(entry["size"]))
def test_every_published_download_is_asked_for_to_the_byte(entry: dict[str, Any]) -> None:
    assert carelink.download(entry["size"]) == expand(entry["bytes"])


@pytest.mark.parametrize("entry", TRANSCRIPT["reply"], ids=lambda entry: entry["what"])
def test_every_published_reply_is_read(entry: dict[str, Any]) -> None:
    inbox = bytearray(expand(entry["bytes"]))
    size = len(inbox)
    read = carelink.take_download(inbox, size)
    assert read is not None
    assert (read.kind, read.data) == (Kind(entry["kind"]), expand(entry["data"]))
    assert (read.pump_id, read.signal, read.retries, read.last) == (PUMP, 0xD0, 0, True)
    assert not inbox


@pytest.mark.parametrize("entry", TRANSCRIPT["piece"], ids=lambda entry: entry["what"])
def test_the_published_pieces_of_a_page_are_read(entry: dict[str, Any]) -> None:
    data = published_page()[128 * entry["number"] : 128 * (entry["number"] + 1)]
    read = carelink.parse_download(expand(entry["head"]) + data + expand(entry["crc"]))
    assert (read.kind, read.data, read.last) == (Kind.PIECE, data, entry["what"] == "last")


@pytest.mark.parametrize("entry", TRANSCRIPT["status"], ids=lambda entry: entry["what"])
def test_every_published_link_status_is_read(entry: dict[str, Any]) -> None:
    content = carelink.body(bytes(block("01 55 00" + " " + entry["body"])), "link status")
    status = carelink.parse_link_status(content)
    assert (status.size, status.state) == (entry["size"], entry["state"])


def test_the_answer_to_a_read_is_the_packet_that_the_pump_sent() -> None:
    counts = Counts()
    model = counts.packet(PUMP, Opcode.MODEL, expand("03 35 32 32 00*60"))
    assert model.encode() == packet("model 522")
    assert counts.packet(PUMP, Opcode.RESERVOIR, expand("03 3A 00*62")).encode() == packet("reservoir 82.6 U, old")


@pytest.mark.parametrize(
    "name",
    [
        "time 2025-03-09 14:05:30",
        "battery 1.38 V normal",
        "reservoir 82.625 U, new",
        "status bolusing",
        "temp 0.85 U/h, 87 min left",
        "firmware",
        "pump id",
        "page number 11",
        "settings new: the same",
    ],
)
def test_the_count_byte_that_the_stick_takes_off_is_put_back(name: str) -> None:
    counts = Counts()
    counts.packet(PUMP, Opcode.MODEL, expand("03 37 32 33 00*60"))
    sent = packet(name)
    assert counts.packet(PUMP, Opcode(sent[4]), sent[6:-1]).encode() == sent


def test_the_settings_of_family_12_keep_their_own_layout_without_a_count_byte() -> None:
    content = expand("00 04 00 00 00 FA 05 78 00 00 01 02 00 00 00 64 00 01 00*46")
    read = parse_settings(Counts().packet(PUMP, Opcode.SETTINGS_12, content))
    assert (read.max_bolus_u, read.max_basal_u_per_h, read.pattern, read.insulin_action_h) == (25.0, 35.0, 2, None)


def test_a_refusal_of_the_stick_says_why() -> None:
    with pytest.raises(InstrumentError, match="busy"):
        carelink.body(bytes(block("01 66 03")), "read model")


def test_left_over_bytes_of_a_block_mean_nothing() -> None:
    product = carelink.parse_product(
        carelink.body(bytes(block("01 55 00 12 34 56 01 02 FF") + b""), "product info")[:6]
        + b"ComLink II"
        + bytes((1, 16))
        + b"\xee" * 40
    )
    assert (product.serial, product.frequency_mhz, product.firmware) == ("123456", 916.5, "1.16")


def test_another_device_is_told_apart_from_a_stick() -> None:
    with pytest.raises(MalformedReply, match="another device"):
        carelink.take_block(bytearray(b"OK\0"))
    with pytest.raises(MalformedReply, match="ComLink"):
        carelink.parse_product(bytes(61))


def test_a_block_that_is_not_whole_waits_for_more() -> None:
    assert carelink.take_block(block("01 55 00")[:63]) is None
    assert carelink.take_download(bytearray(b"\x02\x00"), 15) is None


@given(st.integers(0, 14), st.integers(1, 255))
def test_no_flipped_bits_of_a_reply_pass_for_an_acknowledgement(position: int, flip: int) -> None:
    damaged = bytearray(expand(TRANSCRIPT["reply"][0]["bytes"]))
    damaged[position] ^= flip
    with suppress(MalformedReply):
        read = carelink.parse_download(bytes(damaged))
        # The two bytes in front of the kind stand under the CRC as well, so nothing of this may be left.
        raise AssertionError(f"{damaged.hex(' ')} was read as {read}")


@given(st.binary(max_size=1100))
def test_whatever_is_downloaded_is_read_or_refused(content: bytes) -> None:
    with suppress(MalformedReply):
        read = carelink.parse_download(content)
        assert crc8(read.data) == content[-1]


@given(st.binary(min_size=3, max_size=70))
def test_whatever_block_comes_is_taken_or_refused(content: bytes) -> None:
    inbox = bytearray(content)
    with suppress(MalformedReply, InstrumentError):
        taken = carelink.take_block(inbox)
        if taken is not None:
            carelink.parse_link_status(carelink.body(taken, "link status"))
