"""The pump's radio: which packets it hears, what it answers, and when it sleeps [minimed 1.5 to 1.7, 4, 5]."""

from __future__ import annotations

from dataclasses import dataclass

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
NAK_SEQUENCE = 0x06
MAX_FRAGMENTS = 3
MINUTE_NS = 60_000_000_000
LATE_ACK_NS = 3_000_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What the pump says, and how much later than usual."""

    data: bytes
    late_ns: int = 0


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
        self._upload: list[bytes] = []
        self._starts = firmware.power.starts
        self._counted: dict[str, dict[str, int]] = {"asked": {}, "acted": {}}
        self._late_ns = 0
        self.owes_wake_ack = False

    def hear(self, coded: bytes, times: int, link_ns: int, rig_ns: int) -> Answer | None:
        """Hear a line-coded packet sent ``times`` in a row; return the answer, or None for silence."""
        data = decode_4b6b(coded)
        packet = read_packet(data) if data is not None else None
        if packet is None or packet.pump_id != self._id or self._faults.on("pump.asleep", rig_ns):
            return None
        if not self._has_supply(rig_ns):
            return None
        if link_ns >= self._awake_until_ns:
            self._hear_asleep(packet, times, link_ns, rig_ns)
            return None
        self._awake_until_ns = max(self._awake_until_ns, link_ns + self._awake_span_ns)
        self._late_ns = 0
        answer = self._answer(packet, link_ns, rig_ns)
        self._firmware.power.radio(rig_ns, self._awake_until_ns - link_ns)
        return None if answer is None else Answer(answer, self._late_ns)

    def _has_supply(self, rig_ns: int) -> bool:
        """Say whether the radio works; after a start of the pump it sleeps, and knows of nothing."""
        hears = self._firmware.hears(rig_ns)
        if not hears or self._starts != self._firmware.power.starts:
            self._starts = self._firmware.power.starts
            self._awake_until_ns, self._wake_packets, self._pending = -1, 0, None
            self._fragments, self.owes_wake_ack = [], False
            self._upload.clear()
        return hears

    def wake_ack(self) -> bytes:
        """Return the ACK that a woken pump still owes, for whoever listens first."""
        self.owes_wake_ack = False
        return self._ack()

    def _hear_asleep(self, packet: Packet, times: int, link_ns: int, rig_ns: int) -> None:
        """Count power-control packets; enough of them wake the radio."""
        if packet.opcode != WAKE or packet.is_long:
            self._wake_packets = 0
            return
        self._wake_packets += times
        deep = self._faults.on("pump.deep_sleep", rig_ns)
        if self._wake_packets >= (self._p.deep_wake_packets if deep else self._p.wake_packets):
            self._wake_packets = 0
            self._awake_until_ns = link_ns + self._awake_span_ns
            self._firmware.power.radio(rig_ns, self._awake_span_ns)
            self._pending = WAKE
            self._fragments = []
            self.owes_wake_ack = True

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
        name = self._commands.name(opcode, parameters)
        code = self._refusal(name, rig_ns) or self._commands.execute(opcode, parameters, rig_ns)
        return self._nak(code) if code else self._acted_on(name, rig_ns)

    def _take_fragment(self, packet: Packet, rig_ns: int) -> bytes | None:
        """Collect a profile; the fragment with the end bit stores it, and may be empty.

        A fragment that comes again, because its ACK was lost, counts once.
        """
        number = packet.body[0] & ~LAST_FRAGMENT
        if number not in (len(self._upload), len(self._upload) + 1) or not 0 < number <= MAX_FRAGMENTS + 1:
            return self._nak(NAK_SEQUENCE)
        self._upload[number - 1 :] = [packet.body[1:]]
        if not packet.body[0] & LAST_FRAGMENT:
            return self._ack()
        self._pending = None
        profile = answers.read_profile(b"".join(self._upload[:MAX_FRAGMENTS]))
        pattern = PROFILE_WRITES[packet.opcode]
        code = self._refusal("profile", rig_ns) or self._firmware.set_profile(pattern, profile, rig_ns)
        return self._nak(code) if code else self._acted_on("profile", rig_ns)

    def _power(self, parameters: bytes, link_ns: int) -> bytes | None:
        """Keep the radio on for some minutes, or switch it off."""
        if len(parameters) >= 2 and parameters[0] == 0:
            self._awake_until_ns = link_ns
        elif len(parameters) >= 2:
            self._awake_until_ns = max(self._awake_until_ns, link_ns + parameters[1] * MINUTE_NS)
        return self._ack()

    def _refusal(self, name: str, rig_ns: int) -> int:
        """Return the code of a NAK when a fault refuses this parameter packet, else 0."""
        return NAK_REFUSED if "link.nak" in self._hit("asked", name, ("link.nak",), rig_ns) else 0

    def _acted_on(self, name: str, rig_ns: int) -> bytes | None:
        """Return the ACK of a parameter packet that was acted on, unless a fault loses it or makes it late."""
        hit = self._hit("acted", name, ("link.drop_ack", "link.late_ack"), rig_ns)
        if "link.late_ack" in hit:
            self._late_ns = LATE_ACK_NS
        return None if "link.drop_ack" in hit else self._ack()

    def _hit(self, kind: str, name: str, faults: tuple[str, ...], rig_ns: int) -> set[str]:
        """Count a parameter packet; return which of the faults are meant for it."""
        counted, hit = self._counted[kind], set()
        for key in (name, "any"):
            number = counted[key] = counted.get(key, 0) + 1
            for fault in (each for which in faults for each in self._faults.active(which, rig_ns)):
                if fault.text == key and round(fault.number) == number:
                    hit.add(fault.name)
        return hit

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
