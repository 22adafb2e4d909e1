"""Published values of water and air density, and the edges of their validity."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import BenchError
from rig.metrology.air import (
    air_density_kg_per_m3,
    air_density_simple_kg_per_m3,
    compressibility_factor,
    enhancement_factor,
    saturation_vapour_pressure_pa,
    vapour_mole_fraction,
)
from rig.metrology.water import water_density_kg_per_m3, water_expansion_per_k

# EX-07: t C, rho_w kg/m3, air-saturated, -dln(rho)/dT 1/K
WATER = [
    (4, 999.9749, 999.9708, None),
    (10, 999.7027, 999.6991, 0.88e-4),
    (15, 999.1026, 999.0995, 1.51e-4),
    (20, 998.2067, 998.2043, 2.07e-4),
    (22, 997.7730, 997.7707, 2.28e-4),
    (23, 997.5408, 997.5387, 2.38e-4),
    (25, 997.0470, 997.0451, 2.57e-4),
    (30, 995.6488, 995.6474, 3.03e-4),
    (37, 993.3290, 993.3283, 3.62e-4),
]

# EX-08: t C, p Pa, h, p_sv Pa, f, x_v, Z, rho_a full, rho_a simple
AIR = [
    (20, 101325, 0.50, 2339.163, 1.004026, 0.0115893, 0.99961477, 1.19931, 1.19929),
    (22, 100000, 0.45, 2645.180, 1.004031, 0.0119513, 0.99963838, 1.17542, 1.17544),
    (15, 101325, 0.50, 1705.669, 1.003928, 0.0084499, 0.99957200, 1.22163, 1.22150),
    (25, 101325, 0.50, 3169.757, 1.004152, 0.0157065, 0.99965084, 1.17732, 1.17736),
    (23, 95000, 0.40, 2810.905, 1.003899, 0.0118815, 0.99966572, 1.11288, 1.11292),
    (20, 96000, 0.60, 2339.163, 1.003858, 0.0146762, 0.99962547, 1.13494, 1.13495),
    (20, 75000, 0.50, 2339.163, 1.003199, 0.0156443, 0.99970463, 0.88628, 0.88636),
]


@pytest.mark.parametrize(("t", "rho", "saturated", "expansion"), WATER)
def test_water_density_agrees_with_the_published_table(
    t: float, rho: float, saturated: float, expansion: float | None
) -> None:
    assert float(water_density_kg_per_m3(t)) == pytest.approx(rho, abs=5.1e-5)
    assert float(water_density_kg_per_m3(t, air_saturated=True)) == pytest.approx(saturated, abs=5.1e-5)
    if expansion is not None:
        assert water_expansion_per_k(t) == pytest.approx(expansion, abs=0.0051e-4)
    else:
        assert abs(water_expansion_per_k(t)) < 1e-6


@given(st.floats(min_value=0.05, max_value=39.95))
def test_the_expansion_of_water_is_the_derivative_of_its_density(t: float) -> None:
    step = 0.01
    low, high = (float(water_density_kg_per_m3(t + delta)) for delta in (-step, step))
    assert water_expansion_per_k(t) == pytest.approx(-(math.log(high) - math.log(low)) / (2 * step), abs=2e-8)


def test_compressibility_lowers_the_density_a_little_on_a_mountain() -> None:
    ratio = float(water_density_kg_per_m3(20, pressure_pa=90_000)) / float(water_density_kg_per_m3(20)) - 1
    assert ratio == pytest.approx(-5.2e-6, abs=0.05e-6)


@given(st.integers(min_value=0, max_value=40_000))
def test_water_density_agrees_with_high_precision_decimals(milli_celsius: int) -> None:
    getcontext().prec = 40
    t = Decimal(milli_celsius) / 1000
    a1, a2, a3, a4, a5 = (Decimal(x) for x in ("-3.983035", "301.797", "522528.9", "69.34881", "999.974950"))
    exact = a5 * (1 - (t + a1) ** 2 * (t + a2) / (a3 * (t + a4)))
    assert float(water_density_kg_per_m3(milli_celsius / 1000)) == pytest.approx(float(exact), rel=1e-14)


@pytest.mark.parametrize(("t", "p", "h", "p_sv", "f", "x_v", "z", "full", "simple"), AIR)
def test_air_density_agrees_with_the_worked_table_step_by_step(
    t: float, p: float, h: float, p_sv: float, f: float, x_v: float, z: float, full: float, simple: float
) -> None:
    assert float(saturation_vapour_pressure_pa(t)) == pytest.approx(p_sv, abs=5.1e-4)
    assert float(enhancement_factor(t, p)) == pytest.approx(f, abs=5.1e-7)
    assert float(vapour_mole_fraction(t, p, h)) == pytest.approx(x_v, abs=5.1e-8)
    assert float(compressibility_factor(t, p, vapour_mole_fraction(t, p, h))) == pytest.approx(z, abs=5.1e-9)
    assert float(air_density_kg_per_m3(t, p, h)) == pytest.approx(full, abs=5.1e-6)
    assert float(air_density_simple_kg_per_m3(t, p / 100, h * 100)) == pytest.approx(simple, abs=5.1e-6)


def test_more_carbon_dioxide_makes_heavier_air() -> None:
    usual = float(air_density_kg_per_m3(20, 101325, 0.5))
    rich = float(air_density_kg_per_m3(20, 101325, 0.5, co2_mole_fraction=0.0008))
    assert rich / usual - 1 == pytest.approx(12.011 * 0.0004 / 28.96546, rel=0.01)


def test_relative_sensitivities_of_air_density_are_those_of_the_reference() -> None:
    def ln(t: float, p: float, h: float) -> float:
        return math.log(float(air_density_kg_per_m3(t, p, h)))

    assert (ln(20, 101425, 0.5) - ln(20, 101225, 0.5)) / 2 == pytest.approx(9.92e-4, rel=0.01)
    assert (ln(20.5, 101325, 0.5) - ln(19.5, 101325, 0.5)) == pytest.approx(-3.69e-3, rel=0.01)
    assert (ln(20, 101325, 0.51) - ln(20, 101325, 0.49)) / 2 == pytest.approx(-8.7e-5, rel=0.01)


@pytest.mark.parametrize(
    ("t", "p", "h"),
    [(14.99, 101325, 0.5), (27.01, 101325, 0.5), (20, 59_999, 0.5), (20, 101325, 1.01), (20, 101325, -0.1)],
)
def test_air_outside_the_validity_of_the_formula_is_refused(t: float, p: float, h: float) -> None:
    with pytest.raises(BenchError, match="CIPM-2007"):
        air_density_kg_per_m3(t, p, h)


@pytest.mark.parametrize("t", [-0.001, 40.001, math.nan, math.inf])
def test_water_outside_the_validity_of_the_formula_is_refused(t: float) -> None:
    with pytest.raises(BenchError, match="expected 0 to 40 C"):
        water_density_kg_per_m3(t)


def test_one_bad_element_of_an_array_is_enough_to_refuse_it() -> None:
    with pytest.raises(BenchError, match="41"):
        water_density_kg_per_m3(np.array([20.0, 41.0, 22.0]))


def test_arrays_keep_their_shape() -> None:
    assert water_density_kg_per_m3(np.full((2, 3), 20.0)).shape == (2, 3)
    assert air_density_kg_per_m3(np.array([20.0, 21.0]), 101325.0, 0.5).shape == (2,)
