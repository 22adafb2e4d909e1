"""Limits that a scenario sets in the pump: what it can be set to, and that nothing afterwards is beyond them."""

from __future__ import annotations

from rig.errors import ScenarioError
from rig.profiles.pump import PumpProfile
from rig.scenario.document import Place
from rig.scenario.in_force import InForce, highest_rate
from rig.scenario.model import BolusStep, LimitsStep, Scenario, Step
from rig.units import format_number

BOLUS_STEP_U = 0.1  # minimed-protocol 5.3
_SAME = 1e-9


def check_limits_step(step: LimitsStep, profile: PumpProfile, where: str) -> None:
    """Refuse limits that this pump cannot be set to."""
    bolus_u, basal = step.max_bolus_u, step.max_basal_u_per_h
    if bolus_u is not None:
        tenths = round(bolus_u / BOLUS_STEP_U)
        if bolus_u > profile.bolus_max_u or abs(tenths * BOLUS_STEP_U - bolus_u) > _SAME:
            raise ScenarioError(
                f"a {profile.model} cannot be set to a largest bolus of {format_number(bolus_u)} U",
                where=where,
                expected=f"at most {format_number(profile.bolus_max_u)} U in steps of {BOLUS_STEP_U:g} U",
            )
    if basal is None:
        return
    if basal > profile.basal_max_u_per_h or abs(profile.round_basal(basal) - basal) > _SAME:
        raise ScenarioError(
            f"a {profile.model} cannot be set to a highest basal rate of {format_number(basal)} U/h",
            where=where,
            expected=f"at most {format_number(profile.basal_max_u_per_h)} U/h, and a rate that it can be set to",
        )


def check_limits(scenario: Scenario) -> None:
    """Refuse a step that is beyond a limit that the scenario itself has set before."""
    settings = InForce()
    for number, step in enumerate(scenario.steps, start=1):
        settings = settings.after(step)
        beyond = beyond_limits(step, settings)
        if beyond:
            where = str(Place(scenario.source_name or scenario.id, step.line, f"steps[{number}].{step.kind}"))
            raise ScenarioError(f"{beyond}, which the scenario itself has set", where=where, expected="other limits")


def beyond_limits(step: Step, settings: InForce) -> str:
    """Return how a step is beyond the limits in force, or nothing; None in ``settings`` is no limit.

    A limit below a profile that the scenario wrote before counts as well: what a pump does then nobody states.
    """
    most_u, highest = settings.max_bolus_u, settings.max_basal_u_per_h
    if isinstance(step, BolusStep) and most_u is not None and step.amount_u > most_u + _SAME:
        return f"a bolus of {format_number(step.amount_u)} U is above the largest bolus of {format_number(most_u)} U"
    rate = max(highest_rate(step), settings.highest_u_per_h if isinstance(step, LimitsStep) else 0.0)
    if highest is not None and rate > highest + _SAME:
        return f"{format_number(rate)} U/h is above the highest basal rate of {format_number(highest)} U/h"
    return ""
