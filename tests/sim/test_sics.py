"""The balance's manners: the vectors of MT-SICS, and what a published emulator got wrong."""

from __future__ import annotations

import pytest

from rig.sim.parameters import HOUR_NS
from tests.sim.kit import EXACT_PUMP, SECOND_NS, Rig

I4 = b'I4 A "B000900001"\r\n'


def test_it_announces_itself_at_power_up() -> None:
    rig = Rig()
    assert [data for name, way, _, data in rig.traffic if (name, way) == ("balance", "<")] == [I4]


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"SI\r\n", b"S S    0.00000 g\r\n"),
        (b"S\r\n", b"S S    0.00000 g\r\n"),
        (b"@\r\n", I4),
        (b"I4\r\n", I4),
        (b"I1\r\n", b'I1 A "01" "2.30" "2.22" "" ""\r\n'),
        (b"I2\r\n", b'I2 A "SIM220 220.00000 g"\r\n'),
        (b"I3\r\n", b'I3 A "1.10 10.28.0.493.142"\r\n'),
        (b"I5\r\n", b'I5 A "11781363L"\r\n'),
        (b"TA\r\n", b"TA A   27.30414 g\r\n"),
        (b"TAC\r\n", b"TAC A\r\n"),
        (b"K 1\r\n", b"K A\r\n"),
        (b"K 7\r\n", b"K L\r\n"),
        (b'D "HELLO"\r\n', b"D A\r\n"),
        (b'D "\xb5g"\r\n', b"D A\r\n"),
        (b"D HELLO\r\n", b"ES\r\n"),
        (b'D "open\r\n', b"ES\r\n"),
        (b"DW\r\n", b"DW A\r\n"),
        (b"C\r\n", b"C B\r\nC A\r\n"),
        (b"M01\r\n", b"M01 A 0\r\n"),
        (b"M02\r\n", b"M02 A 2\r\n"),
        (b"M02 0\r\n", b"M02 A\r\n"),
        (b"M02 9\r\n", b"M02 L\r\n"),
        (b"M02 x\r\n", b"ES\r\n"),
        (b"M03\r\n", b"M03 A 0\r\n"),
        (b"M03 1\r\n", b"M03 A\r\n"),
        (b"M03 2\r\n", b"M03 L\r\n"),
        (b"UPD\r\n", b"UPD A 10.172\r\n"),
        (b"UPD 18\r\n", b"UPD A\r\n"),
        (b"UPD 99\r\n", b"UPD L\r\n"),
        (b"UPD fast\r\n", b"ES\r\n"),
        (b"ZI\r\n", b"ZI S\r\n"),
        (b"Z\r\n", b"Z A\r\n"),
        (b"si\r\n", b"ES\r\n"),
        (b"SI \r\n", b"ES\r\n"),
        (b"SI  x\r\n", b"ES\r\n"),
        (b"M03  0\r\n", b"ES\r\n"),
        (b" SI\r\n", b"ES\r\n"),
        (b"NONSENSE\r\n", b"ES\r\n"),
        (b"\r\n", b""),
        (b"SI\n", b""),
        (b"SI\r", b""),
        (b"S", b""),
    ],
)
def test_each_request_gets_its_line(line: bytes, reply: bytes) -> None:
    assert Rig().weigh(line) == reply


def test_a_line_feed_alone_ends_no_command() -> None:
    assert Rig().weigh(b"SI\nSI\r\n") == b"ES\r\n"


def test_split_bytes_make_one_command() -> None:
    rig = Rig()
    assert [rig.weigh(bytes((byte,))) for byte in b"SI\r\n"] == [b"", b"", b"", b"S S    0.00000 g\r\n"]


def test_a_line_without_an_end_is_thrown_away_with_an_error() -> None:
    rig = Rig()
    assert rig.weigh(b"x" * 300) == b"ES\r\n"
    assert rig.weigh() == b"S S    0.00000 g\r\n"


def test_i0_names_every_command_it_obeys() -> None:
    rig = Rig()
    lines = rig.weigh(b"I0\r\n").decode().split("\r\n")[:-1]
    assert [line[:4] for line in lines] == ["I0 B"] * (len(lines) - 1) + ["I0 A"]
    names = [line.split('"')[1] for line in lines]
    assert {"@", "S", "SI", "SIR", "Z", "ZI", "T", "TI", "TA", "TAC", "SR", "UPD", "M01", "M02", "M03"} < set(names)
    for name in names:
        line = {"D": b'D "x"', "K": b"K 1", "SC": b"SC 8", "TC": b"TC 8", "ZC": b"ZC 8"}.get(name, name.encode())
        assert rig.weigh(line + b"\r\n", 61.0 if name == "C3" else 1.0) not in (b"", b"ES\r\n")


@pytest.mark.parametrize(
    ("resolution_mg", "reply"),
    [(0.001, b"S S   0.000000 g\r\n"), (0.1, b"S S     0.0000 g\r\n"), (1.0, b"S S      0.000 g\r\n")],
)
def test_the_digits_follow_the_resolution(resolution_mg: float, reply: bytes) -> None:
    assert Rig(resolution_mg=resolution_mg).weigh() == reply


def test_minus_stands_before_the_first_digit_and_zero_has_none() -> None:
    rig = Rig()
    rig.bench._plant.cell.set_tare(2730414 + 68000)
    rig.bench._plant.refresh()
    assert rig.weigh() == b"S S   -0.68000 g\r\n"


