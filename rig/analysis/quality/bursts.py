"""Bursts of noise: a draught, a door, a vibrating table (Q-NOISE).

Only downward differences are counted. A delivery moves the display up, never down; so doses cannot pass for noise, and
in a fast flow the detector becomes blind instead of wrong.
"""

from __future__ import annotations

import math

import numpy as np

from rig.analysis.quality.frozen import merged
from rig.analysis.quality.scale import ALPHA, NoiseScale, sigmas, upper_tail
from rig.analysis.quality.spans import Span
from rig.metrology.checks import FloatArray

WINDOW = 20  # readings
FALLS = 4  # within the window


def fall_limit(count: int, scale: NoiseScale) -> float:
    """Return the fall, in standard deviations, of which four in 20 readings come by chance in 1e-4 of clean runs.

    Windows of 20 among ``count`` differences hold four given ones with C(20, 4) p^4; neighbouring differences share a
    reading, so two falls in a row do not happen by one reading.
    """
    windows = max(count, 1) * math.comb(WINDOW, FALLS)
    return sigmas(1.0, (ALPHA / windows) ** (1.0 / FALLS)) * scale.sure


def detection_limit(count: int, scale: NoiseScale) -> float:
    """Return by what factor the noise must rise to be found in 60 readings at rest in 95 % of cases."""
    limit = fall_limit(count, scale)
    factor = 1.0
    while factor < 100.0:
        share = upper_tail(limit / factor)
        missed = sum(math.comb(WINDOW, k) * share**k * (1.0 - share) ** (WINDOW - k) for k in range(FALLS))
        if missed**3 < 0.05:
            return factor
        factor += 0.1
    return factor


def find_bursts(times_s: FloatArray, masses_mg: FloatArray, scale: NoiseScale) -> tuple[Span, ...]:
    """Return the stretches in which four of 20 neighbouring readings fall by more than noise explains, shape (n,)."""
    if times_s.size <= WINDOW:
        return ()
    steps_s = np.diff(times_s)
    limit = fall_limit(steps_s.size, scale)
    falls = np.flatnonzero(
        np.diff(masses_mg) < -np.maximum(limit * scale.differences_mg(steps_s), 1.5 * scale.resolution_mg)
    )
    if falls.size < FALLS:
        return ()
    close = np.flatnonzero(falls[FALLS - 1 :] - falls[: 1 - FALLS] < WINDOW)
    spans = []
    for first in close:
        low, high = int(falls[first]), int(falls[first + FALLS - 1]) + 1
        spans.append(Span(float(times_s[low]), float(times_s[high])))
    return tuple(
        Span(span.start_s, span.end_s, _count(times_s, span)) for span in merged(spans, _reach_s(times_s, spans))
    )


def _reach_s(times_s: FloatArray, spans: list[Span]) -> float:
    """Return how far apart two bursts may lie and still be one."""
    return WINDOW * float(np.median(np.diff(times_s))) if spans else 0.0


def _count(times_s: FloatArray, span: Span) -> int:
    low, high = np.searchsorted(times_s, (span.start_s, span.end_s))
    return int(high - low) + 1
