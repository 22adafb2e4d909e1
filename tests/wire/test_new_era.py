"""Frames and numbers of a New Era pump, taken whole or not at all."""

from __future__ import annotations

from binascii import crc_hqx
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import MalformedReply, UsageError
from rig.wire import new_era
from rig.wire.crc import crc16_xmodem
from rig.wire.new_era import Alarm, Answer, Fault, Status
from tests.transcripts.notation import expand, load
from tests.transcripts.syringe_notation import new_era_answer

TRANSCRIPT = load("new_era.toml")


def answer_of(entry: dict[str, Any], *, safe: bool) -> Answer:
    text = entry["text"] if "text" in entry else expand(entry["bytes"])[2 : -3 if safe else -1].decode()
    return Answer(
        entry["address"],
        Status(entry["status"]) if "status" in entry else None,
        Alarm(entry["alarm"]) if "alarm" in entry else None,
        Fault(entry["error"]) if "error" in entry else None,
        entry.get("data", ""),
        safe,
        text.encode(),
    )


def taken(frame: bytes) -> Answer:
    inbox = bytearray(frame)
    answer = new_era.take_answer(inbox)
    assert answer is not None
    assert not inbox
    return answer


def test_the_crc_has_the_published_check_value() -> None:
    assert crc16_xmodem(TRANSCRIPT["crc"]["over"].encode()) == int(TRANSCRIPT["crc"]["value"], 16)


@given(st.binary(max_size=60))
def test_the_crc_is_the_one_of_the_standard_library(data: bytes) -> None:
    assert crc16_xmodem(data) == crc_hqx(data, 0)


@pytest.mark.parametrize("entry", TRANSCRIPT["request"], ids=lambda entry: entry["what"])
def test_every_published_request_is_built_to_the_byte(entry: dict[str, Any]) -> None:
    assert new_era.request(entry["text"], safe=entry["safe"]) == expand(entry["bytes"])


@pytest.mark.parametrize("entry", TRANSCRIPT["answer"], ids=lambda entry: entry["what"])
def test_every_published_answer_is_taken_byte_by_byte(entry: dict[str, Any]) -> None:
    frame = expand(entry["bytes"])
    inbox = bytearray()
    for byte in frame[:-1]:
        inbox.append(byte)
        assert new_era.take_answer(inbox) is None
    inbox += frame[-1:] + b"\x02\x30"
    found = new_era.take_answer(inbox)
    assert found is not None
    expected = answer_of(entry, safe=entry["safe"])
    assert found._replace(text=b"") == expected._replace(text=b"")
    assert inbox == b"\x02\x30"


@pytest.mark.parametrize("safe", [False, True])
@pytest.mark.parametrize("entry", TRANSCRIPT["text"], ids=lambda entry: entry["text"])
def test_every_status_alarm_and_error_is_told_apart(entry: dict[str, Any], safe: bool) -> None:
    assert taken(new_era_answer(entry["text"], safe=safe)) == answer_of(entry, safe=safe)


@pytest.mark.parametrize("text", TRANSCRIPT["malformed"]["texts"])
def test_a_text_that_breaks_the_layout_is_an_error_and_never_a_status(text: str) -> None:
    with pytest.raises(MalformedReply) as caught:
        new_era.parse_text(text.encode(), safe=False)
    assert "\n" not in str(caught.value)


def test_every_single_damaged_byte_of_a_safe_packet_is_noticed() -> None:
    frame = new_era_answer("00II12.34W0.000ML", safe=True)
    for place in range(len(frame)):
        for bit in range(8):
            inbox = bytearray(frame)
            inbox[place] ^= 1 << bit
            try:
                answer = new_era.take_answer(inbox)
            except MalformedReply:
                continue
            assert answer is None, f"bit {bit} of byte {place} went unnoticed: {answer}"


def test_a_wrong_crc_is_named_with_the_right_one() -> None:
    with pytest.raises(MalformedReply, match="CRC 19DD, not 19DC"):
        taken(expand("02 07 30 30 49 19 DC 03"))


def test_what_is_unreadable_is_taken_away_and_what_follows_is_read() -> None:
    inbox = bytearray(b"\xff\x00S" + new_era_answer("00S"))
    with pytest.raises(MalformedReply, match="STX"):
        new_era.take_answer(inbox)
    assert taken(bytes(inbox)).status is Status.STOPPED


