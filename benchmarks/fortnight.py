"""Two weeks of rig time at one reading a second: how much memory the measuring process takes, and what it writes.

Goals: less than 5 MB of growth after the first day; the run is judged and its audit finds it whole.
Run: ``python -m benchmarks.fortnight [DAYS]`` (a minute or two for 14 days).
"""

import sys
import tempfile
import time
from pathlib import Path

from rig.audit.run import audit_runs
from rig.config import load_bench
from rig.engine import prepare, run_scenario
from rig.runner.progress import Progress
from rig.scenario.parse import parse_scenario

DAY_S = 86_400.0
SCENARIO = """
schema: 1
id: fortnight
title: {days} days at 0.5 U/h, one reading a second
pump: {{families: [22, 23]}}
needs: [pump, balance]
operator: none
sampling: {{balance: 1 s, environment: 60 s}}
blank: {{before: 1 h, after: 1 h}}
steps:
  - basal: {{rate: 0.5 U/h, for: {hours} h}}
checks:
  - {{id: mean, measure: basal.overall_error, from: 24 h, for: {judged} h, limit: 5 %, source: pump.accuracy.basal}}
on_runner_loss: stop
gap: {{tolerate: 60 s}}
"""


def resident_mb() -> float:
    """Return the resident memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


class Memory:
    """Watches the memory while a run goes on."""

    def __init__(self) -> None:
        self.after_a_day_mb = 0.0
        self.most_mb = 0.0

    def __call__(self, progress: Progress) -> None:
        """Look at the memory, once the first day is over."""
        if progress.elapsed_s < DAY_S or "basal" not in progress.phase:
            return
        now_mb = resident_mb()
        self.after_a_day_mb = self.after_a_day_mb or now_mb
        self.most_mb = max(self.most_mb, now_mb)


def main() -> None:
    """Run, and print what was found."""
    days = int(sys.argv[1]) if len(sys.argv) > 1 else 14
    text = SCENARIO.format(days=days, hours=24 * days, judged=24 * (days - 1))
    scenario = parse_scenario(text, "fortnight.yaml")
    config = load_bench("simulated")
    prepare(scenario, config)
    memory = Memory()
    with tempfile.TemporaryDirectory() as folder:
        before_s = time.process_time()
        finished = run_scenario(scenario, config, Path(folder), observer=memory)
        cpu_s = time.process_time() - before_s
        record = finished.folder / "evidence" / "record-001.log.gz"
        report = audit_runs([finished.folder])
        growth_mb = memory.most_mb - memory.after_a_day_mb
        print(f"{days} days: ended {finished.ended.reason}, outcome {finished.result.outcome.value}")
        print(f"memory after the first day {memory.after_a_day_mb:.1f} MB, growth after it {growth_mb:.1f} MB (goal 5)")
        print(f"record {record.stat().st_size / 1e6:.1f} MB; judged and all: {cpu_s:.0f} s of CPU")
        print(f"audit: {'complete and unaltered' if report.unaltered else 'NOT unaltered'}")


if __name__ == "__main__":
    main()
