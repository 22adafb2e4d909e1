"""Drivers of sensors of the air against the simulated ones, and what only some of them have to face."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from rig.clock import VirtualClock
from rig.conformance.report import Outcome
from rig.conformance.scenes import check_played, left_unshown, simulator_of
from rig.drivers.air.files import BME280
from rig.drivers.air.ptu300 import SPEC as PTU300
from rig.errors import InstrumentError, TransportTimeout
from rig.plugins.registry import find_driver
from rig.plugins.spec import Address
from rig.sim.air.ptu300 import Ptu300
from rig.sim.air.scenes import StillProbe
from rig.transport.folder import answer
from rig.transport.virtual import Port, VirtualLinks


@pytest.mark.parametrize("name", ["bme280", "bmp280", "sht4x", "ptu300", "scpi-air"])
def test_every_driver_conforms_to_the_role_with_its_simulator(name: str) -> None:
    found = find_driver("environment", name)
    simulator = simulator_of(found)
    assert simulator is not None
    rows = list(check_played(found, simulator))
    assert [str(row) for row in rows if row.outcome is Outcome.FAILED] == []
    assert left_unshown(found, rows) == []


class Bus:
    """A folder of the kernel with any sensors in it."""

    def __init__(self, *sensors: tuple[int, str, str]) -> None:
        self.sensors = sensors
        self._port: Port | None = None

    def attach(self, port: Port) -> None:
        self._port = port

    def receive(self, data: bytes, now_ns: int) -> None:
        assert self._port is not None
        self._port.send(answer(data.decode().strip(), self._files), now_ns)

    def _files(self, pattern: str) -> Iterable[tuple[str, str, str]]:
        texts = {"in_temp_input": "21300", "in_humidityrelative_input": "38300", "in_pressure_input": "101.32"}
        for number, name, address in self.sensors:
            for file, text in {"name": name, **texts}.items():
                path = f"iio:device{number}/{file}"
                if pattern in (path, f"*/{file}") and (pattern == path or file == "name"):
                    yield path, f"/sys/devices/i2c-1/{address}/iio:device{number}/{file}", text


def test_of_two_on_one_bus_the_address_says_which_is_meant() -> None:
    bus = Bus((0, "bme280", "1-0076"), (1, "bme280", "1-0077"), (2, "ads1015", "1-0048"))
    links = VirtualLinks(VirtualClock())
    link = links.connect("air", bus)
    assert BME280.open(links, link, Address("1-0077")).identify().serial == "1-0077"  # type: ignore[attr-defined]
    with pytest.raises(InstrumentError, match=r"2 sensors are a bme280|2 are at one address"):
        BME280.open(links, link, Address("")).identify()  # type: ignore[attr-defined]


def test_a_sensor_that_has_another_number_after_a_reboot_is_found_by_its_name() -> None:
    bus = Bus((0, "bme280", "1-0076"))
    links = VirtualLinks(VirtualClock())
    sensor = BME280.open(links, links.connect("air", bus), Address(""))
    before = sensor.identify(), sensor.read_air().text  # type: ignore[attr-defined]
    bus.sensors = ((4, "bme280", "1-0076"), (0, "cpu-thermal", "1-0001"))
    assert (sensor.identify(), sensor.read_air().text) == before  # type: ignore[attr-defined]
    bus.sensors = ()
    with pytest.raises(InstrumentError, match="there is no bme280"):
        sensor.read_air()  # type: ignore[attr-defined]


def test_a_transmitter_in_poll_mode_is_asked_by_its_address() -> None:
    links = VirtualLinks(VirtualClock())
    link = links.connect("air", Ptu300(StillProbe("steady"), mode="POLL", address=7))
    sensor = PTU300.open(links, link, Address("", line_address=7))
    assert sensor.read_air().pressure_hpa == 1013.2  # type: ignore[attr-defined]
    with pytest.raises(TransportTimeout, match="SEND 8"):
        PTU300.open(links, link, Address("", line_address=8)).read_air()  # type: ignore[attr-defined]


def test_a_transmitter_in_another_order_with_a_sum_is_read_as_it_is() -> None:
    device = Ptu300(StillProbe("steady"), form='6.1 "RH=" RH " " U4 "T=" T " " U3 "P=" P " " U6 CS4 \\r \\n')
    links = VirtualLinks(VirtualClock())
    sent: list[bytes] = []
    links.tap = lambda _name, way, _ns, data: sent.append(data) if way == ">" else None
    reading = PTU300.open(links, links.connect("air", device), Address("")).read_air()  # type: ignore[attr-defined]
    assert (reading.temperature_c, reading.humidity_pct, reading.pressure_hpa) == (21.3, 38.3, 1013.2)
    assert sent == [b"S\r", b"?\r", b"SEND\r", b"SEND\r"]  # nothing that sets anything
