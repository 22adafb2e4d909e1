"""The end of every run: the pump stopped, and what is known of it said (design 4.6)."""

from __future__ import annotations

from dataclasses import dataclass

from rig.clock import NS_PER_S
from rig.errors import BenchError, TransportError, TransportTimeout
from rig.instruments import Pump
from rig.record.writer import RecordWriter
from rig.transport.links import Links

LIMIT_S = 60.0  # the longest that a sleeping pump may take, design 4.6


@dataclass(frozen=True, slots=True)
class SafeState:
    """What was wanted of the pump, whether it was reached, and who says so."""

    wanted: str
    confirmed: bool
    by: str


def make_safe(pump: Pump, links: Links, writer: RecordWriter) -> SafeState:
    """Suspend the pump, again and again until its status confirms it or the time limit of 60 s of link time is over.

    Suspending may be repeated: it can only ever stop delivery.
    """
    deadline_ns = links.clock.link_ns() + round(LIMIT_S * NS_PER_S)
    why = "no answer"
    while True:
        try:
            pump.wake()
            pump.suspend()
            status = pump.status()
            if status.suspended and not status.bolusing:
                return _say(SafeState("pump suspended", True, "pump status"), links, writer)
            why = "the pump does not report that it is suspended"
        except BenchError as error:
            why = str(error)
            if isinstance(error, TransportError) and not isinstance(error, TransportTimeout):
                # The pump's own port is gone: nothing further can be said to it or heard from it.
                return _say(SafeState("pump suspended", False, why), links, writer)
        if links.clock.link_ns() >= deadline_ns:
            return _say(SafeState("pump suspended", False, why), links, writer)
        links.pause(0.5)


def _say(state: SafeState, links: Links, writer: RecordWriter) -> SafeState:
    data = {"wanted": state.wanted, "confirmed": state.confirmed, "by": state.by}
    writer.event(links.clock.now_ns(), "safe_state", data)
    return state
