"""Motor, screw and plunger: what a commanded stroke really displaces."""

from __future__ import annotations

import math

from rig.sim.faults import FaultSet
from rig.sim.parameters import STROKE_U, PlantParameters
from rig.sim.seeds import geometric, source, truncated_gauss


class Mechanism:
    """A plunger whose rest position after each stroke is where screw, friction and sticking leave it.

    Errors of position do not add up over strokes, errors of gain do. So a small bolus scatters far more than a
    large one, neighbouring doses are anticorrelated, and rare sticking gives windows of many doses their tails, as
    the bench studies found (independent dose scatter alone would not, L28). A gain that wanders at every scale, as
    1/f noise does, and a start-up that differs from run to run are off unless a published pump is played.
    """

    def __init__(self, parameters: PlantParameters, seed: int, faults: FaultSet) -> None:
        p = self._p = parameters
        self._faults = faults
        self._gain = (1.0 + truncated_gauss(source(seed, "pump.unit_gain"), p.unit_gain_sd, 2.0)) * (
            1.0 + truncated_gauss(source(seed, "pump.run_gain"), p.run_gain_sd, 2.0)
        )
        self._stroke = source(seed, "pump.stroke_error")
        self._slow = _SlowGain(p, seed) if p.slow_gain_sd else None
        self._startup = p.startup_gain
        if p.startup_gain_sd:
            self._startup += truncated_gauss(source(seed, "pump.startup"), p.startup_gain_sd, 2.5)
        self._jitter = source(seed, "pump.jitter")
        self._sticking = source(seed, "pump.sticking")
        self._turn = 2.0 * math.pi / p.screw_pitch_ul
        self._screw_ul = p.screw_error / self._turn
        self._phase = source(seed, "pump.screw").uniform(0.0, 2.0 * math.pi)
        # The wide share widens the whole; the narrow part is made narrower to keep the standard deviation.
        spread = 1.0 + p.jitter_tail_share * (p.jitter_tail_ratio**2 - 1.0)
        self._jitter_ul = p.position_jitter_ul / math.sqrt(spread)
        self._forget = math.exp(-1.0 / p.stroke_error_length)
        self._renew = p.stroke_error_sd * math.sqrt(1.0 - self._forget**2)
        self._error = 0.0
        self._nominal_ul = 0.0  # where the nut is, without errors of position
        self._plunger_ul = self._screw_at(0.0)  # where the plunger is; it never goes back
        self._stuck_strokes = 0
        self._stuck_ul = 0.0
        self._late_from_ns: int | None = None

    @property
    def gain(self) -> float:
        """Return this pump's lasting gain, fault included only where it acts all the time."""
        return self._gain

    def move(self, strokes: int, rig_ns: int, bolus_share: float | None) -> float:
        """Return the volume in uL that a motion of ``strokes`` steps at ``rig_ns`` displaces.

        ``bolus_share`` is how much of its bolus is due with this motion, None for basal.
        """
        if self._does_not_move(rig_ns, bolus_share):
            return 0.0
        p = self._p
        self._error = self._error * self._forget + self._renew * self._stroke.gauss(0.0, 1.0)
        slow = self._slow.step() if self._slow else 0.0
        step_ul = strokes * STROKE_U * p.ul_per_u * self._gain * (1.0 + self._error + slow)
        step_ul *= 1.0 + self._faults.number("pump.gain", rig_ns)
        step_ul *= 1.0 + self._startup * math.exp(-self._nominal_ul / p.startup_ul)
        if self._faults.take("pump.double_dose", rig_ns):
            step_ul *= 2.0
        step_ul = max(0.0, step_ul)  # the nut never goes back
        self._nominal_ul += step_ul
        target_ul = self._screw_at(self._nominal_ul) + self._rest_error() - self._lag()
        moved_ul = max(0.0, target_ul - self._plunger_ul)
        self._plunger_ul += moved_ul
        return moved_ul

    def _screw_at(self, nominal_ul: float) -> float:
        return nominal_ul + self._screw_ul * math.sin(self._turn * nominal_ul + self._phase)

    def _rest_error(self) -> float:
        ratio = self._p.jitter_tail_ratio if self._jitter.random() < self._p.jitter_tail_share else 1.0
        return self._jitter.gauss(0.0, self._jitter_ul * ratio)

    def _lag(self) -> float:
        if self._stuck_strokes:
            self._stuck_strokes -= 1
            return self._stuck_ul
        if self._sticking.random() < self._p.stick_probability:
            self._stuck_strokes = geometric(self._sticking, self._p.stick_strokes)
            self._stuck_ul = self._sticking.expovariate(1.0 / self._p.stick_lag_ul)
            return self._stuck_ul
        return 0.0

    def _does_not_move(self, rig_ns: int, bolus_share: float | None) -> bool:
        faults = self._faults
        if faults.take("pump.miss_dose", rig_ns):
            return True
        late_ns = faults.number("pump.late_start", rig_ns) * 1e9
        if late_ns:
            if self._late_from_ns is None:
                self._late_from_ns = rig_ns
            if rig_ns - self._late_from_ns < late_ns:
                return True
        return bolus_share is not None and bolus_share > 1.0 - faults.number("pump.bolus_short", rig_ns) + 1e-9


class _SlowGain:
    """A sum of first-order processes of equal variance, one per length: a gain without a scale of its own.

    It is stationary from the first motor pulse on: a pump has no reason to begin at its own average.
    """

    def __init__(self, parameters: PlantParameters, seed: int) -> None:
        self._noise = source(seed, "pump.slow_gain")
        lengths = parameters.slow_gain_lengths
        sd = parameters.slow_gain_sd / math.sqrt(len(lengths))
        self._values = [self._noise.gauss(0.0, sd) for _ in lengths]
        forgets = [math.exp(-1.0 / length) for length in lengths]
        self._rules = [(forget, sd * math.sqrt(1.0 - forget**2)) for forget in forgets]

    def step(self) -> float:
        """Return the relative error of the next motor pulse."""
        gauss = self._noise.gauss
        self._values = [
            value * forget + gauss(0.0, renew) for value, (forget, renew) in zip(self._values, self._rules, strict=True)
        ]
        return math.fsum(self._values)
