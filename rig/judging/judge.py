"""Judge a stored run: evidence in, `Result` out. Needs no bench, and gives the same result years later."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rig.judging.air import sensor_rows
from rig.judging.boluses import JudgedBolus
from rig.judging.checks import invalid
from rig.judging.clocks import clock_deviations, clock_findings, pump_clock
from rig.judging.course import deliveries, gaps, segment_rows, stretch_rows, timeline
from rig.judging.curves import curves
from rig.judging.electrical import electrical_equipment
from rig.judging.evidence import Evidence, read_evidence
from rig.judging.findings import collect_findings, lasting_damage
from rig.judging.left_out import not_asked, why_left_out
from rig.judging.qualification_tables import qualification_table
from rig.judging.repeated import JudgedStretch, judge_over, lay_out_stretch, voided
from rig.judging.stretches import segments_of, stretches_of
from rig.judging.tables import analysis
from rig.judging.truths import truths_table
from rig.judging.view import RunView
from rig.record.reader import Event, RunRecord
from rig.results import CheckResult, EndReason, Outcome, Result
from rig.verdict import overall, resolve_limits


def judge(folder: Path) -> Result:
    """Judge the run in ``folder`` from its evidence alone."""
    return judge_evidence(read_evidence(folder))


def judge_evidence(evidence: Evidence) -> Result:
    """Return the result of a run; a run that cannot be measured has every check INVALID, with the reason."""
    record, scenario = evidence.record, evidence.scenario
    stretches = stretches_of(record)
    why = _forbidden(evidence)
    judged = () if why else tuple(lay_out_stretch(evidence, stretch) for stretch in stretches)
    checks = _checks(evidence, judged, why)
    seen = [each for each in judged if each.view is not None]
    view, boluses = (seen[-1].view, seen[-1].boluses) if seen else (None, ())
    end_reason = str(record.end.get("reason", EndReason.INTERRUPTED.value))
    drift = pump_clock(stretches)
    return Result(
        run_id=str(record.header.get("run_id", record.folder.name)),
        scenario=scenario.id,
        title=scenario.title,
        evidence=kind_of_evidence(record),
        outcome=_outcome(checks, end_reason),
        end_reason=end_reason,
        started_utc=str(record.header.get("started_utc", "")),
        ended_utc=record.end.get("ended_utc"),
        tool=dict(record.header.get("tool", {})),
        bench=_bench(evidence),
        pump=_pump(record.events),
        checks=checks,
        deliveries=deliveries(evidence, judged),
        gaps=gaps(judged, stretches),
        events=timeline(stretches),
        deviations=clock_deviations(stretches),
        findings=(*collect_findings(evidence, judged), *clock_findings(stretches, drift)),
        analysis=_analysis(view, boluses, judged, drift) | qualification_table(evidence, view),
        curves=curves(view, boluses) if view else {},
        segments=segment_rows(stretches),
    )


def _checks(evidence: Evidence, judged: tuple[JudgedStretch, ...], why: str) -> tuple[CheckResult, ...]:
    profile = evidence.profile
    found = []
    for check in evidence.scenario.checks:
        if left_out := why_left_out(check, evidence):
            result = not_asked(check, left_out)
        elif why or all(each.view is None for each in judged):
            reason = why or _ended_early(evidence) or judged[-1].why
            result = invalid(check, resolve_limits(check, profile, check.amount_u), reason)
        else:
            result = judge_over(check, judged, profile)
        found.append(voided(result, evidence))
    return tuple(found)


def _analysis(
    view: RunView | None, boluses: tuple[JudgedBolus, ...], judged: tuple[JudgedStretch, ...], drift: Any
) -> dict[str, Any]:
    """Return the tables of the latest stretch, and what the others were."""
    found: dict[str, Any] = {} if view is None else analysis(view, boluses)
    compared = [each.truths for each in judged if each.truths is not None]
    if compared:
        found["truths"] = truths_table(compared)
    if drift is not None:
        found["pump_clock"] = drift
    if len(judged) > 1:
        found["stretches"] = stretch_rows(judged)
    return found


def kind_of_evidence(record: RunRecord) -> str:
    """Return ``hardware`` only where every segment is: one simulated segment makes the whole run simulated."""
    kinds = {str(segment.header.get("evidence", "simulated")) for segment in segments_of(record) if segment.header}
    return "hardware" if kinds == {"hardware"} else "simulated"


def _outcome(checks: tuple[CheckResult, ...], end_reason: str) -> Outcome:
    """Return the run's outcome: a run that broke off cannot be better than INVALID, unless a valid FAIL stands."""
    outcome = overall(check.outcome for check in checks)
    return outcome if end_reason == EndReason.COMPLETED or outcome is Outcome.FAIL else Outcome.INVALID


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
    first, ended = min(evidence.bench.certificates, key=lambda each: each.due), _ended(record)
    if ended is None:
        return "the record holds no date to compare the balance's certificate with"
    if ended.date() > first.due:
        return f"the {first.device}'s certificate expired on {first.due.isoformat()}, before the run ended"
    return ""


def _ended(record: RunRecord) -> datetime | None:
    """Return when the run ended; one that was cut off, when its last reading came."""
    if record.end.get("ended_utc"):
        return datetime.fromisoformat(str(record.end["ended_utc"]))
    last = segments_of(record)[-1]
    started = last.header.get("started_utc") or record.header.get("started_utc")
    if not started:
        return None
    last_ns = max((columns.answered_ns[-1] for columns in last.weighings.values() if columns.answered_ns), default=0)
    started_ns = int(last.header.get("clock", {}).get("started_ns", 0))
    return datetime.fromisoformat(str(started)) + timedelta(microseconds=max(0, last_ns - started_ns) / 1000)


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
        "air_sensors": sensor_rows(evidence),
        "vessel": {
            "inner_diameter_mm": bench.vessel.inner_diameter_mm,
            "load_cm3": bench.vessel.load_cm3,
            "liquid": bench.vessel.liquid,
        },
        **electrical_equipment(evidence.record.events),
        "liquid": {} if bench.liquid is None else asdict(bench.liquid),
        "tube": {"outer_diameter_mm": bench.tube.outer_diameter_mm},
        "safe_state": evidence.record.end.get("safe") or {"confirmed": None, "by": "not known from this record"},
        "record_head_sha256": evidence.record.head_sha256,
    }


def _armed(events: tuple[Event, ...]) -> dict[str, Any]:
    return next((event.data for event in events if event.name == "armed"), {})


def _pump(events: tuple[Event, ...]) -> dict[str, Any]:
    unknown = {"model": None, "serial": None, "firmware": None}
    return unknown | dict(_armed(events).get("pump", {}))
