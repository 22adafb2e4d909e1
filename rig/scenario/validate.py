"""A scenario against one pump and one bench: whatever cannot be delivered whole is refused before anything moves."""

from __future__ import annotations

from datetime import datetime

from rig.config import BenchConfig
from rig.errors import ConfigError, ScenarioError
from rig.profiles.pump import Claim, PumpProfile
from rig.programme import Plan
from rig.scenario.conditions import check_conditions
from rig.scenario.document import Place
from rig.scenario.in_force import segments_of
from rig.scenario.limits import check_limits, check_limits_step
from rig.scenario.model import (
    BasalStep,
    BolusStep,
    Check,
    LimitsStep,
    ProfileStep,
    Scenario,
    Step,
    StoredProfileStep,
    TempBasalStep,
)
from rig.scenario.plan import plan
from rig.scenario.sequence import check_sequence, check_values, check_windows
from rig.scenario.sources import CLAIMS
from rig.scenario.supply import check_supply
from rig.scenario.valves import check_valves
from rig.units import format_duration, format_number

_ANY_START = datetime(2026, 1, 1)  # noqa: DTZ001 - pump clocks are naive local time
VESSEL_SHARE = 1.05  # a pump within its claim must not flood the balance


def validate_for(
    scenario: Scenario, profile: PumpProfile, bench: BenchConfig, start_local: datetime | None = None
) -> Plan:
    """Return the plan of ``scenario`` on this pump and bench, or raise `ScenarioError` with the reason it cannot be.

    Refused: another model, rates and amounts beyond the pump's limits or between its steps (saying what they would be
    rounded to), temporary basals of odd length, a reservoir or vessel too small, windows beyond the end, limits that
    contradict the claim that they name, and defaults of the rig named for rates or windows that are not theirs. With
    ``start_local`` given, a hardware bench whose calibration expires before the planned end is refused as well
    (`ConfigError`).
    """
    if profile.family not in scenario.families:
        families = ", ".join(str(family) for family in scenario.families)
        raise ScenarioError(
            f"the scenario is for another model: families {families}, and the pump is a {profile.model}",
            where=_where(scenario),
            expected=f"family {profile.family}",
            hint="another bench, or another scenario",
        )
    check_values(scenario)
    check_sequence(scenario)
    check_supply(scenario, bench)
    check_valves(scenario, bench)
    for index, step in enumerate(scenario.steps):
        _check_step(step, profile, _where(scenario, step.line, f"steps[{index + 1}].{step.kind}"))
    check_limits(scenario)
    for check in scenario.checks:
        _check_claim(check, profile, _where(scenario, check.line, f"checks.{check.id}"))
    start = start_local or (bench.simulation.start if bench.simulation else _ANY_START)
    planned = plan(scenario, profile, start)
    check_windows(scenario, planned.delivery_s)
    for check in scenario.checks:
        check_conditions(check, planned, _where(scenario, check.line, f"checks.{check.id}"))
    if start_local is not None and not bench.simulated:
        _check_calibration(scenario, bench, planned)
    _check_room(scenario, profile, bench, planned)
    return planned


def _check_step(step: Step, profile: PumpProfile, where: str) -> None:
    if isinstance(step, BasalStep | ProfileStep | StoredProfileStep):
        segments = segments_of(step)
        if len(segments) > profile.profile_segments_max:
            raise ScenarioError(
                f"{len(segments)} segments do not fit",
                where=where,
                expected=f"at most {profile.profile_segments_max} on a {profile.model}",
            )
        for _, rate in segments:
            _check_rate(rate, profile, where)
    elif isinstance(step, TempBasalStep):
        _check_temp_basal(step, profile, where)
    elif isinstance(step, BolusStep):
        _check_bolus(step, profile, where)
    elif isinstance(step, LimitsStep):
        check_limits_step(step, profile, where)


def _check_rate(rate_u_per_h: float, profile: PumpProfile, where: str) -> None:
    if not 0 <= rate_u_per_h <= profile.basal_max_u_per_h:
        raise ScenarioError(
            f"{format_number(rate_u_per_h)} U/h is above the pump's limit",
            where=where,
            expected=f"at most {format_number(profile.basal_max_u_per_h)} U/h on a {profile.model}",
        )
    rounded = profile.round_basal(rate_u_per_h)
    if abs(rounded - rate_u_per_h) > 1e-9:
        raise ScenarioError(
            f"a {profile.model} cannot be set to {format_number(rate_u_per_h)} U/h",
            where=where,
            expected=f"a rate that it can be set to; it would round to {format_number(rounded)} U/h",
        )


