"""A bench whose pump hangs on a supply: the twin's pump, mute below a voltage, behind a stand-in supply and meter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rig import bench as rig_bench
from rig.bench import Bench
from rig.config import BenchConfig, MeterConfig, SupplyConfig, load_bench
from rig.profiles.pump import PumpProfile
from rig.transport.virtual import Port, SimulatedDevice
from tests.drivers.scpi_stand_in import StandIn
from tests.runner.kit import LastingBench

BROWN_OUT_V = 0.95
SUPPLY = SupplyConfig(protocol="rigol-dp", nominal_v=1.5, max_v=1.8, current_limit_a=0.5, boot_s=5.0)
METER = MeterConfig(protocol="dmm-34461a", range_a=0.1)


class Gate:
    """Lets nothing through to the pump's stick while its supply is too low."""

    def __init__(self, device: SimulatedDevice) -> None:
        self.device = device
        self.volts = 0.0

    def attach(self, port: Port) -> None:
        self.device.attach(port)

    def receive(self, data: bytes, now_ns: int) -> None:
        if self.volts >= BROWN_OUT_V:
            self.device.receive(data, now_ns)


def fed_config(supply: SupplyConfig | None = SUPPLY, meter: MeterConfig | None = METER) -> BenchConfig:
    return replace(load_bench(), supply=supply, meter=meter)


@dataclass
class FedBench(LastingBench):
    """A `LastingBench` with a supply and a meter; ``reads_alarm`` at which voltage the pump calls its battery low."""

    def __post_init__(self) -> None:
        self.config = fed_config()
        super().__post_init__()
        self.supply = StandIn("rigol")
        self.meter = StandIn("dmm")
        self.gate = Gate(self.twin.pump_stick)
        self.links.replug("pump", self.gate)
        self.supply.on_output = self._feed
        self._electrical = {
            "supply": self.links.connect("supply", self.supply),
            "meter": self.links.connect("meter", self.meter),
        }

    def _feed(self, volts: float, _now_ns: int) -> None:
        self.gate.volts = volts

    def open(self, config: BenchConfig, profile: PumpProfile, faults: Sequence[str], sealed: Path | None) -> Bench:
        for name, port in self.links._open.items():
            self.links.replug(name)
            self.links.reopen(port.link)
            port.link.discard_input()
        return rig_bench._assemble(config, self.clock, self.links, self._stick, self._scale, self._electrical)
