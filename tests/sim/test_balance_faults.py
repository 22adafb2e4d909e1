"""What goes wrong with a balance or on its line, whatever it speaks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rig.sim.balances.menu import Menu
from tests.sim.balance_kit import Scale
from tests.sim.kit import EXACT

LINE = b"S S    12.3456 g\r\n"
I4 = b'I4 A "B000900001"\r\n'


def sics(*faults: str) -> Scale:
    scale = Scale("mt-sics", faults=faults)
    scale.hear()
    return scale


@pytest.mark.parametrize(
    ("protocol", "request_", "lines"),
    [
        ("mt-sics", b"SI\r\n", (b"S S    12.3456 g\r\n", b"S S    12.346  g\r\n")),
        ("and", b"Q\r\n", (b"ST,+012.3456  g\r\n", b"ST,+0012.346  g\r\n")),
        ("radwag", b"SI\r\n", (b"SI      12.3456 g  \r\n", b"SI       12.346 g  \r\n")),
    ],
)
def test_a_coarser_display_leaves_out_its_last_digit(
    protocol: str, request_: bytes, lines: tuple[bytes, bytes]
) -> None:
    scale = Scale(protocol, faults=("balance.coarse=on@10s+10s",))
    scale.hear()
    assert scale.ask(request_) == lines[0]
    scale.hear(10.0)
    assert scale.ask(request_) == lines[1]
    scale.hear(10.0)
    assert scale.ask(request_) == lines[0]


def test_a_power_cut_loses_stream_and_tare_and_the_balance_starts_at_zero() -> None:
    scale = sics("balance.power_cut=on@5s+3s")
    assert scale.ask(b"TA 1.5 g\r\n") == b"TA A     1.5000 g\r\n"
    assert scale.ask(b"SIR\r\n", 4.0).count(b"S S    10.8456 g\r\n") > 30
    scale.hear(1.0)
    assert scale.hear(1.0) == b""
    assert scale.ask(b"SI\r\n") == b""
    assert scale.hear(2.0) == I4
    assert scale.ask(b"SI\r\n") == b"S S     0.0000 g\r\n"
    assert scale.ask(b"TA\r\n") == b"TA A     0.0000 g\r\n"


def test_a_saved_zero_stands_after_a_power_cut() -> None:
    scale = sics("balance.power_cut=on@5s+1s")
    assert scale.ask(b"M35 1\r\n") == b"M35 A\r\n"
    scale.hear(8.0)
    assert scale.ask(b"SI\r\n") == LINE


def test_a_menu_that_prints_by_itself_prints_again_after_a_power_cut() -> None:
    scale = Scale("kern", model="pcb-au-pc", faults=("balance.power_cut=on@2s+2s",))
    assert scale.hear(2.0).count(b"     12.3456 g  \r\n") == 20
    assert scale.hear(1.9) == b""
    assert scale.hear(2.0).count(b"      0.0000 g  \r\n") > 15


def test_a_balance_in_standby_stays_silent_until_a_command_wakes_it_and_may_fall_asleep_again() -> None:
    scale = sics("balance.asleep=on@5s", "balance.asleep=on@60s+10s")
    assert scale.ask(b"SIR\r\n", 4.0).count(LINE) > 30
    scale.hear(2.0)
    assert scale.hear(5.0) == b""
    assert scale.ask(b"I4\r\n") == b""
    assert scale.ask(b"@\r\n") == I4
    assert scale.ask(b"SI\r\n") == LINE
    scale.hear(50.0)
    assert scale.ask(b"SI\r\n") == b""
    scale.hear(12.0)
    assert scale.ask(b"SI\r\n") == LINE  # the first standby has no end, but it was woken from that


def test_somebody_elses_stream_begins_and_ends() -> None:
    scale = sics("balance.autoprint=on@2s+2s")
    assert scale.hear(1.8) == b""
    assert 18 <= scale.hear(3.0).count(LINE) <= 22
    assert scale.hear(3.0) == b""


def test_late_lines_meet_the_next_question() -> None:
    scale = sics("balance.late=2s@5s+1s")
    scale.hear(5.0)
    assert scale.ask(b"I4\r\n", 1.0) == b""
    assert scale.ask(b"SI\r\n", 0.5) == LINE
    assert scale.hear(2.0) == I4


def test_halves_come_apart_in_their_order() -> None:
    scale = sics("balance.halves=50ms")
    scale.link.write(b"SI\r\nI4\r\n")
    assert scale.hear(0.03) == LINE[:9]
    assert scale.hear(1.0) == LINE[9:] + I4


def test_joined_lines_come_in_one_piece() -> None:
    scale = sics("balance.joined=500ms")
    scale.hear(1.0)
    scale.link.write(b"SIR\r\n")
    chunks = scale.link.chunks
    heard = scale.hear(5.0)
    assert heard.count(LINE) >= 40
    assert scale.link.chunks - chunks <= 10


def test_a_cut_line_has_no_end_and_the_next_one_is_whole() -> None:
    scale = sics("balance.cut=1@1s")
    scale.hear(1.0)
    assert scale.ask(b"SI\r\n") == LINE[:9]
    assert scale.ask(b"SI\r\n") == LINE


def test_noise_stands_before_a_line_and_a_wrong_bit_in_it() -> None:
    noisy = sics("balance.noise=100%").ask(b"SI\r\n")
    assert noisy.endswith(LINE)
    assert 1 <= len(noisy) - len(LINE) <= 8
    wrong = sics("balance.corrupt=100%").ask(b"SI\r\n")
    assert sum((a ^ b).bit_count() for a, b in zip(wrong, LINE, strict=True)) == 1


def test_parity_read_as_an_eighth_bit_sets_the_top_bit_of_half_of_the_digits() -> None:
    heard = Scale("and", faults=("balance.eighth_bit=on",)).ask(b"Q\r\n")
    assert bytes(byte & 0x7F for byte in heard) == b"ST,+012.3456  g\r\n"
    assert all(byte.bit_count() % 2 == 0 for byte in heard)
    assert any(byte & 0x80 for byte in heard)


@pytest.mark.parametrize(
    ("protocol", "menu", "request_", "answer"),
    [
        ("mt-sics", Menu(), b"SI\r\n", b"ET\r\n"),
        ("and", Menu(error_codes=1), b"Q\r\n", b"EC,E00\r\n"),
        ("and", Menu(), b"Q\r\n", b""),
        ("sbi", Menu(), b"\x1bP", b""),
        ("kern", Menu(), b"w", b""),
        ("ohaus", Menu(), b"IP\r\n", b"ES\r\n"),
        ("radwag", Menu(), b"SI\r\n", b"ES\r\n"),
    ],
)
def test_a_parity_error_is_answered_as_the_protocol_has_it(
    protocol: str, menu: Menu, request_: bytes, answer: bytes
) -> None:
    scale = Scale(protocol, menu=menu, faults=("balance.parity=1@1s",))
    scale.hear(1.0)
    assert scale.ask(request_) == answer
    assert scale.ask(request_).strip()


def test_an_adjustment_that_ends_leaves_another_span() -> None:
    scale = Scale("radwag", menu=Menu(adjust_s=5.0), parameters=replace(EXACT, sensitivity_ppm=500.0))
    before = scale.ask(b"SI\r\n")
    assert scale.ask(b"IC\r\n") == b"IC A\r\n"
    assert scale.ask(b"SI\r\n") == b"SI I\r\n"
    assert scale.hear(5.0) == b"IC D\r\n"
    assert scale.ask(b"SI\r\n") not in (before, b"SI I\r\n")