def _check_temp_basal(step: TempBasalStep, profile: PumpProfile, where: str) -> None:
    if step.rate_u_per_h is not None:
        _check_rate(step.rate_u_per_h, profile, where)
    if step.percent is not None and step.percent > profile.temp_max_percent:
        raise ScenarioError(
            f"{step.percent} % is above the pump's limit",
            where=where,
            expected=f"at most {profile.temp_max_percent} % on a {profile.model}",
        )
    steps = step.duration_s / profile.temp_step_s
    if abs(steps - round(steps)) > 1e-9 or not profile.temp_min_s <= step.duration_s <= profile.temp_max_s:
        raise ScenarioError(
            f"a temporary basal cannot last {format_duration(step.duration_s)}",
            where=where,
            expected=f"{format_duration(profile.temp_min_s)} to {format_duration(profile.temp_max_s)} "
            f"in steps of {format_duration(profile.temp_step_s)}",
        )


def _check_bolus(step: BolusStep, profile: PumpProfile, where: str) -> None:
    amount_u = step.amount_u
    if not profile.bolus_min_u <= amount_u <= profile.bolus_max_u:
        side = "below" if amount_u < profile.bolus_min_u else "above"
        raise ScenarioError(
            f"a bolus of {format_number(amount_u)} U is {side} the pump's limit",
            where=where,
            expected=f"{format_number(profile.bolus_min_u)} U to {format_number(profile.bolus_max_u)} U "
            f"on a {profile.model}",
        )
    rounded = profile.round_bolus(amount_u)
    if abs(rounded - amount_u) > 1e-9:
        raise ScenarioError(
            f"a {profile.model} cannot deliver a bolus of {format_number(amount_u)} U",
            where=where,
            expected=f"an amount that it can; it would round to {format_number(rounded)} U",
        )
    duration_s = profile.bolus_duration_s(amount_u)
    if step.cancel_after_s is not None and step.cancel_after_s >= duration_s:
        raise ScenarioError(
            f"a bolus of {format_number(amount_u)} U is over before it is cancelled",
            where=where,
            expected=f"'cancel_after' less than the {format_duration(duration_s)} that a {profile.model} takes",
        )


def _check_claim(check: Check, profile: PumpProfile, where: str) -> None:
    """Refuse a limit that is said to be the pump's own claim and is not."""
    if check.source not in CLAIMS:
        return
    claim = profile.claims[CLAIMS[check.source]]
    if not claim.decides:
        return
    small = check.amount_u is not None and claim.small_below_u is not None and check.amount_u < claim.small_below_u
    bound, unit = (claim.small_limit_u, "U") if small else (claim.limit_pct, "%")
    claimed = f"+-{format_number(bound or 0.0)} {unit}"
    if check.unit != unit and check.amount_u is not None:
        raise ScenarioError(
            f"the claim of {profile.id} for {format_number(check.amount_u)} U is {claimed}, not one in {check.unit}",
            where=where,
            expected="bolus.each_error_u" if unit == "U" else "bolus.each_error or bolus.mean_error",
        )
    if check.unit == unit and not _within(check, claim, bound or 0.0):
        raise ScenarioError(
            f"the limit is not what {check.source} says",
            where=where,
            expected=f"{claimed} ({claim.mark}), or no limit here, or another source",
        )


def _within(check: Check, claim: Claim, bound: float) -> bool:
    """Return whether the check's limits are the claim's, or left to it."""
    limits = {check.lower, check.upper} - {None}
    allowed = {bound, -bound}
    if check.amount_u is None and claim.small_limit_u is not None:
        allowed |= {claim.small_limit_u, -claim.small_limit_u}
    return limits <= allowed


def _check_calibration(scenario: Scenario, bench: BenchConfig, planned: Plan) -> None:
    """Refuse a run that would end on or after the day a certificate expires: its results would be INVALID."""
    first = min(bench.certificates, key=lambda each: each.due)
    if planned.end_local.date() >= first.due:
        what = "the calibration" if first.device == "balance" else f"the calibration of {first.device}"
        raise ConfigError(
            f"{what} expires on {first.due}, before scenario {scenario.id} ends on {planned.end_local.date()}",
            where=f"bench {bench.name}: {first.key}.due",
            expected="a certificate that is valid to the end of the run",
            hint=f"calibrate the {first.device}, or run a shorter scenario",
        )


def _check_room(scenario: Scenario, profile: PumpProfile, bench: BenchConfig, planned: Plan) -> None:
    if planned.reservoir_need_u > profile.reservoir_u:
        raise ScenarioError(
            f"the reservoir is too small: {planned.total_u:.1f} U are programmed, {planned.reservoir_need_u:.1f} U "
            f"needed with reserve",
            where=_where(scenario),
            expected=f"at most the {format_number(profile.reservoir_u)} U of a {profile.model}",
            hint="a shorter scenario, or a pump with a larger reservoir",
        )
    need_ul = planned.volume_ul * VESSEL_SHARE
    if need_ul > bench.vessel.capacity_ul:
        raise ScenarioError(
            f"the vessel is too small: {need_ul:.0f} uL would be collected",
            where=_where(scenario),
            expected=f"at most its {bench.vessel.capacity_ul:.0f} uL ([vessel] capacity_ul of bench {bench.name})",
            hint="a larger or an empty vessel",
        )


def _where(scenario: Scenario, line: int = 0, path: str = "") -> str:
    return str(Place(scenario.source_name or scenario.id, line, path))
