"""What each make does beyond single exchanges: streams that end, commands that wait, settings that are kept."""

from __future__ import annotations

import pytest

from rig.sim.balances.menu import Menu
from tests.sim.balance_kit import Scale

LINE = b"S S    12.3456 g\r\n"


def sics(*faults: str, menu: Menu | None = None) -> Scale:
    scale = Scale("mt-sics", faults=faults, menu=menu)
    scale.hear()
    return scale


# --- MT-SICS, levels 2 and 3


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"SC 100\r\n", LINE),
        (b"SC\r\n", b"ES\r\n"),
        (b"SC 99999\r\n", b"S L\r\n"),
        (b"ZC 100\r\n", b"ZC S\r\n"),
        (b"TC 100\r\n", b"TC S    12.3456 g\r\n"),
        (b"SIU\r\n", LINE),
        (b"SU\r\n", LINE),
        (b"SIS\r\n", b'SIS A 0 "12.3456" 0 4 1 0 0\r\n'),
        (b"M21\r\n", b"M21 B 0 0\r\nM21 A 1 0\r\n"),
        (b"M21 0 3\r\n", b"M21 A\r\n"),
        (b"M21 1 0\r\n", b"M21 L\r\n"),
        (b"M21 0 4\r\n", b"M21 L\r\n"),
        (b"M28\r\n", b"M28 A 1 20.0\r\n"),
        (b"M29 4\r\n", b"M29 A\r\n"),
        (b"M29 5\r\n", b"M29 L\r\n"),
        (b"M35\r\n", b"M35 A 0\r\n"),
        (b"M35 2\r\n", b"M35 L\r\n"),
        (b"USTB\r\n", b"USTB B 0 1.000 1.000\r\nUSTB B 1 1.000 1.000\r\nUSTB A 2 1.000 1.000\r\n"),
        (b"USTB 0 1 1\r\n", b"USTB L\r\n"),
        (b"R01\r\n", b'I4 A "B000900001"\r\n'),
    ],
)
def test_a_command_of_a_higher_level_gets_its_answer(request_: bytes, answer: bytes) -> None:
    assert sics().ask(request_, 0.15) == answer


def test_the_host_unit_stands_against_the_front_panel() -> None:
    scale = sics("balance.unit=kg")
    assert scale.ask(b"SI\r\n") == b"S S  0.0123456 kg\r\n"
    assert scale.ask(b"M21 0 0\r\n") == b"M21 A\r\n"
    assert scale.ask(b"SI\r\n") == LINE
    assert scale.ask(b"SIU\r\n") == b"S S  0.0123456 kg\r\n"
    assert scale.ask(b"M21\r\n") == b"M21 B 0 0\r\nM21 A 1 1\r\n"


def test_an_adjustment_holds_commands_until_it_ends_and_the_reset_breaks_it_off() -> None:
    scale = sics(menu=Menu(adjust_s=20.0))
    assert scale.ask(b"C3\r\n", 1.0) == b"C3 B\r\n"
    assert scale.ask(b"I2\r\n", 10.0) == b""
    assert scale.hear(10.0) == b'C3 A\r\nI2 A "SIM220 220.00000 g"\r\n'
    assert scale.ask(b"C3\r\n", 1.0) == b"C3 B\r\n"
    assert scale.ask(b"SI\r\n", 1.0) == b""
    assert scale.ask(b"@\r\n") == b'I4 A "B000900001"\r\n'
    assert scale.hear(30.0) == b""
    assert scale.ask(b"SI\r\n") == LINE


def test_snr_says_only_stable_values() -> None:
    scale = sics()
    assert scale.ask(b"SNR 1 mg\r\n") == LINE
    assert scale.hear(5.0) == b""
    scale.shows_mg(13000.0)
    assert scale.hear(1.0) == b"S S    13.0000 g\r\n"


