"""The other end of the wires of a kernel's own GPIO simulator (gpio-sim)."""

from __future__ import annotations

import gc
import importlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.gpio.load import load_gpio

SIM = Path(os.environ.get("GPIO_SIM_DIR", "/nonexistent"))
ARRIVES_S = 0.02  # simulated edges wait for the next tick of the kernel: two within one are one
WAIT_S = 20.0


class KernelError(Exception):
    """What another process said."""


class KernelWorld:
    """The wires of the simulated chip."""

    def __init__(self, gpio: Any) -> None:
        self.gpio = gpio
        self._timers: list[threading.Timer] = []

    def drive(self, pin: int, level: int) -> None:
        (SIM / f"sim_gpio{pin}" / "pull").write_text("pull-up" if level else "pull-down", encoding="ascii")
        time.sleep(ARRIVES_S)

    def drive_later(self, after_s: float, pin: int, level: int) -> None:
        timer = threading.Timer(after_s, self.drive, (pin, level))
        timer.start()
        self._timers.append(timer)

    def level(self, pin: int) -> int:
        return int((SIM / f"sim_gpio{pin}" / "value").read_text(encoding="ascii"))

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def until(self, so: Callable[[], bool]) -> bool:
        deadline_s = time.monotonic() + WAIT_S
        while time.monotonic() < deadline_s:
            if so():
                return True
            time.sleep(0.005)
        return so()

    def claims_elsewhere(self, pin: int) -> Exception | str | None:
        code = f"import RPi.GPIO as G; G.setmode(G.BCM)\ntry: G.setup({pin}, G.OUT, initial=1)\n"
        code += "except Exception as e: print(type(e).__mro__[1].__name__, e, sep='|')"
        said = self._elsewhere(code).stdout.strip()
        if not said:
            return None
        base, _, text = said.partition("|")
        return KernelError(text) if base == "Exception" else RuntimeError(said)

    def level_after_death(self, pin: int) -> int:
        code = f"import RPi.GPIO as G, os; G.setmode(G.BCM); G.setup({pin}, G.OUT, initial=1); os.kill(os.getpid(), 9)"
        assert self._elsewhere(code).returncode == -9
        return self.level(pin)

    @staticmethod
    def _elsewhere(code: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)

    def close(self) -> None:
        for timer in self._timers:
            timer.join()


@pytest.fixture
def world() -> Iterator[KernelWorld]:
    gpio: Any = load_gpio()
    importlib.invalidate_caches()
    gpio.setwarnings(False)
    gpio.setmode(gpio.BCM)
    made = KernelWorld(gpio)
    yield made
    made.close()
    gc.collect()  # a pulse train that dies after cleanup() complains
    gpio.setwarnings(False)
    gpio.setmode(gpio.BCM)
    for pin in range(54):
        gpio.remove_event_detect(pin)
    gpio.cleanup()
    for pin in range(54):
        (SIM / f"sim_gpio{pin}" / "pull").write_text("pull-down", encoding="ascii")
