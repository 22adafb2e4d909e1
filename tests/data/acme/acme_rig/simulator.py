"""A simulated ACME-1, written from the protocol's page and without the codec: two readings, two judges."""

from __future__ import annotations

from datetime import datetime, timedelta

from rig.plugins import Scene
from rig.transport.virtual import Port

START = datetime(2025, 3, 9, 14)
U_PER_S = 0.025
ANSWER_NS = 40_000_000
NS = 1_000_000_000


class SimulatedAcme:
    """One pump; ``lose`` is the command whose first answer is lost, ``mute`` says nothing at all."""

    def __init__(self, serial: str, lose: str = "", *, mute: bool = False) -> None:
        self._serial, self._lose, self._mute = serial, lose, mute
        self._port: Port | None = None
        self._line = b""
        self._basal = "0=1.00"
        self._temp = (0.0, 0)  # rate in U/h, link time in ns at which it ends
        self._suspended = False
        self._boluses: list[tuple[int, float, int]] = []  # begun at, amount in U, ended at (ns)

    def attach(self, port: Port) -> None:
        """Learn the wire."""
        self._port = port

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take bytes; a line ends with CR."""
        *lines, self._line = (self._line + data).split(b"\r")
        for line in lines:
            serial, _, rest = line.decode("ascii", "replace").partition(" ")
            name, _, argument = rest.partition(" ")
            if serial == self._serial and not self._mute and name:
                self._say(self._answer(name, argument, now_ns), now_ns)

    def boluses_begun(self) -> int:
        """Return how many boluses it has begun."""
        return len(self._boluses)

    def _say(self, text: str, now_ns: int) -> None:
        if self._lose and text == f"+{self._lose}":
            self._lose = ""
        elif self._port is not None:
            self._port.send(f"{self._serial} {text}\r".encode("ascii"), now_ns + ANSWER_NS)

    def _answer(self, name: str, argument: str, now_ns: int) -> str:
        if name[0] == "?":
            known = {
                "WHO": "ACME-1 2.04",
                "CLOCK": self._clock(now_ns),
                "STATE": self._state(now_ns),
                "LIMITS": "10.00 5.00",
                "BASAL": self._basal,
                "TEMP": self._running_temp(now_ns),
                "LOG": self._log(argument, now_ns),
            }
            return f"={name[1:]} {known[name[1:]]}".rstrip() if name[1:] in known else f"-{name[1:]} unknown"
        refused = self._carry_out(name, argument, now_ns)
        return f"-{name[1:]} {refused}" if refused else f"+{name[1:]}"

    def _carry_out(self, name: str, argument: str, now_ns: int) -> str:
        """Do what is commanded; return why not."""
        if name == "!BOLUS":
            if self._suspended:
                return "suspended"
            if self._bolusing(now_ns):
                return "a bolus runs"
            amount_u = float(argument)
            self._boluses.append((now_ns, amount_u, now_ns + round(amount_u / U_PER_S * NS)))
        elif name == "!STOP":
            self._suspended = True
            self._boluses = [(begun, amount_u, min(ended, now_ns)) for begun, amount_u, ended in self._boluses]
        elif name == "!RUN":
            self._suspended = False
        elif name == "!BASAL":
            self._basal = argument
        elif name == "!TEMP":
            rate, minutes = argument.split(" ")
            self._temp = (float(rate), now_ns + int(minutes) * 60 * NS)
        else:
            return "unknown"
        return ""

    def _bolusing(self, now_ns: int) -> bool:
        return bool(self._boluses) and now_ns < self._boluses[-1][2]

    def _clock(self, now_ns: int) -> str:
        return (START + timedelta(seconds=now_ns // NS)).isoformat()

    def _state(self, now_ns: int) -> str:
        doing = "suspended" if self._suspended else "bolus" if self._bolusing(now_ns) else "idle"
        return f"3.71 182.50 {doing}"

    def _running_temp(self, now_ns: int) -> str:
        rate, ends_ns = self._temp
        minutes = -(-(ends_ns - now_ns) // (60 * NS))
        return f"{rate:.2f} {minutes}" if minutes > 0 else "0.00 0"

    def _log(self, page: str, now_ns: int) -> str:
        if page != "0":
            return ""
        return " ".join(
            f"{self._clock(begun)},{amount_u:.2f},{(ended - begun) / NS * U_PER_S:.2f}"
            for begun, amount_u, ended in self._boluses
            if ended <= now_ns
        )


def scene(situation: str) -> Scene | None:
    """Return the pump in a situation of the conformance suite."""
    if situation == "asleep":
        return None  # its port never sleeps
    lost = {"bolus_ack_lost": "BOLUS", "temp_ack_lost": "TEMP"}.get(situation, "")
    pump = SimulatedAcme("512001", lost, mute=situation == "out_of_range")
    return Scene(pump, "512001", "ACME-1", boluses_begun=pump.boluses_begun)
