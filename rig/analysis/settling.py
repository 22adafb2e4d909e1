"""When a bolus may be closed: the rule of design 4.12, as a function of the readings so far."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rig.analysis.series import TIME_TOLERANCE_S, checked
from rig.metrology.checks import FloatArray
from rig.metrology.noise import SECONDS_PER_HOUR, NoiseModel

IndexArray: TypeAlias = NDArray[np.signedinteger]

SLOPE_WINDOW_S = 60.0
MIN_WAIT_S = 60.0
WAIT_SHARE = 0.25  # of the nominal duration
COVERAGE = 3.0


@dataclass(frozen=True, slots=True)
class Settlement:
    """The moment at which a bolus may be closed, and the slope over the 60 s before it."""

    closed_s: float
    slope_mg_per_h: float
    excess_mg_per_h: float  # slope minus the basal slope
    u_slope_mg_per_h: float


def settled(
    times_s: ArrayLike,
    masses_mg: ArrayLike,
    nominal_end_s: float,
    basal_slope_mg_per_h: float,
    noise: NoiseModel,
    *,
    nominal_duration_s: float = 0.0,
    resolution_mg: float = 0.0,
    dose_mg: float = 0.0,
) -> Settlement | None:
    """Return the earliest settlement within the readings given, or None; call again as more readings come.

    Design 4.12: at least max(60 s, 25 % of ``nominal_duration_s``) after ``nominal_end_s``, slope over the last 60 s
    within 3 u of ``basal_slope_mg_per_h`` (evaporation included: it makes it negative). u from ``noise`` and the
    display's ``resolution_mg``. With a basal running in doses of ``dose_mg`` the slope may besides lie anywhere between
    that of the fewest and of the most doses that 60 s can hold. O(n) in the readings after the nominal end.
    """
    times, masses = checked(times_s, masses_mg)
    first = int(np.searchsorted(times, nominal_end_s - TIME_TOLERANCE_S))
    times, masses = times[first:] - nominal_end_s, masses[first:]
    wait = max(MIN_WAIT_S, WAIT_SHARE * nominal_duration_s)
    if times.size < 3 or times[-1] < wait - TIME_TOLERANCE_S:
        return None
    ends = np.arange(int(np.searchsorted(times, wait - TIME_TOLERANCE_S)), times.size)
    starts = np.searchsorted(times, times[ends] - SLOPE_WINDOW_S - TIME_TOLERANCE_S)
    enough = (ends - starts >= 2) & (times[ends] - times[starts] >= 0.8 * SLOPE_WINDOW_S)
    ends, starts = ends[enough], starts[enough]
    if ends.size == 0:
        return None
    slopes = _window_slopes(times, masses - masses[0], starts, ends)
    count = int(np.median(ends - starts)) + 1
    u_slope = slope_uncertainty_mg_per_h(noise, count, SLOPE_WINDOW_S / (count - 1), resolution_mg)
    low, high = _basal_band(basal_slope_mg_per_h, dose_mg)
    good = np.flatnonzero((slopes >= low - COVERAGE * u_slope) & (slopes <= high + COVERAGE * u_slope))
    if good.size == 0:
        return None
    chosen = int(good[0])
    slope = float(slopes[chosen])
    return Settlement(float(times[ends[chosen]]) + nominal_end_s, slope, slope - basal_slope_mg_per_h, u_slope)


def slope_uncertainty_mg_per_h(noise: NoiseModel, count: int, interval_s: float, resolution_mg: float = 0.0) -> float:
    """Return u of a fitted slope in mg/h from the noise and from rounding to the display's last digit."""
    u_noise = noise.u_slope_mg_per_h(count, interval_s)
    rounding = resolution_mg / math.sqrt(12.0) * math.sqrt(12.0 / (count * (count**2 - 1.0))) / interval_s
    return math.hypot(u_noise, rounding * SECONDS_PER_HOUR)


def _window_slopes(times: FloatArray, masses: FloatArray, first: IndexArray, last: IndexArray) -> FloatArray:
    """Return the least-squares slope in mg/h of each stretch of indices [first, last], by running sums."""
    columns = np.stack((times, masses, times * times, times * masses))
    sums = np.concatenate((np.zeros((4, 1)), np.cumsum(columns, axis=1)), axis=1)
    t, m, tt, tm = sums[:, last + 1] - sums[:, first]
    n = (last - first + 1).astype(np.float64)
    return np.asarray((tm - t * m / n) / (tt - t * t / n) * SECONDS_PER_HOUR, dtype=np.float64)


def _basal_band(basal_slope_mg_per_h: float, dose_mg: float) -> tuple[float, float]:
    """Return the slopes that doses of a running basal can show; a step of q fitted over L shows up to 1.5 q/L."""
    if dose_mg <= 0.0 or basal_slope_mg_per_h <= 0.0:
        return basal_slope_mg_per_h, basal_slope_mg_per_h
    doses = basal_slope_mg_per_h / SECONDS_PER_HOUR * SLOPE_WINDOW_S / dose_mg
    per_dose = dose_mg / SLOPE_WINDOW_S * SECONDS_PER_HOUR
    most = math.ceil(doses) * per_dose * (1.5 if doses <= 1.0 else 1.0)
    return math.floor(doses) * per_dose, max(most, basal_slope_mg_per_h)
