"""The trumpet curve and the ideal-pulse envelope: EX-01, EX-02, EX-17, a naive second opinion, and refusals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.analysis.trumpet import (
    AMBULATORY_WINDOWS_MIN,
    VOLUMETRIC_SAMPLE_INTERVAL_S,
    VOLUMETRIC_WINDOWS_MIN,
    ideal_pulse_envelope,
    trumpet_curve,
)
from rig.errors import BenchError, UsageError
from rig.metrology.checks import FloatArray
from tests.analysis import naive

INDEX = np.arange(100.0)
EX_01: dict[str, tuple[FloatArray, list[tuple[float, float]], float]] = {
    "alternating 10 %": (
        np.where(INDEX % 2 == 0, 10.0, -10.0),
        [(-10, 10), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
        0.0,
    ),
    "ramp": (
        -5.0 + 0.1 * INDEX,
        [(-5.0, 4.9), (-4.85, 4.75), (-4.55, 4.45), (-3.95, 3.85), (-3.15, 3.05), (-1.95, 1.85)],
        -0.05,
    ),
    "one missed sample": (
        np.where(INDEX == 50, -100.0, 0.0),
        [(-100, 0), (-25, 0), (-10, 0), (-4.545455, 0), (-2.631579, 0), (-1.612903, -1.612903)],
        -1.0,
    ),
    "0.05 U pulses at 0.1 U/h": (
        np.where(INDEX % 2 == 0, 100.0, -100.0),
        [(-100, 100), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
        0.0,
    ),
}


def cumulative(errors_pct: FloatArray, rate_u_per_h: float) -> FloatArray:
    steps = rate_u_per_h * 0.25 * (1.0 + errors_pct / 100.0)
    return np.concatenate(([0.0], np.cumsum(steps)))


@pytest.mark.parametrize("name", EX_01)
@pytest.mark.parametrize("rate", [0.1, 1.0])
def test_synthetic_data_give_the_worked_trumpets(name: str, rate: float) -> None:
    """EX-01."""
    errors, expected, overall = EX_01[name]
    curve = trumpet_curve(900.0 * np.arange(101), cumulative(errors, rate), rate)
    assert [point.window_min for point in curve.points] == list(AMBULATORY_WINDOWS_MIN)
    assert [point.count for point in curve.points] == [100, 97, 91, 79, 63, 39]
    for point, (low, high) in zip(curve.points, expected, strict=True):
        assert (point.min_pct, point.max_pct) == pytest.approx((low, high), abs=5.1e-7)
    assert curve.overall_error_pct == pytest.approx(overall, abs=1e-9)


# EX-02, published for Accu-Chek Spirit Combo at 1.0 U/h: window min, Ep(max) %, Ep(min) %
PUBLISHED = [
    (15, 3.81, -8.17),
    (60, 0.82, -3.17),
    (150, 0.22, -2.58),
    (330, -0.18, -2.18),
    (570, -0.81, -1.97),
    (930, -1.02, -1.79),
]


def test_the_published_trumpet_has_the_shape_of_one() -> None:
    """EX-02: both branches close in on A = -1.38 % as the window grows; so must ours for any record of 1.0 U/h."""
    widths = [high - low for _, high, low in PUBLISHED]
    assert widths == sorted(widths, reverse=True)
    assert all(low <= -1.38 <= high for _, high, low in PUBLISHED)
    rng = np.random.default_rng(1)
    curve = trumpet_curve(900.0 * np.arange(101), cumulative(-1.38 + rng.normal(size=100) * 3.0, 1.0), 1.0)
    assert [point.window_min for point in curve.points] == [window for window, _, _ in PUBLISHED]
    assert all(point.min_pct <= point.max_pct for point in curve.points)


# EX-17: rate, dose, then min and max for 15, 60, 150, 330 min
PULSES = [
    (0.05, 0.05, [(-100, 300), (0, 0), (-20, 20), (-9.09, 9.09)]),
    (0.1, 0.05, [(-100, 100), (0, 0), (0, 0), (0, 0)]),
    (0.1, 0.025, [(0, 0), (0, 0), (0, 0), (0, 0)]),
    (0.5, 0.05, [(-20, 20), (0, 0), (0, 0), (0, 0)]),
    (1.0, 0.05, [(0, 0), (0, 0), (0, 0), (0, 0)]),
    (1.0, 0.1, [(-20, 20), (0, 0), (0, 0), (0, 0)]),
    (2.0, 0.05, [(0, 0), (0, 0), (0, 0), (0, 0)]),
]


@pytest.mark.parametrize(("rate", "dose", "expected"), PULSES)
def test_an_ideal_pump_shows_the_envelope_of_the_reference(
    rate: float, dose: float, expected: list[tuple[float, float]]
) -> None:
    """EX-17."""
    points = ideal_pulse_envelope(rate, dose, (15, 60, 150, 330))
    for point, (low, high) in zip(points, expected, strict=True):
        assert (point.min_pct, point.max_pct) == pytest.approx((low, high), abs=0.0051)


@pytest.mark.parametrize(("rate", "dose"), [(0.05, 0.05), (0.1, 0.05), (0.5, 0.05), (0.35, 0.05)])
def test_a_staircase_of_ideal_doses_stays_within_its_envelope(rate: float, dose: float) -> None:
    period_s = dose / rate * 3600.0
    times = np.arange(0.0, 26 * 3600.0 + 1.0, 10.0)
    volume = dose * np.floor((times + 0.37 * period_s) / period_s)
    curve = trumpet_curve(times, volume, rate, start_s=0.0, analysis_s=25 * 3600.0)
    for point, ideal in zip(curve.points, ideal_pulse_envelope(rate, dose), strict=True):
        assert point.min_pct >= ideal.min_pct - 1e-6
        assert point.max_pct <= ideal.max_pct + 1e-6


@st.composite
def irregular_records(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Rows of (milliseconds, nano-units) with uneven steps of at most 15 min."""
    count = draw(st.integers(min_value=20, max_value=80))
    steps = draw(st.lists(st.integers(1_000, 900_000), min_size=count, max_size=count))
    amounts = draw(st.lists(st.integers(-1_000_000, 500_000_000), min_size=count + 1, max_size=count + 1))
    times = np.cumsum([draw(st.integers(0, 10_000_000)), *steps])
    return [(int(t), int(v)) for t, v in zip(times, np.cumsum(amounts), strict=True)]


