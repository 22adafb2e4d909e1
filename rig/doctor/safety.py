"""What makes the bench safe when a runner dies: its guardian, its lock, its pins."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rig.doctor.findings import Finding, fail, ok, warn
from rig.doctor.machine import Ask
from rig.errors import ConfigError, UsageError
from rig.gpio.load import BOTH_INSTALLED, NEW, OLD, REPAIR, both_installed
from rig.guardian.places import BenchLock, Places

UNIT_KINDS = frozenset({".service", ".mount"})


@contextmanager
def bench_held(bench: str, run_dir: str) -> Iterator[Finding]:
    """Hold the bench lock while its devices are asked, and say who else has it.

    A guardian that serves the bench as a service has the lock all the time: while it is idle, the devices may be asked.
    """
    try:
        places = Places(bench, run_dir)
        lock = BenchLock(places)
        lock.take({"state": "check"})
    except ConfigError as error:
        yield fail("bench in use", error.what, f"a folder for lock and socket ({error.where})", error.hint)
    except UsageError as error:
        yield check_holder(holder_of(places.lock), error)
    else:
        try:
            yield ok("bench in use", "the bench is free")
        finally:
            lock.release()


def holder_of(lock: Path) -> dict[str, object]:
    """Return what the holder of a bench lock wrote into it."""
    try:
        found = json.loads(lock.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def check_holder(holder: dict[str, object], error: UsageError) -> Finding:
    """Judge a bench lock that somebody holds."""
    state, run_id = holder.get("state"), holder.get("run_id", "-")
    if state in {"idle", "safe"}:
        return ok("bench in use", f"the guardian (process {holder.get('pid', '?')}) has the bench, and no run")
    if state == "unsafe":
        return fail(
            "bench in use",
            f"the guardian could not make the bench safe after run {run_id}",
            "a confirmed safe state",
            "go to the bench and stop the pump; then rig runs acknowledge",
        )
    if state == "holding":
        return fail(
            "bench in use",
            f"the guardian keeps run {run_id} going without its runner",
            "a free bench",
            f"rig runs resume {run_id}",
        )
    return fail("bench in use", error.what, "a free bench", error.hint)


def check_guardian(bench: str, run_dir: str, ask: Ask, systemd: Path, *, pi: bool) -> Finding:
    """Judge the guardian's service; ``systemd`` exists only where systemd runs (sd_booted(3))."""
    unit = f"rig-guardian@{bench}"
    state = ask(["systemctl", "is-active", unit]) if systemd.exists() else None
    own = "each run starts a guardian of its own"
    if state == "active":
        try:
            socket = Places(bench, run_dir).socket
        except ConfigError as error:
            return fail("guardian", error.what, error.expected, error.hint)
        if socket.exists():
            return ok("guardian", f"{unit} is active, {socket}")
        return fail(
            "guardian",
            f"{unit} is active, and {socket} is not there: a run would not find it",
            "the folder of the service",
            'run as the service\'s user; run_dir = "/run/rig" under [guardian] in the bench file',
        )
    if state == "failed":
        return fail("guardian", f"{unit} has failed", "an active service", f"journalctl -u {unit}")
    if pi:
        return warn(
            "guardian",
            f"{unit} is {state or 'unknown to this computer'}: {own}",
            "a service, which outlives terminal and login",
            f"sudo systemctl enable --now {unit}",
        )
    return ok("guardian", f"no service: {own}")


def check_units(shipped: Path, installed: Path) -> Finding:
    """Compare the services' units with those of this version; ``installed`` is the folder /etc/systemd/system."""
    wanted = [path for path in sorted(shipped.iterdir()) if path.suffix in UNIT_KINDS]
    missing = [path.name for path in wanted if not (installed / path.name).is_file()]
    other = [
        path.name
        for path in wanted
        if path.name not in missing and (installed / path.name).read_bytes() != path.read_bytes()
    ]
    if not missing and not other:
        return ok("service units", "those of this version")
    words = [f"{what}: {', '.join(names)}" for what, names in (("other", other), ("missing", missing)) if names]
    hint = f"sudo cp {shipped}/* {installed}/ && sudo systemctl daemon-reload"
    return warn("service units", "; ".join(words), "those of this version", hint)


def check_gpio(installed: frozenset[str], lines: int, gpio: str, chip: Path) -> Finding:
    """Judge the GPIO package: two that share files break each other, and lines need one (gpio reference 1.1)."""
    old, new = bool(installed & OLD), NEW in installed
    if both_installed(installed):
        return fail(
            "GPIO package",
            BOTH_INSTALLED,
            "rpi-lgpio alone",
            REPAIR,
        )
    if not lines or gpio != "rpi":
        return ok("GPIO package", f"none needed: {'no lines' if not lines else gpio} in the bench file")
    if not old and not new:
        return fail(
            "GPIO package",
            f"none, and the bench has {lines} lines",
            "rpi-lgpio",
            "docs/how-to/install-on-a-pi.md says how, for each release",
        )
    if not os.access(chip, os.R_OK | os.W_OK):
        return fail("GPIO package", f"{chip} cannot be opened", "a chip for group gpio", "sudo usermod -aG gpio USER")
    if old:
        return warn(
            "GPIO package",
            "RPi.GPIO",
            "rpi-lgpio: RPi.GPIO sees no edges on kernels from 6.6 on, and no Pi 5",
            "pip uninstall RPi.GPIO, then pip install rpi-lgpio",
        )
    return ok("GPIO package", f"rpi-lgpio for {lines} lines")
