"""Several logs, one per pump: FDA layout A over pumps, boluses per pump beside the pooled ones (reference 2.1, 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rig.analysis.groups import bolus_bins, over_pumps
from rig.analysis.intervals import tolerance_factor
from rig.analysis.windows import WITHIN_LIMITS_PCT, error_statistics
from rig.results import Outcome
from rig.weighing_log.bolus import BIN_DECIMALS

COVERAGE, CONFIDENCE = 0.95, 0.95
LAYOUT_A_H = (1.0, 6.0, 12.0, 24.0)


def basal_over_pumps(documents: Sequence[dict[str, Any]], rate_u_per_h: float) -> dict[str, Any]:
    """Return layout A over basal documents: median, lowest and highest pump at 1, 6, 12 and 24 h.

    A log that is INVALID is left out and said so; a time counts only the pumps that reached it.
    """
    valid = [document for document in documents if document["outcome"] != Outcome.INVALID.value]
    columns = []
    for hour in LAYOUT_A_H:
        reached = [
            entry["delivered_u"]
            for document in valid
            for entry in document["cumulative"]
            if abs(entry["at_h"] - hour) <= 1e-9
        ]
        if reached:
            found = over_pumps(reached)
            columns.append(
                {
                    "at_h": hour,
                    "count": found.count,
                    "requested_u": rate_u_per_h * hour,
                    "median_u": found.median_u,
                    "min_u": found.min_u,
                    "max_u": found.max_u,
                }
            )
    errors = [document["overall_error_pct"] for document in valid]
    return {
        "count": len(valid),
        "cumulative": columns,
        "overall_error_pct": _spread(errors),
        "tolerance_interval": _tolerance(errors, "overall errors of the pumps"),
        "notes": _left_out(documents, valid),
    }


def boluses_over_pumps(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return boluses pooled over pumps, and the means of the pumps with a tolerance interval over pumps.

    Boluses of one pump are not independent draws from the population of pumps: n of the interval is the pumps'.
    """
    measured = np.array([bolus["measured_u"] for document in documents for bolus in document["boluses"]])
    set_u = np.array([bolus["set_u"] for document in documents for bolus in document["boluses"]])
    pooled = error_statistics(measured, set_u)
    means = [document["mean_error_pct"] for document in documents]
    bins = bolus_bins(np.round(100.0 * measured / set_u, BIN_DECIMALS).tolist(), 100.0)
    return {
        "count": len(documents),
        "per_pump": [
            {"file": document["log"]["file"], "count": document["count"], "mean_error_pct": document["mean_error_pct"]}
            for document in documents
        ],
        "mean_error_pct": _spread(means),
        "pooled": {
            "count": pooled.count,
            "mean_error_pct": pooled.mean_pct,
            "sd_pct": pooled.sd_pct,
            "max_pct": pooled.max_pct,
            "min_pct": pooled.min_pct,
            **{f"within_{limit}_pct": pooled.within_pct(limit) for limit in WITHIN_LIMITS_PCT},
            "bins": [{"lower_pct": part.lower_pct, "upper_pct": part.upper_pct, "count": part.count} for part in bins],
        },
        "tolerance_interval": _tolerance(means, "mean errors of the pumps"),
        "notes": [],
    }


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    """Return median, lowest and highest of the pumps, None without one."""
    if not values:
        return None
    found = over_pumps(values)
    return {"median": found.median_u, "min": found.min_u, "max": found.max_u}


def _tolerance(values: Sequence[float], of: str) -> dict[str, Any] | None:
    """Return the two-sided 95/95 normal tolerance interval with n = pumps, None below two pumps."""
    if len(values) < 2:
        return None
    factor = tolerance_factor(len(values), COVERAGE, CONFIDENCE)
    mean, sd = float(np.mean(values)), float(np.std(values, ddof=1))
    return {
        "of": of,
        "n": len(values),
        "coverage": COVERAGE,
        "confidence": CONFIDENCE,
        "factor": factor,
        "lower_pct": mean - factor * sd,
        "upper_pct": mean + factor * sd,
    }


def _left_out(documents: Sequence[dict[str, Any]], valid: Sequence[dict[str, Any]]) -> list[str]:
    """Return which logs do not count."""
    names = [document["log"]["file"] for document in documents if document not in valid]
    return [f"INVALID and left out: {', '.join(names)}"] if names else []
