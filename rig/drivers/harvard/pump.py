"""A Harvard Apparatus Pump 11 Elite or PHD ULTRA as a source of a known flow.

Constructing does nothing; `HarvardPump.open` makes the first contact and moves nothing. ``irun`` leaves once.
Source: syringe-pump-protocols 2.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from rig.drivers.harvard.line import STATES, HarvardLine, HarvardRefused
from rig.errors import (
    InstrumentError,
    ProtocolError,
    TransportError,
    TransportTimeout,
    UsageError,
)
from rig.instruments import (
    Acceptance,
    Dispensed,
    FlowAlarm,
    FlowAlarmRaised,
    FlowSettings,
    FlowSourceIdentity,
    FlowState,
    FlowStatus,
    ShownAmount,
)
from rig.plugins.syringe_pump import SyringePumpBase
from rig.transport.links import Link, Links
from rig.wire import harvard
from rig.wire.harvard import StatusLine
from rig.wire.shown import Shown

_STOP_TRIES = 6
_STOP_AGAIN_S = 0.5  # link time between an answer that does not confirm and the next try
_SETTLE_TRIES = 3
_TROUBLE = (TransportError, ProtocolError, InstrumentError)  # what keeps a pump from being asked
_NO_MEMORY: Final = {"ELITE": "nvram off", "PHD": "nvram none"}  # by a word of the model's name


class HarvardPump(SyringePumpBase):
    """One pump on one link; volumes in uL, rates in uL/h. Implements `rig.instruments.FlowSource`.

    ``timeout_s`` is link time for one answer. After `rig.errors.LinkLost` the next call greets the pump anew.
    """

    _look_at = "look at the pump: somebody may be at its display"

    def __init__(self, links: Links, link: Link, *, address: int = 0, timeout_s: float = 1.0) -> None:
        super().__init__(links, link, address)
        self._line = HarvardLine(links, link, address, timeout_s)

    @property
    def alarms(self) -> tuple[tuple[int, FlowAlarm], ...]:
        """Every stall, and every loss of the pump's session, seen so far with the rig time, oldest first."""
        return tuple(self._line.alarms)

    # --- first contact

    def open(self) -> None:
        """Have the pump speak on demand only (``poll on``), and learn who it is; nothing is started or stopped.

        Writing settings to its memory at each change is switched off, as its maker recommends. Raises
        `TransportTimeout` when nothing answers, `MalformedReply` when something else does, `InstrumentError` for
        another model, and on a link that was opened again `DeviceChanged` for another pump or another diameter.
        """
        opening, before = self._link.openings, self._identity
        self._line.begin()
        version = harvard.parse_version(self._line.read("ver"))
        no_memory = next((command for word, command in _NO_MEMORY.items() if word in version.model.upper()), "")
        if not no_memory:
            raise InstrumentError(f"it is a {version.model}", where=self._where, expected="Pump 11 Elite or PHD ULTRA")
        self._line.insist(no_memory)
        identity = FlowSourceIdentity(version.model, version.firmware, self._address)
        if before is not None:
            self._check_unchanged(before, identity)
        self._identity, self._opening = identity, opening

    @property
    def _is_greeted(self) -> bool:
        return self._opening == self._line.opening == self._link.openings

    def _told_diameter(self) -> Shown:
        return harvard.parse_diameter(self._line.read("diameter"))

    # --- reading

    def settings(self) -> FlowSettings:
        """Return diameter, rate with its limits, and target volume."""
        self._greet()
        diameter_mm = harvard.parse_diameter(self._line.read("diameter"))
        rate = harvard.parse_rate(self._line.read("irate"))
        lowest, highest = harvard.parse_limits(self._line.read("irate lim"))
        target = self._target()
        self._diameter_mm = diameter_mm.value
        return FlowSettings(
            diameter_mm=ShownAmount(*diameter_mm),
            rate_ul_per_h=ShownAmount(*rate),
            target_ul=None if target is None else ShownAmount(*target),
            infuses=True,
            lowest_ul_per_h=lowest.value,
            highest_ul_per_h=highest.value,
        )

    def status(self) -> FlowStatus:
        """Return what the pump is doing, by its prompt; a stall is told for as long as the pump shows it."""
        self._greet()
        state, line = self._status()
        stalled = state is FlowState.STALLED or (line.stalled and state.at_rest)
        return FlowStatus(FlowState.STALLED, FlowAlarm.STALLED) if stalled else FlowStatus(state)

    def _status(self, tries: int = 3) -> tuple[FlowState, StatusLine]:
        text, state = self._line.told("status", tries)
        return state, harvard.parse_status(text)

    def dispensed(self) -> Dispensed:
        """Return the counter of infused volume (ivolume)."""
        self._greet()
        asked_ns = self._now_ns()
        infused = harvard.parse_volume(self._line.read("ivolume"))
        return Dispensed(asked_ns, self._link.last_rx_ns, ShownAmount(*infused))

    def _target(self) -> Shown | None:
        text = self._line.read("tvolume")
        return None if text in harvard.NO_TARGET else harvard.parse_volume(text)

    # --- settings; each is read back

    def set_diameter(self, diameter_mm: float) -> ShownAmount:
        """Set the inside diameter in mm (4 decimals), and return it as read back."""
        text = harvard.diameter(diameter_mm)
        self._greet()
        self._line.set_before_reading_back(f"diameter {text}")
        told = harvard.parse_diameter(self._line.read("diameter"))
        self._check_told("diameter", told, diameter_mm, "mm", told.step / 2)
        self._diameter_mm = told.value
        return ShownAmount(*told)

    def set_rate(self, rate_ul_per_h: float) -> ShownAmount:
        """Set the rate of infusion in uL/h, and return it as read back.

        The pump may show fewer digits than it was given: what it shows is returned, with the worth of its last digit,
        and must be the wanted rate within half of that. `UsageError` beyond the limits that the pump tells.
        """
        text = harvard.rate(rate_ul_per_h)
        self._greet()
        lowest, highest = harvard.parse_limits(self._line.read("irate lim"))
        if not lowest.value <= rate_ul_per_h <= highest.value:
            raise UsageError(
                f"a rate of {rate_ul_per_h!r} uL/h is beyond the pump's limits",
                where=self._where,
                expected=f"{lowest.text} to {highest.text}, with the diameter that is set",
                hint="set the syringe's diameter first, or take another syringe",
            )
        self._line.set_before_reading_back(f"irate {text}")
        told = harvard.parse_rate(self._line.read("irate"))
        self._check_told("rate", told, rate_ul_per_h, "uL/h", told.step / 2)
        return ShownAmount(*told)

    def set_target(self, volume_ul: float | None) -> ShownAmount | None:
        """Set the volume after which the pump stops, in uL, and return it as read back; a target time is cleared."""
        command = "ctvolume" if volume_ul is None else f"tvolume {harvard.volume(volume_ul)}"
        self._greet()
        self._line.insist("cttime")
        self._line.set_before_reading_back(command)
        told = self._target()
        if volume_ul is None and told is None:
            return None
        if volume_ul is None or told is None:
            shown = told.text if told else harvard.NO_TARGET[0]
            wanted = "no target volume" if volume_ul is None else f"{volume_ul!r} uL, as set"
            raise InstrumentError(f"its target reads back as {shown!r}", where=self._where, expected=wanted)
        self._check_told("target volume", told, volume_ul, "uL", told.step / 2)
        return ShownAmount(*told)

    def clear_dispensed(self) -> None:
        """Set both counters to zero."""
        self._greet()
        self._line.set_before_reading_back("cvolume")
        told = harvard.parse_volume(self._line.read("ivolume"))
        if told.value:
            raise InstrumentError(f"its counter reads back as {told.text}", where=self._where, expected="0")

    # --- moving

    def infuse(self) -> Acceptance:
        """Start infusing at the rate that is set; ``irun`` leaves once.

        Raises `InstrumentError` when the pump refuses, is not stopped, or does something else than infusing: then
        nothing runs, or the message says that this is not confirmed. UNKNOWN: `unknown_because` says what was seen;
        `stop` before anything else.
        """
        self._greet()
        target, before = self._before_running()
        try:
            answer = self._line.ask("irun")
        except HarvardRefused as refused:
            if refused.state.at_rest:
                raise
            self._unknown_because = str(refused)
            return Acceptance.UNKNOWN
        except _TROUBLE as lost:
            return self._settle(before, str(lost))
        state = STATES[answer.prompt]
        if answer.lines:
            return self._settle(before, f"irun was answered with {answer.lines[0]!r}")
        if state is FlowState.INFUSING or (state is FlowState.TARGET_REACHED and target is not None):
            return Acceptance.ACKNOWLEDGED
        if state is FlowState.STALLED:
            raise FlowAlarmRaised(FlowAlarm.STALLED, "irun", where=self._where)
        if not state.at_rest:
            raise self._stopped_because(state)
        return self._settle(before, f"irun was answered, and yet it is {state.value}")

    def stop(self) -> Acceptance:
        """Stop the pump (stp); repeated until its answer and its status both say that nothing moves.

        One of them is not enough: a single wrong bit makes the prompt of a moving pump that of one at rest. Raises
        `rig.errors.LinkLost` when nobody can be told.
        """
        for _ in range(_STOP_TRIES):
            state = self._state_after_stop()
            if state is not None and state.at_rest and self._seems_at_rest():
                return Acceptance.ACKNOWLEDGED
            if state is not None:  # silence has taken its time already; one that answers is given time to stop
                self._line.links.pause(_STOP_AGAIN_S)
        return Acceptance.UNKNOWN

    def _state_after_stop(self) -> FlowState | None:
        """Send stp and return the state that its answer tells; None when it cannot be its answer."""
        try:
            self._begin_to_stop()
            answer = self._line.ask("stp")
        except HarvardRefused as refused:  # a pump that stands still may refuse
            self._unknown_because = str(refused)
            return refused.state
        except (TransportTimeout, ProtocolError, FlowAlarmRaised) as error:
            self._unknown_because = str(error)
            return None
        state = STATES[answer.prompt]
        self._unknown_because = f"after stp it is {state.value}"
        if answer.lines:
            self._unknown_because = f"stp was answered with {answer.lines[0]!r}"
            return None
        return state

    def _seems_at_rest(self) -> bool:
        """Ask for the status, and say whether it confirms that nothing moves."""
        try:
            state, line = self._status(tries=1)
        except (TransportTimeout, ProtocolError, InstrumentError) as error:
            self._unknown_because = f"stp was answered, and then: {error}"
            return False
        self._unknown_because = f"after stp it is {state.value}, and its status is {line.text!r}"
        return state.at_rest and not line.moving

    def _begin_to_stop(self) -> None:
        """Greet a pump that may have forgotten the last greeting; who it is does not matter now."""
        if self._line.opening != self._link.openings:
            with suppress(TransportTimeout, ProtocolError, InstrumentError):
                self._line.begin(tries=1)

    def _before_running(self) -> tuple[Shown | None, Shown]:
        """Return target and counter; refuse a pump that would not do just what `infuse` says."""
        target = self._target()
        text, state = self._line.told("ivolume")
        counter = harvard.parse_volume(text)
        if state not in (FlowState.STOPPED, FlowState.TARGET_REACHED):
            raise InstrumentError(
                f"it cannot be started: it is {state.value}",
                where=self._where,
                expected="a stopped pump",
                hint="stop it first; after a stall clear the message on its display",
            )
        if target is not None and counter.value >= target.value:
            raise InstrumentError(
                f"its target of {target.text} is reached already: its counter stands at {counter.text}",
                where=self._where,
                hint="clear the counter first",
            )
        return target, counter

    def _settle(self, before: Shown, why: str) -> Acceptance:
        """Say by status and counter whether an ``irun`` whose answer was lost was done; in doubt, say that."""
        self._unknown_because = why
        seen = self._look()
        if seen is None:
            return Acceptance.UNKNOWN
        state, after = seen
        return self._settled(before, why, state, after)

    def _look(self) -> tuple[FlowState, Shown | None] | None:
        """Return what the pump does and, at rest, its counter; None when it cannot be asked."""
        for _ in range(_SETTLE_TRIES):
            with suppress(*_TROUBLE):
                self._greet()
                state, line = self._status(tries=1)
                if state.at_rest:
                    return state, harvard.parse_volume(self._line.read("ivolume", tries=1))
                # A single wrong bit makes the prompt of a pump at rest that of a moving one: two of them are needed.
                if line.moving or self._status(tries=1)[0] is state:
                    return state, None
        return None
