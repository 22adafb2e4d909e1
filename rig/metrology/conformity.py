"""Probability that a result conforms (JCGM 106:2012; reference section 6). The outcome itself is ``rig.verdict``'s."""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.integrate import quad
from scipy.stats import norm

from rig.errors import BenchError
from rig.metrology.checks import finite


def conformance_probability(value: float, u: float, lower: float | None, upper: float | None) -> float:
    """Return p_c = Phi((T_U - y)/u) - Phi((T_L - y)/u); None is an open side; u = 0 gives 0 or 1.

    y 4.2 %, u 0.8 %, limits +-5 %: 1 - 0.15866.
    """
    y = finite("result", value)
    finite("u of the result", u, non_negative=True)
    if u == 0.0:
        return float((lower is None or y >= lower) and (upper is None or y <= upper))
    below = 0.0 if lower is None else float(norm.cdf((lower - y) / u))
    above = 0.0 if upper is None else float(norm.sf((upper - y) / u))
    return min(max(1.0 - below - above, 0.0), 1.0)


def measurement_capability(u: float, lower: float | None, upper: float | None) -> float | None:
    """Return C_m = (T_U - T_L)/(4 u) (JCGM 106, 7.6.3), None for an open side or u = 0; it decides nothing."""
    if lower is None or upper is None or u == 0.0:
        return None
    return (upper - lower) / (4.0 * finite("u of the result", u, positive=True))


def global_risks(
    population_mean: float, population_sd: float, u: float, limits: tuple[float, float], guard_band: float
) -> tuple[float, float, float]:
    """Return (consumer's risk, producer's risk, accepted fraction) for items N(mean, sd) (JCGM 106, 9.5).

    ``limits``: tolerance interval; accepted when the measured value lies inside it by at least ``guard_band``.
    ``BenchError`` unless sd and u are positive and the acceptance interval is not empty.
    """
    finite("population sd", population_sd, positive=True)
    finite("u", u, positive=True)
    low, high = limits
    accept = (low + guard_band, high - guard_band)
    if accept[0] >= accept[1]:
        raise BenchError(f"guard band {guard_band:g} leaves nothing of {low:g}..{high:g}", expected="a smaller one")

    def accepted(x: float) -> float:
        chance = norm.cdf((accept[1] - x) / u) - norm.cdf((accept[0] - x) / u)
        return float(chance * norm.pdf(x, population_mean, population_sd))

    reach = 10.0 * math.hypot(population_sd, u)
    inside = _integral(accepted, low, high)
    below = _integral(accepted, min(population_mean, low) - reach, low)
    above = _integral(accepted, high, max(population_mean, high) + reach)
    conforming = float(norm.cdf(high, population_mean, population_sd) - norm.cdf(low, population_mean, population_sd))
    return below + above, conforming - inside, below + inside + above


def _integral(function: Callable[[float], float], low: float, high: float) -> float:
    """Return a quadrature to 1e-10."""
    value, _ = quad(function, low, high, epsabs=1e-10, limit=200)
    return float(value)
