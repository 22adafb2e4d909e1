"""Checks of what reads the bytes of anyone's client: the simulated pump, syringe pumps and balance."""

from __future__ import annotations

from decimal import Decimal

from rig.clock import to_s
from rig.sim.pump.radio import Answer
from rig.sim.syringe import harvard_text, new_era_program
from rig.sim.syringe.new_era_frames import Ear, basic_answer, safe_answer
from tests.fuzz.independent import ID, accepted, crc8, from_line_code, pieces, xmodem
from tests.sim.kit import HOUR_NS, Rig
from tests.sim.syringe_kit import SyringeRig

MOST_PIECES = 12
DELIVERING = frozenset((0x42, 0x4C, 0x4D, 0x5B, 0x69, 0x6F, 0x30, 0x31, 0x4A))  # keys and patterns too
WAITS_S = (0.0, 0.01, 0.1, 0.6)


def stick(data: bytes) -> None:
    """The radio stick and the pump behind it: any bytes on the UART are survived and deliver nothing."""
    rig = Rig()
    air = _Overheard(rig)
    _talk(rig, data, "pump")
    rig.wait(0.5)
    for _ in range(MOST_PIECES):  # zeros complete whatever was left half said, and end what is listened for
        rig.uart(bytes(10), 90.0)  # the longest sending: 256 packets, 255 ms apart
    assert b"OK\x00" in rig.uart(b"\x01", 1.0)
    air.check()


def carelink(data: bytes) -> None:
    """The CareLink stick and the pump behind it: as above, and afterwards it says who it is."""
    rig = Rig(link="carelink")
    air = _Overheard(rig)
    _talk(rig, data, "pump")
    rig.wait(40.0)  # whatever it was told to do with the pump is over
    rig.stick.discard_input()
    reply = rig.uart(bytes((0x04, 0, 0)), 1.0)
    assert reply.startswith(b"\x01\x55\x00\x90\x00\x01"), reply.hex(" ")
    assert len(reply) == 64
    air.check()


def balance(data: bytes) -> None:
    """The balance: any bytes are survived, every line it says is whole, and it still says its number."""
    rig = Rig()
    said = _talk(rig, data, "balance")
    rig.weigh(b"\r\n", 50.0)
    said += rig.weigh(b"@\r\n", 0.2)
    assert b'I4 A "B000900001"\r\n' in said
    assert said.endswith(b"\r\n")
    assert all(line.isascii() and len(line) < 200 for line in said.split(b"\r\n"))
    assert rig.ledger.displaced_u(0, rig.now_ns) == 0.0


def new_era(data: bytes) -> None:
    """The New Era pump: any bytes are survived, and the next command is understood; only RUN and PUR move it."""
    rig = SyringeRig()
    safe = bool(data) and data[0] & 1
    if safe:
        rig.say("0", "0SAF255")
    _talk(rig, data[1:], "syringe")
    moved = b"RUN" in _heard(data) or b"PUR" in _heard(data)
    rig.wait(0.6)
    rig.tell(b"\r")
    address = rig.pump._address  # type: ignore[attr-defined]
    body = f"{address}".encode()
    answer = rig.tell(b"\x02" + bytes((len(body) + 4,)) + body + xmodem(body).to_bytes(2, "big") + b"\x03")
    assert f"{address:02d}".encode() in answer, answer
    assert moved or rig.book.displaced_ul(0, rig.now_ns) == 0.0


def harvard(data: bytes) -> None:
    """The Harvard pump: any bytes are survived, and the next command is answered; only a run moves it."""
    head = data[0] if data else 0
    rig = SyringeRig(("harvard-11", "phd-ultra")[head & 1], address=(0, 12)[head >> 1 & 1])
    _talk(rig, data[1:], "syringe")
    address = rig.pump._settings.address  # type: ignore[attr-defined]
    rig.tell(b"\r")
    answer = rig.tell(f"{address}:\r".encode() if address and head & 1 else f"{address or ''}\r".encode())
    assert b"\n" in answer, answer
    assert b"run" in data.lower() or rig.book.displaced_ul(0, rig.now_ns) == 0.0


