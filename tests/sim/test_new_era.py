"""The New Era pump's manners: alarms, modes, program, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.sim.syringe_kit import EXACT_SYRINGE, SyringeRig, infusing
from tests.transcripts.syringe_notation import safe_packet


def ready(**options: object) -> SyringeRig:
    """Return a pump whose alarm of power-up is acknowledged, volumes in uL."""
    rig = SyringeRig(**options)  # type: ignore[arg-type]
    assert rig.say("0", "0VOLUL") == ["00A?R", "00S"]
    return rig


def test_the_alarm_of_power_up_is_returned_until_a_valid_command_has_got_it_and_nothing_is_obeyed_before() -> None:
    rig = SyringeRig()
    assert rig.say("0NONSENSE", "0XYZ", "0RUN", "0") == ["00A?R", "00A?R", "00A?R", "00S"]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("0", "00S"),
        ("", "00S"),
        (" 0 d i a ", "00S14.43"),
        ("dia", "00S14.43"),
        ("00DIA", "00S14.43"),
        ("*DIA", "00S14.43"),
        ("1DIA", ""),
        ("99", ""),
        ("0DIA0.05", "00S?OOR"),
        ("0DIA50.1", "00S?OOR"),
        ("0DIA4.699", "00S"),
        ("0DIA14.431", "00S?OOR"),
        ("0DIA1.2.3", "00S?"),
        ("0DIA-5", "00S?"),
        ("0RATx", "00S?"),
        ("0RAT12345UH", "00S?OOR"),
        ("0RAT0UH", "00S?OOR"),
        ("0RAT6.000UH", "00S?OOR"),
        ("0RAT7.000UH", "00S"),
        ("0RAT500.0", "00S"),
        ("0RAT501.0MH", "00S?OOR"),
        ("0VOL.5", "00S"),
        ("0VOL", "00S0.000UL"),
        ("0DIRUP", "00S?"),
        ("0CLD", "00S?"),
        ("0CLDINF", "00S"),
        ("0SAF", "00S0"),
        ("0SAF256", "00S?OOR"),
        ("0PHN", "00S1"),
        ("0PHN42", "00S?OOR"),
        ("0FUN", "00SRAT"),
        ("0FUNXYZ", "00S?"),
        ("0FUNPAS0", "00S?OOR"),
        ("0RUN0", "00S?OOR"),
        ("0RUNX", "00S?"),
        ("0ADR", "00S00"),
        ("0VERX", "00S?"),
        ("0\x1b", "00S"),
        ("0\u00e9", "00S"),
        ("999DIA", ""),
        ("0$$$", "00S?"),
        ("0DI", "00S?"),
    ],
)
def test_each_command_gets_its_answer(text: str, answer: str) -> None:
    assert ready().say(text) == [answer]


def test_the_volume_unit_follows_the_diameter_until_it_is_chosen() -> None:
    rig = ready()
    assert rig.say("0DIA14.00", "0VOL", "0DIA14.01", "0VOL") == ["00S", "00S0.000UL", "00S", "00S0.000ML"]
    assert rig.say("0VOLUL", "0VOL12.34", "0VOL") == ["00S", "00S", "00S12.34UL"]


def test_an_address_is_set_by_a_system_command_and_then_only_that_one_is_answered() -> None:
    rig = ready()
    assert rig.say("*ADR5", "0", "", "5", "05VER") == ["05S", "", "", "05S", "05SNE1000V3.928"]
    assert rig.say("*ADR100", "*ADR") == ["05S?OOR", "05S05"]


def test_it_runs_to_its_volume_counts_it_exactly_and_goes_on_counting() -> None:
    rig = infusing("500.0UH", "0VOLUL", "0VOL2.500")
    rig.at(10.0)
    assert rig.say("0", "0STP", "0VOL5") == ["00I", "00P", "00P?NA"]
    rig.at(100.0)
    assert rig.say("0", "0RUN") == ["00P", "00I"]
    rig.at(108.5)
    assert rig.say("0DIS", "0RUN", "0CLDINF", "0DIA5") == ["00II2.431W0.000UL", "00I?NA", "00I?NA", "00I?NA"]
    rig.at(111.0)
    assert rig.say("0", "0DIS", "0RUN") == ["00S", "00SI2.500W0.000UL", "00I"]
    rig.at(140.0)
    assert rig.say("0DIS", "0CLDINF", "0DIS") == ["00SI5.000W0.000UL", "00S", "00SI0.000W0.000UL"]
    assert rig.book.commanded_ul(0, rig.now_ns) == pytest.approx(5.0, abs=1e-9)


def test_the_rate_can_change_on_the_run_but_not_its_unit() -> None:
    rig = infusing("500.0UH", "0VOLUL")
    assert rig.say("0RAT250.0", "0RAT", "0RAT5.000UM", "0RAT9999UH") == ["00I", "00I250.0UH", "00I?NA", "00I"]
    assert rig.say("0STP", "0RAT5.000UM", "0RUN", "0RAT") == ["00P", "00P", "00I", "00I5.000UM"]


def test_the_direction_turns_on_the_run_only_without_a_target_and_withdrawing_empties_the_vessel() -> None:
    rig = infusing("3600UH", "0VOLUL")
    rig.at(11.0)
    assert rig.say("0DIRREV", "0DIR") == ["00W", "00WWDR"]
    rig.at(31.0)
    assert rig.say("0STP", "0STP") == ["00P", "00S"]
    rig.at(60.0)
    assert rig.book.commanded_ul(0, rig.now_ns) == pytest.approx(-10.0, abs=0.3)
    assert rig.book.outlet_ul(0, rig.now_ns) == pytest.approx(-10.0, abs=0.4)
    assert rig.mass_mg() == pytest.approx(-10.0, abs=0.4)
    assert rig.say("0DIS")[0].startswith("00SI10.0")
    assert rig.say("0VOL5", "0RUN", "0DIRREV") == ["00S", "00W", "00W?NA"]


def test_a_program_pumps_pauses_turns_and_stops() -> None:
    rig = infusing(
        "3600UH", "0VOLUL", "0VOL10.00",
        "0PHN2", "0FUNPAS20", "0PHN3", "0FUNRAT", "0RAT1800UH", "0VOL5", "0DIRWDR", "0PHN1",
    )  # fmt: skip
    rig.at(10.0)
    assert rig.say("0") == ["00I"]
    rig.at(15.0)
    assert rig.say("0", "0RUN", "0RAT5") == ["00T", "00T?NA", "00T?NA"]
    rig.at(35.0)
    assert rig.say("0", "0RAT") == ["00W", "00W1800.UH"]
    rig.at(45.0)
    assert rig.say("0", "0DIS") == ["00S", "00SI10.00W5.000UL"]


def test_what_arrives_just_as_a_new_phase_begins_is_ignored() -> None:
    rig = infusing("3600UH", "0VOLUL", "0VOL5", "0PHN2", "0FUNRAT", "0RAT1800UH", "0PHN1", "0VOL5")
    rig.at(6.002)
    assert rig.say("0RAT900", "0RAT900", "0RAT") == ["00I?IGN", "00I", "00I900.0UH"]


def test_a_program_that_never_rests_is_an_error_and_one_beyond_the_limits_out_of_range() -> None:
    rig = ready()
    rig.say("0FUNJMP2", "0PHN2", "0FUNJMP1")
    assert rig.say("0RUN", "0") == ["00A?E", "00S"]
    rig = ready()
    assert rig.say("0RAT400.0MH", "0DIA4.699", "0RUN", "0") == ["00S", "00S", "00A?O", "00S"]
    rig = ready()
    rig.say("0VOL5", "0RAT3600UH", "0PHN2", "0FUNJMP1")
    assert rig.say("0RUN") == ["00I"]
    rig.at(30.0)
    assert rig.say("0") == ["00I"]  # a loop that pumps is none


def test_a_purge_runs_at_full_speed_and_one_stop_ends_it() -> None:
    rig = ready()
    assert rig.say("0PUR", "0DIR", "0RAT5") == ["00X", "00XINF", "00X?NA"]
    rig.wait(60.0)
    assert rig.say("0STP", "0STP") == ["00S", "00S?NA"]
    assert rig.book.commanded_ul(0, rig.now_ns) == pytest.approx(8341.0 * 60.4 / 60.0, rel=0.005)


def test_an_empty_syringe_stalls_the_motor() -> None:
    rig = infusing("500.0MH", syringe=replace(EXACT_SYRINGE, filled_ul=1000.0))
    rig.at(60.0)
    assert rig.say("0", "0") == ["00A?S", "00S"]
    assert rig.book.outlet_ul(0, rig.now_ns) == pytest.approx(1000.0, abs=0.2)


def test_a_safe_host_that_falls_silent_stops_the_pump() -> None:
    rig = infusing("3600UH", "0VOLUL")
    assert rig.tell(b"0SAF10\r") == safe_packet("00I")
    heard_ns = rig.now_ns
    assert rig.tell(b"\x02\x08garbage", 5.0) == safe_packet("00I?COM")  # damaged, so it does not count
    assert rig.tell(b"", 10.0) == safe_packet("00A?T")
    assert rig.book.commanded_ul(heard_ns, rig.now_ns) == pytest.approx(10.0, abs=0.11)
    assert rig.tell(safe_packet("0")) == safe_packet("00A?T")
    assert rig.tell(safe_packet("0")) == safe_packet("00S")
    assert rig.tell(b"", 60.0) == safe_packet("00A?T")


def test_talk_with_another_pump_on_the_line_swallows_no_alarm() -> None:
    rig = infusing("3600UH", "0SAF0", faults=("syringe.stall=on@20s+1s",))
    rig.tell(b"0SAF100\r")
    rig.at(19.99995)
    assert rig.tell(safe_packet("7"), 1.0) == safe_packet("00A?S")


def test_valid_packets_keep_a_safe_pump_running() -> None:
    rig = infusing("3600UH")
    rig.tell(b"0SAF2\r")
    assert [rig.tell(safe_packet("0"), 1.9) for _ in range(10)] == [safe_packet("00I")] * 10


def test_a_gap_of_half_a_second_discards_half_a_packet() -> None:
    rig = ready()
    packet = safe_packet("0SAF0")
    assert rig.tell(packet[:4], 0.4) + rig.tell(packet[4:]) == b"\x0200S\x03"
    assert rig.tell(packet[:4], 0.6) + rig.tell(packet) == b"\x0200S\x03"
    assert rig.tell(packet[:4], 0.6) + rig.tell(b"0\r") == b"\x0200S\x03"


def test_after_a_power_cut_it_stands_with_an_alarm_and_its_stored_settings() -> None:
    rig = infusing("500.0UH", "0VOLUL", faults=("syringe.power_cut=on@1h+10s",))
    rig.say("0RAT250.0")
    rig.at(3605.0)
    assert rig.say("0") == [""]
    rig.at(3611.0)
    assert rig.say("0DIS", "0DIS", "0RAT") == ["00A?R", "00SI0.000W0.000UL", "00S500.0UH"]
    assert rig.book.commanded_ul(0, rig.now_ns) == pytest.approx(250.0, abs=0.1)


def test_safe_mode_survives_a_power_cut_and_its_timer_waits_for_the_first_packet() -> None:
    rig = ready(faults=("syringe.power_cut=on@60s+1s",))
    rig.say("0SAF100")
    rig.at(400.0)
    assert rig.tell(safe_packet("0")) == safe_packet("00A?R")
    assert rig.tell(b"", 101.0) == safe_packet("00A?T")


def test_a_pulled_cable_does_not_stop_it() -> None:
    rig = infusing("3600UH", "0VOLUL", faults=("syringe.unplugged=on@10s+20s",))
    rig.bench.seed_unplugging(rig.links, lambda rig_ns: rig_ns, ("syringe",))
    rig.at(15.0)
    assert rig.line.lost_because
    rig.at(31.0)
    assert rig.links.reopen(rig.line)
    assert rig.say("0DIS")[0].startswith("00II30.0")


def test_a_lost_answer_hides_what_was_done_and_late_ones_come_late() -> None:
    rig = ready(faults=("syringe.drop_answer=1@10s", "syringe.late=2s@20s+1s"))
    rig.at(10.0)
    assert rig.say("0RUN", "0") == ["", "00I"]
    rig.at(20.5)
    assert rig.tell(b"0\r", 1.9) + b"|" + rig.tell(b"", 0.2) == b"|\x0200I\x03"


def test_a_bad_line_damages_packets_and_none_of_them_is_obeyed() -> None:
    rig = ready(faults=("syringe.corrupt=100%@5s",))
    rig.at(4.0)
    rig.say("0SAF255")
    rig.at(5.0)
    for _ in range(20):
        rig.tell(safe_packet("0RUN"), 1.0)
    assert rig.book.commanded_ul(0, rig.now_ns) == 0.0
