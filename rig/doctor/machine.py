"""The computer of the bench: its clock, its power, its watchdog, its Python. Every path and answer is an argument."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from rig.doctor.findings import Finding, fail, ok, warn
from rig.doctor.storage import Mount
from rig.wall_clock import WallClock

Ask = Callable[[Sequence[str]], str | None]
"""Runs a program that only reads; returns what it printed, or None when there is no such program."""

VENV = Path("/opt/rig/venv")
LARGEST_ERROR_S = 1.0
HARDWARE_WATCHDOG_S = 15.0  # the Pi's counts 16 s at most; older kernels refuse or wrap more
_ASK_LIMIT_S = 10.0
_UNITS_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_NOW = {0: "under-voltage", 1: "frequency capped", 2: "throttled", 3: "soft temperature limit"}
_SINCE_BOOT = 16  # the same bits, shifted: it happened since the boot


def ask_program(command: Sequence[str]) -> str | None:
    """Return what a program prints, trimmed; None when it does not exist or does not answer."""
    program = shutil.which(command[0])
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - fixed commands of this package
            [program, *command[1:]], capture_output=True, text=True, timeout=_ASK_LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip()


def read_text(path: Path) -> str | None:
    """Return the text of a small file of the kernel, trimmed; None when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0 \n")
    except OSError:
        return None


def is_pi(model: str | None) -> bool:
    """Say whether a device tree's model is a Raspberry Pi's."""
    return model is not None and "Raspberry Pi" in model


def check_clock(seen: WallClock, *, must: bool) -> Finding:
    """Say whether wall time is synchronised; ``must``: a run would be refused otherwise (design 4.13)."""
    if seen.synchronised == "no":
        say = fail if must else warn
        return say(
            "clock",
            f"{seen.utc.isoformat(timespec='seconds')}, not synchronised",
            "a clock that a time service keeps",
            "connect the network and look at: timedatectl; chronyc tracking",
        )
    if seen.synchronised == "unknown":
        return warn("clock", "the kernel does not say whether the clock is synchronised", "an answer from adjtimex(2)")
    error_s = seen.error_s or 0.0
    if error_s > LARGEST_ERROR_S:
        return warn(
            "clock",
            f"synchronised, but it may be wrong by {error_s:.1f} s",
            f"at most {LARGEST_ERROR_S:g} s",
            "the time service has been silent for long: connect the network",
        )
    return ok("clock", f"synchronised; largest error {error_s:.3f} s as the time service says")


def check_hardware_clock(devices: Path) -> Finding:
    """Say whether the computer has a clock that goes on without power."""
    clocks = sorted(path.name for path in devices.glob("rtc*"))
    if clocks:
        return ok("hardware clock", f"{', '.join(clocks)} in {devices}")
    return warn(
        "hardware clock",
        f"no {devices}/rtc*",
        "a clock with a battery: the date is wrong after a power cut until the network answers",
        "Pi 5: its RTC battery; other Pis: a DS3231 with dtoverlay=i2c-rtc,ds3231 in config.txt",
    )


def check_root(root: Mount) -> Finding:
    """Say whether the root file system is spared: read-only, or under an overlay in memory."""
    if root.kind == "overlay":
        return ok("root file system", "under an overlay: the card is not written to")
    if "ro" in root.options:
        return ok("root file system", "read-only")
    return warn(
        "root file system",
        f"{root.source} is written to",
        "a read-only root or an overlay: a power cut may damage a card that is written to",
        "sudo raspi-config nonint do_overlayfs 0, then reboot",
    )


def read_throttled(ask: Ask, sysfs: Path) -> str | None:
    """Return the firmware's flags as text, or None.

    vcgencmd goes first: reading the older sysfs file makes some kernels log a warning with a stack trace.
    """
    said = ask(["vcgencmd", "get_throttled"])
    return said if said and "=" in said else read_text(sysfs)


def check_power(flags: str | None) -> Finding:
    """Judge the firmware's flags, such as ``throttled=0x50005`` or ``50005``."""
    try:
        value = int((flags or "").rsplit("=", 1)[-1], 16)
    except ValueError:
        return warn(
            "power supply",
            "the firmware's flags cannot be read",
            "an answer to: vcgencmd get_throttled",
            "add the user to group video",
        )
    now = [text for bit, text in _NOW.items() if value >> bit & 1]
    before = [text for bit, text in _NOW.items() if value >> (bit + _SINCE_BOOT) & 1]
    hint = "the Pi's own supply and a short cable; a powered hub for the SSD; cooling"
    if "under-voltage" in now:
        return fail("power supply", f"{', '.join(now)} now ({value:#x})", "5 V at the Pi under load", hint)
    if now or before:
        when = f"{', '.join(now)} now" if now else f"{', '.join(before)} since the last boot"
        return warn("power supply", f"{when} ({value:#x})", "no such flag", hint)
    return ok("power supply", "no under-voltage and no throttling since the last boot")


def check_environment(prefix: Path) -> Finding:
    """Say whether the rig runs from where the services look for it."""
    if prefix == VENV:
        return ok("Python environment", str(VENV))
    return warn(
        "Python environment",
        f"the rig runs from {prefix}",
        str(VENV),
        "install it there: docs/how-to/install-on-a-pi.md",
    )


def check_watchdog(devices: Path, runtime_sec: str | None, bench_device: str) -> Finding:
    """Judge the hardware watchdog: one opener only, systemd, with at most 15 s.

    ``runtime_sec`` is systemd's RuntimeWatchdogUSec as ``systemctl show`` prints it, None without systemd;
    ``bench_device`` what the bench file names for the guardian, empty for none.
    """
    seconds = span_s(runtime_sec) if runtime_sec is not None else 0.0
    if bench_device:
        return _check_bench_watchdog(Path(bench_device), seconds)
    found = sorted(path.name for path in devices.glob("watchdog*"))
    if not found:
        return warn(
            "watchdog", f"no {devices}/watchdog", "the board's hardware watchdog", "dtparam=watchdog=on in config.txt"
        )
    hint = "RuntimeWatchdogSec=10 under [Manager] in /etc/systemd/system.conf.d/watchdog.conf, then reboot"
    if seconds <= 0:
        return warn("watchdog", f"{found[0]} is there, and nobody feeds it", "systemd with RuntimeWatchdogSec=10", hint)
    if seconds > HARDWARE_WATCHDOG_S:
        return warn(
            "watchdog", f"systemd asks for {seconds:g} s", f"at most {HARDWARE_WATCHDOG_S:g} s: more fails", hint
        )
    return ok("watchdog", f"{found[0]}, fed by systemd within {seconds:g} s")


def _check_bench_watchdog(device: Path, systemd_s: float) -> Finding:
    if not device.exists():
        return fail("watchdog", f"the bench file names {device}, which is not there", hint="dtparam=watchdog=on")
    if systemd_s > 0:
        return fail(
            "watchdog",
            f"the bench file names {device}, which systemd feeds already",
            "one opener",
            "take watchdog out of [guardian]: systemd's own is enough",
        )
    return ok("watchdog", f"{device}, fed by the guardian")


def span_s(text: str) -> float:
    """Return a time span as systemd prints it (``1min 30s``) in s; 0 for ``0``, ``infinity`` or none at all."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(us|ms|min|s|h|d)\b", text)
    return sum(float(number) * _UNITS_S[unit] for number, unit in parts)
