"""The coverage study: does the interval y +- U hold what left the outlet, as often as it says?

Run: ``python -m tests.studies.coverage --runs 2000 --jobs 2`` (``--mismatch``: with effects that the analysis does not
know). The same numbers come out wherever it runs. ``--write PAGE`` puts the tables into the page
docs/explanation/coverage.md. Each run is drawn (`draws`), played by the twin (`player`), judged by the judge and
compared with the plant's sealed ledger (`strata`); `counting` makes figures of them.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from itertools import groupby
from pathlib import Path

from rig.results import Outcome
from tests.studies import mismatch
from tests.studies.counting import Figures, figures, most_wrong
from tests.studies.player import Plan
from tests.studies.strata import EDGE, Row, Stratum, basal, run_at_limit, run_together, strata

CHUNK = 25
HEAD = "| stratum | n | held | share, 95 % interval | mean U, % | U / needed | below / above | largest components |"
RULE = "|---|---|---|---|---|---|---|---|"
LIMIT_HEAD = "| stratum | n | wrong PASS | at most | INCONCLUSIVE | mean U, % |"
LIMIT_RULE = "|---|---|---|---|---|---|"


def at_limit() -> tuple[Stratum, ...]:
    """Return strata in which a PASS against +-5 % is possible at all."""
    return (
        basal(0.5, 6.0),
        basal(1.0, 6.0),
        basal(5.0, 1.0),
        basal(30.0, 1.0),
        Stratum("bolus 1 U", "single", Plan(amount_u=1.0, repeat=10)),
        Stratum("mean of 10 boluses of 0.1 U", "mean", Plan(amount_u=0.1, repeat=10)),
        Stratum("mean of 6 boluses of 10 U", "mean", Plan(amount_u=10.0, repeat=6)),
    )


def gather(one: Callable[[Stratum, int], Row], stratum: Stratum, runs: int, pool: Executor | None) -> list[Row]:
    """Return runs 0..n-1 of a stratum, in order, whoever computes them."""
    work = partial(one, stratum)
    return list(map(work, range(runs)) if pool is None else pool.map(work, range(runs), chunksize=CHUNK))


def coverage_row(name: str, found: Figures) -> str:
    """Return one line of the table of coverage."""
    parts = ", ".join(f"{part} {100 * share:.0f} %" for part, share in found.shares[:3])
    share = f"{100 * found.share:.1f} % ({100 * found.low:.1f} to {100 * found.high:.1f})"
    return (
        f"| {name} | {found.count} | {found.covered} | {share} | {2 * found.mean_u:.3g} | {found.margin:.2f} "
        f"| {found.below} / {found.above} | {parts} |"
    )


def coverage_tables(runs: int, pool: Executor | None, wanted: Callable[[str], bool]) -> dict[str, list[str]]:
    """Return the tables of the plain study, as lines of Markdown."""
    lines, bare = [HEAD, RULE], [HEAD, RULE]
    told: Counter[str] = Counter()
    played = 0
    chosen = [stratum for stratum in strata() if wanted(stratum.name)]
    for _, of_one_plan in groupby(chosen, key=lambda stratum: stratum.plan):
        together = tuple(of_one_plan)
        work = partial(run_together, together)
        runs_of = list(map(work, range(runs)) if pool is None else pool.map(work, range(runs), chunksize=CHUNK))
        for stratum, rows in zip(together, zip(*runs_of, strict=True), strict=True):
            lines.append(_said(coverage_row(stratum.name, figures(stratum.name, rows))))
            if any(row.parts.get(EDGE) for row in rows):
                bare.append(coverage_row(stratum.name, figures(stratum.name, rows, without=EDGE)))
        played += runs
        told.update(name for seen in runs_of for name in {name for row in seen for name in row.told})
    limits = [LIMIT_HEAD, LIMIT_RULE]
    for stratum in filter(lambda each: wanted(each.name), at_limit()):
        at_it = gather(run_at_limit, stratum, runs, pool)
        limits.append(_said(limit_row(stratum, at_it)))
    alarms = ["| said of a plain run | runs | of |", "|---|---|---|"]
    alarms += [_said(f"| {name} | {count} | {played} |") for name, count in told.most_common()]
    return {"coverage": lines, "without dose edge": bare, "at the limit": limits, "false alarms": alarms}


def limit_row(stratum: Stratum, rows: Sequence[Row]) -> str:
    """Return one line of the table of runs whose truth lies just outside a limit."""
    wrong = sum(row.outcome == Outcome.PASS.value for row in rows)
    undecided = sum(row.outcome == Outcome.INCONCLUSIVE.value for row in rows)
    mean_u = 2.0 * sum(row.u for row in rows) / len(rows)
    return f"| {stratum.name} | {len(rows)} | {wrong} | {most_wrong(len(rows))} | {undecided} | {mean_u:.3g} |"


def _said(line: str) -> str:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
    return line


def put_into(page: Path, tables: dict[str, list[str]]) -> None:
    """Put each table between ``<!-- table: NAME -->`` and ``<!-- end -->`` of a page."""
    text = page.read_text(encoding="utf-8")
    for name, lines in tables.items():
        block = re.compile(rf"(<!-- table: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
        assert block.search(text), f"{page} has no place for the table '{name}'"
        body = "\n".join(lines)
        text = block.sub(partial(_framed, body), text)
    page.write_text(text, encoding="utf-8")


def _framed(body: str, found: re.Match[str]) -> str:
    return f"{found[1]}\n{body}\n\n{found[2]}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; see the module's own words."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=200, help="runs of each stratum")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--only", default="", help="only strata whose name holds this")
    parser.add_argument("--mismatch", action="store_true", help="effects that the analysis does not know")
    parser.add_argument("--write", type=Path, help="page whose tables are replaced")
    options = parser.parse_args(arguments)
    with ProcessPoolExecutor(options.jobs) as workers:
        pool = workers if options.jobs > 1 else None
        tables = (
            mismatch.tables(options.runs, pool, gather, lambda name: options.only in name)
            if options.mismatch
            else coverage_tables(options.runs, pool, lambda name: options.only in name)
        )
    if options.write:
        put_into(options.write, tables)
    return 0


if __name__ == "__main__":
    sys.exit(main())
