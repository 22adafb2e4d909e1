"""What the detectors of a judgement saw: findings, never verdicts (design 4.9)."""

from __future__ import annotations

import math
import re

import numpy as np

from rig.judging.boluses import JudgedBolus
from rig.judging.clocks import clock_findings
from rig.judging.evidence import Evidence
from rig.judging.view import RunView
from rig.record.reader import RunRecord
from rig.results import Finding

NOISE_FACTOR = 3.0  # times the stated repeatability: far beyond the scatter of a standard deviation of 180 readings
DRIFT_SIGMAS = 5.0
FROZEN_SHARE = 0.05  # of readings that move by a digit; noise of half a digit moves about every third
DRIFT_SHARE = 0.01  # of the programme's mean rate: a change below it moves no verdict
MISSED_SHARE = 0.5  # of a bolus: less than this with all of U is a delivery that largely did not come
_TORN_TAIL = re.compile(r": the last \d+ bytes ")


def lasting_damage(record: RunRecord) -> tuple[str, ...]:
    """Return the damage that forbids judging: all of it, but for the torn tail of a run that was cut off.

    What came before a torn tail is whole and chained; what is missing after it is missing to every check that needs it.
    """
    forgiven = set()
    for segment in record.segments:
        torn = [text for text in segment.damage if _TORN_TAIL.search(text)]
        if not segment.ended and len(torn) == 1:
            forgiven.add(torn[0])
    return tuple(text for text in record.damage if text not in forgiven)


def collect_findings(evidence: Evidence, view: RunView | None, boluses: tuple[JudgedBolus, ...]) -> tuple[Finding, ...]:
    """Return every finding of a run, those of the record first."""
    found = [Finding("record-damage", text) for text in evidence.record.damage]
    if not evidence.record.ended:
        found.append(Finding("interrupted", "the record has no closing line: the run was cut off"))
    failed = sum(event.name == "reading_failed" for event in evidence.record.events)
    if failed:
        found.append(Finding("readings-failed", f"{failed} readings failed"))
    found += _not_delivered(evidence)
    found += _interruptions(evidence)
    found += _unsettled(evidence)
    found += clock_findings(evidence.record)
    if view is not None:
        found += _blank_findings(view)
        found += [finding for bolus in boluses for finding in _bolus_findings(evidence, bolus)]
    return tuple(found)


def _not_delivered(evidence: Evidence) -> list[Finding]:
    return [
        Finding("bolus-not-delivered", f"a bolus of {event.data['amount_u']:g} U was programmed and not delivered")
        for event in evidence.record.events
        if event.name == "bolus_not_delivered"
    ]


def _interruptions(evidence: Evidence) -> list[Finding]:
    """Return that the run was voided, and each time it was resumed."""
    found = []
    if evidence.void:
        who, why = evidence.void.get("who", "?"), evidence.void.get("why", "?")
        found.append(Finding("void", f"this run was voided by {who}: {why}"))
    for event in evidence.record.events:
        if event.name == "run_resumed":
            data = event.data
            what = "was taken up again at the running pump" if data.get("mode") == "reattach" else "was repeated"
            text = f"the run was interrupted; step {int(data.get('step', 0)) + 1} {what}"
            found.append(Finding("resumed", text + (f" ({data['who']}: {data['why']})" if data.get("why") else "")))
    return found


def _unsettled(evidence: Evidence) -> list[Finding]:
    """Return the deliveries that were begun and whose end the pump did not tell."""
    open_ids: dict[int, str] = {}
    for event in evidence.record.events:
        if event.name != "command" or "id" not in event.data:
            continue
        data = event.data
        if data.get("state") == "intended" and data.get("delivers"):
            open_ids[data["id"]] = f"{data.get('name')} of {data.get('amount_u')} U"
        elif data.get("state") in ("acknowledged", "refused") or (
            data.get("state") == "settled" and data.get("delivered") is not None
        ):
            open_ids.pop(data["id"], None)
    return [
        Finding("delivery-in-flight", f"{what}: begun when the run broke off, and its end is not known")
        for what in open_ids.values()
    ]


