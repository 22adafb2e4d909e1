"""The expanded uncertainty of what stands in a run's tables without being judged."""

from __future__ import annotations

from collections.abc import Sequence

from rig.errors import RigError
from rig.judging.boluses import JudgedBolus
from rig.judging.interval import basal_error, measured_volume
from rig.judging.view import RunView
from rig.metrology.budget import mean_budget
from rig.verdict import COVERAGE_FACTOR


def expanded_u(view: RunView, from_s: float, to_s: float) -> float | None:
    """Return U of the volume of an interval in U; None where it cannot be stated."""
    try:
        return COVERAGE_FACTOR * measured_volume(view, from_s, to_s).u_ul / view.ul_per_u
    except RigError:
        return None


def expanded_pct(view: RunView, from_s: float, to_s: float) -> float | None:
    """Return U of the error of an interval against SET, in percent; None where it cannot be stated."""
    try:
        return COVERAGE_FACTOR * basal_error(view, from_s, to_s).u_pct
    except RigError:
        return None


def expanded_mean_u(boluses: Sequence[JudgedBolus]) -> float | None:
    """Return U of the mean of several boluses in U: what they share does not average out; None without any."""
    budgets = [
        each.measured.volume.budget.scaled(1.0 / each.ul_per_u, "U") for each in boluses if each.measured is not None
    ]
    return COVERAGE_FACTOR * mean_budget(budgets).combined if budgets else None
