"""Supplies and meters as the driver's author reads the vectors: enough of each dialect to show every situation.

They share nothing with the drivers and nothing with the twin; `troubles` are what the suite calls its situations.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from rig.transport.virtual import Port

MS = 1_000_000
NO_ERROR = {"siglent": "0 No Error", "keysight": '+0,"No error"', "dmm": '+0,"No error"'}
UNDEFINED = {"siglent": "-113 Undefined header"}
RANGE = {"siglent": "-222 Data out of range"}
IDENTITY = {
    "keysight": "Keysight Technologies,E36312A,MY90000001,2.1.0-1.0.4-1.12",
    "rigol": "RIGOL TECHNOLOGIES,DP832,DP8C900000001,00.01.16",
    "siglent": "Siglent Technologies,SPD3303X,SPD3XABC900001,1.01.01.02.05,V3.0",
    "plain": "Rig,SIM-PSU,900000001,1.0",
    "dmm": "Keysight Technologies,34461A,MY90000002,A.03.02-02.40-03.02-00.52-04-02",
    "sdm": "Siglent Technologies,SDM3055,SDM35ABC900001,1.01.01.25",
}


@dataclass
class StandIn:
    """One instrument; ``dialect`` is a key of `IDENTITY`, ``trouble`` a situation of the suites.

    ``load_ohm`` hangs on the output; ``heard`` is what was sent to it, with the link time in ns.
    """

    dialect: str
    trouble: str = ""
    load_ohm: float = 100.0
    identity: str = ""
    volts: float = 0.0
    limit_a: float = 1.0
    ovp_v: float = 20.0
    ovp_on: bool = False
    on: bool = False
    tripped: bool = False
    errors: list[str] = field(default_factory=list)
    range_a: float = 0.0
    nplc: float = 10.0
    count: int = 1
    heard: list[tuple[int, str]] = field(default_factory=list)
    on_output: Callable[[float, int], None] = lambda _volts, _now_ns: None

    def __post_init__(self) -> None:
        self.identity = self.identity or IDENTITY[self.dialect]
        self._port: Port | None = None
        self._rest = b""
        self._asked = 0
        self._free_ns = 0
        self.said: list[tuple[str, str, float]] = []  # command, answer, delay in ms
        if self.trouble == "left_error":
            self.errors.append(UNDEFINED.get(self.dialect, '-113,"Undefined header"'))
        if self.trouble == "tripped":
            self.volts, self.tripped = 1.5, True

    def attach(self, port: Port) -> None:
        self._port = port

    def receive(self, data: bytes, now_ns: int) -> None:
        assert self._port is not None
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            command = line.decode()
            self.heard.append((now_ns, command))
            answer = self._troubled(command, self._answer(command))
            if answer is not None:
                text, after_ms = answer
                self._free_ns = max(self._free_ns, now_ns + round(after_ms * MS))  # answers come in order
                self._port.send(text.encode("latin-1"), self._free_ns)
                self.said.append((command, text, (self._free_ns - now_ns) / MS))
            else:
                self.said.append((command, "", 0.0))
            self.on_output(self.output_v, now_ns)

    @property
    def output_v(self) -> float:
        if not self.on:
            return 0.0
        return min(self.volts, self.limit_a * self.load_ohm)

    def _troubled(self, command: str, answer: str | None) -> tuple[str, float] | None:
        """Return the answer as the trouble lets it out: bytes and delay in ms."""
        if answer is None or self.trouble == "silent":
            return None
        if self.trouble == "stranger":
            return "ES\r\n", 0.0
        if "MEAS" in command or "READ" in command:
            self._asked += 1
            if self._asked == 1 and self.trouble == "damaged":
                return answer[:4], 0.0
            if self._asked == 1 and self.trouble == "late":
                return "9.999,0.0,0.0\n" if self.dialect == "rigol" else "9.999\n", 2500.0
        return answer + "\n", 0.0

    def _answer(self, command: str) -> str | None:
        if command == "*IDN?":
            return self.identity
        if command.lstrip(":") == "SYST:ERR?":
            return self.errors.pop(0) if self.errors else NO_ERROR.get(self.dialect, '0,"No error"')
        known: dict[str, Callable[[str], str | None]] = {
            "keysight": lambda text: self._plain(re.sub(r",?\s*\(@1\)", "", text)),
            "plain": self._plain,
            "rigol": self._rigol,
            "siglent": self._siglent,
            "dmm": self._meter,
            "sdm": self._meter,
        }
        return known[self.dialect](command)

    def _undefined(self) -> None:
        self.errors.append(UNDEFINED.get(self.dialect, '-113,"Undefined header"'))

    def _tell_volts(self, text: str) -> None:
        if float(text) > 100.0:
            self.errors.append(RANGE.get(self.dialect, '-222,"Data out of range"'))
            return
        self.volts = 1.4 if self.trouble == "reads_back_otherwise" else float(text)
        self._watch()

    def _tell_on(self, on: bool) -> None:
        self.on = self.on if self.trouble == "stays_on" and not on else on
        if self.trouble == "stays_on":
            self.on = True
        self._watch()

    def _watch(self) -> None:
        if self.on and self.ovp_on and self.volts > self.ovp_v:
            self.on, self.tripped = False, True

    def _shown(self, value: float, digits: int = 3) -> str:
        if self.dialect == "keysight":
            return f"{value:+.8E}"
        return f"{value:.4f}" if self.dialect == "plain" else f"{value:.{digits}f}"

    @property
    def _amps(self) -> float:
        return self.output_v / self.load_ohm

    def _plain(self, text: str) -> str | None:
        word, _, value = text.partition(" ")
        questions: dict[str, Callable[[], str]] = {
            "VOLT?": lambda: self._shown(self.volts),
            "CURR?": lambda: self._shown(self.limit_a),
            "VOLT:PROT?": lambda: self._shown(self.ovp_v),
            "VOLT:PROT:TRIP?": lambda: str(int(self.tripped)),
            "OUTP?": lambda: str(int(self.on)),
            "MEAS:VOLT?": lambda: self._shown(self.output_v),
            "MEAS:CURR?": lambda: self._shown(self._amps),
        }
        if word in questions:
            return questions[word]()
        if word == "VOLT":
            self._tell_volts(value)
        elif word == "CURR":
            self.limit_a = float(value)
        elif word == "VOLT:PROT":
            self.ovp_v, self.ovp_on = float(value), True
        elif word == "OUTP":
            self._tell_on(value == "ON")
        elif word in ("VOLT:PROT:CLE", "OUTP:PROT:CLE"):
            self.tripped = False
        else:
            self._undefined()
        return None

    def _rigol(self, text: str) -> str | None:
        word, _, rest = text.partition(" ")
        values = [part for part in rest.split(",") if part != "CH1"]
        questions: dict[str, Callable[[], str]] = {
            ":APPL?": lambda: f"CH1:30V/3A,{self.volts:.3f},{self.limit_a:.4f}",
            ":VOLT?": lambda: f"{self.volts:.3f}",
            ":CURR?": lambda: f"{self.limit_a:.4f}",
            ":OUTP?": lambda: "ON" if self.on else "OFF",
            ":OUTP:MODE?": lambda: "CV" if self.on else "UR",
            ":OUTP:OVP:VAL?": lambda: f"{self.ovp_v:.3f}",
            ":OUTP:OVP?": lambda: "ON" if self.ovp_on else "OFF",
            ":OUTP:OVP:QUES?": lambda: "YES" if self.tripped else "NO",
            ":MEAS:ALL?": lambda: f"{self.output_v:.4f},{self._amps:.4f},{self.output_v * self._amps:.3f}",
        }
        if word in questions:
            return questions[word]()
        if word == ":APPL":
            self._tell_volts(values[0])
            self.limit_a = float(values[1])
        elif word == ":OUTP":
            self._tell_on(values[0] == "ON")
        elif word == ":OUTP:OVP:VAL":
            self.ovp_v = float(values[0])
        elif word == ":OUTP:OVP":
            self.ovp_on = values[0] == "ON"
        elif word == ":OUTP:OVP:CLEAR":
            self.tripped = False
        else:
            self._undefined()
        return None

    def _siglent(self, text: str) -> str | None:
        word, _, value = text.partition(" ")
        questions: dict[str, Callable[[], str]] = {
            "CH1:VOLT?": lambda: f"{self.volts:.3f}",
            "CH1:CURR?": lambda: f"{self.limit_a:.3f}",
            "SYST:STAT?": lambda: f"0x{0x04 + 0x10 * self.on:04X}",
            "MEAS:VOLT?": lambda: f"{self.output_v:.3f}",
            "MEAS:CURR?": lambda: f"{self._amps:.3f}",
        }
        if word in questions:
            return questions[word]()
        if word == "CH1:VOLT":
            self._tell_volts(value)
        elif word == "CH1:CURR":
            self.limit_a = float(value)
        elif word == "OUTP":
            self._tell_on(value == "CH1,ON")
        else:
            self._undefined()
        return None

    def _meter(self, text: str) -> str | None:
        word, _, value = text.partition(" ")
        sign = "+" if self.dialect == "dmm" else ""

        def shown(number: float) -> str:
            return f"{sign}{number:.8E}"

        if word == "READ?":
            one = 9.9e37 if self.trouble == "overload" else 0.0123456789
            return ",".join([shown(one)] * self.count)
        questions: dict[str, Callable[[], str]] = {
            "CONF?": lambda: f'"CURR {self.range_a:+.6E},+3.000000E-08"',
            "CURR:DC:RANG?": lambda: shown(self.range_a),
            "CURR:DC:NPLC?": lambda: shown(self.nplc),
            "CURR:DC:RANG:AUTO?": lambda: "0",
        }
        if word in questions:
            return questions[word]()
        if word == "CONF:CURR:DC":
            self.range_a = 1.0 if self.trouble == "range_otherwise" else float(value)
            self.count = 1
        elif word == "CURR:DC:NPLC":
            self.nplc = float(value)
        elif word == "SAMP:COUN":
            self.count = int(value)
        elif word != "CURR:ZERO:AUTO":
            self._undefined()
        return None
