"""Whether the level under a running basal moved by more than doses and noise can move it: a loose vessel, a knock.

Neither blank sees what happens between them. But in a few minutes a pump can deliver only so many doses, and no pump
sucks back: what goes beyond that moved the balance, or was no dose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rig.analysis.series import checked, value_at
from rig.errors import BenchError
from rig.metrology.checks import FloatArray, finite

BLOCK_S = 240.0  # the fastest walk on record took 4 minutes (balance-protocols: a loose container)
MOST_DOSES = 8.0  # sticking and slipping of a plunger may hold back and let go so many at once
SLIP_DOSES = 5.0  # a plunger that stuck catches up, and doses fall to the other side of the two edges
GAIN_SHARE = 0.25  # of SET: how much a pump's rate may wander from block to block
SIGMAS = 6.0
DOSES_FOR_A_GAIN = 4.0  # with fewer in a block its median says nothing of the pump's gain


@dataclass(frozen=True, slots=True)
class Moved:
    """One stretch in which the level moved: by ``moved_mg`` where SET says ``expected_mg``; beyond ``limit_mg``."""

    start_s: float
    end_s: float
    moved_mg: float
    expected_mg: float
    limit_mg: float


def moved_levels(
    times_s: ArrayLike,
    masses_mg: ArrayLike,
    edges_s: FloatArray,
    expected_mg: FloatArray,
    *,
    dose_mg: float,
    u_mg: float,
) -> tuple[Moved, ...]:
    """Return the blocks between successive ``edges_s`` in which more or less came than doses and noise explain.

    ``expected_mg``: SET less evaporation for each block, shape (k,) for k + 1 edges; ``u_mg``: standard uncertainty of
    a difference of two readings so far apart. The pump's own gain is taken out as the median ratio where a block holds
    4 doses or more. Allowed beside it: the doses of the block and 5 more, at most 8; 25 % of SET; 6 u. And nothing
    may go back, but by 6 u and what evaporates. `BenchError` for a record that is not in the order of time, or shapes
    that do not fit.
    """
    times, masses = checked(times_s, masses_mg)
    if edges_s.ndim != 1 or expected_mg.shape != (max(edges_s.size - 1, 0),) or expected_mg.size == 0:
        raise BenchError(f"{expected_mg.shape} amounts between {edges_s.shape} edges", expected="one edge more")
    finite("dose", dose_mg, positive=True)
    finite("u of a block", u_mg, non_negative=True)
    moved = np.diff(value_at(times, masses, edges_s))
    doses = np.abs(expected_mg) / dose_mg
    gain = _gain(moved, expected_mg, doses)
    limit = np.minimum(doses + SLIP_DOSES, MOST_DOSES) * dose_mg + GAIN_SHARE * np.abs(gain * expected_mg)
    limit += SIGMAS * u_mg
    backwards = moved < np.minimum(expected_mg, 0.0) - SIGMAS * u_mg
    return tuple(
        Moved(float(edges_s[k]), float(edges_s[k + 1]), float(moved[k]), float(expected_mg[k]), float(limit[k]))
        for k in np.flatnonzero(backwards | (np.abs(moved - gain * expected_mg) > limit))
    )


def _gain(moved: FloatArray, expected: FloatArray, doses: FloatArray) -> float:
    """Return the median ratio of the blocks that hold enough doses, else 1; a pump that stands still is not scaled."""
    full = doses >= DOSES_FOR_A_GAIN
    if not full.any():
        return 1.0
    return float(np.median(moved[full] / expected[full]))
