"""The ledger of a bench against the runs on disk: every run is there, and is the one that was recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rig.audit.evidence import Evidence
from rig.audit.findings import Audit, sha256_of
from rig.errors import RecordError
from rig.record.ledger import SUFFIX, BenchLedger, Entry
from rig.record.reader import manifest_name, read_header


@dataclass(frozen=True, slots=True)
class AuditedRun:
    """A run folder that was read, and what was found in it."""

    folder: Path
    evidence: Evidence
    audit: Audit


def ledgers_beside(folders: Iterable[Path]) -> list[Path]:
    """Return every ledger that stands in one of ``folders``."""
    return sorted({path.resolve() for folder in folders for path in folder.glob(f"*{SUFFIX}")})


def audit_ledger(path: Path, runs: list[AuditedRun], folders: Iterable[Path]) -> Audit:
    """Check a ledger's chain, and that every run that it names is on disk (below ``folders`` or where it says)."""
    audit = Audit(path.name, path)
    try:
        reading = BenchLedger(path).read()
    except RecordError as error:
        audit.fault(path.name, str(error))
        return audit
    for damage in reading.damage:
        audit.fault(path.name, damage.removeprefix(f"{path.name}: "))
    for torn in reading.torn:
        audit.note(path.name, torn.removeprefix(f"{path.name}: "))
    present = {run.evidence.run_id: run.folder for run in runs}
    for entry in reading.entries:
        if entry.kind == "started" and entry.run_id and entry.run_id not in present:
            _look_for(entry, (path.parent, *folders), audit)
    return audit


def check_run(run: AuditedRun, ledger: Path) -> None:
    """Compare a run with what the ledger of its bench says of it."""
    try:
        entries = [each for each in BenchLedger(ledger).entries() if each.run_id == run.evidence.run_id]
    except RecordError:
        return  # said of the ledger already
    if not any(entry.kind == "started" for entry in entries):
        run.audit.fault(".", f"is not in {ledger.name}: the ledger was cut off or rewritten, or the run was added")
        return
    _check_ends(run, entries, ledger.name)
    for entry in entries:
        segment = entry.data.get("segment")
        if entry.kind == "resumed" and segment not in run.evidence.segments:
            run.audit.fault(f"evidence/record-{segment:03}.log.gz", f"is missing: {ledger.name} says that it began")
    resumed = {entry.data.get("segment") for entry in entries if entry.kind == "resumed"}
    for number in sorted(run.evidence.segments.keys() - resumed - {1}):
        run.audit.fault(f"evidence/record-{number:03d}.log.gz", f"was added: {ledger.name} knows of no such resumption")
    _check_void(run, entries, ledger.name)
    took_over = [e for e in entries if e.kind == "safe" and str(e.data.get("source", "")).startswith("guardian:")]
    if took_over and not run.evidence.guardians:
        run.audit.fault("evidence/guardian-001.log.gz", f"is missing: {ledger.name} says that a guardian took over")


def _check_ends(run: AuditedRun, entries: list[Entry], name: str) -> None:
    """Compare the hash of each manifest with the one that was written down when its segment ended."""
    said: Mapping[object, str] = {
        entry.data.get("segment"): str(entry.data["manifest_sha256"])
        for entry in entries
        if entry.kind == "ended" and entry.data.get("manifest_sha256") is not None
    }
    ended = {entry.data.get("segment") for entry in entries if entry.kind == "ended"}
    manifests = run.evidence.manifests
    for segment, digest in said.items():
        file = f"evidence/{manifest_name(segment if isinstance(segment, int) else 1)}"
        if segment not in manifests:
            run.audit.fault(file, f"is missing: {name} names it")
        elif manifests[segment] != digest:
            run.audit.fault(file, f"was altered: its SHA-256 is not the one in {name}")
    for number in sorted(manifests.keys() - ended):
        if number in run.evidence.sealed_later:
            continue  # whoever found the segment broken off sealed it; it never ended by itself
        run.audit.fault(
            f"evidence/{manifest_name(number)}",
            f"seals segment {number}, of whose end {name} says nothing: it was cut off, or the run killed in between",
        )


def _check_void(run: AuditedRun, entries: list[Entry], name: str) -> None:
    path = run.folder / "void.json"
    said = [str(entry.data.get("void_sha256")) for entry in entries if entry.kind == "void"]
    digest = sha256_of(path)
    if digest is None and said:
        run.audit.fault("void.json", f"is missing: {name} says that the run was voided")
    elif digest is not None and not said:
        run.audit.fault("void.json", f"was added: {name} does not say that the run was voided")
    elif digest is not None and digest not in said:
        run.audit.fault("void.json", f"was altered: its SHA-256 is not the one in {name}")


def _look_for(entry: Entry, folders: Iterable[Path], audit: Audit) -> None:
    """Say that a run is missing, unless a folder has it: another run in its place, or an empty folder, is not it."""
    others = []
    for place in run_places(entry, folders):
        if not (place / "evidence").is_dir():
            continue
        try:
            run_id = str(read_header(place).get("run_id"))
        except RecordError:
            run_id = "no run that can be read"
        if run_id == entry.run_id:
            return
        others.append(run_id)
    instead = f"; in its place is {others[0]}" if others else ""
    audit.fault(audit.name, f"run {entry.run_id} (entry {entry.n}) is missing from disk{instead}")


def run_places(entry: Entry, folders: Iterable[Path]) -> list[Path]:
    """Return where the run of a ``started`` entry may stand: where it was recorded, or below one of ``folders``."""
    run_id = str(entry.run_id)
    folder = Path(str(entry.data.get("folder", run_id)))
    return list(dict.fromkeys([folder, *(parent / name for parent in folders for name in (run_id, folder.name))]))
