"""Windows, start-up, cumulative volumes, segments, dose edges: EX-06 and invariants."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.analysis.basal import (
    cumulative_deliveries,
    delivery_error,
    dose_edge_component,
    segment_deliveries,
    startup_flow,
)
from rig.analysis.quality import find_gaps, repeated_readings
from rig.analysis.series import checked, level_at, level_between, value_at
from rig.analysis.windows import error_statistics, fixed_windows, relative_errors_pct
from rig.errors import BenchError, UsageError
from rig.metrology.budget import Budget, Component
from rig.metrology.volume import VolumeResult
from tests.analysis import naive


def test_error_statistics_agree_with_the_worked_example() -> None:
    """EX-06."""
    stats = error_statistics([0.95, 1.10, 1.00, 0.80, 1.05], 1.0)
    assert stats.mean_pct == pytest.approx(-2.0, abs=1e-9)
    assert stats.sd_pct == pytest.approx(11.51086, abs=5.1e-6)
    assert stats.mard_pct == pytest.approx(8.0, abs=1e-9)
    assert stats.median_abs_pct == pytest.approx(5.0, abs=1e-9)
    assert [stats.within_pct(limit) for limit in (5, 10, 15)] == pytest.approx([60.0, 80.0, 80.0])
    assert stats.outside_pct(15) == pytest.approx(20.0)


def test_a_single_window_has_no_standard_deviation() -> None:
    assert error_statistics([1.0], 1.0).sd_pct is None


@pytest.mark.parametrize(("volumes", "target"), [([], 1.0), ([1.0], 0.0), ([float("nan")], 1.0)])
def test_statistics_of_nothing_are_refused(volumes: list[float], target: float) -> None:
    with pytest.raises(UsageError):
        error_statistics(volumes, target)


def test_each_window_may_have_its_own_target() -> None:
    assert relative_errors_pct([1.1, 1.8], [1.0, 2.0]) == pytest.approx([10.0, -10.0])
    assert error_statistics([1.1, 1.8], [1.0, 2.0]).total_error_pct == pytest.approx(100 * (2.9 / 3.0 - 1))


def test_hours_are_complete_adjacent_and_counted_from_the_start() -> None:
    times = np.arange(0.0, 3.75 * 3600.0, 60.0)
    windows = fixed_windows(times, times / 3600.0, start_s=600.0)
    assert windows.start_s.tolist() == [600.0, 4200.0, 7800.0]
    assert windows.volume_u == pytest.approx([1.0, 1.0, 1.0])


def test_no_complete_hour_gives_no_window() -> None:
    times = np.arange(0.0, 1800.0, 60.0)
    assert fixed_windows(times, times).volume_u.size == 0


def test_a_window_that_touches_a_gap_is_left_out_and_named() -> None:
    times = np.concatenate((np.arange(0.0, 4000.0, 10.0), np.arange(4400.0, 14401.0, 10.0)))
    windows = fixed_windows(times, times / 3600.0, longest_gap_s=60.0)
    assert windows.excluded_s == (3600.0,)
    assert windows.start_s.tolist() == [0.0, 7200.0, 10800.0]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5_000_000), st.integers(0, 10**9)), min_size=5, max_size=60))
def test_a_naive_implementation_in_fractions_agrees_on_hours(steps: list[tuple[int, int]]) -> None:
    rows = [(0, 0)]
    for dt, dv in steps:
        rows.append((rows[-1][0] + dt, rows[-1][1] + dv))
    exact = [(Fraction(t, 1000), Fraction(v, 10**9)) for t, v in rows]
    windows = fixed_windows([t / 1000 for t, _ in rows], [v / 1e9 for _, v in rows])
    expected = naive.hours(exact, Fraction(0), Fraction(3600))
    assert windows.volume_u == pytest.approx([float(v) for v in expected], rel=1e-9, abs=1e-9)


@given(st.lists(st.floats(min_value=0, max_value=5), min_size=4, max_size=40), st.integers(1, 3))
def test_the_parts_of_a_record_add_up_to_the_whole(steps: list[float], cut: int) -> None:
    times = 3600.0 * np.arange(len(steps) + 1)
    volume = np.concatenate(([0.0], np.cumsum(steps)))
    edges = [0.0, 3600.0 * cut, float(times[-1])]
    parts = segment_deliveries(times, volume, edges, [1.0, 1.0], dose_u=0.05)
    assert sum(part.delivered_u for part in parts) == pytest.approx(float(volume[-1]), abs=1e-9)
    assert float(fixed_windows(times, volume).volume_u.sum()) == pytest.approx(float(volume[-1]), abs=1e-9)


def test_segments_carry_their_dose_edges_and_a_zero_rate_has_no_relative_error() -> None:
    times = np.arange(0.0, 4 * 3600.0 + 1.0, 60.0)
    volume = np.interp(times, [0, 3600, 7200, 14400], [0.0, 1.0, 1.0, 21.0])
    first, still, last = segment_deliveries(times, volume, [0, 3600, 7200, 14400], [1.0, 0.0, 20.0], dose_u=0.05)
    assert first.error_pct == pytest.approx(0.0, abs=1e-9)
    assert first.u_edge_u == pytest.approx(0.05 / math.sqrt(6))
    assert still.error_pct is None
    assert still.delivered_u == pytest.approx(0.0, abs=1e-12)
    assert last.u_edge_u == 0.0


def test_segments_without_order_are_refused() -> None:
    with pytest.raises(BenchError, match="strictly increasing"):
        segment_deliveries([0.0, 1.0], [0.0, 1.0], [0.0, 0.0], [1.0], dose_u=0.05)


def test_the_start_up_graph_is_flow_per_sample_interval() -> None:
    times = np.arange(0.0, 7200.0 + 1.0, 10.0)
    graph = startup_flow(times, np.minimum(times, 3600.0) / 3600.0 * 2.0, start_s=0.0, stabilisation_s=7200.0)
    assert graph.end_s.tolist() == [900.0 * k for k in range(1, 9)]
    assert graph.flow_u_per_h == pytest.approx([2.0] * 4 + [0.0] * 4)
    with pytest.raises(UsageError):
        startup_flow(times, times, start_s=0.0, stabilisation_s=10 * 3600.0)


def test_cumulative_volumes_stop_where_the_record_does_and_name_the_end_once() -> None:
    times = np.arange(0.0, 7 * 3600.0 + 1.0, 60.0)
    rows = cumulative_deliveries(times, times / 3600.0, start_s=0.0)
    assert [hour for hour, _ in rows] == [1.0, 6.0, 7.0]
    assert [amount for _, amount in rows] == pytest.approx([1.0, 6.0, 7.0])
    exact = cumulative_deliveries(times, times / 3600.0, start_s=3600.0)
    assert [hour for hour, _ in exact] == [1.0, 6.0]


def volume(ul: float, u: float) -> VolumeResult:
    return VolumeResult(ul, ul, 3600.0, Budget("uL", (Component("noise", u, "uL"),)), ("note",))


def test_fewer_than_100_doses_put_one_dose_over_root_six_into_the_budget() -> None:
    few = delivery_error(volume(9.9, 0.03), 1.0, dose_u=0.05)
    assert few.error_pct == pytest.approx(-1.0)
    assert few.u_pct == pytest.approx(100 * math.hypot(0.003, 0.05 / math.sqrt(6)))
    many = delivery_error(volume(49.5, 0.03), 5.0, dose_u=0.05)
    assert many.u_pct == pytest.approx(100 * 0.003 / 5.0)
    assert many.notes == ("note",)
    assert dose_edge_component(5.0, 0.05) is None
    assert dose_edge_component(4.95, 0.05) is not None


def test_the_dose_edge_is_the_spread_of_a_window_with_unknown_phase() -> None:
    rng = np.random.default_rng(1)
    start, length = rng.uniform(0, 1, 200_000), rng.uniform(3, 13, 200_000)
    counted = np.floor(start + length) - np.floor(start)
    component = dose_edge_component(1.0, 1.0)
    assert component is not None
    assert component.contribution == pytest.approx(float((counted - length).std()), rel=0.01)


def test_one_hour_at_0_1_u_per_h_cannot_be_decided_at_5_percent() -> None:
    error = delivery_error(volume(1.0, 0.03), 0.1, dose_u=0.025)
    assert error.budget_pct.expanded() > 5.0


def test_nothing_programmed_has_no_relative_error() -> None:
    with pytest.raises(UsageError):
        delivery_error(volume(1.0, 0.1), 0.0)


def test_a_level_is_interpolated_or_averaged_and_never_extrapolated() -> None:
    times, masses = checked([0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 2.0, 4.0, 6.0, 9.0])
    assert level_at(times, masses, 0.25).mass_mg == 0.5
    wide = level_at(times, masses, 2.0, half_width_s=1.5)
    assert (wide.mass_mg, wide.at_s, wide.count, wide.span_s) == (4.0, 2.0, 3, 2.0)
    between = level_between(times, masses, 1.0, 2.0)
    assert (between.mass_mg, between.at_s, between.count) == (3.0, 1.5, 2)
    with pytest.raises(UsageError):
        value_at(times, masses, 4.1)
    with pytest.raises(BenchError, match="no reading"):
        level_between(times, masses, 1.2, 1.8)


def test_a_record_out_of_order_names_its_row() -> None:
    with pytest.raises(BenchError, match="at row 3"):
        checked([0.0, 1.0, 2.0, 2.0], [0.0] * 4)


def test_gaps_are_found_inside_the_period_and_at_its_edges() -> None:
    times = np.array([10.0, 11.0, 12.0, 20.0, 21.0])
    assert [(gap.start_s, gap.end_s) for gap in find_gaps(times, 2.0)] == [(12.0, 20.0)]
    edges = find_gaps(times, 2.0, start_s=0.0, end_s=30.0)
    assert [(gap.start_s, gap.end_s) for gap in edges] == [(0.0, 10.0), (12.0, 20.0), (21.0, 30.0)]
    assert find_gaps(times, 2.0, start_s=20.0, end_s=21.0) == ()
    assert [gap.duration_s for gap in find_gaps(times, 2.0, start_s=15.0, end_s=16.0)] == [8.0]


def test_a_frozen_display_is_found() -> None:
    masses = np.concatenate((np.arange(50.0), np.full(40, 50.0), np.arange(51.0, 60.0)))
    spans = repeated_readings(np.arange(99.0), masses, longest_s=30.0)
    assert [(span.start_s, span.end_s, span.count) for span in spans] == [(50.0, 89.0, 40)]
    assert repeated_readings(np.arange(99.0), masses, longest_s=45.0) == ()
