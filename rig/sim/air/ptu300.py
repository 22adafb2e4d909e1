"""A transmitter of the PTU300 class on a serial line, 4800 7E1, written from the reference page (section 5).

Commands end with CR and are case-free. In STOP mode they are echoed, and a prompt follows each answer; in RUN mode it
streams, and hears nothing but ``S``; in POLL mode it answers to its address alone, without echo and prompt.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from rig.sim.air.probe import AirProbe, Felt
from rig.transport.virtual import Port

REPLY_NS: Final = 60_000_000
MAX_LINE: Final = 120
ITEM: Final = re.compile(r'"(?P<text>[^"]*)"|(?P<control>\\[rnt])|(?P<word>[A-Za-z0-9.]+)')
CONTROL: Final = {"\\r": "\r", "\\n": "\n", "\\t": "\t"}
UNITS: Final = {"P": "hPa", "T": "'C", "RH": "%RH"}
UNIT_NS: Final = {"S": 1_000_000_000, "MIN": 60_000_000_000, "H": 3_600_000_000_000}


@dataclass(slots=True)
class Ptu300:
    """One transmitter on one wire; ``quantities`` in the order in which it is set to tell them."""

    probe: AirProbe
    serial: str = "P9000001"
    quantities: tuple[str, ...] = ("P", "T", "RH")
    mode: str = "STOP"
    address: int = 0
    form: str = ""
    echo: bool = True
    _port: Port | None = None
    _input: bytearray = field(default_factory=bytearray)
    _interval_ns: int = 1_000_000_000
    _token: int = 0  # of the running stream

    def attach(self, port: Port) -> None:
        """Learn the wire; a transmitter in RUN mode streams from power-up on."""
        self._port = port
        if self.mode == "RUN":
            self._stream(self._token, 0)

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take bytes; 7 bits are all that its line has."""
        for byte in data:
            value = byte & 0x7F
            if value == 0x0D:
                line = self._input.decode("ascii")
                self._input.clear()
                self._hear(line, now_ns)
            elif value != 0x0A and len(self._input) < MAX_LINE:
                self._input.append(value)

    @property
    def _wire(self) -> Port:
        if self._port is None:
            raise RuntimeError("a simulated transmitter was used before it was attached")
        return self._port

    def _hear(self, line: str, now_ns: int) -> None:
        words = line.upper().split()
        if self.mode == "RUN":
            if words[:1] == ["S"]:
                self._token += 1
                self.mode = "STOP"
            return
        if self.mode == "POLL":
            if words == ["SEND", str(self.address)]:
                self._say(self._message(now_ns), now_ns)
            return
        echoed = f"{line}\r\n" if self.echo else ""
        prompt = ">" if self.echo else ""
        said = self._obey(words, line.strip(), now_ns)
        if said is not None:
            self._say(f"{echoed}{said}{prompt}", now_ns)

    def _obey(self, words: list[str], line: str, now_ns: int) -> str | None:
        """Return what it answers to a command in STOP mode; None: the probe hangs, or a stream begins."""
        table: dict[str, Callable[[], str | None]] = {
            "SEND": lambda: self._message(now_ns),
            "R": lambda: self._run(now_ns),
            "S": lambda: "",
            "INTV": lambda: self._set_interval(words),
            "SMODE": lambda: self._set_mode(words),
            "FORM": lambda: self._set_form(line),
            "?": self._about,
        }
        if not words:
            return ""
        handler = table.get(words[0])
        return handler() if handler is not None else "Unknown command\r\n"

    def _run(self, now_ns: int) -> None:
        self.mode = "RUN"
        self._stream(self._token, now_ns)

    def _set_interval(self, words: list[str]) -> str:
        if len(words) == 3 and words[1].isdigit() and words[2] in UNIT_NS:
            self._interval_ns = max(1, int(words[1])) * UNIT_NS[words[2]]
        return f"Output interval: {self._interval_ns // UNIT_NS['S']} S\r\n"

    def _set_mode(self, words: list[str]) -> str:
        if len(words) == 2 and words[1] in ("STOP", "RUN", "POLL"):
            self.mode = words[1]
        return f"Serial mode : {self.mode}\r\n"

    def _set_form(self, line: str) -> str:
        wanted = line[4:].strip()
        if wanted:
            self.form = "" if wanted == "/" else wanted
        return "OK\r\n"

    def _about(self) -> str:
        return f"PTU300 / 5.16\r\nSerial number : {self.serial}\r\nSerial mode : {self.mode}\r\n"

    def _stream(self, token: int, now_ns: int) -> None:
        if token != self._token:
            return
        message = self._message(now_ns)
        if message is not None:
            self._say(message, now_ns)
        self._wire.call_at(now_ns + self._interval_ns, lambda at_ns: self._stream(token, at_ns))

    def _say(self, text: str | None, now_ns: int) -> None:
        if text:
            self._wire.send(text.encode("ascii"), now_ns + REPLY_NS)

    def _message(self, now_ns: int) -> str | None:
        rig_ns = self._wire.rig_ns(now_ns)
        if self.probe.silent(rig_ns):
            return None
        felt = self.probe.feel(rig_ns)
        if self.form:
            return self._formed(felt)
        parts = [f"{name}= {_number(felt, name, 1)} {UNITS[name]}" for name in self.quantities]
        return " ".join(parts) + "\r\n"

    def _formed(self, felt: Felt) -> str:
        """Return a message laid out by ``FORM``."""
        out, length, decimals, last = "", 0, 1, ""
        for match in ITEM.finditer(self.form):
            word = (match["word"] or "").upper()
            if match["text"] is not None:
                out += match["text"]
            elif match["control"]:
                out += CONTROL[match["control"]]
            elif word in UNITS:
                out += _number(felt, word, decimals, length)
                last = word
            elif re.fullmatch(r"U\d+", word):
                out += UNITS.get(last, "").ljust(int(word[1:]))
            elif word == "CS4":
                out += f"{sum(out.encode('ascii')) % 65_536:04X}"
            elif re.fullmatch(r"\d+\.\d+", word):
                length, decimals = (int(part) for part in word.split("."))
        return out


def _number(felt: Felt, name: str, decimals: int, length: int = 0) -> str:
    value = {"P": felt.pressure_hpa, "T": felt.temperature_c, "RH": felt.humidity_pct}[name]
    width = max(length, {"P": 6, "T": 4, "RH": 4}[name]) if length else 0
    if value is None:
        return "*" * (width or {"P": 6, "T": 4, "RH": 4}[name])
    return f"{value:{width}.{decimals}f}" if width else f"{value:.{decimals}f}"