def test_a_moving_load_is_dynamic_and_s_waits_until_it_is_still() -> None:
    rig = Rig()
    rig.wake()
    assert rig.bolus(1.0) == 0
    rig.wait(30.0)
    assert rig.weigh().startswith(b"S D ")
    asked_ns = rig.now_ns
    assert rig.weigh(b"S\r\n", 5.0) == b""
    reply = rig.weigh(b"", 60.0)
    assert reply.startswith(b"S S ")
    assert rig.traffic[-1][2] - asked_ns > 20 * SECOND_NS


def test_s_gives_up_with_s_i_never_with_a_dynamic_value() -> None:
    rig = Rig()
    rig.wake()
    assert rig.bolus(10.0) == 0
    rig.wait(20.0)
    assert rig.weigh(b"S\r\n", 39.0) == b""
    assert rig.weigh(b"", 2.0) == b"S I\r\n"


def test_commands_wait_behind_a_pending_s_and_at_drops_them_all() -> None:
    rig = Rig()
    rig.wake()
    assert rig.bolus(10.0) == 0
    rig.wait(20.0)
    assert rig.weigh(b"S\r\n", 1.0) == b""
    assert rig.weigh(b"I2\r\n", 1.0) == b""
    assert rig.weigh(b"@\r\n", 1.0) == I4
    assert rig.weigh(b"", 60.0) == b""
    assert rig.weigh(b"S\r\n", 1.0) == b""
    assert rig.weigh(b"I5\r\n", 1.0) == b""
    assert rig.weigh(b"", 60.0) == b'S I\r\nI5 A "11781363L"\r\n'


def test_a_stream_runs_at_its_rate_and_si_stops_it_with_exactly_one_line() -> None:
    rig = Rig()
    lines = rig.weigh(b"SIR\r\n", 2.0).splitlines()
    assert len(lines) == 21  # 10.172 Hz
    assert set(lines) == {b"S S    0.00000 g"}
    assert rig.weigh(b"SI\r\n", 0.005) in (b"", b"S S    0.00000 g\r\n")
    rig.wait(0.2)
    rig.scale.discard_input()
    assert rig.weigh(b"", 2.0) == b""
    rig.weigh(b"SIR\r\n", 0.5)
    assert rig.weigh(b"@\r\n", 2.0).endswith(I4)
    assert rig.weigh(b"", 2.0) == b""


def test_the_output_rate_is_rounded_to_what_the_device_can() -> None:
    rig = Rig()
    assert rig.weigh(b"UPD 18\r\n") == b"UPD A\r\n"
    assert rig.weigh(b"UPD\r\n") == b"UPD A 18.310\r\n"
    assert len(rig.weigh(b"SIR\r\n", 2.0).splitlines()) in (36, 37)


def test_sr_sends_the_stable_value_then_changes_dynamic_and_stable() -> None:
    rig = Rig()
    rig.wake()
    assert rig.weigh(b"SR 1 mg\r\n") == b"S S    0.00000 g\r\n"
    assert rig.weigh(b"", 20.0) == b""
    assert rig.bolus(0.2) == 0
    first, second = rig.weigh(b"", 100.0).splitlines()
    assert first.startswith(b"S D ")
    assert second.startswith(b"S S ")
    assert float(second[4:14]) > float(first[4:14]) >= 0.001
    assert rig.weigh(b"SR x\r\n") == b"ES\r\n"


def test_tare_and_zero_move_what_is_shown() -> None:
    rig = Rig()
    rig.wake()
    rig.bolus(1.0)
    rig.wait(200.0)
    shown = rig.weigh()
    # 10 uL of water, less air, by adjusted weights, and 0.36 % of upthrust on the tube.
    assert shown == b"S S    0.01001 g\r\n"
    assert rig.weigh(b"T\r\n").startswith(b"T S   27.31")
    assert rig.weigh() == b"S S    0.00000 g\r\n"
    assert rig.weigh(b"TA 1.5 g\r\n") == b"TA A    1.50000 g\r\n"
    assert rig.weigh().startswith(b"S S   25.81")
    assert rig.weigh(b"TA 1.5 lb\r\n") == b"TA L\r\n"
    assert rig.weigh(b"TI\r\n").startswith(b"TI S   27.31")
    assert rig.weigh(b"Z\r\n") == b"Z A\r\n"
    assert rig.weigh(b"TA\r\n") == b"TA A    0.00000 g\r\n"


def test_within_one_display_update_the_same_value_is_sent_twice() -> None:
    rig = Rig(parameters=EXACT_PUMP, resolution_mg=0.001)
    rig.wait_until(10.0)
    first = rig.weigh(seconds=0.02)
    assert rig.weigh(seconds=0.02) == first
    later = set()
    for _ in range(20):
        rig.wait(0.5)
        later.add(rig.weigh(seconds=0.02))
    assert len(later) > 5


def test_the_settings_survive_at() -> None:
    rig = Rig()
    rig.weigh(b"M03 1\r\n")
    rig.weigh(b"@\r\n")
    assert rig.weigh(b"M03\r\n") == b"M03 A 1\r\n"


def test_a_slower_filter_trails_a_dose_longer() -> None:
    trails = []
    for environment in (b"0", b"4"):
        rig = Rig(resolution_mg=0.001)
        rig.weigh(b"M02 " + environment + b"\r\n")
        rig.bench.plant_runs_at(30.0)
        rig.ledger.outlet_u(0, HOUR_NS // 10)
        rig.wait_until(HOUR_NS / 10 * 1e-9)
        trails.append(rig.mass_mg())
    assert trails[0] - trails[1] == pytest.approx(30.0 * 9.97 / 3600 * (2.0 - 0.3), rel=0.2)
