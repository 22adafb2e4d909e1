"""``rig runs``: every run, interrupted ones included, and what to do with those."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from rig.cli.user import this_user
from rig.errors import UsageError
from rig.runner.folder import RunFolder, find_runs

ADVICE = {
    "interrupted": "it broke off; go on with it: rig runs resume RUN; close it: rig runs void RUN --why TEXT; "
    "judge what is there: rig analyse RUN",
    "stopped": "it ended early; go on with it: rig runs resume RUN; or close it: rig runs void RUN --why TEXT",
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


def resume(options: argparse.Namespace) -> int:
    """Go on with a run, judge it again, and report."""
    from rig.cli.progress import ProgressView  # noqa: PLC0415 - listing runs does not need it
    from rig.cli.run import bench_from, finish  # noqa: PLC0415
    from rig.engine import resume_run  # noqa: PLC0415
    from rig.runner.stop import interrupt_by_signals  # noqa: PLC0415

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    interrupt_by_signals()
    folder = find_run(options.run, options.runs_dir)
    config = None
    if options.bench is not None or options.devices is not None:
        options.bench = options.bench or str(folder / "evidence" / "bench.toml")
        options.seed = None
        config = bench_from(options)
    view = ProgressView()
    try:
        finished = resume_run(
            folder,
            config=config,
            observer=(lambda _progress: None) if options.quiet else view,
            who=options.who or this_user(),
            why=options.why,
            other_version=options.other_version,
            accept_unsynchronised=options.unsynchronised_clock,
        )
    finally:
        view.end()
    return finish(finished, report=not options.no_report)


def void(options: argparse.Namespace) -> int:
    """Say that a run does not count."""
    from rig.config import load_bench  # noqa: PLC0415 - listing runs does not need it
    from rig.runner.watch import bench_ledger  # noqa: PLC0415

    path = find_run(options.run, options.runs_dir)
    folder = RunFolder.of(path)
    who = options.who or this_user()
    try:
        if not folder.is_sealed:
            folder.seal_interrupted()
        digest = folder.void(who, options.why)
        config = load_bench(path / "evidence" / "bench.toml")
        if not config.simulated:
            bench_ledger(config, path.parent).append(
                "void", run_id=folder.run_id, who=who, why=options.why, void_sha256=digest
            )
    finally:
        folder.release()
    sys.stdout.write(f"{folder.run_id} is void: {options.why} ({who}); nothing was deleted\n")
    return 0


def acknowledge(options: argparse.Namespace) -> int:
    """Put on record that a person has looked after a bench that was not confirmed to be safe."""
    from rig.config import load_bench  # noqa: PLC0415 - listing runs does not need it
    from rig.guardian.client import acknowledge as tell  # noqa: PLC0415
    from rig.guardian.places import Places  # noqa: PLC0415
    from rig.runner.watch import bench_ledger  # noqa: PLC0415

    config = load_bench(options.bench)
    if config.simulated:
        raise UsageError("a simulated bench has nothing to acknowledge", where=f"bench {config.name}")
    ledger = bench_ledger(config, Path(options.runs_dir))
    unsafe = ledger.unsafe()
    told = tell(Places(config.name, config.guardian.run_dir))
    if unsafe is None and not told:
        sys.stdout.write(f"bench {config.name} is safe as far as its ledger knows: nothing to acknowledge\n")
        return 0
    who = options.who or this_user()
    ledger.append("acknowledged", who=who, why=options.why)
    sys.stdout.write(f"acknowledged by {who}: {options.why}\n")
    return 0
