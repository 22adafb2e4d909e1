"""The log of an occlusion test: the document of ``rig.analysis.occlusion_document`` for anybody's weighing log."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from rig.analysis.occlusion import OcclusionInstants, OcclusionSetting
from rig.analysis.occlusion_document import OcclusionExtras, occlusion_document
from rig.analysis.quality import Span, find_gaps
from rig.errors import BenchError, UsageError
from rig.metrology.budget import rectangular
from rig.metrology.checks import FloatArray
from rig.metrology.volume import WeighingChain
from rig.results import Outcome
from rig.weighing_log.basal import reading_notes
from rig.weighing_log.budget import budget_notes
from rig.weighing_log.budget_file import LogBudget
from rig.weighing_log.chain import air_of, chain_of
from rig.weighing_log.method import Method, insulin_u, log_json, method_for
from rig.weighing_log.occlusion_request import OcclusionRequest
from rig.weighing_log.read import WeighingLog
from rig.weighing_log.request import Request

HOUR_S = 3600.0
LONGEST_GAP_S = 60.0  # the slope over which a release is judged to have ended
GAP_INTERVALS = 5.0  # and for slow logs so many times their usual interval
MOST_POINTS = 4000
BASELINE_S = 10.0
ALARM_PRESSURE_ALONE = (
    "--alarm-pressure without '+- HALF WIDTH': no uncertainty for the compliance and what follows from it"
)
STOPPED = "no --after: the pump counts as stopped from the alarm on"


def analyse_occlusions(
    log: WeighingLog, request: Request, asked: OcclusionRequest, budget: LogBudget | None = None
) -> dict[str, Any]:
    """Return the document of the log of an occlusion test.

    Without ``budget`` every value stands and every uncertainty is null. ``UsageError``: events that are not within the
    record, none that closes a clamp, no readings where a level is needed, two doses that disagree.
    """
    rate = request.rate_u_per_h
    if rate is None:
        raise UsageError("an occlusion test without its rate", expected="--basal RATE")
    method = method_for(log, request)
    closed = _closed(log, asked)
    chain = chain_of(log, method, budget, closed)
    setting = _setting(rate, method, asked, budget, closed)
    extras = OcclusionExtras(alarm_pressure=asked.alarm_pressure, predict_u_per_h=asked.predict_u_per_h)
    try:
        found = occlusion_document(
            log.times_s, log.masses_mg, asked.events, setting, chain, air_of(method, budget), extras
        )
    except BenchError as error:  # a log is a file that somebody gives us: no readings there is a file of no use
        hint = error.hint or "readings before the closing, before the alarm and on both sides of the opening"
        raise UsageError(error.what, where=error.where or log.file, expected=error.expected, hint=hint) from None
    except UsageError as error:
        where = error.where or asked.events.name
        raise UsageError(error.what, where=where, expected=error.expected, hint=error.hint) from None
    gaps = _gaps(log.times_s, closed)
    broken = [gap for gap in gaps if _in_release(gap, found["occlusions"])]
    notes = [
        *found.pop("notes"),
        *method.notes,
        *reading_notes(log, method),
        *_gap_notes(gaps, broken),
        *_notes(log, asked, setting, chain, budget),
        *([f"{', '.join(request.unused)}: not used for an occlusion test"] if request.unused else []),
    ]
    if budget is None:
        found = without_uncertainty(found)
    elif asked.alarm_half_width_kpa is None:
        for item in found["occlusions"]:
            item.update({key: without_uncertainty(item[key]) for key in ("compliance", "set_resistance")})
    return found | {
        "outcome": (Outcome.INVALID if broken else Outcome.REPORT_ONLY).value,
        "why": _why(broken),
        "gaps": [{"start_s": gap.start_s, "end_s": gap.end_s, "in_release": gap in broken} for gap in gaps],
        "notes": list(dict.fromkeys(notes)),
        "method": _method(rate, asked, setting, chain) | method.to_json(),
        "log": log_json(log),
    }


def without_uncertainty(found: Any) -> Any:
    """Return a document with every uncertainty, budget and bound null: nobody stated what they would rest on."""
    if isinstance(found, list):
        return [without_uncertainty(item) for item in found]
    if not isinstance(found, dict):
        return found
    unknown = ("expanded_uncertainty", "budget", "lower_s", "upper_s")
    return {key: None if key in unknown else without_uncertainty(value) for key, value in found.items()}


def occlusion_curves(log: WeighingLog, request: Request, asked: OcclusionRequest, document: Any) -> dict[str, Any]:
    """Return, for each occlusion, measured less programmed insulin in U over s from the closing, for its figure.

    Programmed runs until the alarm (or the opening), and at ``--after`` from the opening on: the curve falls by what is
    missed and rises by what is released. ``release``: the same around the opening, with every reading.
    """
    volume = insulin_u(log, method_for(log, request))
    return {
        "occlusions": [
            _curve(log.times_s, volume, item, found, request.rate_u_per_h or 0.0, asked.after_u_per_h or 0.0)
            for item, found in zip(_closed(log, asked), document["occlusions"], strict=True)
        ]
    }


def _curve(
    times: FloatArray, volume: FloatArray, item: OcclusionInstants, found: Any, rate: float, after: float
) -> dict[str, Any]:
    """Return one occlusion's curve."""
    opened_s = item.opened_s if item.opened_s is not None else math.inf
    end_s = found["collected_until_s"] if found["collected_until_s"] is not None else item.end_s
    margin_s = max(0.1 * (end_s - item.closed_s), 3.0 * BASELINE_S)
    first = int(np.searchsorted(times, max(item.from_s, item.closed_s - margin_s)))
    last = int(np.searchsorted(times, min(item.to_s, end_s + margin_s), side="right"))
    t, u = times[first:last], volume[first:last]
    programmed = rate * (np.minimum(t, item.end_s) - item.closed_s) + after * np.maximum(t - opened_s, 0.0)
    less = u - programmed / HOUR_S
    before = (t < item.closed_s) & (t >= item.closed_s - BASELINE_S)
    less -= float(less[before].mean()) if before.any() else float(less[np.searchsorted(t, item.closed_s) - 1])
    near = slice(0, 0)
    if item.opened_s is not None:
        edges = (opened_s - 2.0 * BASELINE_S, opened_s + 1.6 * (end_s - opened_s))
        near = slice(*(int(index) for index in np.searchsorted(t, edges)))
    return {
        **_points(t - item.closed_s, less),
        "release": None if item.opened_s is None else _points(t[near] - opened_s, less[near]),
        "alarm_s": None if item.alarm_s is None else item.alarm_s - item.closed_s,
        "opened_s": None if item.opened_s is None else item.opened_s - item.closed_s,
        "collected_s": None if item.opened_s is None else end_s - item.opened_s,
    }


