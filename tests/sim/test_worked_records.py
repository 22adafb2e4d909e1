"""Every entry of the history, radio stick and CareLink transcripts, said or taken by the twin byte for byte."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from rig.sim.pump.history import Records, date_stamp, stamp
from tests.sim.kit import Rig
from tests.sim.test_carelink import awake
from tests.transcripts.notation import expand, load

HISTORY = load("minimed_history.toml")
STICK = load("subg_rfspy.toml")
CARELINK = load("carelink.toml")
OLD, NEW = Records(is_new=False), Records(is_new=True)
BOTH = (OLD, NEW)
REMOTE = True


def at(hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(2025, 3, 9, hour, minute, second)


WHEN = at(14, 5, 30)
SAID = {
    "rewind": [each.simple(0x21, 0, at(14, 0, 5)) for each in BOTH],
    "manual prime 8.4 U": [each.prime(0, 84, at(14, 2, 10)) for each in BOTH],
    "fixed prime 0.3 U": [each.prime(3, 3, at(14, 3)) for each in BOTH],
    "temp basal 0.85 U/h": [each.temp_basal(False, 34, 3, WHEN, REMOTE)[:8] for each in BOTH],
    "its duration, 90 min": [each.temp_basal(False, 34, 3, WHEN, REMOTE)[8:] for each in BOTH],
    "bolus 1.7 of 1.7 U": [OLD.bolus(68, 68, at(14, 7), REMOTE)],
    "suspend": [each.simple(0x1E, 0, at(14, 9), REMOTE) for each in BOTH],
    "resume": [each.simple(0x1F, 0, at(14, 11), REMOTE) for each in BOTH],
    "low reservoir, 20.0 U": [each.simple(0x34, 200, at(14, 12)) for each in BOTH],
    "low battery": [each.simple(0x19, 0, at(14, 13)) for each in BOTH],
    "alarm: no delivery": [each.alarm(4, at(14, 14)) for each in BOTH],
    "alarm cleared": [each.simple(0x0C, 4, at(14, 14, 30)) for each in BOTH],
    "pattern A selected": [each.simple(0x14, 1, at(14, 15)) for each in BOTH],
    "bolus 2.35 U with 0.5 U unabsorbed": [NEW.bolus(94, 94, at(14, 7), REMOTE, 20)],
    "square 3.0 U over 2 h, 1.5 U delivered": [NEW.bolus(120, 60, at(14, 8), False, half_hours=4)],
    "square by hand, 3.0 U over 2 h, 1.5 U delivered, old": [OLD.bolus(120, 60, at(14, 8), False, 0, 4, 3)],
    "dual by hand, its normal part 2.5 U": [NEW.bolus(100, 100, at(14, 8), False, 0, 0, 4)],
    "dual by hand, its square part 2.5 U over 3 h, 0.7 U delivered": [
        NEW.bolus(100, 28, at(14, 9, 40), False, 0, 6, 5)
    ],
    "scheduled basal starts, entry 1 at 06:30, 1.3 U/h": [NEW.basal_start(1, 13, 52, WHEN)],
    "temp basal 8.0 U/h": [NEW.temp_basal(False, 320, 2, WHEN, REMOTE)[:8]],
    "temp basal 150 %": [NEW.temp_basal(True, 150, 2, WHEN, REMOTE)[:8]],
    "daily total 31.45 U, old": [OLD.daily_total(1258, datetime(2025, 3, 8))],
    "daily total 31.45 U, new": [NEW.daily_total(1258, datetime(2025, 3, 8))],
}


def test_every_worked_record_is_written_byte_for_byte_and_none_is_left_out() -> None:
    assert {each["what"]: {expand(each["bytes"])} for each in HISTORY["record"]} == {
        what: set(records) for what, records in SAID.items()
    }


@pytest.mark.parametrize("entry", HISTORY["stamp"], ids=lambda entry: entry["bytes"])
def test_every_worked_stamp_is_written(entry: dict[str, Any]) -> None:
    remote = bool(expand(entry["bytes"])[3] & 0x40)
    assert stamp(entry["at"], remote) == expand(entry["bytes"])


@pytest.mark.parametrize("entry", HISTORY["date"], ids=lambda entry: entry["bytes"])
def test_every_worked_date_is_written(entry: dict[str, Any]) -> None:
    assert date_stamp(entry["at"]) == expand(entry["bytes"])


def response(what: str) -> bytes:
    return expand(next(each["bytes"] for each in STICK["response"] if each["what"] == what))


STICK_SAYS = {
    "GetState": "OK",
    "GetVersion": "version 0.9",
    **{f"set FREQ{number} for {mhz} MHz": "register set" for number in (0, 1, 2) for mhz in ("916.5", "868.35")},
    "wake burst, 250 packets": "packet sent",
    "listen 12 s": "nothing heard",
    "ask the model, listen 500 ms": "nothing heard",
}
HEARD = {"interrupted", "model 522 at -33 dBm, counter 7"}  # of the tests below


@pytest.mark.parametrize("entry", STICK["command"], ids=lambda entry: entry["what"])
def test_every_worked_command_of_the_stick_gets_a_worked_response(entry: dict[str, Any]) -> None:
    assert Rig("522").uart(expand(entry["bytes"]), 13.0) == response(STICK_SAYS[entry["what"]])


def test_the_worked_answer_comes_as_soon_as_the_pump_is_awake_and_a_listener_may_be_interrupted() -> None:
    rig = Rig("522")
    rig.wake()
    ask = next(expand(each["bytes"]) for each in STICK["command"] if each["what"].startswith("ask the model"))
    assert rig.uart(ask)[2:] == response("model 522 at -33 dBm, counter 7")[2:]
    assert rig.uart(expand("03 00 00 00 2E E0")) == b""
    assert rig.uart(b"\x01") == response("interrupted") + response("OK")


def test_no_worked_command_or_response_of_the_stick_is_left_out() -> None:
    assert {each["what"] for each in STICK["command"]} == STICK_SAYS.keys()
    assert {each["what"] for each in STICK["response"]} == {*STICK_SAYS.values()} | HEARD


CARELINK_SAYS: dict[str, tuple[int, bytes]] = {  # kind, and how the data begins
    "read model": (3, b"\x03522"),
    "read time": (3, b"\x0e\x00"),
    "read std profile": (4, bytes(3)),
    "history page 3": (2, b"\x0d"),
    "power on 10 min": (1, b"\x00"),
    "temp 0.85 U/h 90 min": (1, b"\x00"),
    "bolus 1.7 U (old), as a client that repeats asks for it": (1, b"\x00"),
    "suspend, as a client that repeats asks for it": (1, b"\x00"),
    "keypad ACT": (1, b"\x00"),
}


@pytest.mark.parametrize("entry", CARELINK["transmit"], ids=lambda entry: entry["what"])
def test_every_worked_carelink_command_is_taken(entry: dict[str, Any]) -> None:
    client = awake()
    assert client.block(expand(entry["bytes"]))[:2] == b"\x01\x55"
    client.wait(13.0 if entry["opcode"] == 0x5D else 2.0)
    kind, _, data = client.fetch()[0]
    expected, begins = CARELINK_SAYS[entry["what"]]
    assert (kind, data[: len(begins)]) == (expected, begins)
