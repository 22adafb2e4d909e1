"""The New Era line: commands out of whatever bytes come, answers in basic or safe form [syringe 1.2, 1.3]."""

from __future__ import annotations

from dataclasses import dataclass

STX, ETX, CR = 0x02, 0x03, 0x0D
GAP_NS = 500_000_000  # a longer silence inside a packet discards it
OVERHEAD = 4  # length, two bytes of CRC and ETX are counted in a packet's length
MAX_LINE = 255


def crc16(data: bytes) -> int:
    """Return the CRC-16 of polynomial 1021, initial value 0; b"123456789" gives 0x31C3."""
    register = 0
    for byte in data:
        register ^= byte << 8
        for _ in range(8):
            register = (register << 1 ^ 0x1021 if register & 0x8000 else register << 1) & 0xFFFF
    return register


def basic_answer(text: str) -> bytes:
    """Return an answer in basic form."""
    return bytes((STX,)) + text.encode("ascii", "replace") + bytes((ETX,))


def safe_answer(text: str) -> bytes:
    """Return an answer, or an unasked alarm, in safe form."""
    body = text.encode("ascii", "replace")
    return bytes((STX, len(body) + OVERHEAD)) + body + crc16(body).to_bytes(2, "big") + bytes((ETX,))


@dataclass(frozen=True, slots=True)
class Heard:
    """One command, cleaned of spaces and control characters, in upper case; None in place of a damaged packet."""

    text: str | None
    safe: bool


class Ear:
    """Cuts the byte stream into commands.

    A safe packet is understood in basic mode, too: that is how a host gets any pump to a known mode. In safe mode
    bytes outside a packet mean nothing.
    """

    def __init__(self) -> None:
        self._input = bytearray()
        self._last_ns = 0

    def reset(self) -> None:
        """Forget what has come of a command."""
        self._input.clear()

    def take(self, data: bytes, now_ns: int) -> None:
        """Take bytes that arrived at a link time."""
        if self._input[:1] == bytes((STX,)) and now_ns - self._last_ns > GAP_NS:
            self._input.clear()
        self._last_ns = now_ns
        self._input += data

    def next(self, safe: bool) -> Heard | None:
        """Return the next command that is complete, None when there is none."""
        while self._input:
            start = self._input.find(STX)
            if start == 0:
                return self._packet()
            if safe:
                del self._input[: start if start > 0 else len(self._input)]
                continue
            end = self._input.find(CR)
            if end >= 0 and not 0 < start < end:
                line = bytes(self._input[:end])
                del self._input[: end + 1]
                return Heard(_clean(line), safe=False)
            if start > 0:
                del self._input[:start]  # a packet breaks off an unfinished line
                continue
            if len(self._input) > MAX_LINE:
                self._input.clear()
            return None
        return None

    def _packet(self) -> Heard | None:
        if len(self._input) < 2:
            return None
        length = self._input[1]
        if length < OVERHEAD:
            del self._input[0]
            return Heard(None, safe=True)
        if len(self._input) < length + 1:
            return None
        packet = bytes(self._input[: length + 1])
        text, crc = packet[2:-3], packet[-3:-1]
        if packet[-1] != ETX or crc16(text).to_bytes(2, "big") != crc:
            del self._input[: length + 1]
            return Heard(None, safe=True)
        del self._input[: length + 1]
        return Heard(_clean(text), safe=True)


def _clean(text: bytes) -> str:
    return "".join(chr(byte) for byte in text if 0x20 < byte < 0x7F).upper()
