"""The CareLink USB stick as a serial device: blocks of 64 bytes, and a buffer of what the pump said [minimed 2.4]."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import partial

from rig.sim.faults import FaultSet
from rig.sim.parameters import PlantParameters
from rig.sim.pump.air import Air
from rig.sim.pump.dance import KIND_PIECE, Command, Dance, Statistics
from rig.sim.pump.packets import FRAGMENT_BYTES, PUMP_TRAFFIC, crc8
from rig.sim.pump.radio import PumpRadio
from rig.sim.seeds import source
from rig.transport.virtual import Port

TRANSMIT, LINK_STATUS, PRODUCT, STATISTICS, SIGNAL, DOWNLOAD = 0x01, 0x03, 0x04, 0x05, 0x06, 0x0C
SIZES = {DOWNLOAD: 5, LINK_STATUS: 3, PRODUCT: 3, STATISTICS: 3, SIGNAL: 3}
HEAD = 14  # of a transmit, before its CRC; also what a download adds to its data
BURST = 0x55
BLOCK = 64
BAD_CRC, BAD_DATA, BUSY, NOT_SUPPORTED = 1, 2, 3, 4
DATA_READY, RECEIVING, SENDING, OVERFLOW = 0x01, 0x02, 0x04, 0x10
MAX_PIECE = 512
MAX_PARAMETERS = 1024
MAX_REPLIES = 8
GAP_NS = 250_000_000  # a command whose bytes stop coming for so long is given up
REPLY_NS = 2_000_000
ID_OF_STICK = bytes.fromhex("900001")
NAME = b"ComLink II"
HALF_WAY_MHZ = 900.0


@dataclass(slots=True)
class _Reply:
    """What the pump said to one command, until the host has downloaded it."""

    kind: int
    pump_id: bytes
    retries: int
    data: bytearray = field(default_factory=bytearray)
    is_whole: bool = False
    broke_off: bool = False  # the pump fell silent in the middle
    taken: int = 0  # bytes downloaded
    offered_again: bool = False

    @property
    def size(self) -> int:
        """Return the bytes of a download now, 0 when there is nothing to fetch."""
        left = min(len(self.data) - self.taken, MAX_PIECE)
        return left + HEAD if left or (self.is_whole and not self.taken) else 0


class CareLinkStick:
    """Takes the host's bytes, leads the pump's exchanges, and hands out what came. All times are link times."""

    def __init__(self, pump: PumpRadio, parameters: PlantParameters, seed: int, faults: FaultSet) -> None:
        self._p = parameters
        self._faults = faults
        self._air = Air(pump, parameters, seed, faults, self._heard)
        self._slow = source(seed, "carelink.slow")
        self._port: Port | None = None
        self._forget()

    def _forget(self) -> None:
        self._input = bytearray()
        self._input_ns = -1
        self._block = bytearray(BLOCK)  # never cleared: what an earlier reply left stays in the next
        self._replies: deque[_Reply] = deque()
        self._dance: Dance | None = None
        self._pump_id = b""
        self._radio = Statistics()
        self._usb = Statistics()
        self._overflow = False
        self._measured = False
        self._said_ns = -1

    def attach(self, port: Port) -> None:
        """Learn the wire."""
        self._port = port
        self._air.attach(port)

    def power_off(self) -> None:
        """Lose the supply: what it is sending breaks off, and it has forgotten everything when it comes back."""
        self._air.power_off()
        if self._dance is not None:
            self._dance.stop()
        self._forget()

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take bytes of the host."""
        self._input += data
        self._input_ns = now_ns
        while self._input:
            size = self._size_of_command()
            if size is None or len(self._input) < size:
                break
            command = bytes(self._input[:size])
            del self._input[:size]
            self._usb.received += 1
            self._handle(command, now_ns)
        if self._input:
            self._wire.call_at(now_ns + GAP_NS, partial(self._give_up, now_ns))

    @property
    def _wire(self) -> Port:
        if self._port is None:
            raise RuntimeError("a simulated stick was used before it was attached")
        return self._port

    # --- commands of the host

    def _size_of_command(self) -> int | None:
        """Return the bytes of the command that begins the input, or None while that cannot be told."""
        if self._input[0] != TRANSMIT:
            return SIZES.get(self._input[0], 3)
        if len(self._input) < 9:
            return None
        count = (self._input[7] & 0x7F) << 8 | self._input[8]
        return HEAD + 2 + count if count <= MAX_PARAMETERS else len(self._input)

    def _give_up(self, since_ns: int, at_ns: int) -> None:
        """Refuse a command that is not going to be whole."""
        if self._input and self._input_ns == since_ns:
            self._input.clear()
            self._refuse(BAD_DATA, at_ns)

    def _handle(self, command: bytes, now_ns: int) -> None:
        if command[0] == TRANSMIT:
            self._transmit(command, now_ns)
        elif command[0] == DOWNLOAD:
            self._download(command, now_ns)
        elif command[0] == LINK_STATUS:
            self._accept(now_ns, self._status(now_ns))
        elif command[0] == PRODUCT:
            self._accept(now_ns, self._product())
        elif command[0] == STATISTICS and command[1] <= 1:
            self._accept(now_ns, _counts(self._usb if command[1] else self._radio))
        elif command[0] == SIGNAL:
            self._accept(now_ns, bytes((self._signal(now_ns) if self._measured else 0,)))
            self._measured = True
        else:
            self._refuse(BAD_DATA if command[0] == STATISTICS else NOT_SUPPORTED, now_ns)

    def _transmit(self, command: bytes, now_ns: int) -> None:
        code = _fault_of(command)
        if not code and self._dance is not None and not self._dance.is_over:
            code = BUSY
        if code:
            self._refuse(code, now_ns)
            return
        count = len(command) - HEAD - 2
        asked = Command(
            pump_id=command[4:7],
            opcode=command[13],
            parameters=command[15 : 15 + count],
            burst=command[9] == BURST,
            retries=command[10],
            records=command[11],
        )
        self._accept(now_ns)
        if not self._faults.on("link.stale", self._wire.rig_ns(now_ns)):
            # In recorded traffic the ACK of a key press that nobody fetched is gone after the next transmit, and the
            # first download is the next command's answer (decocare, analysis/mm-send-comm.markdown).
            self._replies.clear()
        self._pump_id = asked.pump_id
        self._dance = Dance(asked, self._air, self._wire, self, self._radio, now_ns + REPLY_NS)

    def _download(self, command: bytes, now_ns: int) -> None:
        size = command[2] << 8 | command[3]
        if crc8(command[:4]) != command[4]:
            self._refuse(BAD_CRC, now_ns)
        elif not self._replies or not self._replies[0].size:
            self._refuse(BUSY, now_ns)  # nothing to fetch
        elif not _can_give(self._replies[0], size - HEAD):
            self._refuse(BAD_DATA, now_ns)
        else:
            self._hand_out(self._replies[0], size - HEAD, now_ns)

    def _hand_out(self, reply: _Reply, length: int, now_ns: int) -> None:
        data = bytes(reply.data[reply.taken : reply.taken + length])
        reply.taken += length
        ends = reply.is_whole and reply.taken == len(reply.data)
        end = 0x80 if ends and not reply.broke_off else 0
        head = bytes((0x02, 0x00, reply.kind, reply.retries, self._signal(now_ns), end | length >> 8, length & 0xFF))
        head += bytes((PUMP_TRAFFIC, 0x01)) + reply.pump_id
        block = head + bytes((crc8(head),)) + data + bytes((crc8(data),))
        if ends:
            self._replies.popleft()
            if self._faults.on("link.stale", self._wire.rig_ns(now_ns)) and not reply.offered_again:
                reply.taken, reply.offered_again = 0, True
                self._replies.appendleft(reply)
        self._say(block, now_ns)
        if self._dance is not None:
            self._dance.go_on(now_ns)

    # --- what it says

    def _accept(self, now_ns: int, body: bytes = b"") -> None:
        self._say(b"\x01\x55\x00" + body, now_ns, whole_block=True)

    def _refuse(self, code: int, now_ns: int) -> None:
        self._usb.naks += 1
        self._usb.crc_errors += code == BAD_CRC
        self._say(bytes((0x01, 0x66, code)), now_ns, whole_block=True)

    def _say(self, data: bytes, now_ns: int, whole_block: bool = False) -> None:
        """Send bytes; now and then they are so late that a first reading returns nothing."""
        self._block[: min(len(data), BLOCK)] = data[:BLOCK]
        self._usb.sent += 1
        slow = self._slow.random() < self._p.stick_slow_share
        at_ns = max(self._said_ns, now_ns + (round(self._p.stick_slow_s * 1e9) if slow else REPLY_NS))
        self._said_ns = at_ns
        self._wire.send(bytes(self._block) if whole_block else data, at_ns)

    def _status(self, now_ns: int) -> bytes:
        size = self._replies[0].size if self._replies else 0
        bits = DATA_READY if size else 0
        if self._dance is not None and not self._dance.is_over:
            bits |= RECEIVING if self._dance.is_receiving else 0
            bits |= SENDING if now_ns < self._dance.sending_until_ns else 0
        bits |= OVERFLOW if self._overflow else 0
        self._overflow = False
        return bytes((0, 2, bits)) + size.to_bytes(2, "big")

    def _product(self) -> bytes:
        frequency = 0x00 if self._p.pump_frequency_mhz > HALF_WAY_MHZ else 0x01
        return ID_OF_STICK + b"\x02\x00" + bytes((frequency,)) + NAME + b"\x01\x10" + bytes((2, 0, 1, 1, 3))

    def _signal(self, now_ns: int) -> int:
        """Return the signal strength byte.

        No source states its scale. Here -48 dBm is the D0 of the worked examples, and the noise at -101 dBm lies just
        below the 50 for which clients wait.
        """
        return max(0, min(255, round(3.0 * self._air.level_dbm(self._wire.rig_ns(now_ns)) + 352.0)))

    # --- the pump

    def _heard(self, coded: bytes, begins_ns: int, at_ns: int) -> None:
        if self._dance is not None:
            self._dance.heard(coded, begins_ns, at_ns)

    def piece(self, kind: int, data: bytes, is_last: bool, retries: int) -> None:
        """Take an answer of the pump, or a piece of one; in a stale buffer answers wait for one another."""
        last = self._replies[-1] if self._replies else None
        if last is not None and not last.is_whole:
            if kind == KIND_PIECE:
                last.data += data
                last.is_whole = is_last
                return
            last.is_whole = last.broke_off = True
            if last.taken == len(last.data):
                self._replies.pop()
        if len(self._replies) < MAX_REPLIES:
            self._replies.append(_Reply(kind, self._pump_id, retries, bytearray(data), is_last))
        else:
            self._overflow = True
            if self._dance is not None:
                self._dance.stop()

    def has_room(self) -> bool:
        """Say whether another fragment fits into what can be downloaded at once."""
        last = self._replies[-1]
        return len(last.data) - last.taken + FRAGMENT_BYTES <= MAX_PIECE


