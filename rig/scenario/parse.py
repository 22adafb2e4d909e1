"""YAML -> `Scenario`: every error names file, line, key and the nearest valid key; nothing is guessed."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from rig.errors import ScenarioError
from rig.paths import names_in, scenarios_dir
from rig.profiles.strict import nearest
from rig.scenario import qualification
from rig.scenario.checks import build_checks
from rig.scenario.document import Place, compose, read_file
from rig.scenario.fields import SCENARIO
from rig.scenario.model import (
    BasalStep,
    BolusStep,
    ClearAlarmStep,
    LimitsStep,
    PatternStep,
    PressStep,
    ProfileStep,
    ResumeStep,
    Scenario,
    SetClockStep,
    Step,
    StoredProfileStep,
    SuspendStep,
    TempBasalStep,
    ValveStep,
    WaitAlarmStep,
    WaitStep,
)
from rig.scenario.sequence import check_sequence
from rig.scenario.step_fields import PATTERNS, VALVE_STEPS
from rig.scenario.supply_fields import supply_step


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
    steps = tuple(
        _step(kind, values, Place(name, values["line"], f"steps[{number}].{kind}"))
        for number, (kind, values) in enumerate(data["steps"], start=1)
    )
    names = _names(data["steps"], place)
    checks = build_checks(data["checks"], steps, names, place)
    sampling = data["sampling"] or {"balance": 1.0, "bolus": 0.2, "environment": 60.0}
    blank = data["blank"] or {"before": 0.0, "after": 0.0}
    scenario = Scenario(
        id=data["id"],
        title=data["title"],
        description=data["description"] or "",
        families=_families(data["pump"], steps, place),
        needs=data["needs"],
        steps=steps,
        checks=checks,
        operator=data["operator"],
        balance_interval_s=sampling["balance"],
        bolus_interval_s=sampling["bolus"],
        environment_interval_s=sampling["environment"],
        supply_interval_s=sampling.get("supply"),
        meter_interval_s=sampling.get("meter"),
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
    if kind in qualification.KINDS:
        return qualification.build(kind, values)
    steps: dict[str, Any] = {
        "basal": lambda: BasalStep(values["rate"], values["for"], line=line),
        "profile": lambda: _profile(values, place),
        "pattern": lambda: PatternStep(PATTERNS.index(values["select"]), values["for"], line=line),
        "temp_basal": lambda: _temp_basal(values, place),
        "bolus": lambda: _bolus(values, place),
        "suspend": lambda: SuspendStep(values["for"], line=line),
        "resume": lambda: ResumeStep(line=line),
        "wait": lambda: WaitStep(values["for"], line=line),
        "set_clock": lambda: _set_clock(values, place),
        "limits": lambda: _limits(values, place),
        "press": lambda: PressStep(values["keys"], values["wait"], line=line),
        "supply": lambda: supply_step(values, place),
        "wait_alarm": lambda: WaitAlarmStep(values["code"], values["within"], line=line),
        "clear_alarm": lambda: ClearAlarmStep(values["code"], line=line),
        **{kind: partial(ValveStep, kind, line=line) for kind in VALVE_STEPS},
    }
    step: Step = steps[kind]()
    return step


def _families(pump: dict[str, Any] | None, steps: tuple[Step, ...], place: Place) -> tuple[int, ...]:
    """Return the families; only a qualification asks no pump."""
    if pump is not None:
        families: tuple[int, ...] = pump["families"]
        return families
    if not qualification.qualifies(steps):
        raise ScenarioError("the key 'pump' is missing", where=str(place), expected="pump: {families: [22, 23]}")
    return ()


def _profile(values: dict[str, Any], place: Place) -> Step:
    """Return the profile that runs for a time, or the one that is stored in a pattern and takes no time."""
    where = str(place)
    segments, line = _segments(values["segments"], place), values["line"]
    if values["pattern"] == "standard":
        if values["for"] is None:
            raise ScenarioError("the key 'for' is missing", where=where, expected="how long, such as '24 h'")
        return ProfileStep(segments, values["for"], line=line)
    if values["for"] is not None:
        what = f"pattern {values['pattern']} is only stored here, which takes no time"
        hint = f"a step 'pattern: {{select: {values['pattern']}, for: ...}}' after it"
        raise ScenarioError(what, where=where, expected="no 'for'", hint=hint)
    return StoredProfileStep(segments, PATTERNS.index(values["pattern"]), line=line)


def _temp_basal(values: dict[str, Any], place: Place) -> TempBasalStep:
    rate, percent = values["rate"], values["percent"]
    where = str(place)
    _one_of(rate, percent, where, ("rate", "percentage"), "one of 'rate: 0.5 U/h' and 'percent: 50 %'")
    if percent is not None and percent != int(percent):
        raise ScenarioError(f"{percent:g} % cannot be set", where=where, expected="a whole percentage")
    cancel_s = values["cancel_after"]
    if cancel_s is not None and cancel_s >= values["for"]:
        raise ScenarioError("it ends before it is cancelled", where=where, expected="a 'cancel_after' less than 'for'")
    whole = None if percent is None else int(percent)
    return TempBasalStep(rate, whole, values["for"], line=values["line"], cancel_after_s=cancel_s)


def _bolus(values: dict[str, Any], place: Place) -> BolusStep:
    where = str(place)
    cancel_s, over = values["cancel_after"], values["over_basal"]
    if cancel_s is not None and over:
        what = "a bolus is cancelled by a suspend, which stops the basal as well"
        raise ScenarioError(what, where=where, expected="'cancel_after' or 'over_basal', not both")
    return BolusStep(values["amount"], values["repeat"], over, line=values["line"], cancel_after_s=cancel_s)


def _set_clock(values: dict[str, Any], place: Place) -> SetClockStep:
    where = str(place)
    expected = "one of 'to: 2026-11-25 14:05:30' and 'shift: +1 h'"
    _one_of(values["to"], values["shift"], where, ("time", "shift"), expected)
    return SetClockStep(values["to"], values["shift"], line=values["line"])


def _one_of(left: Any, right: Any, where: str, names: tuple[str, str], expected: str) -> None:
    """Refuse two keys of which exactly one must stand."""
    if (left is None) == (right is None):
        first, second = names
        what = f"neither a {first} nor a {second} is" if left is None else f"both a {first} and a {second} are"
        raise ScenarioError(f"{what} given", where=where, expected=expected)


def _limits(values: dict[str, Any], place: Place) -> LimitsStep:
    if values["max_bolus"] is None and values["max_basal"] is None:
        raise ScenarioError(
            "no limit is given", where=str(place), expected="'max_bolus: 10 U', 'max_basal: 2 U/h' or both"
        )
    return LimitsStep(values["max_bolus"], values["max_basal"], line=values["line"])


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
