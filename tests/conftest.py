"""Tests in real processes come first: most of their time is waiting for a radio, while other workers are busy."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from rig.paths import benches_dir
from tests.guardian.benches import CLAMPED, HOLD, PtyBench, PtyRun

collect_ignore = [] if os.environ.get("GPIO_SIM_DIR") else ["kernel"]  # tox -e kernel
BENCHES = ("killed", "hung", "emergency", "guardian", "unreachable", "restarted", "hold")
REAL_TIME = ("benches", "pty_run")  # fixtures; one worker has a whole file, so that each starts in one of them
PTY_SPEED = "30"
WHOLE_RUNS = (
    "test_end_to_end.py",
    "test_interruptions.py",
    "test_replugged.py",
    "test_wiring.py",
    "test_killed.py",
    "test_check_driver.py",
    "test_resume_run.py",
    "test_lost_links.py",
)

# The same examples on every machine, however busy it is: a gate says the same twice. New examples are the business of
# `python -m tests.fuzz`, and of `--hypothesis-profile=default`.
settings.register_profile("rig", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rig")


def _is_real(item: pytest.Item) -> bool:
    return not set(REAL_TIME).isdisjoint(getattr(item, "fixturenames", ()))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that hold what takes real time, then with the longest: no worker is left alone."""
    real = {item.path for item in items if _is_real(item)}
    items.sort(key=lambda item: (item.path not in real, item.path.name not in WHOLE_RUNS))


@pytest.fixture(scope="session")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, PtyBench]]:
    """Give a bench for each test of the guardian, each with a run that delivers."""
    made = {name: PtyBench(tmp_path_factory.mktemp(name), name) for name in BENCHES}
    for name, bench in made.items():
        scenario = "tests/data/lost.yaml"
        if name == "hold":
            scenario = str(bench.folder / "hold.yaml")
            Path(scenario).write_text(HOLD)
        if name == "killed":
            scenario = str(bench.folder / "clamped.yaml")
            Path(scenario).write_text(CLAMPED)
        bench.runner = bench.run(scenario)
    yield made
    for bench in made.values():
        bench.end()


@pytest.fixture(scope="session")
def pty_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PtyRun]:
    """Give a short run through two pseudo-terminals, faster than life."""
    folder = tmp_path_factory.mktemp("pty")
    devices, ledger = folder / "devices.jsonl", folder / "ledger.json"
    serve = [sys.executable, "-m", "rig", "simulate", "bench", "--pty", "--speed", PTY_SPEED, "--ledger", str(ledger)]
    simulator = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
    assert simulator.stdout is not None
    devices.write_text(simulator.stdout.readline() + simulator.stdout.readline())
    bench = folder / "bench.toml"
    shipped = (benches_dir() / "pty-example.toml").read_text()
    bench.write_text(f'{shipped}\n[guardian]\nrun_dir = "{folder / "run"}"\n')
    where = ["--bench", str(bench), "--devices", str(devices), "--out", str(folder / "runs")]
    command = [sys.executable, "-m", "rig", "run", "tests/data/pty.yaml", *where, "--no-report", "--quiet"]
    runner = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    yield PtyRun(folder / "runs", ledger, simulator, runner)
    for process in (runner, simulator):  # another worker may hold the test that waits for them
        process.kill()
        process.wait()
    simulator.stdout.close()
