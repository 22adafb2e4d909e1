"""Measures of a qualification: blank, creep, known flow and amount, linearity, lag and known mass, each with its U.

Volumes come through the same chain and budget as those of an insulin pump (`rig.judging.interval.measured_volume`);
only what they are compared with is another: a flow that is known. Levels are taken at rest, on both sides of a flow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from rig.errors import BenchError
from rig.judging.interval import measured_volume
from rig.judging.items import Derivation, Item, Measured, NotMeasurableError, error_of
from rig.judging.known_flows import COMMON, FlowRun, flow_runs
from rig.judging.view import FloatArray, RunView, readings_of
from rig.metrology.blank import Blank
from rig.metrology.budget import Budget, Component, rectangular
from rig.metrology.volume import VolumeResult
from rig.scenario.measures import MEASURES as KNOWN
from rig.scenario.model import Check
from rig.scenario.qualification import SETTLE_S, WEIGH_S, KnownMassStep

EDGE_S: Final = 20.0  # before a flow and before the end of its rest: where the level is read
HALF_S: Final = 15.0  # readings on either side of it
STEADY_S: Final = 120.0  # into a flow: line and plunger follow
STRETCH_MG: Final = 1.0
STRETCHES: Final = (3, 6)  # fewest and most into which a slow flow is cut
FEWEST_READINGS: Final = 20
LEAST_LINEAR_UL: Final = 20.0  # of a smaller volume the noise of the levels says too little
FAST_SIGMAS, FAST_S = 3.0, 10.0  # a flow brings so many times the noise of a reading in that time: a lag can be seen
SHARE_OF_COUNT: Final = 10.0  # readings of a blank are correlated: ten count as one


def _blank_slopes(_check: Check, view: RunView) -> Measured:
    items = tuple(
        Item(which, blank.start_s, blank.end_s, blank.slope_mg_per_h, blank.u_slope_mg_per_h, _slope_budget(blank))
        for which, blank in sorted(view.blanks.items(), key=lambda each: each[1].start_s)
    )
    if not items:
        raise NotMeasurableError("no blank came to its end")
    return Measured(items[0].from_s, items[-1].to_s, items)


def _slope_budget(blank: Blank) -> Budget:
    source = "Allan variance of the blank"
    return Budget("mg/h", (Component("noise and drift", blank.u_slope_mg_per_h, "mg/h", 1.0, "A", source=source),))


def _blank_change(_check: Check, view: RunView) -> Measured:
    if not {"before", "after"} <= view.blanks.keys():
        raise NotMeasurableError("not both blanks came to their end")
    before, after = view.blanks["before"], view.blanks["after"]
    parts = tuple(
        Component(f"blank {which}", blank.u_slope_mg_per_h, "mg/h", sign, "A", source="Allan variance of the blank")
        for which, blank, sign in (("before", before, -1.0), ("after", after, 1.0))
    )
    budget = Budget("mg/h", parts)
    value = after.slope_mg_per_h - before.slope_mg_per_h
    return _one(Item("", before.start_s, after.end_s, value, budget.combined, budget))


def _blank_noise(_check: Check, view: RunView) -> Measured:
    stated_mg = view.evidence.bench.balance.uncertainty.repeatability_mg
    if stated_mg <= 0.0:
        raise NotMeasurableError("the bench file states no repeatability")
    items = []
    for which, blank in sorted(view.blanks.items(), key=lambda each: each[1].start_s):
        value = 100.0 * blank.noise.reading_mg / stated_mg
        u = value / math.sqrt(2.0 * max(blank.count / SHARE_OF_COUNT, 1.0))
        budget = Budget("%", (Component("estimate of a scatter", u, "%", 1.0, "A", source="its number of readings"),))
        items.append(Item(which, blank.start_s, blank.end_s, value, u, budget))
    if not items:
        raise NotMeasurableError("no blank came to its end")
    return Measured(items[0].from_s, items[-1].to_s, tuple(items))


def _flows(check: Check, view: RunView) -> list[FlowRun]:
    """Return the flows that a check looks at; raises `NotMeasurableError` where one of them did not come to its end."""
    kinds, steps = KNOWN[check.measure].kinds, view.evidence.scenario.steps
    wanted = {
        index
        for index, step in enumerate(steps)
        if step.kind in kinds and check.step in (None, index) and not (check.step is None and _is_run_in(step))
    }
    held = [flow for flow in flow_runs(view.evidence, view.started_ns) if flow.step in wanted]
    lacking = [flow for flow in held if flow.stop_s is None]
    due = sum(getattr(steps[index], "repeat", 1) for index in wanted)
    if not held or lacking or len(held) < due:
        raise NotMeasurableError(f"{len(held) - len(lacking)} of {due} known flows came to their end")
    return held


def _is_run_in(step: object) -> bool:
    return bool(getattr(step, "run_in", False))


def _errors(check: Check, view: RunView) -> Measured:
    flows = _flows(check, view)
    items = tuple(_attempt(view, flow) for flow in flows)
    return Measured(flows[0].start_s, flows[-1].rest_to_s, items)


def _attempt(view: RunView, flow: FlowRun) -> Item:
    try:
        return flow_error(view, flow)
    except BenchError as error:
        return Item(label_of(flow), flow.start_s, flow.rest_to_s, None, None, why_not=error.what)


def label_of(flow: FlowRun) -> str:
    """Return a flow in words."""
    if flow.target_ul is None:
        return f"step {flow.step + 1}: {flow.rate_ul_per_h:g} uL/h"
    return f"step {flow.step + 1}, {flow.index + 1}: {flow.target_ul:g} uL"


def flow_error(view: RunView, flow: FlowRun) -> Item:
    """Return the error of one flow from rest to rest, in % of the known volume; budget in %."""
    known_ul = flow.known_ul
    from_s, to_s = flow.start_s - EDGE_S, flow.rest_to_s - EDGE_S
    volume = measured_volume(view, from_s, to_s, half_width_s=HALF_S)
    known = Budget("uL", (*flow.components(known_ul), *flow.time_components()))
    budget = _relative(volume, known, known_ul)
    value = 100.0 * (volume.volume_ul / known_ul - 1.0)
    set_u = known_ul / view.ul_per_u
    return Item(
        label_of(flow),
        from_s,
        to_s,
        value,
        budget.combined,
        budget,
        set_u=set_u,
        measured_u=volume.volume_ul / view.ul_per_u,
        notes=volume.notes,
        derivation=error_of(volume, set_u, view.ul_per_u),
    )


def _relative(volume: VolumeResult, known: Budget, known_ul: float) -> Budget:
    """Return the budget of 100 V / known in %: both sides of the quotient (GUM 5.1.2)."""
    own = volume.budget.scaled(100.0 / known_ul, "%")
    other = known.scaled(-100.0 * volume.volume_ul / known_ul**2, "%")
    return Budget("%", (*own.components, *other.components))


def _creep(check: Check, view: RunView) -> Measured:
    """Return of each stretch of the slow flows how much the balance showed, in % of what is known to have come."""
    items = [item for flow in _flows(check, view) for item in _stretches(view, flow)]
    return Measured(items[0].from_s, items[-1].to_s, tuple(items))


def _stretches(view: RunView, flow: FlowRun) -> list[Item]:
    from_s, to_s = flow.start_s + STEADY_S, flow.flowed_to_s - HALF_S
    total_mg = flow.rate_ul_per_h * (to_s - from_s) / 3600.0 * view.chain.liquid.density_kg_per_m3 * 1e-3
    count = min(int(total_mg / STRETCH_MG), STRETCHES[1])
    if to_s <= from_s or count < STRETCHES[0]:
        raise NotMeasurableError(
            f"a flow of {flow.rate_ul_per_h:g} uL/h that brings {max(total_mg, 0.0):.2g} mg is too short for "
            f"{STRETCHES[0]} stretches of {STRETCH_MG:g} mg"
        )
    edges = np.linspace(from_s, to_s, count + 1)
    return [_stretch(view, flow, float(low), float(high)) for low, high in pairwise(edges)]


def _stretch(view: RunView, flow: FlowRun, from_s: float, to_s: float) -> Item:
    label = f"{(from_s - flow.start_s) / 60.0:.0f} to {(to_s - flow.start_s) / 60.0:.0f} min"
    known_ul = flow.rate_ul_per_h * (to_s - from_s) / 3600.0
    try:
        volume = measured_volume(view, from_s, to_s, half_width_s=HALF_S)
    except BenchError as error:
        return Item(label, from_s, to_s, None, None, why_not=error.what)
    budget = _relative(volume, Budget("uL", tuple(flow.components(known_ul))), known_ul)
    value = 100.0 * volume.volume_ul / known_ul
    set_u, measured_u = known_ul / view.ul_per_u, volume.volume_ul / view.ul_per_u
    numbers = (("ul_per_u", view.ul_per_u), ("set_u", set_u))
    derivation = Derivation("100 V / ul_per_u / set_u", 100.0 / known_ul, 0.0, volume, numbers)
    return Item(
        label, from_s, to_s, value, budget.combined, budget, set_u=set_u, measured_u=measured_u, derivation=derivation
    )


def _linearity(check: Check, view: RunView) -> Measured:
    flows = _flows(check, view)
    items = [flow_error(view, flow) for flow in flows if flow.known_ul >= LEAST_LINEAR_UL]
    if len(items) < 2:
        raise NotMeasurableError("one flow alone says nothing of linearity")
    own = [_own_u(item) for item in items]
    return Measured(flows[0].start_s, flows[-1].rest_to_s, tuple(_residuals(items, own)))


def _own_u(item: Item) -> float:
    """Return the part of u that is this flow's own: the rest is the same share of each."""
    parts = item.budget.components if item.budget is not None else ()
    return math.hypot(*(part.contribution for part in parts if part.name not in COMMON))


