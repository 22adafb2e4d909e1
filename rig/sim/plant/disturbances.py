"""What people and rooms do to a balance: knocks, draughts, a display that hangs (seeded faults; lab-workflow D1).

A knock at the table is a spike that rings off and may leave the tube or the vessel moved, with a new level. Air that
moves over the pan pushes it about for seconds at a time. Numbers are orders of magnitude of a semi-micro balance.
"""

from __future__ import annotations

import math

from rig.sim.faults import FaultSet
from rig.sim.seeds import source

KNOCK_MG = 5.0  # the first swing of a knock, or three times what it leaves behind
KNOCK_RATIO = 3.0
RING_HZ = 1.7  # a loaded pan on its force coil, as its filter lets it through
RING_S = 0.8  # decay
RUNG_OFF_S = 20.0
STATIC_S = 600.0  # a charge leaks away over a dry vessel: "over minutes" [lab-workflow D1]; an assumption
GUST_S = 2.0  # correlation time of moving air


class Disturbances:
    """Forces on the pan that are no load, in mg."""

    def __init__(self, seed: int, faults: FaultSet, start_ns: int) -> None:
        self._faults = faults
        self._air = source(seed, "balance.draught")
        self._gust = self._air.gauss(0.0, 1.0)
        self._at_ns = start_ns

    def force_mg(self, rig_ns: int) -> float:
        """Return what knocks and draughts add at a time that never goes back."""
        return self._knocks(rig_ns) + self._draught(rig_ns) + self._charge(rig_ns)

    def _charge(self, rig_ns: int) -> float:
        """Return what is left of every charge, which a person takes away at its end."""
        windows = self._faults.windows("balance.static")
        acting = [(start_ns, mg) for start_ns, end_ns, mg in windows if start_ns <= rig_ns < end_ns]
        return sum(mg * math.exp((start_ns - rig_ns) * 1e-9 / STATIC_S) for start_ns, mg in acting)

    def _knocks(self, rig_ns: int) -> float:
        """Return the lasting shift of every knock so far, and the ring of a recent one; an end takes a shift back."""
        total_mg = 0.0
        for start_ns, end_ns, shift_mg in self._faults.windows("balance.bump"):
            for at_ns, moved_mg in ((start_ns, shift_mg), (end_ns, -shift_mg)):
                passed_s = (rig_ns - at_ns) * 1e-9
                if passed_s < 0.0:
                    continue
                total_mg += moved_mg
                if passed_s < RUNG_OFF_S:
                    swing_mg = max(KNOCK_MG, KNOCK_RATIO * abs(moved_mg))
                    ring = math.exp(-passed_s / RING_S) * math.cos(2.0 * math.pi * RING_HZ * passed_s)
                    total_mg += swing_mg * ring
        return total_mg

    def _draught(self, rig_ns: int) -> float:
        sd_mg = self._faults.number("balance.draught", rig_ns)
        if sd_mg <= 0.0:
            self._at_ns = rig_ns
            return 0.0
        stays = math.exp(-max(0, rig_ns - self._at_ns) * 1e-9 / GUST_S)
        self._at_ns = rig_ns
        self._gust = self._gust * stays + math.sqrt(1.0 - stays * stays) * self._air.gauss(0.0, 1.0)
        return sd_mg * self._gust
