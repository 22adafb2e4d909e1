"""A measured value with its budget, and linear combinations of several of one run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rig.metrology.budget import COVERAGE_FACTOR, Budget, Component
from rig.metrology.checks import finite


@dataclass(frozen=True, slots=True)
class Measured:
    """A value in the unit of its budget; ``notes``: what a report must print beside it."""

    value: float
    budget: Budget
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        finite("measured value", self.value)

    @property
    def unit(self) -> str:
        """Unit of value and budget."""
        return self.budget.unit

    @property
    def u(self) -> float:
        """Combined standard uncertainty."""
        return self.budget.combined

    @property
    def expanded(self) -> float:
        """Expanded uncertainty, k = 2."""
        return COVERAGE_FACTOR * self.u

    def scaled(self, factor: float, unit: str) -> Measured:
        """Return ``factor`` x this, in ``unit``."""
        return Measured(self.value * factor, self.budget.scaled(factor, unit), self.notes)


def stated(value: float, u: float, unit: str, name: str, source: str = "stated") -> Measured:
    """Return a value that someone states with its standard uncertainty."""
    component = Component(name, finite(f"u of {name}", u, non_negative=True), unit, source=source)
    return Measured(finite(name, value), Budget(unit, (component,)))


def combined_budget(unit: str, parts: Sequence[tuple[str, Measured, float]]) -> Budget:
    """Return the budget of a result whose partial derivatives by each part are given (GUM 5.1.2, 5.2.2).

    Each part is (label, measured, derivative). Components that are ``shared`` have one unknown error in the whole run:
    those of one name add with their signs, so that they cancel in a difference or ratio. All others are independent,
    and carry the label of their part.
    """
    own: list[Component] = []
    joint: dict[tuple[str, str], list[Component]] = {}
    for label, measured, derivative in parts:
        for item in measured.budget.components:
            scaled = replace(item, sensitivity=item.sensitivity * derivative)
            if item.shared:
                joint.setdefault((item.name, item.unit), []).append(scaled)
            else:
                own.append(replace(scaled, name=f"{label}: {item.name}" if label else item.name))
    return Budget(unit, (*own, *(_joined(items) for items in joint.values())))


def _joined(items: Sequence[Component]) -> Component:
    """Return one component that moves the result as the same error in all of them does."""
    first = max(items, key=lambda item: item.standard_uncertainty)
    moved = math.fsum(item.sensitivity * item.standard_uncertainty for item in items)
    return (
        first if first.standard_uncertainty == 0.0 else replace(first, sensitivity=moved / first.standard_uncertainty)
    )


def joined_notes(*parts: Measured | None) -> tuple[str, ...]:
    """Return the notes of all, each once."""
    return tuple(dict.fromkeys(note for part in parts if part is not None for note in part.notes))
