"""What `rig check` says of sensors of the air, and the table of all devices."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from rig.cli.main import main
from rig.config import AirSensorConfig, BenchConfig, load_bench
from rig.doctor.devices import check_real, check_simulated
from rig.doctor.findings import Finding, Level, exit_code, fail, ok, warn
from rig.doctor.storage import check_certificates
from rig.doctor.table import DeviceRow, device_rows, table_text, to_json
from rig.paths import benches_dir
from rig.sim.air.folder import SensorFolder
from rig.sim.air.scenes import StillProbe

AIR = load_bench("simulated-air")


def on_pi(folder: Path, **changes: object) -> BenchConfig:
    """Return a bench with ports whose only device that is there is a BME280 in a folder."""
    sensor = AirSensorConfig(
        name="room",
        protocol="bme280",
        measures=("temperature", "humidity", "pressure"),
        u_temperature_c=0.5,
        u_humidity_pct=2.0,
        u_pressure_hpa=0.5,
        port=str(folder),
    )
    sensor = replace(sensor, **changes)  # type: ignore[arg-type]
    bench = load_bench(benches_dir() / "examples" / "balance-only.toml")
    environment = replace(bench.environment, temperature_c=21.3, humidity_pct=38.3, pressure_hpa=1013.2)
    return replace(bench, environment=replace(environment, sensors=(sensor,)))


def said(config: BenchConfig, tmp_path: Path) -> list[Finding]:
    found = check_real(config, config.pump_profile(), tmp_path / "serial")
    return [each for each in found if each.item.startswith("air sensor")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "devices"
    root.mkdir()
    SensorFolder(StillProbe("steady"), "bme280", 0).write(root, 0)
    return root


def test_a_sensor_that_answers_is_told_with_its_place_and_what_is_missing_in_the_bench_file(
    folder: Path, tmp_path: Path
) -> None:
    port, sensor = said(on_pi(folder), tmp_path)
    assert (port.level, port.found) == (Level.OK, f"room: {folder}, a folder of files")
    assert (sensor.level, sensor.hint) == (Level.WARN, 'serial = "1-0076"')
    assert sensor.found == "room: bme280 1-0076 answers, temperature 21.3 C, humidity 38.3 %, pressure 1013.2 hPa"


def test_with_its_address_and_a_certificate_it_is_as_it_should_be(folder: Path, tmp_path: Path) -> None:
    _, sensor = said(on_pi(folder, serial="1-0076"), tmp_path)
    assert (sensor.level, sensor.expected) == (Level.WARN, "a calibrated sensor")
    calibration = AIR.environment.sensors[0].calibration
    _, sensor = said(on_pi(folder, serial="1-0076", calibration=calibration), tmp_path)
    assert sensor.level is Level.OK


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"serial": "1-0077"}, "1 sensors are a bme280: 1-0076"),
        ({"protocol": "sht4x", "measures": ("temperature",)}, "there is no sht4x"),
        ({"port": "/sys/bus/iio/nowhere"}, "no /sys/bus/iio/nowhere"),
    ],
)
def test_a_sensor_that_is_not_there_or_another_makes_the_bench_unfit(
    folder: Path, tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    findings = said(on_pi(folder, **changes), tmp_path)
    assert findings[-1].level is Level.FAIL
    assert message in findings[-1].found


def test_a_sensor_that_a_board_warms_is_warned_of(folder: Path, tmp_path: Path) -> None:
    config = on_pi(folder, serial="1-0076")
    config = replace(config, environment=replace(config.environment, temperature_c=18.0))
    _, sensor = said(config, tmp_path)
    assert (sensor.level, sensor.expected) == (Level.WARN, "a temperature near the 18 C of the bench file")


def test_a_value_that_is_missing_makes_the_bench_unfit() -> None:
    config = replace(AIR, simulation=replace(AIR.simulation, faults=("air.missing=humidity",)))  # type: ignore[type-var]
    (sensor,) = [each for each in check_simulated(config, config.pump_profile()) if each.item == "air sensor"]
    assert sensor.level is Level.FAIL
    assert "missing: humidity" in sensor.found


def test_every_certificate_is_judged_and_those_of_a_qualification_only_warn() -> None:
    bench = load_bench(benches_dir() / "examples" / "full-pi.toml")
    found = list(check_certificates(bench, date(2028, 7, 1)))
    assert [(each.device, each.level) for each in found] == [
        ("balance", Level.FAIL),
        ("air sensor pan", Level.FAIL),
        ("air sensor room", Level.FAIL),
        ("E2, W-77", Level.WARN),
        ("flow source reference", Level.WARN),
    ]
    assert "have the air sensor pan calibrated" in found[1].hint


def about(*findings: Finding) -> list[Finding]:
    return [replace(each, device="balance") for each in findings]


def some() -> list[Finding]:
    scale = ok("balance", "it answers")
    scale = replace(scale, facts=(("identity", "MS205 B1"), ("firmware", "1.10"), ("settings", "zero tracking off")))
    port = replace(ok("balance port", "x"), facts=(("found_at", "/dev/serial/by-id/a -> /dev/ttyUSB1"),))
    expires = warn("calibration", "expires", "later", "have it calibrated")
    expires = replace(expires, facts=(("calibration", "C-1, until 2026-12-01"),))
    lost = replace(fail("pump port", "no port", "a device that has power"), device="pump")
    return [ok("bench file", "b"), lost, *about(port, scale, expires)]


def test_the_table_gathers_what_was_found_of_each_device() -> None:
    pump, balance = device_rows(some())
    assert pump == DeviceRow("pump", verdict="FAIL", what_to_do="expected a device that has power")
    assert balance.cells == (
        "balance", "/dev/serial/by-id/a -> /dev/ttyUSB1", "MS205 B1", "1.10", "zero tracking off",
        "C-1, until 2026-12-01", "warn", "have it calibrated",
    )  # fmt: skip


def widths(text: str) -> list[int]:
    return [len(line) for line in text.splitlines()]


def test_piped_no_cell_is_broken_and_no_colour_is_used() -> None:
    lines = table_text(some(), None).splitlines()
    assert len(lines) == 4
    assert lines[0].split("  ")[0] == "device"
    assert lines[3].startswith("balance  /dev/serial/by-id/a -> /dev/ttyUSB1  MS205 B1  1.10      zero tracking off")
    assert "\x1b" not in "".join(lines)


@pytest.mark.parametrize("width", [100, 120, 160, 99, 80, 40])
def test_it_is_as_wide_as_the_terminal_allows(width: int) -> None:
    text = table_text(some(), width)
    assert max(widths(text)) <= width
    words = " ".join(text.split())
    assert "FAIL" in words
    assert text.startswith("device") == (width >= 100)


def test_on_a_terminal_the_verdict_alone_is_coloured() -> None:
    assert table_text(some(), 120, colour=True).count("\x1b[31m") == 1
    assert table_text(some(), 80, colour=True).count("\x1b[33mwarn\x1b[0m") == 1
    assert table_text([ok("bench file", "b")], 120) == ""


def test_rig_check_ends_with_the_table_and_json_has_the_same_rows(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--bench", "simulated-air"]) == 0
    lines: Sequence[str] = capsys.readouterr().out.splitlines()
    table = lines[lines.index("") + 1 :]
    assert [line.split("  ")[0] for line in table[2:5]] == ["pump", "balance", "air sensor room"]
    assert main(["check", "--bench", "simulated-air", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [each["device"] for each in document["devices"]] == ["pump", "balance", "air sensor room"]
    assert document["devices"][2]["identity"] == "PTU300 P9000001"
    assert document["devices"][0]["calibration"] is None


def test_the_table_changes_no_verdict() -> None:
    assert exit_code(some()) == 4
    assert [each["verdict"] for each in to_json(some())] == ["FAIL", "warn"]
