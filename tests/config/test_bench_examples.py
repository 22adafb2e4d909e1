"""Examples of bench files, the published schema, and what must go together in a sensor's table."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rig.config import load_bench, parse_bench
from rig.config.schema import SCHEMA_FILE, schema_text
from rig.engine import prepare
from rig.errors import ConfigError
from rig.paths import benches_dir
from rig.runner.drivers import check_drivers
from rig.scenario.parse import load_scenario

EXAMPLES = sorted((benches_dir() / "examples").glob("*.toml"))
AIR = (benches_dir() / "simulated-air.toml").read_text("utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value


def test_the_published_schema_is_what_the_reader_reads_by() -> None:
    assert SCHEMA_FILE.read_text("utf-8") == schema_text()


@pytest.mark.parametrize("path", [*EXAMPLES, *sorted(benches_dir().glob("*.toml"))], ids=lambda path: str(path.stem))
def test_every_example_is_read_and_the_published_schema_takes_it(path: Path) -> None:
    bench = load_bench(path)
    assert bench.name == path.stem
    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    jsonschema.validate(_plain(tomllib.loads(path.read_text("utf-8"))), schema)


def test_the_full_example_names_every_device_by_what_stays_the_same() -> None:
    bench = load_bench(benches_dir() / "examples" / "full-pi.toml")
    ports = [bench.pump.port, bench.balance.port, *(each.port for each in bench.flow_sources)]
    assert all(port.startswith("/dev/serial/by-id/") for port in ports)
    assert [each.serial for each in bench.environment.sensors] == ["1-0044", "P1234567"]
    assert [each.device for each in bench.certificates] == ["balance", "air sensor pan", "air sensor room"]
    assert [each.device for each in bench.qualifying_certificates] == ["E2, W-77", "flow source reference"]
    assert bench.calibration_due == date(2027, 6, 30)
    assert {each.role for each in bench.lines} == {"valve", "supply", "button", "emergency_stop"}


def test_a_bench_without_a_pump_runs_no_scenario_of_one() -> None:
    bench = load_bench(benches_dir() / "examples" / "balance-only.toml")
    assert not bench.pump.present
    with pytest.raises(ConfigError, match=r"this bench has no pump.*try: rig qualify --bench balance-only"):
        check_drivers(load_scenario(benches_dir().parents[1] / "scenarios" / "quick.yaml"), bench, bench.pump_profile())
    text = AIR[: AIR.index("[pump]")] + AIR[AIR.index("[balance]") :]
    with pytest.raises(ConfigError, match=r"a simulated bench has a pump; expected a table \[pump\]"):
        parse_bench(text)


SECOND = """
[[environment.sensors]]
name = "{name}"
protocol = "bmp280"
measures = ["{quantity}"]
u_pressure_hpa = 1.0

[simulation]"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[simulation]", SECOND.format(name="room", quantity="pressure"), "two sensors have the name room"),
        ("[simulation]", SECOND.format(name="two", quantity="pressure"), "two sensors have the quantity pressure"),
        ("u_pressure_hpa = 0.4", "", "room measures the pressure, and nobody says how well; expected u_pressure_hpa"),
        ('protocol = "ptu300"', 'protocol = "ptu300"\nport = "/dev/ttyUSB0"', "a simulated bench has no port"),
        ('"humidity", ', '"moisture", ', "'moisture' cannot be used; expected temperature or humidity or pressure"),
        ("u_humidity_pct = 1.5", "u_humidity_pct = 0", "0 is out of range"),
        ("u_humidity_pct = 1.5", "u_humidty_pct = 1.5", "unknown key 'u_humidty_pct'"),
    ],
)
def test_a_slip_in_a_sensors_table_is_told(old: str, new: str, message: str) -> None:
    assert old in AIR
    with pytest.raises(ConfigError) as caught:
        parse_bench(AIR.replace(old, new, 1), "b.toml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("b.toml")
    assert "environment" in str(caught.value)


def test_an_unknown_sensor_is_refused_with_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    path.write_text(AIR.replace('protocol = "ptu300"', 'protocol = "ptu30"'), "utf-8")
    with pytest.raises(ConfigError, match=r"'ptu30' cannot be used; expected bme280 or .*try: ptu300"):
        load_bench(path)


def test_a_certificate_that_expires_before_the_planned_end_refuses_the_run() -> None:
    bench = parse_bench(
        AIR.replace("due = 2099-12-31}", "due = 2026-03-03}").replace('kind = "simulated"', 'kind = "hardware"')
    )
    scenario = load_scenario(benches_dir().parents[1] / "scenarios" / "basal_24h.yaml")
    with pytest.raises(ConfigError) as caught:
        prepare(scenario, bench)
    assert "the calibration of air sensor room expires on 2026-03-03, before scenario" in str(caught.value)
    assert "environment.sensors.calibration.due" in str(caught.value)
