"""What stands around a run on a bench with ports: its guardian, the bench lock, and the bench's ledger.

A bench inside this process has none of them: its pump ends with the process.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from rig.bench import WeighingBench, flow_settings
from rig.config import BenchConfig
from rig.errors import BenchError, RunAborted, UnsafeBench
from rig.guardian.client import GuardianClient
from rig.guardian.guard import Guard, NoGuard, TwinGuard
from rig.guardian.lines import Lines
from rig.guardian.places import Places
from rig.guardian.plan import FlowPlan, LinePlan, PumpPlan, SafePlan
from rig.guardian.supply import SupplyPlan
from rig.plugins.registry import find_driver
from rig.record.ledger import BenchLedger, Entry, ledger_path
from rig.record.writer import RecordWriter
from rig.results import EndReason
from rig.runner.ended import Ended
from rig.runner.folder import RunFolder
from rig.runner.left_running import FLOW_SOURCES, PUMP, stop_what_was_left
from rig.transport.serial_links import identify_port

SD_COMMIT_S, COMMIT_S = 10.0, 1.0


def bench_ledger(config: BenchConfig, parent: Path) -> BenchLedger:
    """Return the ledger of a bench: in its own ``runs_dir``, else beside its runs."""
    return BenchLedger(ledger_path(Path(config.runs_dir) if config.runs_dir else parent, config.name))


def flow_plans(config: BenchConfig) -> tuple[FlowPlan, ...]:
    """Return the ways to the flow sources of a bench."""
    return tuple(
        FlowPlan(
            each.name,
            each.protocol,
            each.port,
            flow_settings(each).baud,
            identify_port(each.port).serial_number,
            each.address,
            each.safe_timeout_s,
        )
        for each in config.flow_sources
    )


def pump_plan(config: BenchConfig) -> PumpPlan:
    """Return the way to the pump of a bench."""
    return PumpPlan(
        config.pump.port,
        find_driver("pump", config.pump.link).spec.link_settings.baud,
        config.pump.serials[0],
        config.pump.serials,
        config.pump.frequency_mhz,
        identify_port(config.pump.port).serial_number,
        config.pump.link,
        config.pump.scan,
    )


def safe_plan(config: BenchConfig, folder: RunFolder, ledger: Path, hold_s: float, *, drives: str = PUMP) -> SafePlan:
    """Return the plan by which a guardian makes this bench safe.

    A run drives either the pump under test or the flow sources, and only what it drives is ever touched in its place.
    """
    simulation = config.simulation
    return SafePlan(
        bench=config.name,
        run_id=folder.run_id,
        run_folder=str(folder.path.resolve()),
        ledger=str(ledger.resolve()),
        pump=pump_plan(config) if drives == PUMP else None,
        lines=line_plans(config),
        gpio=config.guardian.gpio,
        hold_s=hold_s / (simulation.speed if simulation else 1.0),  # the guardian lives in real time
        heartbeat_s=config.guardian.heartbeat_s,
        clock_speed=simulation.speed if simulation else 1.0,
        clock_epoch_ns=simulation.epoch_ns if simulation else 0,
        commit_s=SD_COMMIT_S if config.storage == "sd" else COMMIT_S,
        flow_sources=flow_plans(config) if drives == FLOW_SOURCES else (),
        supply=supply_plan(config) if drives == PUMP else None,
    )


def supply_plan(config: BenchConfig) -> SupplyPlan | None:
    """Return the way to the pump's supply; None where the rig does not set it."""
    supply = config.supply
    if supply is None:
        return None
    identity = identify_port(supply.way).serial_number
    return SupplyPlan(
        supply.protocol,
        supply.way,
        supply.baud,
        supply.nominal_v,
        supply.max_v,
        supply.current_limit_a,
        supply.serial,
        supply.channel,
        identity,
    )


def line_plans(config: BenchConfig) -> tuple[LinePlan, ...]:
    """Return the lines of a bench as its guardian needs them."""
    return tuple(LinePlan(each.name, each.pin, each.role, each.safe) for each in config.lines)


