"""What the inputs of a bench tell: changes with their interval, alarm signals, and contacts that show a relay."""

from __future__ import annotations

from typing import Any

from rig.gpio.changes import Debounce, LineWatch
from rig.gpio.signals import SignalReader
from rig.guardian.plan import LinePlan

NS_PER_MS = 1_000_000


class InputWatch:
    """One input line from look to look; times are link time in ns."""

    def __init__(self, plan: LinePlan, level: int, now_ns: int) -> None:
        self.plan = plan
        self._watch = LineWatch(level, now_ns)
        self._debounce = Debounce(level, plan.debounce_ms * NS_PER_MS)
        self._signals = SignalReader(plan.active_level, plan.pause_s) if plan.role == "alarm" else None
        self._high_ns = now_ns  # when it was last seen high

    @property
    def level(self) -> int:
        """Return its level at the last look."""
        return self._watch.level

    def low_for_ns(self, now_ns: int) -> int:
        """Return for how long it has been low without a break."""
        return 0 if self.level else now_ns - self._high_ns

    def look(self, level: int, asked_ns: int, now_ns: int, *, edge: bool) -> list[dict[str, Any]]:
        """Take a look; return what is to be told."""
        if level or edge:
            self._high_ns = now_ns
        said = []
        for change in self._watch.look(level, now_ns, asked_ns=asked_ns, edge=edge):
            self._debounce.feed(change)
        settled = self._debounce.settled(now_ns)
        if settled is not None:
            interval = {"after_ns": settled.after_ns, "by_ns": settled.by_ns, "u_s": settled.u_s}
            if self._signals is None:
                said.append({"name": "line_changed", "line": self.plan.name, "level": settled.level, **interval})
            else:
                if settled.level == self.plan.active_level and not self._signals.sounding:
                    said.append({"name": "alarm_began", "line": self.plan.name, **interval})
                self._signals.feed(settled)
        signal = self._signals.told(now_ns) if self._signals is not None else None
        if signal is not None:
            said.append({"name": "alarm_signal", "line": self.plan.name, **signal.to_json()})
        return said
