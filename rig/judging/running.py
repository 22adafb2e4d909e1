"""The basal under a bolus: SET, and how well the run itself, or the pump's claim, says that it came."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rig.analysis.bolus import RunningBasal
from rig.errors import BenchError
from rig.judging.interval import basal_error
from rig.judging.view import RunView
from rig.metrology.budget import rectangular

LONG_ENOUGH_S = 3600.0  # an hour of basal at that rate says what its gain is
UNKNOWN_PCT = 15.0  # half width where neither the run nor a claim says more: hours within 15 % (rig's assumption)
SAME_RATE = 1e-9
AFTER_BOLUS_S = 300.0  # until its tail has left the line


def running_basal(view: RunView, rate_u_per_h: float) -> RunningBasal:
    """Return the basal of a rate with the uncertainty of what it delivers.

    A basal of that rate that the same run measured for an hour or more: its error e is not corrected for (it need not
    be the same minutes later), so |e| + U is the half width. Otherwise the pump's claim is, where it may decide, else
    15 %.
    """
    dose_u, ul_per_u = view.programme.dose_u, view.ul_per_u
    if rate_u_per_h <= 0.0:
        return RunningBasal(0.0, dose_u, ul_per_u)
    half_pct, source = _measured(view, rate_u_per_h) or _claimed(view)
    return RunningBasal(rate_u_per_h, dose_u, ul_per_u, rectangular(half_pct / 100.0), source)


def _measured(view: RunView, rate_u_per_h: float) -> tuple[float, str] | None:
    """Return the half width in % from the longest stretch of that rate alone, or None."""
    busy = [(order.start_s, order.end_s + AFTER_BOLUS_S) for order in view.programme.boluses]
    alone = [
        part
        for segment in view.programme.segments
        if abs(segment.rate_u_per_h - rate_u_per_h) < SAME_RATE
        for part in without(segment.start_s, segment.end_s, busy)
        if part[1] - part[0] >= LONG_ENOUGH_S
    ]
    for from_s, to_s in sorted(alone, key=lambda part: part[0] - part[1]):
        try:
            error = basal_error(view, from_s, view.last_weighed_s(to_s))
        except BenchError:
            continue
        if math.isfinite(error.error_pct):
            shown = f"{error.error_pct:+.2g} % +- {2.0 * error.u_pct:.2g} %"
            return abs(error.error_pct) + 2.0 * error.u_pct, f"{rate_u_per_h:g} U/h measured in this run: {shown}"
    return None


def without(from_s: float, to_s: float, busy: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return what is left of an interval without the busy ones, which are sorted by their beginnings."""
    left = []
    at_s = from_s
    for low_s, high_s in busy:
        if high_s <= at_s or low_s >= to_s:
            continue
        if low_s > at_s:
            left.append((at_s, low_s))
        at_s = max(at_s, high_s)
    if at_s < to_s:
        left.append((at_s, to_s))
    return left


def _claimed(view: RunView) -> tuple[float, str]:
    claim = view.evidence.profile.claims["basal"]
    if claim.decides and claim.limit_pct is not None:
        return claim.limit_pct, f"the pump's claim of +-{claim.limit_pct:g} % for basal"
    return UNKNOWN_PCT, f"no claim, not measured in this run: +-{UNKNOWN_PCT:g} % assumed"
