"""One bolus, from the readings around it: volume, tail, delay, duration (design 4.12; reference sections 8.2, 10)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from rig.analysis.series import TIME_TOLERANCE_S, checked, level_between
from rig.analysis.settling import SLOPE_WINDOW_S, Settlement, settled
from rig.errors import BenchError
from rig.metrology.budget import Component
from rig.metrology.checks import FloatArray
from rig.metrology.inputs import AmbientStats
from rig.metrology.noise import SECONDS_PER_HOUR, NoiseModel, white_noise
from rig.metrology.volume import Level, MassChange, VolumeResult, WeighingChain, volume_from_mass

BASELINE_S = 10.0
CLOSING_S = 10.0
FAST_S = 10.0  # a stiff line empties its share of the last doses in this time; the slow part decides what may yet come


@dataclass(frozen=True, slots=True)
class BolusWindow:
    """Where to look for one bolus. All in s of the record.

    ``start_s``: command acknowledged; ``from_s``: first reading that may serve as baseline (the close of the one
    before, or the start of the step); ``to_s``: last reading that belongs to it (the next start, or the step's end).
    """

    start_s: float
    nominal_duration_s: float
    from_s: float
    to_s: float
    baseline_s: float = BASELINE_S
    closing_s: float = CLOSING_S

    @property
    def nominal_end_s(self) -> float:
        """Start plus the nominal delivery time."""
        return self.start_s + self.nominal_duration_s


@dataclass(frozen=True, slots=True)
class RunningBasal:
    """The basal under a bolus; rate 0 for the usual series under a temp basal of 0.

    ``u_rate_rel``: standard uncertainty of the true rate about the programmed one, as a share; ``source``: of it.
    """

    rate_u_per_h: float = 0.0
    dose_u: float = 0.0
    ul_per_u: float = 10.0
    u_rate_rel: float = 0.0
    source: str = ""


@dataclass(frozen=True, slots=True)
class BolusMeasurement:
    """One bolus, measured.

    ``volume``: the bolus alone, basal under it taken off (``basal_ul``). ``settled`` False: it was cut at ``closed_s``
    by the end of its readings. ``tail_fraction``: share that came after the nominal end. ``truncation_mg``: standard
    uncertainty of what may still come (in the budget). ``start_delay_s``: acknowledgement to the first rise that the
    noise lets one see; ``duration_s``: (t90 - t10)/0.8 of the rise; both None where the noise hides them.
    """

    start_s: float
    closed_s: float
    settled: bool
    slope_mg_per_h: float | None
    volume: VolumeResult
    basal_ul: float
    baseline: Level
    closing: Level
    tail_fraction: float | None
    truncation_mg: float
    start_delay_s: float | None
    duration_s: float | None

    def volume_u(self, ul_per_u: float = 10.0) -> float:
        """Return the bolus in U."""
        return self.volume.volume_ul / ul_per_u


def measure_bolus(
    times_s: ArrayLike,
    masses_mg: ArrayLike,
    window: BolusWindow,
    chain: WeighingChain,
    air: Callable[[float, float], AmbientStats],
    *,
    basal: RunningBasal | None = None,
) -> BolusMeasurement:
    """Return one bolus from baseline mean to closing mean.

    Closes by ``settled``; baseline = mean of the readings in ``baseline_s`` before the start (else the last before it),
    closing = mean of those in ``closing_s`` up to the close. ``air(from_s, to_s)`` gives the ambient at both edges,
    for example ``partial(ambient_stats, readings, origin_ns=...)``. ``BenchError`` without a reading before the start
    or none after the nominal end.
    """
    basal = basal or RunningBasal()
    times, masses = checked(times_s, masses_mg)
    keep = slice(
        int(np.searchsorted(times, window.from_s - TIME_TOLERANCE_S)),
        int(np.searchsorted(times, window.to_s + TIME_TOLERANCE_S)),
    )
    times, masses = times[keep], masses[keep]
    _require_readings(times, window)
    noise = chain.noise or white_noise(chain.balance.repeatability_mg, float(np.median(np.diff(times))))
    mg_per_u = basal.ul_per_u * 1e-3 * chain.liquid.density_kg_per_m3
    trend = basal.rate_u_per_h * mg_per_u - chain.evaporation_mg_per_h
    found = settled(
        times,
        masses,
        window.nominal_end_s,
        trend,
        noise,
        nominal_duration_s=window.nominal_duration_s,
        resolution_mg=chain.balance.resolution_mg,
        # Without a basal no dose can fall: a balance that drifts upwards must not open the band for one.
        dose_mg=basal.dose_u * mg_per_u if basal.rate_u_per_h > 0.0 else 0.0,
    )
    closed = found.closed_s if found is not None else float(times[-1])
    levels = MassChange(_baseline(times, masses, window), _closing(times, masses, window, closed))
    corrected = masses - levels.start.mass_mg - trend / SECONDS_PER_HOUR * (times - levels.start.at_s)
    amount_mg = levels.reading_mg - trend / SECONDS_PER_HOUR * levels.duration_s
    tail_mg, truncation = _tail(times, corrected, window.nominal_end_s, closed, found, noise)
    volume = volume_from_mass(levels, chain, air(levels.start.at_s, levels.end.at_s), truncation_mg=truncation)
    volume, basal_ul = _without_basal(volume, basal)
    delay, duration = _timing(times, corrected, window.start_s, closed, amount_mg, noise, chain.balance.resolution_mg)
    return BolusMeasurement(
        start_s=window.start_s,
        closed_s=closed,
        settled=found is not None,
        slope_mg_per_h=None if found is None else found.slope_mg_per_h,
        volume=volume,
        basal_ul=basal_ul,
        baseline=levels.start,
        closing=levels.end,
        tail_fraction=tail_mg / amount_mg if amount_mg > 5.0 * noise.reading_mg else None,
        truncation_mg=truncation,
        start_delay_s=delay,
        duration_s=duration,
    )


def _require_readings(times: FloatArray, window: BolusWindow) -> None:
    """``BenchError`` unless there are readings before the start and after the nominal end."""
    if times.size < 3 or times[0] >= window.start_s or times[-1] <= window.nominal_end_s:
        raise BenchError(
            f"the readings around the bolus at {window.start_s:g} s do not reach from baseline past nominal end",
            expected=f"readings before {window.start_s:g} s and after {window.nominal_end_s:g} s",
        )


def _baseline(times: FloatArray, masses: FloatArray, window: BolusWindow) -> Level:
    """Return the mean of the readings in the ``baseline_s`` before the start, else the last one before it."""
    last = int(np.searchsorted(times, window.start_s)) - 1
    return level_between(times, masses, min(window.start_s - window.baseline_s, float(times[last])), float(times[last]))


def _closing(times: FloatArray, masses: FloatArray, window: BolusWindow, closed_s: float) -> Level:
    """Return the mean of the readings in the ``closing_s`` up to the close, all after the nominal end."""
    return level_between(times, masses, max(closed_s - window.closing_s, window.nominal_end_s), closed_s)


def _without_basal(volume: VolumeResult, basal: RunningBasal) -> tuple[VolumeResult, float]:
    """Return the volume without what the basal delivered under it (SET), and that amount in uL."""
    if basal.rate_u_per_h <= 0.0:
        return volume, 0.0
    basal_ul = basal.rate_u_per_h * basal.ul_per_u * volume.duration_s / SECONDS_PER_HOUR
    edge = Component(
        "basal under the bolus, dose edge",
        basal.dose_u * basal.ul_per_u / math.sqrt(6.0),
        "uL",
        1.0,
        "B",
        "triangular",
        "design 4.10",
    )
    rate = Component(
        "basal under the bolus, its rate",
        basal.u_rate_rel,
        "1",
        basal_ul,
        "B",
        "rectangular",
        basal.source,
        shared=True,
    )
    budget = volume.budget.with_component(edge).with_component(rate)
    model = None if volume.model is None else replace(volume.model, taken_off_ul=basal_ul)
    return replace(volume, volume_ul=volume.volume_ul - basal_ul, budget=budget, model=model), basal_ul


def _tail(
    times: FloatArray,
    corrected: FloatArray,
    nominal_end_s: float,
    closed_s: float,
    found: Settlement | None,
    noise: NoiseModel,
) -> tuple[float, float]:
    """Return (mass after the nominal end, standard uncertainty of what comes after the close), both in mg.

    The tail is taken as exponential; its time constant comes from the area above it between 10 s after the nominal end
    (before, the last doses still come through the line and would make it look shorter) and the close. What fell in the
    last 60 s is at most excess slope plus its u, and of it 1/(exp(60 s/tau) - 1) is still to come.
    """
    part = (times >= nominal_end_s - TIME_TOLERANCE_S) & (times <= closed_s + TIME_TOLERANCE_S)
    t, w = times[part], corrected[part]
    last = t >= closed_s - SLOPE_WINDOW_S
    end = float(w[t >= closed_s - CLOSING_S].mean())
    tail = end - float(np.interp(nominal_end_s, times, corrected))
    span = closed_s - nominal_end_s - FAST_S
    slow = t >= nominal_end_s + FAST_S
    if np.count_nonzero(slow) < 3 or span <= 0.0:
        return tail, abs(tail) / math.sqrt(3.0)
    t, w, last = t[slow], w[slow], last[slow]
    late = end - float(np.interp(nominal_end_s + FAST_S, times, corrected))
    area = float(np.sum((end - (w[1:] + w[:-1]) / 2.0) * np.diff(t)))
    tau = _time_constant(area, late, span, significant=late > 5.0 * noise.reading_mg)
    if found is not None:
        fell = (max(found.excess_mg_per_h, 0.0) + found.u_slope_mg_per_h) * SLOPE_WINDOW_S / SECONDS_PER_HOUR
    else:
        fell = max(float(w[last].max() - w[last].min()), 0.0)
    # The closing level is the mean over its last seconds, so what comes counts from the middle of them.
    remaining = fell / math.expm1(SLOPE_WINDOW_S / tau) * math.exp(CLOSING_S / 2.0 / tau)
    return tail, remaining / math.sqrt(3.0)


def _time_constant(area: float, tail: float, span: float, *, significant: bool) -> float:
    """Return tau in s of an exponential seen for ``span``; half the span where the noise hides it, at most twice it."""
    if not significant:
        return span / 2.0
    from scipy.optimize import brentq  # noqa: PLC0415 - only who needs it pays for it

    share = min(max(area / (tail * span), 0.02), 0.459)  # 0.459: tau = 2 spans

    def miss(x: float) -> float:
        return 1.0 / x - 1.0 / math.expm1(x) - share

    return span / float(brentq(miss, 0.4, 60.0))


def _timing(
    times: FloatArray,
    corrected: FloatArray,
    start_s: float,
    closed_s: float,
    amount_mg: float,
    noise: NoiseModel,
    resolution_mg: float,
) -> tuple[float | None, float | None]:
    """Return (start delay, duration) in s, None where the rise does not stand out of the noise."""
    threshold = max(5.0 * noise.reading_mg, 2.0 * resolution_mg)
    part = (times >= start_s) & (times <= closed_s)
    t, w = times[part], corrected[part]
    above = w > threshold
    firm = np.flatnonzero(above[:-1] & above[1:])
    if amount_mg < 2.0 * threshold or firm.size == 0:
        return None, None
    delay = float(t[firm[0]]) - start_s
    if amount_mg < 4.0 * threshold:
        return delay, None
    low, high = (float(t[int(np.argmax(w >= share * amount_mg))]) for share in (0.1, 0.9))
    return delay, (high - low) / 0.8
