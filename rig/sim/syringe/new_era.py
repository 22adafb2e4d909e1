"""New Era NE-1000 and NE-500: basic and safe mode, alarms, program phases [syringe 1]."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from rig.sim.syringe.device import SECOND_NS, Mounted, SerialPump
from rig.sim.syringe.new_era_frames import Ear, Heard, basic_answer, safe_answer
from rig.sim.syringe.new_era_program import (
    BAD_PACKET,
    IGNORED,
    LARGEST_UL_DIAMETER_MM,
    NOT_NOW,
    OUT_OF_RANGE,
    PHASES,
    RATE_UNITS,
    UNKNOWN,
    VOLUME_UNITS,
    Phase,
    Refused,
    new_program,
    read_function,
    read_number,
    write_number,
)

LEAST_DIAMETER_MM, MOST_DIAMETER_MM = 0.1, 50.0
SAME_MOMENT_NS = 10_000_000  # a change this soon after a new phase began is ignored
MOST_ADDRESS, MOST_TIMEOUT_S = 99, 255
STANDING = ("S", "P")  # states in which the motor stands and may be told to run
_COMMAND = re.compile(r"(\*|\d{0,2})(.{0,3})(.*)", re.DOTALL)  # address, name, arguments


class NewEraPump(SerialPump):
    """One pump of the NE-1000 family behind its serial line.

    Powered up like the steel one: stopped, with alarm R, which has to be returned once as the answer to a valid command
    before anything is obeyed. Assumed where the reference leaves it open: STP on a stopped pump is not applicable; the
    counters start at zero after a power failure and are shown modulo 10000; a rate changed on the run lasts until then.
    """

    def __init__(self, mounted: Mounted) -> None:
        super().__init__(mounted)
        self._model = mounted.model
        self._ear = Ear()
        self._address = mounted.address
        self._safe_s = 0  # 0: basic mode
        self._heard_ns = 0  # when the last valid command came, for the time-out
        self._timer = 0
        self._alarm = "R"
        self._news: list[str] = []  # alarms to be sent unasked
        self._status = "S"
        self._program = new_program(1.0, "MH")
        self._selected = 0
        self._running = 0  # phase that runs or is paused
        self._phase_ns: int | None = None  # when it began by itself
        self._paused_ul = math.inf
        self._volume_unit = "ML"
        self._table: dict[str, Callable[[str, int], str]] = {
            "ADR": self._set_address,
            "CLD": self._clear,
            "DIA": self._diameter,
            "DIR": self._direction,
            "DIS": self._dispensed,
            "FUN": self._function,
            "PHN": self._phase_number,
            "PUR": self._purge,
            "RAT": self._rate,
            "RUN": self._run,
            "SAF": self._safe_mode,
            "STP": self._stop,
            "VER": self._version,
            "VOL": self._volume,
        }

    # --- line

    def _hear(self, data: bytes, now_ns: int, rig_ns: int) -> None:
        self._ear.take(data, now_ns)
        while (heard := self._ear.next(self._safe_s > 0)) is not None:
            answer = self._command(heard, now_ns, rig_ns)
            if answer is not None:
                self._news.clear()  # what the host is told now need not be told again
                self._tell(answer, now_ns)

    def _command(self, heard: Heard, now_ns: int, rig_ns: int) -> str | None:
        """Return what follows the address in the answer, None for silence."""
        if heard.text is None:
            return f"A?{self._alarm}" if self._alarm else self._status + BAD_PACKET
        match = _COMMAND.match(heard.text)
        address, name, arguments = match.groups() if match else ("", "", "")
        if address != "*" and int(address or "0") != self._address:
            return None
        handler = self._table.get(name)
        known = handler is not None or not name
        if known:
            self._restart_timer(now_ns)
        if self._alarm:
            answer = f"A?{self._alarm}"
            self._alarm = "" if known else self._alarm
            return answer
        return self._obey(handler, arguments, rig_ns) if known else self._status + UNKNOWN

    def _obey(self, handler: Callable[[str, int], str] | None, arguments: str, rig_ns: int) -> str:
        try:
            result = handler(arguments, rig_ns) if handler else ""
        except Refused as refusal:
            result = refusal.code
        if self._alarm:  # raised by this very command, and so returned as its answer
            answer = f"A?{self._alarm}"
            self._alarm = ""
            return answer
        return self._status + result

    def _tell(self, answer: str, now_ns: int) -> None:
        text = f"{self._address:02d}{answer}"
        self._say(safe_answer(text) if self._safe_s else basic_answer(text), now_ns)

    def _restart_timer(self, now_ns: int) -> None:
        self._timer += 1
        self._heard_ns = now_ns

    def _watch(self, now_ns: int) -> None:
        super()._watch(now_ns)
        if self._safe_s and self._heard_ns == now_ns:
            timer = self._timer
            self._wire.call_at(now_ns + self._safe_s * SECOND_NS, lambda at_ns: self._time_out(timer, at_ns))

    def _time_out(self, timer: int, now_ns: int) -> None:
        rig_ns = self._wire.rig_ns(now_ns)
        if timer != self._timer or not self._safe_s or self._troubles.dead(rig_ns):
            return
        self._timer += 1
        self._advance(rig_ns)
        self._halt("T")
        self._unasked(now_ns)

    def _unasked(self, now_ns: int) -> None:
        if self._safe_s:
            for alarm in self._news:
                self._tell(f"A?{alarm}", now_ns)
        self._news.clear()

    # --- alarms and the program

    def _halt(self, alarm: str) -> None:
        self.drive.stop()
        self._status = "S"
        self._alarm = alarm
        self._news.append(alarm)

    def _restart(self, rig_ns: int) -> None:  # noqa: ARG002 - the time is no part of it
        self._halt("R")
        self._ear.reset()
        self._timer += 1  # in safe mode it starts with the first valid packet
        self._selected = 0
        self.drive.infused_ul = self.drive.withdrawn_ul = 0.0
        for phase in self._program:
            phase.rate, phase.rate_unit = phase.stored

    def _motion_ended(self, reason: str, rig_ns: int) -> None:
        if reason == "stall":
            self._halt("S")
            return
        self._begin(self._running + 1, rig_ns)
        self._phase_ns = rig_ns

    def _begin(self, number: int, rig_ns: int) -> None:
        """Enter a phase and those that take no time; a program that never comes to rest is an error."""
        for _ in range(PHASES + 1):
            if number >= PHASES:
                break
            phase = self._program[number]
            self._running = number
            if phase.function == "RAT":
                self._pump(phase, rig_ns)
                return
            if phase.function == "PAS":
                self._status = "T"
                self.drive.wait(rig_ns + phase.operand * SECOND_NS)
                return
            if phase.function == "STP":
                break
            number = phase.operand - 1
        else:
            self._halt("E")
            return
        self.drive.stop()
        self._status = "S"

    def _pump(self, phase: Phase, rig_ns: int) -> None:  # noqa: ARG002 - the motor knows what time it is
        if not self._possible(phase.rate_ul_per_h):
            self._halt("O")
            return
        target_ul = phase.volume * VOLUME_UNITS[self._volume_unit]
        self._turn(phase, target_ul or math.inf)

    def _turn(self, phase: Phase, left_ul: float) -> None:
        self._status = "I" if phase.forward else "W"
        self.drive.start(phase.forward, phase.rate_ul_per_h, left_ul)

    def _possible(self, rate_ul_per_h: float) -> bool:
        return self.drive.least_ul_per_h <= rate_ul_per_h <= self.drive.most_ul_per_h

    @property
    def _pumping(self) -> bool:
        return self._status in ("I", "W", "X")

    def _phase(self) -> Phase:
        """Return the phase that RAT, VOL and DIR speak of: the running one, or the one PHN has chosen."""
        return self._program[self._selected if self._status == "S" else self._running]

    def _refuse_unless(self, *states: str) -> None:
        if self._status not in states:
            raise Refused(NOT_NOW)

    def _refuse_new_phase(self, rig_ns: int) -> None:
        if self._status != "S" and self._phase_ns is not None and rig_ns - self._phase_ns < SAME_MOMENT_NS:
            raise Refused(IGNORED)

    # --- commands: arguments and rig time in, what follows the status out

    def _run(self, arguments: str, rig_ns: int) -> str:
        number = 1
        if arguments:
            if not arguments.isdigit():
                raise Refused(UNKNOWN)
            number = int(arguments)
            if not 1 <= number <= PHASES:
                raise Refused(OUT_OF_RANGE)
        self._refuse_unless(*STANDING)
        self._phase_ns = None
        if self._status == "P" and not arguments:
            self._turn(self._program[self._running], self._paused_ul)
        else:
            self._begin(number - 1, rig_ns)
        return ""

    def _stop(self, arguments: str, _rig_ns: int) -> str:
        """First pause, then stop; a purge, a timed pause and a pause end at once."""
        _nothing(arguments)
        if self._status == "S":
            raise Refused(NOT_NOW)
        pauses = self._status in ("I", "W")
        self._paused_ul = self.drive.left_ul
        self.drive.stop()
        self._status = "P" if pauses else "S"
        return ""

    def _purge(self, arguments: str, _rig_ns: int) -> str:
        _nothing(arguments)
        self._refuse_unless("S")
        self._running = self._selected
        self._status = "X"
        self.drive.start(self._phase().forward, self.drive.most_ul_per_h)
        return ""

    def _rate(self, arguments: str, rig_ns: int) -> str:
        phase = self._phase()
        if phase.function != "RAT":
            raise Refused(NOT_NOW)
        if not arguments:
            return write_number(phase.rate) + phase.rate_unit
        unit = arguments[-2:] if arguments[-2:] in RATE_UNITS else ""
        rate = read_number(arguments.removesuffix(unit))
        if self._status in ("X", "T") or (self._pumping and unit not in ("", phase.rate_unit)):
            raise Refused(NOT_NOW)
        self._refuse_new_phase(rig_ns)
        unit = unit or phase.rate_unit
        if not self._possible(rate * RATE_UNITS[unit]):
            raise Refused(OUT_OF_RANGE)
        phase.rate, phase.rate_unit = rate, unit
        if self._pumping:
            self.drive.change_rate(phase.rate_ul_per_h)
        else:
            phase.stored = rate, unit
        return ""

    def _volume(self, arguments: str, _rig_ns: int) -> str:
        phase = self._phase()
        if not arguments:
            return write_number(phase.volume) + self._volume_unit
        if arguments in VOLUME_UNITS:
            self._refuse_unless("S")
            self._volume_unit = arguments
            return ""
        volume = read_number(arguments)
        self._refuse_unless("S")
        phase.volume = volume
        return ""

    def _direction(self, arguments: str, rig_ns: int) -> str:
        phase = self._phase()
        if not arguments:
            return "INF" if phase.forward else "WDR"
        if arguments not in ("INF", "WDR", "REV"):
            raise Refused(UNKNOWN)
        if self._status != "S" and (self._status == "X" or phase.volume > 0.0):
            raise Refused(NOT_NOW)
        self._refuse_new_phase(rig_ns)
        phase.forward = not phase.forward if arguments == "REV" else arguments == "INF"
        if self._status in ("I", "W"):
            self._turn(phase, math.inf)
        return ""

    def _diameter(self, arguments: str, _rig_ns: int) -> str:
        if not arguments:
            return write_number(self.drive.diameter_mm)
        diameter_mm = read_number(arguments)
        self._refuse_unless("S")
        if not LEAST_DIAMETER_MM <= diameter_mm <= MOST_DIAMETER_MM:
            raise Refused(OUT_OF_RANGE)
        self.drive.diameter_mm = diameter_mm
        self._volume_unit = "UL" if diameter_mm <= LARGEST_UL_DIAMETER_MM else "ML"
        return ""

    def _dispensed(self, arguments: str, _rig_ns: int) -> str:
        _nothing(arguments)
        ul = VOLUME_UNITS[self._volume_unit]
        infused, withdrawn = (write_number(each / ul) for each in (self.drive.infused_ul, self.drive.withdrawn_ul))
        return f"I{infused}W{withdrawn}{self._volume_unit}"

    def _clear(self, arguments: str, _rig_ns: int) -> str:
        if arguments not in ("INF", "WDR"):
            raise Refused(UNKNOWN)
        self._refuse_unless(*STANDING)
        if arguments == "INF":
            self.drive.infused_ul = 0.0
        else:
            self.drive.withdrawn_ul = 0.0
        return ""

    def _phase_number(self, arguments: str, _rig_ns: int) -> str:
        if not arguments:
            return str(self._selected + 1)
        number = _whole(arguments)
        self._refuse_unless("S")
        if not 1 <= number <= PHASES:
            raise Refused(OUT_OF_RANGE)
        self._selected = number - 1
        return ""

    def _function(self, arguments: str, _rig_ns: int) -> str:
        phase = self._phase()
        if not arguments:
            return phase.function_text
        function, operand = read_function(arguments)
        self._refuse_unless("S")
        phase.function, phase.operand = function, operand
        if function == "RAT" and phase.rate == 0.0:
            first = self._program[0]
            phase.rate, phase.rate_unit = phase.stored = first.rate, first.rate_unit
        return ""

    def _safe_mode(self, arguments: str, _rig_ns: int) -> str:
        if not arguments:
            return str(self._safe_s)
        seconds = _whole(arguments)
        if seconds > MOST_TIMEOUT_S:
            raise Refused(OUT_OF_RANGE)
        self._safe_s = seconds
        return ""

    def _set_address(self, arguments: str, _rig_ns: int) -> str:
        if not arguments:
            return f"{self._address:02d}"
        address = _whole(arguments)
        if address > MOST_ADDRESS:
            raise Refused(OUT_OF_RANGE)
        self._address = address
        return ""

    def _version(self, arguments: str, _rig_ns: int) -> str:
        _nothing(arguments)
        return self._model.version


def _nothing(arguments: str) -> None:
    if arguments:
        raise Refused(UNKNOWN)


def _whole(arguments: str) -> int:
    if not arguments.isdigit() or len(arguments) > 4:
        raise Refused(UNKNOWN)
    return int(arguments)
