"""A guardian as a service, in a process of its own, on the real module: heartbeat, emergency stop, sudden death."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.errors import UsageError
from rig.guardian.client import about, acknowledge
from rig.guardian.places import Places
from rig.guardian.stop_latch import StopLatch

SERVICE = """
import sys
from rig.guardian.owned import IdleLines
from rig.guardian.plan import LinePlan
from rig.guardian.server import guard_bench
lines = (LinePlan("pinch", 17, "valve", safe="high"), LinePlan("beat", 25, "heartbeat"),
         LinePlan("stop", 22, "emergency_stop"))
sys.exit(guard_bench("kernel", sys.argv[1], lasting=True, idle_lines=IdleLines(lines, "rpi")))
"""
SIM = Path(os.environ.get("GPIO_SIM_DIR", "/nonexistent"))


def drive(pin: int, level: int) -> None:
    (SIM / f"sim_gpio{pin}" / "pull").write_text("pull-up" if level else "pull-down", encoding="ascii")


def level(pin: int) -> int:
    return int((SIM / f"sim_gpio{pin}" / "value").read_text(encoding="ascii"))


def until(so: Callable[[], Any], limit_s: float = 60.0) -> None:
    deadline_s = time.monotonic() + limit_s
    while not so():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def beats(within_s: float) -> int:
    """Count changes of the heartbeat line."""
    seen, before, end_s = 0, level(25), time.monotonic() + within_s
    while time.monotonic() < end_s:
        now = level(25)
        seen += now != before
        before = now
        time.sleep(0.002)
    return seen


@pytest.fixture
def service(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", SERVICE, str(tmp_path)])
    until(lambda: about(Places("kernel", str(tmp_path))))
    drive(22, 0)  # after the claim: its pull moves the simulated wire, too
    until(lambda: not StopLatch(tmp_path / "rig-kernel.stopped").held() or _rearmed(tmp_path))
    yield process
    process.kill()
    process.wait()
    drive(22, 0)


def _rearmed(folder: Path) -> bool:
    try:
        return acknowledge(Places("kernel", str(folder)))
    except UsageError:
        return False  # it has not seen the wire yet


def test_the_heart_beats_until_the_emergency_stop_and_again_when_a_person_has_rearmed_it(
    service: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    assert service.poll() is None
    assert level(17) == 1
    until(lambda: beats(0.5) >= 3)
    latch = StopLatch(tmp_path / "rig-kernel.stopped")
    drive(22, 1)
    until(latch.held)
    drive(22, 0)
    time.sleep(0.5)
    assert beats(1.0) == 0
    assert level(17) == 1
    until(lambda: _rearmed(tmp_path))
    assert not latch.held()
    until(lambda: beats(0.5) >= 3)
    rows = {row["line"]: row for row in (about(Places("kernel", str(tmp_path))) or {})["lines"]}
    assert (rows["pinch"]["level"], rows["pinch"]["why"]) == (1, None)


def test_a_guardian_that_is_killed_beats_no_more_whatever_its_lines_do(service: subprocess.Popen[bytes]) -> None:
    until(lambda: beats(0.5) >= 3)
    service.kill()
    service.wait()
    assert beats(1.0) <= 1  # the kernel takes the line back
