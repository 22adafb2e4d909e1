"""Sessions of pyvisa as ports: real bytes on loopback sockets and pseudo-terminals."""

from __future__ import annotations

import os
import pty
import socket
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from rig.clock import SystemClock
from rig.errors import LinkLost, TransportError, TransportTimeout
from rig.transport.links import Link
from rig.transport.serial_links import SerialLinks, SerialSettings, identify_port
from rig.transport.session import LinkSession
from rig.transport.visa import is_visa

Answer = Callable[[bytes], bytes]
SETTINGS = SerialSettings(9600)


@contextmanager
def server(answer: Answer, clients: int = 1) -> Iterator[int]:
    """Serve ``clients`` one after the other on a loopback port, a line at a time; an empty answer hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(clients):
            with suppress(OSError), listener.accept()[0] as client, client.makefile("rb") as lines:
                for line in lines:
                    said = answer(line)
                    if not said:
                        break
                    client.sendall(said.removesuffix(b"(none)"))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)  # wakes the accept
        listener.close()
        thread.join(2.0)


@pytest.fixture
def links() -> Iterator[SerialLinks]:
    found = SerialLinks(SystemClock())
    yield found
    found.close()


def resource(port: int) -> str:
    return f"TCPIP::127.0.0.1::{port}::SOCKET"


def echo(line: bytes) -> bytes:
    return b"got " + line


@pytest.mark.parametrize("way", [resource, lambda port: f"tcp://127.0.0.1:{port}"])
def test_a_question_is_answered_through_pyvisa_and_without_it(links: SerialLinks, way: Callable[[int], str]) -> None:
    tapped: list[tuple[str, str, bytes]] = []
    links.tap = lambda name, direction, _at_ns, data: tapped.append((name, direction, data))
    with server(echo) as port:
        session = LinkSession(links, links.open("supply", way(port), SETTINGS))
        assert session.query("*IDN?") == "got *IDN?"
        assert session.query("VOLT?") == "got VOLT?"
        links.close()
    received = b"".join(data for name, direction, data in tapped if (name, direction) == ("supply", "<"))
    sent = b"".join(data for name, direction, data in tapped if (name, direction) == ("supply", ">"))
    assert (sent, received) == (b"*IDN?\nVOLT?\n", b"got *IDN?\ngot VOLT?\n")


def test_a_dead_port_is_a_lost_link_that_says_why(links: SerialLinks) -> None:
    unused = socket.create_server(("127.0.0.1", 0))
    port = unused.getsockname()[1]
    unused.close()
    session = LinkSession(links, links.open("supply", resource(port), SETTINGS))
    with pytest.raises(LinkLost, match=r"supply on TCPIP::127.0.0.1::.*(Refused|Broken|Error)"):
        session.query("*IDN?", 2.0)


def test_a_plain_tcp_port_that_nobody_serves_is_told_at_opening(links: SerialLinks) -> None:
    unused = socket.create_server(("127.0.0.1", 0))
    port = unused.getsockname()[1]
    unused.close()
    with pytest.raises(TransportError, match="try: check host and port"):
        links.open("supply", f"tcp://127.0.0.1:{port}", SETTINGS)


def test_a_resource_that_is_none_is_told_in_one_line(links: SerialLinks) -> None:
    with pytest.raises(TransportError) as error:
        links.open("supply", "TCPIP::nonsense", SETTINGS)
    assert "supply on TCPIP::nonsense" in str(error.value)
    assert "\n" not in str(error.value)


def test_half_a_line_before_a_time_out_is_not_lost_and_belongs_to_no_later_question(links: SerialLinks) -> None:
    answers = iter([b"partial", b"whole\n"])
    tapped: list[bytes] = []
    links.tap = lambda _name, direction, _at_ns, data: tapped.append(data) if direction == "<" else None
    with server(lambda _line: next(answers)) as port:
        session = LinkSession(links, links.open("supply", resource(port), SETTINGS))
        with pytest.raises(TransportTimeout, match="received b'partial'"):
            session.query("FIRST?", 0.3)
        assert session.query("SECOND?") == "whole"
        links.close()
    assert b"".join(tapped) == b"partialwhole\n"


def test_letters_beyond_ascii_do_not_end_a_session(links: SerialLinks) -> None:
    with server(lambda _line: b"5 \xb5A\n") as port:
        session = LinkSession(links, links.open("meter", resource(port), SETTINGS))
        assert session.query("READ?") == "5 \N{MICRO SIGN}A"
        links.close()


def test_a_peer_that_hangs_up_is_given_up_after_a_few_questions_and_reached_again(links: SerialLinks) -> None:
    said = iter([b"", b"back\n"])
    with server(lambda _line: next(said), clients=2) as port:
        link = links.open("supply", resource(port), SETTINGS)
        session = LinkSession(links, link)
        with pytest.raises((TransportTimeout, LinkLost)):
            session.query("FIRST?", 0.2)
        while not link.lost_because:
            with suppress(TransportTimeout, LinkLost):
                session.query("AGAIN?", 0.2)
        assert links.reopen(link)
        assert link.openings == 1
        assert session.query("*IDN?") == "back"
        links.close()


def test_a_pseudo_terminal_is_spoken_to_through_pyvisa(links: SerialLinks) -> None:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    path = os.ttyname(theirs)

    def serve() -> None:
        with suppress(OSError):
            while data := os.read(ours, 100):
                os.write(ours, b"heard " + data)

    threading.Thread(target=serve, daemon=True).start()
    link = links.open("supply", f"ASRL{path}::INSTR", SETTINGS)
    assert link.identity.kind == "pty"
    assert LinkSession(links, link).query("*IDN?") == "heard *IDN?"
    links.close()
    os.close(theirs)
    os.close(ours)


@pytest.mark.parametrize(
    ("port", "kind", "hardware", "serial"),
    [
        ("USB0::0x1AB1::0x0E11::DP8C900000001::INSTR", "usb", True, "DP8C900000001"),
        ("USB0::6833::3601::DP8C1::0::INSTR", "usb", True, "DP8C1"),
        ("TCPIP::192.168.1.20::5025::SOCKET", "tcp", False, ""),
        ("TCPIP::192.168.1.20::hislip0::INSTR", "tcp", False, ""),
        ("GPIB0::5::INSTR", "gpib", False, ""),
        ("tcp://192.168.1.20:5555", "tcp", False, ""),
    ],
)
def test_only_usb_counts_as_hardware_among_resources(port: str, kind: str, hardware: bool, serial: str) -> None:
    found = identify_port(port)
    assert (found.kind, found.is_hardware, found.serial_number) == (kind, hardware, serial)


@pytest.mark.parametrize("port", ["/dev/ttyUSB0", "tcp://host:5025", "/dev/serial/by-id/usb-x", "USB"])
def test_ports_are_not_taken_for_resources(port: str) -> None:
    assert not is_visa(port)


def test_a_command_has_left_in_one_piece_before_the_next_question(links: SerialLinks) -> None:
    heard: list[bytes] = []

    def answer(line: bytes) -> bytes:
        heard.append(line)
        return b"1\n" if b"?" in line else b"(none)"

    with server(answer) as port:
        link: Link = links.open("supply", resource(port), SETTINGS)
        session = LinkSession(links, link)
        for volts in range(3):
            session.write(f"VOLT {volts}")
            assert session.query("OUTP?") == "1"
        links.close()
    assert heard == [b"VOLT 0\n", b"OUTP?\n", b"VOLT 1\n", b"OUTP?\n", b"VOLT 2\n", b"OUTP?\n"]
