"""The torture campaign: runs are broken off in every way at seeded random instants, and every loss is counted.

Run: ``python -m tests.torture.campaign --rounds 500 --seed 1 --jobs 4``. Each round is one of the kinds below, on a
bench of its own; what it must never find is a count of zero:

- readings that were on the disk and are lost (``lost``)
- boluses delivered beyond the journal's intended ones (``doubled``)
- actuators unsafe 5 s after the loss, or a pump neither confirmed suspended within 15 s awake (60 s asleep) nor
  reported as not confirmed, while guardian or wiring lives (``unsafe``)
- runs that vanished from ``rig runs`` (``vanished``)
- runs wrongly judged: a PASS of a run that did not come to its end (``misjudged``)
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig.errors import RigError
from rig.guardian.places import Places
from rig.judging.judge import judge
from rig.record.ledger import BenchLedger
from rig.record.reader import RunRecord, read_guardian, read_run, split_members
from rig.results import Outcome
from rig.runner.folder import find_runs
from tests.guardian.benches import PtyBench

COUNTS = ("lost", "doubled", "unsafe", "vanished", "misjudged")
REAL_SPEED = 10.0
SETTLE_S = 75.0  # a guardian that cannot reach its pump says so after a minute
LINES_LIMIT_S, PUMP_LIMIT_S = 5.0, 60.0
SCENARIO = """
schema: 1
id: torture
title: A basal and boluses to be broken off
pump: {families: [22, 23]}
needs: [pump, balance]
operator: none
sampling: {balance: 2 s, bolus: 1 s}
blank: {before: 60 s, after: 60 s}
steps:
  - basal: {rate: 30 U/h, for: 2 min}
  - bolus: {amount: 1 U, repeat: 2}
  - basal: {rate: 10 U/h, for: 2 min}
checks:
  - {id: basal, measure: basal.delivered, from: 0 min, for: 1 min}
  - {id: bolus, measure: bolus.each_error, limit: 20 %, source: the torture campaign}
on_runner_loss: stop
gap: {tolerate: 200 s}
"""


@dataclass(slots=True)
class Round:
    """One round: what was done, and what it found."""

    number: int
    kind: str
    after_s: float
    found: Counter[str] = field(default_factory=Counter)
    words: list[str] = field(default_factory=list)

    def count(self, name: str, words: str) -> None:
        """Count one loss."""
        self.found[name] += 1
        self.words.append(f"{name}: {words}")


class Committed:
    """Watches a record grow: what it has seen on the disk must be there in the end."""

    def __init__(self) -> None:
        self.readings = 0

    def look(self, folder: Path) -> None:
        """Remember how many readings the disk holds now."""
        with contextlib.suppress(RigError, ValueError, OSError):
            self.readings = max(self.readings, _readings(read_run(folder)))


def _readings(run: RunRecord) -> int:
    return sum(len(columns.mass_mg) for columns in run.weighings.values())


def virtual_round(this: Round, folder: Path, draw: random.Random) -> None:
    """Break a run on the in-process bench: by a signal, by a full file system, or by cutting its record afterwards."""
    scenario = folder / "torture.yaml"
    scenario.write_text(SCENARIO)
    command = [sys.executable, "-m", "rig", "run", str(scenario), "--quiet", "--no-report", "--out", str(folder / "r")]
    command += ["--seed", str(draw.randrange(1000))]
    limit = _limit_files(draw.randrange(2_000, 20_000)) if this.kind == "disk" else None
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=limit,  # noqa: PLW1509 - no threads
    )
    seen = Committed()
    if this.kind in ("kill", "cut", "term", "hup", "int2"):
        deadline_s = time.monotonic() + this.after_s
        while time.monotonic() < deadline_s and process.poll() is None:
            for found in (folder / "r").glob("*/evidence"):
                seen.look(found.parent)
            time.sleep(0.02)
        _send(this.kind, process)
    process.wait(timeout=120)
    _examine_folder(this, folder / "r", seen, process.returncode)
    if this.kind == "cut":
        _cut_everywhere(this, folder / "r")


def _limit_files(size: int) -> Callable[[], None]:
    def limit() -> None:
        import resource  # noqa: PLC0415 - in the child

        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    return limit


def _send(kind: str, process: subprocess.Popen[bytes]) -> None:
    numbers = {"kill": [9], "cut": [9], "term": [15], "hup": [1], "int2": [2, 2]}[kind]
    for number in numbers:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)


def _examine_folder(this: Round, parent: Path, seen: Committed, code: int | None) -> None:
    """Count what is lost in the folder of a round's only run."""
    made = sorted(found.parent for found in parent.glob("*/evidence"))
    listed = {state.folder: state for state in find_runs(parent)}
    for folder in made:
        if folder not in listed:
            this.count("vanished", folder.name)
            continue
        state = listed[folder]
        if state.state in ("unreadable", "running"):
            if seen.readings:
                this.count("lost", f"{state.state}: {seen.readings} readings were on the disk")
            continue
        run = read_run(folder)
        if _readings(run) < seen.readings:
            this.count("lost", f"{_readings(run)} of {seen.readings}")
        if state.state != "ended" and judge(folder).outcome is Outcome.PASS:
            this.count("misjudged", f"{state.state} and PASS")
        if state.state == "ended" and code not in (0, 3, 130):
            this.words.append(f"ended with exit code {code}")
        _examine_boluses(this, folder, run)


