"""From a check to its measurand: value, uncertainty, budget, and the interval it rests on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from rig.analysis.basal import DeliveryError, delivery_error
from rig.analysis.intervals import clopper_pearson
from rig.analysis.series import level_at
from rig.analysis.windows import error_statistics, fixed_windows
from rig.errors import BenchError
from rig.judging.boluses import JudgedBolus
from rig.judging.view import RunView, StepSpan
from rig.metrology.budget import Budget, Component, mean_budget
from rig.metrology.volume import MassChange, VolumeResult, volume_from_mass
from rig.scenario.model import Check

S_PER_H = 3600.0
BASAL_KINDS = ("basal", "profile", "temp_basal", "resume", "wait")
MIN_SEGMENT_S = 60.0  # shorter stretches (between two commands) hold no dose worth judging


class NotMeasurableError(BenchError):
    """The bench, not the pump, broke during the interval that a check needs: INVALID."""


@dataclass(frozen=True, slots=True)
class Item:
    """One value with its uncertainty; ``amount_u`` picks the part of a bolus claim; ``why_not``: not measurable."""

    label: str
    from_s: float
    to_s: float
    value: float | None
    u: float | None
    budget: Budget | None = None
    amount_u: float | None = None
    set_u: float | None = None
    measured_u: float | None = None
    why_not: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """What a check measured: one item, or several for an "each" check; a share carries its interval."""

    from_s: float
    to_s: float
    items: tuple[Item, ...]
    proportion: tuple[int, int] | None = None
    interval_pct: tuple[float, float] | None = None
    notes: tuple[str, ...] = field(default=())


def measure(check: Check, view: RunView, boluses: tuple[JudgedBolus, ...]) -> Measured:
    """Return what ``check`` asks for; raises `NotMeasurableError` when its interval was not measured whole."""
    kinds: dict[str, Callable[[], Measured]] = {
        "basal.overall_error": lambda: _overall(check, view),
        "basal.delivered": lambda: _delivered(view, *window(check, view)),
        "basal.segment_error": lambda: _segments(check, view, zero=False),
        "basal.zero_delivered": lambda: _segments(check, view, zero=True),
        "basal.windows_1h_within_15": lambda: _share_of_hours(check, view),
        "temp_basal.error": lambda: _temp_basals(check, view),
        "suspend.delivered": lambda: _suspended(check, view),
        "bolus.each_error": lambda: _boluses(check, view, boluses, _relative),
        "bolus.each_error_u": lambda: _boluses(check, view, boluses, _absolute),
        "bolus.mean_error": lambda: _mean(_boluses(check, view, boluses, _relative)),
        "bolus.duration": lambda: _boluses(check, view, boluses, _duration),
        "reported.difference": lambda: _boluses(check, view, boluses, _reported),
    }
    return kinds[check.measure]()


def window(check: Check, view: RunView) -> tuple[float, float]:
    """Return the interval of a check in run time; raises `NotMeasurableError` when the run did not reach its end."""
    if view.first_s is None:
        raise NotMeasurableError("nothing was delivered")
    spans = [span for span in view.spans if check.step in (None, span.step)]
    if not spans:
        raise NotMeasurableError("the run ended before its step")
    from_s = spans[0].start_s if check.step is not None else view.first_s
    to_s = spans[-1].end_s
    if check.from_s is not None:
        from_s = view.first_s + check.from_s
    if check.for_s is not None:
        to_s = from_s + check.for_s
        reached_s = view.spans[-1].end_s
        if to_s > reached_s + 1.0:
            raise NotMeasurableError(f"the run ended {to_s - reached_s:.0f} s before the end of the interval")
    elif not spans[-1].complete:
        raise NotMeasurableError("the run ended within the interval")
    return from_s, to_s


def measured_volume(view: RunView, from_s: float, to_s: float) -> VolumeResult:
    """Return the volume that left the outlet; raises `NotMeasurableError` for gaps and lacking blanks."""
    if view.evaporation is None:
        raise NotMeasurableError("no blank: the evaporation is unknown")
    if from_s < view.times_s[0] or to_s > view.times_s[-1] + 1.0:
        raise NotMeasurableError("no readings at an edge of the interval")
    gap = view.gap_in(from_s, to_s)
    if gap is not None:
        raise NotMeasurableError(f"no readings for {gap.duration_s:.0f} s from {gap.start_s:.0f} s on")
    edges = [level_at(view.times_s, view.masses_mg, min(at_s, view.times_s[-1])) for at_s in (from_s, to_s)]
    return volume_from_mass(MassChange(*edges), view.chain, view.air(from_s, to_s))


def basal_error(view: RunView, from_s: float, to_s: float) -> DeliveryError:
    """Return the error of an interval against SET, with the time stamps' share in the budget."""
    expected_u = view.programme.expected_u(from_s, to_s)
    if expected_u <= 0:
        raise NotMeasurableError("nothing was programmed in the interval")
    error = delivery_error(
        measured_volume(view, from_s, to_s), expected_u, dose_u=view.programme.dose_u, ul_per_u=view.ul_per_u
    )
    return _with_stamps(view, error, from_s, to_s)


