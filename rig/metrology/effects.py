"""Physical effects on the delivered volume and on evaporation, for forecasts and for reading a residual.

Reference sections 5.6 and 5.7. None of them corrects a result: what left the outlet left it, whatever drove it out.
They say how large a cause would have to be, and which log (pump-body temperature, height, pressure) would show it.
"""

from __future__ import annotations

import math

from rig.errors import BenchError
from rig.metrology.air import saturation_vapour_pressure_pa
from rig.metrology.checks import finite, within

GRAVITY_M_PER_S2 = 9.80665
DIFFUSIVITY_20C_M2_PER_S = 2.42e-5  # water vapour in air at 20 C (reference section 5.6, high confidence)
_M_WATER_KG_PER_MOL = 18.01528e-3
_R = 8.314472
KELVIN = 273.15


def reservoir_expansion_ul(
    reservoir_ul: float, liquid_expansion_per_k: float, reservoir_expansion_per_k: float, rise_k: float
) -> float:
    """Return what a warming reservoir pushes out: V_res (beta_l - 3 alpha) dT, in uL; negative: it sucks back.

    ``reservoir_expansion_per_k``: volumetric, 3 alpha. 3 mL of water in a rigid reservoir: 0.62 uL/K = 0.062 U/K.
    """
    volume = finite("reservoir volume", reservoir_ul, non_negative=True)
    difference = finite("expansion of the liquid", liquid_expansion_per_k) - finite(
        "expansion of the reservoir", reservoir_expansion_per_k
    )
    return volume * difference * finite("temperature rise", rise_k)


def bubble_expansion_ul(bubble_ul: float, temperature_c: float, rise_k: float) -> float:
    """Return what a warming bubble pushes out: V dT/T, in uL. 10 uL at 20 C: 0.034 uL/K."""
    kelvin = float(within("temperature of the bubble", temperature_c, -20.0, 80.0, "C", source="ideal gas")) + KELVIN
    return finite("bubble", bubble_ul, non_negative=True) * finite("temperature rise", rise_k) / kelvin


def bubble_decompression_ul(bubble_ul: float, pressure_pa: float, fall_pa: float) -> float:
    """Return what a bubble pushes out when the pressure falls: V dp/p, in uL. 10 uL, 5 hPa: 0.05 uL."""
    pressure = finite("pressure", pressure_pa, positive=True)
    return finite("bubble", bubble_ul, non_negative=True) * finite("fall of pressure", fall_pa) / pressure


def height_transient_ul(compliance_ul_per_kpa: float, density_kg_per_m3: float, rise_m: float) -> float:
    """Return what a line of some compliance gives once when the outlet sinks: C rho g dh, in uL.

    0.15 uL/kPa, water, 0.5 m: 0.73 uL.
    """
    head_kpa = finite("density", density_kg_per_m3, positive=True) * GRAVITY_M_PER_S2 * finite("height", rise_m) / 1e3
    return finite("compliance", compliance_ul_per_kpa, non_negative=True) * head_kpa


def diffusive_evaporation_mg_per_h(
    diameter_mm: float, head_space_mm: float, temperature_c: float, humidity: float, *, pressure_pa: float = 101_325.0
) -> float:
    """Return the order of magnitude of what an open vessel loses: diffusion through its head space (Stefan).

    dm/dt = D p A M/(R T L) ln((p - h p_s)/(p - p_s)). ``humidity``: fraction 0..1. 20 mm wide, 20 mm of head space,
    20 C, 50 %: 12 mg/h. The diffusivity is that at 20 C; ``BenchError`` outside 10..30 C. Under oil it says nothing.
    """
    t = float(within("temperature", temperature_c, 10.0, 30.0, "C", source="diffusion of vapour"))
    h = float(within("relative humidity", humidity, 0.0, 1.0, "(fraction)", source="diffusion of vapour"))
    p = finite("pressure", pressure_pa, positive=True)
    p_s = float(saturation_vapour_pressure_pa(t))
    if p <= p_s:
        raise BenchError(f"a pressure of {p:g} Pa, at which water boils", expected=f"more than {p_s:g} Pa")
    area = math.pi / 4.0 * (finite("vessel diameter", diameter_mm, positive=True) * 1e-3) ** 2
    length = finite("head space", head_space_mm, positive=True) * 1e-3
    flux = DIFFUSIVITY_20C_M2_PER_S * p * _M_WATER_KG_PER_MOL / (_R * (t + KELVIN) * length)
    return flux * area * math.log((p - h * p_s) / (p - p_s)) * 1e6 * 3600.0
