"""The CareLink USB stick: a radio that talks to the pump by itself, and answers in blocks of 64 bytes.

The host writes a command, the stick says at once whether it took it, and later how many bytes there are to download.
Length byte and fragment numbers of the radio packets are gone by then. Only the bytes that are named here mean
anything: the rest of a block is left over from earlier ones. Source: minimed-protocol 2.4 and 10.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, IntFlag

from rig.errors import InstrumentError, MalformedReply
from rig.wire.crc import crc8

DEVICE = "CareLink stick"
BLOCK = 64
OVERHEAD = 14  # of a download: 12 bytes of head and their CRC, and the CRC of the data
MAX_DOWNLOAD = 1024 + OVERHEAD
_TAKEN, _REFUSED = 0x55, 0x66
_POWER = 0x5D
_LAST = 0x80
_PRODUCT_TEXT = b"ComLink II"
_NOT_A_STICK = "is another device on this port? check the port in the bench file"
_REFUSALS = {
    0x01: "it received a wrong CRC",
    0x02: "it found an error in the command",
    0x03: "it is busy, or cannot do this now",
    0x04: "it does not know this command",
}


class Records(IntEnum):
    """How much data the stick shall expect back from the pump."""

    NONE = 0
    ONE = 1
    SEVERAL = 2


class State(IntFlag):
    """What the stick is doing."""

    READY = 0x01
    RECEIVING = 0x02
    TRANSMITTING = 0x04
    INTERFACE_ERROR = 0x08
    RECEIVE_OVERFLOW = 0x10
    TRANSMIT_OVERFLOW = 0x20


class Kind(Enum):
    """What a download holds."""

    ACK = 0x01
    NAK = 0x02
    ANSWER = 0x03  # one packet of 64 bytes
    PIECE = 0x04  # of an answer in several packets
    NOTHING = 0x05  # the pump did not answer


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """Whether something can be downloaded; ``size`` counts the bytes of the whole download."""

    state: State
    size: int


@dataclass(frozen=True, slots=True)
class Product:
    """Who the stick says it is; ``frequency_mhz`` is fixed in its hardware."""

    serial: str
    frequency_mhz: float
    description: str
    firmware: str


@dataclass(frozen=True, slots=True)
class Statistics:
    """What one interface of the stick has counted since it was plugged in; error counts stop or wrap at 255."""

    crc_errors: int
    sequence_errors: int
    naks: int
    timeouts: int
    received: int
    sent: int


@dataclass(frozen=True, slots=True)
class Download:
    """What the pump said, as the stick passes it on; ``signal`` has no published unit."""

    kind: Kind
    retries: int
    signal: int
    last: bool
    pump_id: str
    data: bytes


def product_info() -> bytes:
    """Ask who the stick is."""
    return bytes((0x04, 0, 0))


def statistics(*, radio: bool) -> bytes:
    """Ask for the counters of the radio, or of the USB side."""
    return bytes((0x05, 0 if radio else 1, 0))


def signal_strength() -> bytes:
    """Ask for the strength of the signal; 50 is enough."""
    return bytes((0x06, 0, 0))


def link_status() -> bytes:
    """Ask whether there is something to download."""
    return bytes((0x03, 0, 0))


def download(size: int) -> bytes:
    """Fetch ``size`` bytes, as many as the link status named. 15 bytes: 0C 00 00 0F C6."""
    head = bytes((0x0C, 0)) + size.to_bytes(2, "big")
    return head + bytes((crc8(head),))


def transmit(pump_id: str, opcode: int, parameters: bytes = b"", *, records: Records, retries: int = 0) -> bytes:
    """Have the stick carry out a command with the pump, from the first half to the last acknowledgement.

    ``retries``: how often the stick sends it again by itself when it hears nothing. Whoever sends parameters that
    start a delivery leaves it 0: the second time would deliver twice.
    """
    count = len(parameters)
    head = bytes((0x01, 0x00, 0xA7, 0x01)) + bytes.fromhex(pump_id)
    head += bytes((0x80 | count >> 8, count & 0xFF, 0x55 if opcode == _POWER else 0, retries, records, 0, opcode))
    return head + bytes((crc8(head),)) + parameters + bytes((crc8(parameters),))


def take_block(inbox: bytearray) -> bytes | None:
    """Take one block of 64 bytes off the front of ``inbox``; None: more bytes, please."""
    if inbox and inbox[0] != 0x01:
        raise MalformedReply(DEVICE, bytes(inbox[:16]), expected="a block that begins with 01", hint=_NOT_A_STICK)
    if len(inbox) < BLOCK:
        return None
    block = bytes(inbox[:BLOCK])
    del inbox[:BLOCK]
    return block


def body(block: bytes, asked: str) -> bytes:
    """Return the 61 bytes behind the head of a block; raises `InstrumentError` when the stick refused the command."""
    if block[1] == _TAKEN and block[2] == 0:
        return block[3:]
    if block[1] == _REFUSED:
        meaning = _REFUSALS.get(block[2], "for a reason that no source documents")
        raise InstrumentError(
            f"the stick refused {asked} with code {block[2]:02X}: {meaning}",
            where=DEVICE,
            expected="01 55 00",
            hint="ask again; if that does not help, plug the stick out and in",
        )
    raise MalformedReply(DEVICE, block[:3], asked=asked, expected="01 55 00 or 01 66 and a code", hint=_NOT_A_STICK)


def parse_product(content: bytes) -> Product:
    """Read the body of the answer to `product_info`; another product is refused."""
    if content[6:16] != _PRODUCT_TEXT:
        raise MalformedReply(DEVICE, content[:18], asked="product info", expected="'ComLink II'", hint=_NOT_A_STICK)
    return Product(
        serial=content[0:3].hex(),
        frequency_mhz=868.35 if content[5] == 0x01 else 916.5,
        description=_PRODUCT_TEXT.decode("ascii"),
        firmware=f"{content[16]}.{content[17]}",
    )


def parse_statistics(content: bytes) -> Statistics:
    """Read the body of the answer to `statistics`."""
    counts = [int.from_bytes(content[at : at + 4], "big") for at in (4, 8)]
    return Statistics(*content[:4], *counts)


def parse_signal(content: bytes) -> int:
    """Read the body of the answer to `signal_strength`."""
    return content[0]


def parse_link_status(content: bytes) -> LinkStatus:
    """Read the body of the answer to `link_status`."""
    return LinkStatus(State(content[2] & 0x3F), int.from_bytes(content[3:5], "big"))


def take_download(inbox: bytearray, size: int) -> Download | None:
    """Take a download of ``size`` bytes off the front of ``inbox`` and check it; None: more bytes, please."""
    if inbox and inbox[0] != 0x02:
        raise MalformedReply(DEVICE, bytes(inbox[:16]), asked="download", expected="bytes that begin with 02")
    if len(inbox) < size:
        return None
    content = bytes(inbox[:size])
    del inbox[:size]
    return parse_download(content)


def parse_download(content: bytes) -> Download:
    """Read a download; lengths, both CRCs and the kind must be right."""
    if len(content) < OVERHEAD:
        raise MalformedReply(DEVICE, content, asked="download", expected=f"at least {OVERHEAD} bytes")
    head, data = content[:12], content[13:-1]
    length = (head[5] & ~_LAST) << 8 | head[6]
    if length != len(data):
        raise _malformed(content, f"{len(data)} bytes of data, as the size says, not {length}")
    if crc8(head) != content[12] or crc8(data) != content[-1]:
        raise _malformed(content, f"CRCs {crc8(head):02X} and {crc8(data):02X}")
    try:
        kind = Kind(head[2])
    except ValueError as error:
        raise _malformed(content, "a kind of 01 to 05") from error
    sizes = {Kind.ACK: length == 1, Kind.NAK: length == 1, Kind.NOTHING: length == 0, Kind.ANSWER: length == BLOCK}
    if not sizes.get(kind, length > 0 and length % BLOCK == 0):
        raise _malformed(content, f"another length than {length} for kind {kind.value:02X}")
    return Download(kind, head[3], head[4], bool(head[5] & _LAST), head[9:12].hex(), data)


def _malformed(content: bytes, expected: str) -> MalformedReply:
    return MalformedReply(DEVICE, content[:16], asked="download", expected=expected)
