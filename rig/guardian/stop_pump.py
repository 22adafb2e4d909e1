"""Stop a pump and see it confirmed; used by the runner at its end and by the guardian in its place (design 4.6)."""

from __future__ import annotations

from dataclasses import dataclass

from rig.clock import to_ns
from rig.errors import BenchError
from rig.instruments import Acceptance, FlowSource
from rig.plugins.roles import PumpDriver
from rig.transport.links import Link, Links

RETRY_S = 0.5


@dataclass(frozen=True, slots=True)
class SafeState:
    """What was wanted, whether it was reached, and who says so."""

    wanted: str
    confirmed: bool
    by: str


def stop_pump(pump: PumpDriver, links: Links, limit_s: float) -> SafeState:
    """Suspend the pump, again and again until its status confirms it or ``limit_s`` of link time are over.

    Suspending may be repeated: it can only ever stop delivery, boluses included. A lost port is opened again by the
    pump's driver, until the limit; what a pulse raises waits until this is over.
    """
    deadline_ns = links.clock.link_ns() + to_ns(limit_s)
    with links.making_safe(deadline_ns):
        while True:
            try:
                pump.wake()
                pump.suspend()
                status = pump.status()
                if status.suspended and not status.bolusing:
                    return SafeState("pump suspended", True, "pump status")
                why = "the pump does not report that it is suspended"
            except BenchError as error:
                why = str(error)
            if links.clock.link_ns() >= deadline_ns:
                return SafeState("pump suspended", False, why)
            links.pause(RETRY_S)


def stop_flow(source: FlowSource, link: Link, links: Links, limit_s: float) -> SafeState:
    """Stop a flow source, again and again until it is seen at rest or ``limit_s`` of link time are over.

    Its answer to the stop and its status have to say so both. A lost port is opened again meanwhile.
    """
    wanted = f"{link.name} stopped"
    deadline_ns = links.clock.link_ns() + to_ns(limit_s)
    with links.making_safe(deadline_ns):
        while True:
            try:
                links.reopen(link)
                if source.stop() is Acceptance.ACKNOWLEDGED:
                    state = source.status().state
                    if state.at_rest:
                        return SafeState(wanted, True, f"its status: {state.value}")
                    why = f"stopped, and yet it is {state.value}"
                else:
                    why = source.unknown_because
            except BenchError as error:
                why = str(error)
            if links.clock.link_ns() >= deadline_ns:
                return SafeState(wanted, False, why)
            links.pause(RETRY_S)
