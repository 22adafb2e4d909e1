"""Checksums and layouts written once more, in a few lines that share nothing with the decoders."""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Callable, Iterable
from typing import Any

from tests.transcripts.notation import four_b_six_b

PUMP = "512847"
ID = bytes.fromhex(PUMP)


def _rest_of_division(value: int) -> int:
    """Divide a byte and eight zero bits by the polynomial 19B."""
    for shift in range(7, -1, -1):
        if value >> (8 + shift) & 1:
            value ^= 0x19B << shift
    return value


_RESTS = [_rest_of_division(byte << 8) for byte in range(256)]
_BITS = "".join(f"{int.from_bytes(four_b_six_b(bytes((n, n))), 'big'):024b}"[6:12] for n in range(16))
SIX_BITS = {_BITS[6 * n : 6 * n + 6]: n for n in range(16)}


def crc8(data: bytes) -> int:
    """Return the CRC-8 of MiniMed packets."""
    rest = 0
    for byte in data:
        rest = _RESTS[rest ^ byte]
    return rest


def crc16(data: bytes) -> int:
    """Return the CRC of MiniMed history pages."""
    return crc_hqx(data, 0xFFFF)


def xmodem(data: bytes) -> int:
    """Return the CRC of New Era's safe packets."""
    return crc_hqx(data, 0)


def from_line_code(coded: bytes) -> bytes | None:
    """Return the packet behind 4b6b bytes up to the first group of zeros; None when a group is no code."""
    bits = "".join(f"{byte:08b}" for byte in coded)
    digits = []
    for at in range(0, len(bits) - 5, 6):
        group = bits[at : at + 6]
        if group == "000000":
            break
        if group not in SIX_BITS:
            return None
        digits.append(f"{SIX_BITS[group]:X}")
    return bytes.fromhex("".join(digits[: len(digits) // 2 * 2]))


Refusals = type[Exception] | tuple[type[Exception], ...]


def check_words(refusal: Exception) -> None:
    """A refusal is shown to a person: it must have words, on one line."""
    text = str(refusal)
    assert text, refusal
    assert "\n" not in text, text


def accepted(decode: Callable[..., Any], *arguments: Any, refuses: Refusals, **named: Any) -> Any:
    """Return what a decoder makes of its input, None when it refuses it as documented."""
    try:
        return decode(*arguments, **named)
    except refuses as refusal:
        check_words(refusal)
        return None


def pieces(data: bytes, longest: int = 64) -> Iterable[bytes]:
    """Cut an input into pieces, each behind a byte that says how long it is."""
    at = 0
    while at < len(data):
        size = data[at] % (longest + 1)
        yield data[at + 1 : at + 1 + size]
        at += 1 + size
