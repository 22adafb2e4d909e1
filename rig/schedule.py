"""A programme: segments of constant basal rate and boluses, and what a perfect pump may deliver of it (design 4.10).

All times are seconds on one axis of the caller's choice (rig time less some origin), amounts are in U, rates in U/h.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from itertools import accumulate

from rig.errors import UsageError

S_PER_H = 3600.0
_NEAR = 1e-9  # doses: a window of 2.9999999999 doses holds three


@dataclass(frozen=True, slots=True)
class BasalSegment:
    """A stretch of constant programmed basal rate, from ``start_s`` up to and without ``end_s``."""

    start_s: float
    end_s: float
    rate_u_per_h: float


@dataclass(frozen=True, slots=True)
class BolusOrder:
    """One normal bolus as programmed: ``amount_u`` spread over its nominal ``duration_s``.

    ``step`` is the index of the scenario step, ``index`` the number of the bolus within it; -1 where unknown. Where the
    pump was stopped within it, ``amount_u`` is the part that was due by then and ``planned_u`` what was ordered.
    """

    start_s: float
    amount_u: float
    duration_s: float
    step: int = -1
    index: int = -1
    planned_u: float | None = None

    @property
    def end_s(self) -> float:
        """Return the nominal end of the delivery."""
        return self.start_s + self.duration_s

    @property
    def cut_short(self) -> bool:
        """Return whether the pump was stopped within it."""
        return self.planned_u is not None

    def stopped(self, at_s: float) -> BolusOrder:
        """Return it as it is when the pump stops at ``at_s``: the part due by then."""
        if at_s >= self.end_s:
            return self
        part_s, planned_u = max(0.0, at_s - self.start_s), self.amount_u if self.planned_u is None else self.planned_u
        return replace(self, amount_u=self.delivered_u(at_s), duration_s=part_s, planned_u=planned_u)

    def delivered_u(self, at_s: float) -> float:
        """Return the programmed amount delivered by ``at_s``, evenly over the nominal duration."""
        if at_s >= self.end_s:
            return self.amount_u
        if at_s <= self.start_s:
            return 0.0
        return self.amount_u * (at_s - self.start_s) / self.duration_s


@dataclass(frozen=True, slots=True)
class Programme:
    """What should be delivered: basal segments without gap or overlap, boluses in order of time.

    ``dose_u`` is the smallest pulse of the pump. Raises `UsageError` when segments do not join.
    """

    segments: tuple[BasalSegment, ...]
    boluses: tuple[BolusOrder, ...]
    dose_u: float
    _starts: tuple[float, ...] = field(init=False, repr=False, compare=False)
    _before_u: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for left, right in zip(self.segments, self.segments[1:], strict=False):
            if left.end_s != right.start_s:
                raise UsageError(f"a programme has a hole or an overlap at {left.end_s} s")
        if not self.dose_u > 0 or any(not part.end_s > part.start_s for part in self.segments):
            raise UsageError("a programme needs a dose above 0 and segments that end after they begin")
        amounts = ((part.end_s - part.start_s) * part.rate_u_per_h / S_PER_H for part in self.segments)
        object.__setattr__(self, "_starts", tuple(part.start_s for part in self.segments))
        object.__setattr__(self, "_before_u", tuple(accumulate(amounts, initial=0.0)))

    @property
    def start_s(self) -> float:
        """Return where the first segment begins (0 without segments)."""
        return self.segments[0].start_s if self.segments else 0.0

    @property
    def end_s(self) -> float:
        """Return where the last segment ends (0 without segments)."""
        return self.segments[-1].end_s if self.segments else 0.0

    def rate_at(self, t_s: float) -> float:
        """Return the basal rate in U/h in force at ``t_s``; 0 outside the programme."""
        index = bisect_right(self._starts, t_s) - 1
        if index < 0 or t_s >= self.segments[index].end_s:
            return 0.0
        return self.segments[index].rate_u_per_h

    def basal_u(self, from_s: float, to_s: float) -> float:
        """Return the exact integral of the basal rate over the window, in U."""
        _ordered(from_s, to_s)
        first = bisect_right(self._starts, from_s) - 1
        last = bisect_right(self._starts, to_s) - 1
        if first == last and first >= 0:  # within one segment: no difference of large sums
            part = self.segments[first]
            length_s = min(to_s, part.end_s) - min(from_s, part.end_s)
            return length_s * part.rate_u_per_h / S_PER_H
        return self._basal_until_u(last, to_s) - self._basal_until_u(first, from_s)

    def bolus_u(self, from_s: float, to_s: float) -> float:
        """Return what boluses put into the window, in U, each spread evenly over its nominal duration."""
        _ordered(from_s, to_s)
        return math.fsum(
            order.delivered_u(to_s) - order.delivered_u(from_s)
            for order in self.boluses
            if order.start_s < to_s and order.end_s >= from_s
        )

    def expected_u(self, from_s: float, to_s: float) -> float:
        """Return basal and boluses together over the window, in U: SET."""
        return self.basal_u(from_s, to_s) + self.bolus_u(from_s, to_s)

    def envelope_u(self, from_s: float, to_s: float) -> tuple[float, float]:
        """Return the least and most that a perfect pump may deliver in the window, in U.

        A pump delivers whole doses at an unknown phase, so a window that should hold n = V / dose doses holds
        floor(n) or ceil(n) of them; and one dose may slip over an edge at which something is being delivered.
        Sources: design 4.10; standards-and-metrology 8.3 (EX-17 gives the part without slip: 15 min at 0.1 U/h with
        0.05 U doses hold none or one, -100 % to +100 %).
        """
        least, most = self.phase_envelope_u(from_s, to_s)
        if self._flows_at(from_s) or self._flows_at(to_s):
            return max(0.0, least - self.dose_u), most + self.dose_u
        return least, most

    def phase_envelope_u(self, from_s: float, to_s: float) -> tuple[float, float]:
        """Return the envelope of an ideal pump: whole doses at unknown phase, without slip (EX-17)."""
        expected_u = self.expected_u(from_s, to_s)
        doses = expected_u / self.dose_u
        whole = round(doses)
        if abs(doses - whole) <= _NEAR * max(1.0, doses):
            return expected_u, expected_u
        return math.floor(doses) * self.dose_u, math.ceil(doses) * self.dose_u

    def _basal_until_u(self, index: int, t_s: float) -> float:
        """Return the basal volume delivered by ``t_s``, which lies in or after segment ``index`` (-1: before all)."""
        if index < 0:
            return 0.0
        part = self.segments[index]
        return self._before_u[index] + (min(t_s, part.end_s) - part.start_s) * part.rate_u_per_h / S_PER_H

    def _flows_at(self, t_s: float) -> bool:
        """Return whether anything is delivered just before or just after ``t_s``."""
        index = bisect_right(self._starts, t_s) - 1
        near = self.segments[max(0, index - 1) : index + 1] if index >= 0 else ()
        basal = any(part.rate_u_per_h > 0 and part.start_s <= t_s <= part.end_s for part in near)
        return basal or any(order.start_s <= t_s <= order.end_s and order.duration_s > 0 for order in self.boluses)


def _ordered(from_s: float, to_s: float) -> None:
    if not from_s <= to_s:
        raise UsageError(f"a window ends before it begins: {from_s} s to {to_s} s")
