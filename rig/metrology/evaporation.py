"""Evaporation from blanks before and after a run (design 4.11)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rig.errors import BenchError
from rig.metrology.blank import Blank
from rig.metrology.budget import Component
from rig.metrology.checks import finite

# Between two blanks humidity and temperature go their daily way, and neither blank sees it: 10 points of relative
# humidity near 50 % move the driving force 1 - h by a fifth, and a wave is mostly inside its extremes.
WEATHER_HALF_WIDTH = 0.15


@dataclass(frozen=True, slots=True)
class Evaporation:
    """Loss rate E in mg/h (positive = the vessel loses mass) with its standard uncertainty.

    ``holds_buoyancy``: what the air did to the vessel is in it (a twin vessel), and is not corrected again.
    """

    rate_mg_per_h: float
    u_mg_per_h: float
    distribution: str = "normal"
    evaluation: str = "B"
    source: str = "stated"
    u_between_mg_per_h: float = 0.0
    holds_buoyancy: bool = False

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        finite("evaporation", self.rate_mg_per_h)
        finite("u of the evaporation", self.u_mg_per_h, non_negative=True)

    def components(self, sensitivity: float) -> tuple[Component, ...]:
        """Return the budget components; ``sensitivity`` in result units per mg/h."""
        own = Component(
            "evaporation",
            self.u_mg_per_h,
            "mg/h",
            sensitivity,
            self.evaluation,
            self.distribution,
            self.source,
            shared=True,
            enters="evaporation",
        )
        if self.u_between_mg_per_h <= 0.0:
            return (own,)
        name, source = "evaporation between the blanks", "weather: rig's assumption of 15 % of E"
        u_mg_per_h = self.u_between_mg_per_h
        between = Component(
            name, u_mg_per_h, "mg/h", sensitivity, "B", "rectangular", source, shared=True, enters="evaporation"
        )
        return own, between


def evaporation_from_blanks(before: Blank | None, after: Blank | None) -> Evaporation:
    """Return E from one or two blanks.

    With both: E = mean, u^2 = (u_before^2 + u_after^2)/4 + (E_before - E_after)^2/12 (design 4.11), the u's from the
    blanks' Allan variance; what the weather did between them stands beside it as ``u_between_mg_per_h``.
    With one only, a change during the run is unknown: u^2 = u_blank^2 + E^2/3, that is E
    may have gone anywhere from nothing to twice itself; the source says so. ``BenchError`` with none.
    """
    if before is not None and after is not None:
        rates = (-before.slope_mg_per_h, -after.slope_mg_per_h)
        u_noise = math.hypot(before.u_slope_mg_per_h, after.u_slope_mg_per_h) / 2.0
        u_change = abs(rates[0] - rates[1]) / math.sqrt(12.0)
        mean = (rates[0] + rates[1]) / 2.0
        between = WEATHER_HALF_WIDTH * abs(mean) / math.sqrt(3.0)
        return Evaporation(mean, math.hypot(u_noise, u_change), "normal", "A", "blanks before and after", between)
    blank = before or after
    if blank is None:
        raise BenchError("no blank", expected="a blank before, after, or a stated evaporation")
    u = math.hypot(blank.u_slope_mg_per_h, blank.slope_mg_per_h / math.sqrt(3.0))
    which = "before" if before is not None else "after"
    return Evaporation(-blank.slope_mg_per_h, u, "normal", "A", f"blank {which} only")


def stated_evaporation(rate_mg_per_h: float, half_width_mg_per_h: float) -> Evaporation:
    """Return an evaporation that someone states, with a rectangular half width (reference section 5.9, row 3)."""
    u = finite("half width", half_width_mg_per_h, non_negative=True) / math.sqrt(3.0)
    return Evaporation(rate_mg_per_h, u, "rectangular", "B", "stated")


@dataclass(frozen=True, slots=True)
class EvaporationComparison:
    """Two estimates of one evaporation: ``difference`` and its u in mg/h, and E_n = |difference| / (2 u)."""

    difference_mg_per_h: float
    u_difference_mg_per_h: float
    e_n: float

    @property
    def consistent(self) -> bool:
        """Whether they agree within their expanded uncertainties (E_n <= 1, ISO/IEC 17043)."""
        return self.e_n <= 1.0


def compare_evaporations(first: Evaporation, second: Evaporation) -> EvaporationComparison:
    """Return how two independent estimates agree, for example blanks and a twin vessel.

    All of each one's uncertainty counts, what the weather may have done between two blanks included. ``BenchError``
    when one holds the vessel's buoyancy and the other does not: they then estimate different things.
    """
    if first.holds_buoyancy != second.holds_buoyancy:
        raise BenchError(
            "only one of two evaporations holds the buoyancy of the vessel",
            expected="both with it or both without",
            hint="load_cm3 and the air densities for the twin vessel",
        )
    difference = second.rate_mg_per_h - first.rate_mg_per_h
    u = math.hypot(first.u_mg_per_h, first.u_between_mg_per_h, second.u_mg_per_h, second.u_between_mg_per_h)
    if u == 0.0:
        return EvaporationComparison(difference, u, 0.0 if difference == 0.0 else math.inf)
    return EvaporationComparison(difference, u, abs(difference) / (2.0 * u))
