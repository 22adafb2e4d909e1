"""Where the runs lie: on a disk or in memory, with room, with an unbroken chain."""

from datetime import date
from pathlib import Path

import pytest

from rig.doctor import storage
from rig.doctor.findings import Level
from rig.record.ledger import BenchLedger

# Lines of real machines, shortened; the fields are those of proc_pid_mountinfo(5).
PI = """\
22 1 179:2 / / rw,noatime shared:1 - ext4 /dev/mmcblk0p2 rw
25 22 0:24 / /run rw,nosuid,nodev shared:11 - tmpfs tmpfs rw,size=761304k,mode=755
80 22 8:1 / /srv/rig rw,noatime shared:41 - ext4 /dev/sda1 rw,errors=remount-ro
"""
LOCKED = """\
22 1 0:21 / / rw,relatime shared:1 - overlay overlayroot rw,lowerdir=/media/root-ro,upperdir=/media/root-rw/overlay
30 22 179:2 / /media/root-ro ro,relatime shared:2 - ext4 /dev/mmcblk0p2 ro
31 22 0:20 / /media/root-rw rw,relatime shared:3 - tmpfs tmpfs-root rw
80 22 8:1 / /srv/rig rw,noatime shared:41 - ext4 /dev/sda1 rw
"""
CONTAINER = """\
500 400 0:60 / / rw,relatime - overlay overlay rw,lowerdir=/var/lib/a,upperdir=/var/lib/b/diff,workdir=/var/lib/b/work
"""
SPACE = "60 22 8:17 / /media/my\\040disk rw shared:9 - vfat /dev/sdb1 rw\n"


@pytest.mark.parametrize(
    ("mountinfo", "path", "source", "memory"),
    [
        (PI, "/home/x/runs", "/dev/mmcblk0p2", False),
        (PI, "/srv/rig/runs", "/dev/sda1", False),
        (PI, "/srv/rigger", "/dev/mmcblk0p2", False),
        (PI, "/run/rig", "tmpfs", True),
        (LOCKED, "/home/x/runs", "overlayroot", True),
        (LOCKED, "/srv/rig/runs", "/dev/sda1", False),
        (CONTAINER, "/home/x/runs", "overlay", False),
        (PI + SPACE, "/media/my disk/runs", "/dev/sdb1", False),
        ("", "/srv", "unknown", False),
    ],
)
def test_a_folder_is_known_by_its_mount(mountinfo: str, path: str, source: str, memory: bool) -> None:
    mounts = storage.parse_mounts(mountinfo)
    mount = storage.mount_of(Path(path), mounts)
    assert mount.source == source
    assert storage.in_memory(mount, mounts) is memory


def test_a_mount_over_another_hides_it() -> None:
    mounts = storage.parse_mounts(PI + "81 80 0:99 / /srv/rig rw - tmpfs tmpfs rw\n")
    assert storage.mount_of(Path("/srv/rig/runs"), mounts).kind == "tmpfs"


def _on(folder: Path, kind: str) -> tuple[storage.Mount, ...]:
    return (storage.Mount(str(folder), kind, "/dev/sda1", frozenset({"rw"})),)


def test_runs_in_memory_make_a_bench_with_ports_unfit(tmp_path: Path) -> None:
    runs = str(tmp_path / "runs")
    assert storage.check_runs_folder(runs, _on(tmp_path, "tmpfs"), ports=True).level is Level.FAIL
    assert storage.check_runs_folder(runs, _on(tmp_path, "tmpfs"), ports=False).level is Level.OK
    finding = storage.check_runs_folder(runs, _on(tmp_path, "ext4"), ports=True)
    assert finding.level is Level.OK
    assert "made by the first run" in finding.found
    assert not (tmp_path / "runs").exists()  # looking makes nothing


