"""Commands with parameters, from bytes to the firmware [minimed 5]."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rig.sim.pump.firmware import NAK_INCONSISTENT, NAK_RANGE, Firmware

BOLUS = 0x42
SUSPEND_RESUME = 0x4D
ESC, ACT = 0x01, 0x02


def COMMAND_NAMES(opcode: int, parameters: bytes) -> str:  # noqa: N802
    """Placeholder."""
    return ""
