"""Draws progress: one live line on a terminal, one plain line a minute elsewhere."""

from __future__ import annotations

import logging
import shutil
import sys
import time
from datetime import datetime, timedelta
from typing import TextIO

from rig.runner.progress import Progress

LIVE_EVERY_S = 0.1
LOG_EVERY_S = 60.0
DISPLAY_MG_PER_U = 9.97
LOG = logging.getLogger("rig.progress")


class ProgressView:
    """Draws what the runner tells, on ``stream`` when it is a terminal, else to the log once a minute."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._live = self._stream.isatty()
        self._last_s = -LOG_EVERY_S
        self._phase = ""
        self._drawn = False

    def __call__(self, progress: Progress) -> None:
        """Draw ``progress`` unless the last drawing is too recent."""
        now_s = time.monotonic()
        new_phase = self._live and progress.phase != self._phase
        if not new_phase and now_s - self._last_s < (LIVE_EVERY_S if self._live else LOG_EVERY_S):
            return
        self._last_s, self._phase = now_s, progress.phase
        line = progress_line(progress)
        if not self._live:
            LOG.info(line)
            return
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f"\r\x1b[K{line[:width]}")
        self._stream.flush()
        self._drawn = True

    def end(self) -> None:
        """Leave the live line."""
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def progress_line(progress: Progress) -> str:
    """Return progress in one line: phase, elapsed and planned time, expected and measured volume, reading's age."""
    share = min(1.0, progress.elapsed_s / progress.planned_s) if progress.planned_s else 0.0
    measured = "-" if progress.measured_mg is None else f"{progress.measured_mg / DISPLAY_MG_PER_U:.2f} U"
    age = "no reading" if progress.reading_age_s is None else f"last reading {progress.reading_age_s:.1f} s ago"
    return (
        f"{share:4.0%} {progress.phase}, {duration(progress.elapsed_s)} of {duration(progress.planned_s)}, "
        f"SET {progress.expected_u:.2f} U, weighed {measured}, {age}{_end(progress)}"
    )


def _end(progress: Progress) -> str:
    if not progress.speed:
        return ""
    left_s = max(0.0, progress.planned_s - progress.elapsed_s) / progress.speed
    end = datetime.now().astimezone() + timedelta(seconds=left_s)
    return f", ends {end:%a %H:%M}"


def duration(seconds: float) -> str:
    """Return seconds as ``h:mm:ss``, with its sign before it."""
    whole = abs(int(seconds))
    return f"{'-' if seconds <= -1 else ''}{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
