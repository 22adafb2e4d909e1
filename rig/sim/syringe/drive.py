"""The motor control both makers share: turn at a rate until told otherwise, and count what was commanded."""

from __future__ import annotations

import math
from collections.abc import Callable

from rig.sim.faults import FOREVER_NS, FaultSet
from rig.sim.plant.inlet import Inlet
from rig.sim.syringe.mechanism import Plunger
from rig.sim.syringe.parameters import SyringeParameters, SyringePumpModel

NS_PER_H = 3_600_000_000_000
LOOK_AGAIN_NS = 60_000_000_000  # the barrel's end depends on slips and on faults that come and go

Ended = Callable[[str, int], None]
"""Called with why a motion ended ("target", "time", "stall" or "power") and when, in rig time."""


class Drive:
    """One stepper motor; rig times in ns, volumes in uL of the syringe that was entered, rates in uL/h.

    Counters and targets are exact, as those of the pumps are: they count what was commanded. What the plunger makes of
    it is `Plunger`'s business, and goes into the inlet. When a motion ends, `on_end` may start the next one in the same
    instant.
    """

    def __init__(
        self,
        model: SyringePumpModel,
        parameters: SyringeParameters,
        seed: int,
        faults: FaultSet,
        inlet: Inlet,
    ) -> None:
        self._model = model
        self._plunger = Plunger(model, parameters, seed, faults)
        self._shortest_ns, self._longest_ns = (round(seconds * 1e9) for seconds in parameters.piece_s)
        self._piece_ul = parameters.piece_ul
        self._faults = faults
        self._inlet = inlet
        self._cuts = sorted(start_ns for start_ns, _ in faults.spans("syringe.power_cut"))
        self.on_end: Ended = lambda _reason, _rig_ns: None
        self.at_ns = inlet.at_ns
        self.diameter_mm = parameters.diameter_mm  # as entered
        self.running = False
        self.forward = True
        self.rate_ul_per_h = 0.0
        self.infused_ul = 0.0
        self.withdrawn_ul = 0.0
        self.infused_ns = 0
        self.withdrawn_ns = 0
        self._travel_mm = 0.0
        self._left_ul = math.inf  # until the target
        self._until_ns = FOREVER_NS
        self._end_known: tuple[int, str, int] | None = None  # when, why, and until when this holds
        self._pressed_ul = 0.0  # commanded since the plunger was last looked at
        self._press_ns: int | None = None  # when it is looked at next
        inlet.drive(self.advance)

    @property
    def area_mm2(self) -> float:
        """Return the cross-section of the syringe that was entered."""
        return math.pi / 4.0 * self.diameter_mm**2

    @property
    def least_ul_per_h(self) -> float:
        """Return the lowest rate with the syringe that was entered."""
        return self._model.least_mm_per_min * self.area_mm2 * 60.0

    @property
    def most_ul_per_h(self) -> float:
        """Return the highest rate with the syringe that was entered."""
        return self._model.most_mm_per_min * self.area_mm2 * 60.0

    def start(self, forward: bool, rate_ul_per_h: float, left_ul: float = math.inf, until_ns: int = FOREVER_NS) -> None:
        """Turn from now on at a rate, until ``left_ul`` more is commanded or it is ``until_ns``."""
        self._press()
        self.running = True
        self.forward = forward
        self.rate_ul_per_h = rate_ul_per_h
        self._left_ul = left_ul
        self._until_ns = until_ns
        self._end_known = None

    def change_rate(self, rate_ul_per_h: float) -> None:
        """Turn at another rate from now on, to the same end."""
        self._press()
        self.rate_ul_per_h = rate_ul_per_h
        self._end_known = None

    def wait(self, until_ns: int) -> None:
        """Stand still until a time, then end with "time"."""
        self.running = False
        self._until_ns = until_ns
        self._end_known = None

    def stop(self) -> None:
        """Stand still, and forget what would have ended the motion."""
        self._press()
        self.running = False
        self._left_ul = math.inf
        self._until_ns = FOREVER_NS
        self._end_known = None

    @property
    def left_ul(self) -> float:
        """Return what the running motion still has to deliver, infinity without a target."""
        return self._left_ul

    def ends_ns(self) -> int:
        """Return when the motion ends by itself, or the supply fails, as far as can be said now."""
        return self._next_end()[0]

    def advance(self, to_ns: int) -> None:
        """Let the motor run to a rig time; an earlier time than already reached changes nothing."""
        while self.at_ns < to_ns:
            end_ns, reason = self._next_end()
            if end_ns <= self.at_ns:
                self._end(reason)
                continue
            if not self.running:
                self.at_ns = min(end_ns, to_ns)
                continue
            if self._press_ns is None:
                self._press_ns = self._next_piece()
            self._turn(min(self._press_ns, end_ns, to_ns))
            if self.at_ns >= self._press_ns:
                self._press()
        end_ns, reason = self._next_end()
        if end_ns <= self.at_ns:
            self._end(reason)

    def _end(self, reason: str) -> None:
        if reason == "power":
            self._cuts.pop(0)
        self.stop()
        self.on_end(reason, self.at_ns)

    def _next_end(self) -> tuple[int, str]:
        """Return (when, why) the present state ends by itself."""
        known = self._end_known
        if known is None or self.at_ns > known[2]:
            end_ns, reason = self._find_end()
            known = self._end_known = end_ns, reason, min(self.at_ns + LOOK_AGAIN_NS, end_ns)
        return known[0], known[1]

    def _find_end(self) -> tuple[int, str]:
        ends = [(self._until_ns, "time")]
        if self._cuts:
            ends.append((self._cuts[0], "power"))
        if self.running:
            ends.append((self._after(self._left_ul), "target"))
            left_mm = max(0.0, self._plunger.travel_left_mm(self.forward, self.at_ns))
            ends.append((self._after(left_mm * self.area_mm2 - abs(self._pressed_ul)), "stall"))
            ends.append((self._seeded_stall_ns(), "stall"))
        return min(ends)

    def _seeded_stall_ns(self) -> int:
        at_ns = self.at_ns
        spans = self._faults.spans("syringe.stall")
        return min((max(start_ns, at_ns) for start_ns, end_ns in spans if end_ns > at_ns), default=FOREVER_NS)

    def _after(self, volume_ul: float) -> int:
        """Return the time at which so much more will have been commanded."""
        if volume_ul <= 0.0:
            return self.at_ns
        hours = volume_ul / self.rate_ul_per_h if self.rate_ul_per_h > 0.0 else math.inf
        return FOREVER_NS if hours > 1e6 else self.at_ns + math.ceil(hours * NS_PER_H)

    def _next_piece(self) -> int:
        """Return the time of the next microstep, or, where these come fast, of the end of the next piece."""
        step_mm = self._plunger.step_mm
        share = self._travel_mm / step_mm
        whole = math.floor(share + 1e-6) + 1 if self.forward else math.ceil(share - 1e-6) - 1
        to_step_ul = abs(whole * step_mm - self._travel_mm) * self.area_mm2
        piece_ns = min(self._after(self._piece_ul), self.at_ns + self._longest_ns)
        return max(self._after(to_step_ul), piece_ns, self.at_ns + self._shortest_ns)

    def _turn(self, to_ns: int) -> None:
        step_ns = to_ns - self.at_ns
        volume_ul = min(self._left_ul, self.rate_ul_per_h * step_ns / NS_PER_H)
        self.at_ns = to_ns
        self._left_ul -= volume_ul
        if self._left_ul < 1e-9:
            self._left_ul = 0.0
        if self.forward:
            self.infused_ul += volume_ul
            self.infused_ns += step_ns
        else:
            self.withdrawn_ul += volume_ul
            self.withdrawn_ns += step_ns
        self._pressed_ul += volume_ul if self.forward else -volume_ul
        self._travel_mm += (volume_ul if self.forward else -volume_ul) / self.area_mm2

    def _press(self) -> None:
        """Let the plunger follow the motor, at the end of a piece and whenever the motor changes what it does."""
        self._press_ns = None
        if self._pressed_ul != 0.0:
            self._inlet.push(self.at_ns, self._pressed_ul, self._plunger.move(self._travel_mm, self.at_ns))
            self._pressed_ul = 0.0
