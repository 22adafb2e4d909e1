"""The pump's supply in the guardian's hands: opened by the plan after the runner's death, and fed or cut off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rig.clock import SystemClock, to_ns
from rig.errors import DeviceChanged, RigError, TransportError
from rig.guardian.feed import Say, cut_off, tell_fed
from rig.guardian.stop_pump import SafeState
from rig.plugins.electrical_bench import FeedLimits, OpenedSupply, opened, port_settings
from rig.plugins.registry import find_driver
from rig.plugins.spec import Address
from rig.transport.links import Tap
from rig.transport.serial_links import SerialLinks, identify_port

OPEN_LIMIT_S = 3.0
RETRY_S = 0.5


@dataclass(frozen=True, slots=True)
class SupplyPlan:
    """The way to the pump's supply and what may be fed; ``identity`` says which device was behind the port."""

    protocol: str
    port: str
    baud: int
    nominal_v: float
    max_v: float
    current_limit_a: float
    serial: str = ""
    channel: int = 1
    identity: str = ""

    def load(self) -> None:
        """Load the driver: nothing may be missing when it is needed."""
        find_driver("supply", self.protocol)


class GuardedSupply:
    """One attempt to feed a pump, and to cut it off; does nothing where the plan holds no supply."""

    def __init__(
        self, plan: SupplyPlan | None, clock: SystemClock, say: Say, tap: Tap, pulse: Callable[[], None]
    ) -> None:
        self._plan = plan
        self._clock = clock
        self._say = say
        self._tap = tap
        self._pulse = pulse

    def feed(self) -> None:
        """Feed the pump so that it can be suspended; say what came of it."""
        if self._plan is not None:
            self._with(lambda supply: tell_fed(supply, self._say), "supply_fed")

    def cut_off(self, pump: SafeState) -> SafeState:
        """Cut off a pump that did not confirm; return what is known of it then."""
        state = pump

        def cut(supply: OpenedSupply) -> None:
            nonlocal state
            state = cut_off(supply, pump, self._say)

        if self._plan is not None:
            why = self._with(cut, "made_safe")
            if why:
                state = SafeState(pump.wanted, False, f"{pump.by}; supply: {why}")
        return state

    def _with(self, use: Callable[[OpenedSupply], None], name: str) -> str:
        """Open the supply, use it and close it; return why that could not be done."""
        links = SerialLinks(self._clock, self._tap)
        links.pulse = self._pulse
        links.tell = self._say
        try:
            with links.making_safe(links.clock.link_ns() + to_ns(OPEN_LIMIT_S)):
                use(self._open(links))
        except RigError as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next step comes next
            why = f"{type(error).__name__}: {error}"
        else:
            return ""
        finally:
            links.close()
        report: dict[str, Any] = {"what": "supply", "reached": False, "confirmed": False, "by": why}
        self._say(name, report)
        return why

    def _open(self, links: SerialLinks) -> OpenedSupply:
        plan = self._plan
        assert plan is not None  # noqa: S101 - asked by the callers
        give_up_ns = links.clock.link_ns() + to_ns(OPEN_LIMIT_S)
        found = find_driver("supply", plan.protocol)
        while True:
            try:
                there = identify_port(plan.port).serial_number
                if plan.identity and there != plan.identity:
                    raise DeviceChanged(
                        "another port answers to this name", where=f"supply on {plan.port}", expected=plan.identity
                    )
                link = links.open("supply", plan.port, port_settings(found, plan.baud))
                break
            except TransportError:
                if links.clock.link_ns() >= give_up_ns:
                    raise
            links.wait(links.clock.link_ns() + to_ns(RETRY_S))
        limits = FeedLimits(plan.nominal_v, plan.max_v, plan.current_limit_a)
        return opened(found, links, link, Address(plan.serial, channel=plan.channel), limits)