def test_a_dynamic_value_comes_when_the_time_for_stability_is_over() -> None:
    scale = sics("balance.unstable=on")
    assert scale.ask(b"SC 2000\r\n", 1.9) == b""
    assert scale.hear(0.5) == b"S D    12.3456 g\r\n"
    assert scale.ask(b"TC 1000\r\n", 1.5) == b"TC D    12.3456 g\r\n"


@pytest.mark.parametrize(("fault", "state"), [("overload", b"4"), ("underload", b"5"), ("error", b"6")])
def test_sis_tells_the_states_apart(fault: str, state: bytes) -> None:
    assert sics(f"balance.{fault}=on").ask(b"SIS\r\n")[6:7] == state


def test_a_slower_value_release_calls_less_stable() -> None:
    stable = []
    for release in (b"0", b"4"):
        scale = sics()
        scale.ask(b"M29 " + release + b"\r\n")
        scale.bench.plant_runs_at(30.0)  # a dose of 0.25 mg every 3 s, settled in between or not
        scale.hear(60.0)
        lines = scale.ask(b"SIR\r\n", 60.0).splitlines()
        stable.append(sum(line.startswith(b"S S") for line in lines) / len(lines))
    assert stable[0] > stable[1]


# --- KERN


def test_kcp_loses_a_request_that_comes_too_soon() -> None:
    scale = Scale("kern-kcp")
    scale.hear()
    scale.link.write(b"SI\r\n")
    scale.hear(0.05)
    scale.link.write(b"SI\r\n")
    assert scale.hear(1.0) == b""
    assert scale.ask(b"SI\r\n") == LINE


def test_kcp_lists_only_what_it_obeys() -> None:
    scale = Scale("kern-kcp")
    scale.hear()
    listed = {line.split('"')[1] for line in scale.ask(b"I0\r\n").decode().splitlines()}
    assert {"@", "S", "SI", "SIR", "T", "TA", "U", "Z"} < listed
    assert not {name for name in listed if name.startswith("M") or name == "SIC1"}


def test_the_old_set_sends_a_late_stable_value_to_whoever_listens_then() -> None:
    scale = Scale("kern", faults=("balance.unstable=on@0s+10s",))
    assert scale.ask(b"s", 9.0) == b""
    assert scale.hear(2.0) == b"     12.3456 g  \r\n"


# --- SBI


def test_print_is_a_toggle_while_a_sartorius_prints_by_itself() -> None:
    scale = Scale("sbi", model="wza")
    line = b"+  12.3456 g  \r\n"
    assert scale.hear(2.1).count(line) == 11
    assert scale.ask(b"\x1bP", 3.0).count(line) == 1
    assert scale.ask(b"\x1bV", 2.1).count(b"    0.0000 g  \r\n") >= 9
    assert scale.ask(b"\x1bP", 3.0).count(b"\r\n") == 1
    assert scale.ask(b"\x1bP", 2.1).count(b"\r\n") >= 9


def test_answers_to_other_questions_come_between_the_lines() -> None:
    scale = Scale("sbi", menu=Menu("SIM-WZA", "0031801165", format=16, autoprint=True))
    scale.hear(1.05)
    heard = scale.ask(b"\x1bx2_", 1.0).split(b"\r\n")
    assert b"SerNo.    0031801165" in heard[:3]
    assert heard.count(b"+  12.3456 g  ") >= 9


def test_a_command_in_pieces_is_one_command() -> None:
    scale = Scale("sbi")
    for piece in (b"\x1b", b"x", b"1"):
        assert scale.ask(piece) == b""
    assert scale.ask(b"_") == b"SIM-ENTRIS          \r\n"
    assert scale.ask(b"\x1bk") == b""
    assert scale.ask(b"P_\x1bP").count(b"N     +  12.3456 g  \r\n") == 2


def test_an_adjustment_of_a_sartorius_says_so_and_then_prints() -> None:
    scale = Scale("sbi", menu=Menu(adjust_s=5.0))
    assert scale.ask(b"\x1bZ") == b"Stat     Cal.Int.   \r\n"
    assert scale.ask(b"\x1bP") == b"Stat     Cal.Int.   \r\n"
    assert scale.hear(6.0).startswith(b"N     +  12.3")


