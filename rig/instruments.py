"""What instruments answer, and the roles of balances and flow sources; those of pumps stand in `rig.plugins.roles`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, NamedTuple, Protocol, runtime_checkable

from rig.errors import InstrumentError
from rig.readings import Weighing


class Acceptance(Enum):
    """What is known of a command that changes the delivery.

    A refusal raises `rig.errors.InstrumentError`: nothing was accepted.
    """

    ACKNOWLEDGED = "acknowledged"
    UNKNOWN = "unknown"  # the command left once and its answer was lost: settle it by status and history


@dataclass(frozen=True, slots=True)
class BalanceIdentity:
    """Who a balance says it is."""

    model: str
    serial: str
    software: str


@dataclass(frozen=True, slots=True)
class BalanceSetting:
    """One setting of a balance that can hurt a slow flow.

    ``found`` is as read over the link, null where the protocol does not tell it; ``fits`` says whether that is as
    needed, and is null where nobody can say. ``mend`` is what to do, or where to look in the menu.
    """

    name: str
    found: str | None
    wanted: str
    fits: bool | None
    mend: str


class Balance(Protocol):
    """A laboratory balance; one reading at a time, in milligrams."""

    def identify(self) -> BalanceIdentity:
        """Return model, serial number and software, after bringing the balance to a known state."""

    def zero_tracking(self) -> bool | None:
        """Return whether the balance tracks its zero, which swallows a slow flow; None when it does not say."""

    def weigh(self) -> Weighing:
        """Return the load now, settled or not: a running pump does not wait."""

    def weigh_stable(self) -> Weighing:
        """Return the load when the balance calls it stable; raises `InstrumentError` when it never does."""


class Withdrawn(NamedTuple):
    """Readings answered from ``from_ns`` to ``to_ns`` (rig time, both included) that may be of another time."""

    from_ns: int
    to_ns: int
    why: str


@runtime_checkable
class TellsDoubts(Protocol):
    """A balance that may find out afterwards that a reading was the answer to another request."""

    def withdrawn(self) -> Sequence[Withdrawn]:
        """Return which readings turned out to be doubtful since the last call."""


@dataclass(frozen=True, slots=True)
class BasalEntry:
    """One entry of a basal profile: from ``start_half_hours`` after midnight (pump clock) on."""

    start_half_hours: int
    rate_u_per_h: float


@dataclass(frozen=True, slots=True)
class PumpStatus:
    """What the pump is doing."""

    normal: bool  # False while rewinding or priming
    bolusing: bool
    suspended: bool


@dataclass(frozen=True, slots=True)
class PumpBattery:
    """The pump's own view of its battery."""

    low: bool
    voltage_v: float


@dataclass(frozen=True, slots=True)
class PumpSettings:
    """The limits and modes that decide what a pump accepts."""

    max_bolus_u: float
    max_basal_u_per_h: float
    temp_basal_is_percent: bool
    pattern: int  # 0 standard, 1 A, 2 B
    patterns_enabled: bool = False
    auto_off_h: int = 0  # 0: never
    insulin_action_h: int | None = None


@dataclass(frozen=True, slots=True)
class PumpTotals:
    """What the pump counts as delivered, primes left out."""

    today_u: float
    yesterday_u: float


class Key(Enum):
    """A key that can be pushed over the link."""

    EASY_BOLUS = 0
    ESC = 1
    ACT = 2
    UP = 3
    DOWN = 4


@dataclass(frozen=True, slots=True)
class TempBasal:
    """A running temporary basal; ``minutes_left`` 0 means none is running."""

    is_percent: bool
    percent: int
    rate_u_per_h: float
    minutes_left: int


