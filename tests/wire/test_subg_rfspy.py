"""The UART dialect of the radio stick, byte by byte."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import InstrumentError, MalformedReply
from rig.wire import subg_rfspy as rfspy
from rig.wire.subg_rfspy import Received, Register, Silence
from tests.transcripts.notation import expand, load

TRANSCRIPT = load("subg_rfspy.toml")
COMMANDS = {entry["what"]: expand(entry["bytes"]) for entry in TRANSCRIPT["command"]}
RESPONSES = TRANSCRIPT["response"]
MODEL_8D = expand("A9 69 71 C9 AD 16 68 D5 55 59 A5")
WAKE_5D = expand("A9 69 71 C9 AD 16 94 D5 55 5A 65")


def test_every_command_is_built_as_published() -> None:
    us = rfspy.frequency_commands(916.5)
    world = rfspy.frequency_commands(868.35)
    assert {
        "GetState": rfspy.get_state(),
        "GetVersion": rfspy.get_version(),
        "set FREQ0 for 916.5 MHz": us[0],
        "set FREQ1 for 916.5 MHz": us[1],
        "set FREQ2 for 916.5 MHz": us[2],
        "set FREQ0 for 868.35 MHz": world[0],
        "set FREQ1 for 868.35 MHz": world[1],
        "set FREQ2 for 868.35 MHz": world[2],
        "ask the model, listen 500 ms": rfspy.send_and_listen(MODEL_8D, 500),
        "wake burst, 250 packets": rfspy.send_packet(WAKE_5D, repeat=249),
        "listen 12 s": rfspy.get_packet(12_000),
    } == COMMANDS


def test_a_packet_that_asks_for_an_answer_is_never_repeated_by_the_stick() -> None:
    command = rfspy.send_and_listen(MODEL_8D, 1000)
    repeat, retries = command[2], command[9]
    assert (repeat, retries) == (0, 0)


@pytest.mark.parametrize("response", RESPONSES, ids=lambda response: response["what"])
def test_a_response_is_taken_whole(response: dict[str, str]) -> None:
    inbox = bytearray(expand(response["bytes"]))
    assert rfspy.take_response(inbox) == expand(response["body"])
    assert not inbox


@pytest.mark.parametrize("response", RESPONSES, ids=lambda response: response["what"])
def test_a_response_is_taken_byte_by_byte(response: dict[str, str]) -> None:
    inbox = bytearray()
    *head, last = expand(response["bytes"])
    for byte in head:
        inbox.append(byte)
        assert rfspy.take_response(inbox) is None
    inbox.append(last)
    assert rfspy.take_response(inbox) == expand(response["body"])


@pytest.mark.parametrize("response", RESPONSES, ids=lambda response: response["what"])
def test_what_follows_a_response_stays_in_the_inbox(response: dict[str, str]) -> None:
    inbox = bytearray(expand(response["bytes"]) + b"\xaa\x00\x50")
    assert rfspy.take_response(inbox) == expand(response["body"])
    assert inbox == b"\xaa\x00\x50"


@pytest.mark.parametrize("vector", TRANSCRIPT["rssi"], ids=lambda vector: vector["byte"])
def test_signal_strength_is_half_the_signed_byte_less_73(vector: dict[str, object]) -> None:
    received = rfspy.parse_reception(expand(str(vector["byte"])) + b"\x07\xa9")
    assert received == Received(rssi_dbm=float(str(vector["dbm"])), counter=7, encoded=b"\xa9")


@pytest.mark.parametrize(
    ("response", "silence"),
    [(b"\xaa", Silence.TIMEOUT), (b"\xbb", Silence.INTERRUPTED), (b"\xcc", Silence.EMPTY)],
)
def test_error_codes_are_told_apart(response: bytes, silence: Silence) -> None:
    assert rfspy.parse_reception(response) is silence


@pytest.mark.parametrize("response", [b"", b"\x01", b"OK", b"\xab"])
def test_any_other_short_response_to_a_listening_command_is_refused(response: bytes) -> None:
    with pytest.raises(MalformedReply):
        rfspy.parse_reception(response)


@pytest.mark.parametrize("text", ["subg_rfspy 0.7", "subg_rfspy 0.8", "subg_rfspy 0.9", "subg_rfspy 1.0"])
def test_firmware_with_this_dialect_is_accepted(text: str) -> None:
    assert rfspy.parse_version(text.encode()) == text


@pytest.mark.parametrize("text", ["subg_rfspy 0.6", "subg_rfspy 2.2", "subg_rfspy 2.0"])
def test_firmware_with_another_dialect_is_refused_by_name(text: str) -> None:
    with pytest.raises(InstrumentError, match=text):
        rfspy.parse_version(text.encode())


@pytest.mark.parametrize("text", ["", "ble_rfspy 2.0", "OK", "I4 A", "subg_rfspy"])
def test_anything_else_is_no_stick(text: str) -> None:
    with pytest.raises(MalformedReply, match="another device"):
        rfspy.parse_version(text.encode())


@pytest.mark.parametrize(
    "noise", [b"subg_rfspy 0.8\xb3", b"subg_rfspy 0.9x", b"subg_rfspy 0.9\r", b"subg_rfspy 0.0009"]
)
def test_a_version_with_noise_behind_it_is_no_version(noise: bytes) -> None:
    with pytest.raises(MalformedReply):
        rfspy.parse_version(noise)


def test_the_mark_of_a_build_may_follow_the_version() -> None:
    assert rfspy.parse_version(b"subg_rfspy 0.9-2-gab12") == "subg_rfspy 0.9-2-gab12"


def test_a_response_longer_than_any_is_refused_even_with_its_end_and_taken_away() -> None:
    inbox = bytearray(b"\x55" * 600 + b"\x00OK\x00")
    with pytest.raises(MalformedReply):
        rfspy.take_response(inbox)
    assert rfspy.take_response(inbox) == rfspy.OK


def test_a_register_that_is_missing_is_an_error_and_noise_another() -> None:
    rfspy.check_update(b"\x01", Register.FREQ0)
    with pytest.raises(InstrumentError, match="no such register"):
        rfspy.check_update(b"\x02", Register.FREQ0)
    with pytest.raises(MalformedReply):
        rfspy.check_update(b"OK", Register.FREQ0)


def test_endless_bytes_without_an_end_are_refused() -> None:
    with pytest.raises(MalformedReply):
        rfspy.take_response(bytearray(b"\x55" * 600))


@given(st.binary(max_size=700))
def test_no_bytes_crash_the_stick_codec(noise: bytes) -> None:
    inbox = bytearray(noise)
    with suppress(MalformedReply):
        while (response := rfspy.take_response(inbox)) is not None:
            rfspy.parse_reception(response)
    assert len(inbox) <= len(noise)


@given(st.binary(max_size=40))
def test_no_version_text_crashes_the_stick_codec(noise: bytes) -> None:
    try:
        text = rfspy.parse_version(noise)
    except (MalformedReply, InstrumentError):
        return
    assert text.startswith("subg_rfspy")
