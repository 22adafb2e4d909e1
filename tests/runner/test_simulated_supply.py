"""The twin's own supply and meter behind the rig's drivers, in one run: bytes of two authors, voltage at the pump."""

from __future__ import annotations

from pathlib import Path

import pytest

from rig.config import load_bench
from rig.engine import run_scenario
from rig.record.reader import read_run
from rig.results import EndReason, Outcome
from rig.scenario.parse import parse_scenario

SWEEP = """\
schema: 1
id: low
title: At which voltage does the pump call its battery low?
pump: {families: [22, 23]}
needs: [pump, balance, supply, meter]
sampling: {balance: 10 s, bolus: 2 s, supply: 30 s, meter: 10 s}
steps:
  - basal: {rate: 0.5 U/h, for: 6 min, name: slow}
  - supply: {sweep: {from: 1.3 V, to: 1.14 V, over: 8 min}, name: sweep}
checks:
  - {id: low, measure: battery.low_alarm_at, step: sweep, min: 1.15 V, max: 1.30 V, source: the twin's own threshold}
  - {id: current, measure: supply.current_mean, step: slow, max: 500 mA, source: made up}
"""


def test_the_twins_pump_calls_its_battery_low_near_its_own_threshold(tmp_path: Path) -> None:
    finished = run_scenario(parse_scenario(SWEEP), load_bench("simulated-supply"), tmp_path)
    assert finished.ended.reason is EndReason.COMPLETED, finished.ended.detail
    assert finished.ended.safe.confirmed
    low, current = finished.result.checks
    # 1.20 V at the contacts (docs/explanation/a-supply-for-a-cell.md); some 20 mA pass lead and meter before them.
    assert low.value == pytest.approx(1.22, abs=0.04)
    assert low.outcome is Outcome.PASS
    assert current.value is not None
    assert 1.0 < current.value < 60.0
    record = read_run(finished.folder)
    assert {each.name for each in record.electrical} == {"supply", "meter"}
    assert {link for link in record.header["why_simulated"] if "supply" in link}
    table = finished.result.analysis["electrical"]
    assert table["supply"]["voltage_v"]["min"] < 1.2
    assert table["supply"]["voltage_v"]["max"] > 1.45
