"""Roles: what a pump or a balance can be asked for, each a small Protocol; what a driver must have follows from them.

Whoever drives a pump holds a `PumpDriver`, which is what every pump can do, and asks for a role by the capability that
the driver claims (`ClaimedPump.role`). A driver implements the roles that it claims and inherits from none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast, runtime_checkable

from rig.errors import InstrumentError
from rig.instruments import (
    Acceptance,
    Balance,
    BalanceIdentity,
    BasalEntry,
    Dispensed,
    FlowAlarm,
    FlowSettings,
    FlowSource,
    FlowSourceIdentity,
    FlowStatus,
    HistoryEvent,
    Key,
    PumpBattery,
    PumpSettings,
    PumpStatus,
    ShownAmount,
    TempBasal,
)
from rig.plugins.air import AirReads, MeasuresHumidity, MeasuresPressure, MeasuresTemperature
from rig.plugins.electrical_roles import Answers, Meters, Protects, Supplies
from rig.readings import Timing, Weighing

if TYPE_CHECKING:
    from rig.plugins.streams import Streamed

R = TypeVar("R")


class Capability(Enum):
    """What a device can be asked for: a closed set, matched against a scenario's steps before anything moves."""

    SUSPENDS = "suspends"
    PROFILES = "profiles"
    TEMP_BASALS = "temp_basals"
    PERCENT_TEMP_BASALS = "percent_temp_basals"
    BOLUSES = "boluses"
    HISTORY = "history"
    PATTERNS = "patterns"
    CLOCK = "clock"
    LIMITS = "limits"
    KEYS = "keys"
    ALARMS = "alarms"
    WEIGHS = "weighs"
    WEIGHS_STABLE = "weighs_stable"
    SUPPLIES = "supplies"
    PROTECTS = "protects"
    METERS = "meters"
    INFUSES = "infuses"
    DISPENSES = "dispenses"
    TEMPERATURE = "temperature"
    HUMIDITY = "humidity"
    PRESSURE = "pressure"
    STREAMS = "streams"  # a balance that sends readings by itself
    IDENTIFIES = "identifies"  # a balance that tells its model and serial number


# --- pumps


class Reads(Protocol):
    """What every pump answers, whatever else it can do. Reads may be repeated by the driver."""

    def open(self) -> None:
        """Make contact with what is between host and pump; the pump itself is not addressed."""

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

    @property
    def acknowledged_ns(self) -> int:
        """Return the rig time at which the pump's last packet arrived: after a command, its acknowledgement's."""


class Suspends(Protocol):
    """Delivery that can be stopped: without it no pump is of use on a bench."""

    def suspend(self) -> Acceptance:
        """Stop all delivery; safe to repeat."""

    def resume(self) -> Acceptance:
        """Resume basal delivery."""


class Profiles(Protocol):
    """A basal profile."""

    def profile(self) -> list[BasalEntry]:
        """Return the standard basal profile."""

    def set_profile(self, entries: list[BasalEntry]) -> Acceptance:
        """Write the standard basal profile."""


class Patterns(Protocol):
    """Several basal profiles: 0 standard, 1 pattern A, 2 pattern B."""

    def profile(self, pattern: int = 0) -> list[BasalEntry]:
        """Return a basal profile."""

    def set_profile(self, entries: list[BasalEntry], pattern: int = 0) -> Acceptance:
        """Write a basal profile."""

    def select_pattern(self, pattern: int) -> Acceptance:
        """Select the profile that runs."""


class TempBasals(Protocol):
    """Temporary basals in U/h."""

    def temp_basal(self) -> TempBasal:
        """Return the running temporary basal."""

    def set_temp_basal(self, rate_u_per_h: float, minutes: int) -> Acceptance:
        """Start an absolute temporary basal; ``minutes`` is a multiple of 30; 0 minutes cancels."""


class PercentTempBasals(Protocol):
    """Temporary basals in percent."""

    def temp_basal(self) -> TempBasal:
        """Return the running temporary basal."""

    def set_temp_basal_percent(self, percent: int, minutes: int) -> Acceptance:
        """Start a relative temporary basal (0 to 200 %); ``minutes`` is a multiple of 30; 0 minutes cancels."""

    def set_temp_basal_type(self, *, percent: bool) -> Acceptance:
        """Choose the kind of temporary basal that the pump accepts; acknowledged only where its settings show it."""


