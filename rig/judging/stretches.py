"""Stretches of a run: what was measured without a stop of the delivery, each judged by itself.

A run that nothing interrupted is one stretch. Segments joined by a re-attachment share one: the pump went on, and the
monotonic clock of one boot ties them together. A repetition begins a new one, with its own blanks and zero; nothing is
ever measured across the stop between two stretches (design 4.4, 4.13).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rig.record.reader import Event, RunRecord, Segment, joined_weighings

REPEAT, REATTACH = "repeat", "reattach"
NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class Stretch:
    """One stretch: a record of its own, whose times count from the start of the run.

    ``scenario_s`` is the scenario time at which its first step originally began; ``began_s`` when it was recorded.
    """

    record: RunRecord
    numbers: tuple[int, ...]
    scenario_s: float
    began_s: float
    mode: str


def stretches(record: RunRecord) -> tuple[Stretch, ...]:
    """Return the stretches of a run, in order."""
    groups: list[list[Segment]] = []
    for segment in record.segments:
        joined = _mode(segment) == REATTACH and bool(groups) and _same_boot(groups[-1][-1], segment)
        if joined:
            groups[-1].append(segment)
        else:
            groups.append([segment])
    return tuple(_stretch(record, group) for group in groups)


def resumed_event(segment: Segment) -> Event | None:
    """Return the event with which a resumed segment begins."""
    return next((event for event in segment.events if event.name == "run_resumed"), None)


def segment_rows(record: RunRecord) -> list[dict[str, Any]]:
    """Return what ``result.json`` says of each segment: when it was recorded, and how it began and ended."""
    first = record.segments[0]
    return [
        {
            "number": segment.number,
            "mode": _mode(segment),
            "from_s": offset_s(first, segment),
            "to_s": offset_s(first, segment) + _lasted_s(segment),
            "end_reason": str(segment.end.get("reason", "interrupted")),
            "boot_id": segment.header.get("clock", {}).get("boot_id"),
        }
        for segment in record.segments
    ]


def offset_s(first: Segment, segment: Segment) -> float:
    """Return how long after the start of the run a segment began, in s.

    By the monotonic clock within one boot of a real machine; else, and where time is virtual and begins anew with each
    process, by the wall clock.
    """
    if _same_boot(first, segment) and first.header.get("clock", {}).get("kind") != "VirtualClock":
        return (_started_ns(segment) - _started_ns(first)) / NS_PER_S
    began, run_began = segment.header.get("started_utc"), first.header.get("started_utc")
    by_wall_s = 0.0
    if began and run_began:
        by_wall_s = (datetime.fromisoformat(began) - datetime.fromisoformat(run_began)).total_seconds()
    # Never before the readings that came earlier: virtual time runs ahead of the wall clock.
    return max(by_wall_s, _lasted_s(first)) if segment is not first else 0.0


def _stretch(record: RunRecord, group: Sequence[Segment]) -> Stretch:
    first, last = group[0], group[-1]
    began_s = offset_s(record.segments[0], first)
    if record.segments[0] is not first:
        before = record.segments[first.number - 2]
        began_s = max(began_s, offset_s(record.segments[0], before) + _lasted_s(before))
    clock = dict(first.header.get("clock", {}))
    clock["started_ns"] = _started_ns(first) - round(began_s * NS_PER_S)
    alone = replace(
        record,
        header={**first.header, "clock": clock},
        weighings=first.weighings if len(group) == 1 else joined_weighings(tuple(group)),
        events=tuple(event for segment in group for event in segment.events),
        ambient=tuple(ambient for segment in group for ambient in segment.ambient),
        ended=last.ended,
        end=last.end,
        segments=tuple(group),
    )
    opened = resumed_event(first)
    scenario_s = float(opened.data.get("scenario_s") or 0.0) if opened is not None else 0.0
    return Stretch(alone, tuple(segment.number for segment in group), scenario_s, began_s, _mode(first))


def _mode(segment: Segment) -> str:
    opened = resumed_event(segment)
    return str(opened.data.get("mode", REPEAT)) if opened is not None else ("start" if segment.number == 1 else REPEAT)


def _same_boot(one: Segment, other: Segment) -> bool:
    boots = [segment.header.get("clock", {}).get("boot_id") for segment in (one, other)]
    return boots[0] == boots[1] and boots[0] not in (None, "unknown")


def _started_ns(segment: Segment) -> int:
    return int(segment.header.get("clock", {}).get("started_ns", 0))


def _lasted_s(segment: Segment) -> float:
    last_ns = [columns.answered_ns[-1] for columns in segment.weighings.values() if columns.answered_ns]
    last_ns += [event.at_ns for event in segment.events[-1:]]
    return max(0.0, (max(last_ns, default=_started_ns(segment)) - _started_ns(segment)) / NS_PER_S)
