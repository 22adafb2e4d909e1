"""``rig analyse LOG.csv`` of 72 h at 10 Hz (2.6 million rows) in a process of its own, start of Python included.

Goals: under 5 s and 1 GB. Floor: a process that reads the same file with ``numpy.loadtxt`` and does nothing with it.
Run: ``python -m benchmarks.analyse``.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

REPEATS = 5
ROWS = 72 * 3600 * 10 + 1
FLOOR = "import sys, numpy; numpy.loadtxt(sys.argv[1], delimiter=',', skiprows=1)"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def _cost(*command: str) -> Cost:
    before_s = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return Cost(time.perf_counter() - before_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024.0)


def write_log(path: Path, *, ambient: bool) -> None:
    """Write a log of 1.0 U/h with a 0.001 mg display; ``ambient``: all the optional columns, too."""
    seconds = np.arange(ROWS) / 10.0
    noise = np.random.default_rng(1).normal(0.0, 0.005, ROWS)
    masses = seconds / 3600.0 * 9.9716 + noise
    more = ",21.03,48.2,1003.25,1" if ambient else ""
    with path.open("w") as file:
        file.write("time_s,mass_mg" + (",temperature_c,humidity_pct,pressure_hpa,stable\n" if ambient else "\n"))
        rows = zip(seconds.tolist(), masses.tolist(), strict=True)
        file.writelines(f"{at:.1f},{mass:.3f}{more}\n" for at, mass in rows)


def main() -> None:
    """Print cost and ratios."""
    analyse = [sys.executable, "-m", "rig", "analyse"]
    with tempfile.TemporaryDirectory() as folder:
        for name, ambient in (("two columns", False), ("six columns", True)):
            log = Path(folder) / "log.csv"
            write_log(log, ambient=ambient)
            costs, ratios = [], []
            for _ in range(REPEATS):
                before = _cost(sys.executable, "-c", FLOOR, str(log))
                cost = _cost(*analyse, str(log), "--basal", "1.0 U/h", "--json")
                after = _cost(sys.executable, "-c", FLOOR, str(log))
                costs.append(cost)
                ratios.append(2.0 * cost.cpu_s / (before.cpu_s + after.cpu_s))
            wall_s = statistics.median(cost.wall_s for cost in costs)
            cpu_s = statistics.median(cost.cpu_s for cost in costs)
            peak_mb = max(cost.peak_mb for cost in costs)
            print(
                f"rig analyse, 72 h at 10 Hz, {name}: {wall_s:.1f} s wall, {cpu_s:.1f} s CPU (goal 5), "
                f"{peak_mb:.0f} MB at most (goal 1000); CPU / numpy.loadtxt alone: {statistics.median(ratios):.2f}"
            )


if __name__ == "__main__":
    main()
