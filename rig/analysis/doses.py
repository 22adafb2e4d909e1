"""Single doses in the weighing: where each one lies, how large it is, and how small one may be to be seen.

The cumulative volume of a pump is a staircase. With its dose rule known and its phase found (``rig.analysis.phase``),
each expected dose has a slot of one interval; its size is the difference of the mean levels before and after it, its
time is when half of it shows. Evaporation and buoyancy are already corrected in the volume; a line's lag and tail are
the same for neighbouring doses and cancel in their difference (reference sections 5.10, 8.2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rig.analysis.phase import DoseSchedule
from rig.analysis.series import checked
from rig.metrology.checks import FloatArray, finite
from rig.metrology.noise import NoiseModel

DETECTION_SIGMAS = 3.0  # reference section 5.10: a step is seen when q > 3 sqrt(2) s / sqrt(n)
# Parts of the interval that a level leaves out after and before a dose: line, filter, and doses early or late.
SETTLE, LEAD = 0.30, 0.20
SETTLE_S, LEAD_S = 60.0, 30.0  # once a dose's own time is known, no more than this


@dataclass(frozen=True, slots=True)
class DoseNoise:
    """What the bench alone does to a dose: noise of the blanks, display resolution, and the way from mg to U."""

    model: NoiseModel
    u_per_mg: float
    resolution_mg: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        finite("U for each mg", self.u_per_mg, positive=True)
        finite("resolution", self.resolution_mg, non_negative=True)

    @property
    def reading_u(self) -> float:
        """Standard deviation of one reading, U."""
        return math.hypot(self.model.reading_mg, self.resolution_mg / math.sqrt(12.0)) * self.u_per_mg

    def step_u(self, before: tuple[int, float], after: tuple[int, float], apart_s: float) -> float:
        """Return u of a step between two levels of (readings, span in s), in U; rounding is not averaged away."""
        noise, drift, _ = self.model.u_difference_mg(*before, *after, apart_s)
        return math.hypot(noise, drift, self.resolution_mg / math.sqrt(6.0)) * self.u_per_mg


@dataclass(frozen=True, slots=True)
class DoseRecord:
    """Every scheduled dose of one stretch: arrays of shape (n,), levels of shape (n + 1,); NaN where not known.

    ``scheduled_s``: where the schedule puts it; ``time_s``: when half of it showed, NaN for one too small to be seen.
    ``size_u`` and ``u_size_u``: the step with its standard uncertainty. ``level_u``: mean level before each dose, and
    after the last one. ``sampling_s``: time between readings.
    """

    schedule: DoseSchedule
    scheduled_s: FloatArray
    time_s: FloatArray
    size_u: FloatArray
    u_size_u: FloatArray
    level_u: FloatArray
    sampling_s: float

    @property
    def known(self) -> int:
        """Return how many doses could be measured."""
        return int(np.count_nonzero(np.isfinite(self.size_u)))

    @property
    def u_dose_u(self) -> float:
        """Return the median standard uncertainty of one dose, U; NaN when none was measured."""
        return float(np.median(self.u_size_u[np.isfinite(self.u_size_u)])) if self.known else math.nan

    @property
    def detection_limit_u(self) -> float:
        """Return the smallest single dose seen at 3 sigma, from the run's own noise: 3 u of a step (5.10)."""
        return DETECTION_SIGMAS * self.u_dose_u


@dataclass(frozen=True, slots=True)
class _Levels:
    """Means of the readings between neighbouring doses, shape (n + 1,); NaN and count 0 where there is no reading."""

    level_u: FloatArray
    at_s: FloatArray
    count: FloatArray
    span_s: FloatArray


