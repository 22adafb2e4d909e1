"""Drops: the outlet is not under the surface, and what it delivers falls in drops of many doses (Q-DROP)."""

from __future__ import annotations

import numpy as np

from rig.analysis.quality.spans import Span
from rig.metrology.checks import FloatArray

LEAST_MG = 3.0  # a drop of water at a thin tube has 8 to 12 mg; under oil less
LEAST_DOSES = 8.0  # what a drive that slips free delivers at once is less
LEAST_COUNT = 3
LEAST_SHARE = 0.5  # of all that came between the first and the last


def drop_limit_mg(dose_mg: float) -> float:
    """Return the smallest step that counts as a drop, beyond three times what was programmed for it."""
    return max(LEAST_MG, LEAST_DOSES * dose_mg)


def find_drops(
    times_s: FloatArray, masses_mg: FloatArray, due_mg: FloatArray, dose_mg: float
) -> tuple[Span, tuple[float, ...]] | None:
    """Return (from the first drop to the last, their sizes in mg), None where what came did not come in drops.

    ``due_mg``: what was programmed for each step from one reading to the next, shape (n - 1,), clock error included.
    Three or more steps of at least ``drop_limit_mg`` that make up half of all that came are no doses, and no bump comes
    so often.
    """
    steps = np.diff(masses_mg)
    falling = np.flatnonzero(steps > 3.0 * due_mg + drop_limit_mg(dose_mg))
    if falling.size < LEAST_COUNT:
        return None
    first, last = int(falling[0]), int(falling[-1])
    came_mg = float(masses_mg[last + 1] - masses_mg[first])
    if float(steps[falling].sum()) < LEAST_SHARE * came_mg:
        return None
    span = Span(float(times_s[first]), float(times_s[last + 1]), last - first + 2)
    return span, tuple(float(size) for size in steps[falling])
