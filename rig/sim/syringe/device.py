"""What every syringe pump on a serial line does: hear, answer later, and speak up when its motor ends by itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from rig.sim.faults import FOREVER_NS, FaultSet
from rig.sim.syringe.drive import Drive
from rig.sim.syringe.parameters import SyringeParameters, SyringePumpModel
from rig.sim.syringe.troubles import Troubles
from rig.transport.virtual import Port

SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Mounted:
    """A motor with its syringe and line, before a maker's electronics drive it.

    ``advance`` lets the plant, and so the pump's own motor, run to a rig time.
    """

    model: SyringePumpModel
    drive: Drive
    advance: Callable[[int], None]
    parameters: SyringeParameters
    seed: int
    faults: FaultSet
    address: int = 0


class SerialPump:
    """One pump on one wire; times are link times unless a name says otherwise.

    A maker's class fills in `_hear`, `_unasked` and `_restart`.
    """

    def __init__(self, mounted: Mounted) -> None:
        self.drive = mounted.drive
        self._advance = mounted.advance
        self._reply_ns = round(mounted.parameters.reply_s * 1e9)
        self._troubles = Troubles(mounted.seed, mounted.faults)
        self._port: Port | None = None
        self._watching = 0  # number of the latest appointment; earlier ones are void
        self.drive.on_end = self._ended

    def attach(self, port: Port) -> None:
        """Learn the wire; these pumps say nothing at power-up."""
        self._port = port

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take bytes; a pump without supply hears nothing."""
        rig_ns = self._wire.rig_ns(now_ns)
        self._advance(rig_ns)
        if self._troubles.dead(rig_ns):
            return
        data = self._troubles.hear(data, rig_ns)
        if data:
            self._hear(data, now_ns, rig_ns)
        self._watch(now_ns)

    @property
    def _wire(self) -> Port:
        if self._port is None:
            raise RuntimeError("a simulated syringe pump was used before it was attached")
        return self._port

    def _hear(self, data: bytes, now_ns: int, rig_ns: int) -> None:
        """Understand what arrived, act, and answer."""
        raise NotImplementedError

    def _motion_ended(self, reason: str, rig_ns: int) -> None:
        """React to the end of a motion."""
        raise NotImplementedError

    def _restart(self, rig_ns: int) -> None:
        """Begin as after power-up."""
        raise NotImplementedError

    def _unasked(self, now_ns: int) -> None:
        """Say what the maker's pump says of its own accord after a motion ended."""
        raise NotImplementedError

    def _ended(self, reason: str, rig_ns: int) -> None:
        if reason == "power":
            self._restart(rig_ns)
        else:
            self._motion_ended(reason, rig_ns)

    def _say(self, data: bytes, now_ns: int) -> None:
        rig_ns = self._wire.rig_ns(now_ns)
        if self._troubles.dead(rig_ns):
            return
        data, late_ns = self._troubles.say(data, rig_ns)
        if data:
            self._wire.send(data, now_ns + self._reply_ns + late_ns)

    def _watch(self, now_ns: int) -> None:
        """Make an appointment for when the motor will end what it does."""
        end_rig_ns = self.drive.ends_ns()
        if end_rig_ns >= FOREVER_NS:
            return
        self._watching += 1
        number = self._watching
        self._wire.call_at(self._link_ns(end_rig_ns, now_ns), lambda at_ns: self._look(number, at_ns))

    def _look(self, number: int, now_ns: int) -> None:
        if number != self._watching:
            return
        self._advance(self._wire.rig_ns(now_ns))
        self._unasked(now_ns)
        self._watch(now_ns)

    def _link_ns(self, rig_ns: int, now_ns: int) -> int:
        """Return the link time of a rig time to come; rig time runs evenly."""
        wire = self._wire
        now_rig_ns = wire.rig_ns(now_ns)
        per_second = wire.rig_ns(now_ns + SECOND_NS) - now_rig_ns
        return now_ns + max(1000, math.ceil((rig_ns - now_rig_ns) * SECOND_NS / per_second))
