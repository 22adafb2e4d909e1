"""One cell of the matrix: the smallest size of a fault that is found in 95 % of runs, by bisection over its sizes."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from tests.studies.matrix.play import Seen, play
from tests.studies.matrix.scenes import S_PER_H, scenes
from tests.studies.matrix.table import BENCH, Case

MISSES: Final = 0.05  # of the runs may miss a fault that counts as found
CLEAN: Final = "clean"
CLEAN_SCENES: Final = {
    "basal-005": 50,
    "basal-01": 50,
    "basal-10": 50,
    "bolus": 20,
    "day": 10,
    "temp": 10,
    "suspend": 10,
}
Player = Callable[[str, tuple[str, ...], int], Seen]


@dataclass(frozen=True, slots=True)
class Tried:
    """One size: how many runs were made, and in how many the fault was found, by what, after how long (median, s)."""

    size: float
    runs: int
    found: int
    outcomes: dict[str, int]
    told: dict[str, int]
    after_s: float | None
    confounded: int
    breaches: tuple[str, ...]
    astray: int = 0  # runs whose interval y +- U does not hold the truth
    silent: int = 0  # of those, the ones of which nothing was told


@dataclass(frozen=True, slots=True)
class Cell:
    """One fault in one scene. ``smallest``: None where no size was found in 95 % of runs."""

    key: str
    case: str
    scene: str
    seeds: int
    smallest: float | None
    tried: tuple[Tried, ...]
    cpu_s: float
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def runs(self) -> int:
        """Return how many runs were made for it."""
        return sum(each.runs for each in self.tried)

    def at(self, size: float | None) -> Tried | None:
        """Return what a size came to, where it was tried."""
        return next((each for each in self.tried if each.size == size), None)


def key_of(*parts: object) -> str:
    """Return a name that changes with anything a cell depends on, but the rig itself."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def case_key(case: Case, scene_id: str, seeds: int, first: int) -> str:
    """Return the key of a cell."""
    return key_of(case.fault, case.sizes, case.by, case.after, case.base, scenes()[scene_id].text, seeds, first)


def seed_of(name: str, first: int, number: int) -> int:
    """Return the seed of run ``number``: other cells have other pumps, and nobody has tuned to any of them."""
    return (zlib.crc32(name.encode()) + first + number) % 2**32


def search(case: Case, scene_id: str, seeds: int, first: int, player: Player = play) -> Cell:
    """Return the smallest size that is found, by bisection: a larger fault is taken to be no harder to find."""
    tried: dict[int, Tried] = {}
    cpu: list[float] = []
    low, high = -1, len(case.sizes)
    while high - low > 1:
        middle = (low + high) // 2
        tried[middle] = _size(case, scene_id, case.sizes[middle], seeds, first, player, cpu)
        if tried[middle].found >= tried[middle].runs - allowed(seeds) and tried[middle].runs == seeds:
            high = middle
        else:
            low = middle
    smallest = case.sizes[high] if high < len(case.sizes) else None
    key = case_key(case, scene_id, seeds, first)
    in_order = tuple(tried[index] for index in sorted(tried))
    return Cell(key, case.name, scene_id, seeds, smallest, in_order, sum(cpu))


def allowed(seeds: int) -> int:
    """Return how many of ``seeds`` runs may miss."""
    return int(MISSES * seeds + 1e-9)


def _size(case: Case, scene_id: str, size: float, seeds: int, first: int, player: Player, cpu: list[float]) -> Tried:
    begins_h = scenes()[scene_id].begins_h
    faults = case.faults(size, begins_h)
    from_s = 0.0 if case.after is None else S_PER_H * (begins_h + case.after)
    held: list[Seen] = []
    missed = 0
    for number in range(seeds):
        seen = player(scene_id, faults, seed_of(f"{case.name}/{scene_id}", first, number))
        held.append(seen)
        cpu.append(seen.cpu_s)
        missed += not found_by(seen, case.by)
        if missed > allowed(seeds) and len(held) > 1:
            break
    times = [at for each in held if (at := _when(each, case.by, from_s)) is not None]
    counts = Counter(name for each in held for name in each.told)
    breaches = [] if case.side == BENCH else [each.breach for each in held if each.breach]
    return Tried(
        size=size,
        runs=len(held),
        found=len(held) - missed,
        outcomes=dict(Counter(each.outcome for each in held)),
        told=dict(counts.most_common(8)),
        after_s=median(times) if times else None,
        confounded=sum(each.alternatives for each in held),
        breaches=tuple(breaches),
        astray=sum(each.is_astray for each in held),
        silent=sum(each.is_astray and not each.warns for each in held),
    )


def found_by(seen: Seen, by: Sequence[str]) -> bool:
    """Return whether a run found its fault."""
    return any(name in seen.told or name == seen.outcome or name in seen.checks.values() for name in by)


def _when(seen: Seen, by: Sequence[str], from_s: float) -> float | None:
    """Return how long after its beginning a fault was first told; a verdict comes at the end of its check."""
    times = [at for name in by if (at := seen.told.get(name)) is not None]
    if not times:
        return None
    return max(0.0, min(times) - from_s)


def clean(scene_id: str, from_number: int, runs: int, first: int, player: Player = play) -> Cell:
    """Return runs without any fault, and what the predictions need of them."""
    held = [player(scene_id, (), seed_of(f"{CLEAN}/{scene_id}", first, from_number + n)) for n in range(runs)]
    row = Tried(
        size=float(from_number),
        runs=runs,
        found=0,
        outcomes=dict(Counter(each.outcome for each in held)),
        told=dict(Counter(name for each in held for name in each.told).most_common(12)),
        after_s=None,
        confounded=0,
        breaches=tuple(each.breach for each in held if each.breach),
        astray=sum(each.is_astray for each in held),
        silent=sum(each.is_astray and not each.warns for each in held),
    )
    facts: dict[str, Any] = {"expanded_u": [each.expanded_u for each in held], "truth": [each.truth for each in held]}
    facts |= {"limits": [each.limits for each in held], "all_u": [each.all_u for each in held]}
    key = key_of(CLEAN, scenes()[scene_id].text, from_number, runs, first)
    return Cell(key, CLEAN, scene_id, runs, None, (row,), sum(each.cpu_s for each in held), facts)


def to_line(cell: Cell) -> str:
    """Return a cell as one line of the store."""
    rows = [{name: getattr(row, name) for name in Tried.__slots__} for row in cell.tried]
    held = {name: getattr(cell, name) for name in Cell.__slots__} | {"tried": rows}
    return json.dumps(held, sort_keys=True)


def from_line(line: str) -> Cell:
    """Return a stored cell."""
    held = json.loads(line)
    rows = tuple(Tried(**{**row, "breaches": tuple(row["breaches"])}) for row in held["tried"])
    return Cell(**{**held, "tried": rows})


def stored(path: Path) -> dict[str, Cell]:
    """Return every cell of a store by its key; a line that was torn by a kill is done again."""
    found: dict[str, Cell] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            cell = from_line(line)
        except (ValueError, TypeError, KeyError):
            continue
        found[cell.key] = cell
    return found


def told_by(cells: Iterable[Cell]) -> Counter[str]:
    """Return how often each finding was told in some cells."""
    total: Counter[str] = Counter()
    for cell in cells:
        for row in cell.tried:
            total.update(row.told)
    return total
