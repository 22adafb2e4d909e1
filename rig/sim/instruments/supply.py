"""A DC supply: outputs that regulate voltage or limit current, trip on over-voltage, and say what they measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from rig.sim.faults import FaultSet
from rig.sim.instruments.circuit import OPEN, Circuit, Point, Source
from rig.sim.instruments.scpi import ScpiError
from rig.sim.instruments.session import Instrument, Manners

WINDOW_NS = 20_000_000  # a reading averages over one period of the mains


@dataclass(frozen=True, slots=True)
class OutputRange:
    """What one output can do: largest voltage, current and over-voltage level, and what *RST sets."""

    volts: float
    amps: float
    ovp_v: float
    reset_a: float
    ovp_always: bool = False  # the protection cannot be switched off
    label: str = ""


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Errors of a supply's own meters: relative and constant, and noise of one reading."""

    gain: float = 2e-4
    volts: float = 2e-4
    amps: float = 2e-5
    noise_v: float = 5e-5
    noise_a: float = 1e-5


@dataclass(frozen=True, slots=True)
class SupplyModel:
    """A model as data."""

    name: str
    outputs: tuple[OutputRange, ...]
    manners: Manners
    read_back: ReadBack = ReadBack()


@dataclass(slots=True)
class Output:
    """Settings of one output; ``tripped`` names the protection that has switched it off, and is empty otherwise."""

    volts: float = 0.0
    limit_a: float = 0.0
    on: bool = False
    ovp_v: float = 0.0
    ovp_on: bool = False
    ocp_a: float = 0.0
    ocp_on: bool = False
    tripped: str = ""

    def source(self) -> Source:
        """Return what it puts out."""
        return Source(self.volts, self.limit_a, self.on and not self.tripped)


