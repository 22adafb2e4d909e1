"""The pins of the twin: a pinch valve on the tube, a valve that leads it past the vessel; other pins move nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rig.errors import UsageError
from rig.sim.plant.plant import Plant

CLAMP, DIVERT = "clamp", "divert"


@dataclass(frozen=True, slots=True)
class Wire:
    """What hangs on a pin: ``deed`` is done while the pin has the level ``acts_at``."""

    deed: str
    acts_at: int


class TwinPins:
    """A GPIO chip (lines by BCM number, levels 0 and 1) whose outputs move the plant's valves at once."""

    def __init__(self, plant: Plant, wires: Mapping[int, Wire], now_ns: Callable[[], int]) -> None:
        self._plant = plant
        self._wires = dict(wires)
        self._now_ns = now_ns
        self._levels: dict[int, int] = {}

    def claim_output(self, pin: int, level: int) -> None:
        """Own a line and drive it from the first moment."""
        self.write(pin, level)

    def claim_input(self, pin: int, pull: str = "up") -> None:
        """Own a line and read it."""
        self._levels.setdefault(pin, int(pull == "up"))

    def edges(self) -> set[int]:
        """Return nothing: these lines are only looked at."""
        return set()

    def write(self, pin: int, level: int) -> None:
        """Drive an output; its valve follows."""
        before = self._levels.get(pin)
        self._levels[pin] = level
        wire = self._wires.get(pin)
        if wire is None or level == before:
            return
        acts = level == wire.acts_at
        if wire.deed == CLAMP:
            self._plant.clamp(closed=acts, rig_ns=self._now_ns())
        elif wire.deed == DIVERT:
            self._plant.divert(away=acts, rig_ns=self._now_ns())

    def read(self, pin: int) -> int:
        """Return the level of a line."""
        return self._levels.get(pin, 1)

    def release(self) -> None:
        """Let go of every line; levels stay."""


def read_wires(texts: Sequence[str]) -> dict[int, Wire]:
    """Return the valves of ``DEED=PIN[:LEVEL]``, such as ``clamp=17`` or ``divert=27:low``; high where none is named.

    Raises `UsageError` for anything else, and for one pin or deed twice.
    """
    wires: dict[int, Wire] = {}
    for text in texts:
        match = re.fullmatch(r"(clamp|divert)=(\d{1,2})(?::(low|high))?", text.strip(), re.ASCII)
        if match is None:
            raise UsageError(
                f"'{text[:40]}' is no valve", expected="clamp=PIN or divert=PIN, with :low where that acts"
            )
        pin, wire = int(match[2]), Wire(match[1], int(match[3] != "low"))
        if pin in wires or wire.deed in {each.deed for each in wires.values()}:
            raise UsageError(f"'{text[:40]}' names a pin or a deed a second time", expected="each once")
        wires[pin] = wire
    return wires


class FolderPins:
    """The pins of a twin in a process of its own: its guardian writes levels into the files ``PIN.out`` of a folder."""

    def __init__(self, folder: Path, wires: Mapping[int, Wire], pins: TwinPins) -> None:
        self._folder = folder
        self._wires = wires
        self._pins = pins

    def look(self) -> None:
        """Let the valves follow the files; a level that nobody has written yet leaves a valve at rest."""
        for pin in self._wires:
            try:
                text = (self._folder / f"{pin}.out").read_text(encoding="ascii").strip()
            except OSError:
                continue
            if text in ("0", "1"):
                self._pins.write(pin, int(text))
