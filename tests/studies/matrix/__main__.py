"""The seeded-fault matrix: ``python -m tests.studies.matrix --out docs/reference/detection.md --seeds 20``.

Every cell is stored when it is done (``--store``); a second call goes on where the first one was stopped. The same
seeds give the same figures on every machine, whatever ``--jobs``.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path

from tests.studies.matrix.scenes import scenes
from tests.studies.matrix.search import CLEAN, CLEAN_SCENES, Cell, case_key, clean, key_of, search, stored, to_line
from tests.studies.matrix.table import cases

CLEAN_CHUNK = 10
Work = Callable[[], Cell]


def work(seeds: int, first: int, only: Sequence[str] = ()) -> dict[str, tuple[str, Work]]:
    """Return every cell that is wanted: by key, its name and what computes it."""
    wanted: dict[str, tuple[str, Work]] = {}
    for scene_id, runs in CLEAN_SCENES.items() if not only or CLEAN in only else ():
        for start in range(0, runs, CLEAN_CHUNK):
            key = key_of(CLEAN, scenes()[scene_id].text, start, CLEAN_CHUNK, first)
            wanted[key] = (f"clean {scene_id} from {start}", partial(clean, scene_id, start, CLEAN_CHUNK, first))
    for case in cases():
        for scene_id in case.scenes:
            name = f"{case.name}, {scene_id}"
            if not only or any(part in name for part in only):
                key = case_key(case, scene_id, seeds, first)
                wanted[key] = (name, partial(search, case, scene_id, seeds, first))
    return wanted


def run_all(seeds: int, first: int, only: Sequence[str], store: Path, jobs: int, minutes: float) -> None:
    """Compute what the store does not hold yet, or only with fewer seeds."""
    wanted = work(seeds, first, only)
    done = stored(store)
    better = {f"{cell.case}, {cell.scene}" for cell in current(done, first) if cell.seeds >= seeds}
    left = {key: each for key, each in wanted.items() if key not in done and each[0] not in better}
    began = time.monotonic()
    store.parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(jobs) as pool, store.open("a", encoding="utf-8") as lines:
        futures = {pool.submit(one): name for name, one in left.values()}
        for count, future in enumerate(as_completed(futures), 1):
            if future.cancelled():
                continue
            cell = future.result()
            lines.write(to_line(cell) + "\n")
            lines.flush()
            passed = (time.monotonic() - began) / 60.0
            _say(f"{count}/{len(futures)} after {passed:.1f} min: {futures[future]}: {_short(cell)}")
            if passed > minutes:
                for each in futures:
                    each.cancel()


def current(cells: dict[str, Cell], first: int) -> tuple[Cell, ...]:
    """Return what a store holds of the table as it stands, of each cell the one with the most seeds."""
    held = [cells[key] for key in work(0, first, (CLEAN,)) if key in cells]
    for case in cases():
        for scene_id in case.scenes:
            found = [each for each in cells.values() if (each.case, each.scene) == (case.name, scene_id)]
            found = [each for each in found if each.key == case_key(case, scene_id, each.seeds, first)]
            held += sorted(found, key=lambda each: each.seeds)[-1:]
    return tuple(held)


def _short(cell: Cell) -> str:
    tried = ", ".join(f"{row.size:g}: {row.found}/{row.runs}" for row in cell.tried)
    breaches = [breach for row in cell.tried for breach in row.breaches]
    return f"smallest {cell.smallest} ({tried}) {cell.cpu_s:.0f} s of CPU {breaches or ''}"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the matrix; see the module's own words."""
    parser = argparse.ArgumentParser(prog="python -m tests.studies.matrix", description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="page that is written from all cells known so far")
    parser.add_argument("--store", type=Path, default=Path("build/matrix.jsonl"), help="where finished cells are kept")
    parser.add_argument("--seeds", type=int, default=20, help="runs of each size")
    parser.add_argument("--first-seed", type=int, default=0, help="another number gives other pumps, rooms and noise")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--only", action="append", help="only cells whose name holds this ('clean': without fault)")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no further cell after so long")
    parser.add_argument("--page-only", action="store_true", help="write the page from the store, run nothing")
    options = parser.parse_args(arguments)
    if not options.page_only:
        only = tuple(options.only or ())
        run_all(options.seeds, options.first_seed, only, options.store, options.jobs, options.minutes)
    if options.out:
        from tests.studies.matrix.page import page  # noqa: PLC0415 - only where it is asked for

        options.out.write_text(page(current(stored(options.store), options.first_seed)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
