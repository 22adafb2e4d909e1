"""The pump role on a MiniMed pump, through a CC111x radio stick or a CareLink USB stick.

For a laboratory bench only, never with a person attached. Only serial numbers that the bench names are ever addressed.
Reads are repeated; the parameter packet of a command that changes the delivery leaves exactly once. Source:
minimed-protocol 1.5 to 1.7, 4 and 5.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from rig.clock import to_ns
from rig.drivers.minimed.way import PumpNotHeard, PumpWay, Settled
from rig.errors import BenchError, ConfigError, InstrumentError, LinkLost, MalformedReply, UsageError
from rig.instruments import (
    Acceptance,
    BasalEntry,
    HistoryEvent,
    PumpBattery,
    PumpSettings,
    PumpStatus,
    TempBasal,
)
from rig.transport.links import Link, Links
from rig.wire.minimed import amounts, answers, commands
from rig.wire.minimed.history import HistoryPage, HistoryRecord, parse_page
from rig.wire.minimed.packets import Opcode, Packet, check_pump_id

Value = TypeVar("Value")

_REPLUG_S = 10.0  # of link time: how long an unplugged stick is waited for
_REPLUGS = 3
_AWAKE_AFTER_ANSWER_S = 50.0  # the radio stays on for 60 to 90 s
_AWAKE_MARGIN_S = 15.0
_MAX_WAKE_MINUTES = 10
_MAX_PAGE = 35
_READ_BACK_MIN = 2  # minutes that may pass between a temporary basal and its reading back
_FAMILIES = {22: False, 23: True}  # model number mod 100: has the new family's layouts


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
        self._link = link
        self._way = way
        self._awake_until_ns: int | None = None
        self._new: bool | None = None

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
        """Signal strength of the last packet from the pump."""
        return self._way.rssi_dbm

    @property
    def signal(self) -> str:
        """Signal quality of the last packet from the pump, in words."""
        return self._way.signal

    @property
    def unknown_because(self) -> str:
        """Why the last `Acceptance.UNKNOWN` is unknown."""
        return self._way.lost_because

    def open(self) -> None:
        """Bring the stick into step, check its firmware and tune it; the pump itself is not addressed."""
        self._way.open()

    def wake(self, minutes: int = 10) -> None:
        """Bring the pump's radio up for ``minutes`` (1 to 10); raises `TransportTimeout` when it stays silent."""
        if not 1 <= minutes <= _MAX_WAKE_MINUTES:
            raise UsageError(f"a pump cannot stay awake for {minutes} min", expected=f"1 to {_MAX_WAKE_MINUTES} min")
        self._over_link(lambda: self._wake(minutes))

    def _wake(self, minutes: int = 10) -> None:
        if not self._answers():
            self._burst()
        now_ns = self._links.clock.link_ns()
        if self._way.power_on(commands.power(minutes)):
            self._awake_until_ns = now_ns + to_ns(60 * minutes - _AWAKE_MARGIN_S)
        else:
            self._awake_until_ns = now_ns + to_ns(_AWAKE_AFTER_ANSWER_S)

    def model(self) -> str:
        """Return the model number."""
        model = answers.parse_model(self._read(Opcode.MODEL))
        self._learn_family(model)
        return model

    def serial_number(self) -> str:
        """Return the pump's six digits as it reports them; raises `InstrumentError` if they are another pump's."""
        reported = answers.parse_pump_id(self._read(Opcode.PUMP_ID))
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
        return answers.parse_firmware(self._read(Opcode.FIRMWARE))

    def clock(self) -> datetime:
        """Return the pump's own local time (naive)."""
        return answers.parse_time(self._read(Opcode.TIME))

    def battery(self) -> PumpBattery:
        """Return battery state."""
        return PumpBattery(*answers.parse_battery(self._read(Opcode.BATTERY)))

    def reservoir_u(self) -> float:
        """Return the units the pump believes are left (0.1 U steps in the old family, 0.025 U in the new)."""
        return answers.parse_reservoir(self._read(Opcode.RESERVOIR))

    def status(self) -> PumpStatus:
        """Return what the pump is doing."""
        return PumpStatus(*answers.parse_status(self._read(Opcode.STATUS)))

    def settings(self) -> PumpSettings:
        """Return limits and modes."""
        return PumpSettings(*answers.parse_settings(self._read(Opcode.SETTINGS)))

    def profile(self) -> list[BasalEntry]:
        """Return the standard basal profile."""
        entries = self._talk(lambda: self._way.read_fragments(Opcode.PROFILE, answers.parse_profile))
        return [BasalEntry(*entry) for entry in entries]

    def temp_basal(self) -> TempBasal:
        """Return the running temporary basal."""
        return TempBasal(*answers.parse_temp_basal(self._read(Opcode.READ_TEMP_BASAL)))

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
        if not 0 <= page <= _MAX_PAGE:
            raise UsageError(f"there is no history page {page}", expected=f"0 (newest) to {_MAX_PAGE}")
        new = self._is_new()
        parameters = commands.history_page(page)

        def parse(image: bytes) -> HistoryPage:
            return parse_page(image, new=new)

        return self._talk(lambda: self._way.read_fragments(Opcode.HISTORY_PAGE, parse, parameters))

    def set_profile(self, entries: list[BasalEntry]) -> Acceptance:
        """Write the standard basal profile; a lost answer is settled by reading it back."""
        new = self._is_new()
        amounts.check_starts([entry.start_half_hours for entry in entries])
        wanted = [(entry.start_half_hours, amounts.basal_fortieths(entry.rate_u_per_h, new=new)) for entry in entries]
        image = commands.profile_image(wanted)
        self._announce(Opcode.SET_PROFILE)
        if self._way.once_image(Opcode.SET_PROFILE, image) is Settled.ACKNOWLEDGED:
            return Acceptance.ACKNOWLEDGED
        return self._read_back(lambda: _fortieths(self.profile()) == wanted)

    def set_temp_basal(self, rate_u_per_h: float, minutes: int) -> Acceptance:
        """Start an absolute temporary basal; 0 minutes cancels. A lost answer is settled by reading it back."""
        steps = amounts.basal_fortieths(rate_u_per_h, new=self._is_new())
        half_hours = amounts.half_hours(minutes)
        if not half_hours:
            steps = 0
        parameters = commands.temp_basal(steps, half_hours)
        return self._temp_basal(Opcode.TEMP_BASAL, parameters, minutes, lambda now: _is_rate(now, steps))

    def set_temp_basal_percent(self, percent: int, minutes: int) -> Acceptance:
        """Start a relative temporary basal; 0 minutes cancels. A lost answer is settled by reading it back."""
        amounts.check_percent(percent)
        parameters = commands.temp_basal_percent(percent, amounts.half_hours(minutes))
        return self._temp_basal(
            Opcode.TEMP_BASAL_PERCENT, parameters, minutes, lambda now: now.is_percent and now.percent == percent
        )

    def bolus(self, amount_u: float) -> Acceptance:
        """Start a normal bolus. After `Acceptance.UNKNOWN`: status, reservoir, history and balance, never again."""
        new = self._is_new()
        steps = amounts.bolus_fortieths(amount_u, new=new)
        settled = self._command(Opcode.BOLUS, commands.bolus(steps, new=new))
        return Acceptance.ACKNOWLEDGED if settled is Settled.ACKNOWLEDGED else Acceptance.UNKNOWN

    def suspend(self) -> Acceptance:
        """Stop all delivery; repeated until the pump confirms, by acknowledgement or by its status."""
        refused: InstrumentError | None = None
        for _ in range(3):
            try:
                if self._command(Opcode.SUSPEND_RESUME, commands.suspend_resume(suspend=True)) is Settled.ACKNOWLEDGED:
                    return Acceptance.ACKNOWLEDGED
            except InstrumentError as error:  # a pump that is suspended already may refuse
                refused = error
                break
        confirmed = self._read_back(lambda: self.status().suspended)
        if refused is not None and confirmed is Acceptance.UNKNOWN:
            raise refused
        return confirmed

    def resume(self) -> Acceptance:
        """Resume basal delivery; a lost answer is settled by the pump's status."""
        settled = self._command(Opcode.SUSPEND_RESUME, commands.suspend_resume(suspend=False))
        if settled is Settled.ACKNOWLEDGED:
            return Acceptance.ACKNOWLEDGED
        return self._read_back(lambda: not self.status().suspended)

    def set_clock(self, local: datetime) -> Acceptance:
        """Set the pump's local time (whole seconds)."""
        settled = self._command(Opcode.SET_TIME, commands.set_time(local))
        return Acceptance.ACKNOWLEDGED if settled is Settled.ACKNOWLEDGED else Acceptance.UNKNOWN

    def _temp_basal(
        self, opcode: Opcode, parameters: bytes, minutes: int, is_wanted: Callable[[TempBasal], bool]
    ) -> Acceptance:
        if self._command(opcode, parameters) is Settled.ACKNOWLEDGED:
            return Acceptance.ACKNOWLEDGED

        def shows() -> bool:
            now = self.temp_basal()
            if minutes == 0:
                return now.minutes_left == 0
            return is_wanted(now) and minutes - _READ_BACK_MIN <= now.minutes_left <= minutes

        return self._read_back(shows)

    def _read_back(self, shows: Callable[[], bool]) -> Acceptance:
        """Settle a lost answer by what the pump says now; what cannot be read settles nothing."""
        try:
            return Acceptance.ACKNOWLEDGED if shows() else Acceptance.UNKNOWN
        except BenchError:
            return Acceptance.UNKNOWN

    def _command(self, opcode: Opcode, parameters: bytes) -> Settled:
        self._announce(opcode)
        return self._way.once(opcode, parameters)

    def _announce(self, opcode: Opcode) -> None:
        """Do whatever of a command may be repeated, with a pump that is awake."""
        self._talk(lambda: self._way.announce(opcode))

    def _read(self, opcode: Opcode) -> Packet:
        return self._talk(lambda: self._way.read(opcode))

    def _talk(self, action: Callable[[], Value]) -> Value:
        """Do something that may be repeated with a pump that is awake; wake it once more when it is not heard."""
        return self._over_link(lambda: self._talk_awake(action))

    def _talk_awake(self, action: Callable[[], Value]) -> Value:
        self._keep_awake()
        try:
            return action()
        except PumpNotHeard:
            self._wake()
        return action()

    def _over_link(self, action: Callable[[], Value]) -> Value:
        """Do something that may be repeated; when the stick is unplugged meanwhile, wait for it and do it again.

        Never called around a parameter packet: whatever happens to that, it leaves once.
        """
        for _ in range(_REPLUGS):
            try:
                return action()
            except LinkLost:
                self._links.recover(self._link, _REPLUG_S, self._way.ready)
        return action()

    def _keep_awake(self) -> None:
        until_ns = self._awake_until_ns
        if until_ns is None or self._links.clock.link_ns() >= until_ns:
            self._wake()

    def _answers(self) -> bool:
        """Ask for the model once: a pump that answers is awake."""
        try:
            self._learn_family(answers.parse_model(self._way.read(Opcode.MODEL, tries=1)))
        except PumpNotHeard:
            return False
        return True

    def _burst(self) -> None:
        """Wake the radio; twice as long unless the pump is known to be of the new family."""
        self._awake_until_ns = None
        self._way.wake(long_sleeper=not self._new)

    def _learn_family(self, model: str) -> None:
        family = int(model) % 100
        if len(model) != 3 or family not in _FAMILIES:
            raise InstrumentError(
                f"the pump is a model {model}",
                where=f"pump {self._serial}",
                expected="a 522, 722, 523 or 723",
                hint="use a pump of families 22 or 23; others have layouts that this driver does not know",
            )
        self._new = _FAMILIES[family]

    def _is_new(self) -> bool:
        """Return whether the pump has the new family's layouts; asks it once."""
        if self._new is None:
            self._over_link(self._keep_awake)  # which asks for the model, unless it took a burst
        if self._new is None:
            self.model()
        assert self._new is not None  # noqa: S101 - model() sets it or raises
        return self._new


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
