"""Read the evidence of a stored run: record, scenario, bench and profile as they were used."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rig.config import BenchConfig, parse_bench
from rig.errors import RecordError
from rig.profiles.pump import PumpProfile, parse_profiles
from rig.record.reader import RunRecord, Segment, read_run
from rig.scenario.model import Scenario
from rig.scenario.parse import parse_scenario


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything a judgement rests on."""

    record: RunRecord
    scenario: Scenario
    bench: BenchConfig
    profile: PumpProfile
    void: dict[str, Any] = field(default_factory=dict)  # who said that this run does not count, and why


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
    return Evidence(replace(record, damage=damage), scenario, bench, _profile(evidence, bench), _void(folder))


def _void(folder: Path) -> dict[str, Any]:
    path = folder / "void.json"
    if not path.exists():
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        document = None
    return document if isinstance(document, dict) and document else {"why": "void.json cannot be read"}


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
    """Return what of the sealed evidence is missing or altered; a segment that was cut off may never have been sealed.

    The first segment's manifest is ``manifest.json``, a later one's ``manifest-002.json`` and so on.
    """
    found: list[str] = []
    for number, segment in enumerate(record.segments, start=1):
        name = "manifest.json" if number == 1 else f"manifest-{number:03d}.json"
        found += _manifest_damage(evidence, name, segment)
        if segment is not record.segments[-1] and not segment.ended and not (evidence / name).exists():
            found.append(f"{name} is missing although the run was resumed")
        found += _kept_damage(evidence, segment.header.get("files", {}))
    return tuple(dict.fromkeys(found))


def _manifest_damage(evidence: Path, name: str, segment: Segment) -> list[str]:
    manifest = evidence / name
    if not manifest.exists():
        return [f"{name} is missing although the record was closed"] if segment.ended else []
    try:
        sealed = json.loads(manifest.read_text(encoding="utf-8"))
        files = dict(sealed["files"])
        head = sealed["record_head_sha256"]
    except (ValueError, KeyError, TypeError):
        return [f"{name} cannot be read"]
    found = _kept_damage(evidence, files)
    if head != segment.head_sha256:
        found.append(f"{segment.file} does not end where {name} says")
    return found


def _kept_damage(evidence: Path, files: dict[str, str]) -> list[str]:
    found = []
    for name, digest in files.items():
        path = evidence / name
        if not path.is_file():
            found.append(f"{name} is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            found.append(f"{name} was altered after the run was sealed")
    return found
