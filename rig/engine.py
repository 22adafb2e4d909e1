"""One run, from a scenario to a judged result: refuse or run, then judge. Knows nothing of pytest or terminals."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rig.bench import Bench, WeighingBench, open_bench
from rig.config import BenchConfig, Simulation, parse_bench
from rig.config.operator_air import operator_air, with_recorded_air
from rig.errors import BenchError, RecordError, RigError, RunAborted, UsageError
from rig.guardian.stop_pump import SafeState
from rig.metrology.ranges import refuse_out_of_range
from rig.profiles.pump import PumpProfile, profile_text
from rig.programme import Plan
from rig.record.reader import RunRecord, read_run
from rig.record.writer import RecordWriter
from rig.results import EndReason, Result
from rig.runner.drivers import check_drivers, third_party_drivers
from rig.runner.ended import Ended
from rig.runner.folder import EVIDENCE, PLAN, VOID, RunFolder, sha256_of
from rig.runner.left_running import FLOW_SOURCES, PUMP
from rig.runner.operator import Operator
from rig.runner.play import Player
from rig.runner.preflight import check_room
from rig.runner.progress import Observer, watch_nothing
from rig.runner.provenance import boot_id, tool
from rig.runner.qualification_plan import plan_qualification
from rig.runner.qualifier import Qualifier
from rig.runner.qualifying_bench import QualifyingBench, open_qualifying
from rig.runner.resume import REATTACH, ResumePoint, resume_point
from rig.runner.stop import StopRequest, signals_to
from rig.runner.watch import Watch
from rig.scenario.model import Scenario
from rig.scenario.parse import parse_scenario
from rig.scenario.validate import validate_for
from rig.wall_clock import look

SD_COMMIT_S = 10.0  # fewer, larger writes where the bench file says the record lives on an SD card
COMMIT_S = 1.0


class NotJudgedError(RigError):
    """A run that was recorded and could not be judged; what is known of the safe state comes first."""

    def __init__(self, folder: Path, ended: Ended, error: Exception) -> None:
        confirmed = ended.safe.confirmed
        first = "" if confirmed else f"SAFE STATE NOT CONFIRMED, go to the bench and stop the pump ({ended.safe.by}); "
        super().__init__(
            f"{first}the run could not be judged ({type(error).__name__}: {error})",
            where=str(folder),
            hint=f"rig analyse {folder}",
        )
        self.exit_code = 5 if not confirmed else 130 if isinstance(error, RunAborted) else 4


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run left: its folder, how it ended, its result and where the judgement stands."""

    folder: Path
    ended: Ended
    result: Result
    judgement: Path


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scenario that fits its pump and bench: what ``--dry-run`` shows."""

    scenario: Scenario
    config: BenchConfig
    profile: PumpProfile
    plan: Plan


def prepare(scenario: Scenario, config: BenchConfig) -> Prepared:
    """Refuse what this pump or bench cannot run, and plan the rest; touches nothing."""
    refuse_out_of_range(config)
    profile = config.pump_profile()
    simulation = config.simulation
    start_local = simulation.start if simulation is not None else datetime.now()  # noqa: DTZ005 - pump clocks are local
    if scenario.qualifies:
        return Prepared(scenario, config, profile, plan_qualification(scenario, config, start_local))
    check_drivers(scenario, config, profile)
    return Prepared(scenario, config, profile, validate_for(scenario, profile, config, start_local))


def run_scenario(
    scenario: Scenario,
    config: BenchConfig,
    parent: Path,
    *,
    faults: Sequence[str] = (),
    observer: Observer = watch_nothing,
    stop: StopRequest | None = None,
    accept_unsynchronised: bool = False,
    operator: Operator | None = None,
) -> Finished:
    """Run ``scenario`` on the bench of ``config``, record it below ``parent``, and judge it.

    ``operator``: who puts reference weights on the pan in a qualification; None: nobody, and those steps are left out.
    Raises `rig.errors.UsageError` when it cannot be run at all: nothing moved and no folder was made.
    """
    prepared = prepare(scenario, config)
    check_room(parent, scenario, prepared.plan)
    folder = RunFolder(parent, scenario.id)
    drives = FLOW_SOURCES if scenario.qualifies else PUMP
    watch = Watch(config, folder, parent, hold_of(scenario), drives=drives)
    with watch:
        bench: WeighingBench
        if scenario.qualifies:
            bench = open_qualifying(config, faults, folder.sealed_ledger)
        else:
            bench = open_bench(config, prepared.profile, faults, folder.sealed_ledger)
        run = Run(prepared, bench, folder, watch, tuple(faults), observer, accept_unsynchronised=accept_unsynchronised)
        run.operator = operator
        return run.play(stop or StopRequest())


def resume_run(
    path: Path,
    *,
    config: BenchConfig | None = None,
    observer: Observer = watch_nothing,
    stop: StopRequest | None = None,
    who: str = "",
    why: str = "",
    other_version: bool = False,
    accept_unsynchronised: bool = False,
) -> Finished:
    """Go on with an interrupted or stopped run in a new segment of its record, and judge it again (design 4.4, 4.6).

    ``config`` replaces the bench file of the evidence, for ports that have changed. A pump that a guardian holds for
    this run is taken up where it is; else the interrupted step is repeated. Raises `rig.errors.UsageError` for a run
    that cannot be resumed: nothing moved.
    """
    folder = RunFolder.of(path)
    try:
        record, prepared, faults = read_back(path, config, other_version=other_version)
        check_room(path, prepared.scenario, prepared.plan)
        watch = Watch(prepared.config, folder, path.parent, hold_of(prepared.scenario))
        with watch:
            point = resume_point(record, prepared.scenario, who, why)
            if watch.attached and _same_boot(record) and point.unsettled is None:
                point = replace(point, mode=REATTACH)
            if not folder.is_sealed:
                folder.seal_interrupted()
            continues = folder.begin_segment()
            bench = open_bench(prepared.config, prepared.profile, faults, folder.sealed_ledger)
            run = Run(prepared, bench, folder, watch, faults, observer, point, continues, accept_unsynchronised)
            return run.play(stop or StopRequest())
    finally:
        folder.release()


def hold_of(scenario: Scenario) -> float:
    """Return for how long the pump may be left running without a runner, in s; 0: not at all."""
    return scenario.hold_s if scenario.on_runner_loss == "hold" else 0.0


def judge_run(folder: Path, ended: Ended) -> Finished:
    """Judge a run that has ended, and store the judgement."""
    # numpy and scipy: nothing that measures waits for them, or carries them through a run of weeks.
    from rig.judging.judge import judge  # noqa: PLC0415
    from rig.judging.store import write_judgement  # noqa: PLC0415

    try:
        result = judge(folder)
        return Finished(folder, ended, result, write_judgement(folder, result))
    except Exception as error:
        raise NotJudgedError(folder, ended, error) from error


@dataclass(slots=True)
class Run:
    """One segment of a run, from open links to a sealed record."""

    prepared: Prepared
    bench: WeighingBench
    folder: RunFolder
    watch: Watch
    faults: tuple[str, ...]
    observer: Observer
    point: ResumePoint | None = None
    continues: dict[str, Any] | None = None
    accept_unsynchronised: bool = False
    operator: Operator | None = None

    def play(self, stop: StopRequest) -> Finished:
        """Record and play, then judge; the guardian is let go in between, when the bench is safe."""
        try:
            self._refuse_clock()
            if self.point is None:
                self.folder.make()
            with signals_to(stop) as stopping:
                ended = self._record(stopping)
        except BaseException:
            self.bench.links.close()
            raise
        finally:
            self._let_go()
        try:
            self.bench.close()
        except BenchError as error:  # a twin's ledger on a full disk: what is known of the safe state comes first
            raise NotJudgedError(self.folder.path, ended, error) from error
        if isinstance(ended.error, UsageError) and not ended.commanded:
            raise ended.error
        if stop.count >= 2:
            raise NotJudgedError(self.folder.path, ended, RunAborted("stopped twice, so nothing was tidied"))
        return judge_run(self.folder.path, ended)

    def _let_go(self) -> None:
        if self.point is None and self.folder.is_locked:
            self.folder.release()

    def _refuse_clock(self) -> None:
        """Refuse evidence from a machine that does not know the date, unless a person says so (design 4.13)."""
        if self.bench.evidence == "hardware" and look().synchronised == "no" and not self.accept_unsynchronised:
            raise UsageError(
                "this machine's clock is not synchronised: nobody could say when the run was",
                where=f"bench {self.prepared.config.name}",
                expected="chrony, ntpd or systemd-timesyncd in step with its server",
                hint="wait for it (timedatectl), or accept it on every page of the report with --unsynchronised-clock",
            )

    def _record(self, stop: StopRequest) -> Ended:
        scenario, config, folder, bench = self.prepared.scenario, self.prepared.config, self.folder, self.bench
        if self.point is None:
            folder.keep("scenario.yaml", scenario.source_text)
            folder.keep("bench.toml", config.source_text)
            folder.keep("profile.toml", profile_text(self.prepared.profile.id))
            if self.watch.plan is not None:
                folder.keep(PLAN, json.dumps(self.watch.plan.to_json(), indent=1) + "\n")
        interval_s = SD_COMMIT_S if config.storage == "sd" else COMMIT_S
        writer = RecordWriter(folder.record, self._header(), interval_s)
        bench.links.tap = writer.tap
        writer.wall_clock(bench.clock.now_ns(), look())
        self.watch.begun(resumed=self.point is not None)
        self.watch.wire(bench)
        unsafe = self.watch.make_safe_first(bench, writer)
        if unsafe is not None:
            return self._close(unsafe, writer)
        return self._close(self._player(bench, writer, stop).run(), writer)

    def _player(self, bench: WeighingBench, writer: RecordWriter, stop: StopRequest) -> Player | Qualifier:
        """Return what plays this scenario on this bench."""
        scenario, plan, guard = self.prepared.scenario, self.prepared.plan, self.watch.guard
        if isinstance(bench, QualifyingBench):
            return Qualifier(scenario, bench, plan, writer, stop, self.observer, guard, self.operator)
        assert isinstance(bench, Bench)  # noqa: S101 - the other one that is ever opened
        return Player(scenario, bench, self.prepared.profile, plan, writer, stop, self.observer, guard, self.point)

    def _close(self, ended: Ended, writer: RecordWriter) -> Ended:
        """Close links, hear the guardian, then close and seal the record; a record that fails cannot unmake safety."""
        bench = self.bench
        at_ns = bench.clock.now_ns()
        bench.links.close()
        confirmed, by = self.watch.finished(ended.safe.confirmed, ended.safe.by)
        if (confirmed, by) != (ended.safe.confirmed, ended.safe.by):
            ended = replace(ended, safe=SafeState(ended.safe.wanted, confirmed, by))
            writer.event(at_ns, "safe_state", {"wanted": ended.safe.wanted, "confirmed": confirmed, "by": by})
        writer.wall_clock(at_ns, look())
        safe = {"wanted": ended.safe.wanted, "confirmed": confirmed, "by": by}
        end = {
            "reason": ended.reason.value,
            "detail": ended.detail,
            "safe": safe,
            "at_ns": at_ns,
            "ended_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        manifest = None
        try:
            manifest = self.folder.seal(writer.close(end), end)
        except (RecordError, OSError) as error:
            ended = replace(ended, reason=EndReason.RECORD_FAILED, detail=str(error), error=error)
        try:
            self.watch.ended(ended.reason, safe, manifest)
        except RecordError as error:  # whoever starts next makes the bench safe first: it is not known to be
            ended = replace(ended, reason=EndReason.RECORD_FAILED, detail=str(error), error=error)
        return ended

    def _header(self) -> dict[str, Any]:
        found = header(self.prepared, self.bench, self.folder.run_id, self.faults)
        found |= {"role": "runner", "segment": self.folder.segment, "files": self.folder.kept_hashes()}
        found |= {"guardian": self.watch.described, "storage": self.prepared.config.storage}
        if self.prepared.scenario.qualifies:
            found["qualification"] = True
        if foreign := third_party_drivers(self.prepared.config):
            found["third_party_drivers"] = foreign
        if self.continues is not None:
            found["continues"] = self.continues
        if self.accept_unsynchronised:
            found["unsynchronised_accepted"] = True
        return found


def read_back(
    path: Path, config: BenchConfig | None, *, other_version: bool
) -> tuple[RunRecord, Prepared, tuple[str, ...]]:
    """Return record, scenario and bench of a stored run, as they were; refuse a run that cannot be resumed."""
    if (path / VOID).exists():
        raise UsageError("this run was voided", where=str(path), hint="start a new one with rig run")
    record = read_run(path)
    if record.header.get("qualification"):
        raise UsageError(
            "a qualification is not resumed: its blanks and flows belong together",
            where=str(path),
            hint="begin a new one with rig qualify, and void this one: rig runs void RUN --why TEXT",
        )
    if record.segments[-1].end.get("reason") == EndReason.COMPLETED:
        raise UsageError("this run came to its end", where=str(path), hint=f"judge it again: rig analyse {path}")
    first, here = record.header, tool()
    if first.get("tool") != here and not other_version:
        raise UsageError(
            f"this run was begun by rig {_version(first.get('tool', {}))}, and this is {_version(here)}",
            where=str(path),
            hint="check that version out, or accept the change on record with --other-version",
        )
    _refuse_altered(path / EVIDENCE, first.get("files", {}))
    scenario = parse_scenario((path / "evidence" / "scenario.yaml").read_text(encoding="utf-8"), "scenario.yaml")
    used = config or _as_used(parse_bench((path / "evidence" / "bench.toml").read_text(encoding="utf-8")), record)
    return record, prepare(scenario, used), tuple(record.segments[-1].header.get("faults_given", ()))


def _same_boot(record: RunRecord) -> bool:
    return bool(record.segments[-1].header.get("clock", {}).get("boot_id") == boot_id())


def _refuse_altered(evidence: Path, files: dict[str, str]) -> None:
    """Refuse to go on by a scenario or bench file that is not the one that the run was begun with."""
    for name, digest in files.items():
        path = evidence / name
        if not path.is_file() or sha256_of(path) != digest:
            raise UsageError(
                "it is not as it was when the run began",
                where=str(path),
                expected=f"SHA-256 {digest}",
                hint="bring the file back, or void this run",
            )


def _as_used(config: BenchConfig, record: RunRecord) -> BenchConfig:
    """Return the bench with the ports, the seed and the clock that the command line had given the run."""
    header_ = record.segments[-1].header
    effective, clock = header_.get("effective", {}), header_.get("clock", {})
    simulation = config.simulation or Simulation()
    seed = effective.get("seed")
    simulation = replace(
        simulation,
        seed=simulation.seed if seed is None else int(seed),
        speed=float(clock.get("speed", 1.0)),
        epoch_ns=int(clock.get("epoch_ns", simulation.epoch_ns)),
    )
    config = with_recorded_air(config, effective.get("environment", {}))
    ports = {name: str(effective.get(f"{name}_port") or "") for name in ("pump", "balance")}
    return replace(
        config,
        simulation=simulation,
        pump=replace(config.pump, port=ports["pump"] or config.pump.port),
        balance=replace(config.balance, port=ports["balance"] or config.balance.port),
    )


def _version(tool_: dict[str, Any]) -> str:
    return f"{tool_.get('version', '?')} ({str(tool_.get('commit', '?'))[:12]})"


def header(prepared: Prepared, bench: WeighingBench, run_id: str, faults: Sequence[str]) -> dict[str, Any]:
    """Return the header of a record: who ran what on which bench, with which clock."""
    config, clock, now = prepared.config, bench.clock, look()
    return {
        "run_id": run_id,
        "scenario": prepared.scenario.id,
        "title": prepared.scenario.title,
        "started_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "evidence": bench.evidence,
        "why_simulated": list(bench.why_simulated),
        "tool": tool(),
        "bench": {
            "name": config.name,
            "kind": config.kind,
            "faults": [*(config.simulation.faults if config.simulation else ()), *faults],
        },
        "clock": {
            "kind": type(clock).__name__,
            "speed": clock.speed,
            "started_ns": clock.now_ns(),
            "boot_id": boot_id(),
            "epoch_ns": config.simulation.epoch_ns if config.simulation else 0,
            "synchronised": now.synchronised,
            "error_s": now.error_s,
            "stamp_u_s": bench.stamp_u_s,
        },
        "faults_given": list(faults),
        "pump_profile": prepared.profile.id,
        "balance": {"protocol": config.balance.protocol, "mode": config.balance.mode},
        "effective": {
            "pump_port": config.pump.port,
            "balance_port": config.balance.port,
            "seed": config.simulation.seed if config.simulation else None,
            "environment": operator_air(config),
        },
        "pid": os.getpid(),
    }
