"""What a measure found: values with uncertainties, on the way from a run to a check."""

from __future__ import annotations

from dataclasses import dataclass

from rig.errors import BenchError
from rig.metrology.budget import Budget
from rig.metrology.volume import VolumeResult


class NotMeasurableError(BenchError):
    """The bench, not the pump, broke during the interval that a check needs: INVALID."""


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a value came from volumes: value = offset + factor x V of one volume, or the mean of its ``parts``.

    ``formula`` says so in words, with ``V`` in uL; ``factor`` in the value's unit per uL. ``numbers`` are those of the
    formula. A derivation without a volume and without parts does not rest on one volume (a duration).
    """

    formula: str
    factor: float = 0.0
    offset: float = 0.0
    volume: VolumeResult | None = None
    numbers: tuple[tuple[str, float], ...] = ()
    parts: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One value with its standard uncertainty ``u``, both in the check's unit.

    ``amount_u`` picks the part of a bolus claim, ``rate_u_per_h`` that of one for occlusions; ``set_u`` and
    ``measured_u`` are in U; ``why_not``: not measurable; ``at_least``: the true value is larger, nobody knows by how
    much, so that it can FAIL and never PASS.
    """

    label: str
    from_s: float
    to_s: float
    value: float | None
    u: float | None
    budget: Budget | None = None
    amount_u: float | None = None
    rate_u_per_h: float | None = None
    set_u: float | None = None
    measured_u: float | None = None
    why_not: str = ""
    at_least: bool = False
    notes: tuple[str, ...] = ()
    derivation: Derivation | None = None


def error_of(volume: VolumeResult, set_u: float, ul_per_u: float) -> Derivation:
    """Return the derivation of a relative error in %."""
    numbers = (("ul_per_u", ul_per_u), ("set_u", set_u))
    return Derivation("100 (V / ul_per_u / set_u - 1)", 100.0 / (ul_per_u * set_u), -100.0, volume, numbers)


def amount_of(volume: VolumeResult, ul_per_u: float) -> Derivation:
    """Return the derivation of an amount in U."""
    return Derivation("V / ul_per_u", 1.0 / ul_per_u, 0.0, volume, (("ul_per_u", ul_per_u),))


@dataclass(frozen=True, slots=True)
class Measured:
    """What a check measured: one item, or several for an "each" check.

    A share carries its Clopper-Pearson interval in percent, widened by what the balance could not tell apart;
    ``interval_basis`` says from which counts.
    """

    from_s: float
    to_s: float
    items: tuple[Item, ...]
    interval_pct: tuple[float, float] | None = None
    interval_basis: str = ""
