"""A driver that claims no more than every run needs, and boluses: it is asked for nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from rig.bench import Bench
from rig.instruments import Acceptance, BasalEntry
from rig.plugins.spec import METHODS, Capability, PumpDriver
from rig.results import EndReason
from rig.runner.drivers import ALWAYS
from rig.scenario.model import Scenario
from rig.scenario.parse import parse_scenario
from tests.runner.kit import LastingBench, drive, go_on, record_of

SCENARIO = parse_scenario(
    "schema: 1\nid: plain\ntitle: plain\npump: {families: [22, 23]}\nsampling: {balance: 30 s, bolus: 5 s}\nsteps:\n"
    "  - basal: {rate: 12 U/h, for: 3 min}\n  - bolus: {amount: 1 U}\n  - suspend: {for: 1 min}\n  - resume\n"
    "checks: []\n",
    "plain.yaml",
)
CLAIMED = (None, *ALWAYS, Capability.BOLUSES)
BASAL_ONLY = parse_scenario(
    "schema: 1\nid: plain\ntitle: plain\npump: {families: [22, 23]}\nsampling: {balance: 30 s}\nsteps:\n"
    "  - basal: {rate: 12 U/h, for: 6 min}\nchecks: []\non_runner_loss: hold 10 min\n".replace(
        "hold 10 min", "{hold: 10 min}"
    ),
    "plain.yaml",
)


class PlainPump:
    """What stands in `METHODS` for the claims, and no pattern in any signature."""

    def __init__(self, pump: Any) -> None:
        self._pump = pump

    def __getattr__(self, name: str) -> Any:
        if all(name not in METHODS["pump"][each] for each in CLAIMED):
            raise AttributeError(name)
        return getattr(self._pump, name)

    def profile(self) -> list[BasalEntry]:
        found: list[BasalEntry] = self._pump.profile()
        return found

    def set_profile(self, entries: list[BasalEntry]) -> Acceptance:
        found: Acceptance = self._pump.set_profile(entries)
        return found


def plain_bench(bench: LastingBench, patch: pytest.MonkeyPatch) -> None:
    """Let the bench have a driver that claims, and has, no more than a run needs, and boluses."""
    opened = bench.open

    def plain(*arguments: Any) -> Bench:
        made = opened(*arguments)
        claimed = frozenset(each for each in CLAIMED if each is not None)
        return replace(made, pump=cast("PumpDriver", PlainPump(made.pump)), can=claimed)

    patch.setattr(bench, "open", plain)


def run(bench: LastingBench, patch: pytest.MonkeyPatch, scenario: Scenario = SCENARIO) -> tuple[EndReason, str]:
    plain_bench(bench, patch)
    finished = drive(bench, patch, scenario)
    assert finished is not None
    assert finished.ended.safe.confirmed
    return finished.ended.reason, finished.ended.detail


def test_a_driver_with_no_more_than_it_claims_plays_its_scenario(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = LastingBench(tmp_path)
    assert run(bench, monkeypatch)[0] is EndReason.COMPLETED
    assert bench.boluses() == [(1.0, 1.0)]


def test_a_pump_found_on_a_pattern_that_its_driver_cannot_change_ends_the_run_before_it_delivers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = LastingBench(tmp_path)
    bench.twin.firmware.therapy.pattern = 1
    reason, detail = run(bench, monkeypatch)
    assert reason is EndReason.BENCH_FAULT
    assert "the pump's driver does not claim patterns" in detail
    assert "by hand" in detail
    assert bench.boluses() == []


def test_so_does_one_that_takes_temporary_basals_in_percent_where_the_driver_cannot_change_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = LastingBench(tmp_path)
    bench.twin.firmware.temp_is_percent = True
    reason, detail = run(bench, monkeypatch)
    assert reason is EndReason.BENCH_FAULT
    assert "does not change its temp basal type to U/h" in detail
    assert "by hand" in detail
    assert bench.boluses() == []


def test_a_temporary_basal_in_percent_that_its_driver_cannot_cancel_ends_the_run_and_nothing_is_commanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = LastingBench(tmp_path)
    bench.twin.firmware.temp_is_percent = True
    assert bench.twin.firmware.temp_basal(True, 150, 2, 0) == 0
    reason, detail = run(bench, monkeypatch, BASAL_ONLY)
    assert reason is EndReason.BENCH_FAULT
    assert "the pump's driver does not claim percent_temp_basals" in detail
    assert "by hand" in detail
    commands = [event for event in record_of(bench).events if event.name == "command"]
    assert commands == []
    assert bench.twin.firmware.temp() is not None


def test_a_temporary_basal_in_units_is_cancelled_by_a_driver_that_knows_no_percentages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = LastingBench(tmp_path)
    assert bench.twin.firmware.temp_basal(False, 40, 2, 0) == 0
    assert run(bench, monkeypatch, BASAL_ONLY)[0] is EndReason.COMPLETED
    assert "temp_cancelled" in [event.name for event in record_of(bench).events]


def test_a_run_on_a_plain_driver_is_taken_up_again_where_its_pump_was_left_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = LastingBench(tmp_path, loses_tail=False)
    plain_bench(bench, monkeypatch)
    bench.links.dies_when = lambda: bench.clock.now_ns() > 200 * 1_000_000_000
    assert drive(bench, monkeypatch, BASAL_ONLY) is None
    bench.away(20.0)
    monkeypatch.setattr("rig.runner.watch.Watch.attached", property(lambda _: True))
    finished = go_on(bench)
    assert finished is not None
    assert finished.ended.reason is EndReason.COMPLETED, finished.ended.detail
    resumed = next(event for event in record_of(bench).events if event.name == "run_resumed")
    assert resumed.data["mode"] == "reattach"


def test_a_pump_that_was_given_a_pattern_meanwhile_is_not_taken_up_by_a_plain_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = LastingBench(tmp_path, loses_tail=False)
    plain_bench(bench, monkeypatch)
    bench.links.dies_when = lambda: bench.clock.now_ns() > 200 * 1_000_000_000
    assert drive(bench, monkeypatch, BASAL_ONLY) is None
    bench.twin.firmware.therapy.pattern = 1
    monkeypatch.setattr("rig.runner.watch.Watch.attached", property(lambda _: True))
    finished = go_on(bench)
    assert finished is not None
    assert finished.ended.reason is EndReason.BENCH_FAULT
    assert "basal pattern 1" in finished.ended.detail
    assert finished.ended.safe.confirmed
