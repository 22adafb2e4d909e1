"""Propagation of distributions (JCGM 101:2008), to see whether the linear budget may be believed.

Every component of a budget is drawn from its stated distribution, as a shift of the quantity that it is uncertain of,
and goes through the whole model of reference section 5.1 (`rig.metrology.model`). What adds to the result itself (dose
edge, time stamps, resolution of a log) is added to it. Normal components of one quantity are drawn as one: their sum is
normal. Seeded, so that the same evidence gives the same figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from rig.errors import BenchError
from rig.metrology.budget import Budget, Component
from rig.metrology.checks import FloatArray, finite
from rig.metrology.model import VolumeModel, mean_model

DRAWS = 100_000
SEED = 101_2008
PROBABILITY = 0.95
TWO_SIGMA = math.erf(math.sqrt(2.0))  # 0.9545: what +-2u of a normal distribution holds
DIGITS = 2
MOST_SUMMANDS = 12  # the mean of more independent values is drawn as normal


@dataclass(frozen=True, slots=True)
class Derived:
    """A result y = offset + sum of factor x volume; ``factors`` in the result's unit per uL.

    One volume for a single value, several for their mean. No volume: the result is the sum of its components alone.
    """

    offset: float
    models: tuple[VolumeModel, ...] = ()
    factors: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Monte Carlo beside the linear budget (JCGM 101, clause 8).

    ``interval`` and ``shortest`` hold 95 %. ``matched``: the interval with the probability that +-2u has for a normal
    distribution (95.45 %), which is compared with y +- 2u end by end; ``low_difference`` and ``high_difference``:
    y - U less its lower end, its upper end less y + U, so that positive means that Monte Carlo reaches further.
    ``tolerance``: half a unit of the second significant digit of u (JCGM 101, 7.9.2); ``sampling``: two standard
    errors of such an end with so many draws. ``agrees``: both differences are within tolerance plus sampling.
    """

    draws: int
    seed: int
    value: float
    u: float
    interval: tuple[float, float]
    shortest: tuple[float, float]
    matched: tuple[float, float]
    low_difference: float
    high_difference: float
    tolerance: float
    sampling: float

    @property
    def allowed(self) -> float:
        """Difference of an end that still counts as agreement."""
        return self.tolerance + self.sampling

    @property
    def agrees(self) -> bool:
        """Whether both ends agree."""
        return max(abs(self.low_difference), abs(self.high_difference)) <= self.allowed

    @property
    def reaches_further(self) -> bool:
        """Whether an end of the Monte Carlo interval lies outside y +- 2u by more than agreement allows."""
        return max(self.low_difference, self.high_difference) > self.allowed


def draw(
    distribution: str, u: float, count: int, rng: np.random.Generator, *, degrees_of_freedom: float | None = None
) -> FloatArray:
    """Return ``count`` draws of mean 0 and standard deviation ``u``: normal, rectangular, triangular or t.

    A t distribution is scaled so that its standard deviation, which exists above 2 degrees of freedom, is ``u``
    (JCGM 101, 6.4.9). ``BenchError`` for any other distribution.
    """
    if distribution == "normal":
        made = rng.standard_normal(count)
    elif distribution == "rectangular":
        made = (rng.random(count) - 0.5) * math.sqrt(12.0)
    elif distribution == "triangular":
        made = (rng.random(count) - rng.random(count)) * math.sqrt(6.0)
    elif distribution == "t" and degrees_of_freedom is not None and degrees_of_freedom > 2.0:
        scale = math.sqrt((degrees_of_freedom - 2.0) / degrees_of_freedom)
        made = rng.standard_t(degrees_of_freedom, count) * scale
    else:
        raise BenchError(
            f"distribution {distribution!r} ({degrees_of_freedom} degrees of freedom)",
            expected="normal, rectangular, triangular, or t with more than 2 degrees of freedom",
        )
    return np.asarray(made * u, dtype=np.float64)


