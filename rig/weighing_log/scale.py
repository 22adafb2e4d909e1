"""A log that goes over from mg to g (or back) without saying so."""

from __future__ import annotations

import numpy as np

from rig.metrology.checks import FloatArray

FACTOR = 1000.0
NEAR = 1.2  # the readings on both sides are a thousand apart, within a fifth
NEIGHBOURS = 50  # readings on each side whose steps are compared
FEWEST = 2
_BLOCK = 65_536


def changed_unit(masses_mg: FloatArray) -> int | None:
    """Return the index of the first reading in another unit, None when there is none.

    Two things have to come together, so that neither a bolus nor a tared balance is taken for it: the reading jumps by
    a factor of 1000 (within a fifth), and so does the median size of the steps between readings.
    """
    for first in range(0, masses_mg.size - 1, _BLOCK):
        piece = np.abs(masses_mg[first : first + _BLOCK + 1])
        low, high = np.minimum(piece[1:], piece[:-1]), np.maximum(piece[1:], piece[:-1])
        jumps = np.flatnonzero((high < FACTOR * NEAR * low) & (high > FACTOR / NEAR * low)) + first + 1
        for index in jumps:
            if _steps_changed(masses_mg, int(index)):
                return int(index)
    return None


def _steps_changed(masses_mg: FloatArray, index: int) -> bool:
    """Return whether the steps on both sides of ``index`` differ as the readings do."""
    before = np.abs(np.diff(masses_mg[max(0, index - NEIGHBOURS) : index]))
    after = np.abs(np.diff(masses_mg[index : index + NEIGHBOURS]))
    if min(before.size, after.size) < FEWEST:
        return False
    small, large = float(np.median(before)), float(np.median(after))
    if abs(masses_mg[index]) < abs(masses_mg[index - 1]):
        small, large = large, small
    return small > 0.0 and FACTOR / 10.0 < large / small < FACTOR * 10.0