def _with_stamps(view: RunView, error: DeliveryError, from_s: float, to_s: float) -> DeliveryError:
    if not view.stamp_u_s:
        return error
    rates = [view.programme.rate_at(from_s), view.programme.rate_at(to_s - 1e-6)]
    per_s = math.hypot(*rates) / S_PER_H
    stamps = Component("time stamps of both edges", view.stamp_u_s, "s", per_s, source="host latency x speed")
    budget_u = error.budget_u.with_component(stamps)
    return DeliveryError(
        error.delivered_u,
        error.expected_u,
        error.error_pct,
        budget_u,
        budget_u.scaled(100.0 / error.expected_u, "%"),
        error.notes,
    )


def _item(label: str, from_s: float, to_s: float, error: DeliveryError) -> Item:
    return Item(
        label,
        from_s,
        to_s,
        error.error_pct,
        error.u_pct,
        error.budget_pct,
        set_u=error.expected_u,
        measured_u=error.delivered_u,
        notes=error.notes,
    )


def _overall(check: Check, view: RunView) -> Measured:
    from_s, to_s = window(check, view)
    error = basal_error(view, from_s, to_s)
    return Measured(from_s, to_s, (_item("", from_s, to_s, error),), notes=error.notes)


def _delivered(view: RunView, from_s: float, to_s: float) -> Measured:
    volume = measured_volume(view, from_s, to_s)
    return Measured(from_s, to_s, (_volume_item(view, "", from_s, to_s, volume),), notes=volume.notes)


def _volume_item(view: RunView, label: str, from_s: float, to_s: float, volume: VolumeResult) -> Item:
    budget = volume.budget.scaled(1.0 / view.ul_per_u, "U")
    value = volume.volume_ul / view.ul_per_u
    set_u = view.programme.expected_u(from_s, to_s)
    return Item(label, from_s, to_s, value, budget.combined, budget, set_u=set_u, measured_u=value, notes=volume.notes)


def _segments(check: Check, view: RunView, *, zero: bool) -> Measured:
    from_s, to_s = window(check, view)
    items = []
    for part in view.programme.segments:
        start_s, end_s = max(part.start_s, from_s), min(part.end_s, to_s)
        if end_s - start_s < MIN_SEGMENT_S or (part.rate_u_per_h == 0) is not zero:
            continue
        label = f"{part.rate_u_per_h:g} U/h"
        items.append(_attempt(label, start_s, end_s, lambda a, b, text: _segment(view, text, a, b, zero=zero)))
    if not items:
        raise NotMeasurableError("the interval holds no such segment")
    return Measured(from_s, to_s, tuple(items))


def _segment(view: RunView, label: str, from_s: float, to_s: float, *, zero: bool) -> Item:
    if zero:
        return _volume_item(view, label, from_s, to_s, measured_volume(view, from_s, to_s))
    return _item(label, from_s, to_s, basal_error(view, from_s, to_s))


def _attempt(label: str, from_s: float, to_s: float, make: Callable[[float, float, str], Item]) -> Item:
    try:
        return make(from_s, to_s, label)
    except BenchError as error:
        return Item(label, from_s, to_s, None, None, why_not=str(error))


def _share_of_hours(check: Check, view: RunView) -> Measured:
    from_s, to_s = window(check, view)
    measured_volume(view, from_s, to_s)  # the same refusals as for one value
    hours = fixed_windows(view.times_s, view.volume_u, start_s=from_s, end_s=to_s)
    targets = np.array([view.programme.expected_u(float(at), float(at) + S_PER_H) for at in hours.start_s])
    if not len(targets) or not (targets > 0).all():
        raise NotMeasurableError("the interval holds no complete hour with a programme above zero")
    count = len(targets)
    inside = error_statistics(hours.volume_u, targets).within_count[15]
    low, high = clopper_pearson(inside, count)
    item = Item(f"{inside} of {count} hours", from_s, to_s, 100.0 * inside / count, None)
    return Measured(from_s, to_s, (item,), (inside, count), (100.0 * low, 100.0 * high))


def _spans(check: Check, view: RunView, kind: str) -> list[StepSpan]:
    spans = [span for span in view.spans if span.kind == kind and check.step in (None, span.step)]
    if not spans:
        raise NotMeasurableError(f"the run ended before its {kind} step")
    return spans


def _temp_basals(check: Check, view: RunView) -> Measured:
    spans = [span for span in _spans(check, view, "temp_basal") if view.programme.expected_u(span.start_s, span.end_s)]
    if not spans:
        raise NotMeasurableError("no temporary basal above zero ran")
    items = tuple(_temp_item(view, span) for span in spans)
    return Measured(spans[0].start_s, spans[-1].end_s, items)


def _temp_item(view: RunView, span: StepSpan) -> Item:
    label = f"step {span.step + 1}"
    if not span.complete:
        return Item(label, span.start_s, span.end_s, None, None, why_not="the run ended within this step")
    return _attempt(label, span.start_s, span.end_s, lambda a, b, text: _item(text, a, b, basal_error(view, a, b)))


