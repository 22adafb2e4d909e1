"""The twin in the situations of the conformance suite; what it cannot play is None."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from rig.plugins.spec import Scene
from rig.sim.balances.device import BalanceDevice
from rig.sim.bench import SimulatedBench
from rig.transport.virtual import Port, SimulatedDevice

SERIAL: Final = "900123"
MODEL: Final = "723"
RESOLUTION_MG: Final = 0.1
START: Final = datetime(2025, 3, 9, 14)  # noqa: DTZ001 - pump clocks are local
OPENED_S: Final = 60.0  # a balance has long been opened by then

_PUMP: Final[dict[str, tuple[str, ...]]] = {
    "out_of_range": ("pump.asleep=on",),
    "bolus_ack_lost": ("link.drop_ack=bolus:1",),
    "temp_ack_lost": ("link.drop_ack=temp_basal:1",),
}
_BALANCE: Final[dict[str, tuple[str, ...]]] = {
    "steady": (),
    "steady_stable": (),
    "overload": ("balance.overload=on@60s",),
    "silent": ("balance.silent=on",),
    "wrong_unit": ("balance.unit=kg",),
    "damaged": ("balance.parity=1@60s",),
    "stream_running": (),
}


class _Streaming:
    """A balance that another program has told to stream."""

    def __init__(self, balance: BalanceDevice) -> None:
        self._balance = balance

    def attach(self, port: Port) -> None:
        """Learn the wire, and hear the other program."""
        self._balance.attach(port)
        port.call_at(0, lambda now_ns: self._balance.receive(b"SIR\r\n", now_ns))

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take what the host sends."""
        self._balance.receive(data, now_ns)


def cc111x(situation: str) -> Scene:
    """Return the pump of the twin behind a CC111x stick."""
    return _pump("cc111x", situation)


def carelink(situation: str) -> Scene:
    """Return the pump of the twin behind a CareLink stick."""
    return _pump("carelink", situation)


def mt_sics(situation: str) -> Scene | None:
    """Return the balance of the twin; it neither adjusts itself nor loses its pan, and a load at rest rests."""
    faults = _BALANCE.get(situation)
    if faults is None:
        return None
    twin = SimulatedBench(serial=SERIAL, start_local=START, faults=faults, resolution_mg=RESOLUTION_MG)
    arranged_s = OPENED_S if faults else 0.0
    device: SimulatedDevice = _Streaming(twin.balance) if situation == "stream_running" else twin.balance
    return Scene(device, "", "", resolution_mg=RESOLUTION_MG, arranged_after_s=arranged_s)


def _pump(link: str, situation: str) -> Scene:
    twin = SimulatedBench(model=MODEL, link=link, serial=SERIAL, start_local=START, faults=_PUMP.get(situation, ()))
    stick: SimulatedDevice = twin.pump_stick

    def boluses_begun() -> int:
        return sum(each.kind == "bolus" for each in twin.ledger.deliveries)

    return Scene(stick, SERIAL, MODEL, boluses_begun=boluses_begun)
