"""The pins of the twin: a pinch valve on the tube, a valve that leads it past the vessel; other pins move nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rig.sim.plant.plant import Plant

CLAMP, DIVERT = "clamp", "divert"


@dataclass(frozen=True, slots=True)
class Wire:
    """What hangs on a pin: ``deed`` is done while the pin has the level ``acts_at``."""

    deed: str
    acts_at: int


class TwinPins:
    """A GPIO chip (lines by BCM number, levels 0 and 1) whose outputs move the plant's valves at once."""

    def __init__(self, plant: Plant, wires: Mapping[int, Wire], now_ns: Callable[[], int]) -> None:
        self._plant = plant
        self._wires = dict(wires)
        self._now_ns = now_ns
        self._levels: dict[int, int] = {}

    def claim_output(self, pin: int, level: int) -> None:
        """Own a line and drive it from the first moment."""
        self.write(pin, level)

    def claim_input(self, pin: int) -> None:
        """Own a line and read it; nothing pulls it down."""
        self._levels.setdefault(pin, 1)

    def write(self, pin: int, level: int) -> None:
        """Drive an output; its valve follows."""
        before = self._levels.get(pin)
        self._levels[pin] = level
        wire = self._wires.get(pin)
        if wire is None or level == before:
            return
        acts = level == wire.acts_at
        if wire.deed == CLAMP:
            self._plant.clamp(closed=acts, rig_ns=self._now_ns())
        elif wire.deed == DIVERT:
            self._plant.divert(away=acts, rig_ns=self._now_ns())

    def read(self, pin: int) -> int:
        """Return the level of a line."""
        return self._levels.get(pin, 1)

    def release(self) -> None:
        """Let go of every line; levels stay."""
