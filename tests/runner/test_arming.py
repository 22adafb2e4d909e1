"""Arming: a pump that is found suspended is woken into a known state, on record."""

from pathlib import Path

from rig.bench import Bench, open_bench
from rig.config import load_bench
from rig.engine import header, prepare
from rig.paths import scenarios_dir
from rig.record.reader import read_run
from rig.record.writer import RecordWriter
from rig.runner.play import Player
from rig.runner.stop import StopRequest
from rig.scenario.parse import load_scenario


def _play(tmp_path: Path, bench: Bench, stop: StopRequest) -> tuple[str, bool, list[str]]:
    prepared = prepare(load_scenario(scenarios_dir() / "quick.yaml"), bench.config)
    (tmp_path / "evidence").mkdir()
    writer = RecordWriter(tmp_path / "evidence" / "record-001.log.gz", header(prepared, bench, "r", ()))
    bench.links.tap = writer.tap
    ended = Player(prepared.scenario, bench, prepared.profile, prepared.plan, writer, stop).run()
    writer.close({"reason": ended.reason})
    return ended.reason, ended.safe.confirmed, [event.name for event in read_run(tmp_path).events]


def _bench() -> Bench:
    config = load_bench("simulated")
    return open_bench(config, config.pump_profile())


def test_a_pump_that_is_found_suspended_is_resumed_on_record_and_stopped_again(tmp_path: Path) -> None:
    bench = _bench()
    bench.open_devices()
    bench.pump.suspend()
    reason, safe, events = _play(tmp_path, bench, StopRequest())
    assert (reason, safe) == ("completed", True)
    assert events.index("resumed") < events.index("profile_written") < events.index("blank_started")
    assert bench.pump.status().suspended


def test_a_stop_during_arming_is_honoured_before_the_next_command(tmp_path: Path) -> None:
    stop = StopRequest()
    stop.ask("SIGINT")
    reason, safe, events = _play(tmp_path, _bench(), stop)
    assert (reason, safe) == ("aborted", True)
    assert "profile_written" not in events
