"""The vessel on the pan: what is in it, what evaporates, and the force it puts on the balance."""

from __future__ import annotations

import math

from rig.sim.faults import FaultSet
from rig.sim.parameters import HOUR_NS, PlantParameters
from rig.sim.plant.environment import Environment
from rig.sim.plant.handling import Handling

WEIGHT_DENSITY_MG_PER_UL = 8.0  # steel, as a conventional mass has it


class Pan:
    """A cylindrical vessel with an outlet tube that dips in from outside and does not touch it."""

    def __init__(self, parameters: PlantParameters, environment: Environment, faults: FaultSet) -> None:
        self._p = parameters
        self._environment = environment
        self._faults = faults
        self._handling = Handling(faults, parameters.temperature_c)
        vessel_mm2 = math.pi / 4.0 * parameters.vessel_inner_diameter_mm**2
        self._tube_mm2 = math.pi / 4.0 * parameters.tube_outer_diameter_mm**2
        self._free_mm2 = vessel_mm2 - self._tube_mm2
        _, liquid, _ = environment.at(environment.node_ns)
        self._level_start_mm = parameters.liquid_start_mg / liquid / self._free_mm2
        self.delivered_mg = 0.0
        self._hanging_mg = 0.0  # of what was delivered: a drop that has not fallen yet
        self.injected_mg = 0.0  # by a syringe pump, where there is one
        self.weight_mg = 0.0  # of a reference weight beside the vessel
        self._evaporated_mg = 0.0  # at the node
        self._rate_mg_per_ns = self._evaporation()
        self._nodes: list[tuple[int, float, float]] = [(environment.node_ns, 0.0, self._rate_mg_per_ns)]

    def receive(self, mass_mg: float, rig_ns: int) -> None:
        """Take what left the outlet until ``rig_ns``; above the surface it hangs until its drop is heavy enough."""
        self.delivered_mg += mass_mg
        drop_mg = self._faults.number("line.drops", rig_ns)
        if drop_mg > 0.0:
            self._hanging_mg += mass_mg
            self._hanging_mg -= drop_mg * (self._hanging_mg // drop_mg)
        else:
            self._hanging_mg = 0.0

    def advance(self, to_ns: int) -> None:
        """Let water evaporate until ``to_ns``."""
        environment = self._environment
        while environment.next_ns <= to_ns:
            self._evaporated_mg += self._rate_mg_per_ns * (environment.next_ns - environment.node_ns)
            environment.step()
            self._rate_mg_per_ns = self._evaporation()
            self._nodes.append((environment.node_ns, self._evaporated_mg, self._rate_mg_per_ns))

    def evaporated_mg(self, rig_ns: int) -> float:
        """Return what had evaporated by ``rig_ns``, which may lie in the past."""
        low, high = 0, len(self._nodes)
        while high - low > 1:
            middle = (low + high) // 2
            if self._nodes[middle][0] <= rig_ns:
                low = middle
            else:
                high = middle
        node_ns, evaporated_mg, rate = self._nodes[low]
        return evaporated_mg + rate * max(0, rig_ns - node_ns)

    def force_mg(self, rig_ns: int, unseen_ul: float) -> tuple[float, float]:
        """Return (force on the pan in mg of mass in vacuum, temperature in C); ``unseen_ul`` is the filter's lag.

        Weight of glass and liquid, less the air they displace, plus the upthrust of the dipping tube, which the pan
        carries as a reaction: the liquid that the tube displaces, less the air it would displace anyway.
        """
        p = self._p
        air, density, temperature_c = self._environment.at(rig_ns)
        evaporated_mg = self._evaporated_mg + self._rate_mg_per_ns * (rig_ns - self._environment.node_ns)
        fallen_mg = self.delivered_mg - self._hanging_mg
        if self._faults.number("line.drops", rig_ns) > 0.0:
            unseen_ul = 0.0  # what hangs does not flow on to the pan
        liquid_mg = p.liquid_start_mg + fallen_mg + self.injected_mg + unseen_ul * density - evaporated_mg
        liquid_ul = liquid_mg / density
        level_mm = liquid_ul / self._free_mm2
        tube_ul = self._tube_mm2 * level_mm
        beside_mg = 0.0
        if self._handling.seeded:
            risen_mm = level_mm - self._level_start_mm
            beside_mg = self._handling.force_mg(rig_ns, fallen_mg, risen_mm, temperature_c)
        return (
            p.vessel_mass_mg
            + beside_mg
            + liquid_mg
            - air * (p.vessel_volume_ul + liquid_ul)
            + (density - air) * tube_ul
            + self.weight_mg * (1.0 - air / WEIGHT_DENSITY_MG_PER_UL),
            temperature_c,
        )

    def _evaporation(self) -> float:
        """Return the loss in mg/ns: vapour pressure deficit, and diffusion through the head space (Stefan)."""
        p = self._p
        _, density, _ = self._environment.at(self._environment.node_ns)
        liquid_mg = p.liquid_start_mg + self.delivered_mg + self.injected_mg - self._evaporated_mg
        level_mm = liquid_mg / density / self._free_mm2
        head_mm = max(1.0, p.vessel_height_mm - level_mm)
        seeded = self._faults.active("vessel.evaporation", self._environment.node_ns)
        reference = seeded[-1].number if seeded else p.evaporation_mg_per_h
        loss_mg_per_h = reference * self._environment.dryness * (p.vessel_height_mm - self._level_start_mm) / head_mm
        return loss_mg_per_h / HOUR_NS
