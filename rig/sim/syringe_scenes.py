"""The twin's syringe pumps in the situations of the conformance suite; what they cannot play is None."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from rig.plugins.spec import Scene
from rig.sim.bench import SimulatedBench
from rig.sim.syringe.device import SerialPump
from rig.transport.virtual import Port

START: Final = datetime(2025, 3, 9, 14)  # noqa: DTZ001 - as the other scenes
NEW_ERA, HARVARD = "new_era", "harvard"
MODELS: Final = {"ne-1000": "NE1000", "ne-500": "NE500", "harvard-11": "11 Elite", "phd-ultra": "PHD ULTRA I/W"}
DIAMETER_MM: Final = 14.43
RUN: Final = {NEW_ERA: b"RUN", HARVARD: b"irun"}
STOP: Final = {NEW_ERA: b"STP", HARVARD: b"stp"}
IDENTITY: Final = {NEW_ERA: b"VER", HARVARD: b"ver"}  # not before: being identified acknowledges an alarm
ANY: Final = {NEW_ERA: b"", HARVARD: b""}
LOSSES: Final = {  # what a wire does, the first time that a word is said
    "silent": (ANY, "all"),
    "start_answer_lost": (RUN, "answer"),
    "start_lost": (RUN, "command"),
    "start_then_silence": (RUN, "all"),
    "stalled": (IDENTITY, "stalls"),
    "stop_bad_line": (STOP, "twice"),
    "stop_unconfirmed": (STOP, "all"),
}
READY: Final[dict[str, tuple[bytes, ...]]] = {NEW_ERA: (b"0\r", b"0VOLUL\r", b"0RAT500.0UH\r"), HARVARD: ()}
RUNS: Final[dict[str, tuple[bytes, ...]]] = {NEW_ERA: (b"0RUN\r",), HARVARD: (b"irun\r",)}
BEFORE: Final[dict[str, dict[str, tuple[bytes, ...]]]] = {  # what somebody did to the pump before
    "stalled": RUNS,
    "stop_bad_line": RUNS,
    "stop_unconfirmed": RUNS,
    "start_refused": {NEW_ERA: (b"0FUNPAS99\r", b"0RUN\r"), HARVARD: (b"diameter 0.1\r",)},
    "start_alarm": {NEW_ERA: (b"0RAT400.0MH\r", b"0DIA4.699\r"), HARVARD: ()},
}
NOT_PLAYED: Final = ("other_device", "withdraws")


class LossyWire:
    """Stands before a pump and does what a situation wants, the first time that ``word`` is said.

    ``loses``: "command", "answer", "all" from then on, or "twice": first the command, then its answer. "stalls": the
    motor stalls once this was answered. ``before``: what the pump was told before anybody listened.
    """

    def __init__(self, pump: SerialPump, word: bytes, loses: str, before: tuple[bytes, ...] = ()) -> None:
        self._pump = pump
        self._word = word
        self._before = before
        self._lost = {"command": ["command"], "answer": ["answer"], "twice": ["command", "answer"]}.get(loses, [])
        self._dies = loses == "all"
        self._stalls = loses == "stalls"
        self._dead = self._deaf = False

    def attach(self, port: Port) -> None:
        """Learn the wire, and bring the pump to where somebody has left it."""
        self._port = port
        self._pump.attach(self)
        self._deaf = True
        for data in self._before:
            self._pump.receive(data, 0)
        self._deaf = False

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take what the host sends, or lose it."""
        said = self._word in data
        self._dead = self._dead or (said and self._dies)
        lost = self._lost.pop(0) if said and self._lost else ""
        if self._dead or lost == "command":
            return
        self._deaf = lost == "answer"
        self._pump.receive(data, now_ns)
        self._deaf = False
        if said and self._stalls:
            self._stalls = False
            self._pump.drive.stop()
            self._pump.drive.on_end("stall", self._pump.drive.at_ns)

    def send(self, data: bytes, at_ns: int) -> None:
        """Pass on what the pump says, or lose it."""
        if not self._deaf:
            self._port.send(data, at_ns)

    def call_at(self, at_ns: int, action: Callable[[int], None]) -> None:
        """Pass on an appointment."""
        self._port.call_at(at_ns, action)

    def rig_ns(self, link_ns: int) -> int:
        """Return the rig time of a link time."""
        return self._port.rig_ns(link_ns)


def new_era(situation: str, model: str = "NE1000") -> Scene | None:
    """Return a New Era pump of the twin."""
    return _scene(NEW_ERA, situation, model)


def harvard(situation: str, model: str = "11 Elite") -> Scene | None:
    """Return a Harvard pump of the twin."""
    return _scene(HARVARD, situation, model)


def _scene(maker: str, situation: str, model: str) -> Scene | None:
    if situation in NOT_PLAYED:
        return None
    stalls = maker == HARVARD and situation == "start_alarm"
    twin = SimulatedBench(start_local=START, faults=("syringe.stall=on",) if stalls else ())
    pump = twin.mount_syringe(next(name for name, told in MODELS.items() if told == model))
    words, loses = LOSSES.get(situation, (RUN, ""))
    before = () if situation == "silent" else (*READY[maker], *BEFORE.get(situation, {}).get(maker, ()))
    return Scene(LossyWire(pump, words[maker], loses, before), "", model, diameter_mm=DIAMETER_MM)
