"""A balance that speaks MT-SICS, levels 0 and 1, what of 2 and 3 a rig needs; strict, as the manual has it."""

from __future__ import annotations

from collections.abc import Callable

from rig.sim.balances.device import LineBalance, Place
from rig.sim.balances.display import UNIT_MG
from rig.sim.balances.menu import Menu
from rig.sim.balances.sics_settings import NUMBER, SicsSettings
from rig.sim.plant.balance_cell import Sample

IMMEDIATE = b"SI"
CELL_ERROR = "S S  Error 10b"  # in the ten characters of the value; EEPROM, in the bridge electronics [balance 1.2]
STATES = {"over": 4, "under": 5}
MOST_WAIT_MS = 65_535
WIDTH = 10

Command = Callable[[str, str, int], None]
"""Called with name, parameters ('' when there are none) and link time."""


class SicsBalance(LineBalance):
    """One balance on one wire; times are link times unless a name says otherwise.

    While it waits for stability (S, T, Z, SR) or carries out C3 it holds further commands until that has ended; only
    ``@`` is heard at once, ends the wait, the stream and whatever is held, and answers.
    """

    def __init__(self, place: Place, menu: Menu) -> None:
        super().__init__(place, menu)
        self._held: list[str] = []
        self._sr: tuple[float, int] | None = None  # threshold and last value in counts
        self._stream_in_display_unit = False
        self._settings = SicsSettings(self._plant, self._p, self._faults, self.model, self.serial)
        self._table = self._commands()
        self._settings.list_commands([*self._table, *self._settings.table])

    def _commands(self) -> dict[str, Command]:
        """Return what it obeys beside the settings."""
        return {
            "@": self._cancel,
            "C": self._stop_all,
            "C3": self._adjust_inside,
            "R01": self._restart,
            "S": self._s,
            "SC": self._s_within,
            "SI": self._si,
            "SIC1": self._protected,
            "SIR": self._sir,
            "SIRU": self._sir,
            "SIS": self._status,
            "SIU": self._si,
            "SNR": self._send_on_change,
            "SR": self._send_on_change,
            "SU": self._s,
            "T": self._tare,
            "TA": self._tare_value,
            "TAC": self._tare_clear,
            "TC": self._tare_within,
            "TI": self._tare_now,
            "Z": self._zero,
            "ZC": self._zero_within,
            "ZI": self._zero_now,
        }

    def _power_up(self, now_ns: int) -> None:
        self._held.clear()
        self._say(self._settings.serial_line, now_ns)

    def _too_long(self, now_ns: int) -> None:
        self._say("ES", now_ns)

    def _command(self, line: bytes, now_ns: int) -> None:
        if self._faults.any_balance and self._faults.take("balance.parity", self._wire.rig_ns(now_ns)):
            self._say("ET", now_ns)
        elif line == b"@":
            self._cancel("@", "", now_ns)
        elif self._waiting is not None or self._adjusted is not None:
            if self._trouble(now_ns) != "asleep":
                self._held.append(line.decode("latin-1"))
        elif (trouble := self._trouble(now_ns)) == "asleep":
            return
        elif line == IMMEDIATE and not trouble and not self._streaming and self._sr is None:
            self._reply(self._sample(now_ns), "S", now_ns)  # by far the most frequent command
        else:
            self._execute(line.decode("latin-1"), now_ns)

    def _execute(self, line: str, now_ns: int) -> None:
        name, separator, arguments = line.partition(" ")
        if separator and (not arguments or arguments != arguments.strip(" ")):
            self._say("ES", now_ns)
        elif (handler := self._table.get(name)) is not None:
            handler(name, arguments, now_ns)
        elif (answer := self._settings.table.get(name)) is not None:
            for reply in answer(name, arguments, self._wire.rig_ns(now_ns)):
                self._say(reply, now_ns)
        else:
            self._say("ES", now_ns)

    # --- saying

    def _say_weight(self, sample: Sample, now_ns: int) -> None:
        self._reply(sample, "S", now_ns, in_display_unit=self._stream_in_display_unit)

    def _say_trouble(self, trouble: str, now_ns: int) -> None:
        if trouble != "asleep":
            self._say(CELL_ERROR if trouble == "error" else "S I", now_ns)

    def _reply(self, sample: Sample, name: str, now_ns: int, *, in_display_unit: bool = False) -> None:
        if sample.state != "ok":
            self._say(f"{name} {'+' if sample.state == 'over' else '-'}", now_ns)
            return
        status = "S" if sample.stable else "D"
        value = self._value(sample.counts, now_ns, in_display_unit=in_display_unit)
        self._say(f"{name} {status} {value}", now_ns)

    def _value(self, counts: int, now_ns: int, *, in_display_unit: bool = False) -> str:
        """Return value (10 characters, right-aligned; the last one a blank in a coarse range) and unit."""
        unit = self._unit(now_ns)
        if self._settings.host_unit and not in_display_unit:
            unit = self._settings.host_unit
        if self._coarse(now_ns):
            return f"{self._display.number(counts, unit, coarse=True) + ' ':>{WIDTH}} {unit}"
        return f"{self._display.number(counts, unit):>{WIDTH}} {unit}"

    def _refuse(self, name: str, arguments: str, now_ns: int) -> bool:
        """Answer ES to a parameter where none belongs, and I where the balance is busy; say whether it did."""
        if arguments:
            self._say("ES", now_ns)
            return True
        return self._refuse_busy(name, now_ns)

    def _refuse_busy(self, name: str, now_ns: int) -> bool:
        trouble = self._trouble(now_ns)
        if trouble == "error" and name[0] == "S":
            self._say(CELL_ERROR, now_ns)
        elif trouble:
            self._say(f"{'S' if name[0] == 'S' and name != 'SIC1' else name} I", now_ns)
        return bool(trouble)

    # --- weighing

    def _end_running(self) -> None:
        super()._end_running()
        self._sr = None

    def _si(self, name: str, arguments: str, now_ns: int) -> None:
        if self._refuse(name, arguments, now_ns):
            return
        self._end_running()
        self._reply(self._sample(now_ns), "S", now_ns, in_display_unit=name.endswith("U"))

    def _protected(self, name: str, arguments: str, now_ns: int) -> None:
        """SIC1: a weight with the CRC of all that stands before it, its last blank included."""
        if self._refuse(name, arguments, now_ns):
            return
        sample = self._sample(now_ns)
        if sample.state != "ok":
            self._reply(sample, name, now_ns)
            return
        text = f"{name} {'S' if sample.stable else 'D'} {self._value(sample.counts, now_ns)} "
        self._say(f"{text}{crc16(text.encode('latin-1')):04X}", now_ns)

    def _status(self, name: str, arguments: str, now_ns: int) -> None:
        """SIS: state, value, unit, decimals, step, approval, info."""
        if arguments:
            self._say("ES", now_ns)
            return
        unit = self._settings.host_unit or self._unit(now_ns)
        sample = self._sample(now_ns)
        state = STATES.get(sample.state, 0 if sample.stable else 1)
        if self._trouble(now_ns):
            state = 6
        decimals = self._display.scale(unit)[1]
        value = self._display.number(sample.counts, unit)
        self._say(f'{name} A {state} "{value}" {self._settings.unit_number(unit)} {decimals} 1 0 0', now_ns)

    def _s(self, name: str, arguments: str, now_ns: int) -> None:
        if self._refuse(name, arguments, now_ns):
            return
        self._end_running()
        self._wait(now_ns, lambda sample, at_ns: self._say_stable(sample, at_ns, in_display_unit=name == "SU"))

    def _wait(self, now_ns: int, then: Callable[[Sample | None, int], None], timeout_s: float | None = None) -> None:
        self._when_stable(now_ns, then, self._p.stable_timeout_s if timeout_s is None else timeout_s)

    def _finish(self, then: Callable[[Sample | None, int], None], sample: Sample | None, now_ns: int) -> None:
        super()._finish(then, sample, now_ns)
        self._let_go(now_ns)

    def _let_go(self, now_ns: int) -> None:
        """Carry out what was held."""
        while self._held and self._waiting is None and self._adjusted is None:
            self._execute(self._held.pop(0), now_ns)

    def _say_stable(self, sample: Sample | None, now_ns: int, *, in_display_unit: bool = False) -> None:
        if sample is None:
            self._say("S I", now_ns)
        else:
            self._reply(sample, "S", now_ns, in_display_unit=in_display_unit)

    def _sir(self, name: str, arguments: str, now_ns: int) -> None:
        if arguments:
            self._say("ES", now_ns)
            return
        self._stream_in_display_unit = name == "SIRU"
        self._start_stream(now_ns)

    @property
    def _output_hz(self) -> float:
        return self._settings.output_hz

    def _within(self, name: str, arguments: str, now_ns: int) -> float | None:
        """Return the time in s that a command gives the load to settle, or answer and return None."""
        if not (arguments.isascii() and arguments.isdigit()):
            self._say("ES", now_ns)
        elif int(arguments) > MOST_WAIT_MS:
            self._say(f"{'S' if name == 'SC' else name} L", now_ns)
        elif not self._refuse_busy(name, now_ns):
            return int(arguments) / 1000.0
        return None

    def _s_within(self, name: str, arguments: str, now_ns: int) -> None:
        """SC: stable within a time, else dynamic."""
        if (most_s := self._within(name, arguments, now_ns)) is not None:
            self._end_running()
            self._wait(now_ns, lambda _, at_ns: self._reply(self._sample(at_ns), "S", at_ns), most_s)

    def _send_on_change(self, name: str, arguments: str, now_ns: int) -> None:
        """SR and SNR: the stable value, then each change beyond the threshold; SR says the dynamic value first."""
        threshold = 0.0
        if arguments:
            value, _, unit = arguments.partition(" ")
            if NUMBER.fullmatch(value) is None or unit not in UNIT_MG:
                self._say("S L" if unit else "ES", now_ns)
                return
            threshold = float(value) * UNIT_MG[unit] / self._p.resolution_mg
        if self._refuse_busy(name, now_ns):
            return
        self._end_running()
        self._wait(now_ns, lambda sample, at_ns: self._follow(sample, name, threshold, at_ns))

    def _follow(self, sample: Sample | None, name: str, threshold: float, now_ns: int) -> None:
        self._say_stable(sample, now_ns)
        counts = sample.counts if sample is not None else 0
        self._sr = max(threshold, 30.0, 0.0 if threshold else 0.125 * abs(counts)), counts
        token = self._token
        self._wire.call_at(now_ns + self._update_ns, lambda at_ns: self._watch(token, name, threshold, at_ns))

    def _watch(self, token: int, name: str, threshold: float, now_ns: int) -> None:
        if token != self._token or self._sr is None:
            return
        sample = self._sample(now_ns)
        limit, last = self._sr
        if self._trouble(now_ns) or sample.state != "ok" or abs(sample.counts - last) < limit:
            self._wire.call_at(now_ns + self._update_ns, lambda at_ns: self._watch(token, name, threshold, at_ns))
            return
        self._sr = None
        if name == "SR":
            self._reply(Sample(sample.counts, False, "ok"), "S", now_ns)
        self._wait(now_ns, lambda settled, at_ns: self._follow(settled, name, threshold, at_ns))

    # --- zero and tare

    def _tare(self, name: str, arguments: str, now_ns: int) -> None:
        if not self._refuse(name, arguments, now_ns):
            self._end_running()
            self._wait(now_ns, lambda sample, at_ns: self._say_tare(name, sample, at_ns))

    def _tare_now(self, name: str, arguments: str, now_ns: int) -> None:
        if not self._refuse(name, arguments, now_ns):
            self._say_tare(name, self._sample(now_ns), now_ns)

    def _tare_within(self, name: str, arguments: str, now_ns: int) -> None:
        if (most_s := self._within(name, arguments, now_ns)) is not None:
            self._end_running()
            self._wait(now_ns, lambda _, at_ns: self._say_tare(name, self._sample(at_ns), at_ns), most_s)

    def _say_tare(self, name: str, sample: Sample | None, now_ns: int) -> None:
        if self._unfit(name, sample, now_ns) or sample is None:
            return
        self._say(f"{name} {'S' if sample.stable else 'D'} {self._value(self._take_tare(sample), now_ns)}", now_ns)

    def _tare_value(self, name: str, arguments: str, now_ns: int) -> None:
        if arguments:
            value, _, unit = arguments.partition(" ")
            if NUMBER.fullmatch(value) is None or not unit:
                self._say("ES", now_ns)
                return
            if not self._set_tare(float(value), unit):
                self._say("TA L", now_ns)
                return
        if not self._refuse_busy(name, now_ns):
            self._say(f"TA A {self._value(self._plant.cell.tare_counts, now_ns)}", now_ns)

    def _tare_clear(self, name: str, arguments: str, now_ns: int) -> None:
        if not self._refuse(name, arguments, now_ns):
            self._plant.cell.set_tare(0)
            self._plant.refresh()
            self._say("TAC A", now_ns)

    def _zero(self, name: str, arguments: str, now_ns: int) -> None:
        if not self._refuse(name, arguments, now_ns):
            self._end_running()
            self._wait(now_ns, lambda sample, at_ns: self._say_zero(name, sample, at_ns))

    def _zero_now(self, name: str, arguments: str, now_ns: int) -> None:
        if not self._refuse(name, arguments, now_ns):
            self._say_zero(name, self._sample(now_ns), now_ns)

    def _zero_within(self, name: str, arguments: str, now_ns: int) -> None:
        if (most_s := self._within(name, arguments, now_ns)) is not None:
            self._end_running()
            self._wait(now_ns, lambda _, at_ns: self._say_zero(name, self._sample(at_ns), at_ns), most_s)

    def _say_zero(self, name: str, sample: Sample | None, now_ns: int) -> None:
        if self._unfit(name, sample, now_ns) or sample is None:
            return
        self._take_zero(sample)
        self._say("Z A" if name == "Z" else f"{name} {'S' if sample.stable else 'D'}", now_ns)

    def _unfit(self, name: str, sample: Sample | None, now_ns: int) -> bool:
        """Answer for a load that cannot be tared or zeroed."""
        if sample is not None and sample.state == "ok":
            return False
        self._say(f"{name} {'I' if sample is None else '+' if sample.state == 'over' else '-'}", now_ns)
        return True

    # --- the device itself

    def _cancel(self, _name: str, arguments: str, now_ns: int) -> None:
        if arguments:
            self._say("ES", now_ns)
            return
        self._end_running()
        self._break_off_adjusting()
        self._held.clear()
        self._wake(now_ns)
        self._say(self._settings.serial_line, now_ns)

    def _stop_all(self, _name: str, arguments: str, now_ns: int) -> None:
        if arguments:
            self._say("ES", now_ns)
            return
        self._end_running()
        self._say("C B", now_ns)
        self._say("C A", now_ns)

    def _adjust_inside(self, name: str, arguments: str, now_ns: int) -> None:
        if self._refuse(name, arguments, now_ns):
            return
        self._end_running()
        self._say(f"{name} B", now_ns)
        self._adjust(now_ns, self._adjusted_inside)

    def _adjusted_inside(self, now_ns: int) -> None:
        self._say("C3 A", now_ns)
        self._let_go(now_ns)

    def _restart(self, _name: str, arguments: str, now_ns: int) -> None:
        if arguments:
            self._say("ES", now_ns)
            return
        self._end_running()
        self._supply_back(now_ns)

    def _zero_at_start(self) -> bool:
        return not self._settings.keeps_zero


def crc16(data: bytes) -> int:
    """Return the CRC-16 of protected weights: polynomial 1021h from FFFFh, nothing reflected or inverted [1.4]."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021) & 0xFFFF if crc & 0x8000 else crc << 1
    return crc
