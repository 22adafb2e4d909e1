"""A reservoir that is warmed gives its expansion away, and draws it back when it cools [metrology 5.7]."""

from __future__ import annotations

import math

from rig.sim.faults import FaultSet

EXPANSION_U_PER_K = 0.062  # 3 mL of water in a rigid reservoir: 0.62 uL/K [metrology 5.7]
FOLLOWS_S = 1200.0  # a reservoir follows the air around it in 20 min; an assumption
STEP_NS = 60_000_000_000


class Expansion:
    """The reservoir's temperature above that of the beginning, and what its volume does, one step after another."""

    def __init__(self, faults: FaultSet, start_ns: int, temperature_c: float) -> None:
        self._faults = faults
        self._began_c = temperature_c
        self._warmer_k = 0.0
        self.next_ns = start_ns + STEP_NS

    def step_u(self, temperature_c: float) -> float:
        """Return what leaves the reservoir in the step that ends at ``next_ns``, in U; below 0: what it draws back."""
        air_k = temperature_c - self._began_c if self._faults.named("room.temperature") else 0.0
        wanted_k = air_k + self._faults.number("pump.warmed", self.next_ns)
        change_k = (wanted_k - self._warmer_k) * -math.expm1(-STEP_NS * 1e-9 / FOLLOWS_S)
        self._warmer_k += change_k
        self.next_ns += STEP_NS
        return EXPANSION_U_PER_K * change_k
