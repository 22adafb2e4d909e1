"""The radio stick on its UART: subg_rfspy 0.9 [minimed 2.2]."""

from __future__ import annotations

from dataclasses import dataclass

from rig.sim.faults import FaultSet
from rig.sim.parameters import PlantParameters
from rig.sim.pump.air import Air
from rig.sim.pump.radio import PumpRadio
from rig.sim.seeds import source
from rig.transport.virtual import Port

GET_STATE, GET_VERSION, GET_PACKET, SEND_PACKET, SEND_AND_LISTEN, UPDATE_REGISTER, RESET, LED = range(1, 9)
ARGUMENT_BYTES = {GET_PACKET: 5, SEND_PACKET: 3, SEND_AND_LISTEN: 9, UPDATE_REGISTER: 2, LED: 2}
CARRIES_PACKET = (SEND_PACKET, SEND_AND_LISTEN)
VERSION = b"subg_rfspy 0.9\x00"
NOTHING_HEARD, INTERRUPTED = b"\xaa\x00", b"\xbb\x00"
REGISTERS = range(0x30)  # of the CC1110's radio, by offset
FREQUENCY_DEFAULT = {0x09: 0x26, 0x0A: 0x30, 0x0B: 0x70}
CRYSTAL_MHZ = 24.0
MAX_PACKET = 512
RESET_NS = 1_000_000_000
NS_PER_MS = 1_000_000
RSSI_OFFSET_DBM = 73.0
OFF_DB = 20.0  # lost at the end of the reach; no source, the shape of a filter


@dataclass(slots=True)
class _Listening:
    """A running receive, and what to send again when nothing comes."""

    token: int
    since_ns: int
    timeout_ns: int
    again: bytes
    retries: int


