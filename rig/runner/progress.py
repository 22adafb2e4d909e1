"""Progress as data: the runner says where it is, whoever watches draws it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands. Times are rig seconds since the run began; ``measured_mg`` is the rise since step 1 began."""

    phase: str
    elapsed_s: float
    planned_s: float
    expected_u: float
    measured_mg: float | None
    reading_age_s: float | None
    readings: int
    speed: float | None = None  # rig seconds in a real one; None in virtual time, where no end can be foretold


Observer = Callable[[Progress], None]


def watch_nothing(_progress: Progress) -> None:
    """Draw nothing."""
