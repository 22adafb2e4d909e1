"""``rig sign``: sign the newest judgement of a run, or make a key."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rig.audit.run import audit_runs
from rig.audit.signing import load_private, new_key, sign
from rig.cli.runs import find_run
from rig.errors import UsageError


def execute(options: argparse.Namespace) -> int:
    """Write a signature, or with ``--new-key`` a key pair."""
    if options.new_key is not None:
        private, public = new_key(Path(options.new_key))
        sys.stdout.write(f"private key, keep it to yourself: {private}\npublic key, for rig audit --trust: {public}\n")
        return 0
    missing = [
        name
        for name, value in (
            ("RUN", options.run),
            ("--key", options.key),
            ("--name", options.name),
            ("--meaning", options.meaning),
        )
        if not value
    ]
    if missing:
        raise UsageError(f"{', '.join(missing)} is missing", hint="rig sign --help")
    folder = find_run(options.run, options.runs_dir)
    judged = sorted((folder / "judgements").glob("[0-9][0-9][0-9]"))
    if not judged:
        raise UsageError("the run was never judged", where=str(folder), hint=f"rig analyse {options.run}")
    key = load_private(Path(options.key))
    found = audit_runs([folder]).runs[0].findings
    if found:
        raise UsageError(
            f"nobody signs what was altered: {found[0].file} {found[0].what}",
            where=str(folder),
            hint=f"rig audit {options.run}",
        )
    path = sign(judged[-1], key, options.name, options.meaning, options.why)
    sys.stdout.write(f"{options.meaning} by {options.name}: {path}\n")
    return 0
