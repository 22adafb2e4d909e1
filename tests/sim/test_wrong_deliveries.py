"""Pumps that deliver otherwise than they say, vessels that do not hold what comes, rooms that swing."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from rig.sim.bench import SimulatedBench
from rig.sim.parameters import HOUR_NS, PlantParameters
from rig.sim.plant.expansion import EXPANSION_U_PER_K
from rig.sim.plant.handling import TOUCH_MG_PER_K, WARM_MG_PER_K, WETTING_MM
from tests.sim.kit import EXACT, SECOND_NS, START

MINUTE_NS = 60 * SECOND_NS
TWO = ((0, 40), (29, 80))  # 1 U/h, from 14:30 on (the pump's clock begins at 14:00) 2 U/h


def bench(*faults: str, parameters: PlantParameters = EXACT) -> SimulatedBench:
    return SimulatedBench(start_local=START, faults=faults, parameters=parameters)


def profiled(*faults: str, pattern_a: int = 0) -> SimulatedBench:
    made = bench(*faults)
    made.firmware.set_profile(1, ((0, pattern_a),), 0)
    made.firmware.set_profile(0, TWO, 0)
    return made


def came(made: SimulatedBench, from_h: float, to_h: float) -> float:
    return made.ledger.commanded_u(round(from_h * HOUR_NS), round(to_h * HOUR_NS))


def shown(made: SimulatedBench, at_h: float) -> float:
    return made.display_mg(round(at_h * HOUR_NS))


def log(made: SimulatedBench) -> bytes:
    page = made.firmware.history.page(0)
    assert page is not None
    return page


def bolus(made: SimulatedBench, strokes: int, at_h: float) -> None:
    assert made.firmware.bolus(strokes, round(at_h * HOUR_NS)) == 0


# --- what the pump delivers


def test_a_pump_in_the_wrong_segment_delivers_the_next_one_s_rate_and_the_first_after_the_last() -> None:
    made = profiled("pump.wrong_segment=1")
    assert came(made, 0.0, 0.5) == pytest.approx(1.0, abs=0.03)
    assert came(made, 0.5, 1.5) == pytest.approx(1.0, abs=0.03)
    assert made.firmware.therapy.entry_now() == 1  # what it says


def test_a_wrong_segment_begins_and_ends_when_it_is_seeded() -> None:
    made = profiled("pump.wrong_segment=1@10min+10min")
    assert came(made, 0.0, 1 / 6) == pytest.approx(1 / 6, abs=0.03)
    assert came(made, 1 / 6, 1 / 3) == pytest.approx(1 / 3, abs=0.03)
    assert came(made, 1 / 3, 0.5) == pytest.approx(1 / 6, abs=0.03)


def test_a_wrong_pattern_is_delivered_while_the_selected_one_is_told() -> None:
    made = profiled("pump.wrong_pattern=a@1h", pattern_a=120)
    assert came(made, 0.5, 1.0) == pytest.approx(1.0, abs=0.03)
    assert came(made, 1.0, 2.0) == pytest.approx(3.0, abs=0.03)
    assert made.firmware.therapy.pattern == 0


def test_a_shifted_clock_changes_the_rate_too_early_and_writes_no_record() -> None:
    made, plain = profiled("pump.clock_shift=20min@5min"), profiled()
    assert came(made, 0.0, 1.0) == pytest.approx(came(plain, 0.0, 1.0) + 1 / 3, abs=0.03)
    assert made.firmware.clock.local_ns(HOUR_NS) - plain.firmware.clock.local_ns(HOUR_NS) == 1200 * SECOND_NS
    assert log(made).count(0x17) <= log(plain).count(0x17)


def test_a_temporary_basal_that_sticks_goes_on_unsaid_until_it_is_cancelled() -> None:
    made = profiled("pump.temp_stuck=on")
    assert made.firmware.temp_basal(False, 200, 1, 0) == 0
    assert came(made, 0.5, 1.5) == pytest.approx(5.0, abs=0.05)
    assert made.firmware.temp() is None
    assert made.firmware.temp_basal(False, 0, 0, round(1.5 * HOUR_NS)) == 0
    assert came(made, 1.5, 2.5) == pytest.approx(2.0, abs=0.05)


def test_a_suspend_ends_a_temporary_basal_that_sticks() -> None:
    made = profiled("pump.temp_stuck=on")
    made.firmware.temp_basal(False, 200, 1, 0)
    made.firmware.suspend(HOUR_NS)
    made.firmware.resume(HOUR_NS + MINUTE_NS)
    assert came(made, 1.1, 2.1) == pytest.approx(2.0, abs=0.05)


def test_a_repeated_bolus_comes_twice_and_stands_in_the_log_once() -> None:
    made, plain = bench("pump.bolus_repeat=1"), bench()
    for each in (made, plain):
        bolus(each, 40, 0.0)
        each.advance(HOUR_NS)
        bolus(each, 40, 1.0)
        each.advance(2 * HOUR_NS)
    assert (came(made, 0.0, 1.0), came(made, 1.0, 2.0)) == (2.0, 1.0)
    assert log(made) == log(plain)
    assert [each.programmed_u for each in made.ledger.deliveries if each.kind == "bolus"] == [1.0, None, 1.0]


def test_an_over_report_changes_the_log_and_nothing_else() -> None:
    made, plain = bench("pump.over_report=20%"), bench()
    for each in (made, plain):
        bolus(each, 40, 0.0)
        each.advance(HOUR_NS)
    assert came(made, 0.0, 1.0) == came(plain, 0.0, 1.0) == 1.0
    record = bytes((0x01, 0, 40, 0, 48))  # programmed 1.0 U, delivered 1.2 U, in steps of 0.025 U
    assert record in log(made)
    assert record not in log(plain)


def test_a_reservoir_that_is_empty_unawares_counts_on_and_displaces_nothing_more() -> None:
    made = bench("pump.empty_at=1.5U")
    made.plant_runs_at(1.0)
    assert made.ledger.outlet_u(0, 3 * HOUR_NS) == pytest.approx(1.5, abs=1e-6)
    assert came(made, 0.0, 3.0) == pytest.approx(3.0, abs=0.03)
    assert made.firmware.therapy.alarm == 0


def test_a_warmed_reservoir_gives_its_expansion_away_and_draws_it_back() -> None:
    made = bench("pump.warmed=5K@1h+3h")
    assert made.ledger.outlet_u(0, 4 * HOUR_NS) == pytest.approx(5 * EXPANSION_U_PER_K, rel=1e-3)
    assert made.ledger.outlet_u(0, 8 * HOUR_NS) == pytest.approx(0.0, abs=1e-3)
    assert made.ledger.displaced_u(0, 8 * HOUR_NS) == 0.0


# --- vessel, tube, room


def test_creeping_oil_is_lost_evenly() -> None:
    made = bench("vessel.oil_creep=0.5mg/h@1h")
    assert shown(made, 5.0) - shown(made, 1.0) == pytest.approx(-2.0, abs=0.02)


def test_beyond_its_rim_a_vessel_holds_nothing_more() -> None:
    made = bench("vessel.rim=10mg")
    made.plant_runs_at(1.0)
    assert shown(made, 4.0) - shown(made, 2.0) == pytest.approx(0.0, abs=0.02)
    assert shown(made, 4.0) == pytest.approx(10.0, abs=0.2)


def test_a_warm_vessel_seems_lighter_and_settles() -> None:
    made = bench("vessel.warm=10K@1h")
    at_rest = shown(made, 0.99)
    assert shown(made, 1.001) - at_rest == pytest.approx(-10 * WARM_MG_PER_K, abs=0.02)
    assert shown(made, 6.0) == pytest.approx(at_rest, abs=0.02)


def test_a_tube_that_touches_carries_its_share_until_it_lets_go() -> None:
    made, plain = bench("line.touch=10%@1h+2h"), bench()
    for each in (made, plain):
        each.plant_runs_at(4.0)
    before = shown(plain, 1.0)
    assert shown(made, 1.0) == pytest.approx(before, abs=0.03)
    all_of_it = shown(plain, 2.99)
    assert all_of_it - shown(made, 2.99) == pytest.approx(0.1 * (all_of_it - before), abs=0.1)
    assert shown(made, 3.01) == pytest.approx(shown(plain, 3.01), abs=0.03)


def test_a_tube_that_touches_feels_the_room_s_temperature() -> None:
    warm = replace(EXACT, temperature_wave_k=2.0)
    made, plain = bench("line.touch=1%", parameters=warm), bench(parameters=warm)
    for at_h in (3.0, 15.0):
        kelvin = made.air(round(at_h * HOUR_NS))[0] - EXACT.temperature_c
        assert shown(made, at_h) - shown(plain, at_h) - (shown(made, 0.0) - shown(plain, 0.0)) == pytest.approx(
            TOUCH_MG_PER_K * (kelvin - (made.air(0)[0] - EXACT.temperature_c)), abs=0.15
        )


def test_a_clinging_meniscus_pulls_and_slips_once_for_each_stretch_of_level() -> None:
    made, plain = bench("line.wetting=2mg"), bench()
    for each in (made, plain):
        each.plant_runs_at(30.0)
    off = [shown(plain, at / 60.0) - shown(made, at / 60.0) for at in range(0, 60, 2)]
    assert 1.5 < max(off) <= 2.05
    assert min(off) >= -0.05
    slips = sum(after < before - 1.0 for before, after in pairwise(off))
    assert slips == pytest.approx(300.0 / 312.0 / WETTING_MM, abs=1.1)  # 30 U are 300 uL over 312 mm2


def test_a_charge_jumps_and_leaks_away() -> None:
    made = bench("balance.static=2mg@1h")
    at_rest = shown(made, 0.999)
    assert shown(made, 1.0001) - at_rest == pytest.approx(2.0, abs=0.03)
    assert shown(made, 1.0 + 1 / 6) - at_rest == pytest.approx(2.0 * 0.368, abs=0.03)  # 10 min: 1/e
    assert shown(made, 3.0) == pytest.approx(at_rest, abs=0.02)


def test_a_room_that_swings_moves_air_and_reservoir() -> None:
    made = bench("room.temperature=3K")
    temperatures = [made.air(hour * HOUR_NS)[0] for hour in range(25)]
    assert max(temperatures) - min(temperatures) == pytest.approx(6.0, abs=0.1)
    left = [made.ledger.outlet_u(0, hour * HOUR_NS) for hour in range(25)]
    assert max(left) - min(left) == pytest.approx(6.0 * EXPANSION_U_PER_K, rel=0.05)


def test_a_swinging_barometer_has_the_seeded_amplitude() -> None:
    made = bench("room.pressure=10hPa")
    pressures = [made.air(hour * HOUR_NS // 2)[2] for hour in range(49)]
    assert max(pressures) - min(pressures) == pytest.approx(20.0, abs=0.4)
