"""What goes wrong on a syringe pump's line: lost, damaged and late messages."""

from __future__ import annotations

from rig.sim.faults import FaultSet
from rig.sim.seeds import source


class Troubles:
    """The seeded faults of one serial line; a message is what was written in one piece."""

    def __init__(self, seed: int, faults: FaultSet) -> None:
        self._faults = faults
        self._noise = source(seed, "syringe.line")

    def dead(self, rig_ns: int) -> bool:
        """Say whether the pump has no supply."""
        return self._faults.on("syringe.power_cut", rig_ns)

    def touched(self, rig_ns: int) -> bool:
        """Say whether somebody has just ended the remote session at the screen."""
        return self._faults.take("syringe.touched", rig_ns)

    def hear(self, data: bytes, rig_ns: int) -> bytes:
        """Return what arrives at the pump of what a host wrote."""
        return self._pass(data, rig_ns)

    def say(self, data: bytes, rig_ns: int) -> tuple[bytes, int]:
        """Return (what arrives at the host of an answer, by how many ns it is late)."""
        if self._faults.take("syringe.drop_answer", rig_ns):
            return b"", 0
        return self._pass(data, rig_ns), round(self._faults.number("syringe.late", rig_ns) * 1e9)

    def _pass(self, data: bytes, rig_ns: int) -> bytes:
        if not data:
            return data
        if self._happens("syringe.drop", rig_ns):
            return b""
        if self._happens("syringe.corrupt", rig_ns):
            damaged = bytearray(data)
            damaged[self._noise.randrange(len(data))] ^= 1 << self._noise.randrange(8)
            return bytes(damaged)
        return data

    def _happens(self, name: str, rig_ns: int) -> bool:
        share = self._faults.number(name, rig_ns)
        return share > 0.0 and self._noise.random() < share
