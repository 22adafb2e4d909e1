"""What a vessel and a tube do to the weight beside what flows: oil, rim, warmth, touch, wetting (seeded faults only).

Sizes are given by whoever seeds them; the constants here are assumptions of the twin where no source is named.
"""

from __future__ import annotations

import math

from rig.sim.faults import FaultSet
from rig.sim.parameters import HOUR_NS

WARM_MG_PER_K = 0.05  # rising air lifts a warm vessel: tenths of a mg at a few K; an assumption
WARM_S = 1800.0  # a small vial settles within an hour or two; an assumption
WETTING_MM = 0.3  # of level, by which a meniscus is drawn out before it slips; an assumption
TOUCH_MG_PER_K = 0.05  # a tube that leans pushes otherwise when the room is warmer [lab-workflow D1]; size assumed
NAMES = ("vessel.oil_creep", "vessel.rim", "vessel.warm", "line.touch", "line.wetting")


class Handling:
    """Corrections of the force on the pan, in mg."""

    def __init__(self, faults: FaultSet, temperature_c: float) -> None:
        self._faults = faults
        self._temperature_c = temperature_c
        self.seeded = any(faults.named(name) for name in NAMES)
        self._touched_mg: float | None = None  # what had come when the tube touched

    def force_mg(self, rig_ns: int, fallen_mg: float, risen_mm: float, temperature_c: float) -> float:
        """Return what to add to the force; ``fallen_mg`` has come into the vessel, its level rose by ``risen_mm``."""
        faults = self._faults
        spilt_mg = (
            max(0.0, fallen_mg - room_mg) if (room_mg := faults.latest("vessel.rim", rig_ns)) is not None else 0.0
        )
        total_mg = -faults.integral("vessel.oil_creep", rig_ns) / HOUR_NS - spilt_mg
        for start_ns, end_ns, warmer_k in faults.windows("vessel.warm"):
            if start_ns <= rig_ns < end_ns:
                total_mg -= WARM_MG_PER_K * warmer_k * math.exp((start_ns - rig_ns) * 1e-9 / WARM_S)
        pulls_mg = faults.number("line.wetting", rig_ns)
        if pulls_mg:
            total_mg -= pulls_mg * (risen_mm / WETTING_MM % 1.0)
        return total_mg + self._touch_mg(rig_ns, fallen_mg, temperature_c)

    def _touch_mg(self, rig_ns: int, fallen_mg: float, temperature_c: float) -> float:
        share = self._faults.number("line.touch", rig_ns)
        if not share:
            self._touched_mg = None
            return 0.0
        if self._touched_mg is None:
            self._touched_mg = fallen_mg
        carried_mg = share * (fallen_mg - self._touched_mg)
        return TOUCH_MG_PER_K * (temperature_c - self._temperature_c) - carried_mg
