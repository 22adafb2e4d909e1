"""Steps in a record of which no schedule is known: a matched filter with a stated false-alarm rate (reference 5.10)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from rig.analysis.doses import DoseNoise
from rig.analysis.series import checked
from rig.errors import UsageError
from rig.metrology.checks import FloatArray

FALSE_ALARMS_PER_RECORD = 1e-3
TRANSITION = 2  # readings left out at a step: line and filter smear it


@dataclass(frozen=True, slots=True)
class Step:
    """One sudden change of the level: its time, its size with standard uncertainty."""

    at_s: float
    size_u: float
    u_size_u: float


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps found, and the smallest that would have been: ``limit_u`` at ``false_alarms`` per record."""

    steps: tuple[Step, ...]
    limit_u: float
    false_alarms: float


def find_steps(
    times_s: ArrayLike,
    volume_u: ArrayLike,
    noise: DoseNoise,
    *,
    side_s: float,
    drift_u_per_h: float = 0.0,
    false_alarms: float = FALSE_ALARMS_PER_RECORD,
) -> Steps:
    """Return the steps of an evenly sampled record, cumulative volume in U, shape (n,).

    At each reading the mean of those within ``side_s`` after it is compared with that of those before it, two readings
    in between left out; ``drift_u_per_h`` is taken off. The largest of a hill above the threshold is a step; its
    neighbours within ``side_s`` are its own flanks. Threshold: normal quantile at ``false_alarms`` per record over all
    readings (Bonferroni, so at most that many), times u of the difference from the noise. Steps closer than ``side_s``
    merge: choose it below the shortest interval. ``UsageError`` for a record too short for two sides.
    """
    times, volume = checked(times_s, volume_u)
    spacing = float(np.median(np.diff(times)))
    side = max(1, round(side_s / spacing))
    if times.size < 2 * side + TRANSITION:
        raise UsageError(f"{times.size} readings", expected=f"{2 * side + TRANSITION} or more for steps")
    level = volume - drift_u_per_h * (times - times[0]) / 3600.0
    differences, middles = _differences(times, level, side)
    span = (side - 1) * spacing
    u_step = noise.step_u((side, span), (side, span), (side + TRANSITION) * spacing)
    limit = float(norm.isf(false_alarms / (2.0 * differences.size))) * u_step
    steps = [Step(float(middles[k]), float(differences[k]), u_step) for k in _summits(differences, limit, side)]
    return Steps(tuple(steps), limit, false_alarms)


def _differences(times: FloatArray, level: FloatArray, side: int) -> tuple[FloatArray, FloatArray]:
    """Return mean after less mean before, and the time between, for every place where both fit."""
    sums = np.concatenate(([0.0], np.cumsum(level - level[0])))
    means = (sums[side:] - sums[:-side]) / side
    count = times.size - 2 * side - TRANSITION + 1
    before, after = means[:count], means[side + TRANSITION : side + TRANSITION + count]
    half = TRANSITION // 2
    middles = (times[side + half - 1 : side + half - 1 + count] + times[side + half : side + half + count]) / 2.0
    return after - before, np.asarray(middles, dtype=np.float64)


def _summits(differences: FloatArray, limit: float, side: int) -> list[int]:
    """Return the places of the largest differences above the limit, none within ``side`` readings of a larger one."""
    size = np.abs(differences)
    candidates = np.flatnonzero(size > limit)
    kept: list[int] = []
    blocked = np.zeros(size.size, dtype=np.bool_)
    for k in candidates[np.argsort(-size[candidates], kind="stable")]:
        if not blocked[k]:
            kept.append(_centre(size, int(k), side))
            blocked[max(0, int(k) - side - TRANSITION) : int(k) + side + TRANSITION + 1] = True
    return sorted(kept)


def _centre(size: FloatArray, summit: int, side: int) -> int:
    """Return the centre of a flat summit: a clean step shows its full height at several places."""
    near = size[max(0, summit - side) : summit + side + 1]
    flat = np.flatnonzero(near >= size[summit] * (1.0 - 1e-9)) + max(0, summit - side)
    return int(flat[flat.size // 2]) if math.isfinite(size[summit]) else summit