def new_era_frames(data: bytes) -> None:
    """What the New Era pump hears: a safe packet only with a right CRC, text only of printable characters."""
    for safe in (False, True):
        ear, heard = Ear(), 0
        for piece in pieces(data):
            ear.take(piece, 0)
            while (command := ear.next(safe)) is not None:
                heard += 1
                assert heard <= len(data) + 1
                assert command.safe or not safe
                assert command.text is None or all(" " < letter < "\x7f" for letter in command.text)
    body = bytes(byte for byte in data[:40] if 0x20 < byte < 0x7F)
    ear = Ear()
    ear.take(b"\x02" + bytes((len(body) + 4,)) + body + xmodem(body).to_bytes(2, "big") + b"\x03", 0)
    whole = ear.next(safe=True)
    assert whole is not None
    assert whole.text == body.decode().upper()
    text = body.decode()
    assert basic_answer(text) == b"\x02" + body + b"\x03"
    assert safe_answer(text) == b"\x02" + bytes((len(body) + 4,)) + body + xmodem(body).to_bytes(2, "big") + b"\x03"


def numbers(data: bytes) -> None:
    """Numbers and units that the syringe pumps are told: read as they are written, or refused."""
    text = data.decode("latin-1")
    found = accepted(new_era_program.read_number, text, refuses=new_era_program.Refused)
    assert found is None or (found == float(Decimal(text)) and 0 <= found <= 9999)
    function = accepted(new_era_program.read_function, text, refuses=new_era_program.Refused)
    assert function is None or text.startswith(function[0])
    number = accepted(harvard_text.read_number, text, refuses=harvard_text.Refused)
    assert number is None or number == float(Decimal(text))
    whole = accepted(harvard_text.read_whole, text, 0, 99, refuses=harvard_text.Refused)
    assert whole is None or 0 <= whole <= 99
    unit = accepted(harvard_text.read_rate_unit, text, refuses=harvard_text.Refused)
    assert unit is None or text[0] == unit[0]
    first, _, second = text.partition(" ")
    volume_ul = accepted(harvard_text.read_volume_ul, first, second, refuses=harvard_text.Refused)
    assert volume_ul is None or volume_ul >= 0


def _talk(rig: Rig, data: bytes, name: str) -> bytes:
    """Write an input in pieces, with pauses between them; return everything that was said."""
    link = {"pump": rig.stick, "balance": rig.scale}.get(name) or rig.line  # type: ignore[attr-defined]
    said = b""
    for number, piece in enumerate(pieces(data, 96)):
        if number == MOST_PIECES:
            break
        link.write(piece)
        rig.wait(WAITS_S[len(piece) % len(WAITS_S)])
        said += link.discard_input()
    return said


def _heard(data: bytes) -> bytes:
    """Return the letters of an input as the pump reads them, whatever stands between."""
    return bytes(byte for byte in data if 0x20 < byte < 0x7F).upper()


class _Overheard:
    """Listens to what reaches the pump's radio, to say whether anything could have delivered."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._heard: list[bytes] = []
        radio = rig.bench.pump_stick._air._pump
        hear = radio.hear

        def overhear(coded: bytes, times: int, link_ns: int, rig_ns: int) -> Answer | None:
            self._heard.append(coded)
            return hear(coded, times, link_ns, rig_ns)

        radio.hear = overhear  # type: ignore[method-assign]

    def check(self) -> None:
        """Nothing is delivered without a whole packet of a delivering command to this pump."""
        packets = [from_line_code(coded) or b"" for coded in self._heard]
        asked = [
            packet
            for packet in packets
            if len(packet) == 71
            and packet[:4] == b"\xa7" + ID
            and packet[4] in DELIVERING
            and crc8(packet[:-1]) == packet[-1]
        ]
        delivered_u = self._rig.ledger.displaced_u(0, self._rig.now_ns + HOUR_NS)
        assert asked or delivered_u == 0.0, delivered_u
        assert delivered_u <= 25.0 * len(asked) + 35.0 * (1.0 + to_s(self._rig.now_ns) / 3600.0), delivered_u
