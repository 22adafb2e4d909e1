"""What supplies and meters of a bench answer. Volts and amperes; times are rig time in ns."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class InstrumentIdentity:
    """Who an instrument says it is."""

    maker: str
    model: str
    serial: str
    firmware: str

    def __str__(self) -> str:
        """Return it for a message."""
        return f"{self.maker} {self.model} {self.serial} ({self.firmware})"


class Regulation(Enum):
    """What holds an output; the value of each member is what a person reads."""

    OFF = "off"
    VOLTAGE = "constant voltage"
    CURRENT = "current limited"
    UNKNOWN = "not told"


@dataclass(frozen=True, slots=True)
class SupplySettings:
    """How an output is set, as read back. ``protection_v`` is None where the interface cannot tell it, or it is off."""

    voltage_v: float
    current_limit_a: float
    protection_v: float | None
    on: bool


@dataclass(frozen=True, slots=True)
class Supplied:
    """One measurement of a supply of its own output, taken between ``asked_ns`` and ``answered_ns``."""

    asked_ns: int
    answered_ns: int
    voltage_v: float
    current_a: float


@dataclass(frozen=True, slots=True)
class Metered:
    """One reading, integrated between ``asked_ns`` and ``answered_ns``; ``current_a`` None is an overload."""

    asked_ns: int
    answered_ns: int
    current_a: float | None

    @property
    def overload(self) -> bool:
        """Say whether the range was exceeded: there is no number then."""
        return self.current_a is None


@dataclass(frozen=True, slots=True)
class Interruption:
    """When an output was told to go off and on again, rig time of the last byte of each command."""

    off_ns: int
    on_ns: int
