"""The Harvard pumps' manners: two dialects, prompts, targets and refusals."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rig.errors import UsageError
from tests.sim.syringe_kit import EXACT_SYRINGE, SyringeRig

UNKNOWN = "\nCommand error:\r\n   Unknown command\r\n:"
NOT_NOW = "\nCommand error:\r\n   Not possible now\r\n"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", "\n:"),
        ("\n", "\n:"),
        ("@diam", "\n14.4300 mm\r\n:"),
        ("DIAMETER", "\n14.4300 mm\r\n:"),
        ("diameter 12.06 mm", "\n:"),
        ("diameter 0.05", "\nArgument error: 0.05\r\n   Out of range\r\n:"),
        ("diameter wide", "\nArgument error: wide\r\n   Invalid argument\r\n:"),
        ("irat 3.2 ul/min", "\n:"),
        ("irate 3.2", "\nArgument error: 3.2\r\n   Invalid argument\r\n:"),
        ("irate 3.2 u/y", "\nArgument error: u/y\r\n   Invalid argument\r\n:"),
        ("irate 0 u/m", "\nArgument error: 0\r\n   Out of range\r\n:"),
        ("irate max", "\n:"),
        ("svolume", "\n10.0000 ml\r\n:"),
        ("svolume 1 ml", "\n:"),
        ("tvolume 0 ml", "\nArgument error: 0\r\n   Out of range\r\n:"),
        ("ttime", "\nTarget time not set\r\n:"),
        ("force", "\n50%\r\n:"),
        ("force 101", "\nArgument error: 101\r\n   Out of range\r\n:"),
        ("address", "\nPump address is 0\r\n:"),
        ("baud", "\n115200\r\n:"),
        ("poll", "\nOFF\r\n:"),
        ("nvram none", "\nArgument error: none\r\n   Invalid argument\r\n:"),
        ("output 1 high", "\n:"),
        ("output 2 high", "\nArgument error: 2\r\n   Invalid argument\r\n:"),
        ("input", "\nLow\r\n:"),
        ("ver x", "\nArgument error: x\r\n   Invalid argument\r\n:"),
        ("crate", NOT_NOW + ":"),
        ("iru", UNKNOWN),
        ("0:irun", UNKNOWN),
        (":irun", UNKNOWN),
        ("\u00e9", UNKNOWN),
        ("ttime \u00b2", "\nArgument error: \u00b2\r\n   Invalid argument\r\n:"),
        ("1irun", ""),
        ("12irun", ""),
    ],
)
def test_each_elite_command_gets_its_answer(text: str, answer: str) -> None:
    assert SyringeRig("harvard-11").say(text) == [answer]


def test_an_elite_takes_its_address_bare_and_a_phd_with_a_colon() -> None:
    elite, phd = SyringeRig("harvard-11", address=12), SyringeRig("phd-ultra", address=12)
    assert elite.say("12diam", "diam", "7diam", "") == ["\n12:14.4300 mm\r\n12:", "", "", "\n12:"]
    assert phd.say("12:diam", "12nvram none", "12:nvram none") == [
        "\n12:14.4300 mm\r\n12:",
        "\n12:Command error:\r\n12:   Unknown command\r\n12:",
        "\n12:",
    ]


def test_the_address_can_be_changed() -> None:
    assert SyringeRig("harvard-11").say("address 5", "ver", "05ver") == ["\n05:", "", "\n05: 11 Elite 3.0.4\r\n05:"]


def test_tables_of_properties_have_their_lines() -> None:
    rig = SyringeRig("harvard-11")
    metrics, version = rig.say("metrics", "version")
    assert "\nDirection          Infuse/withdraw\r" in metrics
    assert "\nPump address:  0\r" in version


def test_it_infuses_to_its_target_and_further_only_when_the_volume_is_cleared() -> None:
    rig = SyringeRig("harvard-11")
    assert rig.say("irate 3600 u/h", "tvolume 5 u", "irun", "crate", "diam 5", "irun") == [
        "\n:", "\n:", "\n>", "\nInfusing at 3600 ul/hr\r\n>", NOT_NOW + ">", NOT_NOW + ">",
    ]  # fmt: skip
    assert rig.tell(b"", 10.0) == b"\nT*"
    assert rig.say("ivolume", "irun", "stp", "cvolume", "irun", "stp") == [
        "\n5 ul\r\nT*", "\nT*", NOT_NOW + "T*", "\nT*", "\n>", "\n:",
    ]  # fmt: skip
    assert rig.book.commanded_ul(0, rig.now_ns) == pytest.approx(5.1, abs=0.05)


def test_a_target_time_ends_a_run_too() -> None:
    rig = SyringeRig("phd-ultra")
    rig.say("irate 3600 u/h", "ttime 20", "irun")
    assert rig.tell(b"", 30.0) == b"\nT*"
    assert rig.say("itime", "status") == ["\n20 seconds\r\nT*", "\n0 20 20000000000 i...I\r\nT*"]
    assert rig.book.outlet_ul(0, rig.now_ns) == pytest.approx(20.0, abs=0.1)


def test_it_withdraws_and_turns_on_the_run() -> None:
    rig = SyringeRig("harvard-11")
    assert rig.say("wrate 3600 u/h", "irate 1800 u/h", "wrun") == ["\n:", "\n:", "\n<"]
    rig.wait(9.9)
    assert rig.say("rrun", "status") == ["\n>", "\n500000000 5600000 50000000 I...I.\r\n>"]
    assert rig.say("wvolume") == ["\n10 ul\r\n>"]
    rig.wait(9.7)
    assert rig.say("stop") == ["\n:"]
    assert rig.book.commanded_ul(0, rig.now_ns) == pytest.approx(-5.0, abs=0.05)


def test_a_stall_is_told_unasked_and_stays_in_prompt_and_status_until_it_runs_again() -> None:
    rig = SyringeRig("harvard-11", faults=("syringe.stall=on@60s+10s",))
    rig.say("irun")
    assert rig.tell(b"", 61.0) == b"\n*"
    assert rig.say("status")[0].endswith(" i.S.I.\r\n*")
    assert rig.say("irun") == ["\n*"]
    rig.at(71.0)
    assert rig.say("irun", "status")[0] == "\n>"


def test_an_empty_syringe_stalls_the_motor() -> None:
    rig = SyringeRig("phd-ultra", syringe=replace(EXACT_SYRINGE, filled_ul=100.0))
    rig.say("irate 10 m/m", "irun")
    assert rig.tell(b"", 10.0) == b"\n*"
    assert rig.book.outlet_ul(0, rig.now_ns) == pytest.approx(100.0, abs=0.1)


def test_a_smaller_syringe_makes_a_rate_impossible_at_the_start() -> None:
    rig = SyringeRig("harvard-11")
    assert rig.say("irate 20 m/m", "diameter 5", "irun") == ["\n:", "\n:", "\nCommand error:\r\n   Out of range\r\n:"]


def test_a_line_without_an_end_is_thrown_away() -> None:
    rig = SyringeRig("harvard-11")
    assert rig.say("x" * 300)[0].startswith("\nCommand error")
    assert rig.tell(b"x" * 300) == b""
    assert rig.say("diam") == ["\n14.4300 mm\r\n:"]


def test_a_motor_that_cannot_turn_says_so_once() -> None:
    rig = SyringeRig("harvard-11", faults=("syringe.stall=on", "syringe.power_cut=on@30s+1s"))
    assert rig.tell(b"irun\r", 40.0) == b"\n*"


def test_a_bench_has_one_syringe_pump() -> None:
    with pytest.raises(UsageError, match="already"):
        SyringeRig().bench.mount_syringe("phd-ultra")


def test_a_touched_screen_costs_one_line_and_a_cr_reopens_the_session() -> None:
    rig = SyringeRig("harvard-11", faults=("syringe.touched=1@10s", "syringe.touched=1@20s"))
    rig.say("irun")
    rig.at(10.0)
    assert rig.say("stp", "stp") == ["", "\n:"]
    rig.say("irun")
    rig.at(20.0)
    assert rig.say("\rstp") == ["\n:"]
