"""A balance that speaks MT-SICS, levels 0 and 1 and the settings a rig needs; strict, as the manual has it."""

from __future__ import annotations

import math
from collections.abc import Callable

from rig.sim.faults import FaultSet
from rig.sim.parameters import PlantParameters
from rig.sim.plant.balance_cell import Sample
from rig.sim.plant.plant import Plant
from rig.sim.seeds import source
from rig.sim.sics_settings import NUMBER, SicsSettings
from rig.transport.virtual import Port

MAX_LINE = 255
UNIT_MG = {"g": 1000.0, "mg": 1.0, "kg": 1_000_000.0}
IMMEDIATE = b"SI"

Stable = Callable[[Sample | None, int], None]
"""Called with the stable sample, or None at the time-out."""


class SicsBalance:
    """One balance on one wire; times are link times unless a name says otherwise.

    While it waits for stability (S, T, Z, SR) it holds further commands until the wait has ended; only ``@`` is heard
    at once, ends the wait, the stream and whatever is held, and answers.
    """

    def __init__(self, plant: Plant, parameters: PlantParameters, seed: int, faults: FaultSet, start_ns: int) -> None:
        p = self._p = parameters
        self._plant = plant
        self._faults = faults
        self._start_ns = start_ns
        self._noise = source(seed, "balance.garbage")
        self._port: Port | None = None
        self._input = bytearray()
        self._held: list[str] = []
        self._waiting: Stable | None = None
        self._deadline_ns = 0
        self._token = 0  # of the running wait or stream; a later one makes it void
        self._streaming = False
        self._sr: tuple[float, int] | None = None  # threshold and last value in counts
        self._reply_ns = round(p.reply_s * 1e9)
        self._update_ns = round(p.update_s * 1e9)
        self._settings = SicsSettings(plant, p, faults)
        self._scales: dict[str, tuple[float, int]] = {}
        self._table: dict[str, Callable[[str, str, int], None]] = {
            "@": self._cancel,
            "C": self._stop_all,
            "S": self._s,
            "SI": self._si,
            "SIR": self._sir,
            "SR": self._send_on_change,
            "T": self._tare,
            "TA": self._tare_value,
            "TAC": self._tare_clear,
            "TI": self._tare_now,
            "Z": self._zero,
            "ZI": self._zero_now,
        }
        self._settings.list_commands([*self._table, *self._settings.table])

    def attach(self, port: Port) -> None:
        """Learn the wire; the balance announces itself as at power-up."""
        self._port = port
        port.send(self._settings.serial_line.encode() + b"\r\n", self._start_ns + self._reply_ns)

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take bytes; a command ends with CR LF and nothing else."""
        self._input += data
        while (end := self._input.find(b"\r\n")) >= 0:
            line = bytes(self._input[:end])
            del self._input[: end + 2]
            if line:
                self._command(line, now_ns)
        if len(self._input) > MAX_LINE:
            self._input.clear()
            self._say("ES", now_ns)

    def _command(self, line: bytes, now_ns: int) -> None:
        if self._faults.any_balance and self._faults.take("balance.parity", self._wire.rig_ns(now_ns)):
            self._say("ET", now_ns)
        elif line == IMMEDIATE and self._waiting is None and not self._streaming and self._sr is None:
            self._say_weight(self._sample(now_ns), "S", now_ns)  # by far the most frequent command
        elif line == b"@":
            self._cancel("@", "", now_ns)
        elif self._waiting is not None:
            self._held.append(line.decode("latin-1"))
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

    @property
    def _wire(self) -> Port:
        if self._port is None:
            raise RuntimeError("a simulated balance was used before it was attached")
        return self._port

    # --- saying

    def _say(self, text: str, now_ns: int) -> None:
        self._send(text.encode("latin-1") + b"\r\n", now_ns)

    def _send(self, line: bytes, now_ns: int) -> None:
        if self._faults.any_balance:
            rig_ns = self._wire.rig_ns(now_ns)
            if self._faults.on("balance.silent", rig_ns):
                return
            if self._noise.random() < self._faults.number("balance.garbage", rig_ns):
                line = self._noise.randbytes(len(line) - 2) + b"\r\n"
        self._wire.send(line, now_ns + self._reply_ns)

    def _say_weight(self, sample: Sample, name: str, now_ns: int) -> None:
        if sample.state != "ok":
            self._say(f"{name} {'+' if sample.state == 'over' else '-'}", now_ns)
            return
        status = "S" if sample.stable else "D"
        self._send(f"{name} {status} {self._value(sample.counts, now_ns)}\r\n".encode("latin-1"), now_ns)

    def _value(self, counts: int, now_ns: int) -> str:
        """Return value (10 characters, right-aligned) and unit."""
        unit = self._unit(now_ns)
        per_count, decimals = self._scale(unit)
        return f"{counts * per_count:10.{decimals}f} {unit}" if counts else f"{0.0:10.{decimals}f} {unit}"

    def _unit(self, now_ns: int) -> str:
        if not self._faults.any_balance:
            return "g"
        return self._faults.text("balance.unit", self._wire.rig_ns(now_ns)) or "g"

    def _scale(self, unit: str) -> tuple[float, int]:
        """Return (value of one count, decimals) in a unit."""
        known = self._scales.get(unit)
        if known is None:
            per_count = self._p.resolution_mg / UNIT_MG[unit]
            decimals = max(0, round(-math.log10(per_count)))  # last digits are powers of ten
            known = self._scales[unit] = per_count, decimals
        return known

    # --- weighing

    def _sample(self, now_ns: int) -> Sample:
        return self._plant.sample(self._wire.rig_ns(now_ns))

    def _end_running(self) -> None:
        """End a stream, a wait and "send on change"."""
        self._token += 1
        self._streaming = False
        self._waiting = None
        self._sr = None

    def _si(self, _name: str, arguments: str, now_ns: int) -> None:
        if self._refuse(arguments, now_ns):
            return
        self._end_running()
        self._say_weight(self._sample(now_ns), "S", now_ns)

    def _s(self, _name: str, arguments: str, now_ns: int) -> None:
        if self._refuse(arguments, now_ns):
            return
        self._end_running()
        self._when_stable(now_ns, self._say_stable)

    def _say_stable(self, sample: Sample | None, now_ns: int) -> None:
        if sample is None:
            self._say("S I", now_ns)
        else:
            self._say_weight(sample, "S", now_ns)

    def _sir(self, _name: str, arguments: str, now_ns: int) -> None:
        if self._refuse(arguments, now_ns):
            return
        self._end_running()
        self._streaming = True
        self._stream(self._token, now_ns)

    def _stream(self, token: int, now_ns: int) -> None:
        if token != self._token or not self._streaming:
            return
        self._say_weight(self._sample(now_ns), "S", now_ns)
        self._wire.call_at(now_ns + round(1e9 / self._settings.output_hz), lambda at_ns: self._stream(token, at_ns))

    def _when_stable(self, now_ns: int, then: Stable) -> None:
        """Call ``then`` with a stable sample, overload or underload included, or with None at the time-out."""
        self._waiting = then
        self._deadline_ns = now_ns + round(self._p.stable_timeout_s * 1e9)
        self._try_stable(self._token, now_ns)

    def _try_stable(self, token: int, now_ns: int) -> None:
        then = self._waiting
        if then is None or token != self._token:
            return
        sample = self._sample(now_ns)
        if sample.stable or sample.state != "ok":
            self._finish(then, sample, now_ns)
        elif now_ns >= self._deadline_ns:
            self._finish(then, None, now_ns)
        else:
            self._wire.call_at(now_ns + self._update_ns, lambda at_ns: self._try_stable(token, at_ns))

    def _finish(self, then: Stable, sample: Sample | None, now_ns: int) -> None:
        self._waiting = None
        then(sample, now_ns)
        while self._held and self._waiting is None:
            self._execute(self._held.pop(0), now_ns)

    def _send_on_change(self, _name: str, arguments: str, now_ns: int) -> None:
        """SR: the stable value, then each change beyond the threshold, first dynamic and then stable."""
        threshold = 0.0
        if arguments:
            value, _, unit = arguments.partition(" ")
            if NUMBER.fullmatch(value) is None or unit not in UNIT_MG:
                self._say("S L" if unit else "ES", now_ns)
                return
            threshold = float(value) * UNIT_MG[unit] / self._p.resolution_mg
        self._end_running()
        self._when_stable(now_ns, lambda sample, at_ns: self._follow(sample, threshold, at_ns))

    def _follow(self, sample: Sample | None, threshold: float, now_ns: int) -> None:
        self._say_stable(sample, now_ns)
        counts = sample.counts if sample is not None else 0
        self._sr = max(threshold, 30.0, 0.0 if threshold else 0.125 * abs(counts)), counts
        token = self._token
        self._wire.call_at(now_ns + self._update_ns, lambda at_ns: self._watch(token, threshold, at_ns))

    def _watch(self, token: int, threshold: float, now_ns: int) -> None:
        if token != self._token or self._sr is None:
            return
        sample = self._sample(now_ns)
        limit, last = self._sr
        if sample.state != "ok" or abs(sample.counts - last) < limit:
            self._wire.call_at(now_ns + self._update_ns, lambda at_ns: self._watch(token, threshold, at_ns))
            return
        self._sr = None
        self._say_weight(Sample(sample.counts, False, "ok"), "S", now_ns)
        self._when_stable(now_ns, lambda settled, at_ns: self._follow(settled, threshold, at_ns))

    # --- zero and tare

    def _tare(self, _name: str, arguments: str, now_ns: int) -> None:
        if not self._refuse(arguments, now_ns):
            self._end_running()
            self._when_stable(now_ns, lambda sample, at_ns: self._take_tare("T", sample, at_ns))

    def _tare_now(self, _name: str, arguments: str, now_ns: int) -> None:
        if not self._refuse(arguments, now_ns):
            self._take_tare("TI", self._sample(now_ns), now_ns)

    def _take_tare(self, name: str, sample: Sample | None, now_ns: int) -> None:
        if self._unfit(name, sample, now_ns) or sample is None:
            return
        tare = self._plant.cell.tare(sample.counts)
        self._plant.refresh()
        self._say(f"{name} {'S' if sample.stable else 'D'} {self._value(tare, now_ns)}", now_ns)

    def _tare_value(self, _name: str, arguments: str, now_ns: int) -> None:
        if arguments:
            value, _, unit = arguments.partition(" ")
            if NUMBER.fullmatch(value) is None or not unit:
                self._say("ES", now_ns)
                return
            if unit not in UNIT_MG or not 0.0 <= float(value) * UNIT_MG[unit] <= self._p.capacity_g * 1000.0:
                self._say("TA L", now_ns)
                return
            self._plant.cell.set_tare(round(float(value) * UNIT_MG[unit] / self._p.resolution_mg))
            self._plant.refresh()
        self._say(f"TA A {self._value(self._plant.cell.tare_counts, now_ns)}", now_ns)

    def _tare_clear(self, _name: str, arguments: str, now_ns: int) -> None:
        if not self._refuse(arguments, now_ns):
            self._plant.cell.set_tare(0)
            self._plant.refresh()
            self._say("TAC A", now_ns)

    def _zero(self, _name: str, arguments: str, now_ns: int) -> None:
        if not self._refuse(arguments, now_ns):
            self._end_running()
            self._when_stable(now_ns, lambda sample, at_ns: self._take_zero("Z", sample, at_ns))

    def _zero_now(self, _name: str, arguments: str, now_ns: int) -> None:
        if not self._refuse(arguments, now_ns):
            self._take_zero("ZI", self._sample(now_ns), now_ns)

    def _take_zero(self, name: str, sample: Sample | None, now_ns: int) -> None:
        if self._unfit(name, sample, now_ns) or sample is None:
            return
        self._plant.cell.zero(sample.counts)
        self._plant.refresh()
        self._say("Z A" if name == "Z" else f"ZI {'S' if sample.stable else 'D'}", now_ns)

    def _unfit(self, name: str, sample: Sample | None, now_ns: int) -> bool:
        """Answer for a load that cannot be tared or zeroed."""
        if sample is not None and sample.state == "ok":
            return False
        self._say(f"{name} {'I' if sample is None else '+' if sample.state == 'over' else '-'}", now_ns)
        return True

    def _refuse(self, arguments: str, now_ns: int) -> bool:
        """Answer ES to a parameter where none belongs."""
        if arguments:
            self._say("ES", now_ns)
        return bool(arguments)

    def _cancel(self, _name: str, arguments: str, now_ns: int) -> None:
        if self._refuse(arguments, now_ns):
            return
        self._end_running()
        self._held.clear()
        self._say(self._settings.serial_line, now_ns)

    def _stop_all(self, _name: str, arguments: str, now_ns: int) -> None:
        if not self._refuse(arguments, now_ns):
            self._end_running()
            self._say("C B", now_ns)
            self._say("C A", now_ns)
