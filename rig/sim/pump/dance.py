"""What the CareLink stick does by itself for one command: wake burst, both halves, fragments, repeats [minimed 2.4]."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Protocol

from rig.sim.pump.air import Air
from rig.sim.pump.packets import (
    ACK,
    FRAGMENT_BYTES,
    LAST_FRAGMENT,
    NAK,
    Packet,
    data_packet,
    decode_4b6b,
    encode_4b6b,
    long_packet,
    read_packet,
    short_packet,
)
from rig.transport.virtual import Port

WAKE_PACKETS = 800  # with their air time and the exchange after them about 12 s
ANSWER_NS = 250_000_000
WAKE_ANSWER_NS = 500_000_000
ROOM_NS = 10_000_000_000  # a host that fetches nothing for so long has lost interest
KIND_ACK, KIND_NAK, KIND_PACKET, KIND_PIECE, KIND_NOTHING = range(1, 6)
SEVERAL = 2


@dataclass(slots=True)
class Statistics:
    """What the radio has counted, in the order in which the stick reports it."""

    crc_errors: int = 0
    sequence_errors: int = 0
    naks: int = 0
    timeouts: int = 0
    received: int = 0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Command:
    """One pump command as the host transmits it."""

    pump_id: bytes
    opcode: int
    parameters: bytes
    burst: bool
    retries: int
    records: int


class Buffer(Protocol):
    """Where the answers go."""

    def piece(self, kind: int, data: bytes, is_last: bool, retries: int) -> None:
        """Take an answer, or a piece of one; the command is over with the last."""

    def has_room(self) -> bool:
        """Say whether another fragment can be taken."""


class Dance:
    """Leads one command through; the radio calls `heard`, the buffer `go_on` once there is room again.

    The whole command is repeated when the pump stays silent: that is how a delivering command with retries reaches a
    pump twice whose ACK got lost.
    """

    def __init__(
        self, command: Command, air: Air, port: Port, buffer: Buffer, statistics: Statistics, now_ns: int
    ) -> None:
        self._command = command
        self._air = air
        self._port = port
        self._buffer = buffer
        self._statistics = statistics
        self._retries = 0
        self._tries_left = 0  # for one fragment
        self._parts = _parameter_packets(command)
        self._part = -1  # the parameter packet sent last; -1: the first half
        self._fragment = 0  # the fragment of the answer taken last
        self._waits_for_room = False
        self._token = 0
        self.is_over = False
        self.sending_until_ns = -1
        self._first_half(now_ns)

    @property
    def is_receiving(self) -> bool:
        """Say whether an answer in several packets has begun and is not whole."""
        return self._fragment > 0 and not self.is_over

    def stop(self) -> None:
        """Forget everything: the stick lost its supply."""
        self.is_over = True
        self._token += 1

    def go_on(self, at_ns: int) -> None:
        """Ask for the next fragment if it was put off for want of room."""
        if self._waits_for_room and not self.is_over:
            self._waits_for_room = False
            self._say(short_packet(self._command.pump_id, ACK), ANSWER_NS, at_ns)

    def heard(self, coded: bytes, begins_ns: int, at_ns: int) -> None:
        """Take a packet off the air."""
        if self.is_over or begins_ns < self.sending_until_ns:
            return
        data = decode_4b6b(coded)
        packet = read_packet(data) if data is not None else None
        if packet is None:
            self._statistics.crc_errors += 1
        elif packet.pump_id == self._command.pump_id:
            self._statistics.received += 1
            self._take(packet, at_ns)

    def _take(self, packet: Packet, at_ns: int) -> None:
        if packet.opcode == NAK and not packet.is_long:
            self._statistics.naks += 1
            self._end(KIND_NAK, packet.body[:1])
        elif self._fragment:
            self._next_fragment(packet, at_ns)
        elif packet.opcode == ACK and not packet.is_long:
            self._acknowledged(at_ns)
        elif packet.opcode == self._command.opcode and packet.is_long:
            self._answered(packet, at_ns)
        else:
            self._statistics.sequence_errors += 1

    def _acknowledged(self, at_ns: int) -> None:
        if self._part + 1 < len(self._parts):
            self._part += 1
            self._say(self._parts[self._part], 2 * ANSWER_NS, at_ns)
        else:
            self._end(KIND_ACK, b"\x00")

    def _answered(self, packet: Packet, at_ns: int) -> None:
        number = packet.body[0] & ~LAST_FRAGMENT
        if self._command.records == SEVERAL and number == 1:
            self._next_fragment(packet, at_ns)
        else:
            self._end(KIND_PACKET, packet.body[1:])

    def _next_fragment(self, packet: Packet, at_ns: int) -> None:
        """Take a fragment, and ask for the next one; one that comes twice is acknowledged twice."""
        number = packet.body[0] & ~LAST_FRAGMENT
        if packet.opcode != self._command.opcode or number not in (self._fragment, self._fragment + 1):
            self._statistics.sequence_errors += 1
            return
        is_last = bool(packet.body[0] & LAST_FRAGMENT)
        if number == self._fragment + 1:
            self._fragment = number
            self._tries_left = self._command.retries
            self.is_over = is_last
            self._token += is_last
            self._buffer.piece(KIND_PIECE, packet.body[1:], is_last, self._retries)
        if self.is_over:
            return
        self._waits_for_room = True
        self._token += 1
        if self._buffer.has_room():
            self.go_on(at_ns)
        else:
            self._port.call_at(at_ns + ROOM_NS, partial(self._abandon, self._token))

    def _first_half(self, now_ns: int) -> None:
        self._part = -1
        packet = short_packet(self._command.pump_id, self._command.opcode)
        if self._command.burst:
            self._say(packet, WAKE_ANSWER_NS, now_ns, WAKE_PACKETS)
        else:
            self._say(packet, ANSWER_NS, now_ns)

    def _say(self, packet: bytes, listen_ns: int, now_ns: int, times: int = 1) -> None:
        """Send a packet and listen."""
        self._token += 1
        self._statistics.sent += times
        done_ns = self.sending_until_ns = self._air.send(encode_4b6b(packet), times, 0, now_ns, in_reach=True)
        self._port.call_at(done_ns, partial(self._listen, self._token, listen_ns))

    def _listen(self, token: int, listen_ns: int, at_ns: int) -> None:
        if token != self._token:
            return
        self._air.listen(at_ns)
        self._port.call_at(at_ns + listen_ns, partial(self._timed_out, token))

    def _timed_out(self, token: int, at_ns: int) -> None:
        if token != self._token or self.is_over:
            return
        self._statistics.timeouts += 1
        if self._fragment and self._tries_left:
            self._tries_left -= 1
            self._say(short_packet(self._command.pump_id, NAK), ANSWER_NS, at_ns)
        elif not self._fragment and self._retries < self._command.retries:
            self._retries += 1
            self._first_half(at_ns)
        else:
            self._end(KIND_NOTHING, b"")

    def _abandon(self, token: int, _at_ns: int) -> None:
        if token == self._token:
            self._end(KIND_NOTHING, b"")

    def _end(self, kind: int, data: bytes) -> None:
        self.is_over = True
        self._token += 1
        self._buffer.piece(kind, data, True, self._retries)


def _parameter_packets(command: Command) -> list[bytes]:
    """Return the second half of a command: one packet with a count, or fragments when one is too small."""
    parameters, pump_id, opcode = command.parameters, command.pump_id, command.opcode
    if not parameters:
        return []
    if len(parameters) <= FRAGMENT_BYTES:
        return [data_packet(pump_id, opcode, parameters)]
    pieces = [parameters[at : at + FRAGMENT_BYTES] for at in range(0, len(parameters), FRAGMENT_BYTES)]
    return [
        long_packet(pump_id, opcode, bytes((number | (LAST_FRAGMENT if number == len(pieces) else 0),)) + piece)
        for number, piece in enumerate(pieces, 1)
    ]