def propagate(derived: Derived, budget: Budget, value: float, *, draws: int = DRAWS, seed: int = SEED) -> FloatArray:
    """Return ``draws`` values of a result, shape (draws,), in the budget's unit.

    ``budget``: the result's own, after scaling or averaging; ``value``: its estimate, which the undisturbed model must
    give (``BenchError``: else the budget is not that of this value). A quantity's standard uncertainty is its
    component's contribution over the model's own derivative.
    """
    _refuse_another(derived, value, budget.combined)
    rng = np.random.Generator(np.random.SFC64(seed))
    count = len(derived.models)
    model = mean_model(derived.models, derived.factors) if count else None
    factor = math.fsum(derived.factors)
    shifts: dict[str, FloatArray] = {}
    normal: dict[str, float] = {}
    for item in budget.components:
        enters = item.enters if model is not None else "result"
        slope = 1.0 if enters == "result" or model is None else abs(factor * model.partial(enters))
        # A quantity without a first-order effect (the vessel's volume in still air) may still have one of second order.
        u = item.contribution / slope if slope > 0.0 else item.standard_uncertainty
        if u == 0.0:
            continue
        if item.distribution == "normal" or (count > MOST_SUMMANDS and not item.shared):
            normal[enters] = math.hypot(normal.get(enters, 0.0), u)
        else:
            shifts[enters] = shifts.get(enters, 0.0) + _summed(item, u, count, draws, rng)
    for enters, u in normal.items():
        shifts[enters] = shifts.get(enters, 0.0) + draw("normal", u, draws, rng)
    added = shifts.pop("result", np.zeros(draws))
    if model is None:
        return value + added
    moved = factor * (model.volume_ul(shifts) - model.volume_ul())
    return np.asarray(value + added + moved, dtype=np.float64)


def _refuse_another(derived: Derived, value: float, u: float) -> None:
    """``BenchError`` unless the volumes give the value that they are said to."""
    if not derived.models:
        return
    parts = [factor * float(model.volume_ul()) for factor, model in zip(derived.factors, derived.models, strict=True)]
    given = derived.offset + math.fsum(parts)
    if not abs(given - value) <= 1e-6 * u + 1e-9 * abs(value):
        raise BenchError(f"the volumes give {given!r}, the value is {value!r}", expected="one and the same")


def _summed(item: Component, u: float, count: int, draws: int, rng: np.random.Generator) -> FloatArray:
    """Return draws of one component; an independent one of a mean is the sum of as many as there are values."""
    summands = 1 if item.shared else max(count, 1)
    each = u / math.sqrt(summands)
    parts = (
        draw(item.distribution, each, draws, rng, degrees_of_freedom=item.degrees_of_freedom) for _ in range(summands)
    )
    return np.asarray(sum(parts, np.zeros(draws)), dtype=np.float64)


def symmetric_interval(ordered: FloatArray, probability: float) -> tuple[float, float]:
    """Return the probabilistically symmetric coverage interval of sorted values (JCGM 101, 7.7.2)."""
    held = round(probability * ordered.size)
    low = (ordered.size - held) // 2
    return float(ordered[low]), float(ordered[min(low + held, ordered.size - 1)])


def shortest_interval(ordered: FloatArray, probability: float) -> tuple[float, float]:
    """Return the shortest coverage interval of sorted values (JCGM 101, 7.7.3)."""
    held = min(round(probability * ordered.size), ordered.size - 1)
    low = int(np.argmin(ordered[held:] - ordered[:-held]))
    return float(ordered[low]), float(ordered[low + held])


def numerical_tolerance(u: float, digits: int = DIGITS) -> float:
    """Return half a unit of the last of ``digits`` significant digits of ``u`` (JCGM 101, 7.9.2). 0.35, 2: 0.005."""
    finite("u", u, positive=True)
    return 0.5 * 10.0 ** (int(f"{u:.{digits - 1}e}".partition("e")[2]) - (digits - 1))


def compare(
    values: FloatArray,
    value: float,
    expanded: float,
    *,
    probability: float = TWO_SIGMA,
    digits: int = DIGITS,
    seed: int = SEED,
) -> Comparison:
    """Return Monte Carlo beside ``value`` +- ``expanded``, which is to hold ``probability`` (JCGM 101, 8.1)."""
    ordered = np.sort(values)
    low, high = symmetric_interval(ordered, probability)
    u = float(values.std(ddof=1))
    tail = (1.0 - probability) / 2.0
    # The density at that end is taken as the normal one: u / phi(z) per unit of probability.
    z = NormalDist().inv_cdf(1.0 - tail)
    error = u * math.sqrt(tail * (1.0 - tail) / values.size) * math.sqrt(2.0 * math.pi) * math.exp(z * z / 2.0)
    return Comparison(
        draws=values.size,
        seed=seed,
        value=float(values.mean()),
        u=u,
        interval=symmetric_interval(ordered, PROBABILITY),
        shortest=shortest_interval(ordered, PROBABILITY),
        matched=(low, high),
        low_difference=value - expanded - low,
        high_difference=high - (value + expanded),
        tolerance=numerical_tolerance(u, digits),
        sampling=2.0 * error,
    )


def dominant(budget: Budget, share: float = 0.5) -> Component | None:
    """Return the component that is not normal and makes more than ``share`` of the variance, or None."""
    total = budget.combined**2
    wide: Sequence[Component] = [item for item in budget.components if item.distribution != "normal"]
    largest = max(wide, key=lambda item: item.contribution, default=None)
    return largest if largest is not None and largest.contribution**2 > share * total > 0.0 else None
