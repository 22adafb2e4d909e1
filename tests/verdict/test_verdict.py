"""Limits, rule, outcome: every way a number can become a word."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.analysis.intervals import clopper_pearson
from rig.errors import ScenarioError
from rig.profiles.pump import load_profile
from rig.results import LimitSource, Outcome, Result
from rig.scenario.model import Check
from rig.verdict import (
    Decision,
    Limits,
    decide,
    decide_each,
    decide_proportion,
    exit_code,
    overall,
    resolve_limits,
    worst_exit_code,
)

SOURCE = LimitSource("x", "a document", "M")
FIVE = Limits(-5.0, 5.0, SOURCE)


@pytest.mark.parametrize(
    ("value", "u", "outcome", "non_conformance"),
    [  # EX-15: T = +-5 %, u = 0.5 %
        (4.0, 0.5, Outcome.PASS, 0.02275),
        (4.2, 0.5, Outcome.INCONCLUSIVE, 0.05480),
        (4.9, 0.5, Outcome.INCONCLUSIVE, 0.42074),
        (5.0, 0.5, Outcome.INCONCLUSIVE, 0.50000),
        (5.2, 0.5, Outcome.INCONCLUSIVE, 0.65542),
        (4.2, 0.8, Outcome.INCONCLUSIVE, 0.15866),
    ],
)
def test_the_guarded_rule_of_ex_15(value: float, u: float, outcome: Outcome, non_conformance: float) -> None:
    decision = decide(value, u, FIVE)
    assert decision.outcome is outcome
    assert decision.conformance_probability == pytest.approx(1.0 - non_conformance, abs=6e-6)


def test_the_measurement_capability_is_printed_and_decides_nothing() -> None:
    assert decide(0.0, 0.5, FIVE).measurement_capability == pytest.approx(5.0)
    assert decide(0.0, 2.4, FIVE).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("value", "outcome"),
    [(6.1, Outcome.FAIL), (-6.1, Outcome.FAIL), (6.0, Outcome.INCONCLUSIVE), (-4.0, Outcome.PASS)],
)
def test_fail_needs_the_whole_interval_outside(value: float, outcome: Outcome) -> None:
    assert decide(value, 0.5, FIVE).outcome is outcome


def test_simple_acceptance_leaves_the_uncertainty_out_and_says_so() -> None:
    decision = decide(4.9, 0.5, FIVE, "simple")
    assert decision.outcome is Outcome.PASS
    assert "simple" in decision.why
    assert decide(5.1, 0.5, FIVE, "simple").outcome is Outcome.FAIL


@pytest.mark.parametrize("u", [None, math.nan, math.inf, -1.0])
def test_without_a_finite_uncertainty_nothing_passes(u: float | None) -> None:
    assert decide(0.0, u, FIVE).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_without_a_finite_value_nothing_passes(value: float | None) -> None:
    assert decide(value, 0.1, FIVE).outcome is Outcome.INCONCLUSIVE


def test_without_a_source_a_limit_decides_nothing() -> None:
    assert decide(0.0, 0.1, Limits(-5.0, 5.0, None)).outcome is Outcome.REPORT_ONLY


@given(
    st.floats(-50, 50),
    st.floats(0, 20),
    st.floats(-20, 20) | st.none(),
    st.floats(-20, 20) | st.none(),
)
def test_a_pass_always_lies_inside_and_a_fail_always_outside(
    value: float, u: float, low: float | None, high: float | None
) -> None:
    decision = decide(value, u, Limits(low, high, SOURCE))
    bottom = -math.inf if low is None else low
    top = math.inf if high is None else high
    if decision.outcome is Outcome.PASS:
        assert bottom <= value - 2 * u
        assert value + 2 * u <= top
    if decision.outcome is Outcome.FAIL:
        assert value + 2 * u < bottom or value - 2 * u > top


def test_a_share_is_judged_by_its_clopper_pearson_interval() -> None:
    limits = Limits(85.0, None, SOURCE)
    assert decide_proportion((88.7, 100.0), limits).outcome is Outcome.PASS
    assert decide_proportion((70.3, 81.8), limits).outcome is Outcome.FAIL
    assert decide_proportion((80.0, 90.0), limits).outcome is Outcome.INCONCLUSIVE


def test_one_failed_item_fails_the_whole_check_and_only_all_passes_pass() -> None:
    good, bad, open_ = (Decision(o, "") for o in (Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE))
    broken = Decision(Outcome.INVALID, "")
    assert decide_each([good, good]).outcome is Outcome.PASS
    assert decide_each([good, bad, broken, open_]).outcome is Outcome.FAIL
    assert decide_each([good, broken, open_]).outcome is Outcome.INVALID
    assert decide_each([good, open_]).outcome is Outcome.INCONCLUSIVE
    assert decide_each([]).outcome is Outcome.INVALID


def _check(**keys: object) -> Check:
    return Check(**({"id": "c", "title": "c", "measure": "bolus.each_error"} | keys))  # type: ignore[arg-type]


def test_a_claim_of_the_twin_decides_and_is_named() -> None:
    limits = resolve_limits(_check(source="pump.accuracy.bolus", lower=-9.0, upper=9.0), load_profile("sim-723"), 1.0)
    assert (limits.lower, limits.upper) == (-5.0, 5.0)
    assert limits.source is not None
    assert limits.source.mark == "declared for the twin"


def test_a_small_bolus_has_an_absolute_limit() -> None:
    profile = load_profile("sim-723")
    in_pct = resolve_limits(_check(source="pump.accuracy.bolus"), profile, 0.1)
    in_u = resolve_limits(_check(source="pump.accuracy.bolus", measure="bolus.each_error_u", unit="U"), profile, 0.1)
    assert in_pct.upper == pytest.approx(50.0)
    assert in_u.upper == pytest.approx(0.05)


def test_an_unconfirmed_claim_of_a_real_pump_decides_nothing() -> None:
    limits = resolve_limits(_check(source="pump.accuracy.bolus", upper=5.0, lower=-5.0), load_profile("mmt-722"), 1.0)
    assert not limits.decide


def test_a_rig_default_says_that_it_is_not_the_pumps_claim() -> None:
    limits = resolve_limits(_check(source="L-D1"), load_profile("mmt-722"))
    assert limits.source is not None
    assert "not this pump's claim" in limits.source.text


@pytest.mark.parametrize(
    ("amount_u", "bound"),
    [(0.1, 10.0), (1.0, 5.0), (25.0, 5.0), (0.5, None), (0.05, None), (0.999, None), (None, None)],
)
def test_the_mean_of_boluses_has_a_default_by_amount_and_none_between(
    amount_u: float | None, bound: float | None
) -> None:
    """L-D3: 5 % from 1 U on, 10 % at 0.1 U."""
    limits = resolve_limits(_check(measure="bolus.mean_error", source="L-D3"), load_profile("sim-723"), amount_u)
    assert (limits.lower, limits.upper) == (None if bound is None else -bound, bound)
    assert limits.decide is (bound is not None)


@pytest.mark.parametrize(("source", "measure"), [("L-B5", "basal.delivered"), ("L-S1", "suspend.slope")])
def test_information_never_decides_whatever_stands_beside_it(source: str, measure: str) -> None:
    limits = resolve_limits(_check(measure=measure, source=source, lower=0.0, upper=1.0), load_profile("sim-723"))
    assert not limits.decide
    assert limits.source is not None
    assert limits.source.id == source


def test_a_default_without_a_figure_takes_the_scenarios() -> None:
    share = _check(measure="basal.windows_1h_within_15", source="L-B3", lower=85.0)
    limits = resolve_limits(share, load_profile("sim-723"))
    assert (limits.lower, limits.upper, limits.note) == (85.0, None, "")
    assert limits.source is not None
    assert limits.source.id == "L-B3"


def test_a_source_overrules_the_scenarios_figure_and_says_so() -> None:
    for lower, noted in ((-5.0, False), (-9.0, True), (-1.0, True)):
        limits = resolve_limits(_check(source="L-D1", lower=lower, upper=5.0), load_profile("sim-723"))
        assert (limits.lower, limits.upper) == (-5.0, 5.0)
        assert bool(limits.note) is noted


def test_a_document_that_the_scenario_names_brings_the_scenarios_figure() -> None:
    limits = resolve_limits(_check(source="protocol 7, 2026-01-02", upper=3.0), load_profile("mmt-722"))
    assert (limits.lower, limits.upper) == (None, 3.0)
    assert limits.source is not None
    assert limits.source.text == "protocol 7, 2026-01-02"


@pytest.mark.parametrize(
    ("lower", "upper", "reach"),
    [(-5.0, 5.0, 5.0), (23.75, 26.25, 1.25), (None, 0.05, 0.05), (85.0, None, 85.0), (None, 0.0, None)],
)
def test_the_reach_of_limits_is_half_their_width_or_their_only_bound(
    lower: float | None, upper: float | None, reach: float | None
) -> None:
    assert Limits(lower, upper, SOURCE).reach == reach


def test_a_limit_without_a_source_is_refused() -> None:
    with pytest.raises(ScenarioError, match="without a source"):
        resolve_limits(_check(upper=5.0), load_profile("sim-723"))


def test_the_worst_outcome_and_exit_code_win() -> None:
    assert overall([Outcome.PASS, Outcome.INVALID, Outcome.FAIL]) is Outcome.FAIL
    assert overall([Outcome.PASS, Outcome.INVALID]) is Outcome.INVALID
    assert overall([Outcome.PASS, Outcome.REPORT_ONLY]) is Outcome.PASS
    assert overall([Outcome.REPORT_ONLY]) is Outcome.REPORT_ONLY
    assert overall([]) is Outcome.REPORT_ONLY
    assert worst_exit_code([0, 3, 4, 1]) == 1
    assert worst_exit_code([0, 130, 5]) == 5
    assert worst_exit_code([]) == 3


def _result(outcome: Outcome, end_reason: str) -> Result:
    return Result(
        run_id="r",
        scenario="s",
        evidence="simulated",
        outcome=outcome,
        end_reason=end_reason,
        started_utc="",
        ended_utc=None,
        tool={},
        bench={},
        pump={},
        checks=(),
        deliveries=(),
        gaps=(),
        events=(),
        deviations=(),
    )


@pytest.mark.parametrize(
    ("outcome", "end_reason", "safe", "code"),
    [  # design 5.1, in order of precedence
        (Outcome.FAIL, "aborted", False, 5),
        (Outcome.PASS, "completed", False, 5),
        (Outcome.FAIL, "aborted", True, 130),
        (Outcome.FAIL, "bench_fault", True, 1),
        (Outcome.FAIL, "completed", True, 1),
        (Outcome.PASS, "bench_fault", True, 4),
        (Outcome.INCONCLUSIVE, "error", True, 4),
        (Outcome.INVALID, "interrupted", True, 4),
        (Outcome.INVALID, "completed", True, 4),
        (Outcome.INCONCLUSIVE, "completed", True, 3),
        (Outcome.REPORT_ONLY, "completed", True, 3),
        (Outcome.PASS, "completed", True, 0),
    ],
)
def test_the_exit_code_follows_the_order_of_precedence(
    outcome: Outcome, end_reason: str, safe: bool, code: int
) -> None:
    assert exit_code(_result(outcome, end_reason), safe_confirmed=safe) == code


@given(st.permutations([0, 3, 4, 1, 2, 130, 5]), st.integers(1, 7))
def test_of_several_codes_the_first_in_precedence_wins_in_any_order(codes: list[int], count: int) -> None:
    order = [5, 130, 2, 1, 4, 3, 0]
    held = codes[:count]
    assert worst_exit_code(held) == min(held, key=order.index)


@given(st.lists(st.sampled_from(list(Outcome)), max_size=8))
def test_an_each_check_passes_only_if_every_item_does(outcomes: list[Outcome]) -> None:
    decided = decide_each([Decision(outcome, "") for outcome in outcomes]).outcome
    assert (decided is Outcome.PASS) == (bool(outcomes) and set(outcomes) == {Outcome.PASS})
    assert (decided is Outcome.FAIL) == (Outcome.FAIL in outcomes)


@given(st.integers(0, 60), st.integers(1, 60), st.floats(0, 100))
def test_a_share_passes_and_fails_only_by_its_whole_interval(inside: int, extra: int, lower: float) -> None:
    low, high = (100.0 * bound for bound in clopper_pearson(inside, inside + extra))
    outcome = decide_proportion((low, high), Limits(lower, None, SOURCE)).outcome
    assert (outcome is Outcome.PASS) == (low >= lower)
    assert (outcome is Outcome.FAIL) == (high < lower)


@given(st.floats(-20, 20), st.floats(2.6, 50))
def test_a_u_of_more_than_half_the_width_can_never_pass(value: float, u: float) -> None:
    assert decide(value, u, FIVE).outcome is not Outcome.PASS  # U = 2u > 5
