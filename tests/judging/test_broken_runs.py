"""Runs that broke: what still holds, what becomes INVALID, and what is said of it."""

import gzip
from dataclasses import replace
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rig.config import load_bench
from rig.judging.evidence import Evidence
from rig.judging.findings import lasting_damage
from rig.judging.judge import judge_evidence
from rig.judging.junit import junit_xml
from rig.judging.store import write_judgement
from rig.record.reader import Event, split_members
from rig.results import Outcome, Result
from rig.scenario.model import BasalStep, BolusStep, Check
from tests.judging.runs import RunMaker

HOUR = 3600.0
CLAIM = "pump.accuracy.basal"
EARLY = Check("early", "e", "basal.overall_error", 0.0, 5 * HOUR, lower=-5, upper=5, source=CLAIM)
LATE = Check("late", "l", "basal.overall_error", 2 * HOUR, 8 * HOUR, lower=-5, upper=5, source=CLAIM)
WHOLE = Check("whole", "w", "basal.overall_error", lower=-5, upper=5, source=CLAIM)


def _cut_off(evidence: Evidence, damage: tuple[str, ...] = ()) -> Evidence:
    """The same run, killed: no closing line."""
    return replace(evidence, record=replace(evidence.record, ended=False, end={}, damage=damage, segments=()))


def _outcomes(result: Result) -> dict[str, Outcome]:
    return {check.id: check.outcome for check in result.checks}


def _damage(data: bytes) -> tuple[str, ...]:
    """What the reader itself says of such a file."""
    found: list[str] = []
    list(split_members(data, "record-001.log.gz", found))
    return tuple(found)


TORN = _damage(gzip.compress(b"whole", mtime=0) + gzip.compress(b"torn" * 99, mtime=0)[:-9])
FLIPPED = _damage(
    gzip.compress(b"one", mtime=0) + b"\x1f\x8b\x08" + bytes(20) + gzip.compress(b"three", mtime=0),
)


def test_a_torn_tail_leaves_standing_what_was_weighed_before_it() -> None:
    maker = RunMaker((BasalStep(1.0, 6 * HOUR),), (EARLY, LATE), gain=0.9)
    result = judge_evidence(_cut_off(maker.make(end="bench_fault"), TORN))
    assert _outcomes(result) == {"early": Outcome.FAIL, "late": Outcome.INVALID}
    assert result.outcome is Outcome.FAIL
    assert {"record-damage", "interrupted"} <= {finding.id for finding in result.findings}


def test_a_run_that_was_cut_off_is_never_better_than_invalid() -> None:
    maker = RunMaker((BasalStep(1.0, 6 * HOUR),), (EARLY,))
    result = judge_evidence(_cut_off(maker.make(end="bench_fault"), TORN))
    assert _outcomes(result) == {"early": Outcome.PASS}
    assert result.outcome is Outcome.INVALID
    assert result.end_reason == "interrupted"


def test_damage_within_a_record_forbids_judging_however_the_run_ended() -> None:
    maker = RunMaker((BasalStep(1.0, 6 * HOUR),), (EARLY,), gain=0.9)
    evidence = maker.make()
    assert TORN
    assert FLIPPED
    assert lasting_damage(replace(evidence.record, damage=TORN)) == TORN  # torn, and yet it has a closing line
    for damage in (FLIPPED, (*FLIPPED, *TORN)):
        assert _outcomes(judge_evidence(_cut_off(evidence, damage))) == {"early": Outcome.INVALID}


def test_an_aborted_run_keeps_a_valid_fail_and_is_else_invalid() -> None:
    for gain, outcome in ((1.0, Outcome.INVALID), (0.9, Outcome.FAIL)):
        maker = RunMaker((BasalStep(1.0, 6 * HOUR),), (EARLY,), gain=gain)
        assert judge_evidence(maker.make(end="aborted")).outcome is outcome


def test_a_check_over_the_whole_run_is_invalid_when_a_step_was_never_begun() -> None:
    maker = RunMaker((BasalStep(1.0, 6 * HOUR), BasalStep(2.0, HOUR)), (WHOLE, EARLY))
    maker.steps_run = 1
    assert _outcomes(judge_evidence(maker.make(end="bench_fault"))) == {"whole": Outcome.INVALID, "early": Outcome.PASS}


def test_boluses_that_were_never_started_make_their_check_invalid_unless_one_failed() -> None:
    check = Check("each", "each", "bolus.each_error", source="pump.accuracy.bolus")
    for gain, outcome in ((1.0, Outcome.INVALID), (0.9, Outcome.FAIL)):
        maker = RunMaker((BolusStep(5.0, 2), BolusStep(5.0, 2)), (check,), gain=gain)
        maker.steps_run = 1
        result = judge_evidence(maker.make(end="bench_fault"))
        assert result.checks[0].outcome is outcome
        assert "2 of 4 boluses of 5 U were not started" in str(result.checks[0].items[-1]["why"])


