"""What flows while the pump is suspended: slope of each suspension against its own uncertainty (L-S1)."""

from __future__ import annotations

import numpy as np

from rig.analysis.settling import slope_uncertainty_mg_per_h
from rig.errors import BenchError
from rig.judging.interval import measured_volume
from rig.judging.items import Item, Measured, NotMeasurableError
from rig.judging.view import RunView, StepSpan
from rig.metrology.budget import Budget, Component
from rig.results import Finding
from rig.scenario.model import Check, SuspendStep

SETTLE_S = 240.0  # until what the line still held has left it
MIN_LENGTH_S = 300.0  # of readings after that: a slope over less says nothing
COVERAGE = 3.0  # L-S1
S_PER_H = 3600.0


def measure_slopes(check: Check, view: RunView) -> Measured:
    """Return the slope after the settle time of each suspension that a check looks at, in U/h."""
    spans = [span for span in view.spans if span.kind == "suspend" and check.step in (None, span.step)]
    if not spans:
        raise NotMeasurableError("the run ended before its suspend step")
    items = [_attempt(view, span) for span in spans]
    ran = {span.step for span in spans}
    items += [
        Item(f"step {index + 1}", view.end_s, view.end_s, None, None, why_not="the run ended before this step")
        for index, step in enumerate(view.evidence.scenario.steps)
        if isinstance(step, SuspendStep) and check.step in (None, index) and index not in ran
    ]
    return Measured(spans[0].start_s, spans[-1].end_s, tuple(items))


def suspension_findings(view: RunView) -> list[Finding]:
    """Return every suspension whose slope lies beyond 3 of its own u (L-S1), of those that can be measured."""
    found = []
    for span in view.spans:
        item = _attempt(view, span) if span.kind == "suspend" else None
        if item is None or item.value is None or item.u is None or abs(item.value) <= COVERAGE * item.u:
            continue
        what = (
            "the pump delivers, a line drains or the zero drifts"
            if item.value > 0
            else "the zero or evaporation drifts"
        )
        text = (
            f"suspended, and the mass moves by {item.value:+.3g} U/h (u = {item.u:.2g} U/h, beyond 3 u): {what}; one "
            "balance cannot tell which"
        )
        found.append(Finding("suspend-flow", text, item.from_s, item.to_s))
    return found


def _attempt(view: RunView, span: StepSpan) -> Item:
    label, from_s, to_s = f"step {span.step + 1}", span.start_s + SETTLE_S, view.last_weighed_s(span.end_s)
    if not span.complete:
        return Item(label, from_s, to_s, None, None, why_not="the run ended within this suspension")
    if to_s - from_s < MIN_LENGTH_S:
        needed_s = SETTLE_S + MIN_LENGTH_S
        return Item(label, from_s, to_s, None, None, why_not=f"a slope needs a suspension of {needed_s:g} s or more")
    try:
        return _slope(view, label, from_s, to_s)
    except BenchError as error:
        return Item(label, from_s, to_s, None, None, why_not=error.what)


def _slope(view: RunView, label: str, from_s: float, to_s: float) -> Item:
    """Return the least-squares slope of the corrected volume, with noise, drift, rounding and evaporation as its u."""
    measured_volume(view, from_s, to_s)  # the same refusals as for a volume: gaps, no blank, unknown deliveries
    if view.chain.noise is None or view.evaporation is None:
        raise NotMeasurableError("no blank: the noise is unknown")
    keep = slice(*np.searchsorted(view.times_s, (from_s, to_s)))
    times, volume = view.times_s[keep], view.volume_u[keep]
    if len(times) < 3:
        raise NotMeasurableError("fewer than three readings")
    centred = times - times.mean()
    value = float(centred @ volume / (centred @ centred)) * S_PER_H
    interval_s = float(times[-1] - times[0]) / (len(times) - 1)
    u_noise = slope_uncertainty_mg_per_h(view.chain.noise, len(times), interval_s, view.chain.balance.resolution_mg)
    per_mg = 1.0 / (view.ul_per_u * 1e-3 * view.chain.liquid.density_kg_per_m3)
    parts = (
        Component("noise, drift and rounding", u_noise, "mg/h", per_mg, "A", source="Allan variance of the blanks"),
        Component("evaporation", view.evaporation.u_mg_per_h, "mg/h", per_mg, source=view.evaporation.source),
    )
    budget = Budget("U/h", parts)
    set_u = view.programme.expected_u(from_s, to_s)
    return Item(label, from_s, to_s, value, budget.combined, budget, set_u=set_u)
