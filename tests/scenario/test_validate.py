"""A scenario against a pump and a bench: what does not fit is refused in one line, before anything moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rig.config import BenchConfig, load_bench
from rig.errors import ConfigError, ScenarioError
from rig.profiles.pump import PumpProfile, load_profile
from rig.scenario.model import BasalStep, BolusStep, Check, ProfileStep, Scenario
from rig.scenario.parse import load_scenario, parse_scenario
from rig.scenario.validate import validate_for

HEAD = "schema: 1\nid: x\ntitle: x\npump: {families: [22, 23]}\nsteps:\n- basal: {rate: 1 U/h, for: 1 h, name: run}\n"


@pytest.fixture
def bench() -> BenchConfig:
    return load_bench("simulated")


def pump(number: str) -> PumpProfile:
    return load_profile(f"sim-{number}")


@pytest.mark.parametrize("name", ["quick", "basal_24h", "basal_profile", "bolus_series", "standard"])
def test_every_shipped_scenario_fits_the_default_bench(name: str, bench: BenchConfig) -> None:
    planned = validate_for(load_scenario(name), bench.pump_profile(), bench)
    assert planned.total_u > 0


@pytest.mark.parametrize("name", ["quick", "basal_24h", "basal_profile", "bolus_series"])
@pytest.mark.parametrize("bench_name", ["simulated-522", "pi-example", "pty-example"])
def test_all_but_the_standard_fit_every_shipped_bench(name: str, bench_name: str) -> None:
    other = load_bench(bench_name)
    assert validate_for(load_scenario(name), other.pump_profile(), other).duration_s > 0


REFUSALS = [
    ("522", "- bolus: {amount: 0.15 U}",
     ("x.yaml:7: steps[2].bolus: a 522 cannot deliver a bolus of 0.15 U; "
     "expected an amount that it can; it would round to 0.1 U")),
    ("523", "- bolus: {amount: 2.36 U}", ("x.yaml:7: steps[2].bolus: a 523 cannot deliver a bolus of 2.36 U; "
     "expected an amount that it can; it would round to 2.35 U")),
    ("522", "- bolus: {amount: 0.05 U}",
     "x.yaml:7: steps[2].bolus: a bolus of 0.05 U is below the pump's limit; expected 0.1 U to 25 U on a 522"),
    ("522", "- bolus: {amount: 30 U}",
     "x.yaml:7: steps[2].bolus: a bolus of 30 U is above the pump's limit; expected 0.1 U to 25 U on a 522"),
    ("522", "- basal: {rate: 40 U/h, for: 1 h}",
     "x.yaml:7: steps[2].basal: 40 U/h is above the pump's limit; expected at most 35 U/h on a 522"),
    ("522", "- basal: {rate: 0.025 U/h, for: 1 h}",
     ("x.yaml:7: steps[2].basal: a 522 cannot be set to 0.025 U/h; "
     "expected a rate that it can be set to; it would round to 0 U/h")),
    ("723", '- profile: {for: 1 h, segments: [{at: "00:00", rate: 1.01 U/h}]}',
     "x.yaml:7: steps[2].profile: a 723 cannot be set to 1.01 U/h"),
    ("723", "- temp_basal: {rate: 1 U/h, for: 45 min}",
     "x.yaml:7: steps[2].temp_basal: a temporary basal cannot last 45 min; expected 30 min to 24 h in steps of 30 min"),
    ("723", "- temp_basal: {rate: 1 U/h, for: 25 h}",
     "x.yaml:7: steps[2].temp_basal: a temporary basal cannot last 25 h"),
    ("723", "- temp_basal: {percent: 250 %, for: 1 h}",
     "x.yaml:7: steps[2].temp_basal: 250 % is above the pump's limit; expected at most 200 % on a 723"),
    ("522", "- bolus: {amount: 25 U, repeat: 7}",
     ("x.yaml: the reservoir is too small: 176.0 U are programmed, 185.8 U needed with reserve; "
     "expected at most the 176 U of a 522")),
    ("723", ("- bolus: {amount: 1 U}\nchecks: [{id: c, measure: bolus.mean_error, limit: 4 %, "
            "source: pump.accuracy.bolus, amount: 1 U}]"),
     "x.yaml:8: checks.c: the limit is not what pump.accuracy.bolus says; expected +-5 % (declared for the twin)"),
    ("723", ("- bolus: {amount: 0.1 U}\nchecks: [{id: c, measure: bolus.mean_error, limit: 5 %, "
            "source: pump.accuracy.bolus, amount: 0.1 U}]"),
     "x.yaml:8: checks.c: the claim of sim-723 for 0.1 U is +-0.05 U, not one in %; expected bolus.each_error_u"),
    ("723", ("- bolus: {amount: 1 U}\nchecks: [{id: c, measure: bolus.each_error_u, limit: 0.05 U, "
            "source: pump.accuracy.bolus, amount: 1 U}]"),
     "x.yaml:8: checks.c: the claim of sim-723 for 1 U is +-5 %, not one in U; expected bolus.each_error or"),
    ("723", "- bolus: {amount: 10 U}\nchecks: [{id: c, measure: basal.delivered, for: 4300 s}]",
     ("x.yaml:8: checks.c: the window reaches to 1 h 11 min 40 s, beyond the end of the programme; "
     "expected at most 1 h 07 min 30 s after the first delivery")),
]  # fmt: skip


@pytest.mark.parametrize(("number", "lines", "message"), REFUSALS)
def test_what_the_pump_cannot_do_is_refused(number: str, lines: str, message: str, bench: BenchConfig) -> None:
    with pytest.raises(ScenarioError) as caught:
        validate_for(parse_scenario(HEAD + lines + "\n", "x.yaml"), pump(number), bench)
    assert str(caught.value).startswith(message)


def test_a_scenario_for_another_model_is_refused(bench: BenchConfig) -> None:
    scenario = parse_scenario(HEAD.replace("[22, 23]", "[22]"), "x.yaml")
    with pytest.raises(
        ScenarioError, match="for another model: families 22, and the pump is a 723; expected family 23"
    ):
        validate_for(scenario, pump("723"), bench)


def test_a_vessel_too_small_is_refused(bench: BenchConfig) -> None:
    small = replace(bench, vessel=replace(bench.vessel, capacity_ul=400.0))
    with pytest.raises(
        ScenarioError, match="the vessel is too small: 514 uL would be collected; expected at most its 400"
    ):
        validate_for(load_scenario("basal_24h"), pump("723"), small)


def test_a_hardware_run_that_outlives_the_calibration_is_refused() -> None:
    other = load_bench("pi-example")
    scenario = load_scenario("basal_24h")
    in_time = datetime(2027, 6, 27, 8, 0, 0)
    assert validate_for(scenario, other.pump_profile(), other, in_time).end_local.date() < other.calibration_due
    with pytest.raises(ConfigError, match="the calibration expires on 2027-06-30, before scenario basal_24h ends on"):
        validate_for(scenario, other.pump_profile(), other, in_time + timedelta(days=1))


def test_the_standard_verification_needs_a_large_reservoir() -> None:
    other = load_bench("simulated-522")
    with pytest.raises(ScenarioError, match=r"196\.5 U are programmed.*the 176 U of a 522"):
        validate_for(load_scenario("standard"), other.pump_profile(), other)


def test_a_limit_of_a_claim_that_nobody_confirmed_is_left_to_the_judge() -> None:
    other = load_bench("pi-example")
    profile = other.pump_profile()
    assert not profile.claims["basal"].decides
    assert validate_for(load_scenario("basal_24h"), profile, other).total_u == pytest.approx(49.0)


def made(**changes: object) -> Scenario:
    plain = Scenario("made", "Made in Python", (22, 23), ("pump", "balance"), (BasalStep(1.0, 3600.0),), ())
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_a_scenario_made_in_python_is_planned_like_one_from_a_file(bench: BenchConfig) -> None:
    assert validate_for(made(), pump("723"), bench).total_u == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": ()}, "the scenario has no steps"),
        ({"steps": (BasalStep(1.0, -5.0),)}, "duration_s is -5; expected more than 0"),
        ({"steps": (BasalStep(float("nan"), 5.0),)}, "rate_u_per_h is nan"),
        ({"steps": (BolusStep(float("inf")),)}, "amount_u is inf"),
        ({"steps": (BolusStep(1.0, repeat=0),)}, "repeat is 0"),
        ({"steps": (ProfileStep(((2, 1.0),), 3600.0),)}, "the segments do not cover a day"),
        ({"checks": (Check("c", "c", "basal.error"),)}, "unknown measure 'basal.error'"),
        ({"checks": (Check("c", "c", "basal.overall_error", upper=5.0),)}, "the limit has no source"),
    ],
)
def test_impossible_values_made_in_python_are_refused(
    changes: dict[str, object], message: str, bench: BenchConfig
) -> None:
    with pytest.raises(ScenarioError, match=message.replace("(", r"\(")):
        validate_for(made(**changes), pump("723"), bench)


LONG = HEAD.replace("rate: 1 U/h, for: 1 h", "rate: RATE U/h, for: HOURS h")


@pytest.mark.parametrize(
    ("rate", "hours", "check", "why"),
    [
        ("1", 48, "measure: basal.overall_error, from: 24 h, for: 24 h, source: L-B1", ""),
        ("1", 50, "measure: basal.overall_error, from: 25 h, source: L-B1", ""),
        ("1", 48, "measure: basal.overall_error, source: L-B1", "its window begins 0 s after the first delivery"),
        ("1", 48, "measure: basal.overall_error, from: 24 h, for: 6 h, source: L-B1", "its window lasts 6 h"),
        ("0.5", 48, "measure: basal.overall_error, from: 24 h, source: L-B1", "it runs at 0.5 U/h"),
        ("0.05", 24, "measure: basal.overall_error, source: L-B2", ""),
        ("0.025", 24, "measure: basal.segment_error, source: L-B2", "it runs at 0.025 U/h"),
        ("1", 72, "measure: basal.overall_error, source: L-B6", ""),
        ("1", 24, "measure: basal.overall_error, source: L-B6", "its window lasts 24 h"),
    ],
)
def test_a_default_is_refused_where_its_words_are_not_true(
    rate: str, hours: int, check: str, why: str, bench: BenchConfig
) -> None:
    text = LONG.replace("RATE", rate).replace("HOURS", str(hours)) + f"checks:\n- {{id: c, {check}}}\n"
    scenario = parse_scenario(text, "x.yaml")
    if not why:
        validate_for(scenario, pump("523"), bench)
        return
    with pytest.raises(ScenarioError) as refused:
        validate_for(scenario, pump("523"), bench)
    source = str(scenario.checks[0].source)
    assert f"{source} does not hold for this check: {why}" in str(refused.value)
    assert "x.yaml:8: checks.c" in str(refused.value)


def test_a_bolus_or_another_rate_in_the_window_is_not_what_l_b1_speaks_of(bench: BenchConfig) -> None:
    steps = "- bolus: {amount: 1 U}\n- basal: {rate: 1 U/h, for: 24 h}\n"
    check = "checks:\n- {id: c, measure: basal.overall_error, from: 24 h, for: 24 h, source: L-B1}\n"
    text = LONG.replace("RATE", "1").replace("HOURS", "24") + steps + check
    with pytest.raises(
        ScenarioError, match=r"L-B1 does not hold for this check: (it runs at 0 U/h|a bolus runs in it)"
    ):
        validate_for(parse_scenario(text, "x.yaml"), pump("523"), bench)
