"""Start-up cost: ``rig --help`` against a bare interpreter, and the pytest wiring against pytest without it.

Goals: help at most 3 times a bare interpreter; the wiring adds at most 10 % to a one-test run.
Run: ``python -m benchmarks.startup``.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPEATS = 21


def _wall_s(*command: str, folder: str | None = None) -> float:
    before_s = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return time.perf_counter() - before_s


def _ratio(subject: list[str], floor: list[str], folder: str | None = None) -> float:
    """Return the median of ratios to the floor measured just before and after."""
    ratios = []
    for _ in range(REPEATS):
        before = _wall_s(*floor, folder=folder)
        middle = _wall_s(*subject, folder=folder)
        after = _wall_s(*floor, folder=folder)
        ratios.append(2.0 * middle / (before + after))
    return statistics.median(ratios)


def main() -> None:
    """Print the ratios."""
    help_ratio = _ratio([sys.executable, "-m", "rig", "--help"], [sys.executable, "-c", "pass"])
    print(f"rig --help / bare interpreter: {help_ratio:.2f} (goal 3)")
    checkout = Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory() as folder:
        test = Path(folder) / "test_one.py"
        test.write_text("def test_one():\n    assert True\n")
        base = [sys.executable, "-m", "pytest", "-q", "--disable-plugin-autoload", "-p", "no:cacheprovider"]
        wired = [*base, "-c", str(checkout / "pyproject.toml"), f"--rootdir={checkout}", f"--confcutdir={checkout}"]
        plugins = ["-p", "fixtures.scenario_files", "-p", "fixtures.bench", "-p", "conftest"]
        pytest_ratio = _ratio([*wired, *plugins, str(test)], [*wired, str(test)], folder=str(checkout))
    print(f"one-test pytest run with the wiring / without: {pytest_ratio:.3f} (goal 1.10)")


if __name__ == "__main__":
    main()
