"""A request and its reply through each driver, against the same bytes through bare pyserial on the same terminal.

The far end is one scripted responder in a process of its own, which answers both alike. Floor and subject take turns;
the median of the ratios to the floor before and after is printed, in wall time and in CPU time of this process.
Floor: `serial.Serial.write` and one `read` of as many bytes as are known to come, the quickest that bare pyserial
offers; a second floor, `read_until` the last bytes, is what clients of line protocols use. The pause that a MiniMed
pump needs after an answer (0.2 s) does not count: the driver's clock is put forward. Goal: at most 1.5 times.
Run: ``python -m benchmarks.round_trip``.
"""

from __future__ import annotations

import os
import pty
import statistics
import subprocess
import sys
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import serial

from rig.drivers.harvard import HarvardPump
from rig.drivers.minimed.ways import minimed_pump
from rig.drivers.mt_sics import SicsBalance
from rig.drivers.new_era import NewEraPump
from rig.transport.links import Link
from rig.transport.serial_links import SerialLinks, SerialSettings
from tests.drivers.carelink_stand_in import CareLinkStandIn, reply
from tests.transcripts.notation import Pair, asked, heard, line_pairs, packet, radio_pairs
from tests.transcripts.syringe_notation import harvard_pairs, new_era_pairs

PUMP = "512847"
PAUSE_NS = 201_000_000
REPEATS = 401
Request = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Case:
    """A driver on a link, what is asked of it, and the device's side as pairs; none for CareLink, which has a state."""

    name: str
    request: Callable[[SerialLinks, Link], Request]
    pairs: Callable[[], Sequence[Pair]] | None


class Clock:
    """The machine's clock, put forward as often as somebody asks."""

    speed = 1.0

    def __init__(self) -> None:
        self.ahead_ns = 0

    def link_ns(self) -> int:
        return time.monotonic_ns() + self.ahead_ns

    def now_ns(self) -> int:
        return time.monotonic_ns() + self.ahead_ns

    def rig_ns(self, link_ns: int) -> int:
        return link_ns

    def link_at(self, rig_ns: int) -> int:
        return rig_ns


def _minimed(kind: str) -> Callable[[SerialLinks, Link], Request]:
    def request(links: SerialLinks, link: Link) -> Request:
        pump = minimed_pump(links, link, PUMP, frozenset({PUMP}), kind=kind)
        pump.open()
        pump.wake()
        return pump.battery

    return request


def _new_era(links: SerialLinks, link: Link) -> Request:
    pump = NewEraPump(links, link)
    pump.open()
    return pump.status


def _harvard(links: SerialLinks, link: Link) -> Request:
    pump = HarvardPump(links, link)
    pump.open()
    return pump.status


def _balance(links: SerialLinks, link: Link) -> Request:
    balance = SicsBalance(links, link)
    balance.open()
    return balance.weigh


def _radio_side() -> list[Pair]:
    battery = Pair(asked(packet("battery 72")), radio_pairs("reads of a 723")[-1].replies)
    answer = heard(packet("battery 1.38 V normal"))
    return [*radio_pairs("stick opened at 916.5 MHz"), *radio_pairs("723 awake"), battery, _pair(battery.sent, answer)]


def _pair(sent: bytes, answer: bytes) -> Pair:
    return Pair(sent, (type(radio_pairs("723 awake")[-1].replies[0])(answer),))


CASES = (
    Case("MiniMed battery, CC111x stick", _minimed("cc111x"), _radio_side),
    Case("MiniMed battery, CareLink stick", _minimed("carelink"), None),
    Case("New Era status", _new_era, lambda: [*new_era_pairs("opened"), _pair(b"0\r", b"\x0200S\x03")]),
    Case(
        "Harvard status",
        _harvard,
        lambda: [*harvard_pairs("opened again, polling already"), _pair(b"status\r", b"\n0 0 0 i...I.\r\n:\x11")],
    ),
    Case("MT-SICS weight (SI)", _balance, lambda: [*line_pairs("opened"), _pair(b"SI\r\n", b"S S    12.3456 g\r\n")]),
)


# --- the far end


