"""The discrete-event queue: time moves only where somebody waits, and in one order."""

from collections.abc import Callable

import pytest

from rig.clock import VirtualClock
from rig.errors import DeviceChanged, EmergencyStopped, LinkLost, TransportError, TransportTimeout
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


def test_a_device_on_a_closed_link_is_named() -> None:
    links, echo, _ = _bench()
    link = links.connect("echo", echo)
    links.close()
    with pytest.raises(TransportError, match=r"echo on sim:echo: the device went away \(its link was closed\)"):
        link.write(b"x")


def test_what_is_on_the_wire_is_lost_with_the_plug_and_the_link_must_be_opened_again() -> None:
    links, echo, _ = _bench()
    link = links.connect("echo", echo)
    links.schedule(5 * 10**8, lambda _ns: links.unplug("echo"))
    links.schedule(6 * 10**8, lambda _ns: links.replug("echo"))
    with pytest.raises(LinkLost, match=r"echo on sim:echo: the device went away \(unplugged\)"):
        links.exchange(link, b"hello\n", _line, 5.0, "a greeting")
    assert links.clock.now_ns() == 5 * 10**8
    links.pause(2.0)
    with pytest.raises(LinkLost):
        link.write(b"hello\n")
    assert (bytes(link.inbox), links.reopen(link)) == (b"", True)
    assert links.exchange(link, b"hello\n", _line, 5.0, "a greeting") == b"hello"
    assert [data for _, data in echo.heard] == [b"hello\n", b"hello\n"]


def test_bytes_that_are_still_on_their_way_to_a_device_are_lost_with_its_plug() -> None:
    links, echo, _ = _bench()
    link = links.connect("echo", echo, ns_per_byte=10**6)
    link.write(b"0123456789")
    links.schedule(5 * 10**6, lambda _ns: links.unplug("echo"))
    links.pause(1.0)
    assert echo.heard == []


def test_a_link_is_waited_for_while_the_others_are_served() -> None:
    links, echo, tapped = _bench()
    link, other = links.connect("echo", echo), Echo()
    links.connect("other", other)
    other.say_at(3 * 10**9, b"x\n")
    links.unplug("echo")
    links.schedule(4 * 10**9, lambda _ns: links.replug("echo"))
    greeted: list[int] = []
    links.recover(link, 10.0, lambda: greeted.append(links.clock.now_ns()))
    assert greeted == [4 * 10**9]
    assert ("other", "<", 3 * 10**9, b"x\n") in tapped


def test_a_link_is_given_up_at_its_limit_or_when_the_bench_must_be_safe_by_then() -> None:
    links, echo, _ = _bench()
    link = links.connect("echo", echo)
    links.unplug("echo")
    with pytest.raises(LinkLost):
        links.recover(link, 10.0, lambda: None)
    assert links.clock.now_ns() == 10 * 10**9
    with links.making_safe(13 * 10**9), pytest.raises(LinkLost):
        links.recover(link, 10.0, lambda: None)
    assert links.clock.now_ns() == 13 * 10**9


def test_a_device_that_is_not_ready_is_greeted_again_and_a_wrong_one_is_not() -> None:
    links, echo, _ = _bench()
    link = links.connect("echo", echo)
    links.unplug("echo")
    links.replug("echo")
    answers: list[Exception] = [TransportTimeout("not yet"), DeviceChanged("another")]

    def greet() -> None:
        raise answers.pop(0)

    assert isinstance(links.bring_back(link, greet), TransportTimeout)
    with pytest.raises(DeviceChanged):
        links.bring_back(link, greet)
    assert links.reconnects == {}


def test_pulses_stay_on_real_time_however_often_virtual_time_is_waited_for() -> None:
    links, _, _ = _bench()
    beats: list[int] = []
    links.pulse = lambda: beats.append(1)
    for _ in range(20_000):
        links.pause(1.0)
    assert 1 <= len(beats) < 20


def test_a_pulse_may_end_a_wait_in_virtual_time() -> None:
    links, _, _ = _bench()

    def stop() -> None:
        raise EmergencyStopped("pressed")

    links.pulse = stop
    with pytest.raises(EmergencyStopped):
        links.pause(1.0)
    links.pulse = lambda: None
    links.pause(1.0)
    assert links.clock.now_ns() == 10**9
