"""A bench behind pseudo-terminals with a lock, a guardian and lines of its own, so that tests never meet."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.doctor.safety import holder_of
from rig.errors import RecordError
from rig.paths import benches_dir
from rig.record.reader import Segment, read_guardian, read_run

LINES = """
[guardian]
run_dir = "{folder}/run"
gpio = "folder:{folder}/gpio"
heartbeat_s = 2.0

[[lines]]
name = "valve"
pin = 17
role = "valve"
safe = "high"
clamps = "low"

[[lines]]
name = "button"
pin = 23
role = "button"

[[lines]]
name = "stop"
pin = 22
role = "emergency_stop"
"""
HOLD = """
schema: 1
id: hold
title: A basal that outlives its runner
pump: {families: [22, 23]}
needs: [pump, balance]
operator: none
sampling: {balance: 1 s}
steps:
  - basal: {rate: 30 U/h, for: 30 min}
checks:
  - {id: basal, measure: basal.overall_error, from: 1 min, for: 25 min, limit: 5 %, source: pump.accuracy.basal}
on_runner_loss: {hold: 10 min}
gap: {tolerate: 60 s}
"""
CLAMPED = """
schema: 1
id: clamped
title: A pump that delivers into a clamped tube when its runner is lost
pump: {families: [22, 23]}
needs: [pump, balance, valve]
operator: none
sampling: {balance: 1 s}
steps:
  - basal: {rate: 30 U/h, for: 2 s}
  - occlude
  - wait_alarm: {code: no delivery, within: 30 min}
  - release
on_runner_loss: stop
gap: {tolerate: 60 s}
"""


@dataclass(frozen=True, slots=True)
class PtyRun:
    """A run that goes on in processes of its own."""

    runs: Path
    ledger: Path
    simulator: subprocess.Popen[str]
    runner: subprocess.Popen[bytes]


class PtyBench:
    """A simulator and the bench file that goes with it."""

    def __init__(self, folder: Path, name: str, speed: float = 1.0) -> None:
        self.folder = folder
        self.name = name
        (folder / "gpio").mkdir(parents=True)
        (folder / "gpio" / "22.in").write_text("0")
        text = (benches_dir() / "pty-example.toml").read_text().replace('name = "pty-example"', f'name = "{name}"')
        self.bench = folder / "bench.toml"
        self.bench.write_text(text + LINES.format(folder=folder))
        self.ledger = folder / "truth.json"
        self.devices = folder / "devices.jsonl"
        command = ["simulate", "bench", "--pty", "--speed", str(speed), "--ledger", str(self.ledger)]
        command += ["--gpio", str(folder / "gpio"), "--valve", "clamp=17:low"]
        self.simulator = self.start(*command, stdout=subprocess.PIPE)
        self.runner: Any = None
        assert self.simulator.stdout is not None
        self.devices.write_text(self.simulator.stdout.readline() + self.simulator.stdout.readline())

    @staticmethod
    def start(*arguments: str, stdout: int = subprocess.DEVNULL, stderr: int = subprocess.DEVNULL) -> Any:
        """Start ``rig`` in a process of its own."""
        return subprocess.Popen([sys.executable, "-m", "rig", *arguments], stdout=stdout, stderr=stderr, text=True)

    def run(self, scenario: str, stderr: int = subprocess.DEVNULL) -> Any:
        """Start a run."""
        where = ["--bench", str(self.bench), "--devices", str(self.devices), "--out", str(self.folder / "runs")]
        return self.start("run", scenario, *where, "--no-report", "--quiet", stderr=stderr)

    def delivering(self) -> bool:
        """Say whether the only run is in a step that delivers."""
        try:
            names = [event.name for event in read_run(self.run_folder).events]
        except (RecordError, ValueError):  # no folder yet, or no block in it
            return False
        return "step_started" in names and "resumed" in names[names.index("step_started") :]

    def end(self) -> None:
        """Leave nothing running, a guardian that would try for minutes to reach its pump included."""
        pid = int(self.lock().get("pid", 0))
        with contextlib.suppress(OSError):
            if b"rig.guardian" in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)
        for process in (self.runner, self.simulator):
            if process is not None:
                process.kill()
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()

    @property
    def run_folder(self) -> Path:
        """Return the folder of the only run."""
        (found,) = (self.folder / "runs").glob("*/evidence")
        return found.parent

    def lock(self) -> dict[str, Any]:
        """Return what the holder of the bench lock says of itself."""
        return holder_of(self.folder / "run" / f"rig-{self.name}.lock")

    def line(self, pin: int) -> str:
        """Return the level of an output."""
        return (self.folder / "gpio" / f"{pin}.out").read_text()

    def wait_for(self, what: Callable[[], bool], limit_s: float = 60.0) -> None:
        """Return once ``what`` is so."""
        deadline_s = time.monotonic() + limit_s
        while not what():
            assert time.monotonic() < deadline_s, f"not within {limit_s:g} s"
            time.sleep(0.1)

    def guardian_ended(self) -> Segment | None:
        """Return the guardian's record once it is closed."""
        try:
            found = [each for each in read_guardian(self.run_folder) if each.ended]
        except ValueError:
            return None
        return found[-1] if found else None

    def stop(self) -> dict[str, Any]:
        """Stop the simulator; return what its sealed ledger says."""
        self.simulator.terminate()
        self.simulator.communicate(timeout=30)
        truth: dict[str, Any] = json.loads(self.ledger.read_text())
        return truth
