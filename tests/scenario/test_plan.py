"""The dry run: volumes, forecasts and times of a scenario on a pump."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from rig.profiles.pump import load_profile
from rig.scenario.parse import load_scenario, parse_scenario
from rig.scenario.plan import plan
from rig.scenario.sequence import bolus_cycle_s
from rig.scenario.words import describe

START = datetime(2026, 3, 2, 21, 0, 0)
HEAD = "schema: 1\nid: x\ntitle: x\npump: {families: [22, 23]}\n"


def test_the_day_of_basal_is_49_units_and_two_days_and_three_hours() -> None:
    planned = plan(load_scenario("basal_24h"), load_profile("sim-723"), START)
    assert planned.total_u == pytest.approx(49.0)
    assert planned.volume_ul == pytest.approx(490.0)
    assert planned.mass_mg == pytest.approx(488.5, abs=0.1)
    assert planned.delivery_s == 49 * 3600
    assert planned.lead_s == 3600 + 60
    assert planned.duration_s == 51 * 3600 + 180
    assert planned.end_local == START + timedelta(seconds=planned.duration_s)
    assert planned.curve[0] == (0.0, 0.0)
    assert planned.curve[1] == pytest.approx((49 * 3600.0, 49.0))


def test_the_standard_verification_fits_a_large_reservoir_with_reserve() -> None:
    profile = load_profile("sim-723")
    planned = plan(load_scenario("standard"), profile, START)
    assert planned.total_u == pytest.approx(196.5)
    assert planned.total_u < planned.reservoir_need_u < profile.reservoir_u
    assert [step.expected_u for step in planned.steps] == pytest.approx([49.0, 2.5, 25.0, 120.0])


def test_the_profile_day_crosses_midnight_and_sums_to_its_rates() -> None:
    scenario = load_scenario("basal_profile")
    planned = plan(scenario, load_profile("sim-522"), START)
    day_u = 2 * 0.8 + 1.5 * 0.95 + 1.5 * 1.1 + 1.5 * 1.4 + 1.5 * 1.6 + 2 * 1.2 + 2 * 0.9 + 1.5 * 1.0
    day_u += 1.5 * 0.7 + 2 * 0.85 + 2 * 1.3 + 2 * 1.15 + 2 * 0.75
    assert planned.programme.basal_u(2 * 3600, 26 * 3600) == pytest.approx(day_u, abs=1e-9)
    rates = {part.rate_u_per_h for part in planned.programme.segments if part.end_s > 0}
    assert len(rates) == 14
    assert 0.0 in rates
    first = planned.rate_at(0.0)  # 22:01 on the pump's clock
    assert first == 0.75


@pytest.mark.parametrize(("duration_s", "cycle_s"), [(4.0, 139.0), (200.0, 335.0), (400.0, 575.0)])
def test_a_bolus_cycle_is_baseline_delivery_settling_and_slope_window(duration_s: float, cycle_s: float) -> None:
    assert bolus_cycle_s(duration_s) == cycle_s


def test_boluses_run_under_a_temporary_basal_of_zero_unless_told_otherwise() -> None:
    text = HEAD + (
        "steps:\n- basal: {rate: 2 U/h, for: 1 h}\n- bolus: {amount: 1 U, repeat: 2}\n"
        "- bolus: {amount: 1 U, over_basal: true}\n- wait: {for: 1 h}\n"
    )
    planned = plan(parse_scenario(text), load_profile("sim-722"), START)
    under, over, wait = planned.steps[1:]
    assert under.expected_u == pytest.approx(2.0)
    assert over.expected_u == pytest.approx(1.0 + 2.0 * (over.end_s - over.start_s) / 3600)
    assert wait.expected_u == pytest.approx(2.0)
    assert planned.rate_at(under.start_s + 1) == 0.0
    assert len(planned.programme.boluses) == 3


def test_time_counts_from_the_first_delivery_when_the_scenario_begins_with_a_wait() -> None:
    text = HEAD + "blank: {before: 1 h}\nsteps:\n- wait: {for: 30 min}\n- basal: {rate: 1 U/h, for: 2 h}\n"
    planned = plan(parse_scenario(text), load_profile("sim-722"), START)
    assert planned.steps[0].start_s == -1800
    assert planned.lead_s == 60 + 3600 + 1800
    assert planned.expected_u(3600.0) == pytest.approx(1.0)
    assert planned.expected_u(-100.0) == 0.0
    assert planned.duration_s == planned.lead_s + 7200


def test_suspend_and_temporary_basal_are_in_the_programme() -> None:
    text = HEAD + (
        "steps:\n- basal: {rate: 1 U/h, for: 1 h}\n- temp_basal: {percent: 150 %, for: 1 h}\n"
        "- suspend: {for: 1 h}\n- resume\n- wait: {for: 1 h}\n"
    )
    planned = plan(parse_scenario(text), load_profile("sim-722"), START)
    assert [step.expected_u for step in planned.steps] == pytest.approx([1.0, 1.5, 0.0, 0.0, 1.0])
    assert [step.text for step in planned.steps] == [
        "basal 1 U/h for 1 h", "temporary basal 150 % for 1 h", "suspend 1 h", "resume", "wait 1 h",
    ]  # fmt: skip


def test_a_scenario_that_only_boluses_has_no_basal_before_it() -> None:
    planned = plan(parse_scenario(HEAD + "steps: [{bolus: {amount: 1 U}}]\n"), load_profile("sim-722"), START)
    assert planned.total_u == pytest.approx(1.0)
    assert describe(parse_scenario(HEAD + "steps: [{bolus: {amount: 1 U}}]\n").steps[0]) == (
        "1 x bolus 1 U under a temporary basal of 0"
    )


def test_the_curve_rises_from_nothing_to_the_total() -> None:
    planned = plan(load_scenario("bolus_series"), load_profile("sim-723"), START)
    volumes = [volume for _, volume in planned.curve]
    assert volumes == sorted(volumes)
    assert (volumes[0], volumes[-1]) == pytest.approx((0.0, planned.total_u))
