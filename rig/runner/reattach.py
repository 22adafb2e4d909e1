"""Going on with a pump that was left alone: settle what was in flight, and see that it does what the record says."""

from __future__ import annotations

from datetime import timedelta

from rig.clock import Clock, to_s
from rig.config import BenchConfig
from rig.errors import BenchError, InstrumentError
from rig.instruments import Balance, BalanceIdentity, HistoryEvent, Pump
from rig.profiles.pump import PumpProfile
from rig.runner.arming import identify_balance, identify_pump
from rig.runner.journal import Intended
from rig.runner.resume import ResumePoint, TherapyState
from rig.runner.therapy import CLOCK_STEP_S, Therapy

TEMP_MINUTES = 3  # by which a running temp basal may differ from what the record expects: the pump counts minutes


def settle(point: ResumePoint, pump: Pump, therapy: Therapy, clock: Clock) -> None:
    """Find out what became of a delivery that was begun and never heard of again; it is never sent again (design 4.5).

    Only boluses are looked for: whatever else was in flight is programmed anew, or read back, when the run goes on.
    """
    begun = point.unsettled
    if begun is None:
        return
    data = {"command": begun.id, "name": begun.name, "amount_u": begun.parameters.get("amount_u")}
    delivered_u, by, why = None, "none", "only boluses deliver by themselves"
    if begun.delivers:
        try:
            delivered_u, by, why = _bolus_in_history(begun, pump, clock)
        except BenchError as error:
            by, why = "none", str(error)
    therapy.record("delivery_settled", {**data, "delivered_u": delivered_u, "by": by, "why": why})
    known = delivered_u is not None
    settled = {"id": begun.id, "name": begun.name, "state": "settled", "by": by}
    therapy.record("command", {**settled, "delivered": bool(delivered_u) if known else None})


def _bolus_in_history(begun: Intended, pump: Pump, clock: Clock) -> tuple[float | None, str, str]:
    """Return (units that the pump says it delivered, who says so, why)."""
    pump.wake()
    if pump.status().bolusing:
        return None, "status", "the pump is still delivering it"
    now_ns = clock.now_ns()
    if now_ns < begun.at_ns:
        return None, "none", "the clock began anew since then: the pump's history cannot be compared by time"
    asked_at = pump.clock() - timedelta(seconds=to_s(now_ns - begun.at_ns) + CLOCK_STEP_S)
    found = [event for event in pump.history(0) if _is_bolus(event, begun) and event.at and event.at >= asked_at]
    if not found:
        return 0.0, "history", "the pump's history holds no such bolus since then"
    return found[-1].delivered_u, "history", f"the pump's history holds it at {found[-1].at}"


def _is_bolus(event: HistoryEvent, begun: Intended) -> bool:
    return event.kind == "bolus" and event.programmed_u == begun.parameters.get("amount_u")


def reattach(
    point: ResumePoint, pump: Pump, balance: Balance, config: BenchConfig, profile: PumpProfile, therapy: Therapy
) -> BalanceIdentity:
    """See that the pump still does what the record says, and take it up from there; nothing is commanded.

    Returns the balance that answered.
    Raises `InstrumentError` when it does something else: the run cannot go on from here, only repeat its step.
    """
    identity = identify_balance(balance, config)
    identify_pump(pump, config, profile)
    state = point.therapy
    _check(pump, state, therapy)
    therapy.entries = list(state.entries) if state.entries is not None else None
    therapy.suspended = state.suspended
    therapy.temp_until_ns = state.temp_until_ns
    therapy.delivering_since_ns = state.delivering_since_ns
    therapy.ordered_u = state.ordered_u
    therapy.report_clock()
    therapy.report_reservoir()
    return identity


def _check(pump: Pump, state: TherapyState, therapy: Therapy) -> None:
    status = pump.status()
    if status.suspended != state.suspended or status.bolusing:
        raise _other(f"suspended {status.suspended}, bolusing {status.bolusing}", f"suspended {state.suspended}")
    entries = pump.profile()
    if state.entries is not None and entries != list(state.entries):
        raise _other(f"another basal profile: {entries}", f"{list(state.entries)}")
    running = pump.temp_basal()
    left_ns = state.temp_until_ns - therapy.now_ns
    minutes = max(0.0, to_s(left_ns) / 60.0) if state.temp else 0.0
    if abs(running.minutes_left - minutes) > TEMP_MINUTES:
        raise _other(f"a temp basal for {running.minutes_left} min", f"one for {minutes:.0f} min")
    if state.temp and running.minutes_left:
        wanted = state.temp.get("percent") if running.is_percent else state.temp.get("rate_u_per_h")
        found = running.percent if running.is_percent else running.rate_u_per_h
        if wanted is None or found != wanted:
            raise _other(f"a temp basal of {found:g}", f"{wanted}")


def _other(found: str, expected: str) -> InstrumentError:
    return InstrumentError(
        f"the pump does not do what the record says: {found}",
        where="pump",
        expected=expected,
        hint="the pump is stopped now; rig runs resume repeats the step",
    )
