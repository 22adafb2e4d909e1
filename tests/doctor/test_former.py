"""What a suite that delivers found in a pump is brought back, or said."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from rig.bench import Bench, open_bench
from rig.config import load_bench
from rig.doctor.former import Former, end_temp_basal
from rig.drivers.minimed.pump import MinimedPump
from rig.instruments import Acceptance, BasalEntry
from rig.plugins.roles import Capability, ClaimedPump

LOW = [BasalEntry(0, 0.5), BasalEntry(20, 1.0)]


def opened() -> tuple[Bench, MinimedPump]:
    config = load_bench("simulated")
    bench = open_bench(config, config.pump_profile())
    assert isinstance(bench.pump, MinimedPump)
    bench.pump.open()
    bench.pump.set_profile(LOW, 1)
    return bench, bench.pump


def change_all(pump: MinimedPump) -> None:
    pump.set_profile([BasalEntry(0, 2.0)])
    pump.set_profile([BasalEntry(0, 1.5)], 1)
    pump.select_pattern(1)
    pump.set_limits(5.0, 4.0)
    pump.set_temp_basal_type(percent=True)
    pump.set_clock(datetime(2031, 1, 2, 3, 4, 5))
    pump.suspend()


def test_all_that_a_check_may_change_is_as_it_was() -> None:
    bench, pump = opened()
    former = Former.of(bench.claimed, bench.clock)
    before = (
        pump.profile(),
        pump.profile(1),
        pump.settings(),
        pump.clock() - timedelta(microseconds=bench.clock.now_ns() // 1000),
    )
    change_all(pump)
    assert former.bring_back(bench.claimed) == []
    assert (pump.profile(), pump.profile(1), pump.settings()) == before[:3]
    late = pump.clock() - timedelta(microseconds=bench.clock.now_ns() // 1000) - before[3]
    assert abs(late) <= timedelta(seconds=2)


def test_what_could_not_be_brought_back_is_said_and_the_rest_is_brought_back(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, pump = opened()
    former = Former.of(bench.claimed, bench.clock)
    change_all(pump)
    monkeypatch.setattr(pump, "set_limits", lambda *_: Acceptance.ACKNOWLEDGED)
    monkeypatch.setattr(pump, "set_clock", lambda *_: Acceptance.UNKNOWN)
    assert former.bring_back(bench.claimed) == ["limits", "clock"]
    assert pump.settings().pattern == 0
    assert pump.profile(1) == LOW


def test_what_a_driver_does_not_claim_is_neither_read_nor_written() -> None:
    bench, pump = opened()
    plain = ClaimedPump(pump, frozenset({Capability.SUSPENDS, Capability.PROFILES}))
    former = Former.of(plain, bench.clock)
    assert set(former.profiles) == {0}
    pump.select_pattern(1)
    pump.set_profile([BasalEntry(0, 2.0)])
    assert former.bring_back(plain) == []
    assert pump.settings().pattern == 1
    assert pump.profile() == former.profiles[0]


@pytest.mark.parametrize("percent", [False, True])
def test_a_temporary_basal_is_ended_in_the_way_that_the_pump_takes(percent: bool) -> None:
    bench, pump = opened()
    pump.set_temp_basal_type(percent=percent)
    started = pump.set_temp_basal_percent(150, 60) if percent else pump.set_temp_basal(1.0, 60)
    assert started is Acceptance.ACKNOWLEDGED
    end_temp_basal(bench.claimed)
    assert pump.temp_basal().minutes_left == 0
