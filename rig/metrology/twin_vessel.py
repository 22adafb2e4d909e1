"""Evaporation from a twin vessel: an identical one beside the receiving vessel, weighed all the time.

It sees the same air at the same moment, so nothing has to be interpolated between two blanks, and what the air does to
both vessels alike (buoyancy of glass and content) is in its reading as well (reference sections 5.5, 5.6).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rig.errors import BenchError
from rig.metrology.blank import checked_blank, even_grid
from rig.metrology.checks import FloatArray, finite
from rig.metrology.evaporation import Evaporation
from rig.metrology.noise import SECONDS_PER_HOUR, fit_noise

LEVEL_S = 60.0  # readings of so long make each end, never more than a twentieth of the interval
LEVEL_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class TwinBuoyancy:
    """What has to be taken off the twin's own reading where its surface is not that of the receiving vessel."""

    load_cm3: float
    air_start_kg_per_m3: float
    air_end_kg_per_m3: float

    @property
    def mass_mg(self) -> float:
        """How much lighter the denser air makes it look, in mg."""
        return (self.air_end_kg_per_m3 - self.air_start_kg_per_m3) * self.load_cm3


def evaporation_from_twin(
    times_s: ArrayLike,
    masses_mg: ArrayLike,
    resolution_mg: float,
    *,
    from_s: float,
    to_s: float,
    area_ratio: float = 1.0,
    u_area_ratio: float = 0.0,
    buoyancy: TwinBuoyancy | None = None,
) -> Evaporation:
    """Return the mean loss rate over exactly [from_s, to_s] from a twin weighed over at least that time, shape (n,).

    Rate = area_ratio x (level at from_s - level at to_s) / (to_s - from_s): end levels, not a fitted slope, because
    what was lost in all is wanted and the rate need not have been even. Its u comes from the twin's own noise by Allan
    variance, drift as a random walk included, and from ``u_area_ratio``. ``area_ratio``: surface of the receiving
    vessel over that of the twin. Without ``buoyancy`` the common buoyancy stays in the rate and the result
    ``holds_buoyancy``; surfaces then have to be equal. ``BenchError``: too few readings, an interval that the twin does
    not cover, readings missing at an end, a ratio that is not positive.
    """
    times, masses = checked_blank(times_s, masses_mg)
    ratio = finite("area ratio", area_ratio, positive=True)
    finite("u of the area ratio", u_area_ratio, non_negative=True)
    finite("resolution", resolution_mg, positive=True)
    if buoyancy is None and ratio != 1.0:
        raise BenchError(
            f"a twin whose surface is 1/{ratio:g} of the vessel's, its buoyancy not corrected",
            expected="equal surfaces, or load_cm3 and the air densities of the twin",
        )
    if not times[0] <= from_s < to_s <= times[-1]:
        raise BenchError(
            f"evaporation from {from_s:g} s to {to_s:g} s",
            expected=f"an interval within the twin's readings, {times[0]:g} s to {times[-1]:g} s",
        )
    interval_s = float(np.median(np.diff(times)))
    inside = (times >= from_s - 1.5 * interval_s) & (times <= to_s + 1.5 * interval_s)
    noise = fit_noise(even_grid(times[inside], masses[inside], interval_s), interval_s, resolution_mg)
    width_s = min(LEVEL_S, LEVEL_SHARE * (to_s - from_s))
    start, end = (_level(times, masses, at_s, width_s, interval_s) for at_s in (from_s, to_s))
    hours = (to_s - from_s) / SECONDS_PER_HOUR
    lost_mg = start[0] - end[0] - (0.0 if buoyancy is None else buoyancy.mass_mg)
    u_noise, u_drift, _ = noise.u_difference_mg(start[1], start[2], end[1], end[2], to_s - from_s)
    u_mg = math.hypot(u_noise, u_drift, resolution_mg / math.sqrt(6.0))
    u_rate = math.hypot(ratio * u_mg, lost_mg * u_area_ratio) / hours
    return Evaporation(ratio * lost_mg / hours, u_rate, "normal", "A", "twin vessel", holds_buoyancy=buoyancy is None)


def _level(
    times: FloatArray, masses: FloatArray, at_s: float, width_s: float, interval_s: float
) -> tuple[float, int, float]:
    """Return (mass at an instant, readings, their span in s): a line through the readings around it.

    A mean would lie beside the instant where the record ends; a line does not.
    """
    near = np.flatnonzero(np.abs(times - at_s) <= max(width_s, 1.5 * interval_s))
    if near.size < 2 or float(np.min(np.abs(times[near] - at_s))) > 1.5 * interval_s:
        raise BenchError(f"no readings of the twin vessel around {at_s:g} s", expected="readings at both ends")
    t, m = times[near] - at_s, masses[near]
    spread = t - t.mean()
    slope = float(spread @ m / (spread @ spread))
    # The u of a line's end is that of a mean of a quarter of its readings (GUM H.3: 4 s^2/n at the end of the data).
    return float(m.mean() - slope * t.mean()), max(near.size // 4, 1), float(t[-1] - t[0]) / 4.0
