"""Real ports, on pseudo-terminals: the kernel between us and the far end, and nothing faked."""

import os
import pty
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.clock import SystemClock
from rig.errors import DeviceChanged, EmergencyStopped, LinkLost, TransportError, TransportTimeout
from rig.transport.links import Link, LinkIdentity
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


class SlowClock(SystemClock):
    """A machine's clock that a test moves on."""

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "skipped_ns", 0)

    def skip(self, seconds: float) -> None:
        object.__setattr__(self, "skipped_ns", self.skipped_ns + round(seconds * 1e9))

    def link_ns(self) -> int:
        return time.monotonic_ns() + self.skipped_ns

    skipped_ns: int


class Cable:
    """A pseudo-terminal under a stable name, which can be pulled and put back."""

    def __init__(self, name: Path) -> None:
        self.name = name
        self.plug()

    def plug(self) -> None:
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.name.unlink(missing_ok=True)
        self.name.symlink_to(os.ttyname(self._slave))

    def pull(self) -> None:
        os.close(self.master)
        os.close(self._slave)
        self.name.unlink()


def test_whoever_hangs_on_the_pulse_is_called_several_times_a_second_while_a_device_is_slow(
    far_end: tuple[int, str],
) -> None:
    links = SerialLinks(SystemClock())
    link = links.open("pump", far_end[1], SerialSettings())
    beats: list[float] = []
    links.pulse = lambda: beats.append(time.monotonic())
    assert not links.wait(links.clock.link_ns() + 900_000_000, link)
    assert 3 <= len(beats) <= 5
    links.close()


def test_a_pulse_that_raises_ends_an_exchange_and_leaves_the_link_in_order(far_end: tuple[int, str]) -> None:
    master, name = far_end
    links = SerialLinks(SystemClock())
    link = links.open("pump", name, SerialSettings())

    def stop() -> None:
        links.pulse = lambda: None
        raise EmergencyStopped("pressed")

    links.pulse = stop
    with pytest.raises(EmergencyStopped):
        links.exchange(link, b"stop\n", _all, 2.0, "suspend")
    assert os.read(master, 100) == b"stop\n"
    os.write(master, b"stopped\n")
    assert links.exchange(link, b"", _all, 2.0, "suspend") == b"stopped\n"
    links.close()


def test_a_pulse_that_waits_itself_is_not_called_again_from_within(far_end: tuple[int, str]) -> None:
    links = SerialLinks(SystemClock())
    links.open("pump", far_end[1], SerialSettings())
    depth: list[int] = []

    def pulse() -> None:
        depth.append(1)
        links.pause(0.3)

    links.pulse = pulse
    links.pause(0.01)
    assert depth == [1]
    links.close()


def test_a_process_that_did_nothing_for_too_long_says_so() -> None:
    clock = SlowClock()
    links = SerialLinks(clock)
    stalls: list[float] = []
    links.on_stall = stalls.append
    links.pause(0.01)
    assert stalls == []
    clock.skip(0.5)
    links.pause(0.01)
    assert stalls == []
    clock.skip(3.0)
    links.pause(0.01)
    assert stalls == [pytest.approx(3.0, abs=0.5)]


def test_a_lost_port_is_opened_again_under_its_name_and_the_link_stays_the_same(tmp_path: Path) -> None:
    cable = Cable(tmp_path / "balance")
    links = SerialLinks(SystemClock())
    told: list[tuple[str, dict[str, object]]] = []
    links.tell = lambda name, data: told.append((name, data))
    link = links.open("balance", str(cable.name), SerialSettings())
    os.write(cable.master, b"half an answ")
    assert links.wait(links.clock.link_ns() + 10**9, link)
    cable.pull()
    links.pause(0.01)
    assert told == [("link_lost", {"link": "balance", "port": str(cable.name), "why": link.lost_because})]
    with pytest.raises(LinkLost, match=r"balance on .*: the device went away"):
        link.write(b"SI\r\n")
    trouble = links.bring_back(link, lambda: None)
    assert isinstance(trouble, LinkLost)
    cable.plug()
    assert links.bring_back(link, lambda: None) is None
    assert (bytes(link.inbox), link.openings, links.reconnects) == (b"", 1, {"balance": 1})
    name, data = told[-1]
    assert (name, data["link"], data["attempts"]) == ("link_reopened", "balance", 2)
    os.write(cable.master, b"S S  1.0 g\r\n")
    assert links.exchange(link, b"SI\r\n", _all, 2.0, "SI") == b"S S  1.0 g\r\n"
    assert os.read(cable.master, 100) == b"SI\r\n"
    links.close()
    cable.pull()


