"""What may stand at the pump's port in place of a stick, written from the outside: no driver of the rig is asked."""

from __future__ import annotations

from collections.abc import Callable

from rig.bench import Bench, _assemble
from rig.clock import VirtualClock
from rig.config import BenchConfig
from rig.profiles.pump import PumpProfile
from rig.sim.bench import SimulatedBench
from rig.transport.virtual import Port, SimulatedDevice, VirtualLinks

NS = 1_000_000_000
SENTENCE = b"$GPGGA,170834,4124.8963,N,08151.6838,W,1,05,1.5,280.2,M,-34.0,M,,*75\r\n"
STICK_NS_PER_BYTE, BALANCE_NS_PER_BYTE = 520_833, 1_041_666


class Talker:
    """Answers each write with what ``answer`` makes of it; ``every_s`` sends ``unasked`` again and again."""

    def __init__(self, answer: Callable[[bytes], bytes], unasked: bytes = b"", every_s: float = 1.0) -> None:
        self._answer = answer
        self._unasked = unasked
        self._every_ns = round(every_s * NS)
        self._port: Port | None = None

    def attach(self, port: Port) -> None:
        """Learn the wire, and begin to speak unasked."""
        self._port = port
        if self._unasked:
            port.call_at(0, self._speak)

    def receive(self, data: bytes, now_ns: int) -> None:
        """Answer."""
        assert self._port is not None
        if said := self._answer(data):
            self._port.send(said, now_ns + NS // 1000)

    def _speak(self, now_ns: int) -> None:
        assert self._port is not None
        self._port.send(self._unasked, now_ns)
        self._port.call_at(now_ns + self._every_ns, self._speak)


def stick_of(version: bytes) -> Talker:
    """Return a stick that says OK and this version, and no more."""
    said = {1: b"OK\0", 2: version + b"\0", 6: b"\x01\0"}
    return Talker(lambda data: said.get(data[0], b""))


def gps() -> Talker:
    """Return a receiver that sends its position once a second, and hears nothing."""
    return Talker(lambda _: b"", SENTENCE)


def echo() -> Talker:
    """Return a cable whose two wires are joined."""
    return Talker(lambda data: data)


def bench_with(config: BenchConfig, profile: PumpProfile, at_pump_port: SimulatedDevice | None, *faults: str) -> Bench:
    """Return a bench of the twin with another device at the pump's port; None: the twin's own stick."""
    assert config.simulation is not None
    twin = SimulatedBench(
        model=profile.model,
        link=config.pump.link,
        serial=config.pump.serials[0],
        start_local=config.simulation.start,
        faults=faults,
        resolution_mg=config.balance.resolution_mg,
    )
    links = VirtualLinks(VirtualClock())
    stick = links.connect("pump", at_pump_port or twin.pump_stick, STICK_NS_PER_BYTE)
    return _assemble(config, links.clock, links, stick, links.connect("balance", twin.balance, BALANCE_NS_PER_BYTE))
