"""The noise that everything is compared with: how far two neighbouring readings lie apart when nothing happens.

The scale is taken from the blanks by a trimmed standard deviation, so that a knock at the table within a blank does not
hide the next one (a quarter of the disturbed differences would have to be large before it moved by much).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from rig.errors import BenchError
from rig.metrology.checks import FloatArray, finite

ALPHA = 1e-4  # false alarms of one detector in one clean run; eight of them stay below 1 in 1,000 (design 4.11)
TRIMMED = 0.05  # share of the largest differences that is left out of the scale
# Standard deviation of a normal variable within its central 95 %: sqrt(1 - 2 x 1.960 phi(1.960)/0.95) = 0.8711.
TRIMMED_SD = 0.8711
SURE_SIGMAS = 3.0  # of the scale's own uncertainty, added to every threshold
MIN_DIFFERENCES = 20
PARTS = 8  # of a blank: a level shift in one of them does not pass for noise
_NORMAL = NormalDist()


def sigmas(count: float, alpha: float = ALPHA) -> float:
    """Return z such that one of ``count`` normal values exceeds it, on one side, with probability ``alpha`` at most."""
    return -_NORMAL.inv_cdf(alpha / max(count, 1.0))


def upper_tail(z: float) -> float:
    """Return the probability that a normal value exceeds z, without loss of digits far out."""
    return 0.5 * math.erfc(z / math.sqrt(2.0))


@dataclass(frozen=True, slots=True)
class NoiseScale:
    """How readings differ from their neighbours when nothing happens.

    ``difference_mg``: standard deviation of one reading less the one before, ``interval_s`` apart; ``relative_u``: its
    own relative standard uncertainty; ``longer_mg``: the same for readings farther apart, up to an eighth of a blank.
    ``same_share``: upper bound of the share of readings that show the same digit as the
    one before, wherever in the digit the load lies.
    """

    difference_mg: float
    relative_u: float
    interval_s: float
    longer_mg: float
    same_share: float
    resolution_mg: float

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        finite("noise of a difference", self.difference_mg, positive=True)
        finite("resolution", self.resolution_mg, positive=True)
        finite("interval of the blank", self.interval_s, positive=True)

    def differences_mg(self, steps_s: FloatArray) -> FloatArray:
        """Return the standard deviation of differences over ``steps_s``, an upper bound beyond the blank's interval."""
        return np.where(steps_s > 1.5 * self.interval_s, self.longer_mg, self.difference_mg).astype(np.float64)

    @property
    def sure(self) -> float:
        """Return the factor by which thresholds are raised because the scale itself is an estimate."""
        return 1.0 + SURE_SIGMAS * self.relative_u


def noise_scale(
    blanks: Sequence[tuple[FloatArray, FloatArray]],
    resolution_mg: float,
    *,
    stated_mg: float,
) -> NoiseScale:
    """Return the scale from undisturbed readings, pairs (times in s, masses in mg) of shape (n,), one for each blank.

    Without a blank of 20 readings the stated repeatability ``stated_mg`` stands in, and the scale counts as known to a
    quarter only.
    """
    held = [(times, masses) for times, masses in blanks if times.size > MIN_DIFFERENCES]
    if not held:
        level = max(stated_mg * math.sqrt(2.0), resolution_mg / math.sqrt(6.0))
        return NoiseScale(level, 0.25, 1.0, level, _same_within(level, resolution_mg), resolution_mg)
    differences = np.concatenate([np.diff(masses) for _, masses in held])
    if not np.isfinite(differences).all():
        raise BenchError("a reading of a blank is not a number", expected="finite masses")
    interval_s = float(np.median(np.concatenate([np.diff(times) for times, _ in held])))
    level = max(_trimmed_sd(differences), resolution_mg / math.sqrt(6.0))
    parts = [part for _, masses in held for part in np.array_split(masses, PARTS)]
    spread = float(np.median([_trimmed_sd(part - np.median(part)) for part in parts]))
    same = np.abs(differences) < resolution_mg / 2.0
    following = same[1:][same[:-1]]
    count = max(following.size, 1)
    share = float(following.mean()) if following.size else 0.0
    share += SURE_SIGMAS * math.sqrt(max(share * (1.0 - share), 0.25 / count) / count)
    return NoiseScale(
        difference_mg=level,
        relative_u=1.0 / math.sqrt(differences.size),  # half the differences are worth one: neighbours share a reading
        interval_s=interval_s,
        longer_mg=max(spread * math.sqrt(2.0), level),
        same_share=min(max(share, _same_within(level, resolution_mg)), 1.0),
        resolution_mg=resolution_mg,
    )


def _trimmed_sd(values: FloatArray) -> float:
    """Return the standard deviation about zero of the central 95 %, scaled to that of a normal variable."""
    sizes = np.sort(np.abs(values))
    kept = sizes[: max(int(sizes.size * (1.0 - TRIMMED)), 1)]
    return float(np.sqrt(np.mean(kept * kept))) / TRIMMED_SD


def _same_within(difference_mg: float, resolution_mg: float) -> float:
    """Return the share of readings that show the digit in whose middle the load lies: the most there can be."""
    return 1.0 - 2.0 * upper_tail(resolution_mg / 2.0 / (difference_mg / math.sqrt(2.0)))
