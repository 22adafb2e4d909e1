"""The matcher of events: one to one, the most pairs, the least distance, and never by the order of the lists."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.analysis.truths import Matching, Occurrence, Tolerance, distance, match
from rig.errors import UsageError

TOLERANCE = Tolerance(time_s=10.0, amount=0.05)


def at(start_s: float, amount: float | None = 1.0, kind: str = "bolus") -> Occurrence:
    return Occurrence(kind, start_s, start_s, amount)


EVENTS = st.lists(
    st.builds(
        at,
        st.integers(0, 60).map(float),
        st.sampled_from([None, 0.1, 0.125, 1.0]),
        st.sampled_from(["bolus", "temp_basal"]),
    ),
    max_size=7,
)


def _best(left: list[Occurrence], right: list[Occurrence]) -> tuple[int, float]:
    """Try every way: (most pairs, least cost of those)."""
    if len(left) > len(right):
        left, right = right, left
    best = (0, 0.0)
    for order in permutations(range(len(right)), len(left)):
        costs = [distance(one, right[j], TOLERANCE) for one, j in zip(left, order, strict=True)]
        held = [cost for cost in costs if cost is not None]
        if (len(held), -sum(held)) > (best[0], -best[1]):
            best = (len(held), sum(held))
    return best


def _values(left: list[Occurrence], right: list[Occurrence], found: Matching) -> list[tuple[Occurrence, Occurrence]]:
    return sorted(((left[i], right[j]) for i, j in found.pairs), key=repr)


@given(EVENTS, EVENTS)
def test_no_event_is_matched_twice_and_none_is_lost(left: list[Occurrence], right: list[Occurrence]) -> None:
    found = match(left, right, TOLERANCE)
    assert sorted([i for i, _ in found.pairs] + list(found.left_only)) == list(range(len(left)))
    assert sorted([j for _, j in found.pairs] + list(found.right_only)) == list(range(len(right)))
    assert all(distance(left[i], right[j], TOLERANCE) is not None for i, j in found.pairs)


@given(EVENTS, EVENTS, st.randoms(use_true_random=False))
def test_the_order_of_the_lists_changes_nothing(
    left: list[Occurrence], right: list[Occurrence], random: object
) -> None:
    first = _values(left, right, match(left, right, TOLERANCE))
    mixed_left, mixed_right = list(left), list(right)
    random.shuffle(mixed_left)  # type: ignore[attr-defined]
    random.shuffle(mixed_right)  # type: ignore[attr-defined]
    assert _values(mixed_left, mixed_right, match(mixed_left, mixed_right, TOLERANCE)) == first


@settings(max_examples=40)
@given(st.lists(EVENTS.map(lambda events: events[:5]), min_size=2, max_size=2))
def test_no_other_matching_has_more_pairs_or_less_distance(lists: list[list[Occurrence]]) -> None:
    left, right = lists
    found = match(left, right, TOLERANCE)
    costs = [distance(left[i], right[j], TOLERANCE) or 0.0 for i, j in found.pairs]
    pairs, cost = _best(left, right)
    assert len(found.pairs) == pairs
    assert sum(costs) == pytest.approx(cost, abs=1e-9)


@given(EVENTS, EVENTS)
def test_both_sides_are_treated_alike(left: list[Occurrence], right: list[Occurrence]) -> None:
    assert len(match(left, right, TOLERANCE).pairs) == len(match(right, left, TOLERANCE).pairs)


def test_first_come_first_served_would_lose_a_pair() -> None:
    """0 s reaches only 5 s; 9 s reaches both: a greedy match of 5 s with the nearer 9 s leaves 0 s and 19 s alone."""
    found = match([at(0.0), at(9.0)], [at(5.0), at(19.0)], TOLERANCE)
    assert found.pairs == ((0, 0), (1, 1))


def test_an_interval_is_as_near_as_its_nearest_end() -> None:
    long = Occurrence("bolus", 100.0, 400.0, 10.0)
    assert distance(long, at(405.0, 10.0), TOLERANCE) == pytest.approx(0.25)
    assert distance(long, at(250.0, 10.0), TOLERANCE) == 0.0
    assert distance(long, at(411.0, 10.0), TOLERANCE) is None
    assert distance(long, at(250.0, 10.1), TOLERANCE) is None


def test_a_share_widens_the_tolerance_of_large_amounts() -> None:
    wide = Tolerance(10.0, amount=0.05, amount_share=0.3)
    assert distance(at(0.0, 10.0), at(0.0, 7.5), wide) is not None
    assert distance(at(0.0, 0.1), at(0.0, 0.16), wide) is None


def test_thousands_of_events_far_apart_are_matched_block_by_block() -> None:
    left = [at(60.0 * number) for number in range(3000)]
    found = match(left, [at(each.start_s + 3.0) for each in left], TOLERANCE)
    assert found.pairs == tuple((number, number) for number in range(3000))


def test_an_event_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(UsageError, match="an event from"):
        match([Occurrence("bolus", 2.0, 1.0)], [], TOLERANCE)