def frozen_blank(view: RunView) -> str:
    """Return that a blank's display stood still although its noise should have moved it, or nothing.

    Zero tracking and a frozen display look like this, and either swallows a slow flow. A balance whose last digit is
    coarser than twice its stated repeatability may stand still honestly.
    """
    stated, resolution_mg = view.evidence.bench.balance.uncertainty, view.evidence.bench.balance.resolution_mg
    if resolution_mg > 2.0 * stated.repeatability_mg:
        return ""
    for which, blank in view.blanks.items():
        inside = (view.times_s >= blank.start_s) & (view.times_s <= blank.end_s)
        moves = np.abs(np.diff(view.masses_mg[inside])) > resolution_mg / 2.0
        if len(moves) and moves.mean() < FROZEN_SHARE:
            return (
                f"the display stood still in the blank {which} ({moves.mean():.0%} of its readings moved): "
                "zero tracking is on, or the balance is frozen"
            )
    return ""


def _blank_findings(view: RunView) -> list[Finding]:
    stated_mg = view.evidence.bench.balance.uncertainty.repeatability_mg
    found = []
    frozen = frozen_blank(view)
    if frozen:
        found.append(Finding("display-frozen", frozen))
    for which, blank in view.blanks.items():
        if blank.noise.reading_mg > NOISE_FACTOR * stated_mg > 0:
            text = f"blank {which}: noise of {blank.noise.reading_mg:.3g} mg, stated are {stated_mg:g} mg"
            found.append(Finding("noise", text, blank.start_s, blank.end_s))
    if len(view.blanks) == 2:
        found += _drift(view)
    return found


def _drift(view: RunView) -> list[Finding]:
    before, after = view.blanks["before"], view.blanks["after"]
    change = after.slope_mg_per_h - before.slope_mg_per_h
    u_change = math.hypot(before.u_slope_mg_per_h, after.u_slope_mg_per_h)
    mean_mg_per_h = _mean_rate_mg_per_h(view)
    if abs(change) <= max(DRIFT_SIGMAS * u_change, DRIFT_SHARE * mean_mg_per_h):
        return []
    text = (
        f"the blanks' slopes differ by {change:.3g} mg/h, {abs(change) / u_change:.1f} times what their noise explains"
    )
    return [Finding("blank-drift", text, before.start_s, after.end_s)]


def _mean_rate_mg_per_h(view: RunView) -> float:
    if view.first_s is None or not view.spans or view.spans[-1].end_s <= view.first_s:
        return 0.0
    set_u = view.programme.expected_u(view.first_s, view.spans[-1].end_s)
    hours = (view.spans[-1].end_s - view.first_s) / 3600.0
    return set_u * view.ul_per_u * 1e-3 * view.chain.liquid.density_kg_per_m3 / hours


def _bolus_findings(evidence: Evidence, bolus: JudgedBolus) -> list[Finding]:
    order, report = bolus.order, bolus.report
    at = (order.start_s, order.end_s)
    name = f"bolus of {order.amount_u:g} U at {order.start_s:.0f} s"
    found = []
    if bolus.measured is not None and not bolus.measured.settled:
        found.append(Finding("bolus-not-settled", f"{name}: the flow had not settled when it was closed", *at))
    if bolus.measured_u is not None and bolus.measured_u + 2.0 * (bolus.u_u or 0.0) < MISSED_SHARE * order.amount_u:
        found.append(Finding("bolus-missed", f"{name}: only {bolus.measured_u:.3g} U left the outlet", *at))
    if report is None and evidence.profile.logs("bolus"):
        found.append(Finding("bolus-not-reported", f"{name}: programmed, but not in the pump's log", *at))
    if report is not None and abs(report.delivered_u - order.amount_u) > 1e-9:
        found.append(Finding("bolus-reported-otherwise", f"{name}: the pump reports {report.delivered_u:g} U", *at))
    return found