def _residuals(items: Sequence[Item], own: Sequence[float]) -> list[Item]:
    """Return each error less the weighted mean of all; u^2 = u_i^2 - u_mean^2 of a mean that holds it."""
    weights = [1.0 / u**2 for u in own]
    mean = math.fsum(w * (item.value or 0.0) for w, item in zip(weights, items, strict=True)) / math.fsum(weights)
    u_mean2 = 1.0 / math.fsum(weights)
    found = []
    for item, u in zip(items, own, strict=True):
        rest = math.sqrt(max(u**2 - u_mean2, 0.0))
        budget = Budget("%", (Component("what is each flow's own", rest, "%", 1.0, "B", source="flow.error"),))
        found.append(Item(item.label, item.from_s, item.to_s, (item.value or 0.0) - mean, rest, budget))
    return found


def _lag(check: Check, view: RunView) -> Measured:
    items = tuple(_lag_item(view, flow) for flow in _flows(check, view))
    return Measured(items[0].from_s, items[-1].to_s, items)


def _lag_item(view: RunView, flow: FlowRun) -> Item:
    """Return by how much the readings of a steady flow trail it: where their line meets the level before, in s.

    A store that empties exponentially and a filter each add their time constant. The course of the first half of the
    flow tells how far the flow was not steady, which is in the budget.
    """
    label, noise = label_of(flow), view.chain.noise
    rate_mg_per_s = flow.rate_ul_per_h / 3600.0 * view.chain.liquid.density_kg_per_m3 * 1e-3
    from_s, to_s = flow.start_s + STEADY_S / 2.0, flow.flowed_to_s
    if noise is None or rate_mg_per_s * FAST_S < FAST_SIGMAS * noise.reading_mg:
        return Item(label, from_s, to_s, None, None, why_not="the flow is too slow for the noise of the balance")
    base = (view.times_s >= flow.start_s - EDGE_S - HALF_S) & (view.times_s <= flow.start_s - EDGE_S + HALF_S)
    whole, first = (_crossing(view, base, from_s, end_s) for end_s in (to_s, (from_s + to_s) / 2.0))
    if whole is None or first is None or view.gap_in(flow.start_s - EDGE_S - HALF_S, to_s) is not None:
        return Item(label, from_s, to_s, None, None, why_not="too few readings, or a gap in them")
    value, slope_mg_per_s = whole[0] - flow.start_s, whole[1]
    read_s = noise.reading_mg / slope_mg_per_s
    parts = (
        Component("level before, and line of the flow", read_s, "s", 1.0, "A", source="noise of one reading"),
        Component("flow not steady", rectangular(first[0] - whole[0]), "s", 1.0, "B", "rectangular", "its first half"),
        Component(
            "time of the start", rectangular(flow.start_half_s), "s", 1.0, "B", "rectangular", "question, answer"
        ),
    )
    budget = Budget("s", parts)
    return Item(label, from_s, to_s, value, budget.combined, budget)


