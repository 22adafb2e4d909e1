"""Readings that a balance sends by itself, for drivers of balances to use.

Every line is kept with the stamp of the chunk that completed it, whatever was waited for meanwhile. Its value was
formed before its first byte left: at most one period and its time on the wire before that stamp.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from statistics import median_low
from typing import Final, NamedTuple

from rig.clock import to_ns
from rig.errors import BenchError, InstrumentError, MalformedReply, TransportTimeout
from rig.readings import Timing, Weighing
from rig.transport.lines import Line, LineCutter
from rig.transport.links import Link, Links
from rig.wire.weights import BalanceRefused, Condition, Weight

WAKE_UP_NS: Final = 5_000_000  # half width: how late a waiting process is woken on a loaded host (design 4.2)
USB_TIMER_NS: Final = 16_000_000  # an FTDI adapter may keep bytes for so long (balance-protocols 8)
SPACINGS: Final = 15
FIRST_PERIOD_NS: Final = 1_000_000_000  # assumed until two lines have come

Parse = Callable[[bytearray], Weight | None]


class Streamed(NamedTuple):
    """What one line of a stream gave: a reading, or the error in its place."""

    weighing: Weighing | None
    timing: Timing
    error: BenchError | None


def stamp_uncertainty_ns(link: Link, blind_ns: int, *, real: bool = True) -> float:
    """Return the standard uncertainty of a stamp: not looking, being woken late, the timer of a USB adapter.

    ``blind_ns`` is a rectangle that ends at the stamp, the others are half widths. In virtual time nothing is late.
    """
    if not real:
        return 0.0
    timer_ns = USB_TIMER_NS if link.identity.kind == "usb" else 0
    return math.sqrt(blind_ns**2 / 12.0 + (WAKE_UP_NS**2 + timer_ns**2) / 3.0)


def polled_timing(links: Links, link: Link, weighing: Weighing, blind_ns: int) -> Timing:
    """Return the timing of a reading that was asked for; ``blind_ns`` is that of its last bytes."""
    real = link.identity.kind != "memory"
    u_ns = stamp_uncertainty_ns(link, blind_ns, real=real) * links.clock.speed
    return Timing(weighing.answered_ns, u_ns, weighing.answered_ns - weighing.asked_ns)


class Stream:
    """The stream of one balance; ``parse`` reads a line, None passes it over.

    ``timeout_s`` (link time) without any line is a time-out: silence is never a reading.
    """

    def __init__(self, links: Links, link: Link, parse: Parse, timeout_s: float = 5.0) -> None:
        self._links = links
        self._link = link
        self._parse = parse
        self._timeout_s = timeout_s
        self._lines = LineCutter(link)
        self._stamps: deque[int] = deque(maxlen=SPACINGS + 1)
        self._timing: Timing | None = None
        self._period_ns = 0
        self._seen = 0

    @property
    def lost(self) -> int:
        """Return how many lines nobody took before there was no more room for them; 0 in any sane use."""
        return self._lines.lost

    @property
    def timing(self) -> Timing | None:
        """Return the timing of the reading that was returned last."""
        return self._timing

    @property
    def period_ns(self) -> int:
        """Return the balance's period: the median of the last spacings, or what is assumed before there are any."""
        return self._period_ns or round(FIRST_PERIOD_NS * self._links.clock.speed)

    def start(self) -> None:
        """Listen from now on."""
        self._stamps.clear()
        self._period_ns = self._seen = 0
        self._lines.start()

    def stop(self) -> None:
        """Give the link back to requests and answers."""
        self._lines.stop()

    def ask(self, request: bytes, take: Callable[[bytes], str | None], timeout_s: float) -> str:
        """Return what a line says that is an answer and no reading; empty when none comes. The readings go by."""
        deadline_ns = self._links.clock.link_ns() + to_ns(timeout_s)
        self._lines.skip()
        self._link.write(request)
        while True:
            while (line := self._lines.take()) is not None:
                if (answer := take(line.data)) is not None:
                    return answer
            if not self._links.wait(deadline_ns, self._link) and not len(self._lines):
                return ""

    def weigh(self) -> Weighing:
        """Return the first reading whose line ends after this call; those before it are passed over.

        Raises what the line says instead of a weight, or `TransportTimeout`.
        """
        while (line := self._lines.take()) is not None:
            self._note(_stamp(line, self._link))
        clock = self._links.clock
        deadline_ns = clock.link_ns() + to_ns(self._timeout_s)
        while True:
            while (line := self._lines.take()) is not None:
                if (weighing := self._read(line)) is not None:
                    return weighing
            if not self._links.wait(deadline_ns, self._link) and not len(self._lines):
                raise TransportTimeout(
                    f"the stream stopped: no line within {self._timeout_s:g} s",
                    where=self._link.where,
                    hint="check power, cable and the automatic output in the balance's menu",
                )

    def weigh_stable(self, within_s: float) -> Weighing:
        """Return the first reading from now on that calls itself stable; `BalanceRefused` when none does in time."""
        clock = self._links.clock
        give_up_ns = clock.link_ns() + to_ns(within_s)
        while not (weighing := self.weigh()).stable:
            if clock.link_ns() >= give_up_ns:
                raise BalanceRefused(
                    Condition.UNSTABLE, f"no stable weight within {within_s:g} s; it shows {weighing.text} now"
                )
        return weighing

    def readings(self) -> list[Streamed]:
        """Return what every line gave that came since the last call, in order; waits for nothing."""
        found = []
        while (line := self._lines.take()) is not None:
            try:
                weighing = self._read(line)
            except (InstrumentError, MalformedReply) as error:
                found.append(Streamed(None, self._timed(line), error))
            else:
                if weighing is not None and self._timing is not None:
                    found.append(Streamed(weighing, self._timing, None))
        return found

    def _read(self, line: Line) -> Weighing | None:
        stamp_ns = _stamp(line, self._link)
        weight = self._parse(bytearray(line.data))
        if weight is None:
            return None
        self._note(stamp_ns)
        timing = self._timing = self._timed(line)
        return Weighing(timing.stamp_ns - timing.latency_ns, timing.stamp_ns, *weight)

    def _note(self, stamp_ns: int) -> None:
        """Keep a stamp; the median is taken anew with each of the first, then with each full set of spacings."""
        self._stamps.append(stamp_ns)
        self._seen += 1
        if self._seen <= SPACINGS or self._seen % SPACINGS == 0:
            spacings = [after - before for before, after in pairwise(self._stamps)]
            self._period_ns = median_low(spacings) if spacings else 0

    def _timed(self, line: Line) -> Timing:
        link = self._link
        real = link.identity.kind != "memory"
        speed = self._links.clock.speed
        stamp_ns = _stamp(line, link)
        # Lines that came in one chunk were sent one period apart, if nobody knows it better.
        joined = line.behind // max(1, len(line.data))
        wire_ns = round(len(line.data) * link.ns_per_byte * speed)
        latency_ns = wire_ns + (1 + joined) * self.period_ns + line.blind_ns
        return Timing(stamp_ns, stamp_uncertainty_ns(link, line.blind_ns, real=real) * speed, latency_ns)


def _stamp(line: Line, link: Link) -> int:
    """Return when the last byte of a line was there: bytes behind it came later, by a nanosecond at least."""
    return line.at_ns - line.behind * max(1, link.ns_per_byte)
