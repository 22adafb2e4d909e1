"""Harvard Apparatus Pump 11 Elite and PHD ULTRA, Quick Start mode [syringe 2]."""

from __future__ import annotations

import math
import re

from rig.sim.faults import FOREVER_NS
from rig.sim.syringe.device import SECOND_NS, Mounted, SerialPump
from rig.sim.syringe.harvard_settings import Command, HarvardSettings, no_words
from rig.sim.syringe.harvard_text import NOT_NOW, OUT_OF_RANGE, UNKNOWN, Refused, ul_per_h, write_rate

CR, LF, XON = b"\r", b"\n", b"\x11"
MAX_LINE = 256
CYCLES_PER_S = 56_000_000  # the Elite's unit of time in its status
FL_PER_UL = 1e9
NOTHING_UL = 1e-6
_LINE = re.compile(r"(?:(\d{1,2})(:?))?(.*)", re.DOTALL)


class HarvardPump(SerialPump):
    """One pump behind its serial line; it speaks as the manual of its model has it.

    Differences: the address is followed by a colon (PHD) or by nothing (Elite), `nvram none` or `nvram off`, and the
    status line. Assumed where the reference leaves it open: texts of refusals; number formats; a target counts what was
    delivered before, too; stopping a pump that stands is refused; targets and counters start anew after a power
    failure.
    """

    def __init__(self, mounted: Mounted) -> None:
        super().__init__(mounted)
        self._settings = HarvardSettings(mounted.model, mounted.drive, mounted.parameters, mounted.address)
        self._input = bytearray()
        self._news = False  # a motion ended, and nobody has been told
        self._state = ""  # "" | "*" | "T*": why it stands
        self._commands: dict[str, Command] = {
            **self._settings.table,
            "crate": self._rate_now,
            "irun": lambda words: self._run(words, forward=True),
            "rrun": lambda words: self._run(words, forward=not self.drive.forward, turning=True),
            "run": lambda words: self._run(words, forward=self.drive.forward),
            "status": self._raw_status,
            "stop": self._stop,
            "stp": self._stop,
            "wrun": lambda words: self._run(words, forward=False),
        }

    # --- line

    def _hear(self, data: bytes, now_ns: int, rig_ns: int) -> None:
        self._input += data
        while (end := self._input.find(CR)) >= 0:
            line = bytes(self._input[:end]).replace(LF, b"")
            del self._input[: end + 1]
            if self._troubles.touched(rig_ns):
                continue  # its CR opens the session again, and does no more
            answer = self._line(line.decode("latin-1"))
            if answer is not None:
                self._news = False  # its prompt says it
                self._say((line + CR if self._settings.echo else b"") + answer, now_ns)
        if len(self._input) > MAX_LINE:
            self._input.clear()

    def _line(self, line: str) -> bytes | None:
        """Return the whole answer to a line, None for silence."""
        match = _LINE.fullmatch(line)
        digits, colon, text = match.groups() if match else (None, "", line)
        if digits is None and self._settings.address and line.strip():
            return None
        if digits is not None and int(digits) != self._settings.address:
            return None
        try:
            if digits is not None and bool(colon) != self._settings.phd:
                raise Refused(UNKNOWN)
            lines = self._obey(text)
        except Refused as refusal:
            lines = refusal.lines
        return self._answer(lines)

    def _obey(self, text: str) -> list[str]:
        words = text.strip().removeprefix("@").lower().split()
        if not words:
            return []
        for name, handler in self._commands.items():
            if words[0] == name or (len(words[0]) >= 4 and name.startswith(words[0])):
                return handler(words[1:])
        raise Refused(UNKNOWN)

    def _answer(self, lines: list[str]) -> bytes:
        name = f"{self._settings.address:02d}" if self._settings.address else ""
        head = f"{name}:" if name else ""
        body = b"".join(LF + (head + line).encode("latin-1", "replace") + CR for line in lines)
        return body + LF + (name + self._prompt).encode("ascii") + (XON if self._settings.poll else b"")

    @property
    def _prompt(self) -> str:
        if self.drive.running:
            return ">" if self.drive.forward else "<"
        return self._state or ":"

    def _unasked(self, now_ns: int) -> None:
        if self._news and not self._settings.poll:
            self._say(self._answer([]), now_ns)
        self._news = False

    # --- motion

    def _motion_ended(self, reason: str, rig_ns: int) -> None:  # noqa: ARG002 - the prompt tells no time
        self._state = "*" if reason == "stall" else "T*"
        self._news = True

    def _restart(self, rig_ns: int) -> None:  # noqa: ARG002 - the time is no part of it
        self._state = ""
        self._input.clear()
        self._news = False
        self._settings.restart()

    def _run(self, words: list[str], *, forward: bool, turning: bool = False) -> list[str]:
        no_words(words)
        drive = self.drive
        if drive.running and not turning:
            raise Refused(NOT_NOW)
        rate, unit = self._settings.rates[forward]
        rate_ul_per_h = ul_per_h(rate, unit)
        if not drive.least_ul_per_h <= rate_ul_per_h <= drive.most_ul_per_h:
            raise Refused(OUT_OF_RANGE)
        done_ul, done_ns = (drive.infused_ul, drive.infused_ns) if forward else (drive.withdrawn_ul, drive.withdrawn_ns)
        left_ul = math.inf if self._settings.target_ul is None else self._settings.target_ul - done_ul
        left_ns = FOREVER_NS if self._settings.target_s is None else self._settings.target_s * SECOND_NS - done_ns
        drive.forward = forward
        if left_ul < NOTHING_UL or left_ns <= 0:
            drive.stop()
            self._state = "T*"
            return []
        self._state = ""
        drive.start(forward, rate_ul_per_h, left_ul, min(FOREVER_NS, drive.at_ns + left_ns))
        drive.advance(drive.at_ns)  # a motor that cannot turn says so in this very answer
        return []

    def _stop(self, words: list[str]) -> list[str]:
        no_words(words)
        if not self.drive.running:
            raise Refused(NOT_NOW)
        self.drive.stop()
        return []

    def _raw_status(self, words: list[str]) -> list[str]:
        no_words(words)
        drive = self.drive
        volume_ul = drive.infused_ul if drive.forward else drive.withdrawn_ul
        time_ns = drive.infused_ns if drive.forward else drive.withdrawn_ns
        rate = int(drive.rate_ul_per_h * FL_PER_UL / 3600.0) if drive.running else 0
        time = time_ns // SECOND_NS if self._settings.phd else time_ns * CYCLES_PER_S // SECOND_NS
        direction = "i" if drive.forward else "w"
        flags = direction if self._settings.phd or not drive.running else direction.upper()
        flags += "." + ("S" if self._state == "*" else ".") + "." + ("I" if drive.forward else "W")
        flags += "" if self._settings.phd else "T" if self._state == "T*" else "."
        return [f"{rate} {time} {round(volume_ul * FL_PER_UL)} {flags}"]

    def _rate_now(self, words: list[str]) -> list[str]:
        no_words(words)
        if not self.drive.running:
            raise Refused(NOT_NOW)
        verb = "Infusing" if self.drive.forward else "Withdrawing"
        return [f"{verb} at {write_rate(*self._settings.rates[self.drive.forward])}"]
