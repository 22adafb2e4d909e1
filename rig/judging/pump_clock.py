"""The pump's clock over a stretch: where on the run's axis a stamp of its log lies.

Where the rig has set it, stamps are of one *epoch* or another: the log is written in order, and holds two records of
each time that the clock was set (minimed-protocol 6.2, 17 and 18).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from rig.judging.clocks import PumpTime, pump_time
from rig.judging.view import RunView

STAMP_S = 1.0  # whole seconds, and the time at which the entry was begun to be written
DRIFT = 100e-6  # by which a pump's clock may run fast or slow where it was read only once
SET_S = 5.0  # more than this, and 1 part in 1000, between two readings: the clock was set
SET_SHARE = 1e-3
SAME_S = 2.0  # between what the rig set the clock to and the stamp of its record


@dataclass(frozen=True, slots=True)
class PumpClock:
    """The pump's clock over a stretch, from its readings in order.

    ``sets``: when the rig set it, and to what. ``was_set``: pairs of readings between which somebody else did.
    """

    readings: tuple[PumpTime, ...]
    was_set: tuple[tuple[float, float], ...] = ()
    sets: tuple[tuple[float, datetime], ...] = ()

    def epoch_at(self, at_s: float) -> int:
        """Return how often the rig had set the clock by then."""
        return bisect_right([set_s for set_s, _ in self.sets], at_s)

    def interval(self, local: datetime, epoch: int | None = 0) -> tuple[float, float] | None:
        """Return where on the run's axis a stamp lies, its uncertainty (2 u) included; None: the clock was not read.

        ``epoch``: how often the rig had set the clock when it was stamped; None where nobody knows.
        """
        if self.sets:
            return self._of(epoch).interval(local)
        if not self.readings:
            return None
        stamp = local + timedelta(seconds=0.5)
        first, last = self.readings[0], self.readings[-1]
        if stamp <= first.local or len(self.readings) == 1:
            return _around(_from_reading(first, stamp), first.u_s, abs(_apart_s(stamp, first.local)))
        if stamp >= last.local:
            return _around(_from_reading(last, stamp), last.u_s, _apart_s(stamp, last.local))
        for before, after in pairwise(self.readings):
            if before.local <= stamp <= after.local:
                return self._between(before, after, stamp)
        return None

    def _of(self, epoch: int | None) -> PumpClock:
        """Return the clock of one epoch; of all together, with every set as one of unknown effect, for None."""
        if epoch is None:
            jumps = [
                (before.at_s, after.at_s)
                for before, after in pairwise(self.readings)
                if self.epoch_at(before.at_s) != self.epoch_at(after.at_s)
            ]
            return replace(self, was_set=(*self.was_set, *jumps), sets=())
        return replace(self, readings=tuple(r for r in self.readings if self.epoch_at(r.at_s) == epoch), sets=())

    def _between(self, before: PumpTime, after: PumpTime, stamp: datetime) -> tuple[float, float]:
        if (before.at_s, after.at_s) in self.was_set:  # set at an unknown moment: either reading may be the right one
            ends = sorted((_from_reading(before, stamp), _from_reading(after, stamp)))
            return ends[0] - STAMP_S - 2.0 * before.u_s, ends[1] + STAMP_S + 2.0 * after.u_s
        span_s = _apart_s(after.local, before.local)
        share = _apart_s(stamp, before.local) / span_s if span_s > 0 else 0.0
        at_s = before.at_s + share * (after.at_s - before.at_s)
        return _around(at_s, max(before.u_s, after.u_s), 0.0)


def _around(at_s: float, u_s: float, beyond_s: float) -> tuple[float, float]:
    half_s = STAMP_S + 2.0 * u_s + DRIFT * beyond_s
    return at_s - half_s, at_s + half_s


def _from_reading(reading: PumpTime, stamp: datetime) -> float:
    return reading.at_s + _apart_s(stamp, reading.local)


def _apart_s(later: datetime, earlier: datetime) -> float:
    return (later - earlier) / timedelta(seconds=1)


def clock_of(view: RunView) -> PumpClock:
    """Return the pump's clock of a stretch on the axis of its view."""
    found = [pump_time(event, view.seconds) for event in view.record.events]
    readings = sorted((each for each in found if each is not None), key=lambda each: each.at_s)
    sets = tuple(
        (view.seconds(event.at_ns), datetime.fromisoformat(str(event.data["local"])))
        for event in view.record.events
        if event.name == "clock_set"
    )
    clock = PumpClock(tuple(readings), sets=sets)
    was_set = []
    for before, after in pairwise(readings):
        if clock.epoch_at(before.at_s) != clock.epoch_at(after.at_s):
            continue
        passed_s = after.at_s - before.at_s
        moved_s = _apart_s(after.local, before.local) - passed_s
        if abs(moved_s) > SET_S + SET_SHARE * passed_s:
            was_set.append((before.at_s, after.at_s))
    return replace(clock, was_set=tuple(was_set))


def epochs_of(rows: Sequence[Mapping[str, Any]], clock: PumpClock) -> list[int | None]:
    """Return the epoch of each row of the log (oldest first), from its records of the clock being set.

    All None where those records are not the ones of what the rig did: somebody else has set the clock as well.
    """
    found: list[int | None] = []
    epoch, within = len(clock.sets), False  # within: between the two records of one setting
    for row in reversed(rows):
        found.append(epoch)
        if row.get("kind") != "time_changed" or epoch == 0:
            continue
        if within:
            epoch, within = epoch - 1, False
        elif _is_stamp(row.get("at"), clock.sets[epoch - 1][1]):
            within = True
        else:
            return [None] * len(rows)
    return found[::-1]


def _is_stamp(at: Any, local: datetime) -> bool:
    try:
        stamp = datetime.fromisoformat(str(at)).replace(tzinfo=None)
    except ValueError:
        return False
    return abs(_apart_s(stamp, local)) <= SAME_S
