"""What a pump's driver must be able to do for a scenario: a small closed set, matched before anything moves."""

from __future__ import annotations

from rig.errors import ScenarioError
from rig.scenario.document import Place
from rig.scenario.model import BolusStep, Scenario, Step, TempBasalStep

CAPABILITIES: dict[str, str] = {
    "basals": "writing and reading back basal profiles",
    "patterns": "writing further profiles and selecting one",
    "temp_basals": "temporary basals in U/h",
    "temp_basals_percent": "temporary basals in percent",
    "boluses": "normal boluses",
    "suspends": "suspending and resuming",
    "clock": "setting the clock",
    "limits": "setting the largest bolus and the highest basal rate",
    "keys": "pushing keys over the link",
    "alarms": "telling of an active alarm",
}
_OF_KIND = {
    "basal": ("basals",),
    "profile": ("basals",),
    "stored_profile": ("patterns",),
    "pattern": ("patterns",),
    "suspend": ("suspends",),
    "resume": ("suspends",),
    "set_clock": ("clock",),
    "limits": ("limits",),
    "press": ("keys",),
    "wait_alarm": ("alarms",),
}


def needed(step: Step) -> tuple[str, ...]:
    """Return the capabilities that a step needs, of `CAPABILITIES`."""
    if isinstance(step, TempBasalStep):
        return ("temp_basals",) if step.percent is None else ("temp_basals_percent",)
    if isinstance(step, BolusStep):
        return ("boluses",) if step.over_basal else ("boluses", "temp_basals")
    return _OF_KIND.get(step.kind, ())


def check_capabilities(scenario: Scenario, has: frozenset[str], pump: str) -> None:
    """Refuse a scenario that needs what the driver of ``pump`` does not do, with all that is missing in one line."""
    missing: dict[str, tuple[int, Step]] = {}
    for number, step in enumerate(scenario.steps, start=1):
        for name in needed(step):
            if name not in has:
                missing.setdefault(name, (number, step))
    if not missing:
        return
    number, step = next(iter(missing.values()))
    lacks = "; ".join(f"{CAPABILITIES[name]} (step {at})" for name, (at, _) in missing.items())
    raise ScenarioError(
        f"a {pump} cannot be told over its link: {lacks}",
        where=str(Place(scenario.source_name or scenario.id, step.line, f"steps[{number}].{step.kind}")),
        expected=f"steps that need no more than {', '.join(sorted(has))}",
    )
