"""Plays the valve steps: the tube clamped and opened, led past the vessel and back, and alarms cleared by keys.

The guardian owns the lines (design 4.6): a valve goes to its safe level last, when the pump is known to be stopped,
for a clamp on a running pump stores up to 3 U.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from rig.config import BenchConfig
from rig.errors import BenchError, InstrumentError
from rig.guardian.guard import Guard
from rig.instruments import Key
from rig.plugins.roles import Alarms
from rig.scenario.model import ClearAlarmStep, Scenario, ValveStep
from rig.scenario.valves import CLAMP, DEEDS, DIVERT, KEYS, valve_line

if TYPE_CHECKING:
    from rig.runner.therapy import Therapy

LEVELS = {"low": 0, "high": 1}
CLEAR_TRIES = 3  # of both keys: nobody reads the screen, and the first ESC may only light it


class Valves:
    """The valves of one run; ``acting`` are those that are not as they are at rest."""

    def __init__(self, config: BenchConfig, guard: Guard, therapy: Therapy) -> None:
        self._config = config
        self._guard = guard
        self._therapy = therapy
        self._acting: set[str] = set()

    @property
    def acting(self) -> bool:
        """Say whether the tube is clamped or led away: then nobody may leave the pump running alone."""
        return bool(self._acting)

    def play(self, step: ValveStep, *, planned: bool = True) -> None:
        """Move the valve of a step, and see that its line has the level; ``planned``: the scenario says so."""
        deed, acts = DEEDS[step.kind]
        line = valve_line(self._config, deed)
        if line is None:
            raise InstrumentError(f"the bench has no valve to {step.kind}", where=f"bench {self._config.name}")
        acting = LEVELS[getattr(line, KEYS[deed])]
        level = acting if acts else 1 - acting
        if acts and deed == CLAMP:
            self._therapy.refuse_alarm()  # an alarm from before would pass for the answer to this clamp
        if acts:
            self._acting.add(deed)  # before it moves: what is half done has to be undone, too
        self._therapy.may_go_on()
        asked_ns = self._therapy.now_ns
        self._guard.set(line.name, level)
        read = self._guard.read(line.name)
        if read != level:
            raise InstrumentError(
                f"the line reads {read} after it was set to {level}",
                where=f"valve {line.name}",
                hint="check its wiring",
            )
        if not acts:
            self._acting.discard(deed)
        data = {"line": line.name, "level": level, "deed": deed, "acts": acts, "asked_ns": asked_ns}
        data |= {} if planned else {"planned": False}
        self._therapy.record("valve_set", data)

    def clear_alarm(self, step: ClearAlarmStep) -> bool:
        """Acknowledge an alarm by ESC and ACT, and return whether it is gone; what is left of it is recorded."""
        therapy = self._therapy
        held = therapy.role(Alarms).alarm()
        if held != step.code:
            therapy.record("alarm_not_cleared", {"code": step.code, "active": held, "why": "it is not active"})
            return False
        for tried in range(1, CLEAR_TRIES + 1):
            therapy.press(Key.ESC)
            therapy.press(Key.ACT)
            held = therapy.role(Alarms).alarm()
            if not held:
                therapy.record("alarm_cleared", {"code": step.code, "tries": tried})
                return True
        why = f"ESC and ACT, {CLEAR_TRIES} times, leave it"
        therapy.record("alarm_not_cleared", {"code": step.code, "active": held, "why": why})
        return False

    def no_alarm(self, scenario: Scenario, *, resumed: bool) -> None:
        """See that no alarm is active; clear one that a run which waits for alarms had caused before it broke off."""
        caused = resumed and any(step.kind in ("occlude", "wait_alarm", "clear_alarm") for step in scenario.steps)
        held = self._therapy.role(Alarms).alarm() if caused else 0
        if held and self.clear_alarm(ClearAlarmStep(held)):
            return
        self._therapy.refuse_alarm()

    def open_last(self) -> None:
        """Put back what still acts, the pump being stopped; the guardian does it again, and reads it back."""
        for deed in (DIVERT, CLAMP):
            if deed in self._acting:
                with contextlib.suppress(BenchError):
                    self.play(ValveStep("release" if deed == CLAMP else "reconnect"), planned=False)
