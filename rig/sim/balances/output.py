"""The way of a balance's lines onto its wire, and what faults do to them there."""

from __future__ import annotations

from rig.sim.faults import FaultSet
from rig.sim.seeds import source
from rig.transport.virtual import Port

MOST_NOISE = 8  # bytes before a line


class Output:
    """One wire; times are link times."""

    def __init__(self, port: Port, faults: FaultSet, seed: int, reply_s: float) -> None:
        self._port = port
        self._faults = faults
        self._reply_ns = round(reply_s * 1e9)
        self._garbage = source(seed, "balance.garbage")
        self._noise = source(seed, "balance.noise")
        self._kept = bytearray()
        self._free_ns = 0  # when the second half of a line has gone

    def send(self, line: bytes, now_ns: int) -> None:
        """Put a line on the wire as the answer to something at ``now_ns``."""
        if self._faults.any_balance:
            self._spoil(line, now_ns)
        else:
            self._port.send(line, now_ns + self._reply_ns)

    def _spoil(self, line: bytes, now_ns: int) -> None:
        faults = self._faults
        rig_ns = self._port.rig_ns(now_ns)
        if faults.on("balance.silent", rig_ns):
            return
        if self._garbage.random() < faults.number("balance.garbage", rig_ns):
            line = self._garbage.randbytes(max(0, len(line) - 2)) + b"\r\n"
        if self._noise.random() < faults.number("balance.corrupt", rig_ns):
            line = self._flip(line)
        if faults.take("balance.cut", rig_ns):
            line = line[: len(line) // 2]
        if self._noise.random() < faults.number("balance.noise", rig_ns):
            line = self._noise.randbytes(self._noise.randint(1, MOST_NOISE)) + line
        if faults.on("balance.eighth_bit", rig_ns):
            line = bytes(byte | (byte.bit_count() % 2) << 7 for byte in line)
        at_ns = now_ns + self._reply_ns + round(faults.number("balance.late", rig_ns) * 1e9)
        self._deliver(line, at_ns, rig_ns)

    def _deliver(self, line: bytes, at_ns: int, rig_ns: int) -> None:
        kept_ns = round(self._faults.number("balance.joined", rig_ns) * 1e9)
        between_ns = round(self._faults.number("balance.halves", rig_ns) * 1e9)
        if kept_ns:
            if not self._kept:
                self._port.call_at(at_ns + kept_ns, self._release)
            self._kept += line
        else:
            at_ns = max(at_ns, self._free_ns)  # a wire keeps its order
            half = len(line) // 2 if between_ns else 0
            if half:
                self._port.send(line[:half], at_ns)
                self._free_ns = at_ns = at_ns + between_ns
            self._port.send(line[half:], at_ns)

    def _release(self, now_ns: int) -> None:
        self._port.send(bytes(self._kept), now_ns)
        self._kept.clear()

    def _flip(self, line: bytes) -> bytes:
        spoilt = bytearray(line)
        spoilt[self._noise.randrange(len(line))] ^= 1 << self._noise.randrange(8)
        return bytes(spoilt)
