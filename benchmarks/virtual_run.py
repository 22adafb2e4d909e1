"""Cost of a virtual basal run: the whole stack against a direct loop over the same plant, and against its length.

Goals: 49 h at a 10 s poll, 17,640 readings, every one through the drivers' bytes and recorded,
in at most 2 s of CPU and about 8 times a direct loop over the same plant; linear in the number of readings.
Run: ``python -m benchmarks.virtual_run``.
"""

import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from rig.bench import open_bench
from rig.clock import to_ns
from rig.config import Simulation, load_bench
from rig.engine import header, prepare
from rig.paths import scenarios_dir
from rig.record.writer import RecordWriter
from rig.runner.play import Player
from rig.runner.stop import StopRequest
from rig.scenario.model import BasalStep
from rig.scenario.parse import load_scenario
from rig.sim.bench import SimulatedBench

POLL_S = 10.0
REPEATS = 3


def whole_stack_cpu_s(hours: float) -> tuple[float, int]:
    """Return (CPU seconds, readings) of a basal run of ``hours`` at 1 U/h, recorded, without judging."""
    config = load_bench("simulated")
    scenario = replace(
        load_scenario(scenarios_dir() / "basal_24h.yaml"),
        steps=(BasalStep(1.0, hours * 3600.0),),
        checks=(),
        blank_before_s=0.0,
        blank_after_s=0.0,
        balance_interval_s=POLL_S,
    )
    prepared = prepare(scenario, config)
    with tempfile.TemporaryDirectory() as folder:
        bench = open_bench(config, prepared.profile)
        writer = RecordWriter(Path(folder) / "record-001.log.gz", header(prepared, bench, "benchmark", ()))
        bench.links.tap = writer.tap
        player = Player(scenario, bench, prepared.profile, prepared.plan, writer, StopRequest())
        before_s = time.process_time()
        ended = player.run()
        writer.close({"reason": ended.reason})
        cpu_s = time.process_time() - before_s
        bench.close()
        assert ended.reason == "completed", ended
        return cpu_s, player.progress(bench.clock.now_ns()).readings


def direct_loop_cpu_s(hours: float) -> float:
    """Return the CPU seconds of the plant alone, asked for what its display shows at the same instants."""
    twin = SimulatedBench(model="723", serial="900123", seed=1, start_local=Simulation().start)
    twin.plant_runs_at(1.0)
    before_s = time.process_time()
    step_ns = to_ns(POLL_S)
    for now_ns in range(0, to_ns(hours * 3600.0), step_ns):
        twin.display_mg(now_ns)
    return time.process_time() - before_s


def main() -> None:
    """Print the ratios."""
    stack, direct, linear = [], [], []
    for _ in range(REPEATS):
        floor_s = direct_loop_cpu_s(49.0)
        stack_s, readings = whole_stack_cpu_s(49.0)
        half_s, half_readings = whole_stack_cpu_s(24.5)
        stack.append(stack_s)
        direct.append(stack_s / floor_s)
        linear.append((stack_s / readings) / (half_s / half_readings))
    print(f"49 h at {POLL_S:g} s: {readings} readings, {statistics.median(stack):.2f} s of CPU (goal 2)")
    print(f"whole stack / direct loop over the same plant: {statistics.median(direct):.1f} (goal 8)")
    print(f"cost per reading, 49 h / 24.5 h: {statistics.median(linear):.2f} (1 is linear)")


if __name__ == "__main__":
    main()
