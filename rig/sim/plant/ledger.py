"""What really happened to the insulin: commanded, displaced, left the outlet, on the pan. The runner never reads it."""

from __future__ import annotations

import hashlib
import json
import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rig.errors import BenchError
from rig.sim.parameters import STROKES_PER_U, PlantParameters
from rig.sim.plant.inlet import Inlet
from rig.sim.plant.line import Line
from rig.sim.plant.pan import Pan

SERIES_NS = 300_000_000_000  # the sealed file holds the cumulative values every 5 minutes


@dataclass(slots=True)
class DeliveryTotals:
    """One delivery: what was programmed, commanded to the motor, displaced, and let into the line as liquid."""

    kind: str  # "bolus" | "basal" | "suspended"
    start_ns: int
    programmed_u: float | None
    rate_u_per_h: float | None
    end_ns: int | None = None
    commanded_strokes: int = 0  # of 0.025 U
    displaced_u: float = 0.0
    entered_u: float = 0.0  # displaced, less leak and bubble; all of it leaves the outlet in the end

    @property
    def commanded_u(self) -> float:
        """Return what the motor was told to deliver."""
        return self.commanded_strokes / STROKES_PER_U


class Row(NamedTuple):
    """The state right after an event; what happens until the next one follows from it."""

    commanded_u: float = 0.0
    displaced_ul: float = 0.0
    entered_ul: float = 0.0
    fast_ul: float = 0.0
    slow_ul: float = 0.0
    astray_ul: float = 0.0
    delivered_mg: float = 0.0
    density: float = 1.0
    fast_s: float = math.inf
    slow_s: float = math.inf
    astray: bool = False

    def drained_ul(self, step_s: float) -> float:
        """Return what left the line in ``step_s`` after the event."""
        held_ul = self.fast_ul + self.slow_ul
        return held_ul - Line.stored_after(self.fast_ul, self.slow_ul, step_s, self.fast_s, self.slow_s)


