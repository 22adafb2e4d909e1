"""The 4b6b line code of MiniMed radio packets: each nibble becomes six bits, high nibble first.

Source: minimed-protocol 1.4. No encoded byte is ever ``00``, which is why ``00`` can end a packet on the stick.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64

from rig.errors import MalformedReply

# fmt: off
_CODES = (0x15, 0x31, 0x32, 0x23, 0x34, 0x25, 0x26, 0x16, 0x1A, 0x19, 0x2A, 0x0B, 0x2C, 0x0D, 0x0E, 0x1C)
# fmt: on
# Base64 also cuts bytes into groups of six bits, and the interpreter does it in C: its letters stand for the codes.
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_DIGITS = b"0123456789abcdef"
_END, _NO_CODE = b".", b"!"
_TO_LETTER = bytes.maketrans(_DIGITS, bytes(_LETTERS[code] for code in _CODES))
_TO_DIGIT = bytes.maketrans(
    _LETTERS,
    _END + bytes(_DIGITS[_CODES.index(code)] if code in _CODES else _NO_CODE[0] for code in range(1, len(_LETTERS))),
)
_FILLER = b"U="  # the bits 0101, which is what the pump itself puts into the last four of an odd number of bytes


def encode(packet: bytes) -> bytes:
    """Return ``packet`` in 4b6b; an odd number of bytes is filled up with the four bits 0101."""
    letters = packet.hex().encode("ascii").translate(_TO_LETTER)
    return a2b_base64(letters + _FILLER if len(packet) % 2 else letters)


def decode(encoded: bytes) -> bytes:
    """Return the packet behind 4b6b bytes, whichever filler its sender used.

    Six zero bits, or fewer than six bits, end the packet; a lone trailing nibble is dropped. Any other group that is
    no code is a coding error and raises `MalformedReply`: part of the packet was lost on the air.
    """
    groups = 8 * len(encoded) // 6
    digits, _, _ = b2a_base64(encoded, newline=False)[:groups].translate(_TO_DIGIT).partition(_END)
    wrong = digits.find(_NO_CODE)
    if wrong >= 0:
        code = int.from_bytes(encoded, "big") >> (8 * len(encoded) - 6 * (wrong + 1)) & 0x3F
        raise MalformedReply("radio", encoded, expected=f"4b6b codes only, not {code:02X} as group {wrong}")
    return bytes.fromhex(digits[: len(digits) // 2 * 2].decode("ascii"))
