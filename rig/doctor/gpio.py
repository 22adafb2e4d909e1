"""A bench's GPIO lines: the Pi's model, its settings for them, and each line as its guardian or the kernel tells it.

Nothing is claimed: a line belongs to the guardian, and to claim an output would drive it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rig.config import BenchConfig, LineConfig
from rig.doctor.findings import Finding, Level, fail, ok, warn
from rig.doctor.machine import read_text
from rig.errors import ConfigError
from rig.gpio.line_info import header_chip, line_info
from rig.guardian.chips import FOLDER
from rig.guardian.client import about
from rig.guardian.places import Places

MODELS = re.compile(r"Raspberry Pi (?:3|4|5|400|500|Compute Module [345]|Zero 2)\b")
OUTPUTS = frozenset({"valve", "supply", "button", "output", "heartbeat"})
BOOT_HIGH = range(9)  # pulled up from reset until something sets them up
SHARED = {"spi": range(7, 12), "i2c_arm": range(2, 4), "uart0": range(14, 16)}
STRICT = re.compile(r"^\s*dtparam=(?:\S*,)?strict_gpiod(?:=on|=1)?\s*(?:#.*)?$", re.MULTILINE)
WIRING = "docs/reference/gpio.md: wiring that fails safe"
SAID = "pip uninstall RPi.GPIO, then pip install rpi-lgpio"


def check_model(model: str) -> Finding:
    """Judge the board: the header of Pi 3, 4 and 5 is what the pin numbers mean."""
    if MODELS.search(model):
        return ok("Pi model", model)
    return warn("Pi model", model, "a Pi 3, 4 or 5", "older boards have other headers and are too slow")


def check_settings(lines: Sequence[LineConfig], config_txt: str | None, cmdline: str | None) -> Finding:
    """Judge config.txt and the kernel's command line: who else has the pins, and what becomes of a dead process's."""
    text = config_txt or ""
    for name, pins in SHARED.items():
        taken = [line for line in lines if line.pin in pins]
        switch = "(?:dtparam=uart0=on|enable_uart=1)" if name == "uart0" else f"dtparam={name}=on"
        if taken and re.search(rf"^\s*{switch}\s*$", text, re.MULTILINE):
            return fail(
                "GPIO settings",
                f"{name} is on in config.txt and shares GPIO {', '.join(str(line.pin) for line in taken)}",
                "other pins, or the interface off",
                "sudo raspi-config nonint do_spi 1 (do_i2c 1, do_serial_hw 1)",
            )
    outputs = [line for line in lines if line.role in OUTPUTS]
    persists = not STRICT.search(text) and "persist_gpio_outputs=n" not in (cmdline or "")
    if outputs and persists:
        return warn(
            "GPIO settings",
            "outputs of a process that died keep their level",
            "dtparam=strict_gpiod in config.txt",
            "add it below [all] in /boot/firmware/config.txt, then reboot; even then lines only float: " + WIRING,
        )
    wrong = [line for line in outputs if line.pin in (*BOOT_HIGH, 14, 15)]
    if wrong:
        named = ", ".join(f"{line.name} on GPIO {line.pin}" for line in wrong)
        return warn("GPIO settings", f"{named}: high or talking during boot", "outputs on GPIO 9 to 27", WIRING)
    return ok("GPIO settings", "strict_gpiod; no interface shares a line" if outputs else "no interface shares a line")


def check_lines(config: BenchConfig, devices: Path) -> Iterator[Finding]:
    """Yield a finding for each line of the bench: pin, function, level, safe level, verdict."""
    try:
        told = (about(Places(config.name, config.guardian.run_dir)) or {}).get("lines")
    except ConfigError:
        told = None
    rows = {str(row["line"]): row for row in told} if told else {}
    chip: Path | None = None
    why = ""
    if not rows and config.guardian.gpio == "rpi":
        try:
            chip = header_chip(devices)
            why = "" if chip else f"no chip of a Pi's header in {devices}"
        except OSError as error:
            why = str(error)
    for line in config.lines:
        if line.name in rows:
            yield _as_guarded(line, rows[line.name])
        elif config.guardian.gpio.startswith(FOLDER):
            yield _as_file(line, Path(config.guardian.gpio.removeprefix(FOLDER)))
        else:
            yield _as_the_kernel_says(line, chip, why)


def _head(line: LineConfig) -> str:
    safe = f", safe {line.safe}" if line.role in OUTPUTS else ""
    return f"{line.name}: GPIO {line.pin}, {line.role}{safe}"


def _as_guarded(line: LineConfig, row: dict[str, Any]) -> Finding:
    if row.get("why"):
        return fail("GPIO line", f"{_head(line)}: {row['why']}", "a line that does what it is told", WIRING)
    seen = _level(line, row.get("level"))
    if row.get("deaf") and seen.level is Level.OK:
        return warn("GPIO line", f"{seen.found}, only looked at: its edges cannot be had", "rpi-lgpio", SAID)
    return seen


def _level(line: LineConfig, level: int | None) -> Finding:
    shown = {0: "low", 1: "high"}.get(level if level is not None else -1, "unknown")
    found = f"{_head(line)}: {shown}"
    if line.role == "emergency_stop" and level != 0:
        return fail(
            "GPIO line", found, "low", "release the emergency stop, or mend its wire; then rig runs acknowledge"
        )
    if line.role in OUTPUTS and line.role != "heartbeat" and shown != line.safe:
        return fail("GPIO line", found, f"{line.safe} while no run has the bench", WIRING)
    return ok("GPIO line", found)


def _as_file(line: LineConfig, folder: Path) -> Finding:
    text = read_text(folder / f"{line.pin}.{'out' if line.role in OUTPUTS else 'in'}")
    if text not in ("0", "1"):
        return ok("GPIO line", f"{_head(line)}: nobody has set it yet")
    return _level(line, int(text))


def _as_the_kernel_says(line: LineConfig, chip: Path | None, why: str) -> Finding:
    try:
        info = line_info(chip, line.pin) if chip is not None else None
    except OSError as error:
        info, why = None, str(error)
    if info is None:
        return fail(
            "GPIO line", f"{_head(line)}: {why}", "a line of the Pi's header", "group gpio; docs/reference/gpio.md"
        )
    if info.used:
        return fail(
            "GPIO line",
            f"{_head(line)}: '{info.consumer or 'the kernel'}' has it",
            "a free line",
            "end that program, or turn the interface off in config.txt",
        )
    return ok("GPIO line", f"{_head(line)}: free; its level is read when a guardian takes it")
