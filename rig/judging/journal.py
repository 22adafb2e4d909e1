"""What the command journal leaves open: deliveries of which nobody saw the end (design 4.5).

A command is intended on the disk before its first byte leaves. One that was never acknowledged, refused or settled may
have been carried out; a bolus that was under way when the rig broke off is known only as far as the pump tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rig.profiles.pump import PumpProfile
from rig.record.reader import Event

NS_PER_S = 1e9
SETTLING_S = 300.0  # after its nominal end, what may still leave the line of it
DONE = ("acknowledged", "refused", "settled")


@dataclass(frozen=True, slots=True)
class InFlight:
    """A delivery in flight when the rig broke off, or whose answer was lost.

    ``delivered_u``: what the pump says of it, None where nobody knows; ``by``: who said so. ``started``: its start was
    acknowledged. ``end_s``: when the last of it would have left the line.
    """

    name: str
    start_s: float
    end_s: float
    amount_u: float | None
    delivered_u: float | None
    by: str
    started: bool
    step: int
    index: int
    delivers: bool = True

    @property
    def text(self) -> str:
        """Return it in words."""
        what = f"a {self.name}" + (f" of {self.amount_u:g} U" if self.amount_u is not None else "")
        if self.delivered_u is None:
            return f"{what} was in flight, and nobody knows how much of it was delivered"
        return f"{what} was in flight; {self.delivered_u:g} U of it were delivered, says the {self.by}"


def in_flight(
    events: Sequence[Event], origin_ns: int, profile: PumpProfile, later: Sequence[Event] = ()
) -> tuple[InFlight, ...]:
    """Return what one stretch began and never closed, in order of time; ``later``: events that may have settled it."""
    settled = {_id(event): event.data for event in (*events, *later) if event.name == "delivery_settled"}
    states = _states((*events, *later))
    started = {_bolus(event): event for event in events if event.name == "bolus_started"}
    closed = {_bolus(event) for event in events if event.name in ("bolus_closed", "bolus_not_delivered")}
    found: list[InFlight] = []
    for event in events:
        if event.name != "command" or event.data.get("state") != "intended" or _id(event) is None:
            continue
        is_bolus = event.data.get("name") == "bolus"
        key = _bolus(event)
        open_bolus = is_bolus and key not in closed
        if not open_bolus and (states.get(_id(event)) in DONE or is_bolus):
            continue
        if open_bolus and key not in started and states.get(_id(event)) == "refused":
            continue
        begun = started.get(key) if is_bolus else None
        found.append(_in_flight(begun or event, event, settled.get(_id(event), {}), origin_ns, profile, begun))
    known = {(each.step, each.index) for each in found if each.name == "bolus"}
    for key, event in started.items():  # records of former versions have no ids, or no journal at all
        if key not in closed and key not in known:
            found.append(_in_flight(event, event, {}, origin_ns, profile, event))
    return tuple(sorted(found, key=lambda each: each.start_s))


def unknown_deliveries(events: Sequence[Event], origin_ns: int, profile: PumpProfile) -> tuple[InFlight, ...]:
    """Return those of `in_flight` over which nothing can be judged: more or less than SET may have come.

    A bolus that the pump says was not delivered at all, and that SET does not hold either, is known.
    """
    return tuple(
        each
        for each in in_flight(events, origin_ns, profile)
        if each.delivers and not (each.delivered_u == 0.0 and not each.started)
    )


def _in_flight(
    at: Event, intended: Event, settled: dict[str, Any], origin_ns: int, profile: PumpProfile, begun: Event | None
) -> InFlight:
    data = intended.data
    amount = data.get("amount_u")
    amount_u = float(amount) if amount is not None else None
    start_s = (at.at_ns - origin_ns) / NS_PER_S
    duration_s = profile.bolus_duration_s(amount_u) if amount_u else 0.0
    delivered = settled.get("delivered_u")
    return InFlight(
        name=str(data.get("name", "bolus")),
        start_s=start_s,
        end_s=start_s + duration_s + SETTLING_S,
        amount_u=amount_u,
        delivered_u=None if delivered is None else float(delivered),
        by=str(settled.get("by", "none")),
        started=begun is not None,
        step=int(data.get("step", -1)),
        index=int(data.get("index", -1)),
        delivers=bool(data.get("delivers", at.name == "bolus_started")) or str(data.get("name")) == "bolus",
    )


def _states(events: Sequence[Event]) -> dict[Any, str]:
    """Return the last state of each command; one settled without a result stays open."""
    states: dict[Any, str] = {}
    for event in events:
        if event.name != "command" or _id(event) is None:
            continue
        state = str(event.data.get("state"))
        states[_id(event)] = "unknown" if state == "settled" and event.data.get("delivered") is None else state
    return states


def _id(event: Event) -> Any:
    return event.data.get("command") if event.name == "delivery_settled" else event.data.get("id")


def _bolus(event: Event) -> tuple[int, int]:
    return int(event.data.get("step", -1)), int(event.data.get("index", -1))
