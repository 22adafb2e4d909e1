"""An A&D balance, standard format [balance-protocols 3; FX-i manual 15-2]."""

from __future__ import annotations

import re
from collections.abc import Callable

from rig.sim.balances.device import LineBalance, Place
from rig.sim.balances.menu import Menu
from rig.sim.plant.balance_cell import Sample

ACKNOWLEDGED = "\x06"
TARE = re.compile(r"PT:\+?([0-9]{1,8}(?:\.[0-9]{1,7})?) *(mg|kg|g)")
LOADS = {"over": "OL,+9999999E+19", "under": "OL,-9999999E+19"}
TROUBLES = {"busy": "EC,E02", "asleep": "EC,E02", "error": "EC,E16"}
UNITS = ("g", "mg", "kg")
FACTORY_ID = "LAB-0123"
WIDTH = 8  # of the number, with leading zeros


class AndBalance(LineBalance):
    """One balance; `Menu.error_codes` is erCd, and at 0 neither a good nor a bad command has an answer.

    S waits for good: an overload does not end it, and says nothing either.
    """

    waits_through_loads = True

    def __init__(self, place: Place, menu: Menu) -> None:
        super().__init__(place, menu)
        self._keying = False  # a key is at work: re-zero, tare
        self._asked: dict[str, Callable[[int], None]] = {
            "Q": self._weigh,
            "SI": self._weigh,
            "S": self._send_stable,
            "\x1bP": self._send_stable,
            "PRT": self._send_stable,
            "SIR": self._start_stream,
            "?ID": lambda now_ns: self._say("ID,000012" if menu.id_label else FACTORY_ID, now_ns),
            "?SN": lambda now_ns: self._say(f"SN,{self.serial:<10}", now_ns),
            "?TN": lambda now_ns: self._say(f"TN,{self.model:>10}", now_ns),
            "?PT": self._say_tare,
        }
        self._keys: dict[str, Callable[[int], None]] = {
            "C": lambda _now_ns: self._end_running(),
            "R": self._rezero_key,
            "Z": self._rezero_key,
            "\x1bT": self._rezero_key,
            "T": self._tare_key,
            "CAL": self._calibrate,
            "U": self._next_unit,
            "SMP": self._next_digit,
            "OFF": lambda _now_ns: self._sleep(),
        }

    def _command(self, line: bytes, now_ns: int) -> None:
        name = line.decode("latin-1")
        if self._faults.any_balance and self._faults.take("balance.parity", self._wire.rig_ns(now_ns)):
            self._error("EC,E00", now_ns)
        elif name in ("ON", "P"):
            self._switch(name, now_ns)
        elif name.startswith("PT:"):
            self._preset(name, now_ns)
        elif name not in self._asked and name not in self._keys:
            self._error("EC,E01", now_ns)
        elif (trouble := self._trouble(now_ns)) and name != "C" and (not name.startswith("?") or trouble == "asleep"):
            self._error(TROUBLES[trouble], now_ns)
        elif self._keying and name != "C":
            self._error("EC,E02", now_ns)
        elif (asked := self._asked.get(name)) is not None:
            asked(now_ns)
        else:
            self._accept(name, now_ns)
            self._keys[name](now_ns)

    def _too_long(self, now_ns: int) -> None:
        self._error("EC,E04", now_ns)

    def _end_running(self) -> None:
        super()._end_running()
        self._keying = False

    # --- saying

    def _error(self, code: str, now_ns: int) -> None:
        if self._menu.error_codes:
            self._say(code, now_ns)

    def _accept(self, name: str, now_ns: int) -> None:
        if self._menu.error_codes == 2:
            self._say(name, now_ns)
        else:
            self._acknowledge(now_ns)

    def _acknowledge(self, now_ns: int) -> None:
        if self._menu.error_codes == 1 and self._menu.bare_ak:
            self._send(ACKNOWLEDGED.encode(), now_ns)
        elif self._menu.error_codes == 1:
            self._say(ACKNOWLEDGED, now_ns)

    def _say_weight(self, sample: Sample, now_ns: int) -> None:
        if sample.state != "ok":
            self._say(LOADS[sample.state], now_ns)
        else:
            self._say(f"{'ST' if sample.stable else 'US'},{self._signed(sample.counts, now_ns)}", now_ns)

    def _say_trouble(self, trouble: str, now_ns: int) -> None:
        if not self._streaming:
            self._error(TROUBLES[trouble], now_ns)

    def _signed(self, counts: int, now_ns: int) -> str:
        """Return sign, number with leading zeros and unit, 12 characters; zero has a plus."""
        unit = self._unit(now_ns)
        number = self._number(abs(counts), unit, WIDTH, now_ns)
        sign = "-" if counts < 0 and number.strip("0.") else "+"
        return f"{sign}{number:0>{WIDTH}}{unit:>3}"

    # --- weighing

    def _send_stable(self, now_ns: int) -> None:
        self._end_running()
        self._when_stable(now_ns, self._say_settled)

    def _say_tare(self, now_ns: int) -> None:
        self._say(f"PT,{self._signed(self._plant.cell.tare_counts, now_ns)}", now_ns)

    # --- keys

    def _rezero_key(self, now_ns: int) -> None:
        self._key(now_ns, self._rezero)

    def _tare_key(self, now_ns: int) -> None:
        self._key(now_ns, self._take_tare)

    def _key(self, now_ns: int, take: Callable[[Sample], object]) -> None:
        def settled(sample: Sample | None, at_ns: int) -> None:
            self._keying = False
            if sample is None or sample.state != "ok":
                self._error("EC,E11", at_ns)
            else:
                take(sample)
                self._acknowledge(at_ns)

        self._keying = True
        self._when_stable(now_ns, settled, self._p.stable_timeout_s)

    def _calibrate(self, now_ns: int) -> None:
        self._end_running()
        self._adjust(now_ns, self._acknowledge)

    def _switch(self, name: str, now_ns: int) -> None:
        """Switch on (ON), or on and off in turn (P)."""
        self._accept(name, now_ns)
        if name == "P" and self._trouble(now_ns) != "asleep":
            self._sleep()
        else:
            self._wake(now_ns)
            self._acknowledge(now_ns)

    def _next_unit(self, now_ns: int) -> None:
        self._front_unit = UNITS[(UNITS.index(self._unit(now_ns)) + 1) % len(UNITS)]

    def _next_digit(self, _now_ns: int) -> None:
        self._front_coarse = not self._front_coarse

    def _preset(self, command: str, now_ns: int) -> None:
        match = TARE.fullmatch(command)
        trouble = self._trouble(now_ns)
        if trouble:
            self._error(TROUBLES[trouble], now_ns)
        elif match is None:
            self._error("EC,E06", now_ns)
        elif not self._set_tare(float(match[1]), match[2]):
            self._error("EC,E07", now_ns)
        else:
            self._accept(command, now_ns)
