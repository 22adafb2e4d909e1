"""What became of the clocks: steps of the wall clock, and the drift of the pump's. They never change a number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from rig.record.reader import Event, RunRecord, Segment
from rig.results import Finding

DRIFT_LIMIT_S_PER_DAY = 2.0  # lab workflow, D2: beyond it the pump's clock is worth a look
RESOLUTION_S = 1.0  # the pump tells whole seconds
COVERAGE = 2.0
DAY_S = 86_400.0
NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class PumpClock:
    """Drift of the pump's clock against the rig's over ``over_s``; positive: the pump's clock is fast."""

    drift_s: float
    u_s: float
    over_s: float

    @property
    def s_per_day(self) -> float:
        """Return the drift in s per day."""
        return self.drift_s * DAY_S / self.over_s

    @property
    def u_s_per_day(self) -> float:
        """Return its standard uncertainty in s per day."""
        return self.u_s * DAY_S / self.over_s


def pump_clock(segment: Segment) -> PumpClock | None:
    """Return the drift between the first and the last time that the pump was asked for its clock in a segment."""
    asked = [event for event in segment.events if event.name == "pump_clock"]
    if len(asked) < 2:
        return None
    (first_s, first_u), (last_s, last_u) = _offset(asked[0]), _offset(asked[-1])
    over_s = (asked[-1].at_ns - asked[0].at_ns) / NS_PER_S
    if over_s <= 0:
        return None
    return PumpClock(last_s - first_s, (first_u**2 + last_u**2) ** 0.5, over_s)


def clock_findings(record: RunRecord) -> list[Finding]:
    """Return steps of the wall clock, stalls, and pump clocks that drift beyond what their seconds can hide."""
    found = [
        Finding("clock-step", f"the wall clock moved by {event.data['step_s']:+.3f} s; readings keep monotonic time")
        for event in record.events
        if event.name == "clock_step"
    ]
    found += [
        Finding("clock-step", f"the wall clock moved by {moved_s:+.1f} s between two entries of {segment.file}")
        for segment in record.segments
        if _is_real(segment)
        for moved_s in _moves(segment)
        if not any(event.name == "clock_step" for event in segment.events)
    ]
    stalls = [float(event.data["s"]) for event in record.events if event.name == "stalled"]
    if stalls:
        found.append(
            Finding("stalled", f"the rig did not come to run {len(stalls)} times, at most {max(stalls):.1f} s")
        )
    for segment in record.segments:
        drift = pump_clock(segment)
        if drift and abs(drift.s_per_day) - COVERAGE * drift.u_s_per_day > DRIFT_LIMIT_S_PER_DAY:
            text = f"the pump's clock drifts by {drift.s_per_day:+.1f} s a day (u = {drift.u_s_per_day:.2g} s)"
            found.append(Finding("pump-clock-drift", text))
    return found


def clock_table(record: RunRecord) -> dict[str, Any] | None:
    """Return the pump clock's drift for ``result.json``: of the longest segment."""
    drifts = [drift for segment in record.segments if (drift := pump_clock(segment)) is not None]
    if not drifts:
        return None
    longest = max(drifts, key=lambda drift: drift.over_s)
    return {
        "drift_s": longest.drift_s,
        "over_s": longest.over_s,
        "s_per_day": longest.s_per_day,
        "u_s_per_day": longest.u_s_per_day,
    }


def _offset(event: Event) -> tuple[float, float]:
    """Return (pump clock less rig time, its standard uncertainty) in s: half a second and half the asking."""
    local = datetime.fromisoformat(str(event.data["local"]))
    asked_ns, answered_ns = int(event.data["asked_ns"]), int(event.data["answered_ns"])
    # Only differences of local times count, so that any zone will do.
    seconds = local.replace(tzinfo=UTC).timestamp() + RESOLUTION_S / 2.0
    width_s = RESOLUTION_S + (answered_ns - asked_ns) / NS_PER_S
    return seconds - (asked_ns + answered_ns) / 2.0 / NS_PER_S, width_s / 12.0**0.5


def _is_real(segment: Segment) -> bool:
    clock = segment.header.get("clock", {})
    return clock.get("kind") == "SystemClock" and float(clock.get("speed", 1.0)) == 1.0


def _moves(segment: Segment) -> list[float]:
    moved = []
    for before, after in pairwise(segment.clocks):
        passed_s = (after.monotonic_ns - before.monotonic_ns) / NS_PER_S
        step_s = (after.utc - before.utc).total_seconds() - passed_s
        if abs(step_s) > 1.0 + passed_s * 500e-6:
            moved.append(step_s)
    return moved
