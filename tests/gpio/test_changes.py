"""Changes, bouncing and alarm patterns, from looks in virtual time."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.gpio.changes import Change, Debounce, LineWatch
from rig.gpio.signals import SignalReader

MS = 1_000_000


def test_a_change_lies_between_the_last_look_at_the_old_level_and_the_first_at_the_new_one() -> None:
    watch = LineWatch(1, 0)
    assert watch.look(1, 20 * MS) == []
    (change,) = watch.look(0, 40 * MS)
    assert (change.level, change.after_ns, change.by_ns, change.at_ns) == (0, 20 * MS, 40 * MS, 30 * MS)
    assert change.u_s == pytest.approx(0.020 / math.sqrt(12))  # 5.77 ms
    assert watch.look(0, 60 * MS) == []


def test_an_edge_without_another_level_is_a_pulse_that_was_glimpsed() -> None:
    watch = LineWatch(0, 0)
    assert [(each.level, each.glimpsed) for each in watch.look(0, 7 * MS, edge=True)] == [(1, True), (0, True)]


@given(st.lists(st.tuples(st.integers(1, 50), st.booleans(), st.booleans()), max_size=60))
def test_changes_alternate_and_their_intervals_never_overlap_backwards(looks: list[tuple[int, bool, bool]]) -> None:
    watch, now_ns, level, last_by = LineWatch(0, 0), 0, 0, 0
    for step_ms, high, edge in looks:
        now_ns += step_ms * MS
        for change in watch.look(int(high), now_ns, edge=edge):
            assert change.level == 1 - level
            assert last_by <= change.after_ns or change.glimpsed
            assert change.after_ns < change.by_ns == now_ns
            level, last_by = change.level, change.by_ns
        assert level == int(high)


def test_a_contact_that_bounces_gives_one_change_with_the_time_of_its_first() -> None:
    debounce = Debounce(1, 20 * MS)
    for number, level in enumerate((0, 1, 0, 1, 0)):
        debounce.feed(Change(level, (10 + number) * MS, (11 + number) * MS))
        assert debounce.settled((11 + number) * MS) is None
    assert debounce.settled(34 * MS) is None
    assert debounce.settled(35 * MS) == Change(0, 10 * MS, 11 * MS)
    assert debounce.settled(500 * MS) is None
    assert debounce.level == 0


def test_a_pulse_that_is_shorter_than_the_debounce_time_gives_nothing() -> None:
    debounce = Debounce(1, 20 * MS)
    debounce.feed(Change(0, 0, MS))
    debounce.feed(Change(1, 5 * MS, 6 * MS))
    assert debounce.settled(1000 * MS) is None


def beeps(reader: SignalReader, at_ms: list[int], length_ms: int, look_ms: int = 20) -> list[dict[str, object]]:
    """Beep on an active-low line, looked at every ``look_ms``; return the signals."""
    watch, told = LineWatch(1, 0), []
    for now in range(look_ms, (at_ms[-1] if at_ms else 0) + 20_000, look_ms):
        sounding = any(start <= now < start + length_ms for start in at_ms)
        for change in watch.look(0 if sounding else 1, now * MS):
            reader.feed(change)
        signal = reader.told(now * MS)
        if signal is not None:
            told.append(signal.to_json())
    return told


def test_three_beeps_half_a_second_apart_are_one_signal_of_three() -> None:
    (told,) = beeps(SignalReader(0, 1.5), [1010, 1510, 2010], 200)
    assert told["pulses"] == 3
    assert told["spacing_s"] == pytest.approx(0.5)
    assert told["length_s"] == pytest.approx(0.2, abs=0.02)
    # Two onsets, each in an interval of 20 ms, over two spacings: hypot(5.77, 5.77) / 2 = 4.08 ms.
    assert told["u_spacing_s"] == pytest.approx(0.00408, abs=0.00001)
    assert told["after_ns"] == 1000 * MS
    assert told["by_ns"] == 1020 * MS
    assert told["over"] is True


def test_a_longer_pause_makes_two_signals_and_one_beep_has_no_spacing() -> None:
    first, second = beeps(SignalReader(0, 1.5), [1000, 1500, 4000], 200)
    assert (first["pulses"], second["pulses"]) == (2, 1)
    assert second["spacing_s"] is None


def test_a_tone_that_does_not_end_is_told_once_as_not_over() -> None:
    reader = SignalReader(0, 1.5, longest_pulse_s=3.0)
    reader.feed(Change(0, 0, 20 * MS))
    assert reader.told(2_000 * MS) is None
    signal = reader.told(3_020 * MS)
    assert signal is not None
    assert not signal.over
    assert reader.told(9_000 * MS) is None
    reader.feed(Change(1, 9_000 * MS, 9_020 * MS))
    assert reader.told(60_000 * MS) is None
    assert not reader.sounding
