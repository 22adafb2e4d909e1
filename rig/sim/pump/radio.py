"""The pump's radio: which packets it hears, what it answers, and when it sleeps [minimed 1.5 to 1.7, 4, 5]."""

from __future__ import annotations

from rig.sim.faults import FaultSet
from rig.sim.parameters import PlantParameters
from rig.sim.pump import answers
from rig.sim.pump.commands import Commands
from rig.sim.pump.firmware import NAK_REFUSED, Firmware
from rig.sim.pump.packets import (
    ACK,
    FRAGMENT_BYTES,
    LAST_FRAGMENT,
    NAK,
    Packet,
    data_packet,
    decode_4b6b,
    long_packet,
    read_packet,
    short_packet,
)

WAKE = 0x5D
HISTORY_PAGE = 0x80
PROFILE_WRITES = {0x6F: 0, 0x30: 1, 0x31: 2}
NAK_NO_PAGE = 0x0D
MAX_UPLOAD_BYTES = 192
MINUTE_NS = 60_000_000_000


class PumpRadio:
    """Takes packets off the air and returns at most one answer, undecoded bytes without line code.

    Link times decide about sleep, rig times about the therapy.
    """

    def __init__(self, firmware: Firmware, parameters: PlantParameters, faults: FaultSet) -> None:
        self._firmware = firmware
        self._commands = Commands(firmware)
        self._p = parameters
        self._faults = faults
        self._id = bytes.fromhex(firmware.serial)
        self._awake_until_ns = -1
        self._awake_span_ns = round(parameters.awake_s * 1e9)
        self._wake_packets = 0
        self._pending: int | None = None
        self._fragments: list[bytes] = []
        self._upload = bytearray()
        self._acted: dict[str, int] = {}
        self.owes_wake_ack = False

    def hear(self, coded: bytes, times: int, link_ns: int, rig_ns: int) -> bytes | None:
        """Hear a line-coded packet sent ``times`` in a row; return the answer, or None for silence."""
        data = decode_4b6b(coded)
        packet = read_packet(data) if data is not None else None
        if packet is None or packet.pump_id != self._id or self._faults.on("pump.asleep", rig_ns):
            return None
        if link_ns >= self._awake_until_ns:
            return self._hear_asleep(packet, times, link_ns)
        self._awake_until_ns = max(self._awake_until_ns, link_ns + self._awake_span_ns)
        return self._answer(packet, link_ns, rig_ns)

    def wake_ack(self) -> bytes:
        """Return the ACK that a woken pump still owes, for whoever listens first."""
        self.owes_wake_ack = False
        return self._ack()

    def _hear_asleep(self, packet: Packet, times: int, link_ns: int) -> bytes | None:
        """Count power-control packets; enough of them wake the radio."""
        if packet.opcode != WAKE or packet.is_long:
            self._wake_packets = 0
            return None
        self._wake_packets += times
        if self._wake_packets >= self._p.wake_packets:
            self._wake_packets = 0
            self._awake_until_ns = link_ns + self._awake_span_ns
            self._pending = WAKE
            self._fragments = []
            self.owes_wake_ack = True
        return None

    def _answer(self, packet: Packet, link_ns: int, rig_ns: int) -> bytes | None:
        if packet.opcode == ACK:
            return self._next_fragment()
        if packet.opcode == NAK:
            return self._fragments[0] if self._fragments else None
        if packet.opcode != self._pending:
            self._pending = None
        self._fragments = []
        self._firmware.settle(rig_ns)
        if packet.is_long:
            return self._take_parameters(packet, link_ns, rig_ns)
        return self._take_short(packet, rig_ns)

    def _take_short(self, packet: Packet, rig_ns: int) -> bytes | None:
        opcode = packet.opcode
        if opcode in PROFILE_WRITES or opcode in (WAKE, HISTORY_PAGE) or self._commands.knows(opcode):
            self._pending = opcode
            self._upload.clear()
            return self._ack()
        image = answers.profile_image(self._firmware, opcode)
        if image is not None:
            return self._send_fragments(opcode, image)
        data = answers.answer(self._firmware, opcode, rig_ns)
        if data is None:
            return self._nak(NAK_REFUSED)
        return data_packet(self._id, opcode, data)

    def _take_parameters(self, packet: Packet, link_ns: int, rig_ns: int) -> bytes | None:
        opcode = packet.opcode
        if opcode not in (self._pending, WAKE):
            return None
        if opcode in PROFILE_WRITES:
            return self._take_fragment(packet, rig_ns)
        self._pending = None
        count = packet.body[0]
        parameters = packet.body[1 : 1 + min(count, FRAGMENT_BYTES)]
        if opcode == WAKE:
            return self._power(parameters, link_ns)
        if opcode == HISTORY_PAGE:
            page = self._firmware.history.page(parameters[0]) if parameters else None
            return self._nak(NAK_NO_PAGE) if page is None else self._send_fragments(opcode, page)
        code = self._commands.execute(opcode, parameters, rig_ns)
        return self._nak(code) if code else self._acted_on(self._commands.name(opcode, parameters), rig_ns)

    def _take_fragment(self, packet: Packet, rig_ns: int) -> bytes | None:
        """Collect a profile; the fragment with the end bit stores it, and may be empty."""
        number = packet.body[0]
        if len(self._upload) < MAX_UPLOAD_BYTES:
            self._upload += packet.body[1:]
        if not number & LAST_FRAGMENT:
            return self._ack()
        self._pending = None
        profile = answers.read_profile(bytes(self._upload))
        code = self._firmware.set_profile(PROFILE_WRITES[packet.opcode], profile, rig_ns)
        return self._nak(code) if code else self._acted_on("profile", rig_ns)

    def _power(self, parameters: bytes, link_ns: int) -> bytes | None:
        """Keep the radio on for some minutes, or switch it off."""
        if len(parameters) >= 2 and parameters[0] == 0:
            self._awake_until_ns = link_ns
        elif len(parameters) >= 2:
            self._awake_until_ns = max(self._awake_until_ns, link_ns + parameters[1] * MINUTE_NS)
        return self._ack()

    def _acted_on(self, name: str, rig_ns: int) -> bytes | None:
        """Return the ACK of a parameter packet that was acted on, unless a fault loses it."""
        lost = False
        for key in (name, "any"):
            number = self._acted[key] = self._acted.get(key, 0) + 1
            for fault in self._faults.active("link.drop_ack", rig_ns):
                lost = lost or (fault.text == key and round(fault.number) == number)
        return None if lost else self._ack()

    def _send_fragments(self, opcode: int, image: bytes) -> bytes:
        pieces = [image[at : at + FRAGMENT_BYTES] for at in range(0, len(image), FRAGMENT_BYTES)]
        self._fragments = [
            long_packet(self._id, opcode, bytes((number | (LAST_FRAGMENT if number == len(pieces) else 0),)) + piece)
            for number, piece in enumerate(pieces, 1)
        ]
        return self._fragments[0]

    def _next_fragment(self) -> bytes | None:
        """Send the next fragment; an ACK of the last one, or of nothing, is met with silence."""
        if self._fragments:
            self._fragments.pop(0)
        return self._fragments[0] if self._fragments else None

    def _ack(self) -> bytes:
        return short_packet(self._id, ACK)

    def _nak(self, code: int) -> bytes:
        return short_packet(self._id, NAK, code)
