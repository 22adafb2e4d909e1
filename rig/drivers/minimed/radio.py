"""Packets to and from one pump by a plain modem: what is heard, what is asked again, and what leaves exactly once.

Source: minimed-protocol 1.5 and 1.6.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from rig.clock import to_ns
from rig.drivers.minimed.scan import Scan, scan
from rig.drivers.minimed.stick import RadioStick
from rig.drivers.minimed.way import TRIES, PumpNotHeard, Refused, Settled, not_heard, not_woken, refuse_nak
from rig.errors import BenchError, InstrumentError, MalformedReply, ProtocolError, TransportTimeout
from rig.transport.links import Link, Links
from rig.wire import line_code
from rig.wire.minimed.packets import (
    LAST_FRAGMENT,
    Fragments,
    Opcode,
    Packet,
    Progress,
    fragment_packets,
    long_packet,
    parse_packet,
    short_packet,
)
from rig.wire.subg_rfspy import Received, Silence

ANSWER_MS = 500
PARAMETER_ANSWER_MS = 1000
_BURST_PACKETS = 250
_BURST_LISTEN_MS = 12_000
_PAUSE_NS = to_ns(0.2)  # after an answer, before the next command
_SILENCE_MS = 300  # no late acknowledgement of a first half comes after so long a silence
_ECHO_MS = 450  # what comes twice comes within this time
_MOST_ECHOES = 6
_MAX_FRAGMENT_STEPS = 96  # a page has 16 fragments; more steps than this is no conversation any more

Wanted = Callable[[Packet], bool]
Value = TypeVar("Value")


class PumpRadio:
    """The way to one pump; packets of other ids, broken packets and late answers are not heard.

    With ``worlds``, the pump's frequency is looked for in these bands before its first answer (`scan`).
    """

    def __init__(self, links: Links, link: Link, stick: RadioStick, pump_id: str, worlds: Sequence[str] = ()) -> None:
        self._worlds = worlds
        self.scan: Scan | None = None
        self._not_found: PumpNotHeard | None = None
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
        if self._worlds and self.scan is None:
            self._scan()
        return self._ask(short_packet(self._pump_id, opcode), _data_or_nak(opcode), tries)

    @property
    def version(self) -> str:
        """The firmware text of the stick; empty before `open`."""
        return self._stick.version

    @property
    def tuned_mhz(self) -> float | None:
        """The frequency of the stick; None while the pump's own is still looked for."""
        return None if self._worlds and self.scan is None else self._stick.frequency_mhz

    @property
    def scanned(self) -> tuple[tuple[float, float | None], ...]:
        """The frequencies that were scanned, with their signal in dBm."""
        steps = self.scan.steps if self.scan is not None else ()
        return tuple((step.frequency_mhz, step.rssi_dbm) for step in steps)

    @property
    def signal(self) -> str:
        """The signal strength of the last packet from the pump, in words; empty before there was one."""
        return "" if self.rssi_dbm is None else f"{self.rssi_dbm:.1f} dBm"

    def open(self) -> None:
        """Bring the stick into step, check its firmware and tune it."""
        self._stick.open()

    def ready(self) -> None:
        """Make sure that the next answer is the answer to the next command."""
        self._stick.ready()

    def announce(self, opcode: Opcode) -> None:
        """Send the harmless half of a command, and see the stick ready for the half that leaves once."""
        self._first_half(opcode)
        self._stick.ready()

    def once(self, opcode: Opcode, parameters: bytes) -> Settled:
        """Send a parameter packet exactly once.

        Raises `InstrumentError` when the pump refuses. Whatever else happens after the packet has left is `LOST`, with
        the cause in ``lost_because``: the pump may have accepted it.
        """
        return self._once(long_packet(self._pump_id, opcode, parameters))

    def once_image(self, opcode: Opcode, image: bytes) -> Settled:
        """Send the fragments of ``image`` (a multiple of 64 bytes), each exactly once, until one is lost."""
        for packet in fragment_packets(self._pump_id, opcode, image):
            if self._once(packet) is Settled.LOST:
                return Settled.LOST
        return Settled.ACKNOWLEDGED

    def tune(self, frequency_mhz: float) -> None:
        """Set the stick's frequency, now and whenever it is opened again."""
        self._stick.tune(frequency_mhz)

    def query(self) -> float | None:
        """Ask the pump once for its model; return the signal strength of its answer in dBm, None for silence."""
        try:
            self._ask(short_packet(self._pump_id, Opcode.MODEL), _data_or_nak(Opcode.MODEL), tries=1)
        except (PumpNotHeard, ProtocolError):
            return None
        return self.rssi_dbm

    def burst(self) -> bool:
        """Send one wake-up burst and listen; say whether the pump acknowledged it."""
        return self._wake_burst(_BURST_PACKETS, _BURST_LISTEN_MS)

    def wake(self, *, long_sleeper: bool) -> None:
        """Send the wake-up burst and listen; twice for a pump of the old families, which sleeps longer.

        A pump that a scan has not found has had its bursts, on every band.
        """
        if self._worlds and self.scan is None:
            raise self._not_found or not_woken(self._pump_id)
        for _ in range(2 if long_sleeper else 1):
            if self.burst():
                return
        raise not_woken(self._pump_id)

    def _scan(self) -> None:
        self._not_found = None
        try:
            self.scan = scan(self, self._worlds, self._pump_id)
        except PumpNotHeard as error:
            self._not_found = error
            raise

    def _first_half(self, opcode: Opcode) -> None:
        self._ask(short_packet(self._pump_id, opcode), _ack_or_nak, TRIES)

    def _once(self, packet: Packet) -> Settled:
        self._stick.ready()
        try:
            answer = self._send(packet, PARAMETER_ANSWER_MS, _ack_or_nak)
        except BenchError as error:
            self.lost_because = str(error)
            return Settled.LOST
        if answer is None:
            self.lost_because = "the pump's acknowledgement was not heard"
            return Settled.LOST
        try:
            self._refuse_nak(answer, packet.opcode)
        except Refused as refused:
            if not refused.is_of_the_talk:
                raise
            self.lost_because = str(refused)
            return Settled.LOST
        return Settled.ACKNOWLEDGED

    def power_on(self, parameters: bytes) -> bool:
        """Ask the pump to keep its radio on; say whether it agreed. Delivers nothing, so it may be repeated."""
        packet = long_packet(self._pump_id, Opcode.POWER, parameters)
        try:
            self._ask(packet, _ack_or_nak, TRIES)
        except (InstrumentError, ProtocolError, PumpNotHeard):
            return False
        return True

    def _wake_burst(self, count: int, listen_ms: int) -> bool:
        self._stick.burst(line_code.encode(short_packet(self._pump_id, Opcode.POWER).encode()), count)
        deadline_ns = self._deadline_ns(listen_ms)
        return self._first_wanted(self._stick.listen(listen_ms), deadline_ns, _is_ack) is not None

    def read_fragments(self, opcode: Opcode, parse: Callable[[bytes], Value], parameters: bytes | None = None) -> Value:
        """Return what ``parse`` makes of the joined data of an answer in several packets.

        The whole is asked for again when a piece is lost or ``parse`` finds it damaged. ``parameters`` None: the
        command has none (profiles), else it is sent in two halves (history pages).
        """
        broken: BenchError | None = None
        patient = False
        for _ in range(TRIES):
            try:
                first, was_patient, patient = self._first_fragment(opcode, parameters), patient, True
                data = self._collect(opcode, first, patient=was_patient)
                if data is not None:
                    patient = False  # whatever is wrong with it, no echo got in between
                    return parse(data)
            except PumpNotHeard:
                raise
            except (ProtocolError, TransportTimeout) as error:
                broken = error
        raise broken or not_heard(self._pump_id, opcode, TRIES)

    def _first_fragment(self, opcode: Opcode, parameters: bytes | None) -> Packet | None:
        if parameters is None:
            return self.read(opcode)
        self._first_half(opcode)
        packet = long_packet(self._pump_id, opcode, parameters)
        answer = self._send(packet, PARAMETER_ANSWER_MS, _data_or_nak(opcode))
        if answer is not None:
            self._refuse_nak(answer, opcode)
        return answer

    def _collect(self, opcode: Opcode, packet: Packet | None, *, patient: bool) -> bytes | None:
        """Put an answer together; ``patient``: wait for the echoes of each packet before the next is sent."""
        fragments = Fragments()
        ahead: list[Packet] = []
        for _ in range(_MAX_FRAGMENT_STEPS):
            if packet is None:
                return None
            if fragments.take(packet) is Progress.COMPLETE:
                return fragments.data
            if patient and not ahead:
                ahead = self._heard_meanwhile(opcode)
            ahead = [each for each in ahead if _number(each) > fragments.taken]
            packet = ahead.pop(0) if ahead else self._next_fragment(opcode, fragments.taken)
        return None

    def _next_fragment(self, opcode: Opcode, taken: int) -> Packet | None:
        """Acknowledge a fragment to get the next; one that was not heard is asked for again by NAK.

        A second ACK would skip a fragment if the pump had heard the first; a NAK repeats the current one either way.
        What comes after the ACK with a number that was ``taken`` before is its echo.
        """
        is_data = _is_data(opcode)
        ack, nak = short_packet(self._pump_id, Opcode.ACK), short_packet(self._pump_id, Opcode.NAK)
        answer = self._send(ack, ANSWER_MS, lambda packet: is_data(packet) and _number(packet) > taken)
        for _ in range(TRIES - 1):
            if answer is not None:
                break
            answer = self._send(nak, ANSWER_MS, is_data)
        return answer

    def _heard_meanwhile(self, opcode: Opcode) -> list[Packet]:
        """Listen until the air is quiet: a pump that hears an ACK twice sends two fragments."""
        heard: list[Packet] = []
        for _ in range(_MOST_ECHOES):
            packet = self._first_wanted(self._stick.listen(_ECHO_MS), self._deadline_ns(_ECHO_MS), _is_data(opcode))
            if packet is None:
                break
            heard.append(packet)
        return sorted(heard, key=_number)

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
        raise trouble or not_heard(self._pump_id, packet.opcode, tries)

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
        if answer.is_nak:
            refuse_nak(self._pump_id, answer.body[0], opcode)


def _is_ack(packet: Packet) -> bool:
    return packet.is_ack and not packet.is_long


def _ack_or_nak(packet: Packet) -> bool:
    return (packet.is_ack or packet.is_nak) and not packet.is_long


def _is_data(opcode: Opcode) -> Wanted:
    return lambda packet: packet.is_long and packet.opcode == opcode


def _number(packet: Packet) -> int:
    """Return the number of a fragment, from 1 on."""
    return packet.body[0] & ~LAST_FRAGMENT


def _data_or_nak(opcode: Opcode) -> Wanted:
    return lambda packet: (packet.is_long and packet.opcode == opcode) or (packet.is_nak and not packet.is_long)
