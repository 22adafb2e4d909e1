"""Siglent SPD3303X and SPD1000X: no ``OUTP?``, no over-voltage protection on the interface, and no hurry.

A command that comes too soon after another is lost without a word: a pause is kept after each. Visa-instruments 2.
"""

from __future__ import annotations

from typing import Final

from rig.drivers.scpi.models import SIGLENT
from rig.drivers.scpi.supply import ScpiSupply
from rig.electrical import Regulation
from rig.errors import InstrumentError
from rig.wire import scpi

PAUSE_S: Final = 0.02
LIMITED_BIT: Final = 0  # of output 1; that of output 2 is the next one
ON_BIT: Final = 4


class SiglentSupply(ScpiSupply):
    """An output of an SPD; its state is a bit of ``SYST:STAT?``."""

    makers = ("SIGLENT",)
    models = SIGLENT
    pause_s = PAUSE_S
    protects = False

    def regulation(self) -> Regulation:
        """Return what holds the output."""
        status = self._status()
        if not self._bit(status, ON_BIT):
            return Regulation.OFF
        return Regulation.CURRENT if self._bit(status, LIMITED_BIT) else Regulation.VOLTAGE

    def tripped(self) -> bool:
        """Return False: there is nothing on this interface that could trip."""
        return False

    def _set_volts(self, voltage_v: float) -> None:
        self._talk.tell(f"CH{self._channel}:VOLT {scpi.written(voltage_v)}")

    def _set_current(self, current_a: float) -> None:
        self._talk.tell(f"CH{self._channel}:CURR {scpi.written(current_a)}")

    def _set_to(self) -> tuple[float, float]:
        return self._talk.number(f"CH{self._channel}:VOLT?"), self._talk.number(f"CH{self._channel}:CURR?")

    def _set_protection(self, voltage_v: float) -> None:
        raise InstrumentError(f"no over-voltage protection can be set to {voltage_v:g} V", where=self._talk.where)

    def _protection(self) -> float | None:
        return None

    def _switch(self, *, on: bool) -> None:
        self._talk.tell(f"OUTP CH{self._channel},{'ON' if on else 'OFF'}")

    def _on(self) -> bool:
        return self._bit(self._status(), ON_BIT)

    def _measured(self) -> tuple[float, float]:
        return self._talk.number(f"MEAS:VOLT? CH{self._channel}"), self._talk.number(f"MEAS:CURR? CH{self._channel}")

    def _clear(self) -> None:
        """Do nothing: there is nothing to clear."""

    def _status(self) -> int:
        return scpi.status_word(self._talk.ask("SYST:STAT?"), self._talk.where, "SYST:STAT?")

    def _bit(self, status: int, first: int) -> bool:
        return bool(status >> (first + self._channel - 1) & 1)
