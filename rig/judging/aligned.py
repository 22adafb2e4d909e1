"""Errors from dose edge to dose edge: whole doses in every average (design 4.10).

A window's edges are moved inward, to half a dose interval after a dose, where the phase of the doses is found in the
record. What was programmed is still counted from SET, never from the doses that were found: a missing dose stays an
error, and a pump whose clock runs fast delivers too much. Nothing may be hidden by moving an edge: the pieces cut off
must hold the doses that the schedule puts there, and no dose may lie at an edge; else the window stays where it was,
with one dose/sqrt(6) in its budget, and the reason is said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rig.analysis.basal import DOSES_FOR_NO_EDGE, DeliveryError
from rig.analysis.doses import DoseNoise
from rig.analysis.phase import DoseSchedule, PhaseUnknownError, find_schedule
from rig.errors import RigError
from rig.judging.interval import basal_error
from rig.judging.view import RunView
from rig.metrology.buoyancy import UL_PER_CM3

S_PER_H = 3600.0
LEAST_DOSES = 5.0
MOST_CUT = 0.25  # of a window: with more it is another window
BESIDE = 0.2  # of the interval: readings this near to the edge make its level
FLAT_DOSES = 0.25
SIGMAS = 3.0
AFTER_BOLUS_S = 120.0
OFF_GRID = 0.1  # doses: over several rates, whole doses must come out, or the pump's rule is another one
HOUR_BAND = 0.1  # how far an aligned hour may be from an hour
EDGE_S = 3.0  # line and balance filter: a dose this near to an edge may lie on either side


@dataclass(frozen=True, slots=True)
class AlignedError:
    """An error with the window that it holds for; ``fixed`` is that of the window asked for, where they differ.

    ``doses``: what was programmed in the window, in doses. ``notes``: how the edges were placed, or why not.
    """

    error: DeliveryError
    from_s: float
    to_s: float
    fixed: DeliveryError | None
    doses: float
    notes: tuple[str, ...] = ()


def dose_noise(view: RunView) -> DoseNoise | None:
    """Return the noise of single doses of a run, from its blanks; None without one."""
    if view.chain.noise is None:
        return None
    u_per_mg = UL_PER_CM3 / view.chain.liquid.density_kg_per_m3 / view.ul_per_u
    return DoseNoise(view.chain.noise, u_per_mg, view.evidence.bench.balance.resolution_mg)


def steady_part(view: RunView, at_s: float) -> tuple[float, float]:
    """Return the stretch of constant rate around an instant that no bolus, gap or unknown delivery interrupts."""
    part = next((each for each in view.programme.segments if each.start_s <= at_s < each.end_s), None)
    if part is None:
        return at_s, at_s
    breaks = [(order.start_s, order.end_s + AFTER_BOLUS_S) for order in view.programme.boluses]
    breaks += [(gap.start_s, gap.end_s) for gap in view.gaps]
    breaks += [(bridge.gap.start_s, bridge.gap.end_s) for bridge in view.bridges]
    breaks += [(each.start_s, each.end_s) for each in view.unknown]
    if any(start_s <= at_s < end_s for start_s, end_s in breaks):
        return at_s, at_s
    low_s = max([part.start_s, float(view.times_s[0]), *(end_s for _, end_s in breaks if end_s <= at_s)])
    high_s = min([part.end_s, float(view.times_s[-1]), *(start_s for start_s, _ in breaks if start_s > at_s)])
    return low_s, high_s


def schedule_at(view: RunView, at_s: float) -> DoseSchedule:
    """Return when doses come around an instant, from the whole steady stretch; `PhaseUnknownError` says why not."""
    low_s, high_s = steady_part(view, at_s)
    keep = slice(*np.searchsorted(view.times_s, (low_s, high_s)))
    rate = view.programme.rate_at(at_s)
    noise = dose_noise(view)
    if noise is None or rate <= 0.0 or keep.stop - keep.start < 3:
        raise PhaseUnknownError("no blank, no flow or no readings there")
    return find_schedule(
        view.times_s[keep], view.volume_u[keep], rate, view.programme.dose_u, u_reading_u=noise.reading_u
    )


def best_error(view: RunView, from_s: float, to_s: float) -> AlignedError:
    """Return the error from dose edge to dose edge where it matters and can be done, else that of the window itself."""
    fixed = basal_error(view, from_s, to_s)
    doses = fixed.expected_u / view.programme.dose_u
    if doses >= DOSES_FOR_NO_EDGE * (1.0 - 1e-12):
        return AlignedError(fixed, from_s, to_s, None, doses)
    try:
        return _aligned(view, from_s, to_s, fixed)
    except RigError as unknown:
        why = f"edges stay where they are, with one dose/sqrt(6) in the budget: {unknown.what}"
        return AlignedError(fixed, from_s, to_s, None, doses, (why,))


def _aligned(view: RunView, from_s: float, to_s: float, fixed: DeliveryError) -> AlignedError:
    dose_u = view.programme.dose_u
    if fixed.expected_u < LEAST_DOSES * dose_u * (1.0 - 1e-9):
        raise PhaseUnknownError(f"{fixed.expected_u / dose_u:.1f} doses are too few to leave one out")
    first, last = schedule_at(view, from_s), schedule_at(view, to_s - 1e-3)
    starts = first.edges(from_s, min(to_s, first.end_s))
    ends = last.edges(max(from_s, last.start_s), to_s)
    if not starts.size or not ends.size or (to_s - from_s) * (1.0 - MOST_CUT) > ends[-1] - starts[0]:
        raise PhaseUnknownError("whole doses would leave out more than a quarter of the window")
    low_s, high_s = float(starts[0]), float(ends[-1])
    doses = view.programme.expected_u(low_s, high_s) / dose_u
    if first != last and abs(doses - round(doses)) > OFF_GRID:
        raise PhaseUnknownError(f"{doses:.2f} doses from edge to edge: the pump's dose rule is another one")
    for schedule, inner_s, outer_s in ((first, low_s, from_s), (last, high_s, to_s)):
        _require_flat(view, schedule, inner_s)
        _require_nothing_hidden(view, schedule, inner_s, outer_s)
    width_s = BESIDE * min(first.interval_s, last.interval_s)
    error = basal_error(view, low_s, high_s, between_doses_s=width_s)
    text = (
        f"from dose edge to dose edge, {low_s:.0f} s to {high_s:.0f} s: {doses:.1f} doses programmed; the window as "
        f"asked, {from_s:.0f} s to {to_s:.0f} s: {fixed.error_pct:+.2f} %, U = {2.0 * fixed.u_pct:.2f} % with one "
        "dose/sqrt(6)"
    )
    return AlignedError(error, low_s, high_s, fixed, doses, (text,))


def _require_flat(view: RunView, schedule: DoseSchedule, at_s: float) -> None:
    """Raise where a dose came within the readings that make the level of an edge."""
    half_s = BESIDE * schedule.interval_s
    volume = view.volume_u[slice(*np.searchsorted(view.times_s, (at_s - half_s, at_s + half_s)))]
    if volume.size < 2:
        return
    middle = volume.size // 2
    rise = float(volume[middle:].mean() - volume[:middle].mean())
    if abs(rise) > FLAT_DOSES * schedule.dose_u + SIGMAS * math.sqrt(2.0 / middle) * _reading_u(view):
        raise PhaseUnknownError(f"a dose came at {at_s:.0f} s, off its time")


def _require_nothing_hidden(view: RunView, schedule: DoseSchedule, inner_s: float, outer_s: float) -> None:
    """Raise unless the slot at an edge, of which a piece is cut off, holds its one dose, to half a dose.

    Where the steady stretch ends within that slot, the piece must hold the doses that are due in it, and none may be
    due so near to the stretch's end that nobody knows on which side it fell.
    """
    if abs(inner_s - outer_s) < EDGE_S:
        return  # nothing is cut off
    sign = math.copysign(1.0, outer_s - inner_s)
    end_s, due = inner_s + sign * schedule.interval_s, 1
    if not schedule.start_s <= end_s <= schedule.end_s:
        end_s = min(max(outer_s, schedule.start_s), schedule.end_s)
        near_s = EDGE_S + float(np.median(np.diff(view.times_s)))
        due = schedule.dose_times(min(inner_s, end_s), max(inner_s, end_s)).size
        if schedule.dose_times(end_s - near_s, end_s + near_s).size:
            raise PhaseUnknownError(f"a dose was due at {end_s:.0f} s, where the rate changed or the readings end")
    low_s, high_s = min(inner_s, end_s), max(inner_s, end_s)
    came_u = float(np.diff(np.interp((low_s, high_s), view.times_s, view.volume_u))[0])
    slack_u = 0.5 * schedule.dose_u + SIGMAS * math.sqrt(2.0) * _reading_u(view)
    if abs(came_u - due * schedule.dose_u) > slack_u:
        text = f"{came_u:.3g} U came between {low_s:.0f} s and {high_s:.0f} s, where {due} dose(s) were due"
        raise PhaseUnknownError(text)


def _reading_u(view: RunView) -> float:
    noise = dose_noise(view)
    return 0.0 if noise is None else noise.reading_u


@dataclass(frozen=True, slots=True)
class AlignedHours:
    """Every complete hour of an interval: its edges between two doses, or None where it must stay as on the clock.

    ``interval_s``: the doses' interval; ``note``: how many stay and why, or nothing.
    """

    hours: tuple[tuple[float, float] | None, ...]
    interval_s: float
    note: str = ""

    @property
    def whole(self) -> tuple[tuple[float, float], ...]:
        """Return the hours of whole doses alone."""
        return tuple(hour for hour in self.hours if hour is not None)


def aligned_hours(view: RunView, from_s: float, to_s: float) -> AlignedHours:
    """Return the hours of an interval of one rate with their edges between doses, where that can be done.

    Each hour's mark moves to the nearest edge between two doses, the first and the last inward. An hour stays as on the
    clock where it would then not be an hour to 10 %, where a dose lies at one of its edges, or where an edge moved over
    a slot that did not hold its dose: moving an edge hides nothing. `PhaseUnknownError` says why all stay.
    """
    schedule = schedule_at(view, from_s)
    if to_s > schedule.end_s + schedule.interval_s:
        raise PhaseUnknownError("the rate changes, or something interrupts it")
    edges = schedule.edges(from_s, to_s)
    if edges.size < 2 or schedule.interval_s > S_PER_H / 2.0:
        raise PhaseUnknownError(f"a dose each {schedule.interval_s:.0f} s leaves none for each hour")
    marks = from_s + S_PER_H * np.arange(int((to_s - from_s) / S_PER_H + 1e-9) + 1)
    right = np.clip(np.searchsorted(edges, marks), 1, edges.size - 1)
    nearest = np.where(marks - edges[right - 1] <= edges[right] - marks, right - 1, right)
    moved = edges[nearest]
    refused = [_why_not_edge(view, schedule, *at_s) for at_s in zip(moved.tolist(), marks.tolist(), strict=True)]
    hours: list[tuple[float, float] | None] = []
    reasons: list[str] = []
    for (low_s, high_s), whys in zip(pairwise(moved.tolist()), pairwise(refused), strict=True):
        long_h = (high_s - low_s) / S_PER_H
        off = f"whole doses would make it {long_h:.2f} h" if abs(long_h - 1.0) > HOUR_BAND else ""
        why = next((each for each in (off, *whys) if each), "")
        hours.append(None if why else (low_s, high_s))
        reasons += [why] if why else []
    if len(reasons) == len(hours):
        raise PhaseUnknownError(f"no hour of whole doses fits: {reasons[0]}")
    many = f"{len(reasons)} of {len(hours)} hours stay as on the clock, with one dose/sqrt(6) in the budget of each"
    return AlignedHours(tuple(hours), schedule.interval_s, f"{many}: {reasons[0]}" if reasons else "")


def _why_not_edge(view: RunView, schedule: DoseSchedule, inner_s: float, outer_s: float) -> str:
    """Return why an edge may not move from ``outer_s`` to ``inner_s``, or nothing."""
    try:
        _require_flat(view, schedule, inner_s)
        _require_nothing_hidden(view, schedule, inner_s, outer_s)
    except PhaseUnknownError as unknown:
        return unknown.what
    return ""


def hour_error(view: RunView, from_s: float, to_s: float, interval_s: float) -> DeliveryError:
    """Return the error of one hour whose edges lie between doses ``interval_s`` apart."""
    return basal_error(view, from_s, to_s, between_doses_s=BESIDE * interval_s)