def measure_doses(
    times_s: ArrayLike,
    volume_u: ArrayLike,
    schedule: DoseSchedule,
    noise: DoseNoise,
    *,
    holes: Sequence[tuple[float, float]] = (),
) -> DoseRecord:
    """Return time and size of every scheduled dose within the record; cumulative volume in U, shape (n,).

    Levels are first taken around the schedule, then around the doses' own times, so that one that comes early or late
    is whole. ``holes``: stretches of which nothing may be said; a dose that touches one is NaN.
    """
    times, volume = checked(times_s, volume_u)
    half = schedule.interval_s / 2.0
    scheduled = schedule.dose_times(float(times[0]) + half * SETTLE, float(times[-1]) - half * SETTLE)
    spacing = float(np.median(np.diff(times)))
    if scheduled.size == 0:
        empty = np.empty(0)
        return DoseRecord(schedule, empty, empty, empty, empty, np.full(1, np.nan), spacing)
    levels = _levels(times, volume, scheduled, schedule.interval_s, (math.inf, math.inf))
    found = _crossings(times, volume, levels, DETECTION_SIGMAS * noise.reading_u)
    own = np.where(np.isfinite(found), found, scheduled)
    levels = _levels(times, volume, own, schedule.interval_s, (SETTLE_S, LEAD_S))
    sizes = np.diff(levels.level_u)
    u_sizes = _uncertainties(levels, noise)
    for low, high in holes:
        touched = (scheduled + half > low) & (scheduled - half < high)
        sizes[touched] = u_sizes[touched] = np.nan
    seen = np.isfinite(sizes) & (sizes > DETECTION_SIGMAS * u_sizes)
    return DoseRecord(schedule, scheduled, np.where(seen, found, np.nan), sizes, u_sizes, levels.level_u, spacing)


def _levels(
    times: FloatArray, volume: FloatArray, doses: FloatArray, interval: float, most_s: tuple[float, float]
) -> _Levels:
    """Return the level before each dose and after the last; ``most_s``: the most that is left out after and before."""
    around = np.concatenate(([doses[0] - interval], doses, [doses[-1] + interval]))
    gaps = np.diff(around)
    low = np.searchsorted(times, around[:-1] + np.minimum(SETTLE * gaps, most_s[0]), side="left")
    high = np.searchsorted(times, around[1:] - np.minimum(LEAD * gaps, most_s[1]), side="right")
    count = np.maximum(high - low, 0)
    high = np.maximum(high, low)
    sums_v = np.concatenate(([0.0], np.cumsum(volume - volume[0])))
    sums_t = np.concatenate(([0.0], np.cumsum(times - times[0])))
    with np.errstate(invalid="ignore", divide="ignore"):
        level = (sums_v[high] - sums_v[low]) / count + volume[0]
        at = (sums_t[high] - sums_t[low]) / count + times[0]
    last = np.minimum(np.maximum(high - 1, 0), times.size - 1)
    span = np.where(count > 0, times[last] - times[np.minimum(low, times.size - 1)], np.nan)
    return _Levels(level, at, count.astype(np.float64), span)


def _uncertainties(levels: _Levels, noise: DoseNoise) -> FloatArray:
    """Return u of each step; the same numbers of readings come again and again, so each is computed once."""
    cache: dict[tuple[float, ...], float] = {}
    found = np.full(levels.count.size - 1, np.nan)
    for k in range(found.size):
        before, after = (int(levels.count[j]) for j in (k, k + 1))
        if not before or not after:
            continue
        spans = (round(float(levels.span_s[k]), 1), round(float(levels.span_s[k + 1]), 1))
        apart = round(float(levels.at_s[k + 1] - levels.at_s[k]), 0)
        key = (before, after, *spans, apart)
        if key not in cache:
            cache[key] = noise.step_u((before, spans[0]), (after, spans[1]), max(apart, 1.0))
        found[k] = cache[key]
    return found


def _crossings(times: FloatArray, volume: FloatArray, levels: _Levels, smallest_u: float) -> FloatArray:
    """Return when each step passes half its height; NaN for one smaller than ``smallest_u``."""
    found = np.full(levels.level_u.size - 1, np.nan)
    centres = np.searchsorted(times, np.nan_to_num(levels.at_s, nan=0.0))
    for k in range(found.size):
        before, after = levels.level_u[k], levels.level_u[k + 1]
        if not after - before > smallest_u:  # NaN is not above it either
            continue
        piece = slice(int(centres[k]), int(centres[k + 1]) + 1)
        inside, at = volume[piece], times[piece]
        below = int(np.count_nonzero(inside < (before + after) / 2.0))
        if 0 < below < inside.size:
            low, high = inside[below - 1], inside[below]
            share = ((before + after) / 2.0 - low) / (high - low) if high > low else 0.5
            found[k] = at[below - 1] + min(max(float(share), 0.0), 1.0) * (at[below] - at[below - 1])
    return found
