"""What the rig's own valves did to the readings: an opening lets out what was stored, and that is no disturbance.

A clamp squeezes a little out when it closes and draws it back when it opens; what was stored behind it comes at once.
The rules that look for bumps and unprogrammed rises know nothing of that, so what they find around a movement is taken
back (docs/reference/data-quality.md). A knock in those two minutes would pass for the valve's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rig.analysis.quality.steps import Shift, Steps
from rig.metrology.checks import FloatArray
from rig.record.reader import Event

BoolArray = npt.NDArray[np.bool_]
NS_PER_S = 1e9
BEFORE_S = 2.0
CLOSING_S = 15.0  # a clamp that closes pushes out its own volume
OPENING_S = 120.0  # what was stored has left, its tail included
CLAMP = "clamp"


@dataclass(frozen=True, slots=True)
class Move:
    """One movement of a valve, seen done: ``deed`` clamp or divert; from asked to done in s."""

    deed: str
    acts: bool
    asked_s: float
    done_s: float
    planned: bool = True  # by a step; else the bench was made safe

    @property
    def at_s(self) -> float:
        """Return the middle of asking and reading back."""
        return (self.asked_s + self.done_s) / 2.0

    @property
    def window_s(self) -> tuple[float, float]:
        """Return in which interval a step of the level is the valve's own."""
        return self.asked_s - BEFORE_S, self.done_s + (CLOSING_S if self.acts else OPENING_S)


def valve_moves(events: Sequence[Event], origin_ns: int) -> list[Move]:
    """Return every movement of a valve that a record tells of, on the axis that begins at ``origin_ns``."""
    return [
        Move(
            str(event.data["deed"]),
            bool(event.data["acts"]),
            (int(event.data["asked_ns"]) - origin_ns) / NS_PER_S,
            (event.at_ns - origin_ns) / NS_PER_S,
            bool(event.data.get("planned", True)),
        )
        for event in events
        if event.name == "valve_set"
    ]


def spare_moves(steps: Steps, times_s: FloatArray, moves: Sequence[Move]) -> Steps:
    """Return what was found, without what the valves did; its readings count again."""
    windows = [move.window_s for move in moves]
    if not windows:
        return steps
    excluded = steps.excluded.copy()
    kept = []
    for each in steps.excursions:
        if _touches(each.start_s, each.end_s, windows):
            excluded[(times_s >= each.start_s) & (times_s <= each.end_s)] = False
        else:
            kept.append(each)
    for shift in (*steps.falls, *steps.rises):
        if _is_own(shift, windows):
            excluded[(times_s > shift.before_s) & (times_s < shift.after_s)] = False
    return replace(
        steps,
        excursions=tuple(kept),
        falls=tuple(each for each in steps.falls if not _is_own(each, windows)),
        rises=tuple(each for each in steps.rises if not _is_own(each, windows)),
        excluded=excluded,
    )


def own_steps(times_s: FloatArray, moves: Sequence[Move]) -> BoolArray:
    """Return which steps from one reading to the next are a valve's own, shape (n - 1,)."""
    own = np.zeros(max(times_s.size - 1, 0), dtype=np.bool_)
    for low, high in (move.window_s for move in moves):
        own |= (times_s[:-1] <= high) & (times_s[1:] >= low)
    return own


def _is_own(shift: Shift, windows: Sequence[tuple[float, float]]) -> bool:
    return _touches(shift.before_s, shift.after_s, windows)


def _touches(from_s: float, to_s: float, windows: Sequence[tuple[float, float]]) -> bool:
    return any(from_s <= high and to_s >= low for low, high in windows)
