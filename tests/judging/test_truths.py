"""Programmed, reported, weighed: whatever lacks a partner is found, and a clean run has nothing to say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rig.judging.judge import judge_evidence
from rig.profiles.pump import load_profile
from rig.results import Outcome, Result
from rig.scenario.model import BasalStep, BolusStep, Check
from tests.judging.logs import LoggedRun
from tests.judging.runs import RunMaker

HOUR = 3600.0
EACH = Check("each", "e", "bolus.each_error", source="pump.accuracy.bolus")


def _run(*steps: Any) -> LoggedRun:
    return LoggedRun(steps or (BolusStep(1.0, 3),), (EACH,))


def _rows(result: Result, status: str) -> list[dict[str, Any]]:
    return [row for row in result.analysis["truths"]["rows"] if row["status"] == status]


def _ids(result: Result) -> list[str]:
    return sorted(finding.id for finding in result.findings)


def test_a_clean_run_agrees_in_all_truths_and_finds_nothing() -> None:
    result = judge_evidence(_run(BasalStep(1.0, 3 * HOUR), BolusStep(1.0, 3)).make())
    table = result.analysis["truths"]
    assert _ids(result) == []
    assert set(table["counts"]) == {"matched"}
    boluses = [row for row in table["rows"] if row["kind"] == "bolus"]
    assert [row["reported_u"] for row in boluses] == [1.0] * 3
    assert all(abs(row["reported_at_s"] - row["set_at_s"]) < 2.5 for row in boluses)
    assert all(abs(row["measured_less_set_u"]) <= 2 * row["expanded_uncertainty_u"] + 0.005 for row in boluses)
    assert {row["kind"] for row in table["rows"]} == {"bolus", "suspend", "resume", "temp_basal", "basal"}


def test_a_bolus_given_by_hand_at_the_pump_is_found_in_the_log_and_in_the_weighing() -> None:
    maker = _run()
    maker.by_hand = {1: (0.5, 0.5)}
    result = judge_evidence(maker.make())
    assert _ids(result) == ["reported-not-set"]
    (row,) = _rows(result, "reported-not-set")
    assert row["measured_u"] == pytest.approx(0.5, abs=0.01)
    assert abs(row["measured_u"] - 0.5) < row["expanded_uncertainty_u"] + 0.005
    assert (row["set_u"], row["reported_u"]) == (None, 0.5)
    (finding,) = result.findings
    assert "by hand at the pump" in finding.text


def test_a_bolus_in_the_log_that_never_came_is_found() -> None:
    maker = _run()
    maker.by_hand = {0: (0.5, 0.0)}
    assert _ids(judge_evidence(maker.make())) == ["reported-not-measured", "reported-not-set"]


def test_a_delivery_in_no_log_is_found_by_the_balance_alone() -> None:
    maker = _run()
    maker.by_hand = {0: (0.0, 0.3)}
    result = judge_evidence(maker.make())
    assert _ids(result) == ["measured-not-reported", "measured-not-set"]
    (row,) = _rows(result, "measured-not-set")
    assert row["measured_u"] == pytest.approx(0.3, abs=0.01)
    assert "looks like a delivery" in result.findings[0].text


def test_a_delivery_over_the_running_basal_is_found_where_the_doses_allow_it() -> None:
    maker = LoggedRun((BasalStep(1.0, 6 * HOUR),), ())
    evidence = maker.make()
    columns = evidence.record.weighings["balance"]
    for index, at_ns in enumerate(columns.asked_ns):
        columns.mass_mg[index] += 5.0 * min(max((at_ns / 1e9 - 15000.0) / 20.0, 0.0), 1.0)  # 0.5 U within 20 s
    result = judge_evidence(evidence)
    assert "measured-not-set" in _ids(result)
    (row,) = _rows(result, "measured-not-set")
    assert row["measured_u"] == pytest.approx(0.5, abs=0.06)
    assert row["measured_at_s"] == pytest.approx(15000.0, abs=30.0)
    assert result.analysis["truths"]["search"]["basal_limit_u"] < 0.12


def test_a_bolus_cut_short_but_reported_whole_is_over_reported() -> None:
    maker = _run(BolusStep(5.0, 3))
    maker.shares = {1: 0.7}
    result = judge_evidence(maker.make())
    assert _ids(result) == ["over-reported"]
    (row,) = _rows(result, "differs")
    assert row["reported_less_measured_u"] == pytest.approx(1.5, abs=0.05)


def test_a_bolus_that_the_pump_doubles_is_found() -> None:
    maker = _run()
    maker.shares = {2: 2.0}
    assert _ids(judge_evidence(maker.make())) == ["bolus-excess", "under-reported"]


def test_a_programmed_bolus_that_is_neither_logged_nor_weighed_is_found_on_both_sides() -> None:
    maker = _run()
    maker.shares, maker.unlogged = {1: 0.0}, {1}
    assert _ids(judge_evidence(maker.make())) == ["bolus-missed", "bolus-not-reported"]


def test_a_bolus_logged_whole_of_which_nothing_came_says_that_the_log_is_wrong() -> None:
    maker = _run()
    maker.shares = {1: 0.0}
    assert _ids(judge_evidence(maker.make())) == ["bolus-missed", "reported-not-measured"]


def test_a_temporary_basal_that_the_log_does_not_hold_is_found() -> None:
    maker = _run()
    maker.unlogged = {"temp_basal_rate", "temp_basal_duration"}
    result = judge_evidence(maker.make())
    assert _ids(result) == ["set-not-reported"]
    assert "temp_basal (0 U/h, 1440 min)" in result.findings[0].text


def test_only_kinds_that_the_profile_says_it_logs_must_match() -> None:
    maker = _run()
    maker.unlogged = {"temp_basal_rate", "temp_basal_duration", 0, 1, 2}
    evidence = maker.make()
    result = judge_evidence(replace(evidence, profile=replace(evidence.profile, history=("suspend", "resume"))))
    assert _ids(result) == []


def test_a_log_that_nobody_read_accuses_nobody() -> None:
    maker = _run()
    maker.log_read = False
    result = judge_evidence(maker.make())
    assert _ids(result) == ["bolus-not-reported"] * 3  # each bolus is asked for by itself, as always
    assert {row["kind"] for row in _rows(result, "not-read")} >= {"temp_basal"}


def test_a_suspend_and_a_temporary_basal_by_hand_stand_in_the_log_alone() -> None:
    maker = _run()
    at = "2026-03-02T09:05:00"
    maker.extra = [
        {"kind": "suspend", "at": at, "delivered_u": None, "remote": False},
        {"kind": "temp_basal_rate", "at": at, "delivered_u": None, "remote": False, "rate_u_per_h": 2.0},
        {"kind": "temp_basal_duration", "at": at, "delivered_u": None, "remote": False, "minutes": 30},
    ]
    result = judge_evidence(maker.make())
    assert _ids(result) == ["reported-not-set"] * 2
    assert {row["reported_text"] for row in _rows(result, "reported-not-set")} == {None, "2 U/h, 30 min"}


def test_a_pattern_that_was_selected_by_hand_is_found_in_the_log() -> None:
    maker = _run()
    at = "2026-03-02T09:05:00"
    maker.extra = [{"kind": "pattern_selected", "at": at, "delivered_u": None, "remote": False}]
    result = judge_evidence(maker.make())
    assert _ids(result) == ["reported-not-set"]
    (row,) = _rows(result, "reported-not-set")
    assert (row["kind"], row["set_text"]) == ("pattern", None)


def test_two_like_entries_of_one_bolus_are_one_too_many() -> None:
    maker = _run()
    evidence = maker.make()
    history = evidence.record.events[-1].data["newest"]
    history.append(next(entry for entry in history if entry["kind"] == "bolus"))
    result = judge_evidence(evidence)
    assert "reported-not-set" in _ids(result)


def test_what_was_logged_before_the_run_is_not_of_the_run() -> None:
    maker = _run()
    before = {"kind": "bolus", "at": "2026-03-02T07:59:00", "delivered_u": 3.0, "programmed_u": 3.0, "remote": False}
    maker.extra = [before]
    assert _ids(judge_evidence(maker.make())) == []


def test_nothing_found_ever_turns_a_check() -> None:
    maker = _run(BolusStep(5.0, 3))
    maker.by_hand = {0: (0.5, 0.5)}
    assert judge_evidence(maker.make()).checks[0].outcome is Outcome.PASS


def test_the_reservoir_is_compared_with_what_was_programmed_between_two_looks() -> None:
    maker = RunMaker((BolusStep(1.0, 2),), ())
    evidence = maker.make()
    closed = [event for event in evidence.record.events if event.name == "bolus_closed"]
    level = {"source": "reservoir", "reservoir_u": 100.0}
    events = [type(closed[0])(0, "reported", level)]
    for number, left_u in ((0, 99.0), (1, 97.5)):  # half a unit more than was programmed
        events.append(replace(closed[number], name="reported", data=level | {"reservoir_u": left_u}))
    record = replace(evidence.record, events=tuple(sorted((*evidence.record.events, *events), key=lambda e: e.at_ns)))
    result = judge_evidence(replace(evidence, record=record))
    (finding,) = [each for each in result.findings if each.id == "reservoir-differs"]
    assert "fell by 1.5 U" in finding.text
    totals = result.analysis["truths"]["totals"]
    assert [row["reported_u"] for row in totals] == [1.0, 2.5]
    assert [row["set_u"] for row in totals] == pytest.approx([1.0, 2.0])
    assert all(abs(row["measured_u"] - row["set_u"]) < row["expanded_uncertainty_u"] + 0.01 for row in totals)


def test_an_older_family_reports_no_basal_and_the_newer_its_reservoir() -> None:
    maker = LoggedRun((BasalStep(1.0, 3 * HOUR),), ())
    evidence = maker.make()
    spans = [event for event in evidence.record.events if event.name in ("resumed", "step_ended")]
    levels = [
        replace(e, name="reported", data={"source": "reservoir", "reservoir_u": u})
        for e, u in zip(spans, (50.0, 47.0), strict=True)
    ]
    events = tuple(sorted((*evidence.record.events, *levels), key=lambda e: e.at_ns))
    evidence = replace(evidence, record=replace(evidence.record, events=events))
    newer = judge_evidence(evidence).deliveries[0]
    older = judge_evidence(replace(evidence, profile=load_profile("sim-522"))).deliveries[0]
    assert (newer.reported_u, newer.reported_source) == (3.0, "reservoir reading")
    assert (older.reported_u, older.reported_source) == (None, None)


class _ShortRate(LoggedRun):
    """A pump that writes down each start of a scheduled rate, and once more when its clock is set."""

    def _step(self, index: int, step: Any) -> None:
        if isinstance(step, BasalStep):
            for later_s in (1.0, 2.0):
                self._log("basal_start", self._stamp(later_s), rate_u_per_h=step.rate_u_per_h)
        super()._step(index, step)


@pytest.mark.parametrize("logged", [3.0, 4.0])
def test_a_scheduled_rate_that_ran_for_seconds_between_two_commands_was_programmed(logged: float) -> None:
    maker = _ShortRate((BasalStep(1.0, HOUR), BasalStep(3.0, 4.0), BasalStep(1.0, HOUR)), (), interval_s=1.0)
    evidence = maker.make()
    for entry in maker.entries:
        if entry["kind"] == "basal_start" and entry["rate_u_per_h"] == 3.0:
            entry["rate_u_per_h"] = logged
    found = [each.text for each in judge_evidence(evidence).findings if each.id == "reported-not-set"]
    assert len(found) == (0 if logged == 3.0 else 2)


def test_a_bolus_of_which_the_pump_could_not_be_asked_is_not_said_to_be_missing_in_its_log() -> None:
    maker = _run()
    maker.log_read = False
    evidence = maker.make()
    closed = [event for event in evidence.record.events if event.name == "bolus_closed"]
    missing = [
        replace(each, name="report_missing", data={"source": "bolus_history", **each.data}) for each in closed[:2]
    ]
    events = tuple(sorted((*evidence.record.events, *missing), key=lambda each: each.at_ns))
    result = judge_evidence(replace(evidence, record=replace(evidence.record, events=events)))
    assert [each.id for each in result.findings] == ["bolus-not-reported"]  # the third: nobody says why
    assert len([row for row in _rows(result, "not-read") if row["kind"] == "bolus"]) == 2


@pytest.mark.parametrize(
    ("left_u", "found"),
    [
        (98.5, "stopped-by-alarm"),  # all of SET until the alarm, 1.5 h at 1 U/h
        (98.9, "reservoir-differs"),  # less than that: something else as well
        (97.7, "reservoir-differs"),  # more: it went on after its alarm
        (97.0, None),
    ],
)
def test_what_the_pumps_own_alarm_kept_back_is_told_as_that_and_nothing_else_is(left_u: float, found: str) -> None:
    maker = RunMaker((BasalStep(1.0, 3 * HOUR),), ())
    evidence = maker.make()
    began, ended = (event for event in evidence.record.events if event.name in ("resumed", "step_ended"))
    seen_ns = began.at_ns + round(1.5 * HOUR * 1e9)
    told = {"code": 4, "not_before_ns": seen_ns - 30 * 10**9, "waited_s": 1000.0, "by": "error status", "at": None}
    more = [
        replace(began, name="reported", data={"source": "reservoir", "reservoir_u": 100.0}),
        replace(began, at_ns=seen_ns, name="alarm_seen", data=told),
        replace(ended, name="reported", data={"source": "reservoir", "reservoir_u": left_u}),
    ]
    events = tuple(sorted((*evidence.record.events, *more), key=lambda each: each.at_ns))
    result = judge_evidence(replace(evidence, record=replace(evidence.record, events=events)))
    assert [each.id for each in result.findings] == ([found] if found else [])


def test_a_battery_that_the_pump_calls_low_is_a_finding() -> None:
    evidence = RunMaker((BasalStep(1.0, 3600.0),), ()).make()
    assert "pump-battery-low" not in {each.id for each in judge_evidence(evidence).findings}
    armed = next(event for event in evidence.record.events if event.name == "armed")
    armed.data["pump"] |= {"battery_v": 1.1, "battery_low": True}
    (finding,) = [each for each in judge_evidence(evidence).findings if each.id == "pump-battery-low"]
    assert finding.text == "the pump called its battery low (1.1 V)"
