"""Measures and findings on runs with known answers."""

from dataclasses import replace

import pytest

from rig.config import load_bench
from rig.judging.evidence import Evidence
from rig.judging.judge import judge_evidence
from rig.profiles.pump import load_profile
from rig.results import CheckResult, Outcome, Result
from rig.scenario.measures import MEASURES
from rig.scenario.model import BasalStep, BolusStep, Check
from tests.judging.runs import NS, RunMaker

HOUR = 3600.0
SHARE = Check("share", "s", "basal.windows_1h_within_15", lower=85.0, source="L-B3")
EACH = Check("each", "e", "bolus.each_error", source="pump.accuracy.bolus")


def _only(evidence: Evidence) -> CheckResult:
    return judge_evidence(evidence).checks[0]


def _findings(result: Result) -> set[str]:
    return {finding.id for finding in result.findings}


def test_a_share_of_hours_is_decided_by_its_clopper_pearson_interval() -> None:
    check = _only(RunMaker((BasalStep(1.0, 25 * HOUR),), (SHARE,)).make())
    assert check.outcome is Outcome.PASS
    assert check.value == 100.0
    assert check.interval == pytest.approx((86.281, 100.0), abs=1e-3)  # 25 of 25
    assert check.lower_limit == 85.0


@pytest.mark.parametrize("gain", [1.0, 0.97, 1.03])
def test_hours_that_the_balance_cannot_place_never_fail_a_conforming_pump(gain: float) -> None:
    maker = RunMaker((BasalStep(0.05, 25 * HOUR),), (SHARE,), gain=gain, noise_mg=0.05)
    check = _only(maker.make())
    assert check.value is not None
    assert check.value < 85.0  # noise alone throws hours out of 15 %
    assert check.outcome is Outcome.INCONCLUSIVE
    assert any("cannot place them" in finding.text for finding in check.findings)


def test_a_pump_far_off_in_every_hour_fails_the_share() -> None:
    check = _only(RunMaker((BasalStep(1.0, 25 * HOUR),), (SHARE,), gain=0.75).make())
    assert (check.outcome, check.value) == (Outcome.FAIL, 0.0)


@pytest.mark.parametrize(
    ("stretch", "outcome"), [(1.0, Outcome.PASS), (1.3, Outcome.FAIL), (0.7, Outcome.FAIL), (1.1, Outcome.INCONCLUSIVE)]
)
def test_the_duration_of_a_bolus_is_judged_with_its_uncertainty(stretch: float, outcome: Outcome) -> None:
    duration = Check("duration", "d", "bolus.duration", source="L-D6")
    check = _only(RunMaker((BolusStep(10.0, 2),), (duration,), bolus_time=stretch).make())
    assert check.outcome is outcome
    assert check.value == pytest.approx(100.0 * (stretch - 1.0), abs=0.5)
    assert check.expanded_uncertainty is not None
    assert 0.0 < check.expanded_uncertainty < 5.0


def test_a_rate_that_changes_between_two_readings_enters_the_budget() -> None:
    second = Check("second", "s", "basal.overall_error", step=1, lower=-5, upper=5, source="pump.accuracy.basal")
    steps = (BasalStep(1.0, 2 * HOUR), BasalStep(9.0, 2 * HOUR))
    whole = _only(RunMaker(steps, (second,)).make())
    holed = RunMaker(steps, (second,))
    holed.drop.append((3600.0 + 2 * HOUR - 25.0, 3600.0 + 2 * HOUR + 25.0))  # tolerated: 60 s
    check = _only(holed.make())
    name = "rate change between readings at an edge"
    assert name not in {line.name for line in whole.budget}
    (line,) = [line for line in check.budget if line.name == name]
    # 8 U/h too little for 30 s before the edge and too much after it: 8 x 30 / 2 / 3600 U of 18 U, rectangular
    assert line.contribution == pytest.approx(100.0 * (8 * 30 / 2 / 3600) / 18 / 3**0.5, rel=1e-6)
    assert check.value is not None
    assert check.expanded_uncertainty is not None
    assert abs(check.value) <= check.expanded_uncertainty
    assert whole.expanded_uncertainty is not None
    assert check.expanded_uncertainty > whole.expanded_uncertainty


