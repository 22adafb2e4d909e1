"""What hinders the line between plunger and outlet: clots, clamps, air, height; and the pressure that it makes.

The elastic parts hold V = C P, air of A uL at ambient pressure shrinks as Boyle says: with the absolute pressure
X = Pa + P the air still fills A Pa / X, so that V = C (X - Pa) + A (X - Pa) / X, a quadratic in X. Pressures in kPa,
above ambient unless absolute; volumes in uL, resistances in kPa h/uL. Sources: [metrology 9.1, 9.3, 9.4].
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rig.sim.faults import FOREVER_NS, FaultSet
from rig.sim.parameters import PlantParameters

KPA_PER_CM_WATER = 0.0980665 * 0.9982  # 20 C, standard gravity
NS_PER_H = 3.6e12
TIMED = ("line.occlusion", "line.restriction", "line.disconnect", "line.height", "line.air", "line.bubble")


@dataclass(slots=True)
class Clamp:
    """The bench's own actuators on the tube: a pinch valve, and one that leads the line past the vessel."""

    closed: bool = False
    diverted: bool = False


class Blockage:
    """Says at every instant how the line is hindered, and when that changes next."""

    def __init__(self, parameters: PlantParameters, faults: FaultSet) -> None:
        self._p = parameters
        self._faults = faults
        self.clamp = Clamp()
        self.any_air = faults.named("line.air")
        edges = {edge for name in TIMED for start, end, _ in faults.windows(name) for edge in (start, end)}
        self._edges = sorted(edge for edge in edges if edge < FOREVER_NS)

    def next_ns(self, after_ns: int) -> int:
        """Return when a seeded hindrance begins or ends next, after a rig time."""
        while self._edges and self._edges[0] <= after_ns:
            self._edges.pop(0)
        return self._edges[0] if self._edges else FOREVER_NS

    def shut(self, rig_ns: int) -> bool:
        """Say whether nothing can leave the outlet."""
        return self.clamp.closed or self._faults.on("line.occlusion", rig_ns)

    def astray(self, rig_ns: int) -> bool:
        """Say whether what leaves the line falls beside the vessel."""
        return self.clamp.diverted or self._faults.on("line.disconnect", rig_ns)

    def resistance(self, rig_ns: int) -> float:
        """Return the resistance of partial blockages, kPa h/uL."""
        return self._faults.number("line.restriction", rig_ns)

    def compliance(self, rig_ns: int) -> float:
        """Return C of what lies between plunger and blockage, uL/kPa: a clamp at the pump leaves the tube out."""
        near = self.clamp.closed and self._faults.text("line.clamp_at", rig_ns) == "pump"
        return self._p.line_compliance_ul_per_kpa * (self._p.pump_side_share if near else 1.0)

    def head_kpa(self, rig_ns: int) -> float:
        """Return by how much the height of the pump above the outlet pulls at the reservoir, kPa."""
        return self._faults.number("line.height", rig_ns) * KPA_PER_CM_WATER

    def pressure_kpa(self, stored_ul: float, air_ul: float, rig_ns: int) -> float:
        """Return the pressure of ``stored_ul`` behind the blockage, before the height is taken off."""
        compliance, ambient = self.compliance(rig_ns), self._p.pressure_hpa / 10.0
        if air_ul <= 0.0:
            return stored_ul / compliance
        # C X^2 - (C Pa + V - A) X - A Pa = 0 for the absolute pressure X
        middle = compliance * ambient + stored_ul - air_ul
        absolute = (middle + math.sqrt(middle * middle + 4.0 * compliance * air_ul * ambient)) / (2.0 * compliance)
        return absolute - ambient

    def holds_ul(self, pressure_kpa: float, air_ul: float, rig_ns: int) -> float:
        """Return what is stored at a pressure."""
        absolute = self._p.pressure_hpa / 10.0 + pressure_kpa
        return self.compliance(rig_ns) * pressure_kpa + air_ul * pressure_kpa / absolute

    def softer(self, stored_ul: float, air_ul: float, rig_ns: int) -> float:
        """Return how much softer air makes the line: V/P with it over V/P without."""
        if air_ul <= 0.0:
            return 1.0
        pressure = self.pressure_kpa(max(stored_ul, 0.0), air_ul, rig_ns)
        absolute = self._p.pressure_hpa / 10.0 + pressure
        return 1.0 + air_ul / (absolute * self.compliance(rig_ns))

    def siphon_ul_per_h(self, rig_ns: int) -> float:
        """Return what an unlatched plunger lets the height pull out; nothing below the seal's own friction."""
        if not self._faults.on("line.siphon", rig_ns) or self.shut(rig_ns):
            return 0.0
        return self._p.siphon_ul_per_h_per_kpa * max(0.0, self.head_kpa(rig_ns) - self._p.seal_friction_kpa)
