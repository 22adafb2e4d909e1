"""Fixed, non-overlapping windows and their statistics (reference section 4.3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rig.analysis.quality import find_gaps
from rig.analysis.series import checked, require_cover, value_at
from rig.errors import UsageError
from rig.metrology.checks import FloatArray

WITHIN_LIMITS_PCT = (5, 10, 15, 20, 25, 30)
BOUNDARY_PCT = 1e-9  # a result on the limit counts as within


@dataclass(frozen=True, slots=True)
class FixedWindows:
    """Volumes of successive windows: starts and volumes of shape (k,). ``excluded``: starts of windows with a gap."""

    window_s: float
    start_s: FloatArray
    volume_u: FloatArray
    excluded_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ErrorStatistics:
    """Statistics of relative errors e_k = 100 (V_k/V_t - 1), in percent (reference section 4.3).

    ``sd_pct`` uses n - 1 and is None below 2. ``within_count``: limit in percent -> number with |e| <= limit.
    ``total_error_pct``: 100 (sum V / sum V_t - 1).
    """

    count: int
    mean_pct: float
    sd_pct: float | None
    min_pct: float
    max_pct: float
    mard_pct: float
    median_abs_pct: float
    total_error_pct: float
    within_count: dict[int, int]

    def within_pct(self, limit_pct: int) -> float:
        """Return the share within +-limit in percent."""
        return 100.0 * self.within_count[limit_pct] / self.count

    def outside_pct(self, limit_pct: int) -> float:
        """Return the share outside +-limit in percent."""
        return 100.0 - self.within_pct(limit_pct)


def fixed_windows(
    times_s: ArrayLike,
    volume_u: ArrayLike,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    window_s: float = 3600.0,
    longest_gap_s: float | None = None,
) -> FixedWindows:
    """Return the complete, adjacent windows from ``start_s`` on; inputs of shape (n,), cumulative volume in U.

    Edges are interpolated linearly. A window that touches a gap longer than ``longest_gap_s`` is left out and named in
    ``excluded_s``. No complete window gives empty arrays. ``UsageError`` for a period beyond the record.
    """
    times, volume = checked(times_s, volume_u)
    start = float(times[0]) if start_s is None else start_s
    end = float(times[-1]) if end_s is None else end_s
    if not window_s > 0.0:
        raise UsageError(f"windows of {window_s!r} s", expected="above zero")
    require_cover(times, start, end)
    count = int(np.floor((end - start) / window_s + 1e-9))
    edges = start + window_s * np.arange(count + 1)
    volumes = np.diff(value_at(times, volume, edges))
    starts: FloatArray = np.asarray(edges[:-1], dtype=np.float64)
    good = np.ones(count, dtype=np.bool_)
    if longest_gap_s is not None:
        for gap in find_gaps(times, longest_gap_s, start_s=start, end_s=end):
            good &= (edges[1:] <= gap.start_s) | (edges[:-1] >= gap.end_s)
    return FixedWindows(window_s, starts[good], volumes[good], tuple(float(s) for s in starts[~good]))


def relative_errors_pct(volume_u: ArrayLike, target_u: ArrayLike) -> FloatArray:
    """Return 100 (V/V_t - 1), broadcast; ``UsageError`` unless every target is above zero."""
    volume = np.asarray(volume_u, dtype=np.float64)
    target = np.asarray(target_u, dtype=np.float64)
    if not bool((target > 0.0).all()):
        raise UsageError("a relative error of a target of zero", expected="targets above zero")
    return np.asarray(100.0 * (volume / target - 1.0), dtype=np.float64)


def error_statistics(volume_u: ArrayLike, target_u: ArrayLike) -> ErrorStatistics:
    """Return the statistics of ``volume_u`` against ``target_u`` (one value, or one for each), shape (k,), k >= 1.

    Reference section 4.3; EX-06: 0.95 1.10 1.00 0.80 1.05 against 1 gives mean -2.0 %, SD 11.51086 %, MARD 8.0 %.
    The boundary counts as within, to 1e-9. ``UsageError`` when there is nothing to count or a target is not above zero.
    """
    volume = np.atleast_1d(np.asarray(volume_u, dtype=np.float64))
    target = np.broadcast_to(np.asarray(target_u, dtype=np.float64), volume.shape)
    if volume.size == 0 or not np.isfinite(volume).all():
        raise UsageError(f"statistics of {volume.size} values", expected="at least one, all numbers")
    errors = relative_errors_pct(volume, target)
    size = np.abs(errors)
    return ErrorStatistics(
        count=volume.size,
        mean_pct=float(errors.mean()),
        sd_pct=float(errors.std(ddof=1)) if volume.size > 1 else None,
        min_pct=float(errors.min()),
        max_pct=float(errors.max()),
        mard_pct=float(size.mean()),
        median_abs_pct=float(np.median(size)),
        total_error_pct=100.0 * (float(volume.sum()) / float(target.sum()) - 1.0),
        within_count={limit: int(np.count_nonzero(size <= limit + BOUNDARY_PCT)) for limit in WITHIN_LIMITS_PCT},
    )
