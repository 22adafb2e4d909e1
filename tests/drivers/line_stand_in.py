"""A device that answers lines by a table: no simulator, only what a test needs to say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rig.clock import VirtualClock
from rig.conformance import BalanceBench
from rig.plugins.registry import find_driver, open_balance
from rig.plugins.spec import Address
from rig.transport.links import Link
from rig.transport.virtual import Port, VirtualLinks

NS_PER_MS = 1_000_000
Answers = Mapping[bytes, bytes | Sequence[bytes]]


class StandIn:
    """Answers each request of ``answers`` after ``after_ms``, one after the other, the last one again and again.

    What is not in the table is met with silence. ``talk`` is sent again and again every ``every_ms``: from the start,
    or, when ``starts`` is given, from that request until ``stops``.
    """

    def __init__(
        self,
        answers: Answers,
        *,
        talk: Sequence[bytes] = (),
        every_ms: float = 100.0,
        starts: bytes = b"",
        stops: bytes = b"",
        after_ms: float = 60.0,
    ) -> None:
        self.heard: list[bytes] = []
        self._answers = {key: [each] if isinstance(each, bytes) else list(each) for key, each in answers.items()}
        self._talk = list(talk)
        self._said = 0
        self._lines: Iterator[bytes] | None = None
        self._every_ns = round(every_ms * NS_PER_MS)
        self._after_ns = round(after_ms * NS_PER_MS)
        self._starts, self._stops = starts, stops
        self._talking = False
        self._port: Port | None = None

    def attach(self, port: Port) -> None:
        self._port = port
        if self._talk and not self._starts:
            self._begin(0)

    def receive(self, data: bytes, now_ns: int) -> None:
        assert self._port is not None
        self.heard.append(data)
        if self._starts and data == self._starts:
            self._begin(now_ns)
        if self._stops and data == self._stops:
            self._talking = False
        answers = self._answers.get(data, [])
        if answers:
            answer = answers[0] if len(answers) == 1 else answers.pop(0)
            if answer:
                self._port.send(answer, now_ns + self._after_ns)

    def says(self, lines: Iterator[bytes], every_ms: float) -> None:
        """Send these lines instead, each once."""
        self._lines, self._every_ns = lines, round(every_ms * NS_PER_MS)

    def hush(self) -> None:
        """Say nothing unasked any more."""
        self._talking = False

    def _begin(self, now_ns: int) -> None:
        assert self._port is not None
        self._talking = True
        self._port.call_at(now_ns + self._every_ns, self._say)

    def _say(self, now_ns: int) -> None:
        assert self._port is not None
        if not self._talking:
            return
        line = next(self._lines) if self._lines is not None else self._talk[self._said % len(self._talk)]
        self._said += 1
        self._port.send(line, now_ns)
        self._port.call_at(now_ns + self._every_ns, self._say)


def on_link(device: StandIn, ns_per_byte: int = 1_000_000) -> tuple[VirtualLinks, Link]:
    """Return a link in virtual time to a device."""
    links = VirtualLinks(VirtualClock())
    return links, links.connect("balance", device, ns_per_byte)


def bench_of(name: str, device: StandIn, resolution_mg: float, *, stream: bool = False) -> BalanceBench:
    """Return the bench of a conformance suite for the driver called ``name``."""
    links, link = on_link(device)
    balance = open_balance(find_driver("balance", name), links, link, Address("", stream=stream))
    return BalanceBench(balance, links, link, resolution_mg)
