"""Supplies between voltage and current limit, their protections, and their faults."""

from __future__ import annotations

import pytest

from rig.errors import UsageError
from rig.sim.faults import FaultSet
from rig.sim.instruments.circuit import Circuit, Point, Resistor, Source, regulated, resistive
from rig.sim.instruments.models import make_meter, make_supply
from tests.sim.instruments.kit import Desk

SECOND_NS = 1_000_000_000


def test_a_resistor_takes_what_ohm_says_until_the_limit_holds() -> None:
    assert_point(resistive(Source(1.5, 1.0, on=True), 5.0, 0.1), 1.5, 1.0, 0.1, limited=False)
    assert_point(resistive(Source(1.5, 0.05, on=True), 5.0, 0.1), 0.75, 0.5, 0.05, limited=True)


def assert_point(point: Point, source_v: float, load_v: float, amps: float, *, limited: bool) -> None:
    assert (point.source_v, point.load_v, point.amps) == pytest.approx((source_v, load_v, amps))
    assert point.limited == limited


def test_a_converter_takes_constant_power_and_so_more_current_from_less_voltage() -> None:
    # 0.25 W behind 1 ohm from 1.25 V: I = (1.25 - sqrt(1.5625 - 1)) / 2 = 0.25 A, 1.0 V at the load.
    point = regulated(Source(1.25, 1.0, on=True), 1.0, 0.25, 1.5)
    assert point.amps == pytest.approx(0.25)
    assert point.load_v == pytest.approx(1.0)
    assert point.load_v * point.amps == pytest.approx(0.25)


@pytest.mark.parametrize(("source", "ohm"), [(Source(1.5, 0.1, on=True), 0.1), (Source(1.5, 9.0, on=True), 5.0)])
def test_a_converter_that_is_not_given_its_power_collapses(source: Source, ohm: float) -> None:
    point = regulated(source, ohm, 0.3, 1.5)
    assert point.load_v <= 0.75
    assert point.limited == (source.limit_a < 1.0)


def test_a_mean_weighs_each_state_with_the_time_it_lasted() -> None:
    circuit = Circuit(Resistor(10.0), 0.0, FaultSet([], 0), 0)
    circuit.feed(Source(1.0, 9.0, on=True), 1 * SECOND_NS)
    circuit.feed(Source(2.0, 9.0, on=True), 3 * SECOND_NS)
    assert circuit.mean(0, 4 * SECOND_NS).amps == pytest.approx((0.0 + 0.1 * 2 + 0.2 * 1) / 4)
    assert circuit.mean(2 * SECOND_NS, 2 * SECOND_NS).amps == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("model", "ask"), [("e36312a", "MEAS:CURR? (@1)"), ("dp832", ":MEAS:CURR? CH1"), ("scpi", "MEAS:CURR?")]
)
def test_what_is_measured_follows_voltage_load_and_limit(model: str, ask: str) -> None:
    desk = Desk(model, ohm=10.0)
    set_volts = {"e36312a": "VOLT {},(@1)", "dp832": ":APPL CH1,{},0.1", "scpi": "VOLT {}"}[model]
    on = {"e36312a": "CURR 0.1,(@1);:OUTP ON,(@1)", "dp832": ":OUTP CH1,ON", "scpi": "CURR 0.1;:OUTP ON"}[model]
    desk.say(set_volts.format(0.5).encode() + b"\n")
    assert float(desk.ask(ask)) == pytest.approx(0.0, abs=2e-4)
    desk.say(on.encode() + b"\n")
    assert float(desk.ask(ask)) == pytest.approx(0.05, abs=2e-4)
    desk.say(set_volts.format(3).encode() + b"\n")
    assert float(desk.ask(ask)) == pytest.approx(0.1, abs=2e-4)


def test_the_same_seed_measures_the_same() -> None:
    first, second = Desk("e36312a"), Desk("e36312a")
    for desk in (first, second):
        desk.say(b"VOLT 1.5,(@1);:OUTP ON,(@1)\n")
    assert [first.ask("MEAS:VOLT? (@1)") for _ in range(5)] == [second.ask("MEAS:VOLT? (@1)") for _ in range(5)]


def test_over_current_protection_trips_when_the_limit_is_reached() -> None:
    desk = Desk("dp832", ohm=10.0)
    desk.say(b":APPL CH1,3,1;:OUTP:OCP:VAL CH1,0.2;:OUTP:OCP CH1,ON\n")
    desk.say(b":OUTP CH1,ON\n")
    assert desk.ask(":OUTP? CH1;:OUTP:OCP:QUES? CH1;:OUTP:OVP:QUES? CH1") == "OFF;YES;NO"


