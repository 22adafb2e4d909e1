"""YAML -> `Scenario`: every error names file, line, key and the nearest valid key; nothing is guessed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from rig.errors import ScenarioError
from rig.paths import names_in, scenarios_dir
from rig.profiles.strict import nearest
from rig.scenario.checks import build_checks
from rig.scenario.document import Place, compose, read_file
from rig.scenario.fields import SCENARIO
from rig.scenario.model import (
    BasalStep,
    BolusStep,
    ProfileStep,
    ResumeStep,
    Scenario,
    Step,
    SuspendStep,
    TempBasalStep,
    WaitStep,
)
from rig.scenario.sequence import check_sequence


def load_scenario(name_or_path: str | Path) -> Scenario:
    """Return a scenario by the path of its file or by the name of a shipped one, such as ``quick``.

    Raises `ScenarioError`: one line with file, line, key and the nearest valid key.
    """
    path = Path(name_or_path)
    if path.suffix or len(path.parts) > 1 or path.exists():
        return parse_scenario(read_file(path), str(path))
    names = names_in(scenarios_dir(), ".yaml")
    if path.name not in names:
        near = nearest(path.name, names)
        expected = f"a file, or one of {', '.join(names)}"
        raise ScenarioError(f"unknown scenario '{path.name}'", expected=expected, hint=near and f"'{near}'")
    return parse_scenario(read_file(scenarios_dir() / f"{path.name}.yaml"), f"scenarios/{path.name}.yaml")


def parse_scenario(text: str, name: str = "scenario.yaml") -> Scenario:
    """Return the scenario in ``text``; ``name`` stands in messages."""
    place = Place(name, 0)
    root = compose(text, name)
    data = SCENARIO.read(root, Place(name, root.line))
    steps = tuple(_step(kind, values, place) for kind, values in data["steps"])
    names = _names(data["steps"], place)
    checks = build_checks(data["checks"], steps, names, place)
    sampling = data["sampling"] or {"balance": 1.0, "bolus": 0.2, "environment": 60.0}
    blank = data["blank"] or {"before": 0.0, "after": 0.0}
    scenario = Scenario(
        id=data["id"],
        title=data["title"],
        description=data["description"] or "",
        families=data["pump"]["families"],
        needs=data["needs"],
        steps=steps,
        checks=checks,
        operator=data["operator"],
        balance_interval_s=sampling["balance"],
        bolus_interval_s=sampling["bolus"],
        environment_interval_s=sampling["environment"],
        blank_before_s=blank["before"],
        blank_after_s=blank["after"],
        on_runner_loss=data["on_runner_loss"][0],
        hold_s=data["on_runner_loss"][1],
        gap_tolerate_s=data["gap"]["tolerate"] if data["gap"] else 60.0,
        markers=data["markers"],
        source_text=text,
        source_name=name,
    )
    check_sequence(scenario)
    return scenario


def _step(kind: str, values: dict[str, Any], place: Place) -> Step:
    """Return one step as a value."""
    line = values["line"]
    steps: dict[str, Any] = {
        "basal": lambda: BasalStep(values["rate"], values["for"], line=line),
        "profile": lambda: ProfileStep(_segments(values["segments"], place), values["for"], line=line),
        "temp_basal": lambda: _temp_basal(values, place),
        "bolus": lambda: BolusStep(values["amount"], values["repeat"], values["over_basal"], line=line),
        "suspend": lambda: SuspendStep(values["for"], line=line),
        "resume": lambda: ResumeStep(line=line),
        "wait": lambda: WaitStep(values["for"], line=line),
    }
    step: Step = steps[kind]()
    return step


def _temp_basal(values: dict[str, Any], place: Place) -> TempBasalStep:
    rate, percent = values["rate"], values["percent"]
    where = str(Place(place.name, values["line"], "temp_basal"))
    if (rate is None) == (percent is None):
        what = "neither a rate nor a percentage is given" if rate is None else "both a rate and a percentage are given"
        raise ScenarioError(what, where=where, expected="one of 'rate: 0.5 U/h' and 'percent: 50 %'")
    if percent is not None and percent != int(percent):
        raise ScenarioError(f"{percent:g} % cannot be set", where=where, expected="a whole percentage")
    return TempBasalStep(rate, None if percent is None else int(percent), values["for"], line=values["line"])


def _segments(segments: tuple[dict[str, Any], ...], place: Place) -> tuple[tuple[int, float], ...]:
    if segments[0]["at"] != 0:
        where = str(Place(place.name, segments[0]["line"], "segments[1]"))
        raise ScenarioError("the first segment does not begin at midnight", where=where, expected='at: "00:00"')
    for number, (left, right) in enumerate(pairwise(segments), start=2):
        if right["at"] <= left["at"]:
            where = str(Place(place.name, right["line"], f"segments[{number}]"))
            raise ScenarioError("a segment begins no later than the one before", where=where, expected="rising times")
    return tuple((segment["at"], segment["rate"]) for segment in segments)


def _names(steps: tuple[tuple[str, dict[str, Any]], ...], place: Place) -> dict[str, int]:
    """Return the index of each named step; a name that stands twice is refused."""
    names: dict[str, int] = {}
    for index, (kind, values) in enumerate(steps):
        name = values["name"]
        if name is None:
            continue
        if name in names:
            where = str(Place(place.name, values["line"], f"steps[{index + 1}].{kind}.name"))
            raise ScenarioError(f"the name '{name}' is taken by step {names[name] + 1}", where=where)
        names[name] = index
    return names
