"""Checks of what reads the blocks and downloads of a CareLink stick."""

from __future__ import annotations

from rig.errors import InstrumentError, MalformedReply
from rig.wire import carelink
from rig.wire.carelink import Kind
from tests.fuzz.independent import accepted, crc8

BOTH = (MalformedReply, InstrumentError)
LENGTHS = {Kind.ACK: (1,), Kind.NAK: (1,), Kind.NOTHING: (0,), Kind.ANSWER: (64,), Kind.PIECE: range(64, 1025, 64)}


def block(data: bytes) -> None:
    """Blocks of 64 bytes: one at a time, only behind 01 55 00, and read as their bytes stand."""
    for content in (data, b"\x01\x55\x00" + data[3:], b"\x01\x55\x00" + data[:61].ljust(61, b"\0")):
        _block(content)


def _block(data: bytes) -> None:
    inbox = bytearray(data)
    found = accepted(carelink.take_block, inbox, refuses=MalformedReply)
    if found is None:
        assert bytes(inbox) == data
        return
    assert found + bytes(inbox) == data
    assert len(found) == 64
    body = accepted(carelink.body, found, "anything", refuses=BOTH)
    assert (body is not None) == found.startswith(b"\x01\x55\x00")
    if body is None:
        return
    status = carelink.parse_link_status(body)
    assert bytes((status.state | body[2] & 0xC0,)) + status.size.to_bytes(2, "big") == body[2:5]
    counted = carelink.parse_statistics(body)
    assert bytes((counted.crc_errors, counted.sequence_errors, counted.naks, counted.timeouts)) == body[:4]
    assert counted.received.to_bytes(4, "big") + counted.sent.to_bytes(4, "big") == body[4:12]
    assert carelink.parse_signal(body) == body[0]
    product = accepted(carelink.parse_product, body, refuses=MalformedReply)
    assert (product is not None) == (body[6:16] == b"ComLink II")
    if product is not None:
        assert bytes.fromhex(product.serial) == body[:3]
        assert product.frequency_mhz == (868.35 if body[5] == 1 else 916.5)


def download(data: bytes) -> None:
    """Downloads: both CRCs, the length and the kind right, or refused; once more with the CRCs put right."""
    _download(data)
    if len(data) >= 14:
        content, size = data[13:-1], len(data) - 14
        head = b"\x02" + data[1:5] + bytes((data[5] & 0x80 | size >> 8 & 0x7F, size & 0xFF)) + data[7:12]
        _download(head + bytes((crc8(head),)) + content + bytes((crc8(content),)))


def _download(data: bytes) -> None:
    found = accepted(carelink.parse_download, data, refuses=MalformedReply)
    inbox = bytearray(data + b"\xee")
    taken = accepted(carelink.take_download, inbox, len(data), refuses=MalformedReply)
    if found is None:
        assert taken is None
        return
    assert (taken == found) == data.startswith(b"\x02")
    assert taken is None or bytes(inbox) == b"\xee"
    assert crc8(data[:12]) == data[12]
    assert crc8(data[13:-1]) == data[-1]
    assert found.data == data[13:-1]
    assert found.kind.value == data[2]
    assert len(found.data) in LENGTHS[found.kind]
    assert int.from_bytes(data[5:7], "big") & 0x7FFF == len(found.data)
    assert bytes.fromhex(found.pump_id) == data[9:12]
    assert (found.retries, found.signal, found.last) == (data[3], data[4], data[5] >= 0x80)
