"""The radio stick: a CC1110 or CC1111 with subg_rfspy firmware on a UART.

It is a plain modem: whatever goes out or comes in is a 4b6b-encoded radio packet. One command is in flight at a time
and is written whole, since the stick starts sending before it has the end. Source: minimed-protocol 2.2.
"""

from __future__ import annotations

from rig.clock import to_ns
from rig.errors import MalformedReply, ProtocolError, TransportTimeout
from rig.transport.links import Link, Links
from rig.wire import subg_rfspy as rfspy
from rig.wire.subg_rfspy import Received, Register, Silence

_SHORT_PACKET_S = 0.014  # air time with preamble and sync
_MARGIN_S = 1.0
_QUIET_S = 0.05
_DRAIN_S = 2.0
_CONTACT_TRIES = 3


class RadioStick:
    """One stick on one link; constructing does nothing."""

    def __init__(self, links: Links, link: Link, frequency_mhz: float) -> None:
        self._links = links
        self._link = link
        self.frequency_mhz = frequency_mhz
        self._in_step = False
        self._opening = 0  # the opening of the link at which the stick was tuned
        self.version = ""

    @property
    def where(self) -> str:
        """Name the stick's link and port for messages."""
        return self._link.where

    def open(self) -> None:
        """Bring the stick into step, check its firmware, and tune it.

        Raises `TransportTimeout` when nothing answers, `MalformedReply` when something else does, `InstrumentError`
        for a firmware with another dialect.
        """
        opening = self._link.openings
        self._get_in_step()
        self.version = rfspy.parse_version(self._command(rfspy.get_version(), _MARGIN_S, "GetVersion"))
        self._set_frequency()
        self._opening = opening

    def tune(self, frequency_mhz: float) -> None:
        """Set the frequency, now and whenever the stick is opened again."""
        self.frequency_mhz = frequency_mhz
        self.ready()
        self._set_frequency()

    def ready(self) -> None:
        """Make sure that the next answer is the answer to the next command: open, or get in step again.

        A stick that was plugged in again has forgotten its frequency, so it is opened like a new one.
        """
        if not self.version or self._opening != self._link.openings:
            self.open()
        elif not self._in_step:
            self._get_in_step()

    def burst(self, encoded: bytes, count: int) -> None:
        """Send one packet ``count`` times, back to back."""
        self.ready()
        timeout_s = count * _SHORT_PACKET_S + _MARGIN_S
        response = self._command(rfspy.send_packet(encoded, repeat=count - 1), timeout_s, "SendPacket")
        if response:
            self._in_step = False
            raise MalformedReply(self.where, response, asked="SendPacket", expected="00")

    def listen(self, timeout_ms: int) -> Received | Silence:
        """Listen for one packet."""
        self.ready()
        return self._receive(rfspy.get_packet(timeout_ms), timeout_ms, "GetPacket")

    def send_and_listen(self, encoded: bytes, timeout_ms: int) -> Received | Silence:
        """Send a packet exactly once, and listen for one packet."""
        self.ready()
        return self._receive(rfspy.send_and_listen(encoded, timeout_ms), timeout_ms, "SendAndListen")

    def _receive(self, command: bytes, timeout_ms: int, asked: str) -> Received | Silence:
        timeout_s = timeout_ms / 1000 + _MARGIN_S
        heard = self._parse(self._command(command, timeout_s, asked))
        if heard is Silence.INTERRUPTED:
            # This was about a receive that was left running before; the answer to our command follows.
            heard = self._parse(self._exchange(b"", timeout_s, asked))
        return heard

    def _parse(self, response: bytes) -> Received | Silence:
        try:
            return rfspy.parse_reception(response)
        except ProtocolError:
            self._in_step = False
            raise

    def _command(self, command: bytes, timeout_s: float, asked: str) -> bytes:
        self._link.discard_input()
        return self._exchange(command, timeout_s, asked)

    def _exchange(self, command: bytes, timeout_s: float, asked: str) -> bytes:
        # Until the answer is here, a late one could be taken for that to a later command.
        self._in_step = False
        response = self._links.exchange(self._link, command, rfspy.take_response, timeout_s, asked)
        self._in_step = True
        return response

    def _get_in_step(self) -> None:
        """Ask for the state until the stick says OK; whatever it says before belongs to the past."""
        heard = b""
        for attempt in range(_CONTACT_TRIES):
            if attempt:
                self._link.write(rfspy.FLUSH)
            heard += self._drain()
            try:
                response = self._command(rfspy.get_state(), _MARGIN_S, "GetState")
                while response != rfspy.OK:
                    heard += response
                    response = self._exchange(b"", _MARGIN_S, "GetState")
            except TransportTimeout:
                self._in_step = False
                heard += self._link.discard_input()
            else:
                return
        if heard:
            raise MalformedReply(
                self.where,
                heard[:32],
                asked="GetState",
                expected="4F 4B 00 from subg_rfspy",
                hint="is another device on this port? check the port in the bench file; the stick runs at 19200 baud",
            )
        raise TransportTimeout(
            "no radio stick answers",
            where=self.where,
            expected="4F 4B 00 from subg_rfspy 0.7 to 1.0 at 19200 baud",
            hint="check plug, port and firmware: builds of the 2.x line have no UART and stay silent",
        )

    def _set_frequency(self) -> None:
        registers = (Register.FREQ0, Register.FREQ1, Register.FREQ2)
        for register, command in zip(registers, rfspy.frequency_commands(self.frequency_mhz), strict=True):
            rfspy.check_update(self._command(command, _MARGIN_S, "UpdateRegister"), register)

    def _drain(self) -> bytes:
        clock = self._links.clock
        give_up_ns = clock.link_ns() + to_ns(_DRAIN_S)
        while clock.link_ns() < give_up_ns:
            if not self._links.wait(clock.link_ns() + to_ns(_QUIET_S), self._link):
                break
        return self._link.discard_input()
