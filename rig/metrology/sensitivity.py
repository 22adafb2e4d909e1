"""What a reference weight before and after a run says of the balance's span (ISO 8655-6, EURAMET cg-18; section 5.8).

The gross load is some thousand times what is delivered in an hour: a change of span by 1 ppm of 50 g is 0.05 mg.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rig.errors import BenchError
from rig.metrology.budget import Component
from rig.metrology.checks import finite

MOST_PPM = 2000.0  # a span further off is no drift but a wrong weight or a broken balance


@dataclass(frozen=True, slots=True)
class ReferenceWeighing:
    """One weighing of a known mass: what the display changed by, with its standard uncertainty, in mg."""

    at_s: float
    shown_mg: float
    u_shown_mg: float


@dataclass(frozen=True, slots=True)
class SensitivityCheck:
    """True mass per displayed mass at two times, linear between them and held beyond them.

    ``u_common``: relative u that both share (the reference mass); ``u_each``: relative u of either weighing alone.
    """

    start_s: float
    end_s: float
    start_factor: float
    end_factor: float
    u_common: float
    u_each: float
    source: str = "reference weight before and after"

    def factor_at(self, at_s: float) -> float:
        """Return the span factor at a time."""
        share = min(max((at_s - self.start_s) / (self.end_s - self.start_s), 0.0), 1.0)
        return self.start_factor + share * (self.end_factor - self.start_factor)

    def correction(self, from_s: float, to_s: float, gross_mg: float) -> tuple[float, float]:
        """Return (span factor for a difference, what the change of span does to the gross load, in mg)."""
        first, last = self.factor_at(from_s), self.factor_at(to_s)
        return (first + last) / 2.0, gross_mg * (last - first)

    def components(
        self, from_s: float, to_s: float, *, gross_mg: float, per_span: float, per_mg: float
    ) -> list[Component]:
        """Return the budget of that correction: the span itself, and its change on the gross load.

        The change is known from two weighings, in the share that the interval is of the time between them; that it
        was linear is not known: half of the whole change is a rectangular half width.
        """
        share = abs(self.factor_at(to_s) - self.factor_at(from_s))
        part = min(abs(to_s - from_s) / (self.end_s - self.start_s), 1.0)
        u_change = math.hypot(
            math.sqrt(2.0) * self.u_each * part, abs(self.end_factor - self.start_factor) / 2.0 / math.sqrt(3.0)
        )
        u_span = math.hypot(self.u_common, self.u_each, share / math.sqrt(12.0))
        name = "change of span on the gross load"
        return [
            Component(
                "span, reference weight", u_span, "1", per_span, "A", source=self.source, shared=True, enters="span"
            ),
            Component(name, u_change * gross_mg, "mg", per_mg, "A", source=self.source, enters="mass"),
        ]


def sensitivity_from_reference(
    before: ReferenceWeighing, after: ReferenceWeighing, *, true_mg: float, u_true_mg: float
) -> SensitivityCheck:
    """Return the span before and after a run from weighings of a mass of ``true_mg`` (conventional mass, k = 1).

    ``BenchError`` for times out of order, a mass or its display that is not positive, or a span more than 2000 ppm off.
    """
    true = finite("reference mass", true_mg, positive=True)
    finite("u of the reference mass", u_true_mg, non_negative=True)
    if not before.at_s < after.at_s:
        raise BenchError(
            f"a reference weighed at {before.at_s:g} s and then at {after.at_s:g} s", expected="before, then after"
        )
    factors = []
    for weighing in (before, after):
        shown = finite("display of the reference mass", weighing.shown_mg, positive=True)
        finite("u of that display", weighing.u_shown_mg, non_negative=True)
        factor = true / shown
        if abs(factor - 1.0) > MOST_PPM * 1e-6:
            raise BenchError(
                f"a reference mass of {true:g} mg shows {shown:g} mg",
                expected=f"within {MOST_PPM:g} ppm",
                hint="the right mass, and an adjusted balance",
            )
        factors.append(factor)
    u_each = max(before.u_shown_mg, after.u_shown_mg) / true
    return SensitivityCheck(before.at_s, after.at_s, factors[0], factors[1], u_true_mg / true, u_each)
