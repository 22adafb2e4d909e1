"""Audit run folders together with the ledgers that stand beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.audit.chain import AuditedRun, audit_ledger, check_run, ledgers_beside
from rig.audit.evidence import Evidence, audit_evidence
from rig.audit.findings import Audit
from rig.audit.judgements import audit_judgements, audit_top
from rig.audit.reparse import reparse
from rig.record.ledger import SUFFIX


@dataclass(frozen=True, slots=True)
class AuditReport:
    """Everything that was audited."""

    runs: tuple[Audit, ...]
    ledgers: tuple[Audit, ...]

    @property
    def unaltered(self) -> bool:
        """Say whether nothing at all was found."""
        return not any(audit.findings for audit in (*self.runs, *self.ledgers))

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "schema": 1,
            "complete_and_unaltered": self.unaltered,
            "runs": [audit.to_json() for audit in self.runs],
            "ledgers": [audit.to_json() for audit in self.ledgers],
        }


def audit_runs(
    folders: Sequence[Path],
    *,
    beside: Sequence[Path] = (),
    ledger: Path | None = None,
    again: bool = False,
    trusted: frozenset[str] = frozenset(),
) -> AuditReport:
    """Audit run folders.

    Ledgers are looked for in ``beside`` and in the parents of the runs; ``ledger`` names one that stands elsewhere, and
    every run must then be in it. ``again`` reads the balance's bytes again. ``trusted`` are raw public keys in
    hexadecimal digits.
    """
    runs = [_audit_folder(folder, again=again, trusted=trusted) for folder in folders]
    places = list(
        dict.fromkeys([*(folder.resolve().parent for folder in folders), *(each.resolve() for each in beside)])
    )
    found = ledgers_beside(places)
    if ledger is not None and ledger.resolve() not in found:
        found.append(ledger.resolve())
    for run in runs:
        own = [ledger] if ledger is not None else [each for each in found if each.name == run.evidence.bench + SUFFIX]
        for each in own:
            check_run(run, each)
        if not own:
            run.audit.note(".", "no ledger of this bench was found: it cannot be told whether other runs were removed")
    return AuditReport(tuple(run.audit for run in runs), tuple(audit_ledger(each, runs, places) for each in found))


def _audit_folder(folder: Path, *, again: bool, trusted: frozenset[str]) -> AuditedRun:
    audit = Audit(folder.resolve().name, folder)
    evidence = audit_evidence(folder, audit)
    if audit.name != evidence.run_id:
        audit.note(".", f"the folder is called otherwise than the run in it, {evidence.run_id}")
    audit_judgements(folder, evidence, trusted, audit)
    audit_top(folder, evidence, audit)
    if again:
        _reparse(folder, evidence, audit)
    return AuditedRun(folder, evidence, audit)


def _reparse(folder: Path, evidence: Evidence, audit: Audit) -> None:
    try:
        count = reparse(folder, evidence.segments, audit)
    except (ValueError, TypeError) as error:
        audit.fault("evidence", f"its bytes cannot be read again: {error}")
        return
    audit.note("evidence", f"{count} readings were read again from their bytes")
