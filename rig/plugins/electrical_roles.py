"""Roles of supplies and meters. Every setting is read back; what does not come back as it was set is an error.

After any loss of contact an output is taken for on (`Supplies.may_be_on`) until its state was read again.
"""

from __future__ import annotations

from typing import Protocol

from rig.electrical import InstrumentIdentity, Interruption, Metered, Regulation, Supplied, SupplySettings


class Answers(Protocol):
    """What every supply and meter answers."""

    @property
    def left_errors(self) -> tuple[str, ...]:
        """Return what stood in the error queue when it was opened."""

    def open(self) -> None:
        """Learn who it is, and empty its error queue; sets nothing."""

    def identify(self) -> InstrumentIdentity:
        """Return who it is."""

    def errors(self) -> tuple[str, ...]:
        """Empty the error queue and return what stood in it."""


class Supplies(Protocol):
    """One output that can be set, switched and measured; each setting is read back."""

    @property
    def may_be_on(self) -> bool:
        """Say whether the output is on, or nobody knows."""

    def settings(self) -> SupplySettings:
        """Return how the output is set."""

    def protect(self, voltage_v: float, current_a: float) -> None:
        """Set current limit and, where it is claimed, over-voltage protection; read both back."""

    def set_voltage(self, voltage_v: float) -> float:
        """Set the voltage and return it as read back."""

    def switch(self, *, on: bool) -> None:
        """Switch the output and read its state back."""

    def interrupt(self, duration_s: float) -> Interruption:
        """Switch off, and on again after a time."""

    def measure(self) -> Supplied:
        """Measure voltage and current of the output."""

    def regulation(self) -> Regulation:
        """Return what holds the output."""


class Protects(Protocol):
    """Over-voltage protection that can be set, read back and cleared over the interface."""

    def tripped(self) -> bool:
        """Say whether the protection switched the output off."""

    def clear_trip(self) -> None:
        """Switch the output off, then clear a trip and see it gone."""


class Meters(Protocol):
    """Direct current in a fixed range."""

    def configure(self, range_a: float, nplc: float) -> None:
        """Set range and integration time, and read both back."""

    def read_current(self) -> Metered:
        """Return one reading of the current."""

    def read_burst(self, count: int) -> list[Metered]:
        """Return several readings without a pause between them."""


class SupplyDriver(Answers, Supplies, Protocol):
    """An output of a supply; `Protects` is asked of it only where its driver claims it."""


class MeterDriver(Answers, Meters, Protocol):
    """A meter."""
