"""Occlusions measured from a weighing, against a plant that knows what happened."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.analysis.measured import stated
from rig.analysis.occlusion import (
    NO_EVAPORATION,
    NO_PINCH,
    OcclusionInstants,
    OcclusionSetting,
    effective_compliance,
    measure_occlusion,
    with_pinch_into_line,
)
from rig.analysis.occlusion_prediction import (
    partial_occlusion,
    stored_volume,
)
from rig.analysis.pinch import measure_pinch
from rig.errors import BenchError, UsageError
from rig.metrology.inputs import BalanceSpec
from tests.analysis.occlusion_cases import (
    ENOUGH,
    SETTING,
    air,
    chain,
    inside,
    instants,
    measured,
    pinch_of,
    some,
    usual,
)
from tests.analysis.occlusion_plant import Line, run


def test_missed_and_released_volumes_lie_within_their_uncertainty() -> None:
    assert inside([(found.missed, truth.missed) for truth, found in usual()]) >= ENOUGH
    assert inside([(some(found.released), truth.released) for truth, found in usual()]) >= ENOUGH
    shares = [(some(found.released_share), truth.released / truth.missed) for truth, found in usual()]
    assert inside(shares) >= ENOUGH
    assert all(found.settled for _, found in usual())


def test_the_uncertainties_are_worth_having() -> None:
    """Of 15 uL: the dose of 0.25 uL decides the missed volume, the clamp and the weighing the released one."""
    assert max(found.missed.expanded for _, found in usual()) < 0.5
    assert max(some(found.released).expanded for _, found in usual()) < 0.25


def test_time_to_alarm_is_what_the_stamps_say_and_covers_when_the_threshold_was_reached() -> None:
    for truth, found in usual():
        assert truth.alarm_s is not None
        assert truth.threshold_s is not None
        time = some(found.time_to_alarm)
        assert time.value == pytest.approx(truth.alarm_s - truth.closed_s)
        assert abs(truth.threshold_s + Line().latency_s - truth.closed_s - time.value) <= time.expanded
    names = {line.name for line in some(usual()[0][1].time_to_alarm).budget.lines()}
    assert {"reading interval", "age of the alarm", "first missing dose"} <= names


def test_missed_by_rate_agrees_with_the_weighing_where_nothing_leaks() -> None:
    for _, found in usual():
        apart = found.missed.value - found.missed_by_rate.value
        assert abs(apart) <= math.hypot(found.missed.expanded, found.missed_by_rate.expanded)


def test_the_time_constant_of_the_release_is_found() -> None:
    line = Line(resistance=0.05)  # 27 s
    truths = [run(line, seed, pinches=3) for seed in range(8)]
    found = [(some(measured(line, truth).time_constant), truth.time_constant_s) for truth in truths]
    assert inside(found) >= 7
    assert max(value.expanded for value, _ in found) < 2.0


def test_a_release_faster_than_the_readings_is_a_bound() -> None:
    line = Line(resistance=0.001)
    found = measured(line, run(line, 1))
    assert any("read the time constant as a bound" in note for note in some(found.time_constant).notes)
    assert abs(some(found.time_constant).value - 0.54) <= some(found.time_constant).expanded


def test_without_the_pinch_both_volumes_are_off_by_it_and_the_report_says_so() -> None:
    truth, with_pinch = usual()[0]
    raw = measure_occlusion(truth.times, truth.masses, instants(truth), SETTING, chain(Line()), air)
    assert some(with_pinch.pinch).closing.value == pytest.approx(0.4, abs=0.08)
    assert some(with_pinch.pinch).opening.value == pytest.approx(-0.4, abs=0.08)
    assert with_pinch.missed.value - raw.missed.value == pytest.approx(some(with_pinch.pinch).closing.value)
    assert some(with_pinch.released).value - some(raw.released).value == pytest.approx(
        -some(with_pinch.pinch).opening.value
    )
    assert NO_PINCH in raw.notes
    assert NO_PINCH not in with_pinch.notes


def test_a_blockage_that_lets_nothing_through_has_no_resistance() -> None:
    compliance, rise = stated(0.15, 0.003, "uL/kPa", "compliance"), stated(100.0, 1.0, "kPa", "rise")
    for missing in (9.9, 10.0, 12.0):
        assert partial_occlusion(stated(missing, 0.1, "uL", "m"), 10.0, compliance, rise, elapsed_h=1.0) is None


def test_a_pinch_seen_once_carries_itself_as_half_width() -> None:
    line = Line()
    truth = run(line, 3, pinches=1)
    pinch = some(pinch_of(line, truth))
    assert pinch.count == 1
    assert pinch.closing.u >= abs(pinch.closing.value) / math.sqrt(3.0)
    assert "seen once" in pinch.closing.notes[0]


def test_more_pinches_make_the_next_one_better_known() -> None:
    line = Line(longest_h=0.01)
    u = [some(pinch_of(line, run(line, 5, pinches=count))).closing.u for count in (2, 3, 10)]
    assert u[0] > u[1] > u[2] > line.pinch_scatter_ul


def test_pinches_too_close_to_each_other_are_refused() -> None:
    times = np.arange(0.0, 100.0)
    with pytest.raises(UsageError, match="too near"):
        measure_pinch(times, times * 0.0, [(20.0, 30.0)], chain(Line()), air)
    with pytest.raises(UsageError, match="no pinch"):
        measure_pinch(times, times * 0.0, [], chain(Line()), air)


def test_the_effective_compliance_is_that_of_the_plant() -> None:
    """The clamp's own volume that went back into the line is pressure that no dose made, and has its component."""
    line = Line()
    pairs = []
    for seed in range(8):
        found = measured(line, run(line, seed))
        latency = stated(line.latency_s + 2.5, 2.0, "s", "latency")
        stored = stored_volume(found.missed, 20.0, latency)
        alarm = stated(100.0, 0.5, "kPa", "threshold")
        start = stated(0.4, 0.2, "kPa", "start")
        pairs.append((effective_compliance(with_pinch_into_line(stored, found.pinch), alarm, start), line.compliance))
    assert inside(pairs) >= 7
    assert max(value.expanded for value, _ in pairs) < 0.01