class _Answers:
    """The wire as the CareLink stand-in sees it: it answers at once."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, data: bytes, at_ns: int) -> None:  # noqa: ARG002 - at once
        os.write(self._descriptor, data)

    def call_at(self, at_ns: int, action: Callable[[int], None]) -> None:
        raise NotImplementedError

    def rig_ns(self, link_ns: int) -> int:
        return link_ns


def respond(case: Case, descriptor: int) -> None:
    """Answer until the other side goes away; a request arrives in one piece, as it was written."""
    if case.pairs is None:
        battery = reply(3, packet("battery 1.38 V normal")[6:-1])
        stick = CareLinkStandIn(delay_ms=0, answers={0x72: [battery]})
        stick.attach(_Answers(descriptor))
        while True:
            stick.receive(os.read(descriptor, 4096), time.monotonic_ns())
    answers = {pair.sent: b"".join(each.data for each in pair.replies) for pair in case.pairs()}
    while True:
        os.write(descriptor, answers.get(os.read(descriptor, 4096), b""))


@contextmanager
def _far_end(number: int) -> Iterator[str]:
    """Give the name of a pseudo-terminal whose other end answers."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    command = [sys.executable, "-m", "benchmarks.round_trip", "respond", str(number), str(master)]
    process = subprocess.Popen(command, pass_fds=(master,))
    try:
        yield os.ttyname(slave)
    finally:
        process.kill()
        process.wait()
        os.close(master)
        os.close(slave)


# --- this side


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds that one exchange took."""

    wall_s: float
    cpu_s: float


def _spent(action: Request) -> Spent:
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    action()
    return Spent(time.perf_counter() - wall_s, time.process_time() - cpu_s)


def measure(number: int) -> list[tuple[str, float, float, float]]:
    """Return (what, microseconds of the driver, ratio of wall time, ratio of CPU time) against either floor."""
    case = CASES[number]
    passed: list[tuple[str, bytes]] = []
    with _far_end(number) as port:
        clock = Clock()
        links = SerialLinks(clock, lambda _name, direction, _at_ns, data: passed.append((direction, data)))
        link = links.open("device", port, SerialSettings())
        asks = case.request(links, link)

        def request() -> None:
            clock.ahead_ns += PAUSE_NS
            asks()

        request()
        passed.clear()
        request()
        exchanges = list(_exchanges(passed))
        links.tap = lambda *_: None
        with serial.Serial(port, timeout=1.0) as bare:
            floors = {
                "read": lambda: [(bare.write(sent), _whole(bare.read(size), size)) for sent, size, _ in exchanges],
                "read_until": lambda: [(bare.write(sent), bare.read_until(last)) for sent, _, last in exchanges],
            }
            rows = [(name, *_ratios(request, floor)) for name, floor in floors.items()]
        links.close()
    return rows


def _whole(data: bytes, size: int) -> bytes:
    assert len(data) == size
    return data


def _exchanges(passed: list[tuple[str, bytes]]) -> Iterator[tuple[bytes, int, bytes]]:
    """Yield (request, bytes of its reply, the reply itself) as they went by."""
    sent, came = b"", b""
    for direction, data in [*passed, (">", b"")]:
        if direction == "<":
            came += data
            continue
        if sent:
            yield sent, len(came), came
        sent, came = data, b""


def _ratios(subject: Request, floor: Request) -> tuple[float, float, float]:
    wall, cpu, took_us = [], [], []
    before = _spent(floor)
    for _ in range(REPEATS):
        middle = _spent(subject)
        after = _spent(floor)
        wall.append(2.0 * middle.wall_s / (before.wall_s + after.wall_s))
        cpu.append(2.0 * middle.cpu_s / (before.cpu_s + after.cpu_s))
        took_us.append(middle.wall_s * 1e6)
        before = after
    return statistics.median(took_us), statistics.median(wall), statistics.median(cpu)


def main(arguments: list[str]) -> None:
    """Print the ratios."""
    if arguments[:1] == ["respond"]:
        respond(CASES[int(arguments[1])], int(arguments[2]))
    for number, case in enumerate(CASES):
        for floor, took_us, wall, cpu in measure(number):
            print(
                f"{case.name}: {took_us:.0f} us, {wall:.2f} times bare pyserial with {floor} (goal 1.5), "
                f"CPU {cpu:.2f} times"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
