"""Three small real runs of the simulated bench, and a ledger that names them; each test gets a copy to attack."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from rig.audit.run import AuditReport, audit_runs
from rig.audit.signing import load_private, new_key, sign
from rig.cli.main import main
from rig.record.ledger import BenchLedger

SCENARIO = """
schema: 1
id: tiny
title: One bolus
pump: {families: [22, 23]}
needs: [pump, balance]
operator: none
sampling: {balance: 1 s, bolus: 1 s, environment: 60 s}
blank: {before: 1 min, after: 1 min}
steps:
  - basal: {rate: 30 U/h, for: 2 min}
checks:
  - {id: basal, measure: basal.overall_error, from: 1 min, for: 1 min, limit: 5 %, source: pump.accuracy.basal}
on_runner_loss: stop
gap: {tolerate: 60 s}
"""


def write_ledger(runs: Path) -> BenchLedger:
    """Write what a hardware bench would have written of these runs (a simulated one keeps no ledger)."""
    ledger = BenchLedger(runs / "simulated.ledger")
    for folder in sorted(each for each in runs.iterdir() if each.is_dir()):
        digest = hashlib.sha256((folder / "evidence" / "manifest.json").read_bytes()).hexdigest()
        ledger.append("started", run_id=folder.name, folder=folder.name, scenario="tiny")
        ledger.append(
            "ended",
            run_id=folder.name,
            segment=1,
            reason="completed",
            safe={"wanted": "pump suspended", "confirmed": True, "by": "pump status"},
            manifest_sha256=digest,
        )
    return ledger


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the runs once; the key pair that signed the first stands beside them."""
    place = tmp_path_factory.mktemp("made")
    scenario = place / "tiny.yaml"
    scenario.write_text(SCENARIO, encoding="utf-8")
    for seed in ("1", "2", "3"):
        main(["run", str(scenario), "--out", str(place / "runs"), "--seed", seed, "--no-report", "--quiet"])
    assert len(list((place / "runs").iterdir())) == 3
    write_ledger(place / "runs")
    new_key(place / "key.pem")
    return place


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "copy"
    shutil.copytree(made, copy)
    return copy


@pytest.fixture
def runs(place: Path) -> Path:
    return place / "runs"


@pytest.fixture
def run(runs: Path) -> Path:
    """Return the first run, judged and signed."""
    folder = folders(runs)[0]
    sign(folder / "judgements" / "001", load_private(runs.parent / "key.pem"), "A. Person", "tested")
    return folder


def folders(runs: Path) -> list[Path]:
    return sorted(each for each in runs.iterdir() if each.is_dir())


def audit(runs: Path, *, trusted: frozenset[str] = frozenset(), again: bool = False) -> AuditReport:
    return audit_runs(folders(runs), beside=[runs], trusted=trusted, again=again)


def found(report: AuditReport) -> list[str]:
    """Return every finding as ``file: what``."""
    return [f"{each.file}: {each.what}" for one in (*report.runs, *report.ledgers) for each in one.findings]
