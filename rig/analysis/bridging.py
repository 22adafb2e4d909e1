"""A gap in the readings while the pump delivered: what a shift that nobody saw may have done to the level.

The level after the gap is compared with an extrapolation of the slopes that were *measured* on both sides; what the
pump should have delivered decides nothing here, only whether its rate stayed the same. Sources: the level-shift rule of
the lab (compare levels before and after a gap); noise by the Allan variance of the blanks, as for any contrast of
readings (standards-and-metrology 5.10); one dose at unknown phase (design 4.10).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rig.errors import BenchError
from rig.metrology.checks import FloatArray
from rig.metrology.noise import NoiseModel

MIN_READINGS = 12
MIN_SIDE_S = 60.0
MOST_REHEARSALS = 40
MIN_REHEARSALS = 8


@dataclass(frozen=True, slots=True)
class Side:
    """Where the readings beside a gap begin and end that belong to one constant rate, s."""

    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True)
class Gap:
    """What lies between two sides. ``before_s`` of it ran at the rate before, ``after_s`` at the rate after.

    ``side_s``: how much of each side is looked at; ``dose_mg``: one dose; ``switch_s``: half width of when the rate
    changed within it, 0 where it did not.
    """

    start_s: float
    end_s: float
    before_s: float
    after_s: float
    side_s: float
    dose_mg: float = 0.0
    switch_s: float = 0.0

    @property
    def duration_s(self) -> float:
        """Length, s."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Departure:
    """By how much the level after a gap departs from the extrapolation, with its standard uncertainty, in mg."""

    departure_mg: float
    u_mg: float


@dataclass(frozen=True, slots=True)
class _Line:
    """A straight line through readings: slope, level at one edge, and the weights of the readings in both."""

    slope: float  # mg/s
    level: float  # mg, at the edge
    slope_weights: FloatArray
    level_weights: FloatArray
    times: FloatArray


def departure_of(
    times_s: FloatArray,
    masses_mg: FloatArray,
    before: Side,
    gap: Gap,
    after: Side,
    noise: NoiseModel,
    resolution_mg: float = 0.0,
) -> Departure:
    """Return how far the level after ``gap`` lies from what both sides lead to expect.

    u is the larger of two: what noise, drift, doses and a change of slope explain, and what the same extrapolation
    shows over intervals of the same length in which nothing is missing (the pump's own unevenness is in it).
    ``BenchError`` where a side holds too little to extrapolate from.
    """
    left = _side(times_s, masses_mg, before, gap.start_s, gap)
    right = _side(times_s, masses_mg, after, gap.end_s, gap)
    departure = right.level - left.level - gap.before_s * left.slope - gap.after_s * right.slope
    model = math.hypot(
        _noise_u(left, right, gap, noise),
        resolution_mg / math.sqrt(6.0),
        _dose_u(left, right, gap),
        _bend_u(left, right, gap),
    )
    return Departure(departure, max(model, _rehearsed(times_s, masses_mg, before, gap, after)))


def _side(times: FloatArray, masses: FloatArray, side: Side, edge_s: float, gap: Gap) -> _Line:
    """Return the line through the part of a side that is nearest to the gap."""
    is_before = edge_s >= side.to_s
    low = max(side.from_s, side.to_s - gap.side_s) if is_before else side.from_s
    high = side.to_s if is_before else min(side.to_s, side.from_s + gap.side_s)
    part = slice(int(np.searchsorted(times, low - 1e-6)), int(np.searchsorted(times, high + 1e-6)))
    inside = times[part]
    if inside.size < MIN_READINGS or inside[-1] - inside[0] < MIN_SIDE_S:
        raise BenchError(
            f"{inside.size} readings at a constant rate beside the gap at {gap.start_s:.0f} s",
            expected=f"{MIN_READINGS} over {MIN_SIDE_S:.0f} s to extrapolate from",
        )
    return _line(inside, masses[part], edge_s)


