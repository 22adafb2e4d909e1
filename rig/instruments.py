"""Roles: what a bench asks of its instruments, as small Protocols, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final, Protocol

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


class Pump(Protocol):
    """An insulin pump on a serial link.

    Reads may be repeated by the driver. A command that changes the delivery leaves once; when its answer is lost the
    driver returns `Acceptance.UNKNOWN` and the caller settles it.
    """

    @property
    def acknowledged_ns(self) -> int:
        """Return the rig time at which the pump's last packet arrived: after a command, its acknowledgement's."""

    def wake(self, minutes: int = 10) -> None:
        """Bring the pump's radio up for ``minutes``; harmless when it is awake."""

    def model(self) -> str:
        """Return the model number, such as ``"522"``."""

    def serial_number(self) -> str:
        """Return the pump's six-digit id as the pump itself reports it."""

    def firmware(self) -> str:
        """Return the firmware version text."""

    def clock(self) -> datetime:
        """Return the pump's own local time (naive)."""

    def battery(self) -> PumpBattery:
        """Return battery state."""

    def reservoir_u(self) -> float:
        """Return the units the pump believes are left."""

    def status(self) -> PumpStatus:
        """Return what the pump is doing."""

    def settings(self) -> PumpSettings:
        """Return limits and modes."""

    def profile(self) -> list[BasalEntry]:
        """Return the standard basal profile."""

    def temp_basal(self) -> TempBasal:
        """Return the running temporary basal."""

    def history(self, page: int = 0) -> list[HistoryEvent]:
        """Return one history page, oldest record first; page 0 is the newest."""

    def set_profile(self, entries: list[BasalEntry]) -> Acceptance:
        """Write the standard basal profile."""

    def set_temp_basal(self, rate_u_per_h: float, minutes: int) -> Acceptance:
        """Start an absolute temporary basal; ``minutes`` is a multiple of 30; 0 minutes cancels."""

    def set_temp_basal_percent(self, percent: int, minutes: int) -> Acceptance:
        """Start a relative temporary basal."""

    def bolus(self, amount_u: float) -> Acceptance:
        """Start a normal bolus."""

    def suspend(self) -> Acceptance:
        """Stop all delivery; safe to repeat."""

    def resume(self) -> Acceptance:
        """Resume basal delivery."""
