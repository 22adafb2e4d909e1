"""The simulated CareLink stick: every worked frame both ways, its buffer, its refusals, and what a client may do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rig.sim.parameters import HOUR_NS
from rig.sim.pump.history import History
from rig.sim.pump.packets import crc8
from tests.sim.kit import EXACT, PUMP_ID, Rig, unhex
from tests.sim.test_history import EXAMPLES
from tests.transcripts.notation import expand, load

FRAMES = load("carelink.toml")
POWER_ON = unhex("01 00 A7 01 51 28 47 80 02 55 00 00 00 5D 7F 01 0A A2")
STATUS = unhex("03 00 00")
ACK = 0x55


def frame(table: str, what: str, key: str = "bytes") -> bytes:
    """Return a worked frame by its name."""
    entry: dict[str, Any] = next(each for each in FRAMES[table] if each["what"] == what)
    return expand(entry[key])


class Client(Rig):
    """A host with a CareLink stick, as plain as it can be."""

    def __init__(self, model: str = "522", faults: tuple[str, ...] = (), **more: Any) -> None:
        super().__init__(model, link="carelink", faults=faults, **more)

    def block(self, command: bytes, seconds: float = 0.05) -> bytes:
        """Send a command that is answered by a block; return the block."""
        reply = self.uart(command, seconds)
        assert len(reply) == 64, reply.hex(" ")
        return reply

    def wake(self) -> None:
        assert self.block(POWER_ON)[1] == ACK
        self.wait(12.0)
        assert self.fetch() == [(1, True, b"\x00")]

    def transmit(self, opcode: int, parameters: bytes = b"", *, retries: int = 2, records: int = 1) -> bytes:
        """Return the bytes of a transmit."""
        count = len(parameters)
        head = b"\x01\x00\xa7\x01" + PUMP_ID + bytes((0x80 | count >> 8, count & 0xFF, 0, retries, records, 0, opcode))
        return head + bytes((crc8(head),)) + parameters + bytes((crc8(parameters),))

    def status(self) -> tuple[int, int]:
        """Return (state, size)."""
        body = self.block(STATUS)[3:8]
        assert body[:2] == b"\x00\x02"
        return body[2], int.from_bytes(body[3:5], "big")

    def download(self, size: int) -> bytes:
        command = bytes((0x0C, 0, size >> 8, size & 0xFF))
        return self.uart(command + bytes((crc8(command),)), 0.05)

    def fetch(self) -> list[tuple[int, bool, bytes]]:
        """Download all there is: (kind, last, data) of each piece, checked."""
        pieces: list[tuple[int, bool, bytes]] = []
        for _ in range(60):
            state, size = self.status()
            if not size:
                if not state & 0x02:
                    return pieces
                self.wait(0.1)
                continue
            reply = self.download(size)
            assert len(reply) == size
            assert reply[12] == crc8(reply[:12])
            assert reply[-1] == crc8(reply[13:-1])
            assert (reply[5] & 0x7F) << 8 | reply[6] == size - 14
            pieces.append((reply[2], bool(reply[5] & 0x80), reply[13:-1]))
        raise AssertionError("no end of it")

    def ask(self, opcode: int, parameters: bytes = b"", **more: int) -> list[tuple[int, bool, bytes]]:
        """Transmit, give the stick time, and download the answer."""
        assert self.block(self.transmit(opcode, parameters, **more))[1] == ACK
        self.wait(1.5)
        return self.fetch()


def awake(model: str = "522", *faults: str, **more: Any) -> Client:
    client = Client(model, faults, **more)
    client.wake()
    return client


# --- worked frames


def test_this_client_s_transmits_are_the_worked_ones() -> None:
    for each in FRAMES["transmit"]:
        if each["opcode"] != 0x5D:
            asked = Client().transmit(
                each["opcode"],
                expand(each.get("parameters", "")),
                retries=each["retries"],
                records=each["records"],
            )
            assert asked == expand(each["bytes"])


@pytest.mark.parametrize(
    ("transmit", "reply"),
    [
        ("read model", "model 522"),
        ("temp 0.85 U/h 90 min", "pump ACK"),
        ("bolus 1.7 U (old), as a client that repeats asks for it", "pump ACK"),
        ("suspend, as a client that repeats asks for it", "pump ACK"),
        ("keypad ACT", "pump ACK"),
    ],
)
def test_each_worked_command_gets_its_worked_reply(transmit: str, reply: str) -> None:
    client = awake()
    assert client.block(frame("transmit", transmit))[1] == ACK
    client.wait(1.0)
    expected = frame("reply", reply)
    assert client.status() == (1, len(expected))
    assert client.download(len(expected)) == expected
    assert client.status() == (0, 0)


def test_a_suspended_pump_s_refusal_is_the_worked_nak() -> None:
    client = awake()
    client.ask(0x4D, b"\x01")
    assert client.block(frame("transmit", "temp 0.85 U/h 90 min"))[1] == ACK
    client.wait(1.0)
    assert client.download(15) == frame("reply", "pump NAK 08")


def test_a_pump_that_sleeps_is_the_worked_no_answer() -> None:
    client = Client()
    assert client.block(client.transmit(0x8D, retries=0))[1] == ACK
    client.wait(1.0)
    assert client.download(14) == frame("reply", "no answer")


def test_time_and_profile_come_without_count_and_fragment_numbers() -> None:
    client = awake()
    client.ask(0x40, unhex("0E 05 1E 07 E9 03 09"))
    assert client.block(frame("transmit", "read time"))[1] == ACK
    client.wait(1.0)
    assert client.fetch()[0][2][3:7] == unhex("07 E9 03 09")
    client.ask(0x6F, unhex("1E 00 00 34 00 0D 2C 01 24 00*183"))
    assert client.block(frame("transmit", "read std profile"))[1] == ACK
    client.wait(1.5)
    [(kind, last, data)] = client.fetch()
    assert (kind, last, data) == (4, True, unhex("1E 00 00 34 00 0D 2C 01 24 00*183"))


def test_the_worked_page_comes_in_the_worked_pieces() -> None:
    client = awake()
    history = client.bench.firmware.history = History()
    for record, _ in EXAMPLES:
        history.append(record)
    page = history.page(0)
    assert page is not None
    client.block(client.transmit(0x80, b"\x00", records=2))
    client.wait(2.0)
    pieces = []
    for _ in range(8):
        pieces.append(client.download(142))
        client.wait(0.5)
    assert b"".join(piece[13:-1] for piece in pieces) == page
    for each in FRAMES["piece"]:
        piece = pieces[each["number"]]
        assert piece[:13] == expand(each["head"])
        assert piece[-1:] == expand(each["crc"])
    assert client.status() == (0, 0)


def test_status_says_nothing_yet_then_ready_and_more_coming() -> None:
    client = awake()
    assert client.block(STATUS)[3:8] == frame("status", "nothing yet", "body")
    client.ask(0x8D)
    client.block(client.transmit(0x8D))
    client.wait(0.3)
    assert client.block(STATUS)[3:8] == frame("status", "78 bytes ready", "body")
    client.fetch()
    client.block(client.transmit(0x80, b"\x00", records=2))
    seen = {bytes(client.block(STATUS)[3:8]) for _ in range(30)}
    assert frame("status", "142 ready and more coming", "body") in seen
    assert bytes((0, 2, 3)) + (512 + 14).to_bytes(2, "big") in seen


def test_download_frames_are_taken_as_worked() -> None:
    client = awake()
    for each, opcode in zip(FRAMES["download"][:2], (0x4D, 0x8D), strict=True):
        client.block(client.transmit(opcode, b"\x01" if opcode == 0x4D else b""))
        client.wait(1.0)
        assert len(client.uart(expand(each["bytes"]))) == each["size"]
    for each in FRAMES["download"][2:]:
        client.block(client.transmit(0x92, records=2))
        client.wait(1.5)
        assert len(client.uart(expand(each["bytes"]))) == each["size"]
        client.fetch()


# --- pages


def test_a_page_that_nobody_fetches_stops_at_512_bytes_and_goes_on_when_it_is_fetched() -> None:
    client = awake()
    client.block(client.transmit(0x80, b"\x00", records=2))
    client.wait(5.0)
    assert client.status() == (3, 526)
    pieces = client.fetch()
    assert (pieces[0][0], len(pieces[0][2])) == (4, 512)
    assert [last for _, last, _ in pieces] == [False] * (len(pieces) - 1) + [True]
    assert b"".join(data for _, _, data in pieces) == client.bench.firmware.history.page(0)


def test_a_host_that_loses_interest_in_a_page_finds_the_stick_free_again() -> None:
    client = awake()
    client.block(client.transmit(0x80, b"\x00", records=2))
    client.wait(2.0)
    assert client.block(client.transmit(0x8D))[1:3] == b"\x66\x03"
    client.wait(10.0)
    assert [(kind, last) for kind, last, _ in client.ask(0x8D)] == [(3, True)]


def test_lost_fragments_are_asked_for_again_and_nothing_is_missing_or_double() -> None:
    for deed in ("drop", "corrupt", "duplicate"):
        for way in ("sent", "heard"):
            client = awake("522", f"link.packet={deed}:{way}:5@30s")
            client.wait_until(31.0)
            pieces = client.ask(0x80, b"\x00", records=2)
            client.wait(3.0)
            pieces += client.fetch()
            if (deed, way) == ("duplicate", "sent"):  # an ACK heard twice makes the pump skip a fragment: said, not hid
                assert pieces[-1][:2] == (5, True)
            else:
                assert b"".join(data for _, _, data in pieces) == client.bench.firmware.history.page(0), (deed, way)


def test_a_missing_page_is_refused() -> None:
    assert awake().ask(0x80, b"\x05", records=2) == [(2, True, b"\x0d")]


@pytest.mark.parametrize("records", [0, 1, 2])
def test_any_number_of_records_that_clients_send_gets_the_answer(records: int) -> None:
    client = awake()
    assert client.ask(0x4C, unhex("00 22 03"), records=records) == [(1, True, b"\x00")]
    [(kind, _, data)] = client.ask(0x98, records=records)
    assert (kind, data[:6]) == (3, unhex("00 00 00 22 00 5A"))


# --- what it does by itself


def test_waking_takes_the_stick_about_12_s_and_it_says_that_it_sends() -> None:
    client = Client()
    began_ns = client.now_ns
    client.block(POWER_ON)
    while client.status()[1] == 0:
        assert client.status()[0] in (0, 4)
        client.wait(0.1)
    assert 11.0e9 < client.now_ns - began_ns < 12.0e9
    assert client.fetch() == [(1, True, b"\x00")]
    assert client.ask(0x8D)[0][0] == 3


def test_a_pump_that_cannot_be_woken_is_no_answer() -> None:
    client = Client(faults=("pump.asleep=on",))
    client.block(POWER_ON)
    client.wait(13.0)
    assert client.fetch() == [(5, True, b"")]


def test_the_stick_repeats_as_often_as_it_is_told_and_says_so() -> None:
    client = awake("522", "link.packet=drop:sent:1@30s", "link.packet=drop:heard:1@30s")
    client.wait_until(31.0)
    client.block(client.transmit(0x8D, retries=2))
    client.wait(2.0)
    reply = client.download(78)
    assert reply[2:4] == b"\x03\x02"
    client = awake("522", "link.packet=drop:sent:1@30s")
    client.wait_until(31.0)
    assert client.ask(0x8D, retries=0) == [(5, True, b"")]


def test_a_repeated_bolus_whose_ack_got_lost_is_refused_by_the_pump_and_delivered_once() -> None:
    client = awake("522", "link.drop_ack=bolus:1")
    assert client.ask(0x42, b"\x11") == [(2, True, b"\x0c")]
    client.wait(90.0)
    client.bench.advance(client.now_ns)
    assert client.ledger.commanded_u(0, client.now_ns) == pytest.approx(1.7)


def test_a_client_that_sends_every_command_twice_delivers_once() -> None:
    client = awake()
    assert client.ask(0x42, b"\x11") == [(1, True, b"\x00")]
    assert client.ask(0x42, b"\x11") == [(2, True, b"\x0c")]
    client.wait(90.0)
    client.bench.advance(client.now_ns)
    assert client.ledger.commanded_u(0, client.now_ns) == pytest.approx(1.7)


# --- blocks and refusals


def test_bytes_of_earlier_replies_stay_in_the_blocks() -> None:
    client = awake()
    client.block(client.transmit(0x8D))
    client.wait(1.0)
    client.download(78)
    block = client.block(client.transmit(0x8D))
    assert block == b"\x01\x55\x00" + frame("reply", "model 522")[3:64]


def test_product_statistics_and_signal_stand_at_their_offsets() -> None:
    client = Client()
    body = client.block(unhex("04 00 00"))[3:]
    assert body[5] in (0x00, 0xFF)
    assert body[6:16] == b"ComLink II"
    assert sorted(body[20 : 19 + 2 * body[18] : 2]) == [1, 3]
    assert client.block(unhex("06 00 00"))[3] < 0x32
    assert client.block(unhex("06 00 00"))[3] >= 0x32
    before = client.block(unhex("05 00 00"))[3:15]
    client.wake()
    after = client.block(unhex("05 00 00"))[3:15]
    assert before == bytes(12)
    assert int.from_bytes(after[4:8], "big") == 2  # the ACKs of both halves
    assert int.from_bytes(after[8:12], "big") > 100
    usb = client.block(unhex("05 01 00"))[3:15]
    assert int.from_bytes(usb[4:8], "big") > 4


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("7F 00 00", 4),
        ("0C 00 00 0F C7", 1),
        ("0C 00 00 0F C6", 3),
        ("05 02 00", 2),
        ("01 00 A7 01 51 28 47 80 00 00 02 01 00 8D C3 00", 1),
        ("01 00 A7 01 51 28 47 80 01 00 02 01 00 42 12 11 A8", 1),
        ("01 00 A7 02 51 28 47 80 00 00 02 01 00 8D C2 00", 2),
        ("01 00 A7 01 51 28 47 00 00 00 02 01 00 8D 00 00", 2),
        ("01 00 A7 01 51 28 47 FF FF 00 02 01 00 8D C2 00", 2),
        ("01 00 A7 01 51 28 47 80", 2),
        ("0C 00", 2),
    ],
)
def test_what_is_wrong_is_refused_with_its_code(command: str, code: int) -> None:
    assert Client().block(unhex(command), 0.4)[:3] == bytes((0x01, 0x66, code))


def test_a_download_of_another_size_is_refused_and_the_reply_stays() -> None:
    client = awake()
    client.block(client.transmit(0x8D))
    client.wait(1.0)
    assert client.download(15)[:3] == unhex("01 66 02")
    assert client.download(142)[:3] == unhex("01 66 02")
    assert client.download(78) == frame("reply", "model 522")


def test_a_second_transmit_while_it_works_is_refused_as_busy() -> None:
    client = awake()
    assert client.block(client.transmit(0x8D), 0.005)[1] == ACK
    assert client.block(client.transmit(0x70))[1:3] == b"\x66\x03"
    client.wait(1.0)
    assert len(client.fetch()) == 1


def test_an_answer_that_nobody_fetched_is_gone_after_the_next_transmit() -> None:
    client = awake()
    assert client.block(frame("transmit", "keypad ACT"))[1] == ACK
    client.wait(1.0)
    assert client.status() == (1, 15)
    assert client.block(frame("transmit", "read model"))[1] == ACK
    client.wait(1.0)
    assert client.download(78) == frame("reply", "model 522")
    assert client.status() == (0, 0)


def test_in_a_stale_buffer_answers_wait_in_their_order_and_too_many_overflow() -> None:
    client = awake("522", "link.stale=on@30s")
    client.wait_until(31.0)
    for opcode in (0x8D, 0x71, 0x74, 0x70, 0x72, 0x73, 0x76, 0x88, 0x89):
        client.block(client.transmit(opcode))
        client.wait(0.5)
    assert client.status() == (0x11, 78)
    pieces = client.fetch()
    assert len(pieces) == 16
    assert pieces[0][2][:4] == pieces[1][2][:4] == b"\x03522"
    assert pieces[2][2][:6] == b"512847"


def test_a_stale_reply_is_offered_once_more() -> None:
    client = awake("522", "link.stale=on@30s")
    client.wait_until(31.0)
    first, again = client.ask(0x8D)
    assert first == again
    assert client.status() == (0, 0)


def test_now_and_then_a_first_reading_returns_nothing() -> None:
    client = Client(parameters=replace(EXACT, stick_slow_share=1.0))
    assert client.uart(STATUS, 0.1) == b""
    assert len(client.uart(b"", 0.25)) == 64


def test_a_weak_pump_shows_in_the_signal_and_a_lost_supply_forgets_everything() -> None:
    client = awake("522", "link.rssi=-95dBm")
    client.block(unhex("06 00 00"))
    assert client.block(unhex("06 00 00"))[3] < 0x50
    client.block(client.transmit(0x8D))
    client.bench.pump_stick.power_off()
    client.wait(1.0)
    assert client.block(STATUS) == unhex("01 55 00 00 02 00*59")


# --- whatever comes

WORDS = st.sampled_from(
    [
        expand(each["bytes"])
        for table in ("transmit", "download")
        for each in FRAMES[table]
        if each.get("opcode") != 0x42
    ]
)


@settings(max_examples=120, deadline=None)
@example([frame("transmit", "read model")[:8], b"\x01"])
@given(st.lists(st.one_of(st.binary(max_size=40), WORDS), max_size=10))
def test_any_bytes_are_survived_deliver_nothing_and_the_stick_answers_again(chunks: list[bytes]) -> None:
    client = Client()
    for chunk in chunks:
        client.stick.write(chunk)
        client.wait(0.1)
    client.wait(30.0)
    client.stick.discard_input()
    assert client.block(STATUS)[:2] == b"\x01\x55"
    # The worked temporary basal of 0.85 U/h for 90 min is the only thing that may run.
    assert client.ledger.displaced_u(0, client.now_ns + 5 * HOUR_NS) <= 1.5 * 0.85 + 0.05


def test_no_bolus_starts_from_a_command_with_a_flipped_bit() -> None:
    bolus = frame("transmit", "bolus 1.7 U (old), as a client that repeats asks for it")
    for bit in range(8 * len(bolus)):
        client = awake()
        command = bytearray(bolus)
        command[bit // 8] ^= 1 << bit % 8
        client.stick.write(bytes(command))
        client.wait(3.0)
        assert client.ledger.displaced_u(0, client.now_ns + HOUR_NS) == 0.0, bit
