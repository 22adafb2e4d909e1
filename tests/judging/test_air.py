"""What the judge makes of the readings of the air: what cannot be, what is missing, and what that costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.config import load_bench, parse_bench
from rig.engine import Finished, run_scenario
from rig.judging.air import RoomAir, room_air
from rig.judging.evidence import read_evidence
from rig.judging.judge import judge
from rig.judging.view import lay_out
from rig.readings import Ambient
from rig.record.reader import Event, RunRecord, read_run
from rig.results import Outcome
from rig.scenario.parse import parse_scenario

BENCH = load_bench("simulated-air")
S = 1_000_000_000
MIN = 60.0


def reading(at_s: float, t: float = 20.0, h: float = 50.0, p: float = 1013.0) -> Ambient:
    wave = math.sin(at_s)  # a sensor that lives: its last digits move
    return Ambient(round(at_s * S), t + 0.01 * wave, h + 0.1 * wave, p + 0.02 * wave, 0.2, 1.5, 0.4, "room")


def minutes(count: int, change: Callable[[int], dict[str, float]] = lambda _n: {}) -> list[Ambient]:
    return [reading(number * MIN, **change(number)) for number in range(count)]


def sifted(readings: Sequence[Ambient], end_s: float, events: Sequence[Event] = ()) -> RoomAir:
    return room_air(readings, events, BENCH, 60.0, 0, (1.0, end_s))


def rules(room: RoomAir) -> list[str]:
    return [each.id for each in room.findings]


def test_readings_every_minute_are_kept_whole_and_leave_no_gap() -> None:
    room = sifted(minutes(61), 3600.0)
    assert (len(room.readings), room.gaps, room.findings) == (61, (), ())
    assert room.readings_for(0.0, 3600.0) is room.readings


def test_a_bench_without_sensors_has_its_stated_air_and_no_gap() -> None:
    room = room_air([reading(0.0)], (), load_bench("simulated"), 60.0, 0, (1.0, 1e5))
    assert (len(room.readings), room.gaps, room.findings) == (1, (), ())


@pytest.mark.parametrize("wrong", [{"h": 100.0}, {"h": 0.0}, {"t": -45.0}, {"p": 0.0}, {"p": 1200.0}])
def test_what_a_dead_or_wet_probe_tells_is_left_out_and_told(wrong: dict[str, float]) -> None:
    room = sifted(minutes(60, lambda n: wrong if n in (30, 31) else {}), 3540.0)
    assert len(room.readings) == 58
    assert rules(room) == ["air-range", "air-gap"]
    (gap,) = room.gaps
    assert (gap.start_s, gap.end_s) == (29 * MIN, 32 * MIN)


def test_a_spike_is_left_out_and_the_air_goes_on_behind_it() -> None:
    room = sifted(minutes(60, lambda n: {"p": 1021.0} if n == 30 else {}), 3540.0)
    assert (len(room.readings), rules(room), room.gaps) == (59, ["air-jump"], ())
    assert room.step == (0.0, 0.0, 0.0)


def test_after_a_jump_that_lasts_nobody_knows_which_side_is_right() -> None:
    room = sifted(minutes(60, lambda n: {"p": 1021.0} if n >= 40 else {}), 3540.0)
    assert "air-jump" in rules(room)
    assert room.step[2] == pytest.approx(8.0, abs=0.1)
    assert {round(each.u_pressure_hpa, 1) for each in room.readings_for(0.0, 600.0)} == {8.0}


def test_weather_is_no_jump() -> None:
    front = minutes(300, lambda n: {"p": 1013.0 - 5.0 * n / 60.0, "t": 20.0 + 3.0 * n / 60.0})
    assert rules(sifted(front, 299 * MIN)) == []


def test_a_sensor_that_hangs_is_told_after_three_hours_and_what_it_repeats_is_left_out() -> None:
    hangs = minutes(400)
    hangs[100:] = [replace(each, temperature_c=20.0, humidity_pct=50.0, pressure_hpa=1013.0) for each in hangs[100:]]
    room = sifted(hangs, 399 * MIN)
    assert rules(room) == ["air-stuck", "air-gap"]
    assert (len(room.readings), room.gaps[0].start_s) == (101, 100 * MIN)
    quiet = hangs[:100] + hangs[100:270] + minutes(400)[270:]
    assert rules(sifted(quiet, 399 * MIN)) == []  # 2 h 50 min of a still room


def test_a_gap_takes_the_stated_uncertainty_and_only_where_it_is_touched() -> None:
    held = [each for number, each in enumerate(minutes(60)) if not 20 <= number < 30]
    lost = Event(round(20 * MIN * S), "air_lost", {"sensor": "room", "error": "the device went away"})
    room = sifted(held, 3540.0, (lost,))
    (gap,) = room.gaps
    assert (gap.start_s, gap.end_s, gap.cause) == (19 * MIN, 30 * MIN, "the device went away")
    (touched,) = {each.u_temperature_c for each in room.readings_for(18 * MIN, 25 * MIN)}
    assert touched == pytest.approx(math.hypot(0.2, 0.5))
    assert room.readings_for(30 * MIN, 40 * MIN) is room.readings


def test_a_sensor_that_is_lost_for_good_leaves_a_gap_to_the_end() -> None:
    room = sifted(minutes(10), 3600.0)
    assert [(gap.start_s, gap.end_s) for gap in room.gaps] == [(9 * MIN, 3600.0)]
    assert sifted([], 3600.0).gaps[0].end_s == 3600.0


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(-60, 90), st.floats(-5, 120), st.floats(0, 1300)), max_size=40))
def test_whatever_a_sensor_tells_only_what_can_be_is_kept(told: list[tuple[float, float, float, float]]) -> None:
    room = sifted([Ambient(round(s * S), t, h, p, 0.2, 1.5, 0.4, "room") for s, t, h, p in told], 1e5)
    for each in room.readings:
        assert 0.0 < each.temperature_c < 50.0
        assert 0.5 < each.humidity_pct < 99.5
        assert 500.0 < each.pressure_hpa < 1150.0
    assert len(room.readings) == len(told) or room.findings


SCENARIO = """schema: 1
id: air
title: Ten minutes of a fast basal
pump: {families: [23]}
blank: {before: 3 min}
steps:
- basal: {rate: 30.0 U/h, for: 12 min, name: run}
checks:
- {id: basal, measure: basal.overall_error, step: run, from: 2 min, for: 10 min, limit: 20 %, source: scenario}
"""


@cache
def _lost() -> tuple[Finished, RunRecord, TemporaryDirectory[str]]:
    """Run ten minutes whose sensor is unplugged for four of them."""
    folder = TemporaryDirectory()
    scenario = parse_scenario(SCENARIO, "air.yaml")
    finished = run_scenario(scenario, BENCH, Path(folder.name), faults=["air.unplugged=on@6min+4min"])
    return finished, read_run(finished.folder), folder


def test_a_sensor_that_is_unplugged_and_put_back_costs_a_marked_gap_and_not_the_run() -> None:
    finished, record, _ = _lost()
    assert finished.ended.reason == "completed"
    names = [event.name for event in record.events]
    assert [names.count(name) for name in ("link_lost", "air_lost", "link_reopened", "air_back")] == [1, 1, 1, 1]
    (error,) = (event.data["error"] for event in record.events if event.name == "air_lost")
    assert error.startswith("air room on sim:air room: the device went away (unplugged)")
    (gap,) = (gap for gap in finished.result.gaps if gap.stream == "environment")
    assert 240.0 < gap.end_s - gap.start_s < 420.0
    assert "the device went away" in gap.cause
    assert "air-gap" in [each.id for each in finished.result.findings]


def test_no_reading_stands_in_the_record_for_the_time_without_a_sensor() -> None:
    _, record, _ = _lost()
    times = [each.at_ns / S for each in record.ambient]
    assert not [at for at in times if 365.0 < at < 600.0]
    assert {each.u_temperature_c for each in record.ambient} == {0.2}
    assert all("certificate declared for the twin" in each.source for each in record.ambient)


def test_what_is_not_known_of_the_air_is_in_the_budget_and_may_take_a_pass_away() -> None:
    """The same record, judged by a bench file that knows less of its room."""
    finished, _, _ = _lost()
    evidence = read_evidence(finished.folder)
    text = evidence.bench.source_text

    def of(u_pressure_hpa: str) -> tuple[float, float]:
        bench = parse_bench(text.replace("u_pressure_hpa = 2.0", f"u_pressure_hpa = {u_pressure_hpa}"))
        view = lay_out(replace(evidence, bench=bench))
        touched, before = view.air(view.seconds(300 * S), view.seconds(700 * S)), view.air(0.0, 200.0)
        return touched.u_air_density_change_kg_per_m3(), before.u_air_density_change_kg_per_m3()

    (known, apart), (vague, still_apart) = of("2.0"), of("40.0")
    assert vague > 5.0 * known
    assert still_apart == apart  # before the sensor was lost nothing is less certain


def test_the_result_names_the_sensor_as_equipment() -> None:
    finished, _, _ = _lost()
    (row,) = finished.result.bench["air_sensors"]
    assert (row["model"], row["serial"], row["certificate"]) == ("PTU300", "P9000001", "declared for the twin")
    assert judge(finished.folder).outcome in (Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.INVALID)
