"""Fence, then take over: make the bench safe in the runner's place (design 4.6).

Buttons and other outputs first, then the runner is killed and seen gone, then the pump is stopped over its own link;
if that is not confirmed in time its supply goes off (`rig.guardian.feed` says why it is fed first); the valve last,
since a clamp on a running pump stores what is delivered, but never later than its own limit. Each step has its own
limit and runs whatever became of the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from rig.clock import SystemClock, to_ns
from rig.errors import DeviceChanged, RigError, TransportError
from rig.guardian.lines import Lines
from rig.guardian.plan import ASLEEP_LIMIT_S, AWAKE_LIMIT_S, LINES_LIMIT_S, FlowPlan, PumpPlan, SafePlan
from rig.guardian.stop_pump import SafeState, stop_flow, stop_pump
from rig.guardian.supply import GuardedSupply
from rig.guardian.system import Process
from rig.plugins.registry import find_driver, open_flow_source, open_pump
from rig.plugins.spec import Address
from rig.transport.links import Link
from rig.transport.serial_links import SerialLinks, SerialSettings, identify_port

FENCE_LIMIT_S = 2.0
PORT_RETRY_S = 0.5
Say = Callable[[str, dict[str, Any]], None]
Tap = Callable[[str, str, int, bytes], None]


def load_drivers(plan: SafePlan) -> None:
    """Load every driver that a takeover would need; raises `ConfigError` for one that cannot be."""
    if plan.pump is not None:
        find_driver("pump", plan.pump.link)
    for source in plan.flow_sources:
        find_driver("flow_source", source.protocol)
    if plan.supply is not None:
        plan.supply.load()


@dataclass(slots=True)
class Takeover:
    """One attempt to make the bench safe; ``reports`` says of each part: wanted, reached, confirmed, by what."""

    plan: SafePlan
    lines: Lines
    say: Say
    tap: Tap
    pulse: Callable[[], None]
    reports: list[dict[str, Any]] = field(default_factory=list)
    _started_s: float = field(default_factory=time.monotonic)
    _valve_done: bool = False

    def run(self, runner: Process | None) -> SafeState:
        """Do all of it; return what is known of the pump in the end."""
        self._report(self.lines.make_safe("button", "output"))
        self._fence(runner)
        clock = SystemClock(self.plan.clock_speed, self.plan.clock_epoch_ns)
        supply = GuardedSupply(self.plan.supply, clock, self.say, self.tap, self._tick)
        if not self.lines.emergency():
            supply.feed()
        pump = self._stop_pump()
        flows = [self._stop_flow(each) for each in self.plan.flow_sources]
        if not pump.confirmed:
            pump = supply.cut_off(pump)
        if not pump.confirmed:
            supplies = self.lines.make_safe("supply")
            self._report(supplies)
            if supplies and all(each["confirmed"] for each in supplies):
                pump = SafeState("pump without supply", True, "its supply line read back; " + pump.by)
        self._valve()
        states = flows if self.plan.pump is None and flows else [pump, *flows]
        confirmed = all(each.confirmed for each in states) and all(each["confirmed"] for each in self.reports)
        told = [each.by for each in states if each.confirmed == confirmed]
        unsure = [f"{each.wanted}: {each.by}" for each in flows if not each.confirmed]
        by = "; ".join(told if not unsure and told else [*unsure, *self._unconfirmed()])
        return SafeState("; ".join(each.wanted for each in states), confirmed, by)

    def _fence(self, runner: Process | None) -> None:
        if runner is None:
            return
        gone = runner.kill(FENCE_LIMIT_S)
        self.say("fenced", {"pid": runner.pid, "gone": gone, "after_s": self._elapsed_s()})

    def _stop_pump(self) -> SafeState:
        plan = self.plan.pump
        if plan is None:
            return SafeState("no pump addressed", True, "this run addressed no pump")
        return self._on_links("pump", "pump suspended", lambda links: self._pump_over_link(links, plan))

    def _stop_flow(self, plan: FlowPlan) -> SafeState:
        """Stop a flow source; no line of this bench is known to cut its supply."""
        name = f"flow source {plan.name}"
        return self._on_links(name, f"{name} stopped", lambda links: self._flow_over_link(links, plan))

    def _on_links(self, what: str, wanted: str, stop: Callable[[SerialLinks], SafeState]) -> SafeState:
        """Do it on links of its own; whatever becomes of it, the other parts come next."""
        links = SerialLinks(SystemClock(self.plan.clock_speed, self.plan.clock_epoch_ns), self.tap)
        links.pulse = self._tick
        links.tell = self.say
        try:
            state = stop(links)
        except RigError as error:
            state = SafeState(wanted, False, str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the supply and the valve come next
            state = SafeState(wanted, False, f"{type(error).__name__}: {error}")
        finally:
            links.close()
        report = {"what": what, "wanted": state.wanted, "reached": state.confirmed, "confirmed": state.confirmed}
        self.say("made_safe", {**report, "by": state.by, "after_s": self._elapsed_s()})
        return state

    def _pump_over_link(self, links: SerialLinks, plan: PumpPlan) -> SafeState:
        driver = find_driver("pump", plan.link, f"safe plan of run {self.plan.run_id}")
        settings = replace(driver.spec.link_settings, baud=plan.baud)
        link = self._open(links, "pump", plan.port, plan.identity, settings)
        address = Address(plan.serial, frozenset(plan.serials), plan.frequency_mhz, plan.scan)
        pump = open_pump(driver, links, link, address)
        left_s = max(1.0, ASLEEP_LIMIT_S - self._elapsed_s())
        return stop_pump(pump, links, left_s)

    def _flow_over_link(self, links: SerialLinks, plan: FlowPlan) -> SafeState:
        driver = find_driver("flow_source", plan.protocol, f"safe plan of run {self.plan.run_id}")
        settings = replace(driver.spec.link_settings, baud=plan.baud)
        name = f"flow source {plan.name}"
        link = self._open(links, name, plan.port, plan.identity, settings)
        address = Address("", line_address=plan.address, safe_timeout_s=plan.safe_timeout_s)
        return stop_flow(open_flow_source(driver, links, link, address), link, links, AWAKE_LIMIT_S)

    def _open(self, links: SerialLinks, name: str, port: str, identity: str, settings: SerialSettings) -> Link:
        """Open a port: a runner that was just killed may hold it for a moment, a plug may come back."""
        while True:
            try:
                self._refuse_another(name, port, identity)
                return links.open(name, port, settings)
            except TransportError:
                if self._elapsed_s() > ASLEEP_LIMIT_S:
                    raise
            links.wait(links.clock.link_ns() + to_ns(PORT_RETRY_S))

    @staticmethod
    def _refuse_another(name: str, port: str, identity: str) -> None:
        """Leave alone whatever has taken the place of the device's own adapter."""
        found = identify_port(port).serial_number
        if identity and found != identity:
            raise DeviceChanged("another port answers to this name", where=f"{name} on {port}", expected=identity)

    def _tick(self) -> None:
        """Keep the watchdogs fed while the pump is spoken to, and let the valve not wait beyond its limit."""
        self.pulse()
        if self._elapsed_s() > LINES_LIMIT_S - 0.5:
            self._valve()

    def _valve(self) -> None:
        if not self._valve_done:
            self._valve_done = True
            self._report(self.lines.make_safe("valve"))

    def _report(self, reports: list[dict[str, Any]]) -> None:
        for report in reports:
            self.reports.append(report)
            self.say("made_safe", {**report, "after_s": self._elapsed_s()})

    def _unconfirmed(self) -> list[str]:
        return [f"{each['what']}: {each['by']}" for each in self.reports if not each["confirmed"]]

    def _elapsed_s(self) -> float:
        return round(time.monotonic() - self._started_s, 3)
