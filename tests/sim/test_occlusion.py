"""The twin's line under pressure: occlusion, alarm, release, air, clamp, disconnection, height."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.errors import UsageError
from rig.sim.faults import FaultSet, parse_fault
from rig.sim.parameters import HOUR_NS
from rig.sim.plant.blockage import Blockage
from rig.sim.plant.line import Line
from rig.sim.valves import CLAMP, DIVERT, FolderPins, TwinPins, Wire, read_wires
from tests.sim.kit import EXACT, Rig

CLAMP_PIN, AWAY_PIN = 17, 27
NO_PINCH = replace(EXACT, pinch_ul=0.0)
PAUSE_S = 30.0


class Occluded:
    """A pump at a constant rate whose tube can be clamped."""

    def __init__(self, *faults: str, rate_u_per_h: float = 1.0, parameters=NO_PINCH) -> None:  # type: ignore[no-untyped-def]
        self.rig = Rig(parameters=parameters, faults=faults)
        wires = {CLAMP_PIN: Wire(CLAMP, 1), AWAY_PIN: Wire(DIVERT, 1)}
        self.pins: TwinPins = self.rig.bench.pins(wires, lambda: self.rig.now_ns)
        self.rig.bench.plant_runs_at(rate_u_per_h)
        self.rig.wait(1800.0)

    def hours_to_alarm(self, most_h: float = 7.0) -> float | None:
        """Wait for the alarm; return the hours that it took."""
        began_ns = self.rig.now_ns
        while self.rig.now_ns - began_ns < most_h * HOUR_NS:
            self.rig.wait(PAUSE_S)
            self.rig.bench.advance(self.rig.now_ns)
            if self.rig.bench.firmware.therapy.alarm:
                return (self.rig.now_ns - began_ns) / HOUR_NS
        return None

    def came_u(self, seconds: float) -> float:
        """Return what leaves the outlet in the next seconds."""
        from_ns = self.rig.now_ns
        self.rig.wait(seconds)
        return self.rig.ledger.outlet_u(from_ns, self.rig.now_ns)


def test_a_clamped_line_alarms_when_it_holds_compliance_times_threshold() -> None:
    run = Occluded()
    run.pins.write(CLAMP_PIN, 1)
    began_ns = run.rig.now_ns
    hours = run.hours_to_alarm()
    stored_u = EXACT.line_compliance_ul_per_kpa * EXACT.occlusion_kpa / EXACT.ul_per_u  # 2.77 U, as the guide says
    assert hours == pytest.approx(stored_u, abs=0.05)
    assert run.rig.ledger.outlet_u(began_ns, run.rig.now_ns) == pytest.approx(0.0, abs=1e-9)
    run.pins.write(CLAMP_PIN, 0)
    assert run.came_u(300.0) == pytest.approx(hours, abs=0.03)
    assert run.came_u(3600.0) == pytest.approx(0.0, abs=1e-6)  # an alarm stops the pump


def test_the_missed_volume_hardly_depends_on_the_rate() -> None:
    volumes = []
    for rate in (1.0, 4.0):
        run = Occluded(rate_u_per_h=rate)
        run.pins.write(CLAMP_PIN, 1)
        hours = run.hours_to_alarm()
        assert hours is not None
        volumes.append(hours * rate)
    assert volumes[1] == pytest.approx(volumes[0], abs=0.06)


def test_an_occlusion_alarm_stands_in_status_and_history_and_is_cleared_by_two_keys() -> None:
    run = Occluded("line.occlusion=on@30min", rate_u_per_h=10.0)
    assert run.hours_to_alarm() is not None
    firmware = run.rig.bench.firmware
    page = firmware.history.page(0)
    assert page is not None
    assert bytes((0x06, 0x04, 0, 0)) in page
    assert firmware.bolus(4, run.rig.now_ns) != 0
    firmware.press(0x01, run.rig.now_ns)
    firmware.press(0x02, run.rig.now_ns)
    assert firmware.therapy.alarm == 0
    assert run.hours_to_alarm(0.5) is not None, "it is blocked still"


def test_a_bolus_into_a_blockage_is_broken_off_and_logged_with_what_was_counted() -> None:
    run = Occluded("line.occlusion=on", rate_u_per_h=0.0)
    firmware = run.rig.bench.firmware
    assert firmware.bolus(400, run.rig.now_ns) == 0
    run.rig.wait(400.0)
    run.rig.bench.advance(run.rig.now_ns)
    assert firmware.therapy.alarm == 4
    bolus = next(each for each in run.rig.ledger.deliveries if each.kind == "bolus")
    assert 2.7 < bolus.commanded_u < 2.85
    assert bolus.end_ns is not None


@pytest.mark.parametrize(
    ("faults", "hours"),
    [
        (("line.air=10uL",), 2.766 + 10.0 * 90.7 / (101.325 + 90.7) / 10.0),  # Boyle, as in EX-21
        (("line.leak=10%",), 2.766 / 0.9),
        (("line.clamp_at=pump",), 2.766 * 0.8),
        (("line.height=100cm",), 2.766 + 0.305 * 9.789 / 10.0),
        (("pump.occlusion_alarm=160kPa",), 0.305 * 160.0 / 10.0),
        (("pump.occlusion_deaf=on",), None),
    ],
)
def test_what_delays_or_hastens_an_alarm_does_so_by_its_own_amount(
    faults: tuple[str, ...], hours: float | None
) -> None:
    run = Occluded(*faults)
    run.pins.write(CLAMP_PIN, 1)
    found = run.hours_to_alarm()
    assert found == (None if hours is None else pytest.approx(hours, abs=0.06))


def test_a_drive_that_hears_nothing_stalls_at_its_own_limit() -> None:
    run = Occluded("pump.occlusion_deaf=on", rate_u_per_h=4.0)
    run.pins.write(CLAMP_PIN, 1)
    assert run.hours_to_alarm(3.0) is None
    totals = run.rig.ledger.totals(run.rig.now_ns)
    assert totals["commanded_u"] - totals["displaced_u"] > 5.0
    run.pins.write(CLAMP_PIN, 0)
    assert run.came_u(10.0) == pytest.approx(0.305 * 172.0 / 10.0, rel=0.1)


@pytest.mark.parametrize(("resistance", "hours"), [(15.0, True), (8.0, False)])
def test_a_partial_blockage_alarms_only_where_flow_times_resistance_exceeds_the_threshold(
    resistance: float, hours: bool
) -> None:
    parameters = replace(NO_PINCH, line_compliance_ul_per_kpa=0.15, occlusion_kpa=100.0)
    run = Occluded(f"line.restriction={resistance}kPa*h/uL@30min", parameters=parameters)
    found = run.hours_to_alarm(12.0)
    # EX-20: 2.47188 h of continuous flow; a stroke of 0.25 uL is 1.7 kPa
    assert found == (pytest.approx(2.47188, abs=0.12) if hours else None)


def test_a_closing_clamp_squeezes_half_of_itself_out_and_draws_it_back() -> None:
    run = Occluded(rate_u_per_h=0.0, parameters=replace(EXACT, pinch_ul=0.3, pinch_sd=0.0))
    before = run.rig.mass_mg()
    run.pins.write(CLAMP_PIN, 1)
    run.rig.wait(20.0)
    assert run.rig.mass_mg() - before == pytest.approx(0.15, abs=0.02)
    run.pins.write(CLAMP_PIN, 0)
    run.rig.wait(20.0)
    assert run.rig.mass_mg() - before == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("by_valve", [True, False])
def test_a_disconnected_line_delivers_beside_the_vessel_and_no_alarm_comes(by_valve: bool) -> None:
    run = Occluded(*(() if by_valve else ("line.disconnect=on@30min+30min",)), rate_u_per_h=4.0)
    began_ns, before = run.rig.now_ns, run.rig.mass_mg()
    run.pins.write(AWAY_PIN, int(by_valve))
    run.rig.wait(1790.0)
    assert run.rig.mass_mg() - before == pytest.approx(0.0, abs=0.03)
    assert run.rig.ledger.outlet_u(began_ns, run.rig.now_ns) == pytest.approx(0.0, abs=0.01)
    assert run.rig.ledger.astray_u(run.rig.now_ns) == pytest.approx(2.0, abs=0.05)
    run.pins.write(AWAY_PIN, 0)
    run.rig.wait(10.0)
    assert run.came_u(1800.0) == pytest.approx(2.0, abs=0.06)
    assert run.rig.bench.firmware.therapy.alarm == 0


def test_height_moves_a_little_once_and_a_loose_plunger_lets_it_flow() -> None:
    run = Occluded("line.height=50cm@1h", rate_u_per_h=0.0)
    # 50 cm of water: 4.894 kPa; C rho g h once (EX: 0.73 uL at 0.15 uL/kPa)
    assert run.came_u(3600.0) == pytest.approx(0.305 * 4.894 / 10.0, abs=1e-3)
    assert run.came_u(3600.0) == pytest.approx(0.0, abs=1e-6)
    loose = Occluded("line.height=100cm", "line.siphon=on@30min", rate_u_per_h=0.0)
    assert loose.came_u(3600.0) == pytest.approx(5.0 * (9.789 - 2.0) / 10.0, abs=0.02)
    loose.pins.write(CLAMP_PIN, 1)
    assert loose.came_u(3600.0) == pytest.approx(0.0, abs=0.01)


@given(stored=st.floats(0.0, 80.0), air=st.floats(0.0, 50.0))
def test_stored_volume_and_pressure_are_each_other_s_inverse(stored: float, air: float) -> None:
    blockage = Blockage(EXACT, FaultSet([], 0))
    pressure = blockage.pressure_kpa(stored, air, 0)
    assert blockage.holds_ul(pressure, air, 0) == pytest.approx(stored, abs=1e-6)


@settings(max_examples=25)
@given(
    air=st.sampled_from([0.0, 3.0, 20.0]),
    moves=st.lists(
        st.tuples(st.sampled_from(["push", "clamp", "divert", "wait"]), st.floats(0.01, 900.0)), min_size=1, max_size=12
    ),
)
def test_volume_is_conserved_through_every_clamp_and_diversion(air: float, moves: list[tuple[str, float]]) -> None:
    faults = FaultSet([parse_fault("line.occlusion=on@20min+5min"), parse_fault("line.height=40cm@10min")], 0)
    if air:
        faults = FaultSet([parse_fault(f"line.air={air}uL"), parse_fault("line.occlusion=on@20min+5min")], 0)
    line = Line(EXACT, faults, 0, 0.65, seed=3)
    came = 0.0
    for deed, seconds in moves:
        to_ns = line.at_ns + round(seconds * 1e9)
        while line.next_ns < to_ns:
            came += line.advance(line.next_ns)
            came += line.turn()
        came += line.advance(to_ns)
        if deed == "push":
            line.push(line.give_way_ul(0.5))
        elif deed != "wait":
            clamp = line.blockage.clamp
            if deed == "clamp":
                clamp.closed = not clamp.closed
            else:
                clamp.diverted = not clamp.diverted
            came += line.turn()
        assert math.isfinite(line.pressure_kpa)
    assert came == pytest.approx(line.outlet_ul, abs=1e-9)
    assert line.lag_ul <= 0.5


def test_the_sealed_ledger_tells_what_went_astray(tmp_path) -> None:  # type: ignore[no-untyped-def]
    rig = Rig(parameters=NO_PINCH, faults=("line.disconnect=on",), sealed_ledger=tmp_path / "truth.json")
    rig.bench.plant_runs_at(2.0)
    rig.wait(3600.0)
    rig.bench.advance(rig.now_ns)
    rig.bench.close()
    totals = json.loads((tmp_path / "truth.json").read_text())["totals"]
    assert totals["astray_u"] == pytest.approx(2.0, abs=0.05)
    assert totals["outlet_u"] == pytest.approx(0.0, abs=1e-3)


def test_a_served_plant_follows_the_files_of_its_guardian(tmp_path) -> None:  # type: ignore[no-untyped-def]
    run = Occluded()
    wires = read_wires(["clamp=5:low", "divert=27"])
    assert wires == {5: Wire(CLAMP, 0), 27: Wire(DIVERT, 1)}
    pins = FolderPins(tmp_path, wires, run.rig.bench.pins(wires, lambda: run.rig.now_ns))
    pins.look()  # nobody has written yet
    assert run.came_u(60.0) > 0.0
    (tmp_path / "5.out").write_text("0")
    pins.look()
    run.rig.wait(60.0)
    assert run.came_u(600.0) == pytest.approx(0.0, abs=1e-6)
    (tmp_path / "5.out").write_text("1")
    pins.look()
    assert run.came_u(60.0) > 0.1


@pytest.mark.parametrize(
    "texts", [["clamp"], ["squeeze=5"], ["clamp=5:up"], ["clamp=5", "clamp=6"], ["clamp=5", "divert=5"]]
)
def test_a_valve_that_cannot_be_is_refused(texts: list[str]) -> None:
    with pytest.raises(UsageError):
        read_wires(texts)


def test_a_served_pump_follows_the_files_of_its_buttons_and_tells_of_its_alarm(tmp_path) -> None:  # type: ignore[no-untyped-def]
    run = Occluded()
    wires = read_wires(["esc=24", "act=23", "alarm=25:low"])
    assert wires == {24: Wire("esc", 1), 23: Wire("act", 1), 25: Wire("alarm", 0)}
    pins = FolderPins(tmp_path, wires, run.rig.bench.pins(wires, lambda: run.rig.now_ns))
    pins.look()
    assert (tmp_path / "25.in").read_text() == "1"
    therapy = run.rig.bench.firmware.therapy
    therapy.stop_for_alarm(4)
    pins.look()
    assert (tmp_path / "25.in").read_text() == "0"
    for pin in (24, 23):
        for level in ("1", "0"):
            (tmp_path / f"{pin}.out").write_text(level)
            pins.look()
    assert therapy.alarm == 0
    pins.look()
    assert (tmp_path / "25.in").read_text() == "1"
