"""Every worked radio frame of the protocol page: sent by the driver as published, or read by it as meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rig.drivers.minimed import MinimedPump
from rig.instruments import Acceptance, Key
from rig.wire.crc import crc16
from rig.wire.minimed.packets import Opcode, fragment_packets, short_packet
from tests.drivers.pump_script import PROFILE, PUMP, long_answer, pump_on, step
from tests.transcripts.notation import Pair, expand, four_b_six_b, load, packet, packets, radio_pairs

Step = tuple[str, str]
FRAGMENTS = [f"std profile, fragment {number}" for number in (1, 2, 3)]
COMMANDS: dict[str, tuple[str, Opcode, Callable[[MinimedPump], Acceptance]]] = {
    "keypad ACT": ("723", Opcode.KEYPAD, lambda pump: pump.press(Key.ACT)),
    "select pattern A": ("522", Opcode.SELECT_PATTERN, lambda pump: pump.select_pattern(1)),
    "max bolus 9.0 U, old form": ("522", Opcode.SET_MAX_BOLUS, lambda pump: pump.set_limits(max_bolus_u=9.0)),
    "max bolus 9.0 U, new form": ("723", Opcode.SET_MAX_BOLUS, lambda pump: pump.set_limits(max_bolus_u=9.0)),
    "max basal 2.2 U/h": ("522", Opcode.SET_MAX_BASAL, lambda pump: pump.set_limits(max_basal_u_per_h=2.2)),
}
SETTINGS = {"522": "settings old: max bolus 9.0, max basal 2.2, action 4 h", "723": "settings new: the same"}
READS: dict[str, tuple[str, list[Step], Callable[[MinimedPump], Any], Any]] = {
    "carb ratios old": (
        "522",
        [("carb ratios 8A", "carb ratios old: 12 g/U, from 09:00 10")],
        lambda pump: pump.carb_ratios(),
        [(0, 12.0, True), (18, 10.0, True)],
    ),
    "carb ratios new": (
        "723",
        [("carb ratios 8A", "carb ratios new: 12.0, from 09:00 10.5")],
        lambda pump: pump.carb_ratios(),
        [(0, 12.0, True), (18, 10.5, True)],
    ),
    "carb ratios new, their number first": (
        "723",
        [("carb ratios 8A", "carb ratios new, their number first: the same")],
        lambda pump: pump.carb_ratios(),
        [(0, 12.0, True), (18, 10.5, True)],
    ),
    "sensitivities": (
        "522",
        [("sensitivities 8B", "sensitivities 50, from 22:00 300")],
        lambda pump: pump.sensitivities(),
        [(0, 50.0, True), (44, 300.0, True)],
    ),
    "targets": (
        "522",
        [("targets 9F", "targets 100-120")],
        lambda pump: pump.targets(),
        [(0, 100.0, 120.0, True)],
    ),
}
# The driver reads pages until one is refused and units with their tables: it never asks for these.
NEVER_ASKED = {"page number 9D", "page number 11", "carb units grams", "BG units mg/dL"}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_worked_command_leaves_byte_for_byte(name: str) -> None:
    model, opcode, command = COMMANDS[name]
    pairs = [
        step(short_packet(PUMP, opcode).encode(), packet("ACK")),
        step(packet(name), packet("ACK"), 1000),
        *([] if opcode is Opcode.KEYPAD else [step(packet("settings C0"), _settings(model, opcode))]),
    ]
    with pump_on([*radio_pairs(f"{model} awake"), *pairs]) as (pump, _):
        pump.wake()
        assert command(pump) is Acceptance.ACKNOWLEDGED


def _settings(model: str, opcode: Opcode) -> bytes:
    """Return the settings in which a command's effect is read back."""
    body = bytearray(packet(SETTINGS[model])[5:-1])
    body[12] = int(opcode is Opcode.SELECT_PATTERN)
    return long_answer(Opcode.SETTINGS, body.hex(" "))


