"""A pump that its guardian held is taken up again where it is; one that does something else is stopped."""

from pathlib import Path
from typing import Any

import pytest

from rig.clock import to_ns
from rig.engine import Finished
from rig.results import EndReason
from rig.runner.watch import Watch
from tests.runner.kit import SMALL, LastingBench, drive, go_on, record_of, small_scenario

HOLD = SMALL.replace("on_runner_loss: stop", "on_runner_loss: {hold: 10 min}")
IN_TEMP_S, AWAY_S = 600.0, 45.0


def _held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after_s: float = IN_TEMP_S) -> LastingBench:
    """A run that was killed so long after its temp basal of 30 min began, with a guardian that holds the pump."""
    bench = LastingBench(tmp_path, loses_tail=False)
    bench.links.dies_when = lambda: _temp_left_s(bench) < 1800.0 - after_s
    assert drive(bench, monkeypatch, small_scenario(HOLD)) is None
    monkeypatch.setattr(Watch, "attached", property(lambda _watch: True))
    return bench


def _temp_left_s(bench: LastingBench) -> float:
    temp = bench.twin.firmware.temp()
    return 1e9 if temp is None else (temp.end_ns - bench.twin.firmware.therapy.now_ns) / 1e9


def _named(bench: LastingBench, name: str) -> list[dict[str, Any]]:
    return [event.data for event in record_of(bench).events if event.name == name]


def _completed(finished: Finished | None) -> None:
    assert finished is not None
    assert finished.ended.reason is EndReason.COMPLETED, finished.ended.detail


def test_a_held_pump_goes_on_with_its_step_to_the_original_end_and_is_told_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = _held(tmp_path, monkeypatch)
    away_from_ns = bench.clock.now_ns()
    bench.away(AWAY_S)
    _completed(go_on(bench))
    record = record_of(bench)
    assert [(data["mode"], data["step"]) for data in _named(bench, "run_resumed")] == [("reattach", 1)]
    second = record.segments[1].events
    ended = next(event for event in second if event.name == "step_ended")
    told = [event for event in second if event.name == "command" and event.at_ns < ended.at_ns]
    assert told == []
    begun = next(event for event in record.events if event.name == "temp_started")
    assert ended.at_ns - begun.at_ns == pytest.approx(to_ns(1800.0), abs=to_ns(15.0))
    stops = [each.start_ns for each in bench.ledger.deliveries if each.kind == "suspended"]
    assert not [at_ns for at_ns in stops if away_from_ns <= at_ns < ended.at_ns]
    assert bench.boluses() == [(1.0, 1.0), (1.0, 1.0)]


def test_a_held_pump_is_taken_up_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = _held(tmp_path, monkeypatch)
    bench.away(AWAY_S)
    bench.links.dies_when = lambda: _temp_left_s(bench) < 600.0
    assert go_on(bench) is None
    bench.away(AWAY_S)
    _completed(go_on(bench))
    assert [data["mode"] for data in _named(bench, "run_resumed")] == ["reattach", "reattach"]
    assert [data["step"] for data in _named(bench, "step_started")] == list(range(6))


def test_a_run_killed_in_a_later_step_than_the_one_it_took_up_counts_its_time_from_the_first_delivery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = _held(tmp_path, monkeypatch)
    bench.away(AWAY_S)
    bench.links.dies_when = lambda: bool(bench.boluses())
    assert go_on(bench) is None
    monkeypatch.setattr(Watch, "attached", property(lambda _watch: False))
    _completed(go_on(bench))
    last = _named(bench, "run_resumed")[-1]
    assert (last["mode"], last["step"]) == ("repeat", 2)
    assert last["scenario_s"] == pytest.approx(180.0 + 1800.0, abs=30.0)


@pytest.mark.parametrize("deed", ["suspended", "another rate", "a bolus"])
def test_a_pump_that_does_something_else_is_stopped_and_its_step_repeated_by_the_next_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deed: str
) -> None:
    bench = _held(tmp_path, monkeypatch)
    firmware, now_ns = bench.twin.firmware, bench.clock.now_ns()
    if deed == "suspended":
        firmware.suspend(now_ns)
    elif deed == "another rate":
        firmware.temp_basal(False, 200, 2, now_ns)
    else:
        firmware.bolus(400, now_ns)
    bench.away(AWAY_S)
    finished = go_on(bench)
    assert finished is not None
    assert finished.ended.reason is EndReason.BENCH_FAULT
    assert "does not do what the record says" in finished.ended.detail
    assert finished.ended.safe.confirmed
    monkeypatch.setattr(Watch, "attached", property(lambda _watch: False))
    _completed(go_on(bench))
    assert [data["mode"] for data in _named(bench, "run_resumed")] == ["reattach", "repeat"]
    assert _named(bench, "run_resumed")[-1]["step"] == 1


def test_with_a_command_in_flight_a_held_pump_is_not_taken_up_but_its_step_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = LastingBench(tmp_path)
    bench.links.dies_when = lambda: bool(bench.boluses())
    assert drive(bench, monkeypatch, small_scenario(HOLD)) is None
    monkeypatch.setattr(Watch, "attached", property(lambda _watch: True))
    bench.away(AWAY_S)
    _completed(go_on(bench))
    assert [data["mode"] for data in _named(bench, "run_resumed")] == ["repeat"]
    assert len(_named(bench, "delivery_settled")) == 1


def test_after_a_reboot_nothing_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = _held(tmp_path, monkeypatch)
    monkeypatch.setattr("rig.engine.boot_id", lambda: "another boot")
    _completed(go_on(bench))
    assert [data["mode"] for data in _named(bench, "run_resumed")] == ["repeat"]


PATTERN = (
    SMALL[: SMALL.index("steps:")]
    + """\
steps:
  - basal: {rate: 6.0 U/h, for: 3 min}
  - limits: {max_basal: 20 U/h}
  - profile: {pattern: b, segments: [{at: "00:00", rate: 12 U/h}]}
  - pattern: {select: b, for: 30 min}
on_runner_loss: {hold: 10 min}
"""
)


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_pump_that_was_held_on_a_pattern_is_taken_up_on_it_and_its_settings_are_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_hand: bool
) -> None:
    bench = LastingBench(tmp_path, loses_tail=False)
    firmware = bench.twin.firmware
    found = firmware.max_basal_strokes
    bench.links.dies_when = lambda: bench.ledger.commanded_u(0, bench.clock.now_ns()) > 2.0
    assert drive(bench, monkeypatch, small_scenario(PATTERN)) is None
    monkeypatch.setattr(Watch, "attached", property(lambda _watch: True))
    if by_hand:
        firmware.select_pattern(0, bench.clock.now_ns())
    bench.away(AWAY_S)
    finished = go_on(bench)
    if by_hand:
        assert finished is not None
        assert "does not do what the record says: basal pattern 0" in finished.ended.detail
        return
    _completed(finished)
    assert (firmware.therapy.pattern, firmware.max_basal_strokes) == (0, found)
    assert [data["mode"] for data in _named(bench, "run_resumed")] == ["reattach"]
    assert bench.ledger.commanded_u(0, bench.clock.now_ns()) == pytest.approx(0.3 + 6.0, abs=0.15)
