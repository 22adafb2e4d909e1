"""Before anything moves: every device found by identity, its settings as needed, the pump stopped and programmed."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from rig.config import BenchConfig
from rig.errors import InstrumentError
from rig.instruments import Balance, BalanceIdentity, BasalEntry, PumpSettings
from rig.plugins.roles import ClaimedPump, Reads, TempBasals
from rig.profiles.pump import PumpProfile
from rig.programme import Plan
from rig.runner.alarms import refuse_alarm
from rig.runner.resume import ResumePoint, settings_of
from rig.runner.therapy import Therapy, entries_of
from rig.scenario.in_force import STANDARD, InForce, in_force, segments_of
from rig.scenario.limits import beyond_limits
from rig.scenario.model import BasalStep, BolusStep, ProfileStep, Scenario, TempBasalStep
from rig.scenario.plan import MG_PER_UL
from rig.scenario.validate import VESSEL_SHARE
from rig.transport.links import Links


@dataclass(frozen=True, slots=True)
class Armed:
    """What arming found."""

    pump: dict[str, Any]
    balance: BalanceIdentity


def identify_balance(balance: Balance, config: BenchConfig) -> BalanceIdentity:
    """Ask the balance who it is; refuse another one than the bench file names."""
    identity = balance.identify()
    if config.balance.serial and not identity.serial:
        raise InstrumentError(
            "this balance does not tell its serial number",
            where=f"balance on {config.balance.port}",
            expected=f"{config.balance.serial} as in bench {config.name}",
            hint="leave serial out of [balance], and name its port by the identity of its adapter",
        )
    if config.balance.serial and identity.serial != config.balance.serial:
        raise InstrumentError(
            f"another balance answers: serial number {identity.serial}",
            where=f"balance on {config.balance.port}",
            expected=f"{config.balance.serial} as in bench {config.name}",
            hint="check the cable, or correct [balance] serial",
        )
    if balance.zero_tracking():
        raise InstrumentError(
            "zero tracking is on, which swallows a slow flow near zero",
            where=f"balance {identity.model}",
            expected="off",
            hint="switch it off in the balance's menu (MT-SICS: M03 0)",
        )
    return identity


def identify_pump(pump: Reads, config: BenchConfig, profile: PumpProfile) -> dict[str, Any]:
    """Wake the pump and ask who it is; refuse another model or serial number than the bench file names."""
    pump.wake()
    model = pump.model()
    serial = pump.serial_number()
    where = f"pump on {config.pump.port}"
    if model != profile.model:
        raise InstrumentError(
            f"the pump is a model {model}",
            where=where,
            expected=f"model {profile.model} as profile {profile.id} says",
            hint="name the profile of this pump in the bench file",
        )
    if serial not in config.pump.serials:
        raise InstrumentError(
            f"pump {serial} answers, which is not a listed device under test",
            where=where,
            expected=f"one of {', '.join(config.pump.serials)}",
        )
    return {"model": model, "serial": serial, "firmware": pump.firmware(), "profile": profile.id}


def same_devices(point: ResumePoint, pump: dict[str, Any], balance: BalanceIdentity) -> None:
    """Refuse to go on with a run on another pump or balance than it was begun with."""
    for what, found, before in (
        ("pump", str(pump["serial"]), point.pump_serial),
        ("balance", balance.serial, point.balance_serial),
    ):
        if before and found != before:
            raise InstrumentError(
                f"{what} {found} answers, and the run was begun with {before}",
                where=what,
                expected=before,
                hint="bring it back, or void this run and start a new one",
            )


def check_vessel(point: ResumePoint, now_mg: float, config: BenchConfig, plan: Plan) -> float:
    """Return what has come into the vessel, uL; refuse to go on when what is still to come would overflow it.

    Its fill is what the balance shows more than at the beginning. A vessel that was emptied and tared shows less
    than that, and is taken for empty.
    """
    filled_ul = 0.0 if point.first_mg is None else max(0.0, now_mg - point.first_mg) / MG_PER_UL
    done_u = math.fsum(step.expected_u for step in plan.steps[: point.step])
    need_ul = plan.volume_ul * (1.0 - done_u / plan.total_u if plan.total_u else 0.0) * VESSEL_SHARE
    free_ul = config.vessel.capacity_ul - filled_ul
    if need_ul > free_ul:
        raise InstrumentError(
            f"the vessel has room for {free_ul:.0f} uL and {need_ul:.0f} uL are still to come",
            where="vessel",
            hint="empty it, put it back, tare the balance, and resume the run again",
        )
    return filled_ul


def check_pump(pump: Reads, scenario: Scenario, plan: Plan, first_step: int = 0) -> dict[str, Any]:
    """Read the pump's state and limits; refuse a programme that it would not deliver whole, from ``first_step`` on."""
    reservoir_u = pump.reservoir_u()
    need_u = plan.reservoir_need_u - sum(step.expected_u for step in plan.steps[:first_step])
    if reservoir_u < need_u:
        raise InstrumentError(
            f"the reservoir holds {reservoir_u:g} U",
            where="pump",
            expected=f"at least {need_u:.1f} U for scenario {scenario.id}",
            hint="fill it, or choose a shorter scenario",
        )
    status, settings, battery = pump.status(), pump.settings(), pump.battery()
    if not status.normal:
        hint = (
            "finish the change of reservoir at the pump: rewind, fill the tube until water leaves it, fill the cannula"
        )
        raise InstrumentError(
            "the pump is rewinding, or waits to be primed: it delivers nothing", where="pump", hint=hint
        )
    if status.bolusing:
        raise InstrumentError("the pump is in a bolus", where="pump", hint="wait for it to end")
    _check_limits(scenario, settings, first_step)
    return {
        "reservoir_u": reservoir_u,
        "battery_v": battery.voltage_v,
        "battery_low": battery.low,
        "settings": asdict(settings),
    }


