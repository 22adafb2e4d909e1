"""Every further step, through the whole stack in virtual time: SET is what the twin's pump was commanded."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import pytest

from rig.config import load_bench
from rig.engine import Finished, prepare
from rig.errors import ScenarioError
from rig.programme import therapy_events, therapy_programme
from rig.record.reader import Event, RunRecord
from rig.results import Result
from rig.runner.settings import Settings
from rig.runner.stop import StopRequest
from rig.scenario.parse import parse_scenario
from rig.sim.pump.commands import Commands
from rig.sim.pump.firmware import Firmware
from tests.runner.kit import LastingBench, drive, go_on, record_of

HEAD = """\
schema: 1
id: steps
title: further steps
pump: {families: [22, 23]}
sampling: {balance: 30 s, bolus: 5 s}
on_runner_loss: stop
steps:
"""
BASAL = "  - basal: {rate: 12 U/h, for: 5 min}\n"
PATTERN_A = (
    "  - profile: {pattern: a, segments: [{at: '00:00', rate: 6 U/h}, {at: '21:00', rate: 30 U/h},"
    " {at: '21:30', rate: 3 U/h}]}\n"
)
DAY = "  - profile: {for: 15 min, segments: [{at: '00:00', rate: 6 U/h}, {at: '21:30', rate: 24 U/h}]}\n"
SHIFTED = DAY + "  - set_clock: {shift: +30 min}\n  - wait: {for: 15 min}\n"


@pytest.fixture(autouse=True)
def _unjudged(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests look at records and ledgers; judging has its own."""
    unjudged = cast("Result", None)
    monkeypatch.setattr("rig.engine.judge_run", lambda folder, ended: Finished(folder, ended, unjudged, folder))


def play(
    tmp_path: Path, patch: pytest.MonkeyPatch, steps: str, model: str = "simulated", faults: tuple[str, ...] = ()
) -> LastingBench:
    """Run steps to their end on a lasting twin."""
    bench = LastingBench(tmp_path, faults, load_bench(model))
    finished = drive(bench, patch, parse_scenario(HEAD + steps, "steps.yaml"))
    assert finished is not None
    assert finished.ended.reason == "completed", finished.ended.detail
    return bench


def named(record: RunRecord, name: str) -> list[Event]:
    return [event for event in record.events if event.name == name]


def sent(record: RunRecord, name: str) -> list[Event]:
    return [e for e in named(record, "command") if (e.data["state"], e.data["name"]) == ("intended", name)]


def assert_set_is_commanded(bench: LastingBench, events: tuple[Event, ...] | None = None) -> None:
    """Compare SET and the twin's ledger of commanded doses over every step, to within a dose at each edge.

    The pump's clock is read in whole seconds: at 30 U/h one of them is 0.0083 U more.
    """
    events, profile = events or record_of(bench).events, bench.config.pump_profile()
    end_ns = next((event.at_ns for event in events if event.name == "safe_state"), events[-1].at_ns)
    programme = therapy_programme(therapy_events(events, 0), end_ns / 1e9, profile.dose_u, profile)
    edges = [event.at_ns for event in events if event.name in ("step_started", "step_ended")]
    spans = [*zip(edges[::2], edges[1::2], strict=True), (edges[0], end_ns)]
    within_u = 2 * profile.dose_u + 30.0 / 3600.0
    for from_ns, to_ns in spans:
        commanded_u = bench.ledger.commanded_u(from_ns, to_ns)
        assert programme.expected_u(from_ns / 1e9, to_ns / 1e9) == pytest.approx(commanded_u, abs=within_u)