def _fault_of(command: bytes) -> int:
    """Return the code of the NAK for a transmit that is wrong, 0 when nothing is."""
    count = len(command) - HEAD - 2
    if command[1:4] != b"\x00\xa7\x01" or count != (command[7] & 0x7F) << 8 | command[8] or not command[7] & 0x80:
        return BAD_DATA
    parameters = command[HEAD + 1 : -1]
    if crc8(command[:HEAD]) != command[HEAD] or (crc8(parameters) if parameters else 0) != command[-1]:
        return BAD_CRC
    if command[9] not in (0, BURST) or command[11] > 2 or command[12]:
        return BAD_DATA
    return 0


def _can_give(reply: _Reply, length: int) -> bool:
    """Say whether a download of so many bytes is possible: all there is, or whole fragments of it."""
    if length == reply.size - HEAD:
        return True
    return reply.kind == KIND_PIECE and 0 < length < reply.size - HEAD and length % FRAGMENT_BYTES == 0


def _counts(statistics: Statistics) -> bytes:
    small = (statistics.crc_errors, statistics.sequence_errors, statistics.naks, statistics.timeouts)
    large = (statistics.received, statistics.sent)
    return bytes(value & 0xFF for value in small) + b"".join((value & 0xFFFFFFFF).to_bytes(4, "big") for value in large)
