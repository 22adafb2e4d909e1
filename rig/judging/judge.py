"""Judge a stored run: evidence in, `Result` out. Needs no bench, and gives the same result years later."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rig.errors import BenchError
from rig.judging.boluses import JudgedBolus, judge_boluses
from rig.judging.checks import judge_checks
from rig.judging.curves import curves
from rig.judging.evidence import Evidence, read_evidence
from rig.judging.measures import basal_error, measured_volume
from rig.judging.tables import analysis
from rig.judging.view import RunView, lay_out, started_ns
from rig.record.reader import Event
from rig.results import CheckResult, Delivery, Finding, Gap, Outcome, Result
from rig.verdict import overall

TIMELINE = (
    "armed",
    "suspended",
    "resumed",
    "temp_started",
    "temp_cancelled",
    "profile_written",
    "bolus_started",
    "bolus_closed",
    "bolus_not_delivered",
    "blank_started",
    "blank_ended",
    "step_started",
    "step_ended",
    "reading_failed",
    "safe_state",
)
MAX_FAILED_READINGS = 50


def judge(folder: Path) -> Result:
    """Judge the run in ``folder`` from its evidence alone."""
    return judge_evidence(read_evidence(folder))


def judge_evidence(evidence: Evidence) -> Result:
    """Return the result of a run; a run that cannot be measured has every check INVALID, with the reason."""
    record, scenario = evidence.record, evidence.scenario
    view: RunView | None = None
    boluses: tuple[JudgedBolus, ...] = ()
    why = _forbidden(evidence)
    if not why:
        try:
            view = lay_out(evidence)
            boluses = judge_boluses(view)
        except BenchError as error:
            view, why = None, str(error)
    checks = judge_checks(scenario.checks, view, boluses, evidence.profile, why)
    end_reason = str(record.end.get("reason", "interrupted"))
    return Result(
        run_id=str(record.header.get("run_id", record.folder.name)),
        scenario=scenario.id,
        title=scenario.title,
        evidence=str(record.header.get("evidence", "simulated")),
        outcome=_outcome(checks, end_reason),
        end_reason=end_reason,
        started_utc=str(record.header.get("started_utc", "")),
        ended_utc=record.end.get("ended_utc"),
        tool=dict(record.header.get("tool", {})),
        bench=_bench(evidence),
        pump=_pump(record.events),
        checks=checks,
        deliveries=_deliveries(view, boluses) if view else (),
        gaps=tuple(Gap(gap.start_s, gap.end_s, "balance", "no valid reading") for gap in view.gaps) if view else (),
        events=_timeline(evidence),
        deviations=(),
        findings=_findings(evidence, view, boluses),
        analysis=analysis(view, boluses) if view else {},
        curves=curves(view, boluses) if view else {},
    )


def _outcome(checks: tuple[CheckResult, ...], end_reason: str) -> Outcome:
    """Return the run's outcome: a run that broke off cannot be better than INVALID, unless a valid FAIL stands."""
    outcome = overall(check.outcome for check in checks)
    if end_reason not in ("completed", "aborted") and outcome is not Outcome.FAIL:
        return Outcome.INVALID
    return outcome


def _forbidden(evidence: Evidence) -> str:
    """Return why nothing of this run may be judged, or nothing: damage to the record, an expired certificate."""
    record = evidence.record
    if record.damage:
        return f"the record is damaged: {record.damage[0]}"
    due = evidence.bench.calibration_due
    ended = str(record.end.get("ended_utc") or record.header.get("started_utc") or "")
    day = datetime.fromisoformat(ended).date() if ended else datetime.now(UTC).date()
    if day > due:
        return f"the balance's certificate expired on {due.isoformat()}, before the run ended"
    return ""


