"""A whole examination: what applies where, in one order, on one page."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from rig.config import load_bench
from rig.doctor.examine import UNITS, Computer, examine
from rig.doctor.findings import ITEMS, Finding, Level, exit_code, fail, ok, to_json, warn
from rig.guardian.places import BenchLock, Places
from rig.paths import checkout
from rig.wall_clock import WallClock

PI_MOUNTS = (
    "22 1 0:21 / / rw - overlay overlayroot rw,upperdir=/media/root-rw/overlay\n80 22 8:1 / {} rw - ext4 /dev/sda1 rw\n"
)


FLOW = ("flow source port", "flow source", "air sensor port", "air sensor")


def _ask(command: Sequence[str]) -> str | None:
    answers = {"vcgencmd": "throttled=0x0", "is-active": "active", "show": "10s"}
    return next((answers[word] for word in command if word in answers), None)


def _pi(tmp_path: Path) -> Computer:
    """Return a Pi on which all is well."""
    for name in ("rtc0", "watchdog0", "gpiochip0"):
        (tmp_path / name).touch()
    (tmp_path / "model").write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    (tmp_path / "mountinfo").write_text(PI_MOUNTS.format(tmp_path))
    (tmp_path / "rig-pi-example.sock").touch()
    return Computer(
        model=tmp_path / "model",
        devices=tmp_path,
        identities=tmp_path / "serial",
        mountinfo=tmp_path / "mountinfo",
        systemd=tmp_path,
        units=UNITS,
        throttled=tmp_path / "absent",
        prefix=Path("/opt/rig/venv"),
        ask=_ask,
        clock=lambda: WallClock(datetime(2026, 11, 2, tzinfo=UTC), 0, "yes", 0.01),
        gpio=frozenset,
        today=lambda: date(2026, 11, 2),
    )


def _found(findings: Sequence[Finding]) -> dict[str, Level]:
    return {each.item: each.level for each in findings}


def test_a_well_kept_pi_fails_by_its_missing_devices_only(tmp_path: Path) -> None:
    config = load_bench("pi-example")
    guardian = replace(config.guardian, run_dir=str(tmp_path))
    config = replace(config, guardian=guardian, runs_dir=str(tmp_path / "runs"))
    findings = list(examine(config, _pi(tmp_path)))
    wrong = {each.item for each in findings if each.level is not Level.OK}
    assert wrong == {"pump port", "balance port"}
    assert exit_code(findings) == 4
    # Everything that is declared was looked at, once, in the declared order; what is behind absent ports was not, and
    # this bench has no syringe pump, supply or meter.
    left_out = {"pump", "balance", "balance settings", "supply", "meter", *FLOW}
    names = [item.name for item in ITEMS if item.name not in left_out]
    assert [each.item for each in findings] == names


def test_a_pi_on_which_nothing_is_as_it_should_be_says_all_of_it(tmp_path: Path) -> None:
    config = load_bench("pi-example")
    config = replace(config, runs_dir=str(tmp_path / "runs"), guardian=replace(config.guardian, run_dir=str(tmp_path)))
    computer = replace(
        _pi(tmp_path),
        devices=tmp_path / "absent",
        units=tmp_path / "absent",
        model=tmp_path / "model",
        mountinfo=tmp_path / "mountinfo",
        prefix=Path("/usr"),
        ask=lambda _: None,
        clock=lambda: WallClock(datetime(2026, 11, 2, tzinfo=UTC), 0, "no", None),
        gpio=lambda: frozenset({"rpi.gpio", "rpi-lgpio"}),
        today=lambda: date(2028, 1, 1),
    )
    (tmp_path / "model").write_text("Raspberry Pi 3")
    (tmp_path / "mountinfo").write_text("22 1 179:2 / / rw - ext4 /dev/mmcblk0p2 rw\n")
    found = _found(list(examine(config, computer, days=1e9)))
    fine = {item for item, level in found.items() if level is Level.OK}
    assert fine == {"bench file", "bench in use", "runs folder", "ledger"}
    assert {item for item, level in found.items() if level is Level.FAIL} == {
        "pump port",
        "balance port",
        "calibration",
        "clock",
        "disk space",
        "GPIO package",
    }


def test_a_simulated_bench_is_fit_on_any_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    computer = replace(
        _pi(tmp_path),
        model=tmp_path / "absent",
        clock=lambda: WallClock(datetime(2026, 11, 2, tzinfo=UTC), 0, "no", None),
    )
    findings = list(examine(load_bench("simulated"), computer))
    assert exit_code(findings) == 0
    assert [each.item for each in findings] == [
        "bench file",
        "pump",
        "balance",
        "calibration",
        "clock",
        "runs folder",
        "disk space",
    ]
    assert _found(findings)["clock"] is Level.WARN


def test_the_devices_of_a_bench_in_use_are_left_alone(tmp_path: Path) -> None:
    config = load_bench("pi-example")
    config = replace(config, guardian=replace(config.guardian, run_dir=str(tmp_path)), runs_dir=str(tmp_path))
    lock = BenchLock(Places(config.name, str(tmp_path)))
    lock.take({"state": "run", "run_id": "r1"})
    try:
        found = _found(list(examine(config, _pi(tmp_path))))
    finally:
        lock.release()
    assert found["bench in use"] is Level.FAIL
    assert "pump port" not in found


def test_a_finding_is_one_line_and_belongs_to_a_declared_item() -> None:
    assert str(warn("clock", "a\nb", "c", "d")) == "warn  clock: a b; expected c; try: d"
    assert str(ok("clock", "a")) == "ok    clock: a"
    with pytest.raises(ValueError, match="no item 'clocks'"):
        ok("clocks", "a")


def test_one_failure_makes_a_bench_unfit_and_warnings_do_not() -> None:
    assert exit_code([ok("clock", "a"), warn("storage", "b")]) == 0
    findings = [ok("clock", "a"), fail("storage", "b", "c", "d")]
    assert exit_code(findings) == 4
    assert to_json("b1", findings) == {
        "schema": 1,
        "bench": "b1",
        "fit": False,
        "items": [
            {"item": "clock", "level": "ok", "found": "a", "expected": "", "hint": ""},
            {"item": "storage", "level": "FAIL", "found": "b", "expected": "c", "hint": "d"},
        ],
    }


def test_the_reference_page_says_what_the_items_declare() -> None:
    page = (checkout() / "docs/reference/check.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{item.name}` | {item.when} | {item.bad} | {item.mend} |" for item in ITEMS]
