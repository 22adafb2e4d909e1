"""Reading gaps: the pump kept delivering, and what nobody saw is bounded by the levels on both sides."""

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from rig.analysis.bridging import Gap, Side, departure_of
from rig.errors import BenchError
from rig.judging.evidence import Evidence
from rig.judging.gaps import REATTACHED, REOPENED, ExplainedGap, bridges
from rig.judging.judge import judge_evidence
from rig.judging.view import lay_out
from rig.metrology.noise import NoiseModel
from rig.programme import BasalSegment, Programme
from rig.record.reader import Event
from rig.results import CheckResult, Outcome, Result
from rig.scenario.model import BasalStep, BolusStep, Check, Step
from tests.judging.runs import BLANK_S, NS, RunMaker
from tests.judging.segments import resumed, segment, shifted, together

HOUR = 3600.0
CLAIM = "pump.accuracy.basal"


def _reattached(
    gap_s: float = 300.0,
    *,
    rate: float = 2.0,
    hours: float = 6.0,
    gain: float = 1.0,
    shift_mg: float = 0.0,
    hold_s: float = 600.0,
    at_s: float = 2 * HOUR,
    checks: tuple[Check, ...] = (),
    steps: tuple[Step, ...] = (),
    seed: int = 1,
) -> Evidence:
    """A run whose runner was lost ``at_s`` after the first delivery; the pump went on for ``gap_s``."""
    steps = steps or (BasalStep(rate, hours * HOUR),)
    checks = checks or (Check("all", "all", "basal.overall_error", 0.0, hours * HOUR, None, None, -5, 5, "%", CLAIM),)
    whole = RunMaker(steps, checks, gain=gain, seed=seed).make()
    scenario = replace(whole.scenario, on_runner_loss="hold", hold_s=hold_s)
    lost_s = BLANK_S + at_s
    first = segment(whole.record, to_s=lost_s)
    later = segment(whole.record, 2, from_s=lost_s + gap_s, end="completed")
    later = resumed(shifted(later, lambda _at_ns: shift_mg), "reattach", 0, 0.0)
    return together(replace(whole, scenario=scenario), [first, later])


def _only(result: Result) -> CheckResult:
    (check,) = result.checks
    return check


def _gap_line(check: CheckResult) -> float:
    (line,) = [line for line in check.budget if line.name.startswith("reading gap")]
    return line.contribution


def test_a_clean_gap_costs_uncertainty_and_nothing_else() -> None:
    steps = (BasalStep(2.0, 6 * HOUR),)
    check = Check("all", "all", "basal.overall_error", 0.0, 6 * HOUR, None, None, -5, 5, "%", CLAIM)
    plain = _only(judge_evidence(RunMaker(steps, (check,)).make()))
    result = judge_evidence(_reattached())
    bridged = _only(result)
    assert bridged.outcome is Outcome.PASS
    assert bridged.value == pytest.approx(plain.value, abs=1e-6)
    assert bridged.expanded_uncertainty is not None
    assert plain.expanded_uncertainty is not None
    assert bridged.expanded_uncertainty > plain.expanded_uncertainty
    assert _gap_line(bridged) > 0
    assert [gap.cause for gap in result.gaps] == [REATTACHED]
    assert not any(finding.id == "shift-in-gap" for finding in result.findings)
    assert [(row["mode"], row["end_reason"]) for row in result.segments] == [
        ("start", "interrupted"),
        ("reattach", "completed"),
    ]


@pytest.mark.parametrize("shift_mg", [0.5, -0.5])
def test_half_a_milligram_that_moved_in_the_gap_is_found_and_no_small_volume_passes(shift_mg: float) -> None:
    result = judge_evidence(_reattached(60.0, rate=1.0, hours=1.0, at_s=0.5 * HOUR, shift_mg=shift_mg))
    check = _only(result)
    assert check.outcome is not Outcome.PASS
    (told,) = [finding for finding in result.findings if finding.id == "shift-in-gap"]
    assert f"{shift_mg:+.1f}"[:3] in told.text
    assert check.expanded_uncertainty is not None
    assert check.expanded_uncertainty > 2 * 100 * 0.45 / 9.97  # the departure itself is in U


def test_the_same_shift_in_a_large_volume_leaves_a_pass() -> None:
    result = judge_evidence(_reattached(60.0, rate=4.0, hours=6.0, shift_mg=0.5))
    assert _only(result).outcome is Outcome.PASS


