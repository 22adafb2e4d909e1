"""Density of water: Tanaka et al. 2001, Metrologia 38, 301 (recommended by CIPM), 0..40 C."""

from __future__ import annotations

from numpy.typing import ArrayLike

from rig.metrology.checks import FloatArray, within
from rig.metrology.ranges import WATER_RANGE_C

SOURCE = "Tanaka et al. 2001, Metrologia 38, 301"
_A1, _A2, _A3, _A4, _A5 = -3.983035, 301.797, 522528.9, 69.34881, 999.974950


def water_density_kg_per_m3(
    temperature_c: ArrayLike, *, pressure_pa: ArrayLike = 101_325.0, air_saturated: bool = False
) -> FloatArray:
    """Return the density of water in kg/m3 (= mg/cm3), in the shape of the inputs.

    Air-free unless ``air_saturated``; compressibility matters only far from 101 325 Pa. Valid 0..40 C and
    50..120 kPa; outside ``BenchError``. Standard uncertainty of the formula: below 1e-6 relative. 20 C: 998.2067.
    """
    t = within("water temperature", temperature_c, *WATER_RANGE_C, "C", source=SOURCE)
    p = within("pressure", pressure_pa, 50_000.0, 120_000.0, "Pa", source=SOURCE)
    density: FloatArray = _A5 * (1.0 - (t + _A1) ** 2 * (t + _A2) / (_A3 * (t + _A4)))
    if air_saturated:
        density = density - 4.612e-3 + 0.106e-3 * t
    return density * (1.0 + (50.74 - 0.326 * t + 0.00416 * t * t) * 1e-11 * (p - 101_325.0))


def water_expansion_per_k(temperature_c: float) -> float:
    """Return -dln(rho)/dT in 1/K at ``temperature_c``, from the derivative of Tanaka's formula. 20 C: 2.07e-4."""
    t = float(within("water temperature", temperature_c, *WATER_RANGE_C, "C", source=SOURCE))
    shape = (t + _A1) ** 2 * (t + _A2) / (_A3 * (t + _A4))
    slope = shape * (2.0 / (t + _A1) + 1.0 / (t + _A2) - 1.0 / (t + _A4)) if t != -_A1 else 0.0
    return slope / (1.0 - shape)
