"""The stroke model of `rig.sim.plant.mechanism` once more, for many runs at once: what fitting needs.

The same equations over numpy arrays; `test_published` holds both together, number by number and in distribution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from rig.sim.parameters import STROKE_U, PlantParameters

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Noise:
    """Common random numbers: (runs, doses) each, ``slow`` (lengths, runs, doses + 1), the rest (runs,).

    Fitting draws them once, so that the percentages are smooth functions of the parameters.
    """

    unit: Array
    run: Array
    startup: Array
    phase: Array
    stroke: Array
    wide: Array
    jitter: Array
    slow: Array
    sticks: Array
    lags: Array
    lengths: Array

    @property
    def shape(self) -> tuple[int, int]:
        """Return (runs, doses)."""
        runs, doses = self.stroke.shape
        return runs, doses


def draw(runs: int, doses: int, seed: int, slow_lengths: int = 5) -> Noise:
    """Return fresh random numbers."""
    rng = np.random.default_rng(seed)
    normal, even = rng.standard_normal, rng.random
    return Noise(
        unit=_within(rng, runs, 2.0),
        run=_within(rng, runs, 2.0),
        startup=_within(rng, runs, 2.5),
        phase=even(runs) * 2.0 * math.pi,
        stroke=normal((runs, doses)),
        wide=even((runs, doses)),
        jitter=normal((runs, doses)),
        slow=normal((slow_lengths, runs, doses + 1)),
        sticks=even((runs, doses)),
        lags=rng.exponential(size=(runs, doses)),
        lengths=rng.exponential(size=(runs, doses)),
    )


def doses_of(p: PlantParameters, strokes: int, noise: Noise) -> Array:
    """Return the volume of each dose of ``strokes`` steps over its command, (runs, doses)."""
    command_ul = strokes * STROKE_U * p.ul_per_u
    gain = (1.0 + p.unit_gain_sd * noise.unit) * (1.0 + p.run_gain_sd * noise.run)
    step_ul = command_ul * gain[:, None] * (1.0 + _stroke_error(p, noise) + _slow_gain(p, noise))
    step_ul = _start_up(p, step_ul, noise)
    turn = 2.0 * math.pi / p.screw_pitch_ul
    screw_ul = p.screw_error / turn
    nominal_ul = np.cumsum(step_ul, axis=1)
    target_ul = nominal_ul + screw_ul * np.sin(turn * nominal_ul + noise.phase[:, None])
    target_ul = target_ul + _rest_error(p, noise) - _lag(p, noise)
    start_ul = screw_ul * np.sin(noise.phase)[:, None]
    plunger_ul = np.maximum.accumulate(np.concatenate([start_ul, target_ul], axis=1), axis=1)
    return np.asarray(np.diff(plunger_ul, axis=1) / command_ul)


def window_means(doses: Array, width: int) -> Array:
    """Return the moving mean of ``width`` consecutive doses of each run."""
    total = np.cumsum(np.concatenate([np.zeros((doses.shape[0], 1)), doses], axis=1), axis=1)
    return np.asarray((total[:, width:] - total[:, :-width]) / width)


def outside_pct(ratios: Array, limit_pct: float) -> float:
    """Return the percentage of ratios farther than ``limit_pct`` from 1."""
    return 100.0 * float(np.mean(np.abs(ratios - 1.0) > limit_pct / 100.0))


def _within(rng: np.random.Generator, count: int, limit: float) -> Array:
    values = rng.standard_normal(count)
    while (far := np.abs(values) > limit).any():
        values[far] = rng.standard_normal(int(far.sum()))
    return values


def _stroke_error(p: PlantParameters, noise: Noise) -> Array | float:
    if not p.stroke_error_sd:
        return 0.0
    forget = math.exp(-1.0 / p.stroke_error_length)
    renew = p.stroke_error_sd * math.sqrt(1.0 - forget**2)
    return np.asarray(lfilter([renew], [1.0, -forget], noise.stroke, axis=1))


def _slow_gain(p: PlantParameters, noise: Noise) -> Array | float:
    if not p.slow_gain_sd:
        return 0.0
    sd = p.slow_gain_sd / math.sqrt(len(p.slow_gain_lengths))
    total = np.zeros(noise.shape)
    for normal, length in zip(noise.slow, p.slow_gain_lengths, strict=True):
        forget = math.exp(-1.0 / length)
        inputs = normal * (sd * math.sqrt(1.0 - forget**2))
        inputs[:, 0] = normal[:, 0] * sd
        total += lfilter([1.0], [1.0, -forget], inputs, axis=1)[:, 1:]
    return total


def _start_up(p: PlantParameters, step_ul: Array, noise: Noise) -> Array:
    """Apply the start-up, which depends on how far the plunger has come; it is over after 15 fading volumes."""
    startup = p.startup_gain + p.startup_gain_sd * noise.startup
    if startup.any():
        nominal_ul = np.zeros(step_ul.shape[0])
        for number in range(step_ul.shape[1]):
            step_ul[:, number] *= 1.0 + startup * np.exp(-nominal_ul / p.startup_ul)
            np.maximum(step_ul[:, number], 0.0, out=step_ul[:, number])
            nominal_ul += step_ul[:, number]
            if nominal_ul.min() > 15.0 * p.startup_ul:
                break
    return np.maximum(step_ul, 0.0)


def _rest_error(p: PlantParameters, noise: Noise) -> Array | float:
    if not p.position_jitter_ul:
        return 0.0
    spread = 1.0 + p.jitter_tail_share * (p.jitter_tail_ratio**2 - 1.0)
    narrow_ul = p.position_jitter_ul / math.sqrt(spread)
    return np.asarray(noise.jitter * np.where(noise.wide < p.jitter_tail_share, p.jitter_tail_ratio, 1.0) * narrow_ul)


def _lag(p: PlantParameters, noise: Noise) -> Array | float:
    """Return how far the plunger hangs back: a stroke sticks, and so do some after it."""
    if not p.stick_probability:
        return 0.0
    lag_ul = np.zeros(noise.shape)
    left = np.zeros(noise.shape[0], dtype=np.int64)
    stuck_ul = np.zeros(noise.shape[0])
    after = 1 + (noise.lengths * max(p.stick_strokes - 1.0, 1e-9)).astype(np.int64)
    begins = noise.sticks < p.stick_probability
    for number in range(noise.shape[1]):
        held = left > 0
        fresh = ~held & begins[:, number]
        left = np.where(held, left - 1, np.where(fresh, after[:, number], 0))
        stuck_ul = np.where(fresh, noise.lags[:, number] * p.stick_lag_ul, stuck_ul)
        lag_ul[:, number] = np.where(held | fresh, stuck_ul, 0.0)
    return lag_ul
