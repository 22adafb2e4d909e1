"""Judging runs with known answers: every outcome, each way."""

import json
import math
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from rig.config import load_bench
from rig.judging.judge import judge_evidence
from rig.judging.schema import SCHEMA_FILE, result_schema
from rig.judging.store import write_judgement
from rig.results import CheckResult, Outcome, Result
from rig.scenario.measures import MEASURES
from rig.scenario.model import BasalStep, BolusStep, Check
from tests.judging.runs import RunMaker

HOUR = 3600.0
MEAN = Check(
    "mean", "overall error", "basal.overall_error", 2 * HOUR, 8 * HOUR, lower=-5, upper=5, source="pump.accuracy.basal"
)


def _basal(rate: float = 1.0, hours: float = 10.0, check: Check = MEAN, **how: float) -> RunMaker:
    return RunMaker((BasalStep(rate, hours * HOUR),), (check,), **how)  # type: ignore[arg-type]


def _check(result: Result) -> CheckResult:
    return result.checks[0]


@pytest.mark.parametrize(
    ("gain", "outcome"),
    [
        (1.0, Outcome.PASS),
        (1.03, Outcome.PASS),
        (0.92, Outcome.FAIL),
        (1.09, Outcome.FAIL),
        (0.95, Outcome.INCONCLUSIVE),
    ],
)
def test_a_known_gain_gives_its_outcome_and_its_value(gain: float, outcome: Outcome) -> None:
    check = _check(judge_evidence(_basal(gain=gain).make()))
    assert check.outcome is outcome
    assert check.value == pytest.approx(100 * (gain - 1), abs=0.15)
    assert check.expanded_uncertainty is not None
    assert abs((check.value or 0) - 100 * (gain - 1)) <= check.expanded_uncertainty


def test_evaporation_is_added_back_and_stands_in_the_budget() -> None:
    check = _check(judge_evidence(_basal(evaporation_mg_per_h=0.3).make()))
    assert check.value == pytest.approx(0.0, abs=0.15)
    assert any(line.name == "evaporation" and line.contribution > 0 for line in check.budget)


def test_the_budget_adds_up_to_the_uncertainty() -> None:
    check = _check(judge_evidence(_basal().make()))
    combined = math.sqrt(sum(line.contribution**2 for line in check.budget))
    assert check.expanded_uncertainty == pytest.approx(2 * combined, rel=1e-9)


def test_a_fail_names_the_bench_causes_that_one_balance_cannot_exclude() -> None:
    check = _check(judge_evidence(_basal(gain=0.9).make()))
    assert any("alternative bench causes not excluded" in finding.text for finding in check.findings)


def test_one_hour_at_a_tenth_of_a_unit_is_never_a_pass() -> None:
    hour = Check("hour", "one hour", "basal.overall_error", 0.0, HOUR, lower=-5, upper=5, source="pump.accuracy.basal")
    for seed in range(20):
        check = _check(judge_evidence(_basal(0.1, 1.0, hour, noise_mg=0.02, seed=seed).make()))
        assert check.outcome in (Outcome.INCONCLUSIVE, Outcome.INVALID)


def test_a_check_without_a_source_is_reported_and_never_passes_a_run() -> None:
    result = judge_evidence(_basal(check=Check("mean", "m", "basal.overall_error", 0.0, HOUR)).make())
    assert _check(result).outcome is Outcome.REPORT_ONLY
    assert result.outcome is Outcome.REPORT_ONLY


def test_a_gap_within_the_interval_is_invalid_and_says_where() -> None:
    maker = _basal()
    maker.drop.append((6 * HOUR, 6 * HOUR + 300.0))
    result = judge_evidence(maker.make())
    assert _check(result).outcome is Outcome.INVALID
    assert "no readings for 3" in _check(result).why
    assert result.gaps[0].stream == "balance"


def test_a_gap_outside_the_interval_does_not_matter() -> None:
    maker = _basal()
    maker.drop.append((3600.0 + HOUR, 3600.0 + HOUR + 300.0))
    assert _check(judge_evidence(maker.make())).outcome is Outcome.PASS


def test_a_run_that_ended_before_the_intervals_end_is_invalid() -> None:
    check = _check(judge_evidence(_basal(hours=6.0).make(end="bench_fault")))
    assert check.outcome is Outcome.INVALID
    assert "before the end of the interval" in check.why


