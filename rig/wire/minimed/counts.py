"""How many bytes of an answer mean something, for links that take the count byte off. Source: minimed-protocol 4.

The pump puts this count in front of its data, and the layouts follow it. The CareLink stick passes on the data alone,
so there the model decides: the families from 23 on have longer settings and reservoir answers.
"""

from __future__ import annotations

from rig.errors import MalformedReply
from rig.wire.minimed.packets import FRAGMENT_DATA, LONG_BODY, Opcode, Packet

FIRST_NEW_FAMILY = 23
_PADDING = b"\x00"
_FIXED = {
    Opcode.TIME: 7,
    Opcode.PUMP_ID: 6,
    Opcode.BATTERY: 3,
    Opcode.MODEL: 9,
    Opcode.READ_TEMP_BASAL: 6,
    Opcode.HISTORY_PAGE_NUMBER: 4,
    Opcode.STATUS: 3,
    Opcode.SETTINGS_12: 18,
    Opcode.SENSITIVITIES: 17,
    Opcode.TARGETS: 25,
    Opcode.TARGETS_12: 17,
}
BY_FAMILY = {Opcode.RESERVOIR: (2, 4), Opcode.SETTINGS: (21, 25), Opcode.CARB_RATIOS: (17, 25)}
_TEXT = frozenset((Opcode.FIRMWARE,))


def is_new_family(model: str) -> bool:
    """Return whether a model has the layouts of families 23 and later; ``model`` is three digits."""
    return int(model) % 100 >= FIRST_NEW_FAMILY


class Counts:
    """Puts the count byte back; learns the family from the pump's answer to its model."""

    def __init__(self) -> None:
        self._new: bool | None = None

    @property
    def known(self) -> bool:
        """Say whether the pump's family is known."""
        return self._new is not None

    def packet(self, pump_id: str, opcode: Opcode, data: bytes) -> Packet:
        """Return the long packet whose 64 bytes behind the count are ``data``."""
        if len(data) != FRAGMENT_DATA:
            raise MalformedReply(f"pump {pump_id}", data[:16], asked=opcode.name.lower(), expected="64 bytes of data")
        if opcode is Opcode.MODEL:
            self._learn(data)
        return Packet(pump_id, opcode, (bytes((self._count(opcode, data),)) + data)[:LONG_BODY])

    def _learn(self, data: bytes) -> None:
        digits = data[1 : 1 + min(data[0], 8)]
        if len(digits) == 3 and digits.isdigit():
            self._new = is_new_family(digits.decode("ascii"))

    def _count(self, opcode: Opcode, data: bytes) -> int:
        if opcode in _TEXT:
            return len(data.rstrip(_PADDING))
        if opcode in BY_FAMILY:
            return BY_FAMILY[opcode][1 if self._new else 0]
        return _FIXED.get(opcode, FRAGMENT_DATA)
