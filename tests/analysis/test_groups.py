"""Groups of boluses and intervals: EX-03, EX-04, EX-05, the tolerance-factor table, exact proportions."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.analysis.groups import bolus_bins, group_statistics, over_pumps
from rig.analysis.intervals import (
    clopper_pearson,
    nonparametric_count,
    tolerance_factor,
    tolerance_factor_howe,
    tolerance_factor_one_sided,
    tolerance_interval,
)
from rig.errors import UsageError
from tests.analysis import naive

# fmt: off
EX_03 = [
    0.98, 1.02, 1.00, 0.97, 1.05, 0.99, 1.01, 1.00, 0.96, 1.03, 1.00, 0.99, 1.02, 0.98, 1.00, 1.01, 0.99, 1.04, 0.97,
    1.00, 1.02, 0.98, 1.00, 0.99, 1.01,
]
# n, k1 95/95, k2 95/95 exact, k2 95/95 Howe, k1 p=90 c=95, k2 p=90 c=95, k2 90/90
FACTORS = [
    (5, 4.203, 5.077, 5.094, 3.407, 4.291, 3.499), (9, 3.031, 3.546, 3.535, 2.454, 2.986, 2.637),
    (10, 2.911, 3.393, 3.382, 2.355, 2.856, 2.546), (12, 2.736, 3.175, 3.163, 2.210, 2.670, 2.414),
    (16, 2.524, 2.913, 2.904, 2.033, 2.449, 2.254), (20, 2.396, 2.760, 2.752, 1.926, 2.319, 2.158),
    (25, 2.292, 2.638, 2.631, 1.838, 2.215, 2.081), (30, 2.220, 2.555, 2.550, 1.777, 2.145, 2.029),
    (50, 2.065, 2.382, 2.379, 1.646, 1.999, 1.918), (100, 1.927, 2.234, 2.233, 1.527, 1.875, 1.823),
    (225, 1.825, 2.131, 2.131, 1.439, 1.789, 1.757), (300, 1.800, 2.106, 2.106, 1.417, 1.767, 1.740),
]
# fmt: on


def test_25_boluses_give_the_worked_statistics() -> None:
    """EX-03."""
    group = group_statistics(EX_03, 1.0)
    assert (group.count, round(group.total_u, 6)) == (25, 25.01)
    assert group.mean_u == pytest.approx(1.0004, abs=5.1e-5)
    assert group.errors.mean_pct == pytest.approx(0.04, abs=5.1e-3)
    assert group.sd_u == pytest.approx(0.021886, abs=5.1e-7)
    assert (group.errors.min_pct, group.errors.max_pct) == pytest.approx((-4.0, 5.0), abs=1e-9)
    assert (group.min_u, group.max_u) == (0.96, 1.05)


def test_the_tolerance_interval_of_the_worked_group_does_not_support_5_percent() -> None:
    """EX-04."""
    group = group_statistics(EX_03, 1.0)
    assert group.sd_u is not None
    low, high = tolerance_interval(group.mean_u, group.sd_u, group.count)
    assert low == pytest.approx(0.9427, abs=5.1e-5)
    assert high == pytest.approx(1.0581, abs=5.1e-5)


@pytest.mark.parametrize(
    ("volume", "lower", "upper"),
    [
        (0.0125, 25, 75),
        (0.0375, 75, 90),
        (0.045, 90, 95),
        (0.0475, 95, 105),
        (0.0525, 105, 110),
        (0.055, 110, 125),
        (0.0625, 125, 175),
        (0.0875, 175, 250),
        (0.125, 175, 250),
        (0.1251, 250, None),
        (0.0124999, None, 25),
        (-0.01, None, 25),
    ],
)
def test_a_volume_on_the_edge_of_a_bin_belongs_to_the_upper_one(
    volume: float, lower: int | None, upper: int | None
) -> None:
    """EX-05."""
    filled = [bin_ for bin_ in bolus_bins([volume], 0.05) if bin_.count]
    assert [(bin_.lower_pct, bin_.upper_pct, bin_.share_pct) for bin_ in filled] == [(lower, upper, 100.0)]


# Published bolus bins (reference section 3.4): n, counts
LABELS = [
    (5987, [61, 639, 1284, 504, 1100, 504, 1192, 582, 121, 0]),
    (300, [0, 0, 1, 4, 287, 8, 0, 0, 0, 0]),
    (800, [21, 79, 63, 34, 272, 180, 105, 29, 17, 0]),
    (256, [0, 0, 3, 9, 244, 0, 0, 0, 0, 0]),
]


@pytest.mark.parametrize(("count", "counts"), LABELS)
def test_volumes_made_from_a_published_label_fall_back_into_its_bins(count: int, counts: list[int]) -> None:
    middles = [0.1, 0.5, 0.8, 0.92, 1.0, 1.07, 1.2, 1.5, 2.0, 3.0]
    volumes = [5.0 * middle for middle, number in zip(middles, counts, strict=True) for _ in range(number)]
    bins = bolus_bins(volumes, 5.0)
    assert [bin_.count for bin_ in bins] == counts
    assert sum(bin_.count for bin_ in bins) == count


@given(st.lists(st.integers(0, 3000), max_size=50), st.sampled_from(["0.05", "0.1", "1.0", "10"]))
def test_a_naive_implementation_in_fractions_agrees_on_bins(thousandths: list[int], command: str) -> None:
    exact = [Fraction(n, 1000) * Fraction(command) for n in thousandths]
    assert [b.count for b in bolus_bins([float(v) for v in exact], float(command))] == naive.bins(
        exact, Fraction(command)
    )


def test_the_twenty_one_code_of_federal_regulations_bins_work_too() -> None:
    bins = bolus_bins([0.05, 0.0475], 0.05, (25, 75, 95, 105, 125, 175, 250))
    assert [bin_.count for bin_ in bins] == [0, 0, 0, 2, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("count", "coverage", "confidence", "expected"),
    [(2, 0.99, 0.999, 2348.838673511), (2, 0.95, 0.95, 36.519214612), (5, 0.95, 0.95, 5.07687453206)],
)
def test_a_tolerance_factor_of_few_values_is_that_of_another_integration(
    count: int, coverage: float, confidence: float, expected: float
) -> None:
    """Expected: adaptive quadrature over the mean, roots by Brent's method (rel. 1e-10); no warning on the way."""
    assert tolerance_factor(count, coverage, confidence) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("row", FACTORS)
