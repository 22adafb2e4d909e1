"""What must hold for any volume and budget: parts add up, tare and time mean nothing, uncertainties do not cancel."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.errors import BenchError
from rig.metrology.blank import analyse_blank
from rig.metrology.budget import Budget, Component, mean_budget, sum_budget
from rig.metrology.evaporation import Evaporation
from rig.metrology.inputs import AirState, AmbientStats, BalanceSpec, TubeSpec, VesselSpec, water
from rig.metrology.noise import NoiseModel
from rig.metrology.volume import Level, MassChange, VolumeResult, WeighingChain, volume_curve_ul, volume_from_mass

CHAIN = WeighingChain(
    BalanceSpec(0.02, 0.01),
    water(20.0, 0.5),
    VesselSpec(15.0, 50.0, 0.5, 20.0),
    TubeSpec(1.2),
    Evaporation(0.02, 0.01, u_between_mg_per_h=0.002),
    NoiseModel(0.01, 10.0, 3600.0, ((60.0, 0.005),), 0.02),
)
masses = st.lists(st.floats(-50.0, 3000.0), min_size=3, max_size=60)


def measured(times: list[float], readings: list[float], first: int, last: int) -> VolumeResult:
    hours = (times[last] - times[first]) / 3600.0
    start, end = (AirState(20.0, 50.0, 1013.25 + 0.2 * times[row] / 3600.0) for row in (first, last))
    walked = 0.3 * math.sqrt(hours)
    air = AmbientStats(start, end, 0.5, 5.0, 2.0, walked, walked, walked, "made by hand")
    change = MassChange(Level(readings[first], times[first]), Level(readings[last], times[last]))
    return volume_from_mass(change, CHAIN, air)


@given(masses, st.data())
def test_a_curve_cut_in_two_has_the_volumes_of_the_whole(readings: list[float], data: st.DataObject) -> None:
    """At one air density: the weather's share belongs to the whole vessel, and is taken out part by part elsewhere."""
    times = 60.0 * np.arange(len(readings))
    cut = data.draw(st.integers(1, len(readings) - 2))
    whole = volume_curve_ul(times, readings, CHAIN, 1.2)
    first = volume_curve_ul(times[: cut + 1], readings[: cut + 1], CHAIN, 1.2)
    second = volume_curve_ul(times[cut:], readings[cut:], CHAIN, 1.2)
    assert np.concatenate((first, first[-1] + second[1:])) == pytest.approx(whole, abs=1e-6)


@given(masses, st.floats(-1e5, 1e5), st.floats(-1e7, 1e7))
def test_a_curve_knows_neither_tare_nor_time_of_day(readings: list[float], tare_mg: float, shift_s: float) -> None:
    times = 60.0 * np.arange(len(readings))
    here = volume_curve_ul(times, readings, CHAIN, 1.2)
    there = volume_curve_ul(times + shift_s, np.asarray(readings) + tare_mg, CHAIN, 1.2)
    assert there == pytest.approx(here, abs=1e-6)


@given(masses, st.floats(0.1, 10.0))
def test_a_curve_of_scaled_masses_is_scaled(readings: list[float], factor: float) -> None:
    dry = WeighingChain(CHAIN.balance, CHAIN.liquid, CHAIN.vessel, CHAIN.tube, None, CHAIN.noise)
    times = 60.0 * np.arange(len(readings))
    plain = volume_curve_ul(times, readings, dry, 1.2)
    assert volume_curve_ul(times, factor * np.asarray(readings), dry, 1.2) == pytest.approx(factor * plain, abs=1e-6)


@given(masses, st.data())
def test_the_parts_of_an_interval_are_never_surer_together_than_the_whole(
    readings: list[float], data: st.DataObject
) -> None:
    """What both parts share adds up linearly, what they do not in squares: never less than the whole says of itself.

    Only where the mass goes one way: the linearity of a rise and a fall cancels in the whole.
    """
    readings = sorted(readings)
    times = [600.0 * row for row in range(len(readings))]
    cut = data.draw(st.integers(1, len(readings) - 2))
    parts = [measured(times, readings, 0, cut), measured(times, readings, cut, len(readings) - 1)]
    whole = measured(times, readings, 0, len(readings) - 1)
    assert sum(part.volume_ul for part in parts) == pytest.approx(whole.volume_ul, abs=0.01)
    assert sum(part.u_ul for part in parts) >= whole.u_ul * (1.0 - 1e-6)
    assert sum_budget([part.budget for part in parts]).combined >= whole.u_ul * (1.0 - 1e-4)


def shared_part(budget: Budget) -> float:
    return Budget(budget.unit, tuple(each for each in budget.components if each.shared)).combined


components = st.builds(
    Component,
    st.sampled_from(["a", "b", "c", "d"]),
    st.integers(0, 10**6).map(lambda thousandths: thousandths / 1000.0),
    st.just("mg"),
    st.integers(-(10**5), 10**5).map(lambda thousandths: thousandths / 1000.0),
    shared=st.booleans(),
)
budgets = st.lists(components, min_size=1, max_size=4, unique_by=lambda each: each.name).map(
    lambda found: Budget("U", tuple(found))
)


@given(budgets, components)
def test_a_component_more_never_makes_a_budget_smaller(budget: Budget, more: Component) -> None:
    assert budget.with_component(more).combined >= budget.combined * (1.0 - 1e-12)


@given(budgets)
def test_a_combined_uncertainty_lies_between_its_largest_part_and_the_sum_of_all(budget: Budget) -> None:
    parts = [each.contribution for each in budget.components]
    assert max(parts) * (1 - 1e-12) <= budget.combined <= sum(parts) * (1 + 1e-12)


@given(budgets, st.floats(-10.0, 10.0))
def test_scaling_a_budget_scales_it_by_the_size_of_the_factor(budget: Budget, factor: float) -> None:
    assert budget.scaled(factor, "%").combined == pytest.approx(abs(factor) * budget.combined, rel=1e-9, abs=1e-12)


@given(budgets, st.integers(1, 12))
def test_repeats_average_what_is_their_own_and_keep_what_they_share(budget: Budget, count: int) -> None:
    mean = mean_budget([budget] * count)
    shared = shared_part(budget)
    own = Budget("U", tuple(each for each in budget.components if not each.shared)).combined
    assert mean.combined**2 == pytest.approx(shared**2 + own**2 / count, rel=1e-9, abs=1e-12)
    assert sum_budget([budget] * count).combined == pytest.approx(count * mean.combined, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("kind", ["reversed", "two rows swapped", "a row twice"])
def test_a_blank_that_is_not_in_the_order_of_time_is_refused(kind: str) -> None:
    order = np.arange(100)
    if kind == "reversed":
        order = order[::-1]
    elif kind == "two rows swapped":
        order[[50, 51]] = order[[51, 50]]
    else:
        order[51] = order[50]
    with pytest.raises(BenchError, match="do not increase"):
        analyse_blank((10.0 * np.arange(100))[order], np.zeros(100), 0.01)


def test_a_change_of_mass_that_goes_back_in_time_is_refused() -> None:
    with pytest.raises(BenchError, match="an end after its start"):
        MassChange(Level(1.0, 10.0), Level(2.0, 10.0))
