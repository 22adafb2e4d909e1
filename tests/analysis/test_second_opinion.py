"""Irregular records of up to 10,000 rows, twice: by the rig's arrays, and by plain loops over fractions."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.analysis.groups import bolus_bins
from rig.analysis.trumpet import (
    AMBULATORY_WINDOWS_MIN,
    VOLUMETRIC_SAMPLE_INTERVAL_S,
    VOLUMETRIC_WINDOWS_MIN,
    trumpet_curve,
)
from rig.analysis.windows import error_statistics, fixed_windows
from rig.metrology.checks import FloatArray
from tests.analysis import naive

AGREE = 1e-9  # relative; for errors in percent, relative to the volume that they are errors of
ExactRows = list[tuple[int, int]]  # ms, nano-units


def irregular(seed: int, count: int, rate_u_per_h: float, longest_ms: int = 90_000) -> ExactRows:
    """Uneven polling from 1 ms on, doses of 0.025 U that come late, early or twice, and a display that shakes."""
    rng = random.Random(seed)
    rows, at_ms, due_ms, delivered = [], rng.randrange(10**7), 0, 0
    for _ in range(count):
        at_ms += rng.choice((1, rng.randrange(1, 2000), rng.randrange(1, longest_ms)))
        while due_ms < at_ms:
            due_ms += round(rng.gauss(1.0, 0.2) * 0.025 / rate_u_per_h * 3_600_000)
            delivered += rng.choice((0, 25_000_000, 25_000_000, 25_000_000, 50_000_000))
        rows.append((at_ms, delivered + rng.randrange(-2_000_000, 2_000_000)))
    return rows


def both(rows: ExactRows) -> tuple[naive.Rows, FloatArray, FloatArray]:
    exact = [(Fraction(t, 1000), Fraction(v, 10**9)) for t, v in rows]
    return exact, np.array([t / 1000 for t, _ in rows]), np.array([v / 1e9 for _, v in rows])


def as_volume(error_pct: float) -> float:
    """Relative volume of an error in percent: what two ways of computing must agree on."""
    return 1.0 + error_pct / 100.0


@pytest.mark.parametrize(("seed", "count", "rate"), [(1, 10_000, 0.05), (2, 10_000, 1.0), (3, 3_000, 30.0)])
@pytest.mark.parametrize("interval_s", [900.0, VOLUMETRIC_SAMPLE_INTERVAL_S])
def test_trumpets_of_long_irregular_records_agree(seed: int, count: int, rate: float, interval_s: float) -> None:
    exact, times, volume = both(irregular(seed, count, rate, round(min(interval_s, 90.0) * 1000)))
    windows = AMBULATORY_WINDOWS_MIN if interval_s == 900.0 else VOLUMETRIC_WINDOWS_MIN
    steps = min(int((exact[-1][0] - exact[0][0]) // int(interval_s)), 400)
    sizes = [size for size in (round(each * 60.0 / interval_s) for each in windows) if size <= steps]
    expected = naive.trumpet(exact, Fraction(str(rate)), exact[0][0], steps, Fraction(int(interval_s)), sizes)
    curve = trumpet_curve(
        times,
        volume,
        rate,
        start_s=times[0],
        analysis_s=steps * interval_s,
        sample_interval_s=interval_s,
        windows_min=[size * interval_s / 60.0 for size in sizes],
    )
    assert [point.count for point in curve.points] == [m for m, _, _ in expected]
    for point, (_, low, high) in zip(curve.points, expected, strict=True):
        got = (as_volume(point.min_pct), as_volume(point.max_pct))
        assert got == pytest.approx((as_volume(float(low)), as_volume(float(high))), rel=AGREE, abs=AGREE)


@pytest.mark.parametrize(("seed", "count", "rate"), [(4, 10_000, 0.1), (5, 10_000, 2.0)])
def test_windows_and_their_statistics_agree_on_long_irregular_records(seed: int, count: int, rate: float) -> None:
    exact, times, volume = both(irregular(seed, count, rate))
    windows = fixed_windows(times, volume)
    expected = naive.hours(exact, exact[0][0], Fraction(3600))
    assert windows.volume_u == pytest.approx([float(each) for each in expected], rel=AGREE, abs=AGREE)
    assert_same_statistics(expected, rate)


@given(st.lists(st.integers(0, 3000), min_size=2, max_size=60), st.sampled_from([0.05, 0.1, 1.0, 10.0]))
def test_statistics_of_any_errors_agree(thousandths: list[int], target: float) -> None:
    assert_same_statistics([Fraction(each, 1000) * Fraction(str(target)) for each in thousandths], target)


def assert_same_statistics(volumes: list[Fraction], target: float) -> None:
    expected = naive.statistics(volumes, Fraction(str(target)))
    found = error_statistics([float(each) for each in volumes], target)
    got = [found.mean_pct, found.min_pct, found.max_pct, found.mard_pct, found.median_abs_pct, found.total_error_pct]
    wanted = [expected.mean, expected.low, expected.high, expected.mard, expected.median_size, expected.total]
    assert [as_volume(each) for each in got] == pytest.approx(
        [as_volume(float(each)) for each in wanted], rel=AGREE, abs=AGREE
    )
    assert found.sd_pct == pytest.approx(float(expected.variance) ** 0.5, rel=AGREE, abs=1e-7)
    assert found.within_count == expected.within


@pytest.mark.parametrize("command", ["0.05", "10"])
def test_ten_thousand_boluses_fall_into_the_same_bins(command: str) -> None:
    rng = random.Random(command)
    edges = [25, 75, 90, 95, 105, 110, 125, 175, 250]
    percents = [Fraction(rng.choice((rng.randrange(0, 30_000), 100 * rng.choice(edges))), 100) for _ in range(10_000)]
    exact = [percent * Fraction(command) / 100 for percent in percents]
    found = bolus_bins([float(each) for each in exact], float(command))
    assert [each.count for each in found] == naive.bins(exact, Fraction(command))
