"""The events file of an occlusion test: what is read, and what each mistake is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.analysis.occlusion_events import EVENTS, OcclusionEvents, parse_events, read_events
from rig.errors import UsageError

GOOD = """# bench 3, by hand
time_s,event,who
60,pinch_closed,me
100,pinch_opened,me

1000.5,closed,valve
6400,alarm,pump
6500,opened,valve
9000,closed,valve
9900,opened,valve
"""


def test_a_file_with_comments_other_columns_and_several_occlusions_is_read() -> None:
    events = parse_events(GOOD)
    assert events.pinches_s == ((60.0, 100.0),)
    first, second = events.occlusions(0.0, 12_000.0)
    assert (first.closed_s, first.alarm_s, first.opened_s) == (1000.5, 6400.0, 6500.0)
    assert (first.from_s, first.to_s) == (100.0, 9000.0)
    assert (second.closed_s, second.alarm_s, second.opened_s) == (9000.0, None, 9900.0)
    assert (second.from_s, second.to_s) == (6500.0, 12_000.0)


def test_an_alarm_without_an_opening_is_an_occlusion_without_release() -> None:
    (only,) = parse_events("time_s,event\n10,closed\n20,alarm\n").occlusions(0.0, 30.0)
    assert only.opened_s is None


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_and_a_byte_order_mark_do_not_matter(tmp_path: Path, end: str) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", end).encode())
    assert read_events(path) == parse_events(GOOD)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "row 1: column time_s is missing; expected a header line"),
        ("time_s,what\n1,closed\n", "row 1: column event is missing"),
        ("time_s,event,event\n1,closed,a\n", "row 1: column event is there twice"),
        ("time_s,event\n", "no events; expected at least 'closed'"),
        ("time_s,event\n1;closed\n", "row 2: 1 columns; expected 2"),
        ('time_s,event\n"1",closed\n', "row 2: a quote or control character"),
        ("time_s,event\n1,5,closed\n", "row 2: 3 columns"),
        ("time_s,event\nnan,closed\n", "row 2, column time_s: 'nan' is not a time"),
        ("time_s,event\n1e999,closed\n", "row 2, column time_s: '1e999' is not a time"),
        ("time_s,event\n10 s,closed\n", "row 2, column time_s: '10 s' is not a time; expected seconds"),
        ("time_s,event\n1,Closed\n", "row 2, column event: 'Closed' is no event; expected closed, alarm, opened"),
        ("time_s,event\n1,opened\n", "row 2, column event: 'opened' comes first; expected closed or pinch_closed"),
        ("time_s,event\n1,closed\n", "row 2, column event: ends with 'closed'; expected then alarm or opened"),
        ("time_s,event\n1,pinch_closed\n2,closed\n", "row 3, column event: 'closed' follows 'pinch_closed'"),
        ("time_s,event\n1,closed\n2,alarm\n3,closed\n", "row 4, column event: 'closed' follows 'alarm'"),
        ("time_s,event\n1,closed\n# later\n1,alarm\n", "row 4, column time_s: 1.0 s after 1.0 s; expected times"),
    ],
)
def test_each_mistake_names_row_and_column(text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_events(text, "e.csv")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read it"):
        read_events(tmp_path / "none.csv")
    broken = tmp_path / "latin.csv"
    broken.write_bytes(b"time_s,event\n1,clos\xe9\n")
    with pytest.raises(UsageError, match="row 2: not UTF-8"):
        read_events(broken)


def test_an_event_beyond_the_record_names_its_row() -> None:
    with pytest.raises(UsageError, match="row 10, column time_s: 'opened' at 9900 s is not within the record"):
        parse_events(GOOD, "e.csv").occlusions(0.0, 9500.0)


@given(st.text(alphabet="time_s,event\n\r0123456789.-closdalrmpinhx# ", max_size=120) | st.text(max_size=60))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        assert isinstance(parse_events("time_s,event\n" + text), OcclusionEvents)
    except UsageError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either outcome is right


@given(st.lists(st.sampled_from(EVENTS), min_size=1, max_size=8))
def test_every_accepted_order_gives_whole_occlusions_and_pinches(names: list[str]) -> None:
    text = "time_s,event\n" + "".join(f"{10 * i + 10},{name}\n" for i, name in enumerate(names))
    try:
        events = parse_events(text)
    except UsageError:
        return
    found = events.occlusions(0.0, 1000.0)
    assert len(found) == names.count("closed")
    assert len(events.pinches_s) == names.count("pinch_closed") == names.count("pinch_opened")
    assert sum(item.alarm_s is not None for item in found) == names.count("alarm")
    assert sum(item.opened_s is not None for item in found) == names.count("opened")
