"""Which lines a guardian has, during a run and between runs, and whether an emergency stop lets a run start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rig.guardian.chips import open_chip
from rig.guardian.lines import Lines
from rig.guardian.plan import LinePlan, SafePlan
from rig.guardian.stop_latch import StopLatch

PRESSED = "the emergency stop is pressed, or its wire is broken"


@dataclass(frozen=True, slots=True)
class IdleLines:
    """The lines that a service keeps while there is no run: outputs stay safe, the emergency stop is seen."""

    lines: tuple[LinePlan, ...]
    gpio: str


def take_lines(plan: SafePlan | IdleLines, run_dir: Path, nudge: Callable[[], None]) -> Lines | None:
    """Own the lines of a plan, None where it has none; ``nudge`` is called after an edge, on another thread."""
    return Lines(plan.lines, open_chip(plan.gpio, run_dir, nudge)) if plan.lines else None


def refused_by_stop(lines: Lines | None, latch: StopLatch, bench: str) -> str:
    """Say why no run may start after an emergency stop; empty when one may."""
    if lines is not None and lines.emergency() and not lines.rearm():
        latch.set()
        return PRESSED
    utc = latch.held()
    if not utc:
        return ""
    return (
        f"the emergency stop was pressed at {utc}, and the bench stays stopped until a person re-arms it; "
        f"try: rig runs acknowledge --bench {bench} --why TEXT"
    )
