"""Where an interrupted run stands, read from its record: what to do again, what goes on, what has to be settled first.

Two ways to go on (design 4.4, 4.6): *repeat*, after a delivery gap, does the interrupted step again from its beginning
and then the rest; *reattach* finds the pump still delivering, changes nothing, and goes on with the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rig.clock import to_ns
from rig.instruments import BasalEntry, PumpSettings
from rig.record.reader import Event, RunRecord
from rig.runner.journal import EVENT, Command, in_flight, last_id
from rig.scenario.model import Scenario, SuspendStep
from rig.scenario.sequence import DELIVERING as DELIVERING_STEPS
from rig.scenario.valves import acting_before, led_in_by

REPEAT, REATTACH = "repeat", "reattach"
OPENED = "run_resumed"
DELIVERING = ("resumed", "temp_started", "bolus_started")
ACKNOWLEDGING = (*DELIVERING, "suspended", "profile_written", "pattern_selected")
NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class TherapyState:
    """What the pump was told when the record ends; times are rig time."""

    profiles: dict[int, tuple[BasalEntry, ...]] = field(default_factory=dict)  # by pattern: 0 standard, 1 A, 2 B
    pattern: int = 0
    clock_sets: int = 0
    suspended: bool = False
    temp_until_ns: int = 0
    temp: dict[str, Any] | None = None
    delivering_since_ns: int | None = None
    ordered_u: float = 0.0


@dataclass(frozen=True, slots=True)
class ClockOrder:
    """What the pump's clock was told to show, and when; on the rig clock of the boot ``boot``."""

    local: datetime
    at_ns: int
    boot: str | None


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Where to go on; ``scenario_s`` is the scenario time at which the step originally began."""

    mode: str
    step: int
    segment: int
    scenario_s: float
    step_started_ns: int
    next_id: int
    unsettled: Command | None
    asked_local: datetime | None = None  # what the pump's clock showed when the unsettled command was intended
    clock_age_s: float = 0.0  # how long before that the pump's clock was looked at
    pump_serial: str = ""  # who had been armed; empty when nobody had
    balance_serial: str = ""
    first_mg: float | None = None  # what the balance showed when the run began
    found: dict[str, Any] | None = None  # the pump's settings as the run found them
    clock_order: ClockOrder | None = None  # the clock was set, or may have been, in the step that is repeated
    therapy: TherapyState = field(default_factory=TherapyState)
    who: str = ""
    why: str = ""


def resume_point(record: RunRecord, scenario: Scenario, who: str, why: str) -> ResumePoint:
    """Return where the run of ``record`` goes on.

    A run that broke off before its first step begins anew; one that broke off after its last step (in the closing
    blank) repeats that step, since the blank belongs to it.
    """
    events = unbroken_events(record)
    opened = next((event for event in events if event.name == OPENED and event.data.get("mode") == REPEAT), None)
    base_step, base_s = (int(opened.data["step"]), float(opened.data["scenario_s"] or 0.0)) if opened else (0, 0.0)
    step, began_ns = _before_the_clamp(events, scenario, *_step_in_progress(events, base_step))
    step = min(step, len(scenario.steps) - 1)
    started_ns = _acknowledged_ns(events, began_ns)
    origin_ns = _origin_ns(events, base_step if base_s else None)
    scenario_s = base_s
    if origin_ns is not None and step > base_step:
        scenario_s = base_s + max(0.0, (started_ns - origin_ns) / NS_PER_S)
    unsettled = in_flight(events)
    asked_local, clock_age_s = (None, 0.0) if unsettled is None else pump_time(events, unsettled.at_ns)
    armed = next((event.data for event in reversed(record.events) if event.name == "armed"), {})
    masses = [columns.mass_mg[0] for columns in record.weighings.values() if columns.mass_mg]
    return ResumePoint(
        mode=REPEAT,
        step=step,
        segment=len(record.segments) + 1,
        scenario_s=scenario_s,
        step_started_ns=started_ns,
        next_id=last_id(record.events) + 1,
        unsettled=unsettled,
        asked_local=asked_local,
        clock_age_s=clock_age_s,
        pump_serial=str(armed.get("pump", {}).get("serial", "")),
        balance_serial=str(armed.get("balance", {}).get("serial", "")),
        first_mg=masses[0] if masses else None,
        found=_found(record.events),
        clock_order=_clock_order(record, events, began_ns),
        therapy=therapy_state(events),
        who=who,
        why=why,
    )


def unbroken_events(record: RunRecord) -> tuple[Event, ...]:
    """Return the events of the last stretch in which the pump was never left behind.

    A segment that was taken up again (`REATTACH`) goes on where the one before it stopped: same boot, same delivery.
    """
    found: tuple[Event, ...] = ()
    for segment in reversed(record.segments):
        found = (*segment.events, *found)
        opened = next((event for event in segment.events if event.name == OPENED), None)
        if opened is None or opened.data.get("mode") != REATTACH:
            break
    return found


def pump_time(events: Sequence[Event], at_ns: int) -> tuple[datetime | None, float]:
    """Return what the pump's clock showed at a rig time and how old the last look at it was then, in s.

    None where it was not looked at before.
    """
    looks = [event.data for event in events if event.name == "pump_clock" and event.data["answered_ns"] <= at_ns]
    if not looks:
        return None, 0.0
    passed_s = (at_ns - int(looks[-1]["answered_ns"])) / NS_PER_S
    return datetime.fromisoformat(str(looks[-1]["local"])) + timedelta(seconds=passed_s), passed_s


def therapy_state(events: Sequence[Event]) -> TherapyState:
    """Return what the pump was told by these events."""
    profiles: dict[int, tuple[BasalEntry, ...]] = {}
    pattern, clock_sets = 0, 0
    suspended, temp_until_ns, ordered_u = False, 0, 0.0
    temp: dict[str, Any] | None = None
    for event in events:
        if event.name == "profile_written":
            written = tuple(BasalEntry(int(start), float(rate)) for start, rate in event.data["entries"])
            profiles[int(event.data.get("pattern", 0))] = written
        elif event.name == "pattern_selected":
            pattern = int(event.data["pattern"])
        elif event.name == "clock_set":
            clock_sets += 1
        elif event.name in ("suspended", "resumed"):
            suspended = event.name == "suspended"
            temp, temp_until_ns = (None, 0) if suspended else (temp, temp_until_ns)
        elif event.name == "temp_started":
            temp, temp_until_ns = event.data, event.at_ns + to_ns(float(event.data["duration_s"]))
        elif event.name == "temp_cancelled":
            temp, temp_until_ns = None, 0
        elif event.name == "bolus_started":
            ordered_u += float(event.data["amount_u"])
    first_ns = _first_delivery_ns(events)
    return TherapyState(profiles, pattern, clock_sets, suspended, temp_until_ns, temp, first_ns, ordered_u)


def settings_of(found: dict[str, Any] | None) -> PumpSettings | None:
    """Return settings as the record keeps them, None where it keeps none."""
    return None if found is None else PumpSettings(**found)


def _found(events: Sequence[Event]) -> dict[str, Any] | None:
    """Return the settings that the first arming found; later ones may have found what the run itself had set."""
    return next((event.data for event in events if event.name == "settings_found"), None)


def _clock_order(record: RunRecord, events: Sequence[Event], began_ns: int) -> ClockOrder | None:
    """Return what the clock was told in the step in progress, from the journal: before the first byte had left."""
    told = [
        event
        for event in events
        if event.at_ns >= began_ns
        and event.name == EVENT
        and (event.data.get("name"), event.data.get("state")) == ("set_clock", "intended")
    ]
    if not told:
        return None
    boot = record.segments[-1].header.get("clock", {}).get("boot_id") if record.segments else None
    return ClockOrder(datetime.fromisoformat(str(told[-1].data["local"])), told[-1].at_ns, boot)


def suspended_before(scenario: Scenario, step: int) -> bool:
    """Return whether the pump is suspended when ``step`` begins in a run that nothing interrupts."""
    suspended = True
    for each in scenario.steps[:step]:
        if isinstance(each, SuspendStep):
            suspended = True
        elif each.kind in DELIVERING_STEPS:
            suspended = False
    return suspended


def _step_in_progress(events: Sequence[Event], base_step: int) -> tuple[int, int]:
    """Return (index, rig time of its beginning) of the step that was under way or comes next."""
    step, began_ns = base_step, events[0].at_ns if events else 0
    for event in events:
        if event.name == "step_started":
            step, began_ns = int(event.data["step"]), event.at_ns
        elif event.name == "step_ended":
            step, began_ns = int(event.data["step"]) + 1, event.at_ns
    return step, began_ns


def _before_the_clamp(events: Sequence[Event], scenario: Scenario, step: int, began_ns: int) -> tuple[int, int]:
    """Return the step to go on with: with a valve acting, the delivery that it was to hinder.

    Whoever made the bench safe opened the valve, and what was stored has left: only the whole of it can be repeated,
    from the delivery on that led in to it.
    """
    first = led_in_by(scenario, min(acting_before(scenario, step).values(), default=step))
    begun = (each.at_ns for each in events if each.name == "step_started" and int(each.data["step"]) == first)
    return first, next(begun, began_ns)


def _acknowledged_ns(events: Sequence[Event], began_ns: int) -> int:
    """Return when the step that began at ``began_ns`` was first acknowledged: from then on it counts."""
    return next((e.at_ns for e in events if e.at_ns >= began_ns and e.name in ACKNOWLEDGING), began_ns)


def _origin_ns(events: Sequence[Event], base_step: int | None) -> int | None:
    """Return the rig time from which scenario time counts in these events.

    That is the first delivery within a step; in a run that had delivered before it was resumed, the beginning of
    ``base_step``.
    """
    if base_step is None:
        return _first_delivery_ns(events)
    begun = (e.at_ns for e in events if e.name == "step_started" and int(e.data["step"]) == base_step)
    began_ns = next(begun, None)
    return None if began_ns is None else _acknowledged_ns(events, began_ns)


def _first_delivery_ns(events: Sequence[Event]) -> int | None:
    inside = False
    for event in events:
        if event.name in ("step_started", "step_ended"):
            inside = event.name == "step_started"
        elif inside and event.name in DELIVERING:
            return event.at_ns
    return None
