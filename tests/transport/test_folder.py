"""A folder of files as a link, and the parity that a pseudo-terminal does not know: the kernel, nothing faked."""

from __future__ import annotations

import os
import pty
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.clock import SystemClock
from rig.drivers.air.files import SHT4X
from rig.errors import LinkLost
from rig.plugins.spec import Address
from rig.sim.air.folder import SensorFolder
from rig.sim.air.scenes import StillProbe
from rig.transport.folder import files_below
from rig.transport.serial_links import SerialLinks, SerialSettings


@pytest.fixture
def links() -> Iterator[SerialLinks]:
    opened = SerialLinks(SystemClock())
    yield opened
    opened.close()


def test_a_sensor_of_the_kernel_is_read_through_its_files_and_every_file_is_tapped(
    tmp_path: Path, links: SerialLinks
) -> None:
    SensorFolder(StillProbe("steady"), "sht4x", 2).write(tmp_path, 0)
    tapped: list[bytes] = []
    links.tap = lambda _name, _way, _ns, data: tapped.append(data)
    link = links.open("air", str(tmp_path), SerialSettings())
    assert (link.identity.kind, link.identity.is_hardware) == ("folder", False)
    reading = SHT4X.open(links, link, Address("")).read_air()  # type: ignore[attr-defined]
    assert (reading.temperature_c, reading.humidity_pct, reading.pressure_hpa) == (21.3, 38.3, None)
    assert b"hwmon2/temp1_input\n" in tapped
    assert any(each.endswith(b"\t21300\n\n") for each in tapped)


def test_a_folder_that_goes_away_is_a_lost_link_and_is_found_again_under_another_number(
    tmp_path: Path, links: SerialLinks
) -> None:
    root = tmp_path / "hwmon"
    root.mkdir()
    SensorFolder(StillProbe("steady"), "sht4x", 2).write(root, 0)
    link = links.open("air", str(root), SerialSettings())
    sensor = SHT4X.open(links, link, Address(""))
    sensor.open()  # type: ignore[attr-defined]
    root.rename(tmp_path / "gone")
    with pytest.raises(LinkLost, match="went away"):
        sensor.read_air()  # type: ignore[attr-defined]
    assert not links.reopen(link)
    root.mkdir()
    SensorFolder(StillProbe("steady"), "sht4x", 5).write(root, 0)
    assert links.bring_back(link, sensor.identify) is None  # type: ignore[attr-defined]
    assert sensor.read_air().temperature_c == 21.3  # type: ignore[attr-defined]


def test_no_file_outside_of_the_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "folder").mkdir()
    files = files_below(tmp_path / "folder")
    assert [list(files(pattern)) for pattern in ("../secret", "/etc/passwd", "*/../../secret", "")] == [[]] * 4


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "name").mkdir()
    ((path, _, text),) = files_below(tmp_path)("name")
    assert (path, text) == ("name", "!Is a directory")


@pytest.mark.parametrize(
    "settings", [SerialSettings(4800, 7, "E"), SerialSettings(9600, 7, "O"), SerialSettings(9600, 8, "E")]
)
def test_a_pseudo_terminal_opens_again_and_again_whatever_parity_the_device_has(
    settings: SerialSettings, links: SerialLinks
) -> None:
    """The kernel takes 7 bits or parity there once, silently, and refuses them from the second opening on."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    port = os.ttyname(slave)
    os.close(slave)
    try:
        for number in range(3):
            link = links.open(f"air {number}", port, settings)
            os.write(master, b"T= 21.3 'C\r\n")
            assert links.wait(links.clock.link_ns() + 1_000_000_000, link)
            assert bytes(link.inbox) == b"T= 21.3 'C\r\n"
            links.let_go(link)
    finally:
        os.close(master)