def test_a_shift_never_turns_a_short_delivery_into_a_pass() -> None:
    """The worst of it: a drop that falls in the gap makes up for what the pump did not deliver."""
    for seed in range(5):
        evidence = _reattached(120.0, rate=1.0, hours=2.0, at_s=HOUR, gain=0.93, shift_mg=0.07 * 2 * 9.97, seed=seed)
        assert _only(judge_evidence(evidence)).outcome is not Outcome.PASS


@pytest.mark.parametrize(("from_s", "for_s"), [(2 * HOUR + 100.0, 3 * HOUR), (0.0, 2 * HOUR + 100.0)])
def test_a_gap_at_the_edge_of_a_window_is_invalid(from_s: float, for_s: float) -> None:
    check = Check("edge", "edge", "basal.overall_error", from_s, for_s, None, None, -5, 5, "%", CLAIM)
    judged = _only(judge_evidence(_reattached(checks=(check,))))
    assert judged.outcome is Outcome.INVALID
    assert "an edge of the interval lies in the reading gap" in judged.why


def test_a_gap_outside_the_window_costs_nothing() -> None:
    check = Check("after", "after", "basal.overall_error", 3 * HOUR, 3 * HOUR, None, None, -5, 5, "%", CLAIM)
    judged = _only(judge_evidence(_reattached(checks=(check,))))
    assert judged.outcome is Outcome.PASS
    assert not any(line.name.startswith("reading gap") for line in judged.budget)


def test_a_gap_longer_than_the_pump_was_held_is_not_tolerable() -> None:
    judged = judge_evidence(_reattached(900.0, hold_s=600.0))
    assert _only(judged).outcome is Outcome.INVALID
    assert "longer than the" in judged.gaps[0].cause


def test_a_gap_that_nothing_explains_stays_not_measurable() -> None:
    evidence = _reattached(300.0)
    first, second = evidence.record.segments
    silent = replace(second, events=tuple(e for e in second.events if e.name != "run_resumed"))
    whole = segment(together(evidence, [first, silent]).record, 1, end="completed")
    assert _only(judge_evidence(together(evidence, [whole]))).outcome is Outcome.INVALID


@pytest.mark.parametrize(
    ("within", "why_not"), [((2.0, 4.0), ""), ((2.0, 3.0, 4.0), "3 U/h within the reading gap only")]
)
def test_a_rate_that_changed_in_the_gap_must_have_been_measured_beside_it(
    within: tuple[float, ...], why_not: str
) -> None:
    """A profile goes on by the pump's clock while nobody looks."""
    view = lay_out(RunMaker((BasalStep(2.0, HOUR),), ()).make())
    edges = [0.0, *np.linspace(3620.0, 3680.0, len(within) - 1), 7200.0]
    parts = tuple(BasalSegment(*pair, rate) for pair, rate in zip(pairwise(edges), within, strict=True))
    programme = Programme(parts, (), 0.025)
    times = np.array([t for t in np.arange(0.0, 7200.0, 5.0) if not 3600.0 < t < 3700.0])
    masses = np.array([programme.basal_u(0.0, float(t)) * 9.97 for t in times])
    gap = ExplainedGap(3600.0, 3700.0, REATTACHED, 600.0)
    (bridge,) = bridges([gap], times, masses, programme, view.chain, 10.0)
    assert why_not in bridge.why_not
    if not why_not:
        assert bridge.departure is not None
        assert abs(bridge.departure.departure_mg) < 0.02
        assert not bridge.shifted


def test_hours_and_trumpet_samples_that_nobody_weighed_are_left_out() -> None:
    table = judge_evidence(_reattached(300.0, at_s=2 * HOUR - 100.0)).analysis["basal"][0]
    assert table["windows_1h"]["count"] == 4  # of six: the edge between the second and third was not weighed
    assert "reading gap" in table["trumpet_why_not"]
    inside = judge_evidence(_reattached(300.0, at_s=2 * HOUR + 120.0)).analysis["basal"][0]
    assert inside["windows_1h"]["count"] == 6
    assert "trumpet" in inside


