"""Whole doses in every average (design 4.10): the phase of the doses is no error, and nothing missing hides."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.judging.aligned import aligned_hours, best_error, schedule_at
from rig.judging.judge import judge_evidence
from rig.judging.view import lay_out
from rig.results import CheckResult, Outcome
from rig.scenario.model import BasalStep, Check
from tests.judging.pulsed import DOSE_U, PulsedMaker
from tests.judging.runs import RunMaker

HOUR = 3600.0
HALF_HOUR = Check("c", "c", "basal.overall_error", HOUR, 0.56 * HOUR, lower=-5, upper=5, source="pump.accuracy.basal")
SEGMENTS = Check("s", "s", "basal.segment_error", lower=-5, upper=5, source="pump.accuracy.basal")
SHARE = Check("h", "h", "basal.windows_1h_within_15", lower=85.0, source="L-B3")
ASKED = (2 * HOUR, 2.56 * HOUR)  # run time: an hour of blank, an hour of delivery
ONE_RATE = (BasalStep(1.0, 3 * HOUR),)


def _note(check: CheckResult) -> str:
    return next(each.text for each in check.findings if each.id == "note")


def _judged(maker: RunMaker) -> CheckResult:
    return judge_evidence(maker.make()).checks[0]


@settings(max_examples=10, deadline=None)
@given(st.floats(0.0, 0.999), st.integers(0, 10**6))
def test_a_perfect_pump_has_no_error_whatever_the_phase_of_its_doses(owed: float, seed: int) -> None:
    maker = PulsedMaker(ONE_RATE, (HALF_HOUR,), owed=owed, seed=seed)
    check = _judged(maker)
    assert check.value is not None
    assert check.expanded_uncertainty is not None
    if "dose edge to dose edge" in _note(check):
        assert abs(check.value) <= 1.5 * check.expanded_uncertainty < 1.5 * 4.0
        assert check.from_s is not None
        assert check.to_s is not None
        came, due = maker.delivered_u(check.from_s, check.to_s), (check.to_s - check.from_s) / HOUR
        assert came / due - 1.0 == pytest.approx(0.0, abs=0.004)  # an edge half an interval after a dose, to the phase
    else:  # a dose lay at an edge of the window asked for
        assert "one dose/sqrt(6) in the budget" in _note(check)


def test_the_value_of_the_window_as_asked_is_printed_beside_it() -> None:
    maker = PulsedMaker(ONE_RATE, (HALF_HOUR,), owed=0.9)
    check = _judged(maker)
    assert "the window as asked" in _note(check)
    assert not any(line.name == "dose edge" for line in check.budget)
    fixed_pct = 100.0 * (maker.delivered_u(*ASKED) / 0.56 - 1.0)
    printed = re.search(r"as asked.*: ([+-][\d.]+) %", _note(check))
    assert printed is not None
    assert float(printed[1]) == pytest.approx(fixed_pct, abs=1.0)


@pytest.mark.parametrize(("size", "error"), [(0.0, -1.0), (2.0, +1.0)])
def test_a_missing_or_double_dose_within_the_window_is_an_error_of_one_dose(size: float, error: float) -> None:
    maker = PulsedMaker(ONE_RATE, (HALF_HOUR,), sizes={50: size})
    check = _judged(maker)
    doses = (check.to_s or 0.0) / 90.0 - (check.from_s or 0.0) / 90.0
    assert check.value == pytest.approx(100.0 * error / doses, abs=1.0)
    assert check.outcome is Outcome.INCONCLUSIVE  # 4.8 % of the doses, against 5 %
    assert "dose edge to dose edge" in _note(check)


@pytest.mark.parametrize("size", [0.0, 2.0])
@pytest.mark.parametrize("edge", ["first", "last"])
def test_no_dose_that_is_cut_off_at_an_edge_can_hide(size: float, edge: str) -> None:
    plain = PulsedMaker(ONE_RATE, (HALF_HOUR,), owed=0.75)
    at = _judged(plain)
    low, high = at.from_s or 0.0, at.to_s or 0.0
    cut = [k + 1 for k, (when, _) in enumerate(plain.doses) if ASKED[0] < when < low or high < when < ASKED[1]]
    assert cut  # something is cut off
    number = cut[0] if edge == "first" else cut[-1]
    maker = PulsedMaker(ONE_RATE, (HALF_HOUR,), owed=0.75, sizes={number: size})
    check = _judged(maker)
    assert "one dose/sqrt(6) in the budget" in _note(check)
    assert "were due" in _note(check)
    assert (check.value or 0.0) * (size - 1.0) > 0.0
    assert (check.from_s, check.to_s) == ASKED


def test_a_pump_that_delivers_too_little_still_fails_and_its_gain_is_not_fitted_away() -> None:
    check = _judged(PulsedMaker(ONE_RATE, (HALF_HOUR,), gain=0.88))
    assert check.outcome is Outcome.FAIL
    assert check.value == pytest.approx(-12.0, abs=1.5)


def test_a_flow_without_doses_keeps_one_dose_over_root_six() -> None:
    check = _judged(RunMaker(ONE_RATE, (HALF_HOUR,)))
    assert "does not come in doses" in _note(check)
    assert any(line.name == "dose edge" for line in check.budget)


def test_segments_of_several_rates_have_their_edges_timed_to_doses() -> None:
    steps = (BasalStep(1.0, 1.5 * HOUR), BasalStep(0.5, 2 * HOUR), BasalStep(2.0, 0.8 * HOUR))
    maker = PulsedMaker(steps, (SEGMENTS,), owed=0.35)
    result = judge_evidence(maker.make())
    items = result.checks[0].items
    assert len(items) == 3
    for item in items:
        assert item["outcome"] == "PASS"
        assert abs(item["value"]) <= item["expanded_uncertainty"] < 2.5
        assert maker.delivered_u(item["from_s"], item["to_s"]) == pytest.approx(item["set_u"], abs=0.1 * DOSE_U)
    (table,) = [each for each in result.analysis["doses"] if each["rate_u_per_h"] == 0.5]
    assert (table["measured"], table["events"]["missed"]) == (table["scheduled"], 0)


def test_hours_of_whole_doses_do_not_blame_the_pump_for_where_an_hour_begins() -> None:
    steps = (BasalStep(0.1, 24 * HOUR),)  # four doses an hour, the first of each within half a minute of the full hour
    maker = PulsedMaker(steps, (SHARE,), owed=0.999, jitter_s=25.0, seed=3)
    result = judge_evidence(maker.make())
    table = result.analysis["basal"][0]
    assert table["windows_1h"]["within_15_pct"] < 85.0
    assert table["windows_1h_aligned"]["within_15_pct"] == 100.0
    assert table["windows_1h_aligned"]["sd_pct"] < 2.0 < table["windows_1h"]["sd_pct"]
    (check,) = result.checks
    assert (table["windows_1h_aligned"]["count"], table["windows_1h_aligned"]["on_the_clock"]) == (22, 2)
    assert check.value is not None
    assert check.value >= 100.0 * 22 / 24
    notes = " ".join(each.text for each in check.findings)
    assert "22 hours of whole doses; as on the clock," in notes
    assert "2 of 24 hours stay as on the clock, with one dose/sqrt(6) in the budget of each: a dose was due at" in notes
    assert "a dose was due at" in table["aligned_why_not"]  # just where delivery began


LATE = (BasalStep(0.1, 6 * HOUR),)


@pytest.mark.parametrize(
    ("owed", "missing"),
    [(0.5, {1: 0.0, 2: 0.0}), (0.9, {1: 0.0, 2: 0.0}), (0.2, {23: 0.0, 24: 0.0}), (0.5, {14: 0.0, 15: 0.0})],
    ids=["first hour", "first hour, another phase", "last hour", "in the middle"],
)
def test_an_hour_that_lost_half_its_doses_is_never_left_out(owed: float, missing: dict[int, float]) -> None:
    check = _judged(PulsedMaker(LATE, (SHARE,), owed=owed, sizes=missing))
    assert "of 6 hours" in str([check.interval_basis, *(each.text for each in check.findings)])
    assert check.value is not None
    assert check.value <= 100.0 * 5 / 6
    assert check.interval is not None
    assert check.interval[0] < 60.0
    assert check.interval[1] < 100.0  # an hour that lies surely outside
    assert check.outcome is not Outcome.PASS


def test_nothing_at_all_in_the_first_twenty_minutes_is_seen_in_the_hours() -> None:
    maker = PulsedMaker((BasalStep(0.0, 1200.0), BasalStep(0.1, 6 * HOUR - 1200.0)), (SHARE,), owed=0.3)
    evidence = maker.make()
    plain = PulsedMaker(LATE, (SHARE,), owed=0.3).make()  # what was programmed; the other's readings
    record = replace(plain.record, weighings=evidence.record.weighings)
    check = judge_evidence(replace(plain, record=record)).checks[0]
    assert check.value == pytest.approx(100.0 * 5 / 6)
    assert "stay as on the clock" in " ".join(each.text for each in check.findings)


def _naive_hours(
    first: Fraction, interval: Fraction, low: Fraction, high: Fraction
) -> list[tuple[Fraction, Fraction] | None]:
    """Move each full hour to the nearest instant between two doses, by trying them all; None: not an hour then."""
    edges, k = [], -1000
    while first + (k + Fraction(1, 2)) * interval <= high:
        edge = first + (k + Fraction(1, 2)) * interval
        edges += [edge] if edge >= low else []
        k += 1
    marks, hour = [], low
    while hour <= high:
        marks.append(min(edges, key=lambda edge: (abs(edge - hour), edge)))
        hour += 3600
    return [(a, b) if abs(b - a - 3600) <= 360 else None for a, b in pairwise(marks)]


@pytest.mark.parametrize(("rate", "hours"), [(1.0, 3.0), (0.35, 6.0), (0.1, 8.0)])
def test_hours_between_doses_agree_with_trying_every_edge(rate: float, hours: float) -> None:
    view = lay_out(PulsedMaker((BasalStep(rate, hours * HOUR),), (), owed=0.2).make())
    span = view.spans[0]
    schedule = schedule_at(view, span.start_s)
    aligned = aligned_hours(view, span.start_s, span.end_s)
    exact = [Fraction(each) for each in (schedule.first_s, schedule.interval_s, span.start_s, span.end_s)]
    naive = _naive_hours(*exact)
    assert len(aligned.hours) == len(naive) == int(hours)  # none is left out: the others stay as on the clock
    assert len(aligned.whole) >= int(hours) - 1
    for found, expected in zip(aligned.hours, naive, strict=True):
        if found is None:
            assert expected is None or "a dose was due" in aligned.note
        else:
            assert expected is not None
            assert found == pytest.approx([float(each) for each in expected], rel=1e-9)


def test_whole_windows_add_up_to_the_whole() -> None:
    maker = PulsedMaker((BasalStep(1.0, 2.4 * HOUR),), (), owed=0.5)
    view = lay_out(maker.make())
    edges = schedule_at(view, HOUR).edges(1.1 * HOUR, 3.3 * HOUR)
    low, middle, high = (float(edges[k]) for k in (0, edges.size // 2, -1))
    parts = [best_error(view, a, b).error for a, b in ((low, middle), (middle, high), (low, high))]
    assert parts[0].delivered_u + parts[1].delivered_u == pytest.approx(parts[2].delivered_u, abs=1e-9)
    assert parts[0].expected_u + parts[1].expected_u == pytest.approx(parts[2].expected_u, abs=1e-12)


def test_missed_doses_of_a_run_are_found_by_name_with_their_limit() -> None:
    maker = PulsedMaker(ONE_RATE, (HALF_HOUR,), sizes={30: 0.0, 77: 0.0})
    result = judge_evidence(maker.make())
    (finding,) = [each for each in result.findings if each.id.startswith("dose-")]
    assert finding.id == "dose-missed"
    assert "2 of 120 doses did not come" in finding.text or "2 of 121 doses did not come" in finding.text
    assert "at most 1 false alarm in 1,000 runs" in finding.text
    assert finding.from_s == pytest.approx(maker.doses[29][0], abs=15.0)
    assert finding.to_s == pytest.approx(maker.doses[76][0], abs=15.0)
    (table,) = result.analysis["doses"]
    assert table["events"]["missed"] == 2
    assert table["sizes"]["within_5_pct"] < 100.0
    assert 0.0 < table["detection_limit_u"] < DOSE_U / 4
    averages = {(row["minutes"], row["doses"]): row for row in table["averages"]}
    assert list(averages) == [(None, 10), (None, 20), (None, 40), (30.0, 20), (60.0, 40), (120.0, 80)]
    assert averages[None, 10]["min_pct"] == pytest.approx(-10.0, abs=2.0)  # one of ten missing
    assert averages[120.0, 80]["min_pct"] == pytest.approx(-2.5, abs=1.0)  # two of eighty


def test_doses_faster_than_the_readings_are_not_resolved_and_it_says_so() -> None:
    result = judge_evidence(PulsedMaker((BasalStep(10.0, HOUR),), ()).make())
    (table,) = result.analysis["doses"]
    assert "a dose each 9 s against a reading each 10 s" in table["why_not"]
    assert not any(each.id.startswith("dose-") for each in result.findings)
