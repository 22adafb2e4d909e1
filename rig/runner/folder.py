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
from rig.record.reader import read_header

EVIDENCE = "evidence"
MANIFEST = "manifest.json"
RECORD = "record-001.log.gz"
LOCK = ".running"


@dataclass(frozen=True, slots=True)
class RunState:
    """What ``rig runs`` says of one run folder."""

    run_id: str
    folder: Path
    scenario: str
    state: str  # "running" | "ended" | "interrupted" | "unreadable"
    end_reason: str
    outcome: str
    started_utc: str


class RunFolder:
    """The folder of a run that is being written; holds a lock for as long as the run lives."""

    def __init__(self, parent: Path, scenario_id: str) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        self.run_id = f"{stamp}-{scenario_id}-{secrets.token_hex(2)}"
        self.path = parent / self.run_id
        self._lock = -1

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
    def sealed_ledger(self) -> Path:
        """Return where a twin leaves what it truly delivered; nothing that measures or judges ever reads it."""
        return self.path / "sealed" / "ledger.json"

    @property
    def evidence(self) -> Path:
        """Return the folder of the evidence."""
        return self.path / EVIDENCE

    def keep(self, name: str, text: str) -> None:
        """Store a file that the run used, as it was used."""
        (self.evidence / name).write_text(text, encoding="utf-8")

    def seal(self, head_sha256: str, end: dict[str, Any]) -> None:
        """Write the manifest of the evidence: once, at the end, and never again."""
        files = {
            str(file.relative_to(self.evidence)): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(self.evidence.rglob("*"))
            if file.is_file()
        }
        document = {
            "schema": 1,
            "run_id": self.run_id,
            "record_head_sha256": head_sha256,
            "end": end,
            "files": files,
        }
        write_whole(self.evidence / MANIFEST, json.dumps(document, indent=1, sort_keys=True) + "\n")

    def release(self) -> None:
        """Let go of the lock: the run is over."""
        (self.path / LOCK).unlink(missing_ok=True)
        os.close(self._lock)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut."""
    temporary = path.with_name(path.name + ".part")
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
    if _is_locked(folder / LOCK):
        state, reason = "running", ""
    elif (folder / EVIDENCE / MANIFEST).exists():
        state, reason = "ended", str(_json(folder / EVIDENCE / MANIFEST).get("end", {}).get("reason", "?"))
    else:
        state, reason = "interrupted", "no closing line: power cut, kill or crash"
    return RunState(
        run_id=str(header.get("run_id", folder.name)),
        folder=folder,
        scenario=str(header.get("scenario", "?")),
        state=state,
        end_reason=reason,
        outcome=_outcome(folder),
        started_utc=str(header.get("started_utc", "")),
    )


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
