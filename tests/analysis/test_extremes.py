"""Extremes by bounds of blocks against every window; the short way for regular records against the long one."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.analysis.extremes import SMALL, extreme_changes
from rig.analysis.series import checked_steps, on_grid
from rig.analysis.trumpet import trumpet_curve
from rig.errors import BenchError
from rig.metrology.checks import FloatArray

COUNT = SMALL + 4321
TIMES: FloatArray = 0.1 * np.arange(COUNT, dtype=np.float64)
RNG = np.random.default_rng(3)
NOISE = RNG.normal(size=COUNT) * 0.02
STEPS = 0.5 * np.floor(TIMES / 18.0)
RECORDS: dict[str, FloatArray] = {
    "noise": NOISE,
    "doses": STEPS,
    "doses weighed": np.round((STEPS + NOISE) / 0.01) * 0.01,
    "straight": TIMES * 0.0028,
    "straight, rounded": np.round(TIMES * 0.0028 / 0.01) * 0.01,
    "wandering": np.cumsum(NOISE),
    "two rates": np.cumsum(np.where(TIMES < 1200.0, 1.0, 3.0)) * 1e-4,
    "waves": np.sin(TIMES / 30.0),
    "still": np.full(COUNT, 4.2),
    "one spike": np.where(np.arange(COUNT) == 20_000, 1.0, 0.0),
}


def every_window(values: FloatArray, size: int) -> tuple[float, float]:
    changes = values[size:] - values[:-size]
    return float(changes.min()), float(changes.max())


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("sizes", [[60, 600, 6000], [123, 7_001], [COUNT - 1, COUNT - 40], [1]])
def test_bounds_find_what_every_window_shows(name: str, sizes: list[int]) -> None:
    values = RECORDS[name]
    tolerance = 20.0 * float(np.spacing(np.abs(values).max())) if name == "straight" else 0.0
    for found, size in zip(extreme_changes(values, sizes), sizes, strict=True):
        low, high = every_window(values, size)
        assert abs(found[0] - low) <= tolerance
        assert abs(found[1] - high) <= tolerance


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, COUNT - 1), min_size=1, max_size=3), st.floats(0.0, 3.0))
def test_bounds_find_what_every_window_shows_for_any_mixture(seed: int, sizes: list[int], walk: float) -> None:
    rng = np.random.default_rng(seed)
    values = STEPS * rng.uniform() + rng.normal(size=COUNT) + walk * np.cumsum(rng.normal(size=COUNT))
    assert list(extreme_changes(values, sizes)) == [every_window(values, size) for size in sizes]


def test_a_regular_record_is_known_by_its_times_alone() -> None:
    hour = np.round(0.1 * np.arange(36_001), 1)
    assert on_grid(hour, 0.1)
    assert on_grid(hour + 1.7e9, 0.1)
    assert not on_grid(hour, 0.2)
    for row, value in ((20_000, 2000.0001), (20_000, np.nan), (36_000, np.inf), (0, -np.inf), (1, 0.0)):
        broken = hour.copy()
        broken[row] = value
        assert not on_grid(broken, 0.1)


def test_the_check_of_a_regular_record_refuses_what_the_other_refuses() -> None:
    times = 0.1 * np.arange(1000)
    assert checked_steps(times, times, 0.1)[2:] == (0.1, True)
    longest, regular = checked_steps(times, times, 0.2)[2:]
    assert longest == pytest.approx(0.1)
    assert not regular
    values = times.copy()
    values[700] = np.nan
    for interval in (0.1, 0.2):
        with pytest.raises(BenchError, match="row 700 is not a number"):
            checked_steps(times, values, interval)
    with pytest.raises(BenchError, match="does not increase at row 1"):
        checked_steps(times[::-1], times, 0.1)


@pytest.mark.parametrize("start", [0.0, 0.3, 0.35])
def test_regular_and_interpolated_samples_give_one_curve(start: float) -> None:
    """The same record with one reading more between two of its readings is irregular and holds the same line."""
    times = 0.1 * np.arange(40_001)
    volume = np.round((STEPS + 0.02 * np.sin(TIMES)) / 0.01)[:COUNT] * 0.001
    times = times[: volume.size]
    more_times = np.insert(times, 5001, (times[5000] + times[5001]) / 2)
    more_volume = np.insert(volume, 5001, (volume[5000] + volume[5001]) / 2)
    windows = (2.0, 5.0, 11.0)
    regular, irregular = (
        trumpet_curve(t, v, 1.0, start_s=start, sample_interval_s=0.1, windows_min=windows)
        for t, v in ((times, volume), (more_times, more_volume))
    )
    for one, other in zip(regular.points, irregular.points, strict=True):
        assert one.count == other.count
        assert (one.min_pct, one.max_pct) == pytest.approx((other.min_pct, other.max_pct), abs=1e-7)


def test_ten_thousand_irregular_rows_agree_with_fractions() -> None:
    rng = np.random.default_rng(11)
    milliseconds = np.cumsum(rng.integers(2_000, 10_000, 10_000))
    nano_units = np.cumsum(rng.integers(-200_000, 2_000_000, 10_000))
    curve = trumpet_curve(milliseconds / 1000, nano_units / 1e9, 1.0, sample_interval_s=60.0, windows_min=(1, 15, 60))
    time = [Fraction(int(t), 1000) for t in milliseconds]
    volume = [Fraction(int(v), 10**9) for v in nano_units]
    samples, row = [], 0
    steps = int((time[-1] - time[0]) // 60)
    for step in range(steps + 1):
        at = time[0] + 60 * step
        while time[row + 1] < at:
            row += 1
        share = (at - time[row]) / (time[row + 1] - time[row])
        samples.append(volume[row] + (volume[row + 1] - volume[row]) * share)
    for point, size in zip(curve.points, (1, 15, 60), strict=True):
        changes = [samples[j + size] - samples[j] for j in range(steps + 1 - size)]
        target = Fraction(size, 60)
        wanted = [float(100 * (change / target - 1)) for change in (min(changes), max(changes))]
        assert point.count == len(changes)
        assert [point.min_pct, point.max_pct] == pytest.approx(wanted, rel=1e-9)
