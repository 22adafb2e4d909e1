"""Which instruments can be simulated, and how each is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from rig.errors import UsageError
from rig.sim.faults import FaultSet
from rig.sim.instruments.circuit import Circuit
from rig.sim.instruments.keysight import E36312A, KeysightE36
from rig.sim.instruments.meter import Meter, MeterModel
from rig.sim.instruments.plain import SIM_PSU, PlainSupply
from rig.sim.instruments.rigol import DP711, DP832, RigolDp
from rig.sim.instruments.session import Manners, quoted, signed
from rig.sim.instruments.siglent import SPD1168X, SPD3303X, SiglentSpd
from rig.sim.instruments.supply import Supply, SupplyModel

# Burden voltage at full scale over the range: shunt, fuse and terminals together. 0.7 ohm at 1 A is the reference's;
# the others, and the resolutions, are the twin's own figures in the order of the makers' data sheets.
KEYSIGHT_34461A = MeterModel(
    "34461A",
    Manners("Keysight Technologies,34461A,MY90000002,A.03.02-02.40-03.02-00.52-04-02", signed, "meter"),
    written=lambda value: f"{value:+.8E}",
    counted=lambda count: f"{count:+d}",
    burden_ohm={1e-4: 110.0, 1e-3: 110.0, 1e-2: 5.0, 0.1: 5.0, 1.0: 0.7, 3.0: 0.67, 10.0: 0.05},
    volt_ranges=(0.1, 1.0, 10.0, 100.0, 1000.0),
    resolution={0.02: 1e-5, 0.2: 3e-6, 1.0: 1e-6, 10.0: 3e-7, 100.0: 1e-7},
    first_a=3.0,
    most_samples=1_000_000,
    memory=10_000,
)
SDM3055 = MeterModel(
    "SDM3055",
    Manners("Siglent Technologies,SDM3055,SDM35ABC900001,1.01.01.25", quoted, "meter", reply_s=0.005),
    written=lambda value: f"{value:.8E}",
    counted=str,
    burden_ohm={2e-4: 110.0, 2e-3: 110.0, 0.02: 1.2, 0.2: 1.2, 2.0: 0.1, 10.0: 0.05},
    volt_ranges=(0.2, 2.0, 20.0, 200.0, 1000.0),
    resolution={0.3: 1e-5, 1.0: 3e-6, 10.0: 1e-6},
    first_a=2.0,
    most_samples=599_999_999,
    memory=1_000,
)

SUPPLIES: dict[str, tuple[SupplyModel, type[Supply]]] = {
    "e36312a": (E36312A, KeysightE36),
    "dp832": (DP832, RigolDp),
    "dp711": (DP711, RigolDp),
    "spd3303x": (SPD3303X, SiglentSpd),
    "spd1168x": (SPD1168X, SiglentSpd),
    "scpi": (SIM_PSU, PlainSupply),
}
METERS = {"34461a": KEYSIGHT_34461A, "sdm3055": SDM3055}
SPOKEN = {  # the model that speaks what a bench file calls a protocol
    "keysight-e36": "e36312a",
    "rigol-dp": "dp832",
    "siglent-spd": "spd3303x",
    "scpi-supply": "scpi",
    "dmm-34461a": "34461a",
}

T = TypeVar("T")
Later = Callable[[int, Callable[[], None]], None]
"""Called with a rig time and what is to happen then."""


def make_supply(
    name: str,
    circuit: Circuit,
    *,
    advance: Callable[[int], None],
    later: Later,
    seed: int,
    faults: FaultSet,
    start_ns: int,
) -> Supply:
    """Return a supply by model or protocol, its first output at the circuit; `UsageError` for an unknown name."""
    model, kind = _known(name, SUPPLIES, "supply")
    return kind(model, circuit, advance, seed, faults, start_ns, later)


def make_meter(
    name: str, circuit: Circuit, *, advance: Callable[[int], None], seed: int, faults: FaultSet, start_ns: int
) -> Meter:
    """Return a meter by model or protocol, in the circuit; raises `UsageError` for an unknown name."""
    return Meter(_known(name, METERS, "meter"), circuit, advance, seed, faults, start_ns)


def _known(name: str, models: dict[str, T], what: str) -> T:
    name = SPOKEN.get(name, name)
    if name.lower() not in models:
        raise UsageError(
            f"there is no simulated {what} '{name}'", where=f"simulated {what}", expected=" or ".join(models)
        )
    return models[name.lower()]
