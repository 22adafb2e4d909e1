"""How boluses begin and end, and when their records are written [minimed 6.2].

Where the page says nothing, recorded pages of real pumps do (testdata of the public client ecc1/medtronic): a record
carries the time at which its part began; the square part of a dual wave begins when the normal part has been
delivered; a new pump then writes the square part first, and the normal one after it; an old one writes a square wave
that was stopped after the suspension that stopped it. The upper bits of the hour tell the kinds apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rig.sim.faults import FaultSet
from rig.sim.parameters import STROKES_PER_U
from rig.sim.plant.plant import Plant
from rig.sim.pump.clock import PumpClock
from rig.sim.pump.history import History, Place, Records
from rig.sim.pump.therapy import Bolus, Therapy
from rig.sim.waves import Wave

PLAIN = 0  # of a bolus by radio, as in the worked frames
NORMAL, SQUARE, DUAL_NORMAL, DUAL_SQUARE = 2, 3, 4, 5  # bits 7 to 5 of the hour


@dataclass(frozen=True, slots=True)
class _Part:
    """What the running bolus is."""

    remote: bool
    mark: int
    place: Place | None = None  # where its record stands already
    wave: Wave | None = None  # of whose second part it is the first
    again: bool = False  # given once more, by a fault: no record knows of it


class Boluses:
    """The bolus that runs, for the records: by radio or by hand, a part of a wave or a plain one."""

    def __init__(
        self,
        plant: Plant,
        clock: PumpClock,
        therapy: Therapy,
        records: Records,
        history: Callable[[], History],
        faults: FaultSet,
    ) -> None:
        self._faults = faults
        self._plant = plant
        self._clock = clock
        self._therapy = therapy
        self._records = records
        self._history = history
        self._part = _Part(remote=True, mark=PLAIN)

    def by_radio(self, strokes: int) -> None:
        """Start a normal bolus now."""
        self._begin(strokes)
        self._part = _Part(remote=True, mark=PLAIN)

    def by_hand(self, wave: Wave) -> None:
        """Start what somebody keyed in at the pump."""
        if not wave.now:
            self._begin_square(wave)
            return
        self._begin(wave.now)
        self._part = _Part(False, DUAL_NORMAL, wave=wave) if wave.is_dual else _Part(False, NORMAL)

    def ended(self, bolus: Bolus, running_ns: int) -> None:
        """Write the record of a bolus that was delivered or stopped; go on with the second part of a dual wave.

        A normal bolus is written when it has ended: no source knows better.
        """
        part, therapy = self._part, self._therapy
        rig_ns = self._clock.rig_ns(running_ns)
        self._plant.end("bolus", rig_ns)
        if part.again:
            return
        record = self._record(bolus, part, therapy.delivered_strokes(bolus))
        if part.place is not None:
            part.place.overwrite(record)
            return
        goes_on = part.wave is not None and bolus.given == bolus.doses and therapy.can_deliver
        if goes_on and part.wave is not None and self._records.is_new:
            self._begin_square(part.wave)
            self._history().append(record)
            return
        self._history().append(record)
        if goes_on and part.wave is not None:
            self._begin_square(part.wave)
            return
        whole = bolus.given == bolus.doses and therapy.can_deliver
        if whole and self._faults.take("pump.bolus_repeat", rig_ns):
            self._plant.begin("bolus", rig_ns)  # nobody programmed it
            therapy.start_bolus(bolus.strokes)
            self._part = _Part(False, PLAIN, again=True)

    def _begin(self, strokes: int, half_hours: int = 0) -> Bolus:
        rig_ns = self._clock.rig_ns(self._therapy.now_ns)
        self._plant.begin("bolus", rig_ns, programmed_u=strokes / STROKES_PER_U)
        return self._therapy.start_bolus(strokes, half_hours)

    def _begin_square(self, wave: Wave) -> None:
        bolus = self._begin(wave.later, wave.half_hours)
        self._part = _Part(False, DUAL_SQUARE if wave.is_dual else SQUARE)
        if self._records.is_new:  # written at its start, with nothing delivered, and brought up to date at its end
            place = self._history().append(self._record(bolus, self._part, 0))
            self._part = _Part(False, self._part.mark, place)

    def _record(self, bolus: Bolus, part: _Part, delivered: int) -> bytes:
        at = self._clock.local(bolus.start_ns)
        too_much = self._faults.number("pump.over_report", self._clock.rig_ns(self._therapy.now_ns))
        delivered = round(delivered * (1.0 + too_much))
        return self._records.bolus(
            bolus.strokes, delivered, at, remote=part.remote, half_hours=bolus.half_hours, mark=part.mark
        )
