"""Every answer of the worked examples that this pump can be brought to give."""

from __future__ import annotations

from datetime import datetime

import pytest

from rig.sim.parameters import PlantParameters
from rig.sim.pump.packets import long_packet, short_packet
from tests.sim.kit import PUMP_ID, Rig, unhex

SET_TIME = unhex("A7 51 28 47 40 07 0E 05 1E 07 E9 03 09 00*57 7F")


@pytest.mark.parametrize(
    ("model", "opcode", "expected"),
    [
        ("522", 0x8D, "A7 51 28 47 8D 09 03 35 32 32 00*60 F9"),
        ("723", 0x8D, "A7 51 28 47 8D 09 03 37 32 33 00*60 11"),
        ("522", 0x72, "A7 51 28 47 72 03 00 00 8A 00*61 AE"),
        ("522", 0xCE, "A7 51 28 47 CE 03 03 00*63 64"),
        ("723", 0x98, "A7 51 28 47 98 06 00*64 A4"),
        ("522", 0x74, "A7 51 28 47 74 0E 56 45 52 20 32 2E 34 41 31 2E 31 20 0B 0B 00*50 43"),
        ("522", 0x71, "A7 51 28 47 71 06 35 31 32 38 34 37 00*58 6D"),
        ("522", 0x88, "A7 51 28 47 88 01 01 00*63 74"),
        ("522", 0x89, "A7 51 28 47 89 01 01 00*63 8F"),
        ("522", 0x9F, "A7 51 28 47 9F 19 01 00 64 78 00*60 A7"),
        ("522", 0x91, "A7 51 28 47 15 08 05"),
        ("723", 0x2A, "A7 51 28 47 15 08 05"),
    ],
)
def test_fixed_answers_match_the_examples(model: str, opcode: int, expected: str) -> None:
    rig = Rig(model)
    rig.wake()
    assert rig.packet(short_packet(PUMP_ID, opcode)) == unhex(expected)


def test_a_repeated_short_packet_is_answered_again() -> None:
    rig = Rig()
    rig.wake()
    first = rig.packet(short_packet(PUMP_ID, 0x8D))
    assert rig.packet(short_packet(PUMP_ID, 0x8D)) == first is not None


def test_the_time_that_was_set_is_read_back() -> None:
    rig = Rig()
    rig.wake()
    assert rig.command(0x40, SET_TIME[6:13]) == 0
    reply = rig.packet(short_packet(PUMP_ID, 0x70))
    assert reply == unhex("A7 51 28 47 70 07 0E 05 1E 07 E9 03 09 00*57 9D")


@pytest.mark.parametrize("fields", [(24, 0, 0), (0, 60, 0), (0, 0, 60)])
def test_an_impossible_time_is_refused(fields: tuple[int, int, int]) -> None:
    rig = Rig()
    rig.wake()
    assert rig.command(0x40, bytes((*fields, 0x07, 0xE9, 3, 9))) == 0x09


@pytest.mark.parametrize(
    ("model", "tenths", "expected"),
    [
        ("522", 826, "A7 51 28 47 73 02 03 3A 00*62 B1"),
        ("723", 826.25, "A7 51 28 47 73 04 00 00 0C E9 00*60 89"),
    ],
)
def test_the_reservoir_is_told_in_the_family_s_own_way(model: str, tenths: float, expected: str) -> None:
    rig = Rig(model, faults=(f"pump.reservoir={tenths / 10:g}U",))
    rig.wake()
    assert rig.packet(short_packet(PUMP_ID, 0x73)) == unhex(expected)


@pytest.mark.parametrize(("model", "units"), [("522", 176), ("722", 300), ("523", 176), ("723", 300)])
def test_a_full_reservoir_holds_what_the_model_holds(model: str, units: int) -> None:
    rig = Rig(model)
    rig.wake()
    body = rig.read(0x73)
    assert int.from_bytes(body[3:5], "big") * 0.025 == units or int.from_bytes(body[1:3], "big") * 0.1 == units


def test_status_tells_of_bolus_and_suspension() -> None:
    rig = Rig("522")
    rig.wake()
    assert rig.bolus(1.7) == 0
    assert rig.packet(short_packet(PUMP_ID, 0xCE)) == unhex("A7 51 28 47 CE 03 03 01 00*62 28")
    assert rig.command(0x4D, b"\x01") == 0
    assert rig.packet(short_packet(PUMP_ID, 0xCE)) == unhex("A7 51 28 47 CE 03 03 00 01 00*61 FA")


def test_a_temp_basal_tells_its_rate_and_the_minutes_left_rounded_up() -> None:
    rig = Rig("522")
    rig.wake()
    assert rig.command(0x4C, unhex("00 22 03")) == 0
    rig.wait(185.0)
    assert rig.packet(short_packet(PUMP_ID, 0x98)) == unhex("A7 51 28 47 98 06 00 00 00 22 00 57 00*58 D4")


