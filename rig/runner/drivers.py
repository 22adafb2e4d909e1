"""Drivers of a run: what a scenario asks of them is matched before anything moves; whose they are is recorded."""

from __future__ import annotations

from typing import Any, Final

from rig.bench import balance_driver, electrical_roles, pump_driver
from rig.config import BenchConfig
from rig.driver_names import PUMPS, SHIPPED
from rig.errors import ConfigError, ScenarioError
from rig.plugins.air_bench import air_driver
from rig.plugins.electrical_bench import electrical_driver
from rig.plugins.provenance import described
from rig.plugins.spec import Capability, DriverSpec
from rig.profiles.profile import PumpProfile
from rig.scenario.document import Place
from rig.scenario.model import BolusStep, Scenario, Step, TempBasalStep
from rig.scenario.qualification import KINDS as QUALIFYING_KINDS
from rig.scenario.step_fields import VALVE_STEPS

_C = Capability
ALWAYS: Final = (_C.SUSPENDS, _C.PROFILES, _C.TEMP_BASALS, _C.HISTORY)  # arming and tidying ask for all of them
STEP_NEEDS: Final[dict[str, tuple[Capability, ...]]] = {
    "basal": (_C.PROFILES,),
    "profile": (_C.PROFILES,),
    "stored_profile": (_C.PROFILES, _C.PATTERNS),
    "pattern": (_C.PATTERNS,),
    "temp_basal": (_C.TEMP_BASALS,),
    "bolus": (_C.BOLUSES,),
    "suspend": (_C.SUSPENDS,),
    "resume": (_C.SUSPENDS,),
    "wait": (),
    "set_clock": (_C.CLOCK,),
    "limits": (_C.LIMITS,),
    "press": (_C.KEYS,),
    "wait_alarm": (_C.ALARMS, _C.HISTORY),
    "supply": (),
    **dict.fromkeys(QUALIFYING_KINDS, ()),  # they ask nothing of a pump
    "clear_alarm": (_C.ALARMS, _C.KEYS),
    **dict.fromkeys(VALVE_STEPS, ()),
    "occlude": (_C.ALARMS,),
}


def check_drivers(scenario: Scenario, config: BenchConfig, profile: PumpProfile) -> None:
    """Refuse a driver that does not know the pump, or cannot do what the scenario asks of it."""
    if not config.pump.present:
        raise ConfigError(
            "this bench has no pump: it is weighed with, and qualified",
            where=f"bench {config.name}",
            expected="a table [pump] in its file",
            hint=f"rig qualify --bench {config.name}",
        )
    found = pump_driver(config)
    balance_driver(config)
    for role in electrical_roles(config):
        electrical_driver(config, role)
    spec = found.spec
    if config.simulated and config.pump.link not in SHIPPED[PUMPS]:
        raise ConfigError(
            f"the twin has no pump behind '{spec.name}'",
            where=f"bench {config.name}",
            expected=f"{' or '.join(SHIPPED[PUMPS])}, or a bench with ports",
            hint=f"rig check --driver {spec.name} plays its own simulator",
        )
    if spec.models and profile.model not in spec.models:
        raise ConfigError(
            f"driver '{spec.name}' knows no model {profile.model}",
            where=f"bench {config.name}",
            expected=f"a profile of {', '.join(spec.models)}",
            hint="correct [pump] link or profile",
        )
    _check_needs(scenario, profile.model, spec)


def third_party_drivers(config: BenchConfig) -> list[dict[str, Any]]:
    """Return what a record's header says of drivers that are not the rig's own; empty where all are."""
    sensors = [air_driver(each, config) for each in config.environment.sensors]
    electrical = (electrical_driver(config, role) for role in electrical_roles(config))
    drivers = (pump_driver(config), balance_driver(config), *electrical, *sensors)
    return [described(found) for found in drivers if found.third_party]


def needs_of(step: Step) -> tuple[Capability, ...]:
    """Return what a step asks of the pump's driver."""
    if isinstance(step, TempBasalStep) and step.percent is not None:
        return (_C.PERCENT_TEMP_BASALS,)
    if isinstance(step, BolusStep):
        under_zero = () if step.over_basal else (_C.TEMP_BASALS,)
        cancelled = () if step.cancel_after_s is None else (_C.SUSPENDS, _C.HISTORY)
        return (*STEP_NEEDS[step.kind], *under_zero, *cancelled)
    return STEP_NEEDS[step.kind]


def _check_needs(scenario: Scenario, model: str, spec: DriverSpec) -> None:
    """Refuse what the driver does not do with a pump of ``model``: all that is missing, in one line."""
    can = spec.can(model)
    missing = {needed: "every run" for needed in ALWAYS if needed not in can}
    first = Place(scenario.source_name or scenario.id, 0)
    for number, step in enumerate(scenario.steps, start=1):
        for needed in needs_of(step):
            if needed in can or needed in missing:
                continue
            if not missing:
                first = Place(first.name, step.line, f"steps[{number}].{step.kind}")
            missing[needed] = f"step {number}"
    if missing:
        lacks = "; ".join(f"{needed.value} ({by})" for needed, by in missing.items())
        raise ScenarioError(
            f"driver '{spec.name}' lacks for model {model}: {lacks}",
            where=str(first),
            expected=f"no more than {', '.join(sorted(each.value for each in can))}",
        )
