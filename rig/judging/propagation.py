"""Monte Carlo beside the linear budget of a value: whether y +- 2u may be believed (JCGM 101; design 4.7).

The value of every check gets the full number of draws; of an "each" check that is the item shown as its value. Of the
other items those that PASS by less than 4.5 u get fewer: by Chebyshev's inequality no distribution has more than 5 % of
itself beyond 4.47 u, so that for the rest no other interval could change the outcome.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from rig.judging.items import Derivation, Item
from rig.metrology.monte_carlo import (
    DRAWS,
    PROBABILITY,
    TWO_SIGMA,
    Comparison,
    Derived,
    compare,
    dominant,
    propagate,
)
from rig.results import Finding, Outcome
from rig.verdict import COVERAGE_FACTOR, Decision, Limits

ITEM_DRAWS = 20_000
CHEBYSHEV = 4.5
FEW_FREEDOM = 10.0
FEW_SHARE = 0.25  # of the variance: below it few degrees of freedom do not matter
CLOSE = 3.0  # u between a value and its limit
WITHHELD = "PASS withheld: the Monte Carlo interval (JCGM 101) is wider than y +- U and does not lie within the limits"


@dataclass(frozen=True, slots=True)
class Propagated:
    """What Monte Carlo says of one value; ``doubts``: why the linear budget was worth checking."""

    item: Item
    unit: str
    comparison: Comparison
    doubts: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Return it as it stands in the result."""
        found = self.comparison
        return {
            "draws": found.draws,
            "seed": found.seed,
            "mean": found.value,
            "u": found.u,
            "probability": PROBABILITY,
            "interval": list(found.interval),
            "shortest": list(found.shortest),
            "compared_probability": TWO_SIGMA,
            "compared": list(found.matched),
            "differences": [found.low_difference, found.high_difference],
            "tolerance": found.tolerance,
            "sampling": found.sampling,
            "agrees": found.agrees,
            "doubts": list(self.doubts),
        }

    def findings(self) -> list[Finding]:
        """Return that linear propagation does not hold here, or nothing."""
        found = self.comparison
        if found.agrees:
            return []
        low, high = found.matched
        which = "reaches further" if found.reaches_further else "is narrower: y +- U stands"
        why = f"; {'; '.join(self.doubts)}" if self.doubts else ""
        text = (
            f"Monte Carlo (JCGM 101, {found.draws} draws) puts {100.0 * TWO_SIGMA:.2f} % between {low:.4g} and "
            f"{high:.4g} {self.unit}; it {which} (its ends and those of y +- U differ by "
            f"{found.low_difference:+.2g} and {found.high_difference:+.2g}, {found.allowed:.2g} would agree{why})"
        )
        return [Finding("linear-propagation", text, self.item.from_s, self.item.to_s)]

    def withhold(self, decision: Decision, limits: Limits) -> Decision:
        """Return a decision without a PASS that the Monte Carlo interval does not bear out; never the reverse."""
        low, high = self.comparison.matched
        below = limits.lower is not None and low < limits.lower
        above = limits.upper is not None and high > limits.upper
        if decision.outcome is not Outcome.PASS or not self.comparison.reaches_further or not (below or above):
            return decision
        return replace(decision, outcome=Outcome.INCONCLUSIVE, why=WITHHELD)


def propagated(item: Item, limits: Limits, unit: str, *, draws: int = DRAWS) -> Propagated | None:
    """Return Monte Carlo for one value; None where it has no budget or no uncertainty."""
    if item.value is None or item.u is None or item.budget is None or item.u <= 0.0:
        return None
    values = propagate(derived(item.derivation), item.budget, item.value, draws=draws)
    comparison = compare(values, item.value, COVERAGE_FACTOR * item.u)
    return Propagated(item, unit, comparison, tuple(_doubts(item, limits)))


def derived(derivation: Derivation | None) -> Derived:
    """Return the volumes that a value rests on, with their factors."""
    if derivation is None:
        return Derived(0.0)
    if derivation.volume is not None:
        return _of_volumes([derivation], 1)
    held = [part.derivation for part in derivation.parts if part.derivation is not None and part.value is not None]
    return _of_volumes(held, max(len(held), 1))


def needs_a_look(item: Item, limits: Limits, decision: Decision) -> bool:
    """Whether another interval than y +- 2u could take away a PASS at all."""
    margin = _margin(item, limits)
    return decision.outcome is Outcome.PASS and margin is not None and margin < CHEBYSHEV


def _of_volumes(derivations: list[Derivation], count: int) -> Derived:
    models = [each.volume.model for each in derivations if each.volume is not None and each.volume.model is not None]
    if len(models) != len(derivations) or not models:
        return Derived(0.0)
    offset = math.fsum(each.offset for each in derivations) / count
    return Derived(offset, tuple(models), tuple(each.factor / count for each in derivations))


def _margin(item: Item, limits: Limits) -> float | None:
    """Return the distance to the nearer limit in u, negative outside; None without a limit."""
    if item.value is None or not item.u:
        return None
    sides = []
    if limits.lower is not None:
        sides.append((item.value - limits.lower) / item.u)
    if limits.upper is not None:
        sides.append((limits.upper - item.value) / item.u)
    return min(sides, default=None)


def _doubts(item: Item, limits: Limits) -> list[str]:
    """Return why linear propagation is doubtful here."""
    assert item.budget is not None  # noqa: S101 - the caller made sure
    total = item.budget.combined**2
    found = []
    largest = dominant(item.budget)
    if largest is not None:
        share = largest.contribution**2 / total
        found.append(f"{largest.name} ({largest.distribution}) makes {share:.0%} of the variance")
    few = [
        each
        for each in item.budget.components
        if each.degrees_of_freedom is not None
        and each.degrees_of_freedom < FEW_FREEDOM
        and each.contribution**2 > FEW_SHARE * total
    ]
    found += [f"{each.name} rests on {each.degrees_of_freedom:.1f} degrees of freedom" for each in few]
    volume = item.derivation.volume if item.derivation is not None else None
    if volume is not None and abs(volume.volume_ul) <= 2.0 * volume.u_ul:
        found.append("the measured volume is not larger than its own U")
    margin = _margin(item, limits)
    if limits.decide and margin is not None and abs(margin) < CLOSE:
        found.append(f"a limit lies {abs(margin):.1f} u from the value")
    return found
