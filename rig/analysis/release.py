"""How fast a blocked line empties when the clamp opens: the time constant R_set C (reference section 9.1)."""

from __future__ import annotations

import math
from typing import Protocol, TypeAlias

import numpy as np

from rig.analysis.bolus import BolusMeasurement
from rig.analysis.measured import Measured, combined_budget, joined_notes
from rig.analysis.pinch import Air, PinchVolume, level_length_s
from rig.analysis.series import level_between
from rig.metrology.budget import Budget, Component
from rig.metrology.buoyancy import UL_PER_CM3
from rig.metrology.checks import FloatArray
from rig.metrology.noise import SECONDS_PER_HOUR, white_noise
from rig.metrology.volume import MassChange, WeighingChain, volume_from_mass

Series: TypeAlias = tuple[FloatArray, FloatArray]  # times s, masses mg

SIGNIFICANT = 5.0  # times the noise of a reading; a smaller release has no time constant


class Schedule(Protocol):
    """What goes on being delivered while the line empties."""

    @property
    def rate_after_u_per_h(self) -> float:
        """Rate from the opening on, U/h."""
        ...

    @property
    def ul_per_u(self) -> float:
        """Volume of one unit, uL."""
        ...

    @property
    def dose_ul(self) -> float:
        """One dose, uL; 0 for continuous flow."""
        ...

    @property
    def u_stamp_s(self) -> float:
        """Standard uncertainty of the instant of opening, s."""
        ...


def released_within(
    seconds: float,
    series: Series,
    bolus: BolusMeasurement,
    schedule: Schedule,
    chain: WeighingChain,
    air: Air,
    pinch: PinchVolume | None,
) -> Measured | None:
    """Return what came in the first ``seconds`` after the opening, uL, schedule taken off; None if readings end sooner.

    The level is the mean of as many readings before as after that instant, long enough for a level.
    """
    times, masses = series
    at_s, half_s = bolus.start_s + seconds, level_length_s(times) / 2.0
    if times[-1] < at_s + half_s:
        return None
    level = level_between(times, masses, at_s - half_s, at_s + half_s)
    volume = volume_from_mass(MassChange(bolus.baseline, level), chain, air(bolus.baseline.at_s, level.at_s))
    scheduled_ul = schedule.rate_after_u_per_h * schedule.ul_per_u * (level.at_s - bolus.start_s) / SECONDS_PER_HOUR
    # The flow at that instant makes its time stamp a volume; across the level it is what the level rose by.
    rose_mg = max(float(np.interp(at_s + half_s, times, masses) - np.interp(at_s - half_s, times, masses)), 0.0)
    per_s = rose_mg / (2.0 * half_s) * UL_PER_CM3 / chain.liquid.density_kg_per_m3
    stamp = Component("time stamp of the opening", schedule.u_stamp_s, "s", per_s)
    edge = Component("dose edge", schedule.dose_ul / math.sqrt(6.0) if scheduled_ul > 0.0 else 0.0, "uL")
    budget = volume.budget.with_component(stamp).with_component(edge)
    found = Measured(volume.volume_ul - scheduled_ul, budget, volume.notes)
    return found if pinch is None else without_opening(found, pinch)


def without_opening(collected: Measured, pinch: PinchVolume) -> Measured:
    """Return a collected volume without what the opening clamp itself drew back (a negative step)."""
    parts = [("weighed", collected, 1.0), ("pinch", pinch.opening, -1.0)]
    value = collected.value - pinch.opening.value
    return Measured(value, combined_budget("uL", parts), joined_notes(collected, pinch.opening))


def release_time_constant(
    times: FloatArray,
    masses: FloatArray,
    bolus: BolusMeasurement,
    schedule: Schedule,
    chain: WeighingChain,
    pinch: PinchVolume | None,
) -> Measured | None:
    """Return tau in s: the mean time that the released volume took, or None where the noise hides the release.

    tau = integral of (end - W(t)) dt / (end - start), which is R_set C for an exponential, and means what it says for
    any other shape. The balance's own filter delays the readings and is part of it.
    """
    noise = chain.noise or white_noise(chain.balance.repeatability_mg, float(np.median(np.diff(times))))
    mg_per_ul = 1e-3 * chain.liquid.density_kg_per_m3
    opened, span = bolus.start_s, bolus.closing.at_s - bolus.start_s
    trend = (
        schedule.rate_after_u_per_h * schedule.ul_per_u * mg_per_ul - chain.evaporation_mg_per_h
    ) / SECONDS_PER_HOUR
    pinch_mg = 0.0 if pinch is None else pinch.opening.value * mg_per_ul
    start = bolus.baseline.mass_mg + trend * (opened - bolus.baseline.at_s) + pinch_mg
    end = bolus.closing.mass_mg - trend * span
    amount = end - start
    part = (times > opened) & (times <= bolus.closed_s)
    if amount < SIGNIFICANT * noise.reading_mg or span <= 0.0 or np.count_nonzero(part) < 3:
        return None
    t = np.concatenate(([opened], times[part]))
    w = np.concatenate(([start], masses[part] - trend * (times[part] - opened)))
    area = float(np.sum((end - (w[1:] + w[:-1]) / 2.0) * np.diff(t)))
    waited = float(t[-1] - opened)
    # What may still come is half its bound (as in the released volume), and comes tau after the close.
    tau = (area + bolus.truncation_mg * math.sqrt(3.0) / 2.0 * waited) / amount
    interval = float(np.median(np.diff(times[part])))
    u_noise = _area_u(t.size - 1, bolus.closing.count, interval, waited, noise.contrast_variance_mg2)
    components = (
        Component("noise of the readings", u_noise / amount, "s", 1.0, "A", source="Allan variance of the blanks"),
        Component("reading interval at the opening", interval / 2.0 / math.sqrt(3.0), "s", 1.0, "B", "rectangular"),
        Component("time stamp of the opening", schedule.u_stamp_s, "s"),
        Component("released volume", bolus.volume.u_ul, "uL", -tau * mg_per_ul / amount, source="its own budget"),
        Component("released volume still to come", bolus.truncation_mg / amount, "1", waited),
    )
    notes = ["the time constant contains the balance's own filter"]
    if tau < 2.0 * interval:
        notes.append(
            f"the release was faster than readings {interval:g} s apart show: read the time constant as a bound"
        )
    return Measured(tau, Budget("s", components), tuple(notes))


class _Variance(Protocol):
    def __call__(self, weights: FloatArray, interval_s: float) -> float: ...


def _area_u(count: int, closing: int, interval_s: float, span_s: float, variance: _Variance) -> float:
    """Return u of the area above the curve in mg s: the closing level times the span less every reading."""
    weights = np.full(count, -span_s / count)
    weights[-min(closing, count) :] += span_s / min(closing, count)
    return math.sqrt(variance(weights, interval_s))
