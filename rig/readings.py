"""What is measured: frozen values, each with its time on the rig's clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple


class Weighing(NamedTuple):
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


class Timing(NamedTuple):
    """How near to the byte a reading was stamped, and how old it was by then; rig time in ns.

    ``stamp_ns`` is when its last byte was read, ``u_stamp_ns`` the standard uncertainty of that as the time at which
    the byte arrived. The value was formed at most ``latency_ns`` before: the answering time when it was asked for, the
    period and the time on the wire when it came in a stream. The filter of the balance lies before all that.
    """

    stamp_ns: int
    u_stamp_ns: float
    latency_ns: int

    @property
    def sampled_ns(self) -> float:
        """Return the best estimate of when the value was formed: the middle of what is possible."""
        return self.stamp_ns - self.latency_ns / 2.0

    @property
    def u_sampled_ns(self) -> float:
        """Return the standard uncertainty of `sampled_ns`: a rectangle of the latency, and that of the stamp."""
        return math.hypot(self.latency_ns / math.sqrt(12.0), self.u_stamp_ns)

    def age_ns(self, now_ns: int) -> float:
        """Return how old the value is at a rig time."""
        return now_ns - self.sampled_ns


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
