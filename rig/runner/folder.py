"""One directory per run (design 5.2): made at the start, found again after any kind of end."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rig.errors import RecordError, UsageError
from rig.record.reader import RECORD_GLOB, manifest_name, read_header, read_segment
from rig.results import EndReason

EVIDENCE = "evidence"
RECORD = "record-001.log.gz"
VOID = "void.json"
PART = ".part"  # a file while it is written; a kill may leave one behind, and the next write of that file takes it
LOCK = ".running"
PLAN = "safe-plan.json"


@dataclass(frozen=True, slots=True)
class RunState:
    """What ``rig runs`` says of one run folder."""

    run_id: str
    folder: Path
    scenario: str
    state: str  # "running" | "ended" | "stopped" | "interrupted" | "void" | "unreadable"
    end_reason: str
    outcome: str
    started_utc: str


def record_name(segment: int) -> str:
    """Return the record file of a segment; each time a run is resumed, a new one begins."""
    return f"record-{segment:03d}.log.gz"


class RunFolder:
    """The folder of a run that is being written; holds a lock for as long as the run lives."""

    def __init__(self, parent: Path, scenario_id: str) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        self.run_id = f"{stamp}-{scenario_id}-{secrets.token_hex(2)}"
        self.path = parent / self.run_id
        self.segment = 1
        self._lock = -1

    @classmethod
    def of(cls, path: Path) -> RunFolder:
        """Return the folder of a run that exists; raise `UsageError` while a living process writes it."""
        folder = cls(path.parent, "")
        folder.run_id, folder.path = path.name, path
        folder.segment = max(1, len(list((path / EVIDENCE).glob(RECORD_GLOB))))
        folder._lock = os.open(path / LOCK, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            fcntl.flock(folder._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(folder._lock)
            raise UsageError("this run is still being recorded", where=str(path), hint="wait for its end") from None
        return folder

    def make(self) -> None:
        """Make the folder and lock it; raise `UsageError` when that is impossible."""
        try:
            (self.path / EVIDENCE).mkdir(parents=True)
            self.sealed_ledger.parent.mkdir()
            self._lock = os.open(self.path / LOCK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except OSError as error:
            raise UsageError(
                f"no run folder can be made ({error})",
                where=str(self.path.parent),
                hint="choose another with --out DIR",
            ) from error
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    @property
    def scenario_id(self) -> str:
        """Return the scenario's id, which stands in the run id between time and chance."""
        return self.run_id.partition("-")[2].rpartition("-")[0]

    @property
    def sealed_ledger(self) -> Path:
        """Return where a twin leaves what it truly delivered; nothing that measures or judges ever reads it."""
        name = "ledger.json" if self.segment == 1 else f"ledger-{self.segment:03d}.json"
        return self.path / "sealed" / name

    @property
    def evidence(self) -> Path:
        """Return the folder of the evidence."""
        return self.path / EVIDENCE

    @property
    def record(self) -> Path:
        """Return the record file of the present segment."""
        return self.evidence / record_name(self.segment)

    @property
    def is_sealed(self) -> bool:
        """Say whether the present segment was closed."""
        return (self.evidence / manifest_name(self.segment)).exists()

    def keep(self, name: str, text: str) -> None:
        """Store a file that the run used, as it was used."""
        (self.evidence / name).write_text(text, encoding="utf-8")

    def kept_hashes(self) -> dict[str, str]:
        """Return the SHA-256 of every file that was kept beside the record: the record's heading names them."""
        kept = [file for file in self.evidence.iterdir() if file.suffix in (".yaml", ".toml") or file.name == PLAN]
        return {file.name: sha256_of(file) for file in sorted(kept)}

    def seal(self, head_sha256: str, end: dict[str, Any]) -> str:
        """Write the manifest of the present segment: once, at its end, and never again; return its SHA-256."""
        files = {
            str(file.relative_to(self.evidence)): sha256_of(file)
            for file in sorted(self.evidence.rglob("*"))
            if file.is_file() and not file.name.startswith("guardian-") and file.suffix != PART
        }
        document = {
            "schema": 1,
            "run_id": self.run_id,
            "segment": self.segment,
            "record_head_sha256": head_sha256,
            "end": end,
            "files": files,
        }
        path = self.evidence / manifest_name(self.segment)
        write_whole(path, json.dumps(document, indent=1, sort_keys=True) + "\n")
        return sha256_of(path)

    def seal_interrupted(self) -> str:
        """Close a segment that a kill or a power cut broke off, its torn tail as it is; return the manifest's hash."""
        reason, head, ended = EndReason.INTERRUPTED.value, "-", {}
        if self.record.exists():  # a power cut may come between folder and record
            read = read_segment(self.record)
            head, ended = read.head_sha256, read.end
        end = ended or {"reason": reason, "detail": "no closing line: power cut, kill or crash"}
        return self.seal(head, {**end, "sealed_utc": datetime.now(UTC).isoformat(timespec="seconds")})

    def begin_segment(self) -> dict[str, Any]:
        """Begin a further segment; return what its heading says of the one that it continues."""
        before = self.record
        continues = {
            "file": before.name,
            "sha256": sha256_of(before),
            "head_sha256": read_segment(before).head_sha256,
            "size": before.stat().st_size,
        }
        self.segment += 1
        return continues

    def void(self, who: str, why: str) -> str:
        """Say that this run does not count, and why; nothing is deleted. Returns the SHA-256 of what was written."""
        path = self.path / VOID
        if path.exists():
            raise UsageError("this run was voided before", where=str(path))
        manifest = self.evidence / manifest_name(self.segment)
        document = {
            "run_id": self.run_id,
            "utc": datetime.now(UTC).isoformat(timespec="seconds"),
            "who": who,
            "why": why,
            "evidence_manifest_sha256": sha256_of(manifest),
        }
        write_whole(path, json.dumps(document, indent=1, sort_keys=True) + "\n")
        return sha256_of(path)

    @property
    def is_locked(self) -> bool:
        """Say whether this process holds the lock."""
        return self._lock >= 0

    def release(self) -> None:
        """Let go of the lock: the run is over."""
        if self._lock >= 0:
            (self.path / LOCK).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = -1


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut."""
    temporary = path.with_name(path.name + PART)
    with temporary.open("w", encoding="utf-8") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    temporary.replace(path)


def find_runs(parent: Path) -> list[RunState]:
    """Return every run below ``parent``, oldest first, interrupted ones included."""
    if not parent.is_dir():
        return []
    return [_state(folder) for folder in sorted(parent.iterdir()) if (folder / EVIDENCE).is_dir()]


def _state(folder: Path) -> RunState:
    try:
        header = read_header(folder)
    except RecordError:
        return RunState(folder.name, folder, "?", "unreadable", "", "", "")
    state, reason = _how_it_stands(folder)
    return RunState(
        run_id=str(header.get("run_id", folder.name)),
        folder=folder,
        scenario=str(header.get("scenario", "?")),
        state=state,
        end_reason=reason,
        outcome=_outcome(folder),
        started_utc=str(header.get("started_utc", "")),
    )


def _how_it_stands(folder: Path) -> tuple[str, str]:
    """Return (state, reason) of the latest segment."""
    if (folder / VOID).exists():
        return "void", str(_json(folder / VOID).get("why", "?"))
    if _is_locked(folder / LOCK):
        return "running", ""
    manifest = folder / EVIDENCE / manifest_name(len(list((folder / EVIDENCE).glob(RECORD_GLOB))))
    if not manifest.exists():
        return "interrupted", "no closing line: power cut, kill or crash"
    reason = str(_json(manifest).get("end", {}).get("reason", "?"))
    if reason == EndReason.INTERRUPTED.value:
        return "interrupted", reason
    return "ended" if reason == EndReason.COMPLETED.value else "stopped", reason


def _outcome(folder: Path) -> str:
    return str(_json(folder / "result.json").get("outcome", "not judged"))


def _json(path: Path) -> dict[str, Any]:
    """Return a JSON document, or nothing where there is none that can be read."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _is_locked(lock: Path) -> bool:
    """Say whether a living process holds the lock: the kernel drops it with the process, however that ends."""
    try:
        descriptor = os.open(lock, os.O_WRONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
