"""A simulated balance of any protocol with a wished-for load on it, on a virtual wire."""

from __future__ import annotations

from rig.clock import VirtualClock
from rig.sim.balances.menu import Menu
from rig.sim.bench import SimulatedBench
from rig.sim.parameters import PlantParameters
from rig.transport.virtual import VirtualLinks
from tests.sim.kit import EXACT, START

FAULT_OF_STATE = {
    "stable": (),
    "moving": ("balance.unstable=on",),
    "overload": ("balance.overload=on",),
    "underload": ("balance.underload=on",),
    "busy": ("balance.adjusting=on",),
    "asleep": ("balance.asleep=on",),
    "error": ("balance.error=on",),
}


class Scale:
    """One balance that shows ``shows_mg`` net of a tare of nothing; time moves only when a test lets it."""

    def __init__(
        self,
        protocol: str,
        *,
        menu: Menu | None = None,
        model: str = "",
        faults: tuple[str, ...] = (),
        shows_mg: float = 12345.6,
        resolution_mg: float = 0.1,
        parameters: PlantParameters = EXACT,
    ) -> None:
        self.bench = SimulatedBench(
            serial="900123",
            start_local=START,
            faults=faults,
            resolution_mg=resolution_mg,
            parameters=parameters,
            balance=protocol,
            balance_name=model,
            menu=menu,
        )
        self.shows_mg(shows_mg)
        self.clock = VirtualClock()
        self.links = VirtualLinks(self.clock)
        self.link = self.links.connect("balance", self.bench.balance)

    def shows_mg(self, mass_mg: float) -> None:
        """Put such a load on the pan that the display shows this, and forget the tare."""
        plant = self.bench._plant
        plant.cell.set_tare(0)
        plant.refresh()
        sample = plant.sample(plant.now_ns)
        plant.cell.zero(sample.counts - round(mass_mg / self.bench.parameters.resolution_mg))
        plant.refresh()

    def hear(self, seconds: float = 0.1) -> bytes:
        """Let time go by; return everything that came."""
        self.links.pause(seconds)
        return self.link.discard_input()

    def ask(self, request: bytes, seconds: float = 0.1) -> bytes:
        """Write; return everything that comes within a time."""
        self.link.discard_input()
        self.link.write(request)
        return self.hear(seconds)
