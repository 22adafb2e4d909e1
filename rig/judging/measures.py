"""From a check to its measurand: value, uncertainty, budget, and the interval it rests on."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from rig.analysis.basal import DeliveryError
from rig.analysis.intervals import clopper_pearson
from rig.analysis.phase import PhaseUnknownError
from rig.errors import BenchError
from rig.judging.aligned import AlignedError, aligned_hours, best_error, hour_error
from rig.judging.bolus_measures import (
    absolute_error,
    duration_error,
    mean_of,
    measure_boluses,
    relative_error,
    reported_difference,
)
from rig.judging.boluses import JudgedBolus
from rig.judging.electrical import measure_current, measure_low_alarm
from rig.judging.interval import S_PER_H, basal_error, measured_volume, window
from rig.judging.items import Derivation, Item, Measured, NotMeasurableError, amount_of, error_of
from rig.judging.occlusions import OCCLUSIONS, measure_occlusions
from rig.judging.qualification import MEASURES as QUALIFICATION
from rig.judging.suspensions import measure_slopes
from rig.judging.view import RunView, StepSpan
from rig.metrology.volume import VolumeResult
from rig.scenario.model import Check, TempBasalStep
from rig.verdict import COVERAGE_FACTOR

MIN_SEGMENT_S = 60.0  # shorter stretches (between two commands) hold no dose worth judging
HOUR_LIMIT_PCT = 15.0
BOUNDARY_PCT = 1e-9  # a result on the limit counts as within (reference section 4.3)
HourError: TypeAlias = tuple[float, float, DeliveryError]  # from, to in s, and the error between them


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
        "suspend.slope": lambda: measure_slopes(check, view),
        "supply.current_mean": lambda: measure_current(check, view),
        "battery.low_alarm_at": lambda: measure_low_alarm(check, view),
        "bolus.each_error": lambda: measure_boluses(check, view, boluses, relative_error),
        "bolus.each_error_u": lambda: measure_boluses(check, view, boluses, absolute_error),
        "bolus.mean_error": lambda: mean_of(measure_boluses(check, view, boluses, relative_error)),
        "bolus.duration": lambda: measure_boluses(check, view, boluses, duration_error),
        **{name: lambda: measure_occlusions(check, view) for name in OCCLUSIONS},
        "reported.difference": lambda: measure_boluses(check, view, boluses, reported_difference, cancelled=True),
    }
    if check.measure in QUALIFICATION:
        return QUALIFICATION[check.measure](check, view)
    return kinds[check.measure]()


def _item(label: str, best: AlignedError) -> Item:
    error = best.error
    return Item(
        label,
        best.from_s,
        best.to_s,
        error.error_pct,
        error.u_pct,
        error.budget_pct,
        set_u=error.expected_u,
        measured_u=error.delivered_u,
        notes=(*best.notes, *error.notes),
        derivation=None if error.volume is None else error_of(error.volume, error.expected_u, error.ul_per_u),
    )


def _overall(check: Check, view: RunView) -> Measured:
    from_s, to_s = window(check, view)
    best = best_error(view, from_s, to_s)
    return Measured(best.from_s, best.to_s, (_item("", best),))


def _delivered(view: RunView, from_s: float, to_s: float) -> Measured:
    volume = measured_volume(view, from_s, to_s)
    return Measured(from_s, to_s, (_volume_item(view, "", from_s, to_s, volume),))


def _volume_item(view: RunView, label: str, from_s: float, to_s: float, volume: VolumeResult) -> Item:
    budget = volume.budget.scaled(1.0 / view.ul_per_u, "U")
    value = volume.volume_ul / view.ul_per_u
    set_u = view.programme.expected_u(from_s, to_s)
    return Item(
        label,
        from_s,
        to_s,
        value,
        budget.combined,
        budget,
        set_u=set_u,
        measured_u=value,
        notes=volume.notes,
        derivation=amount_of(volume, view.ul_per_u),
    )


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
    return _item(label, best_error(view, from_s, to_s))


def _attempt(label: str, from_s: float, to_s: float, make: Callable[[float, float, str], Item]) -> Item:
    try:
        return make(from_s, to_s, label)
    except BenchError as error:
        return Item(label, from_s, to_s, None, None, why_not=str(error))


def _share_of_hours(check: Check, view: RunView) -> Measured:
    """Return the share of complete hours within 15 %, from the interval's start on.

    Hours hold whole doses where the phase of the doses is known (design 4.10), each of the others stays as on the
    clock, so that none is left out; the share of the fixed hours is noted.
    The balance must not decide for the pump: an hour whose limit lies within its own e +- U counts neither way, and
    widens the Clopper-Pearson interval to what holds with all such hours outside, and with all of them inside.
    """
    from_s, to_s = window(check, view)
    measured_volume(view, from_s, to_s)  # the same refusals as for one value
    hours, notes = _hour_errors(view, from_s, to_s)
    errors = [error for _, _, error in hours]
    count = len(errors)
    sizes = np.array([abs(error.error_pct) for error in errors])
    expanded = np.array([2.0 * error.u_pct for error in errors])
    inside = int(np.count_nonzero(sizes <= HOUR_LIMIT_PCT + BOUNDARY_PCT))
    surely_in = int(np.count_nonzero(sizes + expanded <= HOUR_LIMIT_PCT + BOUNDARY_PCT))
    surely_out = int(np.count_nonzero(sizes - expanded > HOUR_LIMIT_PCT + BOUNDARY_PCT))
    low, high = clopper_pearson(surely_in, count)[0], clopper_pearson(count - surely_out, count)[1]
    open_count = count - surely_in - surely_out
    if open_count:
        notes = (f"{open_count} of {count} hours lie within U of 15 %: the balance cannot place them", *notes)
    parts = tuple(
        _item(f"hour {number}", AlignedError(error, low_s, high_s, None, error.expected_u / view.programme.dose_u))
        for number, (low_s, high_s, error) in enumerate(hours, start=1)
    )
    derivation = Derivation("100 x hours within 15 % / hours", parts=parts)
    value = 100.0 * inside / count
    item = Item(f"{inside} of {count} hours", from_s, to_s, value, None, notes=notes, derivation=derivation)
    return Measured(from_s, to_s, (item,), (100.0 * low, 100.0 * high), _basis(count, surely_in, open_count))


def _basis(count: int, surely_in: int, open_count: int) -> str:
    """Return how a share's interval was widened by hours that the balance cannot place."""
    if not open_count:
        return f"95 % Clopper-Pearson interval of {surely_in} of {count}; every hour could be placed, nothing widened"
    return (
        f"widened: {open_count} of {count} hours could not be placed; from the lower 95 % Clopper-Pearson bound of "
        f"{surely_in} of {count} (all of them outside) to the upper one of {surely_in + open_count} of {count} "
        "(all inside)"
    )