@pytest.mark.parametrize("model", ["simulated", "simulated-522"])
@pytest.mark.parametrize(
    "steps",
    [
        BASAL + PATTERN_A + "  - pattern: {select: a, for: 40 min}\n  - pattern: {select: standard, for: 5 min}\n",
        SHIFTED,
        DAY + "  - set_clock: {to: 2026-11-25 21:20:00}\n  - wait: {for: 20 min}\n",
        BASAL + "  - temp_basal: {rate: 30 U/h, for: 1 h, cancel_after: 10 min}\n  - wait: {for: 10 min}\n",
        BASAL + "  - temp_basal: {percent: 200 %, for: 30 min, cancel_after: 5 min}\n  - wait: {for: 5 min}\n",
        BASAL + "  - bolus: {amount: 4 U, repeat: 2, cancel_after: 50 s}\n  - wait: {for: 5 min}\n",
        "  - limits: {max_basal: 35 U/h, max_bolus: 25 U}\n  - basal: {rate: 35 U/h, for: 10 min}\n",
        BASAL + "  - press: {keys: [esc, act, up, down], wait: 2 s}\n  - wait: {for: 5 min}\n",
    ],
    ids=["pattern", "shift", "to", "cancel", "percent", "bolus", "limits", "press"],
)
def test_set_is_what_the_pump_was_commanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: str, model: str
) -> None:
    assert_set_is_commanded(play(tmp_path, monkeypatch, steps, model))


def test_what_the_run_sets_it_puts_back_when_the_pump_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = LastingBench(tmp_path)
    firmware = bench.twin.firmware
    firmware.temp_is_percent = True
    firmware.max_bolus_tenths, firmware.max_basal_strokes, firmware.therapy.pattern = 73, 800, 2
    steps = "  - limits: {max_bolus: 12 U, max_basal: 25 U/h}\n" + BASAL + PATTERN_A.replace("30 U/h", "20 U/h")
    steps += "  - pattern: {select: a, for: 5 min}\n  - bolus: {amount: 8 U}\n"
    finished = drive(bench, monkeypatch, parse_scenario(HEAD + steps))
    assert finished is not None
    assert finished.ended.reason == "completed", finished.ended.detail
    assert [event.data["value"] for event in named(record_of(bench), "limit_set")] == [12.0, 25.0, 7.3, 20.0]
    assert (firmware.max_bolus_tenths, firmware.max_basal_strokes, firmware.therapy.pattern) == (73, 800, 2)
    assert firmware.temp_is_percent
    assert firmware.therapy.suspended
    assert_set_is_commanded(bench)


def test_a_pump_that_is_found_on_another_pattern_runs_what_the_scenario_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = LastingBench(tmp_path)
    bench.twin.firmware.therapy.pattern = 1  # an empty one: it would deliver nothing
    drive(bench, monkeypatch, parse_scenario(HEAD + BASAL))
    assert_set_is_commanded(bench)
    (step,) = named(record_of(bench), "step_ended")
    assert bench.ledger.commanded_u(0, step.at_ns) == pytest.approx(1.0, abs=0.05)


TEMPS = {
    "  - bolus: {amount: 1 U}\n": (True, "U/h"),
    "  - temp_basal: {rate: 1 U/h, for: 30 min}\n": (True, "U/h"),
    "  - temp_basal: {percent: 50 %, for: 30 min}\n": (False, "percent"),
}


@pytest.mark.parametrize("answer", [0, 8])  # a pump that means something else by that command, one that refuses it
@pytest.mark.parametrize("steps", TEMPS)
def test_a_temp_basal_type_that_cannot_be_changed_ends_the_run_before_anything_is_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: str, answer: int
) -> None:
    monkeypatch.setattr(Commands, "_temp_type", lambda *_: answer)
    bench = LastingBench(tmp_path)
    bench.twin.firmware.temp_is_percent, wanted = TEMPS[steps]
    finished = drive(bench, monkeypatch, parse_scenario(HEAD + BASAL + steps))
    assert finished is not None
    assert f"does not change its temp basal type to {wanted}" in finished.ended.detail
    assert f"to {wanted} by hand" in finished.ended.detail
    assert not named(record_of(bench), "armed")
    assert bench.ledger.commanded_u(0, bench.clock.now_ns()) == 0.0


