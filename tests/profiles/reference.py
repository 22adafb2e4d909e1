"""Figures of the reference tables, by pump and key: (pump, key, value, mark). Times in seconds, bands as pairs."""

from __future__ import annotations

from typing import Any

_NEW_STEPS = ((0, 0.025), (1, 0.05), (10, 0.1))
_INSIGHT_STEPS = ((0, 0.05), (2, 0.1), (5, 0.2), (10, 0.5))
_SLOW_THEN_FIXED = ((0, 0.75, None), (1, 1.5, None), (7.5, None, 300))

FIGURES: tuple[tuple[str, str, Any, str], ...] = (
    # MiniMed Paradigm
    ("mmt-512", "reservoir.capacity_u", 176, "C"),
    ("mmt-712", "reservoir.capacity_u", 300, "C"),
    ("mmt-515", "delivery.dose_u", 0.05, "C"),
    ("mmt-715", "bolus.speeds", ((0, 1.5, None),), "C, M"),
    ("mmt-515", "unit.meter_valid_s", 720, "M"),
    ("mmt-512", "occlusion.missed_most_u", 3.0, "M"),
    ("mmt-522", "delivery.dose_u", 0.05, "C, P"),
    ("mmt-522", "bolus.tail_fraction", 0.0938, "P"),
    ("mmt-522", "occlusion.missed_most_u", None, "?"),
    ("mmt-522", "unit.meter_valid_s", 720, "G"),
    ("mmt-722", "delivery.max_pressure_kpa", 172, "G"),
    ("mmt-722", "basal.steps", ((0, 0.05),), "C"),
    ("mmt-722", "basal.segments_max", 48, "C, M"),
    ("mmt-722", "basal.patterns", 3, "C, M"),
    ("mmt-722", "basal.pattern_names", ("Standard", "A", "B"), "C, M"),
    ("mmt-722", "bolus.steps", ((0, 0.1),), "C"),
    ("mmt-722", "extended.min_s", 1800, "C"),
    ("mmt-722", "extended.max_s", 28800, "C"),
    ("mmt-722", "temp_basal.max_s", 86400, "C"),
    ("mmt-722", "temp_basal.max_percent", 200, "G"),
    ("mmt-722", "bolus.default_max_u", 10, "G"),
    ("mmt-722", "unit.temperature_least_c", 3, "G"),
    ("mmt-722", "unit.humidity_most_pct", 95, "G"),
    ("mmt-523", "delivery.dose_u", 0.025, "C"),
    ("mmt-723", "basal.steps", _NEW_STEPS, "C"),
    ("mmt-723", "bolus.steps", _NEW_STEPS, "C"),
    ("mmt-723", "bolus.speeds", _SLOW_THEN_FIXED, "C"),
    ("mmt-754", "bolus.speeds", _SLOW_THEN_FIXED, "C, M"),
    ("mmt-554", "bolus.max_u", 25, "C"),
    ("mmt-554", "bolus.max_u.also", 75, "M"),
    ("mmt-551", "bolus.max_u.also", 75, "M"),
    ("mmt-751", "occlusion.missed_average_u", 2.77, "M"),
    ("mmt-554", "reservoir.low_default_u", 20, "M"),
    ("mmt-554", "reservoir.low_most_u", 50, "M"),
    ("mmt-554", "reservoir.low_default_s", 28800, "M"),
    ("mmt-554", "reservoir.low_by_display", True, "M"),
    ("mmt-507", "delivery.dose_u", 0.1, "W"),
    ("mmt-507", "delivery.modulation", "frequency", "W"),
    # 600 and 700 series
    ("mmt-640g", "basal.steps", _NEW_STEPS, "C"),
    ("mmt-640g", "bolus.max_u", 75, "G"),
    ("mmt-640g", "delivery.modulation", "both", "P"),
    ("mmt-630g", "basal.patterns", 8, "M"),
    ("mmt-670g", "basal.patterns", 8, "M"),
    ("mmt-780g", "basal.patterns", None, "?"),
    ("mmt-670g", "delivery.max_pressure_kpa", 90.7, "R"),
    ("mmt-670g", "bolus.quick_speeds", ((0, 15, None),), "G"),
    ("mmt-670g", "bolus.quick_speeds.also", ((0, 14, None),), "P"),
    ("mmt-780g", "unit.insulin_action_most_s", 28800, "M"),
    # Tandem
    ("tslim-x2", "reservoir.capacity_u", 300, "W"),
    ("tslim-x2", "basal.steps", ((0, 0.001),), "C"),
    ("tslim-x2", "bolus.steps", ((0, 0.01),), "C"),
    ("tslim-x2", "delivery.modulation", "volume", "P"),
    ("tslim-x2", "temp_basal.max_percent", 250, "C"),
    ("tslim-x2", "temp_basal.max_s", 28800, "C"),
    ("tslim-x2", "temp_basal.max_s.also", 259200, "G"),
    ("tslim-x2", "reservoir.low_default_u", 20, "M"),
    ("tslim-x2", "extended.min_u", 0.4, "C"),
    # Insulet
    ("omnipod-eros", "reservoir.least_fill_u", 85, "G"),
    ("omnipod-eros", "reservoir.capacity_u", 200, "C"),
    ("omnipod-eros", "basal.min_u_per_h", 0.05, "C"),
    ("omnipod-dash", "basal.min_u_per_h", 0, "C"),
    ("omnipod-dash", "reservoir.display_exact_below_u", 50, "C"),
    ("omnipod-dash", "unit.stop_s", 288000, "C"),
    ("omnipod-dash", "fill.prime_u", 2.6, "C"),
    ("omnipod-eros", "fill.cannula_default_u", 0.5, "C"),
    ("omnipod-eros", "reservoir.low_default_u", 10, "C"),
    ("omnipod-5", "bolus.max_u", 30, "M"),
    ("omnipod-5", "unit.stop_s", 288000, "M"),
    ("omnipod-5", "delivery.max_pressure_kpa", 241, "W"),
    ("omnipod-5", "basal.default_max_u_per_h", 3, "M"),
    # Ypsomed
    ("ypsopump", "reservoir.capacity_u", 160, "G"),
    ("ypsopump", "basal.steps", ((0, 0.01), (1, 0.02), (2, 0.1), (15, 0.5)), "C"),
    ("ypsopump", "basal.max_u_per_h", 40, "C"),
    ("ypsopump", "bolus.speeds", ((0, 31.6, None),), "P"),
    ("ypsopump", "temp_basal.max_percent", 500, "C"),
    ("ypsopump", "temp_basal.max_percent.also", 200, "G"),
    # Roche
    ("accu-chek-spirit", "reservoir.capacity_u", 315, "M"),
    ("accu-chek-spirit", "delivery.period_s", 180, "M"),
    ("accu-chek-spirit", "bolus.start_delay_s", 5, "M"),
    ("accu-chek-spirit", "bolus.max_u", 25, "M"),
    ("accu-chek-combo", "basal.steps", ((0, 0.01), (1, 0.05), (10, 0.1)), "C"),
    ("accu-chek-combo", "basal.max_u_per_h", 50, "G"),
    ("accu-chek-insight", "bolus.steps", _INSIGHT_STEPS, "C"),
    ("accu-chek-insight", "basal.max_u_per_h", 25, "C"),
    ("accu-chek-solo", "basal.min_u_per_h", 0.1, "C, ?"),
    ("accu-chek-solo", "basal.min_u_per_h.also", 0.02, "C"),
    ("d-tronplus", "basal.max_u_per_h", 25, "M"),
    ("d-tronplus", "extended.max_s", 14400, "M"),
    # others
    ("dana-rs", "basal.min_u_per_h", 0.04, "C"),
    ("dana-rs", "temp_basal.min_s", 3600, "C"),
    ("dana-rs", "unit.battery_life_s", 1209600, "W"),
    ("dana-r-korean", "basal.min_u_per_h", 0.1, "C"),
    ("medtrum-nano", "basal.max_u_per_h", 25, "C"),
    ("medtrum-nano", "unit.grace_s", 28800, "W"),
    ("medtrum-300u", "basal.max_u_per_h", 30, "C"),
    ("medtrum-a6", "reservoir.capacity_u", 200, "G"),
    ("diaconn-g8", "bolus.steps", ((0, 0.01),), "C"),
    ("diaconn-g8", "extended.min_s", 600, "C"),
    ("equil", "temp_basal.max_u_per_h", 35, "C"),
    ("eopatch2", "basal.max_u_per_h", 15, "C"),
    ("animas-ping", "basal.max_u_per_h", 5, "C"),
    ("animas-vibe", "temp_basal.max_percent", 300, "C"),
    ("cellnovo", "temp_basal.step_percent", 5, "C"),
    ("modd1", "bolus.steps", ((0, 2),), "M"),
    ("modd1", "basal.max_u_per_h", 4, "M"),
    ("wellion-micro-pump", "delivery.single_fault_u", 0.25, "M"),
    ("deka-ace", "occlusion.missed_average_u", 1.0, "M"),
)

