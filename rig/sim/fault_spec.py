"""How one fault of the twin is described."""

from __future__ import annotations

from dataclasses import dataclass

from rig.units import Dimension


@dataclass(frozen=True, slots=True)
class FaultSpec:
    """One fault that can be seeded: its name, how its value is written, and what it does."""

    name: str
    unit: str  # "%", "count", "on", "choice", "command:n", "deed:way:n", "bolus" or a unit
    doc: str
    example: str
    dimension: Dimension | None = None
    choices: tuple[str, ...] = ()
    limits: tuple[float, float] = (0.0, 1e9)
