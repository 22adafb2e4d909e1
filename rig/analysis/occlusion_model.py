"""Occlusion as a lumped model: a compliance between plunger and blockage (reference section 9.1).

Units throughout: volume uL, flow uL/h, pressure kPa, compliance uL/kPa, resistance kPa h/uL, time h unless named.
Pressures are above ambient unless a name says absolute.
"""

from __future__ import annotations

import math

from rig.metrology.checks import finite

ATMOSPHERE_KPA = 101.325
_HOURS_PER_SECOND = 1.0 / 3600.0
_DOSE_ROUNDING = 1e-9  # of a dose: a volume of exactly n doses needs n, whatever the floats say


def stored_volume_ul(compliance_ul_per_kpa: float, pressure_rise_kpa: float) -> float:
    """Return V = C (P_al - P0), what a total blockage stores and at most releases. 0.15 uL/kPa, 100 kPa: 15 uL."""
    finite("compliance", compliance_ul_per_kpa, positive=True)
    return compliance_ul_per_kpa * finite("pressure rise", pressure_rise_kpa, positive=True)


def pressure_kpa(flow_ul_per_h: float, time_h: float, compliance_ul_per_kpa: float, start_kpa: float = 0.0) -> float:
    """Return P(t) = P0 + Q t/C behind a total blockage."""
    return finite("start pressure", start_kpa) + flow_ul_per_h * time_h / finite(
        "compliance", compliance_ul_per_kpa, positive=True
    )


def alarm_time_h(volume_ul: float, flow_ul_per_h: float, latency_s: float = 0.0) -> float:
    """Return t = V/Q + t_d for a total blockage; V = C (P_al - P0).

    EX-19: 15 uL at 0.5 uL/h (0.05 U/h): 30 h. EX-23: 700 uL at 12,000 uL/h with 8 s: 218 s.
    """
    finite("stored volume", volume_ul, non_negative=True)
    finite("latency", latency_s, non_negative=True)
    return volume_ul / finite("flow", flow_ul_per_h, positive=True) + latency_s * _HOURS_PER_SECOND


def pulses_to_alarm(volume_ul: float, pulse_ul: float) -> int:
    """Return n = ceil(C (P_al - P0)/q), the pulses that a pulsed pump needs to store the volume."""
    finite("stored volume", volume_ul, non_negative=True)
    return math.ceil(volume_ul / finite("pulse", pulse_ul, positive=True) - _DOSE_ROUNDING)


def partial_pressure_kpa(
    flow_ul_per_h: float,
    resistance_kpa_h_per_ul: float,
    compliance_ul_per_kpa: float,
    time_h: float,
    start_kpa: float = 0.0,
) -> float:
    """Return P(t) = P0 + Q R (1 - exp(-t/(R C))) behind a partial blockage."""
    constant_h = finite("resistance", resistance_kpa_h_per_ul, positive=True) * compliance_ul_per_kpa
    return start_kpa - flow_ul_per_h * resistance_kpa_h_per_ul * math.expm1(-time_h / constant_h)


def partial_alarm_time_h(
    flow_ul_per_h: float,
    resistance_kpa_h_per_ul: float,
    compliance_ul_per_kpa: float,
    pressure_rise_kpa: float,
    latency_s: float = 0.0,
) -> float | None:
    """Return t = -R C ln(1 - dP/(Q R)) + t_d, or None where Q R <= dP: no alarm, however long it flows.

    EX-20: 10 uL/h, 15 kPa h/uL, 0.15 uL/kPa, 100 kPa: 2.47188 h; 8 kPa h/uL: never.
    """
    flow = finite("flow", flow_ul_per_h, positive=True)
    resistance = finite("resistance", resistance_kpa_h_per_ul, positive=True)
    compliance = finite("compliance", compliance_ul_per_kpa, positive=True)
    rise = finite("pressure rise", pressure_rise_kpa, positive=True)
    if flow * resistance <= rise:
        return None
    return -resistance * compliance * math.log1p(-rise / (flow * resistance)) + latency_s * _HOURS_PER_SECOND