@settings(max_examples=60, deadline=None)
@given(irregular_records(), st.sampled_from([0.05, 0.1, 1.0, 2.5]))
def test_a_naive_implementation_in_fractions_agrees(rows: list[tuple[int, int]], rate: float) -> None:
    exact = [(Fraction(t, 1000), Fraction(v, 10**9)) for t, v in rows]
    times = np.array([t / 1000 for t, _ in rows])
    volume = np.array([v / 1e9 for _, v in rows])
    steps = int((exact[-1][0] - exact[0][0]) // 900)
    if steps < 1:
        with pytest.raises(UsageError):
            trumpet_curve(times, volume, rate)
        return
    sizes = [size for size in (1, 4, 10, 22) if size <= steps]
    expected = naive.trumpet(exact, Fraction(str(rate)), exact[0][0], steps, Fraction(900), sizes)
    curve = trumpet_curve(times, volume, rate)
    assert len([p for p in curve.points if p.window_min <= 330]) == len(sizes)
    for point, (count, low, high) in zip(curve.points, expected, strict=False):
        assert point.count == count
        assert (point.min_pct, point.max_pct) == pytest.approx((float(low), float(high)), rel=1e-9, abs=1e-6)


@given(st.floats(min_value=-1e6, max_value=1e6), st.floats(min_value=-100, max_value=100), st.floats(0.1, 10))
def test_time_shift_and_offset_change_nothing_and_scaling_scales(shift: float, offset: float, factor: float) -> None:
    rng = np.random.default_rng(7)
    times = 900.0 * np.arange(101)
    volume = cumulative(rng.normal(size=100) * 5.0, 1.0)
    here = trumpet_curve(times, volume, 1.0)
    there = trumpet_curve(times + shift, volume + offset, 1.0)
    scaled = trumpet_curve(times, volume * factor, factor)
    for a, b, c in zip(here.points, there.points, scaled.points, strict=True):
        assert b.count == a.count
        assert (b.min_pct, b.max_pct) == pytest.approx((a.min_pct, a.max_pct), abs=1e-6)
        assert (c.min_pct, c.max_pct) == pytest.approx((a.min_pct, a.max_pct), abs=1e-9)


def test_the_volumetric_windows_work_at_half_a_minute() -> None:
    times = 30.0 * np.arange(121)
    curve = trumpet_curve(
        times,
        times / 3600.0 * 25.0,
        25.0,
        sample_interval_s=VOLUMETRIC_SAMPLE_INTERVAL_S,
        windows_min=VOLUMETRIC_WINDOWS_MIN,
    )
    assert [point.count for point in curve.points] == [117, 111, 99, 83, 59]
    assert all(abs(point.max_pct) < 1e-9 for point in curve.points)


def test_start_and_analysis_period_select_the_part_that_is_judged() -> None:
    times = np.arange(0.0, 50 * 3600.0, 60.0)
    volume = np.where(times < 24 * 3600.0, times / 1800.0, 24 * 2.0 + (times - 24 * 3600.0) / 3600.0)
    curve = trumpet_curve(times, volume, 1.0, start_s=24 * 3600.0, analysis_s=25 * 3600.0)
    assert curve.overall_error_pct == pytest.approx(0.0, abs=1e-9)
    assert curve.analysis_s == 25 * 3600.0


def test_windows_longer_than_the_analysis_are_left_out() -> None:
    times = np.arange(0.0, 2 * 3600.0 + 1.0, 60.0)
    curve = trumpet_curve(times, times / 3600.0, 1.0)
    assert [point.window_min for point in curve.points] == [15.0, 60.0]


def test_a_gap_longer_than_the_sample_interval_is_refused_and_one_outside_the_analysis_is_not() -> None:
    times = np.concatenate((np.arange(0.0, 3600.0, 60.0), np.arange(5400.0, 30000.0, 60.0)))
    with pytest.raises(BenchError, match="first from 3540 s to 5400 s"):
        trumpet_curve(times, times / 3600.0, 1.0)
    assert trumpet_curve(times, times / 3600.0, 1.0, start_s=5400.0).overall_error_pct == pytest.approx(0.0, abs=1e-9)


def test_a_gap_of_exactly_the_sample_interval_is_no_gap() -> None:
    assert trumpet_curve(900.0 * np.arange(10), np.arange(10.0) / 4, 1.0).points[0].count == 9


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"rate_u_per_h": 0.0}, UsageError),
        ({"rate_u_per_h": float("nan")}, UsageError),
        ({"windows_min": (10.0,)}, UsageError),
        ({"start_s": -1.0}, UsageError),
        ({"analysis_s": 1e6}, UsageError),
        ({"analysis_s": 10.0}, UsageError),
        ({"times_s": np.arange(100.0)[::-1] * 900}, BenchError),
        ({"times_s": np.concatenate((np.arange(99.0), [np.nan])) * 900}, BenchError),
        ({"volume_u": np.full(100, np.inf)}, BenchError),
        ({"volume_u": np.zeros(99)}, BenchError),
    ],
)
def test_what_cannot_be_judged_is_refused(change: dict[str, object], error: type[Exception]) -> None:
    arguments: dict[str, object] = {
        "times_s": np.arange(100.0) * 900,
        "volume_u": np.arange(100.0),
        "rate_u_per_h": 1.0,
    }
    with pytest.raises(error):
        trumpet_curve(**{**arguments, **change})  # type: ignore[arg-type]
