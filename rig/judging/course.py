"""The course of a run as a reader sees it: segments, deliveries, gaps and events, of every stretch on one axis."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from rig.errors import BenchError
from rig.judging.boluses import JudgedBolus, Report
from rig.judging.evidence import Evidence
from rig.judging.interval import basal_error, measured_volume
from rig.judging.journal import InFlight, in_flight
from rig.judging.repeated import JudgedStretch
from rig.judging.stretches import Placed, Stretch
from rig.judging.totals import SOURCE, reported_between
from rig.judging.view import RunView
from rig.record.reader import Event
from rig.results import Delivery, Gap

TIMELINE = (
    "armed",
    "suspended",
    "resumed",
    "temp_started",
    "temp_cancelled",
    "profile_written",
    "pattern_selected",
    "clock_set",
    "limit_set",
    "temp_type_set",
    "key_pressed",
    "alarm_seen",
    "alarm_missed",
    "setting_not_restored",
    "bolus_started",
    "bolus_cancelled",
    "bolus_closed",
    "bolus_not_delivered",
    "blank_started",
    "blank_ended",
    "step_started",
    "step_ended",
    "reading_failed",
    "safe_state",
    "run_resumed",
    "delivery_settled",
    "clock_step",
    "link_lost",
    "link_reopened",
    "stalled",
    "stop_requested",
)
MAX_FAILED_READINGS = 50
BASAL_KINDS = ("basal", "profile", "pattern", "temp_basal", "wait", "wait_alarm")


def segment_rows(stretches: Sequence[Stretch]) -> tuple[dict[str, Any], ...]:
    """Return every segment with its place on the axis, how it began and how it ended."""
    return tuple(
        {
            "number": each.segment.number,
            "mode": each.mode,
            "from_s": each.from_s,
            "to_s": each.to_s,
            "end_reason": each.end_reason,
            "boot_id": each.boot_id,
        }
        for stretch in stretches
        for each in stretch.placed
    )


def stretch_rows(judged: Sequence[JudgedStretch]) -> list[dict[str, Any]]:
    """Return what each stretch of an interrupted run was, in order; figures and tables show the last one laid out."""
    latest = max((each.stretch.number for each in judged if each.view is not None), default=0)
    return [
        {
            "number": each.stretch.number,
            "segments": [placed.segment.number for placed in each.stretch.placed],
            "from_s": each.stretch.from_s,
            "to_s": each.stretch.to_s,
            "first_step": each.stretch.first_step,
            "scenario_s": each.stretch.scenario_s,
            "u_place_s": each.stretch.placed[0].u_s,
            "steps": [span.step for span in each.view.spans if span.complete] if each.view is not None else [],
            "shown": each.stretch.number == latest,
            "why_not": each.why,
        }
        for each in judged
    ]


def gaps(judged: Sequence[JudgedStretch], stretches: Sequence[Stretch]) -> tuple[Gap, ...]:
    """Return every interval without readings, with its cause: within stretches, and between them."""
    found = [gap for each in judged if each.view is not None for gap in _gaps(each.view)]
    for before, after in pairwise(stretches):
        reason = before.placed[-1].end_reason
        cause = f"the run broke off ({reason}); step {after.first_step + 1} was repeated from its beginning"
        found.append(Gap(_last_reading_s(before), _first_reading_s(after), "balance", cause))
    return tuple(sorted(found, key=lambda gap: gap.start_s))


def _gaps(view: RunView) -> list[Gap]:
    failed = [(view.seconds(e.at_ns), e) for e in view.record.events if e.name == "reading_failed"]
    found = [Gap(bridge.gap.start_s, bridge.gap.end_s, "balance", bridge.gap.cause) for bridge in view.bridges]
    found += view.room.told_gaps()
    for gap in view.gaps:
        first = next((event for at_s, event in failed if gap.start_s <= at_s <= gap.end_s), None)
        unread = view.quality.told_of(gap.start_s, gap.end_s) or "no reading was taken"
        cause = str(first.data.get("error", "a reading failed")) if first is not None else unread
        explained = next((each for each in view.too_long if each.start_s == gap.start_s), None)
        if explained is not None:
            cause = f"{explained.cause}, longer than the {explained.longest_s:g} s that can be tolerated"
        found.append(Gap(gap.start_s, gap.end_s, "balance", cause))
    return found


def _last_reading_s(stretch: Stretch) -> float:
    times = [
        each.seconds(columns.answered_ns[-1])
        for each in stretch.placed
        for columns in each.segment.weighings.values()
        if columns.answered_ns
    ]
    return max(times, default=stretch.to_s)


def _first_reading_s(stretch: Stretch) -> float:
    times = [
        each.seconds(columns.asked_ns[0])
        for each in stretch.placed
        for columns in each.segment.weighings.values()
        if columns.asked_ns
    ]
    return min(times, default=stretch.from_s)


def deliveries(evidence: Evidence, judged: Sequence[JudgedStretch]) -> tuple[Delivery, ...]:
    """Return every delivery of every stretch, repeated or not, and those that were in flight when the rig broke off."""
    found: list[Delivery] = []
    for each in judged:
        if each.view is None:
            continue
        view = each.view
        open_ones = in_flight(view.record.events, view.started_ns, evidence.profile, evidence.record.events)
        settled = {(item.step, item.index): item for item in open_ones if item.started}
        spans = [span for span in view.spans if span.kind != "bolus"]
        basal = [_basal_delivery(view, span.start_s, view.last_weighed_s(span.end_s), span.kind) for span in spans]
        found += [delivery for delivery in basal if delivery is not None]
        found += [_bolus_delivery(bolus, settled) for bolus in each.boluses]
        found += [_unstarted(item) for item in open_ones if item.delivers and not item.started]
    return tuple(sorted(found, key=lambda delivery: delivery.start_s))


def _basal_delivery(view: RunView, from_s: float, to_s: float, kind: str) -> Delivery | None:
    if kind not in BASAL_KINDS or to_s <= from_s:
        return None
    measured_u, expanded_u = None, None
    try:
        if view.programme.expected_u(from_s, to_s) > 0:
            error = basal_error(view, from_s, to_s)
            measured_u, expanded_u = error.delivered_u, 2.0 * error.budget_u.combined
        else:
            volume = measured_volume(view, from_s, to_s)
            measured_u, expanded_u = volume.volume_ul / view.ul_per_u, 2.0 * volume.u_ul / view.ul_per_u
    except BenchError:
        pass  # the delivery stands without a measured volume; its checks say why
    name = "temp_basal" if kind == "temp_basal" else "basal"
    set_u = view.programme.expected_u(from_s, to_s)
    reported_u = reported_between(view, from_s, to_s) if view.evidence.profile.logs("basal") else None
    step_u = None if reported_u is None else view.evidence.profile.history_amount_step_u
    source = None if reported_u is None else SOURCE
    return Delivery(name, from_s, to_s, set_u, reported_u, step_u, source, measured_u, expanded_u)


def _bolus_delivery(bolus: JudgedBolus, settled: dict[tuple[int, int], InFlight]) -> Delivery:
    report = bolus.report
    open_one = settled.get((bolus.order.step, bolus.order.index))
    if report is None and open_one is not None and open_one.delivered_u is not None:
        report = Report(open_one.delivered_u, None, open_one.by)
    return Delivery(
        "bolus",
        bolus.order.start_s,
        bolus.measured.closed_s if bolus.measured else bolus.order.end_s,
        bolus.order.amount_u,
        report.delivered_u if report else None,
        report.resolution_u if report else None,
        report.source if report else None,
        bolus.measured_u,
        None if bolus.u_u is None else 2.0 * bolus.u_u,
    )


def _unstarted(item: InFlight) -> Delivery:
    """Return a bolus that was sent and never heard of again; what the pump says of it is all there is."""
    source = item.by if item.delivered_u is not None else None
    amount_u = item.amount_u or 0.0
    return Delivery("bolus", item.start_s, item.end_s, amount_u, item.delivered_u, None, source, None, None)


def timeline(stretches: Sequence[Stretch]) -> tuple[dict[str, Any], ...]:
    """Return the events that a reader wants, on the run's axis; where a segment broke off is one of them."""
    placed = [each for stretch in stretches for each in stretch.placed]
    found: list[dict[str, Any]] = []
    failed = 0
    for each in placed:
        for event in each.segment.events:
            failed += event.name == "reading_failed"
            if event.name in TIMELINE and not (event.name == "reading_failed" and failed > MAX_FAILED_READINGS):
                found.append(_row(each, event))
        if each is not placed[-1]:
            detail = str(each.segment.end.get("detail", "no closing line: power cut, kill or crash"))
            data = {"segment": each.segment.number, "reason": each.end_reason, "detail": detail}
            found.append({"at_s": each.to_s, "name": "interrupted", "data": data})
    return tuple(found)


def _row(placed: Placed, event: Event) -> dict[str, Any]:
    return {"at_s": placed.seconds(event.at_ns), "name": event.name, "data": event.data}
