"""A New Era syringe pump as a source of a known flow.

Constructing does nothing; `NewEraPump.open` makes the first contact and moves nothing. ``RUN`` leaves once.
Source: syringe-pump-protocols 1.5.
"""

from __future__ import annotations

from contextlib import suppress

from rig.drivers.new_era.line import NewEraLine, NewEraRefused, Told
from rig.errors import InstrumentError, ProtocolError, TransportError, TransportTimeout
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
from rig.wire import new_era
from rig.wire.new_era import Fault
from rig.wire.shown import Shown

_STOP_TRIES = 6
_SETTLE_TRIES = 3
_TROUBLE = (TransportError, ProtocolError, InstrumentError)  # what keeps a pump from being asked


class NewEraPump(SyringePumpBase):
    """One pump on one link; volumes in uL, rates in uL/h. Implements `rig.instruments.FlowSource`.

    ``safe_timeout_s`` 0 speaks basic mode; 1 to 255 safe mode, with CRCs, in which the pump stops by itself when it
    hears nothing valid for so long: whoever holds it so must ask for `status` more often than that. ``timeout_s`` is
    link time for one answer. After `rig.errors.LinkLost` the next call greets the pump anew.
    """

    _look_at = "look at the pump: its program or its direction was changed by hand"

    def __init__(
        self, links: Links, link: Link, *, address: int = 0, safe_timeout_s: int = 0, timeout_s: float = 1.0
    ) -> None:
        super().__init__(links, link, address)
        self._line = NewEraLine(links, link, address, safe_timeout_s, timeout_s)
        self._safe = bool(safe_timeout_s)

    @property
    def alarms(self) -> tuple[tuple[int, FlowAlarm], ...]:
        """Every alarm heard so far with the rig time, oldest first; safe mode tells one unasked, and again asked."""
        return tuple(self._line.alarms)

    # --- first contact

    def open(self) -> None:
        """Bring the line to the wanted mode, and learn who the pump is; nothing is started or stopped.

        An alarm of before, such as the one that follows power-up, is kept in `alarms`. Raises `TransportTimeout` when
        nothing answers, `MalformedReply` when something else does, and on a link that was opened again `DeviceChanged`
        for another pump or another diameter.
        """
        opening = self._link.openings
        self._line.choose_mode()
        version = new_era.parse_version(self._read("VER"))
        identity = FlowSourceIdentity(version.model, version.firmware, self._address)
        if self._identity is not None and opening != self._opening:
            self._check_unchanged(self._identity, identity)
        self._identity, self._opening = identity, opening

    def _told_diameter(self) -> Shown:
        return new_era.parse_diameter(self._read("DIA"))

    # --- reading

    def settings(self) -> FlowSettings:
        """Return diameter, rate, target volume and direction; the pump does not tell its limits."""
        self._greet()
        diameter_mm = new_era.parse_diameter(self._read("DIA"))
        rate = new_era.parse_rate(self._read("RAT"))
        target = new_era.parse_volume(self._read("VOL"))
        infuses = new_era.parse_direction(self._read("DIR"))
        self._diameter_mm = diameter_mm.value
        return FlowSettings(
            diameter_mm=ShownAmount(*diameter_mm),
            rate_ul_per_h=ShownAmount(*rate),
            target_ul=ShownAmount(*target) if target.value else None,
            infuses=infuses,
            lowest_ul_per_h=None,
            highest_ul_per_h=None,
        )

    def status(self) -> FlowStatus:
        """Return what the pump is doing; an alarm is told here once, and by that acknowledged."""
        self._greet()
        told = self._line.status()
        return FlowStatus(told.state, told.alarm)

    def dispensed(self) -> Dispensed:
        """Return the counter of infused volume (DIS)."""
        self._greet()
        asked_ns = self._now_ns()
        infused = new_era.parse_dispensed(self._read("DIS")).infused_ul
        return Dispensed(asked_ns, self._link.last_rx_ns, ShownAmount(*infused))

    def _read(self, command: str) -> str:
        return self._line.query(command).data

    # --- settings; each is read back

    def set_diameter(self, diameter_mm: float) -> ShownAmount:
        """Set the inside diameter in mm (4 digits), and return it as read back."""
        text = new_era.diameter(diameter_mm)
        self._greet()
        self._line.set_before_reading_back("DIA", text)
        told = new_era.parse_diameter(self._read("DIA"))
        self._check_told("diameter", told, diameter_mm, "mm")
        self._diameter_mm = told.value
        return ShownAmount(*told)

    def set_rate(self, rate_ul_per_h: float) -> ShownAmount:
        """Set a plain constant rate in uL/h (4 digits in one of the pump's units), and return it as read back.

        At rest this chooses phase 1, function rate and direction infuse. While the pump runs only the number can be
        changed: `UsageError` when the rate does not fit the unit that is set.
        """
        number, unit = new_era.rate(rate_ul_per_h)
        self._greet()
        now = self._line.query("RAT")
        if now.state.at_rest:
            self._choose_plain_flow()
        else:
            number, unit = new_era.rate(rate_ul_per_h, new_era.rate_unit(now.data))
        self._line.set_before_reading_back("RAT", number + unit)
        told = new_era.parse_rate(self._read("RAT"))
        self._check_told("rate", told, rate_ul_per_h, "uL/h")
        return ShownAmount(*told)

    def set_target(self, volume_ul: float | None) -> ShownAmount | None:
        """Set the volume after which the pump stops, in uL (4 digits in uL or mL), and return it as read back."""
        number, unit = ("0.000", "") if volume_ul is None else new_era.volume(volume_ul)
        self._greet()
        if unit:
            self._line.set_before_reading_back("VOL", unit)
        self._line.set_before_reading_back("VOL", number)
        told = new_era.parse_volume(self._read("VOL"))
        self._check_told("target volume", told, volume_ul or 0.0, "uL")
        return ShownAmount(*told) if told.value else None

    def clear_dispensed(self) -> None:
        """Set both counters to zero; the pump refuses this while it runs."""
        self._greet()
        self._line.set_before_reading_back("CLD", "INF")
        self._line.set_before_reading_back("CLD", "WDR")
        counters = new_era.parse_dispensed(self._read("DIS"))
        self._check_told("counter of infused volume", counters.infused_ul, 0.0, "uL")
        self._check_told("counter of withdrawn volume", counters.withdrawn_ul, 0.0, "uL")

    def _choose_plain_flow(self) -> None:
        """Choose phase 1, its function rate, and infusing; a pump without programs knows neither of the first two."""
        for command, parameter in (("PHN", "1"), ("FUN", "RAT")):
            try:
                self._line.insist(command, parameter)
            except NewEraRefused as refused:
                if refused.fault is not Fault.UNKNOWN:
                    raise
        self._line.insist("DIR", "INF")

    # --- moving

    def infuse(self) -> Acceptance:
        """Start infusing at the rate that is set; ``RUN`` leaves once. In basic mode its status is read back.

        Raises `InstrumentError` when the pump refuses, is not stopped, or does something else than infusing: then
        nothing runs, or the message says that this is not confirmed. UNKNOWN: `unknown_because` says what was seen;
        `stop` before anything else.
        """
        self._greet()
        before = self._before_running()
        try:
            told = self._line.ask("RUN")
        except (TransportError, ProtocolError) as lost:
            return self._settle(before, str(lost))
        except NewEraRefused as refused:
            if refused.state.at_rest:
                raise
            self._unknown_because = str(refused)
            return Acceptance.UNKNOWN
        if told.data:
            return self._settle(before, f"RUN was answered with {told.data!r}")
        if told.alarm is not None:
            return self._after_an_alarm(told.alarm)
        if told.state.at_rest:
            raise InstrumentError(f"RUN was answered, and yet it is {told.state.value}", where=self._where)
        if told.state is not FlowState.INFUSING:
            raise self._stopped_because(told.state)
        if self._safe:
            return Acceptance.ACKNOWLEDGED
        # Without a checksum one wrong bit makes another answer this one: its status has to bear it out.
        return self._settle(before, "RUN was acknowledged, and nothing that came after it confirms that it runs")

    def stop(self) -> Acceptance:
        """Stop the pump (STP pauses, a second one ends its program); repeated until its answers say so.

        Raises `rig.errors.LinkLost` when nobody can be told.
        """
        if not self._is_greeted:
            with suppress(TransportTimeout, ProtocolError, InstrumentError):
                self._line.choose_mode()  # who it is does not matter now
        before: FlowState | None = None
        for _ in range(_STOP_TRIES):
            now = self._state_after_stop()
            if now is FlowState.STOPPED or now is before is FlowState.PAUSED:
                return Acceptance.ACKNOWLEDGED
            before = now
        return Acceptance.UNKNOWN

    def _state_after_stop(self) -> FlowState | None:
        """Send STP and return the state that its answer tells, or None when it cannot be its answer, or is an alarm."""
        try:
            told = self._line.ask("STP")
        except NewEraRefused as refused:  # a pump that stands still may refuse
            self._unknown_because = str(refused)
            return refused.state
        except (TransportTimeout, ProtocolError) as error:
            self._unknown_because = str(error)
            return None
        if told.data or told.alarm is not None:
            self._unknown_because = f"STP was answered with {told.data or told.alarm}"
            return None
        self._unknown_because = f"after STP it is {told.state.value}"
        return told.state

    def _before_running(self) -> Shown:
        """Return the counter; refuse a pump that would not do just what `infuse` says."""
        if not new_era.parse_direction(self._read("DIR")):
            raise InstrumentError("its direction is withdraw", where=self._where, hint="set the rate again")
        counter = self._line.query("DIS")
        if counter.state is not FlowState.STOPPED:
            raise InstrumentError(
                f"it cannot be started: it is {counter.state.value}",
                where=self._where,
                expected="a stopped pump",
                hint="stop it first; a pause would go on with the rest of its target",
            )
        return new_era.parse_dispensed(counter.data).infused_ul

    def _settle(self, before: Shown, why: str) -> Acceptance:
        """Say by status and counter whether a ``RUN`` whose answer was lost was done; in doubt, say that."""
        self._unknown_because = why
        seen = self._look()
        if seen is None:
            return Acceptance.UNKNOWN
        told, after = seen
        alarm = f", because {told.alarm.value}" if told.alarm else ""
        return self._settled(before, why, told.state, after, alarm)

    def _look(self) -> tuple[Told, Shown | None] | None:
        """Return what the pump does and, at rest and without an alarm, its counter; None when it cannot be asked."""
        for _ in range(_SETTLE_TRIES):
            with suppress(*_TROUBLE):
                told = self._line.ask("")
                if told.alarm is not None or not told.state.at_rest:
                    return told, None
                return told, new_era.parse_dispensed(self._line.query("DIS", tries=1).data).infused_ul
        return None

    def _after_an_alarm(self, alarm: FlowAlarm) -> Acceptance:
        """Raise what stands for a refusal, once the pump is seen at rest."""
        self._unknown_because = f"RUN was answered by an alarm: {alarm.value}"
        try:
            found = self._line.ask("")
        except _TROUBLE:
            return Acceptance.UNKNOWN
        if found.state.at_rest:
            raise FlowAlarmRaised(alarm, "RUN", where=self._where)
        self._unknown_because += f"; and yet it is {found.state.value}"
        return Acceptance.UNKNOWN
