"""A twin with a syringe pump over its balance, and the few words a test says to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rig.clock import to_ns
from rig.sim.parameters import PlantParameters
from rig.sim.plant.inlet import Inlet
from rig.sim.syringe.device import SerialPump
from rig.sim.syringe.parameters import SyringeParameters
from rig.transport.virtual import SimulatedDevice
from tests.sim.kit import EXACT, Rig

EXACT_SYRINGE = replace(
    SyringeParameters(),
    bore_sd=0.0,
    lead_share=0.0,
    screw_error=0.0,
    slip_um=0.0,
    backlash_um=0.0,
    seating_um=0.0,
    line_s=1.0,
)


class SyringeRig(Rig):
    """A `Rig` whose bench has a syringe pump, too."""

    def __init__(
        self,
        model: str = "ne-1000",
        *,
        address: int = 0,
        seed: int = 1,
        faults: tuple[str, ...] = (),
        parameters: PlantParameters = EXACT,
        syringe: SyringeParameters = EXACT_SYRINGE,
        wire: Callable[[SerialPump], SimulatedDevice] = lambda pump: pump,
    ) -> None:
        super().__init__(seed=seed, faults=faults, parameters=parameters)
        self.pump = self.bench.mount_syringe(model, address, syringe)
        self.line = self.links.connect("syringe", wire(self.pump))

    @property
    def book(self) -> Inlet:
        assert self.ledger.inlet is not None
        return self.ledger.inlet

    def tell(self, data: bytes, seconds: float = 0.1) -> bytes:
        """Write to the syringe pump; return everything it says within a time."""
        return self._talk(self.line, data, seconds)

    def say(self, *texts: str, seconds: float = 0.1) -> list[str]:
        """Send commands of either maker that end with CR; return what stands between the ends of their answers."""
        return [
            self.tell(text.encode("latin-1") + b"\r", seconds).decode("latin-1").strip("\x02\x03") for text in texts
        ]

    def at(self, seconds: float) -> None:
        """Let time pass until so many seconds after the beginning."""
        self.links.wait(to_ns(seconds))


def infusing(rate: str, *before: str, model: str = "ne-1000", faults: Sequence[str] = (), **more: object) -> SyringeRig:
    """Return a New Era pump that infuses since 1 s at a rate such as ``500.0UH``, alarm acknowledged."""
    rig = SyringeRig(model, faults=tuple(faults), **more)  # type: ignore[arg-type]
    rig.say("0", *before, f"0RAT{rate}")
    rig.at(1.0)
    assert rig.say("0RUN") == ["00I"]
    return rig
