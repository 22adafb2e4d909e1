"""From the plunger to the outlet: a stiff fast part, a slow tail, leak, air, blockages; and the balance's lag behind.

Open, the stores empty with their own time constants; behind a blockage of resistance R with R C more; shut, not at all.
"""

from __future__ import annotations

import math

from rig.sim.faults import FOREVER_NS, FaultSet
from rig.sim.parameters import PlantParameters
from rig.sim.plant.blockage import Blockage
from rig.sim.seeds import source

NOTHING_UL = 1e-12
SECANT_SHARE = 0.05  # of a time constant: as long air is taken as linear
AIR_MATTERS_UL = 0.05  # of a stored volume: below it the air's compliance does not change


class Line:
    """Two elastic stores between plunger and outlet, solved exactly over any time step.

    A displaced volume enters the fast store (``1 - tail_share``) and the slow one (``tail_share``); each empties
    through the outlet exponentially. ``lag_ul`` (<= 0) is by how much a first-order filter behind the outlet, of time
    constant ``filter_s``, trails it: lag' = -lag / filter_s - outflow. Time constants hold until ``next_ns``, when
    `turn` must be called.
    """

    def __init__(
        self, parameters: PlantParameters, faults: FaultSet, start_ns: int, filter_s: float, seed: int = 0
    ) -> None:
        self._p = parameters
        self._faults = faults
        self._tail = parameters.tail_share
        self._bubble_ul = 0.0  # of the seeded bubble, what has passed already
        self._pinch = source(seed, "line.pinch")
        self._pinched_out_ul = 0.0
        self._pinched_back_ul = 0.0
        self._is_pinched = False
        self.blockage = Blockage(parameters, faults)
        self._head_kpa = self.blockage.head_kpa(start_ns)  # at rest: what it moved, it moved before
        self.filter_s = filter_s
        self.at_ns = start_ns
        self.displaced_ul = 0.0
        self.leaked_ul = 0.0
        self.bubble_ul = 0.0
        self.entered_ul = 0.0
        self.astray_ul = 0.0  # left the line beside the vessel
        self.fast_ul = 0.0
        self.slow_ul = 0.0
        self.lag_ul = 0.0
        self.fast_s = parameters.compliance_s
        self.slow_s = parameters.tail_s
        self.astray = False
        self.next_ns = FOREVER_NS
        self.turn()

    def advance(self, to_ns: int) -> float:
        """Let the stores empty until ``to_ns``; return the volume that came into the vessel meanwhile."""
        step_ns = to_ns - self.at_ns
        if step_ns <= 0:
            return 0.0
        self.at_ns = to_ns
        step_s = step_ns * 1e-9
        seen = math.exp(-step_s / self.filter_s)
        fast_ul, slow_ul = self.fast_ul, self.slow_ul
        if abs(fast_ul) + abs(slow_ul) < NOTHING_UL:
            self.lag_ul *= seen
            return 0.0
        fast = math.exp(-step_s / self.fast_s)
        slow = math.exp(-step_s / self.slow_s)
        self.fast_ul = fast_ul * fast
        self.slow_ul = slow_ul * slow
        left_ul = fast_ul - self.fast_ul + slow_ul - self.slow_ul
        if self.astray:
            self.lag_ul *= seen
            self.astray_ul += left_ul
            return 0.0
        self.lag_ul = (
            self.lag_ul * seen
            - _trail(fast_ul, self.fast_s, fast, self.filter_s, seen, step_s)
            - _trail(slow_ul, self.slow_s, slow, self.filter_s, seen, step_s)
        )
        return left_ul

    def push(self, volume_ul: float) -> None:
        """Take what the plunger displaced now; part of it may leak, or be air instead of liquid."""
        self.displaced_ul += volume_ul
        bubble_ul = min(volume_ul, self._faults.number("line.bubble", self.at_ns) - self._bubble_ul)
        if bubble_ul > 0.0 and not self.blockage.shut(self.at_ns):
            self._bubble_ul += bubble_ul
            self.bubble_ul += bubble_ul
            volume_ul -= bubble_ul
        leaked_ul = volume_ul * self._faults.number("line.leak", self.at_ns)
        self.leaked_ul += leaked_ul
        volume_ul -= leaked_ul
        self._enter(volume_ul)
        if self.next_ns < FOREVER_NS or self.blockage.any_air:
            self._set_times()

    def give_way_ul(self, volume_ul: float) -> float:
        """Return how much of a stroke the drive can displace before it stalls against the pressure."""
        if self.hindered:
            most_ul = self.blockage.holds_ul(self._p.stall_kpa, self.air_ul, self.at_ns)
            return min(volume_ul, max(0.0, most_ul - self.stored_ul))
        return volume_ul

    def turn(self) -> float:
        """Look at the blockages again, for one of them changed now; return what that moves into the vessel at once."""
        moved_ul = self._squeeze() if self.blockage.clamp.closed != self._is_pinched else 0.0
        head_kpa = self.blockage.head_kpa(self.at_ns)
        if head_kpa != self._head_kpa:  # once, C rho g h [metrology 5.7]
            self._enter((head_kpa - self._head_kpa) * self._p.line_compliance_ul_per_kpa)
            self._head_kpa = head_kpa
        self.astray = self.blockage.astray(self.at_ns)
        self._set_times()
        if self.astray:
            self.astray_ul += moved_ul
            return 0.0
        self.lag_ul -= moved_ul
        return moved_ul

    def expand(self, volume_ul: float) -> None:
        """Take what a reservoir gives away by its warmth, or (below 0) draws back."""
        self._enter(volume_ul)

    @property
    def hindered(self) -> bool:
        """Say whether something resists the flow now."""
        return math.isinf(self.fast_s) or self.blockage.resistance(self.at_ns) > 0.0

    @property
    def air_ul(self) -> float:
        """Return the air in the line now, uL at ambient pressure."""
        travelling = self._faults.number("line.bubble", self.at_ns) - self._bubble_ul
        return self._faults.number("line.air", self.at_ns) + max(0.0, travelling)

    @property
    def stored_ul(self) -> float:
        """Return what is stored between plunger and outlet, what a clamp pushed back included."""
        return self.fast_ul + self.slow_ul + self._pinched_back_ul

    @property
    def pressure_kpa(self) -> float:
        """Return the pressure that the pump feels: of what is stored, less what the height pulls at it.

        An open line's own few kPa are left out: it never limits the flow of these pumps [metrology EX-22].
        """
        if not self.hindered:
            return -self._head_kpa
        air_ul = self.air_ul if self.blockage.any_air or self._faults.named("line.bubble") else 0.0
        return self.blockage.pressure_kpa(self.stored_ul, air_ul, self.at_ns) - self._head_kpa

    @property
    def outlet_ul(self) -> float:
        """Return the liquid that has come out of the outlet into the vessel so far."""
        return self.entered_ul - self.fast_ul - self.slow_ul - self.astray_ul

    @staticmethod
    def stored_after(fast_ul: float, slow_ul: float, step_s: float, fast_s: float, slow_s: float) -> float:
        """Return what is still stored ``step_s`` after the stores held ``fast_ul`` and ``slow_ul``."""
        return fast_ul * math.exp(-step_s / fast_s) + slow_ul * math.exp(-step_s / slow_s)

    def _enter(self, volume_ul: float) -> None:
        self.entered_ul += volume_ul
        self.fast_ul += volume_ul * (1.0 - self._tail)
        self.slow_ul += volume_ul * self._tail

    def _squeeze(self) -> float:
        """Let the clamp move its own volume: half of it each way, and back again; return what left the outlet."""
        self._is_pinched = self.blockage.clamp.closed
        if self._is_pinched:
            squeezed_ul = max(0.0, self._p.pinch_ul * (1.0 + self._p.pinch_sd * self._pinch.gauss(0.0, 1.0)))
            clotted = self._faults.on("line.occlusion", self.at_ns)
            self._pinched_out_ul = 0.0 if clotted else squeezed_ul / 2.0
            self._pinched_back_ul = squeezed_ul - self._pinched_out_ul
            moved_ul = self._pinched_out_ul
        else:
            moved_ul = -self._pinched_out_ul
            self._pinched_out_ul = self._pinched_back_ul = 0.0
        self.entered_ul += moved_ul
        return moved_ul

    def _set_times(self) -> None:
        """Set the time constants for now, and for how long they hold."""
        at_ns, blockage = self.at_ns, self.blockage
        self.next_ns = blockage.next_ns(at_ns)
        if blockage.shut(at_ns):
            self.fast_s = self.slow_s = math.inf
            return
        resistance = blockage.resistance(at_ns)
        air_ul = self.air_ul if blockage.any_air or resistance else 0.0
        softer = blockage.softer(self.stored_ul, air_ul, at_ns)
        more_s = resistance * self._p.line_compliance_ul_per_kpa * 3600.0
        self.fast_s = softer * (self._p.compliance_s + more_s)
        self.slow_s = softer * (self._p.tail_s + more_s)
        if air_ul > 0.0 and self.stored_ul > AIR_MATTERS_UL:
            again_ns = at_ns + max(1, round(SECANT_SHARE * self.fast_s * 1e9))
            self.next_ns = min(self.next_ns, again_ns)


def _trail(held_ul: float, store_s: float, left: float, filter_s: float, seen: float, step_s: float) -> float:
    """Return by how much a filter trails what a store let out that held ``held_ul``, of time constant ``store_s``."""
    ratio = store_s / filter_s - 1.0
    if abs(ratio) < 1e-9:
        return held_ul * step_s / filter_s * seen
    return held_ul * (left - seen) / ratio
