"""What the pump's own history says of boluses; read only when nothing is being delivered (minimed-protocol 6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rig.instruments import HistoryEvent
from rig.plugins.roles import History

STAMP_S = 2.0  # the pump stamps whole seconds, and was asked for its clock some time before or after the command
DRIFT = 100e-6  # by which a pump's clock may run fast or slow between two looks at it
_NEAR_U = 1e-6


def entry_of(event: HistoryEvent) -> dict[str, Any]:
    """Return an entry as it is kept in the record: kind, pump-clock time, and whatever amounts it holds."""
    held = {
        "programmed_u": event.programmed_u,
        "rate_u_per_h": event.rate_u_per_h,
        "percent": event.percent,
        "minutes": event.minutes,
    }
    at = event.at.isoformat() if event.at else None
    told = {name: value for name, value in held.items() if value is not None}
    return {"kind": event.kind, "at": at, "delivered_u": event.delivered_u, "remote": event.remote, **told}


def newest_bolus(page: Sequence[HistoryEvent]) -> HistoryEvent | None:
    """Return the newest bolus record of a history page (oldest first), or None."""
    return next((event for event in reversed(page) if event.kind == "bolus"), None)


def bolus_since(pump: History, amount_u: float, since: datetime, passed_s: float = 0.0) -> HistoryEvent | None:
    """Return the newest bolus of ``amount_u`` that the pump stamped at or after ``since`` (pump clock), or None.

    ``passed_s`` is how long before ``since`` the pump's clock was looked at. The page before the newest is read as well
    when the newest does not reach back so far. A bolus that was stopped stands there with its programmed amount.
    """
    earliest = since - timedelta(seconds=STAMP_S + DRIFT * passed_s)
    page = pump.history(0)
    stamps = [event.at for event in page if event.at is not None]
    if not stamps or min(stamps) > earliest:
        page = [*pump.history(1), *page]
    wanted = (
        event
        for event in reversed(page)
        if event.kind == "bolus"
        and event.at is not None
        and event.at >= earliest
        and abs((event.programmed_u or 0.0) - amount_u) < _NEAR_U
    )
    return next(wanted, None)
