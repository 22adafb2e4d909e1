"""The trumpet curve (IEC 60601-2-24; reference section 1.3) and its ideal-pulse envelope (reference section 8.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from rig.analysis.extremes import extreme_changes
from rig.analysis.quality import find_gaps
from rig.analysis.series import checked_steps, require_cover, value_at
from rig.errors import BenchError, UsageError
from rig.metrology.checks import FloatArray, finite

AMBULATORY_WINDOWS_MIN = (15.0, 60.0, 150.0, 330.0, 570.0, 930.0)
AMBULATORY_SAMPLE_INTERVAL_S = 900.0
VOLUMETRIC_WINDOWS_MIN = (2.0, 5.0, 11.0, 19.0, 31.0)
VOLUMETRIC_SAMPLE_INTERVAL_S = 30.0


@dataclass(frozen=True, slots=True)
class TrumpetPoint:
    """The worst windows of one length: ``count`` = m(P) overlapping windows; errors in percent of the set volume."""

    window_min: float
    count: int
    min_pct: float
    max_pct: float


@dataclass(frozen=True, slots=True)
class TrumpetCurve:
    """A trumpet curve over one analysis period; its x axis is window length, not elapsed time."""

    start_s: float
    analysis_s: float
    sample_interval_s: float
    rate_u_per_h: float
    overall_error_pct: float
    points: tuple[TrumpetPoint, ...]


@dataclass(frozen=True, slots=True)
class EnvelopePoint:
    """What an ideal pump shows in windows of one length, only because it delivers in doses."""

    window_min: float
    min_pct: float
    max_pct: float


def trumpet_curve(
    times_s: ArrayLike,
    volume_u: ArrayLike,
    rate_u_per_h: float,
    *,
    start_s: float | None = None,
    analysis_s: float | None = None,
    sample_interval_s: float = AMBULATORY_SAMPLE_INTERVAL_S,
    windows_min: Sequence[float] = AMBULATORY_WINDOWS_MIN,
) -> TrumpetCurve:
    """Return the trumpet curve of a cumulative volume (U, evaporation corrected), both inputs of shape (n,).

    Reference section 1.3, telescoped: E_j(P) = 100 ((V(t_j + P) - V(t_j))/(r P) - 1), t_j in steps of the sample
    interval, m(P) = (T - P)/S + 1. ``start_s`` defaults to the first reading, ``analysis_s`` to the longest
    multiple of S that fits; windows longer than the analysis are left out. ``UsageError``: a rate of zero, a window
    that is no multiple of S, a period beyond the record. ``BenchError``: a gap longer than S inside the analysis, or a
    record that is not in the order of time.
    """
    if not (rate_u_per_h > 0.0 and sample_interval_s > 0.0):
        raise UsageError(
            f"a trumpet curve at {rate_u_per_h!r} U/h every {sample_interval_s!r} s", expected="both above zero"
        )
    times, volume, longest_step_s, regular = checked_steps(times_s, volume_u, sample_interval_s)
    start = float(times[0]) if start_s is None else start_s
    wanted = float(times[-1]) - start if analysis_s is None else analysis_s
    steps = int(np.floor(wanted / sample_interval_s + 1e-9))
    if steps < 1:
        raise UsageError(
            f"an analysis of {wanted:g} s", expected=f"at least one sample interval, {sample_interval_s:g} s"
        )
    end = start + steps * sample_interval_s
    require_cover(times, start, end)
    if longest_step_s > sample_interval_s or not times[0] <= start < end <= times[-1]:
        _refuse_gaps(times, start, end, sample_interval_s)
    samples = _sampled(times, volume, start, sample_interval_s, steps, regular=regular)
    points = _points(samples, rate_u_per_h, sample_interval_s, windows_min)
    hours = steps * sample_interval_s / 3600.0
    overall = 100.0 * (float(samples[-1] - samples[0]) / (rate_u_per_h * hours) - 1.0)
    return TrumpetCurve(start, steps * sample_interval_s, sample_interval_s, rate_u_per_h, overall, points)


def ideal_pulse_envelope(
    rate_u_per_h: float, dose_u: float, windows_min: Sequence[float] = AMBULATORY_WINDOWS_MIN
) -> tuple[EnvelopePoint, ...]:
    """Return the error in percent that doses alone cause: 100 (floor(n)/n - 1) and 100 (ceil(n)/n - 1), n = P r/q.

    Reference section 8.3, in exact fractions of the decimal inputs. 0.1 U/h, 0.05 U, 15 min: -100, +100.
    """
    finite("rate", rate_u_per_h, positive=True)
    finite("dose", dose_u, positive=True)
    points = []
    for window in windows_min:
        doses = _exact(window) * _exact(rate_u_per_h) / (60 * _exact(dose_u))
        low, high = doses.__floor__(), doses.__ceil__()
        points.append(EnvelopePoint(window, float(100 * (low / doses - 1)), float(100 * (high / doses - 1))))
    return tuple(points)


def _exact(value: float) -> Fraction:
    """Return the decimal that a person wrote, not the binary float nearest to it."""
    return Fraction(Decimal(str(float(value))))


def _multiple(window_min: float, sample_interval_s: float) -> int:
    """Return P/S; ``UsageError`` when it is no positive whole number."""
    ratio = window_min * 60.0 / sample_interval_s
    whole = round(ratio)
    if whole < 1 or abs(ratio - whole) > 1e-9 * whole:
        raise UsageError(
            f"an observation window of {window_min:g} min", expected=f"a multiple of {sample_interval_s / 60.0:g} min"
        )
    return whole


def _refuse_gaps(times: FloatArray, start: float, end: float, sample_interval_s: float) -> None:
    """``BenchError`` when the readings leave a gap longer than a sample interval inside the analysis."""
    gaps = find_gaps(times, sample_interval_s, start_s=start, end_s=end)
    if gaps:
        raise BenchError(
            f"{len(gaps)} gap(s) in the analysis period, the first from {gaps[0].start_s:g} s to {gaps[0].end_s:g} s",
            expected=f"no gap longer than the sample interval, {sample_interval_s:g} s",
        )


def _sampled(
    times: FloatArray, volume: FloatArray, start: float, interval: float, steps: int, *, regular: bool
) -> FloatArray:
    """Return the volume at every sample instant; a record that already lies on them is used as it is."""
    if regular:
        first = round((start - float(times[0])) / interval)
        tolerance = 4.0 * float(np.spacing(max(abs(start), abs(times[-1]))))
        if first >= 0 and first + steps < times.size and abs(float(times[first]) - start) <= tolerance:
            return volume[first : first + steps + 1]
    return value_at(times, volume, start + interval * np.arange(steps + 1))


def _points(
    samples: FloatArray, rate_u_per_h: float, sample_interval_s: float, windows_min: Sequence[float]
) -> tuple[TrumpetPoint, ...]:
    """Return the smallest and largest error over all windows of each length that fits."""
    sizes = [(window, _multiple(window, sample_interval_s)) for window in windows_min]
    sizes = [(window, size) for window, size in sizes if size < samples.size]
    changes = extreme_changes(samples, [size for _, size in sizes]) if sizes else ()
    points = []
    for (window, size), (low, high) in zip(sizes, changes, strict=True):
        target = rate_u_per_h * window / 60.0
        errors = 100.0 * (low / target - 1.0), 100.0 * (high / target - 1.0)
        points.append(TrumpetPoint(window, samples.size - size, *errors))
    return tuple(points)
