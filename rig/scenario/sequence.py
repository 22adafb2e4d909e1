"""What a sequence of steps can mean whatever the pump: suspended or not, and how long it takes at most."""

from __future__ import annotations

import math

from rig.errors import ScenarioError
from rig.profiles.strict import nearest
from rig.scenario.document import Place
from rig.scenario.in_force import STANDARD, InForce
from rig.scenario.measures import MEASURES
from rig.scenario.model import (
    BolusStep,
    PatternStep,
    ProfileStep,
    ResumeStep,
    Scenario,
    Step,
    StoredProfileStep,
    SuspendStep,
    length_s,
)
from rig.scenario.qualification import check_steps
from rig.scenario.step_fields import PATTERNS
from rig.scenario.supply_step import SupplyStep
from rig.scenario.valves import check_valve_order
from rig.units import format_duration

BASELINE_S = 15.0  # weighing before a bolus
SETTLE_LEAST_S = 60.0  # design 4.12
SETTLE_SHARE = 0.25
SLOPE_WINDOW_S = 60.0
SLOWEST_U_PER_MIN = 0.75  # slowest normal bolus of the families that the rig knows
DELIVERING = ("basal", "profile", "pattern", "temp_basal", "bolus", "resume")
BASAL = ("basal", "profile", "pattern")
_NUMBERS = (
    *("rate_u_per_h", "percent", "amount_u", "repeat", "duration_s", "cancel_after_s", "wait_s", "code", "pattern"),
    *("rate_ul_per_h", "amount_ul", "rest_s", "mass_g"),
    *("max_bolus_u", "max_basal_u_per_h"),
)
_ABOVE_ZERO = (
    *("duration_s", "amount_u", "repeat", "cancel_after_s", "max_bolus_u", "max_basal_u_per_h"),
    *("rate_ul_per_h", "amount_ul", "mass_g"),
)


def bolus_cycle_s(duration_s: float) -> float:
    """Return how long one bolus takes from baseline to closing, in s; ``duration_s`` is its nominal delivery time.

    Baseline, delivery, settling of max(60 s, 25 %), and 60 s to see the slope back at the basal (design 4.12).
    """
    return BASELINE_S + duration_s + max(SETTLE_LEAST_S, SETTLE_SHARE * duration_s) + SLOPE_WINDOW_S


def first_delivering(scenario: Scenario) -> int:
    """Return the index of the first step that delivers, from which checks count; 0 when none does."""
    return next((index for index, step in enumerate(scenario.steps) if step.kind in DELIVERING), 0)


def check_values(scenario: Scenario) -> None:
    """Refuse values that a file cannot hold but a scenario made in Python can: not finite, negative, unsourced."""
    if not scenario.steps:
        raise ScenarioError("the scenario has no steps", where=scenario.id)
    for index, step in enumerate(scenario.steps):
        where = str(Place(scenario.source_name or scenario.id, step.line, f"steps[{index + 1}].{step.kind}"))
        for name, value in _numbers(step):
            if not (math.isfinite(value) and value >= 0) or (name in _ABOVE_ZERO and value == 0):
                least = "more than 0" if name in _ABOVE_ZERO else "0 or more"
                raise ScenarioError(f"{name} is {value:g}", where=where, expected=least)
        if isinstance(step, ProfileStep | StoredProfileStep):
            starts = [start for start, _ in step.segments]
            if starts[:1] != [0] or starts != sorted(set(starts)) or starts[-1] >= 48:
                raise ScenarioError(
                    "the segments do not cover a day", where=where, expected="rising half-hours from 0 to 47"
                )
    for check in scenario.checks:
        where = str(Place(scenario.source_name or scenario.id, check.line, f"checks.{check.id}"))
        if check.measure not in MEASURES:
            near = nearest(check.measure, MEASURES)
            raise ScenarioError(f"unknown measure '{check.measure}'", where=where, hint=near and f"'{near}'")
        if check.source is None and (check.lower is not None or check.upper is not None):
            raise ScenarioError("the limit has no source", where=where, expected="where the limit comes from")


def _numbers(step: Step) -> list[tuple[str, float]]:
    """Return the numbers of a step, by name."""
    if isinstance(step, ProfileStep):
        return [("duration_s", step.duration_s), *(("rate_u_per_h", rate) for _, rate in step.segments)]
    if isinstance(step, StoredProfileStep):
        return [("rate_u_per_h", rate) for _, rate in step.segments]
    found = [(name, getattr(step, name, None)) for name in _NUMBERS]
    if isinstance(step, SuspendStep | SupplyStep):
        found = [("pause_s", step.duration_s)]
    return [(name, float(value)) for name, value in found if value is not None]


def check_sequence(scenario: Scenario) -> None:
    """Refuse a sequence that no pump can follow, and checks of what comes after the end."""
    if scenario.qualifies:
        check_steps(scenario.steps, scenario.source_name or scenario.id)
    check_valve_order(scenario)
    suspended, basal_set, settings = False, False, InForce()
    for index, step in enumerate(scenario.steps):
        where = str(Place(scenario.source_name, step.line, f"steps[{index + 1}].{step.kind}"))
        if isinstance(step, SuspendStep):
            if suspended:
                raise ScenarioError("the pump is suspended already", where=where, expected="a 'resume' step in between")
            suspended = True
        elif isinstance(step, ResumeStep):
            if not suspended:
                raise ScenarioError("nothing suspended the pump before", where=where, expected="a 'suspend' step first")
            suspended = False
        elif suspended and step.kind in DELIVERING:
            raise ScenarioError("the pump is suspended here", where=where, expected="a 'resume' step before")
        elif step.kind == "temp_basal" and not basal_set:
            raise ScenarioError(
                "there is no basal that it could replace", where=where, expected="a 'basal' or 'profile' step before"
            )
        if isinstance(step, PatternStep) and step.pattern not in settings.profiles:
            name = PATTERNS[step.pattern]
            what = f"nothing was written to pattern {name} before, so nobody knows what it would deliver"
            stored = "profile" if step.pattern == STANDARD else f"profile: {{pattern: {name}, ...}}"
            raise ScenarioError(what, where=where, expected=f"a step '{stored}' before")
        settings = settings.after(step)
        basal_set = basal_set or step.kind in BASAL
    longest_s = math.fsum(_longest_s(step) for step in scenario.steps[first_delivering(scenario) :])
    check_windows(scenario, longest_s)


def check_windows(scenario: Scenario, delivery_s: float) -> None:
    """Refuse a check whose window does not lie within the ``delivery_s`` after the first delivery."""
    for check in scenario.checks:
        from_s = check.from_s or 0.0
        to_s = from_s + (check.for_s or 0.0)
        if to_s > delivery_s + 1e-6 or (check.for_s is None and from_s >= delivery_s):
            where = str(Place(scenario.source_name, check.line, f"checks.{check.id}"))
            raise ScenarioError(
                f"the window reaches to {format_duration(to_s)}, beyond the end of the programme",
                where=where,
                expected=f"at most {format_duration(delivery_s)} after the first delivery",
            )


def _longest_s(step: Step) -> float:
    if isinstance(step, BolusStep):
        return step.repeat * bolus_cycle_s(60.0 * step.amount_u / SLOWEST_U_PER_MIN)
    return length_s(step)