def test_endless_text_without_an_end_is_refused() -> None:
    with pytest.raises(MalformedReply, match="ETX"):
        new_era.take_answer(bytearray(b"\x02" + b"0" * 60))


def test_a_text_longer_than_any_is_refused_even_with_its_end_and_taken_away() -> None:
    inbox = bytearray(b"\x0200S" + b"1" * 60 + b"\x03\x0200S\x03")
    with pytest.raises(MalformedReply, match="ETX"):
        new_era.take_answer(inbox)
    assert taken(bytes(inbox)).status is Status.STOPPED


@pytest.mark.parametrize("entry", TRANSCRIPT["number"], ids=lambda entry: entry["text"])
def test_numbers_carry_the_worth_of_their_last_digit(entry: dict[str, Any]) -> None:
    assert new_era.parse_diameter(entry["text"]) == (entry["value"], entry["step"], entry["text"])


@pytest.mark.parametrize("text", TRANSCRIPT["no_number"]["texts"])
def test_what_is_no_number_of_the_pump_is_refused(text: str) -> None:
    with pytest.raises(MalformedReply):
        new_era.parse_diameter(text)
    with pytest.raises(MalformedReply):
        new_era.parse_rate(text + "UH")
    with pytest.raises(MalformedReply):
        new_era.parse_volume(text + "ML")
    with pytest.raises(MalformedReply):
        new_era.parse_dispensed(f"I{text}W0.000ML")


@pytest.mark.parametrize("entry", TRANSCRIPT["rate"], ids=lambda entry: entry["text"])
def test_rates_are_read_in_every_unit(entry: dict[str, Any]) -> None:
    assert new_era.parse_rate(entry["text"]) == (entry["rate_ul_per_h"], entry["step_ul_per_h"], entry["text"])
    assert new_era.rate_unit(entry["text"]) == entry["text"][-2:]


@pytest.mark.parametrize("entry", TRANSCRIPT["volume"], ids=lambda entry: entry["text"])
def test_volumes_are_read_in_either_unit(entry: dict[str, Any]) -> None:
    assert new_era.parse_volume(entry["text"]) == (entry["volume_ul"], entry["step_ul"], entry["text"])


@pytest.mark.parametrize("entry", TRANSCRIPT["dispensed"], ids=lambda entry: entry["text"])
def test_both_counters_are_read(entry: dict[str, Any]) -> None:
    counters = new_era.parse_dispensed(entry["text"])
    assert counters.infused_ul[:2] == (entry["infused_ul"], entry["infused_step_ul"])
    assert counters.withdrawn_ul.value == entry["withdrawn_ul"]


@pytest.mark.parametrize("entry", TRANSCRIPT["version"], ids=lambda entry: entry["text"])
def test_model_and_firmware_are_read(entry: dict[str, Any]) -> None:
    assert new_era.parse_version(entry["text"]) == (entry["model"], entry["firmware"])


@pytest.mark.parametrize("data", ["", "500.0", "500.0UL", "500.0uh", "500.0 UH", "500.0UHX"])
def test_a_rate_without_its_unit_is_refused(data: str) -> None:
    with pytest.raises(MalformedReply, match="RAT"):
        new_era.parse_rate(data)


@pytest.mark.parametrize("data", ["", "inf", "REV", "INFWDR"])
def test_a_direction_that_is_none_is_refused(data: str) -> None:
    with pytest.raises(MalformedReply):
        new_era.parse_direction(data)


def test_directions_are_read() -> None:
    assert new_era.parse_direction("INF")
    assert not new_era.parse_direction("WDR")


@pytest.mark.parametrize("data", ["", "NE1000", "V3.9", "NE1000V3", "NE1000V3.928X"])
def test_a_version_that_is_none_is_refused(data: str) -> None:
    with pytest.raises(MalformedReply):
        new_era.parse_version(data)


@pytest.mark.parametrize(
    ("rate_ul_per_h", "written"),
    [
        (500.0, ("500.0", "UH")),
        (10, ("10.00", "UH")),
        (0.025, ("0.025", "UH")),
        (9999.0, ("9999", "UH")),
        (499.98, ("8.333", "UM")),
        (8.333 * 60, ("8.333", "UM")),
        (60_000.0, ("1000", "UM")),
        (12_340.0, ("12.34", "MH")),
        (9999 * 60_000.0, ("9999", "MM")),
    ],
)
def test_a_rate_is_written_in_the_first_unit_that_holds_it(rate_ul_per_h: float, written: tuple[str, str]) -> None:
    assert new_era.rate(rate_ul_per_h) == written


