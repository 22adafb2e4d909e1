"""The systemd units: they parse, they call commands that exist, and the guide says the same."""

import re
import shlex
from configparser import ConfigParser
from pathlib import Path

import pytest

import rig.guardian
from rig.cli.main import build_parser
from rig.doctor import machine
from rig.guardian.plan import ASLEEP_LIMIT_S
from rig.guardian.system import Watchdogs
from rig.guardian.takeover import FENCE_LIMIT_S
from rig.paths import checkout

UNITS = sorted(Path(rig.guardian.__file__).parent.joinpath("units").iterdir())
COMMAND = "/opt/rig/venv/bin/rig"
GUIDE = (checkout() / "docs/how-to/install-on-a-pi.md").read_text("utf-8")


def _read(path: Path) -> ConfigParser:
    parser = ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",), strict=True)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(path.read_text("utf-8"))
    return parser


def _unit(name: str) -> ConfigParser:
    return _read(next(path for path in UNITS if path.name == name))


def _commands() -> list[str]:
    found = []
    for path in UNITS:
        unit = _read(path)
        if unit.has_section("Service"):
            found += [value for key, value in unit["Service"].items() if key.startswith("Exec")]
    return found


def test_there_are_the_units_that_the_guide_installs() -> None:
    assert [path.name for path in UNITS] == [
        "rig-guardian@.service",
        "rig-resume@.service",
        "rig-run@.service",
        "srv-rig.mount",
    ]
    for path in UNITS:
        assert f"/opt/rig/src/rig/guardian/units/{path.name}" in GUIDE


@pytest.mark.parametrize("command", _commands())
def test_every_unit_calls_a_command_with_options_that_exist(command: str) -> None:
    words = shlex.split(command.replace("$SCENARIOS", "basal_24h bolus_series").replace("%i", "b1"))
    assert words[0] == COMMAND
    options = build_parser().parse_args(words[1:])
    assert options.command in words


def test_the_guardian_is_given_the_time_that_it_needs() -> None:
    service = _unit("rig-guardian@.service")["Service"]
    assert service["Type"] == "notify"
    assert service["Restart"] == "always"
    assert _unit("rig-guardian@.service")["Unit"]["StartLimitIntervalSec"] == "0"
    # A watchdog that bites in the middle of a takeover would leave the pump running.
    assert float(service["WatchdogSec"]) > 2 * (FENCE_LIMIT_S + Watchdogs.FEED_S)
    assert float(service["WatchdogSec"]) <= machine.HARDWARE_WATCHDOG_S
    assert float(service["TimeoutStopSec"]) > 2 * ASLEEP_LIMIT_S
    # A lock file that is removed with the service could be locked twice.
    assert (service["RuntimeDirectory"], service["RuntimeDirectoryPreserve"]) == ("rig", "yes")
    assert service["Environment"] == "LG_WD=/run/rig"


def test_hardening_forbids_the_guardian_neither_ports_nor_lines_nor_the_clock() -> None:
    service = _unit("rig-guardian@.service")["Service"]
    forbidding = {"PrivateDevices", "DevicePolicy", "DeviceAllow", "ProtectClock", "PrivateTmp", "ProtectHome"}
    assert not forbidding & set(service)
    assert service["ProtectSystem"] == "full"  # strict would make the run folders read-only
    assert {"dialout", "gpio"} <= set(service["SupplementaryGroups"].split())


def test_a_run_has_its_guardian_first_and_is_never_started_again_by_itself() -> None:
    unit = _unit("rig-run@.service")
    # Whatever requires a guardian is started again with it, whatever its own Restart= says.
    assert unit["Unit"]["Wants"] == "rig-guardian@%i.service"
    assert {"Requires", "BindsTo", "PartOf"}.isdisjoint(unit["Unit"])
    assert "rig-guardian@%i.service" in unit["Unit"]["After"]
    assert unit["Service"]["Restart"] == "no"
    assert not unit.has_section("Install")
    assert unit["Service"]["ExecStartPre"].startswith(f"{COMMAND} check ")


@pytest.mark.parametrize("name", ["rig-run@.service", "rig-resume@.service"])
def test_stopping_a_run_never_kills_a_guardian_that_it_had_to_start(name: str) -> None:
    assert _unit(name)["Service"]["KillMode"] == "process"


def test_all_services_run_as_the_one_user_that_the_guide_makes() -> None:
    for path in UNITS:
        unit = _read(path)
        if unit.has_section("Service"):
            assert (unit["Service"]["User"], unit["Service"]["Group"]) == ("rig", "rig")
            groups = set(unit["Service"]["SupplementaryGroups"].split())
            made = re.search(r"useradd .*--groups (\S+) rig", GUIDE)
            assert made is not None
            assert groups <= set(made[1].split(","))


def test_the_guide_makes_the_disk_that_the_mount_unit_mounts() -> None:
    mount = _unit("srv-rig.mount")["Mount"]
    assert mount["Where"] == "/srv/rig"  # a mount unit is named after its place
    label = Path(mount["What"]).name
    assert f"mkfs.ext4 -L {label} " in GUIDE
    assert "noatime" in mount["Options"].split(",")
    assert _unit("rig-run@.service")["Unit"]["RequiresMountsFor"] == mount["Where"]


def test_every_rig_command_of_the_guide_parses() -> None:
    called = re.findall(rf"{COMMAND}((?: [^\s`]+)+)", GUIDE)
    assert len(called) >= 3
    for words in called:
        build_parser().parse_args(words.replace("NAME", "b1").split())


def test_the_guide_and_the_doctor_want_the_same() -> None:
    assert f"RuntimeWatchdogSec={10}" in GUIDE
    assert str(machine.VENV) in GUIDE
    assert 'run_dir = "/run/rig"' in GUIDE