def test_a_percent_temp_basal_tells_its_percentage() -> None:
    rig = Rig("522")
    rig.wake()
    assert rig.command(0x69, unhex("96 04")) == 0
    assert rig.packet(short_packet(PUMP_ID, 0x98)) == unhex("A7 51 28 47 98 06 01 96 00 00 00 78 00*58 24")


@pytest.mark.parametrize(
    ("model", "max_bolus", "expected"),
    [
        (
            "522",
            "5A",
            "A7 51 28 47 C0 15 00 04 00 00 00 5A 00 58 00 00 00 00 01 00 00 64 01 04 00 14 00*44 62",
        ),
        (
            "723",
            "00 5A",
            "A7 51 28 47 C0 19 00 04 00 00 00 00 5A 00 58 00 00 00 01 00 00 64 01 04 00 14 00 64 01 01 00*40 93",
        ),
    ],
)
def test_settings_that_were_written_are_read_back_in_the_family_s_layout(
    model: str, max_bolus: str, expected: str
) -> None:
    rig = Rig(model)
    rig.wake()
    assert rig.command(0x41, unhex(max_bolus)) == 0
    assert rig.command(0x6E, unhex("00 58")) == 0
    assert rig.packet(short_packet(PUMP_ID, 0xC0)) == unhex(expected)


def test_the_profile_goes_in_and_out_in_three_fragments() -> None:
    rig = Rig()
    rig.wake()
    assert rig.packet(short_packet(PUMP_ID, 0x6F)) == unhex("A7 51 28 47 06 00 DD")
    assert rig.packet(unhex("A7 51 28 47 6F 01 1E 00 00 34 00 0D 2C 01 24 00*55 B3")) == unhex("A7 51 28 47 06 00 DD")
    assert rig.packet(unhex("A7 51 28 47 6F 02 00*64 7C")) == unhex("A7 51 28 47 06 00 DD")
    assert rig.packet(unhex("A7 51 28 47 6F 83 00*64 FE")) == unhex("A7 51 28 47 06 00 DD")
    ack = short_packet(PUMP_ID, 0x06)
    assert rig.packet(short_packet(PUMP_ID, 0x92)) == unhex("A7 51 28 47 92 01 1E 00 00 34 00 0D 2C 01 24 00*55 E1")
    assert rig.packet(short_packet(PUMP_ID, 0x15)) == unhex("A7 51 28 47 92 01 1E 00 00 34 00 0D 2C 01 24 00*55 E1")
    assert rig.packet(ack) == unhex("A7 51 28 47 92 02 00*64 2E")
    assert rig.packet(ack) == unhex("A7 51 28 47 92 83 00*64 AC")
    assert rig.packet(ack) is None  # the last one may be acknowledged, and nothing follows


def test_a_profile_in_one_fragment_and_an_empty_end_is_taken_too() -> None:
    rig = Rig()
    rig.wake()
    rig.packet(short_packet(PUMP_ID, 0x6F))
    rig.packet(unhex("A7 51 28 47 6F 01 1E 00 00 34 00 0D 2C 01 24 00*55 B3"))
    assert rig.packet(long_packet(PUMP_ID, 0x6F, b"\x82")) == unhex("A7 51 28 47 06 00 DD")
    assert rig.bench.firmware.therapy.profiles[0] == ((0, 30), (13, 52), (36, 300))


def test_an_unused_pattern_reads_as_empty() -> None:
    rig = Rig()
    rig.wake()
    assert rig.read(0x93)[:5] == unhex("01 00 00 3F 00")


def test_a_history_page_comes_in_sixteen_fragments_and_a_missing_one_is_refused() -> None:
    rig = Rig("522")
    rig.wake()
    page = rig.history(0)
    assert len(page) == 1024
    assert page[:7] == unhex("21 00 00 DE 0D 09 19")  # the operator's rewind, 30 min before the start
    assert rig.command(0x80, b"\x05") == 0x0D
    assert int.from_bytes(rig.read(0x9D)[1:5], "big") == 0


def test_the_pump_s_clock_is_off_and_drifts() -> None:
    rig = Rig(parameters=PlantParameters())
    rig.bench.firmware.settle(0)
    assert rig.bench.firmware.local() == datetime(2025, 3, 9, 14, 0, 7)
    rig.bench.firmware.settle(1_000_000 * 10**9)
    ahead_s = (rig.bench.firmware.local() - datetime(2025, 3, 9, 14, 0, 7)).total_seconds() - 1_000_000
    assert ahead_s == pytest.approx(20.0, abs=1e-3)
