"""The air between a radio stick and the pump: how long packets take, and what becomes of them [minimed 1.6, 7.6]."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rig.sim.faults import Fault, FaultSet
from rig.sim.parameters import PlantParameters
from rig.sim.pump.packets import encode_4b6b
from rig.sim.pump.radio import PumpRadio
from rig.sim.seeds import source
from rig.transport.virtual import Port

ECHO_S = (0.02, 0.4)  # a packet that arrives twice: how much later the second time
DEED_DELAY_NS = 2_000_000_000  # longer than any client listens for one answer
FADING_DB = 6.0  # above the noise, where packets begin to get lost

Heard = Callable[[bytes, int, int], None]
"""Called with a line-coded packet of the pump, when it began and when it ended, in link time."""


class Air:
    """One stick's way to the pump and back; all times are link times.

    ``off_db`` is what is lost by a stick that is not tuned to the pump. A stick that sends while a packet arrives does
    not hear it; that is for the stick to see, from the times it is told.
    """

    def __init__(
        self,
        pump: PumpRadio,
        parameters: PlantParameters,
        seed: int,
        faults: FaultSet,
        heard: Heard,
        off_db: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._off_db = off_db
        self._pump = pump
        self._p = parameters
        self._faults = faults
        self._heard = heard
        self._answer_delay = source(seed, "radio.answer_delay")
        self._chance = source(seed, "radio.air")
        self._echo = source(seed, "radio.echo")
        self._port: Port | None = None
        self._powered = 0
        self._sendings = 0  # the pump drops the answer it was about to give when it hears something new
        self._counted: dict[Fault, int] = {}
        self._arriving: list[tuple[int, int, int | None]] = []  # first byte, end, and as in `_on_air`

    def attach(self, port: Port) -> None:
        """Learn how to be called back."""
        self._port = port

    def power_off(self) -> None:
        """Break off what the stick is sending, and lose what was coming to it."""
        self._powered += 1
        self._sendings += 1

    def packet_ns(self, coded: bytes) -> int:
        """Return how long a packet takes with preamble and sync."""
        return round((self._p.preamble_s + 8 * len(coded) / self._p.air_bit_per_s) * 1e9)

    def level_dbm(self, rig_ns: int) -> float:
        """Return how strongly the pump is heard on its own frequency."""
        level = self._faults.latest("link.rssi", rig_ns)
        return self._p.radio_level_dbm if level is None else level

    def send(self, coded: bytes, times: int, gap_ns: int, now_ns: int, in_reach: bool) -> int:
        """Send a packet ``times`` in a row; return when the air is free. The pump hears it then."""
        done_ns = now_ns + times * self.packet_ns(coded) + (times - 1) * gap_ns
        self._sendings += 1
        if in_reach:
            self._wire.call_at(done_ns, partial(self._sent, coded, times, self._powered))
        return done_ns

    def listen(self, at_ns: int) -> None:
        """Let a woken pump acknowledge to whoever listens first."""
        if self._pump.owes_wake_ack:
            self._answer(self._pump.wake_ack(), 0, at_ns)

    def arriving_until(self, at_ns: int, since_ns: int) -> int | None:
        """Return when a packet ends whose first byte has come by ``at_ns``, but not before ``since_ns``; else None."""
        self._arriving = [each for each in self._arriving if each[1] > at_ns]
        ends = [
            ends_ns
            for first_ns, ends_ns, sendings in self._arriving
            if since_ns <= first_ns <= at_ns and sendings in (None, self._sendings)
        ]
        return max(ends, default=None)

    @property
    def preamble_ns(self) -> int:
        """Return how long preamble and sync word take."""
        return round(self._p.preamble_s * 1e9)

    @property
    def _wire(self) -> Port:
        if self._port is None:
            raise RuntimeError("a simulated stick was used before it was attached")
        return self._port

    def _sent(self, coded: bytes, times: int, powered: int, at_ns: int) -> None:
        if powered != self._powered:
            return
        rig_ns = self._wire.rig_ns(at_ns)
        is_burst = times > 1
        if is_burst:  # some of its packets get through
            times = round(times * (1.0 - self._loss(rig_ns)))
        for late_ns, arrived in self._through(coded, "sent", rig_ns, is_burst) if times else ():
            if late_ns:
                self._wire.call_at(at_ns + late_ns, partial(self._at_pump, arrived, times))
            else:
                self._at_pump(arrived, times, at_ns)

    def _at_pump(self, coded: bytes, times: int, at_ns: int) -> None:
        answer = self._pump.hear(coded, times, at_ns, self._wire.rig_ns(at_ns))
        if answer is not None:
            self._answer(answer.data, answer.late_ns, at_ns)

    def _answer(self, data: bytes, late_ns: int, now_ns: int) -> None:
        coded = encode_4b6b(data)
        late_ns += round(self._faults.number("link.delay", self._wire.rig_ns(now_ns)) * 1e9)
        begins_ns = now_ns + round(self._answer_delay.uniform(*self._p.answer_s) * 1e9) + late_ns
        self._on_air(coded, begins_ns, None if late_ns else self._sendings)

    def _on_air(self, coded: bytes, begins_ns: int, sendings: int | None) -> None:
        """Let a packet of the pump be on the air; with ``sendings`` it is given up when the stick sends again."""
        ends_ns = begins_ns + self.packet_ns(coded)
        self._arriving.append((begins_ns + self.preamble_ns, ends_ns, sendings))
        self._wire.call_at(ends_ns, partial(self._at_stick, coded, begins_ns, sendings, self._powered))

    def _at_stick(self, coded: bytes, begins_ns: int, sendings: int | None, powered: int, at_ns: int) -> None:
        if powered != self._powered or sendings not in (None, self._sendings):
            return
        for late_ns, arrived in self._through(coded, "heard", self._wire.rig_ns(at_ns)):
            if late_ns:
                again = partial(self._late_at_stick, arrived, begins_ns + late_ns, powered)
                self._arriving.append((begins_ns + late_ns + self.preamble_ns, at_ns + late_ns, None))
                self._wire.call_at(at_ns + late_ns, again)
            else:
                self._heard(arrived, begins_ns, at_ns)

    def _late_at_stick(self, coded: bytes, begins_ns: int, powered: int, at_ns: int) -> None:
        if powered == self._powered:
            self._heard(coded, begins_ns, at_ns)

    def _loss(self, rig_ns: int) -> float:
        """Return the share of packets that do not get through whole."""
        kept = 1.0 - self._faded_share(rig_ns)
        for name in ("link.drop", "link.corrupt"):
            kept *= 1.0 - min(1.0, self._faults.number(name, rig_ns))
        return 1.0 - kept

    def _through(self, coded: bytes, way: str, rig_ns: int, is_burst: bool = False) -> list[tuple[int, bytes]]:
        """Return what arrives of a packet, each with how many ns late: whole, with a bit wrong, twice, or nothing."""
        deeds = self._deeds(way, rig_ns)
        if "drop" in deeds or (not is_burst and self._lost(rig_ns)):
            return []
        if coded and not is_burst and self._happens("link.corrupt", rig_ns):
            spoilt = bytearray(coded)
            spoilt[self._chance.randrange(len(spoilt))] ^= 1 << self._chance.randrange(8)
            coded = bytes(byte or 1 for byte in spoilt)  # a 00 would end the answer on the UART
        if coded and "corrupt" in deeds:
            at = len(coded) // 2
            coded = coded[:at] + bytes((coded[at] ^ 0x10 or 1,)) + coded[at + 1 :]
        arrivals = [(DEED_DELAY_NS if "delay" in deeds else 0, coded)]
        if self._happens("link.duplicate", rig_ns) or "duplicate" in deeds:
            arrivals.append((round(self._echo.uniform(*ECHO_S) * 1e9), coded))
        return arrivals

    def _happens(self, name: str, rig_ns: int) -> bool:
        share = self._faults.number(name, rig_ns)
        return share > 0.0 and self._chance.random() < share

    def _lost(self, rig_ns: int) -> bool:
        if self._happens("link.drop", rig_ns):
            return True
        share = self._faded_share(rig_ns)
        return share > 0.0 and self._chance.random() < share

    def _faded_share(self, rig_ns: int) -> float:
        """Return the share of packets that are lost because the signal is hardly above the noise."""
        level = self.level_dbm(rig_ns) - self._off_db()
        return max(0.0, min(1.0, (self._p.radio_noise_dbm + FADING_DB - level) / FADING_DB))

    def _deeds(self, way: str, rig_ns: int) -> set[str]:
        """Return what is done to this packet because of its number."""
        deeds = set()
        for fault in self._faults.active("link.packet", rig_ns):
            deed, _, which = fault.text.partition(":")
            if which == way:
                number = self._counted[fault] = self._counted.get(fault, 0) + 1
                if number == fault.number:
                    deeds.add(deed)
        return deeds