class Ledger:
    """Cumulative volumes at every stroke, and exactly in between.

    Queries take rig times in ns; asking about a later time than the plant has reached lets it run there first. Volumes
    in U at the plant's concentration.
    """

    def __init__(self, parameters: PlantParameters, line: Line, pan: Pan, advance: Callable[[int], None]) -> None:
        self._ul_per_u = parameters.ul_per_u
        self._line = line
        self._pan = pan
        self._advance = advance
        # Just before the beginning: a stroke in the very first nanosecond is a stroke, too.
        self._start_ns = line.at_ns - 1
        self._commanded_strokes = 0
        # One row at the start, one after every stroke, and one whenever the line is hindered otherwise.
        self._times = [self._start_ns]
        self._rows = [Row()]
        self.deliveries: list[DeliveryTotals] = []
        self.inlet: Inlet | None = None  # of a syringe pump, where there is one; its book is its own, in uL

    def add(self, commanded_strokes: int, density_mg_per_ul: float) -> None:
        """Note the state right after a stroke; the line and the pan hold the rest."""
        line = self._line
        self._commanded_strokes += commanded_strokes
        row = Row(
            self._commanded_strokes / STROKES_PER_U,
            line.displaced_ul,
            line.entered_ul,
            line.fast_ul,
            line.slow_ul,
            line.astray_ul,
            self._pan.delivered_mg,
            density_mg_per_ul,
            line.fast_s,
            line.slow_s,
            line.astray,
        )
        if self._times[-1] == line.at_ns:
            self._rows[-1] = row
        else:
            self._times.append(line.at_ns)
            self._rows.append(row)

    def _at(self, rig_ns: int) -> tuple[Row, float]:
        """Return (row, uL that left the line between that row and ``rig_ns``)."""
        self._advance(rig_ns)
        index = max(0, bisect_right(self._times, rig_ns) - 1)
        row = self._rows[index]
        step_s = max(0, rig_ns - self._times[index]) * 1e-9
        return row, row.drained_ul(step_s)

    def commanded_u(self, from_ns: int, to_ns: int) -> float:
        """Return what the pump's own logic told the motor to deliver in (from, to]."""
        return self._at(to_ns)[0].commanded_u - self._at(from_ns)[0].commanded_u

    def displaced_u(self, from_ns: int, to_ns: int) -> float:
        """Return what the plunger displaced in (from, to]."""
        return (self._at(to_ns)[0].displaced_ul - self._at(from_ns)[0].displaced_ul) / self._ul_per_u

    def outlet_u(self, from_ns: int, to_ns: int) -> float:
        """Return the liquid that left the outlet between two times: the truth."""
        return (self._outlet_ul(to_ns) - self._outlet_ul(from_ns)) / self._ul_per_u

    def pan_mg(self, from_ns: int, to_ns: int) -> float:
        """Return by how much the true mass on the pan grew: delivered, by a syringe pump too, less evaporated."""
        return self._pan_mg(to_ns) - self._pan_mg(from_ns)

    def in_line_u(self, rig_ns: int) -> float:
        """Return what is displaced and still between plunger and outlet."""
        row, left_ul = self._at(rig_ns)
        return (row.fast_ul + row.slow_ul - left_ul) / self._ul_per_u

    def astray_u(self, rig_ns: int) -> float:
        """Return what has left the line beside the vessel."""
        row, left_ul = self._at(rig_ns)
        return (row.astray_ul + (left_ul if row.astray else 0.0)) / self._ul_per_u

    @property
    def leaked_u(self) -> float:
        """Return what leaked before the outlet so far."""
        return self._line.leaked_ul / self._ul_per_u

    @property
    def bubble_u(self) -> float:
        """Return what came as air instead of liquid so far."""
        return self._line.bubble_ul / self._ul_per_u

    def _outlet_ul(self, rig_ns: int) -> float:
        row, left_ul = self._at(rig_ns)
        return row.entered_ul - row.fast_ul - row.slow_ul - row.astray_ul + (0.0 if row.astray else left_ul)

    def _pan_mg(self, rig_ns: int) -> float:
        row, left_ul = self._at(rig_ns)
        injected_mg = 0.0 if self.inlet is None else self.inlet.pan_mg(rig_ns)
        fell_mg = 0.0 if row.astray else left_ul * row.density
        return row.delivered_mg + fell_mg + injected_mg - self._pan.evaporated_mg(rig_ns)

    def totals(self, rig_ns: int) -> dict[str, float]:
        """Return all cumulative values since the start."""
        start_ns = self._start_ns
        return {
            "commanded_u": self.commanded_u(start_ns, rig_ns),
            "displaced_u": self.displaced_u(start_ns, rig_ns),
            "outlet_u": self.outlet_u(start_ns, rig_ns),
            "in_line_u": self.in_line_u(rig_ns),
            "astray_u": self.astray_u(rig_ns),
            "leaked_u": self.leaked_u,
            "bubble_u": self.bubble_u,
            "pan_mg": self.pan_mg(start_ns, rig_ns),
        }

    def seal(self, path: Path, through_ns: int, facts: dict[str, Any]) -> None:
        """Write everything to ``path`` as JSON with its own SHA-256; raise `BenchError` when it cannot be written."""
        start_ns, begin_ns = self._start_ns, self._start_ns + 1
        series = [
            {
                "t_s": (at_ns - begin_ns) * 1e-9,
                "commanded_u": self.commanded_u(start_ns, at_ns),
                "displaced_u": self.displaced_u(start_ns, at_ns),
                "outlet_u": self.outlet_u(start_ns, at_ns),
                "pan_mg": self.pan_mg(start_ns, at_ns),
            }
            for at_ns in [*range(begin_ns, through_ns, SERIES_NS), through_ns]
        ]
        content: dict[str, Any] = {
            "schema": 1,
            **facts,
            "start_ns": begin_ns,
            "through_ns": through_ns,
            "totals": self.totals(through_ns),
            "deliveries": [asdict(each) | {"commanded_u": each.commanded_u} for each in self.deliveries],
            "series": series,
        }
        if self.inlet is not None:
            content["syringe"] = self.inlet.totals(through_ns)
        text = json.dumps(content, sort_keys=True, allow_nan=False)
        content["sha256"] = hashlib.sha256(text.encode()).hexdigest()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
        except OSError as error:
            raise BenchError(f"the sealed ledger cannot be written ({error})", where=str(path)) from error
