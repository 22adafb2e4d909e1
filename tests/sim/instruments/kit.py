"""An instrument with a resistor in place of a pump, on virtual links."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rig.clock import VirtualClock, to_ns
from rig.sim.faults import FaultSet, parse_fault
from rig.sim.instruments.circuit import Circuit, Resistor, Source
from rig.sim.instruments.models import METERS, make_meter, make_supply
from rig.sim.instruments.session import Instrument
from rig.transport.links import Link
from rig.transport.virtual import VirtualLinks

FAR_A = 10.0


class Desk:
    """One instrument and 100 ohm; a meter sees 1.51 V from an ideal source."""

    def __init__(self, model: str, faults: Sequence[str] = (), ohm: float = 100.0) -> None:
        self.clock = VirtualClock()
        self.links = VirtualLinks(self.clock)
        seeded = FaultSet([parse_fault(fault) for fault in faults], 0)
        self.circuit = Circuit(Resistor(ohm), 0.0, seeded, 0)
        if model in METERS:
            self.circuit.feed(Source(1.51, FAR_A, on=True), 0)
            self.instrument: Instrument = make_meter(
                model, self.circuit, advance=lambda _rig_ns: None, seed=1, faults=seeded, start_ns=0
            )
        else:
            self.instrument = make_supply(
                model,
                self.circuit,
                advance=lambda _rig_ns: None,
                later=self._later,
                seed=1,
                faults=seeded,
                start_ns=0,
            )
        self.link = self.links.connect("instrument", self.instrument.session())

    def another(self) -> Link:
        """Connect a second client."""
        return self.links.connect("another", self.instrument.session())

    def say(self, message: bytes, seconds: float = 0.05, link: Link | None = None) -> bytes:
        """Write, wait, and return everything that came."""
        link = link or self.link
        link.discard_input()
        link.write(message)
        self.links.pause(seconds)
        return link.discard_input()

    def ask(self, text: str, seconds: float = 0.05) -> str:
        """Ask one question; return the answer without its end."""
        answer = self.say(text.encode() + b"\n", seconds)
        assert answer.endswith(b"\n"), (text, answer)
        return answer.decode()[:-1]

    def wait_until(self, seconds: float) -> None:
        self.links.wait(to_ns(seconds))

    def _later(self, at_ns: int, act: Callable[[], None]) -> None:
        self.links.schedule(at_ns, lambda _at_ns: act())
