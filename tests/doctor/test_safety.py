"""Guardian, bench lock and pins."""

from pathlib import Path

import pytest

from rig.doctor import safety
from rig.doctor.examine import UNITS
from rig.doctor.findings import Level
from rig.gpio.load import installed_packages
from rig.guardian.places import BenchLock, Places

NEW, OLD = "rpi-lgpio", "rpi.gpio"


def _chip(tmp_path: Path) -> Path:
    chip = tmp_path / "gpiochip0"
    chip.touch()
    return chip


@pytest.mark.parametrize(
    ("installed", "lines", "gpio", "level"),
    [
        ({NEW}, 3, "rpi", Level.OK),
        ({OLD}, 3, "rpi", Level.WARN),
        ({"rpi-gpio"}, 3, "rpi", Level.WARN),
        (set(), 3, "rpi", Level.FAIL),
        (set(), 3, "folder:/tmp/pins", Level.OK),
        (set(), 0, "rpi", Level.OK),
        ({OLD, NEW}, 3, "rpi", Level.FAIL),
        ({"rpi-gpio", NEW}, 0, "rpi", Level.FAIL),  # broken even where nobody needs it yet
    ],
)
def test_one_gpio_package_and_the_right_one(
    tmp_path: Path, installed: set[str], lines: int, gpio: str, level: Level
) -> None:
    assert safety.check_gpio(frozenset(installed), lines, gpio, _chip(tmp_path)).level is level


def test_lines_without_a_chip_are_unfit(tmp_path: Path) -> None:
    finding = safety.check_gpio(frozenset({NEW}), 1, "rpi", tmp_path / "gpiochip0")
    assert finding.level is Level.FAIL
    assert "gpio" in finding.hint


def test_installed_packages_are_found_by_their_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RPi.GPIO", "rpi-lgpio"):
        folder = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert installed_packages() >= {OLD, NEW}


@pytest.mark.parametrize(
    ("state", "pi", "level"),
    [
        ("failed", True, Level.FAIL),
        ("inactive", True, Level.WARN),
        ("inactive", False, Level.OK),
        (None, True, Level.WARN),
        ("active", True, Level.FAIL),  # its socket is not where a run looks
    ],
)
def test_the_guardians_service_is_judged_by_its_state(
    tmp_path: Path, state: str | None, pi: bool, level: Level
) -> None:
    finding = safety.check_guardian("b1", str(tmp_path), lambda _: state, tmp_path, pi=pi)
    assert finding.level is level


def test_an_active_guardian_is_reached_where_a_run_looks(tmp_path: Path) -> None:
    Places("b1", str(tmp_path)).socket.touch()
    asked: list[object] = []

    def ask(command: object) -> str:
        asked.append(command)
        return "active"

    assert safety.check_guardian("b1", str(tmp_path), ask, tmp_path, pi=True).level is Level.OK
    assert asked == [["systemctl", "is-active", "rig-guardian@b1"]]


def test_without_systemd_nobody_is_asked(tmp_path: Path) -> None:
    def ask(_command: object) -> str:
        raise AssertionError

    finding = safety.check_guardian("b1", str(tmp_path), ask, tmp_path / "absent", pi=False)
    assert finding.level is Level.OK


def test_a_free_bench_is_held_while_it_is_examined_and_free_again_after_it(tmp_path: Path) -> None:
    with safety.bench_held("b1", str(tmp_path)) as first:
        assert first.level is Level.OK
        with safety.bench_held("b1", str(tmp_path)) as second:
            assert second.level is Level.FAIL
            assert "check" in second.found
    with safety.bench_held("b1", str(tmp_path)) as third:
        assert third.level is Level.OK


@pytest.mark.parametrize(
    ("state", "level", "says"),
    [
        ("idle", Level.OK, "no run"),
        ("safe", Level.OK, "no run"),
        ("run", Level.FAIL, "r7"),
        ("holding", Level.FAIL, "keeps run r7 going"),
        ("unsafe", Level.FAIL, "could not make the bench safe"),
    ],
)
def test_whoever_holds_the_bench_is_named(tmp_path: Path, state: str, level: Level, says: str) -> None:
    lock = BenchLock(Places("b1", str(tmp_path)))
    lock.take({"state": state, "run_id": "r7"})
    try:
        with safety.bench_held("b1", str(tmp_path)) as finding:
            assert finding.level is level
            assert says in finding.found
    finally:
        lock.release()


def test_a_lock_that_cannot_be_had_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with safety.bench_held("b1", str(tmp_path / "file")) as finding:
        assert finding.level is Level.FAIL


def test_units_of_another_version_and_missing_ones_are_named(tmp_path: Path) -> None:
    assert safety.check_units(UNITS, UNITS).level is Level.OK
    (tmp_path / "rig-run@.service").write_text("[Service]\n")
    finding = safety.check_units(UNITS, tmp_path)
    assert finding.level is Level.WARN
    assert finding.found.startswith("other: rig-run@.service; missing: ")
    assert "rig-guardian@.service" in finding.found
