"""One run of the matrix: the whole rig on the twin, judged, and compared with the plant's own ledger."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from rig.bench import Bench, open_bench
from rig.config import BenchConfig, Simulation, load_bench
from rig.engine import Finished, Run, hold_of, prepare
from rig.judging.stretches import stretches_of
from rig.record.reader import read_run
from rig.results import CheckResult, Outcome, Result
from rig.runner.folder import RunFolder
from rig.runner.progress import watch_nothing
from rig.runner.stop import StopRequest
from rig.runner.watch import Watch
from rig.sim.bench import SimulatedBench
from tests.studies.matrix.scenes import S_PER_H, Scene, scenes

NS: Final = 10**9
FAST_DISK: Final = Path("/dev/shm")  # noqa: S108 - a run is thrown away when its figures are known
ONE_SIDED: Final = 1.645  # standard normal quantile of 95 %
NO_WARNING: Final = {"dose-late", "dose-missed", "dose-doubled", "dose-clustered", "linear-propagation"}
NOT_TOLD: Final = {"note", "confounded", "between-blanks", "limit-not-used", "bench-not-fit"}


@dataclass(frozen=True, slots=True)
class Seen:
    """What one run came to. ``truth``: the ledger's error between the judge's own edges, in % of SET, None where none.

    ``told``: findings with the time of the first of each, in s of run time, None without a time.
    """

    outcome: str
    checks: dict[str, str]
    value: float | None
    expanded_u: float | None
    truth: float | None
    lower: float | None
    upper: float | None
    told: dict[str, float | None]
    alternatives: bool
    all_u: dict[str, float | None]
    limits: dict[str, float]
    end_reason: str
    cpu_s: float

    @property
    def is_astray(self) -> bool:
        """Return whether a value was given whose interval y +- U does not hold the truth."""
        if self.truth is None or self.value is None or self.expanded_u is None:
            return False
        return self.outcome != Outcome.INVALID.value and abs(self.value - self.truth) > self.expanded_u

    @property
    def warns(self) -> bool:
        """Return whether anything was told that makes one look at the bench."""
        return self.alternatives or bool(set(self.told) - NO_WARNING)

    @property
    def breach(self) -> str:
        """Return what rule of the matrix this run breaks, or nothing (issue 7: FAIL required, forbidden, no PASS)."""
        if self.truth is None or self.lower is None or self.upper is None:
            return ""
        outcome = next(iter(self.checks.values()))
        beyond = max(self.lower - self.truth, self.truth - self.upper)
        if beyond <= 0.0:
            return "FAIL inside" if outcome == Outcome.FAIL.value else ""
        if outcome == Outcome.PASS.value:
            return "PASS outside"
        required = self.expanded_u is not None and beyond > self.expanded_u * (1.0 + ONE_SIDED / 2.0)
        return "no FAIL" if required and outcome not in (Outcome.FAIL.value, Outcome.INVALID.value) else ""


@cache
def _bench() -> BenchConfig:
    return load_bench("simulated")


def bench_for(scene: Scene, seed: int) -> BenchConfig:
    """Return the simulated bench of one seed, with the pump's clock as the scene wants it."""
    return replace(_bench(), simulation=Simulation(seed=seed, start_local=scene.start_local))


def play(scene_id: str, faults: tuple[str, ...], seed: int) -> Seen:
    """Play a scene with faults; the same arguments give the same figures."""
    scene = scenes()[scene_id]
    config = bench_for(scene, seed)
    began_s = time.process_time()
    parent = Path(tempfile.mkdtemp(prefix="matrix-", dir=FAST_DISK if FAST_DISK.is_dir() else None))
    try:
        prepared = prepare(scene.scenario(), config)
        folder = RunFolder(parent, scene.id)
        with Watch(config, folder, parent, hold_of(prepared.scenario)) as watch:
            bench = open_bench(config, prepared.profile, faults, folder.sealed_ledger)
            finished = Run(prepared, bench, folder, watch, faults, watch_nothing).play(StopRequest())
        return _seen(finished, scene.rate_u_per_h, _twin(bench), time.process_time() - began_s)
    finally:
        shutil.rmtree(parent, ignore_errors=True)


def _twin(bench: Bench) -> SimulatedBench:
    """Return the twin behind a bench: the study may look into it, the rig may not."""
    owners = [getattr(closer, "__self__", None) for closer in bench._closers]
    return next(owner for owner in owners if isinstance(owner, SimulatedBench))


def _seen(finished: Finished, rate_u_per_h: float, twin: SimulatedBench, cpu_s: float) -> Seen:
    result = finished.result
    check = result.checks[0]
    origin_ns = stretches_of(read_run(finished.folder))[-1].origin_ns
    told: dict[str, float | None] = {"gap": result.gaps[0].start_s} if result.gaps else {}
    for each in (*result.findings, *(found for one in result.checks for found in one.findings)):
        if each.id not in NOT_TOLD and told.get(each.id) is None:
            told[each.id] = each.from_s
    return Seen(
        outcome=result.outcome.value,
        checks={one.id: one.outcome.value for one in result.checks},
        value=check.value,
        expanded_u=check.expanded_uncertainty,
        truth=_truth(check, rate_u_per_h, twin, origin_ns),
        lower=check.lower_limit,
        upper=check.upper_limit,
        told=told,
        alternatives=any(found.id == "confounded" for one in result.checks for found in one.findings),
        all_u={one.id: _largest_u(one) for one in result.checks},
        limits=_limits(result),
        end_reason=result.end_reason,
        cpu_s=cpu_s,
    )


def _largest_u(check: CheckResult) -> float | None:
    """Return U of a check; of one that is judged item by item, the largest of them."""
    if check.expanded_uncertainty is not None:
        return check.expanded_uncertainty
    held = [each.get("expanded_uncertainty") for each in check.items]
    return max((float(one) for one in held if one is not None), default=None)


def _truth(check: CheckResult, rate_u_per_h: float, twin: SimulatedBench, origin_ns: int) -> float | None:
    """Return the ledger's error over what the check looked at, in its own unit; None where the ledger knows no sum."""
    if check.measure == "bolus.mean_error":
        held = [each for each in twin.ledger.deliveries if each.kind == "bolus"]
        set_u = sum(each.programmed_u or 0.0 for each in held)  # 0 for one that a fault gave once more
        return 100.0 * (sum(each.entered_u for each in held) / set_u - 1.0) if set_u else None
    if check.from_s is None or check.to_s is None or check.value is None:
        return None
    edges_ns = (round(check.from_s * NS) + origin_ns, round(check.to_s * NS) + origin_ns)
    left_u = twin.ledger.outlet_u(*edges_ns)
    if check.measure == "suspend.delivered":
        return left_u
    if check.measure != "basal.overall_error" or not rate_u_per_h:
        return None
    return 100.0 * (left_u / (rate_u_per_h * (check.to_s - check.from_s) / S_PER_H) - 1.0)


def _limits(result: Result) -> dict[str, float]:
    """Return what the detectors of single doses claim of themselves, for the predictions."""
    table: list[dict[str, Any]] = result.analysis.get("doses") or []
    events = table[0].get("events") if table else None
    if not events:
        return {}
    names = ("scatter_pct", "lasting_limit_doses", "passing_limit_doses", "time_limit_s")
    return {name: float(events[name]) for name in names if events.get(name) is not None}
