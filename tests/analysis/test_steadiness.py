"""The level under a basal: what doses and noise explain is no finding, what they cannot is."""

from __future__ import annotations

import numpy as np
import pytest

from rig.analysis.steadiness import BLOCK_S, moved_levels
from rig.errors import BenchError
from rig.metrology.checks import FloatArray

DOSE_MG = 0.25
U_MG = 0.03


def staircase(
    rate_u_per_h: float, hours: float, gain: float = 1.0
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Times, masses, edges and SET of a pump that doses evenly, with the noise of a balance."""
    times = np.arange(0.0, hours * 3600.0 + 1.0, 10.0)
    doses = np.floor(times / 3600.0 * rate_u_per_h / 0.025)
    masses = gain * DOSE_MG * doses + U_MG * np.random.default_rng(1).normal(size=times.size)
    edges = np.arange(0.0, times[-1] + 1.0, BLOCK_S)
    return times, masses, edges, np.full(edges.size - 1, rate_u_per_h * 10.0 * BLOCK_S / 3600.0)


RATES = [0.05, 0.1, 0.5, 1.0, 5.0, 30.0]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("gain", [0.7, 1.0, 1.3])
def test_a_pump_with_a_wrong_gain_that_doses_steadily_moves_no_level(rate: float, gain: float) -> None:
    times, masses, edges, expected = staircase(rate, 6.0, gain)
    assert moved_levels(times, masses, edges, expected, dose_mg=DOSE_MG, u_mg=U_MG) == ()


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("size_mg", [20.0, -20.0])
def test_twenty_milligrams_within_four_minutes_are_found_where_they_came(rate: float, size_mg: float) -> None:
    times, masses, edges, expected = staircase(rate, 6.0)
    masses = masses + size_mg * np.clip((times - 7200.0) / 240.0, 0.0, 1.0)
    found = moved_levels(times, masses, edges, expected, dose_mg=DOSE_MG, u_mg=U_MG)
    assert [(each.start_s, each.end_s) for each in found] == [(7200.0, 7440.0)]
    assert found[0].moved_mg - found[0].expected_mg == pytest.approx(size_mg, abs=1.0)


def test_a_plunger_that_sticks_and_slips_by_five_doses_is_the_pump_s_own_affair() -> None:
    times, masses, edges, expected = staircase(5.0, 6.0)
    masses = masses - 5.0 * DOSE_MG * ((times > 7300.0) & (times < 7900.0))
    assert moved_levels(times, masses, edges, expected, dose_mg=DOSE_MG, u_mg=U_MG) == ()


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.5])
def test_a_pump_cannot_suck_back_a_milligram(rate: float) -> None:
    times, masses, edges, expected = staircase(rate, 6.0)
    masses = masses - 1.0 * np.clip((times - 7200.0) / 240.0, 0.0, 1.0)
    found = moved_levels(times, masses, edges, expected, dose_mg=DOSE_MG, u_mg=U_MG)
    assert [each.start_s for each in found] == [7200.0]


def test_evaporation_alone_is_no_sucking_back() -> None:
    times = np.arange(0.0, 3601.0, 10.0)
    edges = np.arange(0.0, 3601.0, BLOCK_S)
    lost = np.full(edges.size - 1, -6.0 * BLOCK_S / 3600.0)
    assert moved_levels(times, -6.0 * times / 3600.0, edges, lost, dose_mg=DOSE_MG, u_mg=U_MG) == ()


def test_what_cannot_be_compared_is_refused() -> None:
    times, masses, edges, expected = staircase(1.0, 1.0)
    with pytest.raises(BenchError, match="one edge more"):
        moved_levels(times, masses, edges, expected[:-1], dose_mg=DOSE_MG, u_mg=U_MG)
    with pytest.raises(BenchError, match="does not increase"):
        moved_levels(times[::-1], masses, edges, expected, dose_mg=DOSE_MG, u_mg=U_MG)
