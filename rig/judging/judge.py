"""Judge a stored run: evidence in, `Result` out. Needs no bench, and gives the same result years later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rig.errors import BenchError, RigError
from rig.judging.boluses import JudgedBolus, judge_boluses
from rig.judging.checks import judge_checks
from rig.judging.clocks import clock_table
from rig.judging.curves import curves
from rig.judging.evidence import Evidence, read_evidence
from rig.judging.findings import collect_findings, lasting_damage
from rig.judging.interval import basal_error, measured_volume
from rig.judging.stretches import Stretch, segment_rows, stretches
from rig.judging.tables import analysis
from rig.judging.view import RunView, lay_out, started_ns
from rig.record.reader import Event, RunRecord
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
    "run_resumed",
    "delivery_settled",
    "clock_step",
    "link_lost",
    "link_reopened",
    "stalled",
)
MAX_FAILED_READINGS = 50


def judge(folder: Path) -> Result:
    """Judge the run in ``folder`` from its evidence alone."""
    return judge_evidence(read_evidence(folder))


@dataclass(frozen=True, slots=True)
class Measured:
    """One stretch of a run, laid out and with its boluses; ``view`` None with the reason where that is impossible."""

    stretch: Stretch
    view: RunView | None
    boluses: tuple[JudgedBolus, ...]
    why: str


def judge_evidence(evidence: Evidence) -> Result:
    """Return the result of a run; a run that cannot be measured has every check INVALID, with the reason."""
    record, scenario = evidence.record, evidence.scenario
    why = _forbidden(evidence)
    measured = [_measure(evidence, stretch, why) for stretch in stretches(record)]
    latest = next((each for each in reversed(measured) if each.view is not None), measured[-1])
    view, boluses = latest.view, latest.boluses
    checks = judge_over_stretches(evidence, measured)
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
        deliveries=tuple(
            sorted(
                (found for each in measured if each.view for found in _deliveries(each.view, each.boluses)),
                key=lambda found: found.start_s,
            )
        ),
        gaps=tuple(gap for each in measured if each.view for gap in _gaps(each.view)),
        events=tuple(found for each in measured for found in _timeline(each.stretch.record)),
        deviations=_deviations(record),
        findings=collect_findings(evidence, view, boluses),
        analysis=_analysis(record, view, boluses) if view else {},
        curves=curves(view, boluses) if view else {},
        segments=tuple(segment_rows(record)),
    )


def _measure(evidence: Evidence, stretch: Stretch, why: str) -> Measured:
    if why:
        return Measured(stretch, None, (), why)
    alone = replace(evidence, record=stretch.record)
    try:
        view = lay_out(alone, stretch.scenario_s)
        return Measured(stretch, view, judge_boluses(view), "")
    except RigError as error:  # whatever cannot be laid out is the bench's or the rig's fault, never a PASS
        return Measured(stretch, None, (), _ended_early(alone) or str(error))


def judge_over_stretches(evidence: Evidence, measured: Sequence[Measured]) -> tuple[CheckResult, ...]:
    """Return each check as the latest stretch that holds its interval has it; a valid FAIL of any stretch stands."""
    checks = evidence.scenario.checks
    by_stretch = [judge_checks(checks, each.view, each.boluses, evidence.profile, each.why) for each in measured]
    chosen = [_chosen([results[number] for results in by_stretch]) for number in range(len(checks))]
    if evidence.void:
        text = f"the run was voided: {evidence.void.get('why', '?')}"
        chosen = [replace(check, outcome=Outcome.INVALID, why=text) for check in chosen]
    return tuple(chosen)


def _chosen(results: Sequence[CheckResult]) -> CheckResult:
    if len(results) == 1:
        return results[0]
    valid = [result for result in results if result.outcome is not Outcome.INVALID]
    failed = next((result for result in reversed(valid) if result.outcome is Outcome.FAIL), None)
    if failed is not None:
        others = ", ".join(result.outcome.value for result in valid if result is not failed)
        text = f"measured {len(valid)} times because the run was interrupted; the others: {others}"
        finding = Finding("check-repeated", text)
        return replace(failed, findings=(*failed.findings, finding)) if others else failed
    if valid:
        return valid[-1]
    last = results[-1]
    return replace(last, why=f"interrupted: {last.why}")


def _deviations(record: RunRecord) -> tuple[dict[str, Any], ...]:
    """Return what a person accepted although the rig would have refused it."""
    found = []
    if any(segment.header.get("unsynchronised_accepted") for segment in record.segments):
        text = "the machine's clock was not synchronised; somebody accepted that with --unsynchronised-clock"
        found.append({"number": 1, "what": text, "impact": "dates and times of day in this report may be wrong"})
    return tuple(found)


def _analysis(record: RunRecord, view: RunView, boluses: tuple[JudgedBolus, ...]) -> dict[str, Any]:
    tables = analysis(view, boluses)
    clock = clock_table(record)
    return {**tables, "pump_clock": clock} if clock is not None else tables


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
        if gap in view.explained:
            cause = "the runner was lost, and taken up again at the running pump"
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


def _timeline(record: RunRecord) -> tuple[dict[str, Any], ...]:
    origin_ns = started_ns(record)
    failed = 0
    found = []
    for event in record.events:
        if event.name not in TIMELINE:
            continue
        failed += event.name == "reading_failed"
        if event.name == "reading_failed" and failed > MAX_FAILED_READINGS:
            continue
        found.append({"at_s": (event.at_ns - origin_ns) / 1e9, "name": event.name, "data": event.data})
    return tuple(found)