def _crossing(view: RunView, base: npt.NDArray[np.bool_], from_s: float, to_s: float) -> tuple[float, float] | None:
    """Return (time at which the line through the readings meets the level before, its slope in mg/s)."""
    part = (view.times_s >= from_s) & (view.times_s <= to_s)
    if np.count_nonzero(part) < FEWEST_READINGS or np.count_nonzero(base) < FEWEST_READINGS:
        return None
    slope, level = np.polyfit(view.times_s[part] - from_s, view.masses_mg[part], 1)
    if slope <= 0.0:
        return None
    return from_s + (float(np.mean(view.masses_mg[base])) - float(level)) / float(slope), float(slope)


def _known_masses(check: Check, view: RunView) -> Measured:
    steps = view.evidence.scenario.steps
    found = []
    for index, step in enumerate(steps):
        if isinstance(step, KnownMassStep) and check.step in (None, index):
            found.append(_known_mass(view, index, step))
    if not found:
        raise NotMeasurableError("no reference weight was asked for")
    return Measured(found[0].from_s, found[-1].to_s, tuple(found))


def _known_mass(view: RunView, index: int, step: KnownMassStep) -> Item:
    """Return shown less conventional mass, in %, from readings without, with and again without the weight."""
    label = f"{step.mass_g:g} g"
    at_s = {
        event.name: view.seconds(event.at_ns)
        for event in view.record.events
        if event.name.startswith("weight_") and int(event.data["step"]) == index
    }
    weights = view.evidence.bench.reference_weights
    weight = next((each for each in weights if abs(each.nominal_g - step.mass_g) <= 1e-9 * step.mass_g), None)
    if weight is None or not {"weight_on_asked", "weight_on", "weight_off_asked", "weight_off"} <= at_s.keys():
        raise NotMeasurableError(f"the weight of {label} was not put on and taken off")
    ended = (view.evidence.record.end.get("ended_utc") or "")[:10]
    if not ended or ended > weight.calibration.due.isoformat():
        raise NotMeasurableError(f"the certificate of the weight expired on {weight.calibration.due.isoformat()}")
    spans = (
        (at_s["weight_on_asked"] - WEIGH_S, at_s["weight_on_asked"]),
        (at_s["weight_on"] + SETTLE_S, at_s["weight_off_asked"]),
        (at_s["weight_off"] + SETTLE_S, at_s["weight_off"] + SETTLE_S + WEIGH_S),
    )
    times, masses = readings_of(view.record, view.started_ns)
    levels = [_mean(times, masses, *span) for span in spans]
    shown_mg = levels[1] - (levels[0] + levels[2]) / 2.0
    return _mass_item(view, label, spans, shown_mg, weight.mass_g * 1000.0, (levels[2] - levels[0], weight.u_mg))


