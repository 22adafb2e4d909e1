"""Every formula between reading and volume a second time, in decimals of 50 digits: they agree to 1e-12."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.metrology.air import air_density_kg_per_m3
from rig.metrology.buoyancy import collected_volume_ul, tube_factor, z_factor_ul_per_mg
from rig.metrology.model import VolumeModel
from rig.metrology.water import water_density_kg_per_m3, water_expansion_per_k

D = Decimal
AGREE = 1e-12


def water(t: Decimal, p: Decimal, *, saturated: bool) -> Decimal:
    """Tanaka et al. 2001 with air saturation and compressibility (reference section 5.2)."""
    a1, a2, a3, a4, a5 = D("-3.983035"), D("301.797"), D("522528.9"), D("69.34881"), D("999.974950")
    rho = a5 * (1 - (t + a1) ** 2 * (t + a2) / (a3 * (t + a4)))
    if saturated:
        rho += D("-4.612e-3") + D("0.106e-3") * t
    return rho * (1 + (D("50.74") - D("0.326") * t + D("0.00416") * t * t) * D("1e-11") * (p - D("101325")))


def air(t: Decimal, p: Decimal, h: Decimal) -> Decimal:
    """CIPM-2007 (reference section 5.4)."""
    kelvin = t + D("273.15")
    p_sv = (
        D("1.2378847e-5") * kelvin**2 - D("1.9121316e-2") * kelvin + D("33.93711047") - D("6.3431645e3") / kelvin
    ).exp()
    f = D("1.00062") + D("3.14e-8") * p + D("5.6e-7") * t * t
    x = h * f * p_sv / p
    ratio = p / kelvin
    dry = D("1.58123e-6") - D("2.9331e-8") * t + D("1.1043e-10") * t * t
    moist = (D("5.707e-6") - D("2.051e-8") * t) * x + (D("1.9898e-4") - D("2.376e-6") * t) * x * x
    z = 1 - ratio * (dry + moist) + ratio**2 * (D("1.83e-11") - D("0.765e-8") * x * x)
    m_a, m_v, r = D("28.96546e-3"), D("18.01528e-3"), D("8.314472")
    return p * m_a / (z * r * kelvin) * (1 - x * (1 - m_v / m_a))


temperatures = st.integers(15_000, 27_000)
pressures = st.integers(60_000, 110_000)
humidities = st.integers(0, 1000)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40_000), pressures, st.booleans())
def test_water_agrees_with_fifty_digits(milli_c: int, pascal: int, saturated: bool) -> None:
    with localcontext() as context:
        context.prec = 50
        exact = water(D(milli_c) / 1000, D(pascal), saturated=saturated)
    got = float(water_density_kg_per_m3(milli_c / 1000, pressure_pa=pascal, air_saturated=saturated))
    assert got == pytest.approx(float(exact), rel=AGREE)


@settings(max_examples=60, deadline=None)
@given(temperatures, pressures, humidities)
def test_air_agrees_with_fifty_digits(milli_c: int, pascal: int, per_mille: int) -> None:
    with localcontext() as context:
        context.prec = 50
        exact = air(D(milli_c) / 1000, D(pascal), D(per_mille) / 1000)
    assert float(air_density_kg_per_m3(milli_c / 1000, pascal, per_mille / 1000)) == pytest.approx(
        float(exact), rel=AGREE
    )


@settings(max_examples=40, deadline=None)
@given(temperatures, pressures, humidities)
def test_the_z_factor_agrees_with_fifty_digits(milli_c: int, pascal: int, per_mille: int) -> None:
    with localcontext() as context:
        context.prec = 50
        t, p, h = D(milli_c) / 1000, D(pascal), D(per_mille) / 1000
        rho_a, rho_l = air(t, p, h), water(t, p, saturated=True)
        exact = 1000 * (1 - rho_a / 8000) / (rho_l - rho_a)
    rho_l_float = float(water_density_kg_per_m3(milli_c / 1000, pressure_pa=pascal, air_saturated=True))
    rho_a_float = float(air_density_kg_per_m3(milli_c / 1000, pascal, per_mille / 1000))
    assert z_factor_ul_per_mg(rho_l_float, rho_a_float) == pytest.approx(float(exact), rel=AGREE)


@settings(max_examples=60, deadline=None)
@given(
    temperatures,
    pressures,
    pressures,
    st.integers(1, 50_000),  # reading in 0.01 mg
    st.integers(-100, 100),  # evaporation in 0.01 mg/h
    st.integers(1, 48),
    st.integers(0, 300),  # load in 0.1 cm3
)
def test_the_whole_of_section_5_1_agrees_with_fifty_digits(
    milli_c: int, pascal_1: int, pascal_2: int, reading: int, evaporation: int, hours: int, load: int
) -> None:
    with localcontext() as context:
        context.prec = 50
        t, h = D(milli_c) / 1000, D("0.45")
        rho_1, rho_2 = air(t, D(pascal_1), h), air(t, D(pascal_2), h)
        rho_l = water(t, D(pascal_1), saturated=True)
        mass = D(reading) / 100 + D(evaporation) / 100 * hours
        k = 1 - (D("1.2") / 20) ** 2
        terms = (mass * (1 - rho_1 / 8000), (rho_2 - rho_1) * D(load) / 10)
        exact = 1000 * (terms[0] + terms[1]) / (rho_l - rho_2) * k
        size = 1000 * max(abs(each) for each in terms) / (rho_l - rho_2)  # the two terms may cancel
    rho_1f, rho_2f = (float(air_density_kg_per_m3(milli_c / 1000, p, 0.45)) for p in (pascal_1, pascal_2))
    rho_lf = float(water_density_kg_per_m3(milli_c / 1000, pressure_pa=pascal_1, air_saturated=True))
    k_float = tube_factor(1.2, 20)
    model = VolumeModel(
        0.0, reading / 100, float(hours), evaporation / 100, rho_1f, rho_2f, rho_lf, load_cm3=load / 10, k_tube=k_float
    )
    assert float(model.volume_ul()) == pytest.approx(float(exact), rel=AGREE, abs=AGREE * float(size) * 30)
    short = collected_volume_ul(
        reading / 100 + evaporation / 100 * hours,
        liquid_density_kg_per_m3=rho_lf,
        air_density_start_kg_per_m3=rho_1f,
        air_density_end_kg_per_m3=rho_2f,
        load_cm3=load / 10,
        k_tube=tube_factor(1.2, 20),
    )
    assert short == pytest.approx(float(exact), rel=AGREE, abs=AGREE * float(size) * 30)


@pytest.mark.parametrize("t", ["0", "3.98", "4", "20", "37", "40"])
def test_the_expansion_of_water_agrees_with_a_difference_of_fifty_digits(t: str) -> None:
    with localcontext() as context:
        context.prec = 50
        step, p = D("1e-12"), D("101325")
        low, high = (water(D(t) + sign * step, p, saturated=False) for sign in (-1, 1))
        exact = -(high.ln() - low.ln()) / (2 * step)
    assert water_expansion_per_k(float(t)) == pytest.approx(float(exact), rel=1e-9, abs=1e-16)
