"""Displays that stand still: frozen conversions, and zero tracking that swallows a slow flow (Q-REPEAT, Q-ZERO).

Noise moves the last digit. How often is known from the blank; a pump can only make it move more often. So a stretch in
which it moves less is the display's doing, whatever the pump does, and a dead pump does not look like it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rig.analysis.quality.scale import ALPHA, NoiseScale
from rig.analysis.quality.spans import Span, repeated_readings
from rig.metrology.checks import FloatArray

WINDOW = 60  # readings, half overlapping, in which moves of the last digit are counted
BLIND_SHARE = 0.9  # above it the display is too coarse for its noise: nothing can be said
NEAR_ZERO_DIGITS = 2.5
FEWEST_REPEATS = 10


@dataclass(frozen=True, slots=True)
class FrozenLimits:
    """What is too still: one value for longer than ``longest_s``; ``fewest_moves`` or fewer in a window of 60.

    ``blind``: the noise does not move this display; neither can be told from an honest reading.
    """

    longest_s: float
    fewest_moves: int
    blind: bool


def frozen_limits(scale: NoiseScale, count: int) -> FrozenLimits:
    """Return the limits for ``count`` readings at the blank's interval, each at ``ALPHA`` false alarms a run."""
    same = min(max(scale.same_share, 1e-6), 1.0 - 1e-9)
    longest = 1.0 + math.log(ALPHA / max(count, 1)) / math.log(same)
    fewest = _binomial_quantile(WINDOW, 1.0 - same, ALPHA / max(2.0 * count / WINDOW, 1.0))
    return FrozenLimits(longest * scale.interval_s, fewest, same > BLIND_SHARE)


def find_frozen(
    times_s: FloatArray, masses_mg: FloatArray, scale: NoiseScale
) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Return (frozen, zero-tracked) stretches; arrays of shape (n,), the displayed values as they were read.

    Frozen: one value longer than noise permits. Zero-tracked: the last digit moves too seldom, and the values shown
    lie within 2.5 digits of zero.
    """
    chosen = _at_interval(times_s, scale.interval_s)
    limits = frozen_limits(scale, chosen.size)
    if limits.blind or times_s.size < 2:
        return (), ()
    # Readings farther apart than the blank's are fewer in that time, and as free to repeat themselves.
    fewest = max(FEWEST_REPEATS, math.ceil(limits.longest_s / scale.interval_s))
    frozen = repeated_readings(times_s, masses_mg, longest_s=limits.longest_s, min_count=fewest)
    return frozen, _still_at_zero(times_s[chosen], masses_mg[chosen], scale, limits)


def _at_interval(times_s: FloatArray, interval_s: float) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return the indices of readings about ``interval_s`` apart: faster ones share a conversion or its filter."""
    slots = np.floor((times_s - times_s[0]) / interval_s + 1e-6)
    return np.flatnonzero(np.concatenate(([True], np.diff(slots) > 0)))


def _still_at_zero(times: FloatArray, masses: FloatArray, scale: NoiseScale, limits: FrozenLimits) -> tuple[Span, ...]:
    if times.size <= WINDOW or limits.fewest_moves < 0:
        return ()
    moves = np.concatenate(([0], np.cumsum(np.abs(np.diff(masses)) > scale.resolution_mg / 2.0)))
    zeros = np.concatenate(([0], np.cumsum(np.abs(masses) < NEAR_ZERO_DIGITS * scale.resolution_mg)))
    firsts = np.arange(0, times.size - WINDOW, WINDOW // 2)
    lasts = firsts + WINDOW
    still = (moves[lasts] - moves[firsts] <= limits.fewest_moves) & (zeros[lasts] - zeros[firsts] == WINDOW)
    return merged([Span(float(times[i]), float(times[i + WINDOW]), WINDOW) for i in firsts[still]])


def merged(spans: list[Span], within_s: float = 0.0) -> tuple[Span, ...]:
    """Return spans in order, those that overlap or lie within ``within_s`` of each other as one; counts are summed."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda each: each.start_s):
        if found and span.start_s <= found[-1].end_s + within_s:
            last = found[-1]
            found[-1] = Span(last.start_s, max(last.end_s, span.end_s), last.count + span.count)
        else:
            found.append(span)
    return tuple(found)


def _binomial_quantile(count: int, share: float, probability: float) -> int:
    """Return the largest k with P(X <= k) < ``probability``, -1 when there is none."""
    total, k = 0.0, 0
    while k <= count:
        total += math.comb(count, k) * share**k * (1.0 - share) ** (count - k)
        if total >= probability:
            return k - 1
        k += 1
    return count
