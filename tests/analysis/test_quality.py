"""Detectors of damage: each finds what it says it finds, and is silent over clean readings."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rig.analysis.quality import (
    NoiseScale,
    Steps,
    correlation_with,
    drift_at_rest,
    find_bursts,
    find_drops,
    find_frozen,
    find_steps,
    frozen_limits,
    noise_scale,
    sigmas,
)
from rig.analysis.quality.bursts import detection_limit
from rig.analysis.quality.scale import upper_tail
from rig.analysis.quality.smear import edge_lag, smear_of
from rig.analysis.quality.steps import CATCH_UP_DOSES
from rig.metrology.noise import white_noise

Array = NDArray[np.float64]
DOSE_MG = 0.25
NOISE_MG = 0.01
REST_S = 1800.0
LONG_S = 2 * 3600.0


class Made:
    """A record: half an hour of blank, doses of 0.25 mg every 90 s (1 U/h), all with noise and a digit of 0.01 mg."""

    def __init__(self, seed: int = 1, *, interval_s: float = 2.0, gain: float = 1.0, every_s: float = 90.0) -> None:
        rng = np.random.default_rng(seed)
        self.times = np.arange(0.0, REST_S + LONG_S, interval_s)
        self.set_mg = np.clip(self.times - REST_S, 0.0, None) / every_s * DOSE_MG
        doses = np.floor(np.clip(self.times - REST_S, 0.0, None) / every_s) * DOSE_MG * gain
        self.load = doses + 0.05 * DOSE_MG * np.sin(self.times / 700.0)
        self.noise = rng.normal(0.0, NOISE_MG, self.times.size)
        self.extra = np.zeros_like(self.times)

    @property
    def masses(self) -> Array:
        """What the display shows."""
        return np.asarray(np.round((self.load + self.noise + self.extra) / 0.01) * 0.01, dtype=np.float64)

    @property
    def scale(self) -> NoiseScale:
        rest = self.times < REST_S
        return noise_scale([(self.times[rest], self.masses[rest])], 0.01, stated_mg=0.02)

    def steps(self, busy: tuple[tuple[float, float], ...] = ()) -> Steps:
        return find_steps(self.times, self.masses, self.set_mg, DOSE_MG, self.scale, busy)

    def near(self, at_s: float) -> int:
        return int(np.searchsorted(self.times, at_s))


def test_the_scale_is_that_of_the_noise_and_a_few_knocks_in_a_blank_do_not_move_it() -> None:
    made = Made()
    calm = made.scale
    assert calm.difference_mg == pytest.approx(NOISE_MG * math.sqrt(2.0), rel=0.1)
    for at in range(100, 900, 100):
        made.extra[at] += 3.0
    assert made.scale.difference_mg == pytest.approx(calm.difference_mg, rel=0.1)


def test_thresholds_are_those_of_a_normal_variable() -> None:
    assert sigmas(1.0, 0.5) == pytest.approx(0.0, abs=1e-12)
    assert upper_tail(sigmas(18_000)) * 18_000 == pytest.approx(1e-4, rel=1e-6)


def test_no_detector_says_anything_over_a_hundred_clean_runs() -> None:
    for seed in range(100):
        made = Made(seed, interval_s=5.0, gain=0.95 + 0.001 * seed)
        found = made.steps()
        assert (found.excursions, found.falls, found.rises) == ((), (), ())
        assert not found.excluded.any()
        assert find_frozen(made.times, made.masses, made.scale) == ((), ())
        assert find_bursts(made.times, made.masses, made.scale) == ()
        assert find_drops(made.times, made.masses, np.diff(made.set_mg), DOSE_MG) is None


@pytest.mark.parametrize("at_s", [900.0, 5000.0])
def test_a_fall_at_its_limit_is_found_in_rest_and_flow(at_s: float) -> None:
    made = Made()
    size_mg = made.steps().fall_mg + 3.0 * made.scale.difference_mg
    made.extra[made.near(at_s) :] -= size_mg
    (fall,) = made.steps().falls
    assert fall.before_s < at_s <= fall.after_s
    assert fall.size_mg == pytest.approx(-size_mg, abs=2.0 * NOISE_MG)
    assert not made.steps().excluded.any()


@pytest.mark.parametrize(("at_s", "flowing"), [(900.0, False), (5035.0, True)])
def test_a_rise_at_its_limit_is_found_and_excludes_nothing(at_s: float, flowing: bool) -> None:
    made = Made()
    clean = made.steps()
    size_mg = (clean.rise_flowing_mg + DOSE_MG if flowing else clean.rise_mg) + 3.0 * made.scale.difference_mg
    made.extra[made.near(at_s) :] += size_mg
    found = made.steps()
    (rise,) = found.rises
    assert rise.before_s < at_s <= rise.after_s
    assert rise.size_mg == pytest.approx(size_mg, abs=1.1 * DOSE_MG)
    assert not found.excluded.any()


def test_a_rise_that_makes_up_for_a_stall_is_the_pump_s_own() -> None:
    made = Made()
    stalled = (made.times > 4000.0) & (made.times < 4900.0)
    made.extra[stalled] -= (np.floor((made.times[stalled] - REST_S) / 90.0) - 24.0) * DOSE_MG  # ten doses, then all
    assert made.steps().rises == ()


def test_a_low_gain_hides_no_bump_that_would_make_up_for_it() -> None:
    made = Made(gain=0.9)
    made.extra[made.near(6035.0) :] += (CATCH_UP_DOSES + 1.5) * DOSE_MG
    assert len(made.steps().rises) == 1


def test_within_a_bolus_a_rise_is_found_only_where_it_comes_all_at_once() -> None:
    made = Made()
    bolus = np.clip(made.times - 5000.0, 0.0, 100.0) * 0.25
    made.set_mg, made.load = made.set_mg + bolus, made.load + 1.5 * bolus
    assert made.steps(busy=((4990.0, 5200.0),)).rises == ()
    made.extra[made.near(5030.0) :] += 3.0
    (rise,) = made.steps(busy=((4990.0, 5200.0),)).rises
    assert rise.before_s < 5030.0 <= rise.after_s


def test_within_a_bolus_falls_are_looked_for() -> None:
    made = Made()
    made.extra[made.near(5050.0) :] -= 1.0
    assert len(made.steps(busy=((4990.0, 5100.0),)).falls) == 1


@pytest.mark.parametrize("size_mg", [2.0, -2.0])
@pytest.mark.parametrize("count", [1, 4])
def test_out_and_back_is_excluded_reading_by_reading(size_mg: float, count: int) -> None:
    made = Made()
    first = made.near(5000.0)
    made.extra[first : first + count] += size_mg
    found = made.steps()
    (spike,) = found.excursions
    assert np.flatnonzero(found.excluded).tolist() == list(range(first, first + count))
    assert spike.readings == count
    assert spike.size_mg == pytest.approx(size_mg, abs=0.3)
    assert (found.falls, found.rises) == ((), ())


def test_a_knock_that_rings_and_leaves_a_shift_is_a_shift_without_its_ring() -> None:
    made = Made(interval_s=0.5)
    after = made.times >= 900.0
    passed = made.times[after] - 900.0
    made.extra[after] -= 0.5 - 5.0 * np.exp(-passed / 0.8) * np.cos(10.7 * passed)
    found = made.steps()
    (fall,) = found.falls
    assert fall.size_mg == pytest.approx(-0.5, abs=0.1)
    assert found.excluded.any()
    assert made.times[found.excluded].max() < 915.0


def test_something_that_leaned_for_minutes_is_one_excursion() -> None:
    made = Made()
    leaning = (made.times >= 4000.0) & (made.times < 4200.0)
    made.extra[leaning] += 5.0
    found = made.steps()
    assert (found.falls, found.rises) == ((), ())
    assert [each.size_mg for each in found.excursions] == [pytest.approx(5.0, abs=0.3)]
    assert np.array_equal(found.excluded, leaning)


def test_a_frozen_display_is_found_and_a_pump_that_stopped_is_not() -> None:
    made = Made()
    still = (made.times >= 4000.0) & (made.times < 4000.0 + 2.0 * frozen_limits(made.scale, made.times.size).longest_s)
    masses = made.masses
    masses[still] = masses[still][0]
    frozen, tracked = find_frozen(made.times, masses, made.scale)
    assert [(span.start_s, span.count) for span in frozen] == [(4000.0, int(still.sum()))]
    assert tracked == ()
    made.load[made.times > 4000.0] = made.load[made.near(4000.0)]  # no dose any more, but noise
    assert find_frozen(made.times, made.masses, made.scale) == ((), ())


def test_zero_tracking_is_found_by_moves_that_are_missing_at_zero() -> None:
    made = Made()
    held = (made.times >= 3000.0) & (made.times < 3600.0)
    masses = made.masses
    masses[held] = 0.0
    masses[made.near(3200.0)] = 0.01
    masses[made.near(3400.0)] = -0.01
    _, (span,) = find_frozen(made.times, masses, made.scale)
    assert (span.start_s, span.end_s) == pytest.approx((3000.0, 3600.0), abs=130.0)


def test_a_display_coarser_than_its_noise_is_said_to_be_blind() -> None:
    rest = np.zeros(500)
    scale = noise_scale([(np.arange(500.0), rest)], 0.1, stated_mg=0.02)
    assert frozen_limits(scale, 10_000).blind
    assert find_frozen(np.arange(500.0), rest, scale) == ((), ())


def test_a_draught_at_the_stated_limit_is_found() -> None:
    made = Made()
    factor = detection_limit(made.times.size, made.scale)
    found = 0
    for seed in range(40):
        again = Made(seed)
        gusty = (again.times >= 600.0) & (again.times < 720.0)
        again.noise[gusty] *= factor * 1.1
        found += bool(find_bursts(again.times, again.masses, made.scale))
    assert 2.0 < factor < 6.0
    assert found >= 35


def test_drops_are_found_by_steps_of_many_doses_that_make_up_the_delivery() -> None:
    made = Made()
    made.set_mg *= 4.0
    made.load = np.floor(4.0 * made.load / 8.0) * 8.0  # hangs, and falls at 8 mg: not immersed
    found = find_drops(made.times, made.masses, np.diff(made.set_mg), DOSE_MG)
    assert found is not None
    assert all(size > 3.0 for size in found[1])


def test_drift_at_rest_is_told_from_noise() -> None:
    made = Made()
    noise = white_noise(NOISE_MG, 2.0, REST_S)
    calm = drift_at_rest(made.times, made.masses, 0.0, REST_S, noise, 0.0, 0.005)
    assert calm is not None
    assert not calm.drifts
    made.extra = made.times * 0.1 / 3600.0
    drifting = drift_at_rest(made.times, made.masses, 0.0, REST_S, noise, 0.0, 0.005)
    assert drifting is not None
    assert drifting.drifts
    assert drifting.excess_mg_per_h == pytest.approx(0.1, abs=drifting.limit_mg_per_h)
    assert drift_at_rest(made.times, made.masses, 0.0, 300.0, noise, 0.0, 0.005) is None


def test_a_residual_that_follows_the_room_is_found_and_two_strangers_are_not() -> None:
    times = np.arange(0.0, 24 * 3600.0, 10.0)
    rng = np.random.default_rng(3)
    room_times = np.arange(0.0, 24 * 3600.0, 60.0)
    room = 20.0 + 0.3 * np.sin(room_times / 1500.0) + rng.normal(0.0, 0.02, room_times.size)
    noise = rng.normal(0.0, 0.1, times.size)
    follows = correlation_with(times, 0.1 * np.interp(times, room_times, room) + 0.1 * noise, room_times, room)
    assert follows is not None
    assert follows.follows
    alarms = 0
    for _ in range(30):
        stranger = correlation_with(times, np.cumsum(rng.normal(0.0, 0.01, times.size)), room_times, room)
        alarms += stranger is not None and stranger.follows
    assert alarms == 0
    assert correlation_with(times[:500], noise[:500], room_times, room) is None


@pytest.mark.parametrize(("lag_s", "smeared"), [(0.7, False), (3.0, False), (12.0, True)])
def test_the_lag_of_an_edge_is_the_filter_s(lag_s: float, smeared: bool) -> None:
    times = np.arange(0.0, 200.0, 0.2)
    late = times - 8.0  # a pump that starts late
    masses = 0.2 * (late - lag_s * (1.0 - np.exp(-late / lag_s)))
    masses = np.where(late > 0.0, masses, 0.0)
    seen = masses > 0.05
    lag = edge_lag(times[seen], masses[seen], 30.0)
    assert lag is not None
    hidden_s = times[seen][0] - 8.0
    assert lag == pytest.approx(lag_s - hidden_s, abs=0.2 + 0.01 * lag_s**2)
    smear = smear_of([lag] * 3, [0.3] * 3)
    assert smear is not None
    assert smear.is_smeared is smeared
    assert smear_of([], []) is None


@settings(max_examples=25, deadline=None)
@given(
    size=st.floats(-4.0, 4.0),
    at=st.integers(200, 4000),
    count=st.integers(1, 12),
    seed=st.integers(0, 50),
    tare=st.integers(-10_000, 10_000),
)
def test_tare_and_time_change_nothing_and_what_is_excluded_lies_where_it_happened(
    size: float, at: int, count: int, seed: int, tare: int
) -> None:
    made = Made(seed)
    made.extra[at : at + count] += size
    found = made.steps()
    moved = find_steps(
        made.times + 1000.0, made.masses + tare * 0.01, made.set_mg, DOSE_MG, made.scale, ((-2.0, -1.0),)
    )
    assert np.array_equal(found.excluded, moved.excluded)
    assert len(found.rises) == len(moved.rises)
    where = np.flatnonzero(found.excluded)
    assert where.size == 0 or (where.min() >= at - 20 and where.max() <= at + count + 20)
    assert found.excluded.sum() <= count + 20
