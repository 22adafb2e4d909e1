"""Readings that were taken back, and failures of the balance behind which its level may have moved."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rig.judging.doubted import CAUSES, HARMLESS, WITHDRAWN, answering_u_s, cause_of
from rig.judging.evidence import Evidence
from rig.judging.judge import judge_evidence
from rig.record.reader import Event, WeighingColumns
from rig.results import CheckResult, Outcome
from rig.scenario.model import BasalStep, Check
from tests.judging.runs import BLANK_S, NS, RunMaker

HOUR = 3600.0
HELD_S = (BLANK_S + HOUR, BLANK_S + HOUR + 40.0)  # where nothing good was read
CHECK = Check("all", "all", "basal.overall_error", 0.0, 2 * HOUR, None, None, -5, 5, "%", "pump.accuracy.basal")


def made(*events: Event, shift_mg: float = 0.0, spoilt_mg: float | None = None) -> Evidence:
    """A run of two hours at 2 U/h; ``spoilt_mg``: what the held readings show too much, else they are missing."""
    whole = RunMaker((BasalStep(2.0, 2 * HOUR),), (CHECK,), interval_s=10.0).make()
    old, new = whole.record.weighings["balance"], WeighingColumns()
    for at, answered_ns in enumerate(old.answered_ns):
        at_s = answered_ns / NS
        held = HELD_S[0] < at_s <= HELD_S[1]
        if held and spoilt_mg is None:
            continue
        new.asked_ns.append(old.asked_ns[at])
        new.answered_ns.append(answered_ns)
        new.mass_mg.append(old.mass_mg[at] + (spoilt_mg or 0.0) * held + shift_mg * (at_s > HELD_S[1]))
        new.resolution_mg.append(old.resolution_mg[at])
        new.stable.append(old.stable[at])
    merged = tuple(sorted((*whole.record.events, *events), key=lambda event: event.at_ns))
    return replace(whole, record=replace(whole.record, weighings={"balance": new}, events=merged))


def resumed(*why: str) -> Event:
    at_ns = round((HELD_S[1] + 1.0) * NS)
    return Event(at_ns, "readings_resumed", {"asked_ns": at_ns, "failed": 4, "why": list(why)})


def withdrawn() -> Event:
    from_ns, to_ns = (round(each * NS) for each in HELD_S)
    return Event(to_ns + 1, "readings_withdrawn", {"from_ns": from_ns, "to_ns": to_ns, "why": "a line too many"})


def only(evidence: Evidence) -> CheckResult:
    (check,) = judge_evidence(evidence).checks
    return check


def test_what_was_taken_back_is_no_reading_and_leaves_a_marked_gap() -> None:
    clean = only(made())
    result = judge_evidence(made(withdrawn(), spoilt_mg=-3.0))
    (check,) = result.checks
    assert check.outcome is Outcome.PASS
    assert check.value == pytest.approx(clean.value, abs=1e-9)
    assert [gap.cause for gap in result.gaps] == [WITHDRAWN]
    assert any(line.name.startswith("reading gap") for line in check.budget)
    assert not any(finding.id.startswith("Q-") for finding in result.findings)


@pytest.mark.parametrize("why", ["busy", "restarted", "silent"])
def test_a_level_that_moved_while_the_balance_did_not_weigh_is_in_the_uncertainty_and_told(why: str) -> None:
    result = judge_evidence(made(resumed("damaged", why), shift_mg=-1.5))
    (check,) = result.checks
    assert check.outcome is not Outcome.PASS
    assert [gap.cause for gap in result.gaps] == [CAUSES[why]]
    assert any(finding.id == "shift-in-gap" for finding in result.findings)


def test_each_condition_that_may_move_the_level_has_its_cause_and_damaged_lines_have_none() -> None:
    told = {why: cause_of(resumed("damaged", why)) for why in (*CAUSES, *HARMLESS, "syntax", "logical")}
    assert {why for why, cause in told.items() if cause is None} == HARMLESS
    assert all(cause[0] == CAUSES[why] for why, cause in told.items() if cause is not None and why in CAUSES)


def test_damaged_lines_say_nothing_of_the_level_and_cost_nothing() -> None:
    check = only(made(resumed(*sorted(HARMLESS))))
    assert not any(line.name.startswith("reading gap") for line in check.budget)


def test_slow_answers_widen_every_time_stamp_and_prompt_ones_do_not() -> None:
    evidence = made()
    assert answering_u_s(evidence.record) == 0.0
    columns = evidence.record.weighings["balance"]
    columns.asked_ns[5] = columns.answered_ns[5] - NS
    assert answering_u_s(evidence.record) == pytest.approx(0.288675, abs=1e-6)
    columns.asked_ns[5] = columns.answered_ns[5] - 10 * NS
    assert any(line.name.startswith("time stamps") for line in only(evidence).budget)
    taken_back = Event(0, "readings_withdrawn", {"from_ns": columns.answered_ns[5], "to_ns": columns.answered_ns[5]})
    assert answering_u_s(replace(evidence.record, events=(*evidence.record.events, taken_back))) == 0.0


def test_a_failure_for_which_no_reason_was_written_may_have_moved_the_level() -> None:
    told = cause_of(resumed())
    assert told is not None
    assert told[0] == "the balance gave no reading: nobody said why"
    assert only(made(resumed(), shift_mg=-1.5)).outcome is not Outcome.PASS
