"""Wall-clock time as the kernel knows it, with its synchronisation state, and a watch over its steps (design 4.13).

adjtimex(2) with ``modes`` 0 only reads, needs no right, and answers alike under systemd-timesyncd, chrony and ntpd:
``STA_UNSYNC`` says that nobody disciplines the clock. The kernel raises that flag by itself when the time service has
been silent for so long (about nine hours at 500 ppm) that the largest error passes 16 s. chrony lowers it only where
chrony.conf says ``rtcsync``. The largest error is the service's own statement plus 500 ppm of the time since;
systemd-timesyncd states 0, so its figure leaves out the way to the server; and it never lowers the flag where the
hardware clock keeps local time. Sources: adjtimex(2); kernel/time/ntp.c; chrony's sys_timex.c; timesyncd-manager.c.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

STA_UNSYNC: Final = 0x40
STEP_S: Final = 0.1  # a smaller difference between two looks is no step
SLEW_PPM: Final = 500.0  # the kernel slews by no more (adjtimex(2): tick and frequency aside)
_HEAD: Final = struct.Struct("@Illlli")  # struct timex: modes, offset, freq, maxerror, esterror, status, ...
_TIMEX_BYTES: Final = 512  # the whole structure has 208; the kernel writes no more than its own size
_PAIR_TRIES: Final = 5
_PAIR_NS: Final = 1_000_000  # a pair of readings that took longer was interrupted between them

KernelState = tuple[int, int]
"""``status`` bits and ``maxerror`` in microseconds."""


@dataclass(frozen=True, slots=True)
class WallClock:
    """Wall-clock time at an instant of the machine's monotonic clock.

    ``synchronised`` is ``yes``, ``no`` or ``unknown`` (the kernel cannot be asked); ``error_s`` the largest error that
    the time service vouches for, in s, None unless synchronised.
    """

    utc: datetime
    monotonic_ns: int
    synchronised: str
    error_s: float | None


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The wall clock moved against the monotonic one: forward where ``step_s`` is positive.

    ``before_utc`` is what it would have shown at this look, ``after_utc`` what it does show.
    """

    step_s: float
    before_utc: datetime
    after_utc: datetime
    synchronised: str


def ask_kernel() -> KernelState | None:
    """Return status bits and largest error (us) of the kernel's clock; None where adjtimex(2) cannot be called."""
    import ctypes  # noqa: PLC0415 - only who looks at the clock pays for it

    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):  # no such function in this C library
        return None
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)  # zeroed: modes 0 changes nothing
    if adjtimex(buffer) < 0:
        return None
    _, _, _, max_error_us, _, status = _HEAD.unpack_from(buffer.raw)
    return status, max_error_us


def look(
    wall_ns: Callable[[], int] = time.time_ns,
    monotonic_ns: Callable[[], int] = time.monotonic_ns,
    kernel: Callable[[], KernelState | None] = ask_kernel,
) -> WallClock:
    """Return wall-clock time now, as one pair with monotonic time, and whether it is synchronised."""
    wall, monotonic = _pair(wall_ns, monotonic_ns)
    utc = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=wall // 1000)
    state = kernel()
    if state is None:
        return WallClock(utc, monotonic, "unknown", None)
    status, max_error_us = state
    if status & STA_UNSYNC:
        return WallClock(utc, monotonic, "no", None)
    return WallClock(utc, monotonic, "yes", max_error_us / 1e6)


class ClockWatch:
    """Compares wall and monotonic clocks from look to look.

    On Linux a slewed wall clock takes the monotonic one along, so that the two part only by a step (somebody or a time
    service set the clock, a leap second, a suspended machine); the slew is allowed for all the same, because other
    kernels slew one clock only.
    """

    __slots__ = ("_look", "last")

    def __init__(self, look_now: Callable[[], WallClock] = look) -> None:
        self._look = look_now
        self.last: WallClock = look_now()

    def look(self) -> ClockStep | None:
        """Look again; return the step since the last look, or None. What was seen stands in ``last``."""
        before, now = self.last, self._look()
        self.last = now
        passed = timedelta(microseconds=(now.monotonic_ns - before.monotonic_ns) // 1000)
        expected = before.utc + passed
        step_s = (now.utc - expected).total_seconds()
        if abs(step_s) <= STEP_S + abs(passed.total_seconds()) * SLEW_PPM * 1e-6:
            return None
        return ClockStep(step_s, expected, now.utc, now.synchronised)


def _pair(wall_ns: Callable[[], int], monotonic_ns: Callable[[], int]) -> tuple[int, int]:
    """Return both clocks at one instant: the reading of several that took least between its two ends."""
    best: tuple[int, int, int] | None = None
    for _ in range(_PAIR_TRIES):
        begin = monotonic_ns()
        wall = wall_ns()
        end = monotonic_ns()
        if best is None or end - begin < best[0]:
            best = (end - begin, wall, (begin + end) // 2)
        if best[0] <= _PAIR_NS:
            break
    assert best is not None  # noqa: S101 - the loop runs at least once
    return best[1], best[2]
