"""The interval of a check, and what left the outlet in it, with its whole budget."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from rig.analysis.basal import DeliveryError, delivery_error
from rig.analysis.series import level_at
from rig.judging.items import NotMeasurableError
from rig.judging.shifted import with_shifts
from rig.judging.view import RunView
from rig.metrology.budget import Budget, Component, rectangular
from rig.metrology.buoyancy import UL_PER_CM3
from rig.metrology.volume import Level, MassChange, VolumeResult, volume_from_mass
from rig.scenario.model import Check

S_PER_H = 3600.0
END_TOLERANCE_S = 1.0
# A display trails the load by its filter, which the bench file does not state: 0.3 to 2 s for filters of this class of
# balance (rig's assumption). In steady flow it cancels; where the flow before the edges differs, the value is wrong by
# 0 to 2 s of the difference, always in one direction. The centre, 1 s, is not corrected on an assumption but counts as
# a bias, u = |bias|, beside the half width of 1 s: (1 + 1/3)^(1/2) s, which is what a rectangle of +-2 s has. At a stop
# the line's tail, which the next reading sees, works against it.
LAG_S = 2.0
REST_S = 120.0  # the line's tail is over


def window(check: Check, view: RunView) -> tuple[float, float]:
    """Return the interval of a check in run time; raises `NotMeasurableError` when the run did not reach its end.

    In a stretch that repeats a step, scenario time goes on from where that step originally began.
    """
    if view.first_s is None or view.scenario_zero_s is None:
        raise NotMeasurableError("nothing was delivered")
    spans = [span for span in view.spans if check.step in (None, span.step)]
    if not spans:
        raise NotMeasurableError("the run ended before its step")
    from_s = spans[0].start_s if check.step is not None else view.scenario_zero_s
    if check.from_s is not None:
        from_s = view.scenario_zero_s + check.from_s
    if check.for_s is not None:
        to_s = from_s + check.for_s
        reached_s = view.spans[-1].end_s
        if to_s > reached_s + END_TOLERANCE_S:
            raise NotMeasurableError(f"the run ended {to_s - reached_s:.0f} s before the end of the interval")
    else:
        to_s = spans[-1].end_s
        steps_left = check.step is None and spans[-1].step + 1 < len(view.evidence.scenario.steps)
        if steps_left or not spans[-1].complete:
            raise NotMeasurableError("the run ended within the interval")
    return from_s, view.last_weighed_s(to_s)


def measured_volume(view: RunView, from_s: float, to_s: float, *, half_width_s: float = 0.0) -> VolumeResult:
    """Return the volume that left the outlet; raises `NotMeasurableError` for gaps and lacking blanks.

    ``half_width_s``: readings around each edge that make its level, where both lie between two doses. Where a rate
    changes between the two readings around an edge, the level there follows SET between them, and as much as that
    departs from a straight line is in the budget; so is the display's lag where the flow before the edges differs.
    """
    if view.evaporation is None:
        raise NotMeasurableError("no blank: the evaporation is unknown")
    if from_s < view.times_s[0] or view.last_weighed_s(to_s) > view.times_s[-1]:
        raise NotMeasurableError("no readings at an edge of the interval")
    gap = view.gap_in(from_s, to_s)
    if gap is not None:
        told = view.quality.told_of(gap.start_s, gap.end_s) or "no readings"
        raise NotMeasurableError(f"{told} for {gap.duration_s:.0f} s from {gap.start_s:.0f} s on")
    _refuse_unknown(view, from_s, to_s)
    edges = [min(at_s, float(view.times_s[-1])) for at_s in (from_s, to_s)]
    levels = [_level(view, at_s, half_width_s) for at_s in edges]
    volume = _bridged(view, from_s, to_s, volume_from_mass(MassChange(*levels), view.chain, view.air(from_s, to_s)))
    volume = with_shifts(view, from_s, to_s, volume)
    parts = _edge_components(view, from_s, to_s, edges)
    budget = Budget(volume.budget.unit, (*volume.budget.components, *parts))
    return replace(volume, budget=budget)


def _edge_components(view: RunView, from_s: float, to_s: float, edges: list[float]) -> list[Component]:
    """Return what the readings at the edges cannot know of the flow there, in uL: bends and the display's lag."""
    parts = []
    bent = [at_s for at_s in edges if not _begins_from_rest(view, at_s)]
    bend_ul = math.hypot(*(_bend_u(view, at_s) for at_s in bent)) * view.ul_per_u
    if bend_ul > 0.0:
        name, source = "rate change between readings at an edge", "SET between the two readings"
        parts.append(Component(name, bend_ul / math.sqrt(3.0), "uL", 1.0, "B", "rectangular", source))
    before = [view.programme.rate_at(at_s - 1e-6) for at_s in (from_s, to_s)]
    per_s_ul = abs(before[1] - before[0]) / S_PER_H * view.ul_per_u
    if per_s_ul > 0.0:
        name, source = "lag of the display behind the load", "filters of 0.3 to 2 s: rig's assumption"
        parts.append(Component(name, rectangular(LAG_S), "s", per_s_ul, "B", "rectangular", source, shared=True))
    return parts


