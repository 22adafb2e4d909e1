"""Arming: a pump that is found suspended is woken into a known state, on record."""

from pathlib import Path
from typing import cast

import pytest

from rig.bench import Bench, open_bench
from rig.clock import VirtualClock
from rig.config import load_bench
from rig.engine import header, prepare
from rig.errors import InstrumentError
from rig.instruments import Acceptance, TempBasal
from rig.paths import scenarios_dir
from rig.plugins.roles import Capability, ClaimedPump, PumpDriver
from rig.profiles.pump import load_profile
from rig.record.reader import read_run
from rig.record.writer import RecordWriter
from rig.runner.play import Player
from rig.runner.stop import StopRequest
from rig.runner.therapy import Therapy
from rig.scenario.parse import load_scenario
from rig.transport.virtual import VirtualLinks


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


class OtherTemp:
    """A pump that acknowledges a temp basal and goes on with another."""

    acknowledged_ns = 0

    def __init__(self, running: TempBasal) -> None:
        self._running = running

    def set_temp_basal(self, rate_u_per_h: float, minutes: int) -> Acceptance:
        return Acceptance.UNKNOWN

    def temp_basal(self) -> TempBasal:
        return self._running


@pytest.mark.parametrize(
    ("running", "right"),
    [
        (TempBasal(False, 0, 0.0, 60), True),
        (TempBasal(False, 0, 0.0, 58), True),
        (TempBasal(False, 0, 0.0, 20), False),  # an older one that is about to end
        (TempBasal(False, 0, 1.0, 60), False),
        (TempBasal(True, 0, 0.0, 60), False),
        (TempBasal(False, 0, 0.0, 0), False),
    ],
)
def test_a_temp_basal_counts_only_if_the_pump_runs_that_very_one(
    tmp_path: Path, running: TempBasal, right: bool
) -> None:
    links = VirtualLinks(VirtualClock())
    writer = RecordWriter(tmp_path / "record-001.log.gz", {})
    pump = ClaimedPump(cast("PumpDriver", OtherTemp(running)), frozenset(Capability))
    therapy = Therapy(pump, links, writer, load_profile("sim-723"), StopRequest())
    if right:
        therapy.start_temp(0.0, None, 3600.0)
    else:
        with pytest.raises(InstrumentError, match="another temp basal"):
            therapy.start_temp(0.0, None, 3600.0)
    assert (therapy.temp_until_ns > 0) is right
    writer.close({})
