"""Monte Carlo beside the verdict: a PASS it does not bear out is withheld, no more; ranges are enforced."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from rig.config import Liquid
from rig.judging.evidence import Evidence
from rig.judging.items import Derivation, Item
from rig.judging.judge import judge_evidence
from rig.judging.propagation import WITHHELD, needs_a_look, propagated
from rig.metrology.budget import Budget, Component
from rig.metrology.model import VolumeModel
from rig.metrology.volume import VolumeResult
from rig.readings import Ambient
from rig.results import LimitSource, Outcome
from rig.scenario.model import BasalStep, BolusStep, Check
from rig.verdict import Limits, decide
from tests.judging.runs import RunMaker

HOUR = 3600.0
SOURCE = LimitSource("paper", "paper", "named by the scenario")
MEAN = Check(
    "mean", "overall error", "basal.overall_error", 2 * HOUR, 6 * HOUR, lower=-5, upper=5, source="pump.accuracy.basal"
)
STILL = VolumeModel(0.0, 10.0, 1.0, 0.0, 1.2, 1.2, 998.2, load_cm3=15.0)


def doubtful() -> Item:
    """A value whose vessel is badly known in air that may change: their product is not in the linear budget."""
    parts = (
        Component("air", 0.005, "kg/m3", STILL.partial("air_change"), enters="air_change"),
        Component("vessel volume", 20.0, "cm3", STILL.partial("load"), enters="load"),
    )
    value, budget = float(STILL.volume_ul()), Budget("uL", parts)
    volume = VolumeResult(value, 10.0, HOUR, budget, model=STILL)
    return Item("", 0.0, HOUR, value, budget.combined, budget, derivation=Derivation("V", 1.0, 0.0, volume))


def certain(distribution: str = "normal") -> Item:
    budget = Budget("%", (Component("all", 1.0, "%", distribution=distribution),))
    return Item("", 0.0, HOUR, 0.0, 1.0, budget)


def limits(half_width: float, middle: float = 0.0) -> Limits:
    return Limits(middle - half_width, middle + half_width, SOURCE)


def test_a_pass_that_monte_carlo_does_not_bear_out_is_withheld() -> None:
    item = doubtful()
    assert item.value is not None
    assert item.u is not None
    tight = limits(2.1 * item.u, item.value)
    decision = decide(item.value, item.u, tight)
    assert decision.outcome is Outcome.PASS
    found = propagated(item, tight, "uL")
    assert found is not None
    assert found.comparison.reaches_further
    withheld = found.withhold(decision, tight)
    assert (withheld.outcome, withheld.why) == (Outcome.INCONCLUSIVE, WITHHELD)
    assert "reaches further" in found.findings()[0].text


def test_a_wider_interval_that_still_lies_within_the_limits_takes_nothing_away() -> None:
    item = doubtful()
    assert item.value is not None
    assert item.u is not None
    wide = limits(10.0 * item.u, item.value)
    decision = decide(item.value, item.u, wide)
    found = propagated(item, wide, "uL")
    assert found is not None
    assert found.withhold(decision, wide) == decision


@pytest.mark.parametrize("half_width", [1.7, 1.9])
def test_a_narrower_interval_never_makes_a_pass(half_width: float) -> None:
    """Rectangular: 95 % lie within 1.65 u, well inside these limits; y +- 2u does not, and stands."""
    item, held = certain("rectangular"), limits(half_width)
    decision = decide(item.value, item.u, held)
    found = propagated(item, held, "%")
    assert found is not None
    assert found.comparison.interval[1] < half_width
    assert found.withhold(decision, held).outcome is decision.outcome is Outcome.INCONCLUSIVE
    assert "y +- U stands" in found.findings()[0].text
    assert any("rectangular" in doubt for doubt in found.doubts)
    assert any("limit lies" in doubt for doubt in found.doubts)


def test_a_fail_is_never_touched() -> None:
    item = doubtful()
    assert item.value is not None
    assert item.u is not None
    beyond = limits(item.u, item.value + 10.0 * item.u)
    decision = decide(item.value, item.u, beyond)
    found = propagated(item, beyond, "uL")
    assert found is not None
    assert decision.outcome is Outcome.FAIL
    assert found.withhold(decision, beyond) == decision


def test_a_normal_result_agrees_and_says_nothing() -> None:
    found = propagated(certain(), limits(5.0), "%")
    assert found is not None
    assert found.findings() == []
    assert found.document()["agrees"] is True


def test_few_degrees_of_freedom_are_named() -> None:
    part = Component("balance zero drift", 1.0, "%", distribution="t", degrees_of_freedom=3.5)
    item = replace(certain(), budget=Budget("%", (part,)))
    found = propagated(item, limits(50.0), "%")
    assert found is not None
    assert "balance zero drift rests on 3.5 degrees of freedom" in found.doubts


def test_only_a_pass_within_chebyshevs_reach_of_a_limit_is_looked_at_again() -> None:
    item = certain()
    for half_width, expected in ((4.4, True), (4.6, False)):
        held = limits(half_width)
        assert needs_a_look(item, held, decide(item.value, item.u, held)) is expected
    assert not needs_a_look(item, limits(1.0), decide(item.value, item.u, limits(1.0)))


def test_every_judged_value_carries_monte_carlo() -> None:
    bolus = Check("bolus", "b", "bolus.mean_error", amount_u=1.0, source="pump.accuracy.bolus")
    each = Check("each", "e", "bolus.each_error", amount_u=1.0, source="pump.accuracy.bolus")
    maker = RunMaker((BasalStep(1.0, 9 * HOUR), BolusStep(1.0, 5)), (MEAN, bolus, each))
    for check in judge_evidence(maker.make()).checks:
        assert check.monte_carlo is not None
        assert check.expanded_uncertainty is not None
        assert check.monte_carlo["u"] == pytest.approx(check.expanded_uncertainty / 2, rel=0.02)
        assert check.monte_carlo["mean"] == pytest.approx(check.value, abs=0.02 * check.expanded_uncertainty)
        low, high = check.monte_carlo["interval"]
        assert low < (check.value or 0.0) < high


def made(gain: float = 1.0) -> Evidence:
    return RunMaker((BasalStep(1.0, 9 * HOUR),), (MEAN,), gain=gain).make()


def in_air(evidence: Evidence, *air: Ambient) -> Evidence:
    return replace(evidence, record=replace(evidence.record, ambient=air))


def air(at_s: float = 0.0, t: float = 20.0, h: float = 50.0, p: float = 1013.25) -> Ambient:
    return Ambient(int(at_s * 1e9), t, h, p, 0.2, 3.0, 1.0, "sensor")


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (air(t=28.0), "air temperature is 28 C"),
        (air(t=14.0), "air temperature is 14 C"),
        (air(p=590.0), "air pressure is 59000 Pa"),
        (air(h=101.0), "relative humidity is 1.01"),
    ],
)
def test_a_run_in_air_outside_the_formula_is_invalid_with_the_reason(held: Ambient, words: str) -> None:
    result = judge_evidence(in_air(made(), held))
    assert result.checks[0].outcome is Outcome.INVALID
    assert words in result.checks[0].why
    assert "CIPM-2007" in result.checks[0].why


def stated(evidence: Evidence, at_c: float = 20.0) -> Evidence:
    liquid = Liquid("saline", 1004.6, at_c, 0.5, 2.1e-4, 0.7e-4, "pycnometer")
    return replace(evidence, bench=replace(evidence.bench, liquid=liquid))


def test_a_stated_liquid_is_used_and_stands_in_the_budget_with_its_source() -> None:
    water, saline = (judge_evidence(each).checks[0] for each in (made(), stated(made())))
    assert water.value is not None
    assert saline.value is not None
    # The same mass of a liquid denser by 0.64 % is less of it.
    ratio = (100.0 + saline.value) / (100.0 + water.value)
    assert ratio == pytest.approx((998.2043 - 1.2) / (1004.6 - 1.2), rel=1e-5)
    line = next(line for line in saline.budget if line.name == "liquid density")
    assert line.source == "pycnometer"
    assert line.standard_uncertainty == pytest.approx(math.hypot(0.5, 1004.6 * 2.1e-4 * 0.2), rel=1e-6)


def test_a_stated_liquid_far_from_its_temperature_is_invalid() -> None:
    check = judge_evidence(stated(made(), at_c=38.0)).checks[0]
    assert check.outcome is Outcome.INVALID
    assert "liquid temperature is 20 C" in check.why


def test_the_liquid_has_the_mean_temperature_of_the_interval_and_its_drift_stands_in_the_budget() -> None:
    """Two hours of blank and steps before the interval at 20 C, then a ramp of 4 K to its end."""
    evidence = made()
    start_s = 3 * HOUR  # an hour of blank, then from: 2 h
    warming = in_air(evidence, air(0.0), air(start_s), air(start_s + 6 * HOUR, t=24.0), air(12 * HOUR, t=24.0))
    check = judge_evidence(warming).checks[0]
    assert check.trace is not None
    assert check.trace["liquid_kg_per_m3"] == pytest.approx(997.7707, abs=2e-3)  # EX-07, 22 C, air-saturated
    line = next(line for line in check.budget if line.name == "liquid temperature during the interval")
    assert line.standard_uncertainty == pytest.approx(2.0 / math.sqrt(3.0), rel=1e-6)
    assert line.contribution == pytest.approx(100 * 2.28e-4 * 2.0 / math.sqrt(3.0), rel=0.02)
    still = judge_evidence(in_air(evidence, air())).checks[0]
    assert not any(line.name == "liquid temperature during the interval" for line in still.budget)
