"""Boluses keyed in at the simulated pump: delivered over time, in the status, and written as real pumps write them."""

from __future__ import annotations

import pytest

from rig.errors import UsageError
from rig.sim.faults import parse_fault
from rig.sim.waves import Wave, read_wave
from tests.sim.kit import HOUR_NS, SECOND_NS, Rig

START_S = 60.0
RECORD = {"5": 9, "7": 13}  # bytes of a bolus, by the first digit of 522 and 723


def rig_with(model: str, wave: str, *more: str) -> Rig:
    rig = Rig(model, faults=(f"pump.hand={wave}@{START_S:g}s", *more))
    rig.wake()
    return rig


def delivered(rig: Rig, until_s: float) -> float:
    rig.bench.advance(rig.now_ns)
    return rig.ledger.commanded_u(0, round(until_s * SECOND_NS))


def boluses(rig: Rig) -> list[bytes]:
    """Return the bolus records of the newest page in their order; nothing else in these tests begins with 01."""
    page, size, found = rig.history()[:1022], RECORD[rig.bench.model.name[0]], []
    at = 27  # after rewind and two primes
    while at < len(page) and page[at]:
        length = {0x01: size, 0x1E: 7, 0x1F: 7, 0x33: 8, 0x16: 7, 0x7B: 10}[page[at]]
        if page[at] == 0x01:
            found.append(page[at : at + length])
        at += length
    return found


@pytest.mark.parametrize(
    ("text", "wave"),
    [
        ("normal:1.7U", Wave(68, 0, 0)),
        ("square:3U:2h", Wave(0, 120, 4)),
        ("dual:1U:2U:30min", Wave(40, 80, 1)),
        ("square:0.025U:8h", Wave(0, 1, 16)),
    ],
)
def test_a_wave_is_read(text: str, wave: Wave) -> None:
    assert read_wave(text) == wave


@pytest.mark.parametrize(
    "text",
    ["square:3U", "dual:1U:1h", "normal:0U", "square:3U:45min", "square:3U:9h", "square:3:2h", "normal:0.01U", "x"],
)
def test_what_no_pump_can_be_given_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        parse_fault(f"pump.hand={text}")


@pytest.mark.parametrize("model", ["522", "723"])
def test_a_square_wave_flows_evenly_over_its_time_and_the_status_says_so(model: str) -> None:
    rig = rig_with(model, "square:3U:2h")
    rig.wait_until(START_S + 1800.0)
    rig.wake()
    assert rig.read(0xCE)[:4] == b"\x03\x03\x01\x00"
    assert delivered(rig, START_S + 1800.0) == pytest.approx(0.75, abs=0.05)
    rig.wait_until(START_S + 7300.0)
    rig.wake()
    assert rig.read(0xCE)[:4] == b"\x03\x03\x00\x00"
    assert delivered(rig, START_S + 7300.0) == pytest.approx(3.0)
    flows = [delivered(rig, START_S + 1200.0 * (n + 1)) - delivered(rig, START_S + 1200.0 * n) for n in range(6)]
    assert flows == [pytest.approx(0.5, abs=0.051)] * 6


def test_an_old_pump_writes_a_square_wave_when_it_ends() -> None:
    rig = rig_with("522", "square:3U:2h")
    rig.wait_until(START_S + 3600.0)
    rig.wake()
    assert boluses(rig) == []
    rig.wait_until(START_S + 7300.0)
    rig.wake()
    (record,) = boluses(rig)
    assert record[:4] == b"\x01\x1e\x1e\x04"
    assert (record[4] & 0x3F, record[5] & 0x3F, record[6], record[7]) == (0, 1, 3 << 5 | 14, 9)  # 14:01:00, by hand


def test_a_new_pump_writes_a_square_wave_at_its_start_and_brings_it_up_to_date_at_its_end() -> None:
    rig = rig_with("723", "square:3U:2h")
    rig.wait_until(START_S + 3600.0)
    rig.wake()
    (record,) = boluses(rig)
    assert record[:8] == b"\x01\x00\x78\x00\x00\x00\x00\x04"
    rig.wait_until(START_S + 7300.0)
    rig.wake()
    (record,) = boluses(rig)
    assert record[:8] == b"\x01\x00\x78\x00\x78\x00\x00\x04"
    assert record[10] == 3 << 5 | 14


