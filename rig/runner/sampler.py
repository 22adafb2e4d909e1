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
from rig.instruments import Balance, TellsDoubts
from rig.readings import Weighing
from rig.record.writer import RecordWriter
from rig.runner.stop import StopRequest
from rig.transport.links import Link, Links

RECENT_READINGS = 2048
RETRY_S = 1.0  # rig time between two attempts to reach a lost balance
LEAST_RETRY_S = 0.05  # link time: rig time that runs fast is no reason to spin


class Sampler:
    """Asks the balance for a reading every ``interval``, and records what comes.

    A single bad reading is recorded and bridged; without a good one for ``tolerate_s`` of rig time the last error is
    raised, since a bench that cannot weigh cannot judge. A balance whose ``link`` is lost is opened again once a second
    for as long, and must be the one that was there before.

    The first reading after others failed is told as an event ``readings_resumed``, with why they failed: what the
    balance did meanwhile, an adjustment, a new zero, may have moved its level. Readings that the balance takes back,
    because they may answer another request, are told as ``readings_withdrawn``; the judge leaves them out.
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
        self._links = links
        self._clock: Clock = links.clock
        self._balance = balance
        self._doubts = balance if isinstance(balance, TellsDoubts) else None
        self._link = link
        self.expects = ""  # serial number of the balance: as armed, else that of the first reading
        self._away = False
        self._writer = writer
        self._stop = stop
        self._tolerate_ns = to_ns(max(tolerate_s, 5.0))
        self._next_ns = 0
        self.recent: deque[tuple[float, float]] = deque(maxlen=RECENT_READINGS)
        self.latest: Weighing | None = None
        self.count = 0
        self._failed: list[str] = []  # why, since the last reading
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
            if self._away:
                self._wait_for_balance(end_ns)
            # Late (a pump command took its time): keep the grid, and leave out what was missed.
            behind = clock.now_ns() - self._next_ns
            self._next_ns += interval_ns * (1 + max(0, behind) // interval_ns)
        links.sleep_until(end_ns)
        self._take_back()
        self._stop.check()

    def weigh(self) -> Weighing | None:
        """Take one reading now; record it, or what went wrong instead."""
        if self._away and not self._reconnect():
            return None
        try:
            weighing = self._balance.weigh()
        except LinkLost as error:
            self._lose(error)
            return None
        except (InstrumentError, ProtocolError, TransportTimeout) as error:
            self._take_back()
            self._bridge(error)
            return None
        self._take_back()
        if not self.expects:
            self.expects = self._balance.identify().serial
        if self._failed:
            why = sorted(set(self._failed))
            event = {"asked_ns": weighing.asked_ns, "failed": len(self._failed), "why": why}
            self._writer.event(self._clock.now_ns(), "readings_resumed", event)
            self._failed.clear()
        self.latest = weighing
        self.count += 1
        self._writer.weighing("balance", weighing)
        self.recent.append((to_s(weighing.answered_ns), weighing.mass_mg))
        self._writer.check()
        self.on_tick(weighing.answered_ns)
        return weighing

    def _take_back(self) -> None:
        """Record which readings the balance takes back."""
        for each in self._doubts.withdrawn() if self._doubts is not None else ():
            event = {"from_ns": each.from_ns, "to_ns": each.to_ns, "why": each.why}
            self._writer.event(self._clock.now_ns(), "readings_withdrawn", event)
            while self.recent and self.recent[-1][0] >= to_s(each.from_ns):
                self.recent.pop()

    def _lose(self, error: LinkLost) -> None:
        """Go on without a balance for as long as may be; links tell by themselves that one was lost."""
        if self._link is None:
            raise error
        self._away = True
        self._without(error)

    def _wait_for_balance(self, end_ns: int) -> None:
        """Try once a second to reach a lost balance, until rig time ``end_ns`` at most: the pump does not wait."""
        clock = self._clock
        retry_ns = to_ns(max(RETRY_S, LEAST_RETRY_S * clock.speed))
        while self._away and clock.now_ns() + retry_ns <= end_ns:
            self._links.sleep_until(clock.now_ns() + retry_ns)
            self._stop.check()
            self._reconnect()

    def _reconnect(self) -> bool:
        assert self._link is not None  # noqa: S101 - _lose() raises without one
        trouble = self._links.bring_back(self._link, self._greet)
        if trouble is not None:
            self._without(trouble)
            return False
        self._away = False
        return True

    def _greet(self) -> None:
        """See that the balance that answers is the one that weighed before."""
        serial = self._balance.identify().serial
        if self.expects not in ("", serial):
            raise DeviceChanged(
                f"another balance answers: serial number {serial}",
                where="balance",
                expected=self.expects,
                hint="plug the former balance in again",
            )

    def _bridge(self, error: InstrumentError | ProtocolError | TransportTimeout) -> None:
        self._failed.append(_why(error))
        self._writer.event(self._clock.now_ns(), "reading_failed", {"error": str(error)})
        self._without(error)

    def _without(self, error: BenchError) -> None:
        """Go on without a reading, unless there was none for too long."""
        now_ns = self._clock.now_ns()
        self._writer.check()
        self.on_tick(now_ns)
        last_ns = self.latest.answered_ns if self.latest is not None else now_ns
        if self.latest is None or now_ns - last_ns > self._tolerate_ns:
            raise TransportError(
                f"no valid reading for {to_s(now_ns - last_ns):.0f} s; the last answer: {error}",
                where="balance",
                hint="check the balance's display, then its cable",
            ) from error


def _why(error: InstrumentError | ProtocolError | TransportTimeout) -> str:
    """Return in a word why a reading failed: the condition that the balance told, ``silent`` or ``damaged``."""
    condition = getattr(error, "condition", None)
    if condition is not None:
        return str(condition.name).lower()
    return "silent" if isinstance(error, TransportTimeout) else "damaged"
