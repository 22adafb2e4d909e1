"""What the bench itself contributes to each result, and whether that leaves room to decide (design 4.11).

Part of an uncertainty is the bench's own (noise, drift, evaporation, the room, certificates), part comes with what is
measured (the edge of a dose, the tail of a bolus) or with what disturbed this run (a reading gap, a fall of the level).
A bench is fit for a check when its own part keeps U at most half the limit; otherwise the check is INVALID, unless it
FAILs by more than all of U.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from rig.metrology.budget import COVERAGE_FACTOR, Budget
from rig.results import CheckResult, Outcome
from rig.verdict import Decision, Limits

FIT_SHARE: Final = 0.5  # the bench's own U may be at most this share of a limit, design 4.11
UNFIT: Final = "the bench is not fit to decide this"
NOT_THE_BENCH: Final = "what is measured"
DISTURBANCES: Final = "disturbances"  # added uncertainty of this run decides there (design 4.4), and no fitness
REST: Final = "other"
# A component belongs to the first group whose beginning its name has; one that nobody has placed counts as the bench's.
GROUPS: Final = (
    ("noise", ("repeatability", "resolution, both readings", "noise", "estimate of a scatter")),
    ("drift", ("balance zero drift", "empty level moved")),
    ("evaporation", ("evaporation",)),
    ("environment", ("sensitivity drift", "vessel buoyancy", "air density", "liquid density")),
    ("calibration", ("linearity", "span", "change of span", "immersed tube", "vessel volume", "reference weight")),
    ("time", ("time stamps", "lag of the display")),
    (DISTURBANCES, ("reading gap", "fall of the level", "fall that may hide")),
    (
        NOT_THE_BENCH,
        (
            "dose edge",
            "dose interval",
            "rate change between readings",
            "bolus tail",
            "lag between plunger",
            "reading interval",
            "rise below the threshold",
            "resolution of the pump's log",
            "programmed meanwhile",
            "clamp",
            "closing of the clamp",
        ),
    ),
)


def group_of(name: str) -> str:
    """Return the group of a component of a budget by its name."""
    return next((group for group, begins in GROUPS if name.startswith(begins)), REST)


def is_the_bench(name: str) -> bool:
    """Whether a component is the bench's own contribution."""
    return _own(group_of(name))


def _own(group: str) -> bool:
    return group not in (NOT_THE_BENCH, DISTURBANCES)


def own_u(budget: Budget | None) -> float | None:
    """Return the standard uncertainty that is the bench's own, in the result's unit; None without a budget."""
    if budget is None:
        return None
    return math.hypot(*(part.contribution for part in budget.components if is_the_bench(part.name)))


def leaves_room(u: float | None, limits: Limits) -> bool:
    """Whether 2u keeps to half the limit; what has no u or no scale cannot be compared, and is not held up."""
    return u is None or limits.reach is None or COVERAGE_FACTOR * u <= FIT_SHARE * limits.reach


@dataclass(frozen=True, slots=True)
class Asked:
    """A decision as limits and U have it, with what it rests on; ``of_the_bench``: the bench itself is asked."""

    decision: Decision
    value: float | None
    u: float | None
    budget: Budget | None
    limits: Limits
    of_the_bench: bool = False

    def fitted(self) -> Decision:
        """Return the decision that this bench is fit to make.

        A FAIL beyond the limit by more than U stands on any bench. Where the bench's own U is more than half the limit,
        everything else is INVALID; where only all of U is, a PASS is withheld. A bench that is itself asked (a
        qualification) cannot be unfit for it: there a PASS is withheld.
        """
        if self.decision.outcome in (Outcome.REPORT_ONLY, Outcome.INVALID) or leaves_room(self.u, self.limits):
            return self.decision
        own = own_u(self.budget)
        if leaves_room(own, self.limits) or self.of_the_bench:
            if self.decision.outcome is not Outcome.PASS:
                return self.decision
            why = f"{UNFIT}: U is more than half the limit"
            return self._because(Outcome.INCONCLUSIVE, why)
        if self._fails_by_more_than_u():
            return self.decision
        size = COVERAGE_FACTOR * (own or 0.0)
        why = f"{UNFIT}: its own U of {size:.3g} is more than half the limit of {self.limits.reach or 0.0:.3g}"
        return self._because(Outcome.INVALID, f"{why}; most of it: {_most(self.budget)}")

    def _fails_by_more_than_u(self) -> bool:
        if self.decision.outcome is not Outcome.FAIL or self.value is None or self.u is None:
            return False
        expanded, limits = COVERAGE_FACTOR * self.u, self.limits
        below = limits.lower is not None and self.value + expanded < limits.lower
        return below or (limits.upper is not None and self.value - expanded > limits.upper)

    def _because(self, outcome: Outcome, why: str) -> Decision:
        return Decision(outcome, why, self.decision.conformance_probability, self.decision.measurement_capability)


def _most(budget: Budget | None) -> str:
    sizes = grouped((part.name, part.contribution) for part in (budget.components if budget is not None else ()))
    own = {group: u for group, u in sizes.items() if _own(group)}
    return max(own, key=lambda group: own[group], default="nothing")


def grouped(parts: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Return the standard uncertainty of each group from (name, contribution) pairs, in the order of the groups."""
    found: dict[str, float] = {}
    for name, contribution in parts:
        group = group_of(name)
        found[group] = math.hypot(found.get(group, 0.0), contribution)
    order = [*(group for group, _ in GROUPS[:-2]), REST, DISTURBANCES, NOT_THE_BENCH]
    return {group: found[group] for group in order if group in found}


def check_row(check: CheckResult) -> dict[str, Any] | None:
    """Return one check's entry of ``fitness.checks``; None for a check that decides nothing or was not measured.

    ``components[]``: U of each group in the check's unit, and its share of the limit. Of an "each" check it is that of
    the item shown as its value, and ``items_unfit`` of ``items`` are beyond half of their own limit.
    """
    limits = Limits(check.lower_limit, check.upper_limit, check.limit_source)
    reach = limits.reach
    if not limits.decide or reach is None or not check.budget:
        return None
    sizes = grouped((line.name, line.contribution) for line in check.budget)
    own = math.hypot(*(u for group, u in sizes.items() if _own(group)))
    unfit = [row for row in check.items if str(row.get("why", "")).startswith(UNFIT)]
    return {
        "id": check.id,
        "title": check.title,
        "unit": check.unit,
        "limit": reach,
        "expanded_uncertainty": check.expanded_uncertainty,
        "own_expanded_uncertainty": COVERAGE_FACTOR * own,
        "share": COVERAGE_FACTOR * own / reach,
        "fit": COVERAGE_FACTOR * own <= FIT_SHARE * reach and not unfit,
        "items": len(check.items),
        "items_unfit": len(unfit),
        "components": [
            {
                "name": group,
                "expanded_uncertainty": COVERAGE_FACTOR * u,
                "share": COVERAGE_FACTOR * u / reach,
                "of_the_bench": _own(group),
            }
            for group, u in sizes.items()
        ],
    }
