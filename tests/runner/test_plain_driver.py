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
from rig.scenario.parse import parse_scenario
from tests.runner.kit import LastingBench, drive

SCENARIO = parse_scenario(
    "schema: 1\nid: plain\ntitle: plain\npump: {families: [22, 23]}\nsampling: {balance: 30 s, bolus: 5 s}\nsteps:\n"
    "  - basal: {rate: 12 U/h, for: 3 min}\n  - bolus: {amount: 1 U}\n  - suspend: {for: 1 min}\n  - resume\n"
    "checks: []\n",
    "plain.yaml",
)
CLAIMED = (None, *ALWAYS, Capability.BOLUSES)


class PlainPump:
    """What stands in `METHODS` for the claims, and no pattern in any signature."""

    def __init__(self, pump: PumpDriver) -> None:
        self._pump = pump

    def __getattr__(self, name: str) -> Any:
        if all(name not in METHODS["pump"][each] for each in CLAIMED):
            raise AttributeError(name)
        return getattr(self._pump, name)

    def profile(self) -> list[BasalEntry]:
        return self._pump.profile()

    def set_profile(self, entries: list[BasalEntry]) -> Acceptance:
        return self._pump.set_profile(entries)


def run(bench: LastingBench, patch: pytest.MonkeyPatch) -> tuple[EndReason, str]:
    opened = bench.open

    def plain(*arguments: Any) -> Bench:
        made = opened(*arguments)
        return replace(made, pump=cast("PumpDriver", PlainPump(made.pump)))

    patch.setattr(bench, "open", plain)
    finished = drive(bench, patch, SCENARIO)
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
    assert "the pump's driver has no select_pattern" in detail
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
