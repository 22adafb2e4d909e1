"""REP: what the pump's own log says, every entry once, on the run's axis of time.

The pump stamps its entries in whole seconds of its own clock. That clock was read when arming and at the end; between
two readings it is taken to run evenly, beyond them at the rig's own pace, with its drift in the uncertainty. An entry
without a time that can be read lies between the moment at which it was first seen and the look before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from rig.judging.clocks import PumpTime, pump_time
from rig.judging.view import RunView
from rig.record.reader import Event

STAMP_S = 1.0  # whole seconds, and the time at which the entry was begun to be written
DRIFT = 100e-6  # by which a pump's clock may run fast or slow where it was read only once
SET_S = 5.0  # more than this, and 1 part in 1000, between two readings: the clock was set
SET_SHARE = 1e-3
NOT_DELIVERIES = ("temp_basal_duration", "time_changed", "other")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the pump's log; the event that it tells of lies in ``start_s`` to ``end_s``.

    ``remote``: done by remote command; None where the record does not say. Amounts are None where the entry holds none.
    """

    kind: str
    at: str | None
    start_s: float
    end_s: float
    source: str
    programmed_u: float | None = None
    delivered_u: float | None = None
    rate_u_per_h: float | None = None
    percent: int | None = None
    minutes: int | None = None
    remote: bool | None = None
    resolution_u: float | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """The log of a stretch: its entries in order of time, and from when to when it was read without a hole.

    ``read_from_s`` None: the log as a whole was never read; boluses may still have been read one by one.
    """

    entries: tuple[Entry, ...]
    read_from_s: float | None = None
    read_to_s: float | None = None
    notes: tuple[str, ...] = ()

    def covers(self, from_s: float, to_s: float) -> bool:
        """Return whether an event of that interval would stand in what was read."""
        return self.read_from_s is not None and self.read_to_s is not None and (
            self.read_from_s <= from_s and to_s <= self.read_to_s
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class PumpClock:
    """The pump's clock over a stretch, from its readings in order."""

    readings: tuple[PumpTime, ...]
    was_set: tuple[tuple[float, float], ...] = field(default=())

    def interval(self, local: datetime) -> tuple[float, float] | None:
        """Return where on the run's axis a stamp lies, its uncertainty (2 u) included; None: the clock was not read."""
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
    was_set = []
    for before, after in pairwise(readings):
        passed_s = after.at_s - before.at_s
        moved_s = _apart_s(after.local, before.local) - passed_s
        if abs(moved_s) > SET_S + SET_SHARE * passed_s:
            was_set.append((before.at_s, after.at_s))
    return PumpClock(tuple(readings), tuple(was_set))


def read_log(view: RunView) -> Log:
    """Return every entry of the pump's log that this stretch's record holds and that falls into the stretch."""
    clock = clock_of(view)
    events = [event for event in view.record.events if event.name == "reported"]
    step_u = view.evidence.profile.history_amount_step_u
    singles = _singles(events, view, clock)
    pages, read_from_s, read_to_s = _pages(events, view, clock, step_u)
    first = clock.readings[0].local - timedelta(seconds=0.5) if clock.readings else None
    merged = [entry for entry in _merged(pages, singles) if not _is_older(entry, first)]
    notes = tuple(
        f"the pump's clock was set between {low:.0f} s and {high:.0f} s: entries stamped then have no certain time"
        for low, high in clock.was_set
    )
    return Log(tuple(sorted(merged, key=lambda entry: (entry.start_s, entry.kind))), read_from_s, read_to_s, notes)


def _is_older(entry: Entry, first: datetime | None) -> bool:
    """Return whether an entry stood in the log before this run: stamped no later than the clock's first reading."""
    if first is None or entry.at is None:
        return False
    try:
        return datetime.fromisoformat(entry.at).replace(tzinfo=None) <= first
    except ValueError:
        return False


def _singles(events: Sequence[Event], view: RunView, clock: PumpClock) -> list[Entry]:
    """Return the newest bolus entries that were read one by one; one seen before says nothing new."""
    found: list[Entry] = []
    seen: set[str] = set()
    looked_s = min((view.seconds(event.at_ns) for event in view.record.events), default=0.0)
    for event in events:
        if event.data.get("source") != "bolus_history":
            continue
        at, now_s = event.data.get("at"), view.seconds(event.at_ns)
        if at is None or str(at) not in seen:
            seen.add(str(at))
            start_s, end_s = _place(at, clock) or (looked_s, now_s)
            programmed = _number(event.data.get("programmed_u"))
            found.append(
                Entry(
                    "bolus",
                    None if at is None else str(at),
                    start_s,
                    end_s,
                    "bolus history",
                    programmed if programmed is not None else _number(event.data.get("amount_u")),
                    _number(event.data.get("delivered_u")),
                    remote=event.data.get("remote"),
                    resolution_u=_number(event.data.get("resolution_u")),
                )
            )
        looked_s = now_s
    return found


def _pages(
    events: Sequence[Event], view: RunView, clock: PumpClock, step_u: float
) -> tuple[list[Entry], float | None, float | None]:
    """Return the entries of the pages read last, newest page first in the record, and what time they cover."""
    held = [event for event in events if event.data.get("source") == "history"]
    newest = max((i for i, event in enumerate(held) if not event.data.get("page")), default=None)
    if newest is None:
        return [], None, None
    found: list[Entry] = []
    for event in held[newest:]:
        rows = [row for row in event.data.get("newest", ()) if isinstance(row, dict)]
        found += _page(rows, clock, step_u)
    if not any("remote" in row for event in held[newest:] for row in event.data.get("newest", ())):
        return [entry for entry in found if entry.kind == "bolus"], None, None  # a former version kept too little
    placed = [entry for entry in found if entry.kind != "daily_total"]
    if not placed:
        return found, None, None
    return found, min(entry.end_s for entry in placed), view.seconds(held[newest].at_ns)


def _page(rows: Sequence[dict[str, Any]], clock: PumpClock, step_u: float) -> list[Entry]:
    """Return a page's entries; both records of a temporary basal, which carry one stamp, are one entry."""
    minutes = {row.get("at"): row.get("minutes") for row in rows if row.get("kind") == "temp_basal_duration"}
    found = []
    for row in rows:
        kind, at = str(row.get("kind")), row.get("at")
        place = _place(at, clock)
        if kind in NOT_DELIVERIES or place is None:
            continue
        is_temp = kind == "temp_basal_rate"
        found.append(
            Entry(
                "temp_basal" if is_temp else kind,
                str(at),
                *place,
                "history pages",
                _number(row.get("programmed_u")),
                _number(row.get("delivered_u")),
                _number(row.get("rate_u_per_h")),
                row.get("percent"),
                minutes.get(at) if is_temp else row.get("minutes"),
                row.get("remote"),
                step_u if row.get("delivered_u") is not None else None,
            )
        )
    return found


def _merged(pages: Iterable[Entry], singles: Iterable[Entry]) -> list[Entry]:
    """Return the union: an entry read by itself and again on a page is one; two on one page are two."""
    found = list(pages)
    known = {(entry.kind, entry.at): index for index, entry in enumerate(found)}
    for entry in singles:
        index = known.get((entry.kind, entry.at)) if entry.at is not None else None
        if index is None:
            found.append(entry)
        elif found[index].programmed_u is None:  # records of former versions keep less of a page
            found[index] = entry
    return found


def _place(at: Any, clock: PumpClock) -> tuple[float, float] | None:
    try:
        return clock.interval(datetime.fromisoformat(str(at)).replace(tzinfo=None))
    except ValueError:
        return None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
