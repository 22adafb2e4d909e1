"""The discrete-event queue: time moves only where somebody waits, and in one order."""

from collections.abc import Callable

import pytest

from rig.clock import VirtualClock
from rig.errors import TransportError, TransportTimeout
from rig.transport.virtual import Port, VirtualLinks


class Echo:
    """Answers each byte string after a second, and can be told to speak by itself."""

    def __init__(self) -> None:
        self.port: Port
        self.heard: list[tuple[int, bytes]] = []

    def attach(self, port: Port) -> None:
        self.port = port

    def receive(self, data: bytes, now_ns: int) -> None:
        self.heard.append((now_ns, data))
        self.port.send(data, now_ns + 10**9)

    def say_at(self, at_ns: int, data: bytes) -> None:
        self.port.send(data, at_ns)


def _line(buffer: bytearray) -> bytes | None:
    end = buffer.find(b"\n")
    if end < 0:
        return None
    line = bytes(buffer[:end])
    del buffer[: end + 1]
    return line


def _bench(ns_per_byte: int = 0) -> tuple[VirtualLinks, Echo, list[tuple[str, str, int, bytes]]]:
    tapped: list[tuple[str, str, int, bytes]] = []
    links = VirtualLinks(VirtualClock(), lambda *seen: tapped.append(seen))
    return links, Echo(), tapped


def test_an_exchange_takes_the_devices_time_and_not_ours() -> None:
    links, echo, _ = _bench()
    link = links.connect("echo", echo)
    assert links.exchange(link, b"hello\n", _line, 5.0, "a greeting") == b"hello"
    assert links.clock.now_ns() == 10**9


def test_bytes_take_their_time_on_the_wire_both_ways() -> None:
    links, echo, tapped = _bench()
    link = links.connect("echo", echo, ns_per_byte=1000)
    links.exchange(link, b"abc\n", _line, 5.0, "a line")
    assert echo.heard == [(4000, b"abc\n")]
    assert tapped == [("echo", ">", 0, b"abc\n"), ("echo", "<", 4000 + 10**9 + 4000, b"abc\n")]
    assert link.last_rx_ns == 10**9 + 8000


def test_waiting_for_one_link_stamps_what_arrives_on_another() -> None:
    links, slow, tapped = _bench()
    fast = Echo()
    slow_link, fast_link = links.connect("slow", slow), links.connect("fast", fast)
    fast.say_at(10, b"early\n")
    links.exchange(slow_link, b"x\n", _line, 5.0, "x")
    assert bytes(fast_link.inbox) == b"early\n"
    assert ("fast", "<", 10, b"early\n") in tapped


def test_a_silent_device_is_a_timeout_that_names_what_was_asked_and_what_came() -> None:
    links, echo, _ = _bench()
    link = links.connect("echo", echo)
    with pytest.raises(TransportTimeout, match=r"no complete answer to the weight within 3 s, received b'half'"):
        links.exchange(link, b"half", _line, 3.0, "the weight")
    assert links.clock.now_ns() == 3 * 10**9


def test_virtual_time_never_goes_back() -> None:
    links, echo, _ = _bench()
    links.connect("echo", echo)
    links.sleep_until(500)
    links.sleep_until(100)
    assert links.clock.now_ns() == 500
    with pytest.raises(ValueError, match="cannot go back"):
        VirtualClock(10).advance_to(5)


def test_events_at_the_same_instant_keep_the_order_in_which_they_were_asked_for() -> None:
    links, _, _ = _bench()
    order: list[int] = []

    def note(number: int) -> Callable[[int], None]:
        return lambda _now_ns: order.append(number)

    for number in range(5):
        links.schedule(100, note(number))
    links.sleep_until(100)
    assert order == [0, 1, 2, 3, 4]


def test_an_unplugged_device_is_named() -> None:
    links, echo, _ = _bench()
    link = links.connect("echo", echo)
    links.close()
    with pytest.raises(TransportError, match="echo: the device went away"):
        link.write(b"x")
