"""GPIO chips that a guardian can own: the pins of a Pi, files that stand for pins, or none at all."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from rig.errors import ConfigError
from rig.gpio.load import load_gpio
from rig.gpio.pins import Pins

FOLDER = "folder:"
LOW, HIGH = 0, 1


class Chip(Protocol):
    """A GPIO chip; lines by BCM number, levels 0 and 1. Any call may raise `InstrumentError`."""

    def claim_output(self, pin: int, level: int) -> None:
        """Own a line and drive it to ``level`` from the first moment."""

    def claim_input(self, pin: int, pull: str = "up") -> None:
        """Own a line and read it; ``pull`` is up, down or off."""

    def write(self, pin: int, level: int) -> None:
        """Drive an output."""

    def read(self, pin: int) -> int:
        """Return the level of a line."""

    def edges(self) -> set[int]:
        """Return the lines that had an edge since this was asked last; a chip without edges is only looked at."""

    def release(self) -> None:
        """Let go of every line; levels stay."""


class FolderChip:
    """Lines as files: ``<pin>.out`` holds what an output drives, ``<pin>.in`` what the world puts on an input.

    Levels outlive the process, as they do with Raspberry Pi's own kernels.
    """

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

    def claim_input(self, pin: int, pull: str = "up") -> None:
        """Pull a line unless the world drives it already."""
        path = self._folder / f"{pin}.in"
        if not path.exists():
            path.write_text("1" if pull == "up" else "0", encoding="ascii")

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

    def edges(self) -> set[int]:
        """Return nothing: files have no edges."""
        return set()

    def release(self) -> None:
        """Let somebody else have the lines; their levels stay."""
        os.close(self._owner)


class NoChip:
    """The chip of a bench without lines."""

    def claim_output(self, pin: int, level: int) -> None:
        """Do nothing."""

    def claim_input(self, pin: int, pull: str = "up") -> None:
        """Do nothing."""

    def write(self, pin: int, level: int) -> None:
        """Do nothing."""

    def read(self, _pin: int) -> int:
        """Return 0."""
        return LOW

    def edges(self) -> set[int]:
        """Return nothing."""
        return set()

    def release(self) -> None:
        """Do nothing."""


def open_chip(gpio: str, run_dir: Path | None = None, nudge: Callable[[], None] = lambda: None) -> Chip:
    """Return the chip that a bench file names; raise `ConfigError` when it cannot be had.

    ``run_dir``: where lgpio may put its files; ``nudge`` is called, on a thread of the module's, after an edge.
    """
    if gpio.startswith(FOLDER):
        return FolderChip(Path(gpio.removeprefix(FOLDER)))
    return Pins(load_gpio(run_dir), nudge)
