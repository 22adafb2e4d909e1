"""One run, from a scenario to a judged result: refuse or run, then judge. Knows nothing of pytest or terminals."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rig.bench import Bench, open_bench
from rig.config import BenchConfig
from rig.errors import BenchError, RecordError, RigError, UsageError
from rig.profiles.pump import PumpProfile, profile_text
from rig.programme import Plan
from rig.record.writer import RecordWriter
from rig.results import Result
from rig.runner.folder import RECORD, RunFolder
from rig.runner.play import Ended, Player
from rig.runner.progress import Observer, watch_nothing
from rig.runner.stop import StopRequest, signals_to
from rig.scenario.model import Scenario
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
        self.exit_code = 4 if confirmed else 5


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
    profile = config.pump_profile()
    simulation = config.simulation
    start_local = simulation.start if simulation is not None else datetime.now()  # noqa: DTZ005 - pump clocks are local
    return Prepared(scenario, config, profile, validate_for(scenario, profile, config, start_local))


def run_scenario(
    scenario: Scenario,
    config: BenchConfig,
    parent: Path,
    *,
    faults: Sequence[str] = (),
    observer: Observer = watch_nothing,
    stop: StopRequest | None = None,
) -> Finished:
    """Run ``scenario`` on the bench of ``config``, record it below ``parent``, and judge it.

    Raises `rig.errors.UsageError` when it cannot be run at all: nothing moved and no folder was made.
    """
    prepared = prepare(scenario, config)
    folder = RunFolder(parent, scenario.id)
    bench = open_bench(config, prepared.profile, faults, folder.sealed_ledger)
    try:
        folder.make()
    except UsageError:
        bench.links.close()
        raise
    try:
        with signals_to(stop or StopRequest()) as stopping:
            ended = _play(prepared, bench, folder, faults, observer, stopping)
    except BaseException:
        bench.links.close()
        raise
    try:
        bench.close()
    except BenchError as error:  # a twin's ledger on a full disk: what is known of the safe state comes first
        raise NotJudgedError(folder.path, ended, error) from error
    folder.release()
    if isinstance(ended.error, UsageError) and not ended.commanded:
        raise ended.error
    return judge_run(folder.path, ended)


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


def _play(
    prepared: Prepared, bench: Bench, folder: RunFolder, faults: Sequence[str], observer: Observer, stop: StopRequest
) -> Ended:
    scenario, config = prepared.scenario, prepared.config
    folder.keep("scenario.yaml", scenario.source_text)
    folder.keep("bench.toml", config.source_text)
    folder.keep("profile.toml", profile_text(prepared.profile.id))
    interval_s = SD_COMMIT_S if config.storage == "sd" else COMMIT_S
    writer = RecordWriter(folder.evidence / RECORD, header(prepared, bench, folder.run_id, faults), interval_s)
    bench.links.tap = writer.tap
    writer.wall_clock(bench.clock.now_ns(), look().synchronised)
    ended = Player(scenario, bench, prepared.profile, prepared.plan, writer, stop, observer).run()
    writer.wall_clock(bench.clock.now_ns(), look().synchronised)
    end = {
        "reason": ended.reason,
        "detail": ended.detail,
        "safe": {"wanted": ended.safe.wanted, "confirmed": ended.safe.confirmed, "by": ended.safe.by},
        "at_ns": bench.clock.now_ns(),
        "ended_utc": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    try:
        folder.seal(writer.close(end), end)
    except (RecordError, OSError) as error:
        return replace(ended, reason="record_failed", detail=str(error), error=error)
    return ended


def header(prepared: Prepared, bench: Bench, run_id: str, faults: Sequence[str]) -> dict[str, Any]:
    """Return the header of a record: who ran what on which bench, with which clock."""
    config, clock = prepared.config, bench.clock
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
            "stamp_u_s": bench.stamp_u_s,
        },
        "pump_profile": prepared.profile.id,
        "effective": {
            "pump_port": config.pump.port,
            "balance_port": config.balance.port,
            "seed": config.simulation.seed if config.simulation else None,
        },
        "pid": os.getpid(),
    }


def tool() -> dict[str, Any]:
    """Return version and commit of the rig that runs."""
    try:
        number = version("insulin-pump-rig")
    except PackageNotFoundError:
        number = "unknown"
    return {"version": number, "commit": checkout_commit()}


def checkout_commit() -> str:
    """Return the commit of the checkout this package runs from, or ``unknown``; reads files, runs nothing."""
    git = Path(__file__).resolve().parent.parent / ".git"
    try:
        head = (git / "HEAD").read_text(encoding="ascii").strip()
        if not head.startswith("ref: "):
            return head
        name = head.removeprefix("ref: ")
        if (git / name).exists():
            return (git / name).read_text(encoding="ascii").strip()
        packed = (git / "packed-refs").read_text(encoding="ascii")
    except OSError:
        return "unknown"
    return next((line.split(" ")[0] for line in packed.splitlines() if line.endswith(f" {name}")), "unknown")


def boot_id() -> str:
    """Return the kernel's id of this boot: monotonic time means something only within one."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"
