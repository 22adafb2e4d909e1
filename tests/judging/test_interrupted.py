"""Runs that were interrupted and repeated from a step on: never a wrong PASS, and no FAIL is lost."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from rig.judging.evidence import Evidence
from rig.judging.judge import judge_evidence
from rig.judging.junit import junit_xml
from rig.judging.schema import result_schema
from rig.record.reader import Event, Segment
from rig.results import CheckResult, Outcome, Result
from rig.scenario.model import BasalStep, BolusStep, Check, Step
from tests.judging.runs import BLANK_S, NS, RunMaker
from tests.judging.segments import STARTED, moved, resumed, segment, together

HOUR = 3600.0
CLAIM = "pump.accuracy.basal"
LATER_S = 90_000.0  # when the second segment begins, on the clock of the first


def _check(name: str, **how: Any) -> Check:
    return Check(name, name, "basal.overall_error", lower=-5, upper=5, source=CLAIM, **how)


STEPS: tuple[Step, ...] = (BasalStep(2.0, 6 * HOUR), BasalStep(4.0, 4 * HOUR))
EARLY = _check("early", from_s=HOUR, for_s=4 * HOUR)
LATE = _check("late", from_s=7 * HOUR, for_s=2 * HOUR)
EDGE = _check("edge", from_s=6 * HOUR, for_s=3 * HOUR)
ACROSS = _check("across", from_s=4 * HOUR, for_s=5 * HOUR)
WHOLE = _check("whole")
STEP = _check("step", step=1)
CHECKS = (EARLY, LATE, EDGE, ACROSS, WHOLE, STEP)


def _interrupted(
    stop_s: float,
    step: int,
    *,
    gains: tuple[float, float] = (1.0, 1.0),
    steps: tuple[Step, ...] = STEPS,
    checks: tuple[Check, ...] = CHECKS,
    scenario_s: float | None = None,
    **second: Any,
) -> Evidence:
    """A run cut off ``stop_s`` after its first delivery, and repeated from ``step`` on."""
    first = RunMaker(steps, checks, gain=gains[0]).make()
    again = RunMaker(steps, checks, gain=gains[1], seed=2)
    again.first_step = step
    whole = again.make()
    began = STARTED + timedelta(seconds=LATER_S)
    began_scenario_s = sum(getattr(each, "duration_s", 0.0) for each in steps[:step])
    later = resumed(
        segment(whole.record, 2, end="completed", began=began, **second),
        "repeat",
        step,
        began_scenario_s if scenario_s is None else scenario_s,
        who="somebody",
        why="power cut",
    )
    same_boot = "boot" not in second
    return together(
        first,
        [segment(first.record, to_s=BLANK_S + stop_s), moved(later, LATER_S) if same_boot else later],
    )


def _outcomes(result: Result) -> dict[str, str]:
    return {check.id: check.outcome.value for check in result.checks}


def _named(result: Result, name: str) -> CheckResult:
    return next(check for check in result.checks if check.id == name)


def test_a_stop_in_the_analysis_period_leaves_what_was_before_and_repeats_what_begins_after() -> None:
    result = judge_evidence(_interrupted(8 * HOUR, 1))
    assert _outcomes(result) == {
        "early": "PASS",  # whole before the stop
        "late": "PASS",  # whole within the repeated step, an hour after its beginning
        "edge": "INVALID",  # begins with the repeated step: its lead-in was the step before
        "across": "INVALID",
        "whole": "INVALID",
        "step": "PASS",
    }
    for name in ("edge", "across", "whole"):
        assert "interrupted at 32400 s (interrupted)" in _named(result, name).why
    assert "what led in to it" in _named(result, "edge").why
    assert result.outcome is Outcome.INVALID
    jsonschema.validate(result.to_json(), result_schema())


def test_times_of_a_repeated_stretch_lie_on_the_axis_of_the_first() -> None:
    result = judge_evidence(_interrupted(8 * HOUR, 1))
    late = _named(result, "late")
    assert late.from_s == pytest.approx(LATER_S + BLANK_S + HOUR)
    assert [(row["number"], row["mode"], row["end_reason"]) for row in result.segments] == [
        (1, "start", "interrupted"),
        (2, "repeat", "completed"),
    ]
    assert result.segments[1]["from_s"] == pytest.approx(LATER_S)


def test_a_stop_in_the_stabilization_repeats_everything_from_the_start() -> None:
    result = judge_evidence(_interrupted(0.5 * HOUR, 0))
    assert set(_outcomes(result).values()) == {"PASS"}
    assert all((check.from_s or 0.0) > LATER_S for check in result.checks)
    assert result.outcome is Outcome.PASS
    assert not any(finding.id == "check-repeated" for check in result.checks for finding in check.findings)


def test_a_stop_between_steps_keeps_the_steps_before_it() -> None:
    result = judge_evidence(_interrupted(6 * HOUR, 1))
    outcomes = _outcomes(result)
    assert (outcomes["early"], outcomes["late"], outcomes["step"]) == ("PASS", "PASS", "PASS")
    assert _named(result, "early").to_s == pytest.approx(BLANK_S + 5 * HOUR)
    assert outcomes["edge"] == "INVALID"


def test_a_fail_before_the_stop_stands_and_both_outcomes_are_shown() -> None:
    result = judge_evidence(_interrupted(8 * HOUR, 0, gains=(0.9, 1.0)))
    early = _named(result, "early")
    assert early.outcome is Outcome.FAIL
    assert early.value == pytest.approx(-10.0, abs=0.3)
    (told,) = [finding for finding in early.findings if finding.id == "check-repeated"]
    assert "FAILed in stretch 1, which stands" in told.text
    assert "PASS in stretch 2" in told.text
    assert _outcomes(result)["late"] == "PASS"  # the first stretch never held it
    assert result.outcome is Outcome.FAIL


def test_a_pass_before_the_stop_does_not_hide_a_fail_after_it() -> None:
    result = judge_evidence(_interrupted(8 * HOUR, 0, gains=(1.0, 0.9)))
    early = _named(result, "early")
    assert early.outcome is Outcome.FAIL
    assert any("stretch 1 had come out PASS" in finding.text for finding in early.findings)


def test_a_lead_in_is_missing_however_the_repeated_step_is_dated() -> None:
    """Commands take their time: the window of a check may begin seconds before or after its step."""
    for seconds in (-40.0, 40.0):
        result = judge_evidence(_interrupted(8 * HOUR, 1, scenario_s=6 * HOUR + seconds, checks=(EDGE,)))
        assert _outcomes(result) == {"edge": "INVALID"}


def test_a_later_boundary_in_a_repeated_stretch_is_no_lead_in_either() -> None:
    steps = (*STEPS, BasalStep(1.0, 4 * HOUR))
    third = _check("third", from_s=10 * HOUR, for_s=3 * HOUR)
    inside = _check("inside", from_s=11 * HOUR, for_s=3 * HOUR)
    result = judge_evidence(_interrupted(8 * HOUR, 1, steps=steps, checks=(third, inside)))
    assert _outcomes(result) == {"third": "INVALID", "inside": "PASS"}


def test_no_check_without_lead_in_is_judged_by_the_number_of_steps_alone() -> None:
    result = judge_evidence(_interrupted(8 * HOUR, 1, checks=(_check("rest", from_s=7 * HOUR), WHOLE)))
    assert _outcomes(result) == {"rest": "PASS", "whole": "INVALID"}


def test_a_voided_run_is_at_best_invalid_and_its_fail_stands() -> None:
    void = {"who": "somebody", "why": "wrong set", "utc": "2026-03-05T07:00:00+00:00"}
    for gain, outcome in ((1.0, Outcome.INVALID), (0.9, Outcome.FAIL)):
        result = judge_evidence(replace(_interrupted(8 * HOUR, 0, gains=(gain, gain)), void=void))
        assert {check.outcome for check in result.checks} == {outcome}
        assert result.outcome is outcome
        assert any(f.id == "void" and "somebody: wrong set" in f.text for f in result.findings)
        run = next(case for case in ElementTree.fromstring(junit_xml(result)).iter("testcase"))
        assert "voided by somebody" in str(run.find("error").get("message"))  # type: ignore[union-attr]


def test_boluses_that_were_repeated_are_judged_in_one_stretch_and_a_failed_one_stands() -> None:
    steps = (BolusStep(5.0, 2), BolusStep(1.0, 2))
    each = Check("each", "each", "bolus.each_error", amount_u=5.0, source="pump.accuracy.bolus")
    mean = Check("mean", "mean", "bolus.mean_error", step=0, source="pump.accuracy.bolus")
    # The first 5 U bolus ends 20 s + 200 s after the first delivery; the stop comes in the second.
    for gains, outcome in (((1.0, 1.0), "PASS"), ((0.9, 1.0), "FAIL")):
        evidence = _interrupted(500.0, 0, gains=gains, steps=steps, checks=(each, mean), scenario_s=0.0)
        result = judge_evidence(evidence)
        assert _outcomes(result) == {"each": outcome, "mean": "PASS"}
        assert sum(delivery.set_u == 5.0 for delivery in result.deliveries) >= 3  # the superseded ones stay


def test_another_boot_is_placed_by_wall_clock_with_its_uncertainty() -> None:
    result = judge_evidence(_interrupted(8 * HOUR, 1, boot="boot-b"))
    assert _outcomes(result)["late"] == "PASS"
    assert result.segments[1]["from_s"] == pytest.approx(LATER_S)
    rows = result.analysis["stretches"]
    assert 0.0 < rows[1]["u_place_s"] < 0.1
    assert not any(finding.id == "clock-unsynchronised" for finding in result.findings)


def test_another_boot_on_an_unsynchronised_clock_is_said_and_nothing_spans_it() -> None:
    evidence = _interrupted(8 * HOUR, 1, boot="boot-b", synchronised="no")
    result = judge_evidence(evidence)
    outcomes = _outcomes(result)
    assert (outcomes["across"], outcomes["whole"], outcomes["late"]) == ("INVALID", "INVALID", "PASS")
    assert any(finding.id == "clock-unsynchronised" for finding in result.findings)
    for check in result.checks:
        if check.from_s is not None and check.to_s is not None:
            inside = [row["from_s"] <= check.from_s and check.to_s <= row["to_s"] for row in result.segments]
            assert any(inside), check.id


def test_a_wall_clock_that_went_back_does_not_put_the_later_stretch_first() -> None:
    evidence = _interrupted(8 * HOUR, 1, boot="boot-b")
    first, second = evidence.record.segments
    back = tuple(replace(pair, utc=pair.utc - timedelta(days=30)) for pair in second.clocks)
    result = judge_evidence(together(evidence, [first, replace(second, clocks=back)]))
    assert result.segments[1]["from_s"] > result.segments[0]["to_s"]
    assert _outcomes(result)["late"] == "PASS"
    assert any(finding.id == "clock-unsynchronised" for finding in result.findings)


def test_a_segment_that_broke_off_before_it_weighed_anything_changes_nothing() -> None:
    evidence = _interrupted(8 * HOUR, 1)
    first, second = evidence.record.segments
    empty = resumed(
        segment(evidence.record, 2, from_s=50_000.0, to_s=50_001.0, end="bench_fault"), "repeat", 1, 6 * HOUR
    )
    empty = replace(empty, events=empty.events[:1], weighings={})
    result = judge_evidence(together(evidence, [first, empty, replace(second, number=3)]))
    assert _outcomes(result)["late"] == "PASS"
    assert [row["number"] for row in result.analysis["stretches"]] == [1, 2, 3]
    assert "no usable readings" in result.analysis["stretches"][1]["why_not"]


def test_the_gap_between_stretches_and_the_interruption_are_in_the_result() -> None:
    result = judge_evidence(_interrupted(8 * HOUR, 1))
    gap = next(gap for gap in result.gaps if "repeated" in gap.cause)
    assert (gap.start_s, gap.end_s) == pytest.approx((BLANK_S + 8 * HOUR, LATER_S), abs=20.0)
    names = [event["name"] for event in result.events]
    assert names.index("interrupted") < names.index("run_resumed")
    assert [event["at_s"] for event in result.events] == sorted(event["at_s"] for event in result.events)
    (told,) = [finding for finding in result.findings if finding.id == "resumed"]
    assert "step 2 was repeated (somebody: power cut)" in told.text


def _in_flight(evidence: Evidence, *settled: Event) -> Evidence:
    """The first segment ends with a bolus that was sent and never answered; the second settles it, or not."""
    first, second = evidence.record.segments
    at_ns = first.events[-1].at_ns + NS
    data = {"id": 7, "name": "bolus", "state": "intended", "delivers": True, "amount_u": 2.0, "step": 1, "index": 0}
    cut = replace(first, events=(*first.events, Event(at_ns, "command", data)))
    return together(evidence, [cut, replace(second, events=(*second.events[:1], *settled, *second.events[1:]))])


@pytest.mark.parametrize(
    ("delivered_u", "words"), [(1.25, "1.25 U of it were delivered, says the history"), (None, "nobody knows")]
)
def test_a_bolus_in_flight_at_the_stop_is_a_delivery_and_a_finding(delivered_u: float | None, words: str) -> None:
    evidence = _interrupted(8 * HOUR, 1)
    by = "none" if delivered_u is None else "history"
    data = {"command": 7, "name": "bolus", "amount_u": 2.0, "delivered_u": delivered_u, "by": by, "why": ""}
    settled = Event(evidence.record.segments[1].events[0].at_ns, "delivery_settled", data)
    result = judge_evidence(_in_flight(evidence, settled))
    (told,) = [finding for finding in result.findings if finding.id == "delivery-in-flight"]
    assert words in told.text
    (bolus,) = [delivery for delivery in result.deliveries if delivery.kind == "bolus"]
    assert (bolus.set_u, bolus.reported_u, bolus.measured_u) == (2.0, delivered_u, None)
    assert _outcomes(result)["early"] == "PASS"


@pytest.mark.parametrize(
    ("delivered_u", "outcome"), [(0.0, Outcome.PASS), (None, Outcome.INVALID), (2.0, Outcome.INVALID)]
)
def test_a_check_over_a_bolus_of_unknown_outcome_is_never_judged(delivered_u: float | None, outcome: Outcome) -> None:
    """In one stretch: the command's answer was lost, and SET does not hold what may have come."""
    evidence = RunMaker(STEPS, (EARLY,)).make()
    at_ns = round((BLANK_S + 2 * HOUR) * NS)
    command = {"id": 7, "name": "bolus", "state": "intended", "delivers": True, "amount_u": 2.0, "step": 0, "index": 0}
    data = {"command": 7, "name": "bolus", "amount_u": 2.0, "delivered_u": delivered_u, "by": "history", "why": ""}
    extra = [Event(at_ns, "command", command), Event(at_ns + NS, "delivery_settled", data)]
    events = tuple(sorted((*evidence.record.events, *extra), key=lambda event: event.at_ns))
    result = judge_evidence(replace(evidence, record=replace(evidence.record, events=events)))
    assert result.checks[0].outcome is outcome


def test_one_simulated_segment_makes_the_whole_run_simulated() -> None:
    evidence = _interrupted(8 * HOUR, 1)
    first, second = evidence.record.segments
    for kinds, kind in ((("hardware", "hardware"), "hardware"), (("hardware", "simulated"), "simulated")):
        parts: list[Segment] = [
            replace(part, header={**part.header, "evidence": each})
            for part, each in zip((first, second), kinds, strict=True)
        ]
        assert judge_evidence(together(evidence, parts)).evidence == kind
