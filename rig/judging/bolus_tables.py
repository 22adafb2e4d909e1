"""Boluses in tables: each bolus, and groups of one size with FDA layouts B and C (docs/reference/result.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rig.analysis.groups import bolus_bins, group_statistics
from rig.analysis.intervals import (
    clopper_pearson,
    nonparametric_count,
    nonparametric_two_sided_count,
    tolerance_interval,
)
from rig.judging.bolus_measures import duration_budget, start_delay_budget
from rig.judging.boluses import JudgedBolus
from rig.judging.uncertainties import expanded_mean_u
from rig.judging.view import RunView
from rig.scenario.model import BolusStep

TOLERANCE_MIN_COUNT = 5
COVERAGE, CONFIDENCE = 0.95, 0.95
WITHIN_PCT = (5, 10, 15)


def bolus_tables(view: RunView, boluses: Sequence[JudgedBolus]) -> dict[str, Any]:
    """Return ``analysis["boluses"]``: groups by size, and every bolus."""
    return {"groups": _groups(view, boluses), "items": [_row(view, bolus) for bolus in boluses]}


def _groups(view: RunView, boluses: Sequence[JudgedBolus]) -> list[dict[str, Any]]:
    """Return a group for each size; what was planned or begun and could not be measured is counted in it.

    A size of which nothing was measured has its counts alone.
    """
    planned = _planned(view)
    groups = []
    boluses = [bolus for bolus in boluses if not bolus.order.cut_short]
    for amount_u in sorted({bolus.order.amount_u for bolus in boluses} | planned.keys()):
        same = [bolus for bolus in boluses if bolus.order.amount_u == amount_u]
        held = [bolus.measured_u for bolus in same if bolus.measured_u is not None]
        count = max(planned.get(amount_u, 0), len(same))
        told: dict[str, Any] = {"set_u": amount_u, "n": 0, "planned": count, "not_measured": count - len(held)}
        if held:
            told |= {**group_table(amount_u, held), "expanded_uncertainty_mean_u": expanded_mean_u(same)}
        groups.append(told)
    return groups


def _planned(view: RunView) -> dict[float, int]:
    """Return how many boluses of each size the scenario asks for, from the first step of this stretch on."""
    planned: dict[float, int] = {}
    for step in view.evidence.scenario.steps[view.stretch.first_step :]:
        if isinstance(step, BolusStep) and step.cancel_after_s is None:
            planned[step.amount_u] = planned.get(step.amount_u, 0) + step.repeat
    return planned


def group_table(amount_u: float, volumes_u: Sequence[float]) -> dict[str, Any]:
    """Return statistics, bins and intervals of boluses of one size, volumes in U."""
    stats = group_statistics(volumes_u, amount_u)
    errors = stats.errors
    return {
        "set_u": amount_u,
        "n": stats.count,
        "mean_u": stats.mean_u,
        "sd_u": stats.sd_u,
        "min_u": stats.min_u,
        "max_u": stats.max_u,
        "mean_error_pct": errors.mean_pct,
        "min_error_pct": errors.min_pct,
        "max_error_pct": errors.max_pct,
        **{f"within_{limit}_pct": errors.within_pct(limit) for limit in WITHIN_PCT},
        **{
            f"within_{limit}_interval_pct": _interval_pct(errors.within_count[limit], stats.count)
            for limit in WITHIN_PCT
        },
        "bins": [
            {
                "lower_pct": each.lower_pct,
                "upper_pct": each.upper_pct,
                "count": each.count,
                "interval_pct": _interval_pct(each.count, stats.count),
            }
            for each in bolus_bins(volumes_u, amount_u)
        ],
        "tolerance": _tolerance(stats.mean_u, stats.sd_u, stats.count),
        "nonparametric": _nonparametric(stats.count),
    }


def _interval_pct(successes: int, count: int) -> list[float]:
    """Return the 95 % Clopper-Pearson interval of a share in percent."""
    return [100.0 * bound for bound in clopper_pearson(successes, count)]


def _tolerance(mean_u: float, sd_u: float | None, count: int) -> dict[str, Any] | None:
    if count < TOLERANCE_MIN_COUNT or not sd_u:
        return None
    low, high = tolerance_interval(mean_u, sd_u, count, COVERAGE, CONFIDENCE)
    return {
        "coverage": COVERAGE,
        "confidence": CONFIDENCE,
        "lower_u": low,
        "upper_u": high,
        "basis": "one pump, pooled: says nothing of other pumps",
    }


def _nonparametric(count: int) -> dict[str, Any]:
    """Return what n boluses support without assuming a distribution: none outside, and smallest to largest."""
    one_sided = nonparametric_count(COVERAGE, CONFIDENCE)
    two_sided = nonparametric_two_sided_count(COVERAGE, CONFIDENCE)
    return {
        "coverage": COVERAGE,
        "confidence": CONFIDENCE,
        "needed_without_failure": one_sided,
        "without_failure_supported": count >= one_sided,
        "needed_for_range": two_sided,
        "range_supported": count >= two_sided,
    }


def _row(view: RunView, bolus: JudgedBolus) -> dict[str, Any]:
    order, measured = bolus.order, bolus.measured
    row: dict[str, Any] = {
        "set_u": order.amount_u,
        "start_s": order.start_s,
        "reported_u": bolus.report.delivered_u if bolus.report else None,
        "measured_u": bolus.measured_u,
    }
    if measured is None or bolus.measured_u is None or bolus.u_u is None:
        return row | {"why_not": bolus.why_not}
    if order.planned_u is not None:
        return row | {"why_not": f"cancelled: {order.planned_u:g} U were ordered"}
    duration, delay = duration_budget(bolus, view), start_delay_budget(bolus, view)
    return row | {
        "error_pct": 100.0 * (bolus.measured_u / order.amount_u - 1.0),
        "expanded_uncertainty_pct": 200.0 * bolus.u_u / order.amount_u,
        "duration_s": measured.duration_s,
        "expanded_uncertainty_duration_s": None if duration is None else 2.0 * duration.combined,
        "start_delay_s": measured.start_delay_s,
        "expanded_uncertainty_start_delay_s": None if delay is None else 2.0 * delay.combined,
        "tail_fraction": measured.tail_fraction,
        "basal_u": measured.basal_ul / bolus.ul_per_u,
        "closed_s": measured.closed_s,
        "settled": measured.settled,
    }
