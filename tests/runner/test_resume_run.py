"""A run that was stopped or cut off goes on in a new segment, and is judged honestly."""

import json
from pathlib import Path

import pytest

from rig.config import load_bench
from rig.drivers.minimed.pump import MinimedPump
from rig.engine import Finished, NotJudgedError, resume_run, run_scenario
from rig.errors import RigError, UsageError
from rig.instruments import Acceptance
from rig.judging.judge import judge
from rig.record.reader import read_run
from rig.results import EndReason, Outcome
from rig.runner.folder import RunFolder, find_runs
from rig.runner.progress import Progress
from rig.runner.stop import StopRequest
from rig.scenario.parse import parse_scenario

SCENARIO = """
schema: 1
id: two
title: A basal, boluses, and a basal
pump: {families: [22, 23]}
needs: [pump, balance]
operator: none
sampling: {balance: 5 s, bolus: 1 s}
blank: {before: 20 min, after: 20 min}
steps:
  - basal: {rate: 20 U/h, for: 1 h, name: first}
  - bolus: {amount: 5 U, repeat: 2, name: meal}
  - basal: {rate: 10 U/h, for: 2 h, name: last}
checks:
  - {id: first, measure: basal.overall_error, from: 10 min, for: 50 min, limit: 5 %, source: pump.accuracy.basal}
  - {id: meal, measure: bolus.each_error, step: meal, limit: 5 %, source: pump.accuracy.bolus}
  - {id: last, measure: basal.overall_error, step: last, limit: 5 %, source: pump.accuracy.basal}
  - {id: whole, measure: basal.delivered}
on_runner_loss: stop
gap: {tolerate: 60 s}
"""


class Breaker:
    """Asks a run to stop when its progress shows a phase, some seconds into it."""

    def __init__(self, stop: StopRequest, phase: str, after_s: float = 0.0) -> None:
        self._stop = stop
        self._phase = phase
        self._after_s = after_s
        self._since_s: float | None = None

    def __call__(self, progress: Progress) -> None:
        if self._phase in progress.phase:
            self._since_s = progress.elapsed_s if self._since_s is None else self._since_s
            if progress.elapsed_s - self._since_s >= self._after_s:
                self._stop.ask("the test")


def _broken(tmp_path: Path, phase: str, after_s: float = 0.0, faults: tuple[str, ...] = ()) -> Finished:
    stop = StopRequest()
    scenario = parse_scenario(SCENARIO, "two.yaml")
    breaker = Breaker(stop, phase, after_s)
    return run_scenario(scenario, load_bench("simulated"), tmp_path, observer=breaker, stop=stop, faults=faults)


def _outcomes(finished: Finished) -> dict[str, Outcome]:
    return {check.id: check.outcome for check in finished.result.checks}


def test_a_stop_between_steps_is_resumed_there_and_what_was_measured_before_stands(tmp_path: Path) -> None:
    first = _broken(tmp_path, "step 3")
    assert first.ended.reason is EndReason.ABORTED
    assert find_runs(tmp_path)[0].state == "stopped"
    assert _outcomes(first)["first"] is Outcome.PASS
    assert _outcomes(first)["last"] is Outcome.INVALID
    second = resume_run(first.folder, who="somebody", why="lunch")
    assert second.folder == first.folder
    assert second.ended.reason is EndReason.COMPLETED
    assert _outcomes(second) == {
        "first": Outcome.PASS,
        "meal": Outcome.PASS,
        "last": Outcome.PASS,
        "whole": Outcome.INVALID,  # its interval contains the stop
    }
    assert find_runs(tmp_path)[0].state == "ended"
    assert [(row["mode"], row["end_reason"]) for row in second.result.segments] == [
        ("start", "aborted"),
        ("repeat", "completed"),
    ]
    resumed = next(finding for finding in second.result.findings if finding.id == "resumed")
    assert "step 3 was repeated (somebody: lunch)" in resumed.text
    starts = [delivery.start_s for delivery in second.result.deliveries]
    assert starts == sorted(starts)
    assert second.result.outcome is Outcome.INVALID


def test_a_stop_in_the_middle_of_a_bolus_repeats_the_series_and_sends_each_command_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, sent = StopRequest(), []
    deliver = MinimedPump.bolus

    def bolus(pump: MinimedPump, amount_u: float) -> Acceptance:
        accepted = deliver(pump, amount_u)
        sent.append(amount_u)
        if len(sent) == 2:
            stop.ask("the test")
        return accepted

    monkeypatch.setattr(MinimedPump, "bolus", bolus)
    first = run_scenario(parse_scenario(SCENARIO, "two.yaml"), load_bench("simulated"), tmp_path, stop=stop)
    assert first.ended.safe.confirmed
    second = resume_run(first.folder)
    assert _outcomes(second)["meal"] is Outcome.PASS
    assert _outcomes(second)["first"] is Outcome.PASS
    run = read_run(first.folder)
    ids = [e.data["id"] for e in run.events if e.name == "command" and e.data["state"] == "intended"]
    assert ids == list(range(1, len(ids) + 1))  # the journal goes on where it ended
    for number, ledger_name in ((1, "ledger.json"), (2, "ledger-002.json")):
        intended = [
            event
            for event in run.segments[number - 1].events
            if event.name == "command" and event.data["state"] == "intended" and event.data["delivers"]
        ]
        ledger = json.loads((first.folder / "sealed" / ledger_name).read_text())
        boluses = [each for each in ledger["deliveries"] if each["kind"] == "bolus"]
        assert len(boluses) == len(intended) == 2
        assert (boluses[-1]["commanded_strokes"] < 200) is (number == 1)  # 5 U are 200 strokes: one was cut short


