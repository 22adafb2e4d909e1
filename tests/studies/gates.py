"""How often do the gates of bench fitness shut on a clean run? All together at most once in 1,000 (design 4.11).

Run: ``python -m tests.studies.gates --runs 20000 --jobs 2``. The same numbers come out wherever it runs. Each run is a
bench that nothing is wrong with: white and correlated noise and a walk, rounded as the display rounds, an evaporation
of at most 5 % of the rate that goes up to 15 % of itself between the blanks, a balance anywhere within its certificate,
and a history of former blanks of the same bench. The gates themselves are asked (`rig.judging.gates`), with blanks
analysed as a run's are. The gate of a display that stands still needs a run laid out; tests/judging has it.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from rig.analysis.quality.scale import ALPHA
from rig.config import BalanceConfig, ReferenceWeightConfig, load_bench
from rig.judging.bench_history import Former, noise_limit_mg
from rig.judging.fitness import FIT_SHARE
from rig.judging.gates import evaporating, rising
from rig.judging.reference_weights import Weighed, drift_limit_mg, error_limit_mg
from rig.metrology.blank import Blank, analyse_blank
from rig.metrology.checks import FloatArray
from rig.metrology.evaporation import Evaporation, evaporation_from_blanks
from rig.metrology.noise import pooled_noise

MG_PER_U: Final = 9.97
RESOLUTION_MG: Final = 0.01
LIMIT_PCT: Final = 5.0
POOL: Final = 60  # former blanks of a bench, from which each run's history is drawn
CHUNK: Final = 500
GATES: Final = ("rising", "evaporating", "noise", "weight", "drift of the span", "U beyond half the limit")


@dataclass(frozen=True, slots=True)
class Clean:
    """One kind of clean run: rate in U/h over hours, blanks of so many s every so many s, former blanks."""

    name: str
    rate_u_per_h: float
    hours: float
    blank_s: float
    interval_s: float
    former: int


KINDS: Final = (
    Clean("1 U/h, 25 h, blanks of 1 h", 1.0, 25.0, 3600.0, 10.0, 20),
    Clean("0.5 U/h, 25 h, blanks of 1 h", 0.5, 25.0, 3600.0, 10.0, 10),
    Clean("5 U/h, 2 h, blanks of 30 min", 5.0, 2.0, 1800.0, 2.0, 50),
    Clean("30 U/h, 10 min, blanks of 3 min", 30.0, 1.0 / 6.0, 180.0, 1.0, 20),
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A bench: white and correlated noise in mg, correlation in s, walk in mg/sqrt(h), evaporation in mg/h."""

    white_mg: float
    correlated_mg: float
    tau_s: float
    walk_mg: float
    evaporation_mg_per_h: float

    def blank(self, kind: Clean, random: np.random.Generator) -> Blank:
        """Return one blank of this bench, analysed as a run's."""
        count = round(kind.blank_s / kind.interval_s) + 1
        times = kind.interval_s * np.arange(count)
        rho = math.exp(-kind.interval_s / self.tau_s)
        steps = random.normal(0.0, self.correlated_mg * math.sqrt(1.0 - rho * rho), count)
        steps[0] = random.normal(0.0, self.correlated_mg)
        walk = np.cumsum(random.normal(0.0, self.walk_mg * math.sqrt(kind.interval_s / 3600.0), count))
        masses = 50_000.0 + random.normal(0.0, self.white_mg, count) + _recursive(steps, rho) + walk
        masses -= self.evaporation_mg_per_h * times / 3600.0
        return analyse_blank(times, np.round(masses / RESOLUTION_MG) * RESOLUTION_MG, RESOLUTION_MG)


def _recursive(steps: FloatArray, rho: float) -> FloatArray:
    from scipy.signal import lfilter  # noqa: PLC0415 - only who needs it pays for it

    return np.asarray(lfilter([1.0], [1.0, -rho], steps), dtype=np.float64)


def drawn(kind: Clean, random: np.random.Generator) -> Drawn:
    """Return a bench that nothing is wrong with."""
    rate_mg_per_h = kind.rate_u_per_h * MG_PER_U
    return Drawn(
        white_mg=random.uniform(0.005, 0.02),
        correlated_mg=random.uniform(0.0, 0.01),
        tau_s=random.uniform(5.0, 60.0),
        walk_mg=random.uniform(0.0, 0.02),
        evaporation_mg_per_h=random.uniform(0.0, 0.05) * rate_mg_per_h,
    )


