"""Groups of boluses in the result: exact bins, shares with their intervals, and what a bolus over basal carries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reports.blocks import Paragraph
from reports.sections.bolus import bolus_blocks
from rig.analysis.intervals import nonparametric_two_sided_count
from rig.judging.bolus_tables import group_table
from rig.judging.judge import judge_evidence
from rig.judging.repeated import lay_out_stretch
from rig.judging.running import running_basal, without
from rig.judging.stretches import stretches_of
from rig.judging.view import RunView
from rig.profiles.pump import load_profile
from rig.scenario.model import BasalStep, BolusStep
from tests.analysis.test_groups import EX_03
from tests.judging.runs import RunMaker

HOUR = 3600.0


def _view(maker: RunMaker, profile: str = "sim-723") -> RunView:
    evidence = replace(maker.make(), profile=load_profile(profile))
    view = lay_out_stretch(evidence, stretches_of(evidence.record)[-1]).view
    assert view is not None
    return view


def test_the_worked_group_has_its_intervals_and_its_statement() -> None:
    """EX-03, EX-04: 25 of 25 within 5 %: 86.3 % to 100 %; 25 boluses support nothing without a distribution."""
    table = group_table(1.0, EX_03)
    assert (table["n"], table["within_5_pct"]) == (25, 100.0)
    assert table["within_5_interval_pct"] == pytest.approx([86.28, 100.0], abs=0.01)
    assert [table["tolerance"]["lower_u"], table["tolerance"]["upper_u"]] == pytest.approx([0.9427, 1.0581], abs=5.1e-5)
    bins = {(each["lower_pct"], each["upper_pct"]): each for each in table["bins"]}
    assert bins[95, 105]["count"] == 24
    assert bins[105, 110]["count"] == 1  # 1.05 U is exactly 105 %: the edge belongs to the upper bin
    assert bins[105, 110]["interval_pct"] == pytest.approx([0.10, 20.35], abs=0.01)
    told = table["nonparametric"]
    assert (told["needed_without_failure"], told["needed_for_range"]) == (59, 93)
    assert not told["without_failure_supported"]


def test_59_boluses_support_none_outside_and_93_the_range() -> None:
    assert group_table(1.0, [1.0, 1.01] * 29)["nonparametric"]["without_failure_supported"] is False
    assert group_table(1.0, [1.0, 1.01] * 30)["nonparametric"]["without_failure_supported"] is True
    assert nonparametric_two_sided_count(0.95, 0.95) == 93
    assert nonparametric_two_sided_count(0.90, 0.95) == 46


def test_the_start_delay_and_duration_of_a_bolus_lie_within_their_uncertainty() -> None:
    result = judge_evidence(RunMaker((BolusStep(5.0, 3),), ()).make())
    for item in result.analysis["boluses"]["items"]:
        assert abs(item["start_delay_s"]) <= item["expanded_uncertainty_start_delay_s"]
        assert abs(item["duration_s"] - 200.0) <= item["expanded_uncertainty_duration_s"]
        assert item["expanded_uncertainty_start_delay_s"] < 5.0


def test_a_group_counts_what_was_planned_and_could_not_be_measured() -> None:
    maker = RunMaker((BolusStep(1.0, 3), BolusStep(2.0, 2)), ())
    maker.drop.append((3600.0 + 250.0, 3600.0 + 250.0 + 90.0))  # within the second bolus
    maker.steps_run = 1
    one, two = judge_evidence(maker.make(end="bench_fault")).analysis["boluses"]["groups"]
    assert (one["set_u"], one["n"], one["planned"], one["not_measured"]) == (1.0, 2, 3, 1)
    assert one["within_5_pct"] == 100.0
    assert two == {"set_u": 2.0, "n": 0, "planned": 2, "not_measured": 2}
    blocks = bolus_blocks({"analysis": {"boluses": {"groups": [one, two], "items": []}}})
    told = [block.text for block in blocks if isinstance(block, Paragraph)]
    one_text, two_text = "1 of 3 planned boluses of 1.0 U", "2 of 2 planned boluses of 2.0 U"
    assert told == [f"Not measured, and in no mean, share or interval below: {one_text}; {two_text}."]


def test_a_group_that_was_measured_whole_says_nothing_more() -> None:
    (group,) = judge_evidence(RunMaker((BolusStep(1.0, 3),), ()).make()).analysis["boluses"]["groups"]
    assert (group["n"], group["planned"], group["not_measured"]) == (3, 3, 0)
    blocks = bolus_blocks({"analysis": {"boluses": {"groups": [group], "items": []}}})
    assert not any(isinstance(block, Paragraph) for block in blocks)


def test_the_basal_under_a_bolus_carries_what_the_run_itself_measured_of_it() -> None:
    view = _view(RunMaker((BasalStep(2.0, 4 * HOUR),), (), gain=0.95))
    basal = running_basal(view, 2.0)
    assert basal.u_rate_rel == pytest.approx((0.05 + 0.002) / 3**0.5, abs=0.005)
    assert "measured in this run: -" in basal.source


def test_without_a_measured_basal_the_claim_is_its_half_width_and_without_a_claim_15_percent() -> None:
    maker = RunMaker((BasalStep(2.0, 0.5 * HOUR), BolusStep(1.0, 1)), ())
    assert running_basal(_view(maker), 2.0).u_rate_rel == pytest.approx(0.05 / 3**0.5)
    assert running_basal(_view(maker, "mmt-723"), 2.0).u_rate_rel == pytest.approx(0.15 / 3**0.5)
    assert running_basal(_view(maker), 0.0).u_rate_rel == 0.0


def test_what_is_left_of_an_interval_is_outside_of_all_that_is_busy() -> None:
    assert without(0.0, 10.0, [(-1.0, 1.0), (3.0, 4.0), (3.5, 6.0), (20.0, 30.0)]) == [(1.0, 3.0), (6.0, 10.0)]
    assert without(0.0, 10.0, [(-1.0, 11.0)]) == []
