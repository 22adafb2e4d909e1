"""Reading gaps that are explained: the pump went on delivering, and nobody looked (design 4.4).

What left the outlet is the difference of two levels, and a gap between them takes nothing from it, unless something
shifted the level unseen: a bump, a touch, a drop. The level after the gap is compared with what the slopes measured on
both sides let expect; the departure and its own uncertainty enter the budget, and U decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rig.analysis.quality import Span
from rig.judging.view import FloatArray, RunView
from rig.metrology.budget import Component
from rig.results import Finding

SIDE_S = 1800.0  # how much of each side the slopes are taken from, at most
LEAST_READINGS = 5
SHIFT_SIGMAS = 3.0


@dataclass(frozen=True, slots=True)
class Bridge:
    """A gap, by how much the level after it departs from what both sides let expect, and how well that is known."""

    gap: Span
    departure_mg: float
    u_mg: float

    @property
    def shifted(self) -> bool:
        """Say whether the level moved by more than the extrapolation explains."""
        return abs(self.departure_mg) > SHIFT_SIGMAS * self.u_mg

    def component(self, density_mg_per_ul: float) -> Component:
        """Return the gap's part in the budget of a volume, in uL."""
        u_ul = math.hypot(self.departure_mg, self.u_mg) / density_mg_per_ul
        name = f"reading gap of {self.gap.duration_s:.0f} s"
        return Component(name, u_ul, "uL", 1.0, "B", "normal", "level after the gap against both sides' slopes")

    def finding(self) -> Finding:
        """Return the finding of a shift."""
        text = (
            f"the level moved by {self.departure_mg:+.2g} mg more than both sides let expect, in a gap of "
            f"{self.gap.duration_s:.0f} s: somebody or something may have touched the bench"
        )
        return Finding("shift-in-gap", text, self.gap.start_s, self.gap.end_s)


def bridge(view: RunView, gap: Span) -> Bridge | None:
    """Return what is known of a gap; None where a side holds too little to compare with."""
    before = _side(view, max(gap.start_s - SIDE_S, float(view.times_s[0])), gap.start_s, gap.start_s)
    after = _side(view, gap.end_s, min(gap.end_s + SIDE_S, float(view.times_s[-1])), gap.end_s)
    if before is None or after is None:
        return None
    slope = (before.slope + after.slope) / 2.0
    departure = after.level_mg - before.level_mg - slope * gap.duration_s
    u_slope = math.hypot(before.u_slope, after.u_slope) / 2.0
    # Rates that differ on both sides: where in the gap the rate changed is not known.
    u_change = abs(after.slope - before.slope) * gap.duration_s / math.sqrt(12.0)
    u_dose = math.sqrt(2.0) * _dose_mg(view) / math.sqrt(6.0)
    noise = view.chain.noise.reading_mg if view.chain.noise is not None else view.chain.balance.repeatability_mg
    return Bridge(gap, departure, math.hypot(u_slope * gap.duration_s, u_change, u_dose, math.sqrt(2.0) * noise))


@dataclass(frozen=True, slots=True)
class _Side:
    level_mg: float
    slope: float
    u_slope: float


def _side(view: RunView, from_s: float, to_s: float, at_s: float) -> _Side | None:
    """Return level at ``at_s`` and slope (mg/s) of one side, the doses' steps in the slope's uncertainty."""
    inside = (view.times_s >= from_s) & (view.times_s <= to_s)
    times, masses = view.times_s[inside], view.masses_mg[inside]
    if len(times) < LEAST_READINGS or times[-1] <= times[0]:
        return None
    slope, level = (float(each) for each in np.polyfit(times - at_s, masses, 1))
    span_s = float(times[-1] - times[0])
    scatter = _scatter(times - at_s, masses, slope, level)
    u_noise = scatter * math.sqrt(12.0 / len(times)) / span_s
    return _Side(level, slope, math.hypot(u_noise, _dose_mg(view) / (math.sqrt(6.0) * span_s)))


def _scatter(times: FloatArray, masses: FloatArray, slope: float, level: float) -> float:
    return float(np.std(masses - (level + slope * times)))


def _dose_mg(view: RunView) -> float:
    return view.programme.dose_u * view.ul_per_u * 1e-3 * view.chain.liquid.density_kg_per_m3
