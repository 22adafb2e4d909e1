"""What is measured: frozen values, each with its time on the rig's clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weighing:
    """One answer of a balance.

    ``mass_mg`` is what the display showed; ``resolution_mg`` one step of its last digit *in this reading*;
    ``text`` the value and unit as received. The load was sampled somewhere between ``asked_ns`` and ``answered_ns``.
    ``stable`` is the balance's own opinion: it never means "not drifting".
    """

    asked_ns: int
    answered_ns: int
    mass_mg: float
    resolution_mg: float
    stable: bool
    text: str


@dataclass(frozen=True, slots=True)
class Ambient:
    """Air around the balance, with standard uncertainties; ``source`` says who stated it."""

    at_ns: int
    temperature_c: float
    humidity_pct: float
    pressure_hpa: float
    u_temperature_c: float
    u_humidity_pct: float
    u_pressure_hpa: float
    source: str
