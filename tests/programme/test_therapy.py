"""Therapy events as recorded -> SET."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rig.errors import UsageError
from rig.profiles.pump import load_profile
from rig.programme import BasalSegment, TherapyEvent, therapy_events, therapy_programme

H = 3600.0


def event(at_s: float, name: str, **data: Any) -> TherapyEvent:
    return TherapyEvent(at_s, name, data)


def clock(local: str, at_s: float = 0.0) -> TherapyEvent:
    return event(at_s, "pump_clock", local=local)


def profile(at_s: float, *entries: tuple[int, float]) -> TherapyEvent:
    return event(at_s, "profile_written", entries=[list(entry) for entry in entries])


def rates(events: list[TherapyEvent], end_s: float, *at_h: float) -> list[float]:
    programme = therapy_programme(events, end_s, 0.05)
    return [programme.rate_at(hour * H) for hour in at_h]


def test_a_constant_basal_runs_from_resume_to_suspend() -> None:
    events = [profile(0, (0, 1.0)), event(0, "suspended"), event(H, "resumed"), event(50 * H, "suspended")]
    programme = therapy_programme(events, 52 * H, 0.05)
    assert programme.segments == (
        BasalSegment(0, H, 0.0), BasalSegment(H, 50 * H, 1.0), BasalSegment(50 * H, 52 * H, 0.0),
    )  # fmt: skip
    assert programme.expected_u(25 * H, 50 * H) == 25.0


def test_a_profile_follows_the_pumps_clock_through_midnight() -> None:
    events = [clock("2026-03-02T23:00:00"), profile(0, (0, 1.0), (2, 2.0), (47, 0.5))]
    assert rates(events, 5 * H, 0, 0.49, 0.5, 0.99, 1.0, 1.99, 2.0, 4.9) == [2, 2, 0.5, 0.5, 1, 1, 2, 2]
    assert therapy_programme(events, 25 * H, 0.05).basal_u(0, 24 * H) == pytest.approx(0.5 * 0.5 + 1.0 + 22.5 * 2.0)


def test_the_first_segment_is_partial_when_the_run_begins_inside_it() -> None:
    events = [clock("2026-03-02T00:20:30", at_s=-10.0), profile(0, (0, 1.0), (1, 3.0))]
    programme = therapy_programme(events, H, 0.05)
    assert programme.segments[1] == BasalSegment(0, 30 * 60 - (20 * 60 + 30) - 10, 1.0)


def test_a_day_of_48_half_hours_is_the_sum_of_its_entries() -> None:
    entries = tuple((index, 0.05 * (index % 7)) for index in range(48))
    events = [clock("2026-03-02T13:17:11"), profile(0, *entries)]
    programme = therapy_programme(events, 24 * H, 0.05)
    assert programme.basal_u(0, 24 * H) == pytest.approx(sum(rate for _, rate in entries) / 2, abs=1e-9)


def test_a_temporary_rate_overrides_the_profile_until_its_end() -> None:
    events = [profile(0, (0, 1.0)), event(H, "temp_started", rate_u_per_h=0.25, percent=None, duration_s=1800)]
    assert rates(events, 3 * H, 0.5, 1.0, 1.49, 1.5) == [1.0, 0.25, 0.25, 1.0]


def test_a_percentage_multiplies_the_running_segment_and_is_rounded_as_the_pump_rounds() -> None:
    events = [
        clock("2026-03-02T00:00:00"), profile(0, (0, 0.35), (2, 1.1)),
        event(0.5 * H, "temp_started", rate_u_per_h=None, percent=50, duration_s=H),
    ]  # fmt: skip
    exact = therapy_programme(events, 3 * H, 0.05)
    assert (exact.rate_at(0.6 * H), exact.rate_at(1.2 * H), exact.rate_at(1.6 * H)) == (0.175, 0.55, 1.1)
    rounded = therapy_programme(events, 3 * H, 0.05, load_profile("mmt-722"))
    assert (rounded.rate_at(0.6 * H), rounded.rate_at(1.2 * H)) == (0.15, 0.55)


def test_an_armed_event_names_the_pump_that_rounds_and_its_clock() -> None:
    armed = event(0, "armed", pump={"profile": "mmt-722"}, pump_clock={"local": "2026-03-02T00:00:00"})
    events = [armed, profile(0, (0, 0.99), (2, 0.5))]
    assert rates(events, 3 * H, 0.5, 1.5) == [0.95, 0.5]


def test_a_cancel_returns_to_the_profile() -> None:
    events = [
        profile(0, (0, 1.0)),
        event(H, "temp_started", rate_u_per_h=0.0, percent=None, duration_s=4 * H),
        event(2 * H, "temp_cancelled"),
    ]
    assert rates(events, 6 * H, 1.5, 2.0, 5.0) == [0.0, 1.0, 1.0]


def test_a_later_temporary_basal_replaces_the_earlier_one_whole() -> None:
    events = [
        profile(0, (0, 1.0)),
        event(H, "temp_started", rate_u_per_h=0.5, percent=None, duration_s=4 * H),
        event(2 * H, "temp_started", rate_u_per_h=2.0, percent=None, duration_s=1800),
    ]
    assert rates(events, 6 * H, 1.5, 2.2, 2.6) == [0.5, 2.0, 1.0]


def test_a_suspend_cancels_the_temporary_basal_and_stops_the_bolus() -> None:
    events = [
        profile(0, (0, 1.0)),
        event(100, "temp_started", rate_u_per_h=3.0, percent=None, duration_s=2 * H),
        event(200, "bolus_started", amount_u=10.0, duration_s=400.0, step=3, index=0),
        event(300, "suspended"),
        event(1000, "resumed"),
    ]
    programme = therapy_programme(events, 2 * H, 0.05)
    (bolus,) = programme.boluses
    assert (bolus.amount_u, bolus.duration_s, bolus.step) == (2.5, 100.0, 3)
    assert (programme.rate_at(150), programme.rate_at(500), programme.rate_at(1000)) == (3.0, 0.0, 1.0)


def test_a_finished_bolus_is_not_touched_by_a_suspend() -> None:
    events = [
        profile(0, (0, 0.0)),
        event(0, "bolus_started", amount_u=1.0, duration_s=40.0, step=0, index=4),
        event(40, "suspended"),
    ]
    assert therapy_programme(events, 100, 0.05).boluses[0].amount_u == 1.0


def test_what_happens_after_the_end_is_not_programmed() -> None:
    events = [profile(0, (0, 1.0)), event(10 * H, "bolus_started", amount_u=1.0, duration_s=40.0, step=0, index=0)]
    programme = therapy_programme(events, H, 0.05)
    assert programme.boluses == ()
    assert programme.end_s == H


def test_other_events_change_nothing() -> None:
    assert rates([profile(0, (0, 1.0)), event(5, "phase", phase="blank"), event(6, "gap")], H, 0.5) == [1.0]


def test_several_rates_without_the_pumps_clock_are_refused() -> None:
    with pytest.raises(UsageError, match="needs the pump's clock"):
        therapy_programme([profile(0, (0, 1.0), (1, 2.0))], H, 0.05)


@pytest.mark.parametrize(
    "entries", [((1, 1.0),), (), ((0, 1.0), (0, 2.0)), ((0, 1.0), (48, 2.0)), ((0, 1), (3, 1), (2, 1))]
)
def test_a_profile_that_does_not_cover_a_day_is_refused(entries: tuple[tuple[int, float], ...]) -> None:
    with pytest.raises(UsageError, match="must begin at midnight"):
        therapy_programme([clock("2026-03-02T00:00:00"), profile(0, *entries)], H, 0.05)


@pytest.mark.parametrize(("rate", "percent"), [(None, None), (1.0, 50)])
def test_a_temporary_basal_is_a_rate_or_a_percentage(rate: float | None, percent: int | None) -> None:
    temp = event(0, "temp_started", rate_u_per_h=rate, percent=percent, duration_s=1800)
    with pytest.raises(UsageError, match="either a rate or a percentage"):
        therapy_programme([temp], H, 0.05)


@dataclass(frozen=True)
class Recorded:
    at_ns: int
    name: str
    data: dict[str, Any]


def test_recorded_events_come_with_the_clock_at_the_instant_it_was_read() -> None:
    origin = 5_000_000_000
    armed = {
        "pump": {"profile": "sim-723"},
        "pump_clock": {"at_ns": origin - 2_000_000_000, "local": "2026-03-02T23:59:58"},
    }
    recorded = [
        Recorded(origin - 1_000_000_000, "armed", armed),
        Recorded(origin, "profile_written", {"entries": [[0, 1.0], [47, 2.0]]}),
    ]
    events = therapy_events(recorded, origin)
    assert [(item.at_s, item.name) for item in events] == [
        (-2.0, "pump_clock"),
        (-1.0, "armed"),
        (0.0, "profile_written"),
    ]
    assert therapy_programme(events, H, 0.025).rate_at(0.5) == 1.0


@settings(deadline=None)
@given(
    st.integers(0, 86399),
    st.lists(st.integers(1, 47), unique=True, max_size=12).map(sorted),
    st.floats(0.1, 60.0),
)
def test_the_player_agrees_with_the_wall_clock_at_every_instant(second: int, starts: list[int], hours: float) -> None:
    entries = [(0, 0.5), *((start, 1.0 + start / 20) for start in starts)]
    local = datetime(2026, 3, 2) + timedelta(seconds=second)
    programme = therapy_programme([clock(local.isoformat()), profile(0, *entries)], 61 * H, 0.05)
    now = local + timedelta(seconds=hours * H)
    half_hours = (now - now.replace(hour=0, minute=0, second=0, microsecond=0)) / timedelta(minutes=30)
    near_edge = abs(half_hours - round(half_hours)) < 1e-6
    assert near_edge or programme.rate_at(hours * H) == [rate for start, rate in entries if start <= half_hours][-1]