def test_another_adapter_on_the_port_is_refused_and_both_are_named(tmp_path: Path) -> None:
    cable = Cable(tmp_path / "pump")
    links = SerialLinks(SystemClock())
    link = links.open("pump", str(cable.name), SerialSettings())
    link.identity = LinkIdentity("usb", str(cable.name), "A50285BI")
    cable.pull()
    links.pause(0.01)
    cable.plug()
    with pytest.raises(DeviceChanged, match=r"pty without a serial number; expected usb A50285BI"):
        links.reopen(link)
    with pytest.raises(LinkLost):
        link.write(b"x")
    links.close()
    cable.pull()


def test_a_port_that_takes_no_bytes_is_lost_after_its_limit_and_a_pulse_does_not_break_the_packet(
    far_end: tuple[int, str],
) -> None:
    clock = SlowClock()
    links = SerialLinks(clock)
    link = links.open("pump", far_end[1], SerialSettings())

    def pulse() -> None:
        clock.skip(6.0)
        raise EmergencyStopped("pressed")

    links.pulse = pulse
    with pytest.raises(LinkLost, match="it takes no bytes"):
        link.write(b"x" * 200_000)
    with pytest.raises(EmergencyStopped):  # held until the write was over
        links.pause(0.01)
    links.close()


def test_nothing_that_a_pulse_raises_ends_what_makes_the_bench_safe() -> None:
    links = SerialLinks(SystemClock())
    beats: list[int] = []

    def pulse() -> None:
        beats.append(1)
        raise EmergencyStopped("pressed")

    links.pulse = pulse
    with links.making_safe(links.clock.link_ns() + 10**9):
        links.pause(0.3)
    assert beats
    with pytest.raises(EmergencyStopped):
        links.pause(0.01)


def _usb(cable: Cable, monkeypatch: pytest.MonkeyPatch, *ports: tuple[str, str]) -> tuple[SerialLinks, Link]:
    """Open a cable as if its port were a USB one, on a system that lists ``ports`` afterwards."""
    links = SerialLinks(SystemClock())
    link = links.open("balance", str(cable.name), SerialSettings())
    link.identity = LinkIdentity("usb", str(cable.name), "AB0CDEF1")
    monkeypatch.setattr("rig.transport.found_again.usb_ports", lambda: iter(ports))
    cable.pull()
    links.pause(0.01)
    return links, link


def test_a_usb_port_that_comes_back_under_another_name_is_found_by_its_serial_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cable, other = Cable(tmp_path / "ttyUSB0"), Cable(tmp_path / "ttyUSB1")
    links, link = _usb(cable, monkeypatch, (str(other.name), "AB0CDEF1"), ("/dev/ttyUSB7", "AB0CDEF2"))
    told: list[tuple[str, dict[str, object]]] = []
    links.tell = lambda name, data: told.append((name, data))
    assert links.bring_back(link, lambda: None) is None
    assert (link.where, link.openings) == (f"balance on {other.name}", 1)
    assert told[-1][1]["port"] == str(other.name)
    os.write(other.master, b"S S  1.0 g\r\n")
    assert links.exchange(link, b"SI\r\n", _all, 2.0, "SI") == b"S S  1.0 g\r\n"
    links.close()
    other.pull()


def test_numbers_that_were_exchanged_lead_to_the_same_device_and_not_to_the_same_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cable, other = Cable(tmp_path / "ttyUSB0"), Cable(tmp_path / "ttyUSB1")
    links, link = _usb(cable, monkeypatch, (str(other.name), "AB0CDEF1"))
    cable.plug()  # another adapter has its number now
    assert links.reopen(link)
    assert link.identity == LinkIdentity("usb", str(other.name), "AB0CDEF1")
    links.close()
    cable.pull()
    other.pull()


def test_a_serial_number_that_two_ports_have_is_no_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cable = Cable(tmp_path / "ttyUSB0")
    links, link = _usb(cable, monkeypatch, ("/dev/ttyUSB1", "AB0CDEF1"), ("/dev/ttyUSB2", "AB0CDEF1"))
    assert not links.reopen(link)
    links.close()
