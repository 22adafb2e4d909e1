"""At which phase a pump's doses come: found from the record, so that windows can hold whole doses (design 4.10).

The increments of the cumulative volume are folded with the nominal dose interval. Their first harmonic is 1 for steps
and 0 for continuous flow, sees hundreds of readings at once, and needs no threshold for a single dose. It is taken in
blocks of doses, so that a pump whose clock is a little fast or slow is followed and one that starts anew is noticed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rig.analysis.series import checked
from rig.errors import UsageError
from rig.metrology.checks import FloatArray, finite

SECONDS_PER_HOUR = 3600.0
MIN_DOSES = 3.0
MIN_READINGS_PER_DOSE = 3.0
MIN_SHARPNESS = 0.5  # below it the line smears a dose over half its interval, or nothing comes in doses
MAX_NOISE = 0.1  # of the harmonic: a tenth of a radian and less
MAX_WANDER_CYCLES = 0.15  # from a straight line: the doses are not where the line says
MAX_PERIOD_ERROR = 0.02  # of a pump's clock; more is another rate
DOSES_PER_BLOCK = 12.0
MOST_BLOCKS = 64
MULTIPLES = (2, 3, 4)  # pumps that put several strokes into one pulse would look as if every slot had its dose
MAX_SUBHARMONIC = 0.45
_NEAR = 1e-9  # intervals: an instant this near to a dose or an edge is on it


class PhaseUnknownError(UsageError):
    """The record does not say at which phase the doses come; the message says why."""


@dataclass(frozen=True, slots=True)
class DoseSchedule:
    """Doses every ``interval_s``, one of them at ``first_s``, within [start_s, end_s].

    A dose's time is when half of it shows on the balance: pump, line and filter are in it. ``sharpness``: first
    harmonic of the folded increments, 1 for steps. ``period_error``: how much longer the interval is than dose/rate.
    """

    start_s: float
    end_s: float
    first_s: float
    interval_s: float
    dose_u: float
    sharpness: float
    period_error: float

    def dose_times(self, from_s: float, to_s: float) -> FloatArray:
        """Return the scheduled doses in [from_s, to_s), in order."""
        low = math.ceil((from_s - self.first_s) / self.interval_s - _NEAR)
        high = math.ceil((to_s - self.first_s) / self.interval_s - _NEAR)
        return np.asarray(self.first_s + self.interval_s * np.arange(low, max(low, high)), dtype=np.float64)

    def edges(self, from_s: float, to_s: float) -> FloatArray:
        """Return the instants half an interval after a dose, in [from_s, to_s]."""
        first_s = self.first_s + self.interval_s / 2.0
        low = math.ceil((from_s - first_s) / self.interval_s - _NEAR)
        high = math.floor((to_s - first_s) / self.interval_s + _NEAR)
        return np.asarray(first_s + self.interval_s * np.arange(low, max(low, high + 1)), dtype=np.float64)


def find_schedule(
    times_s: ArrayLike, volume_u: ArrayLike, rate_u_per_h: float, dose_u: float, *, u_reading_u: float = 0.0
) -> DoseSchedule:
    """Return when the doses of a constant rate come; both inputs of shape (n,), cumulative volume in U.

    ``u_reading_u``: standard deviation of one reading's noise. ``PhaseUnknownError`` (a ``UsageError``) with the reason
    where the record cannot tell: too few doses or readings, too much noise, a smeared or continuous flow, doses that
    follow no steady interval within 2 % of dose/rate. Source: design 4.10; reference section 8.2.
    """
    times, volume = checked(times_s, volume_u)
    finite("rate", rate_u_per_h, positive=True)
    finite("dose", dose_u, positive=True)
    interval = SECONDS_PER_HOUR * dose_u / rate_u_per_h
    start, end = float(times[0]), float(times[-1])
    doses = (end - start) / interval
    spacing = float(np.median(np.diff(times)))
    if doses < MIN_DOSES:
        raise PhaseUnknownError(f"{doses:.1f} doses in {end - start:.0f} s", expected=f"at least {MIN_DOSES:g}")
    if interval < MIN_READINGS_PER_DOSE * spacing:
        raise PhaseUnknownError(
            f"a dose each {interval:.3g} s against a reading each {spacing:.3g} s",
            expected=f"{MIN_READINGS_PER_DOSE:g} readings or more for each dose",
        )
    blocks = int(np.clip(doses / DOSES_PER_BLOCK, 1, MOST_BLOCKS))
    # Summed by parts the harmonic holds omega x dt x reading: white noise s gives omega dt s sqrt(n/2).
    count = times.size / blocks
    noise = 2.0 * math.pi * spacing / interval * u_reading_u * math.sqrt(count / 2.0) / (doses / blocks * dose_u)
    if noise > MAX_NOISE:
        raise PhaseUnknownError(
            f"the phase of doses of {dose_u:g} U drowns in noise of {u_reading_u:.2g} U for each reading"
        )
    edges = np.linspace(start, end, blocks + 1)
    _refuse_multiples(times, volume, interval, edges, doses / blocks * dose_u)
    harmonics = _harmonics(times, volume, interval, edges, doses / blocks * dose_u)
    return _schedule(harmonics, (start, end), interval, dose_u)


def _refuse_multiples(
    times: FloatArray, volume: FloatArray, interval: float, edges: FloatArray, expected_u: float
) -> None:
    """Raise where the flow comes in pulses of several doses: which of the slots holds one is then a guess."""
    for multiple in MULTIPLES:
        _, values = _harmonics(times, volume, multiple * interval, edges, expected_u)
        if float(np.median(np.abs(values))) > MAX_SUBHARMONIC:
            raise PhaseUnknownError(
                f"the flow comes in pulses each {multiple * interval:.3g} s: {multiple} doses at a time",
                expected=f"one each {interval:.3g} s",
            )


def _harmonics(
    times: FloatArray, volume: FloatArray, interval: float, edges: FloatArray, expected_u: float
) -> tuple[FloatArray, np.ndarray[tuple[int], np.dtype[np.complex128]]]:
    """Return the middle of each block and the first harmonic of its increments, in units of what it delivered."""
    middles = (times[1:] + times[:-1]) / 2.0
    steps = np.diff(volume)
    turned = steps * np.exp(-2j * math.pi / interval * (middles - edges[0]))
    cuts = np.searchsorted(middles, edges[1:-1])
    sums = np.array([part.sum() for part in np.split(turned, cuts)])
    totals = np.array([part.sum() for part in np.split(steps, cuts)])
    return (edges[1:] + edges[:-1]) / 2.0, np.asarray(sums / np.maximum(totals, 0.3 * expected_u), dtype=np.complex128)


def _schedule(
    harmonics: tuple[FloatArray, np.ndarray[tuple[int], np.dtype[np.complex128]]],
    span: tuple[float, float],
    interval: float,
    dose_u: float,
) -> DoseSchedule:
    """Return the schedule through the phases of all blocks, or say why there is none."""
    middles, values = harmonics
    sharp = np.abs(values)
    good = sharp >= MIN_SHARPNESS
    if np.count_nonzero(good) < 0.8 * good.size:
        raise PhaseUnknownError(
            f"a first harmonic of {np.median(sharp):.2f} in the folded record: the flow does not come in doses each "
            f"{interval:.3g} s, or line and filter smear them",
            expected=f"{MIN_SHARPNESS:g} or more",
        )
    cycles = np.unwrap(-np.angle(values[good]) / (2.0 * math.pi), period=1.0)
    at = middles[good] - span[0]
    slope, offset = np.polyfit(at, cycles, 1) if at.size > 1 else (0.0, float(cycles[0]))
    wander = float(np.abs(cycles - slope * at - offset).max())
    if wander > MAX_WANDER_CYCLES or abs(slope * interval) > MAX_PERIOD_ERROR:
        raise PhaseUnknownError(
            f"the doses follow no steady interval of {interval:.3g} s: they wander by {wander:.2f} of it"
        )
    offset, true_interval = float(offset), 1.0 / (1.0 / interval - float(slope))
    return DoseSchedule(
        start_s=span[0],
        end_s=span[1],
        first_s=span[0] + offset * true_interval,
        interval_s=true_interval,
        dose_u=dose_u,
        sharpness=float(np.median(sharp[good])),
        period_error=true_interval / interval - 1.0,
    )
