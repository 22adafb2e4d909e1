"""Valve steps of a scenario: their order, and whether the bench has the valve that they ask for."""

from __future__ import annotations

from rig.config import BenchConfig, LineConfig
from rig.errors import ScenarioError
from rig.scenario.document import Place
from rig.scenario.model import (
    BasalStep,
    PatternStep,
    ProfileStep,
    Scenario,
    SuspendStep,
    TempBasalStep,
    ValveStep,
)

CLAMP, DIVERT = "clamp", "divert"
DEEDS = {
    "occlude": (CLAMP, True),
    "release": (CLAMP, False),
    "disconnect": (DIVERT, True),
    "reconnect": (DIVERT, False),
}
BACK = {CLAMP: "release", DIVERT: "reconnect"}
KEYS = {CLAMP: "clamps", DIVERT: "diverts"}
_IS = {CLAMP: "clamped", DIVERT: "led past the vessel"}


def acting_before(scenario: Scenario, step: int) -> dict[str, int]:
    """Return the deeds that are in force when a step begins, each with the index of the step that began it."""
    acting: dict[str, int] = {}
    for index, each in enumerate(scenario.steps[:step]):
        if isinstance(each, ValveStep):
            deed, acts = DEEDS[each.kind]
            if acts:
                acting[deed] = index
            else:
                acting.pop(deed, None)
    return acting


def led_in_by(scenario: Scenario, step: int) -> int:
    """Return the delivery that a valve step comes upon, by its index; the step itself where nothing delivers before."""
    this = scenario.steps[step] if step < len(scenario.steps) else None
    if not isinstance(this, ValveStep) or not DEEDS[this.kind][1]:
        return step
    for index in range(step - 1, -1, -1):
        before = scenario.steps[index]
        if isinstance(before, BasalStep | ProfileStep | PatternStep | TempBasalStep):
            return index
        if isinstance(before, SuspendStep | ValveStep):
            return step
    return step


def check_valve_order(scenario: Scenario) -> None:
    """Refuse to clamp what is clamped, to open what is open, and to end with a valve that still acts."""
    for index, step in enumerate(scenario.steps):
        if not isinstance(step, ValveStep):
            continue
        deed, acts = DEEDS[step.kind]
        if acts is (deed in acting_before(scenario, index)):
            state = f"{_IS[deed]} already" if acts else f"not {_IS[deed]}"
            other = BACK[deed] if acts else next(kind for kind, (which, on) in DEEDS.items() if which == deed and on)
            raise ScenarioError(
                f"the tube is {state}", where=_where(scenario, index), expected=f"a '{other}' step before"
            )
    for deed, index in acting_before(scenario, len(scenario.steps)).items():
        raise ScenarioError(
            f"the scenario ends with the tube {_IS[deed]}",
            where=_where(scenario, index),
            expected=f"a '{BACK[deed]}' step after",
        )


def valve_line(bench: BenchConfig, deed: str) -> LineConfig | None:
    """Return the line of the valve that clamps the tube, or leads it past the vessel; None where there is none."""
    return next((line for line in bench.lines if getattr(line, KEYS[deed]) is not None), None)


def check_valves(scenario: Scenario, bench: BenchConfig) -> None:
    """Refuse a scenario whose valve steps the bench cannot do, before anything moves."""
    for index, step in enumerate(scenario.steps):
        if isinstance(step, ValveStep) and valve_line(bench, DEEDS[step.kind][0]) is None:
            key = KEYS[DEEDS[step.kind][0]]
            raise ScenarioError(
                f"bench {bench.name} has no valve for it",
                where=_where(scenario, index),
                expected=f'a [[lines]] of role "valve" with {key} = "high" or "low" in the bench file',
                hint="another bench, or a scenario without it",
            )


def _where(scenario: Scenario, index: int) -> str:
    step = scenario.steps[index]
    return str(Place(scenario.source_name or scenario.id, step.line, f"steps[{index + 1}].{step.kind}"))
