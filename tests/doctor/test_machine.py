"""The computer of a bench, judged from files and answers that a test gives."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rig.doctor import machine
from rig.doctor.findings import Level
from rig.doctor.storage import Mount
from rig.wall_clock import WallClock

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def _clock(synchronised: str, error_s: float | None = None) -> WallClock:
    return WallClock(NOW, 0, synchronised, error_s)


@pytest.mark.parametrize(
    ("seen", "must", "level"),
    [
        (_clock("yes", 0.004), True, Level.OK),
        (_clock("yes", 3.5), True, Level.WARN),
        (_clock("no"), True, Level.FAIL),
        (_clock("no"), False, Level.WARN),
        (_clock("unknown"), True, Level.WARN),
    ],
)
def test_a_clock_that_nobody_keeps_is_unfit_for_a_real_pump_only(seen: WallClock, must: bool, level: Level) -> None:
    assert machine.check_clock(seen, must=must).level is level


def test_a_computer_without_a_battery_clock_is_warned_of(tmp_path: Path) -> None:
    assert machine.check_hardware_clock(tmp_path).level is Level.WARN
    (tmp_path / "rtc0").touch()
    finding = machine.check_hardware_clock(tmp_path)
    assert finding.level is Level.OK
    assert "rtc0" in finding.found


@pytest.mark.parametrize(
    ("model", "is_pi"),
    [
        ("Raspberry Pi 4 Model B Rev 1.4", True),
        ("Raspberry Pi 5 Model B Rev 1.0", True),
        ("QEMU", False),
        (None, False),
    ],
)
def test_a_pi_is_known_by_its_device_tree(model: str | None, is_pi: bool) -> None:
    assert machine.is_pi(model) is is_pi


def test_the_kernels_closing_zero_byte_is_no_part_of_a_model(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    assert machine.read_text(tmp_path / "model") == "Raspberry Pi 5 Model B Rev 1.0"
    assert machine.read_text(tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("kind", "options", "level"),
    [("overlay", {"rw"}, Level.OK), ("ext4", {"ro", "noatime"}, Level.OK), ("ext4", {"rw"}, Level.WARN)],
)
def test_a_root_that_is_written_to_is_warned_of(kind: str, options: set[str], level: Level) -> None:
    root = Mount("/", kind, "/dev/mmcblk0p2", frozenset(options))
    assert machine.check_root(root).level is level


@pytest.mark.parametrize(
    ("flags", "level", "says"),
    [
        ("throttled=0x0", Level.OK, "no under-voltage"),
        ("0", Level.OK, "no under-voltage"),
        ("throttled=0x50005", Level.FAIL, "under-voltage, throttled now"),
        ("throttled=0x50000", Level.WARN, "under-voltage, throttled since the last boot"),
        ("50000", Level.WARN, "since the last boot"),  # the sysfs file: hexadecimal without 0x
        ("throttled=0x80008", Level.WARN, "soft temperature limit now"),
        ("", Level.WARN, "cannot be read"),
        (None, Level.WARN, "cannot be read"),
        ("VCHI initialization failed", Level.WARN, "cannot be read"),
    ],
)
def test_the_firmwares_flags_are_told_in_words(flags: str | None, level: Level, says: str) -> None:
    finding = machine.check_power(flags)
    assert finding.level is level
    assert says in finding.found


def test_vcgencmd_is_asked_before_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "get_throttled"
    file.write_text("1\n")
    assert machine.read_throttled(lambda _: "throttled=0x0", file) == "throttled=0x0"
    assert machine.read_throttled(lambda _: None, file) == "1"
    assert machine.read_throttled(lambda _: "no such command", file) == "1"
    assert machine.read_throttled(lambda _: None, tmp_path / "absent") is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10.0), ("1min 30s", 90.0), ("500ms", 0.5), ("0", 0.0), ("infinity", 0.0), ("", 0.0), ("2min", 120.0)],
)
def test_spans_are_read_as_systemd_prints_them(text: str, seconds: float) -> None:
    assert machine.span_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("there", "runtime_sec", "level"),
    [
        (True, "10s", Level.OK),
        (True, "1min", Level.WARN),
        (True, "0", Level.WARN),
        (True, None, Level.WARN),
        (False, "10s", Level.WARN),
    ],
)
def test_a_watchdog_is_fed_by_systemd_within_what_the_board_counts(
    tmp_path: Path, there: bool, runtime_sec: str | None, level: Level
) -> None:
    if there:
        (tmp_path / "watchdog0").touch()
    assert machine.check_watchdog(tmp_path, runtime_sec, "").level is level


def test_a_watchdog_has_one_opener(tmp_path: Path) -> None:
    device = tmp_path / "watchdog"
    assert machine.check_watchdog(tmp_path, "0", str(device)).level is Level.FAIL
    device.touch()
    assert machine.check_watchdog(tmp_path, "0", str(device)).level is Level.OK
    assert machine.check_watchdog(tmp_path, "10s", str(device)).level is Level.FAIL


def test_the_services_look_in_one_place() -> None:
    assert machine.check_environment(Path("/opt/rig/venv")).level is Level.OK
    assert machine.check_environment(Path("/home/somebody/.venv")).level is Level.WARN


@pytest.mark.parametrize(
    ("command", "answer"), [(["echo", "a"], "a"), (["no-such-program-anywhere"], None), (["false"], "")]
)
def test_a_program_that_is_not_there_is_no_error(command: Sequence[str], answer: str | None) -> None:
    assert machine.ask_program(command) == answer
