"""Intervals for a population: tolerance factors and proportions (reference section 2.1)."""

from __future__ import annotations

import math

import numpy as np

from rig.errors import UsageError

HALVINGS = 50  # of a width below 10: to 1e-14


def tolerance_factor_one_sided(count: int, coverage: float = 0.95, confidence: float = 0.95) -> float:
    """Return k1 = t'(c; n-1, z_p sqrt(n))/sqrt(n): mean + k1 s covers ``coverage`` with ``confidence``.

    ISO 16269-6, non-central t. n 25, 95/95: 2.292. ``UsageError`` below n = 2 or outside 0..1.
    """
    from scipy.stats import nct, norm  # noqa: PLC0415 - only who needs it pays for it

    _require(count, coverage, confidence)
    root = math.sqrt(count)
    return float(nct.ppf(confidence, count - 1, norm.ppf(coverage) * root)) / root


def tolerance_factor_howe(count: int, coverage: float = 0.95, confidence: float = 0.95) -> float:
    """Return Howe's approximation of the two-sided factor (Howe 1969); n 25, 95/95: 2.631."""
    from scipy.stats import chi2, norm  # noqa: PLC0415 - only who needs it pays for it

    _require(count, coverage, confidence)
    quantile = chi2.ppf(1.0 - confidence, count - 1)
    return float(norm.ppf((1.0 + coverage) / 2.0) * math.sqrt((count - 1) * (1.0 + 1.0 / count) / quantile))


def tolerance_factor(count: int, coverage: float = 0.95, confidence: float = 0.95) -> float:
    """Return the exact two-sided factor k2: mean +- k2 s covers ``coverage`` with ``confidence`` (ISO 16269-6).

    Solves E_x[P(chi2 > (n-1) r(x)^2/k^2)] = c with x ~ N(0, 1/n), r(x): Phi(x+r) - Phi(x-r) = p. n 25, 95/95: 2.638.
    ``UsageError`` below n = 2 or outside 0..1.
    """
    from scipy.optimize import brentq  # noqa: PLC0415 - only who needs it pays for it
    from scipy.stats import chi2, norm  # noqa: PLC0415 - only who needs it pays for it

    _require(count, coverage, confidence)
    z = np.linspace(-8.0, 8.0, 321)
    weight = norm.pdf(z) * (z[1] - z[0])
    x = np.abs(z) / math.sqrt(count)
    # Phi(r-x) - Phi(-r-x) grows with r; it is at most Phi(r-x), and at r = x + q at least Phi(q) - Phi(-q).
    low = np.maximum(x + float(norm.ppf(coverage)), 0.0)
    high = x + float(norm.ppf((1.0 + coverage) / 2.0))
    for _ in range(HALVINGS):
        r = (low + high) / 2.0
        short = norm.cdf(r - x) - norm.cdf(-r - x) < coverage
        low, high = np.where(short, r, low), np.where(short, high, r)

    def miss(k: float) -> float:
        return float(weight @ chi2.sf((count - 1) * (r / k) ** 2, count - 1)) - confidence

    start = tolerance_factor_howe(count, coverage, confidence)
    return float(brentq(miss, 0.5 * start, 2.0 * start, xtol=1e-10))


def tolerance_interval(
    mean: float, sd: float, count: int, coverage: float = 0.95, confidence: float = 0.95
) -> tuple[float, float]:
    """Return mean -+ k2 s. Boluses of one pump are not draws from the population of pumps: say which n it is."""
    k = tolerance_factor(count, coverage, confidence)
    return mean - k * sd, mean + k * sd


def clopper_pearson(successes: int, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact two-sided interval of a proportion, as fractions (Clopper & Pearson 1934).

    172 of 225: 0.703 to 0.818. For a one-sided bound at c ask for confidence 2c - 1. ``UsageError`` unless
    0 <= successes <= count and count >= 1.
    """
    from scipy.stats import beta  # noqa: PLC0415 - only who needs it pays for it

    if not 0 <= successes <= count or count < 1 or not 0.0 < confidence < 1.0:
        raise UsageError(f"a proportion of {successes} of {count}", expected="0 <= successes <= count, count >= 1")
    tail = (1.0 - confidence) / 2.0
    low = 0.0 if successes == 0 else float(beta.ppf(tail, successes, count - successes + 1))
    high = 1.0 if successes == count else float(beta.isf(tail, successes + 1, count - successes))
    return low, high


def nonparametric_count(coverage: float, confidence: float) -> int:
    """Return the smallest n for which no failure in n shows ``coverage`` with ``confidence``; 95/95: 59."""
    _require(2, coverage, confidence)
    return math.ceil(math.log1p(-confidence) / math.log(coverage) - 1e-12)


def nonparametric_two_sided_count(coverage: float, confidence: float) -> int:
    """Return the smallest n whose smallest and largest value are a tolerance interval; 95/95: 93 (Wilks 1941).

    Smallest n with 1 - n p^(n-1) + (n-1) p^n >= c.
    """
    _require(2, coverage, confidence)
    count = 2
    while 1.0 - count * coverage ** (count - 1) + (count - 1) * coverage**count < confidence:
        count += 1
    return count


def _require(count: int, coverage: float, confidence: float) -> None:
    """``UsageError`` for what no tolerance interval can have."""
    if count < 2 or not 0.0 < coverage < 1.0 or not 0.0 < confidence < 1.0:
        raise UsageError(
            f"a tolerance interval of n = {count}, {coverage:g}/{confidence:g}", expected="n >= 2 and fractions below 1"
        )
