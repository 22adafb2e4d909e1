"""Packets to and from one pump: what is heard, what is asked again, and what leaves exactly once.

Source: minimed-protocol 1.5 and 1.6.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeVar

from rig.clock import to_ns
from rig.drivers.minimed.stick import RadioStick
from rig.errors import BenchError, InstrumentError, MalformedReply, ProtocolError, TransportTimeout
from rig.transport.links import Link, Links
from rig.wire import line_code
from rig.wire.minimed.packets import (
    Fragments,
    Opcode,
    Packet,
    Progress,
    long_packet,
    parse_packet,
    refusal,
    short_packet,
)
from rig.wire.subg_rfspy import Received, Silence

TRIES = 3
ANSWER_MS = 500
PARAMETER_ANSWER_MS = 1000
_PAUSE_NS = to_ns(0.2)  # after an answer, before the next command
_SILENCE_MS = 300  # no late acknowledgement of a first half comes after so long a silence
_MAX_FRAGMENT_STEPS = 96  # a page has 16 fragments; more steps than this is no conversation any more

Wanted = Callable[[Packet], bool]
Value = TypeVar("Value")


class PumpNotHeard(TransportTimeout):
    """The pump did not answer: asleep, out of range, or switched off. Nothing that delivers was sent."""


class Settled(Enum):
    """What became of a packet that left once."""

    ACKNOWLEDGED = "acknowledged"
    LOST = "lost"


class PumpRadio:
    """The way to one pump; packets of other ids, broken packets and late answers are not heard."""

    def __init__(self, links: Links, link: Link, stick: RadioStick, pump_id: str) -> None:
        self._links = links
        self._link = link
        self._stick = stick
        self._pump_id = pump_id
        self.heard_link_ns = -_PAUSE_NS
        self.heard_rig_ns = 0
        self.rssi_dbm: float | None = None
        self.lost_because = ""

    def read(self, opcode: Opcode, tries: int = TRIES) -> Packet:
        """Ask for one packet of data, up to ``tries`` times."""
        return self._ask(short_packet(self._pump_id, opcode), _data_or_nak(opcode), tries)

    def first_half(self, opcode: Opcode) -> None:
        """Announce a command with parameters; harmless, so it may be repeated."""
        self._ask(short_packet(self._pump_id, opcode), _ack_or_nak, TRIES)

    def once(self, packet: Packet) -> Settled:
        """Send a parameter packet exactly once.

        Raises `InstrumentError` when the pump refuses. Whatever else happens after the packet has left is `LOST`, with
        the cause in ``lost_because``: the pump may have accepted it.
        """
        self._stick.ready()
        try:
            answer = self._send(packet, PARAMETER_ANSWER_MS, _ack_or_nak)
        except BenchError as error:
            self.lost_because = str(error)
            return Settled.LOST
        if answer is None:
            self.lost_because = "the pump's acknowledgement was not heard"
            return Settled.LOST
        self._refuse_nak(answer, packet.opcode)
        return Settled.ACKNOWLEDGED

    def power_on(self, minutes_parameters: bytes) -> bool:
        """Ask the pump to keep its radio on; say whether it agreed. Delivers nothing, so it may be repeated."""
        packet = long_packet(self._pump_id, Opcode.POWER, minutes_parameters)
        try:
            self._ask(packet, _ack_or_nak, TRIES)
        except (InstrumentError, ProtocolError, PumpNotHeard):
            return False
        return True

    def wake_burst(self, count: int, listen_ms: int) -> bool:
        """Send the wake-up packet back to back, then listen; say whether the pump acknowledged."""
        self._stick.burst(line_code.encode(short_packet(self._pump_id, Opcode.POWER).encode()), count)
        deadline_ns = self._deadline_ns(listen_ms)
        return self._first_wanted(self._stick.listen(listen_ms), deadline_ns, _is_ack) is not None

    def read_fragments(self, opcode: Opcode, parse: Callable[[bytes], Value], parameters: bytes | None = None) -> Value:
        """Return what ``parse`` makes of the joined data of an answer in several packets.

        The whole is asked for again when a piece is lost or ``parse`` finds it damaged. ``parameters`` None: the
        command has none (profiles), else it is sent in two halves (history pages).
        """
        broken: BenchError | None = None
        for _ in range(TRIES):
            try:
                data = self._collect(opcode, self._first_fragment(opcode, parameters))
                if data is not None:
                    return parse(data)
            except PumpNotHeard:
                raise
            except (ProtocolError, TransportTimeout) as error:
                broken = error
        raise broken or self._not_heard(opcode, TRIES)

    def _first_fragment(self, opcode: Opcode, parameters: bytes | None) -> Packet | None:
        if parameters is None:
            return self.read(opcode)
        self.first_half(opcode)
        packet = long_packet(self._pump_id, opcode, parameters)
        answer = self._send(packet, PARAMETER_ANSWER_MS, _data_or_nak(opcode))
        if answer is not None:
            self._refuse_nak(answer, opcode)
        return answer

    def _collect(self, opcode: Opcode, packet: Packet | None) -> bytes | None:
        fragments = Fragments()
        for _ in range(_MAX_FRAGMENT_STEPS):
            if packet is None:
                return None
            if fragments.take(packet) is Progress.COMPLETE:
                return fragments.data
            packet = self._next_fragment(opcode)
        return None

    def _next_fragment(self, opcode: Opcode) -> Packet | None:
        """Acknowledge a fragment to get the next; one that was not heard is asked for again by NAK.

        A second ACK would skip a fragment if the pump had heard the first; a NAK repeats the current one either way.
        """
        wanted = _is_data(opcode)
        answer = self._send(short_packet(self._pump_id, Opcode.ACK), ANSWER_MS, wanted)
        for _ in range(TRIES - 1):
            if answer is not None:
                break
            answer = self._send(short_packet(self._pump_id, Opcode.NAK), ANSWER_MS, wanted)
        return answer

    def _ask(self, packet: Packet, wanted: Wanted, tries: int) -> Packet:
        """Send something harmless until it is answered; a refusal raises at once."""
        self._links.wait(self.heard_link_ns + _PAUSE_NS)
        trouble: BenchError | None = None
        for attempt in range(tries):
            self._stick.ready()  # raises when the stick itself is gone
            try:
                answer = self._send(packet, ANSWER_MS, wanted)
            except (ProtocolError, TransportTimeout) as error:
                trouble = error
                continue
            trouble = None
            if answer is not None:
                self._refuse_nak(answer, packet.opcode)
                if attempt:
                    self._let_echoes_pass()
                return answer
        raise trouble or self._not_heard(packet.opcode, tries)

    def _let_echoes_pass(self) -> None:
        """Listen until nobody answers a former try any more: a late ACK must not seem to be the next packet's."""
        for _ in range(TRIES):
            if isinstance(self._stick.listen(_SILENCE_MS), Silence):
                return

    def _send(self, packet: Packet, timeout_ms: int, wanted: Wanted) -> Packet | None:
        deadline_ns = self._deadline_ns(timeout_ms)
        heard = self._stick.send_and_listen(line_code.encode(packet.encode()), timeout_ms)
        return self._first_wanted(heard, deadline_ns, wanted)

    def _deadline_ns(self, timeout_ms: int) -> int:
        return self._links.clock.link_ns() + timeout_ms * 1_000_000

    def _first_wanted(self, heard: Received | Silence, deadline_ns: int, wanted: Wanted) -> Packet | None:
        """Return the first packet that is wanted; what else is on the air uses up the time that is left."""
        while True:
            if isinstance(heard, Received):
                packet = self._understand(heard)
                if packet is not None and wanted(packet):
                    return packet
            elif heard is not Silence.EMPTY:
                return None
            left_ms = (deadline_ns - self._links.clock.link_ns()) // 1_000_000
            if left_ms <= 0:
                return None
            heard = self._stick.listen(left_ms)

    def _understand(self, heard: Received) -> Packet | None:
        try:
            packet = parse_packet(line_code.decode(heard.encoded))
        except MalformedReply:
            return None
        if packet.pump_id != self._pump_id:
            return None
        self.heard_link_ns = self._links.clock.link_ns()
        self.heard_rig_ns = self._link.last_rx_ns
        self.rssi_dbm = heard.rssi_dbm
        return packet

    def _refuse_nak(self, answer: Packet, opcode: int) -> None:
        if not answer.is_nak:
            return
        code = answer.body[0]
        known = refusal(code)
        raise InstrumentError(
            f"the pump refused {_name(opcode)} with code {code:02X}: {known.meaning}",
            where=f"pump {self._pump_id}",
            expected="an acknowledgement",
            hint=known.hint,
        )

    def _not_heard(self, opcode: int, tries: int) -> PumpNotHeard:
        return PumpNotHeard(
            f"no answer to {_name(opcode)} in {tries} tries",
            where=f"pump {self._pump_id}",
            expected="the pump awake and in range",
            hint="put the stick close to the pump; check its battery, serial number and frequency",
        )


def _name(opcode: int) -> str:
    return f"{Opcode(opcode).name.lower().replace('_', ' ')} ({opcode:02X})"


def _is_ack(packet: Packet) -> bool:
    return packet.is_ack and not packet.is_long


def _ack_or_nak(packet: Packet) -> bool:
    return (packet.is_ack or packet.is_nak) and not packet.is_long


def _is_data(opcode: Opcode) -> Wanted:
    return lambda packet: packet.is_long and packet.opcode == opcode


def _data_or_nak(opcode: Opcode) -> Wanted:
    return lambda packet: (packet.is_long and packet.opcode == opcode) or (packet.is_nak and not packet.is_long)
