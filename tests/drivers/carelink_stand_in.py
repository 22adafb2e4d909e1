"""A CareLink stick and a pump behind it, written from the protocol's tables alone: no codec of the rig is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rig.transport.virtual import Port
from tests.transcripts.notation import expand, packet

NS_PER_MS = 1_000_000
PRODUCT = "12 34 56 01 02 FF 43 6F 6D 4C 69 6E 6B 20 49 49 01 10 02 00 01 01 03"
READS = {0x8D: "model 723", 0xCE: "status normal", 0x98: "no temp", 0x70: "time 2025-03-09 14:05:30"}
LEFT_OVER = 0xEE
SUSPEND = (0x4D, b"\x01")  # can but stop a delivery


def check(data: bytes) -> int:
    """Return the CRC-8 of polynomial 9B, bit by bit."""
    remainder = 0
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder = ((remainder << 1) ^ 0x9B if remainder & 0x80 else remainder << 1) & 0xFF
    return remainder


def reply(kind: int, data: bytes, *, last: bool = True, pump: str = "51 28 47") -> bytes:
    """Return a download as the stick builds it."""
    length = len(data)
    head = bytes((2, 0, kind, 0, 0xD0, (0x80 if last else 0) | length >> 8, length & 0xFF, 0xA7, 1)) + expand(pump)
    return head + bytes((check(head),)) + data + bytes((check(data),))


ACK = reply(1, b"\0")
NOTHING = reply(5, b"")


@dataclass
class CareLinkStandIn:
    """Answers like a stick; ``faults`` says what happens to each pump command in turn, after that all is well.

    ``answers``: downloads for an opcode, instead of the stored packets.
    """

    faults: list[str] = field(default_factory=list)
    answers: dict[int, list[bytes]] = field(default_factory=dict)
    stale: list[bytes] = field(default_factory=list)
    delay_ms: int = 60
    parameter_commands: list[bytes] = field(default_factory=list)
    commands: list[bytes] = field(default_factory=list)
    acts: Callable[[int, bytes], None] = lambda _opcode, _parameters: None

    def __post_init__(self) -> None:
        self._port: Port | None = None
        self._waiting: list[tuple[int, bytes]] = [(0, data) for data in self.stale]
        self._silent_until_ns = 0

    def attach(self, port: Port) -> None:
        self._port = port

    def receive(self, data: bytes, now_ns: int) -> None:
        assert self._port is not None
        if now_ns < self._silent_until_ns:
            return
        answer = self._respond(data, now_ns)
        if answer:
            self._port.send(answer, now_ns + 5 * NS_PER_MS)

    def _respond(self, data: bytes, now_ns: int) -> bytes:
        if data == b"\x04\0\0":
            return _block(expand(PRODUCT))
        if data == b"\x03\0\0":
            size = len(self._waiting[0][1]) if self._waiting and self._waiting[0][0] <= now_ns else 0
            return _block(bytes((0, 2, bool(size))) + size.to_bytes(2, "big"))
        if data[0] == 0x0C:
            assert data[4] == check(data[:4])
            _, content = self._waiting.pop(0)
            assert len(content) == int.from_bytes(data[2:4], "big")
            return content
        assert data[0] == 0x01, data
        return self._transmit(data, now_ns)

    def _transmit(self, data: bytes, now_ns: int) -> bytes:
        assert data[1:7] == expand("00 A7 01 51 28 47")
        count = (data[7] & 0x7F) << 8 | data[8]
        opcode, parameters = data[13], data[15 : 15 + count]
        assert (data[14], data[15 + count :]) == (check(data[:14]), bytes((check(parameters),)))
        assert data[9] == (0x55 if opcode == 0x5D else 0)
        self.commands.append(data)
        if count and opcode not in (0x5D, 0x80):
            assert data[10] == 0 or (opcode, parameters) == SUSPEND, (
                "the stick was told to repeat a command with parameters"
            )
            self.parameter_commands.append(bytes((opcode,)) + parameters)
        fault = self.faults.pop(0) if self.faults else "none"
        if fault == "stick refuses":
            return bytes((1, 0x66, 3)).ljust(64, bytes((LEFT_OVER,)))
        self._do(fault, opcode, parameters, now_ns + self.delay_ms * NS_PER_MS)
        return b"" if fault == "stick silent" else _block(b"")

    def _do(self, fault: str, opcode: int, parameters: bytes, at_ns: int) -> None:
        if fault == "command lost":
            self._waiting.append((at_ns, NOTHING))
            return
        if fault == "refused":
            self._waiting.append((at_ns, reply(2, b"\x08")))
            return
        self.acts(opcode, parameters)
        answers = self.answers.get(opcode) or [self._answer(opcode)]
        if fault == "answer lost":
            answers = [NOTHING]
        elif fault == "nothing to download":
            answers = []
        elif fault == "answer late":
            at_ns += 9_000 * NS_PER_MS
        elif fault == "answer damaged":
            answers = [answers[0][:-1] + bytes((answers[0][-1] ^ 0x10,))]
        elif fault == "foreign answer":
            answers = [reply(1, b"\0", pump="51 28 48"), *answers]
        self._waiting += [(at_ns, answer) for answer in answers]

    def _answer(self, opcode: int) -> bytes:
        stored = READS.get(opcode)
        return ACK if stored is None else reply(3, packet(stored)[6:-1])


def _block(body: bytes) -> bytes:
    return (b"\x01\x55\0" + body).ljust(64, bytes((LEFT_OVER,)))