@pytest.mark.parametrize("is_percent", [False, True])
def test_a_scenario_of_both_types_is_tried_in_both_when_arming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_percent: bool
) -> None:
    bench = LastingBench(tmp_path)
    bench.twin.firmware.temp_is_percent = is_percent
    steps = BASAL + "  - temp_basal: {percent: 50 %, for: 30 min, cancel_after: 4 min}\n  - bolus: {amount: 1 U}\n"
    finished = drive(bench, monkeypatch, parse_scenario(HEAD + steps))
    assert finished is not None
    assert finished.ended.reason == "completed", finished.ended.detail
    record = record_of(bench)
    (armed,) = named(record, "armed")
    tried = [event.data["percent"] for event in named(record, "temp_type_set") if event.at_ns <= armed.at_ns]
    assert tried == [not is_percent, is_percent]
    assert bench.twin.firmware.temp_is_percent is is_percent
    assert_set_is_commanded(bench)


def test_a_cancelled_bolus_is_reported_with_what_was_delivered_and_not_taken_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = play(tmp_path, monkeypatch, BASAL + "  - bolus: {amount: 4 U, cancel_after: 1 min}\n  - suspend\n")
    ((programmed_u, commanded_u),) = bench.boluses()
    assert programmed_u == 4.0
    assert commanded_u == pytest.approx(1.5, abs=0.05)
    told = [e.data for e in named(record_of(bench), "reported") if e.data["source"] == "bolus_history"]
    assert [(each["programmed_u"], each["delivered_u"]) for each in told] == [(4.0, commanded_u)]


def test_a_bolus_that_was_being_cancelled_when_the_rig_broke_off_is_looked_up_in_the_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = LastingBench(tmp_path, loses_tail=False)
    therapy = bench.twin.firmware.therapy
    bench.links.dies_when = lambda: therapy.suspended and bool(bench.boluses())
    steps = parse_scenario(HEAD + BASAL + "  - bolus: {amount: 4 U, cancel_after: 1 min}\n")
    assert drive(bench, monkeypatch, steps) is None
    finished = go_on(bench)
    assert finished is not None
    assert finished.ended.reason == "completed", finished.ended.detail
    (settled,) = named(record_of(bench), "delivery_settled")
    ((_, first_u), _) = bench.boluses()
    assert (settled.data["name"], settled.data["delivered_u"]) == ("bolus", first_u)


def test_a_key_whose_answer_is_lost_is_pushed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pushed: list[int] = []
    press = Firmware.press

    def counted(firmware: Firmware, key: int, rig_ns: int) -> None:
        pushed.append(key)
        press(firmware, key, rig_ns)

    monkeypatch.setattr(Firmware, "press", counted)
    bench = play(
        tmp_path, monkeypatch, BASAL + "  - press: {keys: [esc, act, down]}\n", faults=("link.drop_ack=key:2",)
    )
    assert pushed == [1, 2, 4]
    told = [event.data["acceptance"] for event in named(record_of(bench), "key_pressed")]
    assert told == ["acknowledged", "unknown", "acknowledged"]


@pytest.mark.parametrize("lost", ["pattern:1", "max_basal:1", "time:1"])
def test_a_setting_whose_answer_is_lost_is_settled_by_reading_it_back_and_sent_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    steps = "  - limits: {max_basal: 32 U/h}\n" + BASAL + PATTERN_A + "  - pattern: {select: a, for: 5 min}\n"
    bench = play(tmp_path, monkeypatch, steps + "  - set_clock: {shift: -1 h}\n", faults=(f"link.drop_ack={lost}",))
    record = record_of(bench)
    assert len(sent(record, "set_clock")) == 1
    assert len(sent(record, "select_pattern")) == 2  # there and back
    assert_set_is_commanded(bench)


def shift_s(bench: LastingBench) -> float:
    """Return by how much the pump's clock was shifted since the twin began."""
    firmware, simulation = bench.twin.firmware, bench.config.simulation
    assert simulation is not None
    return (firmware.local() - simulation.start).total_seconds() - firmware.therapy.now_ns / 1e9


