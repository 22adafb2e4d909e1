"""The pump role on a MiniMed pump, through a CC111x radio stick or a CareLink USB stick.

For a laboratory bench only, never with a person attached. Only serial numbers that the bench names are ever addressed.
Reads are repeated; the parameter packet of a command that changes the delivery leaves exactly once. Source:
minimed-protocol 1.5 to 1.7, 4 and 5.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rig.drivers.minimed.contact import PumpContact
from rig.drivers.minimed.first_family import status_from_history
from rig.drivers.minimed.settling import confirmed, read_back, settled
from rig.drivers.minimed.way import PumpWay, Refused, Settled
from rig.errors import ConfigError, InstrumentError, MalformedReply, UsageError
from rig.instruments import (
    Acceptance,
    BasalEntry,
    HistoryEvent,
    Key,
    PumpBattery,
    PumpSettings,
    PumpStatus,
    PumpTotals,
    TempBasal,
)
from rig.transport.links import Link, Links
from rig.wire.minimed import amounts, answers, commands, wizard
from rig.wire.minimed.history import HistoryPage, HistoryRecord, parse_page
from rig.wire.minimed.packets import BOLUS_RUNS, Opcode, check_pump_id

_MAX_PAGE = 35
_MAX_PAGE_12 = 31
_FAMILY_12 = 12
_READ_BACK_MIN = 2  # minutes that may pass between a temporary basal and its reading back
_PROFILES = (Opcode.PROFILE, Opcode.PROFILE_A, Opcode.PROFILE_B)
_SET_PROFILES = (Opcode.SET_PROFILE, Opcode.SET_PROFILE_A, Opcode.SET_PROFILE_B)


class MinimedPump:
    """One pump, reached by radio; implements `rig.instruments.Pump`.

    ``serial`` must be among ``allowed_serials``, the devices under test that the bench file names; anything else raises
    `ConfigError` here, before a byte is sent. Constructing does nothing else; `open` makes contact with the stick,
    `wake` with the pump. Every method wakes the pump by itself when its radio may have gone to sleep, which can take
    half a minute of link time.
    """

    def __init__(self, links: Links, link: Link, way: PumpWay, serial: str, allowed_serials: frozenset[str]) -> None:
        self._serial = check_pump_id(serial)
        if serial not in allowed_serials:
            raise ConfigError(
                f"pump {serial} is not a device under test of this bench",
                where="pump",
                expected=f"one of {', '.join(sorted(allowed_serials)) or 'none: the bench file names no pump'}",
                hint="name the pump's serial number in the bench file, if no person wears it",
            )
        self._links = links
        self._way = way
        self._contact = PumpContact(links, link, way, serial)

    @property
    def stick_version(self) -> str:
        """What the stick says it is; empty before `open`."""
        return self._way.version

    @property
    def acknowledged_ns(self) -> int:
        """Rig time at which the last packet from the pump arrived: after a command, its acknowledgement's."""
        return self._way.heard_rig_ns

    @property
    def rssi_dbm(self) -> float | None:
        """Signal strength of the last packet from the pump; None where the stick does not tell it in dBm."""
        return self._way.rssi_dbm

    @property
    def tuned_mhz(self) -> float | None:
        """Frequency of the stick; None while it is not known."""
        return self._way.tuned_mhz

    @property
    def scanned(self) -> tuple[tuple[float, float | None], ...]:
        """Frequencies that were scanned, MHz, each with the signal strength in dBm (None: silent)."""
        return self._way.scanned

    @property
    def signal(self) -> str:
        """Signal quality of the last packet from the pump, in words."""
        return self._way.signal

    @property
    def unknown_because(self) -> str:
        """Why the last `Acceptance.UNKNOWN` is unknown."""
        return self._way.lost_because

    def open(self) -> None:
        """Make contact with the stick; the pump itself is not addressed."""
        self._way.open()

    def wake(self, minutes: int = 10) -> None:
        """Bring the pump's radio up for ``minutes`` (1 to 10); raises `TransportTimeout` when it stays silent."""
        self._contact.wake(minutes)

    # --- reading

    def model(self) -> str:
        """Return the model number."""
        return self._contact.model()

    def serial_number(self) -> str:
        """Return the pump's six digits as it reports them; raises `InstrumentError` if they are another pump's."""
        reported = answers.parse_pump_id(self._contact.read(Opcode.PUMP_ID))
        if reported != self._serial:
            raise InstrumentError(
                f"the pump reports serial number {reported}",
                where=f"pump {self._serial}",
                expected=self._serial,
                hint="take other pumps out of range, and correct the bench file",
            )
        return reported

    def firmware(self) -> str:
        """Return the firmware version text."""
        return answers.parse_firmware(self._contact.read(Opcode.FIRMWARE))

    def clock(self) -> datetime:
        """Return the pump's own local time (naive)."""
        return answers.parse_time(self._contact.read(Opcode.TIME))

    def battery(self) -> PumpBattery:
        """Return battery state."""
        return PumpBattery(*answers.parse_battery(self._contact.read(Opcode.BATTERY)))

    def reservoir_u(self) -> float:
        """Return the units the pump believes are left (0.1 U steps in the old family, 0.025 U in the new)."""
        return answers.parse_reservoir(self._contact.read(Opcode.RESERVOIR))

    def status(self) -> PumpStatus:
        """Return what the pump is doing."""
        try:
            return PumpStatus(*answers.parse_status(self._contact.read(Opcode.STATUS)))
        except InstrumentError:
            if self._contact.family != _FAMILY_12:
                raise
            return status_from_history(self.history)

    def settings(self) -> PumpSettings:
        """Return limits and modes."""
        opcode = Opcode.SETTINGS_12 if self._contact.family == _FAMILY_12 else Opcode.SETTINGS
        return PumpSettings(*answers.parse_settings(self._contact.read(opcode)))

    def alarm(self) -> int:
        """Return the code of the active alarm, 0 when none is; the history says which alarms there were."""
        return answers.parse_error_status(self._contact.read(Opcode.ERROR_STATUS))

    def totals(self) -> PumpTotals:
        """Return what the pump counts as delivered today and yesterday; no public client decodes this answer."""
        return PumpTotals(*answers.parse_totals(self._contact.read(Opcode.TOTALS), new=self._contact.is_new))

    def profile(self, pattern: int = 0) -> list[BasalEntry]:
        """Return a basal profile: 0 standard, 1 pattern A, 2 pattern B; an unused one has no entries."""
        entries = self._contact.fragments(_PROFILES[_check_pattern(pattern)], answers.parse_profile)
        return [BasalEntry(*entry) for entry in entries]

    def temp_basal(self) -> TempBasal:
        """Return the running temporary basal."""
        return TempBasal(*answers.parse_temp_basal(self._contact.read(Opcode.READ_TEMP_BASAL)))

    def carb_ratios(self) -> list[wizard.CarbRatio]:
        """Return the carb ratios of the pump's bolus calculator."""
        return wizard.parse_carb_ratios(self._contact.read(Opcode.CARB_RATIOS))

    def sensitivities(self) -> list[wizard.Sensitivity]:
        """Return the insulin sensitivities of the pump's bolus calculator."""
        return wizard.parse_sensitivities(self._contact.read(Opcode.SENSITIVITIES))

    def targets(self) -> list[wizard.Target]:
        """Return the glucose targets of the pump's bolus calculator."""
        opcode = Opcode.TARGETS_12 if self._contact.family == _FAMILY_12 else Opcode.TARGETS
        return wizard.parse_targets(self._contact.read(opcode))

    def history(self, page: int = 0) -> list[HistoryEvent]:
        """Return one history page, oldest record first; page 0 is the newest.

        Raises `MalformedReply` when a record of unknown type makes the rest of the page unreadable, because the newest
        records would silently be missing; `history_page` returns what can be read.
        """
        read = self.history_page(page)
        if read.unreadable_at is not None:
            raise MalformedReply(
                f"pump {self._serial}",
                read.unreadable[:16],
                asked=f"history page {page}",
                expected=f"a known record type at byte {read.unreadable_at}, not {read.unreadable[0]:02X}",
                hint="settle the delivery by status, reservoir and balance",
            )
        return [_event(record) for record in read.records]

    def history_page(self, page: int = 0) -> HistoryPage:
        """Return the readable records of a page, and what is left when one of them is unknown."""
        _check_page(page, _MAX_PAGE)
        family = self._contact.family
        if family == _FAMILY_12:
            _check_page(page, _MAX_PAGE_12)

        def parse(image: bytes) -> HistoryPage:
            return parse_page(image, new=self._contact.is_new, family=family)

        return self._contact.fragments(Opcode.HISTORY_PAGE, parse, commands.history_page(page))

    # --- commands that change what is delivered

    def set_profile(self, entries: list[BasalEntry], pattern: int = 0) -> Acceptance:
        """Write a basal profile (0 standard, 1 A, 2 B), once; ACKNOWLEDGED where reading it back shows it."""
        new, opcode = self._contact.is_new, _SET_PROFILES[_check_pattern(pattern)]
        amounts.check_starts([entry.start_half_hours for entry in entries])
        wanted = [(entry.start_half_hours, amounts.basal_fortieths(entry.rate_u_per_h, new=new)) for entry in entries]
        outcome = self._contact.image(opcode, commands.profile_image(wanted))
        return self._confirmed(outcome, lambda: _fortieths(self.profile(pattern)) == wanted)

    def select_pattern(self, pattern: int) -> Acceptance:
        """Select the profile that runs: 0 standard, 1 A, 2 B; ACKNOWLEDGED where the settings show it."""
        parameters = commands.select_pattern(_check_pattern(pattern))
        return self._command(Opcode.SELECT_PATTERN, parameters, lambda: self.settings().pattern == pattern)

    def set_temp_basal(self, rate_u_per_h: float, minutes: int) -> Acceptance:
        """Start an absolute temporary basal; 0 minutes cancels. ACKNOWLEDGED where reading it back shows it."""
        steps = amounts.basal_fortieths(rate_u_per_h, new=self._contact.is_new)
        half_hours = amounts.half_hours(minutes)
        if not half_hours:
            steps = 0
        parameters = commands.temp_basal(steps, half_hours)
        return self._temp_basal(Opcode.TEMP_BASAL, parameters, minutes, lambda now: _is_rate(now, steps))

    def set_temp_basal_percent(self, percent: int, minutes: int) -> Acceptance:
        """Start a relative temporary basal; 0 minutes cancels. ACKNOWLEDGED where reading it back shows it."""
        amounts.check_percent(percent)
        parameters = commands.temp_basal_percent(percent, amounts.half_hours(minutes))
        return self._temp_basal(
            Opcode.TEMP_BASAL_PERCENT, parameters, minutes, lambda now: now.is_percent and now.percent == percent
        )

    def set_temp_basal_type(self, *, percent: bool) -> Acceptance:
        """Choose the kind of temporary basal that the pump accepts; the settings say whether it understood.

        The parameter of this command is a guess of the public sources: a pump that acknowledges and does not change
        its setting is told by the settings, and the acceptance is UNKNOWN.
        """
        self._contact.command(Opcode.SET_TEMP_BASAL_TYPE, commands.temp_basal_type(percent=percent))
        return read_back(lambda: self.settings().temp_basal_is_percent is percent)

    def bolus(self, amount_u: float) -> Acceptance:
        """Start a normal bolus. After `Acceptance.UNKNOWN`: status, reservoir, history and balance, never again.

        ACKNOWLEDGED means that no bolus ran before, that the pump acknowledged, and that one runs now. A bolus so short
        that it is over when the pump is asked is UNKNOWN: its history tells.
        """
        new = self._contact.is_new
        steps = amounts.bolus_fortieths(amount_u, new=new)
        if self.status().bolusing:
            raise InstrumentError(
                "a bolus is already in progress",
                where=f"pump {self._serial}",
                hint="wait for its end, or suspend the pump",
            )
        try:
            outcome = self._contact.command(Opcode.BOLUS, commands.bolus(steps, new=new))
        except Refused as refused:
            if refused.code != BOLUS_RUNS:
                raise
            # None ran a moment ago: the pump may have heard this very bolus twice.
            self._way.lost_because = str(refused)
            return Acceptance.UNKNOWN
        if outcome is Settled.LOST:
            return Acceptance.UNKNOWN
        return self._confirmed(outcome, lambda: self.status().bolusing)

    def suspend(self) -> Acceptance:
        """Stop all delivery; repeated until the pump's status confirms it."""
        parameters = commands.suspend_resume(suspend=True)
        refused: InstrumentError | None = None
        for _ in range(3):
            try:
                outcome = self._contact.command(Opcode.SUSPEND_RESUME, parameters)
                if outcome is Settled.ACKNOWLEDGED and self._suspended(outcome) is Acceptance.ACKNOWLEDGED:
                    return Acceptance.ACKNOWLEDGED
            except InstrumentError as error:  # a pump that is suspended already may refuse
                refused = error
                break
        found = self._suspended(Settled.LOST)
        if refused is not None and found is Acceptance.UNKNOWN:
            raise refused
        return found

    def _suspended(self, outcome: Settled) -> Acceptance:
        return self._confirmed(outcome, lambda: self.status().suspended)

    def resume(self) -> Acceptance:
        """Resume basal delivery; ACKNOWLEDGED where the pump's status shows it."""
        parameters = commands.suspend_resume(suspend=False)
        return self._command(Opcode.SUSPEND_RESUME, parameters, lambda: not self.status().suspended)

    def set_clock(self, local: datetime) -> Acceptance:
        """Set the pump's local time (whole seconds)."""
        amounts.check_local(local)
        return settled(self._contact.command(Opcode.SET_TIME, commands.set_time(local)))

    def set_limits(self, max_bolus_u: float | None = None, max_basal_u_per_h: float | None = None) -> Acceptance:
        """Set the largest bolus (0.1 U steps) and the highest basal rate; ACKNOWLEDGED where the settings show them."""
        found = Acceptance.ACKNOWLEDGED
        if max_bolus_u is not None:
            tenths = amounts.bolus_tenths(max_bolus_u)
            parameters = commands.set_max_bolus(tenths, new=self._contact.is_new)
            found = self._command(
                Opcode.SET_MAX_BOLUS, parameters, lambda: round(self.settings().max_bolus_u * 10) == tenths
            )
        if max_basal_u_per_h is not None and found is Acceptance.ACKNOWLEDGED:
            steps = amounts.basal_fortieths(max_basal_u_per_h, new=self._contact.is_new)
            parameters = commands.set_max_basal(steps)
            found = self._command(
                Opcode.SET_MAX_BASAL,
                parameters,
                lambda: round(self.settings().max_basal_u_per_h * amounts.PER_UNIT) == steps,
            )
        return found

    def press(self, key: Key) -> Acceptance:
        """Push a key over the link, once; what it did is for the pump's state and history to say."""
        return settled(self._contact.command(Opcode.KEYPAD, commands.keypad(key.value)))

    def _command(self, opcode: Opcode, parameters: bytes, shows: Callable[[], bool]) -> Acceptance:
        """Send a command once; what the pump shows afterwards says whether it took it."""
        return self._confirmed(self._contact.command(opcode, parameters), shows)

    def _confirmed(self, outcome: Settled, shows: Callable[[], bool]) -> Acceptance:
        return confirmed(self._way, self._links, outcome, shows)

    def _temp_basal(
        self, opcode: Opcode, parameters: bytes, minutes: int, is_wanted: Callable[[TempBasal], bool]
    ) -> Acceptance:
        def shows() -> bool:
            now = self.temp_basal()
            if minutes == 0:
                return now.minutes_left == 0
            return is_wanted(now) and minutes - _READ_BACK_MIN <= now.minutes_left <= minutes

        return self._command(opcode, parameters, shows)


def _check_page(page: int, highest: int) -> None:
    if not 0 <= page <= highest:
        raise UsageError(f"there is no history page {page}", expected=f"0 (newest) to {highest}")


def _check_pattern(pattern: int) -> int:
    if pattern not in range(len(_PROFILES)):
        raise UsageError(f"there is no pattern {pattern}", expected="0 (standard), 1 (A) or 2 (B)")
    return pattern


def _event(record: HistoryRecord) -> HistoryEvent:
    return HistoryEvent(
        kind=record.kind,
        at=record.at,
        raw=record.raw,
        remote=record.remote,
        programmed_u=record.programmed_u,
        delivered_u=record.delivered_u,
        rate_u_per_h=record.rate_u_per_h,
        percent=record.percent,
        minutes=record.minutes,
        code=record.code,
    )


def _is_rate(now: TempBasal, fortieths: int) -> bool:
    return not now.is_percent and round(now.rate_u_per_h * amounts.PER_UNIT) == fortieths


def _fortieths(entries: list[BasalEntry]) -> list[tuple[int, int]]:
    return [(entry.start_half_hours, round(entry.rate_u_per_h * amounts.PER_UNIT)) for entry in entries]
