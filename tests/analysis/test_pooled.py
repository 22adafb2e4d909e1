"""Several pumps together: variance components by hand, and intervals that keep their promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from rig.analysis.intervals import tolerance_factor
from rig.analysis.pooled import Components, pooled, single_value_interval, variance_components
from rig.errors import UsageError


def test_balanced_groups_give_the_components_worked_by_hand() -> None:
    """Means 2, 4, 6, grand 4: SS_b = 3 (4 + 0 + 4) = 24, MS_b 12; SS_w = 3 x 2 = 6, MS_w 1; s_b^2 = 11/3."""
    found = variance_components([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0], [5.0, 6.0, 7.0]])
    assert (found.groups, found.count, found.size) == (3, 9, 3.0)
    assert (found.mean, found.ms_between, found.ms_within) == (4.0, 12.0, 1.0)
    assert found.between_sd**2 == pytest.approx(11.0 / 3.0)
    assert found.total_sd**2 == pytest.approx(14.0 / 3.0)
    assert found.u_mean**2 == pytest.approx(12.0 / 9.0)  # MS_b/N where balanced
    assert found.freedom_total == pytest.approx((4.0 + 2.0 / 3.0) ** 2 / (16.0 / 2.0 + (2.0 / 3.0) ** 2 / 6.0))


def test_unbalanced_groups_give_the_components_worked_by_hand() -> None:
    """1, 3 | 4, 4, 7, 5: M = 4, means 2 and 5, SS_b = 2 x 4 + 4 x 1 = 12, SS_w = 2 + 6 = 8, n0 = 6 - 20/6 = 8/3."""
    found = variance_components([[1.0, 3.0], [4.0, 4.0, 7.0, 5.0]])
    assert [found.ms_between, found.ms_within] == pytest.approx([12.0, 2.0])
    assert found.size == pytest.approx(8.0 / 3.0)
    assert found.between_sd**2 == pytest.approx(10.0 * 3.0 / 8.0)
    assert found.mean == pytest.approx(3.5)


def test_pumps_that_differ_by_less_than_their_scatter_have_no_variance_between() -> None:
    found = variance_components([[0.0, 2.0], [0.0, 2.0], [0.0, 2.0]])
    assert (found.between_sd, found.ms_between) == (0.0, 0.0)
    assert found.total_sd == found.within_sd


def test_the_interval_on_means_takes_pumps_for_its_number() -> None:
    groups = [[0.98, 1.02], [1.00, 1.04], [0.95, 0.97]]
    found = pooled(groups)
    means = np.array([1.00, 1.02, 0.96])
    assert found.of_means is not None
    half = tolerance_factor(3) * means.std(ddof=1)
    assert found.of_means == pytest.approx((means.mean() - half, means.mean() + half))


def test_one_pump_says_nothing_of_other_pumps() -> None:
    found = pooled([[1.0, 1.01, 0.99]])
    assert (found.components, found.of_means, found.of_single) == (None, None, None)
    assert found.naive is not None
    with pytest.raises(UsageError, match="at least two groups"):
        variance_components([[1.0, 2.0]])
    with pytest.raises(UsageError, match="one with two values"):
        variance_components([[1.0], [2.0]])


@pytest.mark.parametrize(("between", "pumps", "each"), [(2.0, 6, 25), (1.0, 12, 12), (0.0, 5, 10)])
def test_a_single_value_interval_keeps_its_promise_where_the_pooled_one_does_not(
    between: float, pumps: int, each: int
) -> None:
    """In 95 of 100 studies it holds 95 % of the boluses of all pumps; the pooled one does so only without scatter."""
    rng = np.random.default_rng(5)
    kept = naive = 0
    trials = 400
    total = float(np.hypot(between, 1.0))
    for _ in range(trials):
        groups = rng.normal(0.0, between, (pumps, 1)) + rng.normal(0.0, 1.0, (pumps, each))
        low, high = single_value_interval(variance_components(groups.tolist()))
        kept += norm.cdf(high / total) - norm.cdf(low / total) >= 0.95
        every = groups.ravel()
        half = 1.96 * every.std(ddof=1) * (1.0 + 1.0 / every.size)
        naive += norm.cdf((every.mean() + half) / total) - norm.cdf((every.mean() - half) / total) >= 0.95
    assert kept >= 0.92 * trials  # 3 sigma of 400 trials below 95 %
    assert between == 0.0 or naive < 0.8 * trials


@settings(max_examples=50)
@given(st.lists(st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=6), min_size=2, max_size=5))
def test_components_scale_and_shift_with_the_values(groups: list[list[float]]) -> None:
    if sum(len(group) for group in groups) <= len(groups):
        return
    found, moved = (_all(variance_components(g)) for g in (groups, [[3.0 * v + 7.0 for v in g] for g in groups]))
    assert moved[1:] == pytest.approx([3.0 * value for value in found[1:]], abs=1e-6)
    assert moved[0] == pytest.approx(3.0 * found[0] + 7.0, abs=1e-6)


def _all(found: Components) -> list[float]:
    return [found.mean, found.u_mean, found.between_sd, found.within_sd, found.total_sd]
