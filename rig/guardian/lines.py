"""The GPIO lines of a bench: owned by the guardian alone, each output with a declared safe level (design 4.6).

Two back ends behind one interface: ``rpi`` is the package that provides ``RPi.GPIO``; ``folder:DIR`` keeps each line in
a file of a folder, for benches without pins: levels outlive the process, as they do with Raspberry Pi's own kernels.
"""

from __future__ import annotations

import fcntl
import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from rig.errors import ConfigError, InstrumentError
from rig.guardian.plan import LinePlan

FOLDER = "folder:"
LOW, HIGH = 0, 1


class Chip(Protocol):
    """A GPIO chip; lines by BCM number, levels 0 and 1."""

    def claim_output(self, pin: int, level: int) -> None:
        """Own a line and drive it to ``level`` from the first moment."""

    def claim_input(self, pin: int) -> None:
        """Own a line and read it, pulled up."""

    def write(self, pin: int, level: int) -> None:
        """Drive an output."""

    def read(self, pin: int) -> int:
        """Return the level of a line."""

    def release(self) -> None:
        """Let go of every line."""


class RpiChip:
    """The pins of a Raspberry Pi, through ``RPi.GPIO`` (from RPi.GPIO or rpi-lgpio)."""

    def __init__(self) -> None:
        # Off a Pi: ImportError, RuntimeError, OSError or lgpio.error, a plain Exception (gpio reference 1.1).
        try:
            self._gpio: Any = importlib.import_module("RPi.GPIO")
            self._gpio.setwarnings(False)
            self._gpio.setmode(self._gpio.BCM)
        except Exception as error:
            raise ConfigError(
                f"the pins cannot be used ({error})",
                where="[guardian] gpio",
                expected="a Raspberry Pi with the package rpi-lgpio",
                hint="pip install rpi-lgpio, or run on the bench's own Pi",
            ) from error

    def claim_output(self, pin: int, level: int) -> None:
        """Own a line; ``initial`` is always given, since without it a line takes whatever level it happens to have."""
        self._gpio.setup(pin, self._gpio.OUT, initial=level)

    def claim_input(self, pin: int) -> None:
        """Own a line, pulled up: an open contact and a broken wire read 1."""
        self._gpio.setup(pin, self._gpio.IN, pull_up_down=self._gpio.PUD_UP)

    def write(self, pin: int, level: int) -> None:
        """Drive an output."""
        self._gpio.output(pin, level)

    def read(self, pin: int) -> int:
        """Return the level of a line."""
        return int(self._gpio.input(pin))

    def release(self) -> None:
        """Leave every line at the level that it has: cleaning up would let outputs float."""


class FolderChip:
    """Lines as files: ``<pin>.out`` holds what an output drives, ``<pin>.in`` what the world puts on an input."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._owner = os.open(folder / ".owner", os.O_WRONLY | os.O_CREAT, 0o600)
            fcntl.flock(self._owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(f"the lines cannot be had ({error})", where=f"[guardian] gpio, {folder}") from error

    def claim_output(self, pin: int, level: int) -> None:
        """Drive a line from now on."""
        self.write(pin, level)

    def claim_input(self, pin: int) -> None:
        """Pull a line up unless the world drives it already."""
        path = self._folder / f"{pin}.in"
        if not path.exists():
            path.write_text("1", encoding="ascii")

    def write(self, pin: int, level: int) -> None:
        """Drive an output; a reader sees the old level or the new one, never half of it."""
        temporary = self._folder / f".{pin}.part"
        temporary.write_text(str(level), encoding="ascii")
        temporary.replace(self._folder / f"{pin}.out")

    def read(self, pin: int) -> int:
        """Return the level: the world's, else our own."""
        for suffix in ("in", "out"):
            path = self._folder / f"{pin}.{suffix}"
            if path.exists():
                return int(path.read_text(encoding="ascii").strip() or "1")
        return HIGH

    def release(self) -> None:
        """Let somebody else have the lines; their levels stay."""
        os.close(self._owner)


