"""What the runner tells its guardian, and what it makes of the guardian's word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rig.config import parse_bench
from rig.drivers.minimed.pump import MinimedPump
from rig.engine import header, prepare
from rig.errors import EmergencyStopped, GuardianLost, InstrumentError, RigError
from rig.guardian.guard import NoGuard
from rig.paths import benches_dir
from rig.record.ledger import BenchLedger
from rig.record.reader import RunRecord, read_run
from rig.record.writer import RecordWriter
from rig.results import EndReason
from rig.runner.ended import Ended
from rig.runner.folder import RunFolder
from rig.runner.play import Player
from rig.runner.stop import StopRequest
from rig.runner.watch import Watch
from tests.runner.kit import SMALL, LastingBench, small_scenario

HOLD = SMALL.replace("on_runner_loss: stop", "on_runner_loss: {hold: 10 min}")


class Witness(NoGuard):
    """A guardian that notes what it is told, beside what the twin does; its beat can bring bad news."""

    def __init__(self, bench: LastingBench, news: RigError | None = None) -> None:
        self._bench = bench
        self._news = news
        self.told: list[tuple[bool, bool, int]] = []
        self.tuned_mhz: list[float] = []

    def beat(self) -> None:
        if self._news is not None and self._bench.boluses():
            raise self._news

    def tuned(self, frequency_mhz: float) -> None:
        self.tuned_mhz.append(frequency_mhz)

    def state(self, *, bolus: bool, holdable: bool) -> None:
        self.told.append((bolus, holdable, len(self._bench.boluses())))

    def finished(self, *, confirmed: bool, by: str) -> tuple[bool, str]:
        return confirmed, by


def _play(
    bench: LastingBench, guard: Witness, text: str = SMALL, stop: StopRequest | None = None
) -> tuple[Ended, RunRecord]:
    prepared = prepare(small_scenario(text), bench.config)
    (bench.folder / "evidence").mkdir()
    opened = bench.open(bench.config, prepared.profile, (), None)
    writer = RecordWriter(bench.folder / "evidence" / "record-001.log.gz", header(prepared, opened, "r", ()))
    opened.links.tap = writer.tap
    player = Player(
        prepared.scenario, opened, prepared.profile, prepared.plan, writer, stop or StopRequest(), guard=guard
    )
    ended = player.run()
    writer.close({"reason": ended.reason.value})
    return ended, read_run(bench.folder)


def test_the_guardian_hears_of_each_bolus_before_it_begins_and_when_it_is_over(tmp_path: Path) -> None:
    bench = LastingBench(tmp_path)
    guard = Witness(bench)
    ended, _ = _play(bench, guard)
    assert ended.reason is EndReason.COMPLETED
    in_flight = [(bolus, begun) for bolus, _, begun in guard.told]
    assert in_flight.count((True, 0)) == 1  # before the first one
    assert in_flight.index((True, 1)) == in_flight.index((False, 1)) + 1
    assert in_flight[-1] == (False, 2)
    assert not any(holdable for _, holdable, _ in guard.told)  # the scenario does not ask for it


def test_a_hold_is_allowed_only_while_the_time_of_a_step_runs(tmp_path: Path) -> None:
    bench = LastingBench(tmp_path)
    guard = Witness(bench)
    _play(bench, guard, HOLD)
    allowed = [index for index, (_, holdable, _) in enumerate(guard.told) if holdable]
    assert len(allowed) == 4  # basal, temp basal, suspend, basal; never a bolus, a blank, or arming
    for index in allowed:
        assert guard.told[index + 1][1] is False
        assert guard.told[index][0] is False


def test_a_hold_is_not_allowed_on_a_reservoir_that_would_run_dry(tmp_path: Path) -> None:
    bench = LastingBench(tmp_path)
    guard = Witness(bench)
    bench.twin.firmware.therapy.reservoir_strokes = 8 * 40  # 8 U: enough for the scenario, not for 2 U of hold on top
    ended, _ = _play(bench, guard, HOLD.replace("hold: 10 min", "hold: 30 min"))
    assert ended.reason is EndReason.COMPLETED
    assert not any(holdable for _, holdable, begun in guard.told if begun == 2)


@pytest.mark.parametrize(
    ("news", "reason"),
    [(GuardianLost("gone"), EndReason.GUARDIAN_LOST), (EmergencyStopped("pressed"), EndReason.EMERGENCY_STOP)],
)
def test_bad_news_from_the_guardian_ends_the_run_and_the_pump_is_stopped_all_the_same(
    tmp_path: Path, news: RigError, reason: EndReason, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rig.transport.links.PULSE_S", 0.0)  # virtual time outruns a pulse on real time
    bench = LastingBench(tmp_path)
    ended, record = _play(bench, Witness(bench, news))
    assert ended.reason is reason
    assert ended.safe.confirmed
    assert bench.twin.firmware.therapy.suspended
    assert bench.boluses()[0][1] < 1.0
    assert "safe_state" in [event.name for event in record.events]


def _events(record: RunRecord, name: str) -> list[dict[str, Any]]:
    return [event.data for event in record.events if event.name == name]


def test_the_pumps_clock_is_on_record_at_the_start_and_at_the_end(tmp_path: Path) -> None:
    bench = LastingBench(tmp_path)
    _, record = _play(bench, Witness(bench))
    names = [event.name for event in record.events]
    first, last = _events(record, "pump_clock")
    assert names.index("pump_clock") < names.index("blank_started")
    assert len(names) - 1 - names[::-1].index("pump_clock") > names.index("safe_state")
    assert first["local"] < last["local"]
    assert first["asked_ns"] <= first["answered_ns"]


def test_what_fails_after_the_bench_is_safe_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = LastingBench(tmp_path)
    clock = MinimedPump.clock

    def broken(pump: MinimedPump) -> Any:
        if bench.twin.firmware.therapy.suspended and len(bench.boluses()) == 2:
            raise InstrumentError("no time today")
        return clock(pump)

    monkeypatch.setattr(MinimedPump, "clock", broken)
    ended, record = _play(bench, Witness(bench))
    assert ended.reason is EndReason.COMPLETED
    assert [data["error"] for data in _events(record, "tidying_failed")] == ["no time today"]
    assert _events(record, "reported")[-1]["source"] == "history"


def test_a_second_request_to_stop_skips_the_tidying_and_never_the_safe_state(tmp_path: Path) -> None:
    bench, stop = LastingBench(tmp_path), StopRequest()

    def ask_twice(name: str, _data: bytes) -> None:
        if bench.boluses() and not stop.count:
            stop.ask("SIGINT")
            stop.ask("SIGINT")

    bench.links.on_write = ask_twice
    ended, record = _play(bench, Witness(bench), stop=stop)
    assert ended.reason is EndReason.ABORTED
    assert ended.safe.confirmed
    assert len(_events(record, "tidying_left_out")) == 1
    assert len(_events(record, "pump_clock")) == 1  # that of arming


SCANNING = (benches_dir() / "simulated.toml").read_text().replace("frequency_mhz = 916.55", 'frequency = "scan"')


def test_the_guardian_hears_on_which_frequency_the_pump_was_found_before_anything_is_commanded(tmp_path: Path) -> None:
    bench = LastingBench(tmp_path, faults=["pump.frequency=868.35MHz"], config=parse_bench(SCANNING))
    guard = Witness(bench)
    ended, record = _play(bench, guard)
    assert ended.reason is EndReason.COMPLETED
    assert guard.tuned_mhz == [868.35]
    (radio,) = [event for event in record.events if event.name == "radio"]
    first = next(event for event in record.events if event.name == "command")
    assert radio.at_ns < first.at_ns
    assert radio.data["frequency_mhz"] == 868.35
    assert [868.35, radio.data["rssi_dbm"]] != [868.35, None]
    assert len(radio.data["scanned"]) == 9


def test_a_frequency_that_is_stated_is_recorded_and_no_news_to_the_guardian(tmp_path: Path) -> None:
    bench = LastingBench(tmp_path)
    guard = Witness(bench)
    _, record = _play(bench, guard)
    (radio,) = [event for event in record.events if event.name == "radio"]
    assert (radio.data["frequency_mhz"], radio.data["scanned"], guard.tuned_mhz) == (916.55, [], [])


def test_the_guardian_hears_of_a_runner_that_wakes_a_pump_which_an_earlier_run_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = LastingBench(tmp_path)
    beats: list[int] = []

    class Beating(Witness):
        def beat(self) -> None:
            beats.append(bench.links.clock.link_ns())
            raise GuardianLost("it is gone, and the pump must be stopped all the same")

    monkeypatch.setattr(Watch, "guard", property(lambda _: Beating(bench)))
    folder = RunFolder(tmp_path, "s")
    watch = Watch(bench.config, folder, tmp_path)
    ledger = BenchLedger(tmp_path / "ledger.jsonl")
    ledger.append("started", run_id="before", folder="/gone", scenario="s")
    watch._ledger, watch._unsafe = ledger, ledger.unsafe()
    opened = bench.open(bench.config, bench.config.pump_profile(), (), None)
    writer = RecordWriter(tmp_path / "record-001.log.gz", {})
    assert watch.make_safe_first(opened, writer) is None
    writer.close({})
    assert bench.twin.firmware.therapy.suspended
    gaps = [after - before for before, after in zip([0, *beats], beats, strict=False)]
    assert beats
    assert max(gaps) <= 4_000_000_000
