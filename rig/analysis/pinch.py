"""The volume that a clamp itself squeezes out when it closes and draws back when it opens, with the pump stopped.

Reference section 9.4: a soft clamp displaces liquid. Closing pushes some of it out of the outlet, opening draws it
back; both are steps in the weighing that are no delivery.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rig.analysis.measured import Measured
from rig.analysis.series import checked, level_between
from rig.errors import BenchError, UsageError
from rig.metrology.budget import COVERAGE_FACTOR, Budget, Component, mean_budget
from rig.metrology.checks import FloatArray
from rig.metrology.inputs import AmbientStats
from rig.metrology.volume import MassChange, VolumeResult, WeighingChain, volume_from_mass

LEVEL_S = 10.0  # length of the levels before and after a step
WAIT_S = 5.0  # from the clamp's movement to the level after it: the balance settles
LEVEL_READINGS = 3
_COVERED = 0.9545  # what +-2 u of a normal distribution covers

Air = Callable[[float, float], AmbientStats]


@dataclass(frozen=True, slots=True)
class PinchVolume:
    """What one closing and one opening of the clamp move through the outlet, in uL; out of the outlet is positive.

    ``closing`` and ``opening`` are for the *next* movement: their u holds the clamp's own scatter. ``count``: repeats.
    """

    closing: Measured
    opening: Measured
    closing_steps_ul: tuple[float, ...]
    opening_steps_ul: tuple[float, ...]

    @property
    def count(self) -> int:
        """Number of repeats."""
        return len(self.closing_steps_ul)


def level_length_s(times_s: FloatArray) -> float:
    """Return how long a level is: 10 s, or as long as three readings take."""
    return max(LEVEL_S, (LEVEL_READINGS - 0.5) * float(np.median(np.diff(times_s))))


def measure_pinch(
    times_s: ArrayLike,
    masses_mg: ArrayLike,
    pinches_s: Sequence[tuple[float, float]],
    chain: WeighingChain,
    air: Air,
) -> PinchVolume:
    """Return the clamp's pinch volume from repeats (closed s, opened s) with the pump stopped.

    Levels: mean of the 10 s before a movement, and of 10 s that begin 5 s after it; longer where readings are sparse.
    u of the next movement: s, and s/sqrt(n) of the mean, which all movements of a run share, with Student's factor for
    n - 1 (GUM G.3); s is at least what the weighing of one step explains. With a single repeat the scatter is unknown:
    the step itself as a rectangular half width.
    ``UsageError`` without repeats, or where movements are too close to be told apart.
    """
    times, masses = checked(times_s, masses_mg)
    if not pinches_s:
        raise UsageError("no pinch of the clamp", expected="at least one closing and opening with the pump stopped")
    moves = [instant for pair in pinches_s for instant in pair]
    steps = [_step(times, masses, moves, index, chain, air) for index in range(len(moves))]
    return PinchVolume(
        closing=_next_step(steps[0::2], "closing of the clamp"),
        opening=_next_step(steps[1::2], "opening of the clamp"),
        closing_steps_ul=tuple(step.volume_ul for step in steps[0::2]),
        opening_steps_ul=tuple(step.volume_ul for step in steps[1::2]),
    )


def _step(
    times: FloatArray, masses: FloatArray, moves: Sequence[float], index: int, chain: WeighingChain, air: Air
) -> VolumeResult:
    """Return the volume of one movement's step."""
    at_s, length_s = moves[index], level_length_s(times)
    wait_s = max(WAIT_S, length_s / 2.0)
    before_s = moves[index - 1] + wait_s if index else -math.inf
    after_s = moves[index + 1] if index + 1 < len(moves) else math.inf
    if at_s - before_s < length_s or after_s - at_s < wait_s + length_s:
        raise UsageError(
            f"the clamp's movement at {at_s:g} s has others too near",
            expected=f"{wait_s + length_s:g} s between movements, to weigh a level",
        )
    first = int(np.searchsorted(times, at_s)) - 1  # a reading at the very instant may already show the step
    if first < 0 or times[-1] < at_s + wait_s:
        raise BenchError(f"no readings on both sides of the clamp's movement at {at_s:g} s", expected="a whole record")
    start = level_between(times, masses, at_s - length_s, float(times[first]))
    end = level_between(times, masses, at_s + wait_s, at_s + wait_s + length_s)
    return volume_from_mass(MassChange(start, end), chain, air(start.at_s, end.at_s))


def _next_step(steps: Sequence[VolumeResult], name: str) -> Measured:
    """Return what the next movement will displace."""
    count = len(steps)
    volumes = np.array([step.volume_ul for step in steps])
    mean = float(volumes.mean())
    weighing = max(step.u_ul for step in steps)
    if count == 1:
        scatter = Component(f"{name}, seen once", abs(mean) / math.sqrt(3.0), "uL", 1.0, "B", "rectangular")
        note = f"{name} seen once: its scatter is unknown, the step itself is taken as half width"
        return Measured(mean, Budget("uL", (*steps[0].budget.components, scatter)), (note,))
    from scipy.stats import t as student_t  # noqa: PLC0415 - only who needs it pays for it

    factor = float(student_t.ppf((1.0 + _COVERED) / 2.0, count - 1)) / COVERAGE_FACTOR
    seen = float(volumes.std(ddof=1)) * factor
    # The weighing of a step is in the scatter of the steps; its shared part (density ...) is not, and stays.
    shared = tuple(item for item in mean_budget([step.budget for step in steps]).components if item.shared)
    u = max(seen, weighing)
    next_one = Component(f"{name}, this one", u, "uL", 1.0, "A", "t", "GUM G.3")
    of_mean = Component(f"{name}, mean of {count}", u / math.sqrt(count), "uL", 1.0, "A", "t", "GUM G.3", shared=True)
    return Measured(mean, Budget("uL", (next_one, of_mean, *shared)))
