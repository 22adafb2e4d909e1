"""A step in words, for dry runs, progress lines and the record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rig.scenario import qualification
from rig.scenario.model import (
    BasalStep,
    BolusStep,
    ClearAlarmStep,
    LimitsStep,
    PatternStep,
    PressStep,
    ProfileStep,
    ResumeStep,
    SetClockStep,
    Step,
    StoredProfileStep,
    SuspendStep,
    TempBasalStep,
    ValveStep,
    WaitAlarmStep,
    WaitStep,
)
from rig.scenario.step_fields import PATTERNS
from rig.scenario.supply import describe_supply
from rig.scenario.supply_step import SupplyStep
from rig.units import format_duration, format_number


def describe(step: Step) -> str:
    """Return a step in the words of a dry run."""
    if isinstance(step, qualification.QUALIFYING):
        return qualification.describe(step)
    return _BY_TYPE[type(step)](step)


def _basal(step: Any) -> str:
    return f"basal {format_number(step.rate_u_per_h)} U/h for {format_duration(step.duration_s)}"


def _profile(step: Any) -> str:
    return f"profile of {len(step.segments)} segments for {format_duration(step.duration_s)}"


def _stored(step: Any) -> str:
    return f"profile of {len(step.segments)} segments stored as pattern {PATTERNS[step.pattern]}"


def _pattern(step: Any) -> str:
    return f"pattern {PATTERNS[step.pattern]} for {format_duration(step.duration_s)}"


def _temp_basal(step: Any) -> str:
    rate = f"{step.percent} %" if step.rate_u_per_h is None else f"{format_number(step.rate_u_per_h)} U/h"
    return f"temporary basal {rate} for {format_duration(step.duration_s)}{_cancelled(step)}"


def _bolus(step: Any) -> str:
    over = "over the running basal" if step.over_basal else "under a temporary basal of 0"
    return f"{step.repeat} x bolus {format_number(step.amount_u)} U {over}{_cancelled(step)}"


def _pause(step: Any) -> str:
    return f"{step.kind} {format_duration(step.duration_s)}" if step.duration_s else str(step.kind)


def _set_clock(step: Any) -> str:
    if step.to is not None:
        return f"pump clock to {step.to:%Y-%m-%d %H:%M:%S}"
    return f"pump clock {format_duration(abs(step.shift_s))} {'forward' if step.shift_s > 0 else 'back'}"


def _limits(step: Any) -> str:
    limits = [] if step.max_bolus_u is None else [f"bolus {format_number(step.max_bolus_u)} U"]
    if step.max_basal_u_per_h is not None:
        limits.append(f"basal {format_number(step.max_basal_u_per_h)} U/h")
    return f"limits: {', '.join(limits)}"


def _cancelled(step: Any) -> str:
    return "" if step.cancel_after_s is None else f", cancelled after {format_duration(step.cancel_after_s)}"


_BY_TYPE: dict[type, Callable[[Any], str]] = {
    BasalStep: _basal,
    ProfileStep: _profile,
    StoredProfileStep: _stored,
    PatternStep: _pattern,
    TempBasalStep: _temp_basal,
    BolusStep: _bolus,
    SuspendStep: _pause,
    ResumeStep: lambda step: str(step.kind),
    WaitStep: _pause,
    SetClockStep: _set_clock,
    LimitsStep: _limits,
    PressStep: lambda step: f"press {', '.join(step.keys)}",
    SupplyStep: describe_supply,
    ValveStep: lambda step: str(step.kind),
    ClearAlarmStep: lambda step: f"clear alarm {step.code}",
    WaitAlarmStep: lambda step: f"wait for alarm {step.code}, {format_duration(step.duration_s)} at most",
}
