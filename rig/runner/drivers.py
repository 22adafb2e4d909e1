"""Drivers of a run: what a scenario asks of them is matched before anything moves; whose they are is recorded."""

from __future__ import annotations

from typing import Any, Final

from rig.bench import balance_driver, pump_driver
from rig.config import BenchConfig
from rig.driver_names import PUMPS, SHIPPED
from rig.errors import ConfigError, ScenarioError
from rig.plugins.provenance import described
from rig.plugins.registry import Found
from rig.plugins.spec import Capability
from rig.profiles.profile import PumpProfile
from rig.scenario.model import Scenario, Step, TempBasalStep

_C = Capability
ALWAYS: Final = (_C.SUSPENDS, _C.PROFILES, _C.TEMP_BASALS, _C.HISTORY)  # arming and tidying ask for all of them
STEP_NEEDS: Final[dict[str, tuple[Capability, ...]]] = {
    "basal": (),
    "profile": (),
    "temp_basal": (_C.TEMP_BASALS,),
    "bolus": (_C.BOLUSES,),
    "suspend": (),
    "resume": (),
    "wait": (),
}


def check_drivers(scenario: Scenario, config: BenchConfig, profile: PumpProfile) -> None:
    """Refuse a driver that does not know the pump, or cannot do what the scenario asks of it."""
    found = pump_driver(config)
    balance_driver(config)
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
    for needed in ALWAYS:
        if needed not in spec.capabilities:
            raise ScenarioError(
                f"driver '{spec.name}' does not claim {needed.value}, which every run needs", where=scenario.id
            )
    for number, step in enumerate(scenario.steps, 1):
        _check_step(scenario, number, step, found)


def third_party_drivers(config: BenchConfig) -> list[dict[str, Any]]:
    """Return what a record's header says of drivers that are not the rig's own; empty where all are."""
    return [described(found) for found in (pump_driver(config), balance_driver(config)) if found.third_party]


def needs_of(step: Step) -> tuple[Capability, ...]:
    """Return what a step asks of the pump's driver beside `ALWAYS`."""
    if isinstance(step, TempBasalStep) and step.percent is not None:
        return (_C.PERCENT_TEMP_BASALS,)
    return STEP_NEEDS[step.kind]


def _check_step(scenario: Scenario, number: int, step: Step, found: Found) -> None:
    for needed in needs_of(step):
        if needed not in found.spec.capabilities:
            raise ScenarioError(
                f"step {number} ({step.kind}) needs a driver that claims {needed.value}, and '{found.spec.name}' does "
                "not",
                where=scenario.id,
                expected=" or ".join(sorted(each.value for each in found.spec.capabilities)),
            )
