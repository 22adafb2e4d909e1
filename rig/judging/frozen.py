"""A blank whose display stands still: zero tracking, or a frozen balance."""

from __future__ import annotations

import numpy as np

from rig.judging.view import RunView

FROZEN_SHARE = 0.05  # of readings that move by a digit; noise of half a digit moves about every third


def frozen_blank(view: RunView) -> str:
    """Return that a blank's display stood still although its noise should have moved it, or nothing.

    Zero tracking and a frozen display look like this, and either swallows a slow flow. A balance whose last digit is
    coarser than twice its stated repeatability may stand still honestly.
    """
    stated, resolution_mg = view.evidence.bench.balance.uncertainty, view.evidence.bench.balance.resolution_mg
    if resolution_mg > 2.0 * stated.repeatability_mg:
        return ""
    for which, blank in view.blanks.items():
        inside = (view.times_s >= blank.start_s) & (view.times_s <= blank.end_s)
        moves = np.abs(np.diff(view.masses_mg[inside])) > resolution_mg / 2.0
        if len(moves) and moves.mean() < FROZEN_SHARE:
            return (
                f"the display stood still in the blank {which} ({moves.mean():.0%} of its readings moved): "
                "zero tracking is on, or the balance is frozen"
            )
    return ""
