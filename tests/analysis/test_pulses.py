"""Averages of n doses, intervals, clocked pulses (EX-17, EX-18), each against plain loops over fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.analysis.pulses import clock_grid_pulses, interval_statistics, pulse_averages, size_statistics
from rig.errors import UsageError

MINUTE = 60.0
FIVE = 5 * 3600.0


def _naive_averages(sizes: list[float], dose: float, length: int) -> list[Fraction]:
    """Return the error in percent of each mean of ``length`` consecutive sizes, exactly."""
    exact = [Fraction(size) for size in sizes]
    found = []
    for start in range(len(exact) - length + 1):
        total = Fraction(0)
        for size in exact[start : start + length]:
            total += size
        found.append(100 * (total / length / Fraction(dose) - 1))
    return found


@given(st.lists(st.floats(0.0, 0.1), min_size=1, max_size=60), st.sampled_from([1, 2, 10, 20, 40]))
def test_averages_of_n_doses_agree_with_plain_loops_over_fractions(sizes: list[float], length: int) -> None:
    found, naive = pulse_averages(sizes, 0.025, length), _naive_averages(sizes, 0.025, length)
    if not naive:
        assert found is None
        return
    assert found is not None
    assert found.count == len(naive)
    assert found.min_pct == pytest.approx(float(min(naive)), rel=1e-9, abs=1e-9)
    assert found.max_pct == pytest.approx(float(max(naive)), rel=1e-9, abs=1e-9)
    limit = 15 + Fraction(1, 10**9)
    near = sum(abs(abs(each) - limit) < Fraction(1, 10**9) for each in naive)
    assert abs(found.outside - sum(abs(each) > limit for each in naive)) <= near
    assert (found.blocks, found.blocks_outside <= found.blocks) == (len(naive[::length]), True)


def test_a_dose_of_unknown_size_is_in_no_average() -> None:
    sizes = [0.025] * 25
    sizes[12] = math.nan
    found = pulse_averages(sizes, 0.025, 10)
    assert found is not None
    assert found.count == 3 + 3
    assert pulse_averages([math.nan] * 12, 0.025, 10) is None
    assert size_statistics([math.nan], 0.025) is None
    with pytest.raises(UsageError, match="averages of 0 doses"):
        pulse_averages(sizes, 0.025, 0)


def test_the_boundary_of_fifteen_per_cent_counts_as_within() -> None:
    found = pulse_averages([1.15, 0.85, 1.1501], 1.0, 1)
    assert found is not None
    assert found.outside == 1
    assert found.outside_pct == pytest.approx(100.0 / 3.0)


def test_sizes_of_ex_06_give_its_statistics() -> None:
    """EX-06, as doses."""
    stats = size_statistics([0.95, 1.10, 1.00, 0.80, 1.05], 1.0)
    assert stats is not None
    assert stats.sd_pct is not None
    assert (round(stats.mean_pct, 9), round(stats.sd_pct, 5), stats.within_pct(15)) == (-2.0, 11.51086, 80.0)


def test_intervals_reach_over_no_unknown_dose_and_say_what_sampling_adds() -> None:
    stats = interval_statistics([0.0, 90.0, 180.0, math.nan, 360.0, 460.0], 10.0)
    assert stats is not None
    assert (stats.count, stats.min_s, stats.max_s) == (3, 90.0, 100.0)
    assert stats.mean_s == pytest.approx(280.0 / 3.0)
    assert stats.sd_pct == pytest.approx(100.0 * stats.sd_s / stats.mean_s)
    assert stats.sampling_sd_s == pytest.approx(10.0 / math.sqrt(6.0))
    assert interval_statistics([0.0, 90.0], 10.0) is None


@pytest.mark.parametrize(
    ("suspended_min", "pulses_min"), [((2, 32), [0, 36, 48]), ((10, 40), [0, 48]), (None, [0, 12, 24, 36, 48])]
)
def test_pulses_due_while_suspended_are_lost_and_the_grid_goes_on(
    suspended_min: tuple[int, int] | None, pulses_min: list[int]
) -> None:
    """EX-18: 0.1 U at 0.5 U/h; 0.3, 0.2 and, unsuspended, 0.5 U in the hour from 5:00."""
    suspended = [] if suspended_min is None else [tuple(FIVE + MINUTE * each for each in suspended_min)]
    found = clock_grid_pulses(FIVE, FIVE + 3600.0, 0.5, 0.1, suspended=[(a, b) for a, b in suspended])
    assert ((found - FIVE) / MINUTE).tolist() == pulses_min


# EX-17: rate, dose, then min and max for 15, 60, 150, 330 min
EX_17 = [
    (0.05, 0.05, (-100, 300), (0, 0), (-20, 20), (-9.09, 9.09)),
    (0.1, 0.05, (-100, 100), (0, 0), (0, 0), (0, 0)),
    (0.1, 0.025, (0, 0), (0, 0), (0, 0), (0, 0)),
    (0.5, 0.05, (-20, 20), (0, 0), (0, 0), (0, 0)),
    (1.0, 0.05, (0, 0), (0, 0), (0, 0), (0, 0)),
    (1.0, 0.1, (-20, 20), (0, 0), (0, 0), (0, 0)),
    (2.0, 0.05, (0, 0), (0, 0), (0, 0), (0, 0)),
]


@pytest.mark.parametrize(("rate", "dose", "quarter", "hour", "two_and_a_half", "five_and_a_half"), EX_17)
def test_windows_over_an_ideal_pump_show_the_errors_of_ex_17(
    rate: float,
    dose: float,
    quarter: tuple[float, float],
    hour: tuple[float, float],
    two_and_a_half: tuple[float, float],
    five_and_a_half: tuple[float, float],
) -> None:
    """EX-17, by counting the pulses of a clock grid in half-open windows at every second of phase."""
    for minutes, wanted in ((15, quarter), (60, hour), (150, two_and_a_half), (330, five_and_a_half)):
        window_s = minutes * MINUTE
        pulses = clock_grid_pulses(0.0, window_s + 7200.0, rate, dose)
        starts = np.arange(0.0, 3600.0, 1.0)
        counts = np.searchsorted(pulses, starts + window_s) - np.searchsorted(pulses, starts)
        errors = 100.0 * (counts * dose / (rate * minutes / 60.0) - 1.0)
        assert (round(float(errors.min()), 2), round(float(errors.max()), 2)) == pytest.approx(wanted, abs=0.011)
