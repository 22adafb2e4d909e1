"""Where the runs are kept: writable, on a disk and not in memory, with room, and with an unbroken chain of runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from rig.config import BenchConfig
from rig.doctor.findings import Finding, Level, fail, ok, warn
from rig.errors import RecordError
from rig.record.ledger import BenchLedger
from rig.runner.preflight import BYTES_PER_READING

DAYS = 14.0
MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs"})
_SECONDS_PER_DAY = 86_400
_SOON_DAYS = 30


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted file system, as the kernel's mountinfo says."""

    point: str
    kind: str
    source: str
    options: frozenset[str]  # of the mount and of the file system


def parse_mounts(mountinfo: str) -> tuple[Mount, ...]:
    """Return the mounts of /proc/self/mountinfo (proc_pid_mountinfo(5)); lines that are none are left out."""
    mounts = []
    for line in mountinfo.splitlines():
        left, mark, right = line.partition(" - ")
        before, after = left.split(" "), right.split(" ")
        if mark and len(before) >= 6 and len(after) >= 3:
            options = frozenset([*before[5].split(","), *after[2].split(",")])
            mounts.append(Mount(_plain(before[4]), after[0], _plain(after[1]), options))
    return tuple(mounts)


def mount_of(path: Path, mounts: Sequence[Mount]) -> Mount:
    """Return the mount on which an absolute path lies; of several at one place the newest, which hides the others."""
    best = Mount("/", "unknown", "unknown", frozenset())
    for mount in mounts:
        inside = path.is_relative_to(mount.point)
        if inside and len(Path(mount.point).parts) >= len(Path(best.point).parts):
            best = mount
    return best


def in_memory(mount: Mount, mounts: Sequence[Mount]) -> bool:
    """Say whether a power cut erases what is written there: memory, or an overlay whose upper layer is in memory."""
    if mount.kind != "overlay":
        return mount.kind in MEMORY
    upper = next((text.removeprefix("upperdir=") for text in mount.options if text.startswith("upperdir=/")), "")
    return bool(upper) and mount_of(Path(upper), [each for each in mounts if each != mount]).kind in MEMORY


def check_runs_folder(runs_dir: str, mounts: Sequence[Mount], *, ports: bool) -> Finding:
    """Judge the folder of the runs; ``ports``: the bench has real ports, so that its runs matter."""
    given = Path(runs_dir or "runs")
    folder = given.resolve()
    place = _existing(folder)
    mount = mount_of(place, mounts)
    where = f"{folder} on {mount.source} ({mount.kind})"
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return fail(
            "runs folder", f"{place} cannot be written", "a folder of the user who runs", "mount the disk, or chown it"
        )
    if "ro" in mount.options:
        return fail(
            "runs folder", f"{where} is mounted read-only", "a disk that can be written", "mount it again; fsck"
        )
    if in_memory(mount, mounts) and ports:
        return fail(
            "runs folder",
            f"{where} lies in memory: a power cut erases it",
            "a disk",
            "mount the SSD by a mount unit, not in /etc/fstab: docs/how-to/install-on-a-pi.md",
        )
    if ports and not given.is_absolute():
        return warn(
            "runs folder",
            f"{where} depends on where the command is called",
            "an absolute runs_dir in the bench file",
            'runs_dir = "/srv/rig/runs"',
        )
    return ok("runs folder", where if folder.exists() else f"{where}, made by the first run")


def check_space(free_bytes: int, days: float) -> Finding:
    """Judge the room for ``days`` days of readings at 1 Hz, as large as a record at worst makes them."""
    per_day = _SECONDS_PER_DAY * BYTES_PER_READING
    found = f"{free_bytes / 1e9:.2f} GB free: {free_bytes / per_day:.0f} days of readings at 1 Hz"
    if free_bytes < days * per_day:
        return fail("disk space", found, f"{days * per_day / 1e9:.2f} GB for {days:g} days", "move old runs away")
    return ok("disk space", found)


def check_storage(storage: str, mount: Mount) -> Finding:
    """Compare what the bench file says of the disk with what it is."""
    card = Path(mount.source).name.startswith("mmcblk")
    what = f"the runs lie on {mount.source}, {'an SD card' if card else 'no SD card'}"
    if card and storage != "sd":
        return warn("storage", what, 'storage = "sd" in the bench file, or another disk', "move the runs to a USB SSD")
    if not card and storage == "sd":
        return warn("storage", what, 'storage = "ssd"', "with sd up to 10 s of readings are at risk, for nothing")
    return ok("storage", f"{what}, as the bench file says")


def check_ledger(ledger: BenchLedger) -> Finding:
    """Judge the chain of what happened to the bench, and how its last run left it."""
    name = ledger.path
    try:
        reading, unsafe = ledger.read(), ledger.unsafe()
    except RecordError as error:
        return fail("ledger", error.what, "a file that can be read", error.hint)
    if reading.damage:
        more = f" (and {len(reading.damage) - 1} more)" if len(reading.damage) > 1 else ""
        return fail("ledger", f"{reading.damage[0]}{more}", "an unaltered chain", "keep the file; rig audit says more")
    if unsafe is not None:
        return fail(
            "ledger",
            f"{unsafe.kind} of run {unsafe.run_id or '-'} at {unsafe.utc}: nobody confirmed that the bench is safe",
            "a confirmed safe state",
            "look at the pump; then rig runs acknowledge --bench BENCH --why TEXT",
        )
    if reading.torn:
        return warn("ledger", reading.torn[0], hint="nothing: it is forgiven")
    if not reading.entries:
        return ok("ledger", f"{name}: no run yet")
    return ok("ledger", f"{name}: {len(reading.entries)} entries, chain unbroken, bench left safe")


def check_certificates(config: BenchConfig, today: date) -> Iterator[Finding]:
    """Judge every certificate of a bench; those that only a qualification rests on make no bench unfit for a run."""
    for each in (*config.certificates, *config.qualifying_certificates):
        found = check_calibration(each.due, today, each.device, each.key)
        if found.level is Level.FAIL and each in config.qualifying_certificates:
            found = replace(found, level=Level.WARN)
        told = f"{each.number}, until {each.due.isoformat()}"
        yield replace(found, device=each.device, facts=(("calibration", told),))


def check_calibration(due: date, today: date, device: str = "balance", key: str = "balance.calibration") -> Finding:
    """Judge one certificate."""
    finding = _calibration(due, today, device, key)
    return finding if device == "balance" else replace(finding, found=f"{device}: {finding.found}")


def _calibration(due: date, today: date, device: str, key: str) -> Finding:
    left = (due - today).days
    hint = f"have the {device} calibrated, and correct [{key}] due"
    if left <= 0:
        return fail("calibration", f"expired on {due.isoformat()}", f"a day after {today.isoformat()}", hint)
    if left <= _SOON_DAYS:
        return warn(
            "calibration", f"expires on {due.isoformat()}, in {left} days", f"more than {_SOON_DAYS} days", hint
        )
    return ok("calibration", f"valid until {due.isoformat()}")


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def _plain(text: str) -> str:
    """Undo the octal escapes of mountinfo."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text
