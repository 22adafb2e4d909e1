"""What a bolus log lacks: stretches without readings, and boluses with little time after their start."""

from __future__ import annotations

from typing import Any

import numpy as np

from rig.analysis.series import TIME_TOLERANCE_S
from rig.metrology.checks import FloatArray
from rig.weighing_log.read import WeighingLog

LONGEST_S, LONGEST_INTERVALS = 10.0, 5.0  # a step between readings that is longer than both is a gap
SHORTEST_S = 60.0  # the rig's own runs wait at least so long after a bolus (design 4.12)


def gaps_of(log: WeighingLog, starts_s: FloatArray) -> list[dict[str, Any]]:
    """Return the stretches without a reading: longer than 10 s and than five usual (median) steps.

    ``starts_s``: of the boluses, on the clock of the log, shape (n,). ``boluses``: numbers, from 1, of those whose
    time, up to the next start, the gap touches; none before the first.
    """
    steps = np.diff(log.times_s)
    longest_s = max(LONGEST_S, LONGEST_INTERVALS * float(np.median(steps)))
    found = []
    for index in np.flatnonzero(steps > longest_s + TIME_TOLERANCE_S):
        start_s, end_s = float(log.times_s[index]), float(log.times_s[index + 1])
        first = int(np.searchsorted(starts_s, start_s, side="right"))
        last = int(np.searchsorted(starts_s, end_s, side="left"))
        found.append({"start_s": start_s, "end_s": end_s, "boluses": list(range(max(first, 1), last + 1))})
    return found


def record_notes(log: WeighingLog, starts_s: FloatArray, gaps: list[dict[str, Any]]) -> list[str]:
    """Return what to say of gaps, and of boluses that the record or the next start leaves little time."""
    notes = []
    under = [gap for gap in gaps if gap["boluses"]]
    if under:
        longest = max(under, key=lambda gap: float(gap["end_s"] - gap["start_s"]))
        numbers = sorted({number for gap in under for number in gap["boluses"]})
        notes.append(
            f"no reading for up to {longest['end_s'] - longest['start_s']:.6g} s (from time_s "
            f"{longest['start_s']:.10g}) during bolus {listed(numbers)}: what the balance did meanwhile is not known"
        )
    after_s = np.append(starts_s[1:], log.times_s[-1]) - starts_s
    if after_s[-1] < SHORTEST_S - TIME_TOLERANCE_S:
        notes.append(
            f"the record ends {after_s[-1]:.6g} s after the start of bolus {starts_s.size}: what came later is missing"
        )
    hurried = [int(index) + 1 for index in np.flatnonzero(after_s[:-1] < SHORTEST_S - TIME_TOLERANCE_S)]
    if hurried:
        notes.append(
            f"the next start follows bolus {listed(hurried)} within {after_s[:-1].min():.6g} s (shortest): "
            "what came later counts for the next"
        )
    return notes


def listed(numbers: list[int]) -> str:
    """Return the first five numbers in words."""
    return ", ".join(str(number) for number in numbers[:5]) + (" and more" if len(numbers) > 5 else "")
