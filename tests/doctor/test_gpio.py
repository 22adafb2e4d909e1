"""The doctor on GPIO lines: model, settings, and each line by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rig.config import BenchConfig, LineConfig, load_bench
from rig.doctor import gpio
from rig.doctor.findings import Level
from rig.gpio.line_info import LineInfo

VALVE = LineConfig("pinch", 17, "valve")
STOP = LineConfig("stop", 22, "emergency_stop")
STRICT = "[all]\ndtparam=watchdog=on\ndtparam=strict_gpiod\n"


@pytest.mark.parametrize(
    ("model", "level"),
    [
        ("Raspberry Pi 3 Model B Plus Rev 1.3", Level.OK),
        ("Raspberry Pi 4 Model B Rev 1.5", Level.OK),
        ("Raspberry Pi 5 Model B Rev 1.0", Level.OK),
        ("Raspberry Pi Compute Module 4 Rev 1.1", Level.OK),
        ("Raspberry Pi Zero 2 W Rev 1.0", Level.OK),
        ("Raspberry Pi Model B Rev 2", Level.WARN),
        ("Raspberry Pi Zero W Rev 1.1", Level.WARN),
    ],
)
def test_the_pins_are_those_of_a_pi_3_4_or_5(model: str, level: Level) -> None:
    assert gpio.check_model(model).level is level


@pytest.mark.parametrize(
    ("lines", "text", "cmdline", "level", "found"),
    [
        ((VALVE,), STRICT, None, Level.OK, "strict_gpiod"),
        ((VALVE,), "dtparam=strict_gpiod=on # so that lines are let go\n", None, Level.OK, "strict_gpiod"),
        ((VALVE,), "#dtparam=strict_gpiod\n", None, Level.WARN, "keep their level"),
        ((VALVE,), None, None, Level.WARN, "keep their level"),
        ((VALVE,), None, "pinctrl_bcm2835.persist_gpio_outputs=n", Level.OK, "strict_gpiod"),
        ((STOP,), None, None, Level.OK, "no interface"),
        (
            (replace(VALVE, pin=8),),
            STRICT + "dtparam=spi=on\n",
            None,
            Level.FAIL,
            "spi is on in config.txt and shares",
        ),
        ((replace(VALVE, pin=8),), STRICT, None, Level.WARN, "pinch on GPIO 8: high or talking during boot"),
        ((replace(STOP, pin=15),), STRICT + "enable_uart=1\n", None, Level.FAIL, "uart0 is on"),
    ],
)
def test_settings_of_the_pi_that_matter_to_its_lines(
    lines: tuple[LineConfig, ...], text: str | None, cmdline: str | None, level: Level, found: str
) -> None:
    finding = gpio.check_settings(lines, text, cmdline)
    assert (finding.level, found in finding.found) == (level, True), finding


def bench(folder: Path, *lines: LineConfig, pins: str = "") -> BenchConfig:
    config = load_bench("pi-example")
    guardian = replace(config.guardian, run_dir=str(folder), gpio=pins or f"folder:{folder}")
    return replace(config, lines=lines, guardian=guardian)


def told(monkeypatch: pytest.MonkeyPatch, *rows: dict[str, Any]) -> None:
    monkeypatch.setattr("rig.doctor.gpio.about", lambda _places: {"ok": True, "lines": list(rows)})


def test_a_guardian_tells_of_its_lines_and_what_is_wrong_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = "it reads 1 after it was set to 0"
    told(
        monkeypatch,
        {"line": "pinch", "pin": 17, "role": "valve", "level": 1, "safe": 0, "why": why},
        {"line": "stop", "pin": 22, "role": "emergency_stop", "level": 0, "safe": None, "why": None},
    )
    valve, stop = gpio.check_lines(bench(tmp_path, VALVE, STOP), tmp_path)
    assert (valve.level, valve.found) == (Level.FAIL, f"pinch: GPIO 17, valve, safe low: {why}")
    assert (stop.level, stop.found) == (Level.OK, "stop: GPIO 22, emergency_stop: low")


def test_lines_that_are_files_are_read_as_they_lie_there(tmp_path: Path) -> None:
    config = bench(tmp_path, VALVE, STOP)
    assert [each.level for each in gpio.check_lines(config, tmp_path)] == [Level.OK, Level.OK]  # nobody has set them
    (tmp_path / "17.out").write_text("1")
    (tmp_path / "22.in").write_text("1")
    valve, stop = gpio.check_lines(config, tmp_path)
    assert (valve.level, stop.level) == (Level.FAIL, Level.FAIL)
    assert valve.expected == "low while no run has the bench"
    assert "release the emergency stop" in stop.hint


def test_pins_without_a_chip_and_pins_that_somebody_has_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = bench(tmp_path, VALVE, pins="rpi")
    (finding,) = gpio.check_lines(config, tmp_path)
    assert (finding.level, "no chip of a Pi's header" in finding.found) == (Level.FAIL, True)
    monkeypatch.setattr("rig.doctor.gpio.header_chip", lambda devices: devices / "gpiochip0")
    info = LineInfo
    monkeypatch.setattr("rig.doctor.gpio.line_info", lambda _chip, pin: info(pin, "GPIO17", "fan", True, True))
    (finding,) = gpio.check_lines(config, tmp_path)
    assert (finding.level, finding.found) == (Level.FAIL, "pinch: GPIO 17, valve, safe low: 'fan' has it")
    monkeypatch.setattr("rig.doctor.gpio.line_info", lambda _chip, pin: info(pin, "GPIO17", "", False, False))
    (finding,) = gpio.check_lines(config, tmp_path)
    assert (finding.level, "free" in finding.found) == (Level.OK, True)


def test_a_line_that_is_only_looked_at_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"line": "stop", "pin": 22, "role": "emergency_stop", "level": 0, "safe": None, "why": None, "deaf": True}
    told(monkeypatch, row)
    (stop,) = gpio.check_lines(bench(tmp_path, STOP), tmp_path)
    assert (stop.level, stop.expected) == (Level.WARN, "rpi-lgpio")
