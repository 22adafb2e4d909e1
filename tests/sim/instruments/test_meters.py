"""Meters: how long a reading takes, what it drops, what it says beyond its range."""

from __future__ import annotations

import pytest

from rig.clock import to_ns
from rig.sim.instruments.circuit import Source
from tests.sim.instruments.kit import Desk

SETTLED = b"CONF:CURR:DC 0.1;:CURR:DC:NPLC 1\n"


def answered_after_s(desk: Desk, message: bytes, most_s: float = 10.0) -> float:
    """Return how long an answer takes."""
    desk.link.discard_input()
    began_ns = desk.clock.link_ns()
    desk.link.write(message)
    desk.links.wait(began_ns + to_ns(most_s), desk.link)
    assert desk.link.discard_input().endswith(b"\n")
    return (desk.link.last_rx_ns - began_ns) * 1e-9


@pytest.mark.parametrize(
    ("nplc", "zero", "samples", "seconds"),
    [
        ("1", "ON", 1, 0.04),
        ("1", "OFF", 1, 0.02),
        ("10", "ON", 1, 0.4),
        ("1", "ON", 50, 2.0),
        ("0.02", "OFF", 10, 0.004),
    ],
)
def test_a_reading_takes_its_power_line_cycles_twice_with_auto_zero(
    nplc: str, zero: str, samples: int, seconds: float
) -> None:
    desk = Desk("34461a")
    desk.say(SETTLED + f"CURR:DC:NPLC {nplc};:CURR:ZERO:AUTO {zero};:SAMP:COUN {samples}\n".encode())
    assert answered_after_s(desk, b"READ?\n") == pytest.approx(seconds + 0.002, abs=1e-4)


def test_a_meter_shows_the_mean_of_what_flows_while_it_integrates() -> None:
    desk = Desk("34461a")
    desk.say(SETTLED)
    half = Source(0.755, 10.0, on=True)
    desk.links.schedule(desk.clock.link_ns() + to_ns(0.01), lambda at_ns: desk.circuit.feed(half, at_ns))
    value = float(desk.say(b"READ?\n", 0.1))
    assert value == pytest.approx((1.51 + 0.755) / 2 / 105.0, rel=1e-3)


@pytest.mark.parametrize(("range_a", "burden_ohm"), [("3", 0.67), ("1", 0.7), ("0.1", 5.0), ("0.01", 5.0)])
def test_the_chosen_range_drops_its_burden_voltage_whatever_is_measured(range_a: str, burden_ohm: float) -> None:
    desk = Desk("34461a", ohm=100.0)
    desk.say(f"CONF:CURR:DC {range_a}\n".encode())
    desk.say(b"CONF:VOLT:DC 10\n")
    assert float(desk.ask("READ?", 0.5)) == pytest.approx(1.51 * 100.0 / (100.0 + burden_ohm), rel=2e-4)


def test_a_value_beyond_a_fixed_range_is_an_overload_with_its_sign_and_no_error() -> None:
    desk = Desk("34461a", ohm=10.0)
    desk.say(SETTLED)
    assert float(desk.ask("READ?", 0.1)) == pytest.approx(1.51 / 15.0, rel=1e-3)  # 0.1007 A: 20 % more is measured
    desk.say(b"CONF:CURR:DC 0.01;:CURR:DC:NPLC 1\n")
    assert desk.ask("READ?", 0.1) == "+9.90000000E+37"
    assert desk.ask("SYST:ERR?") == '+0,"No error"'


def test_automatic_range_finds_its_range_and_asks_for_none() -> None:
    desk = Desk("34461a")
    assert float(desk.ask("MEAS:CURR:DC?", 0.5)) == pytest.approx(1.51 / 100.7, rel=1e-3)
    assert desk.ask("CURR:DC:RANG?") == "+1.00000000E-01"
    assert desk.ask("CURR:DC:RANG:AUTO?") == "1"


def test_readings_can_be_taken_while_more_are_made_and_the_rest_waits_for_them() -> None:
    desk = Desk("34461a")
    desk.say(SETTLED + b"SAMP:COUN 100;:INIT\n", 1.01)
    assert desk.ask("DATA:POIN?") == "+25"
    assert desk.ask("R? 20").startswith("#3319+")
    assert int(desk.ask("DATA:POIN?")) in range(5, 10)
    seconds = answered_after_s(desk, b"*OPC?\n")
    assert 2.0 < seconds < 3.0
    assert desk.ask("DATA:POIN?") == "+80"


def test_a_measurement_that_runs_cannot_be_started_again_and_can_be_ended() -> None:
    desk = Desk("34461a")
    desk.say(SETTLED + b"SAMP:COUN 1000;:INIT\n", 0.5)
    desk.say(b"INIT\n")
    assert desk.ask("SYST:ERR?") == '-213,"Init ignored"'
    desk.say(b"ABOR\n")
    assert desk.ask("FETC?").count(",") in range(10, 20)


def test_a_trigger_by_the_host_starts_the_reading_and_a_read_that_would_wait_for_it_is_refused() -> None:
    desk = Desk("34461a")
    desk.say(SETTLED + b"TRIG:SOUR BUS\n")
    assert desk.say(b"READ?\n", 0.5) == b""
    assert desk.ask("SYST:ERR?") == '-214,"Trigger deadlock"'
    desk.say(b"*CLS;INIT\n", 1.0)
    assert desk.ask("DATA:POIN?") == "+0"
    desk.say(b"*TRG\n", 0.1)
    assert desk.ask("DATA:POIN?") == "+1"


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (b"CONF:CURR:DC 20\n", '-222,"Data out of range"'),
        (b"CURR:DC:NPLC 500\n", '-222,"Data out of range"'),
        (b"SAMP:COUN 0\n", '-222,"Data out of range"'),
        (b"TRIG:SOUR SUN\n", '-224,"Illegal parameter value"'),
        (b'FUNC "TEMP"\n', '-224,"Illegal parameter value"'),
        (b"*TRG\n", '-211,"Trigger ignored"'),
        (b"SAMP:COUN\n", '-109,"Missing parameter"'),
        (b"READ? 1\n", '-108,"Parameter not allowed"'),
    ],
)
def test_what_a_meter_cannot_do_is_an_error(message: bytes, error: str) -> None:
    desk = Desk("34461a")
    desk.say(message, 0.5)
    assert desk.ask("SYST:ERR?") == error


def test_a_seeded_over_range_and_a_stuck_meter() -> None:
    desk = Desk("34461a", ["meter.over_range=on@1s+1s", "meter.stuck=on@3s"])
    desk.say(SETTLED)
    first = desk.ask("READ?", 0.1)
    desk.wait_until(1.1)
    assert desk.ask("READ?", 0.1) == "+9.90000000E+37"
    desk.wait_until(3.1)
    assert desk.ask("READ?", 0.1) == first
