"""Noise by Allan variance, blanks and evaporation: EX-14, simulated noise with known answers, coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.errors import BenchError
from rig.metrology.blank import Blank, analyse_blank
from rig.metrology.checks import FloatArray
from rig.metrology.evaporation import evaporation_from_blanks, stated_evaporation
from rig.metrology.noise import NoiseModel, allan_points, fit_noise, held_variance, pooled_noise, white_noise


def white(rng: np.random.Generator, count: int, s: float) -> FloatArray:
    return np.asarray(rng.normal(size=count) * s, dtype=np.float64)


def walk(rng: np.random.Generator, count: int, k: float) -> FloatArray:
    return np.asarray(np.cumsum(rng.normal(size=count)) * k / 60.0, dtype=np.float64)


@pytest.mark.parametrize(
    ("count", "interval_s", "expected"), [(3600, 1.0, 0.001155), (600, 6.0, 0.00283), (240, 15.0, 0.00447)]
)
def test_white_noise_gives_the_slope_uncertainty_of_the_closed_form(
    count: int, interval_s: float, expected: float
) -> None:
    """EX-14."""
    model = white_noise(0.02, interval_s)
    assert model.u_slope_mg_per_h(count, interval_s) == pytest.approx(expected, rel=2e-3)
    closed = 0.02 * math.sqrt(12.0 / (count * (count**2 - 1.0))) / interval_s * 3600.0
    assert model.u_slope_mg_per_h(count, interval_s) == pytest.approx(closed, rel=1e-9)


def test_two_end_readings_an_hour_apart_give_0_0283_mg_per_h() -> None:
    """EX-14, end points only."""
    assert white_noise(0.02, 3600.0).u_slope_mg_per_h(2, 3600.0) == pytest.approx(0.0283, abs=5.1e-5)


def test_the_variance_of_a_slope_agrees_with_a_plain_double_sum() -> None:
    model = NoiseModel(0.01, 2.0, 600.0, correlated=((7.0, 0.03), (30.0, 0.02)), random_walk_mg_per_sqrt_h=0.4)
    count, interval = 40, 2.0
    times = [interval * i for i in range(count)]
    mean = sum(times) / count
    weights = [(t - mean) / sum((x - mean) ** 2 for x in times) for t in times]

    def semivariogram(lag: float) -> float:
        if lag == 0.0:
            return 0.0
        correlated = sum(s * s * (1 - math.exp(-lag / tau)) for tau, s in model.correlated)
        return model.white_mg**2 + correlated + 0.4**2 / 3600.0 * lag / 2.0

    plain = -sum(
        weights[i] * weights[j] * semivariogram(abs(times[i] - times[j])) for i in range(count) for j in range(count)
    )
    assert model.u_slope_mg_per_h(count, interval) == pytest.approx(math.sqrt(plain) * 3600.0, rel=1e-9)


def test_a_constant_slope_is_invisible_to_the_allan_deviation() -> None:
    masses = white(np.random.default_rng(3), 600, 0.02)
    sloped = masses + 0.01 * np.arange(600)
    for still, moving in zip(allan_points(masses, 1.0), allan_points(sloped, 1.0), strict=True):
        assert moving.second_difference_mg == pytest.approx(still.second_difference_mg, rel=1e-6)


def test_white_noise_is_recognised() -> None:
    model = fit_noise(white(np.random.default_rng(1), 3600, 0.02), 1.0, 0.01)
    assert model.reading_mg == pytest.approx(0.02, rel=0.05)
    assert model.random_walk_mg_per_sqrt_h < 0.01


def test_a_random_walk_is_recognised() -> None:
    rng = np.random.default_rng(2)
    model = fit_noise(walk(rng, 7200, 0.1) + white(rng, 7200, 0.005), 1.0, 0.001)
    assert model.random_walk_mg_per_sqrt_h == pytest.approx(0.1, rel=0.25)
    assert model.white_mg == pytest.approx(0.005, rel=0.2)


def test_correlated_noise_does_not_pass_for_white() -> None:
    rng = np.random.default_rng(4)
    rho = math.exp(-1 / 10.0)
    noise = np.zeros(7200)
    for i in range(1, noise.size):
        noise[i] = rho * noise[i - 1] + rng.normal() * 0.02 * math.sqrt(1 - rho * rho)
    model = fit_noise(noise, 1.0, 0.001)
    assert model.reading_mg == pytest.approx(0.02, rel=0.15)
    pretended = white_noise(0.02, 1.0).u_slope_mg_per_h(600, 1.0)
    assert model.u_slope_mg_per_h(600, 1.0) > 3.0 * pretended


def test_a_frozen_display_has_no_noise_and_no_nan() -> None:
    blank = analyse_blank(np.arange(600.0), np.full(600, 12.34), 0.01)
    assert blank.slope_mg_per_h == 0.0
    assert 0.0 <= blank.noise.reading_mg < 1e-4
    assert math.isfinite(blank.u_slope_mg_per_h)


@pytest.mark.parametrize(
    ("s", "k", "count"),
    [(0.02, 0.0, 600), (0.02, 0.0, 3600), (0.02, 0.02, 3600), (0.005, 0.1, 3600), (0.02, 0.005, 3600)],
)
def test_intervals_around_the_slope_of_a_blank_contain_the_truth(s: float, k: float, count: int) -> None:
    """+-2 u of one blank covers at least 85 % at any mixture of noise: below 78 of 100 would be a chance of 1e-3."""
    rng = np.random.default_rng(count + int(1e4 * k))
    truth = -0.1
    inside = 0
    for _ in range(100):
        times = np.arange(count, dtype=np.float64)
        masses = truth * times / 3600.0 + white(rng, count, s) + walk(rng, count, k)
        blank = analyse_blank(times, np.round(masses / 0.01) * 0.01, 0.01)
        inside += abs(blank.slope_mg_per_h - truth) <= 2.0 * blank.u_slope_mg_per_h
    assert inside >= 78


def test_a_blank_reports_slope_and_drift_in_their_units() -> None:
    times = np.arange(0.0, 3601.0, 2.0)
    rng = np.random.default_rng(8)
    blank = analyse_blank(times, 5.0 - 0.05 * times / 3600.0 + white(rng, times.size, 1e-4), 1e-5)
    assert blank.slope_mg_per_h == pytest.approx(-0.05, abs=1e-4)
    assert blank.drift_mg == pytest.approx(-0.05, abs=1e-4)
    assert blank.duration_s == 3600.0
    assert blank.count == times.size


@settings(max_examples=20, deadline=None)
@given(st.floats(min_value=-1e4, max_value=1e4), st.floats(min_value=0, max_value=1e6))
def test_tare_and_time_shift_do_not_change_a_blank(tare: float, shift: float) -> None:
    times = np.arange(0.0, 300.0)
    masses = np.round(white(np.random.default_rng(9), 300, 0.02), 2)
    here, there = analyse_blank(times, masses, 0.01), analyse_blank(times + shift, masses + tare, 0.01)
    assert there.slope_mg_per_h == pytest.approx(here.slope_mg_per_h, abs=1e-5)
    assert there.u_slope_mg_per_h == pytest.approx(here.u_slope_mg_per_h, rel=1e-3)


def test_uneven_polling_and_a_few_lost_readings_are_accepted() -> None:
    rng = np.random.default_rng(10)
    times = np.arange(1200.0) + rng.uniform(-0.05, 0.05, 1200)
    keep = np.ones(1200, dtype=bool)
    keep[100:110] = False
    blank = analyse_blank(times[keep], white(rng, 1200, 0.02)[keep], 0.01)
    assert blank.noise.reading_mg == pytest.approx(0.02, rel=0.1)


@pytest.mark.parametrize(
    ("times", "masses", "words"),
    [
        (np.arange(10.0), np.zeros(10), "10 readings"),
        (np.arange(100.0)[::-1].copy(), np.zeros(100), "do not increase"),
        (np.arange(100.0), np.full(100, np.nan), "not a number"),
        (np.concatenate((np.arange(50.0), np.arange(500.0, 550.0))), np.zeros(100), "missing"),
    ],
)
def test_a_blank_that_cannot_be_judged_is_refused(times: FloatArray, masses: FloatArray, words: str) -> None:
    with pytest.raises(BenchError, match=words):
        analyse_blank(times, masses, 0.01)


def blank(slope: float, u: float) -> Blank:
    return Blank(0.0, 3600.0, 3600, slope, u, slope, 0.0, white_noise(0.02, 1.0), ())


def test_two_blanks_give_their_mean_and_the_uncertainty_of_the_design() -> None:
    evaporation = evaporation_from_blanks(blank(-0.06, 0.003), blank(-0.03, 0.004))
    assert evaporation.rate_mg_per_h == pytest.approx(0.045)
    assert evaporation.u_mg_per_h == pytest.approx(math.sqrt((0.003**2 + 0.004**2) / 4 + 0.03**2 / 12))


def test_one_blank_alone_leaves_the_change_open() -> None:
    evaporation = evaporation_from_blanks(None, blank(-0.06, 0.003))
    assert evaporation.rate_mg_per_h == pytest.approx(0.06)
    assert evaporation.u_mg_per_h == pytest.approx(math.hypot(0.003, 0.06 / math.sqrt(3)))
    assert evaporation.source == "blank after only"
    with pytest.raises(BenchError, match="no blank"):
        evaporation_from_blanks(None, None)


def test_a_stated_evaporation_is_rectangular() -> None:
    assert stated_evaporation(0.015, 0.003).u_mg_per_h == pytest.approx(0.003 / math.sqrt(3))


def test_pooled_noise_lies_between_its_blanks() -> None:
    pooled = pooled_noise(
        NoiseModel(0.01, 1.0, 3600.0, random_walk_mg_per_sqrt_h=0.1), NoiseModel(0.03, 1.0, 3600.0, ((5.0, 0.02),))
    )
    assert pooled.white_mg == pytest.approx(math.sqrt(5e-4))
    assert pooled.random_walk_mg_per_sqrt_h == pytest.approx(0.1 / math.sqrt(2))
    assert [tau for tau, _ in pooled.correlated] == [5.0]
    assert pooled.correlated[0][1] == pytest.approx(0.02 / math.sqrt(2))


def held(rng: np.random.Generator, runs: int, times_s: FloatArray, renewed_s: float) -> FloatArray:
    """Unit noise of a display that updates every ``renewed_s``, read at ``times_s`` from a random moment on."""
    index = ((times_s + rng.random((runs, 1)) * renewed_s) // renewed_s).astype(int)
    return np.take_along_axis(rng.standard_normal((runs, int(index.max()) + 1)), index, axis=1)


@pytest.mark.parametrize(
    ("count", "span_s", "renewed_s"), [(51, 10.0, 1.0), (3, 0.5, 1.0), (31, 15.0, 10.0), (7, 2.0, 0.9), (11, 10.0, 1.0)]
)
def test_one_value_shown_several_times_is_not_several_readings(count: int, span_s: float, renewed_s: float) -> None:
    times = np.linspace(0.0, span_s, count)
    means = held(np.random.default_rng(count), 8000, times, renewed_s).mean(axis=1)
    assert held_variance(count, span_s, renewed_s) == pytest.approx(float(means.var()), rel=0.06)


def test_readings_at_5_hz_of_a_display_at_1_hz_are_worth_what_a_blank_at_1_hz_says() -> None:
    rng = np.random.default_rng(17)
    model = fit_noise(white(rng, 3600, 0.02), 1.0, 0.01)
    times = np.arange(0.0, 10.1, 0.2)
    starts, ends = (0.02 * held(rng, 4000, times, 1.0).mean(axis=1) for _ in range(2))
    claimed = model.u_difference_mg(times.size, 10.0, times.size, 10.0, 60.0)[0]
    assert claimed == pytest.approx(float((ends - starts).std()), rel=0.08)
    assert claimed == pytest.approx(0.0087, rel=0.05)


def test_a_slope_through_faster_readings_than_the_blanks_is_not_better_than_it_is() -> None:
    times = np.arange(0.0, 60.1, 0.2)
    from_mean = times - times.mean()
    slopes = 0.02 * held(np.random.default_rng(18), 2000, times, 1.0) @ from_mean / float(from_mean @ from_mean)
    claimed = white_noise(0.02, 1.0).u_slope_mg_per_h(times.size, 0.2)
    assert claimed == pytest.approx(3600.0 * float(slopes.std()), rel=0.06)
    assert claimed > 2.0 * white_noise(0.02, 0.2).u_slope_mg_per_h(times.size, 0.2)


def test_neighbours_that_are_compared_count_as_independent_however_close_they_are() -> None:
    step = np.array([-1.0, 1.0])
    assert white_noise(0.02, 1.0).contrast_variance_mg2(step, 0.2) == pytest.approx(2 * 0.02**2)
