"""A second way into the vessel: what a syringe pump presses through its own tube, and the book that is kept of it."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable


class Inlet:
    """One elastic store between a plunger and its outlet in the vessel, solved exactly over any time step.

    Volumes are signed: a pump that withdraws sucks liquid out of the vessel. ``time_s`` is the time constant of seal,
    barrel and tube; ``lag_ul`` is by how much the balance's filter trails the outlet, as in `rig.sim.plant.line`.
    Queries take rig times in ns; one about a later time than the plant has reached lets it run there first.
    """

    def __init__(
        self,
        start_ns: int,
        time_s: float,
        filter_s: float,
        density: Callable[[int], float],
        advance: Callable[[int], None],
    ) -> None:
        self.at_ns = start_ns
        self.filter_s = filter_s
        self.lag_ul = 0.0
        self.delivered_mg = 0.0
        self._time_s = time_s
        self._density = density
        self._advance = advance
        self._press: Callable[[int], None] = lambda _rig_ns: None
        self._stored_ul = 0.0
        # One row just before the start and one after every push: time; commanded, displaced and stored volume in uL;
        # delivered mg; density.
        self._times = [start_ns - 1]
        self._rows: list[tuple[float, ...]] = [(0.0, 0.0, 0.0, 0.0, 1.0)]

    def drive(self, press: Callable[[int], None]) -> None:
        """Name the pump's motor: a function that lets it run to a rig time and calls `push` on the way."""
        self._press = press

    def run(self, to_ns: int) -> None:
        """Let the motor press and the store empty until ``to_ns``."""
        self._press(to_ns)
        self._settle(to_ns)

    def push(self, at_ns: int, commanded_ul: float, displaced_ul: float) -> None:
        """Take what the plunger displaced at ``at_ns``; ``commanded_ul`` is what the pump believes it was."""
        self._settle(at_ns)
        self._stored_ul += displaced_ul
        last = self._rows[-1]
        density = self._density(self.at_ns)
        row = (last[0] + commanded_ul, last[1] + displaced_ul, self._stored_ul, self.delivered_mg, density)
        if self._times[-1] == self.at_ns:
            self._rows[-1] = row
        else:
            self._times.append(self.at_ns)
            self._rows.append(row)

    def commanded_ul(self, from_ns: int, to_ns: int) -> float:
        """Return what the pump told its motor to displace in (from, to], withdrawn volume negative."""
        return self._at(to_ns)[0][0] - self._at(from_ns)[0][0]

    def displaced_ul(self, from_ns: int, to_ns: int) -> float:
        """Return what the plunger really displaced in (from, to]."""
        return self._at(to_ns)[0][1] - self._at(from_ns)[0][1]

    def outlet_ul(self, from_ns: int, to_ns: int) -> float:
        """Return what left the outlet of the tube between two times: the truth."""
        return self._outlet_ul(to_ns) - self._outlet_ul(from_ns)

    def pan_mg(self, rig_ns: int) -> float:
        """Return the mass that had come into the vessel by ``rig_ns``, evaporation not counted."""
        row, left_ul = self._at(rig_ns)
        return row[3] + left_ul * row[4]

    def totals(self, rig_ns: int) -> dict[str, float]:
        """Return all cumulative values since the start."""
        row, left_ul = self._at(rig_ns)
        return {
            "commanded_ul": row[0],
            "displaced_ul": row[1],
            "outlet_ul": row[1] - row[2] + left_ul,
            "pan_mg": row[3] + left_ul * row[4],
        }

    def _outlet_ul(self, rig_ns: int) -> float:
        row, left_ul = self._at(rig_ns)
        return row[1] - row[2] + left_ul

    def _at(self, rig_ns: int) -> tuple[tuple[float, ...], float]:
        """Return (row, uL that left the outlet between that row and ``rig_ns``)."""
        self._advance(rig_ns)
        index = max(0, bisect_right(self._times, rig_ns) - 1)
        row = self._rows[index]
        step_s = max(0, rig_ns - self._times[index]) * 1e-9
        return row, row[2] * -math.expm1(-step_s / self._time_s)

    def _settle(self, to_ns: int) -> None:
        step_ns = to_ns - self.at_ns
        if step_ns <= 0:
            return
        self.at_ns = to_ns
        step_s = step_ns * 1e-9
        seen = math.exp(-step_s / self.filter_s)
        stays = math.exp(-step_s / self._time_s)
        ratio = self._time_s / self.filter_s - 1.0
        # Where both time constants are equal, the limit of the general form.
        trail = step_s / self.filter_s * seen if abs(ratio) < 1e-6 else (stays - seen) / ratio
        stored_ul = self._stored_ul
        self.lag_ul = self.lag_ul * seen - stored_ul * trail
        self._stored_ul = stored_ul * stays
        self.delivered_mg += (stored_ul - self._stored_ul) * self._density(to_ns)
