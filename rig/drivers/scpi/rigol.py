"""Rigol DP700 and DP800: states in words, voltage and current set together. Visa-instruments 2."""

from __future__ import annotations

import re
from typing import Final

from rig.drivers.scpi.models import RIGOL
from rig.drivers.scpi.supply import ScpiSupply
from rig.electrical import Regulation
from rig.errors import MalformedReply
from rig.wire import scpi

_MODES: Final = {"CV": Regulation.VOLTAGE, "CC": Regulation.CURRENT, "UR": Regulation.UNKNOWN}
_APPLIED: Final = re.compile(r"CH(?P<channel>[1-3]):[^,]*,(?P<voltage>[^,]+),(?P<current>[^,]+)")


class RigolSupply(ScpiSupply):
    """An output of a DP700 (which names no channel) or a DP800."""

    makers = ("RIGOL",)
    models = RIGOL
    error_question = ":SYST:ERR?"

    def regulation(self) -> Regulation:
        """Return what holds the output; ``UR`` is said of an output that is off as well."""
        asked = f":OUTP:MODE?{self._of}"
        text = self._talk.ask(asked)
        if text not in _MODES:
            raise MalformedReply(self._talk.where, text.encode("latin-1"), asked=asked, expected="CV, CC or UR")
        found = _MODES[text]
        return Regulation.OFF if found is Regulation.UNKNOWN and not self._read_on() else found

    def tripped(self) -> bool:
        """Say whether the over-voltage protection switched the output off."""
        asked = f":OUTP:OVP:QUES?{self._of}"
        return scpi.yes(self._talk.ask(asked), self._talk.where, asked)

    @property
    def _ch(self) -> str:
        """What stands before the first value of a command."""
        return f"CH{self._channel}," if self._named else ""

    @property
    def _of(self) -> str:
        """What stands behind a question."""
        return f" CH{self._channel}" if self._named else ""

    def _set_volts(self, voltage_v: float) -> None:
        limit_a = self._set_to()[1] if self._limit_a is None else self._limit_a
        self._talk.tell(f":APPL {self._ch}{scpi.written(voltage_v)},{scpi.written(limit_a)}")

    def _set_current(self, current_a: float) -> None:
        voltage_v = self._set_to()[0]
        self._talk.tell(f":APPL {self._ch}{scpi.written(voltage_v)},{scpi.written(current_a)}")

    def _set_to(self) -> tuple[float, float]:
        if not self._named:
            return self._talk.number(":VOLT?"), self._talk.number(":CURR?")
        where, asked = self._talk.where, f":APPL? CH{self._channel}"
        text = self._talk.ask(asked)
        found = _APPLIED.fullmatch(text)
        if found is None or int(found["channel"]) != self._channel:
            expected = f"'CH{self._channel}:<range>,<voltage>,<current>'"
            raise MalformedReply(where, text[:80].encode("latin-1"), asked=asked, expected=expected)
        return scpi.number(found["voltage"], where, asked), scpi.number(found["current"], where, asked)

    def _set_protection(self, voltage_v: float) -> None:
        self._talk.tell(f":OUTP:OVP:VAL {self._ch}{scpi.written(voltage_v)}")
        self._talk.tell(f":OUTP:OVP {self._ch}ON")

    def _protection(self) -> float | None:
        value_v = self._talk.number(f":OUTP:OVP:VAL?{self._of}")
        asked = f":OUTP:OVP?{self._of}"
        return value_v if scpi.switch(self._talk.ask(asked), self._talk.where, asked) else None

    def _switch(self, *, on: bool) -> None:
        self._talk.tell(f":OUTP {self._ch}{'ON' if on else 'OFF'}")

    def _on(self) -> bool:
        asked = f":OUTP?{self._of}"
        return scpi.switch(self._talk.ask(asked), self._talk.where, asked)

    def _measured(self) -> tuple[float, float]:
        where, asked = self._talk.where, f":MEAS:ALL?{self._of}"
        text = self._talk.ask(asked)
        parts = text.split(",")
        if len(parts) != 3:
            raise MalformedReply(
                where, text[:80].encode("latin-1"), asked=asked, expected="'<voltage>,<current>,<power>'"
            )
        voltage_v, current_a, _ = (scpi.number(part, where, asked) for part in parts)
        return voltage_v, current_a

    def _clear(self) -> None:
        self._talk.tell(f":OUTP:OVP:CLEAR{self._of}")