def test_a_bench_whose_own_u_is_more_than_half_the_limit_never_passes_and_says_so() -> None:
    narrow = Check("narrow", "n", "basal.delivered", 0.0, HOUR, lower=0.95, upper=1.05, unit="U", source="a document")
    check = _only(RunMaker((BasalStep(1.0, HOUR),), (narrow,), noise_mg=0.2).make())
    assert check.outcome is Outcome.INVALID
    assert "bench-not-fit" in {finding.id for finding in check.findings}


def test_a_fit_bench_passes_absolute_limits_far_from_zero() -> None:
    wide = Check("wide", "w", "basal.delivered", 0.0, 9 * HOUR, lower=8.5, upper=9.5, unit="U", source="a document")
    assert _only(RunMaker((BasalStep(1.0, 9 * HOUR),), (wide,)).make()).outcome is Outcome.PASS


def test_an_unconfirmed_claim_reports_and_decides_nothing() -> None:
    evidence = RunMaker((BolusStep(5.0, 2),), (EACH,), gain=0.8).make()
    result = judge_evidence(replace(evidence, profile=load_profile("mmt-723")))
    assert result.checks[0].outcome is Outcome.REPORT_ONLY
    assert result.checks[0].value == pytest.approx(-20.0, abs=0.5)


def test_a_limit_that_its_source_overrules_is_said() -> None:
    check = Check("c", "c", "basal.overall_error", lower=-2, upper=2, source="pump.accuracy.basal")
    judged = _only(RunMaker((BasalStep(1.0, 5 * HOUR),), (check,)).make())
    assert judged.upper_limit == 5.0
    assert any(f.id == "limit-not-used" and "-2 % to 2 %" in f.text for f in judged.findings)


def test_a_bolus_that_never_came_fails_and_is_found_by_name() -> None:
    maker = RunMaker((BolusStep(5.0, 3),), (EACH,))
    maker.missed = {1}
    result = judge_evidence(maker.make())
    assert [item["outcome"] for item in result.checks[0].items] == ["PASS", "FAIL", "PASS"]
    (finding,) = [each for each in result.findings if each.id == "bolus-missed"]
    assert result.deliveries[1].start_s == finding.from_s


def test_a_log_entry_of_an_earlier_bolus_is_not_taken_for_this_one() -> None:
    maker = RunMaker((BolusStep(5.0, 3),), (EACH,))
    maker.stale = {1}
    result = judge_evidence(maker.make())
    assert [delivery.reported_u for delivery in result.deliveries] == [5.0, None, 5.0]
    assert "bolus-not-reported" in _findings(result)


def test_a_clean_run_has_no_findings() -> None:
    maker = RunMaker((BasalStep(1.0, 10 * HOUR), BolusStep(1.0, 3)), (EACH,), evaporation_mg_per_h=0.05)
    assert _findings(judge_evidence(maker.make())) == set()


def test_noise_far_beyond_what_the_certificate_states_is_found() -> None:
    maker = RunMaker((BasalStep(1.0, 2 * HOUR),), (EACH,), noise_mg=0.2)
    assert "noise" in _findings(judge_evidence(maker.make()))


def test_blanks_that_disagree_by_more_than_their_noise_are_found() -> None:
    evidence = RunMaker((BasalStep(1.0, 5 * HOUR),), (EACH,)).make()
    columns = evidence.record.weighings["balance"]
    start = evidence.record.events[-2].at_ns  # the closing blank
    for index, at_ns in enumerate(columns.asked_ns):
        columns.mass_mg[index] -= 0.5 * max(0, at_ns - start) / 3.6e12
    assert evidence.record.events[-2].data == {"which": "after"}
    assert "blank-drift" in _findings(judge_evidence(evidence))


def test_the_bench_file_states_the_repeatability_that_noise_is_compared_with() -> None:
    assert load_bench("simulated").balance.uncertainty.repeatability_mg == 0.02


