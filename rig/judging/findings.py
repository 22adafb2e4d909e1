"""What the detectors of a judgement saw: findings, never verdicts (design 4.9)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise

from rig.judging.basal_extras import estimator_findings
from rig.judging.boluses import JudgedBolus
from rig.judging.dose_tables import dose_findings
from rig.judging.electrical import electrical_findings
from rig.judging.evidence import Evidence
from rig.judging.frozen import frozen_blank
from rig.judging.journal import in_flight
from rig.judging.occlusions import occlusion_findings
from rig.judging.pump_settings import alarm_findings, setting_findings
from rig.judging.quality_tables import quality_findings
from rig.judging.repeated import JudgedStretch, voided_by
from rig.judging.stretches import place, resumption, segments_of
from rig.judging.suspensions import suspension_findings
from rig.judging.unsteady import moved_level_findings
from rig.judging.view import RunView
from rig.record.reader import RunRecord
from rig.results import Finding

NOISE_FACTOR = 3.0  # times the stated repeatability: far beyond the scatter of a standard deviation of 180 readings
DRIFT_SIGMAS = 5.0
DRIFT_SHARE = 0.01  # of the programme's mean rate: a change below it moves no verdict
CANCEL_S = 2.0  # between a suspend that stops a bolus and its acknowledgement
NEAR_S = 10.0  # two detectors may place the same rise some readings apart
UNPROGRAMMED = ("reported-not-set", "measured-not-set", "measured-not-reported", "bolus-excess")
_TORN_TAIL = re.compile(r": the last \d+ bytes ")


def lasting_damage(record: RunRecord) -> tuple[str, ...]:
    """Return the damage that forbids judging: all of it, but for the torn tail of a segment that was cut off.

    What came before a torn tail is whole and chained; what is missing after it is missing to every check that needs it.
    """
    forgiven: set[str] = set()
    for segment in segments_of(record):
        torn = [text for text in segment.damage if _TORN_TAIL.search(text)]
        if not segment.ended and len(torn) == 1:
            forgiven.update(torn)
    return tuple(text for text in record.damage if text not in forgiven)


def collect_findings(evidence: Evidence, judged: Sequence[JudgedStretch]) -> tuple[Finding, ...]:
    """Return every finding of a run, those of the record first, then those of each of its stretches."""
    found = [Finding("record-damage", text) for text in evidence.record.damage]
    if evidence.void:
        found.append(Finding("void", f"the run was {voided_by(evidence)}"))
    found += _interruptions(evidence.record)
    failed = sum(event.name == "reading_failed" for event in evidence.record.events)
    if failed:
        found.append(Finding("readings-failed", f"{failed} readings failed"))
    found += _not_delivered(evidence)
    found += [*alarm_findings(evidence.record.events), *setting_findings(evidence.record.events)]
    for each in judged:
        if each.view is None:
            continue
        found += [*each.view.room.findings, *_blank_findings(each.view)]
        found += _shifts(each.view)
        found += electrical_findings(each.view)
        found += [*suspension_findings(each.view), *moved_level_findings(each.view)]
        found += occlusion_findings(each.view)
        found += [*dose_findings(each.view), *estimator_findings(each.view)]
        events = each.truths.findings if each.truths is not None else ()
        found += [one for one in quality_findings(each.view, each.boluses) if not _told(one, events)]
        found += _open_deliveries(evidence, each.view)
        dose_u = max(each.view.programme.dose_u, evidence.profile.history_amount_step_u)
        found += [finding for bolus in each.boluses for finding in _bolus_findings(bolus, dose_u)]
        found += events
    return tuple(found)


def _told(step: Finding, events: Sequence[Finding]) -> bool:
    """Whether a rise that nobody programmed is told already as an event of one of the three truths."""
    if step.id != "unscheduled-step" or step.from_s is None or step.to_s is None:
        return False
    spans = [(each.from_s, each.to_s) for each in events if each.id in UNPROGRAMMED]
    from_s, to_s = step.from_s - NEAR_S, step.to_s + NEAR_S
    return any(low is not None and high is not None and low <= to_s and high >= from_s for low, high in spans)


def _interruptions(record: RunRecord) -> list[Finding]:
    """Return where each segment broke off, and how the run went on."""
    placed = place(record)
    found = []
    for before, after in pairwise(placed):
        resumed = resumption(after.segment)
        data = resumed.data if resumed is not None else {}
        step = int(data.get("step") or 0) + 1
        how = "was taken up again at the running pump" if after.mode == "reattach" else "was repeated"
        who = f" ({data['who']}: {data.get('why', '')})" if data.get("who") else ""
        text = f"segment {before.segment.number} broke off ({before.end_reason}); step {step} {how}{who}"
        found.append(Finding("resumed", text, before.to_s, after.from_s))
    if not record.ended:
        found.append(Finding("interrupted", "the record has no closing line: the run was cut off"))
    return found


def _shifts(view: RunView) -> list[Finding]:
    found = []
    for bridge in view.bridges:
        if bridge.departure is not None and bridge.shifted:
            shift = bridge.departure
            text = (
                f"the level after the reading gap of {bridge.gap.duration_s:.0f} s departs by "
                f"{shift.departure_mg:+.3g} mg from its extrapolation (u = {shift.u_mg:.3g} mg): "
                "something happened that nobody saw"
            )
            found.append(Finding("shift-in-gap", text, bridge.gap.start_s, bridge.gap.end_s))
    return found


def _open_deliveries(evidence: Evidence, view: RunView) -> list[Finding]:
    """Return what was in flight when the rig broke off, with what the pump said of it afterwards."""
    return [
        Finding("delivery-in-flight" if each.delivers else "command-in-flight", each.text, each.start_s, each.end_s)
        for each in in_flight(view.record.events, view.started_ns, evidence.profile, evidence.record.events)
    ]


def _not_delivered(evidence: Evidence) -> list[Finding]:
    return [
        Finding("bolus-not-delivered", f"a bolus of {event.data['amount_u']:g} U was programmed and not delivered")
        for event in evidence.record.events
        if event.name == "bolus_not_delivered"
    ]


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


def _bolus_findings(bolus: JudgedBolus, dose_u: float) -> list[Finding]:
    """Return what a bolus shows; one that was stopped may be a dose, and what ran meanwhile, from what was due then."""
    order, report = bolus.order, bolus.report
    at = (order.start_s, order.end_s)
    name = f"bolus of {order.amount_u:g} U at {order.start_s:.0f} s"
    found = []
    if bolus.measured is not None and not bolus.measured.settled:
        found.append(Finding("bolus-not-settled", f"{name}: the flow had not settled when it was closed", *at))
    slack_u = dose_u + CANCEL_S * order.amount_u / max(order.duration_s, CANCEL_S) if order.cut_short else 0.0
    if report is not None and abs(report.delivered_u - order.amount_u) > slack_u + 1e-9:
        found.append(Finding("bolus-reported-otherwise", f"{name}: the pump reports {report.delivered_u:g} U", *at))
    return found
