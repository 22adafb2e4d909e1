"""Cumulative totals in three truths: SET, what the pump's reservoir reading says, and MEAS with U, at each reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rig.errors import BenchError
from rig.judging.interval import measured_volume
from rig.judging.view import RunView
from rig.results import Finding

DOSES = 2.0  # a reading may fall between two doses at either end
MAX_ROWS = 60
SOURCE = "reservoir reading"


def reservoir_readings(view: RunView) -> list[tuple[float, float]]:
    """Return (time, level in U) of every look at the pump's reservoir, in order."""
    return [
        (view.seconds(event.at_ns), float(event.data["reservoir_u"]))
        for event in view.record.events
        if event.name == "reported" and event.data.get("source") == "reservoir"
    ]


def reported_between(view: RunView, from_s: float, to_s: float) -> float | None:
    """Return what left the reservoir between two instants by the pump's own reading, or None.

    The readings count only where between them and the instants less than half their resolution was programmed.
    """
    readings = reservoir_readings(view)
    half_u = view.evidence.profile.history_amount_step_u / 2.0
    before = [(at_s, level_u) for at_s, level_u in readings if at_s <= from_s + 1.0]
    after = [(at_s, level_u) for at_s, level_u in readings if at_s >= to_s - 1.0]
    if not before or not after:
        return None
    slack_u = _set_u(view, before[-1][0], from_s) + _set_u(view, to_s, after[0][0])
    return before[-1][1] - after[0][1] if slack_u < half_u else None


def _set_u(view: RunView, from_s: float, to_s: float) -> float:
    return view.programme.expected_u(from_s, to_s) if to_s > from_s else 0.0


def total_rows(view: RunView) -> list[dict[str, Any]]:
    """Return the totals since the first delivery at each reservoir reading (thinned to 60), and over each interval.

    ``measured_u`` is null where no interval from the beginning was measured whole.
    """
    if view.first_s is None:
        return []
    readings = reservoir_readings(view)
    start = max((index for index, (at_s, _) in enumerate(readings) if at_s <= view.first_s), default=None)
    if start is None:
        return []
    zero_s, full_u = readings[start]
    rows, former = [], (zero_s, full_u)
    for at_s, level_u in readings[start + 1 :]:
        measured_u, expanded_u = _measured(view, view.first_s, at_s)
        rows.append(
            {
                "at_s": at_s,
                "set_u": _set_u(view, zero_s, at_s),
                "reported_u": full_u - level_u,
                "measured_u": measured_u,
                "expanded_uncertainty_u": expanded_u,
                "reported_less_set_u": full_u - level_u - _set_u(view, zero_s, at_s),
                "from_s": former[0],
                "interval_set_u": _set_u(view, former[0], at_s),
                "interval_reported_u": former[1] - level_u,
            }
        )
        former = (at_s, level_u)
    return rows


def thinned(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return at most 60 rows evenly, the last always."""
    if len(rows) <= MAX_ROWS:
        return list(rows)
    return [rows[index] for index in np.unique(np.linspace(0, len(rows) - 1, MAX_ROWS).round().astype(int))]


def _measured(view: RunView, from_s: float, at_s: float) -> tuple[float | None, float | None]:
    try:
        volume = measured_volume(view, from_s, at_s)
    except BenchError:
        return None, None
    return volume.volume_ul / view.ul_per_u, 2.0 * volume.u_ul / view.ul_per_u


def total_findings(rows: Sequence[dict[str, Any]], view: RunView) -> list[Finding]:
    """Return where the reservoir fell by more or less than SET between two looks at it."""
    tolerance_u = view.evidence.profile.history_amount_step_u + DOSES * view.programme.dose_u
    found = []
    for row in rows:
        apart_u = row["interval_reported_u"] - row["interval_set_u"]
        if abs(apart_u) <= tolerance_u + 1e-9:
            continue
        text = (
            f"the pump's reservoir fell by {row['interval_reported_u']:.3g} U between {row['from_s']:.0f} s and "
            f"{row['at_s']:.0f} s, programmed were {row['interval_set_u']:.3g} U"
        )
        found.append(Finding("reservoir-differs", text, row["from_s"], row["at_s"]))
    return found
