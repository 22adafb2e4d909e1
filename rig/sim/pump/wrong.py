"""What a pump delivers instead of what it was told, where a fault says so; times are its running time."""

from __future__ import annotations

from rig.sim.faults import FaultSet
from rig.sim.pump.clock import PumpClock
from rig.sim.therapy_faults import PATTERNS


class Wrong:
    """Answers for the therapy: another pattern, another segment, a temporary basal that goes on."""

    def __init__(self, faults: FaultSet, clock: PumpClock) -> None:
        self._faults = faults
        self._clock = clock

    def pattern(self, selected: int, running_ns: int) -> int:
        """Return the pattern that is delivered by."""
        word = self._faults.text("pump.wrong_pattern", self._clock.rig_ns(running_ns))
        return PATTERNS.index(word) if word else selected

    def later_by(self, running_ns: int) -> int:
        """Return by how many segments the delivered one comes later than the due one."""
        return round(self._faults.number("pump.wrong_segment", self._clock.rig_ns(running_ns)))

    def sticks(self, running_ns: int) -> bool:
        """Say whether a temporary basal that runs out now goes on."""
        return self._faults.on("pump.temp_stuck", self._clock.rig_ns(running_ns))
