"""Ports by identity, and the devices behind them."""

import os
import pty
from dataclasses import replace
from pathlib import Path
from typing import Any

from rig.bench import open_bench
from rig.clock import VirtualClock
from rig.config import load_bench
from rig.doctor import devices
from rig.doctor.findings import Level
from rig.drivers.mt_sics import SicsBalance
from rig.transport.virtual import Port, VirtualLinks
from tests.sim.test_serve import Served


def _identities(tmp_path: Path, name: str, device: str) -> Path:
    """Make /dev/serial with one name for a device, as udev does."""
    folder = tmp_path / "serial" / "by-id"
    folder.mkdir(parents=True)
    (tmp_path / device).touch()
    (folder / name).symlink_to(f"../../{device}")
    return tmp_path / "serial"


def test_a_port_by_identity_is_as_it_should_be(tmp_path: Path) -> None:
    serial = _identities(tmp_path, "usb-stick-if00", "ttyUSB3")
    finding = devices.check_port("pump port", str(serial / "by-id" / "usb-stick-if00"), serial, twin=False)
    assert finding.level is Level.OK
    assert "ttyUSB3" in finding.found


def test_a_number_is_warned_of_and_its_identity_named(tmp_path: Path) -> None:
    serial = _identities(tmp_path, "usb-stick-if00", "ttyUSB3")
    finding = devices.check_port("pump port", str(tmp_path / "ttyUSB3"), serial, twin=False)
    assert finding.level is Level.WARN
    assert finding.hint.endswith("by-id/usb-stick-if00")


def test_an_on_board_uart_has_one_name_only(tmp_path: Path) -> None:
    (tmp_path / "ttyAMA0").touch()
    finding = devices.check_port("pump port", str(tmp_path / "ttyAMA0"), tmp_path / "serial", twin=False)
    assert finding.level is Level.OK


def test_a_missing_port_names_what_is_there(tmp_path: Path) -> None:
    serial = _identities(tmp_path, "usb-other-if00", "ttyUSB0")
    finding = devices.check_port("balance port", str(serial / "by-id" / "usb-balance"), serial, twin=False)
    assert finding.level is Level.FAIL
    assert "usb-other-if00" in finding.found
    assert devices.check_port("balance port", "", serial, twin=False).level is Level.FAIL


def test_a_pseudo_terminal_is_expected_of_the_twin_only() -> None:
    master, slave = pty.openpty()
    try:
        port = os.ttyname(slave)
        assert devices.check_port("pump port", port, Path("/absent"), twin=True).level is Level.OK
        assert devices.check_port("pump port", port, Path("/absent"), twin=False).level is Level.WARN
    finally:
        os.close(master)
        os.close(slave)


def test_the_twins_devices_answer_in_process() -> None:
    config = load_bench("simulated-522")
    pump, balance = devices.check_simulated(config, config.pump_profile())
    assert (pump.level, balance.level) == (Level.OK, Level.OK)
    assert "522 900522" in pump.found


def test_asking_moves_nothing() -> None:
    config = load_bench("simulated")
    bench = open_bench(config, config.pump_profile())
    bench.pump.open()

    def state() -> tuple[object, ...]:
        pump: Any = bench.pump
        return pump.status(), pump.settings(), pump.reservoir_u(), pump.profile(), pump.temp_basal(), pump.history()

    before = state()
    assert devices._pump(bench.pump, config, config.pump_profile()).level is Level.OK
    assert devices._balance(bench.balance, config).level is Level.OK
    assert state() == before


def test_zero_tracking_of_the_balance_is_found() -> None:
    config = load_bench("simulated")
    assert config.simulation is not None
    config = replace(config, simulation=replace(config.simulation, faults=("balance.zero_tracking=on",)))
    pump, balance = devices.check_simulated(config, config.pump_profile())
    assert pump.level is Level.OK
    assert balance.level is Level.FAIL
    assert "zero tracking is on" in balance.found


def test_another_model_than_the_bench_file_says_is_unfit() -> None:
    config = load_bench("simulated")
    bench = open_bench(config, config.pump_profile())
    other = load_bench("simulated-522").pump_profile()
    finding = devices._try("pump", lambda: devices._pump(bench.pump, config, other))
    assert finding.level is Level.FAIL
    assert "723" in finding.found
    assert "522" in finding.expected


def test_every_absent_device_is_listed_and_the_present_one_is_asked(tmp_path: Path) -> None:
    served = Served(model="723")
    try:
        config = load_bench("pty-example")
        config = replace(
            config,
            pump=replace(config.pump, port=str(tmp_path / "no-stick")),
            balance=replace(config.balance, port=served.port("balance"), serial="B000000000"),
        )
        found = {each.item: each for each in devices.check_real(config, config.pump_profile(), tmp_path)}
    finally:
        served.stop()
    assert found["pump port"].level is Level.FAIL
    assert "pump" not in found  # nothing behind a port that is not there
    assert found["balance port"].level is Level.OK
    assert found["balance"].level is Level.FAIL
    assert "another balance answers" in found["balance"].found


def test_both_absent_devices_are_listed(tmp_path: Path) -> None:
    config = load_bench("pi-example")
    found = devices.check_real(config, config.pump_profile(), tmp_path)
    assert [(each.item, each.level) for each in found] == [("pump port", Level.FAIL), ("balance port", Level.FAIL)]


class Silent:
    """A device that takes bytes and says nothing."""

    def attach(self, port: Port) -> None:
        pass

    def receive(self, data: bytes, now_ns: int) -> None:
        pass


def test_a_device_that_says_nothing_is_told_in_one_line() -> None:
    links = VirtualLinks(VirtualClock())
    link = links.connect("balance", Silent())
    finding = devices._try("balance", lambda: devices._balance(SicsBalance(links, link), load_bench("simulated")))
    assert finding.level is Level.FAIL
    assert "no complete answer" in finding.found
    assert "\n" not in str(finding)
