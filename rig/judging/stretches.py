"""A run that was interrupted and resumed, as stretches on one axis of time (design 4.4, 4.13).

Segments that a *re-attachment* joins form one stretch: the pump never stopped, and the monotonic clock went on. A
*repeated* step begins a new stretch: the bench was armed again, and nothing of the level before means anything after.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from rig.record.reader import ClockPair, Event, RunRecord, Segment, joined_weighings

NS_PER_S = 1e9
VIRTUAL = "VirtualClock"  # begins anew with every process: its boot says nothing
UNPLACED_NS = 10**9  # between a stretch and the next where the clocks would put the later one first


@dataclass(frozen=True, slots=True)
class Placed:
    """One segment on the run's axis: ``origin_ns`` is the rig time of 0 s on the clock of that segment.

    ``u_s``: standard uncertainty of its place against the first one, None where no synchronised clock vouches for it.
    """

    segment: Segment
    mode: str  # "start", "repeat" or "reattach"
    origin_ns: int
    from_s: float
    to_s: float
    u_s: float | None

    @property
    def boot_id(self) -> str | None:
        """Return the boot within which its monotonic time means something."""
        return _clock(self.segment).get("boot_id")

    @property
    def end_reason(self) -> str:
        """Return why it ended."""
        return str(self.segment.end.get("reason", "interrupted"))

    def seconds(self, at_ns: int) -> float:
        """Return a rig time of this segment on the run's axis."""
        return (at_ns - self.origin_ns) / NS_PER_S


@dataclass(frozen=True, slots=True)
class Stretch:
    """Segments over which time and level are continuous; ``record`` holds them alone.

    ``scenario_s``: the scenario time at which its first step originally began; ``first_step``: that step.
    """

    number: int
    placed: tuple[Placed, ...]
    record: RunRecord
    scenario_s: float
    first_step: int

    @property
    def origin_ns(self) -> int:
        """Return the rig time of 0 s."""
        return self.placed[0].origin_ns

    @property
    def from_s(self) -> float:
        """Return its beginning."""
        return self.placed[0].from_s

    @property
    def to_s(self) -> float:
        """Return its end."""
        return self.placed[-1].to_s

    @property
    def from_the_start(self) -> bool:
        """Whether it began where the scenario begins, so that nothing of the scenario precedes it."""
        return self.scenario_s <= 0.0


def segments_of(record: RunRecord) -> tuple[Segment, ...]:
    """Return the segments of a record; one that was put together without any is one segment."""
    if record.segments:
        return record.segments
    whole = Segment(
        file="",
        number=1,
        header=record.header,
        weighings=record.weighings,
        events=record.events,
        ambient=record.ambient,
        clocks=(),
        damage=record.damage,
        ended=record.ended,
        end=record.end,
        head_sha256=record.head_sha256,
    )
    return (whole,)


def place(record: RunRecord) -> tuple[Placed, ...]:
    """Return all segments on the axis that begins with the first one."""
    found: list[Placed] = []
    for segment in segments_of(record):
        if not found:
            found.append(_placed(segment, "start", _started_ns(segment), 0.0))
        elif _same_clock(found[-1], segment):
            found.append(_placed(segment, _mode(segment), found[-1].origin_ns, found[-1].u_s))
        else:
            found.append(_placed_by_wall(segment, _mode(segment), found[-1]))
    return tuple(found)


def stretches_of(record: RunRecord) -> tuple[Stretch, ...]:
    """Return the stretches of a run, oldest first; there is always one."""
    groups: list[list[Placed]] = []
    for each in place(record):
        joins = each.mode == "reattach" and groups and groups[-1][-1].origin_ns == each.origin_ns
        if joins:
            groups[-1].append(each)
        else:
            groups.append([each])
    if len(groups) == 1:
        return (_stretch(record, 1, groups[0], record),)
    return tuple(_stretch(record, number, group, None) for number, group in enumerate(groups, start=1))


def resumption(segment: Segment) -> Event | None:
    """Return the event that says how a segment goes on, or None for a first one."""
    return next((event for event in segment.events if event.name == "run_resumed"), None)


def _stretch(record: RunRecord, number: int, group: Sequence[Placed], own: RunRecord | None) -> Stretch:
    resumed = resumption(group[0].segment)
    data: dict[str, Any] = resumed.data if resumed is not None else {}
    if own is None:
        own = joined(record, [each.segment for each in group])
    return Stretch(number, tuple(group), own, float(data.get("scenario_s") or 0.0), int(data.get("step") or 0))


