"""The cyclic redundancy checks that the rig's instruments use.

All run most significant bit first, without reflection and without a final exclusive-or.
"""

from __future__ import annotations


def _table(polynomial: int, width: int) -> tuple[int, ...]:
    """Return the remainder of every possible first byte."""
    top, mask = 1 << (width - 1), (1 << width) - 1
    remainders = []
    for byte in range(256):
        remainder = byte << (width - 8)
        for _ in range(8):
            remainder = ((remainder << 1) ^ polynomial if remainder & top else remainder << 1) & mask
        remainders.append(remainder)
    return tuple(remainders)


_CRC8 = _table(0x9B, 8)
_CRC16 = _table(0x1021, 16)


def crc8(data: bytes) -> int:
    """Return the CRC-8 of MiniMed packets (catalogued as CRC-8/LTE: polynomial 9B, initial value 00).

    Check value: ``crc8(b"123456789") == 0xEA``. Source: minimed-protocol 1.2.
    """
    remainder = 0
    for byte in data:
        remainder = _CRC8[remainder ^ byte]
    return remainder


def crc16(data: bytes) -> int:
    """Return CRC-16/CCITT-FALSE (polynomial 1021, initial value FFFF): MiniMed history pages, MT-SICS ``SIC1``.

    Check value: ``crc16(b"123456789") == 0x29B1``. Source: minimed-protocol 1.3, balance-protocols 1.4.
    """
    return _crc16(data, 0xFFFF)


def crc16_xmodem(data: bytes) -> int:
    """Return CRC-16/XMODEM (polynomial 1021, initial value 0000): the safe packets of New Era pumps.

    Check value: ``crc16_xmodem(b"123456789") == 0x31C3``. Source: syringe-pump-protocols 1.3 and 1.6.
    """
    return _crc16(data, 0)


def _crc16(data: bytes, remainder: int) -> int:
    for byte in data:
        remainder = ((remainder << 8) & 0xFFFF) ^ _CRC16[(remainder >> 8) ^ byte]
    return remainder
