"""Commands that change the delivery: each is announced, sent once, settled, and recorded with its time.

The state kept here is what the rig has asked for and the pump has accepted; it decides what the next step still needs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from rig.clock import to_ns, to_s
from rig.errors import InstrumentError
from rig.guardian.guard import Guard, NoGuard
from rig.instruments import Acceptance, BasalEntry, Key, TempBasal
from rig.plugins.roles import (
    Boluses,
    ClaimedPump,
    History,
    Keys,
    Patterns,
    PercentTempBasals,
    Profiles,
    TempBasals,
)
from rig.profiles.pump import PumpProfile
from rig.record.writer import RecordWriter
from rig.runner.alarms import named, refuse_alarm
from rig.runner.history import bolus_since
from rig.runner.journal import Journal
from rig.runner.reports import Reports
from rig.runner.settings import PATTERNS, Settings
from rig.runner.stop import StopRequest
from rig.runner.telling import Told, tell
from rig.transport.links import Links

TEMP_STEP_S = 1800.0
TEMP_MAX_S = 24 * 3600.0
BOLUS_START_POLLS = 3
READ_BACK_MIN = 3  # minutes that may pass between a temp basal and its reading back


class Therapy:
    """What the pump was told, and telling it more."""

    def __init__(
        self,
        claimed: ClaimedPump,
        links: Links,
        writer: RecordWriter,
        profile: PumpProfile,
        stop: StopRequest,
        guard: Guard | None = None,
        next_id: int = 1,
    ) -> None:
        self._stop = stop
        self._guard: Guard = guard or NoGuard()
        self._journal = Journal(writer, links.clock, self._guard, next_id)
        self._claimed = claimed
        self.pump = claimed.pump
        self.role = claimed.role
        self._links = links
        self._writer = writer
        self._profile = profile
        self.reports = Reports(claimed, links, writer, profile, self._guard)
        self.settings = Settings(self)
        self.patterns: dict[int, list[BasalEntry]] = {}
        self.suspended = False
        self.commanded = False  # whether any command that changes the delivery was ever tried
        self.temp_until_ns = 0
        self.ordered_u = 0.0  # all boluses that were accepted
        self.delivering_since_ns: int | None = None
        self.tidying = False  # the pump is stopped: a request to stop has been honoured

    @property
    def now_ns(self) -> int:
        """Return the rig time now."""
        return self._links.clock.now_ns()

    @property
    def entries(self) -> list[BasalEntry] | None:
        """Return the standard profile, None until it was written."""
        return self.patterns.get(0)

    def set_profile(self, entries: Sequence[BasalEntry], pattern: int = 0) -> None:
        """Write a profile (0 standard, 1 A, 2 B) unless the pump was given it already; read it back."""
        wanted = list(entries)
        if self.patterns.get(pattern) == wanted:
            return
        written = [[entry.start_half_hours, entry.rate_u_per_h] for entry in wanted]
        data: dict[str, Any] = {"entries": written} | ({"pattern": pattern} if pattern else {})
        held: list[BasalEntry] = []

        def shows() -> bool:
            held[:] = self.role(Patterns).profile(pattern) if pattern else self.role(Profiles).profile()
            return held == wanted

        told = self.tell(
            "set_profile", lambda: self._write_profile(wanted, pattern), shows, "the profile read back", **data
        )
        if not told.held:
            name = PATTERNS[pattern]
            raise InstrumentError(
                f"the pump holds another basal profile ({name}) than was written{told.text}: {_text(held)}",
                where="pump",
                expected=_text(wanted),
                hint="check the link and the pump's screen; its maximum basal may be too low",
            )
        self.patterns[pattern] = wanted
        self.record("profile_written", data)

    def _write_profile(self, entries: list[BasalEntry], pattern: int) -> Acceptance:
        """Write a profile; a driver of a pump without patterns takes none."""
        if pattern:
            return self.role(Patterns).set_profile(entries, pattern)
        return self.role(Profiles).set_profile(entries)

    def suspend(self) -> int:
        """Stop all delivery and see it confirmed; return the time of the acknowledgement."""
        told = self.tell("suspend", self.pump.suspend, lambda: self.pump.status().suspended, "status")
        if not told.held:
            raise InstrumentError(
                f"the pump does not report that it is suspended{told.text}", where="pump", hint="stop it by hand"
            )
        self.suspended = True
        self.temp_until_ns = 0
        return self.record("suspended", {}, told.at_ns)

    def resume(self) -> int:
        """Resume basal; return the time of the acknowledgement."""
        told = self.tell("resume", self.pump.resume, lambda: not self.pump.status().suspended, "status")
        if not told.held:
            raise InstrumentError(
                f"the pump reports that it is still suspended{told.text}", where="pump", hint="check its screen"
            )
        self.suspended = False
        return self._delivers(self.record("resumed", {}, told.at_ns))

    def start_temp(self, rate_u_per_h: float | None, percent: int | None, duration_s: float) -> int:
        """Start a temporary basal; return the time of the acknowledgement."""
        minutes = round(duration_s / 60)
        self.settings.temp_type(percent=rate_u_per_h is None)

        def start() -> Acceptance:
            if rate_u_per_h is not None:
                return self.role(TempBasals).set_temp_basal(rate_u_per_h, minutes)
            return self.role(PercentTempBasals).set_temp_basal_percent(percent or 0, minutes)

        found: list[TempBasal] = []

        def shows() -> bool:
            running = self.role(TempBasals).temp_basal()
            found[:] = [running]
            held = running.percent == percent if running.is_percent else running.rate_u_per_h == rate_u_per_h
            return held and minutes - READ_BACK_MIN <= running.minutes_left <= minutes

        order = {"rate_u_per_h": rate_u_per_h, "percent": percent, "minutes": minutes}
        told = self.tell("temp_basal", start, shows, "the temp basal read back", **order)
        (running,) = found
        if not told.held:
            raise InstrumentError(
                f"the pump runs another temp basal than it was given{told.text}: {running}",
                where="pump",
                expected=f"{rate_u_per_h} U/h" if percent is None else f"{percent} %",
                hint="the command's answer may have been lost: see the record",
            )
        at_ns = told.at_ns
        self.temp_until_ns = at_ns + to_ns(duration_s)
        data = {"rate_u_per_h": rate_u_per_h, "percent": percent, "duration_s": duration_s}
        self.record("temp_started", data, at_ns)
        reported = {"source": "temp_status", "rate_u_per_h": running.rate_u_per_h, "percent": running.percent}
        self.record("reported", {**reported, "is_percent": running.is_percent, "minutes": running.minutes_left})
        return self._delivers(at_ns)

    def hold_at_zero(self, for_s: float) -> bool:
        """Keep a temp basal of 0 running for at least ``for_s`` more; return whether one had to be started."""
        now_ns = self._links.clock.now_ns()
        if self.temp_until_ns - now_ns >= to_ns(for_s):
            return False
        duration_s = min(TEMP_MAX_S, math.ceil((for_s + 60.0) / TEMP_STEP_S) * TEMP_STEP_S)
        self.start_temp(0.0, None, duration_s)
        return True

    def cancel_temp(self) -> None:
        """End a temporary basal that may be running."""
        now = self.settings.now
        percent = now is not None and now.temp_basal_is_percent  # a pump refuses a cancel of the other type
        cancel: Callable[[int, int], Acceptance]
        if percent:
            cancel = self.role(PercentTempBasals).set_temp_basal_percent
        else:
            cancel = self.role(TempBasals).set_temp_basal
        told = self.tell(
            "temp_cancel",
            lambda: cancel(0, 0),
            lambda: not self.role(TempBasals).temp_basal().minutes_left,
            "the temp basal read back",
        )
        if not told.held:
            raise InstrumentError(f"the pump reports that the temp basal still runs{told.text}", where="pump")
        self.temp_until_ns = 0
        self.record("temp_cancelled", {}, told.at_ns)

    def bolus(self, amount_u: float, step: int, index: int) -> int | None:
        """Start a bolus; return the time of its acknowledgement, or None when it was found not to have started."""
        pump, asked_ns = self.role(Boluses), self._links.clock.now_ns()
        self._guard.state(bolus=True, holdable=False)
        order = {"amount_u": amount_u, "step": step, "index": index}
        acceptance, at_ns = self._once("bolus", lambda: pump.bolus(amount_u), delivers=True, **order)
        started = acceptance is Acceptance.ACKNOWLEDGED or self._bolus_started(amount_u, asked_ns)
        if not started:
            self.record("bolus_not_delivered", order)
            self.bolus_over()
            return None
        self.ordered_u += amount_u
        duration_s = self._profile.bolus_duration_s(amount_u)
        data = {"amount_u": amount_u, "duration_s": duration_s, "step": step, "index": index}
        self.record("bolus_started", {**data, "acceptance": acceptance.value}, at_ns)
        return self._delivers(at_ns)

    def cancel_bolus(self, step: int, index: int) -> int:
        """Stop a bolus by suspending the pump, and with it the basal; return the time of the acknowledgement."""
        at_ns = self.suspend()
        self.record("bolus_cancelled", {"step": step, "index": index}, at_ns)
        return at_ns

    def press(self, key: Key, push: Callable[[], Acceptance] | None = None, **how: Any) -> None:
        """Push a key, once, whatever becomes of its answer; ``push`` does it where it is not the link that does."""
        if push is None:
            pump = self.role(Keys)
            push = lambda: pump.press(key)  # noqa: E731
        acceptance, at_ns = self._once("press", push, key=key.name.lower(), **how)
        self._journal.settled(delivered=None, by="nobody: a key has no reading back")
        self.record("key_pressed", {"key": key.name.lower(), "acceptance": acceptance.value, **how}, at_ns)

    def refuse_alarm(self) -> None:
        """Raise `InstrumentError` where the pump has an active alarm: it would pass for the answer to what comes."""
        refuse_alarm(self._claimed)

    def may_go_on(self) -> None:
        """Raise `RunAborted` when a stop was asked for, unless the pump is stopped already."""
        if not self.tidying:
            self._stop.check()

    def bolus_over(self) -> None:
        """Tell the guardian that no bolus is in flight any more."""
        self._guard.state(bolus=False, holdable=False)

    def record(self, name: str, data: dict[str, Any], at_ns: int | None = None) -> int:
        """Record an event at ``at_ns`` (else now); return its time."""
        when_ns = self._links.clock.now_ns() if at_ns is None else at_ns
        self._writer.event(when_ns, name, data)
        return when_ns

    def settled(self, *, delivered: bool | None, by: str) -> None:
        """Settle what the journal holds as unknown."""
        self._journal.settled(delivered=delivered, by=by)

    def _delivers(self, at_ns: int) -> int:
        if self.delivering_since_ns is None:
            self.delivering_since_ns = at_ns
        return at_ns

    def _once(
        self, name: str, command: Callable[[], Acceptance], *, delivers: bool = False, **parameters: Any
    ) -> tuple[Acceptance, int]:
        if not self.tidying:
            self._stop.check()
        self.commanded = True
        command_id = self._journal.intend(name, delivers=delivers, **parameters)
        try:
            acceptance = command()
        except InstrumentError as error:
            self._journal.refused(command_id, name, str(error))
            raise named(error, self._claimed) from error
        self._journal.answered(command_id, name, acceptance, self._why_unknown())
        if acceptance is Acceptance.ACKNOWLEDGED:
            return acceptance, self.pump.acknowledged_ns
        return acceptance, self._links.clock.now_ns()

    def tell(
        self, name: str, command: Callable[[], Acceptance], shows: Callable[[], bool], by: str, **parameters: Any
    ) -> Told:
        """Tell the pump something that ``shows`` reads back, and again while it does not; never a bolus.

        ``by`` says who tells. See `rig.runner.telling`.
        """
        told = tell(self._once, self._journal.settled, name, command, shows, by, **parameters)
        return told if told.held else replace(told, why=self._why_unknown())

    def _why_unknown(self) -> str:
        """Return why the last answer is unknown, where the driver says so."""
        return str(getattr(self.pump, "unknown_because", ""))

    def _bolus_started(self, amount_u: float, asked_ns: int) -> bool:
        """Settle a bolus whose answer was lost, from status and history; never by sending it again (design 4.5)."""
        asked_at = self.pump.clock() - timedelta(seconds=to_s(self._links.clock.now_ns() - asked_ns))
        for _ in range(BOLUS_START_POLLS):
            if self.pump.status().bolusing:
                self._journal.settled(delivered=True, by="status")
                return True
        self._links.pause(self._profile.bolus_duration_s(amount_u) + 5.0)
        fresh = bolus_since(self.role(History), amount_u, asked_at) is not None
        before_u = self.reports.reservoir_u
        self.reports.reservoir()  # no judge of its own, but whoever reads the record later wants to see it
        support = {"reservoir_before_u": before_u, "reservoir_after_u": self.reports.reservoir_u}
        self._journal.settled(delivered=fresh, by="history", **support)
        return fresh


def entries_of(segments: Sequence[Sequence[float]]) -> list[BasalEntry]:
    """Return (start in half-hours, rate in U/h) pairs as entries of a profile."""
    return [BasalEntry(int(start), float(rate)) for start, rate in segments]


def _text(entries: Sequence[BasalEntry]) -> str:
    """Return a profile in words."""
    rows = (f"{e.start_half_hours // 2:02d}:{e.start_half_hours % 2 * 30:02d} {e.rate_u_per_h:g}" for e in entries)
    return ", ".join(rows) or "no rate at all"
