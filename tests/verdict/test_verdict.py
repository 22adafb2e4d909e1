"""Limits, rule, outcome: every way a number can become a word."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import ScenarioError
from rig.profiles.pump import load_profile
from rig.results import LimitSource, Outcome
from rig.scenario.model import Check
from rig.verdict import (
    Decision,
    Limits,
    decide,
    decide_each,
    decide_proportion,
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
