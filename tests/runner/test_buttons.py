"""Buttons and the alarm line of the simulated bench: by wires to the twin's pump and back, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rig.bench import wires_of
from rig.config import load_bench, parse_bench
from rig.engine import run_scenario
from rig.errors import ConfigError, EmergencyStopped, InstrumentError, ScenarioError
from rig.gpio.board import SimulatedBoard
from rig.gpio.pins import Pins
from rig.gpio.simulated import SimulatedGpio
from rig.guardian.guard import TwinGuard
from rig.guardian.lines import Lines
from rig.guardian.plan import LinePlan
from rig.paths import checkout
from rig.record.reader import Event, read_run
from rig.scenario.model import PressStep, Scenario
from rig.scenario.parse import parse_scenario
from rig.scenario.validate import validate_for
from rig.sim.pump.firmware import Firmware

QUICK = (checkout() / "tests" / "data" / "clamped.yaml").read_text(encoding="utf-8")
CLEAR = "  - clear_alarm: {code: no delivery}\n"


def quick(step: str) -> Scenario:
    assert CLEAR in QUICK
    return parse_scenario(QUICK.replace(CLEAR, f"  - {step}\n"), "clamped.yaml")


def of(events: tuple[Event, ...], name: str) -> list[Event]:
    return [event for event in events if event.name == name]


def test_an_alarm_is_heard_on_its_line_and_cleared_by_two_buttons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed: list[int] = []
    press = Firmware.press

    def counted(firmware: Firmware, key: int, rig_ns: int) -> None:
        pushed.append(key)
        press(firmware, key, rig_ns)

    monkeypatch.setattr(Firmware, "press", counted)
    finished = run_scenario(quick("press: {keys: [esc, act], for: 300 ms, wait: 2 s}"), load_bench(), tmp_path)
    assert finished.result.end_reason == "completed"
    assert pushed == [1, 2]
    events = read_run(finished.folder).events
    (began,) = of(events, "line_alarm_began")
    (seen,) = of(events, "alarm_seen")
    assert began.data["line"] == seen.data["line"] == "beeper"
    assert 0.0 <= (seen.at_ns - began.data["by_ns"]) / 1e9 < 20.0  # asked at once, not at the next look in 30 s
    assert seen.data["not_before_ns"] <= began.data["by_ns"]
    told = of(events, "line_alarm_signal")
    assert [event.data["over"] for event in told] == [False]  # it sounds for minutes: told after 10 s
    ends = of(events, "line_press_ended")
    assert [event.data["line"] for event in ends] == ["esc", "act"]
    for event in ends:
        assert 0.3 <= (event.data["by_ns"] - event.data["from_ns"]) / 1e9 < 0.5
    keys = of(events, "key_pressed")
    assert [(event.data["key"], event.data["line"], event.data["acceptance"]) for event in keys] == [
        ("esc", "esc", "unknown"),
        ("act", "act", "unknown"),
    ]


def test_one_button_is_held_for_a_moment_where_nothing_else_is_said() -> None:
    steps = quick("press: {button: act}").steps
    assert steps[-1] == PressStep(("act",), 1.0, line=steps[-1].line, hold_s=0.3)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("press: {button: up, for: 2 s}", "bench simulated has no line that holds up for 2 s"),
        ("press: {button: act, for: 20 ms}", "line act presses for 50 to 10000 ms; expected 'for' within that, not 20"),
        ("press: {button: act, for: 11 s}", "line act presses for 50 to 10000 ms"),
    ],
)
def test_a_press_that_the_bench_cannot_do_is_refused_before_anything_moves(step: str, message: str) -> None:
    bench = load_bench()
    with pytest.raises(ScenarioError, match=message):
        validate_for(quick(step), bench.pump_profile(), bench)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("press: {wait: 1 s}", "neither a list of keys nor a button is given"),
        ("press: {keys: [esc], button: act}", "both a list of keys and a button are given"),
    ],
)
def test_keys_or_a_button_must_be_named(step: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        quick(step)


def test_the_twins_wires_are_those_of_the_bench_file() -> None:
    wires = {(line.name, deed, acts_at) for line, deed, acts_at in wires_of(load_bench())}
    assert wires == {
        ("pinch", "clamp", "high"),
        ("divert", "divert", "high"),
        ("act", "act", "high"),
        ("esc", "esc", "high"),
        ("beeper", "alarm", "low"),
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('role = "button"\nkey = "act"', 'role = "valve"\nkey = "act"', "a valve has no key"),
        ('key = "act"', 'key = "esc"', "two buttons press esc"),
        ('key = "act"', 'key = "act"\nshortest_ms = 900\nlongest_ms = 800', "the shortest press .900 ms. is longer"),
        ('key = "act"', 'key = "act"\nshows = "pinch"', "a contact shows an output, and nothing else does"),
    ],
)
def test_keys_of_a_line_that_do_not_go_with_its_role_are_refused(old: str, new: str, message: str) -> None:
    text = load_bench().source_text
    assert old in text
    with pytest.raises(ConfigError, match=message):
        parse_bench(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('role = "contact"\nshows = "nothing"', "there is no output 'nothing'"),
        ('role = "emergency_stop"\npull = "off"', "a broken wire would look like a released button"),
    ],
)
def test_a_contact_of_nothing_and_a_stop_without_pull_are_refused(lines: str, message: str) -> None:
    text = (checkout() / "fixtures" / "benches" / "pi-example.toml").read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        parse_bench(f'{text}\n[[lines]]\nname = "extra"\npin = 6\n{lines}\n')


def guarded(*plans: LinePlan) -> tuple[SimulatedBoard, TwinGuard, Callable[[int], None]]:
    times = [0]
    board = SimulatedBoard(lambda: times[0])
    board.drive(22, 0)
    lines = Lines(plans, Pins(SimulatedGpio(board)), lambda: times[0], lambda _seconds: None)

    def move(to_ms: int) -> None:
        times[0] = to_ms * 1_000_000

    return board, TwinGuard(lines, lambda: times[0]), move


def test_an_emergency_stop_on_a_virtual_bench_is_raised_once_and_opens_the_valve() -> None:
    board, guard, move = guarded(LinePlan("pinch", 17, "valve"), LinePlan("stop", 22, "emergency_stop"))
    guard.set("pinch", 1)
    move(100)
    guard.beat()
    board.drive(22, 1)
    move(200)
    with pytest.raises(EmergencyStopped):
        guard.beat()
    assert board.level(17) == 0
    move(300)
    guard.beat()  # the run is being ended: nothing may keep it from that


def test_a_line_that_does_not_follow_ends_a_virtual_run_by_its_name() -> None:
    board, guard, move = guarded(LinePlan("pinch", 17, "valve"), LinePlan("stop", 22, "emergency_stop"))
    board.stick(17, 1)
    move(100)
    with pytest.raises(InstrumentError, match="line pinch: it reads 1 after it was set to 0"):
        guard.beat()
    assert guard.finished(confirmed=True, by="pump status") == (False, "line pinch: it reads 1")
