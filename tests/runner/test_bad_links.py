"""A bad link ends no run that can still be known, and a run that it does end leaves the pump stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rig.config import load_bench
from rig.engine import Finished, run_scenario
from rig.record.reader import read_run
from rig.results import EndReason
from rig.runner.folder import find_runs
from rig.scenario.parse import parse_scenario

SCENARIO = parse_scenario(
    "schema: 1\nid: bad_link\ntitle: a bad link\npump: {families: [22, 23]}\nsampling: {balance: 10 s, bolus: 5 s}\n"
    "steps:\n  - basal: {rate: 12 U/h, for: 2 min}\n  - bolus: {amount: 1 U}\nchecks: []\n",
    "bad_link.yaml",
)


def run(folder: Path, link: str, fault: str) -> Finished:
    config = load_bench()
    return run_scenario(SCENARIO, replace(config, pump=replace(config.pump, link=link)), folder, faults=(fault,))


@pytest.mark.parametrize(
    ("link", "fault"),
    [("cc111x", "link.duplicate=30%"), ("carelink", "link.duplicate=30%"), ("cc111x", "link.delay=300ms")],
)
def test_a_run_is_played_to_its_end_although_packets_come_twice_or_late(tmp_path: Path, link: str, fault: str) -> None:
    finished = run(tmp_path, link, fault)
    assert finished.ended.reason is EndReason.COMPLETED, finished.ended.detail
    assert finished.ended.safe.confirmed


def test_a_stick_that_gives_up_before_the_pump_answers_can_still_stop_it_and_the_end_says_what_is_wrong(
    tmp_path: Path,
) -> None:
    finished = run(tmp_path, "carelink", "link.delay=300ms")
    assert finished.ended.reason is EndReason.BENCH_FAULT
    assert finished.ended.safe.confirmed, finished.ended.safe.by
    assert "told 5 times (the stick heard no acknowledgement of" in finished.ended.detail
    (state,) = find_runs(tmp_path)
    commands = [event.data for event in read_run(state.folder).events if event.name == "command"]
    assert [each["state"] for each in commands].count("unknown") == 5
    assert commands[-1]["delivered"] is False


def test_what_a_history_that_cannot_be_read_would_have_said_is_missing_and_the_run_goes_on(tmp_path: Path) -> None:
    finished = run(tmp_path, "carelink", "link.duplicate=100%@460s+40s")
    assert finished.ended.reason is EndReason.COMPLETED, finished.ended.detail
    (state,) = find_runs(tmp_path)
    events = read_run(state.folder).events
    (missing,) = [event.data for event in events if event.name == "report_missing"]
    assert (missing["source"], missing["step"], missing["index"]) == ("bolus_history", 1, 0)
    assert missing["error"]
    assert [event.name for event in events].count("bolus_closed") == 1
