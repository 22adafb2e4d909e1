"""The stick's UART dialect, wake-up and radio manners."""

from __future__ import annotations

import pytest

from rig.sim.pump.packets import decode_4b6b, short_packet
from tests.sim.kit import PUMP_ID, Rig, unhex

ASK_MODEL = unhex("05 00 00 00 00 00 00 01 F4 00 A9 69 71 C9 AD 16 68 D5 55 59 A5 00")
WAKE_BURST = unhex("04 00 F9 00 A9 69 71 C9 AD 16 94 D5 55 5A 65 00")
LISTEN_12_S = unhex("03 00 00 00 2E E0")
ACK = unhex("A7 51 28 47 06 00 DD")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("01", "4F 4B 00"),
        ("02", "73 75 62 67 5F 72 66 73 70 79 20 30 2E 39 00"),
        ("06 0B 00", "01 00"),
        ("06 0A 30", "01 00"),
        ("06 09 26", "01 00"),
        ("06 F0 26", "02 00"),
        ("08 00 01", ""),
        ("00", ""),
        ("7F", ""),
        ("01 02", "4F 4B 00 73 75 62 67 5F 72 66 73 70 79 20 30 2E 39 00"),
    ],
)
def test_each_command_gets_its_bytes(command: str, answer: str) -> None:
    assert Rig().uart(unhex(command)) == unhex(answer)


def test_an_awake_pump_answers_the_model_as_in_the_worked_example() -> None:
    rig = Rig("522")
    rig.wake()
    reply = rig.uart(ASK_MODEL)
    assert reply[2:] == unhex("A9 69 71 C9 AD 16 68 D5 59 56 38 E5 8F 28 F2 55*90 71 95 00")
    assert reply[1] > 0


def test_a_sleeping_pump_is_silent_and_the_stick_says_so_after_the_timeout() -> None:
    rig = Rig()
    asked_ns = rig.now_ns
    assert rig.uart(ASK_MODEL, 0.51) == b""
    assert rig.uart(b"", 0.1) == b"\xaa\x00"
    heard_ns = [at_ns for name, way, at_ns, data in rig.traffic if (name, way, data) == ("pump", "<", b"\xaa\x00")]
    assert heard_ns[0] - asked_ns == pytest.approx(514e6, abs=1e6)  # 14 ms on the air, then 500 ms of listening


def test_a_burst_takes_its_time_on_the_air_then_the_listener_gets_one_ack() -> None:
    rig = Rig()
    began_ns = rig.now_ns
    assert rig.uart(WAKE_BURST, 5.0) == b"\x00"
    sent_ns = rig.traffic[-1][2]
    assert 3.3e9 < sent_ns - began_ns < 3.6e9
    reply = rig.uart(LISTEN_12_S, 1.0)
    assert decode_4b6b(reply[2:-1]) == ACK
    assert rig.uart(LISTEN_12_S, 12.1) == b"\xaa\x00"


def test_too_short_a_burst_does_not_wake_the_pump() -> None:
    rig = Rig()
    rig.uart(b"\x04\x00\x20" + WAKE_BURST[3:], 2.0)  # 33 packets
    assert rig.uart(LISTEN_12_S, 12.1) == b"\xaa\x00"
    assert rig.uart(ASK_MODEL, 0.6) == b"\xaa\x00"


def test_the_radio_sleeps_again_after_a_while_and_later_when_told_so() -> None:
    rig = Rig()
    rig.uart(WAKE_BURST, 4.0)
    rig.uart(LISTEN_12_S, 0.3)
    rig.wait(95.0)
    assert rig.uart(ASK_MODEL, 0.6) == b"\xaa\x00"
    rig.wake()  # power on for 10 min
    rig.wait(590.0)
    assert len(rig.uart(ASK_MODEL, 0.6)) > 100
    rig.wait(95.0)
    assert rig.uart(ASK_MODEL, 0.6) == b"\xaa\x00"


def test_power_off_puts_the_radio_to_sleep() -> None:
    rig = Rig()
    rig.wake()
    assert rig.command(0x5D, b"\x00\x00") == 0
    assert rig.uart(ASK_MODEL, 0.6) == b"\xaa\x00"


def test_a_command_byte_ends_a_running_receive() -> None:
    rig = Rig()
    assert rig.uart(LISTEN_12_S, 1.0) == b""
    assert rig.uart(b"\x01") == b"\xbb\x00OK\x00"
    assert rig.uart(LISTEN_12_S, 1.0) == b""
    assert rig.uart(b"\x00") == b"\xbb\x00"
    assert rig.uart(b"", 15.0) == b""


