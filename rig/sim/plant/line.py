"""From the plunger to the outlet: a stiff fast part, a slow tail, a leak, a bubble; and the balance's lag behind it."""

from __future__ import annotations

import math

from rig.sim.faults import FaultSet
from rig.sim.parameters import PlantParameters


class Line:
    """Two elastic stores between plunger and outlet, solved exactly over any time step.

    A displaced volume enters the fast store (``1 - tail_share``) and the slow one (``tail_share``); each empties
    through the outlet exponentially. ``lag_ul`` (<= 0) is by how much a first-order filter behind the outlet, of time
    constant ``filter_s``, trails it: lag' = -lag / filter_s - outflow.
    """

    def __init__(self, parameters: PlantParameters, faults: FaultSet, start_ns: int, filter_s: float) -> None:
        self._faults = faults
        self._fast_s = parameters.compliance_s
        self._slow_s = parameters.tail_s
        self._tail = parameters.tail_share
        self._bubble_ul = 0.0  # of the seeded bubble, what has passed already
        self.filter_s = filter_s
        self.at_ns = start_ns
        self.displaced_ul = 0.0
        self.leaked_ul = 0.0
        self.bubble_ul = 0.0
        self.entered_ul = 0.0
        self.fast_ul = 0.0
        self.slow_ul = 0.0
        self.lag_ul = 0.0

    def advance(self, to_ns: int) -> float:
        """Let the stores empty until ``to_ns``; return the volume that left the outlet meanwhile."""
        step_ns = to_ns - self.at_ns
        if step_ns <= 0:
            return 0.0
        self.at_ns = to_ns
        step_s = step_ns * 1e-9
        seen = math.exp(-step_s / self.filter_s)
        fast_ul, slow_ul = self.fast_ul, self.slow_ul
        if fast_ul + slow_ul < 1e-12:
            self.lag_ul *= seen
            return 0.0
        fast = math.exp(-step_s / self._fast_s)
        slow = math.exp(-step_s / self._slow_s)
        self.lag_ul = (
            self.lag_ul * seen
            - fast_ul * (fast - seen) / (self._fast_s / self.filter_s - 1.0)
            - slow_ul * (slow - seen) / (self._slow_s / self.filter_s - 1.0)
        )
        self.fast_ul = fast_ul * fast
        self.slow_ul = slow_ul * slow
        return fast_ul - self.fast_ul + slow_ul - self.slow_ul

    def push(self, volume_ul: float) -> None:
        """Take what the plunger displaced now; part of it may leak, or be air instead of liquid."""
        self.displaced_ul += volume_ul
        bubble_ul = min(volume_ul, self._faults.number("line.bubble", self.at_ns) - self._bubble_ul)
        if bubble_ul > 0.0:
            self._bubble_ul += bubble_ul
            self.bubble_ul += bubble_ul
            volume_ul -= bubble_ul
        leaked_ul = volume_ul * self._faults.number("line.leak", self.at_ns)
        self.leaked_ul += leaked_ul
        volume_ul -= leaked_ul
        self.entered_ul += volume_ul
        self.fast_ul += volume_ul * (1.0 - self._tail)
        self.slow_ul += volume_ul * self._tail

    @property
    def outlet_ul(self) -> float:
        """Return the liquid that has left the outlet so far."""
        return self.entered_ul - self.fast_ul - self.slow_ul

    def stored_after(self, fast_ul: float, slow_ul: float, step_s: float) -> float:
        """Return what is still stored ``step_s`` after the stores held ``fast_ul`` and ``slow_ul``."""
        return fast_ul * math.exp(-step_s / self._fast_s) + slow_ul * math.exp(-step_s / self._slow_s)
