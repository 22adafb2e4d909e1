"""Find scenarios by path, by folder, or by the name of a shipped one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from rig.errors import ScenarioError
from rig.paths import names_in, scenarios_dir
from rig.scenario.model import Scenario
from rig.scenario.parse import load_scenario


def find_scenarios(names: Iterable[str]) -> list[Scenario]:
    """Return the scenarios of files, folders and shipped names; raise `ScenarioError` naming the nearest."""
    return [scenario for name in names for scenario in _find(name)]


def _find(name: str) -> list[Scenario]:
    path = Path(name)
    if path.is_dir():
        files = sorted(path.glob("*.yaml"))
        if not files:
            raise ScenarioError("no scenario in this folder", where=name, expected="files *.yaml")
        return [load_scenario(file) for file in files]
    if path.suffix == ".py":
        raise ScenarioError("this version runs no scenarios written in Python", where=name, expected="a YAML scenario")
    if path.is_file():
        return [load_scenario(path)]
    shipped = names_in(scenarios_dir(), ".yaml")
    if name in shipped:
        return [load_scenario(scenarios_dir() / f"{name}.yaml")]
    near = get_close_matches(path.stem, shipped, 1)
    raise ScenarioError(
        f"no scenario {name!r}",
        expected=f"a file, a folder, or one of {', '.join(shipped)}",
        hint=f"'{near[0]}'" if near else "",
    )
