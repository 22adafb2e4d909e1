"""Progress: one live line on a terminal, a plain line a minute elsewhere."""

import io
import logging

import pytest

from rig.cli.progress import ProgressView, duration, progress_line
from rig.runner.progress import Progress

HALFWAY = Progress("step 1 of 2: basal 1 U/h", 3600.0, 7200.0, 1.0, 9.97, 0.4, 360)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_line_tells_phase_times_volumes_and_the_age_of_the_last_reading() -> None:
    assert progress_line(HALFWAY) == (
        " 50% step 1 of 2: basal 1 U/h, 1:00:00 of 2:00:00, SET 1.00 U, weighed 1.00 U, last reading 0.4 s ago"
    )


def test_before_the_first_reading_nothing_is_made_up() -> None:
    line = progress_line(Progress("arming", 0.0, 7200.0, 0.0, None, None, 0))
    assert "weighed -" in line
    assert "no reading" in line


def test_a_terminal_gets_one_line_that_is_overwritten_and_cleared() -> None:
    terminal = Terminal()
    view = ProgressView(terminal)
    view(HALFWAY)
    view(HALFWAY)  # too soon to be drawn again
    view.end()
    assert terminal.getvalue().count("\r\x1b[K") == 2
    assert "\n" not in terminal.getvalue()


def test_a_log_gets_a_plain_line_and_not_one_for_every_reading(caplog: pytest.LogCaptureFixture) -> None:
    view = ProgressView(io.StringIO())
    with caplog.at_level(logging.INFO, logger="rig.progress"):
        for _ in range(100):
            view(HALFWAY)
    assert len(caplog.messages) == 1
    assert "\x1b" not in caplog.messages[0]


@pytest.mark.parametrize(("seconds", "text"), [(0.0, "0:00:00"), (59.9, "0:00:59"), (176400.0, "49:00:00")])
def test_durations_are_hours_minutes_and_seconds(seconds: float, text: str) -> None:
    assert duration(seconds) == text
