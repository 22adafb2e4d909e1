"""The judgements of a run, their signatures, the copies at the top of the folder, and `void.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rig.audit.evidence import Evidence
from rig.audit.findings import Audit, check_files, check_keys, read_document, sha256_of
from rig.audit.signing import KEYS, MEANINGS, verify
from rig.errors import UsageError
from rig.judging.store import PUBLISHED, SIGNATURES, signatures

MANIFEST = "manifest.json"
VOID = "void.json"
TOP = {"evidence", "judgements", "sealed", MANIFEST, VOID, ".running"}
_REQUIRED = {"schema", "run_id", "record_head_sha256", "tool", "files"}
_SEALS = "evidence_manifest_sha256"
_TOP_REQUIRED = {"schema", "run_id", "judgement", "files", _SEALS}


def audit_judgements(folder: Path, evidence: Evidence, trusted: frozenset[str], audit: Audit) -> None:
    """Check every judgement; with ``trusted`` keys, the newest must be signed by one of them, and none by another."""
    parent = folder / "judgements"
    found = sorted(parent.glob("[0-9][0-9][0-9]"))
    numbers = {int(judgement.name) for judgement in found}
    for missing in sorted(set(range(1, max(numbers, default=0))) - numbers):
        audit.fault(f"judgements/{missing:03d}", "is missing; a later judgement is there")
    for judgement in found:
        _audit_judgement(judgement, evidence, trusted, audit)
    for other in sorted(parent.iterdir()) if parent.is_dir() else []:
        if other in found:
            continue
        if other.name.startswith(".new-"):
            audit.note(
                f"judgements/{other.name}", "is a judgement that was cut off while it was written; nothing reads it"
            )
        else:
            audit.fault(f"judgements/{other.name}", "was added: it is no judgement")
    if trusted and not (found and signatures(found[-1])):
        name = f"judgements/{found[-1].name}" if found else "judgements"
        audit.fault(name, "is not signed, although a trusted key was given")
    if not found:
        audit.note("judgements", "there are none: the run was never judged")


def _audit_judgement(judgement: Path, evidence: Evidence, trusted: frozenset[str], audit: Audit) -> None:
    prefix = f"judgements/{judgement.name}/"
    name = prefix + MANIFEST
    document = read_document(judgement / MANIFEST, name, audit)
    named: set[str] = set()
    if document is not None:
        check_keys(document, _REQUIRED, {_SEALS}, name, audit)
        named = check_files(judgement, document.get("files"), prefix, name, audit)
        if "result.json" not in named:
            audit.fault(name, "was altered: it does not name result.json")
        _check_claims(document, judgement, evidence, name, audit)
    for file in sorted(judgement.rglob("*")):
        relative = file.relative_to(judgement).as_posix()
        if file.is_dir() or relative == MANIFEST or relative in named or file.parent.name == SIGNATURES:
            continue
        if relative.endswith(".part"):
            audit.note(prefix + relative, "was left by a write that was cut off; nothing reads it")
        elif document is not None:
            audit.fault(prefix + relative, "was added: the judgement's manifest does not name it")
    _audit_signatures(judgement, evidence.run_id, trusted, audit)


def _check_claims(document: dict[str, Any], judgement: Path, evidence: Evidence, name: str, audit: Audit) -> None:
    """Compare what a manifest says of run, evidence and tool with the evidence and the result."""
    result = _json(judgement / "result.json")
    for where, said in ((name, document), (f"judgements/{judgement.name}/result.json", result)):
        if said is not None and said.get("run_id") != evidence.run_id:
            audit.fault(where, f"belongs to run {said.get('run_id')}, not to {evidence.run_id}")
    if result is not None and result.get("tool") != document.get("tool"):
        audit.fault(name, "was altered: it names another tool than result.json")
    head = document.get("record_head_sha256")
    if head not in evidence.heads:
        audit.fault(name, "does not rest on this record: no part of it has the head hash that the judgement names")
    elif evidence.segments and head != evidence.segments[max(evidence.segments)].head_sha256:
        audit.note(name, "was made before the record ended")
    sealed = document.get(_SEALS)
    if sealed is not None and sealed not in evidence.manifests.values():
        audit.fault(name, "does not rest on this evidence: no manifest of it has the hash that the judgement names")


def _audit_signatures(judgement: Path, run_id: str, trusted: frozenset[str], audit: Audit) -> None:
    previous: str | None = None
    folder = judgement / SIGNATURES
    known = signatures(judgement)
    for expected, path in enumerate(known, start=1):
        name = f"judgements/{judgement.name}/{SIGNATURES}/{path.name}"
        if path.name != f"{expected:03d}.json":
            audit.fault(name, "is out of sequence: a signature is missing")
        document = read_document(path, name, audit)
        if document is not None:
            check_keys(document, KEYS, set(), name, audit)
            _check_signature(document, judgement, run_id, previous, name, audit)
            if trusted and document.get("public_key") not in trusted:
                audit.fault(name, f"is by a key that is not trusted: {document.get('public_key')}")
        previous = sha256_of(path)
    for other in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if other not in known:
            audit.fault(f"judgements/{judgement.name}/{SIGNATURES}/{other.name}", "was added: it is no signature")


def _check_signature(
    document: dict[str, Any], judgement: Path, run_id: str, previous: str | None, name: str, audit: Audit
) -> None:
    try:
        valid = verify(document)
    except UsageError as error:
        audit.fault(name, f"was not verified: {error}")
        return
    if not valid:
        audit.fault(name, "was altered: the signature does not fit what it signs")
    if document.get("run_id") != run_id or document.get("judgement") != judgement.name:
        audit.fault(name, "was made for another judgement")
    if document.get("judgement_manifest_sha256") != sha256_of(judgement / MANIFEST):
        audit.fault(name, "does not fit: the judgement was altered after it was signed")
    if document.get("previous") != previous:
        audit.fault(name, "does not follow the signature before it")
    if document.get("meaning") not in MEANINGS:
        audit.fault(name, f"has no known meaning: {document.get('meaning')!r}")
    if valid:
        who, meaning = document.get("name"), document.get("meaning")
        audit.note(name, f"{meaning} by {who} on {document.get('utc')}, key {document.get('public_key')}")


def audit_top(folder: Path, evidence: Evidence, audit: Audit) -> None:
    """Check the manifest and the copies at the top of the folder, `void.json`, and what does not belong there."""
    judged = sorted((folder / "judgements").glob("[0-9][0-9][0-9]"))
    copies: set[str] = set()
    if judged or (folder / MANIFEST).exists():
        document = read_document(folder / MANIFEST, MANIFEST, audit)
        if document is not None:
            check_keys(document, _TOP_REQUIRED, {"judgement_manifest_sha256"}, MANIFEST, audit)
            copies = check_files(folder, document.get("files"), "", MANIFEST, audit)
            _check_top(document, folder, evidence, judged, audit)
    if (folder / VOID).exists():
        _check_void(folder / VOID, evidence, audit)
    for path in sorted(folder.iterdir()):
        if path.name == "sealed":
            for file in sorted(each for each in path.rglob("*") if each.is_file()):
                audit.note(f"sealed/{file.name}", "the twin's own books: not part of the evidence")
        elif path.name.endswith(".part"):
            audit.note(path.name, "was left by a write that was cut off; nothing reads it")
        elif path.name not in TOP | copies:
            audit.fault(path.name, "was added: no manifest names it")


def _check_top(document: dict[str, Any], folder: Path, evidence: Evidence, judged: list[Path], audit: Audit) -> None:
    if document.get("run_id") != evidence.run_id:
        audit.fault(MANIFEST, f"belongs to run {document.get('run_id')}, not to {evidence.run_id}")
    judgement = folder / "judgements" / str(document.get("judgement"))
    if not judged or judgement != judged[-1]:
        newest = judged[-1].name if judged else "none"
        audit.fault(MANIFEST, f"is of judgement {document.get('judgement')}; the newest is {newest}")
    own = _json(judgement / MANIFEST)
    files = own.get("files") if own is not None else None
    files = files if isinstance(files, dict) else {}
    published = {name: digest for name, digest in files.items() if name in PUBLISHED}
    if document.get("files") != published:
        audit.fault(MANIFEST, f"names other files than judgement {judgement.name}")
    hashed = document.get("judgement_manifest_sha256")
    if "judgement_manifest_sha256" in document and hashed != sha256_of(judgement / MANIFEST):
        audit.fault(f"judgements/{judgement.name}/{MANIFEST}", f"was altered: its SHA-256 is not the one in {MANIFEST}")
    sealed = document.get(_SEALS)
    if sealed is not None and sealed not in evidence.manifests.values():
        audit.fault(MANIFEST, "names an evidence manifest that is not there or was altered")
    if own is not None and _SEALS in own and own[_SEALS] is not None and sealed is None:
        audit.fault(MANIFEST, "was altered: it names no evidence manifest, its judgement does")


def _check_void(path: Path, evidence: Evidence, audit: Audit) -> None:
    document = read_document(path, VOID, audit)
    if document is None:
        return
    check_keys(document, {"run_id", "utc", "who", "why", _SEALS}, {"schema"}, VOID, audit)
    if document.get("run_id") != evidence.run_id:
        audit.fault(VOID, f"belongs to run {document.get('run_id')}, not to {evidence.run_id}")
    if document.get(_SEALS) not in evidence.manifests.values():
        audit.fault(VOID, "was made for other evidence: no manifest has the hash that it names")
    audit.note(VOID, f"the run is void: {document.get('why')} ({document.get('who')}, {document.get('utc')})")


def _json(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None