@pytest.mark.parametrize("name", READS)
def test_each_worked_answer_is_read_as_meant(name: str) -> None:
    model, steps, read, expected = READS[name]
    pairs = [step(packet(ask), packet(answer)) for ask, answer in steps]
    with pump_on([*radio_pairs(f"{model} awake"), *pairs]) as (pump, _):
        assert read(pump) == expected


@pytest.mark.parametrize(("pattern", "ask", "opcode"), [(1, "profile A 93", 0x93), (2, "profile B 94", 0x94)])
def test_the_other_profiles_are_asked_for_as_published(pattern: int, ask: str, opcode: int) -> None:
    image = b"".join(packet(name)[6:-1] for name in FRAGMENTS)
    first, *more = [fragment.encode() for fragment in fragment_packets(PUMP, Opcode(opcode), image)]
    pairs = [step(packet(ask), first), *(step(packet("ACK"), fragment) for fragment in more)]
    with pump_on([*radio_pairs("522 awake"), *pairs]) as (pump, _):
        assert pump.profile(pattern) == PROFILE


def test_an_alarm_is_asked_for_as_published() -> None:
    pairs = [step(packet("error status 75"), long_answer(Opcode.ERROR_STATUS, "01 3E"))]
    with pump_on([*radio_pairs("522 awake"), *pairs]) as (pump, _):
        assert pump.alarm() == 0x3E


def test_family_12_is_asked_for_its_settings_as_published() -> None:
    opening = radio_pairs("522 awake")
    model = step(packet("model 8D"), long_answer(Opcode.MODEL, "09 03 35 31 32"))
    settings = long_answer(Opcode.SETTINGS_12, "12 00 04 00 00 00 5A 00 58 00 00 00 00 01 00 00 64 01 00")
    pairs = [model, opening[-1], step(packet("settings 91"), settings)]
    with pump_on([*opening[:-2], *pairs]) as (pump, _):
        read = pump.settings()
        assert (read.max_bolus_u, read.max_basal_u_per_h) == (9.0, 2.2)


@pytest.mark.parametrize("family", ["old", "new"])
def test_every_worked_history_record_is_read_through_the_driver(family: str) -> None:
    records = [each for each in load("minimed_history.toml")["record"] if family in each["families"]]
    content = b"".join(expand(each["bytes"]) for each in records).ljust(1022, b"\0")
    page = content + crc16(content).to_bytes(2, "big")
    first, *more = [fragment.encode() for fragment in fragment_packets(PUMP, Opcode.HISTORY_PAGE, page)]
    pairs = [
        step(packet("history 80 (first half)"), packet("ACK")),
        step(packet("history page 0"), first, 1000),
        *(step(packet("ACK"), fragment) for fragment in more),
    ]
    with pump_on([*radio_pairs("522 awake" if family == "old" else "723 awake"), *pairs]) as (pump, _):
        read = pump.history()
    assert [(event.kind, event.at, event.raw) for event in read] == [
        (each["kind"], each["at"], expand(each["bytes"])) for each in records
    ]
    for event, each in zip(read, records, strict=True):
        assert (event.programmed_u, event.delivered_u) == (each.get("programmed_u"), each.get("delivered_u"))


def test_no_worked_frame_is_left_out() -> None:
    dialogues = load("minimed_dialogues.toml")["dialogue"]
    said = {entry[key] for each in dialogues for entry in each["step"] for key in ("ask", "hear") if key in entry}
    here = {*COMMANDS, "profile A 93", "profile B 94", "error status 75", "settings 91", "history page 0"}
    here |= {name for _, steps, _, _ in READS.values() for pair in steps for name in pair}
    in_the_burst = four_b_six_b(packet("wake 5D")) in _sent(radio_pairs("asleep, woken by one burst"))
    assert in_the_burst
    assert {name for name in packets() if name not in said | here} == NEVER_ASKED | {"wake 5D"}


def _sent(pairs: list[Pair]) -> bytes:
    return b"".join(pair.sent for pair in pairs)