def _examine_boluses(this: Round, folder: Path, run: RunRecord) -> None:
    truth = folder / "sealed" / "ledger.json"
    if not truth.exists():
        return
    delivered = [each for each in json.loads(truth.read_text())["deliveries"] if each["kind"] == "bolus"]
    intended = _intended(run)
    if len(delivered) > intended:
        this.count("doubled", f"{len(delivered)} boluses, {intended} intended")


def _intended(run: RunRecord) -> int:
    return sum(
        event.name == "command" and event.data.get("state") == "intended" and bool(event.data.get("delivers"))
        for event in run.events
    )


def _cut_everywhere(this: Round, parent: Path) -> None:
    """Cut the record at every byte of its last two blocks: all before them must stay."""
    for record in parent.glob("*/evidence/record-001.log.gz"):
        whole = record.read_bytes()
        members = [offset for offset, _, _ in split_members(whole, record.name, [])]
        if len(members) < 4:
            continue
        record.write_bytes(whole[: members[-2]])
        kept = _readings(read_run(record.parent.parent))
        for size in range(members[-2] + 1, len(whole)):
            record.write_bytes(whole[:size])
            if _readings(read_run(record.parent.parent)) < kept:
                this.count("lost", f"cut at {size}")
        record.write_bytes(whole)


def real_round(this: Round, folder: Path, draw: random.Random) -> None:
    """Break a run on pseudo-terminals: runner, guardian, both, a simulated device; then look at the bench."""
    bench = PtyBench(folder, f"t{this.number}", speed=REAL_SPEED)
    scenario = folder / "torture.yaml"
    scenario.write_text(SCENARIO)
    run = bench.run(str(scenario))
    try:
        deadline_s = time.monotonic() + this.after_s
        seen = Committed()
        while time.monotonic() < deadline_s and run.poll() is None:
            for found in (folder / "runs").glob("*/evidence"):
                seen.look(found.parent)
            time.sleep(0.1)
        guardian = bench.lock().get("pid") if bench.lock().get("state") == "run" else None
        struck_s = time.monotonic()
        _strike(this.kind, bench, run, guardian)
        _watch_lines(this, bench, struck_s, guardian)
        _wait_for_end(bench, run, draw)
        _examine_bench(this, bench, guardian)
        _examine_folder(this, folder / "runs", seen, run.poll())
    finally:
        _end(bench, run)
    _examine_truth(this, bench)


def _strike(kind: str, bench: PtyBench, run: Any, guardian: int | None) -> None:
    with contextlib.suppress(ProcessLookupError):
        if kind in ("both", "guardian") and guardian:
            os.kill(guardian, signal.SIGKILL)
        if kind in ("both", "runner"):
            run.kill()
        if kind == "simulator":  # both devices hang up
            bench.simulator.kill()
        if kind == "hang":
            run.send_signal(signal.SIGSTOP)
        if kind in ("term", "hup", "int2"):
            for number in {"term": [15], "hup": [1], "int2": [2, 2]}[kind]:
                run.send_signal(number)


def _watch_lines(this: Round, bench: PtyBench, struck_s: float, guardian: int | None) -> None:
    """See that the valve is safe 5 s after the loss, where somebody was left to close it."""
    if guardian is None or this.kind == "both":
        return
    limit_s = LINES_LIMIT_S + (3.0 if this.kind == "hang" else 0.0)  # a hang is lost when its heartbeat is missed
    time.sleep(max(0.0, struck_s + limit_s - time.monotonic()))
    if bench.line(17) != "1":
        this.count("unsafe", "the valve is not safe in time")


def _wait_for_end(bench: PtyBench, run: Any, _draw: random.Random) -> None:
    """Wait until the runner is gone and the guardian has said what became of the bench."""
    deadline_s = time.monotonic() + SETTLE_S + PUMP_LIMIT_S
    while time.monotonic() < deadline_s:
        state = bench.lock().get("state")
        alive = _is_held(Places(bench.name, str(bench.folder / "run")))
        if run.poll() is not None and (not alive or state in ("idle", "safe", "unsafe")):
            return
        time.sleep(0.2)