class Boluses(Protocol):
    """Normal boluses: a command leaves once; a lost answer is `Acceptance.UNKNOWN`, and the caller settles it."""

    def bolus(self, amount_u: float) -> Acceptance:
        """Start a normal bolus."""


class History(Protocol):
    """What the pump itself has written down."""

    def history(self, page: int = 0) -> list[HistoryEvent]:
        """Return one history page, oldest record first; page 0 is the newest."""


class Clock(Protocol):
    """A clock that can be set."""

    def set_clock(self, local: datetime) -> Acceptance:
        """Set the pump's local time (whole seconds)."""


class Limits(Protocol):
    """Limits that can be set."""

    def set_limits(self, max_bolus_u: float | None = None, max_basal_u_per_h: float | None = None) -> Acceptance:
        """Set the largest bolus and the highest basal rate; None leaves one as it is."""


class Keys(Protocol):
    """Keys that can be pushed over the link."""

    def press(self, key: Key) -> Acceptance:
        """Push a key over the link, once."""


class Alarms(Protocol):
    """Alarms that the pump tells when it is asked."""

    def alarm(self) -> int:
        """Return the code of the active alarm, 0 when none is."""


class PumpDriver(Reads, Suspends, Protocol):
    """Any pump: it answers, and can be stopped. What else it can do is a role to be asked for.

    A command that changes the delivery leaves once; when its answer is lost the driver returns `Acceptance.UNKNOWN`
    and the caller settles it.
    """


@runtime_checkable
class Radio(Protocol):
    """A pump behind a stick that says how it hears it; no capability, for nothing is asked of the pump by it."""

    @property
    def tuned_mhz(self) -> float | None:
        """Return the frequency that the stick is tuned to; None where it does not tell."""

    @property
    def scanned(self) -> tuple[tuple[float, float | None], ...]:
        """Return the frequencies that were scanned, MHz, each with the signal in dBm (None: silent)."""

    @property
    def rssi_dbm(self) -> float | None:
        """Return the signal strength of the pump's last packet in dBm; None where the stick does not tell it."""

    @property
    def signal(self) -> str:
        """Return the signal quality of the pump's last packet, in words."""


# --- balances


class Identifies(Protocol):
    """What every balance answers."""

    def open(self) -> None:
        """Bring the balance to a known state, and learn who it is."""

    def identify(self) -> BalanceIdentity:
        """Return model, serial number and software."""

    def zero_tracking(self) -> bool | None:
        """Return whether the balance tracks its zero; None when it does not say."""


class Weighs(Protocol):
    """Readings now."""

    def weigh(self) -> Weighing:
        """Return the load now, settled or not."""


class WeighsStable(Protocol):
    """Readings at rest."""

    def weigh_stable(self) -> Weighing:
        """Return the load when the balance calls it stable."""


class Streams(Protocol):
    """Readings that come by themselves, each with its own time."""

    def readings(self) -> list[Streamed]:
        """Return what every line gave since the last call; waits for nothing."""

    def timing(self) -> Timing | None:
        """Return the timing of the last reading of `weigh`; None before there was one."""


class TellsWho(Protocol):
    """An identity that has a model and a serial number."""

    def identify(self) -> BalanceIdentity:
        """Return model, serial number and software; the first two are never empty."""


class BalanceDriver(Balance, Protocol):
    """A balance that is brought to a known state first."""

    def open(self) -> None:
        """Bring the balance to a known state, and learn who it is."""


# --- sources of a known flow


class FlowReads(Protocol):
    """What every flow source answers."""

    def open(self) -> None:
        """Bring its line to a known state, and learn who it is; nothing moves by that."""

    def identify(self) -> FlowSourceIdentity:
        """Return model and firmware."""

    def settings(self) -> FlowSettings:
        """Return what it is set to, read now."""

    def status(self) -> FlowStatus:
        """Return what it is doing."""

    @property
    def acknowledged_ns(self) -> int:
        """Return the rig time at which its last answer arrived."""

    @property
    def unknown_because(self) -> str:
        """Return why the last `Acceptance.UNKNOWN` is unknown."""

    @property
    def alarms(self) -> tuple[tuple[int, FlowAlarm], ...]:
        """Return every alarm heard so far with the rig time, oldest first."""


