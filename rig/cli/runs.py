"""``rig runs``: every run, interrupted ones included."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rig.errors import UsageError
from rig.runner.folder import find_runs

ADVICE = {
    "interrupted": "its evidence is kept; judge what is there with: rig analyse RUN",
    "unreadable": "its record cannot be read: keep the folder, and look at evidence/",
}


def execute(options: argparse.Namespace) -> int:
    """Print a line for each run."""
    runs = find_runs(Path(options.runs_dir))
    if not runs:
        sys.stdout.write(f"no runs in {options.runs_dir}\n")
        return 0
    for run in runs:
        sys.stdout.write(f"{run.run_id:48} {run.state:12} {run.end_reason or '-':14} {run.outcome}\n")
    for state in sorted({run.state for run in runs} & ADVICE.keys()):
        sys.stdout.write(f"{state}: {ADVICE[state]}\n")
    return 0


def find_run(name: str, parent: str) -> Path:
    """Return the folder of a run named by path or id; raise `UsageError` when there is none."""
    for folder in (Path(name), Path(parent) / name):
        if (folder / "evidence").is_dir():
            return folder
    known = ", ".join(run.run_id for run in find_runs(Path(parent))[-3:]) or "none"
    raise UsageError(
        f"no run {name!r}", expected=f"a run folder, or an id in {parent} (newest: {known})", hint="rig runs"
    )
