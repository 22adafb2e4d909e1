"""When did a line change? From looks at its level, and from edges that only say "look" (gpio reference 2.4).

A callback has no time stamp, edges get lost, and the level that a callback reads is that of now. So a change is known
to lie between the last look that saw the old level and the first that saw the new one, and no closer: each `Change`
carries both times. An edge makes that interval shorter; without one the next regular look still finds the change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """A line took ``level`` after ``after_ns`` and not later than ``by_ns``, link time.

    ``glimpsed``: it was back at its old level when somebody looked; both changes of the pulse have the same interval.
    """

    level: int
    after_ns: int
    by_ns: int
    glimpsed: bool = False

    @property
    def at_ns(self) -> int:
        """Return the middle of the interval."""
        return (self.after_ns + self.by_ns) // 2

    @property
    def u_s(self) -> float:
        """Return the standard uncertainty of `at_ns` in s: a uniform distribution over the interval (GUM 4.3.7)."""
        return (self.by_ns - self.after_ns) / 1e9 / math.sqrt(12.0)


class LineWatch:
    """The level of one line as it is known; each look tells what changed since the one before."""

    def __init__(self, level: int, now_ns: int) -> None:
        self.level = level
        self._looked_ns = now_ns

    def look(self, level: int, now_ns: int, *, asked_ns: int | None = None, edge: bool = False) -> list[Change]:
        """Take a look that was begun at ``asked_ns`` and over at ``now_ns``; ``edge``: one came since the last look."""
        before, after_ns = self.level, self._looked_ns
        self.level, self._looked_ns = level, now_ns if asked_ns is None else asked_ns
        if level != before:
            return [Change(level, after_ns, now_ns)]
        if edge:  # an even number of edges: at least one pulse, which is over
            return [Change(1 - level, after_ns, now_ns, True), Change(level, after_ns, now_ns, True)]
        return []


class Debounce:
    """Takes changes of a contact that bounces; gives those that held for ``settle_ns``.

    A change keeps the time at which the contact first left its old rest: bouncing delays the news and never the stamp.
    A pulse shorter than ``settle_ns`` gives nothing.
    """

    def __init__(self, level: int, settle_ns: int) -> None:
        self.level = level
        self._settle_ns = settle_ns
        self._first: Change | None = None  # since when it has not rested at ``level``
        self._last: Change | None = None

    def feed(self, change: Change) -> None:
        """Take a change."""
        if change.level != self.level and self._first is None:
            self._first = change
        self._last = change

    def settled(self, now_ns: int) -> Change | None:
        """Return the change that is certain now, once."""
        first, last = self._first, self._last
        if first is None or last is None or now_ns - last.by_ns < self._settle_ns:
            return None
        self._first = None
        if last.level == self.level:
            return None
        self.level = last.level
        return Change(first.level, first.after_ns, first.by_ns)
