"""What is refused before anything moves: one line, exit code 2, and no folder."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rig.bench import Bench
from rig.engine import prepare, resume_run, run_scenario
from rig.errors import InstrumentError, UsageError
from rig.record.reader import read_run
from rig.results import EndReason
from rig.runner.arming import check_vessel
from rig.runner.folder import find_runs
from rig.runner.resume import ResumePoint, TherapyState
from rig.wall_clock import WallClock
from tests.runner.kit import LastingBench, drive, go_on, record_of, run_folder, small_scenario


def test_a_full_disk_is_refused_with_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("rig.runner.preflight.shutil.disk_usage", lambda _place: usage._replace(free=5_000_000))
    with pytest.raises(UsageError, match=r"only 5 MB are free; expected \d+ MB for scenario small; try: free some"):
        run_scenario(small_scenario(), LastingBench(tmp_path).config, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def _look(synchronised: str) -> Callable[[], WallClock]:
    return lambda: WallClock(datetime(2026, 1, 1, tzinfo=UTC), 0, synchronised, None)


def _called_hardware(bench: LastingBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the bench's evidence be called hardware, which only an identified port can do."""

    def opened(*arguments: object) -> Bench:
        return replace(bench.open(*arguments), evidence="hardware")  # type: ignore[arg-type]

    monkeypatch.setattr("rig.engine.open_bench", opened)


def test_hardware_evidence_is_not_taken_on_a_clock_that_is_not_synchronised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = LastingBench(tmp_path / "runs")
    _called_hardware(bench, monkeypatch)
    monkeypatch.setattr("rig.engine.look", _look("no"))
    with pytest.raises(UsageError, match="--unsynchronised-clock"):
        run_scenario(small_scenario(), bench.config, bench.folder)
    assert bench.links.waits == 0
    assert not bench.folder.exists()
    finished = run_scenario(small_scenario(), bench.config, bench.folder, accept_unsynchronised=True)
    assert read_run(finished.folder).header["unsynchronised_accepted"] is True
    assert read_run(finished.folder).header["clock"]["synchronised"] == "no"


@pytest.mark.parametrize("synchronised", ["yes", "unknown"])
def test_a_clock_that_may_be_right_needs_no_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synchronised: str
) -> None:
    bench = LastingBench(tmp_path / "runs")
    _called_hardware(bench, monkeypatch)
    monkeypatch.setattr("rig.engine.look", _look(synchronised))
    finished = run_scenario(small_scenario(), bench.config, bench.folder)
    assert finished.ended.reason is EndReason.COMPLETED
    assert "unsynchronised_accepted" not in read_run(finished.folder).header


@pytest.mark.parametrize("name", ["scenario.yaml", "bench.toml", "profile.toml"])
def test_a_run_whose_scenario_or_bench_was_altered_is_not_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    bench = _broken_off(tmp_path, monkeypatch)
    path = run_folder(bench) / "evidence" / name
    path.write_text(path.read_text() + "\n")
    with pytest.raises(UsageError, match="it is not as it was when the run began"):
        resume_run(run_folder(bench))
    assert len(record_of(bench).segments) == 1
    assert find_runs(bench.folder)[0].state == "interrupted"


def _broken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LastingBench:
    bench = LastingBench(tmp_path)
    bench.links.dies_when = lambda: bool(bench.boluses())
    assert drive(bench, monkeypatch) is None
    return bench


def test_a_reservoir_too_small_for_what_is_left_ends_the_resumed_segment_and_the_run_can_be_resumed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = _broken_off(tmp_path, monkeypatch)
    bench.twin.firmware.therapy.reservoir_strokes = 40
    finished = go_on(bench)
    assert finished is not None
    assert finished.ended.reason is EndReason.BENCH_FAULT
    assert "the reservoir holds 0.9" in finished.ended.detail
    assert find_runs(bench.folder)[0].state == "stopped"
    bench.twin.firmware.therapy.reservoir_strokes = 100 * 40
    again = go_on(bench)
    assert again is not None
    assert again.ended.reason is EndReason.COMPLETED


def test_a_vessel_that_would_overflow_is_refused_and_one_that_was_emptied_is_not(tmp_path: Path) -> None:
    bench = LastingBench(tmp_path)
    prepared = prepare(small_scenario(), bench.config)
    vessel = replace(bench.config.vessel, capacity_ul=prepared.plan.volume_ul * 1.1)
    config = replace(bench.config, vessel=vessel)
    point = ResumePoint("repeat", 0, 2, 0.0, 0, 1, None, first_mg=100.0, therapy=TherapyState())
    check_vessel(point, 100.0, config, prepared.plan)
    check_vessel(point, 0.0, config, prepared.plan)
    with pytest.raises(InstrumentError, match="the vessel has room for"):
        check_vessel(point, 100.0 + prepared.plan.mass_mg * 0.5, config, prepared.plan)
