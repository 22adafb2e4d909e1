"""One examination: every item that applies to this bench on this computer, in the order of the declarations."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import rig.guardian
from rig.config import BenchConfig
from rig.doctor import machine, safety, storage
from rig.doctor.devices import check_real, check_simulated
from rig.doctor.findings import Finding, Level, ok
from rig.runner.watch import bench_ledger
from rig.wall_clock import WallClock, look

UNITS = Path(rig.guardian.__file__ or "").parent / "units"


@dataclass(frozen=True, slots=True)
class Computer:
    """Where to look on this computer; tests give other places and answers."""

    model: Path = Path("/proc/device-tree/model")
    devices: Path = Path("/dev")
    identities: Path = Path("/dev/serial")
    mountinfo: Path = Path("/proc/self/mountinfo")
    systemd: Path = Path("/run/systemd/system")
    units: Path = Path("/etc/systemd/system")
    throttled: Path = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
    prefix: Path = Path(sys.prefix)
    ask: machine.Ask = machine.ask_program
    clock: Callable[[], WallClock] = look
    gpio: Callable[[], frozenset[str]] = safety.installed_gpio
    today: Callable[[], date] = lambda: datetime.now(UTC).date()


def examine(config: BenchConfig, computer: Computer, days: float = storage.DAYS) -> Iterator[Finding]:
    """Yield a finding for every item that applies; nothing moves, and no item hides another."""
    profile = config.pump_profile()
    pi = machine.is_pi(machine.read_text(computer.model))
    pump = profile.title if config.pump.present else "no pump"
    yield ok("bench file", f"{config.source_name or config.name}: bench {config.name}, {config.kind}, {pump}")
    if config.simulated:
        yield from check_simulated(config, profile)
    else:
        with safety.bench_held(config.name, config.guardian.run_dir) as holder:
            yield holder
            if holder.level is not Level.FAIL:
                yield from check_real(config, profile, computer.identities)
    yield from storage.check_certificates(config, computer.today())
    yield machine.check_clock(computer.clock(), must=not profile.simulated)
    if not config.simulated:
        yield machine.check_hardware_clock(computer.devices)
    yield from _disk(config, computer, days, pi=pi)
    if not config.simulated:
        yield storage.check_ledger(bench_ledger(config, Path(config.runs_dir or "runs")))
        yield safety.check_guardian(config.name, config.guardian.run_dir, computer.ask, computer.systemd, pi=pi)
        if pi:
            yield safety.check_units(UNITS, computer.units)
    yield from _board(config, computer, pi=pi)


def _disk(config: BenchConfig, computer: Computer, days: float, *, pi: bool) -> Iterator[Finding]:
    mounts = storage.parse_mounts(machine.read_text(computer.mountinfo) or "")
    folder = Path(config.runs_dir or "runs").resolve()
    place = next(each for each in (folder, *folder.parents) if each.exists())
    yield storage.check_runs_folder(config.runs_dir, mounts, ports=not config.simulated)
    yield storage.check_space(shutil.disk_usage(place).free, days)
    if not config.simulated:
        yield storage.check_storage(config.storage, storage.mount_of(place, mounts))
    if pi:
        yield machine.check_root(storage.mount_of(Path("/"), mounts))


def _board(config: BenchConfig, computer: Computer, *, pi: bool) -> Iterator[Finding]:
    if pi or config.guardian.watchdog:
        show = ["systemctl", "show", "--property=RuntimeWatchdogUSec", "--value"]
        runtime_sec = computer.ask(show) if computer.systemd.exists() else None
        yield machine.check_watchdog(computer.devices, runtime_sec, config.guardian.watchdog)
    if pi:
        yield machine.check_power(machine.read_throttled(computer.ask, computer.throttled))
    if not config.simulated:
        chip = computer.devices / "gpiochip0"
        yield safety.check_gpio(computer.gpio(), len(config.lines), config.guardian.gpio, chip)
    if pi:
        yield machine.check_environment(computer.prefix)
