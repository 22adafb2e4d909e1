"""Lines of streams keep their own stamps; TCP ports split and join them at any byte."""

from __future__ import annotations

import os
import pty
import socket
import time
import tty

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.clock import SystemClock
from rig.errors import LinkLost, TransportError
from rig.transport.lines import LineCutter
from rig.transport.links import Link, LinkIdentity
from rig.transport.serial_links import SerialLinks, SerialSettings
from rig.transport.tcp import open_tcp


def _link() -> Link:
    return Link("balance", LinkIdentity("memory", "sim:balance"), lambda _data: None)


@settings(max_examples=40)
@given(st.lists(st.sampled_from([b"S S    12.3456 g\r\n", b"S +\r\n", b"\r\n"]), max_size=20), st.data())
def test_lines_come_out_whole_and_in_order_however_they_were_cut(lines: list[bytes], data: st.DataObject) -> None:
    link = _link()
    cutter = LineCutter(link)
    cutter.start()
    stream, at = b"".join(lines), 0
    while at < len(stream):
        size = data.draw(st.integers(1, len(stream) - at))
        link.arrived(stream[at : at + size], at + size, 0)
        at += size
    found = list(iter(cutter.take, None))
    assert [each.data for each in found] == lines
    ends = [each.at_ns - each.behind for each in found]  # time is here the number of bytes that had come
    assert ends == [sum(map(len, lines[: number + 1])) for number in range(len(lines))]


def test_a_line_is_stamped_when_it_came_and_not_when_it_is_taken() -> None:
    link = _link()
    cutter = LineCutter(link)
    link.arrived(b"first\nsec", 100, 7)
    cutter.start()
    link.arrived(b"ond\n", 200, 9)
    first, second = cutter.take(), cutter.take()
    assert first is not None and second is not None  # noqa: PT018 - both at once
    assert (first.data, first.at_ns, first.blind_ns, first.behind) == (b"first\n", 100, 7, 3)
    assert (second.data, second.at_ns, second.blind_ns, second.behind) == (b"second\n", 200, 9, 0)
    assert cutter.take() is None


def test_bytes_without_a_line_end_are_cut_off_and_not_kept_for_ever() -> None:
    link = _link()
    cutter = LineCutter(link)
    cutter.start()
    for number in range(100):
        link.arrived(b"x" * 50, number, 0)
    assert len(cutter) > 10
    assert all(len(each.data) <= 306 for each in iter(cutter.take, None))


def test_lines_that_nobody_takes_are_counted_when_there_is_no_more_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rig.transport.lines.KEEP", 10)
    link = _link()
    cutter = LineCutter(link)
    cutter.start()
    link.arrived(b"a\n" * 25, 1, 0)
    assert (len(cutter), cutter.lost) == (10, 15)


def _answered(links: SerialLinks, link: Link, request: bytes, answer: bytes) -> bytes:
    def take(inbox: bytearray) -> bytes | None:
        return bytes(inbox) if len(inbox) >= len(answer) else None

    return links.exchange(link, request, take, 2.0, "SI")


def test_a_balance_over_tcp_is_asked_lost_and_found_again() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    port = f"tcp://127.0.0.1:{server.getsockname()[1]}"
    links = SerialLinks(SystemClock())
    link = links.open("balance", port, SerialSettings())
    far, _ = server.accept()
    assert link.identity == LinkIdentity("tcp", port)
    assert not link.identity.is_hardware
    far.sendall(b"S S    12.")
    far.sendall(b"3456 g\r\n")
    assert _answered(links, link, b"SI\r\n", b"S S    12.3456 g\r\n") == b"S S    12.3456 g\r\n"
    assert far.recv(100) == b"SI\r\n"
    far.close()
    with pytest.raises(LinkLost, match="end of file"):
        links.wait(links.clock.link_ns() + 2_000_000_000, link)
    assert links.reopen(link)
    far, _ = server.accept()
    link.write(b"SI\r\n")
    assert far.recv(100) == b"SI\r\n"
    links.close()
    far.close()
    server.close()


def test_a_tcp_port_that_nobody_serves_and_one_written_wrongly_are_one_line() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    server.close()
    links = SerialLinks(SystemClock())
    with pytest.raises(TransportError, match="cannot be opened"):
        links.open("balance", f"tcp://127.0.0.1:{port}", SerialSettings())
    for wrong in ("tcp://127.0.0.1", "tcp://127.0.0.1:0", "tcp://:1", "tcp://a:99999"):
        with pytest.raises(ValueError, match="tcp://host:port"):
            open_tcp(wrong)
    links.close()


def test_bytes_that_waited_while_nobody_looked_say_how_long_they_may_have() -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    links = SerialLinks(SystemClock())
    link = links.open("balance", os.ttyname(slave), SerialSettings())
    links.wait(links.clock.link_ns())
    looked_ns = time.monotonic_ns()
    os.write(master, b"S +\r\n")
    while time.monotonic_ns() < looked_ns + 3_000_000:  # busy with something else
        pass
    assert links.wait(links.clock.link_ns() + 1_000_000_000, link)
    assert link.last_rx_ns - link.blind_ns <= looked_ns
    assert link.blind_ns >= 3_000_000
    links.close()
    os.close(master)
    os.close(slave)
