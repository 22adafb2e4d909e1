"""The sensors of a run: what begins one, what interrupts it, and what is never taken for a reading."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from rig.bench import Bench, open_bench
from rig.clock import to_ns
from rig.config import BenchConfig, load_bench, parse_bench
from rig.config.operator_air import operator_air, with_operator_air, with_recorded_air
from rig.errors import ConfigError, DeviceChanged, InstrumentError, TransportTimeout, UsageError
from rig.readings import Ambient
from rig.record.writer import RecordWriter
from rig.runner.air import AirWatch
from rig.sim.air.ptu300 import Ptu300
from rig.sim.air.scenes import StillProbe
from rig.transport.virtual import VirtualLinks

BENCH = load_bench("simulated-air")
ROOM = "air room"


class Kept:
    """A record that keeps what it is given."""

    def __init__(self) -> None:
        self.air: list[Ambient] = []
        self.events: list[tuple[str, dict[str, Any]]] = []

    def ambient(self, ambient: Ambient) -> None:
        self.air.append(ambient)

    def event(self, _at_ns: int, name: str, data: dict[str, Any]) -> None:
        self.events.append((name, data))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]


def watched(config: BenchConfig = BENCH, *faults: str) -> tuple[Bench, Kept, AirWatch]:
    bench, kept = open_bench(config, config.pump_profile(), faults), Kept()
    return bench, kept, AirWatch(bench, cast("RecordWriter", kept), 60.0)


def run_for(bench: Bench, watch: AirWatch, seconds: float) -> None:
    end_ns = bench.clock.now_ns() + to_ns(seconds)
    while bench.clock.now_ns() < end_ns:
        bench.links.sleep_until(bench.clock.now_ns() + to_ns(1.0))
        watch.tick(bench.clock.now_ns())


def test_the_air_is_read_every_minute_with_the_sensors_uncertainty_and_its_certificate() -> None:
    bench, kept, watch = watched()
    watch.begin()
    run_for(bench, watch, 600.0)
    assert len(kept.air) == 11
    assert {(each.u_temperature_c, each.u_humidity_pct, each.u_pressure_hpa) for each in kept.air} == {(0.2, 1.5, 0.4)}
    assert kept.air[0].source == ("temperature, humidity, pressure by room (ptu300, certificate declared for the twin)")
    assert kept.names == ["air_sensors"]
    (told,) = (data["sensors"]["room"] for name, data in kept.events if name == "air_sensors")
    assert told == {"model": "PTU300", "serial": "P9000001"}


def test_a_run_does_not_begin_without_its_sensor() -> None:
    with pytest.raises(TransportTimeout, match=r"air room .*SEND"):
        watched(BENCH, "air.silent=on")[2].begin()
    with pytest.raises(InstrumentError, match=r"its humidity is missing \(P= .* RH= \*\*\*\*"):
        watched(BENCH, "air.missing=humidity")[2].begin()


def test_a_sensor_that_is_silent_for_a_while_leaves_a_hole_and_not_its_last_value() -> None:
    bench, kept, watch = watched(BENCH, "air.silent=on@150s+200s")
    watch.begin()
    run_for(bench, watch, 600.0)
    times = [each.at_ns * 1e-9 for each in kept.air]
    assert not [at for at in times if 150.0 < at < 350.0]
    assert [at for at in times if 350.0 < at < 365.0]  # it was asked again long before the next minute
    assert kept.names == ["air_sensors", "air_lost", "air_back"]
    assert "no complete answer to SEND" in kept.events[1][1]["error"]


def test_a_sensor_that_is_unplugged_is_found_again_as_the_same() -> None:
    bench, kept, watch = watched(BENCH, "air.unplugged=on@150s+200s")
    watch.begin()
    run_for(bench, watch, 600.0)
    assert kept.names == ["air_sensors", "air_lost", "air_back"]
    assert bench.links.reconnects == {ROOM: 1}


def test_another_sensor_in_its_place_is_never_read() -> None:
    bench, kept, watch = watched()
    watch.begin()
    links = cast("VirtualLinks", bench.links)
    links.unplug(ROOM)
    run_for(bench, watch, 100.0)
    links.replug(ROOM, Ptu300(StillProbe("steady"), serial="P9000002"))
    before = len(kept.air)
    run_for(bench, watch, 600.0)
    assert len(kept.air) == before
    assert kept.names == ["air_sensors", "air_lost"]


def test_the_sensor_that_the_bench_file_names_and_no_other_begins_a_run() -> None:
    (sensor,) = BENCH.environment.sensors
    for wrong in (replace(sensor, serial="P1"), replace(sensor, usb_serial="AB0CDEF2")):
        config = replace(BENCH, environment=replace(BENCH.environment, sensors=(wrong,)))
        with pytest.raises(DeviceChanged, match=r"another sensor answers: serial number P9000001|USB serial number"):
            watched(config)[2].begin()


def test_what_no_sensor_measures_stays_as_stated_and_says_so() -> None:
    (sensor,) = BENCH.environment.sensors
    sht = replace(sensor, protocol="sht4x", measures=("temperature", "humidity"), calibration=None)
    bench, kept, watch = watched(replace(BENCH, environment=replace(BENCH.environment, sensors=(sht,))))
    watch.begin()
    (first,) = kept.air
    assert (first.pressure_hpa, first.u_pressure_hpa) == (1013.25, 2.0)
    assert first.source == (
        "temperature, humidity by room (sht4x, without certificate); pressure stated: stated in the bench file"
    )
    bench.close()


def test_a_driver_that_cannot_measure_what_is_to_be_taken_from_it_is_refused_by_file_and_line() -> None:
    text = BENCH.source_text.replace('protocol = "ptu300"', 'protocol = "sht4x"')
    with pytest.raises(ConfigError, match=r"b.toml:\d+: environment.*driver 'sht4x' of room measures no pressure"):
        watched(parse_bench(text, "b.toml"))


def test_faults_of_sensors_are_refused_on_a_bench_without_any() -> None:
    with pytest.raises(UsageError, match=r"fault 'air.wet=on' has no sensor of the air to act on"):
        watched(load_bench("simulated"), "air.wet=on")


def test_evidence_with_a_sensor_behind_no_real_port_is_simulated_and_says_why() -> None:
    bench, _, _ = watched()
    assert bench.evidence == "simulated"
    assert bench.why_simulated[-1] == "air room was opened as memory (sim:air room)"


def test_what_the_operator_types_in_goes_before_the_bench_file_and_is_called_his_word() -> None:
    plain = load_bench("simulated")
    told = with_operator_air(plain, {"temperature_c": 21.5, "pressure_hpa": None}, "ann")
    assert (told.environment.temperature_c, told.environment.pressure_hpa) == (21.5, 1013.25)
    assert told.environment.source == "temperature typed in by the operator ann; else stated in the bench file"
    assert with_recorded_air(plain, operator_air(told)) == told  # whoever resumes the run goes on by it
    assert (operator_air(plain), with_recorded_air(plain, {})) == ({}, plain)
    assert with_operator_air(plain, {}, "ann") is plain


@pytest.mark.parametrize(
    ("bench", "told", "message"),
    [
        ("simulated", {"humidity_pct": 104.0}, "--humidity: 104 is out of range; expected 0 to 100 %"),
        ("simulated", {"pressure_hpa": float("nan")}, "--pressure: nan is out of range"),
        ("simulated-air", {"pressure_hpa": 1000.0}, "--pressure: the pressure is measured by sensor room"),
    ],
)
def test_what_an_operator_cannot_mean_is_refused(bench: str, told: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        with_operator_air(load_bench(bench), told, "ann")
    assert str(caught.value).startswith(message)
