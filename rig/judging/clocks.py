"""What the clocks did during a run: steps of the wall clock, and the pump's own clock against the rig's (design 4.13).

None of it changes a number: everything measured is on the monotonic clock. A step of the wall clock is a finding; the
pump's clock is compared with the rig's, whose reading it gives in whole seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from rig.judging.stretches import VIRTUAL, Placed, Stretch
from rig.record.reader import ClockPair, Event
from rig.results import Finding

NS_PER_S = 1e9
DAY_S = 86400.0
STEP_S = 0.1
SLEW = 500e-6  # what a time service may slew the wall clock by
NEAR_S = 90.0  # a pair of clocks shows a step that an event told of within this time
DRIFT_S_PER_DAY = 2.0  # small pumps drift; beyond this the pump's profile times are worth a word (our choice)
ARMED_HALF_WIDTH_S = 1.0  # how long the answer may have taken where only one time is stored
OFFSET_GRID_S = 900.0  # zones differ by quarters of an hour
MIN_SPAN_S = 600.0
UNSYNCHRONISED = "CLOCK NOT SYNCHRONISED"


@dataclass(frozen=True, slots=True)
class PumpTime:
    """The pump's clock, read once: what it showed, in s of its own day count, at a time of the run, with u of both."""

    at_s: float
    local: datetime
    u_s: float


def pump_clock(stretches: Sequence[Stretch]) -> dict[str, Any] | None:
    """Return offset and rate of the pump's clock over the longest stretch that read it twice, or None.

    The offset is the pump's local time less UTC, less whole quarters of an hour (the zone); None on a virtual clock.
    """
    read = max(
        (times for stretch in stretches for times in _readings(stretch) if len(times) > 1),
        key=lambda times: times[-1].at_s - times[0].at_s,
        default=None,
    )
    if read is None or read[-1].at_s - read[0].at_s < MIN_SPAN_S:
        return None
    first, last = read[0], read[-1]
    span_s = last.at_s - first.at_s
    gained_s = (last.local - first.local) / timedelta(seconds=1) - span_s
    offset_s = _offset_s(stretches, first)
    return {
        "readings": len(read),
        "from_s": first.at_s,
        "to_s": last.at_s,
        "offset_s": offset_s,
        "u_offset_s": None if offset_s is None else first.u_s,
        "rate_s_per_day": gained_s / span_s * DAY_S,
        "u_rate_s_per_day": math.hypot(first.u_s, last.u_s) / span_s * DAY_S,
    }


def _readings(stretch: Stretch) -> list[list[PumpTime]]:
    """Return every reading of the pump's clock in a stretch, in order; where the rig set it a new list begins."""
    found: list[list[PumpTime]] = [[]]
    for placed in stretch.placed:
        for event in placed.segment.events:
            reading = pump_time(event, placed.seconds)
            if event.name == "clock_set":
                found.append([])
            elif reading is not None:
                found[-1].append(reading)
    return [sorted(times, key=lambda reading: reading.at_s) for times in found]


