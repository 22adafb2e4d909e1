"""`SupplyStep`: what the pump's supply does in a scenario. Volts, seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

VOLTAGE: Final = "voltage"
OFF: Final = "off"
SWEEP: Final = "sweep"
INTERRUPT: Final = "interrupt"


@dataclass(frozen=True, slots=True)
class SupplyStep:
    """One act of the supply; ``deed`` is `VOLTAGE`, `OFF`, `SWEEP` or `INTERRUPT`.

    ``voltage_v`` is set at the beginning (`VOLTAGE`, `SWEEP`), ``to_v`` is where a sweep ends. ``duration_s``: how long
    a voltage is kept before the next step begins (0: that begins at once, and the voltage stays), how long the output
    is off, what a sweep takes, how long an interruption lasts. After `OFF` and `INTERRUPT` the output is as before.
    """

    deed: str
    duration_s: float = 0.0
    voltage_v: float | None = None
    to_v: float | None = None
    kind: str = field(default="supply", init=False)
    line: int = 0

    @property
    def voltages_v(self) -> tuple[float, ...]:
        """Return every voltage that the step sets, the ends of a sweep included."""
        return tuple(value for value in (self.voltage_v, self.to_v) if value is not None)
