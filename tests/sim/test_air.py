"""Simulated sensors of the air, byte by byte, by the reference page on bench instruments, section 5."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rig.sim.air.folder import SensorFolder
from rig.sim.air.probe import AirProbe
from rig.sim.air.ptu300 import Ptu300
from rig.sim.air.scenes import StillProbe
from rig.sim.air.scpi import ScpiAir
from rig.sim.faults import FaultSet, parse_fault
from rig.transport.virtual import SimulatedDevice

S = 1_000_000_000


class Ear:
    """A wire that keeps what a device says, and lets its time go by."""

    def __init__(self, device: SimulatedDevice) -> None:
        self.said = b""
        self.calls: list[tuple[int, Callable[[int], None]]] = []
        self.device = device
        device.attach(self)

    def send(self, data: bytes, at_ns: int) -> None:
        self.said += data

    def call_at(self, at_ns: int, action: Callable[[int], None]) -> None:
        self.calls.append((at_ns, action))

    def rig_ns(self, link_ns: int) -> int:
        return link_ns

    def until(self, end_ns: int) -> None:
        while self.calls and self.calls[0][0] <= end_ns:
            at_ns, action = self.calls.pop(0)
            action(at_ns)

    def tell(self, data: bytes, now_ns: int = 0) -> bytes:
        self.said = b""
        self.device.receive(data, now_ns)
        return self.said


def test_a_transmitter_echoes_answers_and_prompts_in_stop_mode_whatever_the_case() -> None:
    ear = Ear(Ptu300(StillProbe("steady")))
    assert ear.tell(b"send\r") == b"send\r\nP= 1013.2 hPa T= 21.3 'C RH= 38.3 %RH\r\n>"
    assert ear.tell(b"FOO\r") == b"FOO\r\nUnknown command\r\n>"
    assert ear.tell(b"SE") + ear.tell(b"ND\r").split(b"\r\n")[1] == b"P= 1013.2 hPa T= 21.3 'C RH= 38.3 %RH"


def test_in_run_mode_it_streams_at_its_interval_and_hears_nothing_but_s() -> None:
    ear = Ear(Ptu300(StillProbe("steady")))
    ear.tell(b"INTV 2 S\r")
    ear.tell(b"R\r")
    assert ear.tell(b"SEND\r", 1 * S) == b""
    ear.until(7 * S)
    assert ear.said.count(b"RH=") == 3
    assert b">" not in ear.said
    ear.tell(b"S\r", 7 * S)
    ear.said = b""
    ear.until(20 * S)
    assert ear.said == b""


def test_missing_values_are_stars_and_a_form_with_a_sum_ends_in_it() -> None:
    ear = Ear(Ptu300(StillProbe("missing")))
    assert b"RH= **** %RH" in ear.tell(b"SEND\r")
    ear.tell(b'FORM 6.2 "P=" P " " U6 CS4 \\r \\n\r')
    line = ear.tell(b"SEND\r").split(b"\r\n")[1]
    assert line == b"P=1013.20 hPa   " + f"{sum(line[:-4]):04X}".encode()
    ear.tell(b"FORM /\r")
    assert b"P= 1013.2 hPa T=" in ear.tell(b"SEND\r")


def test_a_scpi_transmitter_takes_short_and_long_forms_and_keeps_an_error_queue() -> None:
    ear = Ear(ScpiAir(StillProbe("steady"), measures=frozenset({"temperature", "humidity"})))
    assert ear.tell(b"*IDN?\r\n") == b"ACME,AIR-3,S9000001,1.2\n"
    assert ear.tell(b":meas:temp?;MEASure:HUMidity?\n") == b"+2.130000E+01;+3.830000E+01\n"
    assert ear.tell(b"MEAS:PRES?\n") == b""
    assert ear.tell(b"SYST:ERR?\n") == b'-113,"Undefined header"\n'
    assert ear.tell(b"SYST:ERR?\n") == b'0,"No error"\n'


def test_a_folder_shows_what_the_kernel_shows_and_a_missing_value_is_no_file(tmp_path: Path) -> None:
    sensor = SensorFolder(StillProbe("steady"), "bme280", 3)
    sensor.write(tmp_path, 0)
    shown = tmp_path / "iio:device3"
    assert (shown / "name").read_text() == "bme280\n"
    assert (shown / "in_temp_input").read_text() == "21300\n"
    assert float((shown / "in_pressure_input").read_text()) == 101.32
    assert "1-0076" in str(shown.resolve())
    SensorFolder(StillProbe("missing"), "bme280", 3).write(tmp_path, 0)
    assert not (shown / "in_humidityrelative_input").exists()


def test_faults_touch_what_is_measured_and_a_sensor_errs_by_its_own_amount() -> None:
    def probe(*faults: str) -> AirProbe:
        return AirProbe(lambda _ns: (20.0, 50.0, 1000.0), 1, FaultSet([parse_fault(each) for each in faults], 0))

    honest = probe().feel(0)
    assert honest.temperature_c is not None
    assert 0.0 < abs(honest.temperature_c - 20.0) < 0.5
    jumped = probe("air.pressure_jump=8hPa@1s+1s")
    values = [jumped.feel(at * S).pressure_hpa or 0.0 for at in range(3)]
    assert values[1] - values[0] > 7.0 > values[2] - values[0]
    assert probe("air.wet=on").feel(0).humidity_pct == 100.0
    assert probe("air.missing=pressure").feel(0).pressure_hpa is None
    stuck = probe("air.stuck=on@1s")
    assert stuck.feel(0) == stuck.feel(2 * S) == stuck.feel(3 * S)
