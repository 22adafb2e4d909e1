"""A multimeter in the loop: it integrates over power line cycles, drops a voltage, and says 9.9E+37 beyond its range.

It is wired for both: its current terminals in series with the pump, its voltage terminals across the pump's battery
contacts. The resistance of the chosen current range stays in the loop whatever is measured, as a shunt does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from rig.sim.faults import FaultSet
from rig.sim.instruments.circuit import Circuit
from rig.sim.instruments.scpi import Call, Later, ScpiError, number, truth
from rig.sim.instruments.session import NS_PER_S, Instrument, Manners

OVERLOAD = 9.9e37
OVER_RANGE = 1.2  # of the range is still measured
LINE_HZ = 50.0
COLLECT_NS = 500_000_000  # readings in the background are taken out of the loop at least so often
WORDS = ("CURR", "VOLT")
UNDERSTOOD = {"VOLT": "VOLT", "VOLTAGE": "VOLT", "CURR": "CURR", "CURRENT": "CURR"}
LIMITS = {"MINimum": 0.0, "MAXimum": math.inf}


@dataclass(frozen=True, slots=True)
class MeterModel:
    """A model as data. ``burden_ohm`` by current range; ``resolution`` by integration time, as a share of the range."""

    name: str
    manners: Manners
    written: Callable[[float], str]
    counted: Callable[[int], str]
    burden_ohm: dict[float, float]
    volt_ranges: tuple[float, ...]
    resolution: dict[float, float]
    first_a: float  # the current range after power-up
    most_samples: int
    memory: int


@dataclass(slots=True)
class Function:
    """How current, or voltage, is measured."""

    range: float
    auto: bool = True
    nplc: float = 10.0
    auto_zero: bool = True


@dataclass(slots=True)
class Run:
    """Readings that were started: from when (link time), how many, what came of them; ``taken`` are done."""

    begin_ns: int
    count: int
    taken: int = 0
    values: list[float] = field(default_factory=list)
    armed: bool = False  # waits for *TRG


class Meter(Instrument):
    """A meter of the 34401A dialect; models differ in data only."""

    def __init__(
        self,
        model: MeterModel,
        circuit: Circuit,
        advance: Callable[[int], None],
        seed: int,
        faults: FaultSet,
        start_ns: int,
    ) -> None:
        super().__init__(model.manners, advance, seed, faults)
        self.model = model
        self._circuit = circuit
        self._run: Run | None = None
        self._gain = {word: 1.0 + self.noise.gauss(0.0, 3e-5) for word in WORDS}
        self.reset(start_ns)
        self.teach()

    def teach(self) -> None:
        """Add the commands."""
        add = self.commands.add
        add(":CONFigure", None, self._ask_configuration)
        for word, node in (("CURR", ":CURRent[:DC]"), ("VOLT", "[:VOLTage][:DC]")):
            add(f":CONFigure{node}", partial(self._configure, word))
            add(f":MEASure{node}", None, partial(self._measure, word))
        for word, node in (("CURR", "[:SENSe]:CURRent[:DC]"), ("VOLT", "[:SENSe]:VOLTage[:DC]")):
            self._add_function(word, node)
        add("[:SENSe]:FUNCtion[:ON]", self._set_function, lambda _call: f'"{self.word}"')
        add(":READ", None, self._read)
        add(":INITiate[:IMMediate]", self._initiate)
        add(":FETCh", None, self._fetch)
        add(":R", None, self._take_block)
        add(":DATA:POINts", None, lambda call: self.model.counted(len(self._so_far(call).values)))
        add(":DATA:LAST", None, self._ask_last)
        add(":DATA:REMove", None, self._remove)
        add(":ABORt", self._abort)
        add("*TRG", self._trigger)
        add(":SAMPle:COUNt", self._set_samples, lambda _call: self.model.counted(self.samples))
        add(":TRIGger:SOURce", self._set_source, lambda _call: self.source)
        add(":TRIGger:COUNt", self._set_triggers, lambda _call: self.model.counted(self.triggers))
        add((":TRIGger:DELay", ":TRIGger:DELay:AUTO", ":FORMat[:DATA]"), _nothing)
        add((":SYSTem:REMote", ":SYSTem:LOCal", ":SYSTem:BEEPer[:IMMediate]", ":SYSTem:BEEPer:STATe"), _nothing)
        add((":DISPlay[:STATe]", ":DISPlay:TEXT[:DATA]", ":DISPlay:TEXT:CLEar"), _nothing)
        add(":ROUTe:TERMinals", None, lambda _call: "FRON")

    def _add_function(self, word: str, node: str) -> None:
        add = self.commands.add
        add(
            f"{node}:NPLCycles",
            lambda call: self._set_nplc(call, word),
            lambda _call: self.model.written(self.functions[word].nplc),
        )
        add(
            f"{node}:RANGe[:UPPer]",
            lambda call: self._set_range(call, word),
            lambda _call: self.model.written(self.functions[word].range),
        )
        add(
            f"{node}:RANGe:AUTO",
            lambda call: self._set_auto(call, word),
            lambda _call: str(int(self.functions[word].auto)),
        )
        add(
            f"{node}:ZERO:AUTO",
            lambda call: self._set_auto_zero(call, word),
            lambda _call: str(int(self.functions[word].auto_zero)),
        )
        add(f"{node}:RESolution", None, lambda _call: self.model.written(self._resolution(word)))

    # --- settings

    def reset(self, rig_ns: int) -> None:
        """Set everything as after ``*RST``; readings are forgotten."""
        self.word = "VOLT"
        self.samples = self.triggers = 1
        self.source = "IMM"
        self.functions = {"CURR": Function(self.model.first_a), "VOLT": Function(self.model.volt_ranges[-1])}
        self._run = None
        self._put_in_series(rig_ns)

    def _put_in_series(self, rig_ns: int) -> None:
        self._circuit.put_in_series(self.model.burden_ohm[self.functions["CURR"].range], rig_ns)

    def _ranges(self, word: str) -> tuple[float, ...]:
        return tuple(self.model.burden_ohm) if word == "CURR" else self.model.volt_ranges

    def _take_range(self, word: str, text: str, rig_ns: int) -> None:
        function, ranges = self.functions[word], self._ranges(word)
        if text.upper() in ("AUTO", "DEF", "DEFAULT"):
            function.auto = True
        else:
            asked = abs(number(text, {**LIMITS, "MAXimum": ranges[-1]}))
            if asked > ranges[-1] * (1.0 + 1e-9):
                raise ScpiError(-222)
            function.range = next(each for each in ranges if asked <= each * (1.0 + 1e-9))
            function.auto = False
        self._put_in_series(rig_ns)

    def _configure(self, word: str, call: Call) -> None:
        given = call.only(2, 0)
        self.word, self.samples, self.triggers, self.source, self._run = word, 1, 1, "IMM", None
        was = self.functions[word]
        self.functions[word] = function = Function(was.range)
        if given:
            self._take_range(word, given[0], call.rig_ns)
        if len(given) > 1 and given[1].upper() not in ("DEF", "DEFAULT"):
            function.nplc = self._nplc_for(word, number(given[1], LIMITS))

    def _nplc_for(self, word: str, asked: float) -> float:
        """Return the shortest integration that resolves what is asked for."""
        able = [nplc for nplc, share in self.model.resolution.items() if share * self.functions[word].range <= asked]
        return min(able) if able else max(self.model.resolution)

    def _resolution(self, word: str) -> float:
        function = self.functions[word]
        return self.model.resolution[function.nplc] * function.range

    def _ask_configuration(self, _call: Call) -> str:
        return f'"{self.word} {self.functions[self.word].range:+.6E},{self._resolution(self.word):+.6E}"'

    def _set_nplc(self, call: Call, word: str) -> None:
        known = sorted(self.model.resolution)
        asked = number(call.only(1)[0], {"MINimum": known[0], "MAXimum": known[-1], "DEFault": 10.0})
        if not known[0] - 1e-9 <= asked <= known[-1] + 1e-9:
            raise ScpiError(-222)
        self.functions[word].nplc = next(each for each in known if asked <= each + 1e-9)

    def _set_range(self, call: Call, word: str) -> None:
        self._take_range(word, call.only(1)[0], call.rig_ns)

    def _set_auto(self, call: Call, word: str) -> None:
        text = call.only(1)[0].upper()
        self.functions[word].auto = text == "ONCE" or truth(text)

    def _set_auto_zero(self, call: Call, word: str) -> None:
        text = call.only(1)[0].upper()
        self.functions[word].auto_zero = False if text == "ONCE" else truth(text)

    def _set_function(self, call: Call) -> None:
        name = call.only(1)[0].strip("\"'").upper().removesuffix(":DC")
        if name not in UNDERSTOOD:
            raise ScpiError(-224)
        self.word, self._run = UNDERSTOOD[name], None

    def _set_samples(self, call: Call) -> None:
        self.samples = _count(call, self.model.most_samples)

    def _set_triggers(self, call: Call) -> None:
        self.triggers = _count(call, self.model.most_samples)

    def _set_source(self, call: Call) -> None:
        name = call.only(1)[0].upper()
        known = {"IMM": "IMM", "IMMEDIATE": "IMM", "BUS": "BUS", "EXT": "EXT", "EXTERNAL": "EXT"}
        if name not in known:
            raise ScpiError(-224)
        self.source = known[name]

    # --- readings

    @property
    def _each_ns(self) -> int:
        """Return how long one reading takes: its integration, and as long again for the zero."""
        function = self.functions[self.word]
        return round(function.nplc / LINE_HZ * NS_PER_S) * (2 if function.auto_zero else 1)

    @property
    def _integration_ns(self) -> int:
        return round(self.functions[self.word].nplc / LINE_HZ * NS_PER_S)

    def _start(self, call: Call) -> Run:
        run = self._run = Run(call.link_ns, self.samples * self.triggers, armed=self.source != "IMM")
        return run

    def _ends_ns(self, run: Run) -> int:
        return run.begin_ns + run.count * self._each_ns

    def collect(self, link_ns: int) -> None:
        """Take out of the loop what has been integrated until now."""
        run = self._run
        if run is None or run.armed:
            return
        done = min(run.count, (link_ns - run.begin_ns) // self._each_ns)
        while run.taken < done:
            begin_ns = run.begin_ns + run.taken * self._each_ns
            run.values.append(self._integrate(begin_ns, begin_ns + self._integration_ns, link_ns))
            run.taken += 1
        del run.values[: -self.model.memory]

    def _integrate(self, begin_ns: int, end_ns: int, now_ns: int) -> float:
        """Return one reading of a time that has passed (link times)."""
        end_rig_ns = self.wire.rig_ns(end_ns)
        self._advance(self.wire.rig_ns(now_ns))
        if self._faults.on("meter.over_range", end_rig_ns):
            return OVERLOAD
        point = self._circuit.mean(self.wire.rig_ns(begin_ns), end_rig_ns)
        true = point.amps if self.word == "CURR" else point.load_v
        function = self.functions[self.word]
        if function.auto:
            self._choose_range(true, self.wire.rig_ns(now_ns))
        if abs(true) > OVER_RANGE * function.range:
            return math.copysign(OVERLOAD, true)
        value = true * self._gain[self.word] + self.noise.gauss(0.0, self._resolution(self.word))
        return self.reading(self.word, value, end_rig_ns)

    def _choose_range(self, true: float, rig_ns: int) -> None:
        ranges = self._ranges(self.word)
        self.functions[self.word].range = next((each for each in ranges if abs(true) <= each), ranges[-1])
        self._put_in_series(rig_ns)

    def _list(self, values: list[float]) -> str:
        return ",".join(self.model.written(value) for value in values)

    def _so_far(self, call: Call) -> Run:
        self.collect(call.link_ns)
        return self._run or Run(call.link_ns, 0)

    # --- commands that read

    def _read(self, call: Call) -> Later:
        call.only(0)
        if self.source == "BUS":
            raise ScpiError(-214)
        run = self._start(call)
        return self._when_done(run, call)

    def _measure(self, word: str, call: Call) -> Later:
        self._configure(word, call)
        if not call.parameters:
            self.functions[word].auto = True
        return self._when_done(self._start(call), call)

    def _when_done(self, run: Run, call: Call) -> Later:
        return Later(min(self._ends_ns(run), call.link_ns + COLLECT_NS), lambda link_ns: self._look(run, link_ns))

    def _look(self, run: Run, link_ns: int) -> str | Later:
        """Return all readings when they are there; a run that was ended has what it has."""
        if run is self._run:
            self.collect(link_ns)
            if run.armed or run.taken < run.count:
                ends_ns = link_ns + COLLECT_NS if run.armed else self._ends_ns(run)
                return Later(min(ends_ns, link_ns + COLLECT_NS), lambda at_ns: self._look(run, at_ns))
        if not run.values:
            raise ScpiError(-230)
        return self._list(run.values)

    def _initiate(self, call: Call) -> None:
        if self._run is not None and (self._run.armed or self._run.taken < self._run.count):
            self.collect(call.link_ns)
            if self._run.armed or self._run.taken < self._run.count:
                raise ScpiError(-213)
        run = self._start(call)
        self.wire.call_at(call.link_ns + COLLECT_NS, lambda link_ns: self._keep_up(run, link_ns))

    def _keep_up(self, run: Run, link_ns: int) -> None:
        """Take readings out of the loop while it still remembers what happened."""
        if run is not self._run:
            return
        self.collect(link_ns)
        if run.armed or run.taken < run.count:
            self.wire.call_at(link_ns + COLLECT_NS, lambda at_ns: self._keep_up(run, at_ns))

    def _trigger(self, call: Call) -> None:
        if self._run is None or not self._run.armed or self.source != "BUS":
            raise ScpiError(-211)
        self._run.armed, self._run.begin_ns = False, call.link_ns

    def _fetch(self, call: Call) -> Later | str:
        run = self._so_far(call)
        if run.count == 0:
            raise ScpiError(-230)
        if run.armed or run.taken < run.count:
            return self._when_done(run, call)
        if not run.values:
            raise ScpiError(-230)
        return self._list(run.values)

    def _take_block(self, call: Call) -> str:
        """Return and forget the oldest readings, as a block of known length; it waits for none."""
        run = self._so_far(call)
        given = call.only(1, 0)
        most = round(number(given[0])) if given else len(run.values)
        if most < 0 or (given and most < 1):
            raise ScpiError(-222)
        taken = self._list(run.values[:most])
        del run.values[:most]
        return f"#{len(str(len(taken)))}{len(taken)}{taken}"

    def _remove(self, call: Call) -> str:
        run = self._so_far(call)
        most = round(number(call.only(2, 1)[0]))
        if not 0 < most <= len(run.values):
            raise ScpiError(-222)
        taken = self._list(run.values[:most])
        del run.values[:most]
        return taken

    def _ask_last(self, call: Call) -> str:
        run = self._so_far(call)
        if not run.values:
            raise ScpiError(-230)
        return f"{self.model.written(run.values[-1])} {'ADC' if self.word == 'CURR' else 'VDC'}"

    def _abort(self, call: Call) -> None:
        run = self._so_far(call)
        run.count, run.armed = run.taken, False

    def complete(self, _call: Call) -> str | Later:
        """Return ``1`` when no reading is going on any more."""
        run = self._so_far(_call)
        if run.armed or run.taken < run.count:
            return Later(self._ends_ns(run), lambda link_ns: self._complete_at(run, link_ns))
        return "1"

    def _complete_at(self, run: Run, link_ns: int) -> str | Later:
        if run is self._run:
            self.collect(link_ns)
            if run.armed or run.taken < run.count:
                return Later(link_ns + COLLECT_NS, lambda at_ns: self._complete_at(run, at_ns))
        return "1"


def _count(call: Call, most: int) -> int:
    asked = number(call.only(1)[0], {"MINimum": 1, "MAXimum": most, "DEFault": 1})
    if not 1 <= asked <= most:
        raise ScpiError(-222)
    return round(asked)


def _nothing(_call: Call) -> None:
    """Do as told: nothing in here depends on it."""