class Infuses(Protocol):
    """A flow that is started once, can be stopped, and is counted: without it no flow source is of use."""

    def set_diameter(self, diameter_mm: float) -> ShownAmount:
        """Set the syringe's inside diameter, and return it as read back."""

    def set_rate(self, rate_ul_per_h: float) -> ShownAmount:
        """Set a constant rate of infusion, and return it as read back."""

    def infuse(self) -> Acceptance:
        """Start infusing, once."""

    def stop(self) -> Acceptance:
        """Stop, whatever it does; safe to repeat."""

    def dispensed(self) -> Dispensed:
        """Return the counter of infused volume."""

    def clear_dispensed(self) -> None:
        """Set the counters to zero."""


class Dispenses(Protocol):
    """A volume after which it stops by itself."""

    def set_target(self, volume_ul: float | None) -> ShownAmount | None:
        """Set that volume, and return it as read back; None: until stopped."""


class FlowSourceDriver(FlowSource, Protocol):
    """A source of a known flow that is greeted first; nothing moves by that."""

    def open(self) -> None:
        """Bring its line to a known state, and learn who it is."""


ROLES: Final[dict[str, dict[Capability | None, type[Any]]]] = {  # None: whatever it is capable of
    "pump": {
        None: Reads,
        Capability.SUSPENDS: Suspends,
        Capability.PROFILES: Profiles,
        Capability.TEMP_BASALS: TempBasals,
        Capability.PERCENT_TEMP_BASALS: PercentTempBasals,
        Capability.BOLUSES: Boluses,
        Capability.HISTORY: History,
        Capability.PATTERNS: Patterns,
        Capability.CLOCK: Clock,
        Capability.LIMITS: Limits,
        Capability.KEYS: Keys,
        Capability.ALARMS: Alarms,
    },
    "balance": {
        None: Identifies,
        Capability.WEIGHS: Weighs,
        Capability.WEIGHS_STABLE: WeighsStable,
        Capability.STREAMS: Streams,
        Capability.IDENTIFIES: TellsWho,
    },
    "flow_source": {
        None: FlowReads,
        Capability.INFUSES: Infuses,
        Capability.DISPENSES: Dispenses,
    },
    "environment": {
        None: AirReads,
        Capability.TEMPERATURE: MeasuresTemperature,
        Capability.HUMIDITY: MeasuresHumidity,
        Capability.PRESSURE: MeasuresPressure,
    },
    "supply": {None: Answers, Capability.SUPPLIES: Supplies, Capability.PROTECTS: Protects},
    "meter": {None: Answers, Capability.METERS: Meters},
}
NEEDED: Final = {
    "pump": Capability.SUSPENDS,
    "balance": Capability.WEIGHS,
    "supply": Capability.SUPPLIES,
    "meter": Capability.METERS,
    "flow_source": Capability.INFUSES,
    "environment": Capability.TEMPERATURE,
}  # without it nothing can be made safe, or read


def members(protocol: type[Any]) -> tuple[str, ...]:
    """Return the names that a Protocol asks for, in the order in which they are declared."""
    declared = (each for each in reversed(protocol.__mro__) if getattr(each, "_is_protocol", False))
    return tuple(dict.fromkeys(name for each in declared for name in vars(each) if not name.startswith("_")))


def capability_of(protocol: Callable[..., object]) -> Capability:
    """Return the capability whose role a Protocol is."""
    for table in ROLES.values():
        for capability, role in table.items():
            if role is protocol and capability is not None:
                return capability
    raise KeyError(f"{protocol!r} is the role of no capability")


@dataclass(frozen=True, slots=True)
class ClaimedPump:
    """A pump and what its driver claims to do with this model: nobody gets a role that is not claimed."""

    pump: PumpDriver
    can: frozenset[Capability]

    def role(self, protocol: Callable[..., R]) -> R:
        """Return the pump in a role, such as `Boluses`; raises `InstrumentError` where it is not claimed.

        A scenario is matched against the claims before anything moves; how a pump was found may ask for more.
        """
        capability = capability_of(protocol)
        if capability not in self.can:
            raise InstrumentError(
                f"the pump's driver does not claim {capability.value}, which is needed now",
                where="pump",
                hint="by hand, in the pump's menu: the standard pattern, temporary basals in U/h, and none that runs",
            )
        return cast("R", self.pump)
