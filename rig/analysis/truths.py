"""Match events of two lists one to one, by time and amount (issue 4, item 6; design 5.2).

The matching is an assignment, not first come first served: of all ways to pair events that may belong together it
takes one with the most pairs, and among those one with the least total distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from rig.errors import UsageError

_FORBIDDEN = 1e9  # far above the sum of all admissible costs of one block, each of which is at most 1
_BLOCK_MAX = 4000


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One event as one truth knows it: somewhere in ``start_s`` to ``end_s``, of ``amount`` (None: unknown) of a kind.

    ``kind`` must agree for two to match. ``amount`` is in U for a delivery, in U/h or % for a rate; the caller keeps
    units apart by the kind.
    """

    kind: str
    start_s: float
    end_s: float
    amount: float | None = None


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far apart two occurrences of one event may lie: ``time_s`` between their intervals, ``amount`` in its unit.

    ``amount_share`` widens the amount's tolerance to that share of the larger one.
    """

    time_s: float
    amount: float = 0.0
    amount_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Matching:
    """Pairs of indices (left, right), and what was left over on either side; each index stands in exactly one."""

    pairs: tuple[tuple[int, int], ...]
    left_only: tuple[int, ...]
    right_only: tuple[int, ...]


def match(left: Sequence[Occurrence], right: Sequence[Occurrence], tolerance: Tolerance) -> Matching:
    """Return the best one-to-one matching of two lists; which pair is taken never depends on the lists' order.

    Two occurrences may match when they are of one kind, no further apart in time than ``tolerance.time_s``, and their
    amounts agree within the tolerance (an unknown amount agrees with any). Cost of a pair: the mean of both distances
    as shares of their tolerances, 0 to 1. A pair that may not match costs more than all others together, so an
    optimal assignment (Kuhn-Munkres, by ``scipy.optimize.linear_sum_assignment``) has as many admissible pairs as any,
    and among those the least total cost. Events that cannot reach each other are solved apart: O(b^3) in the largest
    block b, not in the run. ``UsageError`` for an interval that ends before it begins.
    """
    for each in (*left, *right):
        if not each.start_s <= each.end_s:
            raise UsageError(f"an event from {each.start_s!r} s to {each.end_s!r} s", expected="an end after its start")
    pairs: list[tuple[int, int]] = []
    for rows, cols in _blocks(left, right, tolerance):
        pairs += _assign(left, right, rows, cols, tolerance)
    pairs.sort()
    lefts, rights = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    return Matching(
        tuple(pairs),
        tuple(index for index in range(len(left)) if index not in lefts),
        tuple(index for index in range(len(right)) if index not in rights),
    )


def distance(one: Occurrence, other: Occurrence, tolerance: Tolerance) -> float | None:
    """Return the cost of matching two occurrences, 0 (they agree) to 1 (at the tolerance); None: they may not match."""
    if one.kind != other.kind:
        return None
    apart_s = max(one.start_s - other.end_s, other.start_s - one.end_s, 0.0)
    if apart_s > tolerance.time_s * (1.0 + 1e-12):
        return None
    in_time = apart_s / tolerance.time_s if tolerance.time_s > 0.0 else 0.0
    if one.amount is None or other.amount is None:
        return in_time / 2.0
    bound = max(tolerance.amount, tolerance.amount_share * max(abs(one.amount), abs(other.amount)))
    differs = abs(one.amount - other.amount)
    if differs > bound + 1e-9:
        return None
    return (in_time + (min(differs / bound, 1.0) if bound > 0.0 else 0.0)) / 2.0


def _order(each: Occurrence) -> tuple[float, float, str, float]:
    return each.start_s, each.end_s, each.kind, -1.0 if each.amount is None else each.amount


def _blocks(
    left: Sequence[Occurrence], right: Sequence[Occurrence], tolerance: Tolerance
) -> list[tuple[list[int], list[int]]]:
    """Return groups of indices, sorted by value, that no admissible pair connects: a gap in time lies between them."""
    both = sorted(
        [(*_order(each), 0, index) for index, each in enumerate(left)]
        + [(*_order(each), 1, index) for index, each in enumerate(right)]
    )
    blocks: list[tuple[list[int], list[int]]] = []
    reach_s = -np.inf
    for start_s, end_s, _, _, side, index in both:
        if not blocks or start_s > reach_s + tolerance.time_s * (1.0 + 1e-12):
            blocks.append(([], []))
        blocks[-1][side].append(index)
        reach_s = max(reach_s, end_s)
    return [block for block in blocks if block[0] and block[1]]


def _assign(
    left: Sequence[Occurrence], right: Sequence[Occurrence], rows: list[int], cols: list[int], tolerance: Tolerance
) -> list[tuple[int, int]]:
    """Return the optimal pairs of one block."""
    if min(len(rows), len(cols)) > _BLOCK_MAX:
        raise UsageError(
            f"{len(rows)} and {len(cols)} events within {tolerance.time_s:g} s of each other cannot be told apart",
            expected=f"at most {_BLOCK_MAX}",
        )
    cost = np.full((len(rows), len(cols)), _FORBIDDEN)
    for i, row in enumerate(rows):
        for j, col in enumerate(cols):
            found = distance(left[row], right[col], tolerance)
            if found is not None:
                cost[i, j] = found
    chosen = zip(*linear_sum_assignment(cost), strict=True)
    return [(rows[i], cols[j]) for i, j in chosen if cost[i, j] < _FORBIDDEN]
