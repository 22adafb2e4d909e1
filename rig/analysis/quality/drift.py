"""Drift that looks like the bench's: a slope at rest, and a residual that follows the room (Q-DRIFT)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rig.analysis.quality.scale import sigmas
from rig.metrology.checks import FloatArray
from rig.metrology.noise import SECONDS_PER_HOUR, NoiseModel

SETTLING_S = 120.0
SHORTEST_S = 600.0
GRID_S = 600.0
LEAST_POINTS = 40


@dataclass(frozen=True, slots=True)
class RestingSlope:
    """The slope of a stretch at rest less that of the blanks, its limit, in mg/h."""

    start_s: float
    end_s: float
    excess_mg_per_h: float
    limit_mg_per_h: float

    @property
    def drifts(self) -> bool:
        """Whether the slope is more than noise and evaporation explain."""
        return abs(self.excess_mg_per_h) > self.limit_mg_per_h


@dataclass(frozen=True, slots=True)
class Correlation:
    """Correlation of changes of a residual with changes in the room; ``limit`` for so few independent changes."""

    value: float
    independent: float
    limit: float

    @property
    def follows(self) -> bool:
        """Whether the residual follows the room by more than chance explains."""
        return abs(self.value) > self.limit


def drift_at_rest(
    times_s: FloatArray,
    masses_mg: FloatArray,
    from_s: float,
    to_s: float,
    noise: NoiseModel,
    evaporation_mg_per_h: float,
    u_evaporation_mg_per_h: float,
    tests: int = 1,
) -> RestingSlope | None:
    """Return the slope of a stretch with the pump stopped, its first 2 min left out; None below 10 min or 30 readings.

    ``evaporation_mg_per_h``: as the blanks have it, positive for a loss. ``tests``: how many stretches are looked at.
    """
    low, high = np.searchsorted(times_s, (from_s + SETTLING_S, to_s + 1e-6))
    times, masses = times_s[low:high], masses_mg[low:high]
    if times.size < 30 or times[-1] - times[0] < SHORTEST_S - SETTLING_S:
        return None
    centred = times - times.mean()
    slope = float(centred @ (masses - masses[0])) / float(centred @ centred) * SECONDS_PER_HOUR
    interval_s = float(times[-1] - times[0]) / (times.size - 1)
    u_slope = noise.u_slope_mg_per_h(int(times.size), interval_s)
    limit = sigmas(2.0 * tests) * math.hypot(u_slope, u_evaporation_mg_per_h)
    return RestingSlope(float(times[0]), float(times[-1]), slope + evaporation_mg_per_h, limit)


def correlation_with(
    times_s: FloatArray, residual: FloatArray, room_times_s: FloatArray, room: FloatArray, tests: int = 1
) -> Correlation | None:
    """Return how changes over 10 min of a residual follow those of a quantity of the room; None for too short a record.

    Means of 10 min, first differences (a slow trend that both have is no evidence), Pearson's r with the number of
    independent pairs after Bartlett, n (1 - a b)/(1 + a b) for lag-1 autocorrelations a and b. The limit is that of
    ``ALPHA`` two-sided, by Fisher's z: tanh(z/sqrt(n - 3)).
    """
    if room_times_s.size < 2:
        return None
    edges = np.arange(times_s[0], times_s[-1] + 1e-6, GRID_S)
    if edges.size < LEAST_POINTS + 2:
        return None
    at = np.searchsorted(times_s, edges)
    if (np.diff(at) < 1).any():
        return None
    sums = np.concatenate(([0.0], np.cumsum(residual - residual[0])))
    means = np.diff(sums[at]) / np.diff(at)
    middles = (edges[1:] + edges[:-1]) / 2.0
    own, other = np.diff(means), np.diff(np.interp(middles, room_times_s, room))
    if own.std() == 0.0 or other.std() == 0.0:
        return None
    value = float(np.corrcoef(own, other)[0, 1])
    both = _lag_one(own) * _lag_one(other)
    independent = own.size * min(max((1.0 - both) / (1.0 + both), 0.0), 1.0)
    if independent < 8.0:
        return None
    return Correlation(value, independent, math.tanh(sigmas(2.0 * tests) / math.sqrt(independent - 3.0)))


def _lag_one(values: FloatArray) -> float:
    centred = values - values.mean()
    return float(centred[1:] @ centred[:-1]) / float(centred @ centred)