def test_a_clamp_that_leaks_after_the_alarm_is_found_out() -> None:
    tight = [some(found.leaked_after_alarm) for _, found in usual()]
    assert inside([(leak, 0.0) for leak in tight]) >= ENOUGH
    line = Line(leak=8.0)  # 160 kPa: the alarm comes, and 12.5 uL/h leak
    truth = run(line, 1)
    assert truth.alarm_s is not None
    found = measured(line, truth)
    assert abs(found.missed.value - truth.missed) <= found.missed.expanded
    leak = some(found.leaked_after_alarm)
    assert leak.value > leak.expanded
    assert leak.value == pytest.approx(12.0 * 110.0 / 3600.0, abs=leak.expanded)


def test_without_evaporation_a_note_says_so() -> None:
    truth, _ = usual()[0]
    bare = replace(chain(Line()), evaporation=None)
    found = measure_occlusion(truth.times, truth.masses, instants(truth), SETTING, bare, air)
    assert NO_EVAPORATION in found.notes
    assert NO_EVAPORATION not in usual()[0][1].notes


def test_a_leaking_clamp_is_seen_as_a_partial_blockage_that_never_alarms() -> None:
    line = Line(leak=4.0, longest_h=2.5, collect_s=400.0)  # 20 uL/h x 4 = 80 kPa < 100 kPa
    truth = run(line, 2)
    assert truth.alarm_s is None
    found = measured(line, truth)
    assert found.time_to_alarm is None
    assert abs(found.missed.value - truth.missed) <= found.missed.expanded
    assert any("no alarm within 9000 s" in note for note in found.notes)
    assert any("still came out" in note for note in found.notes)
    compliance = stated(0.15, 0.003, "uL/kPa", "compliance")
    rise = stated(100.0, 1.0, "kPa", "rise")
    missing = with_pinch_into_line(found.missed, found.pinch)
    partial = partial_occlusion(missing, 20.0, compliance, rise, elapsed_h=2.5)
    assert partial is not None
    assert abs(partial.resistance.value - 4.0) <= partial.resistance.expanded
    assert partial.undetected_below.value == pytest.approx(5.0)
    assert partial.alarm == "never"
    assert partial.alarm_time_h is None
    assert 0.0 < partial.smallest_seen_kpa_h_per_ul < 0.5


@pytest.mark.parametrize(("missing", "alarm"), [(10.0, "never"), (14.9, "undecided"), (25.0, "expected")])
def test_a_partial_blockage_is_called_only_where_its_uncertainty_allows(missing: float, alarm: str) -> None:
    found = partial_occlusion(
        stated(missing, 0.1, "uL", "missing"),
        10.0,
        stated(0.15, 0.0015, "uL/kPa", "compliance"),
        stated(100.0, 1.0, "kPa", "rise"),
    )
    assert found is not None
    assert found.alarm == alarm
    times = (found.earliest_h, found.alarm_time_h, found.latest_h)
    if alarm == "expected":
        assert times[0] < times[1] < times[2]  # type: ignore[operator]
        assert found.alarm_time_h == pytest.approx(-16.6667 * 0.15 * math.log1p(-100.0 / 166.667), rel=1e-4)
    else:
        assert times == (None, None, None)


def test_a_running_schedule_is_taken_off_the_released_volume() -> None:
    truth, stopped = usual()[1]
    flow = 0.3 * 10.0 * 0.997155 / 3600.0
    masses = truth.masses + np.where(truth.times > truth.opened_s, (truth.times - truth.opened_s) * flow, 0.0)
    setting = replace(SETTING, rate_after_u_per_h=0.3)
    found = measure_occlusion(truth.times, masses, instants(truth), setting, chain(Line()), air, pinch=stopped.pinch)
    assert abs(some(found.released).value - truth.released) <= some(found.released).expanded
    assert some(found.released).u > some(stopped.released).u  # the edge of a dose


