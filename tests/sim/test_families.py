"""What differs between the families 12 to 54, and the records every change leaves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rig.sim.parameters import PUMP_MODELS
from rig.sim.pump.history import PAGE_BYTES, Records, stamp
from rig.sim.pump.packets import long_packet, short_packet
from tests.sim.kit import PUMP_ID, START, Rig, unhex

ACK = unhex("A7 51 28 47 06 00 DD")


def awake(model: str = "723", *faults: str) -> Rig:
    rig = Rig(model, faults=faults)
    rig.wake()
    return rig


def refusal(rig: Rig, opcode: int) -> int | None:
    """Return the code of the NAK to a short packet, None when it was answered otherwise."""
    reply = rig.packet(short_packet(PUMP_ID, opcode))
    assert reply is not None
    return reply[5] if reply[4] == 0x15 else None


def test_every_model_says_its_number_and_holds_what_its_size_holds() -> None:
    assert len(PUMP_MODELS) == 16
    for name, model in PUMP_MODELS.items():
        body = awake(name).read(0x8D)
        assert body[:5] == b"\x09\x03" + name.encode()
        assert model.reservoir_u == (176 if name[0] == "5" else 300)


@pytest.mark.parametrize("model", ["512", "712"])
def test_family_12_has_its_own_settings_and_targets_and_refuses_what_came_later(model: str) -> None:
    rig = awake(model)
    assert rig.command(0x41, b"\x5a") == 0
    assert rig.command(0x6E, unhex("00 58")) == 0
    assert rig.read(0x91) == unhex("12 00 04 00 00 00 5A 00 58 00 00 00 00 01 00 00 64 01 00 00*46")
    assert rig.read(0x8C) == unhex("11 01 00 6E 00*61")
    assert [refusal(rig, opcode) for opcode in (0x9D, 0x9F, 0xC0, 0xC3, 0xCE, 0x42)] == [0x08] * 6
    assert rig.command(0x4C, unhex("00 22 03")) == 0
    assert rig.read(0x98)[:7] == unhex("06 00 00 00 22 00 5A")


@pytest.mark.parametrize("model", ["515", "522", "523", "530", "540", "551", "754"])
def test_later_families_refuse_what_only_family_12_knows(model: str) -> None:
    rig = awake(model)
    assert [refusal(rig, opcode) for opcode in (0x91, 0x8C, 0x83, 0x2A)] == [0x08] * 4
    count = rig.read(0xC0)[0]
    assert count == (25 if PUMP_MODELS[model].is_new else 21)
    assert len(rig.read(0x73)[1 : 1 + rig.read(0x73)[0]]) == (4 if PUMP_MODELS[model].is_new else 2)


@pytest.mark.parametrize(("model", "pages"), [("512", 32), ("522", 36), ("554", 36)])
def test_the_history_wraps_after_as_many_pages_as_the_family_keeps(model: str, pages: int) -> None:
    rig = awake(model)
    record = Records(is_new=False).simple(0x1A, 0, START)
    for _ in range((pages + 3) * (PAGE_BYTES // 7)):
        rig.bench.firmware.history.append(record)
    assert rig.command(0x80, bytes((pages,))) == 0x0D
    assert rig.history(pages - 1)[:7] == record
    if model != "512":
        assert int.from_bytes(rig.read(0x9D)[1:5], "big") > pages - 1


@pytest.mark.parametrize(("model", "size"), [("523", 37), ("551", 41), ("554", 41)])
def test_a_record_that_has_grown_has_the_size_of_its_family(model: str, size: int) -> None:
    records = Records(is_new=True, is_late=PUMP_MODELS[model].family >= 51)
    assert len(records.sensor_setup(START)) == size
    assert (records.sensor_setup(START)[0] in awake(model).history()[17:40]) == (size == 41)


@pytest.mark.parametrize(
    ("model", "opcode", "expected"),
    [
        ("522", 0x8A, "A7 51 28 47 8A 11 01 00 0C 12 0A 00*59 CC"),
        ("723", 0x8A, "A7 51 28 47 8A 19 01 00 00 00 78 12 00 69 00*56 76"),
        ("723", 0x8B, "A7 51 28 47 8B 11 01 00 32 6C 2C 00*59 20"),
        ("522", 0x9F, "A7 51 28 47 9F 19 01 00 64 78 00*60 A7"),
    ],
)
def test_the_calculator_s_tables_match_the_examples(model: str, opcode: int, expected: str) -> None:
    rig = awake(model)
    tables = rig.bench.firmware.tables
    tables.carb_ratios, tables.counts_ratios = [(0, 120), (18, 105)], False
    tables.sensitivities = [(0, 50), (44, 300)]
    assert rig.packet(short_packet(PUMP_ID, opcode)) == unhex(expected)


def test_exchanges_mmol_and_remotes_are_told_too() -> None:
    rig = awake("522")
    tables = rig.bench.firmware.tables
    tables.carb_units, tables.bg_units, tables.carb_ratios = 2, 2, [(0, 1500)]
    tables.remote_ids = ["123456"]
    assert rig.read(0x88)[:2] == b"\x01\x02"
    assert rig.read(0x89)[:2] == b"\x01\x02"
    assert rig.read(0x8A)[:4] == unhex("11 02 00 0F")  # 1.5 U per exchange
    assert rig.read(0x76)[:19] == b"\x12123456------------"


def test_a_low_cell_is_told_as_in_the_example_and_recorded_once() -> None:
    rig = awake("522", "pump.battery=1.17V")
    assert rig.packet(short_packet(PUMP_ID, 0x72)) == unhex("A7 51 28 47 72 03 01 00 75 00*61 F0")
    rig.read(0x72)
    assert rig.history().count(b"\x19\x19\x00") == 1  # the record, behind the year of the one before


def test_a_cell_that_runs_low_is_recorded_without_anybody_asking() -> None:
    rig = awake("723", "pump.battery=1.2005V")
    assert rig.bolus(10.0) == 0
    rig.wait(310.0)
    assert rig.history().count(b"\x19\x19\x00") == 1  # the record, behind the year of the one before


def test_every_change_leaves_its_record() -> None:
    rig = awake("723")
    assert rig.command(0x41, b"\x00\x5a") == 0
    assert rig.command(0x6E, unhex("00 58")) == 0
    assert rig.command(0x4A, b"\x01") == 0
    assert rig.command(0x40, unhex("0E 05 1E 07 E9 03 09")) == 0
    assert rig.set_profile([(0, 30), (13, 52)]) == 0
    assert rig.command(0x69, unhex("96 04")) == 0
    assert rig.command(0x4D, b"\x01") == 0
    assert rig.command(0x4D, b"\x00") == 0
    page = rig.history()
    set_to = START + timedelta(minutes=5, seconds=30)
    assert b"\x18\x00" + stamp(set_to) in page
    at = 0
    for kind in (b"\x24\x5a", b"\x2c\x58", b"\x14\x01", b"\x17\x00", b"\x18\x00", b"\x08\x00", b"\x09\x00", b"\x33\x96",
                 b"\x16\x04", b"\x1e\x00", b"\x1f\x00", b"\x7b\x00"):  # fmt: skip
        at = page.index(kind, at) + 7


# --- uploads in the dialects of three clients


def upload(*bodies: str) -> tuple[list[bytes | None], object]:
    """Write pattern A in the given fragments; return the pump's replies and what it has stored."""
    rig = awake("723")
    assert rig.packet(short_packet(PUMP_ID, 0x30)) == ACK
    replies = [rig.packet(long_packet(PUMP_ID, 0x30, unhex(body))) for body in bodies]
    return replies, rig.bench.firmware.therapy.profiles[1]


