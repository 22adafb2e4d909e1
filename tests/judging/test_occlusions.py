"""Occlusions of a run as the judge sees them: what a valve did is no disturbance, an alarm is as old as it may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from rig.analysis.quality import noise_scale
from rig.analysis.quality.steps import Steps, find_steps
from rig.config import load_bench
from rig.engine import run_scenario
from rig.judging.checks import _decide_item
from rig.judging.evidence import read_evidence
from rig.judging.items import Item
from rig.judging.judge import judge_evidence
from rig.judging.occlusions import _alarm
from rig.judging.valve_moves import Move, own_steps, spare_moves, valve_moves
from rig.judging.view import RunView
from rig.paths import checkout
from rig.record.reader import Event
from rig.results import LimitSource, Outcome
from rig.scenario.model import Check
from rig.scenario.parse import load_scenario
from rig.verdict import Limits

NS = 10**9
CHECK = Check("alarm", "alarm", "occlusion.time_to_alarm", unit="h")


def limits(upper: float | None = 5.0) -> Limits:
    return Limits(None, upper, LimitSource("x", "y", "z"))


@pytest.mark.parametrize(
    ("value", "upper", "outcome"),
    [
        (4.0, 5.0, Outcome.INCONCLUSIVE),  # without an alarm, less than the limit says nothing
        (5.5, 5.0, Outcome.FAIL),
        (5.0, 5.0, Outcome.INCONCLUSIVE),
    ],
)
def test_a_lower_bound_can_fail_and_never_pass(value: float, upper: float, outcome: Outcome) -> None:
    item = Item("", 0.0, 1.0, value, 0.01, at_least=True)
    assert _decide_item(CHECK, item, limits(upper), decides=True).outcome is outcome
    simple = replace(CHECK, decision="simple")
    assert _decide_item(simple, item, limits(upper), decides=True).outcome in (outcome, Outcome.INCONCLUSIVE)
    assert _decide_item(CHECK, replace(item, at_least=False), limits(9.0), decides=True).outcome is Outcome.PASS
    assert (
        _decide_item(CHECK, item, Limits(1.0, None, LimitSource("x", "y", "z")), decides=True).outcome
        is not Outcome.PASS
    )


def seen(at_s: float, before_s: float, waited_s: float, code: int = 4) -> Event:
    data = {"code": code, "not_before_ns": round(before_s * NS), "waited_s": waited_s, "by": "error status"}
    return Event(round(at_s * NS), "alarm_seen", data)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (seen(500.0, 470.0, 400.0), (500.0, 30.0)),
        (seen(500.0, 499.0, 1.0), (500.0, 400.0)),  # the first look: it may have come right after the closing
        (seen(500.0, 470.0, 400.0, code=62), (None, 0.0)),
        (seen(90.0, 60.0, 400.0), (None, 0.0)),
    ],
)
def test_an_alarm_is_as_old_as_the_looks_for_it_were_apart(event: Event, expected: tuple[float | None, float]) -> None:
    view = SimpleNamespace(record=SimpleNamespace(events=(event,)), seconds=lambda at_ns: at_ns / NS)
    assert _alarm(cast("RunView", view), 100.0, 1000.0) == pytest.approx(expected)


def test_what_a_valve_did_is_taken_back_and_a_knock_elsewhere_is_not() -> None:
    times = np.arange(0.0, 1000.0)
    masses = np.random.default_rng(3).normal(0.0, 0.005, times.size)
    masses[times >= 300.0] += 25.0  # the release
    masses[(times >= 100.0) & (times < 120.0)] += 0.15  # a trial of the clamp
    masses[times >= 700.0] -= 0.8  # somebody touched the table
    scale = noise_scale([(times[:90], masses[:90])], 0.01, stated_mg=0.005)
    steps = find_steps(times, masses, np.zeros(times.size), 0.25, scale)
    moves = [Move("clamp", True, 99.5, 100.0), Move("clamp", False, 119.5, 120.0), Move("clamp", False, 299.5, 300.0)]
    spared: Steps = spare_moves(steps, times, moves)
    assert len(steps.rises) >= 1
    assert spared.rises == ()
    assert [round(fall.size_mg, 1) for fall in spared.falls] == [-0.8]
    assert not spared.excluded[(times > 95.0) & (times < 400.0)].any()
    assert own_steps(times, moves)[300]
    assert not own_steps(times, moves)[600]
    assert spare_moves(steps, times, []) is steps


def test_movements_come_from_the_record_with_when_they_were_asked_for() -> None:
    data = {"deed": "clamp", "acts": True, "asked_ns": 10 * NS, "line": "pinch", "level": 1}
    events = [Event(11 * NS, "valve_set", data), Event(12 * NS, "resumed", {})]
    assert valve_moves(events, 5 * NS) == [Move("clamp", True, 5.0, 6.0)]


@dataclass(frozen=True)
class Altered:
    """A stored run whose events are told otherwise before it is judged."""

    folder: Path

    def judged(self, change: Callable[[Event], Event | None]) -> dict[str, Any]:
        evidence = read_evidence(self.folder)
        record = evidence.record
        segments = tuple(
            replace(each, events=tuple(made for event in each.events if (made := change(event)) is not None))
            for each in record.segments
        )
        events = tuple(made for event in record.events if (made := change(event)) is not None)
        result = judge_evidence(replace(evidence, record=replace(record, events=events, segments=segments)))
        return {check.id: check for check in result.checks}


def test_a_record_that_lacks_the_alarm_or_the_release_is_never_better_for_it(tmp_path: Path) -> None:
    scenario = load_scenario(checkout() / "tests" / "data" / "clamped.yaml")
    run = Altered(run_scenario(scenario, load_bench(), tmp_path).folder)
    silent = run.judged(lambda event: None if event.name == "alarm_seen" else event)
    assert silent["alarm"].outcome is not Outcome.PASS
    never = run.judged(lambda event: None if event.name == "valve_set" and not event.data["acts"] else event)
    assert never["released"].outcome is Outcome.INVALID
    assert never["alarm"].outcome is Outcome.PASS  # seen while the tube was clamped, whatever came after
