"""Read the evidence of a stored run: record, scenario, bench and profile as they were used."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from rig.config import BenchConfig, parse_bench
from rig.errors import RecordError
from rig.profiles.pump import PumpProfile, parse_profiles
from rig.record.reader import RunRecord, read_run
from rig.scenario.model import Scenario
from rig.scenario.parse import parse_scenario

MANIFEST = "manifest.json"
VOID = "void.json"


@dataclass(frozen=True, slots=True)
class Void:
    """Who voided a run, and why; such a run is never better than INVALID."""

    who: str
    why: str
    utc: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a judgement rests on."""

    record: RunRecord
    scenario: Scenario
    bench: BenchConfig
    profile: PumpProfile
    void: Void | None = None


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
    record = read_run(folder)
    damage = (*record.damage, *manifest_damage(evidence, record))
    return Evidence(replace(record, damage=damage), scenario, bench, _profile(evidence, bench), read_void(folder))


def read_void(folder: Path) -> Void | None:
    """Return that a run was voided; a statement that cannot be read voids it all the same."""
    path = folder / VOID
    if not path.exists():
        return None
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return Void(str(data["who"]), str(data["why"]), str(data["utc"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Void("unknown", f"{VOID} cannot be read", "")


def _profile(evidence: Path, bench: BenchConfig) -> PumpProfile:
    """Return the pump's profile as the run used it, with the claims that the bench file confirms."""
    kept = evidence / "profile.toml"
    if not kept.exists():
        return bench.pump_profile()
    profiles = parse_profiles(kept.read_text(encoding="utf-8"), "profile.toml")
    if bench.pump.profile not in profiles:
        raise RecordError(f"profile {bench.pump.profile} is not in it", where=str(kept))
    return bench.pump_profile(profiles[bench.pump.profile])


def manifest_damage(evidence: Path, record: RunRecord) -> tuple[str, ...]:
    """Return what of the sealed evidence is missing or altered; a segment that was cut off may not be sealed yet."""
    found: list[str] = []
    for segment in record.segments:
        name = MANIFEST if segment.number == 1 else f"manifest-{segment.number:03d}.json"
        if (evidence / name).exists():
            found += _unlike_manifest(evidence, name, segment.head_sha256)
        elif segment.ended:
            found.append(f"{name} is missing although the record was closed")
        elif segment is not record.segments[-1]:
            found.append(f"{name} is missing although the run was resumed")
    return tuple(dict.fromkeys(found))


def _unlike_manifest(evidence: Path, name: str, head_sha256: str) -> list[str]:
    try:
        sealed = json.loads((evidence / name).read_text(encoding="utf-8"))
        files = dict(sealed["files"])
        head = sealed["record_head_sha256"]
    except (ValueError, KeyError, TypeError):
        return [f"{name} cannot be read"]
    found = []
    for file, digest in files.items():
        path = evidence / file
        if not path.is_file():
            found.append(f"{file} is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            found.append(f"{file} was altered after the run was sealed")
    if head != head_sha256:
        found.append("the record does not end where the manifest says")
    return found
