"""Three estimators of a rate: EX-14, the bias that pulses give a slope, and when they disagree."""

from __future__ import annotations

import numpy as np
import pytest

from rig.analysis.estimators import best_averaging_time, estimate_rate, slope_pulse_bias
from rig.analysis.phase import find_schedule
from rig.errors import BenchError
from rig.metrology.noise import AllanPoint, NoiseModel, white_noise
from tests.analysis.stairs import DOSE_U, MG_PER_U, staircase, steady


@pytest.mark.parametrize(("count", "u_mg_per_h"), [(3600, 0.001155), (600, 0.00283), (240, 0.00447)])
def test_the_slope_of_one_hour_of_white_noise_has_the_u_of_ex_14(count: int, u_mg_per_h: float) -> None:
    """EX-14: s = 0.02 mg; end points 0.0283 mg/h."""
    times = np.arange(count) * (3600.0 / count)
    found = estimate_rate(times, np.zeros(count), white_noise(0.02, 3600.0 / count))
    assert found.slope.u_per_h == pytest.approx(u_mg_per_h, rel=2e-3)
    assert found.endpoints.u_per_h == pytest.approx(0.0283, rel=5e-3)
    assert found.staircase is None
    assert found.slope.pulse_bias is None  # not known without a schedule


@pytest.mark.parametrize("phase", [0.0, 0.21132, 0.3, 0.5])
@pytest.mark.parametrize("doses", [4, 10, 40])
def test_a_slope_over_whole_intervals_of_a_pulsed_flow_has_the_bias_of_the_formula(doses: int, phase: float) -> None:
    """EX-14, the pulsed case: 1/(2 n^2) with doses in the middle, -1/n^2 with doses at the edges."""
    times = (np.arange(doses * 2000) + 0.5) * 0.045  # intervals of 90 s
    volume = np.floor(times / 90.0 - phase) * DOSE_U
    slope = float(np.polyfit(times / 3600.0, volume, 1)[0])
    assert slope - 1.0 == pytest.approx(slope_pulse_bias(doses, phase), abs=5e-5)
    assert slope_pulse_bias(10, 0.5) == pytest.approx(0.005)
    assert slope_pulse_bias(10, 0.0) == pytest.approx(-0.01)


def test_the_bias_of_a_slope_by_pulses_is_stated_and_a_staircase_has_none() -> None:
    times = np.arange(0.0, 3600.0, 1.0)
    volume = staircase(times, steady(40, 90.0, 0.5), np.full(40, DOSE_U), white_mg=0.0, tail=0.0)
    schedule = find_schedule(times, volume, 1.0, DOSE_U)
    found = estimate_rate(times, volume, white_noise(0.02, 1.0), scale=1.0 / MG_PER_U, schedule=schedule)
    assert found.staircase is not None
    assert found.staircase.rate_per_h == pytest.approx(1.0, abs=2e-4)
    assert found.staircase.pulse_bias == pytest.approx(0.0, abs=1e-12)
    assert found.slope.pulse_bias == pytest.approx(found.slope.rate_per_h - 1.0, abs=2e-4)


def test_over_any_stretch_pulses_mislead_a_slope_by_at_most_one_over_n_squared_and_end_points_by_one_over_n() -> None:
    slopes, ends = [], []
    for phase in np.arange(0.0, 1.0, 0.125):
        for rest in np.arange(0.0, 1.0, 0.125):
            times = (np.arange((8 + rest) * 400) + 0.5) / 400.0
            volume = np.floor(times - phase)
            slopes.append(abs(float(np.polyfit(times, volume, 1)[0]) - 1.0))
            ends.append(abs(float(volume[-1] - volume[0]) / float(times[-1] - times[0]) - 1.0))
    assert 0.9 / 64 < max(slopes) < 1.01 / 64
    assert 0.9 / 8 < max(ends) < 1.15 / 8


def test_each_estimate_scatters_as_its_u_says_and_all_three_agree() -> None:
    times = np.arange(0.0, 3600.0, 10.0)
    clean = staircase(times, steady(40, 90.0), np.full(40, DOSE_U), white_mg=0.0, tail=0.0)
    schedule = find_schedule(times, clean, 1.0, DOSE_U)
    rng = np.random.default_rng(2)
    found = [
        estimate_rate(
            times, clean + rng.normal(0.0, 0.002, times.size), white_noise(0.02, 10.0), scale=0.1, schedule=schedule
        )
        for _ in range(150)
    ]
    assert not any(each.disagreements for each in found)
    for index in range(3):
        rates = np.array([each.all[index].rate_per_h for each in found])
        assert float(rates.std(ddof=1)) == pytest.approx(found[0].all[index].u_per_h, rel=0.2)
    assert found[0].endpoints.u_per_h > 5.0 * found[0].slope.u_per_h


def test_a_rate_that_changes_within_the_stretch_makes_the_estimators_disagree() -> None:
    times = np.arange(0.0, 36_000.0, 10.0)
    volume = 1.0 * times / 3600.0
    volume[times > 18_000.0] += 0.2 * (times[times > 18_000.0] - 18_000.0) / 3600.0
    assert estimate_rate(times, volume, white_noise(0.02, 10.0), scale=0.1).disagreements == ()  # symmetric: no
    volume = 1.0 * times / 3600.0 + np.where(times > 18_000.0, 0.5, 0.0)
    (told,) = estimate_rate(times, volume, white_noise(0.02, 10.0), scale=0.1).disagreements
    assert "slope and end points differ" in told
    wandering = NoiseModel(0.02, 10.0, 36_000.0, random_walk_mg_per_sqrt_h=2.0)
    assert estimate_rate(times, volume, wandering, scale=0.1).disagreements == ()  # then noise explains it


def test_shifting_time_or_tare_changes_no_rate_and_scaling_mass_scales_it() -> None:
    rng = np.random.default_rng(3)
    times = np.arange(0.0, 3600.0, 5.0)
    volume = times / 3600.0 + rng.normal(0.0, 0.002, times.size)
    plain = estimate_rate(times, volume, white_noise(0.02, 5.0))
    moved = estimate_rate(times + 1e5, 3.0 * volume - 7.0, white_noise(0.06, 5.0))
    for one, other in zip(plain.all, moved.all, strict=True):
        assert other.rate_per_h == pytest.approx(3.0 * one.rate_per_h, rel=1e-9)
        assert other.u_per_h == pytest.approx(3.0 * one.u_per_h, rel=1e-9)


def test_very_long_records_are_thinned_first_and_too_short_ones_refused() -> None:
    times = np.arange(0.0, 30_000.0, 0.5)
    found = estimate_rate(times, times / 3600.0, white_noise(0.02, 0.5))
    assert found.count == 20_000
    assert found.slope.rate_per_h == pytest.approx(1.0)
    full = white_noise(0.02, 0.5).u_slope_mg_per_h(times.size, 0.5)
    assert found.slope.u_per_h == pytest.approx(full, rel=1e-3)
    with pytest.raises(BenchError, match="a rate from 2 readings"):
        estimate_rate([0.0, 1.0], [0.0, 1.0], white_noise(0.02, 1.0))


def test_the_best_averaging_time_is_where_the_slope_is_steadiest() -> None:
    points = [AllanPoint(10.0, 1.0, 5.0), AllanPoint(100.0, 1.0, 0.2), AllanPoint(1000.0, 1.0, 0.9)]
    best = best_averaging_time(points)
    assert best is not None
    assert best.tau_s == 100.0
    assert best_averaging_time(()) is None