def _is_held(places: Places) -> bool:
    import fcntl  # noqa: PLC0415 - one use

    try:
        descriptor = os.open(places.lock, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _examine_bench(this: Round, bench: PtyBench, guardian: int | None) -> None:
    """See that the bench is confirmed safe, or reported as not confirmed, by whoever lived."""
    ledger = BenchLedger(bench.folder / "runs" / f"{bench.name}.ledger")
    if not ledger.entries():
        return  # broken off before anything was begun
    unsafe = ledger.unsafe()
    if unsafe is None:
        return
    reported = unsafe.kind in ("safe", "ended")
    alone = this.kind == "both" or guardian is None
    if not reported and not alone:
        this.count("unsafe", f"the ledger's last word is '{unsafe.kind}'")
    for taken in _takeovers(bench):
        after_s = [float(e.data["after_s"]) for e in taken.events if e.name == "made_safe" and e.data["what"] == "pump"]
        if after_s and after_s[0] > PUMP_LIMIT_S + 5.0:
            this.count("unsafe", f"the pump took {after_s[0]:.0f} s")


def _takeovers(bench: PtyBench) -> list[Any]:
    found = []
    for evidence in (bench.folder / "runs").glob("*/evidence"):
        found += list(read_guardian(evidence.parent))
    return found


def _end(bench: PtyBench, run: Any) -> None:
    for process in (run, bench.simulator):
        if process.poll() is None:
            process.terminate() if process is bench.simulator else process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=30)
    pid = bench.lock().get("pid")
    if pid and _is_held(Places(bench.name, str(bench.folder / "run"))):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


def _examine_truth(this: Round, bench: PtyBench) -> None:
    """Compare the twin's sealed ledger with the journal, and with what was said of the pump."""
    if not bench.ledger.exists():
        return  # the simulator was killed, and its truth with it
    truth = json.loads(bench.ledger.read_text())["deliveries"]
    boluses = [each for each in truth if each["kind"] == "bolus"]
    intended = sum(_intended(read_run(found.parent)) for found in (bench.folder / "runs").glob("*/evidence"))
    if len(boluses) > intended:
        this.count("doubled", f"{len(boluses)} boluses, {intended} intended")
    ledger = BenchLedger(bench.folder / "runs" / f"{bench.name}.ledger")
    running = truth and not (truth[-1]["kind"] == "suspended" and truth[-1]["end_ns"] is None)
    commanded = any(each["rate_u_per_h"] for each in truth)
    if ledger.entries() and ledger.unsafe() is None and running and commanded:
        this.count("unsafe", "called safe, and the pump ran on")


KINDS: dict[str, tuple[Callable[[Round, Path, random.Random], None], float, int]] = {
    # kind: how, longest wait before the blow in s, weight
    "virtual/kill": (virtual_round, 1.2, 6),
    "virtual/cut": (virtual_round, 1.2, 1),
    "virtual/term": (virtual_round, 1.2, 2),
    "virtual/hup": (virtual_round, 1.2, 1),
    "virtual/int2": (virtual_round, 1.2, 1),
    "virtual/disk": (virtual_round, 0.0, 3),
    "real/runner": (real_round, 60.0, 4),
    "real/guardian": (real_round, 60.0, 2),
    "real/both": (real_round, 60.0, 1),
    "real/hang": (real_round, 60.0, 1),
    "real/simulator": (real_round, 60.0, 1),
    "real/term": (real_round, 60.0, 1),
    "real/hup": (real_round, 60.0, 1),
    "real/int2": (real_round, 60.0, 1),
}


def one_round(number: int, seed: int, kinds: tuple[str, ...] = tuple(KINDS)) -> Round:
    """Do one round in a folder of its own."""
    draw = random.Random(f"{seed}/{number}")
    name = draw.choices(kinds, [KINDS[kind][2] for kind in kinds])[0]
    how, longest_s, _ = KINDS[name]
    this = Round(number, name.split("/")[1], draw.uniform(0.0, longest_s))
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        try:
            how(this, Path(folder), draw)
        except Exception as error:  # noqa: BLE001 - a round that breaks is itself a finding
            this.count("broken", f"{type(error).__name__}: {error}")
    this.kind = name
    return this


def campaign(rounds: int, seed: int, jobs: int, kinds: tuple[str, ...] = tuple(KINDS)) -> list[Round]:
    """Do ``rounds`` rounds, ``jobs`` at a time."""
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda number: one_round(number, seed, kinds), range(rounds)))


def main() -> int:
    """Run the campaign and print what it counted; 1 when anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--only", default="", help="kinds that begin so, such as real/ or virtual/kill")
    options = parser.parse_args()
    kinds = tuple(kind for kind in KINDS if kind.startswith(options.only))
    done = campaign(options.rounds, options.seed, options.jobs, kinds)
    total: Counter[str] = Counter()
    for each in done:
        total.update(each.found)
        for words in each.words:
            sys.stdout.write(f"round {each.number} {each.kind} after {each.after_s:.2f} s: {words}\n")
    by_kind = Counter(each.kind for each in done)
    sys.stdout.write("rounds: " + ", ".join(f"{kind} {count}" for kind, count in sorted(by_kind.items())) + "\n")
    sys.stdout.write(", ".join(f"{name} {total[name]}" for name in (*COUNTS, "broken")) + "\n")
    return int(any(total.values()))


if __name__ == "__main__":
    sys.exit(main())
