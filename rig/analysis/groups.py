"""Boluses as a group: statistics, FDA layouts B and C (reference sections 1.4, 3.3, 4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from statistics import median

import numpy as np

from rig.analysis.windows import ErrorStatistics, error_statistics
from rig.errors import UsageError

LAYOUT_C_EDGES_PCT = (25, 75, 90, 95, 105, 110, 125, 175, 250)


@dataclass(frozen=True, slots=True)
class GroupStatistics:
    """A group of boluses of one size, volumes in U.

    ``sd_u`` uses n - 1, None below 2. Layout B is its columns count, set_u, mean_u, min_u, max_u.
    """

    count: int
    set_u: float
    mean_u: float
    sd_u: float | None
    min_u: float
    max_u: float
    total_u: float
    errors: ErrorStatistics


@dataclass(frozen=True, slots=True)
class Bin:
    """Boluses whose volume in percent of command is in [lower, upper); None is open; 250 itself belongs to 175-250."""

    lower_pct: int | None
    upper_pct: int | None
    count: int
    share_pct: float


@dataclass(frozen=True, slots=True)
class OverPumps:
    """One column of layout A over several pumps: the typical (median), the lowest and the highest."""

    count: int
    median_u: float
    min_u: float
    max_u: float


def group_statistics(volumes_u: Sequence[float], set_u: float) -> GroupStatistics:
    """Return mean, SD, extremes and errors of boluses of ``set_u`` (reference sections 1.4, 4.3; EX-03).

    ``UsageError`` for an empty group or a command that is not above zero.
    """
    errors = error_statistics(volumes_u, set_u)
    volumes = np.asarray(volumes_u, dtype=np.float64)
    return GroupStatistics(
        count=volumes.size,
        set_u=set_u,
        mean_u=float(volumes.mean()),
        sd_u=float(volumes.std(ddof=1)) if volumes.size > 1 else None,
        min_u=float(volumes.min()),
        max_u=float(volumes.max()),
        total_u=float(volumes.sum()),
        errors=errors,
    )


def bolus_bins(
    volumes_u: Sequence[float], set_u: float, edges_pct: Sequence[int] = LAYOUT_C_EDGES_PCT
) -> tuple[Bin, ...]:
    """Return layout C: counts of volumes by percent of command, with exact decimal edges (reference EX-05).

    Half-open [lower, upper); above the last edge only what is strictly greater. Values are taken as the shortest
    decimal that names the float, so 0.0375 of 0.05 is exactly 75 %. ``UsageError`` unless ``set_u`` is above zero.
    """
    if not set_u > 0.0:
        raise UsageError(f"bins of a command of {set_u!r} U", expected="above zero")
    command = _exact(set_u)
    counts = [0] * (len(edges_pct) + 1)
    for volume in volumes_u:
        percent = 100 * _exact(volume) / command
        index = sum(percent >= edge for edge in edges_pct)
        counts[index - 1 if percent == edges_pct[-1] else index] += 1
    bounds = (None, *edges_pct, None)
    total = max(len(volumes_u), 1)
    return tuple(
        Bin(lower, upper, count, 100.0 * count / total)
        for lower, upper, count in zip(bounds[:-1], bounds[1:], counts, strict=True)
    )


def over_pumps(delivered_u: Sequence[float]) -> OverPumps:
    """Return median, lowest and highest of several pumps (FDA layout A); ``UsageError`` for none."""
    if not delivered_u:
        raise UsageError("a layout A column without a pump", expected="at least one value")
    return OverPumps(len(delivered_u), float(median(delivered_u)), min(delivered_u), max(delivered_u))


def _exact(value: float) -> Fraction:
    """Return the decimal that names this float."""
    return Fraction(Decimal(str(float(value))))
