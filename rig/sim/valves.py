"""The pins of the twin: valves on the tube, buttons on the pump's keys, a line that follows its alarm.

Other pins move nothing. A key counts when its button closes, however long it is held, and the alarm line is active for
as long as an alarm is there, without a pattern: assumptions of the twin.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rig.errors import UsageError
from rig.sim.plant.plant import Plant
from rig.sim.pump.firmware import Firmware

CLAMP, DIVERT, ALARM = "clamp", "divert", "alarm"
KEYS = {"easy_bolus": 0, "esc": 1, "act": 2, "up": 3, "down": 4}  # as the pump's own command numbers them
DEEDS = (CLAMP, DIVERT, *KEYS, ALARM)


@dataclass(frozen=True, slots=True)
class Wire:
    """What hangs on a pin: ``deed`` is done while the pin has the level ``acts_at``."""

    deed: str
    acts_at: int


class TwinPins:
    """A GPIO chip (lines by BCM number, levels 0 and 1) whose outputs move the plant's valves at once."""

    def __init__(
        self, plant: Plant, wires: Mapping[int, Wire], now_ns: Callable[[], int], firmware: Firmware | None = None
    ) -> None:
        self._plant = plant
        self._firmware = firmware
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
        elif wire.deed in KEYS and acts and self._firmware is not None:
            self._firmware.press(KEYS[wire.deed], self._now_ns())

    def read(self, pin: int) -> int:
        """Return the level of a line; to look at the alarm line does not let the plant run."""
        wire = self._wires.get(pin)
        if wire is not None and wire.deed == ALARM and self._firmware is not None:
            return wire.acts_at if self._firmware.therapy.alarm else 1 - wire.acts_at
        return self._levels.get(pin, 1)

    def release(self) -> None:
        """Let go of every line; levels stay."""


def read_wires(texts: Sequence[str]) -> dict[int, Wire]:
    """Return the wires of ``DEED=PIN[:LEVEL]``, such as ``clamp=17``, ``act=23`` or ``alarm=24:low``; high by default.

    Raises `UsageError` for anything else, and for one pin or deed twice.
    """
    wires: dict[int, Wire] = {}
    for text in texts:
        match = re.fullmatch(rf"({'|'.join(DEEDS)})=(\d{{1,2}})(?::(low|high))?", text.strip(), re.ASCII)
        if match is None:
            raise UsageError(
                f"'{text[:40]}' is no valve and no other wire",
                expected=f"DEED=PIN, with :low where that acts; DEED is {', '.join(DEEDS)}",
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
        self._told: dict[int, int] = {}

    def look(self) -> None:
        """Let valves and keys follow the files, and the alarm's file the pump.

        A level that nobody has written yet leaves a valve at rest.
        """
        for pin, wire in self._wires.items():
            if wire.deed == ALARM:
                self._tell(pin, self._pins.read(pin))
                continue
            try:
                text = (self._folder / f"{pin}.out").read_text(encoding="ascii").strip()
            except OSError:
                continue
            if text in ("0", "1"):
                self._pins.write(pin, int(text))

    def _tell(self, pin: int, level: int) -> None:
        """Put a level on an input; a reader sees the old level or the new one, never half of it."""
        if self._told.get(pin) != level:
            temporary = self._folder / f".{pin}.in.part"
            temporary.write_text(str(level), encoding="ascii")
            temporary.replace(self._folder / f"{pin}.in")
            self._told[pin] = level