def _mass_item(
    view: RunView,
    label: str,
    spans: Sequence[tuple[float, float]],
    shown_mg: float,
    known_mg: float,
    others: tuple[float, float],
) -> Item:
    """Return the item of a weight; ``others``: how far the empty level moved meanwhile, and u of the weight, in mg."""
    moved_mg, u_weight_mg = others
    balance = view.evidence.bench.balance
    certificate = f"certificate {balance.calibration.certificate}"
    u_mg = balance.uncertainty.repeatability_mg * math.sqrt(1.5)
    per = 100.0 / known_mg
    budget = Budget(
        "%",
        (
            Component("reference weight", u_weight_mg, "mg", per, "B", source="its certificate"),
            Component("repeatability", u_mg, "mg", per, "A", source=certificate),
            Component(
                "empty level moved", rectangular(moved_mg / 2.0), "mg", per, "B", "rectangular", "both empty levels"
            ),
            Component("resolution", balance.resolution_mg / math.sqrt(6.0), "mg", per, "B", "triangular", certificate),
        ),
    )
    value = 100.0 * (shown_mg / known_mg - 1.0)
    return Item(label, spans[0][0], spans[-1][1], value, budget.combined, budget)


def _mean(times: FloatArray, masses: FloatArray, from_s: float, to_s: float) -> float:
    part = masses[(times >= from_s) & (times <= to_s)]
    if part.size < FEWEST_READINGS:
        raise NotMeasurableError("too few readings of a reference weight")
    return float(np.median(part))


def _one(item: Item) -> Measured:
    return Measured(item.from_s, item.to_s, (item,))


OWN_READINGS: Final = ("mass.error",)  # of a weight on the pan, which are no readings of the vessel
MEASURES: Final[dict[str, Callable[[Check, RunView], Measured]]] = {
    "blank.slope": _blank_slopes,
    "blank.change": _blank_change,
    "blank.noise": _blank_noise,
    "creep.share": _creep,
    "flow.error": _errors,
    "flow.linearity": _linearity,
    "flow.lag": _lag,
    "dispense.error": _errors,
    "mass.error": _known_masses,
}
