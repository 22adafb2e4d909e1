"""Steps of the pump's supply in a run: what it was told when, what was read, and how the run leaves the pump."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from rig.engine import prepare
from rig.errors import ConfigError, ScenarioError
from rig.record.reader import Event, RunRecord
from rig.results import EndReason
from rig.scenario.parse import parse_scenario
from rig.scenario.words import describe
from tests.runner.fed import METER, SUPPLY, FedBench, fed_config
from tests.runner.kit import drive, record_of, small_scenario

TEXT = (Path(__file__).parents[1] / "data" / "supply.yaml").read_text("utf-8")
HEAD, _, REST = TEXT.partition("  - supply:")
HEAD, STEPS = HEAD.partition("\n")[2], f"  - supply:{REST.partition('checks:')[0]}"
S = 1_000_000_000


def named(record: RunRecord, name: str) -> list[Event]:
    return [event for event in record.events if event.name == name]


def outputs(bench: FedBench) -> list[tuple[float, str]]:
    return [(at_ns / S, text) for at_ns, text in bench.supply.heard if text.startswith(":OUTP CH1,")]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        bench = FedBench(tmp_path_factory.mktemp("fed"))
        finished = drive(bench, patch, small_scenario(HEAD + STEPS))
    return finished, record_of(bench), bench


def test_the_pump_is_fed_protected_before_anything_is_asked_of_it(played: Any) -> None:
    finished, record, bench = played
    assert finished.ended.reason is EndReason.COMPLETED, finished.ended.detail
    told = [text for _, text in bench.supply.heard if "?" not in text]
    on = told.index(":OUTP CH1,ON")
    assert {":OUTP:OVP:VAL CH1,1.8", ":OUTP:OVP CH1,ON", ":APPL CH1,1.5,0.5"} <= set(told[:on])
    (found,), (armed,) = named(record, "supply_found"), named(record, "armed")
    assert found.data["serial"] == "DP8C900000001"
    assert armed.at_ns - named(record, "supply_fed")[0].at_ns >= SUPPLY.boot_s * S


def test_an_interruption_and_a_time_off_last_as_long_as_the_scenario_says(played: Any) -> None:
    _, record, bench = played
    (cut,) = named(record, "supply_interrupted")
    assert cut.data["off_s"] == pytest.approx(0.2)
    times = outputs(bench)
    pairs = [(off, on) for off, on in pairwise(times) if off[1].endswith("OFF")]
    assert [round(on[0] - off[0], 3) for off, on in pairs] == [0.2, 30.0]
    assert [event.data["off_s"] for event in named(record, "supply_on")] == [30.0]


def test_a_sweep_goes_in_even_steps_and_the_pumps_view_of_its_battery_is_asked_meanwhile(played: Any) -> None:
    _, record, _ = played
    (started,), (ended,) = named(record, "supply_sweep_started"), named(record, "supply_sweep_ended")
    assert ended.at_ns - started.at_ns >= 120 * S
    inside = record.events[record.events.index(started) : record.events.index(ended)]
    volts = [event.data["voltage_v"] for event in inside if event.name == "supply_set"]
    assert (volts[0], volts[-1], volts == sorted(volts, reverse=True)) == (1.5, 0.9, True)
    assert max(a - b for a, b in pairwise(volts)) < 0.011
    looks = named(record, "battery_read")
    assert [round(each.data["set_v"], 1) for each in looks if started.at_ns < each.at_ns] == [1.4, 1.2, 1.1]


def test_a_run_that_ends_at_a_brown_out_feeds_the_pump_again_and_sees_it_suspended(played: Any) -> None:
    finished, _, bench = played
    assert (finished.ended.safe.wanted, finished.ended.safe.confirmed) == ("pump suspended", True)
    assert (bench.supply.on, bench.supply.volts) == (True, 1.5)


def test_voltage_and_current_stand_in_the_record_beside_their_bytes(played: Any) -> None:
    _, record, _ = played
    supply = [each for each in record.electrical if each.name == "supply"]
    meter = [each for each in record.electrical if each.name == "meter"]
    assert len(supply) > 10
    assert len(meter) > 20
    assert all(each.voltage_v is None and each.current_a == pytest.approx(0.0123456789) for each in meter)
    assert {round(each.voltage_v or 0.0, 1) for each in supply} >= {1.5, 1.2, 0.0}


MUTE = "  - supply: {voltage: 0.8 V, for: 90 s}\n  - wait: {for: 1 min}\n"


def test_a_pump_that_a_brown_out_left_mute_is_fed_and_then_suspended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = FedBench(tmp_path)
    finished = drive(bench, monkeypatch, small_scenario(HEAD + MUTE))
    assert finished is not None
    assert finished.ended.reason is EndReason.BENCH_FAULT  # nobody can ask a mute pump for its reservoir
    assert finished.ended.safe.confirmed
    record = record_of(bench)
    assert named(record, "battery_unread")
    assert [event.data["changed"] for event in named(record, "supply_fed")] == [True, True]
    assert bench.supply.on


def test_a_pump_that_stays_mute_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = FedBench(tmp_path)
    bench.supply.on_output = lambda volts, now_ns: setattr(bench.gate, "volts", volts if now_ns < 60 * S else 0.0)
    finished = drive(bench, monkeypatch, small_scenario(HEAD + MUTE))
    assert finished is not None
    assert (finished.ended.safe.wanted, finished.ended.safe.confirmed) == ("pump without supply", True)
    assert not bench.supply.on


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ("  - supply: {voltage: 1.8 V}\n", "would trip the over-voltage protection"),
        ("  - supply: {sweep: {from: 1.5 V, to: 2 V, over: 1 min}}\n", "less than the 1.8 V of"),
        ("  - supply: {sweep: {from: 1.5 V, to: 1.5 V, over: 1 min}}\n", "begins where it ends"),
    ],
)
def test_a_step_beyond_the_bench_is_refused_up_front(steps: str, text: str) -> None:
    with pytest.raises(ScenarioError, match=text):
        prepare(parse_scenario(HEAD + steps), fed_config())


def test_a_bench_without_supply_or_meter_refuses_steps_and_readings_of_it() -> None:
    scenario = parse_scenario(HEAD + STEPS)
    with pytest.raises(ScenarioError, match=r"has no supply; expected a table \[supply\]"):
        prepare(scenario, fed_config(supply=None))
    with pytest.raises(ScenarioError, match="has no meter"):
        prepare(scenario, fed_config(meter=None))
    alone = parse_scenario(HEAD.replace(", supply, meter]", "]").replace(", supply: 20 s, meter: 10 s", "") + STEPS)
    with pytest.raises(ScenarioError, match=r"steps\[2\].supply: bench simulated has no supply"):
        prepare(alone, fed_config(None, None))


def test_readings_more_often_than_weighings_are_refused() -> None:
    with pytest.raises(ScenarioError, match="the meter cannot be read every 1 s"):
        prepare(parse_scenario(HEAD.replace("meter: 10 s", "meter: 1 s")), fed_config())


def test_a_supply_without_protection_is_used_only_where_the_bench_file_accepts_it() -> None:
    scenario = parse_scenario(HEAD + STEPS)
    siglent = replace(SUPPLY, protocol="siglent-spd")
    with pytest.raises(ConfigError, match="sets no over-voltage protection"):
        prepare(scenario, fed_config(siglent, METER))
    prepare(scenario, fed_config(replace(siglent, without_protection=True), METER))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("{}", "nothing is said of the supply"),
        ("{voltage: 1.5 V, off: 30 s}", "voltage and off stand in one step"),
        ("{off: 30 s, for: 1 min}", "'for' means nothing to off"),
        ("{interrupt: 5 ms}", "out of range"),
        ("{voltage: 1.5}", "has no unit"),
        ("{voltage: 61 V}", "out of range"),
        ("{volts: 1.5 V}", "unknown key; expected one of voltage, for, off"),
    ],
)
def test_what_a_supply_step_cannot_mean_is_refused_with_its_place(body: str, text: str) -> None:
    with pytest.raises(ScenarioError) as error:
        parse_scenario(HEAD + f"  - supply: {body}\n")
    assert text in str(error.value)
    assert "scenario.yaml:10" in str(error.value)


def test_supply_steps_are_told_in_words() -> None:
    scenario = parse_scenario(HEAD + STEPS + "  - supply: {voltage: 1.4 V}\n")
    assert [describe(step) for step in scenario.steps[1:]] == [
        "supply at 1.2 V for 1 min 30 s",
        "supply interrupted for 0.2 s",
        "supply off for 30 s",
        "supply from 1.5 V to 0.9 V over 2 min",
        "supply at 1.4 V",
    ]
