"""Three ways to a mean rate: end points, slope, staircase; each with u from the noise, never from residuals.

Reference section 5.10 (EX-14). End points see what was delivered between two instants and nothing in between: that is
what a verdict is about. Slope and staircase use every reading; they are sharper where the flow is steady, and depart
where it is not, or where the zero drifts. Over n doses an ideal staircase misleads end points by up to 1/n and a slope
by up to 1/n^2, unless they run over whole intervals from a fitting phase on: the bias is stated with each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from rig.analysis.phase import DoseSchedule
from rig.analysis.series import checked
from rig.errors import BenchError
from rig.metrology.checks import FloatArray
from rig.metrology.noise import AllanPoint, NoiseModel

SECONDS_PER_HOUR = 3600.0
MOST_READINGS = 20_000  # beyond it neighbours are averaged first: the weights of a slope change slowly
DISAGREE_SIGMAS = 3.0
DISAGREE_SHARE = 0.01  # of the rate: below it no verdict moves, and a pump's own unsteadiness reaches it


@dataclass(frozen=True, slots=True)
class RateEstimate:
    """A mean rate in the record's unit per hour with u of the noise alone.

    ``weights``: the contrast of the (thinned) readings that it is, in 1/h, shape (n,). ``pulse_bias``: by how much an
    ideal staircase of this schedule misleads it, in the same unit; 0 where it does not, None where the phase is not
    known.
    """

    kind: str
    rate_per_h: float
    u_per_h: float
    weights: FloatArray
    pulse_bias: float | None = 0.0


@dataclass(frozen=True, slots=True)
class Estimates:
    """End points, slope and, where the doses' phase is known, staircase, over one stretch of readings."""

    start_s: float
    end_s: float
    count: int
    endpoints: RateEstimate
    slope: RateEstimate
    staircase: RateEstimate | None
    disagreements: tuple[str, ...]

    @property
    def all(self) -> tuple[RateEstimate, ...]:
        """Return those there are."""
        return tuple(each for each in (self.endpoints, self.slope, self.staircase) if each is not None)


@dataclass(frozen=True, slots=True)
class _Stairs:
    """The ideal cumulative amount at each reading, in whole doses, and the rate that it stands for."""

    amounts: FloatArray
    rate_per_h: float

    @classmethod
    def of(cls, times: FloatArray, schedule: DoseSchedule) -> _Stairs:
        doses = np.floor((times - schedule.first_s) / schedule.interval_s)
        rate = schedule.dose_u / schedule.interval_s * SECONDS_PER_HOUR
        return cls(np.asarray(doses * schedule.dose_u, dtype=np.float64), rate)

    def weights(self) -> FloatArray:
        """Return the weights of the fitted height of the staircase, times its rate."""
        centred = self.amounts - self.amounts.mean()
        return np.asarray(centred / float(centred @ centred) * self.rate_per_h, dtype=np.float64)


def estimate_rate(
    times_s: ArrayLike,
    values: ArrayLike,
    noise: NoiseModel,
    *,
    scale: float = 1.0,
    schedule: DoseSchedule | None = None,
) -> Estimates:
    """Return the mean rate three ways; cumulative amount, shape (n,), ``scale``: its unit for each mg of the noise.

    With a ``schedule`` the readings are first cut to whole dose intervals, half an interval after a dose at both ends.
    u from ``noise`` (white, correlated, walk) by the variance of each estimate's own weights. Two disagree when they
    differ by more than 3 u of their difference with their pulse biases, by more than 1 % of the rate, and by more than
    one dose over the stretch. ``BenchError`` below 3 readings.
    """
    times, amounts = checked(times_s, values)
    if schedule is not None:
        times, amounts = _whole_intervals(times, amounts, schedule)
    times, amounts, noise = _thinned(times, amounts, noise)
    if times.size < 3:
        raise BenchError(f"a rate from {times.size} readings", expected="at least 3")
    hours = float(times[-1] - times[0]) / SECONDS_PER_HOUR
    spacing = SECONDS_PER_HOUR * hours / (times.size - 1)
    dose = 0.0 if schedule is None else schedule.dose_u
    estimate = partial(_estimate, amounts=amounts, noise=noise, grid=(spacing, scale))
    stairs = None if schedule is None else _Stairs.of(times, schedule)
    found = [
        estimate("end points", _end_weights(times), stairs=stairs),
        estimate("slope", _slope_weights(times), stairs=stairs),
    ]
    if stairs is not None and float(np.ptp(stairs.amounts)) > 0.0:
        found.append(estimate("staircase", stairs.weights(), stairs=stairs))
    return Estimates(
        start_s=float(times[0]),
        end_s=float(times[-1]),
        count=times.size,
        endpoints=found[0],
        slope=found[1],
        staircase=found[2] if len(found) > 2 else None,
        disagreements=_disagreements(found, noise, (spacing, scale), dose / hours),
    )