def joined(record: RunRecord, segments: Sequence[Segment]) -> RunRecord:
    """Return the record of some segments alone, with the folder and the damage of the whole."""
    last = segments[-1]
    return replace(
        record,
        header=segments[0].header or record.header,
        weighings=joined_weighings(tuple(segments)),
        events=tuple(event for segment in segments for event in segment.events),
        ambient=tuple(ambient for segment in segments for ambient in segment.ambient),
        ended=last.ended,
        end=last.end,
        segments=tuple(segments),
        electrical=tuple(each for segment in segments for each in segment.electrical),
    )


def _mode(segment: Segment) -> str:
    resumed = resumption(segment)
    return "repeat" if resumed is None else str(resumed.data.get("mode", "repeat"))


def _clock(segment: Segment) -> dict[str, Any]:
    found = segment.header.get("clock", {})
    return found if isinstance(found, dict) else {}


def _started_ns(segment: Segment) -> int:
    """Return the rig time at which a segment began; without a heading, that of the first thing in it."""
    stated = _clock(segment).get("started_ns")
    return int(stated) if stated is not None else min(_times_ns(segment), default=0)


def _times_ns(segment: Segment) -> list[int]:
    times = [event.at_ns for event in (*segment.events[:1], *segment.events[-1:])]
    times += [pair.monotonic_ns for pair in (*segment.clocks[:1], *segment.clocks[-1:])]
    for columns in segment.weighings.values():
        times += [*columns.asked_ns[:1], *columns.answered_ns[-1:]]
    return times


def _placed(segment: Segment, mode: str, origin_ns: int, u_s: float | None) -> Placed:
    started_ns = _started_ns(segment)
    last_ns = max([started_ns, *_times_ns(segment), int(segment.end.get("at_ns") or started_ns)])
    from_s, to_s = ((at_ns - origin_ns) / NS_PER_S for at_ns in (started_ns, last_ns))
    return Placed(segment, mode, origin_ns, from_s, to_s, u_s)


def _same_clock(before: Placed, segment: Segment) -> bool:
    """Whether two segments share one monotonic clock: one boot, no virtual time, and the later one later."""
    first, second = _clock(before.segment), _clock(segment)
    if VIRTUAL in (first.get("kind"), second.get("kind")):
        return False
    if any(first.get(name) != second.get(name) for name in ("speed", "epoch_ns")):
        return False
    boot = second.get("boot_id")
    started_s = before.seconds(_started_ns(segment))
    return boot not in (None, "unknown") and boot == first.get("boot_id") and started_s >= before.to_s - 1.0


def _placed_by_wall(segment: Segment, mode: str, before: Placed) -> Placed:
    """Place a segment of another boot by the difference of wall-clock times, from the last pair to the first."""
    earlier, later = _pair(before.segment, last=True), _pair(segment, last=False)
    started_ns = _started_ns(segment)
    apart_s = (later.utc - earlier.utc).total_seconds() if earlier is not None and later is not None else -1.0
    at_s = before.seconds(earlier.monotonic_ns) + apart_s if earlier is not None else before.to_s
    started_s = at_s - ((later.monotonic_ns - started_ns) / NS_PER_S if later is not None else 0.0)
    u_s = _placement_u(before.u_s, earlier, later)
    if started_s < before.to_s:  # a clock that went backwards cannot say how much later it was
        started_s, u_s = before.to_s + UNPLACED_NS / NS_PER_S, None
    return _placed(segment, mode, started_ns - round(started_s * NS_PER_S), u_s)


def _pair(segment: Segment, *, last: bool) -> ClockPair | None:
    """Return a pair of wall and monotonic time at an edge of a segment; its heading's start where it holds none."""
    if segment.clocks:
        return segment.clocks[-1 if last else 0]
    started = segment.header.get("started_utc")
    if not started:
        return None
    return ClockPair(_started_ns(segment), datetime.fromisoformat(str(started)), "unknown")


def _placement_u(before_u_s: float | None, earlier: ClockPair | None, later: ClockPair | None) -> float | None:
    """Return u of a place: each clock's largest error taken as rectangular; None unless both were synchronised."""
    if before_u_s is None or earlier is None or later is None:
        return None
    if (earlier.synchronised, later.synchronised) != ("yes", "yes"):
        return None
    errors = [pair.error_s or 0.0 for pair in (earlier, later)]
    return float((before_u_s**2 + sum(error**2 for error in errors) / 3.0) ** 0.5)