def test_tare_and_zero_in_one_zeroes_near_zero_and_tares_elsewhere() -> None:
    scale = Scale("sbi", shows_mg=500.0)
    scale.ask(b"\x1bT")
    assert scale.bench._plant.cell.tare_counts == 0
    scale.shows_mg(50_000.0)
    scale.ask(b"\x1bT")
    assert scale.bench._plant.cell.tare_counts == 500_000
    assert scale.ask(b"\x1bP") == b"N         0.0000 g  \r\n"


# --- A&D


def test_a_stream_of_an_a_and_d_ends_with_c_and_a_waiting_s_too() -> None:
    scale = Scale("and", faults=("balance.unstable=on@10s+10s",))
    assert scale.ask(b"SIR\r\n", 2.05).count(b"ST,+012.3456  g\r\n") == 21
    scale.ask(b"C\r\n")
    assert scale.hear(2.0) == b""
    scale.hear(6.0)
    assert scale.ask(b"S\r\n", 5.0) == b""
    assert scale.ask(b"C\r\n") == b""
    assert scale.hear(10.0) == b""


def test_a_key_at_work_makes_an_a_and_d_not_ready() -> None:
    scale = Scale("and", model="fx-i-ak", faults=("balance.unstable=on@0s+5s",))
    assert scale.ask(b"R\r\n") == b"\x06\r\n"
    assert scale.ask(b"Q\r\n") == b"EC,E02\r\n"
    assert scale.hear(6.0) == b"\x06\r\n"
    assert scale.ask(b"Q\r\n") == b"ST,+000.0000  g\r\n"


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"PT:12,5  g\r\n", b"EC,E06\r\n"),
        (b"PT:999.0  g\r\n", b"EC,E07\r\n"),
        (b"?TN\r\n", b"TN,    SIM-FX\r\n"),
        (b"?ID\r\n", b"ID,000012\r\n"),
        (b"x" * 300, b"EC,E04\r\n"),
    ],
)
def test_an_error_code_says_what_was_wrong(request_: bytes, answer: bytes) -> None:
    assert Scale("and", model="fx-i-ak").ask(request_) == answer


def test_keys_of_an_a_and_d_switch_it_off_and_on_and_change_unit_and_digit() -> None:
    scale = Scale("and", model="fx-i-ak")
    assert scale.ask(b"SMP\r\n") == b"\x06\r\n"
    assert scale.ask(b"Q\r\n") == b"ST,+0012.346  g\r\n"
    assert scale.ask(b"U\r\n") == b"\x06\r\n"
    assert scale.ask(b"Q\r\n") == b"ST,+00012346 mg\r\n"
    assert scale.ask(b"OFF\r\n") == b"\x06\r\n"
    assert scale.ask(b"Q\r\n") == b"EC,E02\r\n"
    assert scale.ask(b"ON\r\n") == b"\x06\r\n\x06\r\n"
    assert scale.ask(b"P\r\n") == b"\x06\r\n"
    assert scale.ask(b"?SN\r\n") == b"EC,E02\r\n"
    assert scale.ask(b"P\r\n") == b"\x06\r\n\x06\r\n"
    assert scale.ask(b"CAL\r\n") == b"\x06\r\n"
    assert scale.ask(b"Q\r\n") == b"EC,E02\r\n"
    assert scale.hear(60.0) == b"\x06\r\n"


# --- Ohaus


def test_an_ohaus_prints_at_intervals_until_it_is_told_to_stop() -> None:
    scale = Scale("ohaus")
    line = b"   12.3456 g\r\n"
    assert scale.ask(b"2P\r\n", 5.0) == b"OK!\r\n" + 3 * line
    assert scale.ask(b"0P\r\n") == b"OK!\r\n"
    assert scale.hear(5.0) == b""
    assert scale.ask(b"4000P\r\n") == b"ES\r\n"


