"""`plan`: what a scenario will do on a given pump, before anything moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from rig.profiles.pump import PumpProfile
from rig.programme import Plan, PlannedStep, Programme, TherapyEvent, therapy_programme
from rig.scenario.in_force import STANDARD, segments_of
from rig.scenario.model import (
    BasalStep,
    BolusStep,
    PatternStep,
    ProfileStep,
    ResumeStep,
    Scenario,
    SetClockStep,
    Step,
    StoredProfileStep,
    SuspendStep,
    TempBasalStep,
    WaitAlarmStep,
    length_s,
)
from rig.scenario.sequence import BASELINE_S, bolus_cycle_s, first_delivering
from rig.scenario.step_fields import ALARMS
from rig.scenario.words import describe
from rig.units import insulin_to_volume_ul

ARMING_S = 60.0  # identities, settings, profile, suspend: seconds on an awake pump, some more on a sleeping one
TAIL_S = 120.0  # between the last suspend and the blank after: the tail of the last dose
RESERVOIR_SHARE = 1.05  # a pump within any claim that we know does not need more than that
RESERVOIR_SPARE_U = 1.0
EMPTY_RESERVOIR = ALARMS["empty reservoir"]
MG_PER_UL = 0.997  # display reading of water at 20 C in air, density 0.9982 less buoyancy; for forecasts only


def plan(scenario: Scenario, profile: PumpProfile, start_local: datetime) -> Plan:
    """Return what ``scenario`` does on this pump when it is started at ``start_local`` (pump clock, naive).

    Times of boluses are estimates: nominal delivery, settling of max(60 s, 25 %), a slope window and a baseline each.
    """
    draft = _Draft(profile)
    for step in scenario.steps[: first_delivering(scenario)]:
        draft.add(step)
    before_s = draft.now_s  # waits before anything is delivered
    for step in scenario.steps[first_delivering(scenario) :]:
        draft.add(step)
    lead_s = ARMING_S + scenario.blank_before_s + before_s
    clock = TherapyEvent(-lead_s, "pump_clock", {"local": start_local.isoformat()})
    first = TherapyEvent(-lead_s, "profile_written", {"entries": _first_profile(scenario)})
    stopped = TherapyEvent(-lead_s, "suspended")
    events = (clock, first, stopped, *(replace(event, at_s=event.at_s - before_s) for event in draft.events))
    end_s = max(draft.now_s - before_s, 1e-3)
    programme = therapy_programme(events, end_s, profile.dose_u, profile)
    total_u = programme.expected_u(0.0, end_s)
    steps = tuple(_shifted(step, before_s, programme) for step in draft.steps)
    closing_s = TAIL_S + scenario.blank_after_s if scenario.blank_after_s else 0.0
    volume_ul = insulin_to_volume_ul(total_u, profile.concentration_u_per_ml)
    return Plan(
        scenario_id=scenario.id,
        programme=programme,
        events=events,
        steps=steps,
        lead_s=lead_s,
        duration_s=lead_s + end_s + closing_s,
        start_local=start_local,
        total_u=total_u,
        reservoir_need_u=_until_empty_u(scenario, steps, total_u) * RESERVOIR_SHARE + RESERVOIR_SPARE_U,
        volume_ul=volume_ul,
        mass_mg=volume_ul * MG_PER_UL,
        curve=_curve(programme, end_s),
    )


class _Draft:
    """Collects therapy events and step times, in s from the first step."""

    def __init__(self, profile: PumpProfile) -> None:
        self.now_s = 0.0
        self.events: list[TherapyEvent] = []
        self.steps: list[PlannedStep] = []
        self._profile = profile
        self._running = False
        self._entries: list[list[float]] | None = None
        self._pattern = STANDARD

    def add(self, step: Step) -> None:
        """Add one step at the end."""
        start_s = self.now_s
        if isinstance(step, BasalStep | ProfileStep):
            self._basal([[start, rate] for start, rate in segments_of(step)])
        elif isinstance(step, TempBasalStep):
            self._temp(step)
        elif isinstance(step, BolusStep):
            self._boluses(step)
        elif isinstance(step, SuspendStep):
            self._event("suspended")
            self._running = False
        elif isinstance(step, ResumeStep):
            self._run()
        else:
            self._setting(step)
        if not isinstance(step, BolusStep):
            self.now_s = start_s + length_s(step)
        self.steps.append(PlannedStep(len(self.steps), step.kind, start_s, self.now_s, 0.0, describe(step)))

    def _setting(self, step: Step) -> None:
        if isinstance(step, StoredProfileStep):
            entries = [[start, rate] for start, rate in step.segments]
            self._event("profile_written", {"entries": entries, "pattern": step.pattern})
        elif isinstance(step, PatternStep):
            self._select(step.pattern)
            self._run()
        elif isinstance(step, SetClockStep):
            local = None if step.to is None else step.to.isoformat()
            self._event("clock_set", {"local": local, "shift_s": step.shift_s})

    def _temp(self, step: TempBasalStep) -> None:
        data = {"rate_u_per_h": step.rate_u_per_h, "percent": step.percent, "duration_s": step.duration_s}
        self._event("temp_started", data)
        if step.cancel_after_s is not None:
            self._event("temp_cancelled", at_s=self.now_s + step.cancel_after_s)

    def _select(self, pattern: int) -> None:
        if pattern != self._pattern:
            self._event("pattern_selected", {"pattern": pattern})
            self._pattern = pattern

    def _basal(self, entries: list[list[float]]) -> None:
        if entries != self._entries:
            self._event("profile_written", {"entries": entries})
            self._entries = entries
        self._select(STANDARD)
        self._run()

    def _run(self) -> None:
        if not self._running:
            self._event("resumed")
            self._running = True

    def _boluses(self, step: BolusStep) -> None:
        self._run()
        duration_s = self._profile.bolus_duration_s(step.amount_u)
        cycle_s = bolus_cycle_s(duration_s if step.cancel_after_s is None else step.cancel_after_s)
        hold = {"rate_u_per_h": 0.0, "percent": None, "duration_s": step.repeat * cycle_s}
        if not step.over_basal:
            self._event("temp_started", hold)
        for index in range(step.repeat):
            data = {"amount_u": step.amount_u, "duration_s": duration_s, "step": len(self.steps), "index": index}
            start_s = self.now_s + BASELINE_S
            self._event("bolus_started", data, start_s)
            self.now_s += cycle_s
            if step.cancel_after_s is not None:
                self._event("suspended", at_s=start_s + step.cancel_after_s)
                self._event("resumed")
                if index + 1 < step.repeat:
                    self._event("temp_started", hold)
        if not step.over_basal and step.cancel_after_s is None:
            self._event("temp_cancelled")

    def _event(self, name: str, data: dict[str, Any] | None = None, at_s: float | None = None) -> None:
        self.events.append(TherapyEvent(self.now_s if at_s is None else at_s, name, data or {}))


def _first_profile(scenario: Scenario) -> list[list[float]]:
    """Return the profile that is written when arming: the first basal step's, or zero all day."""
    standard = (step for step in scenario.steps if isinstance(step, BasalStep | ProfileStep))
    return next(([[start, rate] for start, rate in segments_of(step)] for step in standard), [[0, 0.0]])


def _until_empty_u(scenario: Scenario, steps: tuple[PlannedStep, ...], total_u: float) -> float:
    """Return what the reservoir must hold: all, or what comes before a step that waits for it to be empty."""
    for index, step in enumerate(scenario.steps):
        if isinstance(step, WaitAlarmStep) and step.code == EMPTY_RESERVOIR:
            return sum(each.expected_u for each in steps[:index])
    return total_u


def _shifted(step: PlannedStep, before_s: float, programme: Programme) -> PlannedStep:
    """Return a step on the axis of the first delivery, with its expected volume."""
    start_s, end_s = step.start_s - before_s, step.end_s - before_s
    return replace(step, start_s=start_s, end_s=end_s, expected_u=programme.expected_u(start_s, end_s))


def _curve(programme: Programme, end_s: float) -> tuple[tuple[float, float], ...]:
    """Return the corners of the cumulative curve: (s, U), straight lines between them."""
    corners = {0.0, end_s}
    corners.update(part.start_s for part in programme.segments)
    corners.update(at_s for order in programme.boluses for at_s in (order.start_s, order.end_s))
    return tuple((at_s, programme.expected_u(0.0, at_s)) for at_s in sorted(corners) if 0.0 <= at_s <= end_s)
