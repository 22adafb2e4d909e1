"""The page docs/reference/detection.md, from the cells of the matrix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tests.studies.matrix.predict import FORMULAS, is_worse, predicted
from tests.studies.matrix.scenes import scenes
from tests.studies.matrix.search import CLEAN, CLEAN_SCENES, Cell, Tried, told_by
from tests.studies.matrix.table import BENCH, PUMP, Case, cases
from tests.studies.matrix.words import words

HEAD = "| fault | scene | smallest found | predicted | by | after | runs of a size | outcomes there | else there |"
RULE = "|---|---|---|---|---|---|---|---|---|"
MANY = 0.2  # of runs: more than chance leaves out of 95 % intervals
OF_THE_END = {"blank-drift", "pump-clock-drift", "estimators-disagree"}  # they compare both ends of a run
QUIET = {"linear-propagation"}


def page(cells: Sequence[Cell]) -> str:
    """Return the whole page."""
    runs = sum(cell.runs for cell in cells)
    cpu_min = sum(cell.cpu_s for cell in cells) / 60.0
    parts = [
        words()["before"].format(runs=runs, cpu_min=cpu_min),
        "## Faults of the pump\n",
        *_table(PUMP, cells),
        "## Faults of the bench\n",
        *_table(BENCH, cells),
        "## Where it falls short\n",
        *_worse(cells),
        "## What one balance cannot tell apart\n",
        *_confounded(cells),
        "## The rule of every run\n",
        words()["rules"],
        *_breaches(cells),
        "## Runs without a fault\n",
        *_clean(cells),
        "## Intervals that do not hold the truth\n",
        *_astray(cells),
        "## How the limits are predicted\n",
        *_formulas(cells),
        words()["limits"],
        *_not_run(cells),
        words()["absent"],
    ]
    return "\n".join(parts).rstrip() + "\n"


def _cell(case: Case, scene_id: str, cells: Sequence[Cell]) -> Cell | None:
    return next((each for each in cells if (each.case, each.scene) == (case.name, scene_id)), None)


def _rows(side: str, cells: Sequence[Cell]) -> Iterable[tuple[Case, str, Cell]]:
    for case in cases():
        for scene_id in case.scenes if case.side == side else ():
            cell = _cell(case, scene_id, cells)
            if cell is not None:
                yield case, scene_id, cell


def _table(side: str, cells: Sequence[Cell]) -> list[str]:
    lines = [HEAD, RULE]
    for case, scene_id, cell in _rows(side, cells):
        at = cell.at(cell.smallest) or cell.tried[-1]
        limit = predicted(case.formula, scene_id, cells)
        told = f"{_by(case, at)} | {_after(case, at)} | {cell.seeds} | {_counts(at.outcomes)} | {_else(case, at)}"
        name = f"{case.name} (`{case.fault.split('=')[0]}`) | {scenes()[scene_id].words}"
        lines.append(f"| {name} | {_found(case, cell)} | {_predicted(case, limit)} | {told} |")
    return [*lines, ""]


def _found(case: Case, cell: Cell) -> str:
    if cell.smallest is None:
        return "**missed**" if case.is_switch else f"not up to {case.sizes[-1]:g} {case.unit}"
    if case.is_switch:
        return "found"
    return f"{'≤ ' if cell.smallest == case.sizes[0] else ''}{cell.smallest:g} {case.unit}"


def _predicted(case: Case, limit: float | None) -> str:
    return "-" if limit is None else f"{limit:.3g} {case.unit}"


def _by(case: Case, at: Tried) -> str:
    seen = [name for name in case.by if at.told.get(name) or at.outcomes.get(name)]
    return ", ".join(name if name.isupper() and "-" not in name else f"`{name}`" for name in seen or case.by)


def _after(case: Case, at: Tried) -> str:
    """Return how long after its beginning a fault was told; a verdict belongs to the end of its check."""
    seen = [name for name in case.by if at.told.get(name)]
    if at.after_s is None or not seen:
        return "end of the check"
    if set(seen) <= OF_THE_END:
        return "end of the run"
    if case.after is None:
        return "at each event"
    return f"{at.after_s / 60.0:.0f} min" if at.after_s < 7200.0 else f"{at.after_s / 3600.0:.1f} h"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda each: -each[1]))


def _else(case: Case, at: Tried) -> str:
    beside = [(name, count) for name, count in at.told.items() if name not in case.by and name not in QUIET]
    return ", ".join(f"`{name}` {count}" for name, count in beside[:3]) or "-"


def _worse(cells: Sequence[Cell]) -> list[str]:
    lines = []
    for side in (PUMP, BENCH):
        for case, scene_id, cell in _rows(side, cells):
            limit = predicted(case.formula, scene_id, cells)
            if is_worse(cell.smallest, limit) and limit is not None:
                found = _found(case, cell)
                lines.append(f"- {case.name}, {scenes()[scene_id].words}: {found}, predicted {limit:.3g} {case.unit}")
            elif limit is None and cell.smallest is None:
                lines.append(f"- {case.name}, {scenes()[scene_id].words}: {_found(case, cell)}; nothing was promised")
            at = cell.at(cell.smallest)
            odd = set(at.outcomes) - set(case.must) - set(case.by) if at is not None else set()
            if odd and at is not None:
                expected = " or ".join(case.must)
                lines.append(
                    f"- {case.name}, {scenes()[scene_id].words}: expected {expected}, came out {_counts(at.outcomes)}"
                )
    head = "More than 1.5 times the prediction, not found at all, or with another outcome than was stated beforehand:\n"
    return [head, *(lines or ["- nothing"]), ""]


def _confounded(cells: Sequence[Cell]) -> list[str]:
    lines = ["| fault | looks like | named in the FAIL | told apart by |", "|---|---|---|---|"]
    for case in cases():
        held = [cell for cell in cells if cell.case == case.name]
        if not case.confounded or not held:
            continue
        fails = sum(row.outcomes.get("FAIL", 0) for cell in held for row in cell.tried)
        named = sum(row.confounded for cell in held for row in cell.tried)
        said = f"{named} of {fails}" if fails else "no FAIL"
        lines.append(f"| {case.name} | {case.confounded} | {said} | {case.separated_by or '-'} |")
    return [*lines, ""]


def _breaches(cells: Sequence[Cell]) -> list[str]:
    total: Counter[str] = Counter()
    judged = 0
    for cell in cells:
        if cell.case == CLEAN or any(case.name == cell.case and case.side == PUMP for case in cases()):
            judged += cell.runs
            total.update(breach for row in cell.tried for breach in row.breaches)
    lines = [f"Of {judged} runs with a faulty pump or none:", ""]
    lines += [f"- {name}: {total[name]}" for name in ("PASS outside", "FAIL inside", "no FAIL")]
    where = [
        f"{cell.case} at {row.size:g} in {cell.scene}: {', '.join(row.breaches)}"
        for cell in cells
        for row in cell.tried
        if row.breaches
    ]
    return [*lines, *(f"  - {each}" for each in where), ""]


def _clean(cells: Sequence[Cell]) -> list[str]:
    lines = ["| scene | runs | outcomes | y ± U without the truth | told |", "|---|---|---|---|---|"]
    every: Counter[str] = Counter()
    total = 0
    for scene_id in CLEAN_SCENES:
        held = [cell for cell in cells if (cell.case, cell.scene) == (CLEAN, scene_id)]
        if not held:
            continue
        outcomes: Counter[str] = Counter()
        for cell in held:
            outcomes.update(cell.tried[0].outcomes)
        runs = sum(cell.runs for cell in held)
        total += runs
        every.update(outcomes)
        said = ", ".join(f"`{name}` {count}" for name, count in told_by(held).most_common(5)) or "nothing"
        astray = sum(row.astray for cell in held for row in cell.tried)
        lines.append(f"| {scenes()[scene_id].words} | {runs} | {_counts(outcomes)} | {astray} | {said} |")
    counted = f"{every['FAIL']} FAIL, {every['INVALID']} INVALID"
    verdict = f"\n{total} runs in all: {counted} (asked for: no FAIL, and at most one INVALID in 200)."
    return [*lines, verdict, ""]


def _astray(cells: Sequence[Cell]) -> list[str]:
    lines = [
        "| fault | scene | size | runs | y ± U without the truth | of them without a warning |",
        "|---|---|---|---|---|---|",
    ]
    for cell in cells:
        for row in cell.tried:
            if cell.case != CLEAN and row.astray > max(1.0, MANY * row.runs):
                where = f"{cell.case} | {scenes()[cell.scene].words} | {row.size:g}"
                lines.append(f"| {where} | {row.runs} | {row.astray} | {row.silent} |")
    return [*lines, ""]


def _formulas(cells: Sequence[Cell]) -> list[str]:
    used: dict[str, list[str]] = {}
    for case in cases():
        if case.formula and any(cell.case == case.name for cell in cells):
            used.setdefault(case.formula, []).append(case.name)
    lines = ["| fault | limit that 95 % of runs find |", "|---|---|"]
    lines += [f"| {', '.join(names)} | {FORMULAS[formula].words} |" for formula, names in used.items()]
    return [*lines, ""]


def _not_run(cells: Sequence[Cell]) -> list[str]:
    left = [f"{case.name}, {scene}" for case in cases() for scene in case.scenes if _cell(case, scene, cells) is None]
    return [f"Not run for this page: {'; '.join(left)}.\n"] if left else []
