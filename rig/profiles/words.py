"""Figures of a profile in words, for the reference page."""

from __future__ import annotations

from typing import Any

from rig.profiles.bands import SpeedBand, StepBand
from rig.profiles.claims import Claim
from rig.profiles.figures import Figure
from rig.profiles.lists import Alarm, BenchResult, Fact, OcclusionCase
from rig.units import format_number

_UNITS = (  # ending of a key -> unit; the first that fits
    ("_u_per_h", "U/h"),
    ("_u_per_min", "U/min"),
    ("_u_per_ml", "U/mL"),
    ("_pct", "%"),
    ("_percent", "%"),
    ("_kpa", "kPa"),
    ("_c", "degrees C"),
    ("_u", "U"),
)


def figure_words(key: str, figure: Figure[Any]) -> str:
    """Return a figure's value with its unit, which the ending of ``key`` tells; '-' when nobody knows it."""
    return "-" if figure.value is None else value_words(key, figure.value)


def value_words(key: str, value: Any) -> str:
    """Return one value in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        unit = "U/h" if key.startswith("basal.") else "U"
        return ", ".join(item if isinstance(item, str) else _band(item, unit) for item in value)
    if isinstance(value, int | float):
        if key.endswith("_s"):
            return time_words(value)
        unit = next((unit for ending, unit in _UNITS if key.endswith(ending)), "")
        return f"{format_number(value)} {unit}".rstrip()
    return str(value)


def time_words(seconds: float) -> str:
    """Return a time in the largest unit in which it stays short."""
    if seconds < 120 or (seconds < 600 and seconds % 60):
        return f"{format_number(seconds)} s"
    if seconds < 7200 and (seconds % 3600 or seconds < 3600):
        return f"{format_number(round(seconds / 60, 1))} min"
    return f"{format_number(round(seconds / 3600, 2))} h"


def _band(band: StepBand | SpeedBand, unit: str) -> str:
    if isinstance(band, StepBand):
        start = f" from {format_number(band.from_value)}" if band.from_value else ""
        return f"{format_number(band.step)} {unit}{start}"
    speed = (
        f"{time_words(band.duration_s)} in all" if band.duration_s else f"{format_number(band.u_per_min or 0.0)} U/min"
    )
    return f"{speed} from {format_number(band.from_u)} U" if band.from_u else speed


def claim_words(claim: Claim) -> str:
    """Return a claim in words, saying whether it decides."""
    parts = [claim.text]
    if claim.limit_pct is not None:
        parts.append(f"limit +-{format_number(claim.limit_pct)} %")
    if claim.small_below_u is not None and claim.small_limit_u is not None:
        parts.append(f"below {format_number(claim.small_below_u)} U +-{format_number(claim.small_limit_u)} U")
    if claim.said_pct is not None:
        parts.append(f"said: +-{format_number(claim.said_pct)} %")
    if claim.conditions.words:
        parts.append(f"conditions: {claim.conditions.words}")
    return "; ".join([*parts, "decides" if claim.decides else "decides nothing"])


def row_words(row: Any) -> str:
    """Return one occlusion time, alarm, bench result or fact in words."""
    if isinstance(row, OcclusionCase):
        return _occlusion(row)
    if isinstance(row, BenchResult):
        return _result(row)
    if isinstance(row, Alarm):
        return f"{row.code} {row.name}".strip()
    return row.text if isinstance(row, Fact) else str(row)


def _setting(row: OcclusionCase | BenchResult) -> str:
    if row.rate_u_per_h is not None:
        return f"{format_number(row.rate_u_per_h)} U/h"
    if row.amount_u is not None:
        return f"{format_number(row.amount_u)} U"
    return ""


def _occlusion(case: OcclusionCase) -> str:
    setting = [case.kind, _setting(case)]
    if case.amount_from_u is not None:
        setting.append(f"from {format_number(case.amount_from_u)} U")
    if case.u_per_day is not None:
        setting.append(f"{format_number(case.u_per_day)} U a day")
    if case.speed_u_per_min is not None:
        setting.append(f"at {format_number(case.speed_u_per_min)} U/min")
    times = []
    for name, time_s, missed_u in (
        ("min", case.min_s, case.missed_min_u),
        ("typical", case.typical_s, case.missed_typical_u),
        ("up to", case.typical_to_s, case.missed_typical_to_u),
        ("max", case.max_s, case.missed_max_u),
    ):
        if time_s is not None:
            missed = f" ({format_number(missed_u)} U missed)" if missed_u is not None else ""
            times.append(f"{name} {time_words(time_s)}{missed}")
    return f"{' '.join(part for part in setting if part)}: {', '.join(times)}"


_MEASURES = {
    "delivered_u": ("delivered", "U"),
    "mean_error_pct": ("mean error", "%"),
    "median_absolute_error_pct": ("median absolute error", "%"),
    "within_pct": ("within", "%"),
    "outside_pct": ("outside", "%"),
    "duration_s": ("duration", "s"),
    "alarm_s": ("time to the alarm", "s"),
}


def _result(row: BenchResult) -> str:
    what, unit = _MEASURES[row.measure]
    if row.bound_pct is not None:
        what = f"{what} +-{format_number(row.bound_pct)} %"
    window = f"windows of {time_words(row.window_s)}" if row.window_s is not None else ""
    if row.doses is not None:
        window = "single doses" if row.doses == 1 else f"{row.doses} doses together"
    parts = [part for part in (_setting(row), window) if part]
    shown = "" if row.value is None else f"{format_number(row.value)} {unit}"
    if row.low is not None and row.high is not None:
        span = f" [{format_number(row.low)} to {format_number(row.high)}]"
        shown += span if row.value is not None else f"{span} {unit}"
    count = f", n = {row.count}" if row.count is not None else ""
    return f"{', '.join(parts)}{': ' if parts else ''}{what} {shown.strip()}{count}"
