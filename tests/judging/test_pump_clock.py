"""Where a stamp of the pump's log lies when the rig has set the pump's clock within the run."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.judging.clocks import PumpTime
from rig.judging.pump_clock import PumpClock, epochs_of

NOON = datetime(2026, 3, 2, 12, 0, 0)


def clock_with(*shifts_s: float, hours: float = 1.0) -> PumpClock:
    """Return a clock that is set every ``hours``, read 5 s before and after each time."""
    readings, sets, offset_s = [PumpTime(0.0, NOON, 0.3)], [], 0.0
    for number, shift_s in enumerate(shifts_s, start=1):
        at_s = number * hours * 3600.0
        readings.append(PumpTime(at_s - 5.0, NOON + timedelta(seconds=at_s - 5.0 + offset_s), 0.3))
        offset_s += shift_s
        sets.append((at_s, NOON + timedelta(seconds=at_s + offset_s)))
        readings.append(PumpTime(at_s + 5.0, NOON + timedelta(seconds=at_s + 5.0 + offset_s), 0.3))
    return PumpClock(tuple(readings), sets=tuple(sets))


def log_of(clock: PumpClock, *entries_s: float) -> list[dict[str, Any]]:
    """Return the rows of a log, oldest first: entries and, for each setting of the clock, its two records."""
    rows: list[tuple[float, dict[str, Any]]]
    rows = [(at_s, {"kind": "bolus", "at": shown(clock, at_s).isoformat()}) for at_s in entries_s]
    for set_s, local in clock.sets:
        rows.append((set_s, {"kind": "time_changed", "at": shown(clock, set_s - 0.001).isoformat()}))
        rows.append((set_s, {"kind": "time_changed", "at": local.isoformat()}))
    return [row for _, row in sorted(rows, key=lambda each: each[0])]


def shown(clock: PumpClock, at_s: float) -> datetime:
    """Return what the pump's clock shows, in whole seconds."""
    before = [(set_s, local) for set_s, local in clock.sets if set_s <= at_s]
    from_s, local = before[-1] if before else (0.0, NOON)
    return (local + timedelta(seconds=at_s - from_s)).replace(microsecond=0)


@given(
    st.lists(st.integers(-40_000, 40_000).filter(bool), min_size=1, max_size=4),
    st.lists(st.integers(60, 17_000), min_size=1, max_size=8, unique=True),
)
def test_every_entry_lies_where_it_was_whatever_the_clock_was_set_to(shifts: list[int], at_s: list[int]) -> None:
    clock = clock_with(*shifts)
    apart = [each + 0.5 for each in at_s if all(abs(each - set_s) > 10.0 for set_s, _ in clock.sets)]
    rows = log_of(clock, *apart)
    placed = [
        clock.interval(datetime.fromisoformat(row["at"]), epoch)
        for row, epoch in zip(rows, epochs_of(rows, clock), strict=True)
        if row["kind"] == "bolus"
    ]
    for wanted, interval in zip(sorted(apart), placed, strict=True):
        assert interval is not None
        low, high = interval
        assert low <= wanted <= high
        assert high - low < 8.0


def test_a_clock_that_somebody_else_has_set_as_well_leaves_no_entry_a_certain_time() -> None:
    clock = clock_with(3600.0)
    rows = log_of(clock, 100.0, 5000.0)
    by_hand = {"kind": "time_changed", "at": "2026-03-02T18:00:00"}
    assert epochs_of(rows, clock) == [0, 1, 1, 1]  # an entry, the two records of the setting, an entry
    assert epochs_of([*rows, by_hand, by_hand], clock) == [None] * (len(rows) + 2)
    low, high = clock.interval(NOON + timedelta(seconds=4000.0), None) or (0.0, 0.0)
    assert high - low > 3000.0


def test_settings_of_the_clock_from_before_the_run_are_of_no_account() -> None:
    clock = clock_with(-7200.0)
    old = [{"kind": "time_changed", "at": "2026-01-01T00:00:00"}, {"kind": "time_changed", "at": "2026-01-01T01:00:00"}]
    assert epochs_of([*old, *log_of(clock, 5000.0)], clock) == [0, 0, 1, 1, 1]


@pytest.mark.parametrize("epoch", [0, 1, None])
def test_a_clock_that_was_not_set_has_one_epoch(epoch: int | None) -> None:
    clock = PumpClock((PumpTime(0.0, NOON, 0.3),))
    assert clock.interval(NOON + timedelta(seconds=60.0), epoch) == pytest.approx((58.9, 62.1), abs=0.5)