def _reopened(lost_s: float, down_s: float, steps: tuple[Step, ...], check: Check, shift_mg: float = 0.0) -> Evidence:
    """A balance that fell silent and came back, in one segment."""
    maker = RunMaker(steps, (check,))
    maker.drop.append((lost_s, lost_s + down_s))
    evidence = maker.make()
    back = Event(round((lost_s + down_s) * NS) - 1, "link_reopened", {"link": "balance", "down_s": down_s})
    events = tuple(sorted((*evidence.record.events, back), key=lambda event: event.at_ns))
    record = replace(evidence.record, events=events)
    part = shifted(segment(record, end="completed"), lambda at_ns: shift_mg if at_ns > back.at_ns else 0.0)
    return together(evidence, [part])


def test_a_balance_that_was_reopened_costs_uncertainty_too() -> None:
    check = Check("all", "all", "basal.overall_error", 0.0, HOUR, None, None, -5, 5, "%", CLAIM)
    steps = (BasalStep(2.0, HOUR),)
    for shift_mg, outcome in ((0.0, Outcome.PASS), (1.0, Outcome.INCONCLUSIVE)):
        result = judge_evidence(_reopened(BLANK_S + 0.5 * HOUR, 40.0, steps, check, shift_mg))
        judged = _only(result)
        assert _gap_line(judged) > 0
        assert judged.outcome is outcome
        assert [gap.cause for gap in result.gaps] == [REOPENED]


def test_a_bolus_with_a_reopened_balance_in_it_is_not_measured() -> None:
    check = Check("each", "each", "bolus.each_error", source="pump.accuracy.bolus")
    result = judge_evidence(_reopened(BLANK_S + 100.0, 20.0, (BolusStep(10.0, 2),), check))
    assert _only(result).outcome is Outcome.INVALID
    assert "a reading gap of" in str(_only(result).items[0]["why"])


def test_a_blank_that_a_shift_divides_uses_its_longer_part() -> None:
    check = Check("all", "all", "basal.overall_error", 0.0, 6 * HOUR, None, None, -5, 5, "%", CLAIM)
    result = judge_evidence(_reopened(1000.0, 40.0, (BasalStep(2.0, 6 * HOUR),), check, shift_mg=0.5))
    blank = result.analysis["blank"]["before"]
    assert blank["duration_s"] == pytest.approx(BLANK_S - 1040.0, abs=21.0)
    assert abs(blank["slope_mg_per_h"]) < 0.05  # 0.5 mg within the hour would be 0.7 mg/h
    assert _only(result).outcome is Outcome.PASS


NOISE = NoiseModel(0.01, 1.0, 3600.0)


def _steps(gap_s: float, shift_mg: float, dose_mg: float, seed: int) -> float:
    """Doses at a phase of their own, white noise, a gap, and a shift: the departure in units of its u."""
    source = random.Random(seed)
    phase = source.random()
    times = np.array([t for t in range(7200) if not 3600 < t < 3600 + gap_s], dtype=np.float64)
    doses = np.floor(times / 45.0 + phase) * dose_mg
    noise = np.array([source.gauss(0.0, 0.01) for _ in times])
    masses = doses + noise + shift_mg * (times >= 3600 + gap_s)
    gap = Gap(3600.0, 3600.0 + gap_s, gap_s / 2, gap_s / 2, 900.0, dose_mg)
    found = departure_of(times, masses, Side(0.0, 3600.0), gap, Side(3600.0 + gap_s, 7199.0), NOISE, 0.01)
    return found.departure_mg / found.u_mg


@pytest.mark.parametrize("gap_s", [10.0, 100.0, 600.0])
def test_no_shift_is_seen_where_none_was(gap_s: float) -> None:
    ratios = [abs(_steps(gap_s, 0.0, 0.25, seed)) for seed in range(40)]
    assert max(ratios) < 3.0
    assert np.mean(np.square(ratios)) < 1.5  # u is not too small ...


def test_a_shift_of_a_few_doses_is_seen() -> None:
    assert min(abs(_steps(100.0, 1.0, 0.25, seed)) for seed in range(20)) > 3.0  # ... and not too large


def test_too_little_beside_a_gap_is_refused() -> None:
    times = np.arange(0.0, 100.0)
    gap = Gap(5.0, 50.0, 22.5, 22.5, 300.0)
    with pytest.raises(BenchError, match="at a constant rate beside the gap"):
        departure_of(times, times, Side(0.0, 5.0), gap, Side(50.0, 99.0), NOISE)
