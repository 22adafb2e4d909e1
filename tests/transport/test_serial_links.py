"""Real ports, on pseudo-terminals: the kernel between us and the far end, and nothing faked."""

import os
import pty
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.clock import SystemClock
from rig.errors import TransportError, TransportTimeout
from rig.transport.serial_links import SerialLinks, SerialSettings, identify_port


@pytest.fixture
def far_end() -> Iterator[tuple[int, str]]:
    """A pseudo-terminal: the far end's descriptor, and the port's name."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    name = os.ttyname(slave)
    yield master, name
    for descriptor in (master, slave):
        try:
            os.close(descriptor)
        except OSError:
            continue


def _all(buffer: bytearray) -> bytes | None:
    if not buffer.endswith(b"\n"):
        return None
    taken = bytes(buffer)
    buffer.clear()
    return taken


def test_bytes_go_out_whole_and_come_back_stamped(far_end: tuple[int, str]) -> None:
    master, name = far_end
    tapped: list[tuple[str, str, int, bytes]] = []
    links = SerialLinks(SystemClock(), lambda *seen: tapped.append(seen))
    link = links.open("balance", name, SerialSettings())
    os.write(master, b"S S  1.0 g\r\n")
    before_ns = links.clock.now_ns()
    assert links.exchange(link, b"SI\r\n", _all, 2.0, "SI") == b"S S  1.0 g\r\n"
    assert os.read(master, 100) == b"SI\r\n"
    assert tapped[0][:2] == ("balance", ">")
    assert before_ns <= link.last_rx_ns <= links.clock.now_ns()
    links.close()


def test_a_pseudo_terminal_is_never_hardware_evidence(far_end: tuple[int, str]) -> None:
    identity = identify_port(far_end[1])
    assert identity.kind == "pty"
    assert not identity.is_hardware


def test_a_link_to_a_pseudo_terminal_is_seen_through(far_end: tuple[int, str], tmp_path: Path) -> None:
    alias = tmp_path / "ttyUSB0"
    alias.symlink_to(far_end[1])
    assert identify_port(str(alias)).kind == "pty"


def test_a_missing_port_is_named_with_what_to_try() -> None:
    with pytest.raises(TransportError, match=r"pump on /dev/ttyNONE: the port cannot be opened .* try: check"):
        SerialLinks(SystemClock()).open("pump", "/dev/ttyNONE", SerialSettings())


def test_a_port_is_opened_by_one_program_only(far_end: tuple[int, str]) -> None:
    links = SerialLinks(SystemClock())
    links.open("balance", far_end[1], SerialSettings())
    with pytest.raises(TransportError, match="cannot be opened"):
        SerialLinks(SystemClock()).open("balance", far_end[1], SerialSettings())
    links.close()


def test_an_unplugged_device_is_an_error_that_says_so() -> None:
    master, slave = pty.openpty()
    name = os.ttyname(slave)
    links = SerialLinks(SystemClock())
    link = links.open("balance", name, SerialSettings())
    os.close(slave)
    os.close(master)
    with pytest.raises(TransportError, match=r"balance on .*: the device went away"):
        links.exchange(link, b"", _all, 2.0, "SI")
    links.close()


def test_silence_is_a_timeout(far_end: tuple[int, str]) -> None:
    links = SerialLinks(SystemClock())
    link = links.open("balance", far_end[1], SerialSettings())
    with pytest.raises(TransportTimeout, match=r"no complete answer to SI within 0\.01 s"):
        links.exchange(link, b"SI\r\n", _all, 0.01, "SI")
    links.close()


def test_rig_time_runs_faster_than_link_time_from_the_common_epoch() -> None:
    clock = SystemClock(speed=60.0, epoch_ns=1000)
    assert clock.rig_ns(1000) == 1000
    assert clock.rig_ns(1000 + 10**9) == 1000 + 60 * 10**9
    assert clock.link_at(clock.rig_ns(123456789)) == 123456789


def test_a_lost_device_does_not_keep_another_from_being_spoken_to(far_end: tuple[int, str]) -> None:
    pump_master, pump_port = far_end
    balance_master, balance_slave = pty.openpty()
    links = SerialLinks(SystemClock())
    pump = links.open("pump", pump_port, SerialSettings())
    balance = links.open("balance", os.ttyname(balance_slave), SerialSettings())
    os.close(balance_slave)
    os.close(balance_master)
    os.write(pump_master, b"stopped\n")
    assert links.exchange(pump, b"stop\n", _all, 2.0, "suspend") == b"stopped\n"
    assert not links.wait(links.clock.link_ns() + 1_000_000)
    with pytest.raises(TransportError, match=r"balance on .*: the device went away"):
        links.exchange(balance, b"SI\r\n", _all, 2.0, "SI")
    links.close()
