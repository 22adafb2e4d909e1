"""What the pump commands its motor to do: amounts, speeds, refusals, records; all with an exact mechanism."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rig.sim.parameters import HOUR_NS
from rig.sim.pump.history import stamp
from rig.sim.pump.packets import data_packet, short_packet
from rig.sim.pump.therapy import bolus_duration_ns
from tests.sim.kit import EXACT, PUMP_ID, SECOND_NS, START, Rig


def awake(model: str = "723", **more: object) -> Rig:
    rig = Rig(model, **more)  # type: ignore[arg-type]
    rig.wake()
    return rig


@pytest.mark.parametrize(
    ("units", "old_s", "new_s"),
    [(0.1, 4, 8), (0.5, 20, 40), (1.0, 40, 40), (5.0, 200, 200), (7.5, 300, 300), (10.0, 400, 300), (25.0, 1000, 300)],
)
def test_a_bolus_takes_the_time_of_its_family(units: float, old_s: int, new_s: int) -> None:
    assert bolus_duration_ns(round(units * 40), is_new=False) == old_s * SECOND_NS
    assert bolus_duration_ns(round(units * 40), is_new=True) == new_s * SECOND_NS


@pytest.mark.parametrize("model", ["522", "722", "523", "723"])
@pytest.mark.parametrize("units", [0.1, 1.7, 10.0])
def test_a_bolus_is_commanded_whole_and_ends_in_time(model: str, units: float) -> None:
    rig = awake(model)
    assert rig.bolus(units) == 0
    started_ns = rig.ledger.deliveries[-1].start_ns
    duration_ns = bolus_duration_ns(round(units * 40), rig.bench.model.is_new)
    rig.wait(duration_ns * 1e-9 + 1.0)
    rig.bench.advance(rig.now_ns)
    delivery = rig.ledger.deliveries[-1]
    assert (delivery.kind, delivery.programmed_u) == ("bolus", units)
    assert delivery.end_ns == started_ns + duration_ns
    assert delivery.commanded_u == pytest.approx(units)


def test_doses_are_of_the_model_s_size() -> None:
    sizes = {}
    for model in ("522", "523"):
        rig = awake(model)
        rig.bench.plant_runs_at(1.0)
        began_ns = rig.now_ns
        rig.bench.advance(began_ns + HOUR_NS)
        steps = {
            round(rig.ledger.commanded_u(at, at + SECOND_NS), 6)
            for at in range(began_ns, began_ns + HOUR_NS, SECOND_NS)
        }
        sizes[model] = steps - {0.0}
    assert sizes == {"522": {0.05}, "523": {0.025}}


def test_a_second_bolus_is_refused_while_one_runs() -> None:
    rig = awake()
    assert rig.bolus(2.0) == 0
    assert rig.bolus(1.0) == 0x0C
    rig.wait(100.0)
    assert rig.bolus(1.0) == 0


def test_limits_are_kept() -> None:
    rig = awake()
    assert rig.bolus(25.0) == 0
    rig.wait(310.0)
    assert rig.bolus(25.025) == 0x09
    assert rig.bolus(0.0) == 0x09
    assert rig.command(0x41, b"\x00\x14") == 0  # 2.0 U
    assert rig.bolus(2.025) == 0x09
    assert rig.command(0x4C, b"\x05\x79\x01") == 0x09  # 35.025 U/h
    assert rig.command(0x69, b"\xc9\x01") == 0x09  # 201 %
    assert rig.command(0x4C, b"\x00\x28\x31") == 0x09  # 24.5 h
    assert rig.command(0x6E, b"\x00\x28") == 0  # 1 U/h
    assert rig.set_profile([(0, 41)]) == 0x09


def test_a_suspended_pump_refuses_and_delivers_nothing() -> None:
    rig = awake()
    rig.set_profile([(0, 80)])
    assert rig.command(0x4D, b"\x01") == 0
    assert rig.command(0x4D, b"\x01") == 0
    assert rig.bolus(1.0) == 0x08
    assert rig.command(0x4C, b"\x00\x28\x01") == 0x08
    since_ns = rig.now_ns
    rig.bench.advance(since_ns + 5 * HOUR_NS)
    assert rig.ledger.commanded_u(since_ns, since_ns + 5 * HOUR_NS) == 0.0
    rig.wait_until(rig.now_ns * 1e-9)
    assert rig.command(0x4D, b"\x00") == 0
    resumed_ns = rig.ledger._line.at_ns
    assert rig.ledger.commanded_u(resumed_ns, resumed_ns + HOUR_NS) == pytest.approx(2.0, abs=0.026)


def test_suspend_ends_bolus_and_temp_basal_and_the_record_tells_how_much_came() -> None:
    rig = awake("522")
    assert rig.command(0x4C, b"\x00\x28\x02") == 0
    assert rig.bolus(5.0) == 0
    began_ns = rig.ledger.deliveries[-1].start_ns
    rig.wait(60.0)
    assert rig.command(0x4D, b"\x01") == 0
    assert rig.read(0x98)[5:7] == b"\0\0"
    delivered = rig.ledger.deliveries[[d.kind for d in rig.ledger.deliveries].index("bolus")].commanded_u
    assert 1.5 <= delivered < 1.6
    local = START + timedelta(microseconds=began_ns // 1000)
    expected = bytes((0x01, 50, int(delivered * 10 + 1e-9), 0)) + stamp(local, remote=True)
    assert expected in rig.history()


def test_a_temp_basal_ends_by_itself_and_cancels_by_zero() -> None:
    rig = awake()
    assert rig.command(0x4C, b"\x00\x28\x01") == 0  # 1 U/h for 30 min
    began_ns = rig.ledger._line.at_ns
    assert rig.ledger.commanded_u(began_ns, began_ns + HOUR_NS) == pytest.approx(0.5, abs=0.026)
    rig.wait(3600.0)
    rig.wake()
    assert rig.command(0x4C, b"\x00\x28\x30") == 0
    assert rig.command(0x4C, b"\x00\x00\x00") == 0
    cancelled_ns = rig.ledger._line.at_ns
    assert rig.ledger.commanded_u(cancelled_ns, cancelled_ns + 3 * HOUR_NS) == 0.0


@pytest.mark.parametrize(
    ("model", "scheduled", "percent", "expected"),
    [
        ("723", 40, 150, 60),
        ("723", 13, 50, 7),  # 0.325 U/h: 0.1625 rounds up to 0.175
        ("723", 39, 150, 58),  # 1.4625 U/h in steps of 0.05
        ("723", 400, 101, 404),
        ("522", 42, 50, 22),  # 0.525 U/h in steps of 0.05
        ("522", 40, 0, 0),
    ],
)
def test_a_percent_temp_basal_is_rounded_to_a_rate_the_pump_can_run(
    model: str, scheduled: int, percent: int, expected: int
) -> None:
    rig = awake(model)
    assert rig.set_profile([(0, scheduled)]) == 0
    assert rig.command(0x69, bytes((percent, 4))) == 0
    assert rig.bench.firmware.therapy.rate == expected


def test_an_absolute_temp_basal_is_refused_while_the_type_is_percent() -> None:
    rig = awake()
    assert rig.command(0x68, b"\x01") == 0
    assert rig.command(0x4C, b"\x00\x28\x01") == 0x08
    assert rig.command(0x69, b"\x64\x01") == 0


def test_a_profile_of_48_segments_is_followed_over_midnight() -> None:
    rig = awake()
    entries = [(start, 10 + start) for start in range(48)]
    assert rig.set_profile(entries) == 0
    began_ns = rig.ledger._line.at_ns
    expected = 0.0
    for half_hour in range(48):
        expected += (10 + half_hour) * 0.025 / 2
    assert rig.ledger.commanded_u(began_ns, began_ns + 24 * HOUR_NS) == pytest.approx(expected, abs=0.026)
    day_ns = began_ns + 10 * HOUR_NS - began_ns  # 14:00 + 10 h = midnight by the pump's clock
    first = rig.ledger.commanded_u(day_ns, day_ns + HOUR_NS)
    assert first == pytest.approx((10 + 11) * 0.025 / 2, abs=0.026)
    page = rig.history()
    assert b"\x7b\x00" + stamp(datetime(2025, 3, 10)) + b"\x00\x0a\x00" in page
    assert b"\x07\x00\x00" in page


def test_a_profile_that_does_not_begin_at_midnight_is_inconsistent() -> None:
    rig = awake()
    assert rig.set_profile([(4, 40)]) == 0x0A


def test_patterns_are_stored_and_selected() -> None:
    rig = awake()
    assert rig.set_profile([(0, 40)], opcode=0x30) == 0
    assert rig.bench.firmware.therapy.rate == 0
    assert rig.command(0x4A, b"\x01") == 0
    assert rig.bench.firmware.therapy.rate == 40
    assert rig.read(0xC0)[12] == 1


def test_a_parameter_packet_without_its_first_half_is_not_honoured() -> None:
    rig = awake()
    bolus = data_packet(PUMP_ID, 0x42, b"\x00\x28")
    assert rig.packet(bolus) is None
    assert rig.packet(short_packet(PUMP_ID, 0x42)) is not None
    assert rig.read(0x8D)
    assert rig.packet(bolus) is None  # another opcode in between: forgotten
    assert rig.bolus(1.0) == 0
    assert rig.packet(bolus) is None  # the same parameters again: not twice
    rig.wait(60.0)
    rig.bench.advance(rig.now_ns)
    assert rig.ledger.commanded_u(0, rig.now_ns) == pytest.approx(1.0)


@pytest.mark.parametrize(("model", "wrong"), [("522", b"\x00\x28"), ("723", b"\x0a")])
def test_a_bolus_in_the_other_family_s_encoding_is_refused(model: str, wrong: bytes) -> None:
    rig = awake(model)
    assert rig.command(0x42, wrong) == 0x0A
    assert rig.ledger.commanded_u(0, rig.now_ns + HOUR_NS) == 0.0


def test_an_empty_reservoir_stops_everything_and_raises_the_alarm_until_it_is_confirmed() -> None:
    rig = awake(faults=("pump.reservoir=1U",))
    assert rig.bolus(2.0) == 0
    rig.wait(100.0)
    assert rig.read(0x75)[1] == 0x3E
    assert rig.read(0xCE)[2] == 0
    assert rig.bolus(0.5) == 0x08
    assert rig.ledger.commanded_u(0, rig.now_ns) == pytest.approx(1.0)
    page = rig.history()
    assert b"\x06\x3e" in page
    assert b"\x01\x00\x50\x00\x28" in page
    assert rig.command(0x5B, b"\x02") == 0  # ACT alone is not enough
    assert rig.read(0x75)[1] == 0x3E
    assert rig.command(0x5B, b"\x01") == 0
    assert rig.command(0x5B, b"\x02") == 0
    assert rig.read(0x75)[1] == 0
    assert b"\x0c\x3e" in rig.history()


def test_low_reservoir_is_recorded_once() -> None:
    rig = awake(faults=("pump.reservoir=21U",))
    assert rig.bolus(3.0) == 0
    rig.wait(130.0)
    assert rig.history().count(b"\x34\xc8") == 1


def test_the_reservoir_reads_less_by_what_was_delivered() -> None:
    rig = awake()
    assert rig.bolus(2.35) == 0
    rig.wait(100.0)
    assert int.from_bytes(rig.read(0x73)[3:5], "big") == 12000 - 94
    assert int.from_bytes(rig.read(0x79)[1:5], "big") == 94


def test_the_first_dose_has_no_known_phase_and_intervals_scatter_without_adding_up() -> None:
    firsts = set()
    for seed in range(5):
        rig = Rig(seed=seed, parameters=replace(EXACT, interval_sd=0.03))
        rig.bench.plant_runs_at(1.0)
        start_ns = rig.now_ns
        end_ns = start_ns + 100 * HOUR_NS
        assert rig.ledger.commanded_u(start_ns, end_ns) == pytest.approx(100.0, abs=0.026)
        times = rig.ledger._times[1:]
        firsts.add(times[0])
        gaps = [(later - earlier) * 1e-9 for earlier, later in itertools.pairwise(times)]
        assert max(gaps) > 93.0
        assert min(gaps) < 87.0
        assert sum(gaps) / len(gaps) == pytest.approx(90.0, abs=0.02)
    assert len(firsts) == 5
