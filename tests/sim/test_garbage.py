"""Whatever bytes arrive: no crash, and not a drop of insulin."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rig.sim.parameters import HOUR_NS
from rig.sim.pump.packets import data_packet, decode_4b6b, encode_4b6b, long_packet, short_packet
from tests.sim.kit import PUMP_ID, Rig

DELIVERING = {0x42, 0x4C, 0x69, 0x6F, 0x30, 0x31}
COMMANDS = st.sampled_from(
    [bytes((opcode,)) for opcode in range(10)]
    + [bytes.fromhex("03 00 00 00 01 00"), bytes.fromhex("05 00 00 00 00 00 00 00 64 00"), b"\x00"]
)
LINES = st.sampled_from(
    [
        b"SI\r\n",
        b"S\r\n",
        b"SIR\r\n",
        b"SR\r\n",
        b"@\r\n",
        b"T\r\n",
        b"Z\r\n",
        b"TA 1 g\r\n",
        b"UPD 5\r\n",
        b"M02 4\r\n",
    ]
)


def nothing_was_delivered(rig: Rig) -> bool:
    return rig.ledger.displaced_u(0, rig.now_ns + 5 * HOUR_NS) == 0.0


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=60), COMMANDS), max_size=12))
def test_any_bytes_on_the_uart_are_survived_and_deliver_nothing(chunks: list[bytes]) -> None:
    rig = Rig()
    rig.wake()
    for chunk in chunks:
        rig.stick.write(chunk)
        rig.wait(0.3)
    assert nothing_was_delivered(rig)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(min_size=7, max_size=71), max_size=8))
def test_any_bytes_on_the_air_are_survived_and_deliver_nothing(packets: list[bytes]) -> None:
    rig = Rig()
    rig.wake()
    for packet in packets:
        rig.packet(packet)
    assert nothing_was_delivered(rig)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 255), st.one_of(st.none(), st.binary(max_size=65)), st.booleans()),
        max_size=10,
    )
)
def test_any_valid_packet_in_any_order_is_survived_and_only_delivering_ones_deliver(
    packets: list[tuple[int, bytes | None, bool]],
) -> None:
    rig = Rig()
    rig.wake()
    for opcode, body, counted in packets:
        if opcode in DELIVERING:
            continue
        if body is None:
            rig.packet(short_packet(PUMP_ID, opcode))
        else:
            rig.packet(data_packet(PUMP_ID, opcode, body[:64]) if counted else long_packet(PUMP_ID, opcode, body))
    assert nothing_was_delivered(rig)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(DELIVERING)), st.binary(max_size=64)), max_size=6))
def test_delivering_commands_with_any_parameters_are_survived(commands: list[tuple[int, bytes]]) -> None:
    rig = Rig()
    rig.wake()
    for opcode, parameters in commands:
        rig.packet(short_packet(PUMP_ID, opcode))
        rig.packet(data_packet(PUMP_ID, opcode, parameters))
        rig.packet(long_packet(PUMP_ID, opcode, b"\x81" + parameters))
    totals = rig.ledger.totals(rig.now_ns + HOUR_NS)
    assert totals["displaced_u"] <= 35.0 + 25.0 * len(commands) + 1.0


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**88 - 1))
def test_no_bolus_starts_from_a_packet_with_a_flipped_bit(flips: int) -> None:
    rig = Rig()
    rig.wake()
    rig.packet(short_packet(PUMP_ID, 0x42))
    sent = data_packet(PUMP_ID, 0x42, b"\x00\x28")
    coded = bytearray(encode_4b6b(sent))
    coded[flips % len(coded)] ^= 1 << (flips >> 16) % 8
    assume(0 not in coded)  # a 00 would end the packet on the UART
    assume(decode_4b6b(bytes(coded)) != sent)  # the filler bits carry nothing
    rig.air(bytes(coded), 0.8)
    assert nothing_was_delivered(rig)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.one_of(st.binary(max_size=40), st.binary(max_size=10).map(lambda b: b + b"\r\n"), LINES), max_size=15)
)
def test_any_bytes_to_the_balance_are_survived_and_it_still_answers(chunks: list[bytes]) -> None:
    rig = Rig()
    for chunk in chunks:
        rig.scale.write(chunk)
        rig.wait(0.2)
    rig.weigh(b"\r\n", 50.0)
    assert b'I4 A "B000900001"\r\n' in rig.weigh(b"@\r\n", 0.2)
    rig.weigh(b"TAC\r\n")
    assert rig.weigh().startswith(b"S ")
    assert nothing_was_delivered(rig)
