"""The 4b6b line code of MiniMed radio packets: each nibble becomes six bits, high nibble first.

Source: minimed-protocol 1.4. No encoded byte is ever ``00``, which is why ``00`` can end a packet on the stick.
"""

from __future__ import annotations

from rig.errors import MalformedReply

# fmt: off
_CODES = (0x15, 0x31, 0x32, 0x23, 0x34, 0x25, 0x26, 0x16, 0x1A, 0x19, 0x2A, 0x0B, 0x2C, 0x0D, 0x0E, 0x1C)
# fmt: on
_NIBBLES = {code: nibble for nibble, code in enumerate(_CODES)}
_FILLER = 0b0101  # what the pump itself puts into the last four bits of an odd number of bytes


def encode(packet: bytes) -> bytes:
    """Return ``packet`` in 4b6b; an odd number of bytes is filled up with the four bits 0101."""
    bits = 0
    for byte in packet:
        bits = (bits << 12) | (_CODES[byte >> 4] << 6) | _CODES[byte & 0xF]
    length = 12 * len(packet)
    if length % 8:
        bits = (bits << 4) | _FILLER
        length += 4
    return bits.to_bytes(length // 8, "big")


def decode(encoded: bytes) -> bytes:
    """Return the packet behind 4b6b bytes, whichever filler its sender used.

    Six zero bits, or fewer than six bits, end the packet; a lone trailing nibble is dropped. Any other group that is
    no code is a coding error and raises `MalformedReply`: part of the packet was lost on the air.
    """
    bits = int.from_bytes(encoded, "big")
    shift = 8 * len(encoded) - 6
    nibbles: list[int] = []
    while shift >= 0:
        code = (bits >> shift) & 0x3F
        if code == 0:
            break
        nibble = _NIBBLES.get(code)
        if nibble is None:
            raise MalformedReply("radio", encoded, expected=f"4b6b codes only, not {code:02X} as group {len(nibbles)}")
        nibbles.append(nibble)
        shift -= 6
    return bytes((high << 4) | low for high, low in zip(nibbles[::2], nibbles[1::2], strict=False))
