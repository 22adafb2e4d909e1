"""Predicted detection limits: what the rig's own rules and budgets say before any fault is seeded.

All figures that a prediction needs come from the runs without a fault: U, and how far the pumps of this twin lie from
their programme by themselves. A detector claims from its threshold on; it finds in 95 % of runs what lies 1.645
standard deviations beyond it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median, pstdev
from typing import Final

from tests.studies.matrix.play import ONE_SIDED
from tests.studies.matrix.scenes import scenes
from tests.studies.matrix.search import CLEAN, Cell

LIMIT_PCT: Final = 5.0
MG_PER_U: Final = 9.98
DOSE_U: Final = 0.025
HOURS: Final = 24.0
MEDIAN_SCATTER: Final = 0.76  # of a difference of two medians of five levels (rig.analysis.dose_events)
BLANK_SIGMAS: Final = 5.0
SLOPE_SIGMAS: Final = 3.0
GATE: Final = 0.2  # of the programme: evaporation beyond it is INVALID (design 4.11)
WITHIN: Final = 1.5


@dataclass(frozen=True, slots=True)
class Facts:
    """What clean runs of a scene say; percent of SET, doses where a name says so."""

    rate_u_per_h: float
    expanded_u: float
    mean: float
    spread: float
    lasting_limit_doses: float
    scatter_doses: float
    u_slope: float  # standard uncertainty of the slope of a suspension, in U/h; 0 where there is none

    @property
    def fails_at(self) -> float:
        """Return how far the truth must lie beyond 0 for 95 % of FAILs against +-5 %, without the pump's own mean."""
        return LIMIT_PCT + self.expanded_u + ONE_SIDED * math.hypot(self.expanded_u / 2.0, self.spread)

    @property
    def low(self) -> float:
        """Return by how much a pump must deliver too little."""
        return self.fails_at + self.mean

    @property
    def blank_change_mg_per_h(self) -> float:
        """Return the change of the blanks' slopes that is found, all of u taken for evaporation: u(change) = 2 u(E)."""
        u_e = self.expanded_u / 200.0 * self.rate_u_per_h * MG_PER_U
        return (BLANK_SIGMAS + ONE_SIDED) * 2.0 * u_e

    @property
    def doses(self) -> float:
        """Return how many doses must be missed or doubled at once."""
        return self.lasting_limit_doses + ONE_SIDED * MEDIAN_SCATTER * self.scatter_doses


def facts_of(cells: Sequence[Cell], scene_id: str) -> Facts | None:
    """Return what the clean runs of a scene say, None where none was made."""
    held = [cell.facts for cell in cells if cell.case == CLEAN and cell.scene == scene_id]
    us = [u for each in held for u in each["expanded_u"] if u is not None]
    truths = [truth for each in held for truth in each["truth"] if truth is not None]
    if not us:
        return None
    slopes = [each["slope"] for found in held for each in found["all_u"] if each.get("slope") is not None]
    limits = [each for found in held for each in found["limits"] if each]
    lasting = sorted(each["lasting_limit_doses"] for each in limits if "lasting_limit_doses" in each)
    scatter = [each["scatter_pct"] / 100.0 / math.sqrt(2.0) for each in limits if "scatter_pct" in each]
    return Facts(
        rate_u_per_h=scenes()[scene_id].rate_u_per_h,
        expanded_u=median(us),
        mean=fmean(truths) if truths else 0.0,
        spread=pstdev(truths) if truths else 0.0,
        lasting_limit_doses=lasting[int(0.95 * (len(lasting) - 1))] if lasting else math.inf,
        scatter_doses=median(scatter) if scatter else 0.0,
        u_slope=median(slopes) / 2.0 if slopes else 0.0,
    )


@dataclass(frozen=True, slots=True)
class Formula:
    """How a limit is predicted: in words, and as a number in the unit of the fault; of which scene's clean runs."""

    words: str
    of: Callable[[Facts], float]
    scene: str = ""  # another scene whose clean runs are used


def _rise(facts: Facts) -> float:
    del facts
    return 3.0 * DOSE_U * MG_PER_U + 0.1


