"""How the pump is heard, with a verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from rig.bench import pump_driver
from rig.cli.main import main
from rig.config import load_bench, parse_bench
from rig.doctor import devices
from rig.doctor.findings import Level
from rig.doctor.radio import check_radio
from rig.errors import ConfigError
from rig.paths import benches_dir
from rig.plugins.roles import Reads


@dataclass
class Heard:
    """A pump that says how it is heard, and nothing else."""

    rssi_dbm: float | None
    signal: str = ""
    tuned_mhz: float | None = 916.55
    scanned: tuple[tuple[float, float | None], ...] = ()

    def __post_init__(self) -> None:
        if self.rssi_dbm is not None:
            self.signal = f"{self.rssi_dbm:.1f} dBm"


@pytest.mark.parametrize(
    ("dbm", "level", "words"),
    [
        (-47.5, Level.OK, "916.55 MHz, signal -47.5 dBm (good)"),
        (-85.0, Level.OK, "(good)"),
        (-85.5, Level.WARN, "916.55 MHz, signal -85.5 dBm (weak)"),
        (-95.0, Level.WARN, "(weak)"),
        (-95.5, Level.FAIL, "(too weak: packets get lost)"),
    ],
)
def test_a_weak_signal_is_told_with_what_to_do(dbm: float, level: Level, words: str) -> None:
    finding = check_radio(cast("Reads", Heard(dbm)), scans=False)
    assert finding.level is level
    assert words in finding.found
    if level is not Level.OK:
        assert finding.expected == "-85 dBm or more"
        assert "put the stick within a hand's breadth of the pump" in finding.hint
        assert 'frequency = "scan"' in finding.hint
        assert "scan" not in check_radio(cast("Reads", Heard(dbm)), scans=True).hint


def test_a_driver_that_says_nothing_of_a_radio_is_judged_by_nothing() -> None:
    nobody: Any = object()
    assert check_radio(nobody, scans=False).found == ""
    assert check_radio(cast("Reads", Heard(None)), scans=False).found == ""
    told = check_radio(cast("Reads", Heard(None, "208 of 255", 868.35)), scans=False)
    assert (told.level, told.found) == (Level.OK, "868.35 MHz, signal 208 of 255")


def scanning(*more: str) -> str:
    text = (benches_dir() / "simulated.toml").read_text()
    return text.replace("frequency_mhz = 916.55", "\n".join(('frequency = "scan"', *more)))


def test_the_doctor_tells_every_step_of_a_scan() -> None:
    config = parse_bench(scanning())
    pump, _ = devices.check_simulated(config, config.pump_profile())
    assert pump.level is Level.OK
    assert "916.55 MHz, signal -4" in pump.found
    assert "scanned (MHz: dBm) 916.45: -5" in pump.found
    assert "916.80: silent" in pump.found


def test_a_weak_pump_is_a_warning_and_the_bench_is_fit(capsys: pytest.CaptureFixture[str]) -> None:
    config = load_bench("simulated")
    assert config.simulation is not None
    weak = replace(config, simulation=replace(config.simulation, faults=("link.rssi=-90dBm",)))
    pump, _ = devices.check_simulated(weak, weak.pump_profile())
    assert pump.level is Level.WARN
    assert "(weak)" in pump.found
    assert main(["check"]) == 0
    assert "dBm (good)" in capsys.readouterr().out


@pytest.mark.parametrize(("world", "bands"), [("", ("us", "ww")), ('world = "us"', ("us",)), ('world = "ww"', ("ww",))])
def test_the_bench_file_says_where_to_look(world: str, bands: tuple[str, ...]) -> None:
    assert parse_bench(scanning(world)).pump.scan == bands
    assert load_bench("simulated").pump.scan == ()


def test_a_stick_that_cannot_be_tuned_and_a_scan_do_not_go_together() -> None:
    config = parse_bench(scanning().replace('link = "cc111x"', 'link = "carelink"'), "b.toml")
    with pytest.raises(
        ConfigError, match=r"b\.toml:\d+: pump\.frequency: driver 'carelink' finds no frequency by itself"
    ):
        pump_driver(config)
