"""What damaged readings do to checks: marked, counted, left out by rule only; too damaged is INVALID, never PASS."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rig.cli.main import main
from rig.judging.doubts import MOST_MARKS
from rig.judging.evidence import Evidence
from rig.judging.judge import judge, judge_evidence
from rig.judging.quality_tables import RULES
from rig.judging.view import lay_out
from rig.results import CheckResult, Outcome, Result
from rig.runner.folder import find_runs
from rig.scenario.model import BasalStep, BolusStep, Check, Step
from tests.judging.runs import BLANK_S, MG_PER_U, NS, RunMaker

HOUR = 3600.0
CLAIM = "pump.accuracy.basal"
HOURS = 6.0
MEAN = Check("mean", "m", "basal.overall_error", 0.0, HOURS * HOUR, lower=-5, upper=5, source=CLAIM)
LATE = Check("late", "l", "basal.overall_error", 4 * HOUR, HOUR, lower=-5, upper=5, source=CLAIM)
NINETY_MIN = Check("mean", "m", "basal.overall_error", 0.5 * HOUR, 1.5 * HOUR, lower=-5, upper=5, source=CLAIM)
BOLUS = Check("bolus", "b", "bolus.each_error", lower=-5, upper=5, source="pump.accuracy.bolus")
Change = Callable[[float, float], float]
"""From seconds since the first delivery and the mass shown to what is shown instead."""


def _run(
    *changes: Change,
    rate: float = 4.0,
    gain: float = 1.0,
    checks: tuple[Check, ...] = (MEAN,),
    boluses: int = 0,
    hours: float = HOURS,
) -> Evidence:
    """Six hours on paper; what was shown is changed as the changes say."""
    steps: tuple[Step, ...] = (BasalStep(rate, hours * HOUR),)
    if boluses:
        steps = (*steps, BolusStep(2.0, boluses))
    evidence = RunMaker(steps, checks, gain=gain).make()
    columns = evidence.record.weighings["balance"]
    for index, at_ns in enumerate(columns.asked_ns):
        for change in changes:
            columns.mass_mg[index] = round(change(at_ns / NS - BLANK_S, columns.mass_mg[index]), 2)
    return evidence


def _shift(mg: float, at_s: float = 3 * HOUR, until_s: float = 1e9) -> Change:
    return lambda t_s, mass: mass + mg if at_s <= t_s < until_s else mass


def _creep(mg: float, from_s: float, until_s: float) -> Change:
    """Something rises evenly and is let go at once."""
    return lambda t_s, mass: mass + mg * (t_s - from_s) / (until_s - from_s) if from_s <= t_s < until_s else mass


def _check(result: Result, name: str = "mean") -> CheckResult:
    return next(check for check in result.checks if check.id == name)


def _count(result: Result, rule: str) -> tuple[int, int]:
    (row,) = [row for row in result.analysis["quality"]["rules"] if row["rule"] == rule]
    return row["marks"], row["excluded"]


def _ids(check: CheckResult) -> set[str]:
    return {finding.id for finding in check.findings}


def test_a_clean_run_says_of_every_rule_that_nothing_was_found() -> None:
    result = judge_evidence(_run())
    table = result.analysis["quality"]
    assert [row["rule"] for row in table["rules"]] == list(RULES)
    assert all(row["marks"] == row["excluded"] == 0 for row in table["rules"])
    assert all(row["detection_limit"] for row in table["rules"])
    assert (table["excluded"], table["marks"]) == (0, [])
    assert _check(result).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("gain", "outcome", "decides"),
    # As shown it is -8.4 %, which a conforming pump cannot tell from a creep that was let go.
    [(1.0, Outcome.INCONCLUSIVE, False), (0.93, Outcome.FAIL, False), (1.07, Outcome.FAIL, True)],
)
def test_a_fall_is_taken_out_of_the_value_with_its_uncertainty_and_judged_as_shown_too(
    gain: float, outcome: Outcome, decides: bool
) -> None:
    clean = _check(judge_evidence(_run(gain=gain)))
    result = judge_evidence(_run(_shift(-20.0), gain=gain))
    check = _check(result)
    assert _count(result, "Q-BUMP")[0] == 1
    assert check.outcome is outcome
    assert ("fall-decides" in _ids(check)) is decides
    assert {"fall-taken-out", "fall-as-shown"} <= _ids(check)
    assert ("PASS only if the level before the fall was the true one" in check.why) is (gain == 1.0)
    assert check.value == pytest.approx(clean.value, abs=check.expanded_uncertainty)
    assert any(line.name.startswith("fall of the level") for line in check.budget)
    assert (check.expanded_uncertainty or 0.0) > (clean.expanded_uncertainty or 0.0)


def test_a_fall_that_would_not_change_the_outcome_leaves_the_pass() -> None:
    check = _check(judge_evidence(_run(_shift(-3.0))))
    assert check.outcome is Outcome.PASS
    assert check.value == pytest.approx(0.0, abs=0.2)
    assert {"fall-taken-out", "fall-as-shown"} <= _ids(check)


LEAN = 0.75  # mg: below what a rise in flow must have to be seen
SHORT_OF = {
    "a creep over 33 min, let go": (_creep(1.2, 4000.0, 6000.0),),
    "a creep over 17 min, let go": (_creep(1.2, 5000.0, 6000.0),),
    "a drift over 85 min, re-zeroed": (_creep(1.5, 1500.0, 6600.0),),
    "three leans of 12 min": tuple(_shift(LEAN, at_s, at_s + 700.0) for at_s in (2700.0, 4200.0, 5700.0)),
}


@pytest.mark.parametrize("case", SHORT_OF)
def test_an_unseen_rise_that_ends_in_a_fall_never_hides_a_short_delivery(case: str) -> None:
    """2 U/h, 7.5 % short: what is added back for the fall is what had risen unseen."""
    evidence = _run(*SHORT_OF[case], rate=2.0, gain=0.925, checks=(NINETY_MIN,), hours=2.0)
    check = _check(judge_evidence(evidence))
    assert check.outcome is Outcome.INCONCLUSIVE
    assert {"fall-taken-out", "fall-as-shown"} <= _ids(check)
    assert not {"unscheduled-step"} & _ids(check)  # nobody saw it rise
    falls = lay_out(evidence).quality.falls
    assert len(falls) == len(SHORT_OF[case])
    for fall in falls:
        assert 0.7 <= fall.own_mg <= 1.6
        assert fall.taken_out_mg <= fall.own_mg


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        (_creep(1.2, 5000.0, 7260.0), Outcome.INCONCLUSIVE),  # let go a minute after the interval
        (lambda t_s, mass: mass - 1.2 * min(max((3800.0 - t_s) / 2060.0, 0.0), 1.0) * (t_s >= 1740.0), None),
        (_shift(-0.5, 7260.0), Outcome.PASS),
        (_shift(-1.2, 8100.0), Outcome.PASS),
    ],
    ids=["let go after it", "crept back within it", "too small to matter", "far from it"],
)
def test_a_fall_just_beside_an_interval_may_undo_what_rose_within_it(change: Change, outcome: Outcome | None) -> None:
    """2 U/h: 7.5 % short where something moved within the interval, 2 % short where nothing did."""
    moves = outcome is not Outcome.PASS
    evidence = _run(change, rate=2.0, gain=0.925 if moves else 0.98, checks=(NINETY_MIN,), hours=2.5)
    check = _check(judge_evidence(evidence))
    assert lay_out(evidence).quality.falls
    assert check.outcome is (outcome or Outcome.INCONCLUSIVE)
    assert "fall-taken-out" not in _ids(check)  # nothing fell within the interval


def test_a_fall_of_which_both_sides_say_otherwise_than_the_display_is_not_taken_out() -> None:
    """A short lean: the sides know little of it, the display fell by all of it; which is true nobody can tell."""
    evidence = _run(_creep(1.2, 5700.0, 6000.0), rate=2.0, gain=0.925, checks=(NINETY_MIN,), hours=2.0)
    check = _check(judge_evidence(evidence))
    (fall,) = lay_out(evidence).quality.falls
    assert fall.departure is not None
    assert fall.departure.departure_mg < -3.0 * fall.departure.u_mg  # it is no noise
    assert fall.taken_out_mg == 0.0
    assert fall.u_mg > fall.own_mg > 1.1
    assert "fall-in-budget" in _ids(check)
    assert check.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("gain", "mg", "outcome", "told"),
    [(0.97, 6.0, Outcome.INCONCLUSIVE, "data-quality"), (1.07, 12.0, Outcome.FAIL, "step-decides")],
)
def test_a_rise_and_a_fall_are_judged_together_too(gain: float, mg: float, outcome: Outcome, told: str) -> None:
    """Either alone changes nothing; with neither the rise delivered nor the fall one, the outcome is another."""
    check = _check(judge_evidence(_run(_shift(-mg, 2 * HOUR), _shift(mg, 4 * HOUR), gain=gain)))
    assert check.outcome is outcome
    assert told in _ids(check)
    for finding in ("fall-as-shown", "unscheduled-step"):
        (one,) = [each for each in check.findings if each.id == finding]
        assert one.text.endswith("PASS" if outcome is Outcome.INCONCLUSIVE else "FAIL")
    if outcome is Outcome.INCONCLUSIVE:
        assert "the level before each fall was the true one" in check.why


def test_a_fall_too_small_to_size_is_not_taken_out_but_all_of_it_is_in_the_budget() -> None:
    check = _check(judge_evidence(_run(_shift(-0.25), rate=1.0)))
    clean = _check(judge_evidence(_run(rate=1.0)))
    assert "fall-in-budget" in _ids(check)
    assert check.value == pytest.approx((clean.value or 0.0) - 100 * 0.25 / (6 * MG_PER_U), abs=0.02)
    (line,) = [line for line in check.budget if line.name.startswith("fall of the level")]
    assert line.standard_uncertainty > 0.25


def test_a_fall_whose_size_nobody_can_tell_makes_a_check_invalid() -> None:
    result = judge_evidence(_run(_shift(-1.0, HOURS * HOUR - 60.0), boluses=1))
    check = _check(result)
    assert check.outcome is Outcome.INVALID
    assert "its size cannot be told" in check.why


def test_a_rise_stays_in_the_value_and_a_pass_needs_it_to_pass_without_too() -> None:
    result = judge_evidence(_run(_shift(+3.0)))
    check = _check(result)
    assert check.outcome is Outcome.PASS
    assert {"unscheduled-step"} <= _ids(check)
    # Of the run it is told once: as a delivery that nobody programmed.
    assert {"measured-not-set"} <= {finding.id for finding in result.findings}
    assert check.value == pytest.approx(100 * 3.0 / (24 * MG_PER_U), abs=0.1)
    assert _count(result, "Q-STEP") == (1, 0)


def test_a_bump_never_turns_a_short_delivery_into_a_pass() -> None:
    """The failure to fear: what the pump did not deliver is made up for by a knock."""
    for seed, at_h in enumerate((0.5, 1.5, 2.7, 4.4, 5.6)):
        missing_mg = 0.07 * 24 * MG_PER_U
        jitter = random.Random(seed).uniform(0.9, 1.1)
        check = _check(judge_evidence(_run(_shift(missing_mg * jitter, at_h * HOUR), gain=0.93)))
        assert check.outcome is Outcome.INCONCLUSIVE
        assert "PASS only with an unscheduled step" in check.why


def test_a_fail_by_a_rise_alone_stands_and_names_the_other_cause() -> None:
    check = _check(judge_evidence(_run(_shift(+20.0))))
    assert check.outcome is Outcome.FAIL
    assert {"unscheduled-step", "step-decides"} <= _ids(check)
    alone = _check(judge_evidence(_run(_shift(+3.0), gain=1.1)))
    assert alone.outcome is Outcome.FAIL
    assert "step-decides" not in _ids(alone)


def test_a_spike_is_left_out_wherever_it_lies_and_costs_no_volume() -> None:
    clean = _check(judge_evidence(_run(checks=(LATE,))), "late")
    result = judge_evidence(_run(_shift(+50.0, 4 * HOUR - 5.0, 4 * HOUR + 5.0), checks=(LATE,)))
    check = _check(result, "late")
    assert result.analysis["quality"]["excluded"] == 1
    assert check.outcome is Outcome.PASS
    assert check.value == pytest.approx(clean.value, abs=0.1)
    assert result.curves["excluded"]["count"] == 1


def test_a_frozen_display_is_no_reading() -> None:
    shown: list[float] = []

    def freeze(t_s: float, mass: float) -> float:
        if 4.2 * HOUR <= t_s < 4.4 * HOUR:
            shown.append(mass)
            return shown[0]
        return mass

    result = judge_evidence(_run(freeze, checks=(MEAN, LATE)))
    assert _check(result, "late").outcome is Outcome.INVALID
    assert "showed one value" in _check(result, "late").why
    assert _count(result, "Q-REPEAT") == (1, len(shown) - 1)
    assert any("showed one value" in gap.cause for gap in result.gaps)


def test_zero_tracking_in_a_check_s_interval_makes_it_invalid() -> None:
    def level(t_s: float) -> float:
        return 50_000.0 + t_s * 4.0 * MG_PER_U / HOUR

    def tracked(t_s: float, mass: float) -> float:
        if t_s < 2 * HOUR:
            return mass - level(2 * HOUR)
        if t_s >= 2.5 * HOUR:
            return mass - level(2.5 * HOUR)  # what came in between was swallowed
        return 0.01 if int(t_s) % 600 == 0 else 0.0

    result = judge_evidence(_run(tracked, checks=(MEAN, LATE)))
    assert _check(result).outcome is Outcome.INVALID
    assert _check(result, "late").outcome in (Outcome.PASS, Outcome.INCONCLUSIVE)


def test_many_disturbances_are_too_many() -> None:
    knocks = [_shift(9.0, at * 1000.0, at * 1000.0 + 10.0) for at in range(1, MOST_MARKS + 2)]
    few, many = judge_evidence(_run(*knocks[:-1])), judge_evidence(_run(*knocks))
    assert _check(few).outcome is Outcome.PASS
    assert _check(many).outcome is Outcome.INVALID
    assert "too damaged" in _check(many).why
    assert "data-quality" in _ids(_check(many))


def test_readings_that_are_missing_here_and_there_add_up() -> None:
    maker = RunMaker((BasalStep(4.0, HOURS * HOUR),), (MEAN,))
    maker.drop = [(BLANK_S + at, BLANK_S + at + 49.0) for at in range(600, 20_000, 300)]
    check = _check(judge_evidence(maker.make()))
    assert check.outcome is Outcome.INVALID
    assert "no usable reading for" in check.why


def test_a_draught_at_an_edge_forbids_measuring_there_and_elsewhere_not() -> None:
    noise = random.Random(2)

    def gust(t_s: float, mass: float) -> float:
        return mass + noise.gauss(0.0, 0.8) if 4 * HOUR - 300 <= t_s < 4 * HOUR + 300 else mass

    result = judge_evidence(_run(gust, checks=(MEAN, LATE)))
    assert _count(result, "Q-NOISE")[0] == 1
    assert _check(result).outcome is Outcome.PASS
    assert _check(result, "late").outcome is Outcome.INVALID
    assert "an edge of the interval" in _check(result, "late").why


def test_a_fall_within_a_bolus_is_the_bench_s_and_an_item_that_fails_elsewhere_stands() -> None:
    end_s = HOURS * HOUR
    sound = judge_evidence(_run(checks=(BOLUS,), boluses=3))
    assert _check(sound, "bolus").outcome is Outcome.PASS
    broken = judge_evidence(_run(_shift(-2.0, end_s + 50.0), checks=(BOLUS,), boluses=3))
    assert _check(broken, "bolus").outcome is Outcome.INVALID
    assert _check(broken, "bolus").items[0]["outcome"] == "INVALID"


def test_a_stretch_without_a_blank_before_it_is_looked_at_from_its_first_delivery_on() -> None:
    evidence = _run(_shift(-20.0))
    events = tuple(event for event in evidence.record.events if event.data.get("which") != "before")
    quality = lay_out(replace(evidence, record=replace(evidence.record, events=events))).quality
    assert [mark.rule for mark in quality.marks] == ["Q-BUMP"]


def test_hundreds_of_knocks_are_invalid_at_once() -> None:
    falls = [_shift(-1.0, at * 250.0) for at in range(1, 80)]
    check = _check(judge_evidence(_run(*falls)))
    assert check.outcome is Outcome.INVALID
    assert "its size cannot be told: it is one of" in check.why


def test_a_bump_never_makes_up_for_a_short_bolus() -> None:
    clean = judge_evidence(_run(gain=0.9, checks=(BOLUS,), boluses=2))
    assert _check(clean, "bolus").outcome is Outcome.FAIL
    bumped = judge_evidence(_run(_shift(+2.0, HOURS * HOUR + 50.0), gain=0.9, checks=(BOLUS,), boluses=1))
    assert _check(bumped, "bolus").outcome is Outcome.INCONCLUSIVE
    assert "unscheduled-step" in _ids(_check(bumped, "bolus"))


def test_a_blank_with_a_shift_in_it_keeps_its_slope() -> None:
    before = lay_out(_run()).blanks["before"]
    shifted = lay_out(_run(_shift(+1.0, -1200.0))).blanks["before"]
    assert before.duration_s > shifted.duration_s
    assert shifted.slope_mg_per_h == pytest.approx(before.slope_mg_per_h, abs=0.05)


def test_tare_and_the_noise_of_the_rest_change_no_mark() -> None:
    changes = (_shift(-20.0), _shift(+5.0, 4.5 * HOUR))
    plain = judge_evidence(_run(*changes)).analysis["quality"]["marks"]
    tared = judge_evidence(_run(*changes, lambda _t, mass: mass - 1234.5)).analysis["quality"]["marks"]
    assert [(mark["rule"], mark["from_s"]) for mark in plain] == [(mark["rule"], mark["from_s"]) for mark in tared]
    assert len(plain) == 2


SCENARIO = """
schema: 1
id: marked
title: Two hours of basal and three boluses
pump: {families: [22, 23]}
needs: [pump, balance]
operator: none
sampling: {balance: 5 s, bolus: 500 ms, environment: 60 s}
blank: {before: 20 min, after: 20 min}
steps:
  - basal: {rate: 2 U/h, for: 2 h}
  - bolus: {amount: 2 U, repeat: 3}
