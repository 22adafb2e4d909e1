"""The same definitions a second time: plain loops over fractions, straight from the words of the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

Rows = list[tuple[Fraction, Fraction]]  # time s, cumulative volume U


def along(rows: Rows, instants: Sequence[Fraction]) -> list[Fraction]:
    """The volume at each of the instants, which must not go back in time: a straight line between neighbours."""
    found: list[Fraction] = []
    for (t0, v0), (t1, v1) in pairwise(rows):
        while len(found) < len(instants) and t0 <= instants[len(found)] <= t1:
            found.append(v0 + (v1 - v0) * (instants[len(found)] - t0) / (t1 - t0))
    assert len(found) == len(instants), f"{instants[len(found)]} is not on the record"
    return found


def trumpet(
    rows: Rows, rate: Fraction, start: Fraction, steps: int, interval: Fraction, windows: list[int]
) -> list[tuple[int, Fraction, Fraction]]:
    """(m, min %, max %) for each window of so many intervals: mean of the errors of single intervals."""
    volumes = along(rows, [start + i * interval for i in range(steps + 1)])
    target = rate * interval / 3600
    errors = [100 * (volumes[i + 1] - volumes[i] - target) / target for i in range(steps)]
    result = []
    for size in windows:
        means = [sum(errors[j : j + size], Fraction(0)) / size for j in range(steps - size + 1)]
        result.append((len(means), min(means), max(means)))
    return result


def hours(rows: Rows, start: Fraction, window: Fraction) -> list[Fraction]:
    """Volumes of the complete windows from the start on."""
    edges = [start]
    while edges[-1] + window <= rows[-1][0]:
        edges.append(edges[-1] + window)
    volumes = along(rows, edges)
    return [after - before for before, after in pairwise(volumes)]


@dataclass(frozen=True)
class Statistics:
    """All in percent, but for the counts within limits; the SD squared, as its root is no fraction."""

    mean: Fraction
    variance: Fraction
    low: Fraction
    high: Fraction
    mard: Fraction
    median_size: Fraction
    total: Fraction
    within: dict[int, int]


def statistics(volumes: list[Fraction], target: Fraction) -> Statistics:
    """The statistics of the errors of volumes against one target, with n - 1 in the variance."""
    errors = [100 * (volume - target) / target for volume in volumes]
    count = len(errors)
    mean = sum(errors, Fraction(0)) / count
    squares = Fraction(0)
    for error in errors:
        squares += (error - mean) * (error - mean)
    sizes = sorted(abs(error) for error in errors)
    middle = count // 2
    median = sizes[middle] if count % 2 else (sizes[middle - 1] + sizes[middle]) / 2
    within = {}
    for limit in (5, 10, 15, 20, 25, 30):
        within[limit] = 0
        for size in sizes:
            if size <= limit:
                within[limit] += 1
    return Statistics(
        mean=mean,
        variance=squares / (count - 1),
        low=min(errors),
        high=max(errors),
        mard=sum(sizes, Fraction(0)) / count,
        median_size=median,
        total=100 * (sum(volumes, Fraction(0)) / (count * target) - 1),
        within=within,
    )


def bins(volumes: list[Fraction], command: Fraction) -> list[int]:
    """Layout C: below 25 % of command, 25 to 75 and so on; 250 % itself belongs to the last but one."""
    edges = [25, 75, 90, 95, 105, 110, 125, 175, 250]
    counts = [0] * 10
    for volume in volumes:
        for index, edge in enumerate(edges):
            below = 100 * volume < edge * command
            if below or (edge == 250 and 100 * volume == edge * command):
                counts[index] += 1
                break
        else:
            counts[9] += 1
    return counts