def test_an_earlier_valid_fail_survives_a_bench_that_broke_later() -> None:
    early = Check("early", "e", "basal.overall_error", 0.0, 5 * HOUR, lower=-5, upper=5, source="pump.accuracy.basal")
    maker = RunMaker((BasalStep(1.0, 6 * HOUR),), (early, MEAN), gain=0.9)
    result = judge_evidence(maker.make(end="bench_fault"))
    assert [check.outcome for check in result.checks] == [Outcome.FAIL, Outcome.INVALID]
    assert result.outcome is Outcome.FAIL


def test_without_any_blank_the_evaporation_is_unknown_and_nothing_is_judged() -> None:
    check = _check(judge_evidence(_basal().make(blanks=False)))
    assert check.outcome is Outcome.INVALID
    assert "no blank" in check.why


def test_a_damaged_record_is_never_judged() -> None:
    result = judge_evidence(_basal().make(damage=("record-001: torn",)))
    assert _check(result).outcome is Outcome.INVALID
    assert "damaged" in _check(result).why


def test_evaporation_above_a_fifth_of_the_rate_is_an_unfit_bench() -> None:
    check = _check(judge_evidence(_basal(evaporation_mg_per_h=2.5).make()))
    assert check.outcome is Outcome.INVALID
    assert "evaporation" in check.why


BOLUS = Check("mean", "mean of 1 U", "bolus.mean_error", amount_u=1.0, source="pump.accuracy.bolus")
EACH = Check("each", "each 10 U", "bolus.each_error", amount_u=10.0, source="pump.accuracy.bolus")


def _boluses(gain: float = 1.0) -> Result:
    maker = RunMaker((BolusStep(1.0, 5), BolusStep(10.0, 3)), (BOLUS, EACH), gain=gain)
    return judge_evidence(maker.make())


CLAIMED = tuple(
    Check(name, name, f"bolus.{name}", lower=low, upper=high, unit=unit, source="pump.accuracy.bolus")
    for name, unit, low, high in (
        ("each_error", "%", -5.0, 5.0),
        ("each_error_u", "U", None, None),  # the claim without an amount: each bolus brings its own limit
        ("mean_error", "%", -5.0, 5.0),
    )
)


def _claimed(maker: RunMaker, *, blanks: bool = True) -> list[CheckResult]:
    return list(judge_evidence(maker.make(blanks=blanks)).checks)


def test_the_claim_in_units_without_an_amount_passes_and_fails_by_each_bolus() -> None:
    for gain, outcome in ((1.0, Outcome.PASS), (0.9, Outcome.FAIL)):
        maker = RunMaker((BolusStep(1.0, 2), BolusStep(10.0, 1)), CLAIMED, gain=gain)
        assert [check.outcome for check in _claimed(maker)] == [outcome] * 3


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"evaporation_mg_per_h": 200.0}, "more than 20 % of the programme's"),
        ({"evaporation_mg_per_h": -8.0}, "the mass rose by 8 mg/h"),
        ({"noise_mg": 0.0}, "the display stood still"),
    ],
)
def test_what_a_blank_gives_away_refuses_every_bolus_check_the_claim_without_an_amount_too(
    how: dict[str, Any], why: str
) -> None:
    for check in _claimed(RunMaker((BolusStep(1.0, 3),), CLAIMED, **how)):
        assert check.outcome is Outcome.INVALID, check.id
        assert why in check.why
        assert check.limit_source is not None


def test_without_a_blank_no_bolus_check_decides_the_claim_without_an_amount_included() -> None:
    found = _claimed(RunMaker((BolusStep(1.0, 3),), CLAIMED), blanks=False)
    assert [check.outcome for check in found] == [Outcome.INVALID] * 3


def test_a_planned_bolus_that_never_started_is_invalid_whatever_the_check_is_given_in() -> None:
    maker = RunMaker((BolusStep(1.0, 2),), CLAIMED)
    evidence = maker.make()
    scenario = replace(evidence.scenario, steps=(BolusStep(1.0, 3),))
    for check in judge_evidence(replace(evidence, scenario=scenario)).checks:
        assert check.outcome is Outcome.INVALID, check.id
        assert "1 of 3 boluses of 1 U were not started" in check.why


