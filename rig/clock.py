"""Rig time and link time.

*Rig time* is the monotonic time of the run: what readings are stamped with and what scenarios count in.
*Link time* is the monotonic time of the wire: time-outs, byte gaps, wake-up. The two are the same at speed 1 and on
the in-process simulated bench; against a simulator in another process rig time runs ``speed`` times faster, from a
common epoch, and link time is never scaled (design 4.2). Both are integer nanoseconds.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

NS_PER_S = 1_000_000_000


def to_ns(seconds: float) -> int:
    """Return ``seconds`` as integer nanoseconds."""
    return round(seconds * NS_PER_S)


def to_s(nanoseconds: int) -> float:
    """Return ``nanoseconds`` as seconds."""
    return nanoseconds / NS_PER_S


class Clock(Protocol):
    """What the rig knows of time."""

    @property
    def speed(self) -> float:
        """Rig seconds that pass in one link second."""

    def link_ns(self) -> int:
        """Return the link time now."""

    def now_ns(self) -> int:
        """Return the rig time now."""

    def rig_ns(self, link_ns: int) -> int:
        """Return the rig time at a link time."""

    def link_at(self, rig_ns: int) -> int:
        """Return the link time at a rig time."""


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's monotonic clock; ``epoch_ns`` is the link time at which rig time was the same."""

    speed: float = 1.0
    epoch_ns: int = 0

    def link_ns(self) -> int:
        """Return the machine's monotonic time."""
        return time.monotonic_ns()

    def now_ns(self) -> int:
        """Return the rig time now."""
        return time.monotonic_ns() if self.speed == 1.0 else self.rig_ns(time.monotonic_ns())

    def rig_ns(self, link_ns: int) -> int:
        """Return the rig time at a link time."""
        if self.speed == 1.0:
            return link_ns
        return self.epoch_ns + round((link_ns - self.epoch_ns) * self.speed)

    def link_at(self, rig_ns: int) -> int:
        """Return the link time at a rig time."""
        if self.speed == 1.0:
            return rig_ns
        return self.epoch_ns + round((rig_ns - self.epoch_ns) / self.speed)


class VirtualClock:
    """Time that stands still until somebody moves it; rig time and link time are one."""

    __slots__ = ("_now_ns",)

    speed = 1.0

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def link_ns(self) -> int:
        """Return the time now."""
        return self._now_ns

    def now_ns(self) -> int:
        """Return the time now."""
        return self._now_ns

    def rig_ns(self, link_ns: int) -> int:
        """Return the same time: nothing is scaled."""
        return link_ns

    def link_at(self, rig_ns: int) -> int:
        """Return the same time: nothing is scaled."""
        return rig_ns

    def advance_to(self, now_ns: int) -> None:
        """Move to a later time; only the event queue of the simulated bench calls this."""
        if now_ns < self._now_ns:
            raise ValueError(f"virtual time cannot go back from {self._now_ns} to {now_ns} ns")
        self._now_ns = now_ns
