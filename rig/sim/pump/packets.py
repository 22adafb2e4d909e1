"""Radio packets as the pump's side builds and reads them: CRC-8, 4b6b line code, short and long frames."""

from __future__ import annotations

from dataclasses import dataclass

PUMP_TRAFFIC = 0xA7
ACK = 0x06
NAK = 0x15
LONG_BODY = 65
LAST_FRAGMENT = 0x80
FRAGMENT_BYTES = 64
_SIX_BITS = (0x15, 0x31, 0x32, 0x23, 0x34, 0x25, 0x26, 0x16, 0x1A, 0x19, 0x2A, 0x0B, 0x2C, 0x0D, 0x0E, 0x1C)
_NIBBLE = {code: nibble for nibble, code in enumerate(_SIX_BITS)}


def _crc8_table() -> tuple[int, ...]:
    table = []
    for index in range(256):
        value = index
        for _ in range(8):
            value = (value << 1 ^ 0x9B if value & 0x80 else value << 1) & 0xFF
        table.append(value)
    return tuple(table)


_CRC8 = _crc8_table()


def crc8(data: bytes) -> int:
    """Return CRC-8 with polynomial 9B, start 00; '123456789' gives EA [minimed 1.2]."""
    crc = 0
    for byte in data:
        crc = _CRC8[crc ^ byte]
    return crc


def encode_4b6b(data: bytes) -> bytes:
    """Return the line code of ``data``; a half byte at the end is filled with 0101 as the pump does."""
    bits = 0
    for byte in data:
        bits = bits << 12 | _SIX_BITS[byte >> 4] << 6 | _SIX_BITS[byte & 15]
    length = 12 * len(data)
    if length % 8:
        bits, length = bits << 4 | 0x5, length + 4
    return bits.to_bytes(length // 8, "big")


def decode_4b6b(coded: bytes) -> bytes | None:
    """Return the bytes behind a line code, or None when a code is not in the table; any filler is accepted."""
    bits, length = int.from_bytes(coded, "big"), 8 * len(coded)
    nibbles = []
    while length >= 6:
        length -= 6
        code = bits >> length & 0x3F
        if code == 0:
            break
        nibble = _NIBBLE.get(code)
        if nibble is None:
            return None
        nibbles.append(nibble)
    return bytes(high << 4 | low for high, low in zip(nibbles[::2], nibbles[1::2], strict=False))


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of pump traffic that passed its CRC."""

    pump_id: bytes
    opcode: int
    body: bytes

    @property
    def is_long(self) -> bool:
        """Say whether it carries parameters or data."""
        return len(self.body) == LONG_BODY


def read_packet(data: bytes) -> Packet | None:
    """Return the packet in ``data``, or None for anything a pump ignores: wrong type, size or CRC."""
    if len(data) not in (7, 6 + LONG_BODY) or data[0] != PUMP_TRAFFIC or crc8(data[:-1]) != data[-1]:
        return None
    return Packet(data[1:4], data[4], data[5:-1])


def short_packet(pump_id: bytes, opcode: int, value: int = 0) -> bytes:
    """Return a 7-byte packet."""
    packet = bytes((PUMP_TRAFFIC,)) + pump_id + bytes((opcode, value))
    return packet + bytes((crc8(packet),))


def long_packet(pump_id: bytes, opcode: int, body: bytes) -> bytes:
    """Return a 71-byte packet; ``body`` (first byte: count or fragment number) is filled with zeros."""
    packet = bytes((PUMP_TRAFFIC,)) + pump_id + bytes((opcode,)) + body.ljust(LONG_BODY, b"\x00")
    return packet + bytes((crc8(packet),))


def data_packet(pump_id: bytes, opcode: int, data: bytes) -> bytes:
    """Return a long packet whose body begins with the count of ``data``."""
    return long_packet(pump_id, opcode, bytes((len(data),)) + data)
