"""Statistics of single doses: sizes, intervals, averages of n pulses (Bowen), and pulses on a clock grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rig.analysis.windows import BOUNDARY_PCT, ErrorStatistics, error_statistics
from rig.errors import UsageError
from rig.metrology.checks import FloatArray, finite

AVERAGE_LENGTHS = (10, 20, 40)  # Bowen & Allender 2016 (reference sections 4.2b, 4.3)
OUTSIDE_PCT = 15.0


@dataclass(frozen=True, slots=True)
class PulseAverages:
    """Moving means of ``length`` consecutive doses, in percent of the nominal dose; ``count`` of them, overlapping.

    ``outside``: how many lie outside +-15 %; ``blocks`` and ``blocks_outside``: the same of those that share no dose.
    """

    length: int
    count: int
    min_pct: float
    max_pct: float
    outside: int
    blocks: int
    blocks_outside: int

    @property
    def outside_pct(self) -> float:
        """Return the share of the overlapping means outside +-15 %, in percent."""
        return 100.0 * self.outside / self.count


@dataclass(frozen=True, slots=True)
class IntervalStatistics:
    """Intervals between consecutive doses, in s; ``sampling_sd_s``: what sampling adds to their SD."""

    count: int
    mean_s: float
    sd_s: float
    min_s: float
    max_s: float
    sampling_sd_s: float

    @property
    def sd_pct(self) -> float:
        """Return SD/mean in percent (Girardot 2020)."""
        return 100.0 * self.sd_s / self.mean_s


def pulse_averages(sizes_u: ArrayLike, dose_u: float, length: int) -> PulseAverages | None:
    """Return the averages of ``length`` consecutive doses, shape (n,); None where no ``length`` known ones follow.

    A dose of unknown size is NaN: no average reaches over it. Reference section 4.3: moving mean of n consecutive pulse
    volumes; the boundary counts as within.
    """
    sizes = np.asarray(sizes_u, dtype=np.float64)
    finite("dose", dose_u, positive=True)
    if length < 1:
        raise UsageError(f"averages of {length} doses", expected="1 or more")
    if sizes.size < length:
        return None
    means = np.lib.stride_tricks.sliding_window_view(sizes, length).mean(axis=1)
    errors = 100.0 * (means / dose_u - 1.0)
    separate = errors[::length]
    errors, separate = errors[np.isfinite(errors)], separate[np.isfinite(separate)]
    if errors.size == 0:
        return None
    limit = OUTSIDE_PCT + BOUNDARY_PCT
    return PulseAverages(
        length=length,
        count=errors.size,
        min_pct=float(errors.min()),
        max_pct=float(errors.max()),
        outside=int(np.count_nonzero(np.abs(errors) > limit)),
        blocks=separate.size,
        blocks_outside=int(np.count_nonzero(np.abs(separate) > limit)),
    )


def size_statistics(sizes_u: ArrayLike, dose_u: float) -> ErrorStatistics | None:
    """Return the statistics of the known sizes (not NaN) against the nominal dose; None when there is none."""
    sizes = np.asarray(sizes_u, dtype=np.float64)
    known = sizes[np.isfinite(sizes)]
    return error_statistics(known, dose_u) if known.size else None


def interval_statistics(times_s: ArrayLike, sampling_s: float) -> IntervalStatistics | None:
    """Return the statistics of the intervals between consecutive known dose times; None below two intervals.

    A NaN stands for a dose whose time is unknown: no interval reaches over it. A step between two readings may lie
    anywhere between them: each end adds ``sampling_s``/sqrt(12), both together ``sampling_s``/sqrt(6).
    """
    gaps = np.diff(np.asarray(times_s, dtype=np.float64))
    gaps = gaps[np.isfinite(gaps)]
    if gaps.size < 2:
        return None
    return IntervalStatistics(
        count=gaps.size,
        mean_s=float(gaps.mean()),
        sd_s=float(gaps.std(ddof=1)),
        min_s=float(gaps.min()),
        max_s=float(gaps.max()),
        sampling_sd_s=sampling_s / math.sqrt(6.0),
    )


def clock_grid_pulses(
    from_s: float,
    to_s: float,
    rate_u_per_h: float,
    dose_u: float,
    *,
    suspended: Sequence[tuple[float, float]] = (),
    grid_s: float = 0.0,
) -> FloatArray:
    """Return the pulses in [from_s, to_s) of a pump that doses on a fixed clock grid through ``grid_s``.

    The period is dose/rate, rounded to whole seconds; a pulse due while the pump is ``suspended`` [start, end) is lost
    and not made up (MiniMed 507, reference sections 8.2, 8.4). EX-18: 0.1 U at 0.5 U/h, suspended 5:02 to 5:32: 5:00,
    5:36 and 5:48 in the hour from 5:00, 0.3 U instead of 0.5.
    """
    finite("rate", rate_u_per_h, positive=True)
    finite("dose", dose_u, positive=True)
    period = max(1.0, float(round(3600.0 * dose_u / rate_u_per_h)))
    low = math.ceil((from_s - grid_s) / period - 1e-9)
    high = math.ceil((to_s - grid_s) / period - 1e-9)
    due = grid_s + period * np.arange(low, max(low, high))
    lost = np.zeros(due.size, dtype=np.bool_)
    for start, end in suspended:
        lost |= (due >= start) & (due < end)
    return np.asarray(due[~lost], dtype=np.float64)