class Supply(Instrument):
    """Any supply; a maker's class adds its commands. Output 1 feeds the circuit, the others nothing."""

    def __init__(
        self,
        model: SupplyModel,
        circuit: Circuit,
        advance: Callable[[int], None],
        seed: int,
        faults: FaultSet,
        start_ns: int,
        later: Callable[[int, Callable[[], None]], None],
    ) -> None:
        super().__init__(model.manners, advance, seed, faults)
        self.model = model
        self._circuit = circuit
        self._gain = [1.0 + self.noise.gauss(0.0, model.read_back.gain) for _ in range(2)]
        self._zero_v = self.noise.gauss(0.0, model.read_back.volts)
        self._zero_a = self.noise.gauss(0.0, model.read_back.amps)
        self._stored: dict[int, list[Output]] = {}
        self.outputs = [_as_reset(each) for each in model.outputs]
        self.selected = 1
        circuit.limited = self._ran_into_limit
        for at_ns, _ in faults.spans("supply.ovp_trip"):
            later(at_ns, partial(self.switch, at_ns))
        self.switch(start_ns)
        self.teach()

    def teach(self) -> None:
        """Add the maker's commands."""

    # --- what commands do

    def output(self, channel: int) -> Output:
        """Return an output by number; raises -241 for one there is none of."""
        if not 1 <= channel <= len(self.outputs):
            raise ScpiError(-241)
        return self.outputs[channel - 1]

    def range(self, channel: int) -> OutputRange:
        """Return what an output can do."""
        self.output(channel)
        return self.model.outputs[channel - 1]

    def set_volts(self, channel: int, volts: float, rig_ns: int) -> None:
        """Set the voltage of an output."""
        self.output(channel).volts = volts
        self.switch(rig_ns)

    def set_limit(self, channel: int, amps: float, rig_ns: int) -> None:
        """Set the current limit of an output."""
        self.output(channel).limit_a = amps
        self.switch(rig_ns)

    def set_on(self, channel: int, on: bool, rig_ns: int) -> None:
        """Switch an output; a tripped one stays off until its trip is cleared."""
        self.output(channel).on = on
        self.switch(rig_ns)

    def set_ovp(self, channel: int, volts: float | None, on: bool | None, rig_ns: int) -> None:
        """Set level and state of the over-voltage protection, each unless None."""
        output = self.output(channel)
        output.ovp_v = output.ovp_v if volts is None else volts
        output.ovp_on = output.ovp_on if on is None else on
        self.switch(rig_ns)

    def set_ocp(self, channel: int, amps: float | None, on: bool | None, rig_ns: int) -> None:
        """Set level and state of the over-current protection, each unless None."""
        output = self.output(channel)
        output.ocp_a = output.ocp_a if amps is None else amps
        output.ocp_on = output.ocp_on if on is None else on
        self.switch(rig_ns)

    def clear_trip(self, channel: int, rig_ns: int) -> None:
        """Clear a trip: the output is as it was before, unless what tripped it still acts."""
        self.output(channel).tripped = ""
        self.switch(rig_ns)

    def is_on(self, channel: int) -> bool:
        """Say whether an output is on; a tripped one is not."""
        output = self.output(channel)
        return output.on and not output.tripped

    # --- what it measures

    def point(self, channel: int, rig_ns: int) -> Point:
        """Return what an output really does, averaged over the last 20 ms."""
        output = self.output(channel)
        if channel == 1:
            return self._circuit.mean(rig_ns - WINDOW_NS, rig_ns)
        return Point(output.volts, output.volts, 0.0, False) if self.is_on(channel) else OPEN

    def measured(self, channel: int, rig_ns: int) -> tuple[float, float]:
        """Return (V, A) as the supply's own meters have it."""
        point, back = self.point(channel, rig_ns), self.model.read_back
        volts = point.source_v * self._gain[0] + self._zero_v + self.noise.gauss(0.0, back.noise_v)
        amps = point.amps * self._gain[1] + self._zero_a + self.noise.gauss(0.0, back.noise_a)
        return (
            self.reading(f"volts {channel}", volts, rig_ns),
            self.reading(f"amps {channel}", amps, rig_ns),
        )

    def mode(self, channel: int, rig_ns: int) -> str:
        """Return CV, CC, or UR when nothing is regulated."""
        if not self.is_on(channel):
            return "UR"
        limited = self._circuit.at(rig_ns).limited if channel == 1 else False
        return "CC" if limited else "CV"

    # --- state

    def prepare(self, volts: float, limit_a: float, ovp_v: float, rig_ns: int) -> None:
        """Set output 1 as an operator at the front panel does, and switch it on."""
        output = self.output(1)
        output.volts, output.limit_a, output.ovp_v, output.ovp_on, output.on = volts, limit_a, ovp_v, True, True
        self.switch(rig_ns)

    def reset(self, rig_ns: int) -> None:
        """Switch everything off and to its defaults; trips are cleared."""
        self.outputs = [_as_reset(each) for each in self.model.outputs]
        self.selected = 1
        self.switch(rig_ns)

    def saved(self, place: int, _rig_ns: int) -> None:
        """Store the settings."""
        self._stored[place] = [replace(each) for each in self.outputs]

    def recalled(self, place: int, rig_ns: int) -> None:
        """Take stored settings back; outputs come back off."""
        if place not in self._stored:
            raise ScpiError(-221)
        self.outputs = [replace(each, on=False, tripped="") for each in self._stored[place]]
        self.switch(rig_ns)

    def switch(self, rig_ns: int) -> None:
        """Let settings take effect, and protections act at once."""
        for output in self.outputs:
            if output.on and output.ovp_on and output.volts > output.ovp_v + 1e-9:
                output.tripped = "OVP"
        first = self.outputs[0]
        if self._faults.on("supply.ovp_trip", rig_ns) and first.on:
            first.tripped = "OVP"
        self._feed(rig_ns)
        point = self._circuit.at(rig_ns)
        if first.on and first.ocp_on and (point.limited or point.amps > first.ocp_a):
            first.tripped = first.tripped or "OCP"
            self._feed(rig_ns)

    def _feed(self, rig_ns: int) -> None:
        if self._circuit.asked(rig_ns) != (source := self.outputs[0].source()):
            self._circuit.feed(source, rig_ns)

    def _ran_into_limit(self, rig_ns: int) -> None:
        first = self.outputs[0]
        if first.ocp_on and first.on and not first.tripped:
            first.tripped = "OCP"
            self._feed(rig_ns)


def _as_reset(limits: OutputRange) -> Output:
    return Output(limit_a=limits.reset_a, ovp_v=limits.ovp_v, ovp_on=limits.ovp_always, ocp_a=limits.amps)
