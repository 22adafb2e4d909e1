"""The same definitions a second time: plain loops over fractions, straight from the words of the reference."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

Rows = list[tuple[Fraction, Fraction]]  # time s, cumulative volume U


def at(rows: Rows, t: Fraction) -> Fraction:
    for (t0, v0), (t1, v1) in pairwise(rows):
        if t0 <= t <= t1:
            return v0 + (v1 - v0) * (t - t0) / (t1 - t0)
    raise AssertionError(f"{t} is not on the record")


def trumpet(
    rows: Rows, rate: Fraction, start: Fraction, steps: int, interval: Fraction, windows: list[int]
) -> list[tuple[int, Fraction, Fraction]]:
    """(m, min %, max %) for each window of so many intervals: mean of the errors of single intervals."""
    volumes = [at(rows, start + i * interval) for i in range(steps + 1)]
    target = rate * interval / 3600
    errors = [100 * (volumes[i + 1] - volumes[i] - target) / target for i in range(steps)]
    result = []
    for size in windows:
        means = [sum(errors[j : j + size], Fraction(0)) / size for j in range(steps - size + 1)]
        result.append((len(means), min(means), max(means)))
    return result


def hours(rows: Rows, start: Fraction, window: Fraction) -> list[Fraction]:
    volumes = []
    edge = start
    while edge + window <= rows[-1][0]:
        volumes.append(at(rows, edge + window) - at(rows, edge))
        edge += window
    return volumes


def bins(volumes: list[Fraction], command: Fraction) -> list[int]:
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
