"""What the pump lived from, judged: alarm voltage and mean current, with their uncertainty or the reason why not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rig.config import BenchConfig, MeterConfig, SupplyConfig
from rig.electrical import Metered, Supplied
from rig.judging.evidence import Evidence
from rig.judging.judge import judge_evidence
from rig.record.electrical import Electrical, metered, parse_electrical, supplied
from rig.record.lines import BlockDecoder, BlockEncoder
from rig.record.reader import Event
from rig.results import CheckResult, Outcome, Result
from rig.scenario.model import BasalStep, Check, Step
from rig.scenario.supply_step import SupplyStep
from tests.judging.runs import NS, RunMaker

SUPPLY = SupplyConfig("rigol-dp", 1.5, 1.8, 0.5, u_voltage_v=0.01)
METER = MeterConfig("dmm-34461a", 0.1, u_current_a=0.0001)
STEPS: tuple[Step, ...] = (BasalStep(1.0, 600.0), SupplyStep("sweep", 600.0, 1.5, 0.9), BasalStep(1.0, 600.0))
ALARM = Check("low", "low", "battery.low_alarm_at", lower=1.0, upper=1.3, unit="V", source="user guide, page 9")
CURRENT = Check("current", "current", "supply.current_mean", from_s=0.0, for_s=600.0, upper=20.0, unit="mA", source="x")


def made(
    looks: list[tuple[float, float, bool]] | None = None,
    currents: list[float | None] | None = None,
    supply: SupplyConfig | None = SUPPLY,
    meter: MeterConfig | None = METER,
    check: Check = ALARM,
) -> Result:
    maker = RunMaker(STEPS, (check,))
    evidence = maker.make()
    start_ns = next(event.at_ns for event in evidence.record.events if event.name == "resumed")
    sweep_ns = start_ns + 600 * NS
    told = [
        Event(sweep_ns + round(at_s * NS), "battery_read", {"low": low, "set_v": set_v, "pump_v": 1.2})
        for at_s, set_v, low in looks or []
    ]
    readings = [
        Electrical(start_ns + index * 10 * NS, "meter", None, value) for index, value in enumerate(currents or [])
    ]
    events = tuple(sorted((*evidence.record.events, *told), key=lambda event: event.at_ns))
    record = replace(evidence.record, events=events, electrical=tuple(readings), segments=())
    bench: BenchConfig = replace(evidence.bench, supply=supply, meter=meter)
    return judge_evidence(Evidence(record, evidence.scenario, bench, evidence.profile))


def only(result: Result) -> CheckResult:
    (check,) = result.checks
    return check


LOOKS = [(60.0, 1.44, False), (300.0, 1.20, False), (330.0, 1.17, True), (360.0, 1.14, True)]


def test_the_alarm_voltage_lies_between_two_looks_and_carries_half_their_distance_as_a_rectangle() -> None:
    check = only(made(LOOKS))
    # Middle of 1.20 V and 1.17 V; u^2 = (0.015 / sqrt 3)^2 + 0.01^2 = 7.5e-5 + 1e-4 V^2, U = 2u = 0.02646 V.
    assert check.value == pytest.approx(1.185)
    assert check.expanded_uncertainty == pytest.approx(0.026458, abs=1e-6)
    assert check.outcome is Outcome.PASS


def test_an_alarm_that_comes_and_goes_with_the_motor_lies_anywhere_in_between() -> None:
    looks = [(60.0, 1.30, False), (90.0, 1.27, True), (120.0, 1.24, False), (150.0, 1.21, True), (180.0, 1.18, True)]
    check = only(made(looks))
    # Between 1.30 V and 1.21 V: 1.255 V, u^2 = (0.045 / sqrt 3)^2 + 0.01^2, U = 0.05568 V.
    assert check.value == pytest.approx(1.255)
    assert check.expanded_uncertainty == pytest.approx(0.055678, abs=1e-6)
    gone = [*looks[:3], (150.0, 1.21, False)]
    assert only(made(gone)).outcome is Outcome.INVALID
    raised = [*LOOKS, (400.0, 1.5, False), (430.0, 1.5, False)]
    assert only(made(raised)).value == pytest.approx(1.185)


def test_an_alarm_that_nobody_saw_come_is_no_measurement() -> None:
    for looks in ([], [(60.0, 1.44, False)], [(60.0, 1.44, True), (90.0, 1.41, True)]):
        check = only(made(looks))
        assert check.outcome is Outcome.INVALID
        assert "was not seen to call its battery low" in check.why


def test_without_a_stated_uncertainty_nothing_is_judged() -> None:
    assert only(made(LOOKS, supply=replace(SUPPLY, u_voltage_v=None))).outcome is Outcome.INVALID
    bare = made(currents=[0.01] * 61, meter=replace(METER, u_current_a=None), check=CURRENT)
    assert only(bare).outcome is Outcome.INVALID
    assert "states no u_current_a of the meter" in only(bare).why


def test_the_mean_current_has_the_whole_scatter_of_its_readings_in_its_uncertainty() -> None:
    currents: list[float | None] = [0.010, 0.012] * 31
    check = only(made(currents=currents[:61], check=CURRENT))
    # s of alternating 10 and 12 mA is 1.008 mA; no credit for 61 readings; U = 2 sqrt(1.008^2 + 0.1^2) = 2.027 mA.
    assert check.value == pytest.approx(10.98, abs=0.01)
    assert check.expanded_uncertainty == pytest.approx(2.027, abs=0.002)
    assert check.outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("currents", "why"),
    [
        ([0.01] * 20, "readings of the current, of 30"),
        ([0.01] * 30 + [None] + [0.01] * 30, "an overload"),
        ([0.01] * 45, "no reading of the current for"),
    ],
)
def test_a_mean_of_currents_that_do_not_cover_the_window_is_no_measurement(
    currents: list[float | None], why: str
) -> None:
    check = only(made(currents=currents, check=CURRENT))
    assert (check.outcome, why in check.why) == (Outcome.INVALID, True), check.why


def test_table_curve_and_findings_tell_what_the_supply_did() -> None:
    result = made(LOOKS, [0.01, 0.02, None])
    table: dict[str, Any] = result.analysis["electrical"]
    assert table["meter"]["readings"] == 3
    assert table["meter"]["overloads"] == 1
    assert table["meter"]["current_a"] == {"min": 0.01, "mean": pytest.approx(0.015), "max": 0.02}
    assert (table["battery_low"]["not_low_at_v"], table["battery_low"]["low_at_v"]) == (1.20, 1.17)
    assert result.curves["electrical"]["current"]["milliamperes"] == [10.0, 20.0]
    assert {"battery-low", "meter-overload"} <= {finding.id for finding in result.findings}


def test_a_run_without_a_supply_says_nothing_of_one() -> None:
    result = made(supply=None, meter=None)
    assert "electrical" not in result.analysis
    assert "electrical" not in result.curves


@pytest.mark.parametrize(
    "reading",
    [
        supplied(Supplied(5, 7, 1.5002, 0.0123)),
        metered(Metered(5, 7, 1.23456789e-05)),
        metered(Metered(5, 7, None)),
        Electrical(-3, "supply", -0.0002, 0.0),
    ],
)
def test_a_reading_is_read_back_from_its_line_as_it_was(reading: Electrical) -> None:
    line = BlockEncoder().timed("P", reading.at_ns, reading.text).rstrip("\n")
    assert parse_electrical(line, BlockDecoder(2)) == reading


@pytest.mark.parametrize(
    "line", ["P 1 supply 1.5", "P 1 pump 1.5 0.1", "P 1 supply nan 0.1", "P 1 meter - inf", "P x meter - 1"]
)
def test_a_line_that_is_no_reading_is_damage(line: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_electrical(line, BlockDecoder(2))
