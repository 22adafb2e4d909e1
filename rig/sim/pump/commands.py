"""Commands with parameters, from bytes to the firmware [minimed 5]."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from rig.sim.pump.firmware import NAK_INCONSISTENT, NAK_RANGE, Firmware

LAST_KEY = 0x04
BROUGHT_LATER = (0x42,)  # whether family 12 takes a bolus by radio nobody knows: the twin refuses [minimed 11]


class Commands:
    """Decodes parameter bytes; every command returns 0 or the code of a NAK."""

    def __init__(self, firmware: Firmware) -> None:
        self._firmware = firmware
        self._table: dict[int, tuple[str, Callable[[bytes, int], int]]] = {
            0x40: ("time", self._set_time),
            0x41: ("max_bolus", self._max_bolus),
            0x42: ("bolus", self._bolus),
            0x4A: ("pattern", self._pattern),
            0x4C: ("temp_basal", self._temp_absolute),
            0x4D: ("suspend", self._suspend_or_resume),
            0x57: ("remote", self._remote),
            0x5B: ("key", self._key),
            0x68: ("temp_type", self._temp_type),
            0x69: ("temp_basal", self._temp_percent),
            0x6E: ("max_basal", self._max_basal),
        }

    def knows(self, opcode: int) -> bool:
        """Say whether an opcode is a command with parameters in one packet."""
        return opcode in self._table and not (self._firmware.model.is_first and opcode in BROUGHT_LATER)

    def name(self, opcode: int, parameters: bytes) -> str:
        """Return the name under which faults know this command."""
        name = self._table[opcode][0]
        return "resume" if name == "suspend" and parameters[:1] == b"\x00" else name

    def execute(self, opcode: int, parameters: bytes, rig_ns: int) -> int:
        """Act on the parameters; return 0 or the code of a NAK."""
        return self._table[opcode][1](parameters, rig_ns)

    def _bolus(self, parameters: bytes, rig_ns: int) -> int:
        """Old: one byte of 0.1 U. New: u16 BE of 0.025 U."""
        if len(parameters) != (2 if self._firmware.model.is_new else 1):
            return NAK_INCONSISTENT
        amount = int.from_bytes(parameters, "big")
        return self._firmware.bolus(amount if self._firmware.model.is_new else amount * 4, rig_ns)

    def _temp_absolute(self, parameters: bytes, rig_ns: int) -> int:
        if len(parameters) != 3:
            return NAK_INCONSISTENT
        return self._firmware.temp_basal(False, int.from_bytes(parameters[:2], "big"), parameters[2], rig_ns)

    def _temp_percent(self, parameters: bytes, rig_ns: int) -> int:
        if len(parameters) != 2:
            return NAK_INCONSISTENT
        return self._firmware.temp_basal(True, parameters[0], parameters[1], rig_ns)

    def _suspend_or_resume(self, parameters: bytes, rig_ns: int) -> int:
        if parameters == b"\x01":
            return self._firmware.suspend(rig_ns)
        if parameters == b"\x00":
            return self._firmware.resume(rig_ns)
        return NAK_INCONSISTENT

    def _set_time(self, parameters: bytes, rig_ns: int) -> int:
        if len(parameters) != 7:
            return NAK_INCONSISTENT
        hour, minute, second, year_high, year_low, month, day = parameters
        year = year_high << 8 | year_low
        if not 2000 <= year <= 2099:
            return NAK_RANGE
        try:
            local = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - a pump knows no time zone
        except ValueError:
            return NAK_RANGE
        return self._firmware.set_clock(local, rig_ns)

    def _max_bolus(self, parameters: bytes, rig_ns: int) -> int:
        """Clients disagree about one byte or two: the last one counts."""
        if not 1 <= len(parameters) <= 2:
            return NAK_INCONSISTENT
        return self._firmware.set_max_bolus(parameters[-1], rig_ns)

    def _max_basal(self, parameters: bytes, rig_ns: int) -> int:
        if len(parameters) != 2:
            return NAK_INCONSISTENT
        return self._firmware.set_max_basal(int.from_bytes(parameters, "big"), rig_ns)

    def _pattern(self, parameters: bytes, rig_ns: int) -> int:
        return self._firmware.select_pattern(parameters[0], rig_ns) if len(parameters) == 1 else NAK_INCONSISTENT

    def _temp_type(self, parameters: bytes, _rig_ns: int) -> int:
        """Absolute (00) or percent (01); the parameters of this opcode are a guess of the public sources."""
        if parameters not in (b"\x00", b"\x01"):
            return NAK_INCONSISTENT
        self._firmware.temp_is_percent = parameters == b"\x01"
        return 0

    def _remote(self, parameters: bytes, _rig_ns: int) -> int:
        if parameters not in (b"\x00", b"\x01"):
            return NAK_INCONSISTENT
        self._firmware.remote_enabled = parameters == b"\x01"
        return 0

    def _key(self, parameters: bytes, rig_ns: int) -> int:
        """Press a key: easy bolus, ESC, ACT, up, down."""
        if len(parameters) != 1 or parameters[0] > LAST_KEY:
            return NAK_INCONSISTENT
        self._firmware.press(parameters[0], rig_ns)
        return 0
