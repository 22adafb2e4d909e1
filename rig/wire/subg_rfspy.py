"""The UART dialect of the subg_rfspy firmware 0.7 to 1.0 on a CC1110 or CC1111 radio stick.

A command is one opcode byte and a fixed number of argument bytes, without length or checksum; a radio packet inside it
is 4b6b-encoded and ended by ``00``. A response is bytes ended by ``00``. Source: minimed-protocol 2.2 and 9.
"""

from __future__ import annotations

import re
from enum import Enum, IntEnum
from typing import NamedTuple

from rig.errors import InstrumentError, MalformedReply

DEVICE = "radio stick"
OK = b"OK"
CRYSTAL_MHZ = 24.0
MAX_RESPONSE = 512  # the longest real one, a long packet, has 110 bytes
# As many zeros as the longest argument list and the end of an empty packet: they complete whatever command a killed
# program left half written, and are "interrupt" (nothing) to a stick that is idle.
FLUSH = bytes(10)

# What may follow the number, such as the mark of a build, is set off from it and printable.
_match_version = re.compile(r"subg_rfspy ([0-9]{1,3})\.([0-9]{1,3})(?:[.+ -][ -~]*)?").fullmatch
_RSSI_OFFSET_DBM = 73.0


class Command(IntEnum):
    """Opcodes of the stick."""

    INTERRUPT = 0x00
    GET_STATE = 0x01
    GET_VERSION = 0x02
    GET_PACKET = 0x03
    SEND_PACKET = 0x04
    SEND_AND_LISTEN = 0x05
    UPDATE_REGISTER = 0x06


class Register(IntEnum):
    """Radio registers that the rig sets: the carrier frequency, high byte to low byte."""

    FREQ2 = 0x09
    FREQ1 = 0x0A
    FREQ0 = 0x0B


class Silence(Enum):
    """Why a listening command brought no packet."""

    TIMEOUT = 0xAA  # nothing was received in time
    INTERRUPTED = 0xBB  # a command byte came meanwhile; the answer to that command follows
    EMPTY = 0xCC  # a packet whose first byte was 00


class Received(NamedTuple):
    """A packet from the air, still 4b6b-encoded, with its signal strength."""

    rssi_dbm: float
    counter: int
    encoded: bytes


def get_state() -> bytes:
    """Ask whether the stick is alive."""
    return bytes((Command.GET_STATE,))


def get_version() -> bytes:
    """Ask for the firmware's name and version."""
    return bytes((Command.GET_VERSION,))


def get_packet(timeout_ms: int, channel: int = 0) -> bytes:
    """Listen for one packet."""
    return bytes((Command.GET_PACKET, channel)) + timeout_ms.to_bytes(4, "big")


def send_packet(encoded: bytes, repeat: int = 0, delay_ms: int = 0, channel: int = 0) -> bytes:
    """Send a packet 1 + ``repeat`` times."""
    return bytes((Command.SEND_PACKET, channel, repeat, delay_ms)) + encoded + b"\0"


def send_and_listen(encoded: bytes, timeout_ms: int, channel: int = 0) -> bytes:
    """Send a packet once and listen for one answer.

    The stick could repeat the packet, and send it again by itself when it hears nothing. Neither is offered here: a
    packet that starts a delivery leaves once.
    """
    repeat, delay_ms, retries = 0, 0, 0
    head = bytes((Command.SEND_AND_LISTEN, channel, repeat, delay_ms, channel))
    return head + timeout_ms.to_bytes(4, "big") + bytes((retries,)) + encoded + b"\0"


def update_register(register: Register, value: int) -> bytes:
    """Set one radio register."""
    return bytes((Command.UPDATE_REGISTER, register, value))


def frequency_commands(frequency_mhz: float) -> tuple[bytes, bytes, bytes]:
    """Return the three commands that tune the stick: FREQ = frequency x 65536 / 24 MHz, low byte first.

    Check value: 916.5 MHz is 26 30 00.
    """
    word = round(frequency_mhz * 65536 / CRYSTAL_MHZ)
    return (
        update_register(Register.FREQ0, word & 0xFF),
        update_register(Register.FREQ1, (word >> 8) & 0xFF),
        update_register(Register.FREQ2, word >> 16),
    )


def take_response(inbox: bytearray) -> bytes | None:
    """Take one response off the front of ``inbox`` and return it without its ``00``; None: more bytes, please."""
    end = inbox.find(0)
    if (end if end >= 0 else len(inbox)) > MAX_RESPONSE:
        start = bytes(inbox[:32])
        del inbox[: end + 1]
        raise MalformedReply(DEVICE, start, expected="a response ended by 00", hint=_NOT_A_STICK)
    if end < 0:
        return None
    response = bytes(inbox[:end])
    del inbox[: end + 1]
    return response


def parse_reception(response: bytes) -> Received | Silence:
    """Read the response to a listening command."""
    if len(response) == 1 and response[0] in _SILENCES:
        return Silence(response[0])
    if len(response) <= 2:
        raise MalformedReply(DEVICE, response, expected="RSSI, counter and a packet, or AA, BB or CC")
    signed = response[0] - 256 if response[0] >= 128 else response[0]
    return Received(signed / 2 - _RSSI_OFFSET_DBM, response[1], response[2:])


def parse_version(response: bytes) -> str:
    """Read the response to GetVersion; a firmware that speaks another dialect on this line is refused."""
    text = response.decode("latin-1")
    match = _match_version(text)
    if match is None:
        raise MalformedReply(DEVICE, response, asked="GetVersion", expected="'subg_rfspy 0.9'", hint=_NOT_A_STICK)
    number = (int(match[1]), int(match[2]))
    if not (0, 7) <= number < (2, 0):
        raise InstrumentError(
            f"firmware {text!r} speaks another dialect on the serial line",
            where=DEVICE,
            expected="subg_rfspy 0.7 to 1.0 (UART build)",
            hint="flash subg_rfspy 0.9, target uart0_alt1, uart1_alt2 or usb_ep0",
        )
    return text


def check_update(response: bytes, register: Register) -> None:
    """Read the response to UpdateRegister: 01 is done, 02 no such register."""
    if response == b"\x01":
        return
    asked = f"UpdateRegister {register:02X}"
    if response == b"\x02":
        raise InstrumentError(f"{asked}: the stick has no such register", where=DEVICE, hint="flash subg_rfspy 0.9")
    raise MalformedReply(DEVICE, response, asked=asked, expected="01")


_SILENCES = frozenset(silence.value for silence in Silence)
_NOT_A_STICK = "is another device on this port? check the port in the bench file; the stick runs at 19200 baud, 8N1"