FIRST = "1E 00 00 34 00 0D 2C 01 24"
STORED = ((0, 30), (13, 52), (36, 300))


@pytest.mark.parametrize(
    "bodies",
    [
        (f"01 {FIRST}", "02", "83"),
        (f"01 {FIRST}", "82"),
        (f"81 {FIRST}",),
        (f"01 {FIRST}", f"01 {FIRST}", "02", "02", "83"),  # an ACK was lost, so a fragment came twice
    ],
)
def test_a_profile_is_taken_in_every_dialect_and_a_repeated_fragment_counts_once(bodies: tuple[str, ...]) -> None:
    assert upload(*bodies) == ([ACK] * len(bodies), STORED)


def test_a_profile_of_48_entries_fills_three_fragments_and_may_have_an_empty_fourth() -> None:
    rig = awake("723")
    entries = [(start, 10 + start) for start in range(48)]
    image = b"".join(rate.to_bytes(2, "little") + bytes((start,)) for start, rate in entries).ljust(192, b"\0")
    rig.packet(short_packet(PUMP_ID, 0x31))
    for number in range(3):
        body = bytes((number + 1,)) + image[64 * number : 64 * number + 64]
        assert rig.packet(long_packet(PUMP_ID, 0x31, body)) == ACK
    assert rig.packet(long_packet(PUMP_ID, 0x31, b"\x84")) == ACK
    assert rig.bench.firmware.therapy.profiles[2] == tuple(entries)


def test_a_fragment_out_of_turn_is_a_sequence_error_and_stores_nothing() -> None:
    replies, stored = upload(f"01 {FIRST}", "03", "84")
    assert [None if reply is None else reply[4:6] for reply in replies] == [b"\x06\x00", b"\x15\x06", b"\x15\x06"]
    assert stored == ()
