"""A blank against the former blanks of its bench, and what shows that a display follows a slow change."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rig.judging.bench_history import LEAST, Former, noise_limit_mg, reach, slope_limits_mg_per_h
from rig.judging.judge import judge_evidence
from rig.record.reader import Event
from rig.results import Outcome, Result
from rig.scenario.model import BasalStep, Check
from tests.judging.runs import RunMaker

HOUR = 3600.0
MEAN = Check("mean", "m", "basal.overall_error", 0.0, 2 * HOUR, lower=-5, upper=5, source="pump.accuracy.basal")
TRACKING = "display follows a slow change"


def _entry(noise_mg: float, **other: Any) -> dict[str, Any]:
    blank = {"noise_mg": noise_mg, "slope_mg_per_h": 0.0, "u_slope_mg_per_h": 0.02, "duration_s": 3600.0}
    held = {"utc": "2026-03-01T08:00:00+00:00", "balance": "", "interval_s": 10.0, "outcome": "PASS"}
    return {**held, "qualification": False, "refused": False, "blanks": {"before": blank}, "creep": None, **other}


def _judged(entries: list[dict[str, Any]] | None, noise_mg: float = 0.01, evaporation: float = 0.0) -> Result:
    maker = RunMaker((BasalStep(1.0, 2 * HOUR),), (MEAN,), noise_mg=noise_mg, evaporation_mg_per_h=evaporation)
    evidence = maker.make()
    if entries is None:
        return judge_evidence(evidence)
    told = Event(0, "bench_history", {"entries": entries})
    return judge_evidence(replace(evidence, record=replace(evidence.record, events=(told, *evidence.record.events))))


def _gates(result: Result) -> dict[str, dict[str, Any]]:
    return {row["gate"]: row for row in result.fitness["gates"]}


def _ids(result: Result) -> set[str]:
    return {finding.id for finding in result.findings}


USUAL = [_entry(0.01 * (1.0 + 0.02 * (number % 5))) for number in range(20)]


def test_noise_as_it_has_always_been_is_fit_and_says_nothing() -> None:
    result = _judged(USUAL)
    assert result.outcome is Outcome.PASS
    assert _gates(result)["noise against the bench's history, blank before"]["fit"] is True
    assert not {"noise-beyond-history", "slope-beyond-history"} & _ids(result)


def test_noise_far_beyond_the_history_leaves_nothing_to_judge() -> None:
    result = _judged(USUAL, noise_mg=0.03)
    assert result.outcome is Outcome.INVALID
    assert "more than this bench has ever had" in result.checks[0].why
    assert "noise-beyond-history" in _ids(result)


def test_one_bad_day_in_the_past_hides_nothing() -> None:
    assert _judged([*USUAL, _entry(3.0), _entry(3.0)], noise_mg=0.03).outcome is Outcome.INVALID


def test_a_noise_with_which_the_bench_was_qualified_is_never_too_much_for_it() -> None:
    qualified = _entry(0.03, qualification=True)
    assert _judged([*USUAL, qualified], noise_mg=0.03).outcome is Outcome.PASS
    assert _judged([*USUAL, _entry(0.03, qualification=True, outcome="FAIL")], noise_mg=0.03).outcome is Outcome.INVALID


@pytest.mark.parametrize(
    "entries",
    [
        [],
        USUAL[: LEAST - 1],
        [_entry(0.01, balance="another") for _ in range(20)],
        [_entry(0.01, interval_s=1.0) for _ in range(20)],
        [_entry(0.01, refused=True) for _ in range(20)],
    ],
)
def test_a_cold_start_compares_nothing_and_says_so(entries: list[dict[str, Any]]) -> None:
    result = _judged(entries, noise_mg=0.03)
    assert result.outcome is Outcome.PASS
    row = _gates(result)["noise against the bench's history, blank after"]
    assert row["fit"] is None
    assert "cold start" in row["found"]


def test_a_prediction_bound_is_that_of_student_with_what_a_mad_is_worth() -> None:
    # t(0.999; 7.03) = 4.77, times sqrt(1 + pi/2/20) = 1.0386
    assert reach(20, 1e-3) == pytest.approx(4.95, abs=0.02)
    former = Former(tuple(0.01 for _ in range(20)), tuple(0.0 for _ in range(20)), told=True)
    assert noise_limit_mg(former, 1e-3) == pytest.approx(0.01 * math.exp(0.05 * reach(20, 1e-3)))
    bounds = slope_limits_mg_per_h(former, 0.02, 1e-3)
    assert bounds == pytest.approx((-0.02 * reach(20, 5e-4), 0.02 * reach(20, 5e-4)))


def test_former_blanks_of_one_bench_predict_the_next_as_often_as_they_say() -> None:
    random = np.random.default_rng(7)
    for count in (10, 50):
        beyond = 0
        for _ in range(400):
            logs = random.normal(0.0, 0.2, count + 1)
            limit = noise_limit_mg(Former(tuple(0.01 * np.exp(logs[:-1])), (), told=True), 1e-2)
            assert limit is not None
            beyond += 0.01 * math.exp(logs[-1]) > limit
        assert beyond <= 11  # 4 of 400 are due; 12 or more come in 1 of 1,000


def test_the_open_vessel_s_own_evaporation_shows_that_the_display_follows() -> None:
    result = _judged([], evaporation=0.4)
    assert _gates(result)[TRACKING]["fit"] is True
    assert "the vessel's own evaporation of" in _gates(result)[TRACKING]["found"]
    assert "creep-not-shown" not in _ids(result)


def test_a_creep_test_that_the_bench_passed_shows_it_too() -> None:
    creep = {"rate_ul_per_h": 10.0}
    result = _judged([_entry(0.01, qualification=True, creep=creep)])
    assert "known flow of 9.98 mg/h in the qualification of 2026-03-01" in _gates(result)[TRACKING]["found"]
    assert "creep-not-shown" not in _ids(result)
    failed = _judged([_entry(0.01, qualification=True, creep=creep, outcome="FAIL")])
    assert _gates(failed)[TRACKING]["fit"] is None


def test_where_nothing_has_shown_it_a_finding_names_what_would_have() -> None:
    (finding,) = [each for each in _judged([]).findings if each.id == "creep-not-shown"]
    assert "evaporation would have been from" in finding.text
    assert "mg/h on" in finding.text
    assert _gates(_judged(None))[TRACKING]["fit"] is None
    assert "creep-not-shown" not in _ids(_judged(None))  # the twin's benches have no history: the table says it


def _told(event: dict[str, Any] | None) -> Result:
    evidence = RunMaker((BasalStep(1.0, HOUR),), ()).make()
    events = evidence.record.events if event is None else (Event(0, "checklist", event), *evidence.record.events)
    return judge_evidence(replace(evidence, record=replace(evidence.record, events=events)))


def test_nobody_vouches_is_a_finding_and_an_old_record_without_a_checklist_is_none() -> None:
    nobody = _told({"by": "nobody", "name": "", "on": "", "answers": []})
    assert "nobody-vouches" in _ids(nobody)
    assert _gates(nobody)["checklist"]["fit"] is None
    assert "nobody-vouches" not in _ids(_told(None))
    assert "checklist" not in _gates(_told(None))


def test_bubbles_that_somebody_saw_are_told() -> None:
    seen = {"key": "bubbles", "question": "Are bubbles seen?", "answer": "yes", "doubtful": True}
    result = _told({"by": "operator", "name": "A. Tester", "on": "", "answers": [seen]})
    (finding,) = [each for each in result.findings if each.id == "checklist"]
    assert finding.text == "Are bubbles seen? yes (A. Tester)"