checks:
  - {id: mean, measure: basal.overall_error, from: 10 min, for: 100 min, limit: 5 %, source: pump.accuracy.basal}
  - {id: bolus, measure: bolus.each_error, limit: 5 %, source: pump.accuracy.bolus}
  - {id: time, measure: bolus.duration, limit: 40 %, source: the protocol of this test}
"""


def _twin(place: Path, *faults: str) -> Result:
    """A run of the twin with faults, judged from its folder."""
    scenario = place / "marked.yaml"
    scenario.write_text(SCENARIO, encoding="utf-8")
    seeded = [word for fault in faults for word in ("--fault", fault)]
    main(["run", str(scenario), "--seed", "4", "--quiet", "--no-report", "--out", str(place / "runs"), *seeded])
    (folder,) = find_runs(place / "runs")
    return judge(folder.folder)


def test_knocks_at_the_twin_s_table_are_found_sized_and_judged(tmp_path: Path) -> None:
    faults = ("balance.bump=-1mg@1h", "balance.bump=1.4mg@90min", "balance.draught=0.3mg@2h+3min")
    result = _twin(tmp_path, *faults)
    check = _check(result)
    assert check.outcome in (Outcome.PASS, Outcome.INCONCLUSIVE)
    falls = [finding for finding in check.findings if finding.id == "fall-taken-out"]
    assert len(falls) == 1
    assert falls[0].from_s == pytest.approx(3600.0, abs=6.0)
    assert "unscheduled-step" in _ids(check)
    assert (_count(result, "Q-BUMP")[0], _count(result, "Q-STEP")[0], _count(result, "Q-NOISE")[0]) == (1, 1, 1)
    for mark in result.analysis["quality"]["marks"]:
        assert min(abs(mark["from_s"] - at_s) for at_s in (3600.0, 5400.0, 7200.0)) < 30.0


def test_drops_at_an_outlet_above_the_surface_make_the_whole_run_invalid(tmp_path: Path) -> None:
    result = _twin(tmp_path, "line.drops=10mg")
    assert {check.outcome for check in result.checks} == {Outcome.INVALID}
    assert _count(result, "Q-DROP")[0] == 1


def test_a_slow_filter_withholds_the_pass_of_a_duration_only(tmp_path: Path) -> None:
    result = _twin(tmp_path, "balance.filter=10s")
    assert _check(result, "time").outcome is Outcome.INCONCLUSIVE
    assert "trails its first rise" in _check(result, "time").why
    assert _check(result, "bolus").outcome is Outcome.PASS
    assert _count(result, "Q-SMEAR")[0] == 1
