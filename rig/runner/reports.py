"""What the pump says: its clock, reservoir, history, alarms and radio, each asked for and recorded; it changes nothing.

The state kept here is what the pump said last.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rig.errors import BenchError, ProtocolError, TransportTimeout
from rig.guardian.guard import Guard
from rig.plugins.roles import Alarms, ClaimedPump, History, Radio
from rig.profiles.pump import PumpProfile
from rig.record.writer import RecordWriter
from rig.runner.history import entry_of, newest_bolus
from rig.transport.links import Links


class Reports:
    """What one pump says in one segment of a run."""

    def __init__(
        self, claimed: ClaimedPump, links: Links, writer: RecordWriter, profile: PumpProfile, guard: Guard
    ) -> None:
        self._pump, self._role = claimed.pump, claimed.role
        self._links = links
        self._writer = writer
        self._profile = profile
        self._guard = guard
        self.reservoir_u = 0.0  # as the pump said it last
        self.clock_read: datetime | None = None  # what the pump's clock showed when it was first asked
        self._clock_sets = 0  # since then
        self._sets_to_read = 0  # of those, how many the pages of the history read so far do not hold

    def look_for_alarm(self, code: int, since: datetime, *, page: bool) -> dict[str, Any] | None:
        """Return who tells of an alarm of this code and when, or None; the history is read for its stamp.

        ``since``: pump-clock time from which the history's alarms count; with ``page`` it is read in any case.
        """
        active = self._role(Alarms).alarm() == code
        if not active and not page:
            return None
        try:
            held = self._role(History).history(0)
        except BenchError:
            if not active:
                raise
            held = []  # that the alarm is there is known; its stamp is not
        fresh = [e.at for e in held if (e.kind, e.code) == ("alarm", code) and e.at is not None and e.at >= since]
        if not active and not fresh:
            return None
        return {"by": "error status" if active else "history", "at": fresh[-1].isoformat() if fresh else None}

    def bolus(self, amount_u: float, step: int, index: int) -> None:
        """Record what the pump's own history says of the bolus that was just delivered."""
        try:
            newest = newest_bolus(self._role(History).history(0))
        except (ProtocolError, TransportTimeout) as error:  # a page is sixteen packets: more than a bad link carries
            missing = {"source": "bolus_history", "step": step, "index": index}
            self._record("report_missing", {**missing, "error": str(error)})
            return
        if newest is None or newest.delivered_u is None:
            return
        data = {
            "source": "bolus_history",
            "at": newest.at.isoformat() if newest.at else None,
            "programmed_u": newest.programmed_u,
            "delivered_u": newest.delivered_u,
            "resolution_u": self._profile.history_amount_step_u,
            "remote": newest.remote,
        }
        self._record("reported", {**data, "amount_u": amount_u, "step": step, "index": index})

    def reservoir(self) -> None:
        """Record the reservoir level that the pump believes in."""
        self.reservoir_u = self._pump.reservoir_u()
        self._record("reported", {"source": "reservoir", "reservoir_u": self.reservoir_u})

    def clock(self) -> tuple[datetime, int]:
        """Record the time on the pump's clock beside rig time; return both."""
        asked_ns = self._links.clock.now_ns()
        read = self._pump.clock()
        if self.clock_read is None:
            self.clock_read = read
        answered_ns = self._links.clock.now_ns()
        self._record("pump_clock", {"local": read.isoformat(), "asked_ns": asked_ns, "answered_ns": answered_ns})
        return read, (asked_ns + answered_ns) // 2

    def radio(self) -> None:
        """Record how the pump is heard where its driver says so; the guardian is told of a frequency that was found."""
        pump = self._pump
        if not isinstance(pump, Radio) or pump.tuned_mhz is None:
            return
        if pump.scanned:
            self._guard.tuned(pump.tuned_mhz)
        scanned = [list(step) for step in pump.scanned]
        heard = {"frequency_mhz": pump.tuned_mhz, "rssi_dbm": pump.rssi_dbm, "signal": pump.signal, "scanned": scanned}
        self._record("radio", heard)

    def clock_was_set(self, times: int = 1) -> None:
        """Note that the pump's clock was set: stamps from before and from after are of two times."""
        self._clock_sets += times

    def history(self, page: int = 0) -> bool:
        """Record one page of the pump's history; return whether an older one may still hold entries of this run.

        Pages are read from the newest on. A clock that was set leaves two records: only stamps from before the first
        time that this run has set it say how far the pages reach back.
        """
        held = self._role(History).history(page)
        self._record("reported", {"source": "history", "page": page, "newest": [entry_of(event) for event in held]})
        if page == 0:
            self._sets_to_read = 2 * self._clock_sets
        stamps = []
        for event in reversed(held):
            if event.kind == "time_changed" and self._sets_to_read:
                self._sets_to_read -= 1  # the last one that is read is stamped in the time before
            if event.at is not None and not self._sets_to_read:
                stamps.append(event.at)
        if self._sets_to_read:
            return bool(held)
        return bool(stamps) and self.clock_read is not None and min(stamps) > self.clock_read

    def _record(self, name: str, data: dict[str, Any]) -> None:
        self._writer.event(self._links.clock.now_ns(), name, data)
