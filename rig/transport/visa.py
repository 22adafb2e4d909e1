"""Sessions of pyvisa as ports of the rig: a worker thread each, and bytes stamped and recorded like all others.

pyvisa, with pyvisa-py as its backend, opens what is named by a VISA resource (USBTMC, VXI-11, HiSLIP, sockets, serial
ports). Its traps end in this module (reference visa-instruments 6): it is loaded when a resource is opened; one thread
per session owns it; a socket or serial port is read byte by byte, because a read that runs into its time-out loses what
it had; no termination, encoding or prompt of pyvisa's is used; the time-out is set once; whatever a call raises ends
the link with its words; a peer that closed its end, which pyvisa shows as one time-out after the other, is given up
after a few questions. Commands and answers pass the rig's own end as packets, which `rig.transport.serial_links` polls,
stamps and taps beside every other port.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from rig.transport.links import LinkIdentity

LATIN_1: Final = "latin-1"
OPEN_TIMEOUT_MS: Final = 3_000
BYTE_TIMEOUT_MS: Final = 50  # of a read of one byte; also how soon a new command is looked for
MESSAGE_TIMEOUT_MS: Final = 5_000  # of a read of one message: USBTMC loses what comes later
GIVE_UP_S: Final = 120.0  # a question that nobody answered is waited for no longer
MOST_UNANSWERED: Final = 3  # questions in a row, after which the peer is taken for gone
PACKET: Final = 65_536
_RESOURCE: Final = re.compile(r"(?i)(TCPIP|USB|ASRL|GPIB|PXI|VXI)[^:]*::.+")
_USB: Final = re.compile(r"(?i)USB\d*::[^:]+::[^:]+::(?P<serial>[^:]+)(::\d+)?::INSTR")
_SERIAL_PORT: Final = re.compile(r"(?i)ASRL(?P<port>/.+?)(::INSTR)?")
_STREAM: Final = re.compile(r"(?i)(ASRL.+|TCPIP.*::SOCKET)")


def is_visa(port: str) -> bool:
    """Say whether a port of a bench file is a VISA resource."""
    return _RESOURCE.match(port) is not None


def identify_visa(resource: str, identify_serial: Callable[[str], LinkIdentity]) -> LinkIdentity:
    """Return the identity of a resource: USBTMC by its serial number, a serial port by what stands behind it.

    Everything else is ``tcp`` or its own kind of bus, and never hardware evidence (design 4.1).
    """
    usb = _USB.fullmatch(resource)
    if usb is not None:
        return LinkIdentity("usb", resource, usb["serial"])
    port = _SERIAL_PORT.fullmatch(resource)
    if port is not None:
        found = identify_serial(port["port"])
        return LinkIdentity(found.kind, resource, found.serial_number)
    kind = re.match(r"[A-Za-z]+", resource)
    return LinkIdentity(
        "tcp" if resource.upper().startswith("TCPIP") else (kind[0] if kind else "visa").lower(), resource
    )


@dataclass(frozen=True, slots=True)
class SerialLine:
    """How an ``ASRL`` resource is set; other resources have no line."""

    baud: int = 9600
    data_bits: int = 8
    parity: str = "N"
    stop_bits: int = 1


def open_visa(resource: str, line: SerialLine, timeout_s: float = OPEN_TIMEOUT_MS / 1000) -> VisaPort:
    """Open a resource; raises `OSError` or `ValueError`, whatever pyvisa raises.

    A socket is open even where nobody listens, or so it seems: whoever opens it asks ``*IDN?`` at once.
    """
    try:
        import pyvisa  # noqa: PLC0415 - only benches with such a resource pay for it, or need it installed
    except ImportError as error:
        raise OSError(f"pyvisa is not installed: {error}") from error
    try:
        manager = pyvisa.ResourceManager("@py")
        session: Any = manager.open_resource(resource, open_timeout=round(1000 * timeout_s))
        stream = _STREAM.fullmatch(resource) is not None
        session.timeout = BYTE_TIMEOUT_MS if stream else MESSAGE_TIMEOUT_MS
        if resource.upper().startswith("ASRL"):
            _set_line(session, line)
    except Exception as error:
        # VisaIOError, OSError, SerialException, termios.error, InvalidSession, plain Exception: all are met here.
        raise OSError(f"{type(error).__name__}: {error}") from error
    return VisaPort(session, stream=stream)


def _set_line(session: Any, line: SerialLine) -> None:
    """Set a serial line; what it is set to already is left alone: a pseudo-terminal takes no parity."""
    from pyvisa.constants import Parity, StopBits  # noqa: PLC0415 - see open_visa

    parity = {"N": Parity.none, "E": Parity.even, "O": Parity.odd}[line.parity]
    stop_bits = StopBits.two if line.stop_bits == 2 else StopBits.one
    wanted = (("baud_rate", line.baud), ("data_bits", line.data_bits), ("parity", parity), ("stop_bits", stop_bits))
    for name, value in wanted:
        if getattr(session, name) != value:
            setattr(session, name, value)


class VisaPort:
    """One session and its worker; for `rig.transport.serial_links` it looks like an opened port.

    ``why`` says what ended it, once something has. ``stream`` sessions are read byte by byte and at any time; of the
    others one message is read for each question.
    """

    def __init__(self, session: Any, *, stream: bool) -> None:
        self.why = ""
        self._session = session
        self._stream = stream
        self._ours, self._workers = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.setblocking(False)
        self._workers.settimeout(BYTE_TIMEOUT_MS / 1000)
        self._owed = 0  # questions whose answers have not come
        self._give_up_s = 0.0
        self._thread = threading.Thread(target=self._work, name="visa", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Return the descriptor of the rig's end: a packet written is a command, one read is what came."""
        return self._ours.fileno()

    def close(self) -> None:
        """Hang up; the worker closes its session as soon as no call of it is under way."""
        self._ours.close()
        self._thread.join(2.0 * BYTE_TIMEOUT_MS / 1000)

    def _work(self) -> None:
        from pyvisa.constants import StatusCode  # noqa: PLC0415 - see open_visa

        try:
            # "More may be available" is what a read of one byte always says.
            with self._session.ignore_warning(
                StatusCode.success_max_count_read, StatusCode.success_termination_character_read
            ):
                while self._pass():
                    pass
        except Exception as error:  # noqa: BLE001 - whatever pyvisa raises ends this link, and no other
            self.why = f"{type(error).__name__}: {error}"
        finally:
            self._workers.close()
            with suppress(Exception):
                self._session.close()

    def _pass(self) -> bool:
        """Take a command if there is one, and what has come of answers; return False when the rig has hung up."""
        command = self._next_command()
        if command == b"":
            return False
        if command is not None:
            self._send(command)
        if self._owed:
            self._receive()
        return True

    def _next_command(self) -> bytes | None:
        """Return the next command, empty at the end; None: none yet. With an answer due it does not wait."""
        self._workers.settimeout(0.0 if self._owed else BYTE_TIMEOUT_MS / 1000)
        try:
            return self._workers.recv(PACKET)
        except (BlockingIOError, TimeoutError):
            return None

    def _send(self, command: bytes) -> None:
        self._session.write_raw(command)
        if b"?" in command:
            self._owed += 1
            self._give_up_s = time.monotonic() + GIVE_UP_S

    def _receive(self) -> None:
        """Hand over what has come; answers come in the order of the questions, each ended by a line feed."""
        data = self._read_line() if self._stream else self._read_message()
        if data:
            self._workers.send(data)
            self._owed -= data.count(b"\n") if self._stream else 1
            self._owed = max(self._owed, 0)
        elif self._owed >= MOST_UNANSWERED:
            raise ConnectionError(f"nothing answers, {self._owed} questions in a row")
        elif time.monotonic() > self._give_up_s:
            self._owed = 0

    def _read_line(self) -> bytes:
        """Return a line, or as much of one as has come: what came before a time-out is never lost."""
        taken = bytearray()
        while not taken.endswith(b"\n") and len(taken) < PACKET:
            byte = self._read(1)
            if not byte:
                break
            taken += byte
        return bytes(taken)

    def _read_message(self) -> bytes:
        return self._read(PACKET)

    def _read(self, count: int) -> bytes:
        from pyvisa.constants import StatusCode  # noqa: PLC0415 - see open_visa
        from pyvisa.errors import VisaIOError  # noqa: PLC0415

        try:
            data, _ = self._session.visalib.read(self._session.session, count)
        except VisaIOError as error:
            if error.error_code == StatusCode.error_timeout:
                return b""
            raise
        return bytes(data)
