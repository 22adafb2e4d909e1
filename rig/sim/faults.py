"""Faults by name: ``NAME=VALUE[@START[+DURATION]]``, for example ``pump.gain=-8%`` or ``pump.miss_dose=1@3h``.

START counts from the beginning of the simulation in rig time; without it a fault acts from the beginning, without
DURATION until the end.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from rig.errors import UsageError
from rig.sim.air_faults import AIR_SPECS
from rig.sim.balance_faults import BALANCE_SPECS
from rig.sim.bench_faults import BENCH_SPECS
from rig.sim.fault_spec import FaultSpec
from rig.sim.instrument_faults import INSTRUMENT_SPECS
from rig.sim.therapy_faults import THERAPY_SPECS
from rig.sim.waves import EXPECTED as WAVES
from rig.sim.waves import read_wave
from rig.units import INSULIN, MASS, MASS_RATE, PERCENT, PRESSURE, RATE, TIME, VOLUME, Dimension, parse_quantity

NS_PER_S = 1e9
FOREVER_NS = 1 << 62
COMMANDS = (
    "bolus", "temp_basal", "suspend", "resume", "profile", "time", "pattern", "max_bolus", "max_basal", "temp_type",
    "remote", "key", "any",
)  # fmt: skip
DEEDS = ("drop", "corrupt", "delay", "duplicate")
WAYS = ("sent", "heard")  # by the stick
BALANCE_UNITS = ("g", "mg", "kg")
SIGNAL = Dimension("signal level", "dBm", (("dBm", "1"),), "-95 dBm", 200.0)
LENGTH = Dimension("height", "cm", (("cm", "1"), ("mm", "0.1"), ("m", "100")), "30 cm", 1e4)
RESISTANCE = Dimension("resistance", "kPa*h/uL", (("kPa*h/uL", "1"),), "15 kPa*h/uL", 1e6)
FREQUENCY = Dimension("radio frequency", "MHz", (("MHz", "1"),), "868.35 MHz", 1000.0)
VOLTAGE = Dimension("voltage", "V", (("V", "1"), ("mV", "0.001")), "1.15 V", 100.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """One seeded fault; ``number`` in base units (percent as a fraction), ``text`` for choices and commands."""

    name: str
    number: float
    text: str
    start_ns: int
    end_ns: int
    written: str


_SPECS = (
    FaultSpec("pump.gain", "%", "every stroke is larger or smaller by this", "pump.gain=-8%", PERCENT, (), (-100, 100)),
    FaultSpec("pump.miss_dose", "count", "this many strokes from START on move nothing", "pump.miss_dose=1@3h"),
    FaultSpec("pump.double_dose", "count", "this many strokes from START on move twice", "pump.double_dose=1@3h"),
    FaultSpec(
        "pump.bolus_short", "%", "each bolus stops so much before its end, unnoticed", "pump.bolus_short=20%", PERCENT,
        (), (0, 100),
    ),
    FaultSpec("pump.suspend_leak", "U/h", "flow while the pump is suspended", "pump.suspend_leak=0.1U/h", RATE),
    FaultSpec(
        "pump.late_start", "time", "the plunger does not move for this long after the first stroke (play in the drive)",
        "pump.late_start=20min", TIME,
    ),
    FaultSpec("pump.asleep", "on", "the radio of the pump sleeps and cannot be woken", "pump.asleep=on@1h+10min"),
    FaultSpec(
        "pump.frequency", "MHz", "the pump sends and hears on this frequency, from the beginning",
        "pump.frequency=868.35MHz", FREQUENCY, (), (860, 930),
    ),
    FaultSpec(
        "pump.deep_sleep", "on",
        "the radio of the pump wakes only at the second burst of 250 packets, as old pumps may", "pump.deep_sleep=on",
    ),
    FaultSpec("line.leak", "%", "of what is displaced, lost before the outlet", "line.leak=2%", PERCENT, (), (0, 100)),
    FaultSpec("line.bubble", "uL", "from START on, this much leaves as air", "line.bubble=10uL@1h", VOLUME),
    FaultSpec("line.occlusion", "on", "a clot at the outlet: nothing leaves the line", "line.occlusion=on@2h+1h"),
    FaultSpec(
        "line.restriction", "kPa*h/uL", "a partial blockage of this resistance", "line.restriction=15kPa*h/uL@1h",
        RESISTANCE, (), (0, 1e6),
    ),
    FaultSpec(
        "line.air", "uL", "air that stays in the reservoir and gives way to pressure (Boyle)", "line.air=10uL", VOLUME,
        (), (0, 1e4),
    ),
    FaultSpec(
        "line.clamp_at", "choice", "where the bench's pinch valve sits; at the pump, the tube yields no volume",
        "line.clamp_at=pump", None, ("outlet", "pump"),
    ),
    FaultSpec(
        "line.disconnect", "on", "the line no longer reaches the vessel: what leaves it falls beside",
        "line.disconnect=on@2h+30min",
    ),
    FaultSpec(
        "line.height", "cm", "the pump stands so much above the outlet; a change moves C rho g h once",
        "line.height=30cm@1h", LENGTH, (), (-300, 300),
    ),
    FaultSpec(
        "line.siphon", "on", "the plunger is not latched: with line.height the height pulls it along",
        "line.siphon=on@1h+30min",
    ),
    FaultSpec(
        "line.drops", "mg", "the outlet hangs above the surface: a drop falls when it has this mass", "line.drops=10mg",
        MASS, (), (0, 1e3),
    ),
    FaultSpec(
        "vessel.evaporation", "mg/h", "evaporation at 20 C and 50 % humidity, from the next 5 min of weather on",
        "vessel.evaporation=0.2mg/h", MASS_RATE,
    ),
    FaultSpec("balance.zero_tracking", "on", "zero tracking is on and stays on", "balance.zero_tracking=on"),
    FaultSpec(
        "balance.gain", "%", "it shows so much more than its load", "balance.gain=-2%", PERCENT, (), (-100, 100)
    ),
    FaultSpec(
        "balance.drift", "mg/h", "the zero drifts", "balance.drift=0.2mg/h", MASS_RATE, (), (-1e6, 1e6)
    ),
    FaultSpec(
        "balance.unit", "choice", "somebody switches the unit at the front panel", "balance.unit=mg@1h", None,
        BALANCE_UNITS,
    ),
    FaultSpec(
        "balance.bump", "mg", "a knock at START: a spike that rings off, and the level moved by this until END",
        "balance.bump=0.3mg@2h", MASS, (), (-1e4, 1e4),
    ),
    FaultSpec(
        "balance.draught", "mg", "moving air pushes the pan about, standard deviation", "balance.draught=0.2mg@1h+5min",
        MASS, (), (0, 1e4),
    ),
    FaultSpec(
        "balance.filter", "time", "the filter is this slow, whatever the balance is told", "balance.filter=10s", TIME,
        (), (0.05, 1e3),
    ),
    FaultSpec("balance.frozen", "on", "the display hangs and repeats its last value", "balance.frozen=on@1h+5min"),
    FaultSpec("balance.overload", "on", "something leans on the pan", "balance.overload=on@1h+1min"),
    FaultSpec(
        "balance.garbage", "%", "share of answers that come as noise", "balance.garbage=5%", PERCENT, (), (0, 100)
    ),
    FaultSpec("balance.parity", "count", "this many commands arrive with a parity error", "balance.parity=1@1h"),
    FaultSpec("balance.silent", "on", "the balance says nothing any more", "balance.silent=on@1h"),
    FaultSpec(
        "balance.unplugged", "on", "the balance's cable is pulled, and put back at the end",
        "balance.unplugged=on@1h+30s",
    ),
    FaultSpec(
        "link.unplugged", "on", "the radio stick is pulled out, which also cuts its supply, and put back at the end",
        "link.unplugged=on@1h+30s",
    ),
    FaultSpec(
        "link.drop_ack", "command:n",
        f"the pump acts on the n-th parameter packet of a command ({', '.join(COMMANDS)}), but its ACK is lost",
        "link.drop_ack=bolus:1",
    ),
    FaultSpec(
        "link.late_ack", "command:n", "the pump acts on the n-th parameter packet of a command; its ACK is 3 s late",
        "link.late_ack=bolus:1",
    ),
    FaultSpec(
        "link.nak", "command:n", "the pump refuses the n-th parameter packet of a command with NAK 08 and does not act",
        "link.nak=bolus:1",
    ),
    FaultSpec("link.drop", "%", "share of radio packets lost, either way", "link.drop=5%", PERCENT, (), (0, 100)),
    FaultSpec("link.corrupt", "%", "share of radio packets with a bit wrong", "link.corrupt=5%", PERCENT, (), (0, 100)),
    FaultSpec(
        "link.duplicate", "%", "share of radio packets that arrive a second time, up to 0.4 s later",
        "link.duplicate=5%", PERCENT, (), (0, 100),
    ),
    FaultSpec(
        "link.delay", "time", "every answer of the pump comes so much later", "link.delay=300ms", TIME, (), (0, 60)
    ),
    FaultSpec(
        "link.packet", "deed:way:n",
        f"one deed ({', '.join(DEEDS)}) to the n-th radio packet from START on that the stick {' or '.join(WAYS)}; a "
        "delay is 2 s",
        "link.packet=drop:sent:3",
    ),
    FaultSpec(
        "link.rssi", "dBm", "the pump is heard only this strongly; below -95 dBm packets get lost, at -101 dBm all",
        "link.rssi=-98dBm", SIGNAL, (), (-130, 0),
    ),
    FaultSpec(
        "link.stale", "on", "CareLink stick: each reply stays in its buffer after a download and is offered once more",
        "link.stale=on",
    ),
    FaultSpec(
        "pump.rewound", "on",
        "somebody rewinds the pump; at the end it is primed from a full reservoir, away from the vessel",
        "pump.rewound=on@1h+5min",
    ),
    FaultSpec(
        "pump.hand", "bolus", f"at START somebody gives a bolus at the pump's keys: {WAVES}",
        "pump.hand=dual:1U:2U:1h@1h",
    ),
    FaultSpec(
        "pump.occlusion_alarm", "kPa", "the occlusion alarm comes only at this pressure, not at 90.7 kPa",
        "pump.occlusion_alarm=160kPa", PRESSURE, (), (1, 1e3),
    ),
    FaultSpec("pump.occlusion_deaf", "on", "no pressure raises an occlusion alarm", "pump.occlusion_deaf=on"),
    FaultSpec("pump.battery", "V", "the cell starts at this voltage", "pump.battery=1.15V", VOLTAGE, (), (0, 2)),
    FaultSpec(
        "pump.reservoir", "U", "the reservoir starts with only this much, and the pump knows it", "pump.reservoir=30U",
        INSULIN, (), (0, 1000),
    ),
)  # fmt: skip
_SYRINGE_SPECS = (
    FaultSpec(
        "syringe.gain", "%", "the syringe pump displaces so much more than it counts", "syringe.gain=-2%", PERCENT, (),
        (-100, 100),
    ),
    FaultSpec(
        "syringe.diameter", "%", "another syringe is mounted, its bore wider by this", "syringe.diameter=1%", PERCENT,
        (), (-50, 50),
    ),
    FaultSpec("syringe.stall", "on", "its motor stalls as soon as it turns, and it says so", "syringe.stall=on@1h+1s"),
    FaultSpec(
        "syringe.power_cut", "on", "it has no supply, and starts anew at the end: stopped, with an alarm",
        "syringe.power_cut=on@1h+2s",
    ),
    FaultSpec(
        "syringe.unplugged", "on", "its cable is pulled, and put back at the end; it pumps on",
        "syringe.unplugged=on@1h+30s",
    ),
    FaultSpec(
        "syringe.drop_answer", "count", "it obeys, but this many of its answers from START on are lost",
        "syringe.drop_answer=1@1h",
    ),
    FaultSpec(
        "syringe.drop", "%", "share of messages on its line lost, either way", "syringe.drop=5%", PERCENT, (), (0, 100)
    ),
    FaultSpec(
        "syringe.corrupt", "%", "share of messages on its line with a bit wrong, either way", "syringe.corrupt=5%",
        PERCENT, (), (0, 100),
    ),
    FaultSpec(
        "syringe.touched", "count", "somebody touches a Harvard's screen: this many lines from START on go unheard",
        "syringe.touched=1@1h",
    ),
    FaultSpec("syringe.late", "time", "its answers come later by this, of link time", "syringe.late=2s", TIME),
)  # fmt: skip
_ALL = _SPECS + THERAPY_SPECS + BENCH_SPECS + BALANCE_SPECS + AIR_SPECS + _SYRINGE_SPECS + INSTRUMENT_SPECS
_BY_NAME = {spec.name: spec for spec in _ALL}
_SYNTAX = re.compile(
    r"(?P<name>[^=@\s]+)\s*=\s*(?P<value>[^@]+?)\s*(?:@\s*(?P<start>[^+]+?)\s*(?:\+\s*(?P<span>.+?))?)?"
)


def list_faults() -> list[FaultSpec]:
    """Return every fault that can be seeded."""
    return list(_ALL)


def parse_fault(text: str) -> Fault:
    """Read one fault; raise `UsageError` that names the nearest known fault, or the unit that was expected."""
    match = _SYNTAX.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"'{text[:60]}' is not a fault", expected="NAME=VALUE[@START[+DURATION]] such as 'pump.gain=-8%@3h+1h'"
        )
    spec = _BY_NAME.get(match["name"])
    if spec is None:
        near = difflib.get_close_matches(match["name"], _BY_NAME, n=1, cutoff=0.3)
        raise UsageError(
            f"there is no fault '{match['name']}'",
            expected=f"such as '{near[0]}'" if near else "one of rig simulate --list-faults",
            hint="rig simulate --list-faults",
        )
    try:
        number, word = _value(spec, match["value"])
        start_ns = round(parse_quantity(match["start"], TIME) * NS_PER_S) if match["start"] else 0
        span_ns = round(parse_quantity(match["span"], TIME) * NS_PER_S) if match["span"] else None
    except UsageError as error:
        raise UsageError(
            error.what, where=f"fault '{text[:60]}'", expected=error.expected, hint=f"for example {spec.example}"
        ) from error
    if start_ns < 0 or (span_ns is not None and span_ns <= 0):
        raise UsageError("START cannot be negative, and DURATION must be positive", where=f"fault '{text[:60]}'")
    end_ns = FOREVER_NS if span_ns is None else start_ns + span_ns
    return Fault(spec.name, number, word, start_ns, end_ns, text)


def refuse_syringe_faults(faults: Iterable[str]) -> None:
    """Raise `UsageError` for a fault of a syringe pump where there is none: it would do nothing, unnoticed."""
    for fault in faults:
        if fault.lstrip().startswith("syringe."):
            raise UsageError(
                f"fault '{fault[:60]}' has no syringe pump to act on", hint="rig simulate syringe-bench --pty"
            )


def _value(spec: FaultSpec, text: str) -> tuple[float, str]:
    if spec.dimension is not None:
        number = parse_quantity(text, spec.dimension)
        low, high = spec.limits
        if not low <= number <= high:
            raise UsageError(f"'{text}' is out of range", expected=f"{low:g} to {high:g} {spec.dimension.base}")
        return (number / 100.0 if spec.dimension is PERCENT else number), ""
    if spec.unit == "count":
        if not text.isascii() or not text.isdigit() or len(text) > 7 or not 0 < int(text) <= 1_000_000:
            raise UsageError(f"'{text}' is not a count", expected="a whole number from 1 to 1000000")
        return float(text), ""
    if spec.unit == "on":
        if text not in ("on", "off"):
            raise UsageError(f"'{text}' is neither 'on' nor 'off'", expected="on or off")
        return float(text == "on"), ""
    if spec.choices:
        if text not in spec.choices:
            raise UsageError(f"'{text}' is not possible here", expected=" or ".join(spec.choices))
        return 0.0, text
    return _word(spec, text)


def _word(spec: FaultSpec, text: str) -> tuple[float, str]:
    """Return (number, word) of a value that begins with a word."""
    if spec.unit == "bolus":
        read_wave(text)
        return 0.0, text
    which, _, nth = text.rpartition(":")
    if which not in _packets(spec) or not nth.isascii() or not nth.isdigit() or not 0 < int(nth[:6]) < 100_000:
        expected = f"{spec.unit.upper()} with N from 1 on, and one of {', '.join(_packets(spec))}"
        raise UsageError(f"'{text}' names no packet", expected=expected)
    return float(nth), which


def _packets(spec: FaultSpec) -> tuple[str, ...]:
    """Return the words before the number of a packet."""
    return COMMANDS if spec.unit == "command:n" else tuple(f"{deed}:{way}" for deed in DEEDS for way in WAYS)


class FaultSet:
    """The faults of one simulation, asked by name and rig time."""

    def __init__(self, faults: Iterable[Fault], start_ns: int) -> None:
        self._faults: dict[str, list[tuple[int, int, Fault]]] = {}
        for fault in faults:
            window = (start_ns + fault.start_ns, min(FOREVER_NS, start_ns + fault.end_ns), fault)
            self._faults.setdefault(fault.name, []).append(window)
        self._used: dict[Fault, int] = {}
        self.any_balance = any(name.startswith("balance.") for name in self._faults)
        self.written = [fault.written for windows in self._faults.values() for _, _, fault in windows]

    def named(self, name: str) -> bool:
        """Say whether a fault was seeded at all, whenever it acts."""
        return name in self._faults

    def windows(self, name: str) -> list[tuple[int, int, float]]:
        """Return (start, end, value) in rig time of each fault of a name."""
        return [(start_ns, end_ns, fault.number) for start_ns, end_ns, fault in self._faults.get(name, [])]

    def spans(self, name: str) -> list[tuple[int, int]]:
        """Return (start, end) in rig time of each time that an on/off fault is on."""
        return [(start_ns, end_ns) for start_ns, end_ns, fault in self._faults.get(name, []) if fault.number > 0.0]

    def words(self, name: str) -> list[tuple[int, str]]:
        """Return (start in rig time, word) of each fault of a name."""
        return [(start_ns, fault.text) for start_ns, _, fault in self._faults.get(name, [])]

    def active(self, name: str, rig_ns: int) -> list[Fault]:
        """Return the faults of this name that act at a rig time."""
        windows = self._faults.get(name)
        if windows is None:
            return []
        return [fault for start_ns, end_ns, fault in windows if start_ns <= rig_ns < end_ns]

    def number(self, name: str, rig_ns: int) -> float:
        """Return the sum of the active values of a fault, 0 when none acts."""
        if name not in self._faults:
            return 0.0
        return sum(fault.number for fault in self.active(name, rig_ns))

    def integral(self, name: str, rig_ns: int) -> float:
        """Return the values of a fault times the ns that each has acted until a rig time."""
        windows = self._faults.get(name, [])
        return sum(fault.number * max(0, min(end_ns, rig_ns) - start_ns) for start_ns, end_ns, fault in windows)

    def on(self, name: str, rig_ns: int) -> bool:
        """Say whether an on/off fault acts."""
        return name in self._faults and self.number(name, rig_ns) > 0.0

    def take(self, name: str, rig_ns: int) -> bool:
        """Use up one event of a counted fault that acts now; say whether there was one left."""
        if name not in self._faults:
            return False
        for fault in self.active(name, rig_ns):
            used = self._used.get(fault, 0)
            if used < fault.number:
                self._used[fault] = used + 1
                return True
        return False

    def latest(self, name: str, rig_ns: int) -> float | None:
        """Return the value of the latest active fault of a name, or None when none acts."""
        active = self.active(name, rig_ns)
        return active[-1].number if active else None

    def text(self, name: str, rig_ns: int) -> str:
        """Return the word of the latest active fault of a name, or the empty string."""
        active = self.active(name, rig_ns)
        return active[-1].text if active else ""