def slope_pulse_bias(doses: int, offset: float) -> float:
    """Return the relative bias of a least-squares slope over ``doses`` whole intervals of an ideal staircase.

    ``offset``: where in the interval a dose comes, 0 to 1; evenly and densely sampled. In the middle (0.5) it is
    1/(2 n^2), at an edge -1/n^2, and zero in between: integrate the sawtooth that is left of a staircase when its ramp
    is taken off. Over any other stretch it is at most 1/n^2.
    """
    return 6.0 * (offset * (1.0 - offset) - 1.0 / 6.0) / doses**2


def best_averaging_time(points: Sequence[AllanPoint]) -> AllanPoint | None:
    """Return the point of a blank's Allan curve with the least deviation of the slope; None without points.

    Averaging longer than its ``tau_s`` gains nothing: drift has taken over (or the blank ends there).
    """
    return min(points, key=lambda point: point.slope_mg_per_h, default=None)


def _whole_intervals(times: FloatArray, amounts: FloatArray, schedule: DoseSchedule) -> tuple[FloatArray, FloatArray]:
    """Return the readings from half an interval after a dose to half an interval after another one."""
    edges = schedule.edges(float(times[0]), float(times[-1]))
    if edges.size < 2:
        return times, amounts
    spacing = float(np.median(np.diff(times)))
    first, last = np.searchsorted(times, (edges[0] - spacing / 2.0, edges[-1] + spacing / 2.0))
    return times[first:last], amounts[first:last]


def _thinned(times: FloatArray, amounts: FloatArray, noise: NoiseModel) -> tuple[FloatArray, FloatArray, NoiseModel]:
    """Return means of neighbours where there are very many readings; only white noise is taken to average."""
    size = -(-times.size // MOST_READINGS)
    if size == 1:
        return times, amounts, noise
    count = times.size // size * size
    means = [values[:count].reshape(-1, size).mean(axis=1) for values in (times, amounts)]
    return means[0], means[1], replace(noise, white_mg=noise.white_mg / math.sqrt(size))


def _end_weights(times: FloatArray) -> FloatArray:
    weights = np.zeros(times.size)
    weights[-1], weights[0] = 1.0, -1.0
    return weights / float(times[-1] - times[0]) * SECONDS_PER_HOUR


def _slope_weights(times: FloatArray) -> FloatArray:
    centred = times - times.mean()
    return np.asarray(centred / float(centred @ centred) * SECONDS_PER_HOUR, dtype=np.float64)


def _estimate(
    kind: str,
    weights: FloatArray,
    *,
    amounts: FloatArray,
    noise: NoiseModel,
    grid: tuple[float, float],
    stairs: _Stairs | None,
) -> RateEstimate:
    spacing, scale = grid
    variance = noise.contrast_variance_mg2(weights, spacing) * scale**2
    rate = float(weights @ (amounts - amounts[0]))
    bias = None
    if stairs is not None:
        bias = float(weights @ (stairs.amounts - stairs.amounts[0])) - stairs.rate_per_h
    return RateEstimate(kind, rate, math.sqrt(variance), weights, bias)


def _disagreements(
    found: Sequence[RateEstimate], noise: NoiseModel, grid: tuple[float, float], least: float
) -> tuple[str, ...]:
    """Return each estimate that departs from the end points by more than noise and pulses explain."""
    ends, (spacing, scale) = found[0], grid
    least = max(least, DISAGREE_SHARE * abs(ends.rate_per_h))
    told = []
    for other in found[1:]:
        difference = other.rate_per_h - ends.rate_per_h
        u = math.sqrt(noise.contrast_variance_mg2(other.weights - ends.weights, spacing)) * scale
        bias = abs((other.pulse_bias or 0.0) - (ends.pulse_bias or 0.0))
        if abs(difference) > max(DISAGREE_SIGMAS * u + bias, least):
            told.append(
                f"{other.kind} and {ends.kind} differ by {difference:+.3g}/h, {abs(difference) / u:.1f} times what "
                "the blanks' noise explains: the flow was not steady, or the zero drifted"
            )
    return tuple(told)
