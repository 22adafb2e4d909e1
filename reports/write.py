"""Write the report of a judgement folder, beside the result it was made from."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from reports.html import render_html
from reports.pdf import render_pdf
from rig.errors import RecordError

RESULT = "result.json"
CURVES = "curves.json"
HTML = "report.html"
PDF = "report.pdf"
CHUNK = 1 << 20


def write_report(folder: Path) -> tuple[Path, Path]:
    """Write ``report.html`` and ``report.pdf`` into ``folder`` (a judgement) and return their paths.

    Reads ``result.json`` and, where there is one, ``curves.json``. The run's sealed evidence, where it lies in the
    folder's own run (``../../evidence``), is listed in the inventory with its hashes. Each file appears whole or not at
    all. Raises `RecordError` when the result cannot be read.
    """
    document = _load(folder / RESULT)
    curves = _load(folder / CURVES) if (folder / CURVES).exists() else {}
    document.setdefault("inventory", inventory(folder))
    page = render_html(document, curves).encode()
    typeset = render_pdf(document, curves)
    write_atomically(folder / HTML, page)
    write_atomically(folder / PDF, typeset)
    return folder / HTML, folder / PDF


def inventory(folder: Path) -> list[dict[str, Any]]:
    """Return path, size and SHA-256 of what a judgement's report stands on: sealed evidence, result and curves."""
    run = folder.parent.parent if folder.parent.name == "judgements" else folder
    evidence = run / "evidence"
    files = sorted(path for path in evidence.rglob("*") if path.is_file()) if evidence.is_dir() else []
    files += [path for path in (folder / RESULT, folder / CURVES) if path.is_file()]
    return [
        {"path": path.relative_to(run).as_posix(), "bytes": path.stat().st_size, "sha256": _sha256(path)}
        for path in files
    ]


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` so that ``path`` holds either what it held or all of it, also after a power cut."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    scratch = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        scratch.chmod(0o644)
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def _load(path: Path) -> dict[str, Any]:
    """Return the object that a JSON file holds."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordError(
            f"cannot read {path.name}: {error}",
            where=str(path.parent),
            expected="a judgement folder",
            hint="rig analyse RUN",
        ) from error
    if not isinstance(held, dict):
        raise RecordError(
            f"{path.name} holds no object", where=str(path.parent), expected="a JSON object", hint="rig analyse RUN"
        )
    return held


def _sha256(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()
