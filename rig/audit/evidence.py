"""The evidence of a run: chains, headings, manifests and what none of them names."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig.audit.findings import Audit, check_files, check_keys, read_document, sha256_of
from rig.record.reader import GUARDIAN_GLOB, RECORD_GLOB, Segment, manifest_name, read_segment, split_members

PREFIX = "evidence/"
_REQUIRED = {"schema", "run_id", "record_head_sha256", "end", "files"}
_OPTIONAL = {"segment"}


@dataclass(slots=True)
class Evidence:
    """What the other parts of an audit need to know of the evidence."""

    run_id: str
    bench: str = ""
    segments: dict[int, Segment] = field(default_factory=dict)
    last: int = 1  # number of the newest segment
    guardians: tuple[str, ...] = ()
    heads: frozenset[str] = frozenset()  # SHA-256 of every whole member: a judgement may have come before the end
    manifests: dict[int, str] = field(default_factory=dict)  # segment -> SHA-256 of its manifest
    sealed_later: frozenset[int] = frozenset()  # segments that were found broken off, and sealed by whoever found them


def audit_evidence(folder: Path, audit: Audit) -> Evidence:
    """Check everything below ``folder/evidence``."""
    evidence = folder / "evidence"
    heads: set[str] = set()
    segments: dict[int, Segment] = {}
    for file in sorted(evidence.glob(RECORD_GLOB)):
        segment = _read(file, audit, heads)
        if segment is not None:
            segments[segment.number] = segment
    files = [*evidence.glob(RECORD_GLOB), *evidence.glob("manifest-*.json")]
    last = max((_number(file) for file in files), default=1)
    found = Evidence(run_id=folder.name, segments=segments, last=last, heads=frozenset(heads))
    for number in range(1, last + 1):
        if not (evidence / f"record-{number:03d}.log.gz").exists():
            audit.fault(f"evidence/record-{number:03d}.log.gz", "is missing")
    if segments:
        first = segments[min(segments)]
        found.run_id = str(first.header.get("run_id", folder.name))
        bench = first.header.get("bench")
        found.bench = str(bench.get("name", "")) if isinstance(bench, dict) else ""
    for segment in segments.values():
        _check_header(evidence, segment, found.run_id, audit)
        _check_continues(evidence, segment, segments, audit)
    named = _check_manifests(evidence, found, audit)
    _check_guardians(evidence, found, audit)
    _check_unnamed(evidence, named, found, audit)
    return found


def _number(file: Path) -> int:
    digits = file.name.split(".")[0].rpartition("-")[2]
    return int(digits) if digits.isdigit() else 0


def _read(file: Path, audit: Audit, heads: set[str]) -> Segment | None:
    """Read a record; its damage is a fault, but a torn tail only of a record that was closed."""
    name = PREFIX + file.name
    try:
        segment = read_segment(file, _number(file))
        said: list[str] = []
        data, end = file.read_bytes(), 0
        for offset, _, member in split_members(data, file.name, said):
            heads.add(hashlib.sha256(member).hexdigest())
            end = offset + len(member)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        audit.fault(name, f"cannot be read: {type(error).__name__}: {error}")
        return None
    tail = said[-1] if end < len(data) and said else None
    for damage in segment.damage:
        what = damage.removeprefix(f"{file.name}: ")
        if damage == tail and not segment.ended:
            audit.note(name, f"{what}: broken off by a kill or a power cut, and kept")
        else:
            audit.fault(name, what)
    return segment


def _check_header(evidence: Path, segment: Segment, run_id: str, audit: Audit) -> None:
    name = PREFIX + segment.file
    header = segment.header
    if not header:
        audit.fault(name, "has no readable heading")
        return
    if header.get("run_id") != run_id:
        audit.fault(name, f"belongs to run {header.get('run_id')}, not to {run_id}")
    if header.get("segment", segment.number) != segment.number:
        audit.fault(name, f"says that it is segment {header.get('segment')}")
    if header.get("role", "runner") != "runner":
        audit.fault(name, f"was written by a {header.get('role')}")
    if "files" in header:
        check_files(evidence, header["files"], PREFIX, f"the heading of {segment.file}", audit)


def _check_continues(evidence: Path, segment: Segment, segments: dict[int, Segment], audit: Audit) -> None:
    """Compare what a resumed segment says of the one before with that one; a torn tail is part of its hash."""
    before = segments.get(segment.number - 1)
    if segment.number == 1 or before is None:
        return
    said = segment.header.get("continues")
    path = evidence / before.file
    expected = {
        "file": before.file,
        "sha256": sha256_of(path),
        "head_sha256": before.head_sha256,
        "size": path.stat().st_size,
    }
    if not isinstance(said, dict):
        audit.fault(PREFIX + segment.file, "does not say what it continues")
    elif said != expected:
        wrong = ", ".join(key for key in expected if said.get(key) != expected[key]) or "more than it should"
        audit.fault(PREFIX + before.file, f"is not what {segment.file} continued: {wrong} differs")


def _check_manifests(evidence: Path, found: Evidence, audit: Audit) -> set[str]:
    """Check every manifest against the disk; return the names of all files that one of them names."""
    named: set[str] = set()
    later: set[int] = set()
    last = found.last
    for number in range(1, last + 1):
        name = manifest_name(number)
        segment = found.segments.get(number)
        if not (evidence / name).exists() and number == last:
            if segment is not None and segment.ended:
                audit.fault(PREFIX + name, "is missing although the record was closed")
            else:
                audit.note(PREFIX + name, "is not there yet: the run goes on, or was broken off and not yet closed")
            continue
        document = read_document(evidence / name, PREFIX + name, audit)
        if document is None:
            continue
        named.add(name)
        found.manifests[number] = sha256_of(evidence / name) or ""
        end = document.get("end")
        if isinstance(end, dict) and "sealed_utc" in end:
            later.add(number)
        check_keys(document, _REQUIRED, _OPTIONAL, PREFIX + name, audit)
        _check_manifest(document, number, segment, found.run_id, audit)
        files = check_files(evidence, document.get("files"), PREFIX, name, audit)
        expected = {f"record-{each:03d}.log.gz" for each in range(1, number + 1)}
        expected |= {manifest_name(each) for each in range(1, number)}
        for each in sorted(expected - files):
            audit.fault(PREFIX + name, f"was altered: it does not name {each}")
        named |= files
    found.sealed_later = frozenset(later)
    return named


def _check_manifest(document: dict[str, Any], number: int, segment: Segment | None, run_id: str, audit: Audit) -> None:
    name = PREFIX + manifest_name(number)
    if document.get("run_id") != run_id:
        audit.fault(name, f"belongs to run {document.get('run_id')}, not to {run_id}")
    if document.get("segment", number) != number:
        audit.fault(name, f"says that it seals segment {document.get('segment')}")
    if segment is None:
        return
    if document.get("record_head_sha256") != segment.head_sha256:
        audit.fault(name, f"says that {segment.file} ends otherwise")
    end = document.get("end")
    end = {key: value for key, value in end.items() if key != "sealed_utc"} if isinstance(end, dict) else end
    if segment.ended and end != segment.end:
        audit.fault(name, f"says another end than the closing line of {segment.file}")


def _check_guardians(evidence: Path, found: Evidence, audit: Audit) -> None:
    """Check the guardian's records: no manifest names them, since a guardian may outlive whoever seals."""
    files = sorted(evidence.glob(GUARDIAN_GLOB))
    found.guardians = tuple(file.name for file in files)
    for expected, file in enumerate(files, start=1):
        name = PREFIX + file.name
        segment = _read(file, audit, set())
        if segment is None:
            continue
        if _number(file) != expected:
            audit.fault(f"{PREFIX}guardian-{expected:03d}.log.gz", "is missing; a later one is there")
        if segment.header.get("run_id") != found.run_id or segment.header.get("role") != "guardian":
            audit.fault(name, f"is not a guardian's record of run {found.run_id}")
        audit.note(name, "checks itself by its chain; no manifest names it")


def _check_unnamed(evidence: Path, named: set[str], found: Evidence, audit: Audit) -> None:
    """Find files that nothing vouches for; of an open segment its own heading vouches for what it used."""
    known = named | set(found.guardians)
    if found.last not in found.manifests:
        known |= _header_files(found) | {f"record-{found.last:03d}.log.gz"}
    for file in sorted(evidence.rglob("*")):
        name = file.relative_to(evidence).as_posix()
        if file.is_dir() or name in known:
            continue
        if name in _unfinished(found):
            audit.note(PREFIX + name, "was left by a seal that was cut off; nothing reads it")
        else:
            audit.fault(PREFIX + name, "was added: no manifest names it")


def _unfinished(found: Evidence) -> set[str]:
    """Return the manifest that was being written when the open segment was cut off."""
    return set() if found.last in found.manifests else {f"{manifest_name(found.last)}.part"}


def _header_files(found: Evidence) -> set[str]:
    """Return the files that the headings vouch for while no manifest does; headings of old records vouch for none."""
    names: set[str] = set()
    for segment in found.segments.values():
        files = segment.header.get("files")
        names |= set(files) if isinstance(files, dict) else {"scenario.yaml", "bench.toml", "profile.toml"}
    return names
