"""Staircases with known answers: doses at stated times, through a line with a lag and a tail, with noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rig.analysis.doses import DoseNoise
from rig.metrology.noise import white_noise

Array = NDArray[np.float64]
DOSE_U = 0.025
MG_PER_U = 10.0
WHITE_MG = 0.02


def staircase(
    times_s: Array, doses_s: Array, sizes_u: Array, *, white_mg: float = WHITE_MG, seed: int = 1, tail: float = 0.125
) -> Array:
    """Return cumulative volume in U: each dose enters through 0.8 s and, by its tail, 15 s; white noise on top."""
    volume = np.zeros(times_s.size)
    for at_s, size_u in zip(doses_s, sizes_u, strict=True):
        first, last = np.searchsorted(times_s, (at_s, at_s + 300.0))
        since = times_s[first:last] - at_s
        volume[first:last] += size_u * (1.0 - (1.0 - tail) * np.exp(-since / 0.8) - tail * np.exp(-since / 15.0))
        volume[last:] += size_u
    noise = np.random.default_rng(seed).normal(0.0, white_mg / MG_PER_U, times_s.size)
    return np.asarray(volume + noise, dtype=np.float64)


def bench_noise(white_mg: float = WHITE_MG, interval_s: float = 10.0) -> DoseNoise:
    """Return the noise that `staircase` puts on top."""
    return DoseNoise(white_noise(white_mg, interval_s), 1.0 / MG_PER_U)


def steady(count: int, interval_s: float, phase: float = 0.4) -> Array:
    """Return dose times at even intervals, the first ``phase`` of an interval after 0."""
    return np.asarray(interval_s * (np.arange(count) + phase), dtype=np.float64)
