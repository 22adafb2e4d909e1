"""``rig report RUN``: render HTML and PDF again."""

from __future__ import annotations

import argparse
import sys

from reports.write import write_report
from rig.cli.runs import find_run
from rig.errors import UsageError
from rig.judging.store import publish, signatures


def execute(options: argparse.Namespace) -> int:
    """Render the latest judgement of a stored run."""
    folder = find_run(options.run, options.runs_dir)
    judgements = sorted((folder / "judgements").glob("[0-9]*"))
    if not judgements:
        raise UsageError("the run was never judged", where=str(folder), hint=f"rig analyse {options.run}")
    if signatures(judgements[-1]):
        raise UsageError(
            f"judgement {judgements[-1].name} is signed and is not written again",
            where=str(folder),
            hint=f"rig analyse {options.run}, which makes a new judgement beside it",
        )
    write_report(judgements[-1])
    publish(folder, judgements[-1])
    sys.stdout.write(f"{folder / 'report.html'}\n{folder / 'report.pdf'}\n")
    return 0
