"""A supply in place of the pump's cell: what the pump makes of it, and what supply and meter see of the pump."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rig.errors import UsageError
from rig.sim.instrument_faults import refuse_instrument_faults
from rig.sim.instruments.meter import Meter
from rig.sim.instruments.supply import Supply
from rig.sim.pump.packets import short_packet
from rig.transport.links import Link
from tests.sim.kit import EXACT, PUMP_ID, SECOND_NS, Rig

P = EXACT


class Powered:
    """A pump on a supply, with a meter in its lead where one is wanted."""

    def __init__(self, faults: Sequence[str] = (), *, meter: bool = False, prepared: bool = True) -> None:
        self.rig = Rig("723", faults=tuple(faults))
        self.supply: Supply = self.rig.bench.mount_supply("scpi", prepared=prepared)
        self.link = self.rig.links.connect("supply", self.supply.session())
        self.power = self.rig.bench.firmware.power
        self.meter_link: Link | None = None
        if meter:
            self.meter: Meter = self.rig.bench.mount_meter("34461a")
            self.meter_link = self.rig.links.connect("meter", self.meter.session())
            self.metered("CONF:CURR:DC 3;:CURR:DC:NPLC 1;:CURR:ZERO:AUTO OFF")

    def say(self, text: str, seconds: float = 0.05) -> str:
        return self.rig._talk(self.link, text.encode() + b"\n", seconds).decode().strip()

    def metered(self, text: str, seconds: float = 0.1) -> str:
        assert self.meter_link is not None
        return self.rig._talk(self.meter_link, text.encode() + b"\n", seconds).decode().strip()

    def lives(self, seconds: float) -> None:
        self.rig.wait(seconds)
        self.rig.bench.advance(self.rig.now_ns)

    @property
    def state(self) -> str:
        self.rig.bench.advance(self.rig.now_ns)
        return self.power.state

    def battery(self) -> tuple[int, float]:
        """Return (low, V) as the pump says over its radio."""
        body = self.rig.read(0x72)
        return body[1], int.from_bytes(body[2:4], "big") / 100.0

    def basal(self, rate_u_per_h: float) -> None:
        self.rig.bench.plant_runs_at(rate_u_per_h)

    def doses(self, from_s: float, to_s: float) -> float:
        return self.rig.ledger.commanded_u(round(from_s * SECOND_NS), round(to_s * SECOND_NS))


@pytest.mark.parametrize("volts", [1.5, 1.35, 1.25])
def test_the_pump_reads_what_the_supply_puts_out_less_what_its_leads_drop(volts: float) -> None:
    bench = Powered()
    bench.rig.wake()
    bench.say(f"VOLT {volts}")
    low, read = bench.battery()
    assert low == 0
    drawn = 1.5 * (P.sleep_a + P.radio_a) / volts
    assert read == pytest.approx(volts - drawn * P.lead_ohm, abs=0.006)


def test_a_low_voltage_is_reported_logged_and_at_last_silences_the_radio() -> None:
    bench = Powered()
    bench.rig.wake()
    bench.say("VOLT 1.19")
    assert bench.battery()[0] == 1
    assert b"\x19\x00" in bench.rig.history()
    bench.say("VOLT 1.08")
    assert bench.rig.packet(short_packet(PUMP_ID, 0x8D)) is None
    bench.basal(1.0)
    before = bench.rig.ledger.commanded_u(0, bench.rig.now_ns)
    bench.lives(3600.0)
    assert bench.rig.ledger.commanded_u(0, bench.rig.now_ns) - before == pytest.approx(1.0, abs=0.03)


def test_a_depleted_cell_stops_the_delivery_until_the_alarm_is_cleared() -> None:
    bench = Powered()
    bench.basal(4.0)
    bench.lives(600.0)
    bench.say("VOLT 1.02")
    bench.lives(600.0)
    firmware = bench.rig.bench.firmware
    assert firmware.therapy.alarm == 0x05
    assert bench.doses(610.0, 1200.0) == 0.0
    bench.say("VOLT 1.5")
    bench.lives(60.0)
    assert bench.doses(610.0, 1250.0) == 0.0
    bench.rig.wake()
    for key in (b"\x01", b"\x02"):
        assert bench.rig.command(0x5B, key) == 0
    now_s = bench.rig.now_ns / SECOND_NS
    bench.lives(600.0)
    assert bench.doses(now_s, now_s + 600.0) == pytest.approx(4.0 / 6.0, abs=0.03)


def test_a_gap_that_the_capacitor_carries_is_not_noticed() -> None:
    bench = Powered(["supply.contact=on@600s+15ms"])
    bench.basal(4.0)
    bench.lives(1200.0)
    assert list(bench.power.resets) == []
    assert bench.doses(0.0, 1200.0) == pytest.approx(4.0 / 3.0, abs=0.03)


def test_a_longer_gap_resets_the_pump_ends_its_bolus_and_costs_its_self_test() -> None:
    bench = Powered(["supply.contact=on@20s+200ms"])
    bench.rig.wake()  # until about 4 s
    assert bench.rig.bolus(1.0) == 0
    began_s = bench.rig.now_ns / SECOND_NS
    bench.lives(60.0)
    [(at_ns, why)] = bench.power.resets
    assert at_ns / SECOND_NS == pytest.approx(20.0 + P.hold_up_s)
    assert why == "supply gone"
    [bolus] = [each for each in bench.rig.ledger.deliveries if each.kind == "bolus"]
    expected = (20.0 + P.hold_up_s - began_s) * 1.5 / 60.0
    assert bolus.commanded_u == pytest.approx(expected, abs=0.03)
    assert bolus.commanded_u < 1.0
    bench.rig.wake()
    page = bench.rig.history().rstrip(b"\0")
    record = page.index(b"\x01\x00\x28\x00")
    assert int.from_bytes(page[record + 3 : record + 5], "big") == round(bolus.commanded_u * 40)
    assert page[page.index(b"\x1a\x00") :][:2] == b"\x1a\x00"
    assert bench.rig.bench.firmware.therapy.alarm == 0


def test_the_radio_sleeps_after_a_reset_and_hears_nothing_during_the_self_test() -> None:
    bench = Powered()
    bench.rig.wake()
    bench.say("OUTP OFF", 0.5)
    assert bench.state == "off"
    bench.say("OUTP ON", P.retry_s + 1.0)
    assert bench.state == "booting"
    bench.lives(P.boot_s)
    assert bench.state == "up"
    assert bench.rig.packet(short_packet(PUMP_ID, 0x72)) is None
    bench.rig.wake()
    assert bench.battery()[1] == pytest.approx(1.5, abs=0.01)


def test_basal_stops_without_supply_and_what_was_due_is_not_made_up_for() -> None:
    bench = Powered()
    bench.basal(6.0)
    bench.lives(600.0)
    before = bench.doses(0.0, 600.0)
    bench.say("OUTP OFF")
    bench.lives(120.0)
    assert bench.doses(0.0, 720.0) == before
    bench.say("OUTP ON")
    bench.lives(600.0)
    after = bench.doses(720.0, 1320.0)
    assert after == pytest.approx(6.0 * (600.0 - P.retry_s - P.boot_s) / 3600.0, abs=0.03)
    assert bench.rig.bench.firmware.therapy.alarm == 0


def test_a_cell_that_was_out_for_too_long_is_an_alarm_and_the_clock_stood_still() -> None:
    bench = Powered()
    firmware = bench.rig.bench.firmware
    began = firmware.clock.local(0)
    bench.basal(6.0)
    bench.lives(60.0)
    bench.say("OUTP OFF")
    bench.lives(3600.0)
    bench.say("OUTP ON")
    bench.lives(P.retry_s + P.boot_s + 1.0)
    assert firmware.therapy.alarm == 0x03
    bench.rig.wake()
    true_s = bench.rig.now_ns / SECOND_NS
    assert (firmware.local() - began).total_seconds() == pytest.approx(true_s - (3600.0 - P.battery_out_s), abs=15.0)
    out = bench.rig.ledger.commanded_u(round(61 * SECOND_NS), bench.rig.now_ns)
    assert out == 0.0


def test_a_temp_basal_is_forgotten_and_a_suspension_is_not() -> None:
    bench = Powered()
    firmware = bench.rig.bench.firmware
    bench.basal(1.0)
    assert firmware.temp_basal(False, 0, 4, bench.rig.now_ns) == 0
    bench.say("OUTP OFF", 0.5)
    bench.say("OUTP ON", 20.0)
    bench.lives(1.0)
    assert firmware.temp() is None
    assert firmware.therapy.rate_u_per_h == 1.0
    firmware.suspend(bench.rig.now_ns)
    bench.say("OUTP OFF", 0.5)
    bench.say("OUTP ON", 20.0)
    bench.lives(1.0)
    assert firmware.therapy.suspended
    assert firmware.therapy.rate_u_per_h == 0.0


def test_a_current_limit_below_the_motors_need_resets_the_pump_at_its_first_stroke() -> None:
    bench = Powered()
    bench.basal(6.0)
    bench.lives(600.0)
    bench.say("CURR 0.05")
    held = bench.rig.bench.firmware.therapy.reservoir_strokes
    counted = bench.rig.bench.firmware.totals()[0]
    bench.lives(120.0)
    assert [why for _, why in bench.power.resets] == ["pulled down by the motor"]
    assert bench.rig.bench.firmware.therapy.alarm == 0x11
    assert bench.rig.bench.firmware.therapy.reservoir_strokes == held
    assert bench.rig.bench.firmware.totals()[0] == counted
    assert bench.doses(600.1, 720.0) == 0.0


def test_a_supply_too_weak_for_the_self_test_lets_the_pump_try_again_and_again() -> None:
    bench = Powered()
    bench.lives(1.0)
    bench.say("OUTP OFF", 0.5)
    bench.say("CURR 0.01;:OUTP ON")
    bench.lives(10.0)
    assert 8 <= len(bench.power.resets) <= 11
    bench.say("CURR 0.5")
    bench.lives(P.retry_s + P.boot_s + 1.0)
    assert bench.state == "up"


def test_a_meter_on_a_low_range_takes_so_much_that_the_motor_fails() -> None:
    bench = Powered(meter=True)
    bench.metered("CONF:CURR:DC 0.1")
    bench.basal(6.0)
    bench.lives(60.0)
    assert [why for _, why in bench.power.resets] == ["pulled down by the motor"]


def test_the_meter_sees_sleep_radio_and_every_motor_pulse() -> None:
    bench = Powered(meter=True)
    assert float(bench.metered("READ?")) == pytest.approx(P.sleep_a, rel=0.01)
    bench.rig.wake()
    assert float(bench.metered("READ?")) == pytest.approx(P.sleep_a + P.radio_a, rel=0.02)
    assert bench.rig.bolus(1.0) == 0
    readings = [float(each) for each in bench.metered("SAMP:COUN 500;:READ?", 10.5).split(",")]
    assert len(readings) == 500
    quiet = P.sleep_a + P.radio_a
    charge = sum(reading - quiet for reading in readings) * 0.02
    strokes = round(bench.rig.ledger.commanded_u(0, bench.rig.now_ns) * 40)
    assert strokes in range(9, 20)
    assert charge == pytest.approx(strokes * P.motor_a * P.motor_s, rel=0.12)  # a little more, as the voltage sags
    assert max(readings) > quiet + P.motor_a


def test_supply_and_meter_agree_about_the_current() -> None:
    bench = Powered(meter=True)
    bench.rig.wake()
    assert float(bench.say("MEAS:CURR?")) == pytest.approx(float(bench.metered("READ?")), abs=3e-4)
    assert float(bench.metered("CONF:VOLT:DC 10;:READ?", 0.5)) == pytest.approx(1.5 - 0.0215 * 0.77, abs=2e-3)


def test_a_supply_that_is_off_at_first_leaves_the_pump_without_life() -> None:
    bench = Powered(prepared=False)
    bench.lives(5.0)
    assert bench.state == "off"
    assert bench.rig.packet(short_packet(PUMP_ID, 0x5D)) is None
    bench.say("VOLT:PROT 1.8;:VOLT 1.5;:CURR 0.5;:OUTP ON")
    bench.lives(15.0)
    bench.rig.wake()
    assert bench.battery()[1] == pytest.approx(1.5, abs=0.01)


def test_an_over_voltage_trip_takes_the_pump_down_by_itself() -> None:
    bench = Powered(["supply.ovp_trip=on@300s+1s"])
    bench.basal(6.0)
    bench.lives(400.0)
    assert bench.state == "off"
    assert bench.say("OUTP?;:VOLT:PROT:TRIP?") == "0;1"
    assert bench.doses(300.1, 400.0) == 0.0


def test_a_meter_alone_measures_a_cell_outside_the_pump() -> None:
    rig = Rig("723")
    link = rig.links.connect("meter", rig.bench.mount_meter("sdm3055").session())
    reply = rig._talk(link, b"CONF:CURR:DC 2;:READ?\n", 0.5)
    assert float(reply) == pytest.approx(1.5 * P.sleep_a / P.battery_v, rel=0.01)


@pytest.mark.parametrize(
    ("role", "protocol", "model"),
    [("supply", "keysight-e36", "E36312A"), ("supply", "rigol-dp", "DP832"), ("meter", "dmm-34461a", "34461A")],
)
def test_an_instrument_is_mounted_by_the_protocol_that_a_bench_file_names(role: str, protocol: str, model: str) -> None:
    assert Rig("723").bench.mount_instrument(role, protocol).name == model


def test_without_a_supply_nothing_is_different() -> None:
    plain, measured = Rig("723"), Rig("723")
    measured.bench.mount_supply("e36312a")
    for rig in (plain, measured):
        rig.bench.plant_runs_at(1.0)
        rig.wait(3600.0)
    assert plain.mass_mg() == measured.mass_mg()


def test_the_same_seed_gives_the_same_currents() -> None:
    def series() -> list[str]:
        bench = Powered(meter=True)
        bench.basal(3.0)
        return [bench.metered("SAMP:COUN 20;:READ?", 1.0) for _ in range(10)]

    assert series() == series()


def test_faults_of_instruments_that_are_not_there_are_refused() -> None:
    refuse_instrument_faults(["supply.silent=on", "pump.gain=1%"], ["supply"])
    with pytest.raises(UsageError, match="no meter to act on"):
        refuse_instrument_faults(["meter.silent=on"], ["supply"])


def test_a_cell_lasts_about_as_long_as_users_say() -> None:
    cell_ah = 1.2
    asleep_h = cell_ah / P.sleep_a
    delivering_a = P.sleep_a + 25.0 * 40 * P.motor_a * P.motor_s / 86_400
    looped_a = delivering_a + 0.25 * P.radio_a
    assert 24 * 30 < asleep_h < 24 * 60
    assert 24 * 14 < cell_ah / delivering_a < 24 * 42
    assert 24 * 5 < cell_ah / looped_a < 24 * 10
    assert P.motor_s <= 300.0 / 1000.0  # the fastest bolus: 25 U in 5 min
