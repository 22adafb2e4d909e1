"""The pump's log on the run's axis of time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from rig.judging.clocks import PumpTime
from rig.judging.pump_clock import PumpClock

NOON = datetime(2026, 3, 2, 12)


def reading(at_s: float, shown_s: float) -> PumpTime:
    return PumpTime(at_s, NOON + timedelta(seconds=shown_s + 0.5), 0.3)


def test_a_stamp_between_two_readings_follows_the_rate_of_the_pumps_clock() -> None:
    clock = PumpClock((reading(0.0, 0.0), reading(100_000.0, 100_010.0)))
    low, high = clock.interval(NOON + timedelta(seconds=50_005.0)) or (0.0, 0.0)
    assert (low + high) / 2 == pytest.approx(50_000.0, abs=0.01)
    assert (high - low) / 2 == pytest.approx(1.6)


def test_a_stamp_beyond_the_only_reading_is_as_uncertain_as_a_clock_drifts() -> None:
    clock = PumpClock((reading(10.0, 0.0),))
    low, high = clock.interval(NOON + timedelta(seconds=86_400.0)) or (0.0, 0.0)
    assert (low + high) / 2 == pytest.approx(86_410.0)
    assert (high - low) / 2 == pytest.approx(1.6 + 8.64)
    assert PumpClock(()).interval(NOON) is None


def test_a_stamp_of_a_clock_that_was_set_meanwhile_may_lie_at_either_time() -> None:
    before, after = reading(0.0, 0.0), reading(7200.0, 10_800.0)  # set forward by an hour
    clock = PumpClock((before, after), ((0.0, 7200.0),))
    low, high = clock.interval(NOON + timedelta(seconds=5400.0)) or (0.0, 0.0)
    assert low == pytest.approx(1800.0 - 1.6)
    assert high == pytest.approx(5400.0 + 1.6)
