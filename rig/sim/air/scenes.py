"""The simulated sensors of the air in the situations of the conformance suite; what they cannot play is None."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rig.plugins.spec import Scene
from rig.sim.air.folder import SensorFolder
from rig.sim.air.probe import AirProbe
from rig.sim.air.ptu300 import Ptu300
from rig.sim.air.scpi import ScpiAir
from rig.transport.virtual import Port, SimulatedDevice

AIR: Final = (21.3, 38.3, 1013.2)
LATE_NS: Final = 1_000_000
TOO_LATE_NS: Final = 1_300_000_000
PLAYED: Final = (
    "identity", "steady", "silent", "missing", "other_device", "pieces", "two_at_once", "late", "damaged",
)  # fmt: skip


class Still:
    """Faults of one situation, which act all the time."""

    def __init__(self, *on: str, missing: str = "") -> None:
        self._on = on
        self._missing = missing

    def named(self, name: str) -> bool:
        """Say whether it acts."""
        return name in self._on

    def on(self, name: str, _rig_ns: int) -> bool:
        """Say whether it acts."""
        return name in self._on

    def number(self, _name: str, _rig_ns: int) -> float:
        """Return 0: no quantity is moved."""
        return 0.0

    def text(self, _name: str, _rig_ns: int) -> str:
        """Return what is missing."""
        return self._missing


class StillProbe(AirProbe):
    """A sensor without error or noise in still air."""

    def __init__(self, situation: str) -> None:
        faults = Still("air.silent") if situation == "silent" else Still()
        if situation == "missing":
            faults = Still(missing="humidity")
        super().__init__(lambda _ns: AIR, 1, faults, errs=0.0)


class Wire:
    """Stands before a device and does to its answers what a situation wants."""

    def __init__(self, device: SimulatedDevice, situation: str, after: int) -> None:
        self._device = device
        self._situation = situation
        self._after = after  # so many answers come first
        self._port: Port | None = None

    def attach(self, port: Port) -> None:
        """Learn the wire."""
        self._port = port
        self._device.attach(self)

    def receive(self, data: bytes, now_ns: int) -> None:
        """Hand on what the host sent, or answer as another device does."""
        if self._situation == "other_device":
            self.send(b"ES\r\n\n", now_ns)
        else:
            self._device.receive(data, now_ns)

    def send(self, data: bytes, at_ns: int) -> None:
        """Send an answer, in pieces, damaged, or twice where that is the situation."""
        port = self._port
        assert port is not None  # noqa: S101 - a device answers only what came over the wire
        self._after -= 1
        if self._situation == "pieces":
            for number in range(len(data)):
                port.send(data[number : number + 1], at_ns + (number + 1) * LATE_NS)
            return
        if self._situation == "damaged" and self._after == 0:
            middle = len(data) // 2
            data = data[:middle] + bytes([data[middle] ^ 0x80]) + data[middle + 1 :]
        if self._situation == "late" and self._after == 0:
            at_ns += TOO_LATE_NS
        port.send(data + data if self._situation == "two_at_once" else data, at_ns)

    def call_at(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Call the device back."""
        assert self._port is not None  # noqa: S101 - as above
        self._port.call_at(at_ns, action)

    def rig_ns(self, link_ns: int) -> int:
        """Return the same time."""
        assert self._port is not None  # noqa: S101 - as above
        return self._port.rig_ns(link_ns)


def _scene(device: SimulatedDevice, situation: str, after: int) -> Scene | None:
    if situation not in PLAYED:
        return None
    return Scene(Wire(device, situation, after), "", "", air=AIR)


def ptu300(situation: str) -> Scene | None:
    """Return a transmitter of the PTU300 class; its answers end in a sum where they are to be damaged."""
    device = Ptu300(StillProbe(situation))
    if situation == "damaged":
        device.form = '6.1 "P=" P " " U6 4.1 "T=" T " " U3 "RH=" RH " " U4 CS4 \\r \\n'
    if situation == "stream_running":
        device.mode = "RUN"
        return Scene(device, "", "", air=AIR)
    return _scene(device, situation, 3)


def scpi(situation: str) -> Scene | None:
    """Return a transmitter that speaks SCPI."""
    return _scene(ScpiAir(StillProbe(situation)), situation, 8)


def bme280(situation: str) -> Scene | None:
    """Return a BME280 below /sys/bus/iio/devices."""
    return _scene(SensorFolder(StillProbe(situation), "bme280", 3), situation, 4)


def bmp280(situation: str) -> Scene | None:
    """Return a BMP280 below /sys/bus/iio/devices."""
    return _scene(SensorFolder(StillProbe(situation), "bmp280", 1), situation, 4)


def sht4x(situation: str) -> Scene | None:
    """Return an SHT4x below /sys/class/hwmon."""
    return _scene(SensorFolder(StillProbe(situation), "sht4x", 2), situation, 4)
