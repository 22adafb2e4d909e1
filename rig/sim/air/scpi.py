"""A transmitter that speaks SCPI: one line a message, short and long forms in any case, errors in a queue."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from rig.sim.air.probe import AirProbe
from rig.transport.virtual import Port

REPLY_NS: Final = 20_000_000
MAX_LINE: Final = 200
MOST_ERRORS: Final = 20
PER_HPA: Final = {"HPA": 1.0, "PA": 100.0, "KPA": 0.1, "MBAR": 1.0}
HEADERS: Final = {
    "temperature": re.compile(r":?MEAS(URE)?:TEMP(ERATURE)?\?"),
    "humidity": re.compile(r":?MEAS(URE)?:HUM(IDITY)?\?"),
    "pressure": re.compile(r":?MEAS(URE)?:PRES(SURE)?\?"),
    "unit": re.compile(r":?UNIT:PRES(SURE)?\?"),
    "error": re.compile(r":?SYST(EM)?:ERR(OR)?(:NEXT)?\?"),
}


@dataclass(slots=True)
class ScpiAir:
    """One transmitter; ``measures`` what it has sensors for, ``unit`` that of its pressures."""

    probe: AirProbe
    identity: str = "ACME,AIR-3,S9000001,1.2"
    measures: frozenset[str] = frozenset({"temperature", "humidity", "pressure"})
    unit: str = "HPA"
    _errors: deque[str] = field(default_factory=deque)
    _input: bytearray = field(default_factory=bytearray)
    _port: Port | None = None

    def attach(self, port: Port) -> None:
        """Learn the wire."""
        self._port = port

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take bytes; a message ends with LF, a CR before it counts for nothing."""
        self._input += data
        while (end := self._input.find(b"\n")) >= 0:
            line = self._input[:end].decode("latin-1").strip()
            del self._input[: end + 1]
            answers = [said for each in line.split(";") if each.strip() if (said := self._obey(each.strip(), now_ns))]
            if answers and self._port is not None:
                self._port.send(";".join(answers).encode("latin-1") + b"\n", now_ns + REPLY_NS)
        if len(self._input) > MAX_LINE:
            self._input.clear()
            self._error('-363,"Input buffer overrun"')

    def _obey(self, message: str, now_ns: int) -> str:
        header = message.upper()
        if header == "*IDN?":
            return self.identity
        if header == "*CLS":
            self._errors.clear()
            return ""
        name = next((each for each, pattern in HEADERS.items() if pattern.fullmatch(header)), "")
        if name == "error":
            return self._errors.popleft() if self._errors else '0,"No error"'
        if name == "unit" and "pressure" in self.measures:
            return self.unit
        if name in self.measures:
            return self._measured(name, now_ns)
        self._error('-113,"Undefined header"')
        return ""

    def _measured(self, name: str, now_ns: int) -> str:
        rig_ns = self._port.rig_ns(now_ns) if self._port is not None else now_ns
        if self.probe.silent(rig_ns):
            return ""
        felt = self.probe.feel(rig_ns)
        values = {
            "temperature": felt.temperature_c,
            "humidity": felt.humidity_pct,
            "pressure": None if felt.pressure_hpa is None else felt.pressure_hpa * PER_HPA[self.unit],
        }
        value = values[name]
        return "+9.91000000E+37" if value is None else f"{value:+.6E}"  # SCPI's own "not a number"

    def _error(self, text: str) -> None:
        if len(self._errors) < MOST_ERRORS:
            self._errors.append(text)
