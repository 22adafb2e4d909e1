"""Weighs on a fixed grid of rig time while something else is waited for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from rig.clock import Clock, to_ns, to_s
from rig.errors import (
    BenchError,
    DeviceChanged,
    InstrumentError,
    LinkLost,
    ProtocolError,
    TransportError,
    TransportTimeout,
)
from rig.instruments import Balance
from rig.readings import Weighing
from rig.record.writer import RecordWriter
from rig.runner.regain import regain
from rig.runner.stop import StopRequest
from rig.transport.links import Link, Links

RECENT_READINGS = 2048


class Sampler:
    """Asks the balance for a reading every ``interval``, and records what comes.

    A single bad reading is recorded and bridged; without a good one for ``tolerate_s`` of rig time the last error is
    raised, since a bench that cannot weigh cannot judge. A balance that is unplugged is waited for as long, and taken
    back when it has the serial number ``expects``.
    """

    def __init__(
        self,
        links: Links,
        balance: Balance,
        writer: RecordWriter,
        stop: StopRequest,
        tolerate_s: float,
        link: Link | None = None,
    ) -> None:
        self._link = link
        self.expects = ""
        self.reconnects = 0
        self._links = links
        self._clock: Clock = links.clock
        self._balance = balance
        self._writer = writer
        self._stop = stop
        self._tolerate_ns = to_ns(max(tolerate_s, 5.0))
        self._next_ns = 0
        self.recent: deque[tuple[float, float]] = deque(maxlen=RECENT_READINGS)
        self.latest: Weighing | None = None
        self.count = 0
        self.on_tick: Callable[[int], None] = lambda _now_ns: None

    def sample_until(self, end_ns: int, interval_s: float) -> None:
        """Weigh every ``interval_s`` until rig time ``end_ns``; stop requests end it by `RunAborted`."""
        interval_ns = to_ns(interval_s)
        clock, links = self._clock, self._links
        self._next_ns = max(self._next_ns, clock.now_ns())
        self._next_ns = min(self._next_ns, clock.now_ns() + interval_ns)
        while self._next_ns <= end_ns:
            links.sleep_until(self._next_ns)
            self._stop.check()
            self.weigh()
            # Late (a pump command took its time): keep the grid, and leave out what was missed.
            behind = clock.now_ns() - self._next_ns
            self._next_ns += interval_ns * (1 + max(0, behind) // interval_ns)
        links.sleep_until(end_ns)
        self._stop.check()

    def weigh(self) -> Weighing | None:
        """Take one reading now; record it, or what went wrong instead."""
        try:
            weighing = self._balance.weigh()
        except LinkLost as lost:
            if self._link is None:
                raise
            regain(self._links, self._link, self._take_back, self._writer, self._stop, lost, to_s(self._tolerate_ns))
            return None
        except (InstrumentError, ProtocolError, TransportTimeout) as error:
            self._bridge(error)
            return None
        self.latest = weighing
        self.count += 1
        self._writer.weighing("balance", weighing)
        self.recent.append((to_s(weighing.answered_ns), weighing.mass_mg))
        self._writer.check()
        self.on_tick(weighing.answered_ns)
        return weighing

    def _take_back(self) -> bool:
        """Open the balance's port again; another balance behind it is refused by `DeviceChanged`."""
        if self._link is None or not self._links.reopen(self._link):
            return False
        try:
            identity = self._balance.identify()
        except DeviceChanged:
            raise
        except BenchError:
            return False  # it is there and does not answer yet
        if self.expects and identity.serial != self.expects:
            raise DeviceChanged(
                f"another balance answers: serial number {identity.serial}",
                where=f"balance on {self._link.identity.port}",
                expected=self.expects,
                hint="plug the bench's own balance in again",
            )
        self.reconnects += 1
        return True

    def _bridge(self, error: InstrumentError | ProtocolError | TransportTimeout) -> None:
        now_ns = self._clock.now_ns()
        self._writer.event(now_ns, "reading_failed", {"error": str(error)})
        self._writer.check()
        self.on_tick(now_ns)
        last_ns = self.latest.answered_ns if self.latest is not None else now_ns
        if self.latest is None or now_ns - last_ns > self._tolerate_ns:
            raise TransportError(
                f"no valid reading for {to_s(now_ns - last_ns):.0f} s; the last answer: {error}",
                where="balance",
                hint="check the balance's display, then its cable",
            ) from error
