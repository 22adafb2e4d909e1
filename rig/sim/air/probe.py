"""What a sensor beside the balance feels: the plant's air, the sensor's own error and noise, and what is seeded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from rig.sim.seeds import source

PlantAir = Callable[[int], tuple[float, float, float]]
"""Returns temperature in C, humidity in % and pressure in hPa at a rig time."""

NAMES: Final = ("temperature", "humidity", "pressure")
OFFSET_SD: Final = (0.1, 1.0, 0.3)  # a calibrated sensor of the better kind: K, %, hPa
NOISE_SD: Final = (0.01, 0.05, 0.03)


class Seeded(Protocol):
    """What is asked of the faults of a simulation."""

    def named(self, name: str) -> bool:
        """Say whether a fault was seeded at all."""

    def on(self, name: str, rig_ns: int) -> bool:
        """Say whether an on/off fault acts now."""

    def number(self, name: str, rig_ns: int) -> float:
        """Return the value of a fault now, 0 where none acts."""

    def text(self, name: str, rig_ns: int) -> str:
        """Return the word of a fault now, empty where none acts."""


@dataclass(frozen=True, slots=True)
class Felt:
    """What the sensor makes of the air; None where it says that a quantity is missing."""

    temperature_c: float | None
    humidity_pct: float | None
    pressure_hpa: float | None


class AirProbe:
    """One sensor; the same seed and times give the same readings. ``errs``: times the usual error and noise."""

    def __init__(self, air: PlantAir, seed: int, faults: Seeded, name: str = "air", errs: float = 1.0) -> None:
        self._air = air
        self._faults = faults
        offsets = source(seed, f"{name}.offset")
        self._offset = [errs * offsets.gauss(0.0, sd) for sd in OFFSET_SD]
        self._noise = source(seed, f"{name}.noise")
        self._noise_sd = [errs * sd for sd in NOISE_SD]
        self._held: Felt | None = None

    def silent(self, rig_ns: int) -> bool:
        """Say whether the sensor hangs."""
        return self._faults.on("air.silent", rig_ns)

    def feel(self, rig_ns: int) -> Felt:
        """Return what it measures at a rig time."""
        faults = self._faults
        if self._held is not None and faults.on("air.stuck", rig_ns):
            return self._held
        values: list[float | None] = [
            true + offset + self._noise.gauss(0.0, sd)
            for true, offset, sd in zip(self._air(rig_ns), self._offset, self._noise_sd, strict=True)
        ]
        values[0] = (values[0] or 0.0) + faults.number("air.warm", rig_ns)
        values[1] = min(100.0, max(0.0, values[1] or 0.0))
        values[2] = (values[2] or 0.0) + faults.number("air.pressure_jump", rig_ns)
        if faults.on("air.wet", rig_ns):
            values[1] = 100.0
        missing = faults.text("air.missing", rig_ns)
        if missing in NAMES:
            values[NAMES.index(missing)] = None
        self._held = Felt(*values)
        return self._held