def own_share(kind: Clean, evaporation: Evaporation, blanks: Sequence[Blank]) -> float:
    """Return U of noise, drift and evaporation over the run, as a share of a limit of 5 %."""
    noise = pooled_noise(blanks[0].noise, blanks[1].noise)
    u_noise, u_drift, _ = noise.u_difference_mg(1, 0.0, 1, 0.0, kind.hours * 3600.0)
    u_mg = math.hypot(u_noise, u_drift, math.hypot(evaporation.u_mg_per_h, evaporation.u_between_mg_per_h) * kind.hours)
    return 2.0 * 100.0 * u_mg / (kind.rate_u_per_h * kind.hours * MG_PER_U) / LIMIT_PCT


def shut(
    kind: Clean, bench: Drawn, pool: Sequence[float], balance: BalanceConfig, random: np.random.Generator
) -> set[str]:
    """Return which gates one run of a bench shuts; ``pool``: noises of its former blanks, mg."""
    later = replace(bench, evaporation_mg_per_h=bench.evaporation_mg_per_h * random.uniform(0.85, 1.15))
    blanks = (bench.blank(kind, random), later.blank(kind, random))
    evaporation = evaporation_from_blanks(*blanks)
    rate = kind.rate_u_per_h * MG_PER_U
    found = {"rising"} if rising(evaporation, rate) else set()
    found |= {"evaporating"} if evaporating(evaporation, rate) else set()
    former = Former(tuple(random.choice(np.asarray(pool), kind.former, replace=False)), told=True)
    limit = noise_limit_mg(former, ALPHA / 2.0)
    if limit is not None and max(blank.noise.reading_mg for blank in blanks) > limit:
        found.add("noise")
    found |= _weights(balance, random)
    if own_share(kind, evaporation, blanks) > FIT_SHARE:
        found.add("U beyond half the limit")
    return found


def _weights(balance: BalanceConfig, random: np.random.Generator) -> set[str]:
    """Return what a reference weight of 20 g says of a balance somewhere within its certificate."""
    weight = ReferenceWeightConfig(20.0, 20.0, 0.02, balance.calibration)
    u_each = balance.uncertainty.repeatability_mg * math.sqrt(1.5)
    span_mg = random.uniform(-1.0, 1.0) * balance.uncertainty.sensitivity_ppm * 1e-6 * 20_000.0
    common = random.normal(0.0, weight.u_mg)
    errors = [span_mg + common + random.normal(0.0, u_each) for _ in range(2)]
    first, last = (
        Weighed(which, weight, 0.0, 1.0, e, u_each) for which, e in zip(("start", "end"), errors, strict=True)
    )
    found = {"weight"} if any(abs(each.error_mg) > error_limit_mg(each, balance) for each in (first, last)) else set()
    if abs(last.error_mg - first.error_mg) > drift_limit_mg(first, last, balance):
        found.add("drift of the span")
    return found


def chunk(kind: Clean, number: int, runs: int, pool_size: int = POOL) -> Counter[str]:
    """Return how often each gate shut in runs of one bench, and how often any did."""
    random = np.random.default_rng([KINDS.index(kind), number])
    bench = drawn(kind, random)
    pool = [bench.blank(kind, random).noise.reading_mg for _ in range(pool_size)]
    balance = load_bench("simulated").balance
    count: Counter[str] = Counter()
    for _ in range(runs):
        found = shut(kind, bench, pool, balance, random)
        count.update(found)
        count["any"] += bool(found)
    return count


def row(kind: Clean, runs: int, jobs: int, per_bench: int = CHUNK) -> str:
    """Return one line of the table: ``runs`` runs of a kind, on ``runs / per_bench`` benches."""
    work, numbers = partial(chunk, kind, runs=per_bench), range(max(runs // per_bench, 1))
    with ProcessPoolExecutor(jobs) as pool:
        parts = list(map(work, numbers) if jobs == 1 else pool.map(work, numbers))
    count = sum(parts, Counter[str]())
    cells = " | ".join(str(count[gate]) for gate in GATES)
    return f"| {kind.name} | {len(parts) * per_bench} | {count['any']} | {cells} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study; see the module's own words."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5000, help="runs of each kind")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--per-bench", type=int, default=CHUNK, help="runs on one bench")
    options = parser.parse_args(arguments)
    sys.stdout.write(f"| clean runs | n | any | {' | '.join(GATES)} |\n|---|---|---|{'---|' * len(GATES)}\n")
    for kind in KINDS:
        sys.stdout.write(f"{row(kind, options.runs, options.jobs, options.per_bench)}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
