"""Measures of boluses: error, duration, and what the pump reports, one by one or as a mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from rig.analysis.bolus import BolusMeasurement
from rig.judging.boluses import JudgedBolus
from rig.judging.items import Derivation, Item, Measured, NotMeasurableError, error_of
from rig.judging.view import RunView
from rig.metrology.budget import Budget, Component, mean_budget
from rig.scenario.model import BolusStep, Check
from rig.schedule import BolusOrder

SAME_U = 1e-9
RISE = 0.8  # a duration is taken from 10 % to 90 % of the rise, and scaled up
MakeItem = Callable[[JudgedBolus, Item, RunView], Item]


def measure_boluses(
    check: Check, view: RunView, boluses: tuple[JudgedBolus, ...], make: MakeItem, *, cancelled: bool = False
) -> Measured:
    """Return one item for each bolus that a check looks at; what was planned and never came is an item too.

    Boluses that the scenario cancels belong only where ``cancelled``: no claim says how much of one is due when.
    """
    steps = _steps_of(check, view, cancelled=cancelled)
    chosen = [
        bolus
        for bolus in boluses
        if (bolus.order.step in steps or (bolus.order.step < 0 and check.step is None))
        and _is_amount(check.amount_u, _ordered_u(bolus.order))
    ]
    if not chosen:
        raise NotMeasurableError("the run ended before its boluses")
    items = [make(bolus, _blank_item(bolus), view) for bolus in chosen]
    from_s, to_s = items[0].from_s, items[-1].to_s
    return Measured(from_s, to_s, (*items, *_missing(view, steps, chosen)))


def _missing(view: RunView, steps: dict[int, int], chosen: Sequence[JudgedBolus]) -> list[Item]:
    """Return an item for each amount of which boluses were planned and never started: it has the limits of others."""
    planned: dict[float, int] = {}
    for index, count in steps.items():
        step = view.evidence.scenario.steps[index]
        if isinstance(step, BolusStep):
            planned[step.amount_u] = planned.get(step.amount_u, 0) + count
    found = []
    for amount_u, count in planned.items():
        short = count - sum(_is_amount(amount_u, _ordered_u(bolus.order)) for bolus in chosen)
        if short > 0:
            text = f"{short} of {count} boluses of {amount_u:g} U were not started in this run"
            found.append(Item("missing", view.end_s, view.end_s, None, None, amount_u=amount_u, why_not=text))
    return found


def _steps_of(check: Check, view: RunView, *, cancelled: bool) -> dict[int, int]:
    """Return the bolus steps that a check looks at, with how many boluses each has."""
    return {
        index: step.repeat
        for index, step in enumerate(view.evidence.scenario.steps)
        if isinstance(step, BolusStep)
        and check.step in (None, index)
        and _is_amount(check.amount_u, step.amount_u)
        and (cancelled or step.cancel_after_s is None)
    }


def _ordered_u(order: BolusOrder) -> float:
    return order.amount_u if order.planned_u is None else order.planned_u


def _is_amount(wanted_u: float | None, amount_u: float) -> bool:
    return wanted_u is None or abs(amount_u - wanted_u) < SAME_U


def _blank_item(bolus: JudgedBolus) -> Item:
    order = bolus.order
    return Item(
        f"{_ordered_u(order):g} U{', stopped' if order.cut_short else ''}, number {order.index + 1}",
        order.start_s,
        bolus.measured.closed_s if bolus.measured is not None else order.end_s,
        None,
        None,
        amount_u=order.amount_u,
        set_u=order.amount_u,
        measured_u=bolus.measured_u,
        why_not=bolus.why_not,
    )


def absolute_error(bolus: JudgedBolus, item: Item, _view: RunView) -> Item:
    """Return measured less programmed amount, in U."""
    if bolus.measured is None or bolus.measured_u is None:
        return item
    budget = bolus.measured.volume.budget.scaled(1.0 / bolus.ul_per_u, "U")
    numbers = (("ul_per_u", bolus.ul_per_u), ("set_u", bolus.order.amount_u))
    derivation = Derivation(
        "V / ul_per_u - set_u", 1.0 / bolus.ul_per_u, -bolus.order.amount_u, bolus.measured.volume, numbers
    )
    return _with_value(item, bolus.measured_u - bolus.order.amount_u, budget, derivation)


def relative_error(bolus: JudgedBolus, item: Item, _view: RunView) -> Item:
    """Return measured less programmed amount, in % of the programmed amount."""
    if bolus.measured is None or bolus.measured_u is None:
        return item
    amount_u = bolus.order.amount_u
    budget = bolus.measured.volume.budget.scaled(100.0 / (bolus.ul_per_u * amount_u), "%")
    derivation = error_of(bolus.measured.volume, amount_u, bolus.ul_per_u)
    return _with_value(item, 100.0 * (bolus.measured_u / amount_u - 1.0), budget, derivation)


def duration_error(bolus: JudgedBolus, item: Item, view: RunView) -> Item:
    """Return measured less nominal delivery time, in % of the nominal; no value where the noise hides the rise."""
    measured = bolus.measured
    if measured is None or measured.duration_s is None:
        return item
    nominal_s = bolus.order.duration_s
    lag_s = _lag_s(measured, nominal_s, measured.duration_s)
    budget = _duration_budget(bolus, lag_s, view).scaled(100.0 / nominal_s, "%")
    numbers = (("duration_s", measured.duration_s), ("nominal_s", nominal_s))
    derivation = Derivation("100 (duration_s / nominal_s - 1), duration_s = (t90 - t10) / 0.8", numbers=numbers)
    return _with_value(item, 100.0 * (measured.duration_s / nominal_s - 1.0), budget, derivation)


def _lag_s(measured: BolusMeasurement, nominal_s: float, duration_s: float) -> float:
    """Return the lag between plunger and outlet that the tail after the nominal end may speak of, in s.

    Behind a first-order lag tau a share tau / duration comes after the plunger stopped. What a slow but even rise
    leaves after the nominal end is not lag, and taken off.
    """
    slow = 1.0 - nominal_s / max(duration_s + (measured.start_delay_s or 0.0), nominal_s)
    return max((measured.tail_fraction or 0.0) - slow, 0.0) * nominal_s


def duration_budget(bolus: JudgedBolus, view: RunView) -> Budget | None:
    """Return the budget of a measured duration in s; None where the noise hides it."""
    measured = bolus.measured
    if measured is None or measured.duration_s is None:
        return None
    return _duration_budget(bolus, _lag_s(measured, bolus.order.duration_s, measured.duration_s), view)


def start_delay_budget(bolus: JudgedBolus, view: RunView) -> Budget | None:
    """Return the budget of a start delay in s: from the acknowledgement to the first rise that the noise shows.

    The rise stands out only once it has passed the threshold, which takes threshold/slope from its true beginning:
    a bias of unknown size up to that, taken as rectangular over it. None where no delay was seen.
    """
    measured = bolus.measured
    if measured is None or measured.start_delay_s is None:
        return None
    order, dose_u = bolus.order, view.programme.dose_u
    spacing_s, noise_mg, per_s_mg = _rise(bolus, view)
    threshold_mg = max(5.0 * noise_mg, 2.0 * view.chain.balance.resolution_mg)
    width = 1.0 / math.sqrt(12.0)
    dose_s = dose_u / order.amount_u * order.duration_s
    hidden_s = threshold_mg / per_s_mg / math.sqrt(3.0)
    parts = [
        Component("reading interval", spacing_s * width, "s", 1.0, "B", "rectangular"),
        Component(
            "noise at the first rise", noise_mg, "mg", 1.0 / per_s_mg, "A", source="Allan variance of the blanks"
        ),
        Component("dose interval", dose_s * width, "s", 1.0, "B", "rectangular", "dose of the pump's profile"),
        Component("rise below the threshold", hidden_s, "s", 1.0, "B", "rectangular", "5 x noise or 2 digits"),
    ]
    if view.stamp_u_s:
        parts.append(Component("time stamps", view.stamp_u_s, "s", math.sqrt(2.0), source="host latency x speed"))
    return Budget("s", tuple(parts))


def _rise(bolus: JudgedBolus, view: RunView) -> tuple[float, float, float]:
    """Return (reading interval in s, noise of a reading in mg, nominal slope in mg/s) of a bolus."""
    order = bolus.order
    near = view.times_s[slice(*np.searchsorted(view.times_s, (order.start_s, order.end_s)))]
    spacing_s = float(np.median(np.diff(near))) if len(near) > 2 else order.duration_s
    noise_mg = view.chain.noise.reading_mg if view.chain.noise is not None else view.chain.balance.repeatability_mg
    per_s_mg = order.amount_u * view.ul_per_u * 1e-3 * view.chain.liquid.density_kg_per_m3 / order.duration_s
    return spacing_s, noise_mg, per_s_mg


def _duration_budget(bolus: JudgedBolus, lag_s: float, view: RunView) -> Budget:
    """Return the budget of a duration in s; both instants, t10 and t90, carry the same parts.

    An instant lies within one reading interval and one dose interval (rectangular); the noise moves it by
    noise / slope.
    """
    order, dose_u = bolus.order, view.programme.dose_u
    spacing_s, noise_mg, per_s_mg = _rise(bolus, view)
    both = math.sqrt(2.0) / RISE
    width = 1.0 / math.sqrt(12.0)
    parts = [
        Component("reading interval at t10 and t90", spacing_s * width, "s", both, "B", "rectangular"),
        Component("noise at t10 and t90", noise_mg, "mg", both / per_s_mg, "A", source="Allan variance of the blanks"),
        Component(
            "dose interval at t10 and t90",
            dose_u / order.amount_u * order.duration_s * width,
            "s",
            both,
            "B",
            "rectangular",
            "dose of the pump's profile",
        ),
    ]
    parts.append(Component("lag between plunger and outlet", lag_s / math.sqrt(3.0), "s", 1.0, "B", "rectangular"))
    if view.stamp_u_s:
        parts.append(Component("time stamps", view.stamp_u_s, "s", both, source="host latency x speed"))
    return Budget("s", tuple(parts))


def reported_difference(bolus: JudgedBolus, item: Item, _view: RunView) -> Item:
    """Return reported less measured amount, in U; no value where the pump reports none."""
    if bolus.measured is None or bolus.measured_u is None or bolus.report is None:
        return item
    budget = bolus.measured.volume.budget.scaled(1.0 / bolus.ul_per_u, "U")
    if bolus.report.resolution_u:
        step_u = bolus.report.resolution_u / math.sqrt(12.0)
        log = Component("resolution of the pump's log", step_u, "U", 1.0, "B", "rectangular", bolus.report.source)
        budget = budget.with_component(log)
    reported_u = bolus.report.delivered_u
    numbers = (("ul_per_u", bolus.ul_per_u), ("reported_u", reported_u))
    derivation = Derivation(
        "reported_u - V / ul_per_u", -1.0 / bolus.ul_per_u, reported_u, bolus.measured.volume, numbers
    )
    return _with_value(item, reported_u - bolus.measured_u, budget, derivation)


def _with_value(item: Item, value: float, budget: Budget, derivation: Derivation) -> Item:
    return replace(item, value=value, u=budget.combined, budget=budget, derivation=derivation)


def mean_of(measured: Measured) -> Measured:
    """Return the mean of an "each" measure; the pump's own scatter is never in its uncertainty."""
    broken = next((item.why_not for item in measured.items if item.why_not), "")
    if broken:
        raise NotMeasurableError(broken)
    held = [(item.value, item.budget) for item in measured.items if item.value is not None and item.budget is not None]
    if not held:
        raise NotMeasurableError("nothing was measured")
    budget = mean_budget([each for _, each in held])
    value = float(np.mean([value for value, _ in held]))
    amounts = {item.amount_u for item in measured.items}
    item = Item(
        f"mean of {len(held)}",
        measured.from_s,
        measured.to_s,
        value,
        budget.combined,
        budget,
        amount_u=amounts.pop() if len(amounts) == 1 else None,
        derivation=Derivation("mean of the values of its parts", parts=tuple(measured.items)),
    )
    return Measured(measured.from_s, measured.to_s, (item,))
