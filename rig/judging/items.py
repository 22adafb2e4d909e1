"""What a measure found: values with uncertainties, on the way from a run to a check."""

from __future__ import annotations

from dataclasses import dataclass

from rig.errors import BenchError
from rig.metrology.budget import Budget


class NotMeasurableError(BenchError):
    """The bench, not the pump, broke during the interval that a check needs: INVALID."""


@dataclass(frozen=True, slots=True)
class Item:
    """One value with its standard uncertainty ``u``, both in the check's unit.

    ``amount_u`` picks the part of a bolus claim; ``set_u`` and ``measured_u`` are in U; ``why_not``: not measurable.
    """

    label: str
    from_s: float
    to_s: float
    value: float | None
    u: float | None
    budget: Budget | None = None
    amount_u: float | None = None
    set_u: float | None = None
    measured_u: float | None = None
    why_not: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """What a check measured: one item, or several for an "each" check.

    A share carries its Clopper-Pearson interval in percent, widened by what the balance could not tell apart.
    """

    from_s: float
    to_s: float
    items: tuple[Item, ...]
    interval_pct: tuple[float, float] | None = None