def test_a_relative_runs_folder_is_warned_of_on_a_bench_with_ports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert storage.check_runs_folder("runs", _on(tmp_path, "ext4"), ports=True).level is Level.WARN
    assert storage.check_runs_folder("", _on(tmp_path, "ext4"), ports=False).level is Level.OK


def test_a_runs_folder_that_cannot_be_one_is_unfit(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert storage.check_runs_folder(str(tmp_path / "file"), (), ports=True).level is Level.FAIL
    broken = (storage.Mount(str(tmp_path), "ext4", "/dev/sda1", frozenset({"rw", "ro"})),)  # remounted after an error
    finding = storage.check_runs_folder(str(tmp_path / "runs"), broken, ports=True)
    assert finding.level is Level.FAIL
    assert "read-only" in finding.found


def test_room_is_judged_in_days_of_readings() -> None:
    day = 86_400 * 150
    assert storage.check_space(14 * day, 14.0).level is Level.OK
    finding = storage.check_space(14 * day - 1, 14.0)
    assert finding.level is Level.FAIL
    assert "0.18 GB for 14 days" in finding.expected
    assert "3 days" in storage.check_space(3 * day, 1.0).found


@pytest.mark.parametrize(
    ("says", "source", "level"),
    [
        ("ssd", "/dev/sda1", Level.OK),
        ("sd", "/dev/mmcblk0p3", Level.OK),
        ("ssd", "/dev/mmcblk0p2", Level.WARN),
        ("sd", "/dev/nvme0n1p1", Level.WARN),
    ],
)
def test_what_the_bench_file_says_of_the_disk_is_compared(says: str, source: str, level: Level) -> None:
    assert storage.check_storage(says, storage.Mount("/", "ext4", source, frozenset())).level is level


@pytest.mark.parametrize(
    ("due", "level"),
    [
        (date(2026, 11, 1), Level.FAIL),
        (date(2026, 11, 2), Level.FAIL),  # a run that would end today is refused, too
        (date(2026, 11, 3), Level.WARN),
        (date(2026, 12, 2), Level.WARN),
        (date(2026, 12, 3), Level.OK),
    ],
)
def test_a_calibration_is_warned_of_for_thirty_days_before_it_expires(due: date, level: Level) -> None:
    assert storage.check_calibration(due, date(2026, 11, 2)).level is level


def _ledger(tmp_path: Path) -> BenchLedger:
    ledger = BenchLedger(tmp_path / "b.ledger")
    ledger.append("started", run_id="r1", folder="/x/r1", scenario="quick")
    ledger.append("ended", run_id="r1", segment=1, reason="completed", safe={"confirmed": True}, manifest_sha256="0")
    return ledger


def test_a_whole_ledger_of_a_safe_bench_is_fit(tmp_path: Path) -> None:
    assert storage.check_ledger(BenchLedger(tmp_path / "none.ledger")).level is Level.OK
    finding = storage.check_ledger(_ledger(tmp_path))
    assert finding.level is Level.OK
    assert "2 entries" in finding.found


def test_a_run_whose_safe_state_nobody_confirmed_is_named(tmp_path: Path) -> None:
    ledger = _ledger(tmp_path)
    ledger.append("started", run_id="r2", folder="/x/r2", scenario="quick")
    finding = storage.check_ledger(ledger)
    assert finding.level is Level.FAIL
    assert "r2" in finding.found
    assert "acknowledge" in finding.hint
    ledger.append("acknowledged", who="me", why="looked at it")
    assert storage.check_ledger(ledger).level is Level.OK


def test_an_altered_ledger_is_unfit_and_a_torn_one_is_forgiven(tmp_path: Path) -> None:
    ledger = _ledger(tmp_path)
    whole = ledger.path.read_bytes()
    ledger.path.write_bytes(whole + b'{"n":3,"prev')
    assert storage.check_ledger(ledger).level is Level.WARN
    ledger.path.write_bytes(whole.replace(b"completed", b"completes"))
    assert storage.check_ledger(ledger).level is Level.FAIL