@pytest.mark.parametrize("acknowledged", [False, True])
def test_a_clock_that_was_shifted_before_a_break_is_not_shifted_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acknowledged: bool
) -> None:
    bench = LastingBench(tmp_path, loses_tail=False)
    set_clock = Settings.set_clock

    def set_and_die(*arguments: Any) -> datetime:
        local = set_clock(*arguments)
        return local if bench.links.died else bench.links.killed()

    if acknowledged:
        monkeypatch.setattr(Settings, "set_clock", set_and_die)
    else:
        bench.links.dies_when = lambda: shift_s(bench) > 1000.0
    assert drive(bench, monkeypatch, parse_scenario(HEAD + SHIFTED)) is None
    assert len(named(record_of(bench), "clock_set")) == acknowledged
    bench.away(100.0)
    finished = go_on(bench)
    assert finished is not None
    assert finished.ended.reason == "completed", finished.ended.detail
    assert shift_s(bench) == pytest.approx(1800.0, abs=12.0)


@pytest.mark.parametrize("killed", [False, True])
def test_a_resumed_run_makes_the_settings_anew_and_puts_back_what_its_first_segment_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    bench, stop = LastingBench(tmp_path), StopRequest()
    firmware = bench.twin.firmware
    found = firmware.max_basal_strokes

    def within_the_wait() -> bool:
        there = firmware.therapy.pattern == 1 and bench.ledger.commanded_u(0, bench.clock.now_ns()) > 4.0
        if there and not killed and not stop.count:
            stop.ask("the test")
        return there and killed

    bench.links.dies_when = within_the_wait
    steps = "  - limits: {max_basal: 33 U/h}\n" + BASAL + PATTERN_A + "  - pattern: {select: a, for: 5 min}\n"
    broken = drive(bench, monkeypatch, parse_scenario(HEAD + steps + "  - wait: {for: 10 min}\n"), stop)
    assert (broken is None) is killed
    left = (1320, 1) if killed else (found, 0)
    assert (firmware.max_basal_strokes, firmware.therapy.pattern) == left
    finished = go_on(bench)
    assert finished is not None
    assert finished.ended.reason == "completed", finished.ended.detail
    assert (firmware.max_basal_strokes, firmware.therapy.pattern) == (found, 0)
    last = record_of(bench).segments[-1].events
    limits = [event.data["value"] for event in last if event.name == "limit_set"]
    assert limits == [*([] if killed else [33.0]), found / 40]
    assert_set_is_commanded(bench, last)


def test_an_alarm_that_comes_is_timed_and_one_that_does_not_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = LastingBench(tmp_path, faults=("pump.reservoir=6U",))
    steps = "  - basal: {rate: 35 U/h, for: 2 min}\n  - wait_alarm: {code: no delivery, within: 3 min}\n"
    steps += "  - wait_alarm: {code: empty reservoir, within: 1 h}\n"
    drive(bench, monkeypatch, parse_scenario(HEAD + steps))
    record = record_of(bench)
    (missed,) = named(record, "alarm_missed")
    assert missed.data == {"code": 4, "within_s": 180.0}
    (seen,) = named(record, "alarm_seen")
    assert (seen.data["code"], seen.data["by"]) == (62, "error status")
    assert bench.ledger.commanded_u(0, seen.at_ns) == 6.0
    assert bench.ledger.commanded_u(0, seen.data["not_before_ns"]) < 6.0 + 0.025
    assert seen.data["at"] is not None


def test_a_pump_that_waits_to_be_primed_is_not_started_and_the_line_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = LastingBench(tmp_path, faults=("pump.rewound=on@0s+1h",))
    finished = drive(bench, monkeypatch, parse_scenario(HEAD + BASAL))
    assert finished is not None
    assert "rewinding, or waits to be primed" in finished.ended.detail
    assert "fill the cannula" in finished.ended.detail
    assert not sent(record_of(bench), "set_profile")


def test_what_a_pump_of_another_family_cannot_be_told_is_refused_in_one_line() -> None:
    steps = (HEAD + BASAL + "  - bolus: {amount: 1 U}\n").replace("[22, 23]", "[12]")
    config = load_bench("simulated")
    twelve = replace(config, pump=replace(config.pump, profile="sim-512"))
    told = r"steps.yaml:9: steps\[2\].bolus: driver 'cc111x' lacks for model 512: boluses \(step 2\)"
    with pytest.raises(ScenarioError, match=told):
        prepare(parse_scenario(steps, "steps.yaml"), twelve)
