"""KERN balances: the current protocol KCP, and the older remote set of single letters."""

from __future__ import annotations

from rig.sim.balances.device import BalanceDevice, Place
from rig.sim.balances.display import UNIT_MG
from rig.sim.balances.menu import Menu
from rig.sim.balances.sics import SicsBalance
from rig.sim.plant.balance_cell import Sample

NUMBER_WIDTH = 10


class KcpBalance(SicsBalance):
    """KERN's KCP: the grammar of MT-SICS without its level 2 and 3, and without answers to two requests at once.

    KERN asks for 100 ms between requests; one that comes sooner is lost [balance 5].
    """

    gap_ns = 95_000_000  # between last bytes: a shorter request is on the wire for some ms less
    obeyed = frozenset(
        ("@", "D", "I0", "I1", "I2", "I3", "I4", "I5", "K", "S", "SI", "SIR", "SR", "T", "TA", "TAC", "TI", "Z", "ZI")
    )

    def __init__(self, place: Place, menu: Menu) -> None:
        super().__init__(place, menu)
        self._table = {name: each for name, each in self._table.items() if name in self.obeyed}
        self._table["U"] = self._display_unit
        self._settings.keep_only(self.obeyed)
        self._settings.list_commands([*self._table, *self._settings.table])
        self._heard_ns = -self.gap_ns

    def _command(self, line: bytes, now_ns: int) -> None:
        if now_ns - self._heard_ns >= self.gap_ns:
            self._heard_ns = now_ns
            super()._command(line, now_ns)

    def _display_unit(self, name: str, arguments: str, now_ns: int) -> None:
        """Show another unit; what U answers no manual at hand prints [?]."""
        if not arguments:
            self._say(f"{name} A {self._unit(now_ns)}", now_ns)
        elif arguments not in UNIT_MG:
            self._say(f"{name} L", now_ns)
        else:
            self._front_unit = arguments
            self._say(f"{name} A", now_ns)

    def _cancel(self, name: str, arguments: str, now_ns: int) -> None:
        if self._trouble(now_ns) != "asleep":  # a KERN that is off has to be switched on at its key
            super()._cancel(name, arguments, now_ns)


class KernBalance(BalanceDevice):
    """The set "rE Cr": s, w and t, each a single letter; anything else, CR LF too, is noise [balance 5].

    A balance that adjusts itself says nothing, nor does one that never settles; an overload is a fault like any other.
    """

    def _hear(self, data: bytes, now_ns: int) -> None:
        if self._faults.any_balance and self._faults.take("balance.parity", self._wire.rig_ns(now_ns)):
            return
        for letter in data:
            if not self._deaf(now_ns):
                self._obey(chr(letter), now_ns)

    def _deaf(self, now_ns: int) -> bool:
        return self._trouble(now_ns) in ("asleep", "busy")

    def _obey(self, letter: str, now_ns: int) -> None:
        if letter == "w":
            self._weigh(now_ns)
        elif letter == "s" and self._trouble(now_ns):
            self._fault_line(now_ns)
        elif letter == "s":
            self._when_stable(now_ns, self._say_settled)
        elif letter == "t" and not self._trouble(now_ns):
            sample = self._sample(now_ns)
            if sample.state == "ok":
                self._take_tare(sample)

    def _say_trouble(self, trouble: str, now_ns: int) -> None:
        if trouble == "error":
            self._fault_line(now_ns)

    def _say_weight(self, sample: Sample, now_ns: int) -> None:
        if sample.state != "ok":
            self._fault_line(now_ns)
            return
        unit = self._unit(now_ns)
        number = self._number(abs(sample.counts), unit, NUMBER_WIDTH, now_ns)
        minus = "-" if sample.counts < 0 and number.strip("0.") else " "
        line = f" {minus}{number:>{NUMBER_WIDTH}} "
        if sample.stable:
            line += f"{unit:<3}"
        elif not self._menu.short:
            line += "   "
        self._say(line, now_ns)

    def _fault_line(self, now_ns: int) -> None:
        self._say(" " * (7 if self._menu.short else 11) + "Error", now_ns)