def _hour_errors(view: RunView, from_s: float, to_s: float) -> tuple[list[HourError], tuple[str, ...]]:
    """Return each complete hour with its error, of whole doses where that can be, and what to say of it."""
    count = int((to_s - from_s) / S_PER_H + 1e-9)
    edges = from_s + S_PER_H * np.arange(count + 1)
    if count == 0 or any(view.programme.expected_u(a, b) <= 0 for a, b in pairwise(edges)):
        raise NotMeasurableError("the interval holds no complete hour, or one with nothing programmed")
    fixed = [(float(a), float(b), basal_error(view, float(a), float(b))) for a, b in pairwise(edges)]
    try:
        aligned = aligned_hours(view, from_s, to_s)
    except PhaseUnknownError as unknown:
        return fixed, (f"hours as on the clock, with one dose/sqrt(6) in the budget of each: {unknown.what}",)
    inside = sum(abs(error.error_pct) <= HOUR_LIMIT_PCT + BOUNDARY_PCT for _, _, error in fixed)
    hours = [
        fixed[number] if whole is None else (*whole, hour_error(view, *whole, aligned.interval_s))
        for number, whole in enumerate(aligned.hours)
    ]
    text = f"{len(aligned.whole)} hours of whole doses; as on the clock, {inside} of {count} hours lie within 15 %"
    return hours, ((text, aligned.note) if aligned.note else (text,))


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
    return Measured(spans[0].start_s, spans[-1].end_s, (*items, *_temps_missing(check, view)))


def _temp_item(view: RunView, span: StepSpan) -> Item:
    label, end_s = f"step {span.step + 1}", view.last_weighed_s(span.end_s)
    if not span.complete:
        return Item(label, span.start_s, end_s, None, None, why_not="the run ended within this step")
    return _attempt(label, span.start_s, end_s, lambda a, b, text: _item(text, best_error(view, a, b)))


def _temps_missing(check: Check, view: RunView) -> list[Item]:
    ran = {span.step for span in view.spans}
    return [
        Item(f"step {index + 1}", view.end_s, view.end_s, None, None, why_not="the run ended before this step")
        for index, step in enumerate(view.evidence.scenario.steps)
        if isinstance(step, TempBasalStep)
        and check.step in (None, index)
        and index not in ran
        and (step.rate_u_per_h or step.percent)
    ]


def _suspended(check: Check, view: RunView) -> Measured:
    """Return the suspension whose y +- U lies farthest out (without limits: the largest); all were measured whole."""
    spans = _spans(check, view, "suspend")
    planned = [step.kind for step in view.evidence.scenario.steps].count("suspend") if check.step is None else 1
    if len(spans) < planned or not all(span.complete for span in spans):
        raise NotMeasurableError("the run ended before or within a suspension")
    found = [_delivered(view, *span) for span in suspended_spans(check, view)]
    return max(found, key=lambda each: _farthest_u(check, each.items[0]))


def suspended_spans(check: Check, view: RunView) -> list[tuple[float, float]]:
    """Return the interval of every suspension that a check rests on, whichever of them it shows."""
    return [(span.start_s, view.last_weighed_s(span.end_s)) for span in _spans(check, view, "suspend")]


def _farthest_u(check: Check, item: Item) -> float:
    """Return how far y +- U reaches beyond a check's limits (negative: within), in U; without limits y + U."""
    value = item.value or 0.0
    expanded = 0.0 if check.decision == "simple" else COVERAGE_FACTOR * (item.u or 0.0)
    beyond = [value + expanded - check.upper] if check.upper is not None else []
    beyond += [check.lower - value + expanded] if check.lower is not None else []
    return max(beyond, default=value + expanded)
