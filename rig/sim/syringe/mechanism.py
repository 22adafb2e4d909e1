"""Screw, pusher, plunger and barrel: what a commanded travel really displaces."""

from __future__ import annotations

import math

from rig.sim.faults import FaultSet
from rig.sim.seeds import source, truncated_gauss
from rig.sim.syringe.parameters import SyringeParameters, SyringePumpModel

MM_PER_UM = 1e-3


class Plunger:
    """A plunger that a nut on a screw pushes and pulls, step by step, with the faults such drives have.

    Travel is in mm, positive where it infuses, counted from where the syringe was mounted. The nut stands on whole
    microsteps, advances unevenly over each turn of the screw (pulsation), with a lasting error of lead; the plunger
    follows it in small slips (stick-slip), after the play of the mounting and, at a reversal, the backlash.
    """

    def __init__(self, model: SyringePumpModel, parameters: SyringeParameters, seed: int, faults: FaultSet) -> None:
        p = self._p = parameters
        self._faults = faults
        self._lead = 1.0 + p.lead_share * truncated_gauss(source(seed, "syringe.lead"), model.gain_sd, 2.0)
        bore = p.diameter_mm * (1.0 + truncated_gauss(source(seed, "syringe.bore"), p.bore_sd, 2.0))
        self._area_mm2 = math.pi / 4.0 * bore**2
        self._turn = 2.0 * math.pi / p.pitch_mm
        self._wobble_mm = p.screw_error / self._turn
        self._phase = source(seed, "syringe.screw").uniform(0.0, 2.0 * math.pi)
        self._slipping = source(seed, "syringe.slip")
        self.step_mm = model.step_um * MM_PER_UM
        self._travel_mm = 0.0
        self._plunger_mm = self._nut(0.0) + p.seating_um * MM_PER_UM
        self._slip_mm = self._next_slip()

    def area_mm2(self, rig_ns: int) -> float:
        """Return the true cross-section of the barrel; the seeded diameter is by how much another syringe is wider."""
        return self._area_mm2 * (1.0 + self._faults.number("syringe.diameter", rig_ns)) ** 2

    def travel_left_mm(self, forward: bool, rig_ns: int) -> float:
        """Return the commanded travel until the plunger meets the end of the barrel, or leaves it; slips left out."""
        p = self._p
        ul = p.filled_ul if forward else p.capacity_ul - p.filled_ul
        left_mm = ul / self.area_mm2(rig_ns) - (self._plunger_mm if forward else -self._plunger_mm)
        return left_mm / self._lead

    def move(self, travel_mm: float, rig_ns: int) -> float:
        """Let the motor turn to a commanded travel; return the volume in uL that the plunger displaced meanwhile."""
        steps_mm = math.floor(travel_mm / self.step_mm + 1e-6) * self.step_mm
        if steps_mm == self._travel_mm:
            return 0.0
        self._travel_mm = steps_mm
        nut_mm = self._nut(steps_mm)
        behind_mm = nut_mm - self._plunger_mm
        backlash_mm = self._p.backlash_um * MM_PER_UM
        if behind_mm > self._slip_mm:
            moved_mm = behind_mm
        elif behind_mm < -backlash_mm - self._slip_mm:
            moved_mm = behind_mm + backlash_mm
        else:
            return 0.0
        self._plunger_mm += moved_mm
        self._slip_mm = self._next_slip()
        return moved_mm * self.area_mm2(rig_ns) * (1.0 + self._faults.number("syringe.gain", rig_ns))

    def _nut(self, travel_mm: float) -> float:
        return self._lead * travel_mm + self._wobble_mm * math.sin(self._turn * travel_mm + self._phase)

    def _next_slip(self) -> float:
        if self._p.slip_um <= 0.0:
            return 0.0
        return self._slipping.expovariate(1.0 / (self._p.slip_um * MM_PER_UM))