def _check_limits(scenario: Scenario, settings: PumpSettings, first_step: int) -> None:
    """Refuse a step beyond the pump's limits, as they are then: the scenario may set them itself."""
    found = InForce(max_bolus_u=settings.max_bolus_u, max_basal_u_per_h=settings.max_basal_u_per_h)
    for number, step in enumerate(scenario.steps):
        found = found.after(step)
        beyond = beyond_limits(step, found) if number >= first_step else ""
        if beyond:
            raise InstrumentError(
                f"step {number + 1}: {beyond}",
                where="pump",
                expected=f"limits that leave room for scenario {scenario.id}",
                hint="raise the limit in the pump's menu, or with a 'limits' step before",
            )


def first_profile(scenario: Scenario, first_step: int = 0) -> list[BasalEntry]:
    """Return the standard profile that ``first_step`` finds: its own, else the last before it, else the next.

    A profile of zero where no step needs one.
    """
    for step in [scenario.steps[first_step], *reversed(scenario.steps[:first_step]), *scenario.steps[first_step:]]:
        entries = step_profile(step)
        if entries is not None:
            return entries
    return [BasalEntry(0, 0.0)]


def step_profile(step: object) -> list[BasalEntry] | None:
    """Return the standard profile that a step needs, or None when it needs none of its own."""
    return entries_of(segments_of(step)) if isinstance(step, BasalStep | ProfileStep) else None


def temp_types(scenario: Scenario, first_step: int, *, is_percent: bool) -> list[bool]:
    """Return the types of temporary basal to try the pump in: True percent, False U/h; none where all is as it is.

    A scenario with both is tried in both, so that it is refused before anything moves and not in its middle.
    """
    steps = scenario.steps[first_step:]
    types = {True for step in steps if isinstance(step, TempBasalStep) and step.percent is not None}
    types |= {False for step in steps if _needs_absolute(step)}
    return [] if types <= {is_percent} else [not is_percent, *([is_percent] if is_percent in types else [])]


def _set_up(therapy: Therapy, scenario: Scenario, first_step: int) -> None:
    """Write the first profile, and whatever the steps before ``first_step`` had set; select what runs."""
    settings, before = therapy.settings, in_force(scenario.steps[:first_step])
    settings.limit(before.max_bolus_u, before.max_basal_u_per_h)
    first = first_profile(scenario, first_step)
    highest = settings.now.max_basal_u_per_h if settings.now is not None else math.inf
    if max(entry.rate_u_per_h for entry in first) > highest:
        first = [BasalEntry(0, 0.0)]  # its step comes after one that raises the limit
    therapy.set_profile(first)
    for pattern, segments in before.profiles.items():
        if pattern != STANDARD:
            therapy.set_profile(entries_of(segments), pattern)
    settings.select(before.pattern)


def arm(
    claimed: ClaimedPump,
    balance: Balance,
    links: Links,
    therapy: Therapy,
    config: BenchConfig,
    scenario: Scenario,
    plan: Plan,
    profile: PumpProfile,
    point: ResumePoint | None = None,
) -> Armed:
    """Identify everything, check that the programme fits, programme the first profile, and stop the pump.

    With ``point``, for the rest of a run that broke off: on the same pump and balance as before.
    """
    pump, first_step = claimed.pump, 0 if point is None else point.step
    identity = identify_balance(balance, config)
    facts = identify_pump(pump, config, profile)
    therapy.reports.radio()
    refuse_alarm(claimed)
    if point is not None:
        same_devices(point, facts, identity)
    facts |= check_pump(pump, scenario, plan, first_step)
    read = PumpSettings(**facts["settings"])
    therapy.record("settings_found", facts["settings"])
    therapy.settings.adopt(read, None if point is None else settings_of(point.found))
    for percent in temp_types(scenario, first_step, is_percent=read.temp_basal_is_percent):
        therapy.settings.temp_type(percent=percent)
    if claimed.role(TempBasals).temp_basal().minutes_left:
        therapy.cancel_temp()
    if pump.status().suspended:
        therapy.resume()  # a suspended pump may refuse a new profile
        therapy.delivering_since_ns = None  # nothing that is judged has begun
    local = pump.clock()
    clock = {"at_ns": links.clock.now_ns(), "local": local.isoformat()}
    therapy.record("armed", {"pump": facts, "balance": asdict(identity), "pump_clock": clock})
    therapy.reports.clock()
    _set_up(therapy, scenario, first_step)
    therapy.suspend()
    therapy.reports.reservoir()
    return Armed(facts, identity)


def _needs_absolute(step: object) -> bool:
    return (isinstance(step, TempBasalStep) and step.percent is None) or (
        isinstance(step, BolusStep) and not step.over_basal
    )
