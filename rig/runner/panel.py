"""The front of the pump by wires: buttons that the guardian presses, and the line that follows its alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rig.clock import Clock, to_s
from rig.config import BenchConfig
from rig.guardian.guard import Guard
from rig.instruments import Acceptance, Key
from rig.scenario.buttons import button_line

if TYPE_CHECKING:
    from rig.runner.therapy import Therapy

_TIMES = ("after_ns", "by_ns", "from_ns")


class Panel:
    """Buttons and alarm line of one run. A press is a pulse of real time that the guardian begins and ends."""

    def __init__(self, config: BenchConfig, guard: Guard, therapy: Therapy, clock: Clock) -> None:
        self._config = config
        self._guard = guard
        self._therapy = therapy
        self._clock = clock
        self._alarms: list[dict[str, Any]] = []

    @property
    def hears_alarms(self) -> bool:
        """Say whether the bench has a line that follows the pump's alarms."""
        return any(line.role == "alarm" for line in self._config.lines)

    def press(self, key: str, hold_s: float | None) -> float:
        """Press a key: by its line for a time where both are there, else over the link; return how long it takes."""
        line = button_line(self._config, key) if hold_s is not None else None
        if line is None or hold_s is None:
            self._therapy.press(Key[key.upper()])
            return 0.0

        def push() -> Acceptance:
            self._guard.press(line.name, round(hold_s * 1000.0))
            return Acceptance.UNKNOWN  # a button answers nobody

        self._therapy.press(Key[key.upper()], push, line=line.name, hold_s=hold_s)
        return hold_s * self._clock.speed

    def look(self) -> None:
        """Record what the lines told since the last look; their times become rig time."""
        for told in self._guard.line_events():
            data = {key: value for key, value in told.items() if key not in ("name", "event")}
            data |= {key: self._clock.rig_ns(int(data[key])) for key in _TIMES if key in data}
            if "u_s" in data:
                data["u_s"] = round(float(data["u_s"]) * self._clock.speed, 6)
            if told["name"] == "alarm_began":
                self._alarms.append(data)
            at_ns = min(self._therapy.now_ns, int(data.get("by_ns", self._therapy.now_ns)))
            self._therapy.record(f"line_{told['name'].removeprefix('line_')}", data, at_ns)

    def alarm_since(self, since_ns: int) -> dict[str, Any] | None:
        """Return when the alarm line began to tell of something after ``since_ns``, or None."""
        self.look()
        found = next((each for each in self._alarms if each["by_ns"] >= since_ns), None)
        if found is None:
            return None
        return {"line": found["line"], "line_after_s": to_s(found["after_ns"]), "line_by_s": to_s(found["by_ns"])}
