"""Presses that take a time: whether the bench has a button line for a key, and whether it presses for so long."""

from __future__ import annotations

from rig.config import BenchConfig, LineConfig
from rig.errors import ScenarioError
from rig.scenario.document import Place
from rig.scenario.model import PressStep, Scenario

HOLD_S = 0.3  # of a press without 'for'
LINK_HOLD_S = 1.0  # longer, a push over the link is not the same


def button_line(bench: BenchConfig, key: str) -> LineConfig | None:
    """Return the line that presses a key of the pump, None where the bench has none."""
    return next((line for line in bench.lines if line.role == "button" and line.key == key), None)


def by_lines(step: PressStep, bench: BenchConfig) -> bool:
    """Say whether button lines do all of a step, so that the pump's link is not asked."""
    return step.hold_s is not None and all(button_line(bench, key) is not None for key in step.keys)


def check_buttons(scenario: Scenario, bench: BenchConfig) -> None:
    """Refuse a press that the bench cannot do, before anything moves."""
    for index, step in enumerate(scenario.steps):
        if not isinstance(step, PressStep) or step.hold_s is None:
            continue
        where = str(Place(scenario.source_name or scenario.id, step.line, f"steps[{index + 1}].press"))
        for key in dict.fromkeys(step.keys):
            _check(step.hold_s, key, button_line(bench, key), bench.name, where)


def _check(hold_s: float, key: str, line: LineConfig | None, bench: str, where: str) -> None:
    if line is None:
        if hold_s > LINK_HOLD_S:
            raise ScenarioError(
                f"bench {bench} has no line that holds {key} for {hold_s:g} s, and a push over the link has no length",
                where=where,
                expected=f'a [[lines]] of role "button" with key = "{key}", or at most \'for: {LINK_HOLD_S:g} s\'',
            )
    elif not line.shortest_ms <= hold_s * 1000.0 <= line.longest_ms:
        raise ScenarioError(
            f"line {line.name} presses for {line.shortest_ms} to {line.longest_ms} ms",
            where=where,
            expected=f"'for' within that, not {hold_s * 1000.0:g} ms",
        )
