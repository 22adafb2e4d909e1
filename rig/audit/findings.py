"""What an audit says: findings, which are faults, and notes, which are not."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written; ``file`` is relative to what was audited."""

    file: str
    what: str


@dataclass(slots=True)
class Audit:
    """What was found in one run folder or one ledger."""

    name: str
    path: Path
    findings: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)

    def fault(self, file: str, what: str) -> None:
        """Add a finding, once."""
        finding = Finding(file, what)
        if finding not in self.findings:
            self.findings.append(finding)

    def note(self, file: str, what: str) -> None:
        """Add something worth knowing that is no fault."""
        self.notes.append(Finding(file, what))

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "name": self.name,
            "path": str(self.path),
            "unaltered": not self.findings,
            "findings": [{"file": each.file, "what": each.what} for each in self.findings],
            "notes": [{"file": each.file, "what": each.what} for each in self.notes],
        }


def sha256_of(path: Path) -> str | None:
    """Return the SHA-256 of a file in hexadecimal digits; None when it cannot be read."""
    try:
        with path.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return None


def read_document(path: Path, name: str, audit: Audit) -> dict[str, Any] | None:
    """Return a manifest, whose bytes must be those that the rig writes; name what is wrong and return None else.

    The one spelling of a document is part of the proof: nothing else covers the blanks in a file that no hash names.
    """
    try:
        raw = path.read_bytes()
        document = json.loads(raw)
        if not isinstance(document, dict):
            raise TypeError
    except FileNotFoundError:
        audit.fault(name, "is missing")
        return None
    except (OSError, ValueError, TypeError):
        audit.fault(name, "cannot be read as a JSON object")
        return None
    if raw != canonical_text(document).encode():
        audit.fault(name, "was altered: it is not written as the rig writes it")
    return document


def canonical_text(document: dict[str, Any]) -> str:
    """Return a document as manifests and signatures are written."""
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def check_keys(document: dict[str, Any], required: set[str], optional: set[str], name: str, audit: Audit) -> None:
    """Name every key that is missing or does not belong."""
    for key in sorted(required - document.keys()):
        audit.fault(name, f"was altered: {key} is missing")
    for key in sorted(document.keys() - required - optional):
        audit.fault(name, f"was altered: {key} does not belong in it")
    if document.get("schema", 1) != 1:
        audit.fault(name, "has another schema than 1")


def check_files(folder: Path, files: Any, prefix: str, by: str, audit: Audit) -> set[str]:
    """Compare ``files`` (name -> SHA-256) with the disk; return the names."""
    if not isinstance(files, dict):
        audit.fault(by, "was altered: it names no files")
        return set()
    for name, digest in files.items():
        path = folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            audit.fault(by, f"was altered: it names {name!r}, outside of its folder")
        elif not path.is_file():
            audit.fault(f"{prefix}{name}", f"is missing; {by} names it")
        elif sha256_of(path) != digest:
            audit.fault(f"{prefix}{name}", f"was altered: its SHA-256 is not the one in {by}")
    return set(files)