FORMULAS: Final[dict[str, Formula]] = {
    "gain-low": Formula("5 % + U + m + 1.645 √(u² + s²)", lambda f: f.low),
    "gain-high": Formula("5 % + U - m + 1.645 √(u² + s²)", lambda f: f.fails_at - f.mean),
    "doses": Formula("the next whole number of L + 1.645 · 0.76 · b", lambda f: math.ceil(f.doses)),
    "bubble": Formula("(L + 1.645 · 0.76 · b) doses of 0.25 µL", lambda f: f.doses * DOSE_U * 10.0),
    "late": Formula("24 h · (5 % + U + m + 1.645 √(u² + s²))", lambda f: HOURS * 60.0 * f.low / 100.0),
    "short": Formula(
        "5 % + U + m + 1.645 √(u² + s²), the next multiple of 2.5 % (40 doses in 1 U)",
        lambda f: 2.5 * math.ceil(f.low / 2.5),
    ),
    "one": Formula("one: a whole bolus is more than half of one", lambda _: 1.0),
    "report": Formula("half a step of the log, 0.0125 U of 1 U", lambda _: 1.25),
    "suspend": Formula(
        "(3 + 1.645) u of the slope of that suspension",
        lambda f: (SLOPE_SIGMAS + ONE_SIDED) * f.u_slope,
    ),
    "clock": Formula("2 s a day, and 1 s of each of two readings of the clock", lambda _: 4.0 / 60.0),
    "alarm": Formula("5 h · 1 U/h / C, C = 0.0305 U/kPa", lambda _: 5.0 / 0.0305, "basal-10"),
    "empty": Formula("40 U · (5 % + U + m + 1.645 √(u² + s²))", lambda f: 40.0 * f.low / 100.0, "basal-10"),
    "evaporation": Formula("20 % of the programme's mean rate", lambda f: GATE * f.rate_u_per_h * MG_PER_U),
    "blanks": Formula(
        "(5 + 1.645) u(change of the blanks' slopes), u(change) = 2 u(E)", lambda f: f.blank_change_mg_per_h
    ),
    "hidden": Formula(
        "(5 % + U + m + 1.645 √(u² + s²)) of 24 U within 20 h",
        lambda f: f.low / 100.0 * HOURS * f.rate_u_per_h * MG_PER_U / 20.0,
    ),
    "full": Formula(
        "(5 % + U + m + 1.645 √(u² + s²)) of 24 U", lambda f: f.low / 100.0 * HOURS * f.rate_u_per_h * MG_PER_U
    ),
    "warm": Formula(
        "as for blanks that differ; 1 K moves a blank of 1 h by 0.043 mg/h",
        lambda f: f.blank_change_mg_per_h / 0.043,
    ),
    "warmed": Formula("0.1 U within 15 min; 1 K gives 0.062 U, half of it in 15 min", lambda _: 0.1 / 0.062 / 0.53),
    "filter": Formula("7 s (docs/reference/data-quality.md)", lambda _: 7.0),
    "drops": Formula("the larger of 3 mg and 8 doses; 4 mg at 0.05 U/h (data-quality.md)", lambda _: 3.0),
    "draught": Formula("4.5 times the noise of the blanks' differences, 0.010 mg, at rest", lambda _: 0.031),
    "rise": Formula("three doses and 0.1 mg (data-quality.md)", _rise),
    "fall": Formula("0.07 mg and what was due between two readings (data-quality.md)", lambda _: 0.1),
    "gap": Formula("gap.tolerate, 60 s", lambda _: 60.0),
    "frozen": Formula("30 readings (data-quality.md)", lambda f: 300.0 if f.rate_u_per_h >= 1.0 else 900.0),
}


def predicted(formula: str, scene_id: str, cells: Sequence[Cell]) -> float | None:
    """Return the predicted limit in the unit of the fault, None where nothing is predicted."""
    found = FORMULAS.get(formula)
    facts = None if found is None else facts_of(cells, found.scene or scene_id)
    if found is None or facts is None:
        return None
    value = found.of(facts)
    return value if math.isfinite(value) else None


def is_worse(measured: float | None, limit: float | None) -> bool:
    """Return whether a measured limit is more than 1.5 times the predicted one, or was not reached at all."""
    return limit is not None and (measured is None or measured > WITHIN * limit + 1e-9)
