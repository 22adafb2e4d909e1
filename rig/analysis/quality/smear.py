"""A balance filter that is too slow: edges of a bolus come later than any line makes them (Q-SMEAR)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rig.analysis.quality.scale import sigmas
from rig.metrology.checks import FloatArray

# Of 1 U of a 722 9.4 % come after the nominal end of 40 s (reference, L35): the outlet trails by 3.8 s. More than
# half as much again is no line.
LONGEST_LAG_S = 6.0
LEAST_READINGS = 10


@dataclass(frozen=True, slots=True)
class Smear:
    """By how much the weighed flow trails its first rise: median over ``count`` boluses, with its limit, in s."""

    lag_s: float
    limit_s: float
    count: int

    @property
    def is_smeared(self) -> bool:
        """Whether the lag is longer than a line's tail explains."""
        return self.lag_s > self.limit_s

    @property
    def text(self) -> str:
        """Return it in words."""
        return (
            f"the weighed flow of a bolus trails its first rise by {self.lag_s:.1f} s (median of {self.count}), more "
            f"than {self.limit_s:.1f} s: a slow balance filter, or a line far softer than usual; times carry this lag"
        )


def edge_lag(times_s: FloatArray, masses_mg: FloatArray, amount_mg: float) -> float | None:
    """Return by how much the even flow of a bolus trails its first visible rise, in s; None where it cannot be seen.

    ``times_s``, ``masses_mg``: shape (n,), from that rise on, masses from the level before it. A straight line through
    the rise from 30 to 70 % of ``amount_mg`` meets zero so much later. Behind a first-order lag tau that is tau less
    what the noise hid of the rise, for a pump that starts late or delivers slowly too.
    """
    edges = [int(np.argmax(masses_mg >= share * amount_mg)) for share in (0.3, 0.7)]
    if edges[0] == 0 or edges[1] - edges[0] < LEAST_READINGS:
        return None
    part = slice(edges[0], edges[1] + 1)
    times, masses = times_s[part] - times_s[0], masses_mg[part]
    centred = times - times.mean()
    slope = float(centred @ masses) / float(centred @ centred)
    return float(times.mean() - masses.mean() / slope) if slope > 0.0 else None


def smear_of(lags_s: Sequence[float], u_s: Sequence[float]) -> Smear | None:
    """Return the smear of some boluses: their edge lags in s, with each one's standard uncertainty.

    The limit is 6 s and what the noise of a median explains
    (its standard uncertainty is 1.253 that of a mean). None without a bolus.
    """
    if not lags_s:
        return None
    u = 1.253 * float(np.sqrt(np.mean(np.square(u_s)))) / math.sqrt(len(lags_s))
    return Smear(float(np.median(lags_s)), LONGEST_LAG_S + sigmas(1.0) * u, len(lags_s))