def test_every_measure_of_the_table_is_known_to_the_judge() -> None:
    steps = (BasalStep(1.0, 2 * HOUR), BolusStep(1.0, 2))
    checks = tuple(Check(name, name, name, unit=measure.unit) for name, measure in MEASURES.items())
    for check in judge_evidence(RunMaker(steps, checks).make()).checks:
        assert check.unit == MEASURES[check.measure].unit
        assert check.outcome in (Outcome.REPORT_ONLY, Outcome.INVALID)


def _overall(evidence: Evidence) -> CheckResult:
    return judge_evidence(evidence).checks[0]


def test_the_lag_of_the_display_counts_where_a_step_begins_from_rest_and_not_within_steady_flow() -> None:
    name = "lag of the display behind the load"
    whole = Check("whole", "w", "basal.overall_error", lower=-5, upper=5, source="pump.accuracy.basal")
    inner = replace(whole, from_s=HOUR, for_s=HOUR)
    from_rest, within = (_overall(RunMaker((BasalStep(30.0, 3 * HOUR),), (check,)).make()) for check in (whole, inner))
    (line,) = [line for line in from_rest.budget if line.name == name]
    # 30 U/h for up to 2 s are 1/60 U of 90 U, rectangular
    assert line.contribution == pytest.approx(100.0 / 60.0 / 90.0 / 3**0.5, rel=1e-6)
    assert name not in {line.name for line in within.budget}


def test_a_step_that_begins_from_rest_is_measured_from_the_reading_before_it_whatever_the_line_kept_back() -> None:
    whole = Check("whole", "w", "basal.overall_error", lower=-5, upper=5, source="pump.accuracy.basal")
    values = []
    for kept_back in (False, True):
        maker = RunMaker((BasalStep(30.0, HOUR),), (whole,))
        maker.drop.append((3595.0, 3605.0))
        evidence = maker.make()
        columns = evidence.record.weighings["balance"]
        first = columns.answered_ns.index(3610 * NS)
        if kept_back:
            columns.mass_mg[first] = columns.mass_mg[first - 1]
        found = _overall(evidence)
        assert "rate change between readings at an edge" not in {line.name for line in found.budget}
        values.append(found.value)
    assert values[1] == values[0]
    assert values[0] == pytest.approx(0.0, abs=0.02)  # the 10 s kept back are 0.28 %


@pytest.mark.parametrize(("jump_mg", "name"), [(20.0, "level-moved"), (-20.0, "Q-BUMP")])
def test_a_level_that_moves_during_a_basal_is_a_finding_and_one_of_the_doses_is_not(jump_mg: float, name: str) -> None:
    maker = RunMaker((BasalStep(1.0, 4 * HOUR),), (SHARE,))
    evidence = maker.make()
    assert "level-moved" not in _findings(judge_evidence(evidence))
    columns = maker.columns
    for row, at_ns in enumerate(columns.answered_ns):
        if at_ns > 3 * HOUR * 1e9:
            columns.mass_mg[row] += jump_mg
    # A fall is no delivery: it is taken out by rule, and what is left has not moved.
    moved = [each for each in judge_evidence(evidence).findings if each.id == name]
    assert len(moved) == 1
    assert moved[0].from_s is not None
    assert moved[0].to_s is not None
    assert moved[0].from_s <= 3 * HOUR <= moved[0].to_s


def test_a_bolus_is_no_delivery_at_a_rate_of_zero_and_what_comes_beside_it_is() -> None:
    zero = Check("zero", "z", "basal.zero_delivered", lower=-0.1, upper=0.1, unit="U", source="a document")
    steps = (BasalStep(1.0, HOUR), BolusStep(1.0, 2), BasalStep(0.0, HOUR))
    clean = _only(RunMaker(steps, (zero,)).make())
    assert clean.outcome is Outcome.PASS, clean.why
    assert all(abs(item["measured_u"]) < 0.05 for item in clean.items)
    leaking = RunMaker((*steps[:2], BasalStep(0.0, HOUR / 2.0)), (zero,))
    weigh = leaking._weigh

    def weigh_more(duration_s: float, rate_u_per_h: float, interval_s: float | None = None) -> None:
        weigh(duration_s, 0.6 if duration_s == HOUR / 2.0 else rate_u_per_h, interval_s)

    leaking._weigh = weigh_more  # type: ignore[method-assign]
    assert _only(leaking.make()).outcome is Outcome.FAIL
