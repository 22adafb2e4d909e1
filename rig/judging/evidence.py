"""Read the evidence of a stored run: record, scenario, bench and profile as they were used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rig.config import BenchConfig, parse_bench
from rig.errors import RecordError
from rig.profiles.pump import PumpProfile
from rig.record.reader import RunRecord, read_run
from rig.scenario.model import Scenario
from rig.scenario.parse import parse_scenario


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a judgement rests on."""

    record: RunRecord
    scenario: Scenario
    bench: BenchConfig
    profile: PumpProfile


def read_evidence(folder: Path) -> Evidence:
    """Return the evidence of a run folder; raise `RecordError` when a part is missing."""
    evidence = folder / "evidence"
    texts = {}
    for name in ("scenario.yaml", "bench.toml"):
        try:
            texts[name] = (evidence / name).read_text(encoding="utf-8")
        except OSError as error:
            raise RecordError(f"{name} cannot be read ({error})", where=str(evidence)) from error
    bench = parse_bench(texts["bench.toml"], "bench.toml")
    scenario = parse_scenario(texts["scenario.yaml"], "scenario.yaml")
    return Evidence(read_run(folder), scenario, bench, bench.pump_profile())