def test_an_ohaus_prints_each_new_stable_weight_once() -> None:
    scale = Scale("ohaus", faults=("balance.unstable=on@5s+5s",))
    assert scale.ask(b"SLP\r\n", 4.0) == b"OK!\r\n   12.3456 g\r\n"
    scale.hear(5.0)
    assert scale.hear(5.0) == b"   12.3456 g\r\n"
    assert scale.ask(b"0P\r\n") == b"OK!\r\n"


def test_an_ohaus_keeps_what_p_means_its_tare_and_its_unit() -> None:
    scale = Scale("ohaus", faults=("balance.unstable=on@5s",))
    assert scale.ask(b"1S\r\nP\r\n") == b"OK!\r\n   12.3456 g\r\n"
    assert scale.ask(b"2.5T\r\nIP\r\nPT\r\n") == b"OK!\r\n    9.8456 g\r\n    2.5000 g\r\n"
    assert scale.ask(b"0T\r\n0U\r\nIP\r\nPU\r\n") == b"OK!\r\nOK!\r\n   12345.6 mg\r\nmg\r\n"
    scale.hear(5.0)
    assert scale.ask(b"P\r\n", 39.0) == b""
    assert scale.hear(2.0) == b"ES\r\n"
    assert scale.ask(b"0S\r\nP\r\n") == b"OK!\r\n   12345.6 mg ?\r\n"


def test_an_ohaus_sleeps_wakes_and_adjusts_itself() -> None:
    scale = Scale("ohaus")
    assert scale.ask(b"OFF\r\n") == b"OK!\r\n"
    assert scale.ask(b"IP\r\n") == b""
    assert scale.ask(b"ON\r\nIC\r\n") == b"OK!\r\nOK!\r\n"
    assert scale.ask(b"IP\r\n") == b"ES\r\n"
    assert scale.ask(b"AC\r\nIP\r\n") == b"OK!\r\n   12.3456 g\r\n"


# --- Radwag


def test_a_radwag_loses_what_comes_before_its_last_answer() -> None:
    scale = Scale("radwag", faults=("balance.unstable=on@0s+5s",))
    assert scale.ask(b"Z\r\n") == b"Z A\r\n"
    assert scale.ask(b"SI\r\n") == b""
    assert scale.hear(6.0) == b"Z D\r\n"
    assert scale.ask(b"SI\r\n") == b"SI       0.0000 g  \r\n"


def test_a_radwag_keeps_its_settings_and_refuses_a_forced_autozero() -> None:
    scale = Scale("radwag", faults=("balance.zero_tracking=on",))
    assert scale.ask(b"FIS 5\r\nFIG\r\nEV 0\r\nEVG\r\nARS 1\r\nARG\r\n") == (
        b"FIS OK\r\nFIG 5 OK\r\nEV OK\r\nEVG 0 OK\r\nARS OK\r\nARG 1 OK\r\n"
    )
    assert scale.ask(b"A 0\r\n") == b"A I\r\n"
    assert scale.ask(b"UT 1.5\r\nOT\r\nSI\r\n") == b"UT OK\r\nOT    1.5000 g   \r\nSI      10.8456 g  \r\n"
    assert scale.ask(b"UT 900\r\n") == b"UT I\r\n"
    assert scale.ask(b"UG\r\n") == b"UG g OK\r\n"
    assert b"SUI" in scale.ask(b"PC\r\n")


def test_a_scale_whose_base_unit_is_kg_answers_in_kg() -> None:
    scale = Scale("radwag", model="wlc", shows_mg=12345.0, resolution_mg=1.0)
    assert scale.ask(b"SI\r\n") == b"SI     0.012345 kg \r\n"
    assert scale.ask(b"CU1\r\n", 1.0).startswith(b"CU1 A\r\nSUI      12.345 g  \r\n")
