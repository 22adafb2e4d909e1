"""A bench whose twin outlives the process that drives it: what a kill leaves behind, in virtual time.

`Killed` stands for SIGKILL: nothing of the rig catches it, and what the record's committer had not written is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

from rig import bench as rig_bench
from rig.bench import Bench
from rig.clock import VirtualClock
from rig.config import BenchConfig, Simulation, load_bench
from rig.engine import Finished, resume_run, run_scenario
from rig.profiles.pump import PumpProfile
from rig.record.reader import RunRecord, read_run
from rig.record.writer import RecordWriter
from rig.runner.folder import find_runs
from rig.runner.stop import StopRequest
from rig.scenario.model import Scenario
from rig.scenario.parse import parse_scenario
from rig.sim.bench import SimulatedBench
from rig.sim.plant.ledger import Ledger
from rig.sim.valves import Wire
from rig.transport.links import Link, Tap
from rig.transport.virtual import VirtualLinks

SMALL = """\
schema: 1
id: small
title: every kind of command in a few minutes
pump: {families: [22, 23]}
needs: [pump, balance]
operator: none
sampling: {balance: 10 s, bolus: 2 s}
blank: {before: 1 min, after: 1 min}
steps:
  - basal: {rate: 6.0 U/h, for: 3 min}
  - temp_basal: {rate: 3.0 U/h, for: 30 min}
  - bolus: {amount: 1.0 U, repeat: 2}
  - suspend: {for: 1 min}
  - resume:
  - basal: {rate: 12.0 U/h, for: 2 min}
checks: []
on_runner_loss: stop
gap: {tolerate: 60 s}
"""


class Killed(BaseException):
    """The process is gone, between one instruction and the next."""


class FragileLinks(VirtualLinks):
    """Links in virtual time under which a process dies at a chosen wait; ``on_write`` sees bytes before they leave."""

    def __init__(self, clock: VirtualClock) -> None:
        self._inner: Tap = lambda _name, _direction, _at_ns, _data: None
        self.on_write: Callable[[str, bytes], None] = lambda _name, _data: None
        super().__init__(clock)
        self.waits = 0
        self.dies_at: int | None = None
        self.died = False
        self.dies_when: Callable[[], bool] = lambda: False

    @property
    def tap(self) -> Tap:
        """Return a tap that tells of bytes that are about to leave, then records them."""
        return self._watched

    @tap.setter
    def tap(self, tap: Tap) -> None:
        self._inner = tap

    @property
    def writer(self) -> RecordWriter:
        """Return the record that the bytes go to."""
        writer = getattr(self._inner, "__self__", None)
        assert isinstance(writer, RecordWriter)
        return writer

    def killed(self) -> NoReturn:
        """Die, once."""
        self.dies_at, self.dies_when, self.died = None, lambda: False, True
        raise Killed

    def _watched(self, name: str, direction: str, at_ns: int, data: bytes) -> None:
        if direction == ">":
            self.on_write(name, data)
        self._inner(name, direction, at_ns, data)

    def wait(self, until_link_ns: int, for_link: Link | None = None) -> bool:
        """Wait, or die first."""
        self.waits += 1
        if self.waits == self.dies_at or self.dies_when():
            self.killed()
        return super().wait(until_link_ns, for_link)


@dataclass
class LastingBench:
    """One twin for any number of processes that drive it, one after the other."""

    folder: Path
    faults: Sequence[str] = ()
    config: BenchConfig = field(default_factory=load_bench)
    loses_tail: bool = True  # a commit comes once a second of real time: virtual hours may be lost with it

    def __post_init__(self) -> None:
        simulation = self.config.simulation or Simulation()
        self.clock = VirtualClock()
        self.links = FragileLinks(self.clock)
        self.twin = SimulatedBench(
            model=self.config.pump_profile().model,
            serial=self.config.pump.serials[0],
            seed=simulation.seed,
            start_local=simulation.start,
            faults=self.faults,
        )
        wires = {
            line.pin: Wire(deed, rig_bench.LEVELS[acts_at]) for line, deed, acts_at in rig_bench.valves_of(self.config)
        }
        self.pins = self.twin.pins(wires, self.clock.now_ns)
        self._stick = self.links.connect("pump", self.twin.pump_stick, 520_833)
        self._scale = self.links.connect("balance", self.twin.balance, 1_041_666)

    def open(self, config: BenchConfig, profile: PumpProfile, faults: Sequence[str], sealed: Path | None) -> Bench:
        """Open the bench as a new process does: fresh drivers on the same devices."""
        for name, port in self.links._open.items():
            self.links.replug(name)
            self.links.reopen(port.link)
            port.link.discard_input()
        bench = rig_bench._assemble(config, self.clock, self.links, self._stick, self._scale)
        bench.pins = self.pins
        return bench

    @property
    def ledger(self) -> Ledger:
        """What the pump truly did."""
        return self.twin.ledger

    def boluses(self) -> list[tuple[float, float]]:
        """Return (programmed, commanded) of each bolus that the pump began, in U."""
        found = [each for each in self.ledger.deliveries if each.kind == "bolus"]
        return [(each.programmed_u or 0.0, each.commanded_u) for each in found]

    def away(self, seconds: float) -> None:
        """Let time pass while nobody drives the bench."""
        self.links.pause(seconds)

    def kill(self) -> None:
        """Lose what the killed process had not yet written, as SIGKILL does; its committer must not live on."""
        writer = self.links.writer
        if not self.loses_tail:
            writer.flush()
        with writer._turn:
            writer._stopping = True
            writer._lines.clear()
            writer._turn.notify_all()
        writer._thread.join()


def small_scenario(text: str = SMALL) -> Scenario:
    """Return the scenario."""
    return parse_scenario(text, "small.yaml")


def drive(
    bench: LastingBench, patch: pytest.MonkeyPatch, scenario: Scenario | None = None, stop: StopRequest | None = None
) -> Finished | None:
    """Run the scenario on the bench; None when the process was killed."""
    patch.setattr("rig.engine.open_bench", bench.open)
    try:
        return run_scenario(scenario or small_scenario(), bench.config, bench.folder, stop=stop)
    except Killed:
        bench.kill()
        return None


def go_on(bench: LastingBench) -> Finished | None:
    """Resume the only run; None when the process was killed again."""
    try:
        return resume_run(run_folder(bench), who="tester", why="killed")
    except Killed:
        bench.kill()
        return None


def run_folder(bench: LastingBench) -> Path:
    """Return the folder of the only run."""
    (run,) = find_runs(bench.folder)
    return run.folder


def record_of(bench: LastingBench) -> RunRecord:
    """Return the record of the only run."""
    return read_run(run_folder(bench))
