"""What the kernel says of a GPIO line without owning it: who has it, and which way it goes.

Version 2 of the character device's interface (linux/gpio.h): two ioctls that only read. The level of a line is told to
its owner alone.
"""

from __future__ import annotations

import fcntl
import os
import struct
from dataclasses import dataclass
from pathlib import Path

_CHIP_INFO = 0x8044B401  # GPIO_GET_CHIPINFO_IOCTL: name, label, number of lines
_LINE_INFO = 0xC100B405  # GPIO_V2_GET_LINEINFO_IOCTL
_CHIP = struct.Struct("32s32sI")
_LINE = struct.Struct("32s32sIIQ160s16s")
_USED, _OUTPUT = 1 << 0, 1 << 3
HEADERS = ("pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835")  # Pi 5; 4; 3 and before


@dataclass(frozen=True, slots=True)
class LineInfo:
    """One line: its name, and who uses it (empty: nobody)."""

    pin: int
    name: str
    consumer: str
    used: bool
    is_output: bool


def header_chip(devices: Path) -> Path | None:
    """Return the chip whose lines are those of a Pi's header; raises OSError for one that may not be opened."""
    for path in sorted(devices.glob("gpiochip*")):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            said = fcntl.ioctl(descriptor, _CHIP_INFO, bytes(_CHIP.size))
        finally:
            os.close(descriptor)
        if _text(_CHIP.unpack(said)[1]) in HEADERS:
            return path
    return None


def line_info(chip: Path, pin: int) -> LineInfo:
    """Return what is known of a line; raises OSError where the chip does not tell."""
    descriptor = os.open(chip, os.O_RDONLY | os.O_CLOEXEC)
    try:
        said = fcntl.ioctl(descriptor, _LINE_INFO, _LINE.pack(b"", b"", pin, 0, 0, b"", b""))
    finally:
        os.close(descriptor)
    name, consumer, _, _, flags, _, _ = _LINE.unpack(said)
    return LineInfo(pin, _text(name), _text(consumer), bool(flags & _USED), bool(flags & _OUTPUT))


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")
