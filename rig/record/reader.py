"""Read a run's record back: weighings as columns, events in order, whatever survived."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig.readings import Ambient


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, at a rig time; ``data`` is plain JSON."""

    at_ns: int
    name: str
    data: dict[str, Any]


@dataclass(slots=True)
class WeighingColumns:
    """All readings of one balance in the order they came: parallel columns."""

    asked_ns: array[int] = field(default_factory=lambda: array("q"))
    answered_ns: array[int] = field(default_factory=lambda: array("q"))
    mass_mg: array[float] = field(default_factory=lambda: array("d"))
    resolution_mg: array[float] = field(default_factory=lambda: array("d"))
    stable: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Everything that a run left behind, readable without a bench."""

    folder: Path
    header: dict[str, Any]  # run id, started_utc, tool, bench, clock, evidence facts
    weighings: dict[str, WeighingColumns]
    events: tuple[Event, ...]
    ambient: tuple[Ambient, ...]
    damage: tuple[str, ...]  # what was torn or flipped, in words; empty when whole
    ended: bool  # a closing line with an end reason was found
