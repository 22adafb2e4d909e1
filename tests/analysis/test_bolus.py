"""Settling and measuring a bolus in synthetic records whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rig.analysis.bolus import BolusMeasurement, BolusWindow, RunningBasal, measure_bolus
from rig.analysis.settling import settled, slope_uncertainty_mg_per_h
from rig.errors import BenchError
from rig.metrology.checks import FloatArray
from rig.metrology.evaporation import Evaporation
from rig.metrology.inputs import AirState, AmbientStats, BalanceSpec, water
from rig.metrology.noise import white_noise
from rig.metrology.volume import WeighingChain

NOISE = white_noise(0.02, 0.2)
AIR = AirState(20.0, 50.0, 1013.25)
MG_PER_U = 9.9716


def air(_from_s: float, _to_s: float) -> AmbientStats:
    return AmbientStats(AIR, AIR, 0.1, 2.0, 0.5, 0.0, 0.0, 0.0, "stated")


def chain(evaporation: Evaporation | None = None) -> WeighingChain:
    return WeighingChain(
        BalanceSpec(0.02, 0.01), water(20.0, 0.1, air_saturated=False), evaporation=evaporation, noise=NOISE
    )


def record(
    amount_u: float,
    *,
    duration_s: float,
    tail: float = 0.09,
    tau_s: float = 20.0,
    slope_mg_per_h: float = 0.0,
    seed: int = 1,
    end_s: float = 600.0,
) -> tuple[FloatArray, FloatArray]:
    """A bolus from t = 0: even delivery with a share that arrives late, exponentially; 5 Hz from -30 s."""
    times = np.arange(-150, round(end_s * 5)) / 5.0
    even = np.clip(times / duration_s, 0.0, 1.0)
    late = np.where(times > duration_s, 1.0 - np.exp(-(times - duration_s) / tau_s), 0.0)
    mass = amount_u * MG_PER_U * ((1.0 - tail) * even + tail * late) + slope_mg_per_h * times / 3600.0
    noisy = mass + np.random.default_rng(seed).normal(size=times.size) * 0.02
    return times, np.round((noisy + 500.0) / 0.01) * 0.01


def measure(times: FloatArray, masses: FloatArray, duration_s: float, **keywords: object) -> BolusMeasurement:
    window = BolusWindow(0.0, duration_s, float(times[0]), float(times[-1]))
    return measure_bolus(times, masses, window, chain(), air, **keywords)  # type: ignore[arg-type]


@pytest.mark.parametrize(("amount", "duration"), [(0.1, 8.0), (1.0, 40.0), (10.0, 300.0)])
def test_a_bolus_is_measured_within_its_expanded_uncertainty(amount: float, duration: float) -> None:
    inside = 0
    for seed in range(20):
        times, masses = record(amount, duration_s=duration, seed=seed)
        result = measure(times, masses, duration)
        assert result.settled
        u = result.volume.u_ul / 10.0
        inside += abs(result.volume_u() - amount) <= 2.0 * u
    assert inside >= 16


def test_a_bolus_closes_no_earlier_than_the_rule_allows() -> None:
    times, masses = record(10.0, duration_s=300.0)
    result = measure(times, masses, 300.0)
    assert 375.0 <= result.closed_s <= 500.0
    short_times, short_masses = record(0.1, duration_s=8.0, tail=0.0)
    assert 68.0 - 1e-6 <= measure(short_times, short_masses, 8.0).closed_s <= 80.0


def test_a_slow_tail_is_waited_for_and_what_may_still_come_is_in_the_budget() -> None:
    times, masses = record(1.0, duration_s=40.0, tail=0.14, tau_s=120.0, end_s=2000.0)
    result = measure(times, masses, 40.0)
    assert result.closed_s > 200.0
    missing_mg = 0.14 * MG_PER_U * math.exp(-(result.closed_s - 40.0) / 120.0)
    assert missing_mg < 3.0 * result.truncation_mg * math.sqrt(3.0)
    assert any(line.name == "bolus tail after closing" for line in result.volume.budget.lines())
    assert result.tail_fraction == pytest.approx(0.14, abs=0.02)


def test_a_balance_that_drifts_upwards_opens_no_band_for_a_dose_where_no_basal_runs() -> None:
    """An apparent evaporation below zero looks like a basal, and the tail of a bolus like one of its doses."""
    times, masses = record(1.0, duration_s=40.0, slope_mg_per_h=0.1)
    window = BolusWindow(0.0, 40.0, -30.0, 600.0)
    drifting = measure_bolus(times, masses, window, chain(Evaporation(-0.1, 0.05)), air, basal=RunningBasal(0.0, 0.05))
    still = measure_bolus(times, masses, window, chain(), air)
    assert drifting.closed_s == pytest.approx(still.closed_s, abs=10.0)
    assert drifting.closed_s - 40.0 > 75.0


def test_the_last_doses_in_a_stiff_line_do_not_make_a_slow_tail_look_short() -> None:
    times, masses = record(1.0, duration_s=40.0, tail=0.05, tau_s=15.0)
    masses = masses + 0.5 * np.where(times < 40.0, 0.0, 1.0 - np.exp(-(times - 40.0) / 0.8))
    result = measure(times, np.asarray(masses, dtype=np.float64), 40.0)
    missing_mg = 0.05 * MG_PER_U * math.exp(-(result.closed_s - 5.0 - 40.0) / 15.0)
    assert 0.2 * missing_mg < result.truncation_mg * math.sqrt(3.0) < 20.0 * missing_mg


def test_a_bolus_that_never_settles_is_cut_and_says_so() -> None:
    times, masses = record(1.0, duration_s=40.0, tail=0.5, tau_s=300.0, end_s=150.0)
    result = measure(times, masses, 40.0)
    assert not result.settled
    assert result.closed_s == pytest.approx(149.8, abs=0.21)
    assert result.truncation_mg > 0.5


def test_evaporation_is_neither_part_of_the_bolus_nor_of_the_settling() -> None:
    evaporation = Evaporation(3.6, 0.001)
    times, masses = record(1.0, duration_s=40.0, slope_mg_per_h=-3.6)
    window = BolusWindow(0.0, 40.0, -30.0, 600.0)
    result = measure_bolus(times, masses, window, chain(evaporation), air)
    assert result.settled
    assert result.volume_u() == pytest.approx(1.0, abs=0.003)


def test_the_basal_under_a_bolus_is_taken_off() -> None:
    times, masses = record(1.0, duration_s=40.0, slope_mg_per_h=2.0 * MG_PER_U)
    result = measure(times, masses, 40.0, basal=RunningBasal(2.0, 0.05))
    assert result.settled
    # Doses of the basal hide the end of the tail; the dose edge in the budget is larger by far.
    assert result.volume_u() == pytest.approx(1.0, abs=0.008)
    assert result.basal_ul == pytest.approx(20.0 * result.volume.duration_s / 3600.0)
    assert result.volume.u_ul / 10.0 > 0.05 / math.sqrt(6) * 0.99


def test_delay_and_duration_come_from_the_rise() -> None:
    times, masses = record(5.0, duration_s=200.0, tail=0.0)
    shifted = np.interp(times - 5.0, times, masses)
    result = measure(times, shifted, 200.0)
    assert result.start_delay_s == pytest.approx(5.0, abs=1.5)
    assert result.duration_s == pytest.approx(200.0, abs=2.0)


def test_a_bolus_lost_in_the_noise_has_no_delay_and_no_duration() -> None:
    times, masses = record(0.005, duration_s=2.0)
    result = measure(times, masses, 2.0)
    assert result.start_delay_s is None
    assert result.duration_s is None
    assert result.tail_fraction is None


def test_shifting_time_and_tare_does_not_change_a_bolus() -> None:
    times, masses = record(1.0, duration_s=40.0)
    here = measure(times, masses, 40.0)
    window = BolusWindow(86400.0, 40.0, 86370.0, 87000.0)
    there = measure_bolus(times + 86400.0, masses - 321.0, window, chain(), air)
    assert there.volume.volume_ul == pytest.approx(here.volume.volume_ul, abs=1e-6)
    assert there.closed_s - 86400.0 == pytest.approx(here.closed_s, abs=1e-6)


def test_a_bolus_without_readings_around_it_is_refused() -> None:
    times, masses = record(1.0, duration_s=40.0)
    for window in (BolusWindow(0.0, 40.0, 0.5, 600.0), BolusWindow(0.0, 40.0, -30.0, 30.0)):
        with pytest.raises(BenchError, match="do not reach"):
            measure_bolus(times, masses, window, chain(), air)


def test_one_reading_before_the_start_is_baseline_enough() -> None:
    times, masses = record(1.0, duration_s=40.0)
    window = BolusWindow(0.0, 40.0, -0.2, 600.0)
    result = measure_bolus(times, masses, window, chain(), air)
    assert result.baseline.count == 1
    assert result.volume_u() == pytest.approx(1.0, abs=0.01)


def test_settling_is_found_incrementally_at_the_same_moment() -> None:
    times, masses = record(1.0, duration_s=40.0)
    whole = settled(times, masses, 40.0, 0.0, NOISE, nominal_duration_s=40.0, resolution_mg=0.01)
    assert whole is not None
    for last in range(100, times.size, 5):
        part = settled(times[:last], masses[:last], 40.0, 0.0, NOISE, nominal_duration_s=40.0, resolution_mg=0.01)
        if part is not None:
            assert part.closed_s == pytest.approx(whole.closed_s)
            assert times[last - 1] - whole.closed_s < 1.01
            break
    else:
        pytest.fail("never settled")


def test_settling_agrees_with_a_plain_fit_of_every_window() -> None:
    times, masses = record(1.0, duration_s=40.0, tau_s=60.0)
    found = settled(times, masses, 40.0, 0.0, NOISE, nominal_duration_s=40.0)
    u = slope_uncertainty_mg_per_h(NOISE, 301, 0.2)
    expected = None
    for t in times[times >= 100.0 - 1e-9]:
        part = (times >= t - 60.0 - 1e-9) & (times <= t)
        slope = float(np.polyfit(times[part] - t, masses[part], 1)[0]) * 3600.0
        if abs(slope) <= 3.0 * u:
            expected = float(t)
            break
    assert found is not None
    assert found.closed_s == pytest.approx(expected)


def test_readings_every_ten_seconds_are_enough_to_settle() -> None:
    times, masses = record(1.0, duration_s=40.0)
    found = settled(times[::50], masses[::50], 40.0, 0.0, NOISE, nominal_duration_s=40.0, resolution_mg=0.01)
    assert found is not None
    assert 100.0 <= found.closed_s <= 180.0


def test_a_dose_of_the_running_basal_within_the_window_does_not_stop_the_settling() -> None:
    times = np.arange(0.0, 300.0, 0.2)
    noise = np.random.default_rng(2).normal(size=times.size) * 0.02
    rate = 0.5 / 180.0 * 3600.0
    for dose_at_s in (70.0, 1000.0):
        masses = noise + 0.5 * (times >= dose_at_s)
        found = settled(times, masses, 40.0, rate, NOISE, dose_mg=0.5)
        assert found is not None
        assert found.closed_s == pytest.approx(100.0, abs=0.21)
    assert settled(times, noise, 40.0, rate, NOISE) is None