def _refuse_unknown(view: RunView, from_s: float, to_s: float) -> None:
    """Raise `NotMeasurableError` where a delivery of unknown outcome may lie in an interval: SET is not known there."""
    unknown = view.unknown_in(from_s, to_s)
    if unknown is not None:
        raise NotMeasurableError(f"{unknown.text}, at {unknown.start_s:.0f} s")


def _bridged(view: RunView, from_s: float, to_s: float, volume: VolumeResult) -> VolumeResult:
    """Return a volume with what reading gaps within its interval add to its budget (design 4.4)."""
    ul_per_mg = UL_PER_CM3 / view.chain.liquid.density_kg_per_m3
    for bridge in view.bridges_in(from_s, to_s):
        told = f"reading gap of {bridge.gap.duration_s:.0f} s from {bridge.gap.start_s:.0f} s on ({bridge.gap.cause})"
        if bridge.touches(from_s) or bridge.touches(to_s):
            raise NotMeasurableError(f"an edge of the interval lies in the {told}")
        if bridge.departure is None:
            raise NotMeasurableError(f"what happened in the {told} cannot be bounded: {bridge.why_not}")
        budget = volume.budget.with_component(bridge.component(ul_per_mg))
        volume = replace(volume, budget=budget, notes=(*volume.notes, f"{told}: its uncertainty is in the budget"))
    return volume


def _level(view: RunView, at_s: float, half_width_s: float) -> Level:
    """Return the level at an instant: a straight line between the readings around it, bent as SET is.

    A line alone would take a step that begins from rest for one that began earlier, and always too slow: a bias. The
    mean of readings between two doses needs no bend. Where a step begins from rest, the level is that of the reading
    before it, less what has evaporated: by the time of the reading after it a line's delay and the wait for the first
    dose have kept back some of SET, and a level that relies on both would be too low.
    """
    level = level_at(view.times_s, view.masses_mg, at_s, half_width_s=half_width_s)
    bend_u = _bend_u(view, at_s)
    if level.count > 1 or bend_u == 0.0:
        return level
    mass_mg = level.mass_mg + bend_u * view.ul_per_u * 1e-3 * view.chain.liquid.density_kg_per_m3
    if _begins_from_rest(view, at_s):
        before = int(np.searchsorted(view.times_s, at_s)) - 1
        lost_mg = view.chain.evaporation_mg_per_h * (at_s - float(view.times_s[before])) / S_PER_H
        mass_mg = float(view.masses_mg[before]) - lost_mg
    return replace(level, mass_mg=mass_mg, bend_mg=mass_mg - level.mass_mg)


def _begins_from_rest(view: RunView, at_s: float) -> bool:
    """Return whether nothing was programmed before ``at_s``, back to the reading before it and until a tail is over."""
    before_s = float(view.times_s[max(int(np.searchsorted(view.times_s, at_s)) - 1, 0)])
    from_s = min(before_s, at_s - REST_S)
    return view.programme.expected_u(from_s, at_s) == 0.0 and view.unknown_in(from_s, at_s) is None


def _bend_u(view: RunView, at_s: float) -> float:
    """Return by how much SET lies at ``at_s`` above a straight line between the readings around it, in U."""
    right = int(np.searchsorted(view.times_s, at_s))
    if right == 0 or right >= len(view.times_s) or view.times_s[right] == at_s:
        return 0.0
    before_s, after_s = float(view.times_s[right - 1]), float(view.times_s[right])
    share = (at_s - before_s) / (after_s - before_s)
    programme = view.programme
    bend_u = programme.expected_u(before_s, at_s) - share * programme.expected_u(before_s, after_s)
    return bend_u if abs(bend_u) > 1e-9 else 0.0  # 1e-9 U: rounding, not a rate change


def basal_error(view: RunView, from_s: float, to_s: float, *, between_doses_s: float = 0.0) -> DeliveryError:
    """Return the error of an interval against SET, with the time stamps' share in the budget.

    ``between_doses_s`` above 0: both edges are known to lie between two doses, and each level is the mean of the
    readings within that time of it; then no dose edge is in the budget.
    """
    expected_u = view.programme.expected_u(from_s, to_s)
    if expected_u <= 0:
        raise NotMeasurableError("nothing was programmed in the interval")
    volume = measured_volume(view, from_s, to_s, half_width_s=between_doses_s)
    dose_u = 0.0 if between_doses_s > 0.0 else view.programme.dose_u
    error = delivery_error(volume, expected_u, dose_u=dose_u, ul_per_u=view.ul_per_u)
    return _with_stamps(view, error, from_s, to_s)


def _with_stamps(view: RunView, error: DeliveryError, from_s: float, to_s: float) -> DeliveryError:
    if not view.stamp_u_s:
        return error
    rates = [view.programme.rate_at(from_s), view.programme.rate_at(to_s - 1e-6)]
    per_s = math.hypot(*rates) / S_PER_H
    stamps = Component("time stamps of both edges", view.stamp_u_s, "s", per_s, source="host latency x speed")
    budget_u = error.budget_u.with_component(stamps)
    return replace(error, budget_u=budget_u, budget_pct=budget_u.scaled(100.0 / error.expected_u, "%"))
