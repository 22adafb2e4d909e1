"""SET: the exact programmed volume over time, with the dose envelope of that pump (design 4.10).

All times are seconds on one axis of the caller's choice (rig time less some origin), amounts are in U, rates in U/h.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from rig.errors import UsageError
from rig.profiles.pump import PumpProfile, load_profile
from rig.schedule import BasalSegment, BolusOrder, Programme

__all__ = [
    "BasalSegment",
    "BolusOrder",
    "Plan",
    "PlannedStep",
    "Programme",
    "TherapyEvent",
    "therapy_events",
    "therapy_programme",
]
HALF_HOUR_S = 1800.0
DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class TherapyEvent:
    """One thing that changed what the pump should deliver; ``data`` as in the run record.

    Names: ``pump_clock`` {local}, ``clock_set`` {local or shift_s}, ``armed`` {pump, pump_clock}, ``profile_written``
    {entries, pattern}, ``pattern_selected`` {pattern}, ``suspended``, ``resumed``, ``temp_started`` {rate_u_per_h,
    percent, duration_s}, ``temp_cancelled``, ``bolus_started`` {amount_u, duration_s, step, index}. Patterns: 0
    standard (where none is named), 1 A, 2 B. Any other name changes nothing.
    """

    at_s: float
    name: str
    data: dict[str, Any] = field(default_factory=dict)


class _RecordedEvent(Protocol):
    @property
    def at_ns(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def data(self) -> dict[str, Any]: ...


def therapy_events(events: Iterable[_RecordedEvent], origin_ns: int) -> list[TherapyEvent]:
    """Return events of a run record (``at_ns``, ``name``, ``data``) as therapy events, in seconds since ``origin_ns``.

    ``armed`` becomes a ``pump_clock`` event as well, at the instant at which the pump's clock was read.
    """
    found: list[TherapyEvent] = []
    for event in events:
        clock = event.data.get("pump_clock") if event.name == "armed" else None
        if isinstance(clock, dict) and "at_ns" in clock:
            found.append(TherapyEvent((clock["at_ns"] - origin_ns) / 1e9, "pump_clock", {"local": clock["local"]}))
        data = {key: value for key, value in event.data.items() if key != "pump_clock"}
        found.append(TherapyEvent((event.at_ns - origin_ns) / 1e9, event.name, data))
    return found


def therapy_programme(
    events: Sequence[TherapyEvent], end_s: float, dose_u: float, profile: PumpProfile | None = None
) -> Programme:
    """Return SET for a sequence of therapy events, from the first of them to ``end_s``.

    The selected profile runs on the pump's clock (local time of day, through midnight) and follows it when it is set;
    a pattern that was never written delivers nothing. A temporary basal overrides it until its end or cancel, a
    percentage multiplies the running segment; a suspend cancels a temporary basal and stops a bolus; a resume returns
    to the profile. Rates are rounded as the pump rounds when its profile is given or named by an ``armed`` event.
    Sources: minimed-protocol 5.2 and 5.3, standards-and-metrology 8.4. Raises `UsageError` on a programme that cannot
    be.
    """
    player = _Player(profile)
    for event in sorted(events, key=lambda item: item.at_s):  # stable: equal times keep their order
        if event.at_s > end_s:
            break
        player.advance(event.at_s)
        player.apply(event)
    player.advance(end_s)
    return Programme(tuple(player.segments), tuple(player.finished_boluses()), dose_u)


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One scenario step as planned: seconds since the first delivery, the volume it should bring, its words."""

    index: int
    kind: str
    start_s: float
    end_s: float
    expected_u: float
    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a scenario will do on a pump: for ``--dry-run``, the progress line and the refusals before a run.

    The axis is seconds since the first delivering step's acknowledgement, as ``from`` of a check counts;
    ``lead_s`` is what comes before it (arming, the blank before), ``duration_s`` the whole run.
    """

    scenario_id: str
    programme: Programme
    events: tuple[TherapyEvent, ...]
    steps: tuple[PlannedStep, ...]
    lead_s: float
    duration_s: float
    start_local: datetime
    total_u: float
    reservoir_need_u: float
    volume_ul: float
    mass_mg: float
    curve: tuple[tuple[float, float], ...]  # (seconds since the first delivery, cumulative U)

    @property
    def end_local(self) -> datetime:
        """Return when the run should end."""
        return self.start_local + timedelta(seconds=self.duration_s)

    @property
    def delivery_s(self) -> float:
        """Return how long the steps last from the first delivery on; checks lie within it."""
        return self.steps[-1].end_s if self.steps else 0.0

    def expected_u(self, t_s: float) -> float:
        """Return the volume that should have been delivered by ``t_s``, in U."""
        return self.programme.expected_u(0.0, max(0.0, t_s))

    def rate_at(self, t_s: float) -> float:
        """Return the basal rate in U/h in force at ``t_s``."""
        return self.programme.rate_at(t_s)


class _Player:
    """Plays therapy events in time and collects what they programme."""

    def __init__(self, profile: PumpProfile | None) -> None:
        self.segments: list[BasalSegment] = []
        self._pump = profile
        self._now_s: float | None = None
        self._patterns: dict[int, tuple[tuple[float, float], ...]] = {}  # second of the day, U/h
        self._pattern = 0
        self._day_offset_s: float | None = None  # pump's second of the day at 0 s of our axis
        self._suspended = False
        self._temp: tuple[float, float | None, int | None] | None = None  # until s, U/h, percent
        self._boluses: list[BolusOrder] = []

    def advance(self, to_s: float) -> None:
        """Programme the time up to ``to_s``, one segment per constant rate."""
        now_s = to_s if self._now_s is None else self._now_s
        while now_s < to_s:
            until_s = min(to_s, self._next_change_s(now_s))
            self._append(now_s, until_s, self._rate(now_s))
            now_s = until_s
            if self._temp is not None and now_s >= self._temp[0]:
                self._temp = None
        self._now_s = now_s

    def apply(self, event: TherapyEvent) -> None:
        """Let one event take effect; a name without a rule here changes nothing."""
        getattr(self, f"_on_{event.name}", lambda _at_s, _data: None)(event.at_s, event.data)

    @property
    def _entries(self) -> tuple[tuple[float, float], ...]:
        return self._patterns.get(self._pattern, ((0.0, 0.0),))

    def finished_boluses(self) -> list[BolusOrder]:
        """Return the boluses, those stopped early with what they had delivered."""
        return [order for order in self._boluses if order.amount_u > 0]

    def _rate(self, at_s: float) -> float:
        if self._suspended:
            return 0.0
        scheduled = self._scheduled(at_s)
        if self._temp is None:
            return scheduled
        _, rate_u_per_h, percent = self._temp
        return self._rounded(scheduled * (percent or 0) / 100.0 if rate_u_per_h is None else rate_u_per_h)

    def _scheduled(self, at_s: float) -> float:
        second = self._second_of_day(at_s)
        index = bisect_right([start for start, _ in self._entries], second + 1e-6) - 1
        return self._rounded(self._entries[index][1])

    def _second_of_day(self, at_s: float) -> float:
        if len(self._entries) == 1:
            return 0.0  # one rate all day: no clock is needed
        if self._day_offset_s is None:
            raise UsageError("a basal profile with several rates needs the pump's clock", expected="'armed' before it")
        second = (self._day_offset_s + at_s) % DAY_S
        return 0.0 if DAY_S - second < 1e-6 else second

    def _next_change_s(self, now_s: float) -> float:
        """Return when the rate may change next: a profile entry, midnight, or the end of the temporary basal."""
        changes = [math.inf]
        if self._temp is not None:
            changes.append(self._temp[0])
        if len(self._entries) > 1:
            second = self._second_of_day(now_s)
            ahead = [start - second for start, _ in self._entries if start > second + 1e-6]
            changes.append(now_s + (ahead[0] if ahead else DAY_S - second))
        return min(changes)

    def _append(self, start_s: float, end_s: float, rate_u_per_h: float) -> None:
        if self.segments and self.segments[-1].rate_u_per_h == rate_u_per_h:
            self.segments[-1] = BasalSegment(self.segments[-1].start_s, end_s, rate_u_per_h)
        else:
            self.segments.append(BasalSegment(start_s, end_s, rate_u_per_h))

    def _rounded(self, rate_u_per_h: float) -> float:
        return rate_u_per_h if self._pump is None else self._pump.round_basal(rate_u_per_h)

    def _on_armed(self, at_s: float, data: dict[str, Any]) -> None:
        profile_id = data.get("pump", {}).get("profile")
        if self._pump is None and profile_id:
            self._pump = load_profile(str(profile_id))
        if data.get("pump_clock"):
            self._on_pump_clock(at_s, data["pump_clock"])

    def _on_pump_clock(self, at_s: float, data: dict[str, Any]) -> None:
        local = datetime.fromisoformat(str(data["local"])).replace(tzinfo=None)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        self._day_offset_s = (local - midnight) / timedelta(seconds=1) - at_s

    def _on_clock_set(self, at_s: float, data: dict[str, Any]) -> None:
        if data.get("local") is not None:
            self._on_pump_clock(at_s, data)
        elif self._day_offset_s is not None:
            self._day_offset_s += float(data["shift_s"])

    def _on_profile_written(self, _at_s: float, data: dict[str, Any]) -> None:
        entries = tuple((float(start) * HALF_HOUR_S, float(rate)) for start, rate in data["entries"])
        starts = [start for start, _ in entries]
        if not entries or starts[0] != 0 or starts != sorted(set(starts)) or starts[-1] >= DAY_S:
            raise UsageError("a basal profile must begin at midnight and rise in time within one day")
        self._patterns[int(data.get("pattern", 0))] = entries

    def _on_pattern_selected(self, _at_s: float, data: dict[str, Any]) -> None:
        self._pattern = int(data["pattern"])

    def _on_suspended(self, at_s: float, _data: dict[str, Any]) -> None:
        self._suspended = True
        self._temp = None
        self._boluses = [order.stopped(at_s) for order in self._boluses]

    def _on_resumed(self, _at_s: float, _data: dict[str, Any]) -> None:
        self._suspended = False

    def _on_temp_started(self, at_s: float, data: dict[str, Any]) -> None:
        duration_s = float(data["duration_s"])
        rate, percent = data.get("rate_u_per_h"), data.get("percent")
        if (rate is None) == (percent is None):
            raise UsageError("a temporary basal has either a rate or a percentage")
        rate = None if rate is None else float(rate)
        self._temp = (at_s + duration_s, rate, percent) if duration_s > 0 else None

    def _on_temp_cancelled(self, _at_s: float, _data: dict[str, Any]) -> None:
        self._temp = None

    def _on_bolus_started(self, at_s: float, data: dict[str, Any]) -> None:
        step, index = int(data.get("step", -1)), int(data.get("index", -1))
        self._boluses.append(BolusOrder(at_s, float(data["amount_u"]), float(data["duration_s"]), step, index))