def test_without_a_closing_blank_the_last_reading_ends_the_interval() -> None:
    maker = RunMaker((BasalStep(10.0, 2 * HOUR + 7.0),), (WHOLE,), interval_s=10.0)
    result = judge_evidence(maker.make(after=False))
    check = result.checks[0]
    assert check.outcome is Outcome.PASS
    assert check.to_s == pytest.approx(3600.0 + 2 * HOUR)  # the step ended 7 s after it
    assert check.value == pytest.approx(0.0, abs=0.3)
    assert result.analysis["basal"][0]["measured_u"] == pytest.approx(20.0, rel=0.003)


def test_a_certificate_that_expired_while_a_cut_off_run_lasted_is_noticed() -> None:
    maker = RunMaker((BasalStep(1.0, 20 * HOUR),), (EARLY,))
    evidence = _cut_off(maker.make(end="bench_fault"))  # from 07:00 to past midnight
    for due, outcome in ((date(2026, 3, 2), Outcome.INVALID), (date(2026, 3, 3), Outcome.PASS)):
        bench = load_bench("simulated")
        balance = replace(bench.balance, calibration=replace(bench.balance.calibration, due=due))
        tube = evidence.bench.tube
        judged = judge_evidence(replace(evidence, bench=replace(bench, balance=balance, tube=tube)))
        assert judged.checks[0].outcome is outcome


def test_a_record_without_any_date_is_not_judged() -> None:
    evidence = _cut_off(RunMaker((BasalStep(1.0, 6 * HOUR),), (EARLY,)).make())
    evidence.record.header.pop("started_utc")
    check = judge_evidence(evidence).checks[0]
    assert check.outcome is Outcome.INVALID
    assert "no date" in check.why


def test_a_profile_of_several_rates_without_the_pumps_clock_is_invalid_and_not_a_crash() -> None:
    evidence = RunMaker((BasalStep(1.0, 6 * HOUR),), (EARLY,)).make()
    entries = {"entries": [[0, 1.0], [20, 2.0]]}
    events = [
        replace(event, data=entries if event.name == "profile_written" else {})
        if event.name in ("profile_written", "armed")
        else event
        for event in evidence.record.events
    ]
    result = judge_evidence(replace(evidence, record=replace(evidence.record, events=tuple(events), segments=())))
    assert result.checks[0].outcome is Outcome.INVALID
    assert "clock" in result.checks[0].why


def test_a_gap_names_its_cause_from_the_record() -> None:
    maker = RunMaker((BasalStep(1.0, 6 * HOUR),), (EARLY,))
    maker.drop.append((2 * HOUR, 2 * HOUR + 300.0))
    evidence = maker.make()
    failed = Event(round((2 * HOUR + 60.0) * 1e9), "reading_failed", {"error": "balance: overload"})
    silent = judge_evidence(evidence)
    told = judge_evidence(
        replace(evidence, record=replace(evidence.record, events=(*evidence.record.events, failed), segments=()))
    )
    assert [gap.cause for gap in silent.gaps] == ["no reading was taken"]
    assert [gap.cause for gap in told.gaps] == ["balance: overload"]


def test_a_balance_that_falls_silent_leaves_a_gap_to_the_end_of_the_run() -> None:
    maker = RunMaker((BasalStep(1.0, 6 * HOUR),), (EARLY,))
    maker.drop.append((4 * HOUR, 9 * HOUR))
    evidence = maker.make(end="bench_fault")
    (gap,) = judge_evidence(evidence).gaps
    assert (gap.start_s, gap.end_s) == pytest.approx((4 * HOUR, 7 * HOUR), abs=10.0)


def test_junit_shows_a_run_that_broke_off_and_a_safe_state_that_nobody_confirmed(tmp_path: Path) -> None:
    maker = RunMaker((BasalStep(1.0, 6 * HOUR),), (EARLY,))
    evidence = maker.make(end="bench_fault")
    evidence.record.end["safe"] = {"wanted": "pump suspended", "confirmed": False, "by": "no answer"}
    root = ElementTree.fromstring(junit_xml(judge_evidence(evidence)))
    run = next(case for case in root.iter("testcase") if case.get("name") == "run")
    error = run.find("error")
    assert error is not None
    assert "bench_fault" in str(error.get("message"))
    assert "not confirmed: no answer" in str(error.get("message"))
    assert (root.get("tests"), root.get("errors")) == ("2", "1")
    assert write_judgement(tmp_path, judge_evidence(evidence)).name == "001"