# pump, rate U/h or (bolus U, speed U/min), (min, typical, max) in s, mark
OCCLUSIONS: tuple[tuple[str, Any, tuple[float | None, float | None, float | None], str], ...] = (
    ("mmt-511", (None, 1.5), (10, 25, 120), "M"),
    ("mmt-511", 1.0, (1800, 4500, 10800), "M"),
    ("mmt-511", 0.1, (18000, 45000, 108000), "M"),
    ("mmt-554", (10, 2), (23, 49, 67), "M"),
    ("mmt-754", 1.0, (2.25 * 3600, 3.13 * 3600, 3.9 * 3600), "M"),
    ("mmt-754", 0.025, (66 * 3600, 122.73 * 3600, 189 * 3600), "M"),
    ("mmt-670g", (10, 1.5), (79, 103, 137), "R"),
    ("mmt-630g", (10, 15), (10, 14, 24), "R"),
    ("mmt-670g", 1.0, (1.5 * 3600, 2.12 * 3600, 2.8 * 3600), "R"),
    ("mmt-670g", 0.025, (50 * 3600, 112 * 3600, 178 * 3600), "R"),
    ("tslim-x2", 2.0, (None, 64 * 60, 7200), "R"),
    ("tslim-x2", 0.1, (None, (19 * 60 + 43) * 60, 36 * 3600), "R"),
    ("omnipod-5", (5, None), (None, 33 * 60, 35 * 60), "M"),
    ("omnipod-5", 1.0, (None, 3 * 3600, 5.5 * 3600), "M"),
    ("omnipod-5", 0.05, (None, 51 * 3600, 80 * 3600), "M"),
    ("d-tronplus", 1.0, (None, 2 * 3600, 8 * 3600), "M"),
    ("wellion-micro-pump", 1.0, (None, 150 * 60, 160 * 60), "M"),
    ("accu-chek-solo", 0.1, (None, (35 * 60 + 11) * 60, None), "P"),
    ("medtrum-a6", 1.0, (None, (7 * 60 + 26) * 60, None), "P"),
)

ALARMS = {
    "3": "battery out limit",
    "4": "no delivery (occlusion)",
    "5": "battery depleted",
    "6": "auto-off",
    "16": "device reset",
    "17": "device reset after battery issue",
    "21": "device reset after battery issue",
    "61": "reprogram error",
    "62": "empty reservoir",
}

PUMPS_OF_THE_REFERENCE = """
mmt-530 mmt-540 mmt-730 mmt-740
mmt-507 mmt-511 mmt-512 mmt-712 mmt-515 mmt-715 mmt-522 mmt-722 mmt-523 mmt-723 mmt-551 mmt-751 mmt-554
mmt-754 mmt-640g mmt-630g mmt-670g mmt-770g mmt-780g tslim-x2 omnipod-eros omnipod-dash omnipod-5 omnipod-go
ypsopump accu-chek-spirit accu-chek-combo accu-chek-insight accu-chek-solo d-tronplus dana-r dana-rs dana-i
dana-r-korean medtrum-nano medtrum-300u medtrum-a6 diaconn-g8 equil eopatch2 animas-vibe animas-ping cellnovo
modd1 wellion-micro-pump jewelpump deka-ace
"""
