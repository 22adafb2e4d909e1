"""MiniMed packets, commands and answers against every worked example of pump 512847."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import ConfigError, MalformedReply, ScenarioError
from rig.wire.crc import crc8
from rig.wire.minimed import amounts, answers, commands
from rig.wire.minimed.packets import (
    Fragments,
    Opcode,
    Packet,
    Progress,
    check_pump_id,
    fragment_packets,
    long_packet,
    parse_packet,
    refusal,
    short_packet,
)
from tests.transcripts.notation import packet as named
from tests.transcripts.notation import packets

PUMP = "512847"
LOCAL = datetime(2025, 3, 9, 14, 5, 30)
ENTRIES = [(0, 30), (13, 52), (36, 300)]


def heard(name: str) -> Packet:
    return parse_packet(named(name))


@pytest.mark.parametrize("name", list(packets()))
def test_every_published_packet_is_read_and_built_back(name: str) -> None:
    packet = heard(name)
    assert packet.pump_id == PUMP
    assert packet.encode() == named(name)


@pytest.mark.parametrize(
    ("name", "opcode", "value"),
    [
        ("wake 5D", Opcode.POWER, 0),
        ("ACK", Opcode.ACK, 0),
        ("NAK 08", Opcode.NAK, 8),
        ("time 70", Opcode.TIME, 0),
        ("id 71", Opcode.PUMP_ID, 0),
        ("battery 72", Opcode.BATTERY, 0),
        ("reservoir 73", Opcode.RESERVOIR, 0),
        ("firmware 74", Opcode.FIRMWARE, 0),
        ("history 80 (first half)", Opcode.HISTORY_PAGE, 0),
        ("model 8D", Opcode.MODEL, 0),
        ("std profile 92", Opcode.PROFILE, 0),
        ("temp basal 98", Opcode.READ_TEMP_BASAL, 0),
        ("page number 9D", Opcode.HISTORY_PAGE_NUMBER, 0),
        ("settings C0", Opcode.SETTINGS, 0),
        ("status CE", Opcode.STATUS, 0),
        ("bolus 42 (first half)", Opcode.BOLUS, 0),
        ("temp 4C (first half)", Opcode.TEMP_BASAL, 0),
        ("suspend 4D (first half)", Opcode.SUSPEND_RESUME, 0),
    ],
)
def test_short_packets_are_built_to_the_byte(name: str, opcode: Opcode, value: int) -> None:
    assert short_packet(PUMP, opcode, value).encode() == named(name)


@pytest.mark.parametrize(
    ("name", "opcode", "parameters"),
    [
        ("power on 10 min", Opcode.POWER, commands.power(10)),
        ("bolus 1.7 U, old", Opcode.BOLUS, commands.bolus(amounts.bolus_fortieths(1.7, new=False), new=False)),
        ("bolus 2.35 U, new (94)", Opcode.BOLUS, commands.bolus(amounts.bolus_fortieths(2.35, new=True), new=True)),
        ("bolus 12.3 U, new (492)", Opcode.BOLUS, commands.bolus(amounts.bolus_fortieths(12.3, new=True), new=True)),
        ("temp 0.85 U/h 90 min", Opcode.TEMP_BASAL, commands.temp_basal(34, 3)),
        ("temp 8.0 U/h 60 min", Opcode.TEMP_BASAL, commands.temp_basal(320, 2)),
        ("temp cancel", Opcode.TEMP_BASAL, commands.temp_basal(0, 0)),
        ("temp 150 %, 2 h", Opcode.TEMP_BASAL_PERCENT, commands.temp_basal_percent(150, 4)),
        ("suspend", Opcode.SUSPEND_RESUME, commands.suspend_resume(suspend=True)),
        ("resume", Opcode.SUSPEND_RESUME, commands.suspend_resume(suspend=False)),
        ("set time 2025-03-09 14:05:30", Opcode.SET_TIME, commands.set_time(LOCAL)),
        ("history page 0", Opcode.HISTORY_PAGE, commands.history_page(0)),
        ("history page 3", Opcode.HISTORY_PAGE, commands.history_page(3)),
    ],
)
def test_parameter_packets_are_built_to_the_byte(name: str, opcode: Opcode, parameters: bytes) -> None:
    assert long_packet(PUMP, opcode, parameters).encode() == named(name)


def test_a_profile_is_written_in_three_fragments() -> None:
    sent = [packet.encode() for packet in fragment_packets(PUMP, Opcode.SET_PROFILE, commands.profile_image(ENTRIES))]
    assert sent == [named(f"set std profile, fragment {number}") for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("name", "parse", "value"),
    [
        ("model 522", answers.parse_model, "522"),
        ("model 723", answers.parse_model, "723"),
        ("time 2025-03-09 14:05:30", answers.parse_time, LOCAL),
        ("battery 1.38 V normal", answers.parse_battery, (False, 1.38)),
        ("battery 1.17 V low", answers.parse_battery, (True, 1.17)),
        ("reservoir 82.6 U, old", answers.parse_reservoir, 82.6),
        ("reservoir 82.625 U, new", answers.parse_reservoir, 82.625),
        ("status normal", answers.parse_status, (True, False, False)),
        ("status bolusing", answers.parse_status, (True, True, False)),
        ("status suspended", answers.parse_status, (True, False, True)),
        ("temp 0.85 U/h, 87 min left", answers.parse_temp_basal, (False, 0, 0.85, 87)),
        ("temp 150 %, 120 min left", answers.parse_temp_basal, (True, 150, 0.0, 120)),
        ("no temp", answers.parse_temp_basal, (False, 0, 0.0, 0)),
        ("firmware", answers.parse_firmware, "VER 2.4A1.1"),
        ("pump id", answers.parse_pump_id, PUMP),
        (
            "settings old: max bolus 9.0, max basal 2.2, action 4 h",
            answers.parse_settings,
            (9.0, 2.2, False, 0, False, 0, 4),
        ),
        ("settings new: the same", answers.parse_settings, (9.0, 2.2, False, 0, False, 0, 4)),
    ],
)
def test_answers_are_read(name: str, parse: Callable[[Packet], object], value: object) -> None:
    assert parse(heard(name)) == value


PARSERS: dict[Opcode, Callable[[Packet], object]] = {
    Opcode.TIME: answers.parse_time,
    Opcode.PUMP_ID: answers.parse_pump_id,
    Opcode.BATTERY: answers.parse_battery,
    Opcode.RESERVOIR: answers.parse_reservoir,
    Opcode.FIRMWARE: answers.parse_firmware,
    Opcode.MODEL: answers.parse_model,
    Opcode.STATUS: answers.parse_status,
    Opcode.READ_TEMP_BASAL: answers.parse_temp_basal,
    Opcode.SETTINGS: answers.parse_settings,
}


@pytest.mark.parametrize("opcode", list(PARSERS))
def test_an_answer_to_another_question_is_refused(opcode: Opcode) -> None:
    with pytest.raises(MalformedReply):
        PARSERS[opcode](short_packet(PUMP, opcode))
    with pytest.raises(MalformedReply):
        PARSERS[opcode](long_packet(PUMP, Opcode.HISTORY_PAGE_NUMBER, bytes(30)))


@pytest.mark.parametrize("opcode", list(PARSERS))
def test_a_count_that_is_too_small_is_refused(opcode: Opcode) -> None:
    with pytest.raises(MalformedReply):
        PARSERS[opcode](Packet(PUMP, opcode, bytes(65)))


def test_a_larger_count_is_accepted() -> None:
    longer = Packet(PUMP, Opcode.BATTERY, bytes((5, 0, 0, 138)) + bytes(61))
    assert answers.parse_battery(longer) == (False, 1.38)


@pytest.mark.parametrize("opcode", list(PARSERS))
@given(body=st.binary(min_size=65, max_size=65))
def test_no_body_crashes_an_answer_decoder(opcode: Opcode, body: bytes) -> None:
    with suppress(MalformedReply):
        PARSERS[opcode](Packet(PUMP, opcode, body))


def test_a_profile_is_read_from_its_fragments() -> None:
    fragments = Fragments()
    progress = [fragments.take(heard(f"std profile, fragment {number}")) for number in (1, 2, 3)]
    assert progress == [Progress.MORE, Progress.MORE, Progress.COMPLETE]
    assert answers.parse_profile(fragments.data) == [(0, 0.75), (13, 1.30), (36, 7.50)]


@pytest.mark.parametrize("image", [b"\x00\x00\x3f", b"\x00\x00\x3f" + bytes(61)])
def test_an_empty_profile_has_no_entries(image: bytes) -> None:
    assert answers.parse_profile(image) == []


def test_a_profile_may_hold_a_rate_of_zero_and_ends_at_a_start_beyond_the_day() -> None:
    assert answers.parse_profile(bytes.fromhex("280000 000010 280020 00003F")) == [(0, 1.0), (16, 0.0), (32, 1.0)]


def test_a_profile_whose_first_entry_is_late_is_refused() -> None:
    with pytest.raises(MalformedReply):
        answers.parse_profile(bytes.fromhex("280003 000000"))


profiles = st.lists(st.integers(1, 47), unique=True, max_size=47).flatmap(
    lambda starts: st.tuples(*[st.tuples(st.just(start), st.integers(0, 1400)) for start in [0, *sorted(starts)]])
)


@given(profiles)
def test_any_profile_that_is_written_reads_back(entries: tuple[tuple[int, int], ...]) -> None:
    fragments = Fragments()
    for packet in fragment_packets(PUMP, Opcode.SET_PROFILE, commands.profile_image(entries)):
        last = fragments.take(parse_packet(packet.encode()))
    assert last is Progress.COMPLETE
    read = [(entry.start_half_hours, entry.rate_u_per_h) for entry in answers.parse_profile(fragments.data)]
    assert read == [(start, rate / 40) for start, rate in entries]


@given(st.binary(max_size=300))
def test_no_image_crashes_the_profile_decoder(image: bytes) -> None:
    with suppress(MalformedReply):
        starts = [entry.start_half_hours for entry in answers.parse_profile(image)]
        assert starts == sorted(set(starts))


@given(st.binary(max_size=90))
def test_no_bytes_crash_the_packet_decoder(noise: bytes) -> None:
    with pytest.raises(MalformedReply):
        parse_packet(noise + b"\x00" if len(noise) in (6, 7, 70, 71) else noise)


@given(st.from_regex(r"[0-9]{6}", fullmatch=True), st.integers(0, 255), st.sampled_from([1, 65]), st.data())
def test_packets_round_trip_and_a_flipped_bit_is_always_seen(
    pump_id: str, opcode: int, size: int, draw: st.DataObject
) -> None:
    packet = Packet(pump_id, opcode, draw.draw(st.binary(min_size=size, max_size=size)))
    encoded = packet.encode()
    assert parse_packet(encoded) == packet
    position = draw.draw(st.integers(0, 8 * len(encoded) - 1))
    flipped = bytearray(encoded)
    flipped[position // 8] ^= 1 << position % 8
    with pytest.raises(MalformedReply):
        parse_packet(bytes(flipped))


@pytest.mark.parametrize("kind", [0xA2, 0xA5, 0xA6, 0xA8])
def test_other_traffic_on_the_air_is_not_the_pumps(kind: int) -> None:
    other = bytes([kind]) + named("ACK")[1:-1]
    with pytest.raises(MalformedReply, match="A7"):
        parse_packet(other + bytes([crc8(other)]))


def test_fragments_may_repeat_but_not_skip() -> None:
    first, second, third = fragment_packets(PUMP, Opcode.HISTORY_PAGE, bytes(192))
    fragments = Fragments()
    assert fragments.take(first) is Progress.MORE
    assert fragments.take(first) is Progress.REPEATED
    with pytest.raises(MalformedReply, match="fragment 2"):
        fragments.take(third)
    assert fragments.take(second) is Progress.MORE
    assert fragments.take(third) is Progress.COMPLETE
    assert len(fragments.data) == 192


@pytest.mark.parametrize("code", range(1, 15))
def test_every_documented_refusal_has_a_meaning_and_a_hint(code: int) -> None:
    known = refusal(code)
    assert known.meaning != refusal(0xEE).meaning
    assert known.hint


@pytest.mark.parametrize("pump_id", ["", "51284", "5128470", "51284A", "51 284", "٥١٢٨٤٧"])
def test_a_serial_number_that_is_not_six_digits_is_a_configuration_error(pump_id: str) -> None:
    with pytest.raises(ConfigError, match="six digits"):
        check_pump_id(pump_id)


@pytest.mark.parametrize(
    ("amount_u", "new", "fortieths"),
    [
        (0.1, False, 4),
        (1.7, False, 68),
        (25.0, False, 1000),
        (0.025, True, 1),
        (0.975, True, 39),
        (1.05, True, 42),
        (9.95, True, 398),
        (10.0, True, 400),
        (10.1, True, 404),
        (12.3, True, 492),
    ],
)
def test_a_bolus_in_the_steps_of_its_family_is_accepted(amount_u: float, new: bool, fortieths: int) -> None:
    assert amounts.bolus_fortieths(amount_u, new=new) == fortieths


@pytest.mark.parametrize(
    ("amount_u", "new"),
    [
        (0.05, False),
        (0.125, False),
        (25.1, False),
        (0.0, False),
        (0.01, True),
        (1.025, True),
        (10.05, True),
        (0.0, True),
        (-1.0, True),
        (float("nan"), True),
        (float("inf"), True),
    ],
)
def test_a_bolus_between_the_steps_of_its_family_is_refused(amount_u: float, new: bool) -> None:
    with pytest.raises(ScenarioError, match="bolus of"):
        amounts.bolus_fortieths(amount_u, new=new)


@pytest.mark.parametrize(("rate", "new"), [(0.025, False), (35.05, False), (1.025, True), (10.05, True), (0.03, True)])
def test_a_rate_between_the_steps_of_its_family_is_refused(rate: float, new: bool) -> None:
    with pytest.raises(ScenarioError, match="basal rate of"):
        amounts.basal_fortieths(rate, new=new)


def test_a_basal_rate_may_be_zero() -> None:
    assert amounts.basal_fortieths(0.0, new=True) == 0


@pytest.mark.parametrize("minutes", [-30, 15, 31, 1470])
def test_a_temp_basal_length_that_is_no_half_hour_is_refused(minutes: int) -> None:
    with pytest.raises(ScenarioError, match="multiple of 30 min"):
        amounts.half_hours(minutes)


@pytest.mark.parametrize("starts", [[], [1], [0, 0], [0, 20, 10], [0, 48], list(range(49))])
def test_profile_starts_that_no_pump_can_hold_are_refused(starts: list[int]) -> None:
    with pytest.raises(ScenarioError, match="profile"):
        amounts.check_starts(starts)