def test_clearing_a_trip_by_the_source_command_of_a_rigol_switches_it_on_again() -> None:
    desk = Desk("dp832")
    desk.say(b":OUTP:OVP:VAL CH1,1.8;:OUTP:OVP CH1,ON;:APPL CH1,1.9,1;:OUTP CH1,ON\n")
    desk.say(b":APPL CH1,1.5,1;:SOUR1:VOLT:PROT:CLE\n")
    assert desk.ask(":OUTP? CH1") == "ON"


def test_stored_settings_come_back_with_the_output_off() -> None:
    desk = Desk("scpi")
    desk.say(b"VOLT 1.5;:OUTP ON;*SAV 1;:VOLT 1.0;*RCL 1\n")
    assert desk.ask("VOLT?;:OUTP?") == "1.5000;0"
    desk.say(b"*RCL 7\n")
    assert desk.ask("SYST:ERR?") == '-221,"Settings conflict"'


def test_a_siglent_that_is_asked_too_soon_after_saving_hangs_for_good() -> None:
    desk = Desk("spd3303x")
    desk.say(b"*SAV 1\n", 0.06)
    assert desk.ask("SYST:ERR?") == "0 No Error"
    desk.say(b"*SAV 1\n", 0.02)
    assert desk.say(b"SYST:ERR?\n", 1.0) == b""
    assert desk.say(b"*IDN?\n", 1.0) == b""


def test_a_supply_that_is_silent_still_does_what_it_is_told() -> None:
    desk = Desk("scpi", ["supply.silent=on@1s+1s"])
    desk.wait_until(1.1)
    assert desk.say(b"VOLT 1.5;VOLT?\n", 0.5) == b""
    desk.wait_until(2.1)
    assert desk.ask("VOLT?") == "1.5000"


def test_an_answer_that_is_late_comes_later_by_what_was_seeded() -> None:
    desk = Desk("scpi", ["supply.late=2s"])
    assert desk.say(b"VOLT?\n", 1.9) == b""
    desk.links.pause(0.2)
    assert desk.link.discard_input() == b"0.0000\n"


def test_half_an_answer_has_no_end() -> None:
    desk = Desk("scpi", ["supply.half=1"])
    assert desk.say(b"VOLT?\n") == b"0.0"
    assert desk.say(b"VOLT?\n") == b"0.0000\n"


def test_a_message_that_meets_a_reset_is_not_carried_out() -> None:
    desk = Desk("scpi", ["supply.reset=1"])
    assert desk.say(b"VOLT 1.5;VOLT?\n") == b""
    assert desk.ask("VOLT?") == "0.0000"


def test_a_stuck_reading_repeats_itself_whatever_is_set() -> None:
    desk = Desk("scpi", ["supply.stuck=on@1s"])
    desk.say(b"VOLT 1.5;:OUTP ON\n", 0.1)
    before = desk.ask("MEAS:VOLT?")
    desk.wait_until(1.1)
    desk.say(b"VOLT 1.0\n")
    assert desk.ask("MEAS:VOLT?") == before
    assert desk.ask("VOLT?") == "1.0000"


def test_the_protection_trips_by_itself_and_stays_while_its_cause_lasts() -> None:
    desk = Desk("e36312a", ["supply.ovp_trip=on@1s+2s"])
    desk.say(b"VOLT 1.5,(@1);:OUTP ON,(@1)\n")
    assert desk.ask("OUTP? (@1)") == "1"
    desk.wait_until(1.5)
    assert desk.ask("OUTP? (@1);:VOLT:PROT:TRIP? (@1)") == "0;1"
    desk.say(b"OUTP:PROT:CLE (@1)\n")
    assert desk.ask("OUTP? (@1);:VOLT:PROT:TRIP? (@1)") == "0;1"
    desk.wait_until(3.1)
    desk.say(b"OUTP:PROT:CLE (@1)\n")
    assert desk.ask("OUTP? (@1);:VOLT:PROT:TRIP? (@1)") == "1;0"


def test_an_unknown_model_is_refused_with_those_there_are() -> None:
    circuit = Circuit(Resistor(10.0), 0.0, FaultSet([], 0), 0)
    with pytest.raises(UsageError, match="no simulated meter 'fluke'"):
        make_meter("fluke", circuit, advance=lambda _: None, seed=1, faults=FaultSet([], 0), start_ns=0)
    with pytest.raises(UsageError) as raised:
        make_supply(
            "e3631a",
            circuit,
            advance=lambda _: None,
            later=lambda _at, _act: None,
            seed=1,
            faults=FaultSet([], 0),
            start_ns=0,
        )
    assert "e36312a or dp832" in str(raised.value.expected)