def _suspended(check: Check, view: RunView) -> Measured:
    span = _spans(check, view, "suspend")[0]
    if not span.complete:
        raise NotMeasurableError("the run ended within the suspension")
    return _delivered(view, span.start_s, span.end_s)


def _boluses(
    check: Check, view: RunView, boluses: tuple[JudgedBolus, ...], make: Callable[[JudgedBolus, Item, Check], Item]
) -> Measured:
    chosen = [
        bolus
        for bolus in boluses
        if check.step in (None, bolus.order.step)
        and (check.amount_u is None or abs(bolus.order.amount_u - check.amount_u) < 1e-9)
    ]
    planned = _planned(check, view)
    if not chosen:
        raise NotMeasurableError("the run ended before its boluses")
    items = [make(bolus, _bolus_item(bolus), check) for bolus in chosen]
    if len(chosen) < planned:
        text = f"{planned - len(chosen)} of {planned} boluses were not delivered before the run ended"
        items.append(Item("missing", view.end_s, view.end_s, None, None, why_not=text))
    return Measured(items[0].from_s, items[len(chosen) - 1].to_s, tuple(items))


def _planned(check: Check, view: RunView) -> int:
    return sum(
        int(getattr(step, "repeat", 0))
        for index, step in enumerate(view.evidence.scenario.steps)
        if step.kind == "bolus"
        and check.step in (None, index)
        and (check.amount_u is None or abs(getattr(step, "amount_u", 0.0) - check.amount_u) < 1e-9)
    )


def _bolus_item(bolus: JudgedBolus) -> Item:
    order = bolus.order
    end_s = bolus.measured.closed_s if bolus.measured is not None else order.end_s
    return Item(
        f"{order.amount_u:g} U, number {order.index + 1}",
        order.start_s,
        end_s,
        None,
        None,
        amount_u=order.amount_u,
        set_u=order.amount_u,
        measured_u=bolus.measured_u,
        why_not=bolus.why_not,
    )


def _with_value(item: Item, value: float | None, u: float | None, budget: Budget | None, why_not: str = "") -> Item:
    return Item(
        item.label,
        item.from_s,
        item.to_s,
        value,
        u,
        budget,
        item.amount_u,
        item.set_u,
        item.measured_u,
        item.why_not or why_not,
        item.notes,
    )


def _absolute(bolus: JudgedBolus, item: Item, _check: Check) -> Item:
    if bolus.measured is None or bolus.measured_u is None:
        return item
    budget = bolus.measured.volume.budget.scaled(1.0 / bolus.ul_per_u, "U")
    return _with_value(item, bolus.measured_u - bolus.order.amount_u, budget.combined, budget)


def _relative(bolus: JudgedBolus, item: Item, _check: Check) -> Item:
    if bolus.measured is None or bolus.measured_u is None:
        return item
    amount_u = bolus.order.amount_u
    budget = bolus.measured.volume.budget.scaled(100.0 / (bolus.ul_per_u * amount_u), "%")
    return _with_value(item, 100.0 * (bolus.measured_u / amount_u - 1.0), budget.combined, budget)


def _duration(bolus: JudgedBolus, item: Item, _check: Check) -> Item:
    if bolus.measured is None:
        return item
    duration_s = bolus.measured.duration_s
    if duration_s is None:
        return item  # the noise hides it: nothing is known, which is not the bench being broken
    return _with_value(item, 100.0 * (duration_s / bolus.order.duration_s - 1.0), None, None)


def _reported(bolus: JudgedBolus, item: Item, _check: Check) -> Item:
    if bolus.measured is None or bolus.measured_u is None:
        return item
    if bolus.report is None:
        return item
    budget = bolus.measured.volume.budget.scaled(1.0 / bolus.ul_per_u, "U")
    if bolus.report.resolution_u:
        step = Component(
            "resolution of the pump's log",
            bolus.report.resolution_u / np.sqrt(12.0),
            "U",
            1.0,
            "B",
            "rectangular",
            bolus.report.source,
        )
        budget = budget.with_component(step)
    return _with_value(item, bolus.report.delivered_u - bolus.measured_u, budget.combined, budget)


def _mean(measured: Measured) -> Measured:
    """Return the mean of an "each" measure; the pump's own scatter is never in its uncertainty."""
    broken = next((item.why_not for item in measured.items if item.why_not), "")
    if broken:
        raise NotMeasurableError(broken)
    held = [(item.value, item.budget) for item in measured.items if item.value is not None and item.budget is not None]
    if not held:
        raise NotMeasurableError("nothing was measured")
    budget = mean_budget([each for _, each in held])
    value = float(np.mean([value for value, _ in held]))
    label = f"mean of {len(held)}"
    item = Item(label, measured.from_s, measured.to_s, value, budget.combined, budget)
    return Measured(measured.from_s, measured.to_s, (item,))
