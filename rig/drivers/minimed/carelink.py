"""The way to a pump through a CareLink USB stick.

The stick carries out a whole command with the pump by itself; the host writes it, asks until there is something to
download, and downloads it. What the stick holds from an earlier command is thrown away before the next one is written,
so that no old acknowledgement can pass for a new one. Commands with parameters are written once and with a retry count
of 0: the stick must not send them again either. Only a suspend may be repeated, since it can but stop a delivery.
Source: minimed-protocol 2.4 and 10.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from rig.clock import to_ns
from rig.drivers.minimed.way import TRIES, PumpNotHeard, Refused, Settled, name, not_heard, not_woken, refuse_nak
from rig.errors import BenchError, InstrumentError, MalformedReply, ProtocolError, TransportTimeout
from rig.transport.links import Link, Links
from rig.wire import carelink
from rig.wire.carelink import Download, Kind, Records
from rig.wire.minimed import commands, counts
from rig.wire.minimed.packets import Opcode, Packet

BAUD = 9600  # nominal: the port is USB
_BLOCK_S = 1.0
_AGAIN_S = 0.25  # an empty first answer is asked for again
_POLL_S = 0.1
_ANSWER_S = 4.0  # of a command, repeats of the stick included
_WAKE_S = 25.0  # of the wake-up, which takes the stick 12 s or more
_PIECES_S = 20.0
_READ_RETRIES = 2
_DRAIN_S = 2.0
_FRAGMENT_BYTES = 64
_QUIET_S = 0.05
_WAKE_MINUTES = bytes((1, 10))
_JUST_S = 2.0
_LATE_S = 6.0  # how long an answer that never came is waited for before the next command
_STALE = 8  # old downloads that are thrown away before something must be wrong

Value = TypeVar("Value")
_SUSPEND = (Opcode.SUSPEND_RESUME, commands.suspend_resume(suspend=True))
_ECHO_S = 0.5  # after a repeat of the stick: the answer to a former try may still come
_BUSY = carelink.State.RECEIVING | carelink.State.TRANSMITTING


class CareLink:
    """One stick on one link, and one pump behind it; implements `rig.drivers.minimed.way.PumpWay`."""

    def __init__(self, links: Links, link: Link, pump_id: str) -> None:
        self._links = links
        self._link = link
        self._pump_id = pump_id
        self._counts = counts.Counts()
        self._opening = -1  # the opening of the link at which the stick was greeted
        self._owing = False  # a command was written, and nothing downloaded since
        self._woken_ns = -to_ns(_JUST_S)
        self.heard_rig_ns = 0
        self.lost_because = ""
        self.version = ""
        self.rssi_dbm: float | None = None
        self.tuned_mhz: float | None = None  # as the stick says it, once it was opened
        self.signal = ""

    @property
    def scanned(self) -> tuple[tuple[float, float | None], ...]:
        """Nothing: this stick cannot be tuned."""
        return ()

    def open(self) -> None:
        """Bring the stick into step and see that it is one; throw away what it still holds.

        Raises `TransportTimeout` when nothing answers, `MalformedReply` when something else does.
        """
        opening = self._link.openings
        self._drain()
        product = carelink.parse_product(self._command(carelink.product_info(), "product info"))
        self.version = f"{product.description} {product.firmware}, {product.frequency_mhz:g} MHz, no. {product.serial}"
        self.tuned_mhz = product.frequency_mhz
        self._opening = opening
        self._discard_stale()

    def ready(self) -> None:
        """Make sure that the next answer is the answer to the next command."""
        if self._opening != self._link.openings:
            self.open()
        else:
            self._discard_stale()

    def read(self, opcode: Opcode, tries: int = TRIES) -> Packet:
        """Ask for one packet of data; the stick itself asks up to three times."""
        if opcode in counts.BY_FAMILY and not self._counts.known:
            self.read(Opcode.MODEL)
        trouble: BenchError | None = None
        for _ in range(max(1, tries - 1)):
            self.ready()
            try:
                answer = self._carry_out(opcode, b"", Records.ONE, _READ_RETRIES if tries > 1 else 0, _ANSWER_S)
            except (ProtocolError, TransportTimeout) as error:
                trouble = error
                continue
            trouble = None
            if answer.kind is Kind.NAK:
                refuse_nak(self._pump_id, answer.data[0], opcode)
            if answer.kind is Kind.ANSWER:
                if answer.retries:
                    self._links.pause(_ECHO_S)
                return self._counts.packet(self._pump_id, opcode, answer.data)
        raise trouble or not_heard(self._pump_id, opcode, tries)

    def announce(self, opcode: Opcode) -> None:  # noqa: ARG002 - the stick sends the first half by itself
        """See the stick ready; it sends the harmless half of a command by itself."""
        self.ready()

    def once(self, opcode: Opcode, parameters: bytes) -> Settled:
        """Have the stick send the parameters of a command exactly once.

        Raises `InstrumentError` when the pump refuses, or when the stick does so before anything was sent. Whatever
        else happens is `LOST`: neither stick nor host say whether the pump heard the second half.
        """
        self.ready()
        return self._once(opcode, parameters)

    def once_image(self, opcode: Opcode, image: bytes) -> Settled:
        """Have the stick send parameters that fill several packets, exactly once; it cuts them up by itself."""
        return self.once(opcode, image)

    def read_fragments(self, opcode: Opcode, parse: Callable[[bytes], Value], parameters: bytes | None = None) -> Value:
        """Return what ``parse`` makes of an answer in several packets; asked for again as a whole when it is broken."""
        broken: BenchError | None = None
        for _ in range(TRIES):
            self.ready()
            try:
                data = self._collect(opcode, parameters or b"")
                if data is not None:
                    return parse(data)
            except (ProtocolError, TransportTimeout) as error:
                broken = error
        raise broken or not_heard(self._pump_id, opcode, TRIES)

    def wake(self, *, long_sleeper: bool) -> None:
        """Have the stick send its wake-up burst; twice for a pump of the old families, which sleeps longer."""
        for _ in range(2 if long_sleeper else 1):
            if self._power(_WAKE_MINUTES, _WAKE_S):
                self._woken_ns = self._links.clock.link_ns()
                return
        raise not_woken(self._pump_id)

    def power_on(self, parameters: bytes) -> bool:
        """Ask the pump to keep its radio on; say whether it agreed.

        The stick sends its wake-up burst with every such command, 12 s of it: a pump that was just woken is not asked.
        """
        just_woken = self._links.clock.link_ns() - self._woken_ns < to_ns(_JUST_S)
        return (just_woken and parameters == _WAKE_MINUTES) or self._power(parameters, _WAKE_S)

    def _power(self, parameters: bytes, timeout_s: float) -> bool:
        self.ready()
        try:
            return self._carry_out(Opcode.POWER, parameters, Records.NONE, 0, timeout_s).kind is Kind.ACK
        except (InstrumentError, ProtocolError, TransportTimeout):
            return False

    def _once(self, opcode: Opcode, parameters: bytes) -> Settled:
        try:
            self._write(opcode, parameters, Records.ONE, _READ_RETRIES if (opcode, parameters) == _SUSPEND else 0)
        except InstrumentError:  # the stick says that it did not take the command: nothing left
            raise
        except BenchError as error:
            return self._lost(str(error))
        try:
            answer = self._await(opcode, _ANSWER_S)
        except BenchError as error:
            return self._lost(str(error))
        if answer.kind is Kind.NAK:
            refused = Refused(self._pump_id, answer.data[0], opcode)
            if not refused.is_of_the_talk:
                raise refused
            return self._lost(str(refused))
        if answer.kind is Kind.ACK:
            return Settled.ACKNOWLEDGED
        return self._lost(f"the stick heard no acknowledgement of {name(opcode)}")

    def _lost(self, why: str) -> Settled:
        self.lost_because = why
        return Settled.LOST

    def _collect(self, opcode: Opcode, parameters: bytes) -> bytes | None:
        """Return the joined pieces of an answer, None when the pump was not heard."""
        give_up_ns = self._links.clock.link_ns() + to_ns(_PIECES_S)
        data = b""
        piece = self._carry_out(opcode, parameters, Records.SEVERAL, _READ_RETRIES, _ANSWER_S)
        while True:
            if piece.kind is Kind.NAK:
                refuse_nak(self._pump_id, piece.data[0], opcode)
            if piece.kind is not Kind.PIECE and not _is_several(piece):
                return None
            data += piece.data
            if piece.last:
                return data
            if self._links.clock.link_ns() > give_up_ns:
                return None
            piece = self._await(opcode, _ANSWER_S)

    def _carry_out(
        self, opcode: Opcode, parameters: bytes, records: Records, retries: int, within_s: float
    ) -> Download:
        """Write a command and return what comes of it; for commands that may be repeated."""
        self._write(opcode, parameters, records, retries)
        return self._await(opcode, within_s)

    def _write(self, opcode: Opcode, parameters: bytes, records: Records, retries: int) -> None:
        command = carelink.transmit(self._pump_id, opcode, parameters, records=records, retries=retries)
        self._link.discard_input()
        self._owing = True
        carelink.body(self._block(command, name(opcode)), name(opcode))

    def _await(self, opcode: Opcode, within_s: float) -> Download:
        """Ask until there is something to download from this pump, and download it."""
        give_up_ns = self._links.clock.link_ns() + to_ns(within_s)
        while True:
            status = self._status()
            if status.size:
                heard = self._download(status.size)
                self._owing = False
                if heard.kind is Kind.NOTHING or heard.pump_id == self._pump_id:
                    return self._noted(heard)
            elif self._links.clock.link_ns() >= give_up_ns:
                raise PumpNotHeard(
                    f"nothing to download within {within_s:g} s after {name(opcode)}",
                    where=f"{self._link.where}, pump {self._pump_id}",
                    hint="put the stick close to the pump",
                )
            else:
                self._links.pause(_POLL_S)

    def _noted(self, heard: Download) -> Download:
        if heard.kind is not Kind.NOTHING:
            self.heard_rig_ns = self._link.last_rx_ns
            self.signal = f"{heard.signal} of 255"
        return heard

    def _status(self) -> carelink.LinkStatus:
        return carelink.parse_link_status(self._command(carelink.link_status(), "link status"))

    def _download(self, size: int) -> Download:
        if not carelink.OVERHEAD <= size <= carelink.MAX_DOWNLOAD:
            raise MalformedReply(
                self._link.where, size.to_bytes(2, "big"), asked="link status", expected="14 to 1038 bytes to download"
            )
        self._link.discard_input()
        return self._links.exchange(
            self._link,
            carelink.download(size),
            lambda inbox: carelink.take_download(inbox, size),
            _BLOCK_S + size / 256,
            "download",
        )

    def _command(self, command: bytes, asked: str) -> bytes:
        """Ask the stick something harmless; an empty first answer is waited for once more."""
        self._link.discard_input()
        try:
            block = self._block(command, asked)
        except TransportTimeout:
            self._links.pause(_AGAIN_S)
            self._link.discard_input()
            block = self._block(command, asked)
        return carelink.body(block, asked)

    def _block(self, command: bytes, asked: str) -> bytes:
        return self._links.exchange(self._link, command, carelink.take_block, _BLOCK_S, asked)

    def _discard_stale(self) -> None:
        """Throw away what the stick holds from an earlier command.

        A download does not say which command it answers. So an answer that is still owed is waited for: it must not
        come after the next command was written, and pass for its acknowledgement.
        """
        give_up_ns = self._links.clock.link_ns() + to_ns(_WAKE_S)
        late_ns = self._links.clock.link_ns() + to_ns(_LATE_S if self._owing else 0.0)
        thrown_away = 0
        while True:
            status, now_ns = self._status(), self._links.clock.link_ns()
            if status.size:
                thrown_away += 1
                self._throw_away(status.size)
                late_ns = now_ns
            elif not status.state & _BUSY and now_ns >= late_ns:
                self._owing = False
                return
            if thrown_away > _STALE or now_ns > give_up_ns:
                raise InstrumentError(
                    "the stick does not come to rest after an earlier command",
                    where=self._link.where,
                    hint="plug the stick out and in",
                )
            if not status.size:
                self._links.pause(_POLL_S)

    def _throw_away(self, size: int) -> None:
        try:
            self._download(size)
        except MalformedReply:
            self._drain()

    def _drain(self) -> None:
        clock = self._links.clock
        give_up_ns = clock.link_ns() + to_ns(_DRAIN_S)
        while clock.link_ns() < give_up_ns:
            if not self._links.wait(clock.link_ns() + to_ns(_QUIET_S), self._link):
                break
        self._link.discard_input()


def _is_several(heard: Download) -> bool:
    """Say whether an answer is more than one packet: one alone may be any fragment, since its number is stripped."""
    return heard.kind is Kind.ANSWER and len(heard.data) > _FRAGMENT_BYTES
