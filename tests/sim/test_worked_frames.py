"""Every worked radio frame of the protocol page: heard by the simulated pump as meant, or said by it byte for byte."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rig.sim.pump.history import History
from rig.sim.pump.packets import short_packet
from tests.sim.kit import PUMP_ID, Rig
from tests.transcripts.notation import load, packet

NAMES = {entry["what"] for entry in load("minimed_packets.toml")["packet"]}
ACK = packet("ACK")
PROFILE = [f"set std profile, fragment {number}" for number in (1, 2, 3)]


def awake(model: str, *faults: str) -> Rig:
    rig = Rig(model, faults=faults)
    rig.wake()
    return rig


# --- what a host sends

HOST_SHORT = [name for name in NAMES if len(packet(name)) == 7 and not name.startswith(("ACK", "NAK", "wake"))]
HOST_LONG = {
    "power on 10 min": ("522", "ACK"),
    "bolus 1.7 U, old": ("522", "ACK"),
    "bolus 2.35 U, new (94)": ("723", "ACK"),
    "bolus 12.3 U, new (492)": ("554", "ACK"),
    "temp 0.85 U/h 90 min": ("723", "ACK"),
    "temp 8.0 U/h 60 min": ("515", "ACK"),
    "temp cancel": ("522", "ACK"),
    "temp 150 %, 2 h": ("522", "ACK"),
    "suspend": ("522", "ACK"),
    "resume": ("522", "ACK"),
    "set time 2025-03-09 14:05:30": ("522", "ACK"),
    "keypad ACT": ("522", "ACK"),
    "max bolus 9.0 U, old form": ("522", "ACK"),
    "max bolus 9.0 U, new form": ("723", "ACK"),
    "max basal 2.2 U/h": ("522", "ACK"),
    "select pattern A": ("522", "ACK"),
    "history page 3": ("522", "NAK 0D"),
    "set std profile, fragment 1": ("522", "ACK"),
}


@pytest.mark.parametrize("name", sorted(HOST_LONG))
def test_each_worked_parameter_packet_is_taken_after_its_first_half(name: str) -> None:
    model, answer = HOST_LONG[name]
    rig = awake(model)
    assert rig.packet(short_packet(PUMP_ID, packet(name)[4])) == ACK
    assert rig.packet(packet(name)) == packet(answer)


@pytest.mark.parametrize("name", sorted(HOST_SHORT))
def test_each_worked_short_packet_is_answered(name: str) -> None:
    rig = awake("512" if name == "settings 91" else "522")
    reply = rig.packet(packet(name))
    assert reply is not None
    assert reply[4] == packet(name)[4] if "half" not in name else reply == ACK


# --- what a pump says


def asks(opcode: int, model: str = "522", *faults: str) -> Callable[[], bytes | None]:
    return lambda: awake(model, *faults).packet(short_packet(PUMP_ID, opcode))


def after(name: str, opcode: int, model: str = "522", seconds: float = 0.0) -> Callable[[], bytes | None]:
    """Return what a pump answers to a read some time after a worked parameter packet."""

    def run() -> bytes | None:
        rig = awake(model)
        rig.packet(short_packet(PUMP_ID, packet(name)[4]))
        rig.packet(packet(name))
        rig.wait(seconds)
        return rig.packet(short_packet(PUMP_ID, opcode))

    return run


def refused(name: str, model: str = "522", before: str = "") -> Callable[[], bytes | None]:
    """Return what a pump answers to a worked parameter packet, after another one."""

    def run() -> bytes | None:
        rig = awake(model)
        reply = None
        for each in (before, name) if before else (name,):
            rig.packet(short_packet(PUMP_ID, packet(each)[4]))
            reply = rig.packet(packet(each))
        return reply

    return run


def settings(model: str, form: str) -> Callable[[], bytes | None]:
    def run() -> bytes | None:
        rig = awake(model)
        for each in (f"max bolus 9.0 U, {form} form", "max basal 2.2 U/h"):
            rig.packet(short_packet(PUMP_ID, packet(each)[4]))
            assert rig.packet(packet(each)) == ACK
        return rig.packet(short_packet(PUMP_ID, 0xC0))

    return run


def profile_fragment(number: int) -> Callable[[], bytes | None]:
    def run() -> bytes | None:
        rig = awake("522")
        rig.packet(short_packet(PUMP_ID, 0x6F))
        for name in PROFILE:
            assert rig.packet(packet(name)) == ACK
        reply = rig.packet(short_packet(PUMP_ID, 0x92))
        for _ in range(number - 1):
            reply = rig.packet(ACK)
        return reply

    return run


def tables(opcode: int, model: str, counts: bool = False) -> Callable[[], bytes | None]:
    def run() -> bytes | None:
        rig = awake(model)
        rig.bench.firmware.tables.carb_ratios = [(0, 120), (18, 100 if model == "522" else 105)]
        rig.bench.firmware.tables.counts_ratios = counts
        rig.bench.firmware.tables.sensitivities = [(0, 50), (44, 300)]
        return rig.packet(short_packet(PUMP_ID, opcode))

    return run


def newest_page_is_11() -> bytes | None:
    rig = awake("522")
    history = rig.bench.firmware.history = History()
    for _ in range(12):
        history.append(bytes(1022))
    return rig.packet(short_packet(PUMP_ID, 0x9D))


def above_the_limit() -> bytes | None:
    rig = awake("522")
    rig.bench.firmware.max_bolus_tenths = 10
    rig.packet(short_packet(PUMP_ID, 0x42))
    return rig.packet(packet("bolus 1.7 U, old"))


SAID = {
    "ACK": asks(0x42),
    "NAK 08": refused("bolus 1.7 U, old", before="suspend"),
    "NAK 09": above_the_limit,
    "NAK 0C": refused("bolus 1.7 U, old", before="bolus 1.7 U, old"),
    "NAK 0D": refused("history page 3"),
    "model 522": asks(0x8D),
    "model 723": asks(0x8D, "723"),
    "time 2025-03-09 14:05:30": after("set time 2025-03-09 14:05:30", 0x70),
    "battery 1.38 V normal": asks(0x72),
    "battery 1.17 V low": asks(0x72, "522", "pump.battery=1.17V"),
    "reservoir 82.6 U, old": asks(0x73, "522", "pump.reservoir=82.6U"),
    "reservoir 82.625 U, new": asks(0x73, "723", "pump.reservoir=82.625U"),
    "status normal": asks(0xCE),
    "status bolusing": after("bolus 1.7 U, old", 0xCE),
    "status suspended": after("suspend", 0xCE),
    "temp 0.85 U/h, 87 min left": after("temp 0.85 U/h 90 min", 0x98, seconds=185.0),
    "temp 150 %, 120 min left": after("temp 150 %, 2 h", 0x98),
    "no temp": asks(0x98),
    "firmware": asks(0x74),
    "pump id": asks(0x71),
    "page number 11": newest_page_is_11,
    "settings old: max bolus 9.0, max basal 2.2, action 4 h": settings("522", "old"),
    "settings new: the same": settings("723", "new"),
    "std profile, fragment 1": profile_fragment(1),
    "std profile, fragment 2": profile_fragment(2),
    "std profile, fragment 3": profile_fragment(3),
    "carb units grams": asks(0x88),
    "BG units mg/dL": asks(0x89),
    "carb ratios old: 12 g/U, from 09:00 10": tables(0x8A, "522"),
    "carb ratios new: 12.0, from 09:00 10.5": tables(0x8A, "723"),
    "carb ratios new, their number first: the same": tables(0x8A, "723", counts=True),
    "sensitivities 50, from 22:00 300": tables(0x8B, "522"),
    "targets 100-120": asks(0x9F),
}


@pytest.mark.parametrize("name", sorted(SAID))
def test_each_worked_answer_is_said_byte_for_byte(name: str) -> None:
    assert SAID[name]() == packet(name)


def test_no_worked_frame_is_left_out() -> None:
    elsewhere = {"wake 5D", "history page 0", *PROFILE}  # the burst, the page and the upload of the other tests here
    assert {*HOST_SHORT, *HOST_LONG, *SAID} | elsewhere == NAMES
