"""REP: what the pump's own log says, every entry once, on the run's axis of time.

The pump stamps its entries in whole seconds of its own clock. That clock was read when arming and at the end; between
two readings it is taken to run evenly, beyond them at the rig's own pace, with its drift in the uncertainty. Where the
rig set it, the log's own records of that say which entries are from before and which from after. An entry without a
time that can be read lies between the moment at which it was first seen and the look before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rig.judging.pump_clock import PumpClock, clock_of, epochs_of
from rig.judging.view import RunView
from rig.record.reader import Event

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
    epoch: int = 0  # how often the rig had set the pump's clock by then


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
    if first is None or entry.at is None or entry.epoch:
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
            epoch = clock.epoch_at(now_s)
            start_s, end_s = _place(at, clock, epoch) or (looked_s, now_s)
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
                    epoch=epoch,
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
    rows = [row for event in reversed(held[newest:]) for row in event.data.get("newest", ()) if isinstance(row, dict)]
    found = _page(rows, clock, step_u)
    if not any("remote" in row for event in held[newest:] for row in event.data.get("newest", ())):
        return [entry for entry in found if entry.kind == "bolus"], None, None  # a former version kept too little
    placed = [entry for entry in found if entry.kind != "daily_total"]
    if not placed:
        return found, None, None
    return found, min(entry.end_s for entry in placed), view.seconds(held[newest].at_ns)


def _page(rows: Sequence[dict[str, Any]], clock: PumpClock, step_u: float) -> list[Entry]:
    """Return the entries of pages, oldest first; both records of a temporary basal, of one stamp, are one entry."""
    minutes = {row.get("at"): row.get("minutes") for row in rows if row.get("kind") == "temp_basal_duration"}
    found = []
    for row, epoch in zip(rows, epochs_of(rows, clock), strict=True):
        kind, at = str(row.get("kind")), row.get("at")
        place = _place(at, clock, epoch)
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
                epoch or 0,
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


def _place(at: Any, clock: PumpClock, epoch: int | None) -> tuple[float, float] | None:
    try:
        return clock.interval(datetime.fromisoformat(str(at)).replace(tzinfo=None), epoch)
    except ValueError:
        return None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
