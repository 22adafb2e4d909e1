"""An Ohaus balance (Explorer, Adventurer, Scout) [balance-protocols 4; Explorer, Adventurer and RS232 manuals].

What it says of an overload no manual prints; here the error number that its display shows, in the place of the weight.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from rig.sim.balances.device import LineBalance, Place
from rig.sim.balances.menu import Menu
from rig.sim.plant.balance_cell import Sample

WIDTH = 10
LOADS = {"over": "Err8.3", "under": "Err8.4"}
CELL_ERROR = "Err9.5"
UNKNOWN = "ES"
EVERY = re.compile(r"([0-9]{1,4})P")
TARE = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,7})?)T")
UNITS = {"1U": "g", "2U": "kg", "0U": "mg"}
MOST_SECONDS = 3600


class OhausBalance(LineBalance):
    """One balance; commands end with CR or CR LF. An invalid one, or no stable value in 40 s, is answered by ES."""

    ends = (b"\r\n", b"\r")

    def __init__(self, place: Place, menu: Menu) -> None:
        super().__init__(place, menu)
        self._only_stable = False
        self._period_hz = menu.output_hz
        self._sent: int | None = None  # counts of the last line of a stream on stability
        self._on_stability = ""
        self._table: dict[str, Callable[[int], None]] = {
            "IP": self._print_now,
            "P": self._print,
            "SP": self._print_stable,
            "CP": lambda now_ns: self._continuous(now_ns, self._menu.output_hz),
            "SLP": lambda now_ns: self._each_stable(now_ns, "SLP"),
            "SLZP": lambda now_ns: self._each_stable(now_ns, "SLZP"),
            "T": lambda now_ns: self._settle(now_ns, self._take_tare),
            "Z": lambda now_ns: self._settle(now_ns, self._take_zero),
            "PT": lambda now_ns: self._line(self._plant.cell.tare_counts, stable=True, now_ns=now_ns),
            "PU": lambda now_ns: self._say(self._unit(now_ns), now_ns),
            "PM": lambda now_ns: self._say("Weighing", now_ns),
            "PSN": lambda now_ns: self._say(self.serial, now_ns),
            "PV": lambda now_ns: self._say(menu.version, now_ns),
            "IC": self._calibrate,
            "OFF": self._off,
            "0S": lambda now_ns: self._set_only_stable(False, now_ns),
            "1S": lambda now_ns: self._set_only_stable(True, now_ns),
            "1M": self._ok,
            "0FMT": self._ok,
            "\x1bR": self._reset,
        }

    def _command(self, line: bytes, now_ns: int) -> None:
        name = line.decode("latin-1").strip("\n")
        trouble = self._trouble(now_ns)
        if not name or (trouble == "asleep" and name != "ON"):
            return
        if self._faults.any_balance and self._faults.take("balance.parity", self._wire.rig_ns(now_ns)):
            self._say(UNKNOWN, now_ns)
        elif name == "ON":
            self._wake(now_ns)
            self._ok(now_ns)
        elif name == "AC" and self._adjusted is not None:
            self._break_off_adjusting()
            self._ok(now_ns)
        elif trouble == "busy":
            self._say(UNKNOWN, now_ns)
        elif (action := self._table.get(name)) is not None:
            action(now_ns)
        elif not self._with_number(name, now_ns):
            self._say(UNKNOWN, now_ns)

    def _with_number(self, name: str, now_ns: int) -> bool:
        """Obey a command that begins with a number; say whether it was one."""
        if every := EVERY.fullmatch(name):
            seconds = int(every[1])
            if seconds > MOST_SECONDS:
                return False
            self._end_running()
            self._ok(now_ns)
            if seconds:
                self._continuous(now_ns, 1.0 / seconds)
            return True
        if name in UNITS:
            self._front_unit = UNITS[name]
            self._ok(now_ns)
            return True
        preset = TARE.fullmatch(name)
        if preset is None or not self._set_tare(float(preset[1]), self._unit(now_ns)):
            return False
        self._ok(now_ns)
        return True

    def _too_long(self, now_ns: int) -> None:
        self._say(UNKNOWN, now_ns)

    def _ok(self, now_ns: int) -> None:
        if self._menu.acknowledges:
            self._say("OK!", now_ns)

    # --- printing

    @property
    def _output_hz(self) -> float:
        return self._period_hz

    def _say_weight(self, sample: Sample, now_ns: int) -> None:
        if self._on_stability and self._streaming and not self._worth_saying(sample):
            return
        if sample.state != "ok":
            self._say(f"{LOADS[sample.state]:>{WIDTH}}", now_ns)
        else:
            self._line(sample.counts, stable=sample.stable, now_ns=now_ns)

    def _worth_saying(self, sample: Sample) -> bool:
        """Say whether a stream on stability has a new stable value."""
        if not sample.stable:
            self._sent = None
            return False
        new = self._sent is None and (sample.counts != 0 or self._on_stability == "SLZP")
        self._sent = sample.counts
        return new

    def _say_trouble(self, trouble: str, now_ns: int) -> None:
        if trouble == "error":
            self._say(f"{CELL_ERROR:>{WIDTH}}", now_ns)

    def _line(self, counts: int, *, stable: bool, now_ns: int) -> None:
        unit = self._unit(now_ns)
        number = self._number(counts, unit, WIDTH, now_ns)
        if self._menu.padded:
            self._say(f"{number:>{WIDTH}} {unit:<5} {' ' if stable else '?'} {'':10}", now_ns)
        elif self._menu.blanks:
            self._say(f"{number:>{WIDTH}} {unit} {' ' if stable else '?'} ", now_ns)
        else:
            self._say(f"{number:>{WIDTH}} {unit}{'' if stable else ' ?'}", now_ns)

    def _print_now(self, now_ns: int) -> None:
        self._end_running()
        self._weigh(now_ns)

    def _print(self, now_ns: int) -> None:
        if self._only_stable:
            self._print_stable(now_ns)
        else:
            self._print_now(now_ns)

    def _print_stable(self, now_ns: int) -> None:
        self._end_running()
        if self._trouble(now_ns):
            self._weigh(now_ns)
        else:
            self._when_stable(now_ns, self._settled_or_not, self._p.stable_timeout_s)

    def _settled_or_not(self, sample: Sample | None, now_ns: int) -> None:
        if sample is None:
            self._say(UNKNOWN, now_ns)
        else:
            self._say_weight(sample, now_ns)

    def _continuous(self, now_ns: int, hz: float) -> None:
        self._on_stability = ""
        self._period_hz = hz
        self._start_stream(now_ns)

    def _each_stable(self, now_ns: int, name: str) -> None:
        self._ok(now_ns)
        self._on_stability, self._sent = name, None
        self._period_hz = self._menu.output_hz
        self._start_stream(now_ns)

    # --- the rest

    def _set_only_stable(self, only_stable: bool, now_ns: int) -> None:
        self._only_stable = only_stable
        self._ok(now_ns)

    def _settle(self, now_ns: int, take: Callable[[Sample], object]) -> None:
        """Acknowledge, and take the load once it has settled; without a word when it does not."""
        self._ok(now_ns)

        def settled(sample: Sample | None, _at_ns: int) -> None:
            if sample is not None and sample.state == "ok":
                take(sample)

        self._when_stable(now_ns, settled, self._p.stable_timeout_s)

    def _calibrate(self, now_ns: int) -> None:
        self._end_running()
        self._ok(now_ns)
        self._adjust(now_ns, lambda _at_ns: None)

    def _off(self, now_ns: int) -> None:
        self._ok(now_ns)
        self._sleep()

    def _reset(self, now_ns: int) -> None:
        """Take every setting back to the factory's, as <ESC>R does: no driver should ever send it."""
        self._end_running()
        self._only_stable, self._front_unit = False, "g"
        self._supply_back(now_ns)
