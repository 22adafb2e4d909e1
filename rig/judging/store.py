"""Store a judgement beside the evidence it rests on; earlier judgements are never touched (design 5.2)."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from rig.judging.junit import junit_xml
from rig.record.reader import RECORD_GLOB, manifest_name
from rig.results import Result

SIGNATURES = "signatures"
PUBLISHED = ("result.json", "report.html", "report.pdf", "junit.xml")


def write_judgement(folder: Path, result: Result) -> Path:
    """Write ``judgements/NNN`` whole or not at all; return it."""
    parent = folder / "judgements"
    parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=".new-") as made:
        new = Path(made) / "judgement"
        new.mkdir()
        _write(new / "result.json", json.dumps(result.to_json(), indent=1, allow_nan=False) + "\n")
        _write(new / "curves.json", json.dumps(result.curves, separators=(",", ":"), allow_nan=False) + "\n")
        _write(new / "junit.xml", junit_xml(result))
        seal(new, result, folder / "evidence")
        number = 1 + max((int(each.name) for each in parent.glob("[0-9][0-9][0-9]")), default=0)
        while True:
            try:
                target = parent / f"{number:03d}"
                new.rename(target)
                break
            except OSError:
                if not target.exists():
                    raise
                number += 1  # somebody judged the same run at the same moment
    publish(folder, target)
    return target


def seal(judgement: Path, result: Result, evidence: Path) -> None:
    """Write the judgement's manifest: its files, the evidence's head hash and manifest, the tool that judged."""
    document: dict[str, Any] = {
        "schema": 1,
        "run_id": result.run_id,
        "record_head_sha256": result.bench.get("record_head_sha256"),
        "evidence_manifest_sha256": _evidence_manifest(evidence),
        "tool": result.tool,
        "files": _hashes(judgement),
    }
    _write(judgement / "manifest.json", json.dumps(document, indent=1, sort_keys=True) + "\n")


def publish(folder: Path, judgement: Path) -> None:
    """Copy the judgement to the top of the run folder, and name its hashes there together with the evidence's."""
    manifest = json.loads((judgement / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"] = _hashes(judgement)
    _write(judgement / "manifest.json", json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    for name in PUBLISHED:
        if (judgement / name).exists():
            temporary = folder / f"{name}.part"
            shutil.copyfile(judgement / name, temporary)
            temporary.replace(folder / name)
    top = {
        "schema": 1,
        "run_id": manifest["run_id"],
        "judgement": judgement.name,
        "files": {name: _sha256(folder / name) for name in PUBLISHED if (folder / name).exists()},
        "judgement_manifest_sha256": _sha256(judgement / "manifest.json"),
        "evidence_manifest_sha256": _evidence_manifest(folder / "evidence"),
    }
    _write(folder / "manifest.json", json.dumps(top, indent=1, sort_keys=True) + "\n")


def signatures(judgement: Path) -> list[Path]:
    """Return the signatures of a judgement, oldest first; a judgement that has any is never written again."""
    return sorted((judgement / SIGNATURES).glob("*.json"))


def _evidence_manifest(evidence: Path) -> str | None:
    """Return the SHA-256 of the manifest that seals the newest segment; None while that one is open or cut off."""
    segments = len(list(evidence.glob(RECORD_GLOB)))
    manifest = evidence / manifest_name(segments)
    return _sha256(manifest) if manifest.exists() else None


def _hashes(judgement: Path) -> dict[str, str]:
    files = sorted(file for file in judgement.iterdir() if file.is_file() and file.name != "manifest.json")
    return {file.name: _sha256(file) for file in files}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".part")
    with temporary.open("w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    temporary.replace(path)
