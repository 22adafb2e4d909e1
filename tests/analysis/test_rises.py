"""Rises that nobody programmed: found at the stated limit, rarely by noise alone, and told apart by their shape."""

from __future__ import annotations

import numpy as np
import pytest

from rig.analysis.rises import DELIVERY, FLOW, MARK, Search, Stretch, find_rises
from rig.metrology.checks import FloatArray
from rig.metrology.noise import NoiseModel, white_noise

NOISE = white_noise(0.02, 1.0)
QUIET = Stretch(0.0, 3600.0)


def record(seed: int = 1, length_s: float = 3600.0, interval_s: float = 1.0) -> tuple[FloatArray, FloatArray]:
    times = np.arange(0.0, length_s, interval_s)
    return times, np.random.default_rng(seed).normal(0.0, 0.02, times.size)


def search(masses: FloatArray, stretch: Stretch = QUIET, **how: float) -> Search:
    times = np.arange(masses.size, dtype=np.float64)
    return find_rises(times, masses, [stretch], NOISE, **how)


def test_noise_alone_raises_no_more_false_alarms_than_stated() -> None:
    """At a stated 20 % of runs: 100 runs of one hour of white noise; Bonferroni keeps it well below."""
    alarms = sum(bool(search(record(seed)[1], false_alarm=0.2).rises) for seed in range(100))
    assert alarms <= 20 + 3 * 4


def test_drifting_noise_raises_no_more_false_alarms_than_stated() -> None:
    model = NoiseModel(0.02, 1.0, 3600.0, random_walk_mg_per_sqrt_h=0.2)
    alarms = 0
    for seed in range(60):
        times, masses = record(seed)
        masses = masses + np.cumsum(np.random.default_rng(1000 + seed).normal(0.0, 0.2 / 60.0, times.size))
        alarms += bool(find_rises(times, masses, [QUIET], model, false_alarm=0.2).rises)
    assert alarms <= 12 + 3 * 3


def test_a_rise_at_the_detection_limit_is_found_in_95_of_100_cases() -> None:
    limit = search(record()[1]).limit_mg[0]
    assert limit is not None
    assert limit < 0.1  # 0.01 U by the mean of ten readings of 0.02 mg
    found = 0
    for seed in range(60):
        times, masses = record(seed)
        rises = search(masses + limit * np.clip((times - 1800.0) / 2.0, 0.0, 1.0)).rises
        found += any(abs(rise.start_s - 1800.0) < 60.0 for rise in rises)
    assert found >= 52  # 99.9 % region of 95 % of 60


def test_a_delivery_is_measured_with_its_uncertainty() -> None:
    inside = 0
    for seed in range(30):
        times, masses = record(seed)
        (rise,) = search(masses + 5.0 * np.clip((times - 1800.0) / 20.0, 0.0, 1.0)).rises
        assert rise.looks_like == DELIVERY
        assert (rise.start_s, rise.end_s) == pytest.approx((1800.0, 1818.0), abs=4.0)
        inside += abs(rise.mass_mg - 5.0) <= 2.0 * rise.u_mg
    assert inside >= 26


def test_a_touch_that_rings_is_a_mark_and_a_spike_is_nothing_that_lasts() -> None:
    times, masses = record()
    ring = np.where(times >= 1800.0, 3.0 + 4.0 * np.exp(-(times - 1800.0) / 3.0) * np.cos(times - 1800.0), 0.0)
    (rise,) = search(masses + ring).rises
    assert rise.looks_like == MARK
    assert search(masses + 5.0 * ((times >= 1800.0) & (times < 1803.0))).rises == ()


def test_a_sudden_step_is_a_mark_where_the_readings_come_fast_enough_to_tell() -> None:
    times, masses = record()
    (rise,) = search(masses + 8.0 * (times >= 1800.0)).rises
    assert rise.looks_like == MARK


def test_a_flow_that_lasts_is_no_bolus() -> None:
    times, masses = record()
    (rise,) = search(masses + 2.0 * np.clip((times - 600.0) / 2400.0, 0.0, 1.0)).rises
    assert rise.looks_like == FLOW


def test_two_deliveries_some_minutes_apart_are_two() -> None:
    times, masses = record()
    first, second = (np.clip((times - at_s) / 20.0, 0.0, 1.0) for at_s in (1800.0, 2000.0))
    found = search(masses + 5.0 * first + 3.0 * second).rises
    assert [rise.mass_mg for rise in found] == pytest.approx([5.0, 3.0], abs=0.05)


def test_what_falls_is_no_delivery() -> None:
    times, masses = record()
    assert search(masses - 5.0 * np.clip((times - 1800.0) / 20.0, 0.0, 1.0)).rises == ()


def basal(seed: int, gain: float = 1.0, stuck: bool = False) -> tuple[FloatArray, FloatArray, Stretch]:
    """1 U/h in doses of 0.25 mg every 90 s; what comes less what is programmed."""
    times, noise = record(seed, 6 * 3600.0)
    due = np.floor(times / 90.0)
    if stuck:
        due = np.where((times > 9000.0) & (times < 9720.0), np.floor(9000.0 / 90.0), due)
    return times, noise + 0.25 * gain * due - 10.0 / 3600.0 * times, Stretch(900.0, 6 * 3600.0, 10.0, 0.25)


@pytest.mark.parametrize("gain", [0.8, 0.92, 1.0, 1.08, 1.3])
def test_a_pump_with_the_wrong_gain_delivers_nothing_that_nobody_programmed(gain: float) -> None:
    times, excess, stretch = basal(3, gain)
    assert find_rises(times, excess, [stretch], NOISE).rises == ()


def test_a_stuck_drive_that_catches_up_is_no_second_delivery() -> None:
    times, excess, stretch = basal(3, stuck=True)
    assert excess[9700] < -1.5
    assert find_rises(times, excess, [stretch], NOISE).rises == ()


def test_a_bolus_over_running_basal_stands_out_beyond_the_doses() -> None:
    times, excess, stretch = basal(3)
    found = find_rises(times, excess + 2.0 * np.clip((times - 12000.0) / 10.0, 0.0, 1.0), [stretch], NOISE)
    (rise,) = found.rises
    assert rise.start_s == pytest.approx(12000.0, abs=90.0)
    assert rise.mass_mg == pytest.approx(2.0, abs=0.5)
    assert not rise.quiet


def test_a_stretch_too_short_to_search_is_said_to_have_no_limit() -> None:
    times, masses = record()
    found = find_rises(times, masses, [Stretch(0.0, 5.0), Stretch(100.0, 400.0)], NOISE)
    assert found.limit_mg[0] is None
    assert found.limit_at(150.0, 200.0) == found.limit_mg[1]
    assert found.limit_at(50.0, 60.0) is None


def test_shifting_time_and_tare_changes_nothing() -> None:
    times, masses = record()
    masses = masses + 5.0 * np.clip((times - 1800.0) / 20.0, 0.0, 1.0)
    (here,) = search(masses).rises
    (there,) = find_rises(times + 86400.0, masses - 321.0, [Stretch(86400.0, 90000.0)], NOISE).rises
    assert there.start_s - 86400.0 == here.start_s
    assert there.mass_mg == pytest.approx(here.mass_mg, abs=1e-9)
