"""What must hold for any record: parts add up, time and tare mean nothing, mass scales, disorder is refused."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.analysis.basal import cumulative_deliveries, segment_deliveries, startup_flow
from rig.analysis.bolus import BolusWindow, measure_bolus
from rig.analysis.groups import bolus_bins, group_statistics
from rig.analysis.settling import settled
from rig.analysis.trumpet import trumpet_curve
from rig.analysis.windows import fixed_windows
from rig.errors import BenchError
from rig.metrology.checks import FloatArray
from rig.metrology.inputs import AirState, AmbientStats, BalanceSpec, water
from rig.metrology.noise import white_noise
from rig.metrology.volume import WeighingChain

AIR = AirState(20.0, 50.0, 1013.25)
STILL = AmbientStats(AIR, AIR, 0.2, 3.0, 1.0, 0.0, 0.0, 0.0, "made by hand")
CHAIN = WeighingChain(BalanceSpec(0.02, 0.01), water(20.0, 0.2), None, None, None, white_noise(0.005, 1.0))

Record = tuple[FloatArray, FloatArray]


def still(_from_s: float, _to_s: float) -> AmbientStats:
    return STILL


@st.composite
def records(draw: st.DrawFn) -> Record:
    """Irregular records of 8 to 60 rows, steps of 1 ms to 10 min, volumes that mostly grow."""
    count = draw(st.integers(8, 60))
    rng = random.Random(draw(st.integers(0, 10**6)))
    steps = [rng.choice((1, rng.randrange(1, 600_000))) for _ in range(count)]
    grown = [rng.choice((0, rng.randrange(-1_000, 400_000))) for _ in range(count)]
    times = np.cumsum([0, *steps]) / 1000.0
    volume = np.cumsum([0, *grown]) / 1e6
    return times, volume


@given(records(), st.sets(st.integers(1, 999), min_size=1, max_size=5))
def test_segments_cut_anywhere_add_up_to_the_whole(record: Record, cuts: set[int]) -> None:
    times, volume = record
    edges = [0.0, *sorted(cut * float(times[-1]) / 1000.0 for cut in cuts), float(times[-1])]
    parts = segment_deliveries(times, volume, edges, [1.0] * (len(edges) - 1), dose_u=0.0)
    whole = float(volume[-1] - volume[0])
    assert sum(part.delivered_u for part in parts) == pytest.approx(whole, abs=1e-9)


@given(records(), st.sampled_from([60.0, 900.0, 3600.0]))
def test_windows_add_up_to_what_was_delivered_by_the_end_of_the_last(record: Record, window_s: float) -> None:
    times, volume = record
    found = fixed_windows(times, volume, window_s=window_s)
    end_s = window_s * found.start_s.size
    assert float(found.volume_u.sum()) == pytest.approx(float(np.interp(end_s, times, volume)), abs=1e-9)


@given(records(), st.data())
def test_windows_of_two_parts_of_a_record_are_those_of_the_whole(record: Record, data: st.DataObject) -> None:
    times, volume = record
    whole = fixed_windows(times, volume, window_s=60.0)
    count = whole.start_s.size
    cut = data.draw(st.integers(0, count))
    middle = 60.0 * cut
    first = fixed_windows(times, volume, window_s=60.0, end_s=middle).volume_u if cut else np.empty(0)
    rest = middle + 1e-9 < times[-1]
    second = fixed_windows(times, volume, window_s=60.0, start_s=middle).volume_u if rest else np.empty(0)
    assert np.concatenate((first, second)) == pytest.approx(whole.volume_u, abs=1e-9)


@given(records(), st.floats(-1e6, 1e6), st.floats(-1e3, 1e3))
def test_time_of_day_and_tare_change_nothing(record: Record, shift_s: float, tare_u: float) -> None:
    times, volume = record
    here = fixed_windows(times, volume, start_s=0.0, window_s=60.0)
    there = fixed_windows(times + shift_s, volume + tare_u, start_s=float(times[0] + shift_s), window_s=60.0)
    shared = min(here.volume_u.size, there.volume_u.size)  # the last one may end within a rounding of the record's end
    assert abs(here.volume_u.size - there.volume_u.size) <= 1
    assert there.volume_u[:shared] == pytest.approx(here.volume_u[:shared], abs=1e-6)


@given(records(), st.floats(0.01, 100.0))
def test_scaling_scales_windows_and_cumulative_deliveries_and_leaves_relative_results(
    record: Record, factor: float
) -> None:
    times, volume = record
    plain, scaled = (fixed_windows(times, each, window_s=60.0).volume_u for each in (volume, factor * volume))
    assert scaled == pytest.approx(factor * plain, rel=1e-9, abs=1e-9)
    before = cumulative_deliveries(times, volume, start_s=0.0)
    after = cumulative_deliveries(times, factor * volume, start_s=0.0)
    assert [amount for _, amount in after] == pytest.approx([factor * amount for _, amount in before], abs=1e-9)


@given(st.lists(st.floats(0.0, 3.0), min_size=2, max_size=40), st.floats(0.05, 20.0))
def test_a_group_of_boluses_in_other_units_has_the_same_errors(volumes: list[float], factor: float) -> None:
    plain = group_statistics(volumes, 1.0)
    scaled = group_statistics([factor * each for each in volumes], factor)
    assert scaled.errors.mean_pct == pytest.approx(plain.errors.mean_pct, abs=1e-9)
    assert scaled.errors.mard_pct == pytest.approx(plain.errors.mard_pct, abs=1e-9)
    assert scaled.total_u == pytest.approx(factor * plain.total_u, rel=1e-9, abs=1e-12)


@given(st.lists(st.floats(0.0, 30.0), max_size=60), st.randoms(use_true_random=False))
def test_bins_count_every_bolus_once_in_whatever_order(volumes: list[float], rng: object) -> None:
    mixed = list(volumes)
    rng.shuffle(mixed)  # type: ignore[attr-defined]
    counts = [each.count for each in bolus_bins(volumes, 10.0)]
    assert sum(counts) == len(volumes)
    assert [each.count for each in bolus_bins(mixed, 10.0)] == counts


def bolus_record(shift_s: float = 0.0, tare_mg: float = 0.0, factor: float = 1.0) -> Record:
    rng = np.random.default_rng(3)
    times = np.arange(0.0, 400.0, 0.5)
    rise = 10.0 * np.clip((times - 60.0) / 40.0, 0.0, 1.0)
    return times + shift_s, factor * (rise + 0.005 * rng.normal(size=times.size)) + tare_mg


@given(st.floats(-1e5, 1e5), st.floats(-1e4, 1e4))
def test_a_bolus_is_the_same_at_any_time_of_day_and_tare(shift_s: float, tare_mg: float) -> None:
    here, there = (
        measure_bolus(
            *bolus_record(shift, tare),
            BolusWindow(60.0 + shift, 40.0, shift, 399.5 + shift),
            CHAIN,
            lambda _a, _b: STILL,
        )
        for shift, tare in ((0.0, 0.0), (shift_s, tare_mg))
    )
    assert there.volume.volume_ul == pytest.approx(here.volume.volume_ul, abs=2e-3)  # an edge may move by one reading
    assert there.settled is here.settled


def disordered(kind: str) -> Record:
    times, volume = np.arange(0.0, 7200.0, 60.0), np.arange(120.0) / 100.0
    order = np.arange(120)
    if kind == "reversed":
        order = order[::-1]
    elif kind == "shuffled":
        np.random.default_rng(1).shuffle(order)
    elif kind == "two rows swapped":
        order[[50, 51]] = order[[51, 50]]
    else:
        order[51] = order[50]
    return times[order], volume[order]


REFUSING: dict[str, Callable[[FloatArray, FloatArray], object]] = {
    "trumpet": lambda times, volume: trumpet_curve(times, volume, 1.0),
    "windows": fixed_windows,
    "cumulative": lambda times, volume: cumulative_deliveries(times, volume, start_s=0.0, end_s=3600.0),
    "segments": lambda times, volume: segment_deliveries(times, volume, [0.0, 3600.0], [1.0], dose_u=0.0),
    "start-up": lambda times, volume: startup_flow(times, volume, start_s=0.0, stabilisation_s=3600.0),
    "bolus": lambda times, volume: measure_bolus(times, volume, BolusWindow(600.0, 60.0, 0.0, 7000.0), CHAIN, still),
    "settling": lambda times, volume: settled(times, volume, 600.0, 0.0, white_noise(0.01, 60.0)),
}


@pytest.mark.parametrize("kind", ["reversed", "shuffled", "two rows swapped", "a row twice"])
@pytest.mark.parametrize("what", REFUSING)
def test_a_record_that_is_not_in_the_order_of_time_is_refused(kind: str, what: str) -> None:
    times, volume = disordered(kind)
    with pytest.raises(BenchError, match="time does not increase at row"):
        REFUSING[what](times, volume)
