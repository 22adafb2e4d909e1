"""Whose code talked to a device: distribution, version, and a hash of its files, for the record of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rig.plugins.registry import Found

_LEFT_OUT = frozenset({".pyc", ".pyo"})


def described(found: Found) -> dict[str, Any]:
    """Return name, distribution, version and SHA-256 of a driver, as they stand in a record's header."""
    about = {"name": found.spec.name, "role": found.spec.role, "api": found.spec.api, "from": found.target}
    return {
        **about,
        "distribution": found.distribution,
        "version": found.version,
        "files": len(files := driver_files(found)),
        "sha256": hash_of(files),
    }


def driver_files(found: Found) -> dict[str, Path]:
    """Return every file of a driver by the name that is hashed: its top package, and what its distribution lists.

    The package is what is really imported, also where the distribution is a link to somebody's working copy.
    """
    top = found.target.partition(":")[0].partition(".")[0]
    files = {name: path for name, path in _package(top) if path.suffix not in _LEFT_OUT}
    try:
        listed = distribution(found.distribution).files or ()
    except PackageNotFoundError:
        listed = ()
    for entry in listed:
        path = Path(str(entry.locate()))
        if ".dist-info" not in entry.parts[0] and path.suffix not in _LEFT_OUT and path.is_file():
            files.setdefault(entry.as_posix(), path)
    return dict(sorted(files.items()))


def hash_of(files: dict[str, Path]) -> str:
    """Return the SHA-256 over name and SHA-256 of each file, a line each as ``sha256sum`` prints them."""
    digest = hashlib.sha256()
    for name, path in files.items():
        digest.update(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n".encode())
    return digest.hexdigest()


def _package(top: str) -> Iterator[tuple[str, Path]]:
    spec = find_spec(top)
    if spec is None:
        return
    if not spec.submodule_search_locations:
        if spec.origin is not None:
            yield Path(spec.origin).name, Path(spec.origin)
        return
    for folder in map(Path, spec.submodule_search_locations):
        for path in folder.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                yield f"{top}/{path.relative_to(folder).as_posix()}", path
