"""`DriverSpec`: all that the rig has to know of a driver before it opens a device with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Protocol

from rig.driver_names import GROUPS, NAME_PATTERN
from rig.instruments import Balance, Pump
from rig.transport.links import Link, Links
from rig.transport.serial_links import SerialSettings
from rig.transport.virtual import SimulatedDevice

API: Final = 1
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


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
    STREAMS = "streams"  # a balance that sends readings by itself
    IDENTIFIES = "identifies"  # a balance that tells its model and serial number


READING: Final = (
    "open",
    "wake",
    "model",
    "serial_number",
    "firmware",
    "clock",
    "battery",
    "reservoir_u",
    "status",
    "settings",
    "acknowledged_ns",
)
METHODS: Final[dict[str, dict[Capability | None, tuple[str, ...]]]] = {  # None: whatever it is capable of
    "pump": {
        None: READING,
        Capability.SUSPENDS: ("suspend", "resume"),
        Capability.PROFILES: ("profile", "set_profile"),
        Capability.TEMP_BASALS: ("temp_basal", "set_temp_basal"),
        Capability.PERCENT_TEMP_BASALS: ("temp_basal", "set_temp_basal_percent", "set_temp_basal_type"),
        Capability.BOLUSES: ("bolus",),
        Capability.HISTORY: ("history",),
        Capability.PATTERNS: ("profile", "set_profile", "select_pattern"),  # the first two with their ``pattern``
        Capability.CLOCK: ("set_clock",),
        Capability.LIMITS: ("set_limits",),
        Capability.KEYS: ("press",),
        Capability.ALARMS: ("alarm",),
    },
    "balance": {
        None: ("open", "identify", "zero_tracking"),
        Capability.WEIGHS: ("weigh",),
        Capability.WEIGHS_STABLE: ("weigh_stable",),
        Capability.STREAMS: ("readings", "timing"),
        Capability.IDENTIFIES: (),
    },
}
NEEDED: Final = {
    "pump": Capability.SUSPENDS,
    "balance": Capability.WEIGHS,
}  # without it nothing can be made safe, or read


@dataclass(frozen=True, slots=True)
class Address:
    """Which device is meant, as the bench file names it.

    ``allowed_serials`` are the devices under test: a pump driver must refuse every other ``serial`` with
    `rig.errors.ConfigError` before a byte leaves. A balance may have an empty ``serial``; ``stream`` says that its
    readings come by themselves, which is asked only of drivers that claim `Capability.STREAMS`.
    """

    serial: str
    allowed_serials: frozenset[str] = frozenset()
    frequency_mhz: float = 916.5
    stream: bool = False


class PumpDriver(Pump, Protocol):
    """A pump whose way to it is opened first."""

    def open(self) -> None:
        """Make contact with what is between host and pump; the pump itself is not addressed."""


class BalanceDriver(Balance, Protocol):
    """A balance that is brought to a known state first."""

    def open(self) -> None:
        """Bring the balance to a known state, and learn who it is."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A simulated device in a situation of the conformance suite, not yet attached to a wire.

    ``arranged_after_s`` of virtual time after the first contact the situation has come about: some begin only when a
    device is in use. ``resolution_mg`` is the last digit of a balance. ``boluses_begun`` counts those that a pump has
    begun: by it the suite sees a driver that sends a bolus twice.
    """

    device: SimulatedDevice
    serial: str
    model: str
    resolution_mg: float = 0.0
    arranged_after_s: float = 0.0
    boluses_begun: Callable[[], int] | None = None


Open = Callable[[Links, Link, Address], object]
Simulator = Callable[[str], Scene | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverSpec:
    """One driver. Making one does nothing but look at the fields; raises `ValueError` for one that cannot be right.

    ``api`` is the version of this interface that the driver was written for: always write a number, never `API`.
    ``name`` is what a bench file calls it, the same as its entry point's. ``role`` is ``pump`` or ``balance``,
    ``models`` what the device may report as its model (empty: any). ``link_settings`` open its port; a balance's baud
    rate is the bench file's. ``lacks`` says what single ones of the models cannot do of the ``capabilities``, by
    model; `can` is what is left. ``open`` returns the driver of one device on an open link and sends nothing.
    ``transcripts`` are files beside the module of the specification, in the form of `rig.conformance.transcript`.
    ``simulator`` is ``"package.module:function"`` of a `Simulator`, which is imported only to check the driver.
    """

    api: int
    name: str
    role: str
    models: tuple[str, ...]
    capabilities: frozenset[Capability]
    link_settings: SerialSettings
    open: Open
    transcripts: tuple[str, ...] = ()
    simulator: str | None = None
    lacks: Mapping[str, frozenset[Capability]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.api != API:
            return  # refused by name by whoever finds it; its other fields may mean something else
        if re.fullmatch(NAME_PATTERN, self.name) is None:
            raise ValueError(f"name {self.name!r}: lower-case letters, digits and dashes, please")
        if self.role not in GROUPS:
            raise ValueError(f"role {self.role!r}: {' or '.join(GROUPS)}, please")
        offered = [each for each in METHODS[self.role] if each is not None]
        if not self.capabilities <= frozenset(offered):
            raise ValueError(f"capabilities of a {self.role}: {', '.join(each.value for each in offered)}, please")
        if NEEDED[self.role] not in self.capabilities:
            raise ValueError(f"a {self.role} that never {NEEDED[self.role].value} is of no use on a bench")
        self._check_lacks()
        if self.simulator is not None and _REFERENCE.fullmatch(self.simulator) is None:
            raise ValueError(f"simulator {self.simulator!r}: 'package.module:function', please")

    def can(self, model: str) -> frozenset[Capability]:
        """Return what a device of ``model`` can be asked for."""
        return self.capabilities - self.lacks.get(model, frozenset())

    def _check_lacks(self) -> None:
        for model, lacked in self.lacks.items():
            if model not in self.models:
                raise ValueError(f"lacks: {model!r} is none of the models; {', '.join(self.models) or 'some'}, please")
            if not lacked <= self.capabilities - {NEEDED[self.role]}:
                raise ValueError(f"lacks of {model}: of the capabilities but {NEEDED[self.role].value}, please")

    def methods(self) -> tuple[str, ...]:
        """Return the names of what `open` must return, by the capabilities."""
        wanted = METHODS[self.role]
        return tuple(
            dict.fromkeys(name for key in (None, *wanted) if key in {None, *self.capabilities} for name in wanted[key])
        )
