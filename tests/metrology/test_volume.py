"""Buoyancy, evaporation and the budget: worked examples EX-09 to EX-13, and invariants of the chain."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import BenchError
from rig.metrology.air import air_density_kg_per_m3
from rig.metrology.budget import Budget, Component, mean_budget, rectangular, sum_budget
from rig.metrology.buoyancy import collected_volume_ul, tube_factor, z_factor_ul_per_mg
from rig.metrology.evaporation import Evaporation, stated_evaporation
from rig.metrology.inputs import (
    AirState,
    AmbientStats,
    BalanceSpec,
    LiquidSpec,
    TubeSpec,
    VesselSpec,
    air_density_at,
    ambient_stats,
    water,
)
from rig.metrology.monte_carlo import Derived, propagate
from rig.metrology.noise import NoiseModel
from rig.metrology.volume import (
    SENSITIVITY_DRIFT,
    SENSITIVITY_DRIFT_SEEN,
    Level,
    MassChange,
    WeighingChain,
    volume_curve_ul,
    volume_from_mass,
)
from rig.metrology.water import water_density_kg_per_m3
from rig.readings import Ambient

STANDARD_AIR = AirState(20.0, 50.0, 1013.25)
BALANCE = BalanceSpec(repeatability_mg=0.02, resolution_mg=0.01)


def still_air(state: AirState = STANDARD_AIR, end: AirState | None = None) -> AmbientStats:
    return AmbientStats(state, end or state, 0.5, 5.0, 1.0, 0.0, 0.0, 0.0, "stated")


def pure_water() -> LiquidSpec:
    return water(20.0, 0.5 / math.sqrt(3.0), air_saturated=False)


@pytest.mark.parametrize(
    ("t", "p_hpa", "h", "expected"),
    [
        (15, 1013.25, 0.5, 1.001970),
        (20, 1013.25, 0.5, 1.002851),
        (20, 960, 0.5, 1.002795),
        (20, 800, 0.5, 1.002628),
        (22, 1013.25, 0.5, 1.003280),
        (25, 1013.25, 0.5, 1.003999),
        (22, 1000, 0.45, 1.003267),
    ],
)
def test_z_factor_agrees_with_the_iso_8655_table(t: float, p_hpa: float, h: float, expected: float) -> None:
    z = z_factor_ul_per_mg(float(water_density_kg_per_m3(t)), float(air_density_kg_per_m3(t, p_hpa * 100, h)))
    assert z == pytest.approx(expected, abs=1e-6)


def test_z_factor_at_30_c_is_refused_with_cipm_air_and_right_with_given_air() -> None:
    with pytest.raises(BenchError):
        air_density_kg_per_m3(30, 101325, 0.5)
    assert z_factor_ul_per_mg(float(water_density_kg_per_m3(30)), 1.1558) == pytest.approx(1.005392, abs=2e-6)


@pytest.mark.parametrize(
    ("dose_u", "reading_mg"),
    [
        (0.025, 0.2493),
        (0.05, 0.4986),
        (0.1, 0.9972),
        (0.2, 1.9943),
        (1, 9.9716),
        (5, 49.858),
        (10, 99.716),
        (25, 249.289),
    ],
)
def test_the_expected_readings_of_the_reference_give_their_doses_back(dose_u: float, reading_mg: float) -> None:
    change = MassChange(Level(0.0, 0.0), Level(reading_mg, 60.0))
    result = volume_from_mass(change, WeighingChain(BALANCE, pure_water()), still_air())
    assert result.volume_ul / 10 == pytest.approx(dose_u, abs=6e-6 if dose_u < 1 else 6e-5)


def test_a_quarter_unit_reads_2_49289_mg() -> None:
    change = MassChange(Level(100.0, 0.0), Level(102.49289, 60.0))
    result = volume_from_mass(change, WeighingChain(BALANCE, pure_water()), still_air())
    assert result.volume_ul == pytest.approx(2.5000, abs=5e-5)


def test_a_falling_barometer_is_taken_out_of_the_vessel() -> None:
    """EX-10."""
    end = replace(STANDARD_AIR, pressure_hpa=1008.25)
    rho = [state.density_kg_per_m3() for state in (STANDARD_AIR, end)]
    assert rho == pytest.approx([1.199314, 1.193368], abs=6e-7)
    chain = WeighingChain(BALANCE, pure_water(), vessel=VesselSpec(load_cm3=15.0, gross_g=50.0))
    change = MassChange(Level(0.0, 0.0), Level(10.0608, 3600.0))
    assert volume_from_mass(change, chain, still_air(end=end)).volume_ul == pytest.approx(10.0000, abs=5.1e-5)
    naive = 10.0608 * z_factor_ul_per_mg(998.2067, rho[0])
    assert naive == pytest.approx(10.0895, abs=5.1e-5)


@pytest.mark.parametrize(
    ("tube", "vessel", "expected"), [(1.2, 20, 0.9964), (1.2, 10, 0.9856), (0.8, 20, 0.9984), (0.9, 15, 0.9964)]
)
def test_an_immersed_tube_is_corrected(tube: float, vessel: float, expected: float) -> None:
    """EX-11."""
    assert tube_factor(tube, vessel) == pytest.approx(expected, abs=5e-7)
    chain = WeighingChain(
        BALANCE, pure_water(), vessel=VesselSpec(0.0, 10.0, inner_diameter_mm=vessel), tube=TubeSpec(tube)
    )
    change = MassChange(Level(0.0, 0.0), Level(9.9716, 60.0))
    result = volume_from_mass(change, chain, still_air())
    assert result.volume_ul == pytest.approx(10.0 * expected, abs=6e-5)
    lines = {line.name: line for line in result.budget.lines()}
    assert lines["immersed tube"].contribution == pytest.approx(10.0 * 0.1 * (1.0 - expected), rel=1e-4)


def test_evaporation_is_added_back() -> None:
    """EX-12."""
    chain = WeighingChain(BALANCE, pure_water(), evaporation=Evaporation(0.015, 0.0))
    change = MassChange(Level(0.0, 0.0), Level(5.9, 6 * 3600.0))
    result = volume_from_mass(change, chain, still_air())
    assert result.mass_mg == pytest.approx(5.990, abs=1e-9)
    assert result.volume_ul == pytest.approx(6.00708, abs=5.1e-6)
    assert 100 * (result.volume_ul / 6 - 1) == pytest.approx(0.118, abs=5.1e-4)
    bare = volume_from_mass(change, replace(chain, evaporation=None), still_air())
    assert 100 * (bare.volume_ul / 6 - 1) == pytest.approx(-1.386, abs=5.1e-4)


def test_the_budget_of_one_hour_at_1_u_per_h_is_that_of_the_reference() -> None:
    """EX-13: reference section 5.9 for a 0.01 mg balance, in mg."""
    third = math.sqrt(3.0)
    # 1 hPa of unlogged pressure is a half width; the room moves by 0.5 K.
    air = AmbientStats(STANDARD_AIR, STANDARD_AIR, 0.0, 0.0, 0.0, 0.5 / third, 0.0, 0.0, "stated")
    chain = WeighingChain(
        BalanceSpec(0.02, 0.01, linearity_rel=1e-4, sensitivity_drift_ppm_per_k=1.5),
        LiquidSpec(998.2067, 998.2067 * 2.1e-4 * 0.5 / third),
        vessel=VesselSpec(load_cm3=0.0, gross_g=50.0),
        evaporation=stated_evaporation(0.0, 0.02),
    )
    result = volume_from_mass(MassChange(Level(0.0, 0.0), Level(9.971, 3600.0)), chain, air)
    per_mg = result.volume_ul / 9.971
    got = {line.name: line.contribution / per_mg for line in result.budget.lines()}
    assert got["repeatability, both readings"] == pytest.approx(0.0283, abs=5.1e-5)
    assert got["resolution, both readings"] == pytest.approx(0.0041, abs=5.1e-5)
    assert got["evaporation"] == pytest.approx(0.0115, abs=5.1e-5)
    assert got["sensitivity drift on the gross load"] == pytest.approx(0.0217, abs=5.1e-5)
    assert got["linearity"] == pytest.approx(0.0006, abs=5.1e-5)
    assert got["liquid density"] == pytest.approx(0.0006, abs=5.1e-5)
    vessel = 15 * 0.00119 / third
    assert vessel == pytest.approx(0.0103, abs=5.1e-5)
    u_c = math.hypot(result.u_ul / per_mg, vessel)
    assert u_c == pytest.approx(0.0391, abs=5.1e-5)
    assert 2 * u_c / 9.971 * 100 == pytest.approx(0.78, abs=5.1e-3)


def test_one_hpa_of_pressure_moves_15_cm3_by_18_ug() -> None:
    air = AmbientStats(STANDARD_AIR, STANDARD_AIR, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0 / math.sqrt(3.0), "stated")
    chain = WeighingChain(BALANCE, pure_water(), vessel=VesselSpec(15.0, 50.0))
    result = volume_from_mass(MassChange(Level(0.0, 0.0), Level(9.971, 3600.0)), chain, air)
    line = {line.name: line for line in result.budget.lines()}["vessel buoyancy"]
    assert line.contribution / (result.volume_ul / 9.971) == pytest.approx(0.0103, abs=5.1e-5)


def digits_of(printed: float) -> int:
    return len(str(printed).partition(".")[2]) if printed < 10 else 1


@pytest.mark.parametrize(("rate", "percents"), [(0.05, (60.0, 15.7, 5.26, 4.67)), (1.0, (3.00, 0.78, 0.26, 0.23))])
def test_the_uncertainty_table_of_the_reference_is_reproduced(rate: float, percents: tuple[float, ...]) -> None:
    third = math.sqrt(3.0)
    air = AmbientStats(STANDARD_AIR, STANDARD_AIR, 0.0, 0.0, 0.0, 0.5 / third, 0.0, 0.0, "stated")
    chain = WeighingChain(
        BALANCE,
        LiquidSpec(998.2067, 998.2067 * 2.1e-4 * 0.5 / third),
        vessel=VesselSpec(load_cm3=0.0, gross_g=50.0),
        evaporation=stated_evaporation(0.0, 0.02),
    )
    for hours, expected in zip((0.25, 1.0, 6.0, 24.0), percents, strict=True):
        mass_mg = 9.971 * rate * hours
        result = volume_from_mass(MassChange(Level(0.0, 0.0), Level(mass_mg, hours * 3600)), chain, air)
        # The table lets the vessel feel the pressure, but not the temperature of the air.
        u_mg = math.hypot(result.u_ul / result.volume_ul * mass_mg, 15 * 0.00119 / third)
        assert 200 * u_mg / mass_mg == pytest.approx(expected, abs=0.51 * 10 ** -digits_of(expected))


def test_drift_over_a_day_is_extrapolated_from_the_blank_and_said_so() -> None:
    noise = NoiseModel(0.01, 1.0, 3600.0, random_walk_mg_per_sqrt_h=0.05)
    chain = WeighingChain(BALANCE, pure_water(), noise=noise)
    day = volume_from_mass(MassChange(Level(0.0, 0.0), Level(250.0, 25 * 3600.0)), chain, still_air())
    drift = {line.name: line.standard_uncertainty for line in day.budget.lines()}["balance zero drift"]
    assert drift == pytest.approx(0.05 * 5.0)
    assert day.notes == ("zero drift extrapolated as a random walk beyond 60 min of blank",)
    hour = volume_from_mass(MassChange(Level(0.0, 0.0), Level(10.0, 3600.0)), chain, still_air())
    assert hour.notes == ()


def test_the_mean_of_many_readings_is_better_than_one_but_not_where_they_are_correlated() -> None:
    white = NoiseModel(0.02, 1.0, 3600.0)
    sticky = NoiseModel(0.0, 1.0, 3600.0, correlated=((20.0, 0.02),))
    single, averaged = ((1, 0.0, 1, 0.0, 600.0), (16, 15.0, 16, 15.0, 600.0))
    assert white.u_difference_mg(*single)[0] == pytest.approx(0.02 * math.sqrt(2))
    assert white.u_difference_mg(*averaged)[0] == pytest.approx(0.02 * math.sqrt(2) / 4)
    assert sticky.u_difference_mg(*averaged)[0] > 0.8 * sticky.u_difference_mg(*single)[0]


masses = st.floats(min_value=-500, max_value=500)


@given(masses, masses, st.floats(min_value=-1e5, max_value=1e5), st.floats(min_value=-1e6, max_value=1e6))
def test_tare_and_time_of_day_change_nothing(start: float, end: float, tare: float, shift: float) -> None:
    chain = WeighingChain(BALANCE, pure_water(), VesselSpec(15.0, 50.0), evaporation=Evaporation(0.02, 0.01))
    here = volume_from_mass(MassChange(Level(start, 0.0), Level(end, 3600.0)), chain, still_air())
    there = volume_from_mass(
        MassChange(Level(start + tare, shift), Level(end + tare, shift + 3600.0)), chain, still_air()
    )
    assert there.volume_ul == pytest.approx(here.volume_ul, abs=1e-7)
    assert there.u_ul == pytest.approx(here.u_ul, rel=1e-6)


@given(masses, st.floats(min_value=0.1, max_value=10))
def test_scaling_the_mass_scales_the_volume(mass: float, factor: float) -> None:
    chain = WeighingChain(BALANCE, pure_water())
    one, more = (
        volume_from_mass(MassChange(Level(0.0, 0.0), Level(m, 60.0)), chain, still_air()) for m in (mass, mass * factor)
    )
    assert more.volume_ul == pytest.approx(one.volume_ul * factor, abs=1e-9)


@given(masses, masses, masses, st.floats(min_value=1013.25 - 20, max_value=1013.25 + 20))
def test_the_parts_add_up_to_the_whole_even_when_the_weather_changes(
    a: float, b: float, c: float, p_hpa: float
) -> None:
    middle = replace(STANDARD_AIR, pressure_hpa=p_hpa)
    end = replace(STANDARD_AIR, pressure_hpa=2026.5 - p_hpa)
    chain = WeighingChain(BALANCE, pure_water(), VesselSpec(15.0, 50.0), evaporation=Evaporation(0.02, 0.01))
    levels = [Level(a, 0.0), Level(b, 1800.0), Level(c, 7200.0)]
    first = volume_from_mass(MassChange(levels[0], levels[1]), chain, still_air(end=middle))
    # The second part starts with a vessel that is fuller by the first.
    fuller = replace(chain, vessel=VesselSpec(15.0 + first.volume_ul / 1000.0, 50.0))
    second = volume_from_mass(MassChange(levels[1], levels[2]), fuller, still_air(middle, end))
    whole = volume_from_mass(MassChange(levels[0], levels[2]), chain, still_air(end=end))
    # What is left is the change of rho_cal/rho_b between the parts: 25 hPa on 1.2/8000, at most 4e-6 of the mass.
    assert first.volume_ul + second.volume_ul == pytest.approx(whole.volume_ul, abs=1e-6 + 5e-6 * abs(c - b))


def test_the_curve_of_volumes_ends_where_the_single_volume_does() -> None:
    times = np.linspace(0.0, 7200.0, 50)
    readings = 100.0 + 0.0028 * times
    air = np.linspace(1.199, 1.193, 50)
    chain = WeighingChain(
        BALANCE, pure_water(), VesselSpec(15.0, 50.0, inner_diameter_mm=20.0), TubeSpec(1.2), Evaporation(0.05, 0.01)
    )
    curve = volume_curve_ul(times, readings, chain, air)
    assert curve[0] == 0.0
    single = collected_volume_ul(
        float(readings[-1] - readings[0]) + 0.1,
        liquid_density_kg_per_m3=chain.liquid.density_kg_per_m3,
        air_density_start_kg_per_m3=1.199,
        air_density_end_kg_per_m3=1.193,
        load_cm3=15.0,
        k_tube=chain.k_tube,
    )
    assert curve[-1] == pytest.approx(single, rel=1e-12)


def ambient(at_s: float, pressure_hpa: float) -> Ambient:
    return Ambient(int(at_s * 1e9), 20.0, 50.0, pressure_hpa, 0.5, 5.0, 1.0, "barometer")


def test_air_is_interpolated_between_readings_and_held_beyond_them() -> None:
    readings = [ambient(100.0, 1010.0), ambient(300.0, 1014.0)]
    stats = ambient_stats(readings, 150.0, 900.0)
    assert (stats.start.pressure_hpa, stats.end.pressure_hpa) == pytest.approx((1011.0, 1014.0))
    assert stats.source == "barometer"
    density = air_density_at(readings, [0.0, 100.0, 1000.0])
    assert density[0] == density[1] < density[2]
    shifted = ambient_stats(readings, 50.0, 800.0, origin_ns=100_000_000_000)
    assert shifted.start.pressure_hpa == pytest.approx(1011.0)


def test_stated_air_may_change_by_root_two_u_over_days_and_hardly_within_a_minute() -> None:
    days, minute = (ambient_stats([ambient(0.0, 1013.0)], 0.0, span) for span in (10 * 86400.0, 60.0))
    assert days.u_change_pressure_hpa == pytest.approx(math.sqrt(2.0), rel=1e-6)
    assert minute.u_change_pressure_hpa == pytest.approx(math.sqrt(2 * 60 / 43200), rel=1e-3)
    assert days.u_air_density_change_kg_per_m3() > minute.u_air_density_change_kg_per_m3() > 0.0


def test_no_ambient_reading_at_all_is_an_error_with_a_hint() -> None:
    with pytest.raises(BenchError, match="environment"):
        ambient_stats([], 0.0, 1.0)


def test_a_budget_combines_scales_and_sorts_its_lines() -> None:
    budget = Budget("uL", (Component("small", 1.0, "mg", 3.0), Component("large", 2.0, "K", -2.0, "A")))
    assert budget.combined == 5.0
    assert budget.expanded() == 10.0
    assert [line.name for line in budget.lines()] == ["large", "small"]
    assert budget.lines()[0].contribution == 4.0
    percent = budget.scaled(0.1, "U").scaled(100.0 / 2.0, "%")
    assert percent.unit == "%"
    assert percent.combined == pytest.approx(25.0)


def test_noise_averages_over_repeats_and_shared_errors_do_not() -> None:
    one = Budget("U", (Component("noise", 3.0, "U"), Component("density", 4.0, "U", shared=True)))
    mean = mean_budget([one] * 9)
    assert {item.name: item.contribution for item in mean.components} == pytest.approx({"noise": 1.0, "density": 4.0})
    assert sum_budget([one] * 9).combined == pytest.approx(math.hypot(9.0, 36.0))


def test_averaging_nothing_or_different_units_is_refused() -> None:
    for budgets in ([], [Budget("U", ()), Budget("uL", ())]):
        with pytest.raises(BenchError, match="cannot average"):
            mean_budget(budgets)


def test_a_rectangular_half_width_becomes_a_standard_uncertainty() -> None:
    assert rectangular(-3.0) == pytest.approx(math.sqrt(3.0))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Level(math.nan, 0.0),
        lambda: Level(0.0, 0.0, 0),
        lambda: MassChange(Level(0.0, 5.0), Level(1.0, 5.0)),
        lambda: BalanceSpec(0.02, 0.0),
        lambda: LiquidSpec(1.0, 0.1),
        lambda: tube_factor(20.0, 20.0),
        lambda: z_factor_ul_per_mg(1.0, 1.2),
        lambda: Budget("U", (Component("x", math.inf, "U"),)),
        lambda: WeighingChain(BALANCE, pure_water(), tube=TubeSpec(1.0)).k_tube,
        lambda: TubeSpec(1.0).factor(VesselSpec(1.0, 1.0)),
        lambda: volume_curve_ul([0.0, 1.0], [0.0], WeighingChain(BALANCE, pure_water()), 1.2),
        lambda: volume_curve_ul([0.0, 1.0], [0.0, math.nan], WeighingChain(BALANCE, pure_water()), 1.2),
    ],
)
def test_impossible_inputs_raise_instead_of_giving_nan(make: object) -> None:
    assert callable(make)
    with pytest.raises(BenchError):
        make()


def warming(kelvin: float, u_change_k: float = 0.0) -> AmbientStats:
    end = replace(STANDARD_AIR, temperature_c=20.0 + kelvin)
    return AmbientStats(STANDARD_AIR, end, 0.1, 5.0, 1.0, u_change_k, 0.0, 0.0, "sensor")


@pytest.mark.parametrize("kelvin", [3.0, -3.0])
def test_a_room_that_was_seen_to_warm_moves_the_gross_load_by_what_the_coefficient_allows(kelvin: float) -> None:
    """Reference section 5.9, row 5: M TK dT / sqrt(3)."""
    vessel = VesselSpec(load_cm3=0.0, gross_g=50.0)
    chain = WeighingChain(BalanceSpec(0.02, 0.01, sensitivity_drift_ppm_per_k=1.5), pure_water(), vessel=vessel)
    change = MassChange(Level(0.0, 0.0), Level(30.0, 5400.0))
    air = warming(kelvin, 0.2)
    result = volume_from_mass(change, chain, air)
    per_mg = result.volume_ul / 30.0
    lines = {item.name: item for item in result.budget.components}
    seen, unseen = lines[SENSITIVITY_DRIFT_SEEN], lines[SENSITIVITY_DRIFT]
    assert seen.contribution / per_mg == pytest.approx(50.0 * 1.5e-3 * 3.0 / math.sqrt(3.0), rel=1e-3)
    assert seen.distribution == "rectangular"
    together = math.hypot(seen.contribution, unseen.contribution) / per_mg
    assert together == pytest.approx(50.0 * 1.5e-3 * math.hypot(0.2, 3.0 / math.sqrt(3.0)), rel=1e-3)
    # A coefficient of its full size, of either sign, is within +-2u.
    assert result.model is not None
    drawn = propagate(Derived(0.0, (result.model,), (1.0,)), result.budget, result.volume_ul, draws=20_000)
    assert float(drawn.std()) == pytest.approx(result.u_ul, rel=0.02)
    assert 50.0 * 1.5e-3 * 3.0 * per_mg < 2.0 * result.u_ul


def test_a_room_that_warms_through_ten_boluses_moves_their_mean_as_far_as_each_of_them() -> None:
    chain = WeighingChain(BALANCE, pure_water(), vessel=VesselSpec(load_cm3=0.0, gross_g=50.0))
    change = MassChange(Level(0.0, 0.0), Level(10.0, 300.0))
    single = volume_from_mass(change, chain, warming(0.3)).budget
    mean = {line.name: line.contribution for line in mean_budget([single] * 10).lines()}
    each = {line.name: line.contribution for line in single.lines()}
    assert mean[SENSITIVITY_DRIFT_SEEN] == pytest.approx(each[SENSITIVITY_DRIFT_SEEN])
    assert mean["repeatability, both readings"] < each["repeatability, both readings"] / 3.0


def test_a_steady_room_adds_no_line() -> None:
    chain = WeighingChain(BALANCE, pure_water(), vessel=VesselSpec(load_cm3=0.0, gross_g=50.0))
    result = volume_from_mass(MassChange(Level(0.0, 0.0), Level(10.0, 300.0)), chain, still_air())
    assert SENSITIVITY_DRIFT_SEEN not in {line.name for line in result.budget.lines()}
