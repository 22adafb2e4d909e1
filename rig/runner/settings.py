"""The pump's settings: what they were found to be, setting them, and putting them back (minimed-protocol 5.3).

Every setting is read back before it counts. What nobody can say how to set by hand is said.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rig.clock import to_s
from rig.errors import BenchError, InstrumentError
from rig.instruments import Acceptance, PumpSettings
from rig.plugins.roles import Clock, Limits, Patterns, PercentTempBasals
from rig.runner.telling import Told

if TYPE_CHECKING:
    from rig.runner.therapy import Therapy

PATTERNS = ("standard", "A", "B")
CLOCK_S = 2.0  # between what was set and what is read back: whole seconds, and the time that the commands take
HALF_SECOND = timedelta(seconds=0.5)
_SAME = 1e-9


class Settings:
    """Settings of one pump in one segment of a run; ``found`` is as the run found them, ``now`` as they are."""

    def __init__(self, therapy: Therapy) -> None:
        self._therapy = therapy
        self.found: PumpSettings | None = None
        self.now: PumpSettings | None = None

    def adopt(self, read: PumpSettings, found: PumpSettings | None = None) -> None:
        """Take what was read for what is; ``found``: what a former segment of the run had found."""
        self.now, self.found = read, found or read

    @property
    def pattern(self) -> int:
        """Return the profile that is selected: 0 standard, 1 A, 2 B."""
        return 0 if self.now is None else self.now.pattern

    def temp_type(self, *, percent: bool) -> None:
        """See that the pump takes temporary basals in percent, or in U/h; nothing is sent where it does already.

        The command's parameter is a guess of the public sources (minimed-protocol 3, opcode 68): only the pump's own
        settings show that it was right.
        """
        if self.now is None or self.now.temp_basal_is_percent is percent:
            return
        wanted = "percent" if percent else "U/h"
        hint = f"set its temp basal type to {wanted} by hand, in its basal menu; a scenario with both kinds cannot run"
        error = InstrumentError(f"the pump does not change its temp basal type to {wanted}", where="pump", hint=hint)
        try:
            pump = self._therapy.role(PercentTempBasals)
            told = self._set(
                "temp_type",
                lambda: pump.set_temp_basal_type(percent=percent),
                lambda read: read.temp_basal_is_percent is percent,
                percent=percent,
            )
        except InstrumentError as refused:
            raise error from refused
        if not told.held:
            raise error
        self._therapy.record("temp_type_set", {"percent": percent})

    def select(self, pattern: int) -> int | None:
        """Select the profile that runs; return the time of the acknowledgement, None where it was selected."""
        if self.pattern == pattern:
            return None
        pump = self._therapy.role(Patterns)
        told = self._set(
            "select_pattern",
            lambda: pump.select_pattern(pattern),
            lambda read: read.pattern == pattern,
            pattern=pattern,
        )
        if not told.held:
            raise InstrumentError(
                f"the pump does not select pattern {PATTERNS[pattern]}{told.text}",
                where="pump",
                hint="enable its basal patterns in its menu",
            )
        return self._therapy.record("pattern_selected", {"pattern": pattern}, told.at_ns)

    def limit(self, max_bolus_u: float | None, max_basal_u_per_h: float | None) -> None:
        """Set the largest bolus, the highest basal rate, or both; None leaves one as it is."""
        wanted = {"max_bolus_u": max_bolus_u, "max_basal_u_per_h": max_basal_u_per_h}
        for name, value in wanted.items():
            if value is not None and (self.now is None or abs(getattr(self.now, name) - value) > _SAME):
                self._limit(name, value)

    def _limit(self, name: str, value: float) -> None:
        bolus_u, basal = (value, None) if name == "max_bolus_u" else (None, value)
        pump = self._therapy.role(Limits)
        told = self._set(
            name,
            lambda: pump.set_limits(bolus_u, basal),
            lambda read: abs(getattr(read, name) - value) <= _SAME,
            value=value,
        )
        if not told.held:
            raise InstrumentError(
                f"the pump does not take {name} = {value:g}{told.text}", where="pump", hint="set it in its menu"
            )
        self._therapy.record("limit_set", {"name": name, "value": value})

    def set_clock(self, to: datetime | None, shift_s: float | None, step: int) -> datetime:
        """Set the pump's clock to a time or by a shift; read it before and after. Return what it was set to."""
        therapy = self._therapy
        read, read_ns = therapy.reports.clock()
        passed = timedelta(seconds=to_s(therapy.now_ns - read_ns))
        local = to or (read + HALF_SECOND + passed + timedelta(seconds=shift_s or 0.0)).replace(microsecond=0)
        order = {"local": local.isoformat(), "shift_s": shift_s, "step": step}
        change = _ClockChange(therapy, local)
        told = therapy.tell("set_clock", change.carry_out, change.shows, "the clock read back", **order)
        if not told.held:
            raise InstrumentError(
                f"the pump's clock shows {change.shown}{told.text}", where="pump", expected=f"about {local}"
            )
        therapy.record("clock_set", order, told.at_ns)
        therapy.reports.clock_was_set()
        therapy.reports.clock()
        return local

    def restore(self) -> None:
        """Put back what the run found, each setting by itself; say what could not be. The clock stays as it is set."""
        found, now = self.found, self.now
        if found is None or now is None:
            return
        puts: dict[str, Callable[[], object]] = {
            "pattern": lambda: self.select(found.pattern),
            "max_bolus_u": lambda: self.limit(found.max_bolus_u, None),
            "max_basal_u_per_h": lambda: self.limit(None, found.max_basal_u_per_h),
            "temp_basal_is_percent": lambda: self.temp_type(percent=found.temp_basal_is_percent),
        }
        for name, put in puts.items():
            if getattr(found, name) == getattr(now, name):
                continue
            try:
                put()
            except BenchError as error:
                left = {"name": name, "found": getattr(found, name), "error": str(error)}
                self._therapy.record("setting_not_restored", left)

    def _set(
        self,
        name: str,
        command: Callable[[], Acceptance],
        is_wanted: Callable[[PumpSettings], bool],
        **parameters: Any,
    ) -> Told:
        """Set something, and read the settings back; again where they are not as wanted."""

        def shows() -> bool:
            self.now = self._therapy.pump.settings()
            return is_wanted(self.now)

        return self._therapy.tell(name, command, shows, "the settings read back", **parameters)


class _ClockChange:
    """One setting of the clock, and whether the clock shows it: it began to run from there while the pump was told."""

    def __init__(self, therapy: Therapy, local: datetime) -> None:
        self._therapy = therapy
        self._pump = therapy.role(Clock)
        self._local = local
        self._told_ns = (0, 0)  # not before, not after
        self.shown = local

    def carry_out(self) -> Acceptance:
        """Send the time once."""
        began_ns = self._therapy.now_ns
        found = self._pump.set_clock(self._local)
        acknowledged = found is Acceptance.ACKNOWLEDGED
        at_ns = self._therapy.pump.acknowledged_ns if acknowledged else self._therapy.now_ns
        self._told_ns = (at_ns if acknowledged else began_ns, at_ns)
        return found

    def shows(self) -> bool:
        """Read the clock back."""
        self.shown = self._therapy.pump.clock()
        late_s = (self.shown - self._local) / timedelta(seconds=1)
        now_ns, (first_ns, last_ns) = self._therapy.now_ns, self._told_ns
        return to_s(now_ns - last_ns) - CLOCK_S <= late_s <= to_s(now_ns - first_ns) + CLOCK_S
