"""Steps of a qualification: what a weighing bench is asked before an insulin pump is put on it. No pump under test.

A qualification is a scenario that holds only these steps (and ``wait``): it is run, recorded, judged and reported as
any other. Volumes in uL, flows in uL/h, masses in g, times in s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rig.errors import ScenarioError
from rig.scenario.document import Place
from rig.units import format_duration, format_number

REST_S: Final = 120.0  # after a flow: the tail of line and plunger is over, and the level can be read
LEAST_REST_S: Final = 60.0  # half of it is averaged
WEIGH_S: Final = 60.0  # a reference weight on the pan, after it has settled
SETTLE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class BlankStep:
    """Nothing flows: slope, noise and drift of the balance with its vessel."""

    duration_s: float
    kind: str = field(default="blank", init=False)
    line: int = 0


@dataclass(frozen=True, slots=True)
class FlowStep:
    """A known flow for a time, from rest to rest: ``rest_s`` after it nothing flows.

    ``source`` "": the first one. ``run_in``: it takes up the play of pusher and plunger, and no check looks at it.
    """

    rate_ul_per_h: float
    duration_s: float
    rest_s: float = REST_S
    source: str = ""
    kind: str = field(default="flow", init=False)
    line: int = 0
    run_in: bool = False


@dataclass(frozen=True, slots=True)
class DispenseStep:
    """A known amount, ``repeat`` times, each from rest to rest: the source stops by itself at its target volume."""

    amount_ul: float
    rate_ul_per_h: float
    repeat: int = 1
    rest_s: float = REST_S
    source: str = ""
    kind: str = field(default="dispense", init=False)
    line: int = 0

    @property
    def each_s(self) -> float:
        """Return how long one of them takes, in s."""
        return 3600.0 * self.amount_ul / self.rate_ul_per_h + self.rest_s


@dataclass(frozen=True, slots=True)
class KnownMassStep:
    """A person puts a reference weight on the pan and takes it off again; ``mass_g`` picks it from the bench file."""

    mass_g: float
    kind: str = field(default="known_mass", init=False)
    line: int = 0


QualifyingStep = BlankStep | FlowStep | DispenseStep | KnownMassStep
FLOWING = (FlowStep, DispenseStep)
QUALIFYING = (BlankStep, FlowStep, DispenseStep, KnownMassStep)
KINDS: Final = ("blank", "flow", "dispense", "known_mass")


def build(kind: str, values: dict[str, Any]) -> QualifyingStep:
    """Return a step of its checked values."""
    line, source = values["line"], values.get("source") or ""
    if kind == "blank":
        return BlankStep(values["for"], line=line)
    if kind == "flow":
        return FlowStep(values["rate"], values["for"], values["rest"], source, line=line, run_in=values["run_in"])
    if kind == "dispense":
        amount, rate, repeat = values["amount"], values["rate"], values["repeat"]
        return DispenseStep(amount, rate, repeat, values["rest"], source, line=line)
    return KnownMassStep(values["mass"] / 1000.0, line=line)


def lasts_s(step: QualifyingStep) -> float:
    """Return how long a step takes, in s; a person's time is a guess."""
    if isinstance(step, FlowStep):
        return step.duration_s + step.rest_s
    if isinstance(step, DispenseStep):
        return step.repeat * step.each_s
    if isinstance(step, KnownMassStep):
        return 3.0 * (SETTLE_S + WEIGH_S)
    return step.duration_s


def volume_ul(step: QualifyingStep) -> float:
    """Return what a step brings into the vessel, in uL."""
    if isinstance(step, FlowStep):
        return step.rate_ul_per_h * step.duration_s / 3600.0
    return step.repeat * step.amount_ul if isinstance(step, DispenseStep) else 0.0


def describe(step: QualifyingStep) -> str:
    """Return a step in words."""
    if isinstance(step, BlankStep):
        return f"blank for {format_duration(step.duration_s)}"
    if isinstance(step, FlowStep):
        name = "run-in" if step.run_in else "known flow"
        return f"{name} {format_number(step.rate_ul_per_h)} uL/h for {format_duration(step.duration_s)}"
    if isinstance(step, DispenseStep):
        each = f"{format_number(step.amount_ul)} uL at {format_number(step.rate_ul_per_h)} uL/h"
        return f"{step.repeat} x known amount {each}"
    return f"known mass {format_number(step.mass_g)} g"


def qualifies(steps: Sequence[object]) -> bool:
    """Return whether steps are those of a qualification."""
    return any(isinstance(step, QUALIFYING) for step in steps)


def check_steps(steps: Sequence[Any], name: str) -> None:
    """Refuse a mixture of a qualification and a run of a pump, and one that does not begin and end at rest."""
    for number, step in enumerate(steps, start=1):
        if not isinstance(step, QUALIFYING) and step.kind != "wait":
            raise ScenarioError(
                f"a {step.kind} step in a qualification: the pump under test takes no part in it",
                where=str(Place(name, step.line, f"steps[{number}].{step.kind}")),
                expected=f"{', '.join(KINDS)} or wait",
            )
    for step in (steps[0], steps[-1]):
        if not isinstance(step, BlankStep) and any(isinstance(each, FLOWING) for each in steps):
            raise ScenarioError(
                f"a qualification with a known flow begins or ends with a {step.kind} step",
                where=str(Place(name, step.line, f"steps.{step.kind}")),
                expected="a blank before and after: evaporation and drift",
            )
