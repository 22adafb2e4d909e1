"""``rig audit``: prove, offline, that runs are complete and unaltered."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rig.audit.chain import run_places
from rig.audit.findings import Audit
from rig.audit.run import AuditReport, audit_runs
from rig.audit.signing import load_public
from rig.errors import RecordError, UsageError
from rig.record.ledger import SUFFIX, BenchLedger, ledger_path
from rig.record.reader import read_header

ALTERED = 4


def execute(options: argparse.Namespace) -> int:
    """Audit what was named; 0 when it is complete and unaltered, 4 when not."""
    ledger = _ledger(options.bench, options.runs_dir)
    folders, beside = _folders(options.runs, options.runs_dir)
    if not options.runs:
        if ledger is None:
            raise UsageError("nothing to audit", expected="run folders, a folder of runs, or --bench", hint="rig runs")
        folders, beside = _runs_of(ledger), [ledger.parent]
    report = audit_runs(
        folders,
        beside=beside,
        ledger=ledger,
        again=options.reparse,
        trusted=frozenset(load_public(Path(each)) for each in options.trust),
    )
    if options.json:
        sys.stdout.write(json.dumps(report.to_json(), indent=1) + "\n")
    else:
        _print(report)
    return 0 if report.unaltered else ALTERED


def _folders(names: list[str], runs_dir: str) -> tuple[list[Path], list[Path]]:
    """Return run folders, and folders of runs whose ledgers count, in the order in which they were named."""
    found: list[Path] = []
    beside: list[Path] = []
    for name in names:
        place = next((each for each in (Path(name), Path(runs_dir) / name) if each.is_dir()), Path(name))
        if (place / "evidence").is_dir():
            found.append(place)
            continue
        below = sorted(each.parent for each in place.glob("*/evidence") if each.is_dir())
        if not below and not list(place.glob(f"*{SUFFIX}")):
            raise UsageError(
                "no run is here",
                where=name,
                expected="a run folder (with evidence/ in it), a run id, or a folder of such folders",
                hint="rig runs",
            )
        found += below
        beside.append(place)
    return list(dict.fromkeys(found)), beside


def _runs_of(ledger: Path) -> list[Path]:
    """Return every run of a ledger's bench: those that stand beside it, and those that it says stand elsewhere."""
    found = [each.parent for each in ledger.parent.glob("*/evidence") if _bench_of(each.parent) in {ledger.stem, None}]
    for entry in BenchLedger(ledger).entries():
        if entry.kind == "started":
            found += [each for each in run_places(entry, (ledger.parent,)) if (each / "evidence").is_dir()]
    return sorted({each.resolve() for each in found})


def _bench_of(folder: Path) -> str | None:
    """Return the bench that a run was made on; None when the run cannot be read."""
    try:
        bench = read_header(folder).get("bench")
    except RecordError:
        return None
    return str(bench.get("name")) if isinstance(bench, dict) else None


def _ledger(bench: str | None, runs_dir: str) -> Path | None:
    if bench is None:
        return None
    path = Path(bench)
    if path.suffix != SUFFIX:
        from rig.config import load_bench  # noqa: PLC0415 - a ledger named by itself needs no bench file

        config = load_bench(bench)
        path = ledger_path(Path(config.runs_dir or runs_dir), config.name)
    if not path.is_file():
        raise UsageError("there is no such ledger", where=str(path), expected=f"a bench or a file *{SUFFIX}")
    return path


def _print(report: AuditReport) -> None:
    for audit in (*report.runs, *report.ledgers):
        _print_one(audit)
    number = sum(len(audit.findings) for audit in (*report.runs, *report.ledgers))
    what = f"{len(report.runs)} run{'s' * (len(report.runs) != 1)}"
    if report.ledgers:
        what += f", {len(report.ledgers)} ledger{'s' * (len(report.ledgers) != 1)}"
    verdict = "complete and unaltered" if not number else f"NOT complete and unaltered: {number} found"
    sys.stdout.write(f"{what}: {verdict}\n")


def _print_one(audit: Audit) -> None:
    is_ledger = audit.path.suffix == SUFFIX
    for kind, found in (("", audit.findings), ("note: ", audit.notes)):
        for each in found:
            file = audit.name if is_ledger or each.file == "." else f"{audit.name}/{each.file}"
            sys.stdout.write(f"{kind}{file}: {each.what}\n")
