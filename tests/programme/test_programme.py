"""SET: the exact integral of what was programmed, and the envelope of the dose rule."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.errors import UsageError
from rig.programme import BasalSegment, BolusOrder, Programme

H = 3600.0


def constant(rate_u_per_h: float, hours: float, dose_u: float = 0.05) -> Programme:
    return Programme((BasalSegment(0.0, hours * H, rate_u_per_h),), (), dose_u)


MIXED = Programme(
    (BasalSegment(-600.0, 0.0, 0.0), BasalSegment(0.0, 2 * H, 1.0), BasalSegment(2 * H, 3 * H, 0.0),
     BasalSegment(3 * H, 5 * H, 0.35)),
    (BolusOrder(2.5 * H, 1.0, 40.0, 1, 0), BolusOrder(4 * H, 10.0, 400.0, 2, 0)),
    0.05,
)  # fmt: skip


def test_a_day_of_one_unit_an_hour_is_24_units() -> None:
    assert constant(1.0, 49).basal_u(24 * H, 49 * H) == 25.0


def test_the_integral_crosses_segments_exactly() -> None:
    assert MIXED.basal_u(-600.0, 5 * H) == pytest.approx(2.7, abs=1e-12)
    assert MIXED.basal_u(1.5 * H, 3.5 * H) == pytest.approx(0.5 + 0.175, abs=1e-12)
    assert MIXED.basal_u(-1000.0, -700.0) == 0.0
    assert MIXED.basal_u(6 * H, 9 * H) == 0.0


def test_a_bolus_counts_evenly_over_its_nominal_duration() -> None:
    start = 4 * H
    assert MIXED.bolus_u(start - 10, start) == 0.0
    assert MIXED.bolus_u(start, start + 100) == 2.5
    assert MIXED.bolus_u(start + 100, start + 1000) == 7.5
    assert MIXED.bolus_u(0.0, 5 * H) == 11.0


def test_the_rate_holds_from_its_start_up_to_its_end() -> None:
    assert [MIXED.rate_at(t) for t in (-601, -1, 0, 2 * H - 1e-3, 2 * H, 3 * H, 5 * H)] == [0, 0, 1, 1, 0, 0.35, 0]


@pytest.mark.parametrize(
    ("rate", "dose_u", "window_min", "least_pct", "most_pct"),
    [  # EX-17 of standards-and-metrology: errors of an ideal pump with unknown phase
        (0.05, 0.05, 15, -100, 300),
        (0.05, 0.05, 60, 0, 0),
        (0.05, 0.05, 150, -20, 20),
        (0.05, 0.05, 330, -9.090909, 9.090909),
        (0.1, 0.05, 15, -100, 100),
        (0.1, 0.025, 15, 0, 0),
        (0.5, 0.05, 15, -20, 20),
        (1.0, 0.05, 15, 0, 0),
        (1.0, 0.1, 15, -20, 20),
        (2.0, 0.05, 15, 0, 0),
    ],
)
def test_the_phase_envelope_is_that_of_the_worked_example(
    rate: float, dose_u: float, window_min: float, least_pct: float, most_pct: float
) -> None:
    programme = constant(rate, 48, dose_u)
    from_s = 10 * H
    least, most = programme.phase_envelope_u(from_s, from_s + window_min * 60)
    expected = programme.expected_u(from_s, from_s + window_min * 60)
    assert 100 * (least / expected - 1) == pytest.approx(least_pct, abs=1e-5)
    assert 100 * (most / expected - 1) == pytest.approx(most_pct, abs=1e-5)


def test_one_dose_may_slip_over_an_edge_that_is_being_delivered_over() -> None:
    assert constant(1.0, 48).envelope_u(10 * H, 11 * H) == pytest.approx((0.95, 1.05))


def test_nothing_slips_into_an_hour_that_lies_between_stopped_ones() -> None:
    assert MIXED.envelope_u(2.1 * H, 2.4 * H) == (0.0, 0.0)


def test_a_bolus_between_stopped_edges_is_expected_whole() -> None:
    assert MIXED.envelope_u(2.4 * H, 2.9 * H) == (1.0, 1.0)


def test_a_dose_may_slip_into_a_pause_that_begins_as_the_basal_ends() -> None:
    assert MIXED.envelope_u(2 * H, 2.4 * H) == (0.0, 0.05)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 1400)), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 20000), st.integers(1, 250), st.integers(1, 1000)), max_size=5),
    st.tuples(st.integers(-500, 70000), st.integers(-500, 70000), st.integers(-500, 70000)),
)
def test_set_is_additive_never_negative_and_inside_its_envelope(
    parts: list[tuple[int, int]], boluses: list[tuple[int, int, int]], cuts: tuple[int, int, int]
) -> None:
    segments, at = [], 0.0
    for length, rate in parts:
        segments.append(BasalSegment(at, at + length, rate * 0.025))
        at += length
    orders = tuple(BolusOrder(start, tenths * 0.1, duration) for start, tenths, duration in sorted(boluses))
    programme = Programme(tuple(segments), orders, 0.025)
    first, middle, last = (float(cut) for cut in sorted(cuts))
    whole = programme.expected_u(first, last)
    assert whole == pytest.approx(programme.expected_u(first, middle) + programme.expected_u(middle, last), abs=1e-9)
    assert whole >= -1e-12
    least, most = programme.envelope_u(first, last)
    assert 0.0 <= least <= whole + 1e-9
    assert most >= whole - 1e-9
    assert most - least <= 3 * programme.dose_u + 1e-9


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(UsageError, match="ends before it begins"):
        MIXED.expected_u(2.0, 1.0)
    with pytest.raises(UsageError):
        MIXED.basal_u(float("nan"), 1.0)


@pytest.mark.parametrize(
    "segments",
    [
        (BasalSegment(0, 10, 1.0), BasalSegment(11, 20, 1.0)),
        (BasalSegment(0, 10, 1.0), BasalSegment(9, 20, 1.0)),
        (BasalSegment(10, 10, 1.0),),
    ],
)
def test_segments_that_do_not_join_are_refused(segments: tuple[BasalSegment, ...]) -> None:
    with pytest.raises(UsageError):
        Programme(segments, (), 0.05)
