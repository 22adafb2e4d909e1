"""Uncertainty budgets in the form of the GUM (JCGM 100:2008): components, combined and expanded uncertainty."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rig.errors import BenchError
from rig.metrology.checks import finite
from rig.results import BudgetLine

COVERAGE_FACTOR = 2.0


def rectangular(half_width: float) -> float:
    """Return the standard uncertainty of a rectangular distribution of that half width (GUM 4.3.7)."""
    return abs(half_width) / math.sqrt(3.0)


@dataclass(frozen=True, slots=True)
class Component:
    """One input of a budget, before it becomes a line of a report.

    ``sensitivity``: result unit per ``unit``. ``shared``: the same unknown error enters every result of the run
    (density, tube, linearity, evaporation), so it does not average out over repeats; otherwise it is independent.
    ``enters``: the quantity of the measurement model that it is uncertain of (`rig.metrology.model`), "result" where
    it adds to the result itself. ``degrees_of_freedom``: of a "t" distribution, more than 2.
    """

    name: str
    standard_uncertainty: float
    unit: str
    sensitivity: float = 1.0
    evaluation: str = "B"  # "A" or "B"
    distribution: str = "normal"
    source: str = ""
    shared: bool = False
    enters: str = "result"
    degrees_of_freedom: float | None = None

    @property
    def contribution(self) -> float:
        """|sensitivity| x standard uncertainty, in the result's unit."""
        return abs(self.sensitivity) * self.standard_uncertainty


@dataclass(frozen=True, slots=True)
class Budget:
    """The components of one result, uncorrelated with each other; ``unit`` is the result's."""

    unit: str
    components: tuple[Component, ...]

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        for item in self.components:
            finite(f"standard uncertainty of {item.name}", item.standard_uncertainty, non_negative=True)
            finite(f"sensitivity of {item.name}", item.sensitivity)

    @property
    def combined(self) -> float:
        """Combined standard uncertainty u_c = sqrt(sum (c_i u_i)^2) (GUM 5.1.2), in ``unit``."""
        return math.sqrt(math.fsum(item.contribution**2 for item in self.components))

    def expanded(self, coverage_factor: float = COVERAGE_FACTOR) -> float:
        """Return U = k u_c (GUM 6.2), in ``unit``."""
        return coverage_factor * self.combined

    def lines(self) -> tuple[BudgetLine, ...]:
        """Return the budget as lines for ``result.json``, largest contribution first."""
        ordered = sorted(self.components, key=lambda item: -item.contribution)
        return tuple(
            BudgetLine(
                name=item.name,
                evaluation=item.evaluation,
                distribution=item.distribution,
                standard_uncertainty=item.standard_uncertainty,
                unit=item.unit,
                sensitivity=item.sensitivity,
                contribution=item.contribution,
                source=item.source,
            )
            for item in ordered
        )

    def with_component(self, component: Component) -> Budget:
        """Return this budget with one component more (its sensitivity already in the result's unit)."""
        return Budget(self.unit, (*self.components, component))

    def scaled(self, factor: float, unit: str) -> Budget:
        """Return the budget of ``factor`` x the result, in ``unit``: 0.1 for uL to U, 100/expected for percent."""
        finite("scale factor", factor)
        return Budget(unit, tuple(replace(item, sensitivity=item.sensitivity * factor) for item in self.components))


def mean_budget(budgets: Sequence[Budget]) -> Budget:
    """Return the budget of the mean of several results of one run.

    Independent components average as the root of the sum of squares over n; shared ones as the plain mean. All
    budgets must have one unit. ``BenchError`` when there is none or units differ.
    """
    if not budgets or len({budget.unit for budget in budgets}) != 1:
        raise BenchError("cannot average these budgets", expected="at least one, all in one unit")
    groups: dict[str, list[Component]] = {}
    for budget in budgets:
        for item in budget.components:
            groups.setdefault(item.name, []).append(item)
    return Budget(budgets[0].unit, tuple(_mean_component(items, len(budgets)) for items in groups.values()))


def sum_budget(budgets: Sequence[Budget]) -> Budget:
    """Return the budget of the sum of several results of one run, under the rules of ``mean_budget``."""
    return mean_budget(budgets).scaled(float(len(budgets)), budgets[0].unit)


def _mean_component(items: Iterable[Component], count: int) -> Component:
    """Return one component that contributes to a mean what ``items`` do together."""
    items = tuple(items)
    first = items[0]
    contributions = [item.contribution for item in items]
    joined = math.fsum(contributions) if first.shared else math.hypot(*contributions)
    contribution = joined / count
    if first.standard_uncertainty > 0.0:
        return replace(first, sensitivity=contribution / first.standard_uncertainty)
    return replace(first, standard_uncertainty=contribution, sensitivity=1.0)
