"""Drives a flow source in a qualification: announced, started once, watched while it runs, stopped, and asked.

Nothing here is judged. What was set, when it started and stopped, and what the pump counted goes into the record.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from rig.clock import to_ns
from rig.errors import InstrumentError
from rig.guardian.guard import Guard
from rig.guardian.plan import AWAKE_LIMIT_S
from rig.guardian.stop_pump import SafeState, stop_flow
from rig.instruments import Acceptance, FlowState, ShownAmount
from rig.record.writer import RecordWriter
from rig.runner.journal import Journal
from rig.runner.qualifying_bench import Source
from rig.runner.stop import StopRequest
from rig.transport.links import Links

SAME_MM: Final = 1e-6
LOOK_EVERY_S: Final = 10.0
SAFE_MODE_SHARE: Final = 0.3  # of its time-out: two questions in a row may be lost
AT_ITS_TARGET: Final = (FlowState.TARGET_REACHED, FlowState.STOPPED)


class KnownFlow:
    """One flow source during one qualification; times are rig times in ns, volumes in uL, flows in uL/h."""

    def __init__(
        self, source: Source, links: Links, writer: RecordWriter, journal: Journal, stop: StopRequest, guard: Guard
    ) -> None:
        self.name = source.config.name
        self.commanded = False  # whether a start was ever tried
        self._source = source
        self._driver = source.driver
        self._links = links
        self._writer = writer
        self._journal = journal
        self._stop = stop
        self._guard = guard
        self._running: dict[str, Any] | None = None
        self._look_ns = 0
        timeout_s = source.config.safe_timeout_s
        self._every_ns = to_ns(min(LOOK_EVERY_S, SAFE_MODE_SHARE * timeout_s) if timeout_s else LOOK_EVERY_S)

    def arm(self) -> dict[str, Any]:
        """Ask who it is and what it is set to; refuse another one, another syringe, and one that moves."""
        config, driver = self._source.config, self._driver
        driver.open()
        who, settings, status = driver.identify(), driver.settings(), driver.status()
        if config.model and who.model != config.model:
            raise self._error(f"it is a {who.model}", f"a {config.model}", "correct model or port in the bench file")
        found_mm, wanted_mm = settings.diameter_mm.amount, config.diameter_mm
        if wanted_mm is None or abs(found_mm - wanted_mm) > SAME_MM:
            raise self._error(
                f"it is set to a syringe of {found_mm:g} mm",
                "a diameter_mm in the bench file" if wanted_mm is None else f"{wanted_mm:g} mm, as in the bench file",
                "measure the syringe that is in it, and set its diameter at the pump and in the bench file",
            )
        if status.state not in AT_ITS_TARGET:
            raise self._error(f"it is {status.state.value}", "a pump at rest", "stop it at its keys")
        shown = {"model": who.model, "firmware": who.firmware, "diameter_mm": found_mm}
        return {"name": self.name, "protocol": config.protocol, **shown, "alarms": self._alarms()}

    def start(self, step: int, rate_ul_per_h: float, target_ul: float | None, index: int = 0) -> None:
        """Set the flow, and let it run; its start lies between the times ``asked_ns`` and ``answered_ns``."""
        self._stop.check()
        driver = self._driver
        if driver.status().state is FlowState.TARGET_REACHED:
            driver.stop()
        rate = driver.set_rate(rate_ul_per_h)
        target = driver.set_target(target_ul)
        driver.clear_dispensed()
        order: dict[str, Any] = {"step": step, "index": index, "source": self.name}
        self.commanded = True
        command = self._journal.intend("infuse", rate_ul_per_h=rate.amount, target_ul=target_ul, **order)
        asked_ns = self._links.clock.now_ns()
        try:
            acceptance = driver.infuse()
        except InstrumentError as error:
            self._journal.refused(command, "infuse", str(error))
            raise
        self._journal.answered(command, "infuse", acceptance)
        answered_ns = self._links.clock.now_ns()
        if acceptance is not Acceptance.ACKNOWLEDGED:
            raise self._error(
                f"nobody knows whether it runs: {driver.unknown_because}", "a confirmed start", "look at the pump"
            )
        self._running = order | {"target_ul": target_ul}
        self._look_ns = answered_ns
        data = {**order, "rate_ul_per_h": rate.amount, "rate_resolution_ul_per_h": rate.resolution}
        data |= {"target_ul": None if target is None else target.amount, "asked_ns": asked_ns}
        self._writer.event(answered_ns, "flow_started", data | {"answered_ns": answered_ns})

    def watch(self, now_ns: int) -> None:
        """While it runs, ask it now and then what it does; raises `InstrumentError` when it ended by itself."""
        if self._running is None or now_ns - self._look_ns < self._every_ns:
            return
        self._look_ns = now_ns
        state = self._driver.status().state
        ends_alone = self._running["target_ul"] is not None and state in AT_ITS_TARGET
        if state is not FlowState.INFUSING and not ends_alone:
            raise self._ended(state)

    @property
    def at_target(self) -> bool:
        """Say whether it has stopped by itself at its target volume."""
        state = self._driver.status().state
        if state in AT_ITS_TARGET:
            return True
        if state is not FlowState.INFUSING:
            raise self._ended(state)
        return False

    def finish(self) -> None:
        """Stop it, see it confirmed, and record what it counted."""
        running, self._running = self._running, None
        if running is None:
            return
        clock, driver = self._links.clock, self._driver
        asked_ns = clock.now_ns()
        acceptance = driver.stop()
        answered_ns = clock.now_ns()
        if acceptance is not Acceptance.ACKNOWLEDGED:
            raise self._error(
                f"nobody knows whether it stopped: {driver.unknown_because}", "a confirmed stop", "stop it at its keys"
            )
        self._writer.event(answered_ns, "flow_stopped", running | {"asked_ns": asked_ns, "answered_ns": answered_ns})
        counted = driver.dispensed()
        self._writer.event(clock.now_ns(), "flow_counted", running | _shown(counted.infused_ul))

    def make_safe(self) -> SafeState:
        """Stop it whatever it does, until it is confirmed or the time limit is over."""
        self._running = None
        try:
            return stop_flow(self._driver, self._source.link, self._links, AWAKE_LIMIT_S)
        except Exception as error:  # noqa: BLE001 - a defect here must still be told as a pump that may be running
            return SafeState(f"{self._source.link.name} stopped", False, f"{type(error).__name__}: {error}")

    def _ended(self, state: FlowState) -> InstrumentError:
        heard = self._alarms()
        why = f"; it told: {heard[-1]}" if heard else ""
        return self._error(
            f"the known flow ended by itself: it is {state.value}{why}",
            "a flow until it is stopped",
            "look at syringe, line and force, and qualify the bench again",
        )

    def _alarms(self) -> list[str]:
        return [alarm.value for _, alarm in self._driver.alarms]

    def _error(self, what: str, expected: str, hint: str) -> InstrumentError:
        return InstrumentError(what, where=self._source.link.where, expected=expected, hint=hint)


def _shown(amount: ShownAmount) -> dict[str, Any]:
    told = asdict(amount)
    return {"infused_ul": told["amount"], "resolution_ul": told["resolution"], "text": told["text"]}