def test_a_fail_before_the_stop_stands_whatever_the_repetition_says(tmp_path: Path) -> None:
    first = _broken(tmp_path, "step 3", faults=("pump.gain=-10%",))
    assert _outcomes(first)["first"] is Outcome.FAIL
    second = resume_run(first.folder)
    assert _outcomes(second)["first"] is Outcome.FAIL
    assert second.result.outcome is Outcome.FAIL


@pytest.mark.parametrize("phase", ["arming", "blank before", "step 1", "step 2", "settling", "blank after"])
def test_a_run_stopped_in_any_phase_comes_to_its_end_when_resumed(tmp_path: Path, phase: str) -> None:
    first = _broken(tmp_path, phase)
    assert first.ended.safe.confirmed
    second = resume_run(first.folder)
    assert second.ended.reason is EndReason.COMPLETED
    outcomes = _outcomes(second)
    assert Outcome.FAIL not in outcomes.values()
    assert outcomes["last"] is Outcome.PASS
    if phase in ("arming", "blank before"):
        assert outcomes["whole"] is Outcome.REPORT_ONLY  # nothing had been delivered: the whole run is in one piece
    assert not [text for text in read_run(first.folder).damage if "torn" not in text]


def test_a_window_that_holds_the_stop_is_not_judged(tmp_path: Path) -> None:
    text = SCENARIO.replace(
        "id: last, measure: basal.overall_error, step: last",
        "id: last, measure: basal.overall_error, from: 30 min, for: 60 min",
    )
    stop = StopRequest()
    breaker = Breaker(stop, "step 2")
    first = run_scenario(parse_scenario(text, "x"), load_bench("simulated"), tmp_path, observer=breaker, stop=stop)
    second = resume_run(first.folder)
    last = next(check for check in second.result.checks if check.id == "last")
    assert last.outcome is Outcome.INVALID
    assert "interrupted" in last.why


def test_what_cannot_be_resumed_is_refused_in_one_line(tmp_path: Path) -> None:
    scenario = parse_scenario(SCENARIO, "two.yaml")
    whole = run_scenario(scenario, load_bench("simulated"), tmp_path)
    with pytest.raises(UsageError, match="this run came to its end"):
        resume_run(whole.folder)
    stopped = _broken(tmp_path / "b", "step 1")
    folder = RunFolder.of(stopped.folder)
    with pytest.raises(UsageError, match="still being recorded"):
        resume_run(stopped.folder)
    folder.void("somebody", "wrong pump")
    folder.release()
    assert find_runs(tmp_path / "b")[0].state == "void"
    with pytest.raises(UsageError, match="voided"):
        resume_run(stopped.folder)


def test_a_void_run_is_never_better_than_invalid(tmp_path: Path) -> None:
    scenario = parse_scenario(SCENARIO, "two.yaml")
    whole = run_scenario(scenario, load_bench("simulated"), tmp_path)
    assert whole.result.outcome is Outcome.PASS
    folder = RunFolder.of(whole.folder)
    folder.void("somebody", "wrong set")
    folder.release()
    result = judge(whole.folder)
    assert {check.outcome for check in result.checks} == {Outcome.INVALID}
    assert any(finding.id == "void" and "wrong set" in finding.text for finding in result.findings)


def test_another_version_goes_on_only_when_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = _broken(tmp_path, "step 1")
    monkeypatch.setattr("rig.engine.tool", lambda: {"version": "9.9", "commit": "other"})
    with pytest.raises(UsageError, match="--other-version"):
        resume_run(first.folder)
    assert resume_run(first.folder, other_version=True).ended.reason is EndReason.COMPLETED


def test_the_second_request_to_stop_skips_the_tidying_and_never_the_safe_state(tmp_path: Path) -> None:
    stop = StopRequest()

    def twice(progress: Progress) -> None:
        if "step 1" in progress.phase and not stop.count:
            stop.ask("SIGINT")
            stop.ask("SIGINT")

    with pytest.raises(NotJudgedError, match="stopped twice") as caught:
        run_scenario(parse_scenario(SCENARIO, "two.yaml"), load_bench("simulated"), tmp_path, observer=twice, stop=stop)
    assert caught.value.exit_code == 130
    (state,) = find_runs(tmp_path)
    run = read_run(state.folder)
    assert run.end["safe"]["confirmed"]
    names = [event.name for event in run.events]
    assert "tidying_left_out" in names[names.index("safe_state") :]
    assert isinstance(caught.value, RigError)


def test_a_command_is_on_the_disk_before_its_first_byte_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    deliver = MinimedPump.bolus

    def looks(pump: MinimedPump, amount_u: float) -> Acceptance:
        (record,) = tmp_path.glob("*/evidence/record-001.log.gz")
        run = read_run(record.parent.parent)
        last = [event for event in run.events if event.name == "command"][-1]
        assert last.data["state"] == "intended"
        assert last.data["amount_u"] == amount_u
        seen.append(last.data["id"])
        return deliver(pump, amount_u)

    monkeypatch.setattr(MinimedPump, "bolus", looks)
    run_scenario(parse_scenario(SCENARIO, "two.yaml"), load_bench("simulated"), tmp_path)
    assert len(seen) == 2