def test_the_first_minute_of_a_release_is_what_its_time_constant_lets_through() -> None:
    line = Line(resistance=0.1, collect_s=1200.0)  # 54 s
    pairs = []
    for seed in range(8):
        truth = run(line, seed, pinches=3)
        first = truth.released * -math.expm1(-60.0 / truth.time_constant_s)
        pairs.append((some(measured(line, truth, replace(SETTING, u_stamp_s=0.2)).released_in_60_s), first))
    assert inside(pairs) >= 7
    assert max(value.expanded for value, _ in pairs) < 0.25
    short = run(replace(line, collect_s=62.0), 1, pinches=3)
    assert measured(line, short).released_in_60_s is None


def test_a_release_cut_short_says_so_and_widens_its_uncertainty() -> None:
    line = Line(resistance=0.3, collect_s=70.0)  # 162 s
    truth = run(line, 1)
    found = measured(line, truth)
    assert not found.settled
    assert any("had not settled" in note for note in found.notes)
    assert some(found.released).expanded > 0.3 * some(found.released).value


def test_a_slow_release_is_waited_for() -> None:
    line = Line(resistance=0.3, collect_s=2400.0)
    for seed in range(3):
        truth = run(line, seed)
        found = measured(line, truth)
        assert found.settled
        assert found.collected_until_s is not None
        assert found.collected_until_s > truth.opened_s + 400.0
        whole = truth.released
        assert abs(some(found.released).value - whole) <= some(found.released).expanded


# invariants


@settings(max_examples=15, deadline=None)
@given(st.integers(-100_000, 100_000), st.integers(-50_000, 50_000))
def test_neither_the_clock_nor_the_tare_changes_a_result(shift_s: int, tare_mg: int) -> None:
    truth, before = usual()[2]
    moved = OcclusionInstants(
        *(None if value is None else value + shift_s for value in _five(instants(truth)))  # type: ignore[arg-type]
    )
    after = measure_occlusion(
        truth.times + shift_s, truth.masses + tare_mg, moved, SETTING, chain(Line()), air, pinch=before.pinch
    )
    for name in ("missed", "came_out", "released", "released_share", "time_constant", "time_to_alarm"):
        old, new = getattr(before, name), getattr(after, name)
        assert new.value == pytest.approx(old.value, rel=1e-6, abs=1e-6)
        assert new.u == pytest.approx(old.u, rel=1e-6)


def _five(item: OcclusionInstants) -> tuple[float | None, ...]:
    return item.closed_s, item.alarm_s, item.opened_s, item.from_s, item.to_s


@settings(max_examples=15, deadline=None)
@given(st.floats(0.25, 8.0))
def test_scaling_the_record_and_the_programme_scales_the_volumes(factor: float) -> None:
    truth, _ = usual()[4]
    bare = Line(evaporation_mg_per_h=0.0)
    here = measure_occlusion(truth.times, truth.masses, instants(truth), SETTING, chain(bare), air)
    big = replace(SETTING, rate_u_per_h=2.0 * factor, dose_u=0.025 * factor)
    line = replace(bare, noise_mg=0.02 * factor)
    scaled_chain = replace(chain(line), balance=BalanceSpec(0.02 * factor, 0.01 * factor))
    there = measure_occlusion(truth.times, truth.masses * factor, instants(truth), big, scaled_chain, air)
    for name in ("missed", "came_out", "missed_by_rate", "released"):
        assert getattr(there, name).value == pytest.approx(getattr(here, name).value * factor, rel=1e-6, abs=1e-9)
    assert some(there.released_share).value == pytest.approx(some(here.released_share).value, rel=1e-6)


# refusals


@pytest.mark.parametrize(
    "five",
    [
        (10.0, 5.0, 20.0, 0.0, 100.0),
        (10.0, 15.0, 12.0, 0.0, 100.0),
        (10.0, 15.0, 20.0, 11.0, 100.0),
        (10.0, 15.0, 120.0, 0.0, 100.0),
        (10.0, None, None, 0.0, 100.0),
        (10.0, math.nan, 20.0, 0.0, 100.0),
    ],
)
def test_instants_out_of_order_are_refused(five: tuple[float, float | None, float | None, float, float]) -> None:
    with pytest.raises(UsageError):
        OcclusionInstants(*five)


@pytest.mark.parametrize(
    "change", [{"rate_u_per_h": 0.0}, {"rate_u_per_h": math.nan}, {"dose_u": -1.0}, {"ul_per_u": 0}]
)
def test_impossible_settings_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises((UsageError, BenchError)):
        OcclusionSetting(**{"rate_u_per_h": 1.0, **change})


def test_a_record_without_readings_where_they_are_needed_is_refused() -> None:
    truth, _ = usual()[0]
    late = truth.times > truth.closed_s + 1.0
    with pytest.raises(BenchError, match="before the clamp closed"):
        measure_occlusion(truth.times[late], truth.masses[late], instants(truth), SETTING, chain(Line()), air)
    with pytest.raises(BenchError, match="pressure rise"):
        effective_compliance(
            stated(1.0, 0.1, "uL", "v"), stated(10.0, 6.0, "kPa", "alarm"), stated(0.0, 6.0, "kPa", "start")
        )