class Watch:
    """Guardian, lock and ledger of one run, taken before any port is opened."""

    def __init__(
        self, config: BenchConfig, folder: RunFolder, parent: Path, hold_s: float = 0.0, *, drives: str = PUMP
    ) -> None:
        self._drives = drives
        self._config = config
        self._folder = folder
        self._client: GuardianClient | None = None
        self._twin: Guard = NoGuard()
        self._ledger: BenchLedger | None = None
        self._unsafe: Entry | None = None
        self._begun = False
        self.plan: SafePlan | None = None
        if not config.simulated:
            self._ledger = bench_ledger(config, parent)
            self.plan = safe_plan(config, folder, self._ledger.path, hold_s, drives=drives)
            places = Places(config.name, config.guardian.run_dir)
            self._client = GuardianClient(self.plan, places, config.guardian.watchdog)

    @property
    def guard(self) -> Guard:
        """Return the guardian as the runner sees it."""
        return self._client if self._client is not None else self._twin

    def wire(self, bench: WeighingBench) -> None:
        """Take the pins of a twin in this process, where it has some."""
        if bench.pins is not None:
            self._twin = TwinGuard(Lines(line_plans(self._config), bench.pins))

    @property
    def attached(self) -> bool:
        """Say whether the guardian was holding the bench for this very run."""
        return self._client is not None and self._client.attached

    @property
    def described(self) -> dict[str, Any]:
        """Return what the record's heading says of the guardian."""
        if self._client is None:
            return {"kind": "none", "why": "the simulated pump ends with this process"}
        return {"kind": "process", "pid": self._client.pid, "attached": self.attached}

    def __enter__(self) -> Watch:
        """Take the bench: raises `rig.errors.UsageError` while somebody else has it."""
        if self._client is not None:
            self._client.arm()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the bench back; a run that was refused before it touched anything leaves it as it was."""
        if self._client is not None and self._client.connected:
            # A pump that the guardian held for this run is running, whatever we have not said to it.
            untouched = not self._begun and not self.attached
            by = "nothing was commanded" if untouched else "the runner broke off"
            self._client.finished(confirmed=untouched, by=by)

    def begun(self, *, resumed: bool) -> None:
        """Write into the bench's ledger that the run begins, before its first byte leaves."""
        self._begun = True
        if self._ledger is None:
            return
        self._unsafe = self._ledger.unsafe()
        if resumed:
            self._ledger.append("resumed", run_id=self._folder.run_id, segment=self._folder.segment)
        else:
            about = {"folder": str(self._folder.path.resolve()), "scenario": self._folder.scenario_id}
            if self._drives != PUMP:
                about["drives"] = self._drives
            self._ledger.append("started", run_id=self._folder.run_id, **about)

    def make_safe_first(self, bench: WeighingBench, writer: RecordWriter) -> Ended | None:
        """Stop what an earlier run may have left running; return how this run ends when that fails."""
        if self._ledger is None or self._unsafe is None or self.attached:
            return None
        bench.links.pulse = self._beat_on  # waking a pump takes longer than the guardian waits for a heartbeat
        state = stop_what_was_left(self._ledger, self._folder.run_id, bench, writer)
        said = {"confirmed": state.confirmed, "by": state.by, "source": "the next run"}
        self._ledger.append("safe", run_id=self._unsafe.run_id, **said)
        if state.confirmed:
            return None
        error = UnsafeBench(
            f"nobody has confirmed that run {self._unsafe.run_id} left this bench safe: {state.by}",
            where=f"bench {self._config.name}",
            hint=f"go to the bench, then: rig runs acknowledge --bench {self._config.name} --why TEXT",
        )
        return Ended(EndReason.BENCH_FAULT, str(error), state, error, commanded=True)

    def _beat_on(self) -> None:
        """Say that the runner lives; nothing may keep the pump from being stopped."""
        with suppress(BenchError, RunAborted):
            self.guard.beat()

    def finished(self, confirmed: bool, by: str) -> tuple[bool, str]:
        """Tell the guardian how the bench was left; return what is known of it then."""
        if self._client is None:
            return self._twin.finished(confirmed=confirmed, by=by)
        try:
            return self._client.finished(confirmed=confirmed, by=by)
        except BenchError as error:
            return False, f"{by}; {error}"

    def ended(self, reason: EndReason, safe: dict[str, Any], manifest_sha256: str | None) -> None:
        """Write into the bench's ledger how the segment ended."""
        if self._ledger is not None:
            about = {"segment": self._folder.segment, "reason": reason.value, "manifest_sha256": manifest_sha256}
            self._ledger.append("ended", run_id=self._folder.run_id, safe=safe, **about)
