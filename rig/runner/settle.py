"""What became of a delivery that was begun and never heard of again: the pump is asked, nothing is sent again."""

from __future__ import annotations

from datetime import timedelta

from rig.errors import BenchError
from rig.plugins.roles import ClaimedPump, History
from rig.runner.history import STAMP_S, bolus_since
from rig.runner.journal import Command
from rig.runner.resume import ResumePoint
from rig.runner.therapy import Therapy

Outcome = tuple[float | None, str, str]
"""Units that the pump says it delivered (None: nobody knows), who says so, and why."""


def stop_and_settle(point: ResumePoint, claimed: ClaimedPump, therapy: Therapy) -> None:
    """Stop a pump that may still be running, then find out what it made of the command that was in flight.

    Stopped first: a bolus stands in the history with what was delivered of it only when it is over (design 4.5, 4.6).
    """
    claimed.pump.wake()
    status = claimed.pump.status()
    if not status.suspended or status.bolusing:
        therapy.suspend()
    begun = point.unsettled
    if begun is None:
        return
    delivered_u, by, why = _outcome(begun, point, claimed)
    data = {"command": begun.id, "name": begun.name, "amount_u": begun.parameters.get("amount_u")}
    therapy.record("delivery_settled", {**data, "delivered_u": delivered_u, "by": by, "why": why})
    known = None if delivered_u is None else delivered_u > 0
    settled = {"id": begun.id, "name": begun.name, "state": "settled", "delivered": known, "by": by}
    therapy.record("command", settled)


def _outcome(begun: Command, point: ResumePoint, claimed: ClaimedPump) -> Outcome:
    if not begun.delivers:
        return None, "none", "it delivers no dose by itself; the pump was stopped and is programmed anew"
    asked = point.asked_local
    if asked is None:
        return None, "none", "the record does not say what the pump's clock showed then"
    try:
        if claimed.pump.clock() < asked - timedelta(seconds=STAMP_S):
            return None, "none", "the pump's clock shows a time before the command: it was set, or began anew"
        found = bolus_since(claimed.role(History), float(begun.parameters["amount_u"]), asked, point.clock_age_s)
    except BenchError as error:
        return None, "none", str(error)
    if found is None:
        return 0.0, "history", "the pump's history holds no such bolus since then"
    return found.delivered_u, "history", f"the pump's history holds it at {found.at}"
