"""Plain SCPI 1999, and Keysight's E36xxx, which adds a list of channels to each command. Visa-instruments 2 and 8."""

from __future__ import annotations

from rig.drivers.scpi.models import KEYSIGHT
from rig.drivers.scpi.supply import ScpiSupply
from rig.electrical import Regulation
from rig.wire import scpi


class PlainSupply(ScpiSupply):
    """A supply with one output that speaks plain SCPI; of whatever maker, and within the bench file's limits alone."""

    clear_command = "VOLT:PROT:CLE"

    def regulation(self) -> Regulation:
        """Return only whether the output is off: what holds it is told by bits that makers choose for themselves."""
        return Regulation.UNKNOWN if self._read_on() else Regulation.OFF

    def tripped(self) -> bool:
        """Say whether the over-voltage protection switched the output off."""
        asked = f"VOLT:PROT:TRIP?{self._of}"
        return scpi.switch(self._talk.ask(asked), self._talk.where, asked)

    @property
    def _at(self) -> str:
        """What stands behind the value of a command."""
        return ""

    @property
    def _of(self) -> str:
        """What stands behind a question."""
        return ""

    def _set_volts(self, voltage_v: float) -> None:
        self._talk.tell(f"VOLT {scpi.written(voltage_v)}{self._at}")

    def _set_current(self, current_a: float) -> None:
        self._talk.tell(f"CURR {scpi.written(current_a)}{self._at}")

    def _set_to(self) -> tuple[float, float]:
        return self._talk.number(f"VOLT?{self._of}"), self._talk.number(f"CURR?{self._of}")

    def _set_protection(self, voltage_v: float) -> None:
        self._talk.tell(f"VOLT:PROT {scpi.written(voltage_v)}{self._at}")

    def _protection(self) -> float | None:
        return self._talk.number(f"VOLT:PROT?{self._of}")

    def _switch(self, *, on: bool) -> None:
        self._talk.tell(f"OUTP {'ON' if on else 'OFF'}{self._at}")

    def _on(self) -> bool:
        asked = f"OUTP?{self._of}"
        return scpi.switch(self._talk.ask(asked), self._talk.where, asked)

    def _measured(self) -> tuple[float, float]:
        return self._talk.number(f"MEAS:VOLT?{self._of}"), self._talk.number(f"MEAS:CURR?{self._of}")

    def _clear(self) -> None:
        self._talk.tell(f"{self.clear_command}{self._of}")


class KeysightSupply(PlainSupply):
    """An output of a Keysight E36xxx; models with a single one take no list of channels."""

    makers = ("KEYSIGHT", "AGILENT")
    models = KEYSIGHT
    clear_command = "OUTP:PROT:CLE"

    @property
    def _at(self) -> str:
        return f",(@{self._channel})" if self._named else ""

    @property
    def _of(self) -> str:
        return f" (@{self._channel})" if self._named else ""