def _points(t: FloatArray, u: FloatArray) -> dict[str, list[float]]:
    """Return a curve of a few thousand points at most."""
    step = max(1, -(-t.size // MOST_POINTS))
    return {"t_s": t[::step].tolist(), "difference_u": u[::step].tolist()}


def _closed(log: WeighingLog, asked: OcclusionRequest) -> tuple[OcclusionInstants, ...]:
    """Return the occlusions within the record; ``UsageError`` for none, or one that needs ``--after``."""
    found = asked.events.occlusions(float(log.times_s[0]), float(log.times_s[-1]))
    if not found:
        raise UsageError("no occlusion", where=asked.events.name, expected="an event 'closed'")
    for item in found:
        if item.alarm_s is None and asked.after_u_per_h is None:
            raise UsageError(
                f"no alarm stopped the pump after the closing at {item.closed_s:.10g} s: what it delivered from the "
                "opening on is not known",
                where=asked.events.name,
                expected="--after RATE, what was programmed from the opening on",
                hint="--after '0 U/h' for a pump that was stopped",
            )
    return found


def _setting(
    rate: float,
    method: Method,
    asked: OcclusionRequest,
    budget: LogBudget | None,
    closed: Sequence[OcclusionInstants],
) -> OcclusionSetting:
    """Return what was programmed; the clock of a budget file moves the time stamps apart, over the longest test."""
    in_budget = budget.pump.dose_u if budget and budget.pump else None
    if asked.dose_u is not None and in_budget is not None and asked.dose_u != in_budget:
        raise UsageError(
            f"--dose says {asked.dose_u:g} U, [pump] dose_u of the budget file {in_budget:g} U",
            expected="one of them, or the same in both",
        )
    longest_s = max(item.end_s - item.closed_s for item in closed)
    ppm = budget.clock.half_width_ppm if budget and budget.clock else 0.0
    u_clock_s = rectangular(ppm * 1e-6 * longest_s) / math.sqrt(2.0)
    return OcclusionSetting(
        rate,
        dose_u=asked.dose_u if asked.dose_u is not None else in_budget or 0.0,
        ul_per_u=method.ul_per_u,
        rate_after_u_per_h=asked.after_u_per_h or 0.0,
        alarm_poll_s=asked.alarm_poll_s or 0.0,
        u_stamp_s=math.hypot(rectangular(asked.stamps_s or 0.0), u_clock_s),
    )


def _method(rate: float, asked: OcclusionRequest, setting: OcclusionSetting, chain: WeighingChain) -> dict[str, Any]:
    """Return what was stated of the test, and the balance that the end of a release was judged with."""
    return {
        "rate_u_per_h": rate,
        "events": asked.events.name,
        "dose_u": setting.dose_u or None,
        "alarm_poll_s": asked.alarm_poll_s,
        "stamps_s": asked.stamps_s,
        "after_u_per_h": asked.after_u_per_h,
        "alarm_pressure_kpa": asked.alarm_kpa,
        "alarm_pressure_half_width_kpa": asked.alarm_half_width_kpa,
        "repeatability_mg": chain.balance.repeatability_mg,
        "resolution_mg": chain.balance.resolution_mg,
        "balance_source": chain.balance.source,
    }


def _gaps(times: FloatArray, closed: Sequence[OcclusionInstants]) -> tuple[Span, ...]:
    """Return where readings are missing for long, from the first closing on."""
    longest_s = max(LONGEST_GAP_S, GAP_INTERVALS * float(np.median(np.diff(times))))
    return find_gaps(times, longest_s, start_s=closed[0].closed_s)


def _in_release(gap: Span, occlusions: Sequence[dict[str, Any]]) -> bool:
    """Return whether a gap lies between an opening and the end of its collection."""
    return any(
        gap.end_s > item["opened_s"] and gap.start_s < item["collected_until_s"]
        for item in occlusions
        if item["opened_s"] is not None
    )


def _why(broken: Sequence[Span]) -> str:
    if not broken:
        return "a weighing log names no limit: nothing is decided"
    first = broken[0]
    return (
        f"{len(broken)} gap(s) while a release was collected, the first from time_s {first.start_s:.10g} to "
        f"{first.end_s:.10g}: when it ended is not known"
    )


def _gap_notes(gaps: Sequence[Span], broken: Sequence[Span]) -> list[str]:
    """Return what to say about gaps that decide nothing."""
    others = [gap for gap in gaps if gap not in broken]
    if not others:
        return []
    first = others[0]
    told = f"time_s {first.start_s:.10g} to {first.end_s:.10g}"
    return [f"{len(others)} gap(s) outside the releases, the first from {told}; levels are taken from what is there"]


def _notes(
    log: WeighingLog,
    asked: OcclusionRequest,
    setting: OcclusionSetting,
    chain: WeighingChain,
    budget: LogBudget | None,
) -> list[str]:
    """Return what a reader has to know about the assumptions and the uncertainty, or that there is none."""
    stopped = [STOPPED] if asked.after_u_per_h is None else []
    if budget is None:
        return [
            *stopped,
            "no budget was given: the values stand, and no uncertainty is stated",
            (
                "the end of a release was judged with the noise of the readings under the closed clamp, "
                f"{chain.balance.repeatability_mg:.2g} mg, and a last digit of {chain.balance.resolution_mg:.3g} mg"
            ),
        ]
    missing = [
        told
        for told, known in (
            ("--dose (the edge of a dose)", setting.dose_u > 0.0),
            ("--alarm-poll (the age of the alarm when it was seen)", asked.alarm_poll_s is not None),
            ("--stamps (how far the times of the events may be off)", asked.stamps_s is not None),
        )
        if not known
    ]
    notes = [*stopped, *budget_notes(log, budget, basal=False)]
    if missing:
        notes.append(f"not stated, and not in the uncertainty: {', '.join(missing)}")
    if asked.alarm_kpa is not None and asked.alarm_half_width_kpa is None:
        notes.append(ALARM_PRESSURE_ALONE)
    return notes
