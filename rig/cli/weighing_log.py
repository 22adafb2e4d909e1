"""``rig analyse LOG.csv ...``: analyse anybody's weighing logs (design 5.3)."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rig.errors import UsageError
from rig.results import Outcome
from rig.weighing_log.basal import analyse_basal
from rig.weighing_log.bolus import Events, analyse_boluses, read_events
from rig.weighing_log.budget_file import LogBudget, read_budget
from rig.weighing_log.curves import basal_curves
from rig.weighing_log.pumps import basal_over_pumps, boluses_over_pumps
from rig.weighing_log.read import read_log
from rig.weighing_log.request import Request, request_from


def analyse_logs(options: argparse.Namespace, files: Sequence[str]) -> int:
    """Analyse the logs and print what was found; return the exit code: 0, or 4 where one is INVALID."""
    request = request_from(vars(options))
    budget = read_budget(options.budget) if options.budget is not None else None
    _refuse_twice(files)
    events = _events(options, files, request)
    folder = _figure_folder(options.figures)
    documents = []
    for file, event in zip(files, events, strict=True):
        document, curves = _analyse(file, event, request, budget, with_curves=folder is not None)
        documents.append(document)
        if folder is not None:
            _draw(document, curves, folder, Path(file).stem if len(files) > 1 else "")
    whole = documents[0] if len(documents) == 1 else _together(documents, request)
    if options.json:
        sys.stdout.write(json.dumps(whole, indent=1, allow_nan=False) + "\n")
    else:
        from reports.weighing_log import log_text  # noqa: PLC0415 - JSON does not need it

        sys.stdout.write(log_text(whole))
    return 4 if any(document["outcome"] == Outcome.INVALID.value for document in documents) else 0


def _analyse(
    file: str, events: Events | None, request: Request, budget: LogBudget | None, *, with_curves: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the document of one log, and its curves where figures are wanted."""
    log = read_log(file)
    if events is not None:
        return analyse_boluses(log, events, request, budget), {}
    document = analyse_basal(log, request, budget)
    return document, basal_curves(log, request) if with_curves else {}


def _together(documents: list[dict[str, Any]], request: Request) -> dict[str, Any]:
    """Return several logs as one document, with the figures over pumps."""
    if request.bolus_u is not None:
        over = boluses_over_pumps(documents)
    else:
        over = basal_over_pumps(documents, request.rate_u_per_h or 0.0)
    return {"logs": [{"file": item["log"]["file"], **item} for item in documents], "over_pumps": over}


def _refuse_twice(files: Sequence[str]) -> None:
    """Refuse a log that would count as two pumps."""
    seen: dict[Path, str] = {}
    for file in files:
        path = Path(file).resolve()
        if path in seen:
            raise UsageError(f"{file} is the same log as {seen[path]}", expected="each log once: one log, one pump")
        seen[path] = file


def _events(options: argparse.Namespace, files: Sequence[str], request: Request) -> list[Events | None]:
    """Return the events of each log, None for a basal analysis."""
    named = options.events or []
    if request.bolus_u is None:
        if named:
            raise UsageError("--events without --bolus", expected="--bolus AMOUNT", hint="--bolus '1.0 U'")
        return [None] * len(files)
    if not named:
        raise UsageError(
            "--bolus without --events",
            expected="--events FILE with the columns start_s,set_u",
            hint="--events EVENTS.csv",
        )
    if len(named) not in {1, len(files)}:
        raise UsageError(
            f"{len(named)} events files for {len(files)} log(s)",
            where="--events",
            expected="one for all logs, or one for each",
        )
    found: list[Events | None] = [read_events(name) for name in named]
    return found * len(files) if len(found) == 1 else found


def _figure_folder(name: str | None) -> Path | None:
    """Return the folder for figures, made where it does not exist."""
    if name is None:
        return None
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}", where="--figures", expected="a folder that can be made") from None
    return folder


def _draw(document: dict[str, Any], curves: dict[str, Any], folder: Path, stem: str) -> None:
    """Write the figures of one log."""
    from reports.weighing_log import write_figures  # noqa: PLC0415 - draws only where figures are wanted

    for path in write_figures(document, curves, folder, stem):
        sys.stderr.write(f"wrote {path}\n")
