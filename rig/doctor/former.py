"""What a suite that delivers found in a pump, and bringing it back: profiles, pattern, limits, temp basals, clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rig.clock import Clock as RigClock
from rig.errors import RigError
from rig.instruments import BasalEntry, PumpSettings
from rig.plugins.roles import Capability, ClaimedPump, Clock, Limits, Patterns, PercentTempBasals, Profiles, TempBasals

CLOCK_S: Final = 30.0  # a clock that is nearer than this to what it was is left alone
SAME: Final = 1e-9
_C = Capability


def end_temp_basal(claimed: ClaimedPump) -> None:
    """Cancel a temporary basal that runs, in the way that the pump takes."""
    if _C.TEMP_BASALS in claimed.can and claimed.role(TempBasals).temp_basal().minutes_left:
        if _C.PERCENT_TEMP_BASALS in claimed.can and claimed.pump.settings().temp_basal_is_percent:
            claimed.role(PercentTempBasals).set_temp_basal_percent(0, 0)
        else:
            claimed.role(TempBasals).set_temp_basal(0.0, 0)


@dataclass(frozen=True, slots=True)
class Former:
    """A pump as it was found; what the driver does not claim is not in here."""

    profiles: dict[int, list[BasalEntry]]
    settings: PumpSettings
    local: datetime
    at_ns: int
    clock: RigClock

    @classmethod
    def of(cls, claimed: ClaimedPump, clock: RigClock) -> Former:
        """Read all that a check may change."""
        profiles = {0: claimed.role(Profiles).profile()} if _C.PROFILES in claimed.can else {}
        if _C.PATTERNS in claimed.can:
            profiles |= {number: claimed.role(Patterns).profile(number) for number in (0, 1, 2)}
        return cls(profiles, claimed.pump.settings(), claimed.pump.clock(), clock.now_ns(), clock)

    def bring_back(self, claimed: ClaimedPump) -> list[str]:
        """Put back whatever is not as it was, each by itself; return in words what could not be."""
        try:
            claimed.pump.resume()  # a suspended pump may refuse a profile
        except RigError:
            return ["everything"]
        puts: dict[str, tuple[Capability, Callable[[], object], Callable[[], bool]]] = {
            "limits": (_C.LIMITS, lambda: self._limits(claimed), lambda: self._same_limits(claimed.pump.settings())),
            "pattern": (
                _C.PATTERNS,
                lambda: claimed.role(Patterns).select_pattern(self.settings.pattern),
                lambda: claimed.pump.settings().pattern == self.settings.pattern,
            ),
            "kind of temporary basals": (
                _C.PERCENT_TEMP_BASALS,
                lambda: claimed.role(PercentTempBasals).set_temp_basal_type(
                    percent=self.settings.temp_basal_is_percent
                ),
                lambda: claimed.pump.settings().temp_basal_is_percent is self.settings.temp_basal_is_percent,
            ),
            "clock": (_C.CLOCK, lambda: self._clock(claimed), lambda: self._same_clock(claimed)),
        }
        left = [name for name, (needs, put, same) in puts.items() if needs in claimed.can and not _put(put, same)]
        written = [f"profile {number}" for number in self.profiles if not self._profile(claimed, number)]
        return left + written

    def _profile(self, claimed: ClaimedPump, number: int) -> bool:
        """Write a profile again; an unused one has no entries, which no pump takes."""
        entries = self.profiles[number]
        if number == 0 and _C.PROFILES in claimed.can:
            pump = claimed.role(Profiles)
            return _put(lambda: pump.set_profile(entries), lambda: pump.profile() == entries, always=True)
        patterns = claimed.role(Patterns)
        return _put(
            lambda: patterns.set_profile(entries, number) if entries else None,
            lambda: not entries or patterns.profile(number) == entries,
        )

    def _limits(self, claimed: ClaimedPump) -> object:
        return claimed.role(Limits).set_limits(self.settings.max_bolus_u, self.settings.max_basal_u_per_h)

    def _same_limits(self, now: PumpSettings) -> bool:
        bolus_u = abs(now.max_bolus_u - self.settings.max_bolus_u)
        return bolus_u < SAME and abs(now.max_basal_u_per_h - self.settings.max_basal_u_per_h) < SAME

    def _due(self) -> datetime:
        return self.local + timedelta(microseconds=(self.clock.now_ns() - self.at_ns) // 1000)

    def _clock(self, claimed: ClaimedPump) -> object:
        return claimed.role(Clock).set_clock((self._due() + timedelta(seconds=0.5)).replace(microsecond=0))

    def _same_clock(self, claimed: ClaimedPump) -> bool:
        return abs((claimed.pump.clock() - self._due()).total_seconds()) < CLOCK_S


def _put(put: Callable[[], object], same: Callable[[], bool], *, always: bool = False) -> bool:
    """Put something back unless it is as it was; say whether it is now."""
    try:
        if not always and same():
            return True
        put()
        return same()
    except RigError:
        return False