EVENT_KINDS: Final = frozenset(
    {
        "bolus",
        "temp_basal_rate",
        "temp_basal_duration",
        "suspend",
        "resume",
        "basal_start",
        "prime",
        "rewind",
        "alarm",
        "alarm_cleared",
        "daily_total",
        "time_changed",
        "profile_changed",
        "pattern_selected",
        "limit_changed",
        "low_reservoir",
        "low_battery",
        "battery_changed",
        "other",
    }
)


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One record of the pump's own history, newest or oldest, as decoded.

    ``kind`` is one of `EVENT_KINDS`. ``at`` is pump-clock time (None when the record
    carries none). Amounts are null where the record holds none; ``raw`` is the record as received.
    """

    kind: str
    at: datetime | None
    raw: bytes
    remote: bool = False
    programmed_u: float | None = None
    delivered_u: float | None = None
    rate_u_per_h: float | None = None
    percent: int | None = None
    minutes: int | None = None
    code: int | None = None


class FlowState(Enum):
    """What a source of a known flow is doing; the value of each member is what a person reads."""

    STOPPED = "stopped"
    PAUSED = "paused"
    INFUSING = "infusing"
    WITHDRAWING = "withdrawing"
    PURGING = "purging: running at full speed"
    WAITING = "waiting: it may start by itself"
    TARGET_REACHED = "stopped at its target volume"
    STALLED = "stopped by a stalled motor"
    ALARM = "stopped by an alarm"

    @property
    def at_rest(self) -> bool:
        """Whether nothing moves, and nothing will without a command."""
        return self not in (FlowState.INFUSING, FlowState.WITHDRAWING, FlowState.PURGING, FlowState.WAITING)


class FlowAlarm(Enum):
    """Why a source of a known flow stopped by itself; the value of each member is what a person reads."""

    RESET = "it was switched on again, or lost its supply"
    STALLED = "its motor stalled: syringe empty, line blocked, or force set too low"
    LINK_SILENT = "it heard nothing from the host for the time of its safe mode"
    PROGRAM = "its pumping program is wrong"
    PHASE = "its pumping program has no such phase"


class FlowAlarmRaised(InstrumentError):
    """The pump answered with an alarm in place of what was asked, and did not do it; ``alarm`` says which."""

    def __init__(self, alarm: FlowAlarm, asked: str, *, where: str) -> None:
        super().__init__(
            f"{asked} was answered by an alarm, and not done: {alarm.value}",
            where=where,
            hint="look at syringe, line and supply, and check diameter, rate and counters before it runs again",
        )
        self.alarm = alarm


@dataclass(frozen=True, slots=True)
class FlowSourceIdentity:
    """Who a source of a known flow says it is; its maker's protocols tell no serial number."""

    model: str
    firmware: str
    address: int


@dataclass(frozen=True, slots=True)
class ShownAmount:
    """An amount as the instrument shows it: ``resolution`` is one step of its last digit, in the same unit.

    The unit stands in the name of whatever holds it; ``text`` is what was read, with the instrument's own unit.
    """

    amount: float
    resolution: float
    text: str


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """What a source of a known flow is set to; null where it does not say. A ``target_ul`` of null: until stopped."""

    diameter_mm: ShownAmount
    rate_ul_per_h: ShownAmount
    target_ul: ShownAmount | None
    infuses: bool | None
    lowest_ul_per_h: float | None
    highest_ul_per_h: float | None


@dataclass(frozen=True, slots=True)
class FlowStatus:
    """What a source of a known flow is doing, and the alarm that this very question was answered with, if any."""

    state: FlowState
    alarm: FlowAlarm | None = None


@dataclass(frozen=True, slots=True)
class Dispensed:
    """The pump's own counter: what it *commanded*, never a measurement. Times are rig times."""

    asked_ns: int
    answered_ns: int
    infused_ul: ShownAmount


class FlowSource(Protocol):
    """A laboratory pump whose flow is known from its drive and its syringe: what a weighing bench is qualified with.

    Reads and settings may be repeated by the driver; `infuse` leaves once. An alarm that an answer brought is kept in
    `alarms`; every method but `status` and `stop` raises it as `FlowAlarmRaised`.
    """

    @property
    def acknowledged_ns(self) -> int:
        """Return the rig time at which the pump's last answer arrived."""

    @property
    def unknown_because(self) -> str:
        """Return why the last `Acceptance.UNKNOWN` is unknown."""

    @property
    def alarms(self) -> tuple[tuple[int, FlowAlarm], ...]:
        """Return every alarm heard so far with the rig time, oldest first; asked for or not."""

    def identify(self) -> FlowSourceIdentity:
        """Return model and firmware, after bringing the link, and nothing else, to a known state."""

    def settings(self) -> FlowSettings:
        """Return what the pump is set to, read now."""

    def status(self) -> FlowStatus:
        """Return what the pump is doing."""

    def dispensed(self) -> Dispensed:
        """Return the pump's counter of infused volume."""

    def set_diameter(self, diameter_mm: float) -> ShownAmount:
        """Set the syringe's inside diameter, and return it as read back; `UsageError` for what cannot be set exactly.

        The flow is off by twice the relative error of this number.
        """

    def set_rate(self, rate_ul_per_h: float) -> ShownAmount:
        """Set a plain constant rate of infusion, and return it as read back; `UsageError` as for the diameter."""

    def set_target(self, volume_ul: float | None) -> ShownAmount | None:
        """Set the volume after which the pump stops by itself, and return it as read back; None: until stopped."""

    def clear_dispensed(self) -> None:
        """Set the counters to zero."""

    def infuse(self) -> Acceptance:
        """Start infusing, once. A lost answer is settled by status and counter, or is `Acceptance.UNKNOWN`."""

    def stop(self) -> Acceptance:
        """Stop, whatever the pump does; safe to repeat. UNKNOWN: nobody has confirmed that it stands still."""