@pytest.mark.parametrize(("model", "order"), [("522", [4, 5]), ("723", [5, 4])])
def test_the_square_part_of_a_dual_wave_begins_when_the_normal_part_is_delivered(model: str, order: list[int]) -> None:
    rig = rig_with(model, "dual:2.5U:1U:30min")
    rig.wait_until(START_S + 101.0)
    assert delivered(rig, START_S + 101.0) == pytest.approx(2.5, abs=0.026)
    rig.wait_until(START_S + 2000.0)
    rig.wake()
    assert delivered(rig, START_S + 2000.0) == pytest.approx(3.5)
    records = boluses(rig)
    assert [record[-3] >> 5 for record in records] == order
    normal, square = records if order == [4, 5] else records[::-1]
    assert (normal[-5] & 0x3F, normal[-4] & 0x3F, normal[-6]) == (0, 1, 0)
    assert (square[-5] & 0x3F, square[-4] & 0x3F, square[-6]) == (40, 2, 1)  # 100 s later: 2.5 U at 1.5 U/min
    assert [each.programmed_u for each in rig.ledger.deliveries if each.kind == "bolus"] == [2.5, 1.0]


@pytest.mark.parametrize("model", ["522", "723"])
def test_a_suspension_ends_a_square_wave_and_a_resumption_does_not_bring_it_back(model: str) -> None:
    rig = rig_with(model, "square:3U:2h")
    rig.wait_until(START_S + 3600.0)
    rig.wake()
    assert rig.command(0x4D, b"\x01") == 0
    assert rig.read(0xCE)[:4] == b"\x03\x03\x00\x01"
    (record,) = boluses(rig)
    page = rig.history()
    assert rig.command(0x4D, b"\x00") == 0
    rig.wait_until(START_S + 7300.0)
    total_u = delivered(rig, START_S + 7300.0)
    assert total_u == pytest.approx(1.5, abs=0.051)
    steps = int.from_bytes(record[3:5], "big") if model == "723" else 4 * record[2]
    assert steps / 40 == pytest.approx(total_u, abs=0.051)
    if model == "522":  # as in a recorded page: the suspension, then the bolus that it stopped
        assert page.index(b"\x1e") < page.index(record)


def test_a_suspension_within_the_normal_part_drops_the_square_part() -> None:
    rig = rig_with("723", "dual:5U:3U:1h")
    rig.wait_until(START_S + 60.0)
    assert rig.command(0x4D, b"\x01") == 0
    (record,) = boluses(rig)
    assert record[-3] >> 5 == 4
    assert rig.command(0x4D, b"\x00") == 0
    rig.wait_until(START_S + 4000.0)
    assert delivered(rig, START_S + 4000.0) == pytest.approx(int.from_bytes(record[3:5], "big") / 40)


def test_a_temp_basal_runs_beside_a_square_wave_and_a_second_bolus_is_refused() -> None:
    rig = rig_with("723", "square:3U:2h")
    rig.wait_until(START_S + 10.0)
    assert rig.command(0x4C, bytes((0, 80, 2))) == 0  # 2 U/h for an hour
    assert rig.bolus(1.0) == 0x0C
    rig.wait_until(START_S + 7300.0)
    assert delivered(rig, START_S + 7300.0) == pytest.approx(5.0, abs=0.051)


def test_a_pump_takes_no_bolus_by_hand_that_it_would_not_take_by_radio() -> None:
    rig = Rig("723", faults=("pump.hand=normal:26U@60s", "pump.hand=square:3U:2h@3min", "pump.hand=normal:1U@4min"))
    rig.wait_until(7500.0)
    rig.bench.advance(rig.now_ns)
    assert rig.ledger.commanded_u(0, 3 * HOUR_NS) == pytest.approx(3.0)


def test_an_old_pump_has_no_key_for_less_than_a_tenth_of_a_unit() -> None:
    rig = Rig("522", faults=("pump.hand=normal:1.025U@60s", "pump.hand=normal:0.1U@2min"))
    rig.wait_until(240.0)
    rig.bench.advance(rig.now_ns)
    assert rig.ledger.commanded_u(0, rig.now_ns) == pytest.approx(0.1)


def test_a_normal_bolus_by_hand_is_no_remote_one() -> None:
    rig = rig_with("723", "normal:1U")
    rig.wait_until(START_S + 60.0)
    (record,) = boluses(rig)
    assert (record[1:8], record[10] >> 5, record[11]) == (b"\x00\x28\x00\x28\x00\x00\x00", 2, 9)


def test_a_square_wave_stops_at_an_empty_reservoir_with_what_was_delivered() -> None:
    rig = rig_with("723", "square:3U:2h", "pump.reservoir=1U")
    rig.wait_until(START_S + 7300.0)
    rig.wake()
    assert rig.read(0xCE)[:3] == b"\x03\x03\x00"
    assert b"\x01\x00\x78\x00\x28\x00\x00\x04" in rig.history()
