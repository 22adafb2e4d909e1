"""The exactly-once campaign: what a fault of the radio, or the death of the driver, makes of one command.

Run: ``python -m tests.torture.once --jobs 2`` (all of it), or with ``--pairs 200`` for a sample of the pairs. Every
command of the therapy is told to a simulated pump by the rig's own journal and driver, behind either stick, on a pump
of the old families and one of the new:

- ``single``: one deed (drop, corrupt, delay by 2 s, duplicate) to one packet, sent or heard, each in turn;
- ``pair``: two such deeds, all pairs or a seeded sample;
- ``kill``: the driver dies before its n-th write, or right behind it; a new one stops the pump and settles the rest;
- ``kill+``: the same, with one deed to one packet before;
- ``storm``: for a minute every packet is lost, spoilt or doubled by chance.

Whatever happens, the plant's ledger must show the command once or not at all, the journal must say which, and nothing
may take longer than `LIMIT_S` of virtual time. Each case that breaks this is printed with what repeats it.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from tests.torture.once_bench import (
    BEGIN_S,
    LINKS,
    MODELS,
    SEEDS,
    STORM,
    STORM_S,
    Case,
    Found,
    clean_counts,
    play,
)
from tests.torture.once_exchanges import EXCHANGES

DEEDS = ("drop", "corrupt", "delay", "duplicate")
PAIRS = 0  # all of them
STORMS = 1000  # of each exchange, where all pairs are played
BEYOND = 4  # packets or writes beyond those of an undisturbed exchange: what a fault adds is disturbed, too


@dataclass(slots=True)
class Total:
    """What one kind of case came to."""

    cases: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    longest_s: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def add(self, found: Found) -> None:
        """Count one case."""
        self.cases += 1
        self.verdicts[found.verdict] += 1
        self.longest_s = max(self.longest_s, found.took_s)
        self.wrong += [f"{found.case.text}: {why}" for why in found.wrong]

    def merge(self, other: Total) -> None:
        """Add what another one counted."""
        self.cases += other.cases
        self.verdicts += other.verdicts
        self.longest_s = max(self.longest_s, other.longest_s)
        self.wrong += other.wrong


def faults_of(model: str, link: str, exchange: str) -> list[str]:
    """Return every single deed to every packet of an exchange."""
    sent, heard, _ = clean_counts(model, link, exchange)
    packets = [(way, n) for way, most in (("sent", sent), ("heard", heard)) for n in range(1, most + 1 + BEYOND)]
    return [f"{deed}:{way}:{number}" for way, number in packets for deed in DEEDS]


def cases_of(model: str, link: str, exchange: str, kind: str, pairs: int, seed: int) -> Iterator[Case]:
    """Yield the cases of one kind; ``pairs`` 0: all of them, else a seeded sample of so many."""
    singles = faults_of(model, link, exchange)
    writes = clean_counts(model, link, exchange)[2]
    draw = random.Random(f"{seed}/{model}/{link}/{exchange}/{kind}")
    last = writes + (BEYOND if kind == "kill+" else 0)
    kills = [(number, behind) for number in range(1, last + 1) for behind in (False, True)]
    if kind == "single":
        yield from (Case(model, link, exchange, (fault,)) for fault in singles)
    elif kind == "pair":
        all_pairs = list(itertools.combinations(singles, 2))
        chosen = draw.sample(all_pairs, min(pairs, len(all_pairs))) if pairs else all_pairs
        yield from (Case(model, link, exchange, pair) for pair in chosen)
    elif kind == "kill":
        yield from (Case(model, link, exchange, (), number, behind) for number, behind in kills)
    elif kind == "storm":
        faults = tuple(f"{fault}@{BEGIN_S:g}s+{STORM_S:g}s" for fault in STORM)
        yield from (Case(model, link, exchange, faults, seed=seed * SEEDS + n) for n in range(1, (pairs or STORMS) + 1))
    else:
        both = list(itertools.product(singles, kills))
        struck = draw.sample(both, min(pairs, len(both))) if pairs else both
        yield from (Case(model, link, exchange, (fault,), number, behind) for fault, (number, behind) in struck)


KINDS = ("single", "pair", "kill", "kill+", "storm")
Job = tuple[str, str, str, str, int, int, int, int]


def jobs_of(kinds: Sequence[str], exchanges: Sequence[str], pairs: int, seed: int, parts: int) -> list[Job]:
    """Return the campaign cut into pieces of work."""
    where = itertools.product(MODELS, LINKS, exchanges, kinds)
    return [(*each, pairs, seed, part, parts) for each in where for part in range(parts)]


def work(job: Job) -> tuple[Job, Total]:
    """Play one piece."""
    model, link, exchange, kind, pairs, seed, part, parts = job
    total = Total()
    for case in itertools.islice(cases_of(model, link, exchange, kind, pairs, seed), part, None, parts):
        total.add(play(case))
    return job, total


def campaign(jobs: Sequence[Job], processes: int) -> dict[tuple[str, str, str], Total]:
    """Play all; totals by kind, link and exchange."""
    totals: dict[tuple[str, str, str], Total] = {}
    if processes <= 1:
        done: Iterator[tuple[Job, Total]] = map(work, jobs)
        return _sum(done, totals)
    with ProcessPoolExecutor(processes) as pool:
        return _sum(pool.map(work, jobs), totals)


def _sum(
    done: Iterator[tuple[Job, Total]], totals: dict[tuple[str, str, str], Total]
) -> dict[tuple[str, str, str], Total]:
    for (_, link, exchange, kind, *_), total in done:
        totals.setdefault((kind, link, exchange), Total()).merge(total)
        for wrong in total.wrong:
            sys.stdout.write(f"WRONG {wrong}\n")
            sys.stdout.flush()
    return totals


def main() -> int:
    """Run the campaign and print what it counted; 1 when anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="pairs of each exchange (0: all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--only", default="", help="exchanges whose name begins so")
    options = parser.parse_args()
    exchanges = [name for name in EXCHANGES if name.startswith(options.only)]
    began_s = time.monotonic()
    jobs = jobs_of(options.kinds.split(","), exchanges, options.pairs, options.seed, 4)
    totals = campaign(jobs, options.jobs)
    everything = Total()
    for (kind, link, exchange), total in sorted(totals.items()):
        everything.merge(total)
        said = ", ".join(f"{verdict} {count}" for verdict, count in sorted(total.verdicts.items()))
        sys.stdout.write(
            f"{kind:7} {link:9} {exchange:14} {total.cases:6} cases, {len(total.wrong)} wrong, "
            f"longest {total.longest_s:.0f} s: {said}\n"
        )
    sys.stdout.write(
        f"{everything.cases} cases, {len(everything.wrong)} wrong, longest {everything.longest_s:.0f} s of virtual "
        f"time; {time.monotonic() - began_s:.0f} s\n"
    )
    return int(bool(everything.wrong))


if __name__ == "__main__":
    sys.exit(main())
