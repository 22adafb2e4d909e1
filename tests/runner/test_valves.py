"""Valve steps in whole runs on the twin: the clamp acts, the pump alarms, and the valve is made safe last."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rig.config import BenchConfig, load_bench, parse_bench
from rig.engine import Finished, prepare, resume_run, run_scenario
from rig.errors import ConfigError, RigError, ScenarioError
from rig.guardian.guard import NoGuard, TwinGuard
from rig.guardian.lines import Lines
from rig.guardian.plan import LinePlan
from rig.paths import checkout
from rig.record.reader import Event, read_run
from rig.results import Outcome
from rig.runner.progress import Progress
from rig.runner.stop import StopRequest
from rig.scenario.model import Scenario
from rig.scenario.parse import load_scenario, parse_scenario
from rig.sim.plant.plant import Plant
from tests.runner.kit import LastingBench, drive, go_on, record_of

DATA = checkout() / "tests" / "data"
QUICK = (DATA / "clamped.yaml").read_text(encoding="utf-8")


def quick(*changes: tuple[str, str]) -> Scenario:
    text = QUICK
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse_scenario(text, "clamped.yaml")


def outcomes(finished: Finished) -> dict[str, Outcome]:
    return {check.id: check.outcome for check in finished.result.checks}


def of(events: tuple[Event, ...], name: str) -> list[Event]:
    return [event for event in events if event.name == name]


def test_a_clamped_pump_alarms_is_measured_and_its_alarm_is_cleared(tmp_path: Path) -> None:
    finished = run_scenario(quick(), load_bench(), tmp_path)
    assert outcomes(finished) == {"alarm": Outcome.PASS, "missed": Outcome.REPORT_ONLY, "released": Outcome.PASS}
    events = read_run(finished.folder).events
    assert of(events, "alarm_cleared")
    assert [event.data["acts"] for event in of(events, "valve_set")] == [True, False]
    released = next(check for check in finished.result.checks if check.id == "released")
    assert released.value == pytest.approx(2.78, abs=0.06)
    assert released.expanded_uncertainty is not None
    # nobody tried the clamp with the pump stopped: half a microlitre either way stays in the budget
    assert released.expanded_uncertainty > 0.05
    assert not [each for each in finished.result.findings if each.id in ("Q-STEP", "Q-DROP", "measured-not-set")]


@pytest.mark.parametrize(
    ("fault", "outcome", "finding"),
    [
        ("pump.occlusion_deaf=on", Outcome.FAIL, "occlusion-no-alarm"),
        ("pump.occlusion_alarm=168kPa", Outcome.FAIL, ""),
        ("line.leak=5%", Outcome.PASS, ""),
    ],
)
def test_a_late_or_absent_alarm_fails_and_a_small_leak_does_not(
    tmp_path: Path, fault: str, outcome: Outcome, finding: str
) -> None:
    finished = run_scenario(quick(), load_bench(), tmp_path, faults=(fault,))
    assert outcomes(finished)["alarm"] is outcome
    assert not finding or finding in {each.id for each in finished.result.findings}
    check = next(each for each in finished.result.checks if each.id == "alarm")
    confounded = [each.text for each in check.findings if each.id == "confounded"]
    assert (outcome is Outcome.FAIL) == any("air in the line" in text for text in confounded)


def test_a_clamp_that_leaks_is_a_finding(tmp_path: Path) -> None:
    # the clamp does nothing here: its line moves no valve of the twin, as one with a broken spring
    config = load_bench()
    lines = tuple(replace(line, pin=5) if line.name == "pinch" else line for line in config.lines)
    broken = replace(config, lines=lines)
    scenario = quick(("within: 11 min", "within: 2 min"), ("  - clear_alarm: {code: no delivery}\n", ""))

    def no_wires(*_: object, **__: object) -> None:
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Plant, "clamp", no_wires)
        finished = run_scenario(scenario, broken, tmp_path)
    found = {each.id for each in finished.result.findings}
    assert {"occlusion-not-tight", "occlusion-no-alarm"} <= found
    alarm = next(check for check in finished.result.checks if check.id == "alarm")
    assert alarm.outcome is Outcome.INCONCLUSIVE  # two minutes without an alarm say nothing about eight
    assert "only be more" in alarm.why


def test_a_disconnected_line_weighs_nothing_and_raises_no_alarm(tmp_path: Path) -> None:
    finished = run_scenario(load_scenario(DATA / "away.yaml"), load_bench(), tmp_path)
    assert outcomes(finished) == {"away": Outcome.PASS, "back": Outcome.PASS}
    totals = json.loads((finished.folder / "sealed" / "ledger.json").read_text())["totals"]
    assert totals["astray_u"] == pytest.approx(5.0, abs=0.3)


def test_a_run_stopped_while_the_tube_is_clamped_stops_the_pump_and_opens_last(tmp_path: Path) -> None:
    stop = StopRequest()

    def watch(progress: Progress) -> None:
        if "wait for alarm" in progress.phase:
            stop.ask("a test")

    finished = run_scenario(quick(), load_bench(), tmp_path, stop=stop, observer=watch)
    assert finished.ended.safe.confirmed
    events = read_run(finished.folder).events
    moved = of(events, "valve_set")
    assert [event.data["acts"] for event in moved] == [True, False]
    safe = of(events, "safe_state")[0]
    assert events.index(safe) < events.index(moved[-1])
    assert {outcomes(finished)[each] for each in ("alarm", "released")} == {Outcome.INVALID}
    assert "ended with the tube clamped" in finished.result.checks[0].why

    again = resume_run(finished.folder, who="tester", why="stopped")
    record = read_run(again.folder)
    assert of(record.segments[-1].events, "run_resumed")[0].data["step"] == 0  # with the basal that led in to it
    assert outcomes(again)["alarm"] is Outcome.PASS
    assert outcomes(again)["released"] is Outcome.PASS


def test_a_run_killed_while_the_tube_is_clamped_repeats_the_whole_occlusion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = LastingBench(tmp_path, loses_tail=False)
    bench.links.dies_when = lambda: bench.twin.firmware.therapy.alarm == 4
    assert drive(bench, monkeypatch, quick()) is None
    bench.links.dies_when = lambda: False
    finished = go_on(bench)
    assert finished is not None
    assert of(record_of(bench).segments[-1].events, "run_resumed")[0].data["step"] == 0
    assert outcomes(finished)["released"] is Outcome.PASS


def test_lines_of_the_twin_go_to_their_safe_levels_at_the_end() -> None:
    class Pins:
        def __init__(self) -> None:
            self.levels: dict[int, int] = {}

        def claim_output(self, pin: int, level: int) -> None:
            self.levels[pin] = level

        def claim_input(self, pin: int, pull: str = "up") -> None:
            self.levels[pin] = 1

        def write(self, pin: int, level: int) -> None:
            self.levels[pin] = level

        def read(self, pin: int) -> int:
            return self.levels[pin]

        def edges(self) -> set[int]:
            return set()

        def release(self) -> None:
            return None

    pins = Pins()
    guard = TwinGuard(Lines((LinePlan("pinch", 17, "valve"),), pins), lambda: 0)
    guard.set("pinch", 1)
    assert guard.read("pinch") == 1
    assert guard.finished(confirmed=True, by="status") == (True, "status")
    assert pins.levels == {17: 0}
    with pytest.raises(RigError, match="no lines"):
        NoGuard().set("pinch", 1)
    with pytest.raises(RigError, match="no lines"):
        NoGuard().read("pinch")


def without_valves() -> BenchConfig:
    return replace(load_bench(), lines=())


def test_a_bench_without_a_valve_refuses_in_one_line_before_anything_moves() -> None:
    with pytest.raises(ScenarioError) as caught:
        prepare(quick(), without_valves())
    assert str(caught.value) == (
        "clamped.yaml:12: steps[2].occlude: bench simulated has no valve for it; expected a [[lines]] of role "
        '"valve" with clamps = "high" or "low" in the bench file; try: another bench, or a scenario without it'
    )
    with pytest.raises(ScenarioError, match="diverts"):
        prepare(load_scenario(DATA / "away.yaml"), without_valves())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  - release\n", "", "ends with the tube clamped"),
        ("  - occlude: {name: blocked}\n", "  - occlude: {name: blocked}\n  - occlude\n", "clamped already"),
        ("  - occlude: {name: blocked}\n", "  - release\n  - occlude: {name: blocked}\n", "not clamped"),
        ("  - release\n", "  - release\n  - reconnect\n", "not led past the vessel"),
    ],
)
def test_valves_move_in_an_order_that_makes_sense(old: str, new: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        quick((old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('clamps = "high"', 'clamps = "low"', "clamps at its safe level"),
        ('clamps = "high"', 'diverts = "high"', "two lines have 'diverts'"),
        (
            'role = "valve"\nsafe = "low"\nclamps',
            'role = "input"\nsafe = "low"\nclamps',
            "only lines that the twin has",
        ),
        ('clamps = "high"', 'clamps = "high"\ndiverts = "high"', "line pinch cannot have 'clamps'"),
    ],
)
def test_a_valve_that_is_not_open_at_its_safe_level_is_refused(old: str, new: str, message: str) -> None:
    text = load_bench().source_text
    assert old in text
    with pytest.raises(ConfigError, match=message):
        parse_bench(text.replace(old, new))


def test_the_default_of_five_hours_is_refused_at_another_rate() -> None:
    scenario = quick(("max: 8 min, source: a test", "source: L-O1"))
    with pytest.raises(ScenarioError, match="L-O1 does not hold for this check: it runs at 30 U/h"):
        prepare(scenario, load_bench())
