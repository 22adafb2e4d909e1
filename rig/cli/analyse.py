"""``rig analyse RUN|LOG.csv ...``: judge stored runs again, or analyse weighing logs."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from rig.cli.log_options import given
from rig.errors import UsageError

LOG_ENDINGS = {".csv", ".txt", ".tsv", ".dat", ".log"}


def execute(options: argparse.Namespace) -> int:
    """Analyse logs, or judge the evidence of runs again and store it as a further judgement of each."""
    logs = [name for name in options.run if _is_log(name, options)]
    if not logs:
        return _judge_again(options)
    if len(logs) < len(options.run):
        runs = [name for name in options.run if name not in logs]
        raise UsageError(
            f"runs ({', '.join(runs)}) and weighing logs ({', '.join(logs)}) in one call", expected="either or"
        )
    if options.together:
        raise UsageError(
            "--together with weighing logs", expected="runs", hint="several logs without it: they are put together"
        )
    from rig.cli.weighing_log import analyse_logs  # noqa: PLC0415 - one of two quite different jobs

    return analyse_logs(options, logs)


def _is_log(name: str, options: argparse.Namespace) -> bool:
    """Return whether ``name`` is a weighing log: a file, or what looks like one and is no run."""
    path = Path(name)
    if (path / "evidence").is_dir() or (Path(options.runs_dir) / name / "evidence").is_dir():
        return False
    return (path.exists() and not path.is_dir()) or path.suffix.lower() in LOG_ENDINGS or bool(given(options))


def _judge_again(options: argparse.Namespace) -> int:
    """Judge each run again; return the worst exit code."""
    unfit = given(options)
    if unfit:
        raise UsageError(f"{', '.join(unfit)} with a stored run", expected="a run alone: its own programme counts")
    if options.together and len(options.run) == 1:
        raise UsageError("--together with one run", expected="at least two runs")
    judged = [_judge_one(name, options) for name in options.run]
    documents = [document for _, document in judged]
    if options.json:
        whole: Any = documents[0] if len(documents) == 1 else {"runs": documents}
        if options.together:
            whole |= {"together": _together(documents)}
        sys.stdout.write(json.dumps(whole, indent=1) + "\n")
    elif options.together:
        from rig.judging.together import together_text  # noqa: PLC0415 - judging has it imported by now

        sys.stdout.write("\n" + together_text(_together(documents)))
    from rig.verdict import EXIT_PRECEDENCE  # noqa: PLC0415 - judging has it imported by now

    return min((code for code, _ in judged), key=EXIT_PRECEDENCE.index)


def _together(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the tables over the pumps of several results."""
    from rig.judging.together import together  # noqa: PLC0415 - a single run does not need it

    return together(documents)


def _judge_one(name: str, options: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Judge one run again, store and report it; return its exit code and result."""
    from reports.write import write_report  # noqa: PLC0415 - a log needs none of these
    from rig.cli.runs import find_run  # noqa: PLC0415
    from rig.cli.safe_state import safe_state_of  # noqa: PLC0415
    from rig.cli.summary import print_summary  # noqa: PLC0415
    from rig.judging.judge import judge  # noqa: PLC0415
    from rig.judging.store import publish, write_judgement  # noqa: PLC0415
    from rig.verdict import exit_code  # noqa: PLC0415

    folder = find_run(name, options.runs_dir)
    result = judge(folder)
    judgement = write_judgement(folder, result)
    write_report(judgement)
    publish(folder, judgement)
    confirmed, told = safe_state_of(folder, result)
    if not options.json:
        print_summary(result)
        sys.stdout.write(f"{told}\n" if told else "")
        sys.stdout.write(f"judgement: {judgement}\n")
    elif told:
        sys.stderr.write(f"rig: {result.run_id}: {told}\n")
    return exit_code(result, safe_confirmed=confirmed), result.to_json()
