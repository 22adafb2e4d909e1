"""From a judged value back to raw readings: every number on the way, and where each reading stands in the record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rig.judging.doubted import kept
from rig.judging.items import Item
from rig.judging.view import BALANCE, NS_PER_S, RunView
from rig.metrology.budget import Budget
from rig.metrology.model import FORMULA
from rig.metrology.volume import Level, VolumeResult
from rig.record.reader import WeighingColumns
from rig.results import BudgetLine
from rig.verdict import COVERAGE_FACTOR

DEFINES = ("name", "evaluation", "distribution", "unit", "source")
BUDGET_DIGITS = 7  # significant digits: result.json holds thousands of these numbers
TRACE_DIGITS = 13
SHARABLE = (
    "evaporation_mg_per_h",
    "drift_mg",
    "span",
    "air_start_kg_per_m3",
    "air_end_kg_per_m3",
    "liquid_kg_per_m3",
    "reference_kg_per_m3",
    "load_cm3",
    "k_tube",
    "taken_off_ul",
)


class Components:
    """The components that the budgets of one check are made of, each defined once and referred to by its number."""

    def __init__(self) -> None:
        """Begin with none."""
        self._numbers: dict[tuple[str, ...], int] = {}

    def rows(self, budget: Budget | None) -> list[list[float]]:
        """Return a budget as rows [number, standard uncertainty, sensitivity, contribution], largest first."""
        if budget is None:
            return []
        return [
            [
                self._number(line),
                *(_short(each, BUDGET_DIGITS) for each in (line.standard_uncertainty, line.sensitivity)),
                _short(line.contribution, BUDGET_DIGITS),
            ]
            for line in budget.lines()
        ]

    def definitions(self) -> tuple[dict[str, Any], ...]:
        """Return what the numbers stand for, in their order."""
        return tuple(dict(zip(DEFINES, key, strict=True)) for key in self._numbers)

    def _number(self, line: BudgetLine) -> int:
        key = (line.name, line.evaluation, line.distribution, line.unit, line.source)
        return self._numbers.setdefault(key, len(self._numbers))


class RawReadings:
    """Where each reading of a view stands in the record."""

    def __init__(self, view: RunView) -> None:
        """Lay out the readings of one stretch beside the segments that hold them."""
        self._falls = [(fall.shift.after_s, fall.taken_out_mg) for fall in view.quality.falls]
        self._columns = view.record.weighings.get(BALANCE, WeighingColumns())
        asked = np.array(self._columns.asked_ns, dtype=np.int64)
        answered = np.array(self._columns.answered_ns, dtype=np.int64)
        times = ((asked - view.started_ns) + (answered - view.started_ns)) / (2.0 * NS_PER_S)
        keep = np.flatnonzero(kept(view.record.events, self._columns))
        self._rows = keep[np.concatenate(([True], np.diff(times[keep]) > 0))] if keep.size else keep
        self._times = times[self._rows]
        counts = [
            (each.segment.file, len(each.segment.weighings.get(BALANCE, WeighingColumns()).mass_mg))
            for each in view.stretch.placed
        ]
        self._files = [file for file, _ in counts]
        self._ends = np.cumsum([count for _, count in counts])
        # Readings that were put together without a file have no place in one.
        self._placed = len(self._columns.block) == len(self._columns.line) == len(self._columns.mass_mg)

    def taken_out_mg(self, at_s: float) -> float:
        """Return what was added to the readings of an instant for falls of the level before it."""
        return sum(mg for after_s, mg in self._falls if at_s >= after_s)

    def at(self, at_s: float | None) -> dict[str, Any] | None:
        """Return the reading nearest to a time: its times, its mass, the file and the block that hold it."""
        if at_s is None or not self._times.size:
            return None
        near = int(np.clip(np.searchsorted(self._times, at_s), 1, max(self._times.size - 1, 1)))
        near = min(near, self._times.size - 1)
        if near and at_s - self._times[near - 1] <= self._times[near] - at_s:
            near -= 1
        row = int(self._rows[near])
        part = min(int(np.searchsorted(self._ends, row, side="right")), len(self._files) - 1)
        return {
            "at_s": round(float(self._times[near]), 9),
            "mass_mg": self._columns.mass_mg[row],
            "place": f"{self._files[part]}:{self._columns.block[row]}:{self._columns.line[row]}"
            if self._placed
            else "",
        }


def check_trace(
    item: Item | None,
    view: RunView,
    raw: RawReadings,
    components: Components,
    items: Sequence[dict[str, Any] | None] = (),
) -> dict[str, Any] | None:
    """Return the trace of a check's value; ``items``: those of an "each" check, which carry the numbers themselves.

    What all of them have in common is moved into ``shared``, out of the ``items`` or parts that are given.
    """
    if item is None or item.derivation is None:
        return None
    derivation = item.derivation
    inner = derivation.parts[0].derivation if derivation.parts else derivation
    found: dict[str, Any] = {
        "model": FORMULA,
        "formula": derivation.formula,
        "concentration_u_per_ml": view.evidence.profile.concentration_u_per_ml,
    }
    if items:
        return {**found, "shared": take_shared(items)}
    if not derivation.parts:
        return {**found, **(item_trace(item, raw) or {})}
    parts = [part_row(part, raw, components if item.budget is None else None) for part in derivation.parts]
    formula = inner.formula if inner is not None else ""
    return {**found, "part_formula": formula, "shared": take_shared([part["trace"] for part in parts]), "parts": parts}


def take_shared(traces: Sequence[dict[str, Any] | None]) -> dict[str, Any]:
    """Move the quantities that are equal in all traces (of two or more) out of them, and return them."""
    held = [each for each in traces if each is not None and "start" in each]
    if len(held) < 2:
        return {}
    keys = [key for key in SHARABLE if all(each[key] == held[0][key] for each in held)]
    shared = {key: held[0][key] for key in keys}
    for each in held:
        for key in keys:
            del each[key]
    return shared


def item_trace(item: Item, raw: RawReadings) -> dict[str, Any] | None:
    """Return every number between the raw readings and the value of one item."""
    derivation = item.derivation
    if derivation is None or item.value is None:
        return None
    found: dict[str, Any] = {} if derivation.volume is None else _volume(derivation.volume, raw)
    return {**found, "numbers": dict(derivation.numbers), "value": item.value}


def part_row(part: Item, raw: RawReadings, components: Components | None) -> dict[str, Any]:
    """Return one of the values that another is the mean or the share of; its budget where that other has none."""
    found = {
        "label": part.label,
        "from_s": part.from_s,
        "to_s": part.to_s,
        "value": part.value,
        "expanded_uncertainty": None if part.u is None else COVERAGE_FACTOR * part.u,
        "trace": item_trace(part, raw),
    }
    return found if components is None else {**found, "budget": components.rows(part.budget)}


def _volume(volume: VolumeResult, raw: RawReadings) -> dict[str, Any]:
    model, change = volume.model, volume.change
    if model is None or change is None:
        return {"volume_ul": volume.volume_ul}
    return {
        "start": _level(change.start, raw),
        "end": _level(change.end, raw),
        "hours": _short(model.hours, TRACE_DIGITS),
        **{name: _short(getattr(model, name), TRACE_DIGITS) for name in SHARABLE},
        "volume_ul": _short(volume.volume_ul, TRACE_DIGITS),
    }


def _short(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def _level(level: Level, raw: RawReadings) -> dict[str, Any]:
    """Return one level: a mean of readings, a single one, or a line between two."""
    ends = [raw.at(at_s) for at_s in dict.fromkeys((level.first_s, level.last_s)) if at_s is not None]
    how = "mean" if level.count > 1 else "reading" if len(ends) < 2 else "interpolated"
    return {
        "mass_mg": _short(level.mass_mg, TRACE_DIGITS),
        "at_s": round(level.at_s, 9),
        "how": how,
        "bend_mg": _short(level.bend_mg, TRACE_DIGITS),
        "fall_mg": _short(raw.taken_out_mg(level.at_s), TRACE_DIGITS),
        "readings": level.count if how == "mean" else len(ends),
        "first": ends[0] if ends else None,
        "last": ends[-1] if ends else None,
    }