def test_tolerance_factors_agree_with_the_table(row: tuple[float, ...]) -> None:
    n = int(row[0])
    computed = (
        tolerance_factor_one_sided(n),
        tolerance_factor(n),
        tolerance_factor_howe(n),
        tolerance_factor_one_sided(n, 0.90, 0.95),
        tolerance_factor(n, 0.90, 0.95),
        tolerance_factor(n, 0.90, 0.90),
    )
    assert computed == pytest.approx(row[1:], abs=5.1e-4)


def test_proportions_have_exact_limits() -> None:
    low, high = clopper_pearson(172, 225)
    assert (100 * low, 100 * high) == pytest.approx((70.3, 81.8), abs=0.051)
    assert 100 * clopper_pearson(25, 25, 0.90)[0] == pytest.approx(88.7, abs=0.051)
    assert 100 * clopper_pearson(225, 225, 0.90)[0] == pytest.approx(98.7, abs=0.051)
    assert clopper_pearson(0, 10)[0] == 0.0
    assert clopper_pearson(10, 10)[1] == 1.0


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_of_a_proportion_contains_it_and_mirrors(case: tuple[int, int]) -> None:
    k, n = case
    low, high = clopper_pearson(k, n)
    mirrored = clopper_pearson(n - k, n)
    assert 0.0 <= low <= k / n <= high <= 1.0
    assert (1.0 - mirrored[1], 1.0 - mirrored[0]) == pytest.approx((low, high), abs=1e-9)


def test_sample_sizes_without_a_failure_are_those_of_the_reference() -> None:
    assert [nonparametric_count(p, 0.95) for p in (0.90, 0.95, 0.99)] == [29, 59, 299]


def test_layout_a_over_pumps_takes_median_lowest_and_highest() -> None:
    column = over_pumps([0.99, 0.65, 1.55, 1.0])
    assert (column.count, column.median_u, column.min_u, column.max_u) == (4, 0.995, 0.65, 1.55)


def test_impossible_questions_are_refused() -> None:
    for question in (
        lambda: clopper_pearson(3, 2),
        lambda: tolerance_factor(1),
        lambda: tolerance_factor(5, 1.0),
        lambda: bolus_bins([1.0], 0.0),
        lambda: group_statistics([], 1.0),
        lambda: over_pumps([]),
    ):
        with pytest.raises(UsageError):
            question()
