"""Judge a stored run: evidence in, `Result` out. Needs no bench, and gives the same result years later."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rig.errors import BenchError, RigError
from rig.judging.boluses import JudgedBolus, judge_boluses
from rig.judging.checks import judge_checks
from rig.judging.curves import curves
from rig.judging.evidence import Evidence, read_evidence
from rig.judging.findings import collect_findings, lasting_damage
from rig.judging.interval import basal_error, measured_volume
from rig.judging.tables import analysis
from rig.judging.view import RunView, lay_out, started_ns
from rig.record.reader import Event, RunRecord
from rig.results import CheckResult, Delivery, Gap, Outcome, Result
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
        except RigError as error:  # whatever cannot be laid out is the bench's or the rig's fault, never a PASS
            view, why = None, _ended_early(evidence) or str(error)
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
        gaps=_gaps(view) if view else (),
        events=_timeline(evidence),
        deviations=(),
        findings=collect_findings(evidence, view, boluses),
        analysis=analysis(view, boluses) if view else {},
        curves=curves(view, boluses) if view else {},
    )


def _outcome(checks: tuple[CheckResult, ...], end_reason: str) -> Outcome:
    """Return the run's outcome: a run that broke off cannot be better than INVALID, unless a valid FAIL stands."""
    outcome = overall(check.outcome for check in checks)
    return outcome if end_reason == "completed" or outcome is Outcome.FAIL else Outcome.INVALID


def _ended_early(evidence: Evidence) -> str:
    """Return why the run ended before there was anything to measure, or nothing."""
    end = evidence.record.end
    if end.get("reason", "completed") == "completed":
        return ""
    return f"the run ended early ({end['reason']}): {end.get('detail', '')}"


def _forbidden(evidence: Evidence) -> str:
    """Return why nothing of this run may be judged, or nothing: damage within the record, an expired certificate."""
    record = evidence.record
    damage = lasting_damage(record)
    if damage:
        return f"the record is damaged: {damage[0]}"
    due, ended = evidence.bench.calibration_due, _ended(record)
    if ended is None:
        return "the record holds no date to compare the balance's certificate with"
    if ended.date() > due:
        return f"the balance's certificate expired on {due.isoformat()}, before the run ended"
    return ""


def _ended(record: RunRecord) -> datetime | None:
    """Return when the run ended; one that was cut off, when its last reading came."""
    if record.end.get("ended_utc"):
        return datetime.fromisoformat(str(record.end["ended_utc"]))
    if not record.header.get("started_utc"):
        return None
    last_ns = max((columns.answered_ns[-1] for columns in record.weighings.values() if columns.answered_ns), default=0)
    lasted = timedelta(microseconds=max(0, last_ns - started_ns(record)) / 1000)
    return datetime.fromisoformat(str(record.header["started_utc"])) + lasted


def _gaps(view: RunView) -> tuple[Gap, ...]:
    failed = [(view.seconds(e.at_ns), e) for e in view.record.events if e.name == "reading_failed"]
    found = []
    for gap in view.gaps:
        first = next((event for at_s, event in failed if gap.start_s <= at_s <= gap.end_s), None)
        cause = str(first.data.get("error", "a reading failed")) if first is not None else "no reading was taken"
        found.append(Gap(gap.start_s, gap.end_s, "balance", cause))
    return tuple(found)


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
    spans = [span for span in view.spans if span.kind != "bolus"]
    found = [_basal_delivery(view, span.start_s, view.last_weighed_s(span.end_s), span.kind) for span in spans]
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