def undetected_resistance_kpa_h_per_ul(flow_ul_per_h: float, pressure_rise_kpa: float) -> float:
    """Return R = (P_al - P0)/Q: at this flow no blockage up to it ever raises an alarm."""
    return finite("pressure rise", pressure_rise_kpa, positive=True) / finite("flow", flow_ul_per_h, positive=True)


def startup_flow_ul_per_h(
    flow_ul_per_h: float, set_resistance_kpa_h_per_ul: float, compliance_ul_per_kpa: float, time_h: float
) -> float:
    """Return q_out(t) = Q (1 - exp(-t/(R_set C))); 95 % after 3 R_set C."""
    return -flow_ul_per_h * math.expm1(-time_h / (set_resistance_kpa_h_per_ul * compliance_ul_per_kpa))


def air_compliance_ul_per_kpa(air_ul: float, absolute_kpa: float = ATMOSPHERE_KPA) -> float:
    """Return C_air = V/P_abs of an air bubble, isothermal, for small changes. EX-21: 10 uL: 0.0987 uL/kPa."""
    return finite("air", air_ul, non_negative=True) / finite("absolute pressure", absolute_kpa, positive=True)


def air_stored_ul(air_ul: float, pressure_rise_kpa: float, absolute_kpa: float = ATMOSPHERE_KPA) -> float:
    """Return V (1 - P1/P2), what a bubble of ``air_ul`` at P1 stores when compressed (Boyle, isothermal).

    EX-21: 10 uL from 101.325 kPa by 100 kPa: 4.967 uL; the linear model says 9.87 uL.
    """
    first = finite("absolute pressure", absolute_kpa, positive=True)
    rise = finite("pressure rise", pressure_rise_kpa, non_negative=True)
    return finite("air", air_ul, non_negative=True) * rise / (first + rise)


def tube_resistance_kpa_h_per_ul(length_m: float, bore_mm: float, viscosity_mpa_s: float = 1.0016) -> float:
    """Return R = 128 mu L/(pi d^4) (Poiseuille); the viscosity defaults to water at 20 C.

    EX-22: 1.10 m of 0.40 mm: 4.87e-4 kPa h/uL; 0.25 mm: 3.19e-3.
    """
    length = finite("length", length_m, positive=True)
    bore_m = finite("bore", bore_mm, positive=True) * 1e-3
    pa_s_per_m3 = 128.0 * finite("viscosity", viscosity_mpa_s, positive=True) * 1e-3 * length / (math.pi * bore_m**4)
    return pa_s_per_m3 * 1e-9 * 1e-3 / 3600.0  # m3 to uL, Pa to kPa, s to h


def partial_resistance_kpa_h_per_ul(
    missing_ul: float, flow_ul_per_h: float, compliance_ul_per_kpa: float, elapsed_h: float = math.inf
) -> float | None:
    """Return the R of V = C Q R (1 - exp(-t/(R C))): what has stayed away ``elapsed_h`` after the blockage came.

    V/(C Q) once a partial blockage flows at Q again; the outlet's steady flow alone says nothing. None where V reaches
    Q t: nothing shows that anything flows.
    """
    missing = finite("missing volume", missing_ul, non_negative=True)
    flow = finite("flow", flow_ul_per_h, positive=True)
    compliance = finite("compliance", compliance_ul_per_kpa, positive=True)
    settled = missing / (flow * compliance)
    if math.isinf(elapsed_h) or missing == 0.0:
        return settled
    share = missing / (flow * finite("elapsed time", elapsed_h, positive=True))
    if share >= 1.0:
        return None
    # V/(Q t) = (1 - exp(-x))/x with x = t/(R C), which falls from 1 to 0: halve the interval of x.
    low, high = 0.0, 1.0 / share
    for _ in range(200):
        middle = (low + high) / 2.0
        if -math.expm1(-middle) > share * middle:
            low = middle
        else:
            high = middle
    return elapsed_h / (compliance * high)