def _line(times: FloatArray, masses: FloatArray, edge_s: float) -> _Line:
    centred = times - times.mean()
    slope_weights = np.asarray(centred / float(centred @ centred), dtype=np.float64)
    level_weights = np.asarray(1.0 / times.size + (edge_s - times.mean()) * slope_weights, dtype=np.float64)
    origin = float(masses[0])  # less rounding than with the gross load
    shifted = masses - origin
    return _Line(
        float(slope_weights @ shifted), float(level_weights @ shifted) + origin, slope_weights, level_weights, times
    )


def _noise_u(left: _Line, right: _Line, gap: Gap, noise: NoiseModel) -> float:
    """Return u of the departure from noise and drift: a contrast of all readings on an even grid, the gap included."""
    interval_s = float(np.median(np.diff(left.times)))
    first_s = float(left.times[0])
    count = round((float(right.times[-1]) - first_s) / interval_s) + 1
    weights = np.zeros(count)
    for line, own in (
        (left, -left.level_weights - gap.before_s * left.slope_weights),
        (right, right.level_weights - gap.after_s * right.slope_weights),
    ):
        places: npt.NDArray[np.int64] = np.clip(np.rint((line.times - first_s) / interval_s), 0, count - 1).astype(
            np.int64
        )
        np.add.at(weights, places, own)
    return math.sqrt(noise.contrast_variance_mg2(weights, interval_s))


def _dose_u(left: _Line, right: _Line, gap: Gap) -> float:
    """Return u from doses at unknown phase: one dose between two edges, and what a staircase does to a slope.

    Two uniform phases make a triangle of half width one dose. A line fitted over n doses of q in L is off by at most
    1.5 q/(n L).
    """
    if gap.dose_mg <= 0.0:
        return 0.0
    parts = [gap.dose_mg / math.sqrt(6.0)]
    for line, share_s in ((left, gap.before_s), (right, gap.after_s)):
        length_s = float(line.times[-1] - line.times[0])
        doses = max(abs(line.slope) * length_s / gap.dose_mg, 1.0)
        parts.append(1.5 * gap.dose_mg / (doses * length_s) / math.sqrt(3.0) * share_s)
    return math.hypot(*parts)


def _bend_u(left: _Line, right: _Line, gap: Gap) -> float:
    """Return u from a slope that changed within the gap, nobody knows when (rectangular)."""
    difference = abs(right.slope - left.slope)
    within_s = gap.switch_s if gap.switch_s > 0.0 else gap.duration_s / 2.0
    return difference * within_s / math.sqrt(3.0)


def _rehearsed(times: FloatArray, masses: FloatArray, before: Side, gap: Gap, after: Side) -> float:
    """Return the root mean square departure over gap-long intervals of both sides in which nothing is missing.

    0 where the sides hold fewer than eight such intervals; few are widened by n/(n - 2) as for a scaled t distribution
    (JCGM 101, 6.4.9).
    """
    found: list[float] = []
    for side in (before, after):
        found += _rehearsals(times, masses, side, gap)
    count = len(found)
    return math.sqrt(float(np.sum(np.square(found))) / (count - 2)) if count >= MIN_REHEARSALS else 0.0


def _rehearsals(times: FloatArray, masses: FloatArray, side: Side, gap: Gap) -> list[float]:
    length_s = gap.duration_s
    flank_s = gap.side_s
    room_s = side.to_s - side.from_s - 2.0 * flank_s - length_s
    if room_s < 0.0:
        return []
    count = min(MOST_REHEARSALS // 2, int(room_s / length_s) + 1)
    found = []
    for start_s in np.linspace(side.from_s + flank_s, side.from_s + flank_s + room_s, count):
        start, end = float(start_s), float(start_s) + length_s
        half = Gap(start, end, length_s / 2.0, length_s / 2.0, flank_s)
        try:
            left = _side(times, masses, Side(start - flank_s, start), start, half)
            right = _side(times, masses, Side(end, end + flank_s), end, half)
        except BenchError:
            continue
        found.append(right.level - left.level - half.before_s * left.slope - half.after_s * right.slope)
    return found