def test_commands_during_a_transmission_wait_for_its_end() -> None:
    rig = Rig()
    assert rig.uart(WAKE_BURST + b"\x01", 1.0) == b""
    assert rig.uart(b"", 4.0) == b"\x00OK\x00"


def test_the_pump_answers_within_80_ms() -> None:
    rig = Rig()
    rig.wake()
    for _ in range(20):
        assert len(rig.uart(b"\x05\0\0\0\0\0\0\0\x96\0" + ASK_MODEL[10:], 0.3)) > 100  # 150 ms less 61 ms of air


@pytest.mark.parametrize("listen_ms", [80, 100])
def test_only_silence_times_out_and_not_a_packet_that_has_begun(listen_ms: int) -> None:
    # radio.c of subg_rfspy 0.9: the timeout counts only while nothing has come; clients listen for 80 and 100 ms.
    for seed in range(20):
        rig = Rig("522", seed=seed)
        rig.wake()
        ask = unhex("05 00 00 00 00 00 00 00") + bytes((listen_ms,)) + ASK_MODEL[9:]
        reply = rig.uart(ask, 0.5)
        assert reply[2:] == unhex("A9 69 71 C9 AD 16 68 D5 59 56 38 E5 8F 28 F2 55*90 71 95 00"), reply


def test_a_listener_that_gives_up_before_the_answer_begins_hears_nothing() -> None:
    rig = Rig("522")
    rig.wake()
    assert rig.uart(unhex("05 00 00 00 00 00 00 00 0A") + ASK_MODEL[9:], 0.5) == b"\xaa\x00"
    assert len(rig.uart(ASK_MODEL, 0.5)) > 100  # and the next one is not disturbed by what it missed


def test_a_receive_that_begins_in_the_middle_of_a_packet_does_not_hear_it() -> None:
    rig = Rig("522")
    rig.wake()
    send_only = unhex("04 00 00 00 A9 69 71 C9 AD 16 68 D5 55 59 A5 00")
    listen_200_ms = unhex("03 00 00 00 00 C8")
    assert rig.uart(send_only, 0.02) == b"\x00"
    assert len(rig.uart(listen_200_ms, 0.3)) > 100  # begun in time
    assert rig.uart(send_only, 0.1) == b"\x00"  # answers begin at most 80 ms after, and take 61 ms
    assert rig.uart(listen_200_ms, 0.3) == b"\xaa\x00"


def test_the_stick_sends_again_when_it_was_told_to_and_nothing_came() -> None:
    rig = Rig()
    began_ns = rig.now_ns
    assert rig.uart(b"\x05\0\0\0\0\0\0\x00\x64\x03" + ASK_MODEL[10:], 1.0) == b"\xaa\x00"
    assert rig.traffic[-1][2] - began_ns == pytest.approx(4 * 114e6, abs=2e6)


def test_a_stick_tuned_far_off_hears_nothing_until_reset() -> None:
    rig = Rig()
    rig.wake()
    for register in ("06 0B 66", "06 0A 2E", "06 09 24"):  # 868.35 MHz
        assert rig.uart(unhex(register)) == b"\x01\x00"
    assert rig.uart(ASK_MODEL, 0.6) == b"\xaa\x00"
    assert rig.uart(b"\x07", 1.1) == b""
    assert len(rig.uart(ASK_MODEL, 0.6)) > 100


def test_signal_is_best_where_the_pump_sends() -> None:
    rig = Rig()
    rig.wake()
    strength = {}
    for mhz in (916.45, 916.55, 916.70):
        word = round(mhz * 65536 / 24).to_bytes(3, "big")
        for register, value in zip((9, 10, 11), word, strict=True):
            rig.uart(bytes((6, register, value)))
        replies = [rig.uart(ASK_MODEL, 0.6)[0] for _ in range(5)]
        assert 0 not in replies
        strength[mhz] = sum(value - 256 if value > 127 else value for value in replies) / 5
    assert strength[916.55] > strength[916.45] > strength[916.70]


def test_a_foreign_id_a_bad_crc_and_other_traffic_meet_silence() -> None:
    rig = Rig()
    rig.wake()
    assert rig.packet(short_packet(bytes.fromhex("512848"), 0x8D)) is None
    assert rig.packet(unhex("A7 51 28 47 8D 00 79")) is None
    assert rig.packet(unhex("A5 51 28 47 8D 00 78")) is None
    assert rig.packet(short_packet(PUMP_ID, 0x8D)) is not None


def test_a_packet_split_over_writes_is_put_together() -> None:
    rig = Rig()
    rig.wake()
    for at in range(0, len(ASK_MODEL) - 1, 3):
        assert rig.uart(ASK_MODEL[at : at + 3][: len(ASK_MODEL) - 1 - at], 0.01) == b""
    assert len(rig.uart(b"\x00", 0.6)) > 100