def _bench(evidence: Evidence) -> dict[str, Any]:
    bench, header = evidence.bench, evidence.record.header
    return {
        "name": bench.name,
        "title": bench.title,
        "kind": bench.kind,
        "faults": header.get("bench", {}).get("faults", []),
        "why_simulated": header.get("why_simulated", []),
        "clock": header.get("clock", {}),
        "balance": {
            **_armed(evidence.record.events).get("balance", {}),
            "resolution_mg": bench.balance.resolution_mg,
            "certificate": bench.balance.calibration.certificate,
            "calibration_due": bench.balance.calibration.due.isoformat(),
        },
        "vessel": {
            "inner_diameter_mm": bench.vessel.inner_diameter_mm,
            "load_cm3": bench.vessel.load_cm3,
            "liquid": bench.vessel.liquid,
        },
        "tube": {"outer_diameter_mm": bench.tube.outer_diameter_mm},
        "safe_state": evidence.record.end.get("safe", {}),
        "record_head_sha256": evidence.record.head_sha256,
    }


def _armed(events: tuple[Event, ...]) -> dict[str, Any]:
    return next((event.data for event in events if event.name == "armed"), {})


def _pump(events: tuple[Event, ...]) -> dict[str, Any]:
    unknown = {"model": None, "serial": None, "firmware": None}
    return unknown | dict(_armed(events).get("pump", {}))


def _deliveries(view: RunView, boluses: tuple[JudgedBolus, ...]) -> tuple[Delivery, ...]:
    found = [_basal_delivery(view, span.start_s, span.end_s, span.kind) for span in view.spans if span.kind != "bolus"]
    found += [_bolus_delivery(bolus) for bolus in boluses]
    return tuple(sorted((each for each in found if each is not None), key=lambda each: each.start_s))


def _basal_delivery(view: RunView, from_s: float, to_s: float, kind: str) -> Delivery | None:
    if kind not in ("basal", "profile", "temp_basal", "wait") or to_s <= from_s:
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
    return Delivery(name, from_s, to_s, set_u, None, None, None, measured_u, expanded_u)


def _bolus_delivery(bolus: JudgedBolus) -> Delivery:
    report = bolus.report
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


def _timeline(evidence: Evidence) -> tuple[dict[str, Any], ...]:
    origin_ns = started_ns(evidence.record)
    failed = 0
    found = []
    for event in evidence.record.events:
        if event.name not in TIMELINE:
            continue
        failed += event.name == "reading_failed"
        if event.name == "reading_failed" and failed > MAX_FAILED_READINGS:
            continue
        found.append({"at_s": (event.at_ns - origin_ns) / 1e9, "name": event.name, "data": event.data})
    return tuple(found)


def _findings(evidence: Evidence, view: RunView | None, boluses: tuple[JudgedBolus, ...]) -> tuple[Finding, ...]:
    found = [Finding("record-damage", text) for text in evidence.record.damage]
    if not evidence.record.ended:
        found.append(Finding("interrupted", "the record has no closing line: the run was cut off"))
    failed = sum(event.name == "reading_failed" for event in evidence.record.events)
    if failed:
        found.append(Finding("readings-failed", f"{failed} readings failed and were bridged"))
    if view is not None:
        found += _bolus_findings(evidence, boluses)
    return tuple(found)


def _bolus_findings(evidence: Evidence, boluses: tuple[JudgedBolus, ...]) -> list[Finding]:
    found = []
    for bolus in boluses:
        at = (bolus.order.start_s, bolus.order.end_s)
        name = f"bolus of {bolus.order.amount_u:g} U at {bolus.order.start_s:.0f} s"
        if bolus.measured is not None and not bolus.measured.settled:
            found.append(Finding("bolus-not-settled", f"{name}: the flow had not settled when it was closed", *at))
        if bolus.report is None and evidence.profile.logs("bolus"):
            found.append(Finding("bolus-not-reported", f"{name}: delivered, but not in the pump's log", *at))
        if bolus.report is not None and abs(bolus.report.delivered_u - bolus.order.amount_u) > 1e-9:
            text = f"{name}: the pump reports {bolus.report.delivered_u:g} U"
            found.append(Finding("bolus-reported-otherwise", text, *at))
    for event in evidence.record.events:
        if event.name == "bolus_not_delivered":
            text = f"a bolus of {event.data['amount_u']:g} U was programmed and not delivered"
            found.append(Finding("bolus-not-delivered", text))
    return found