class Stick:
    """Takes UART bytes, sends what they ask for, and returns what it hears. All times are link times."""

    def __init__(self, pump: PumpRadio, parameters: PlantParameters, seed: int, faults: FaultSet) -> None:
        self._p = parameters
        self._air = Air(pump, parameters, seed, faults, self._heard, self._off_db)
        self._level = source(seed, "radio.level")
        self._port: Port | None = None
        self._input = bytearray()
        self._frequency = dict(FREQUENCY_DEFAULT)
        self._counter = 0
        self._busy_until_ns = -1
        self._sending_until_ns = -1
        self._listening: _Listening | None = None
        self._token = 0

    def attach(self, port: Port) -> None:
        """Learn the wire."""
        self._port = port
        self._air.attach(port)

    def power_off(self) -> None:
        """Lose the supply: what it is sending breaks off, and it has forgotten everything when it comes back."""
        self._air.power_off()
        self._token += 1
        self._input.clear()
        self._frequency = dict(FREQUENCY_DEFAULT)
        self._busy_until_ns = self._sending_until_ns = -1
        self._listening = None

    def receive(self, data: bytes, now_ns: int) -> None:
        """Take UART bytes; a byte during a receive ends it."""
        self._input += data
        self._work(now_ns)

    @property
    def _wire(self) -> Port:
        if self._port is None:
            raise RuntimeError("a simulated stick was used before it was attached")
        return self._port

    def _work(self, now_ns: int) -> None:
        """Handle commands until one is incomplete or the radio is busy sending."""
        while self._input and now_ns >= self._busy_until_ns:
            if self._listening is not None:
                self._listening = None
                self._wire.send(INTERRUPTED, now_ns)
            command = self._take_command()
            if command is None:
                return
            self._handle(command[0], command[1], command[2], now_ns)

    def _take_command(self) -> tuple[int, bytes, bytes] | None:
        """Take (opcode, arguments, packet) off the input, or None while it is incomplete."""
        buffer = self._input
        opcode = buffer[0]
        size = 1 + ARGUMENT_BYTES.get(opcode, 0)
        if len(buffer) < size:
            return None
        end = size
        if opcode in CARRIES_PACKET:
            stop = buffer.find(b"\x00", size)
            if stop < 0:
                if len(buffer) > MAX_PACKET:
                    del buffer[MAX_PACKET:]  # the firmware's buffer is finite; the rest of the packet is lost
                return None
            end = stop + 1
        command = opcode, bytes(buffer[1:size]), bytes(buffer[size : max(size, end - 1)])
        del buffer[:end]
        return command

    def _handle(self, opcode: int, arguments: bytes, packet: bytes, now_ns: int) -> None:
        wire = self._wire
        if opcode == GET_STATE:
            wire.send(b"OK\x00", now_ns)
        elif opcode == GET_VERSION:
            wire.send(VERSION, now_ns)
        elif opcode == UPDATE_REGISTER:
            known = arguments[0] in REGISTERS
            if known and arguments[0] in self._frequency:
                self._frequency[arguments[0]] = arguments[1]
            wire.send(b"\x01\x00" if known else b"\x02\x00", now_ns)
        elif opcode == GET_PACKET:
            self._listen(_timeout_ns(arguments[1:5]), now_ns)
        elif opcode == SEND_PACKET:
            sent_ns = self._transmit(packet, arguments[1], arguments[2], now_ns)
            wire.send(b"\x00", sent_ns)
        elif opcode == SEND_AND_LISTEN:
            self._send_and_listen(arguments, packet, now_ns)
        elif opcode == RESET:
            self._frequency = dict(FREQUENCY_DEFAULT)
            self._hold_until(now_ns + RESET_NS)
        # LED has no answer, 00 only interrupts, and 0.9 ignores what it does not know.

    def _send_and_listen(self, arguments: bytes, packet: bytes, now_ns: int) -> None:
        repeat, delay_ms = arguments[1], arguments[2]
        timeout_ns = _timeout_ns(arguments[4:8])
        sent_ns = self._transmit(packet, repeat, delay_ms, now_ns)
        self._listen(timeout_ns, sent_ns, again=packet, retries=arguments[8])

    def _hold_until(self, at_ns: int) -> None:
        """Be busy until a link time; commands that come meanwhile wait in the UART's buffer."""
        self._busy_until_ns = at_ns
        self._wire.call_at(at_ns, self._work)

    def _transmit(self, packet: bytes, repeat: int, delay_ms: int, now_ns: int) -> int:
        """Send a packet ``repeat`` more times; return when the radio is done."""
        done_ns = self._air.send(packet, 1 + repeat, delay_ms * NS_PER_MS, now_ns, self._in_reach())
        self._busy_until_ns = self._sending_until_ns = done_ns
        self._wire.call_at(done_ns, self._work)
        return done_ns

    def _heard(self, coded: bytes, begins_ns: int, at_ns: int) -> None:
        """Hand up a packet of the pump that has ended, if the stick listened all the time."""
        listening = self._listening
        if listening is None or begins_ns < self._sending_until_ns or not self._in_reach():
            return
        if begins_ns + self._air.preamble_ns < listening.since_ns:
            return  # its beginning was over before the radio listened
        self._listening = None
        self._counter = self._counter % 255 + 1
        rssi = self._rssi(self._wire.rig_ns(at_ns))
        self._wire.send(bytes((rssi, self._counter)) + coded + b"\x00", at_ns)

    def _listen(self, timeout_ns: int, from_ns: int, again: bytes = b"", retries: int = 0) -> None:
        """Receive from ``from_ns`` on; a timeout of 0 never ends by itself."""
        self._token += 1
        token = self._token
        self._listening = _Listening(token, from_ns, timeout_ns, again, retries)
        self._wire.call_at(from_ns, lambda at_ns: self._owed_ack(token, at_ns))
        if timeout_ns:
            self._wire.call_at(from_ns + timeout_ns, lambda at_ns: self._timed_out(token, at_ns))

    def _owed_ack(self, token: int, at_ns: int) -> None:
        """Let a woken pump acknowledge to whoever listens first."""
        if self._is_current(token) and self._in_reach():
            self._air.listen(at_ns)

    def _timed_out(self, token: int, at_ns: int) -> None:
        listening = self._listening
        if listening is None or listening.token != token:
            return
        arriving_until_ns = self._air.arriving_until(at_ns, listening.since_ns) if self._in_reach() else None
        if arriving_until_ns is not None:  # only silence times out, not a packet that has begun (radio.c of 0.9)
            self._wire.call_at(arriving_until_ns, lambda then_ns: self._timed_out(token, then_ns))
            return
        if listening.again and listening.retries:
            sent_ns = self._transmit(listening.again, 0, 0, at_ns)  # once, however often the first time (radio.c)
            self._listen(listening.timeout_ns, sent_ns, listening.again, listening.retries - 1)
            return
        self._listening = None
        self._wire.send(NOTHING_HEARD, at_ns)

    def _is_current(self, token: int) -> bool:
        return self._listening is not None and self._listening.token == token

    def _tuned_mhz(self) -> float:
        word = self._frequency[0x09] << 16 | self._frequency[0x0A] << 8 | self._frequency[0x0B]
        return word * CRYSTAL_MHZ / 65536.0

    def _in_reach(self) -> bool:
        return abs(self._tuned_mhz() - self._p.pump_frequency_mhz) <= self._p.radio_reach_mhz

    def _off_db(self) -> float:
        """Return what is lost, either way, by not being tuned to the pump."""
        off = (self._tuned_mhz() - self._p.pump_frequency_mhz) / self._p.radio_reach_mhz
        return OFF_DB * off * off

    def _rssi(self, rig_ns: int) -> int:
        """Return the signal strength byte: dBm = value / 2 - 73; never 00."""
        dbm = self._air.level_dbm(rig_ns) - self._off_db() + self._level.gauss(0.0, 0.7)
        value = round((max(dbm, self._p.radio_noise_dbm) + RSSI_OFFSET_DBM) * 2.0)
        return (max(-128, min(127, value)) & 0xFF) or 1


def _timeout_ns(field: bytes) -> int:
    return int.from_bytes(field, "big") * NS_PER_MS
