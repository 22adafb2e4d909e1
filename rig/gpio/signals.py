"""Alarm lines: from the changes of a line that follows a pump's beeper or vibrator to signals with a pattern.

A signal is a run of pulses with no longer pause between them than ``longest_pause_s``. Its number of pulses, their
lengths and their spacing (from onset to onset) are what a person would count; each has its uncertainty.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from rig.gpio.changes import Change

NS_PER_S = 1e9


@dataclass(frozen=True, slots=True)
class Pulse:
    """One beep or vibration: its two changes."""

    on: Change
    off: Change

    @property
    def length_s(self) -> float:
        """Return how long it sounded, in s."""
        return (self.off.at_ns - self.on.at_ns) / NS_PER_S


@dataclass(frozen=True, slots=True)
class Signal:
    """A run of pulses. Times in s; ``u_`` are standard uncertainties; None where there are too few pulses."""

    pulses: tuple[Pulse, ...]
    over: bool = True  # False: it still sounded when it was told, longer than anybody waits

    @property
    def began(self) -> Change:
        """Return its first onset."""
        return self.pulses[0].on

    @property
    def length_s(self) -> float:
        """Return the mean length of its pulses."""
        return sum(pulse.length_s for pulse in self.pulses) / len(self.pulses)

    @property
    def spacing_s(self) -> float | None:
        """Return the mean time from onset to onset."""
        if len(self.pulses) < 2:
            return None
        return (self.pulses[-1].on.at_ns - self.pulses[0].on.at_ns) / NS_PER_S / (len(self.pulses) - 1)

    @property
    def u_spacing_s(self) -> float | None:
        """Return the standard uncertainty of `spacing_s`: those of first and last onset, taken as independent."""
        if len(self.pulses) < 2:
            return None
        return math.hypot(self.pulses[0].on.u_s, self.pulses[-1].on.u_s) / (len(self.pulses) - 1)

    def to_json(self) -> dict[str, Any]:
        """Return what an event says of it; times of its onset are link time in ns."""
        return {
            "pulses": len(self.pulses),
            "after_ns": self.began.after_ns,
            "by_ns": self.began.by_ns,
            "u_s": self.began.u_s,
            "length_s": round(self.length_s, 6),
            "spacing_s": _rounded(self.spacing_s),
            "u_spacing_s": _rounded(self.u_spacing_s),
            "over": self.over,
        }


class SignalReader:
    """Changes in, signals out. ``active`` is the level of the line while the pump sounds.

    A signal is told when its last pulse is ``longest_pause_s`` ago; a tone that does not end is told once, as not over,
    after ``longest_pulse_s``.
    """

    def __init__(self, active: int, longest_pause_s: float, longest_pulse_s: float = 10.0) -> None:
        self._active = active
        self._pause_ns = round(longest_pause_s * NS_PER_S)
        self._pulse_ns = round(longest_pulse_s * NS_PER_S)
        self._on: Change | None = None
        self._pulses: list[Pulse] = []
        self._told = False

    @property
    def sounding(self) -> bool:
        """Say whether a signal has begun that was not told yet."""
        return self._on is not None or bool(self._pulses)

    def feed(self, change: Change) -> None:
        """Take a change of the line, its bouncing taken out."""
        if change.level == self._active:
            self._on = self._on or change
        elif self._on is not None:
            if not self._told:
                self._pulses.append(Pulse(self._on, change))
            self._on, self._told = None, False

    def told(self, now_ns: int) -> Signal | None:
        """Return the signal that is complete now, once."""
        if self._on is not None:
            if self._told or now_ns - self._on.by_ns < self._pulse_ns:
                return None
            self._told = True
            pulses = (*self._pulses, Pulse(self._on, Change(1 - self._active, now_ns, now_ns)))
            self._pulses = []
            return Signal(pulses, over=False)
        if self._pulses and now_ns - self._pulses[-1].off.by_ns >= self._pause_ns:
            pulses, self._pulses = tuple(self._pulses), []
            return Signal(pulses)
        return None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
