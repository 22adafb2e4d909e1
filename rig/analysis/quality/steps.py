"""Level shifts and excursions: what the load cannot do, and what the programme does not explain (Q-BUMP, Q-SPIKE).

Two facts are used and nothing is assumed of the pump's accuracy. What has been delivered never leaves the vessel again,
so a fall beyond the noise is the bench's doing. And a rise that was programmed, or makes up for a shortfall that was
weighed just before, is the pump's; any other is not explained: a bump, or a delivery that nobody ordered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rig.analysis.quality.scale import NoiseScale, sigmas
from rig.analysis.quality.spans import Span
from rig.metrology.checks import FloatArray

OUT_AND_BACK_S = 30.0  # within it the display is back after a knock
KNOCK_S = 60.0  # as long may a knock and its ring go on; what lasts longer is noise
LEANING_S = 600.0  # as long may something lean on the pan, beyond that its coming and going are two events
ONSET_S = 5.0  # a rise is compared with what was before it began
CATCH_UP_BLOCKS = 5  # of 20 doses: as far back a shortfall may lie that a rise makes up for
BLOCK_DOSES = 20.0
GAIN_DOSES = 10.0
CATCH_UP_DOSES = 3.0  # by so much a rise may overshoot in flow: edge slip, scatter of doses, a drive that slips free
STEEP = 3.0  # times the programmed rate: no line lets go of a bolus faster
FLOWING_S = 120.0  # after the programme stopped, doses and their tail may still arrive
LEAST_DIGITS = 2.5
SIDE = 5  # readings of which a level's median is taken
SIDE_S = 15.0  # no farther off than that: the level moves on

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Excursion:
    """Out and back: readings from ``start_s`` to ``end_s`` did not show the load. ``size_mg``: the farthest out.

    ``unsure_mg``: what may have been delivered meanwhile and hidden a fall of the level as large; 0 at rest.
    """

    start_s: float
    end_s: float
    readings: int
    size_mg: float
    unsure_mg: float = 0.0


@dataclass(frozen=True, slots=True)
class Shift:
    """The level moved for good between two readings, what lies between them is its settling; ``size_mg`` estimated."""

    before_s: float
    after_s: float
    readings: int
    size_mg: float


@dataclass(frozen=True, slots=True)
class Steps:
    """What `find_steps` found. ``excluded``: shape (n,), readings that did not show the load.

    ``fall_mg``, ``rise_mg``: thresholds at rest; ``rise_flowing_mg``: while something is delivered.
    """

    excursions: tuple[Excursion, ...]
    falls: tuple[Shift, ...]
    rises: tuple[Shift, ...]
    excluded: BoolArray
    fall_mg: float
    rise_mg: float
    rise_flowing_mg: float


def find_steps(
    times_s: FloatArray,
    masses_mg: FloatArray,
    set_mg: FloatArray,
    dose_mg: float,
    scale: NoiseScale,
    busy: Sequence[tuple[float, float]] = (),
    bursts: Sequence[Span] = (),
) -> Steps:
    """Return excursions, falls and unexplained rises; arrays of shape (n,), times strictly increasing.

    ``set_mg``: what was programmed to have left the outlet by each reading. ``busy``: intervals (a bolus with its tail)
    in which a rise is the delivery's own unless it comes all at once; ``bursts``: of noise, in which no single
    reading is an outlier. O(n) and a loop over what was found.
    """
    steps_s = np.diff(times_s)
    z = sigmas(steps_s.size) * scale.sure
    limits = np.maximum(z * scale.differences_mg(steps_s), LEAST_DIGITS * scale.resolution_mg)
    excursions, falls, excluded, unquiet = _falls(times_s, masses_mg, set_mg, dose_mg, limits, bursts)
    at_rest = max(z * scale.longer_mg, LEAST_DIGITS * scale.resolution_mg)
    kept = ~(excluded | unquiet)
    level = masses_mg.copy()  # without the falls: a rise after one does not make up for it
    for fall in falls:
        level[times_s >= fall.after_s] -= fall.size_mg
    rises = _rises(times_s[kept], level[kept], set_mg[kept], dose_mg, at_rest, busy)
    rises += _abrupt_rises(times_s[kept], level[kept], set_mg[kept], dose_mg, at_rest, busy)
    rises.sort(key=lambda each: each.before_s)
    leaning, falls, rises = _pairs(times_s, dose_mg, at_rest, falls, rises)
    for each in leaning:
        excluded |= (times_s >= each.start_s) & (times_s <= each.end_s)
    return Steps(
        tuple(sorted((*excursions, *leaning), key=lambda each: each.start_s)),
        tuple(falls),
        tuple(rises),
        excluded,
        float(np.median(limits)) if limits.size else 0.0,
        at_rest,
        at_rest + CATCH_UP_DOSES * dose_mg,
    )


# --- falls, and what is out and back within half a minute


def _falls(
    times: FloatArray,
    masses: FloatArray,
    set_mg: FloatArray,
    dose_mg: float,
    limits: FloatArray,
    bursts: Sequence[Span],
) -> tuple[list[Excursion], list[Shift], BoolArray, BoolArray]:
    """Return excursions, falls, the readings they exclude, and those too unquiet to look for rises in."""
    excluded, unquiet = np.zeros((2, times.size), dtype=np.bool_)
    downs = np.flatnonzero(np.diff(masses) < -limits)
    excursions: list[Excursion] = []
    falls: list[Shift] = []
    for cluster in _clusters(times, downs, bursts):
        first, last = int(cluster[0]), int(cluster[-1])
        limit = float(limits[cluster].max())
        lasts = times[last] - times[first] > KNOCK_S  # then it is a burst of noise, in which no reading is an outlier
        found = None if lasts else _out_and_back(times, masses, first, last, limit)
        unquiet[first : last + 2] = lasts
        if found is None:
            shift = (
                _level(times, masses, last + 1, +1)
                - _level(times, masses, first, -1)
                - float(set_mg[last + 1] - set_mg[first])
            )
            deepest = float(-np.diff(masses)[cluster].min())
            if shift < -(deepest if lasts else limit / 2.0):
                falls.append(Shift(float(times[first]), float(times[last + 1]), last - first, shift))
            excluded[first + 1 : last + 1] = not lasts
            continue
        low, high = found
        inside = masses[low : high + 1]
        base = _level(times, masses, max(low - 1, 0), -1)
        size = float(inside[np.argmax(np.abs(inside - base))]) - base
        due = float(set_mg[min(high + 1, set_mg.size - 1)] - set_mg[max(low - 1, 0)])
        unsure = min(due + float(-np.diff(masses)[cluster].min()), 1.5 * due + dose_mg) if due > 1e-9 else 0.0
        excursions.append(Excursion(float(times[low]), float(times[high]), high - low + 1, size, unsure))
        excluded[low : high + 1] = True
    return excursions, falls, excluded, unquiet


def _clusters(times: FloatArray, downs: npt.NDArray[np.intp], bursts: Sequence[Span]) -> list[npt.NDArray[np.intp]]:
    """Return the falls that belong together: within half a minute, or within one burst of noise."""
    if not downs.size:
        return []
    apart = np.diff(times[downs]) > OUT_AND_BACK_S
    for span in bursts:
        apart &= ~((times[downs[:-1]] >= span.start_s) & (times[downs[1:]] <= span.end_s))
    return np.split(downs, np.flatnonzero(apart) + 1)


def _out_and_back(times: FloatArray, masses: FloatArray, first: int, last: int, limit: float) -> tuple[int, int] | None:
    """Return first and last reading of an excursion that ends or begins with these falls, None for a lasting shift."""
    after = _level(times, masses, last + 1, +1)
    low = int(np.searchsorted(times, times[first] - OUT_AND_BACK_S))
    back = np.flatnonzero(masses[low : first + 1] <= after + limit)
    up = (low + int(back[-1]) + 1, last) if back.size and low + int(back[-1]) < first else None
    before = _level(times, masses, first, -1)
    high = int(np.searchsorted(times, times[last] + OUT_AND_BACK_S, side="right"))
    forth = np.flatnonzero(masses[last + 1 : high] >= before - limit)
    down = (min(first + 1, last + int(forth[0])), last + int(forth[0])) if forth.size else None
    if up is None or down is None:
        return up or down
    return up if up[1] - up[0] <= down[1] - down[0] else down


def _level(times: FloatArray, masses: FloatArray, at: int, side: int) -> float:
    """Return the median of up to five readings at and beside ``at``: ``side`` +1 those after, -1 those before."""
    low, high = (at, at + SIDE) if side > 0 else (at - SIDE + 1, at + 1)
    part = slice(max(low, 0), min(high, masses.size))
    return float(np.median(masses[part][np.abs(times[part] - times[at]) <= SIDE_S]))


# --- rises


def _rises(
    times: FloatArray,
    masses: FloatArray,
    set_mg: FloatArray,
    dose_mg: float,
    at_rest: float,
    busy: Sequence[tuple[float, float]],
) -> list[Shift]:
    if times.size < 3:
        return []
    residual = masses - _gain(masses, set_mg, dose_mg) * set_mg
    due = set_mg - np.interp(times - FLOWING_S, times, set_mg)
    limits = at_rest + np.where(due > 1e-9, CATCH_UP_DOSES * dose_mg, 0.0)
    found: list[Shift] = []
    for low, high in _quiet(times, busy):
        part = slice(low, high)
        found += _in_stretch(times[part], residual[part], set_mg[part], dose_mg, limits[part])
    return found


def _abrupt_rises(
    times: FloatArray,
    masses: FloatArray,
    set_mg: FloatArray,
    dose_mg: float,
    at_rest: float,
    busy: Sequence[tuple[float, float]],
) -> list[Shift]:
    """Return steps within busy intervals, each once, that are too steep for a delivery: three times its rate."""
    found: set[int] = set()
    for from_s, to_s in busy:
        low, high = np.searchsorted(times, (from_s, to_s))
        if high - low < 3:
            continue
        steps_s, due = np.diff(times[low:high]), np.diff(set_mg[low:high])
        limits = at_rest + STEEP * float((due / steps_s).max()) * steps_s + CATCH_UP_DOSES * dose_mg
        found.update((low + np.flatnonzero(np.diff(masses[low:high]) > limits)).tolist())
    return [
        Shift(float(times[at]), float(times[at + 1]), 0, float(masses[at + 1] - masses[at])) for at in sorted(found)
    ]


def _quiet(times: FloatArray, busy: Sequence[tuple[float, float]]) -> list[tuple[int, int]]:
    """Return the index ranges between busy intervals."""
    edges = [0]
    for from_s, to_s in sorted(busy):
        edges += [int(np.searchsorted(times, from_s)), int(np.searchsorted(times, to_s))]
    edges.append(times.size)
    found, reached = [], 0
    for low, high in zip(edges[::2], edges[1::2], strict=True):
        if high - max(low, reached) > 2:
            found.append((max(low, reached), high))
        reached = max(reached, high)
    return found


def _in_stretch(
    times: FloatArray, residual: FloatArray, set_mg: FloatArray, dose_mg: float, limits: FloatArray
) -> list[Shift]:
    highest = _highest_before(times, residual, set_mg, dose_mg)
    over = np.flatnonzero(residual - highest > limits)
    if not over.size:
        return []
    found = []
    for hits in np.split(over, np.flatnonzero(np.diff(times[over]) > OUT_AND_BACK_S) + 1):
        first = int(hits[0])
        onset = max(min(int(np.searchsorted(times, times[first] - ONSET_S - 1e-6)), first - 1), 0)
        jumps = np.diff(residual[onset : first + 1])
        before, after = onset + int(np.argmax(jumps)), first
        size = _level(times, residual, after, +1) - _level(times, residual, before, -1)
        if size > limits[first] / 4.0:  # less: an outlier between its neighbours
            found.append(Shift(float(times[before]), float(times[after]), after - before - 1, size))
    return found


def _highest_before(times: FloatArray, residual: FloatArray, set_mg: FloatArray, dose_mg: float) -> FloatArray:
    """Return, for each reading, the highest residual up to 5 s before it, as far back as 5 blocks of 20 doses."""
    blocks = np.floor((set_mg - set_mg[0]) / (BLOCK_DOSES * dose_mg)).astype(np.int64)
    starts = np.concatenate(([0], np.flatnonzero(np.diff(blocks)) + 1))
    ends = np.append(starts[1:], times.size)
    running = np.empty_like(residual)
    tops: list[float] = []
    for low, high in zip(starts, ends, strict=True):
        running[low:high] = np.maximum.accumulate(residual[low:high])
        if tops:
            np.maximum(running[low:high], max(tops[-CATCH_UP_BLOCKS:]), out=running[low:high])
        tops.append(float(residual[low:high].max()))
    earlier = np.searchsorted(times, times - ONSET_S - 1e-6, side="right") - 1
    earlier = np.minimum(earlier, np.arange(times.size) - 1)
    # A stretch's first readings have nothing before them: they are compared with themselves.
    return np.where(earlier >= 0, running[np.maximum(earlier, 0)], np.maximum.accumulate(residual))


def _gain(masses: FloatArray, set_mg: FloatArray, dose_mg: float) -> float:
    """Return the delivered share of what was programmed: the median of blocks of 10 doses, which no single bump moves.

    1 where there are fewer than five blocks.
    """
    blocks = int((set_mg[-1] - set_mg[0]) / (GAIN_DOSES * dose_mg)) if dose_mg > 0.0 else 0
    if blocks < 5:
        return 1.0
    marks = set_mg[0] + GAIN_DOSES * dose_mg * np.arange(blocks + 1)
    at = np.minimum(np.searchsorted(set_mg, marks), masses.size - 1)
    due, came = np.diff(set_mg[at]), np.diff(masses[at])
    held = due > 0.0
    return float(np.clip(np.median(came[held] / due[held]), 0.2, 3.0))


# --- something that leaned on the pan: a rise and a fall that undo each other


def _pairs(
    times: FloatArray,
    dose_mg: float,
    limit: float,
    falls: list[Shift],
    rises: list[Shift],
) -> tuple[list[Excursion], list[Shift], list[Shift]]:
    leaning: list[Excursion] = []
    left_falls, left_rises = list(falls), list(rises)
    for fall in falls:
        near = [rise for rise in left_rises if abs(_middle(rise) - _middle(fall)) <= LEANING_S]
        match = min(near, key=lambda rise: abs(rise.size_mg + fall.size_mg), default=None)
        if match is None or abs(match.size_mg + fall.size_mg) > 2.0 * limit + CATCH_UP_DOSES * dose_mg:
            continue
        first, second = sorted((match, fall), key=_middle)
        low, high = np.searchsorted(times, (first.before_s + 1e-6, second.after_s - 1e-6))
        if high <= low:
            continue
        unsure = abs(match.size_mg + fall.size_mg) + dose_mg
        leaning.append(Excursion(float(times[low]), float(times[high - 1]), int(high - low), first.size_mg, unsure))
        left_falls.remove(fall)
        left_rises.remove(match)
    return leaning, left_falls, left_rises


def _middle(shift: Shift) -> float:
    return (shift.before_s + shift.after_s) / 2.0