def test_boluses_are_measured_from_baseline_to_close() -> None:
    result = _boluses()
    assert [check.outcome for check in result.checks] == [Outcome.PASS, Outcome.PASS]
    measured = [delivery.measured_u for delivery in result.deliveries if delivery.kind == "bolus"]
    assert measured == pytest.approx([1.0] * 5 + [10.0] * 3, rel=0.005)
    assert [delivery.reported_u for delivery in result.deliveries] == [1.0] * 5 + [10.0] * 3


def test_boluses_that_are_short_fail_each_and_in_the_mean() -> None:
    result = _boluses(0.9)
    assert [check.outcome for check in result.checks] == [Outcome.FAIL, Outcome.FAIL]
    assert [item["outcome"] for item in result.checks[1].items] == ["FAIL"] * 3


def test_the_tables_hold_the_layouts_of_the_boluses() -> None:
    groups = _boluses().analysis["boluses"]["groups"]
    assert [(group["set_u"], group["n"]) for group in groups] == [(1.0, 5), (10.0, 3)]
    assert sum(each["count"] for each in groups[0]["bins"]) == 5
    assert groups[0]["mean_error_pct"] == pytest.approx(0.0, abs=0.5)


def test_every_measure_of_the_scenario_file_can_be_judged() -> None:
    checks = tuple(Check(name, name, name, unit=measure.unit) for name, measure in MEASURES.items())
    maker = RunMaker((BasalStep(1.0, 4 * HOUR), BolusStep(1.0, 2)), checks)
    results = {check.id: check for check in judge_evidence(maker.make()).checks}
    assert results.keys() == MEASURES.keys()
    absent = {"basal.zero_delivered", "temp_basal.error", "suspend.delivered"}
    for name, check in results.items():
        assert check.outcome is (Outcome.INVALID if name in absent - {"basal.zero_delivered"} else check.outcome), name
        assert "Error" not in check.why


def test_the_result_fits_its_published_schema_and_holds_no_nan() -> None:
    document = _boluses().to_json()
    jsonschema.validate(document, result_schema())
    json.dumps(document, allow_nan=False)


def test_the_published_schema_is_the_one_in_use() -> None:
    assert json.loads(SCHEMA_FILE.read_text()) == result_schema()


def test_judging_twice_gives_the_same_document() -> None:
    evidence = _basal().make()
    assert judge_evidence(evidence).to_json() == judge_evidence(evidence).to_json()


def test_a_second_judgement_leaves_the_first_untouched(tmp_path: Path) -> None:
    result = _basal().make()
    first = write_judgement(tmp_path, judge_evidence(result))
    before = (first / "result.json").read_bytes()
    second = write_judgement(tmp_path, judge_evidence(result))
    assert (first.name, second.name) == ("001", "002")
    assert (first / "result.json").read_bytes() == before
    assert json.loads((second / "manifest.json").read_text())["files"].keys() == {
        "curves.json",
        "junit.xml",
        "result.json",
    }


def test_junit_tells_fail_from_broken_and_from_reported(tmp_path: Path) -> None:
    checks = (MEAN, Check("only", "o", "basal.overall_error", 0.0, HOUR), Check("gone", "g", "suspend.delivered"))
    maker = RunMaker((BasalStep(1.0, 10 * HOUR),), checks, gain=0.9)
    judgement = write_judgement(tmp_path, judge_evidence(maker.make()))
    cases = ElementTree.parse(judgement / "junit.xml").getroot().iter("testcase")
    kinds = {case.get("name"): [child.tag for child in case if child.tag != "properties"] for case in cases}
    assert kinds == {"run": [], "mean": ["failure"], "only": [], "gone": ["error"]}


def test_an_expired_certificate_leaves_nothing_to_judge() -> None:
    evidence = _basal().make()
    bench = load_bench("simulated")
    balance = replace(bench.balance, calibration=replace(bench.balance.calibration, due=date(2026, 3, 3)))
    check = _check(judge_evidence(replace(evidence, bench=replace(bench, balance=balance))))
    assert check.outcome is Outcome.INVALID
    assert "expired" in check.why
