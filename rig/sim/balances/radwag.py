"""A Radwag balance [balance-protocols 6; PUE C41H, WTC, AS R2, AS PLUS and PS R1 manuals]."""

from __future__ import annotations

import re
from collections.abc import Callable

from rig.sim.balances.device import LineBalance, Place
from rig.sim.balances.display import UNIT_MG
from rig.sim.balances.menu import Menu
from rig.sim.plant.balance_cell import Sample

WIDTH = 9
MARKS = {"over": "^", "under": "v"}
DECIMAL = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,7})?")
RELEASES = {1: 2.0, 2: 1.0, 3: 0.5}  # fast, fast and reliable, reliable
SETTINGS = {"EV": (0, 1), "FIS": (1, 5), "ARS": (1, 3), "A": (0, 1)}
READ_BACK = {"EVG": "EV", "FIG": "FIS", "ARG": "ARS"}
SIMPLE = ("K1", "K0", "IC1", "IC0", "BP")
LEAST_G = 1.0  # what stands in the frame of an underload


class RadwagBalance(LineBalance):
    """One balance. S, Z, T and IC are first accepted (A); what comes before their end (D, E, ^ or v) is lost.

    S, SI and C1 answer in the base unit, SU, SUI and CU1 in the display's.
    """

    def __init__(self, place: Place, menu: Menu) -> None:
        super().__init__(place, menu)
        self._stored = {"EV": 1, "FIS": 3, "ARS": 2}
        self._stream_name = "SI"
        self._table: dict[str, Callable[[str, int], None]] = {
            "Z": self._zero,
            "T": self._tare,
            "S": self._stable,
            "SU": self._stable,
            "SI": self._now,
            "SUI": self._now,
            "C1": self._begin,
            "CU1": self._begin,
            "C0": self._cease,
            "CU0": self._cease,
            "OT": self._say_tare,
            "IC": self._adjust_inside,
            "PC": self._say_commands,
            "UG": lambda name, now_ns: self._say(f"{name} {self._unit(now_ns)} OK", now_ns),
        }
        decimals = self._display.scale("g")[1]
        self._facts = {
            "NB": self.serial,
            "BN": self.model,
            "FS": f"{self._p.capacity_g:.{decimals}f}",
            "RV": menu.version,
        }

    def _command(self, line: bytes, now_ns: int) -> None:
        name, _, argument = line.decode("latin-1").partition(" ")
        if self._trouble(now_ns) == "asleep" or self._waiting is not None:
            return
        if self._faults.any_balance and self._faults.take("balance.parity", self._wire.rig_ns(now_ns)):
            self._say("ES", now_ns)
        elif name in self._facts and not argument:
            self._say(f'{name} A "{self._facts[name]}"', now_ns)
        elif name in self._table and not argument:
            self._table[name](name, now_ns)
        elif name in SIMPLE and not argument:
            self._say(f"{name} OK", now_ns)
        elif name in READ_BACK and not argument:
            self._say(f"{name} {self._stored[READ_BACK[name]]} OK", now_ns)
        elif name in SETTINGS:
            self._set(name, argument, now_ns)
        elif name == "UT" and DECIMAL.fullmatch(argument):
            self._say(f"UT {'OK' if self._set_tare(float(argument), self._base_unit) else 'I'}", now_ns)
        else:
            self._say("ES", now_ns)

    def _too_long(self, now_ns: int) -> None:
        self._say("ES", now_ns)

    @property
    def _base_unit(self) -> str:
        return self._menu.base_unit

    def _refuse(self, name: str, now_ns: int) -> bool:
        """Answer for a balance that cannot do it now."""
        trouble = self._trouble(now_ns)
        if trouble:
            self._say(f"{name} {'E' if trouble == 'error' else 'I'}", now_ns)
        return bool(trouble)

    # --- weighing

    def _frame(self, name: str, sample: Sample, now_ns: int) -> None:
        """Say a mass: command, marker of stability, sign, mass and unit."""
        unit = self._unit(now_ns) if "U" in name else self._base_unit
        counts, mark = sample.counts, " " if sample.stable else "?"
        if sample.state != "ok":
            shown_g = self._p.capacity_g if sample.state == "over" else -LEAST_G
            counts, mark = round(shown_g * UNIT_MG["g"] / self._p.resolution_mg), MARKS[sample.state]
        number = self._number(abs(counts), unit, WIDTH, now_ns)
        sign = "-" if counts < 0 and number.strip("0.") else " "
        self._say(f"{name:<3}{mark} {sign}{number:>{WIDTH}} {unit:<3}", now_ns)

    def _say_weight(self, sample: Sample, now_ns: int) -> None:
        self._frame(self._stream_name, sample, now_ns)

    def _now(self, name: str, now_ns: int) -> None:
        if not self._refuse(name, now_ns):
            self._frame(name, self._sample(now_ns), now_ns)

    def _stable(self, name: str, now_ns: int) -> None:
        if self._refuse(name, now_ns):
            return

        def settled(sample: Sample | None, at_ns: int) -> None:
            if sample is not None and sample.state == "ok":
                self._frame(name, sample, at_ns)
            else:
                self._say(f"{name} {'E' if sample is None else MARKS[sample.state]}", at_ns)

        self._say(f"{name} A", now_ns)
        self._when_stable(now_ns, settled, self._p.stable_timeout_s)

    def _begin(self, name: str, now_ns: int) -> None:
        if self._refuse(name, now_ns):
            return
        self._say(f"{name} A", now_ns)
        self._stream_name = "SUI" if name == "CU1" else "SI"
        self._start_stream(now_ns)

    def _cease(self, name: str, now_ns: int) -> None:
        self._end_running()
        self._say(f"{name} A", now_ns)

    # --- zero and tare

    def _zero(self, name: str, now_ns: int) -> None:
        self._take(name, now_ns, self._take_zero, "^")

    def _tare(self, name: str, now_ns: int) -> None:
        self._take(name, now_ns, self._take_tare, "v")

    def _take(self, name: str, now_ns: int, take: Callable[[Sample], object], out_of_range: str) -> None:
        if self._refuse(name, now_ns):
            return

        def settled(sample: Sample | None, at_ns: int) -> None:
            if sample is None:
                self._say(f"{name} E", at_ns)
            elif sample.state != "ok":
                self._say(f"{name} {out_of_range}", at_ns)
            else:
                take(sample)
                self._say(f"{name} D", at_ns)

        self._say(f"{name} A", now_ns)
        self._when_stable(now_ns, settled, self._p.stable_timeout_s)

    def _say_tare(self, name: str, now_ns: int) -> None:
        number = self._number(self._plant.cell.tare_counts, self._base_unit, WIDTH, now_ns)
        self._say(f"{name} {number:>{WIDTH}} {self._base_unit:<3} ", now_ns)

    # --- settings

    def _set(self, name: str, argument: str, now_ns: int) -> None:
        least, most = SETTINGS[name]
        if not (argument.isascii() and argument.isdigit() and least <= int(argument) <= most):
            self._say(f"{name} E", now_ns)
            return
        number = int(argument)
        if name == "A":
            if self._fault("balance.zero_tracking", now_ns):
                self._say("A I", now_ns)
                return
            self._plant.cell.zero_tracking = number == 1
        else:
            self._stored[name] = number
        if name == "FIS":
            self._plant.set_filter(self._p.filter_s[number - 1])
        elif name == "ARS":
            self._plant.cell.release = RELEASES[number]
        self._say(f"{name} OK", now_ns)

    def _adjust_inside(self, name: str, now_ns: int) -> None:
        if not self._refuse(name, now_ns):
            self._end_running()
            self._say(f"{name} A", now_ns)
            self._adjust(now_ns, lambda at_ns: self._say(f"{name} D", at_ns))

    def _say_commands(self, name: str, now_ns: int) -> None:
        known = (*self._table, *self._facts, *SIMPLE, *SETTINGS, *READ_BACK, "UT")
        self._say(f'{name} A "{",".join(sorted(known))}"', now_ns)