class NoChip:
    """The chip of a bench without lines."""

    def claim_output(self, pin: int, level: int) -> None:
        """Do nothing."""

    def claim_input(self, pin: int) -> None:
        """Do nothing."""

    def write(self, pin: int, level: int) -> None:
        """Do nothing."""

    def read(self, _pin: int) -> int:
        """Return 0."""
        return LOW

    def release(self) -> None:
        """Do nothing."""


def open_chip(gpio: str) -> Chip:
    """Return the chip that a bench file names; raise `ConfigError` when it cannot be had."""
    if gpio.startswith(FOLDER):
        return FolderChip(Path(gpio.removeprefix(FOLDER)))
    return RpiChip()


class Lines:
    """The lines of one bench. Every output goes to its safe level the moment it is claimed."""

    def __init__(self, plans: Sequence[LinePlan], chip: Chip) -> None:
        self._plans = {plan.name: plan for plan in plans}
        self._chip = chip
        self._until_ns: dict[str, int] = {}  # presses under way
        for plan in plans:
            if plan.is_output:
                chip.claim_output(plan.pin, plan.safe_level)
            else:
                chip.claim_input(plan.pin)

    def named(self, role: str) -> list[LinePlan]:
        """Return the lines of a role."""
        return [plan for plan in self._plans.values() if plan.role == role]

    def set(self, name: str, level: int) -> None:
        """Drive an output; raises `InstrumentError` for a line that is none."""
        self._chip.write(self._output(name).pin, level)

    def press(self, name: str, duration_ms: int, now_ns: int) -> None:
        """Drive an output to its other level for a bounded time; `tick` ends it, whoever asked may be dead by then."""
        plan = self._output(name)
        if name in self._until_ns:
            raise InstrumentError("it is being pressed already", where=f"line {name}")
        self._chip.write(plan.pin, 1 - plan.safe_level)
        self._until_ns[name] = now_ns + duration_ms * 1_000_000

    def tick(self, now_ns: int) -> None:
        """End the presses whose time is over."""
        for name, until_ns in list(self._until_ns.items()):
            if now_ns >= until_ns:
                self._chip.write(self._plans[name].pin, self._plans[name].safe_level)
                del self._until_ns[name]

    def next_ns(self) -> int | None:
        """Return when the next press ends."""
        return min(self._until_ns.values(), default=None)

    def read(self, name: str) -> int:
        """Return the level of a line."""
        if name not in self._plans:
            raise self._unknown(name)
        return self._chip.read(self._plans[name].pin)

    def emergency(self) -> bool:
        """Say whether an emergency stop is pressed, or its wire broken: its contact is normally closed to ground."""
        return any(self._chip.read(plan.pin) != LOW for plan in self.named("emergency_stop"))

    def make_safe(self, *roles: str) -> list[dict[str, Any]]:
        """Drive every output of these roles to its safe level, each whatever became of the others; say what is so."""
        return [self._safe(plan) for role in roles for plan in self.named(role)]

    def _safe(self, plan: LinePlan) -> dict[str, Any]:
        report: dict[str, Any] = {"what": f"line {plan.name}", "wanted": plan.safe}
        self._until_ns.pop(plan.name, None)
        try:
            self._chip.write(plan.pin, plan.safe_level)
            reached = self._chip.read(plan.pin) == plan.safe_level
        except Exception as error:  # noqa: BLE001 - lgpio's errors derive from Exception alone (gpio reference 2.6)
            return {**report, "reached": False, "confirmed": False, "by": str(error)}
        return {**report, "reached": reached, "confirmed": reached, "by": "the line read back"}

    def release(self) -> None:
        """Let go of the chip."""
        self._chip.release()

    def _output(self, name: str) -> LinePlan:
        plan = self._plans.get(name)
        if plan is None or not plan.is_output:
            raise self._unknown(name)
        return plan

    def _unknown(self, name: str) -> InstrumentError:
        known = ", ".join(self._plans) or "none"
        return InstrumentError(f"there is no such line '{name}'", where="guardian", expected=f"one of {known}")