@pytest.mark.parametrize("rate_ul_per_h", [1000.4, 0.0004, 500.03, 1e12, 0.0, -5.0, float("nan"), float("inf")])
def test_a_rate_that_four_digits_do_not_hold_is_refused(rate_ul_per_h: float) -> None:
    with pytest.raises(UsageError, match="cannot be set"):
        new_era.rate(rate_ul_per_h)


def test_the_refusal_names_the_nearest_rate() -> None:
    with pytest.raises(UsageError, match=r"the nearest is 500\.0"):
        new_era.rate(500.03)


def test_a_rate_is_written_in_a_wanted_unit_or_not_at_all() -> None:
    assert new_era.rate(250.0, "MH") == ("0.250", "MH")
    with pytest.raises(UsageError):
        new_era.rate(499.98, "UH")


def test_diameters_and_volumes_have_four_digits() -> None:
    assert new_era.diameter(14.43) == "14.43"
    with pytest.raises(UsageError, match=r"14\.43"):
        new_era.diameter(14.427)
    assert new_era.volume(250.0) == ("250.0", "UL")
    assert new_era.volume(12_500.0) == ("12.50", "ML")
    with pytest.raises(UsageError):
        new_era.volume(12_345.0)


@pytest.mark.parametrize("address", [-1, 100])
def test_there_are_a_hundred_addresses(address: int) -> None:
    assert new_era.check_address(99) == 99
    with pytest.raises(UsageError):
        new_era.check_address(address)


@pytest.mark.parametrize("seconds", [-1, 256])
def test_the_time_of_safe_mode_fits_one_byte(seconds: int) -> None:
    assert new_era.check_safe_timeout(255) == 255
    with pytest.raises(UsageError):
        new_era.check_safe_timeout(seconds)


@given(st.integers(1, 9999), st.integers(0, 3), st.sampled_from(["UH", "UM", "MH", "MM"]))
def test_every_rate_that_the_pump_can_hold_is_written_and_reads_back_the_same(
    digits: int, decimals: int, unit: str
) -> None:
    number = f"{digits / 10**decimals:.{decimals}f}"
    if len(number.replace(".", "")) > 4:
        return
    rate = new_era.parse_rate(f"{number}{'' if '.' in number else '.'}{unit}").value
    written, written_unit = new_era.rate(rate)
    told = f"{written}{'' if '.' in written else '.'}{written_unit}"
    assert new_era.parse_rate(told).value == pytest.approx(rate, rel=1e-9)


@given(st.floats(1e-3, 1e9))
def test_what_is_written_is_what_was_wanted_or_is_refused(rate_ul_per_h: float) -> None:
    try:
        number, unit = new_era.rate(rate_ul_per_h)
    except UsageError:
        return
    assert float(number) * float(new_era.RATE_UNITS[unit]) == pytest.approx(rate_ul_per_h, rel=1e-8)


@given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([b"\x02", b"00S", b"\x03", b"\x02\x07"]))))
def test_no_bytes_crash_the_decoder_or_keep_it_for_ever(pieces: list[bytes]) -> None:
    inbox = bytearray(b"".join(pieces))
    for _ in range(len(inbox) + 1):
        before = len(inbox)
        with suppress(MalformedReply):
            if new_era.take_answer(inbox) is None:
                return
        assert len(inbox) < before


@given(st.text(alphabet="0123456789ASIWPTUX?.RNOCMUHIL", max_size=20))
def test_a_text_that_nearly_fits_is_read_whole_or_refused(text: str) -> None:
    try:
        answer = new_era.parse_text(text.encode(), safe=True)
    except MalformedReply:
        return
    middle = f"A?{answer.alarm.value}" if answer.alarm else ""
    if answer.status is not None:
        middle = answer.status.value + (f"?{answer.fault.value}" if answer.fault is not None else answer.data)
    assert f"{answer.address:02d}{middle}" == text


@given(st.text(max_size=20))
def test_no_text_crashes_the_number_decoders(text: str) -> None:
    for parse in (
        new_era.parse_diameter,
        new_era.parse_rate,
        new_era.parse_volume,
        new_era.parse_dispensed,
        new_era.parse_version,
        new_era.parse_direction,
    ):
        with suppress(MalformedReply):
            parse(text)
