"""From rows to figures: shares with their exact intervals, half widths, and the regions a count may lie in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from rig.analysis.intervals import clopper_pearson
from tests.studies.strata import Row

LOWEST_SHARE, HIGHEST_SHARE = 0.93, 0.975
WRONG_PASS_SHARE = 0.025


@dataclass(frozen=True, slots=True)
class Figures:
    """One stratum in figures; half widths in percent of SET.

    ``margin``: U over what would have been needed to hold 95 % of the truths, 1 / q95(|y - truth| / U): U differs from
    run to run, so each error is seen in the scale of its own U. ``below``/``above``: runs in which y + U < truth or
    y - U > truth: with a one-sided limit at the truth, that many wrong PASSes. ``shares``: of the mean variance, by
    component, largest first.
    """

    name: str
    count: int
    covered: int
    low: float
    high: float
    mean_u: float
    half_width: float
    margin: float
    bias: float
    below: int
    above: int
    shares: tuple[tuple[str, float], ...]
    normal_share: float

    @property
    def share(self) -> float:
        """Return the share of intervals that hold the truth."""
        return self.covered / self.count


def figures(name: str, rows: Sequence[Row], *, without: str = "") -> Figures:
    """Return the figures of a stratum; ``without``: as if this component were not in the budget."""
    rows = [row for row in rows if math.isfinite(row.value)]  # the rest are INVALID: no interval was given
    errors = np.array([row.error for row in rows])
    us = np.array([math.sqrt(max(row.u**2 - row.parts.get(without, 0.0) ** 2, 0.0)) for row in rows])
    covered = int(np.count_nonzero(np.abs(errors) <= 2.0 * us))
    low, high = clopper_pearson(covered, len(rows))
    variances: dict[str, float] = {}
    for row in rows:
        for part, contribution in row.parts.items():
            if part != without:
                variances[part] = variances.get(part, 0.0) + contribution**2
    total = sum(variances.values())
    shares = tuple(sorted(((part, each / total) for part, each in variances.items()), key=lambda pair: -pair[1]))
    normal = set(rows[0].normal)
    return Figures(
        name=name,
        count=len(rows),
        covered=covered,
        low=low,
        high=high,
        mean_u=float(us.mean()),
        half_width=float(np.quantile(np.abs(errors), 0.95)),
        margin=float(1.0 / np.quantile(np.abs(errors) / (2.0 * us), 0.95)),
        bias=float(errors.mean()),
        below=int(np.count_nonzero(errors + 2.0 * us < 0.0)),
        above=int(np.count_nonzero(errors - 2.0 * us > 0.0)),
        shares=shares,
        normal_share=sum(share for part, share in shares if part in normal),
    )


def most_wrong(count: int, confidence: float = 0.99) -> int:
    """Return the largest count that a one-sided binomial test at ``confidence`` finds compatible with 2.5 %."""
    return int(binom.ppf(confidence, count, WRONG_PASS_SHARE))


def fewest_covered(count: int, share: float = LOWEST_SHARE, confidence: float = 0.999) -> int:
    """Return the fewest covered of ``count`` that are compatible with at least ``share``, at ``confidence``."""
    return int(binom.ppf(1.0 - confidence, count, share))
