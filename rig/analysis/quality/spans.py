"""What is wrong with a series of readings, found by rule: gaps and frozen displays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rig.analysis.series import extreme_differences
from rig.metrology.checks import FloatArray


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a record; ``count``: readings in it (0 for a gap)."""

    start_s: float
    end_s: float
    count: int = 0

    @property
    def duration_s(self) -> float:
        """Length, s."""
        return self.end_s - self.start_s


def find_gaps(
    times_s: FloatArray, longest_s: float, *, start_s: float | None = None, end_s: float | None = None
) -> tuple[Span, ...]:
    """Return the intervals between readings that are longer than ``longest_s`` and overlap [start_s, end_s].

    ``times_s``: strictly increasing, shape (n,). With ``start_s``/``end_s`` given, a record that begins late or ends
    early counts as a gap from or to that edge.
    """
    begin = float(times_s[0]) if start_s is None else start_s
    finish = float(times_s[-1]) if end_s is None else end_s
    first = max(int(np.searchsorted(times_s, begin, side="right")) - 1, 0)
    last = min(int(np.searchsorted(times_s, finish, side="left")) + 1, times_s.size)
    inside = times_s[first:last]
    limit_s = longest_s * (1.0 + 1e-9)
    spans = []
    if inside.size and inside[0] - begin > limit_s:
        spans.append(Span(begin, float(inside[0])))
    if inside.size > 1 and extreme_differences(inside, 1)[1] > limit_s:
        spans += [Span(float(inside[i]), float(inside[i + 1])) for i in np.flatnonzero(np.diff(inside) > limit_s)]
    if inside.size and finish - inside[-1] > limit_s:
        spans.append(Span(float(inside[-1]), finish))
    return tuple(spans)


def repeated_readings(
    times_s: FloatArray, masses_mg: FloatArray, *, longest_s: float, min_count: int = 10
) -> tuple[Span, ...]:
    """Return the runs of one identical value that last longer than ``longest_s`` with ``min_count`` readings or more.

    While a pump delivers, a display that stands still longer than a few doses take is frozen or zero-tracked.
    """
    changes = np.flatnonzero(np.diff(masses_mg) != 0.0) + 1
    firsts = np.concatenate(([0], changes))
    lasts = np.concatenate((changes, [masses_mg.size])) - 1
    counts = lasts - firsts + 1
    frozen = (times_s[lasts] - times_s[firsts] > longest_s) & (counts >= min_count)
    return tuple(
        Span(float(times_s[first]), float(times_s[last]), int(last - first + 1))
        for first, last in zip(firsts[frozen], lasts[frozen], strict=True)
    )
