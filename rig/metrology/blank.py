"""A blank: the pump stopped, the outlet in place; what the balance does on its own (design 4.11)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rig.errors import BenchError
from rig.metrology.checks import FloatArray, finite
from rig.metrology.noise import MIN_READINGS, SECONDS_PER_HOUR, AllanPoint, NoiseModel, allan_points, fit_noise


@dataclass(frozen=True, slots=True)
class Blank:
    """One blank, analysed.

    ``slope_mg_per_h``: least-squares slope of the readings (evaporation makes it negative); its u comes from the
    noise found by Allan variance. ``drift_mg``: slope x duration. ``wander_mg``: standard deviation of the zero drift
    over the blank's length, slope apart.
    """

    start_s: float
    end_s: float
    count: int
    slope_mg_per_h: float
    u_slope_mg_per_h: float
    drift_mg: float
    wander_mg: float
    noise: NoiseModel
    allan: tuple[AllanPoint, ...]

    @property
    def duration_s(self) -> float:
        """Length of the blank, s."""
        return self.end_s - self.start_s


def analyse_blank(times_s: ArrayLike, masses_mg: ArrayLike, resolution_mg: float) -> Blank:
    """Return slope, u(slope), noise and drift of a blank; ``times_s`` strictly increasing, both of shape (n,).

    Readings are put on an even grid of their median interval (nearest reading) for the Allan variance; the slope uses
    the readings as they are. ``BenchError``: fewer than 30 readings, not numbers, times not increasing, or more than a
    tenth of the blank missing.
    """
    times, masses = checked_blank(times_s, masses_mg)
    finite("resolution", resolution_mg, positive=True)
    interval = float(np.median(np.diff(times)))
    even = even_grid(times, masses, interval)
    noise = fit_noise(even, interval, resolution_mg)
    seconds = times - times.mean()
    slope = float(seconds @ (masses - masses.mean()) / (seconds @ seconds)) * SECONDS_PER_HOUR
    duration = float(times[-1] - times[0])
    _, wander, _ = noise.u_difference_mg(1, 0.0, 1, 0.0, min(duration, noise.length_s))
    return Blank(
        start_s=float(times[0]),
        end_s=float(times[-1]),
        count=times.size,
        slope_mg_per_h=slope,
        u_slope_mg_per_h=noise.u_slope_mg_per_h(even.size, interval),
        drift_mg=slope * duration / SECONDS_PER_HOUR,
        wander_mg=wander,
        noise=noise,
        allan=allan_points(even, interval),
    )


def checked_blank(times_s: ArrayLike, masses_mg: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return both as float64 arrays, or say what is wrong with them."""
    times = np.asarray(times_s, dtype=np.float64)
    masses = np.asarray(masses_mg, dtype=np.float64)
    if times.ndim != 1 or times.shape != masses.shape or times.size < MIN_READINGS:
        raise BenchError(
            f"a blank of {times.size} readings",
            expected=f"at least {MIN_READINGS}",
            hint="a longer blank in the scenario",
        )
    if not (np.isfinite(times).all() and np.isfinite(masses).all()):
        raise BenchError("a blank reading is not a number", expected="finite times and masses")
    if not (np.diff(times) > 0).all():
        raise BenchError("the times of a blank do not increase", expected="strictly increasing times")
    return times, masses


def even_grid(times: FloatArray, masses: FloatArray, interval_s: float) -> FloatArray:
    """Return the reading nearest to each point of an even grid; ``BenchError`` when over a tenth of it has none."""
    grid = times[0] + interval_s * np.arange(round(float(times[-1] - times[0]) / interval_s) + 1)
    right = np.clip(np.searchsorted(times, grid), 1, times.size - 1)
    nearest = np.where(grid - times[right - 1] <= times[right] - grid, right - 1, right)
    missing = np.abs(times[nearest] - grid) > 1.5 * interval_s
    if np.count_nonzero(missing) > grid.size // 10:
        raise BenchError(
            f"{np.count_nonzero(missing)} of {grid.size} expected readings are missing from a blank",
            expected="at most a tenth missing",
        )
    return np.asarray(masses[nearest], dtype=np.float64)
