"""Density of moist air: CIPM-2007, Picard et al. 2008, Metrologia 45, 149."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from rig.metrology.checks import FloatArray, within
from rig.metrology.ranges import HUMIDITY_RANGE, PRESSURE_RANGE_PA, TEMPERATURE_RANGE_C

SOURCE = "CIPM-2007, Picard et al. 2008, Metrologia 45, 149"
_R = 8.314472
_M_VAPOUR = 18.01528e-3


def unchecked_air_density_kg_per_m3(
    temperature_c: ArrayLike, pressure_pa: ArrayLike, humidity: ArrayLike, *, co2_mole_fraction: float = 0.0004
) -> FloatArray:
    """Return CIPM-2007 wherever it can be computed; whoever calls this prints what ``air_validity`` says beside it."""
    t = np.asarray(temperature_c, dtype=np.float64)
    p = np.asarray(pressure_pa, dtype=np.float64)
    x = vapour_mole_fraction(t, p, humidity)
    m_dry = (28.96546 + 12.011 * (co2_mole_fraction - 0.0004)) * 1e-3
    density = p * m_dry / (compressibility_factor(t, p, x) * _R * (t + 273.15)) * (1.0 - x * (1.0 - _M_VAPOUR / m_dry))
    return np.asarray(density, dtype=np.float64)


def saturation_vapour_pressure_pa(temperature_c: ArrayLike) -> FloatArray:
    """Return p_sv in Pa (CIPM-2007). 20 C: 2339.163 Pa."""
    kelvin = np.asarray(temperature_c, dtype=np.float64) + 273.15
    exponent = 1.2378847e-5 * kelvin**2 - 1.9121316e-2 * kelvin + 33.93711047 - 6.3431645e3 / kelvin
    return np.asarray(np.exp(exponent), dtype=np.float64)


def enhancement_factor(temperature_c: ArrayLike, pressure_pa: ArrayLike) -> FloatArray:
    """Return f (CIPM-2007), without unit. 20 C, 101 325 Pa: 1.004026."""
    t = np.asarray(temperature_c, dtype=np.float64)
    p = np.asarray(pressure_pa, dtype=np.float64)
    return np.asarray(1.00062 + 3.14e-8 * p + 5.6e-7 * t * t, dtype=np.float64)


def vapour_mole_fraction(temperature_c: ArrayLike, pressure_pa: ArrayLike, humidity: ArrayLike) -> FloatArray:
    """Return x_v = h f p_sv / p; ``humidity`` is a fraction 0..1. 20 C, 101 325 Pa, 0.5: 0.0115893."""
    h = np.asarray(humidity, dtype=np.float64)
    p = np.asarray(pressure_pa, dtype=np.float64)
    return h * enhancement_factor(temperature_c, p) * saturation_vapour_pressure_pa(temperature_c) / p


def compressibility_factor(temperature_c: ArrayLike, pressure_pa: ArrayLike, mole_fraction: ArrayLike) -> FloatArray:
    """Return Z (CIPM-2007), without unit. 20 C, 101 325 Pa, x_v 0.0115893: 0.99961477."""
    t = np.asarray(temperature_c, dtype=np.float64)
    x = np.asarray(mole_fraction, dtype=np.float64)
    ratio = np.asarray(pressure_pa, dtype=np.float64) / (t + 273.15)
    dry = 1.58123e-6 - 2.9331e-8 * t + 1.1043e-10 * t * t
    moist = (5.707e-6 - 2.051e-8 * t) * x + (1.9898e-4 - 2.376e-6 * t) * x * x
    return np.asarray(1.0 - ratio * (dry + moist) + ratio**2 * (1.83e-11 - 0.765e-8 * x * x), dtype=np.float64)


def air_density_kg_per_m3(
    temperature_c: ArrayLike, pressure_pa: ArrayLike, humidity: ArrayLike, *, co2_mole_fraction: float = 0.0004
) -> FloatArray:
    """Return the density of moist air in kg/m3 (= mg/cm3), in the broadcast shape of the inputs.

    ``humidity`` is a fraction 0..1. Valid 15..27 C, 600..1100 hPa; outside ``BenchError``. Formula uncertainty
    2.2e-5 relative. 20 C, 101 325 Pa, 0.5: 1.19931.
    """
    t = within("air temperature", temperature_c, *TEMPERATURE_RANGE_C, "C", source=SOURCE)
    p = within("air pressure", pressure_pa, *PRESSURE_RANGE_PA, "Pa", source=SOURCE)
    h = within("relative humidity", humidity, *HUMIDITY_RANGE, "(fraction)", source=SOURCE)
    within("CO2 mole fraction", co2_mole_fraction, 0.0, 0.01, "(fraction)", source=SOURCE)
    return unchecked_air_density_kg_per_m3(t, p, h, co2_mole_fraction=co2_mole_fraction)


def air_density_simple_kg_per_m3(
    temperature_c: ArrayLike, pressure_hpa: ArrayLike, humidity_pct: ArrayLike
) -> FloatArray:
    """Return the simplified air density in kg/m3, for cross-checks only (EURAMET cg-18 form, rounded coefficients).

    Valid 15..27 C, 600..1100 hPa, 20..80 %RH; outside ``BenchError``. 20 C, 1013.25 hPa, 50 %: 1.19929.
    """
    source = "simplified air density"
    t = within("air temperature", temperature_c, 15.0, 27.0, "C", source=source)
    p = within("air pressure", pressure_hpa, 600.0, 1100.0, "hPa", source=source)
    h = within("relative humidity", humidity_pct, 20.0, 80.0, "%", source=source)
    return np.asarray((0.34848 * p - 0.009 * h * np.exp(0.061 * t)) / (273.15 + t), dtype=np.float64)
