"""When a bolus may be closed (design 4.12), decided while it runs; the judgement looks at the same readings again."""

from __future__ import annotations

import math
from collections.abc import Iterable

MIN_SETTLE_S = 60.0
SETTLE_FRACTION = 0.25
SLOPE_WINDOW_S = 60.0
MIN_READINGS = 10


def settle_time_s(duration_s: float) -> float:
    """Return the shortest wait after the nominal end of a bolus of ``duration_s``: max(60 s, 25 %)."""
    return max(MIN_SETTLE_S, SETTLE_FRACTION * duration_s)


def recent_slope(readings: Iterable[tuple[float, float]], now_s: float) -> tuple[float, float] | None:
    """Return (slope, its standard uncertainty) in mg/s over the last 60 s, or None while there is too little.

    ``readings`` are (time in s, mass in mg) in order. The uncertainty is taken from the scatter between the means of
    six 10-s pieces, which a filter's or 1/f noise's correlation inside a piece does not make too small.
    """
    window = [(t_s, mass_mg) for t_s, mass_mg in readings if now_s - SLOPE_WINDOW_S <= t_s <= now_s]
    if len(window) < MIN_READINGS or window[-1][0] - window[0][0] < 0.8 * SLOPE_WINDOW_S:
        return None
    pieces: dict[int, list[tuple[float, float]]] = {}
    for t_s, mass_mg in window:
        pieces.setdefault(min(5, int((t_s - now_s + SLOPE_WINDOW_S) // 10.0)), []).append((t_s, mass_mg))
    means = [(_mean(t for t, _ in piece), _mean(m for _, m in piece)) for _, piece in sorted(pieces.items())]
    if len(means) < 4:
        return None
    return _line(means)


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return math.fsum(listed) / len(listed)


def _line(points: list[tuple[float, float]]) -> tuple[float, float]:
    """Return slope and its standard uncertainty of a least-squares line."""
    centre_x = _mean(x for x, _ in points)
    centre_y = _mean(y for _, y in points)
    spread = math.fsum((x - centre_x) ** 2 for x, _ in points)
    slope = math.fsum((x - centre_x) * (y - centre_y) for x, y in points) / spread
    residual = math.fsum((y - centre_y - slope * (x - centre_x)) ** 2 for x, y in points)
    return slope, math.sqrt(residual / (len(points) - 2) / spread)
