"""Cumulative totals in three truths: SET, what the pump's reservoir reading says, and MEAS with U, at each reading."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rig.errors import BenchError
from rig.judging.interval import measured_volume
from rig.judging.view import RunView
from rig.results import Finding

DOSES = 2.0  # a reading may fall between two doses at either end
STOPPING = (4, 5, 6, 16, 61, 62)  # no delivery, battery depleted, auto off, reset, reprogram, empty reservoir
TOLD_ANEW = ("suspended", "resumed", "alarm_cleared")
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


@dataclass(frozen=True, slots=True)
class AlarmStop:
    """A stop of the pump by its own alarm, which came between two looks at it; ``until_s``: when it was told anew."""

    code: int
    not_before_s: float
    seen_s: float
    until_s: float


def alarm_stops(view: RunView) -> list[AlarmStop]:
    """Return where the pump told of an alarm that stops it, until somebody told it to go on, or to stop."""
    found = []
    events = view.record.events
    for number, event in enumerate(events):
        if event.name != "alarm_seen" or int(event.data["code"]) not in STOPPING:
            continue
        after = (view.seconds(each.at_ns) for each in events[number + 1 :] if each.name in TOLD_ANEW)
        seen_s, not_before_s = view.seconds(event.at_ns), view.seconds(int(event.data["not_before_ns"]))
        found.append(AlarmStop(int(event.data["code"]), not_before_s, seen_s, next(after, view.end_s)))
    return found


def _explained(
    row: dict[str, Any], stopped: Sequence[AlarmStop], view: RunView, tolerance_u: float
) -> AlarmStop | None:
    """Return the alarm that explains why less left the reservoir than SET; None where that does not fit its times.

    SET itself goes on: whoever programmed it did not get it, and a check over it says so.
    """
    from_s, to_s, fell_u = row["from_s"], row["at_s"], row["interval_reported_u"]
    for each in stopped:
        if not (each.not_before_s < to_s and each.until_s > from_s):
            continue
        again_u = _set_u(view, max(each.until_s, from_s), to_s)
        least_u = _set_u(view, from_s, min(max(each.not_before_s, from_s), to_s)) + again_u
        most_u = _set_u(view, from_s, min(max(each.seen_s, from_s), to_s)) + again_u
        if least_u - tolerance_u <= fell_u <= most_u + tolerance_u:
            return each
    return None


def _not_delivered(row: dict[str, Any], alarm: AlarmStop) -> Finding:
    text = (
        f"the pump stopped itself with alarm {alarm.code} between {alarm.not_before_s:.0f} s and {alarm.seen_s:.0f} s: "
        f"of {row['interval_set_u']:.3g} U programmed from {row['from_s']:.0f} s to {row['at_s']:.0f} s its reservoir "
        f"gave {row['interval_reported_u']:.3g} U"
    )
    return Finding("stopped-by-alarm", text, row["from_s"], row["at_s"])


def total_findings(rows: Sequence[dict[str, Any]], view: RunView) -> list[Finding]:
    """Return where the reservoir fell by more or less than SET between two looks at it."""
    tolerance_u = view.evidence.profile.history_amount_step_u + DOSES * view.programme.dose_u + 1e-9
    found = []
    stopped = alarm_stops(view)
    for row in rows:
        apart_u = row["interval_reported_u"] - row["interval_set_u"]
        if abs(apart_u) <= tolerance_u:
            continue
        alarm = _explained(row, stopped, view, tolerance_u)
        if alarm is not None:
            found.append(_not_delivered(row, alarm))
            continue
        text = (
            f"the pump's reservoir fell by {row['interval_reported_u']:.3g} U between {row['from_s']:.0f} s and "
            f"{row['at_s']:.0f} s, programmed were {row['interval_set_u']:.3g} U"
        )
        found.append(Finding("reservoir-differs", text, row["from_s"], row["at_s"]))
    return found