def pump_time(event: Event, seconds: Callable[[int], float]) -> PumpTime | None:
    """Return one reading on the axis of ``seconds``, or None for another event.

    The pump cuts off its fraction of a second, so half a second is added (rectangular).
    """
    data = event.data.get("pump_clock") if event.name == "armed" else event.data if event.name == "pump_clock" else None
    if not isinstance(data, dict) or "local" not in data:
        return None
    if "asked_ns" in data:
        asked_ns, answered_ns = int(data["asked_ns"]), int(data["answered_ns"])
    else:
        asked_ns = answered_ns = int(data.get("at_ns", event.at_ns))
    half_s = (answered_ns - asked_ns) / 2.0 / NS_PER_S if "asked_ns" in data else ARMED_HALF_WIDTH_S
    local = datetime.fromisoformat(str(data["local"])).replace(tzinfo=None) + timedelta(seconds=0.5)
    at_s = seconds((asked_ns + answered_ns) // 2)
    return PumpTime(at_s, local, math.hypot(0.5, half_s) / math.sqrt(3.0))


def _offset_s(stretches: Sequence[Stretch], reading: PumpTime) -> float | None:
    for stretch in stretches:
        for placed in stretch.placed:
            pair = next(iter(placed.segment.clocks), None)
            if pair is None or _is_virtual(placed) or not placed.from_s <= reading.at_s <= placed.to_s:
                continue
            utc = pair.utc.replace(tzinfo=None) + timedelta(seconds=reading.at_s - placed.seconds(pair.monotonic_ns))
            apart_s = (reading.local - utc) / timedelta(seconds=1)
            return apart_s - round(apart_s / OFFSET_GRID_S) * OFFSET_GRID_S
    return None


def _is_virtual(placed: Placed) -> bool:
    clock = placed.segment.header.get("clock", {})
    return clock.get("kind") == VIRTUAL or float(clock.get("speed") or 1.0) != 1.0


def clock_findings(stretches: Sequence[Stretch], drift: dict[str, Any] | None) -> list[Finding]:
    """Return what the clocks did that a reader must know."""
    found: list[Finding] = []
    for stretch in stretches:
        for placed in stretch.placed:
            found += _steps(placed)
        if stretch.placed[0].u_s is None:
            text = (
                f"stretch {stretch.number} began on another clock than the one before it, and no synchronised wall "
                "clock says how much later: its place on the axis of time is a guess, its own times are not"
            )
            found.append(Finding("clock-unsynchronised", text, stretch.from_s, stretch.to_s))
    return [*found, *_stalls(stretches), *_drift(drift)]


def _stalls(stretches: Sequence[Stretch]) -> list[Finding]:
    events = [event for stretch in stretches for event in stretch.record.events if event.name == "stalled"]
    longest_s = max((float(event.data.get("s", 0.0)) for event in events), default=0.0)
    text = f"the rig did not come to run {len(events)} times, for at most {longest_s:.1f} s"
    return [Finding("stalled", text)] if events else []


def _steps(placed: Placed) -> list[Finding]:
    """Return the steps that the record tells of, and those that only its pairs of clocks show."""
    told = [event for event in placed.segment.events if event.name == "clock_step"]
    found = []
    for event in told:
        at_s = placed.seconds(event.at_ns)
        found.append(_step(float(event.data.get("step_s", 0.0)), at_s, at_s))
    if _is_virtual(placed):
        return found
    for before, after in pairwise(placed.segment.clocks):
        step_s = _moved(before, after)
        from_s, to_s = placed.seconds(before.monotonic_ns), placed.seconds(after.monotonic_ns)
        known = any(from_s - NEAR_S <= placed.seconds(event.at_ns) <= to_s + NEAR_S for event in told)
        if step_s and not known:
            found.append(_step(step_s, from_s, to_s))
    return found


def _moved(before: ClockPair, after: ClockPair) -> float:
    """Return by how much the wall clock moved against the monotonic one, 0 within what a time service slews."""
    passed_s = (after.monotonic_ns - before.monotonic_ns) / NS_PER_S
    moved_s = (after.utc - before.utc).total_seconds() - passed_s
    return moved_s if abs(moved_s) > STEP_S + SLEW * abs(passed_s) else 0.0


def _step(step_s: float, from_s: float, to_s: float) -> Finding:
    way = "forward" if step_s > 0 else "back"
    text = f"the wall clock was set {way} by {abs(step_s):.1f} s; nothing that was measured depends on it"
    return Finding("clock-step", text, from_s, to_s)


def _drift(drift: dict[str, Any] | None) -> list[Finding]:
    if drift is None:
        return []
    rate, expanded = float(drift["rate_s_per_day"]), 2.0 * float(drift["u_rate_s_per_day"])
    if abs(rate) - expanded <= DRIFT_S_PER_DAY:
        return []
    way = "gains" if rate > 0 else "loses"
    text = (
        f"the pump's clock {way} {abs(rate):.1f} s a day (U = {expanded:.1f} s): profile times move against the rig's"
    )
    return [Finding("pump-clock-drift", text, float(drift["from_s"]), float(drift["to_s"]))]


def clock_deviations(stretches: Sequence[Stretch]) -> tuple[dict[str, Any], ...]:
    """Return that a run was started, or resumed, on a clock that nothing synchronised, because it was told to."""
    found = []
    for stretch in stretches:
        for placed in stretch.placed:
            header = placed.segment.header
            if header.get("unsynchronised_accepted") and header.get("clock", {}).get("synchronised") == "no":
                text = (
                    f"segment {placed.segment.number} began on an unsynchronised clock, which was accepted: dates and "
                    "times of day are not to be relied on; every number is on the monotonic clock"
                )
                found.append({"id": "clock-unsynchronised", "text": text, "stamp": UNSYNCHRONISED})
    return tuple(found)
