"""A Sartorius balance that speaks SBI: lines of 16 or 22 characters [balance-protocols 2; Entris II, CP and MSE]."""

from __future__ import annotations

import re
from collections.abc import Callable

from rig.sim.balances.device import BalanceDevice, Place
from rig.sim.balances.menu import Menu
from rig.sim.plant.balance_cell import Sample

ESC = 0x1B
MOST_CHARACTERS = 20  # of a command
LONG = re.compile(rb"([a-z][0-9]{1,3}|kP)_")
FILTERS = {"K": 0, "L": 1, "M": 3, "N": 4}  # very stable, stable, unstable, very unstable: as MT-SICS counts them
BODY = 14
WIDTH = 8  # of the number; position 2 takes a ninth digit on newer models
SPECIAL = {"over": ("      High", "      H"), "under": ("      Low", "      L"), "busy": ("   Cal.Int.", "      C")}
CELL_ERROR = ("   COMM.ERR", "   Err 053")


class SbiBalance(BalanceDevice):
    """One balance; the menu says how long its lines are, whether <ESC>P waits, and whether it prints by itself.

    What it does not know it ignores without a word. While it prints by itself, <ESC>P is a toggle: one line, then
    silence until <ESC>T, <ESC>V or another <ESC>P.
    """

    def __init__(self, place: Place, menu: Menu) -> None:
        super().__init__(place, menu)
        self._input = bytearray()
        self._short: dict[str, Callable[[int], None]] = {
            "P": self._print,
            "T": self._zero_or_tare,
            "U": self._tare,
            "V": self._zero,
            "S": self._restart,
            "Z": self._adjust_inside,
            "kP_": self._print,
            "f3_": self._zero,
            "f4_": self._tare,
            "x0_": self._adjust_inside,
            "x1_": lambda now_ns: self._text(self.model, now_ns),
            "x2_": lambda now_ns: self._labelled("SerNo.", self.serial, now_ns),
            "x3_": lambda now_ns: self._text(menu.version, now_ns),
        }

    def _hear(self, data: bytes, now_ns: int) -> None:
        """Take commands of both formats; CR LF after them is optional, and whatever else comes is nothing."""
        self._input += data
        while (at := self._input.find(ESC)) >= 0:
            del self._input[:at]
            found = self._next_command()
            if not found:
                return
            del self._input[: 1 + len(found)]
            if self._menu.protocol in ("", "sbi"):
                self._obey(found.decode("latin-1"), now_ns)
        self._input.clear()

    def _next_command(self) -> bytes:
        """Return the command behind the first escape, empty while it is not complete."""
        rest = bytes(self._input[1 : 1 + MOST_CHARACTERS])
        if long := LONG.match(rest):
            return long[0]
        unfinished = rest in (b"", b"k") or re.fullmatch(rb"[a-z][0-9]{0,3}", rest)
        return b"" if unfinished else rest[:1]

    def _obey(self, command: str, now_ns: int) -> None:
        if self._faults.any_balance and self._faults.take("balance.parity", self._wire.rig_ns(now_ns)):
            return
        trouble = self._trouble(now_ns)
        if trouble == "asleep" and command not in ("P", "kP_"):
            return
        if command in FILTERS:
            self._plant.set_filter(self._p.filter_s[FILTERS[command]])
        elif (action := self._short.get(command)) is not None:
            action(now_ns)

    # --- printing

    def _print(self, now_ns: int) -> None:
        prints_itself = self._streaming
        if prints_itself or self._menu.autoprint:
            self._end_running()
        if self._menu.autoprint and not prints_itself:
            self._start_stream(now_ns)
        elif self._menu.print == "now" or prints_itself or self._trouble(now_ns):
            self._weigh(now_ns)
        else:
            self._when_stable(now_ns, self._say_settled)

    def _print_again(self, now_ns: int) -> None:
        if self._menu.autoprint and not self._streaming:
            self._start_stream(now_ns)

    def _say_weight(self, sample: Sample, now_ns: int) -> None:
        if sample.state != "ok":
            self._status(SPECIAL[sample.state], now_ns)
            return
        unit = self._unit(now_ns)
        widest = WIDTH if self._menu.old_codes else WIDTH + 1
        number = self._number(abs(sample.counts), unit, widest, now_ns)
        zero = not number.strip("0.")
        sign = " " if zero else "-" if sample.counts < 0 else "+"
        shown = f"{unit:<3}" if sample.stable else "   "
        head = "N     " if self._menu.format == 22 else ""
        self._say(f"{head}{sign}{number:>{WIDTH + 1}} {shown}", now_ns)

    def _say_trouble(self, trouble: str, now_ns: int) -> None:
        if trouble == "asleep":
            if not self._streaming:
                self._say("OFF", now_ns)
        else:
            self._status(CELL_ERROR if trouble == "error" else SPECIAL[trouble], now_ns)

    def _status(self, bodies: tuple[str, str], now_ns: int) -> None:
        head = "Stat  " if self._menu.format == 22 else ""
        self._say(f"{head}{bodies[self._menu.old_codes]:<{BODY}}", now_ns)

    def _text(self, text: str, now_ns: int) -> None:
        self._say(f"{text:<{self._menu.padded_text}}", now_ns)

    def _labelled(self, label: str, text: str, now_ns: int) -> None:
        self._say(label + f"{text:>{self._menu.padded_text - len(label)}}", now_ns)

    # --- zero, tare and the rest

    def _zero(self, now_ns: int) -> None:
        self._settled(now_ns, self._take_zero)

    def _tare(self, now_ns: int) -> None:
        self._settled(now_ns, self._take_tare)

    def _zero_or_tare(self, now_ns: int) -> None:
        self._settled(now_ns, self._rezero)

    def _settled(self, now_ns: int, take: Callable[[Sample], object]) -> None:
        """Take a load once it has settled; without a word when it cannot be."""
        self._print_again(now_ns)
        if self._trouble(now_ns):
            return

        def settled(sample: Sample | None, _at_ns: int) -> None:
            if sample is not None and sample.state == "ok":
                take(sample)

        self._when_stable(now_ns, settled, self._p.stable_timeout_s)

    def _adjust_inside(self, now_ns: int) -> None:
        if not self._trouble(now_ns):
            self._status(SPECIAL["busy"], now_ns)
            self._adjust(now_ns, self._weigh)

    def _restart(self, now_ns: int) -> None:
        self._end_running()
        self._supply_back(now_ns)
