"""A balance filter that is too slow: edges of a bolus come later than any line makes them (Q-SMEAR)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rig.analysis.quality.scale import sigmas

# Of 1 U of a 722 9.4 % come after the nominal end of 40 s (reference, L35): the outlet trails by 3.8 s. Twice that.
LONGEST_LAG_S = 7.5


@dataclass(frozen=True, slots=True)
class Smear:
    """By how much the weighed volume trails the programme: median over ``count`` boluses, with its limit, in s."""

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
            f"the weighed volume trails by {self.lag_s:.1f} s at the end of a bolus (median of {self.count}), more "
            f"than {self.limit_s:.1f} s: a slow balance filter, or a line far softer than usual; times carry this lag"
        )


def smear_of(lags_s: Sequence[float], u_s: Sequence[float]) -> Smear | None:
    """Return the smear of some boluses: mass still to come at the nominal end over mean flow, in s, with each one's u.

    A first-order filter of time constant tau adds tau to it. The limit is 7.5 s and what the noise of a median explains
    (its standard uncertainty is 1.253 that of a mean). None without a bolus.
    """
    if not lags_s:
        return None
    u = 1.253 * float(np.sqrt(np.mean(np.square(u_s)))) / math.sqrt(len(lags_s))
    return Smear(float(np.median(lags_s)), LONGEST_LAG_S + sigmas(1.0) * u, len(lags_s))
