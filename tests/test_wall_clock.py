"""Wall-clock time: its state as the kernel says it, and its steps against the monotonic clock."""

import ctypes
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pytest

from rig.wall_clock import STA_UNSYNC, ClockWatch, WallClock, ask_kernel, look

NOON_NS = 1_772_452_800 * 10**9  # 2026-03-02T12:00:00Z


class Clocks:
    """A wall clock and a monotonic clock that move as told."""

    def __init__(self) -> None:
        self.wall_ns, self.monotonic_ns = NOON_NS, 5 * 10**9

    def move(self, wall_s: float, monotonic_s: float) -> None:
        self.wall_ns += round(wall_s * 1e9)
        self.monotonic_ns += round(monotonic_s * 1e9)

    def look(self) -> WallClock:
        return look(lambda: self.wall_ns, lambda: self.monotonic_ns, lambda: (0, 1500))


def test_a_synchronised_clock_says_its_largest_error() -> None:
    seen = look(lambda: NOON_NS + 123_456_789, lambda: 42, lambda: (0x2001, 12_500))
    assert seen == WallClock(datetime(2026, 3, 2, 12, 0, 0, 123_456, UTC), 42, "yes", 0.0125)


def test_an_unsynchronised_clock_vouches_for_no_error() -> None:
    seen = look(lambda: NOON_NS, lambda: 0, lambda: (0x2001 | STA_UNSYNC, 16_000_000))
    assert (seen.synchronised, seen.error_s) == ("no", None)


def test_a_kernel_that_cannot_be_asked_leaves_it_unknown() -> None:
    seen = look(lambda: NOON_NS, lambda: 0, lambda: None)
    assert (seen.synchronised, seen.error_s) == ("unknown", None)


def test_the_pair_that_was_not_interrupted_is_taken() -> None:
    monotonic = iter([0, 90_000_000, 100_000_000, 100_000_400])
    walls = iter([NOON_NS, NOON_NS + 55_000_000])
    seen = look(lambda: next(walls), lambda: next(monotonic), lambda: None)
    assert seen.monotonic_ns == 100_000_200
    assert seen.utc.microsecond == 55_000


def test_the_bytes_of_the_kernel_are_read_where_its_header_puts_them() -> None:
    # struct timex by another way: the C compiler's layout rules as ctypes applies them (adjtimex(2)).
    class Timex(ctypes.Structure):
        _fields_ = [
            ("modes", ctypes.c_uint),
            *((name, ctypes.c_long) for name in ("offset", "freq", "maxerror", "esterror")),
            ("status", ctypes.c_int),
            ("rest", ctypes.c_char * 256),
        ]

    timex = Timex()
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)) < 0:
        pytest.skip("adjtimex(2) cannot be called here")
    state = ask_kernel()
    assert state is not None
    assert state[0] == timex.status
    assert state[1] >= timex.maxerror  # it grows from second to second


def test_looking_does_not_move_the_clock_and_pairs_it_with_monotonic_time() -> None:
    first, second = look(), look()
    passed_s = (second.monotonic_ns - first.monotonic_ns) * 1e-9
    assert (second.utc - first.utc).total_seconds() == pytest.approx(passed_s, abs=0.05)


@pytest.mark.parametrize("step_s", [0.2, 3600.0, 400 * 86400.0, -0.2, -3600.0])
def test_a_step_in_either_direction_is_told_with_both_times(step_s: float) -> None:
    clocks = Clocks()
    watch = ClockWatch(clocks.look)
    clocks.move(10.0 + step_s, 10.0)
    step = watch.look()
    assert step is not None
    assert step.step_s == pytest.approx(step_s, abs=2e-6)
    assert (step.after_utc - step.before_utc).total_seconds() == pytest.approx(step_s, abs=2e-6)
    assert step.after_utc == watch.last.utc
    assert step.synchronised == "yes"
    clocks.move(10.0, 10.0)
    assert watch.look() is None  # told once


@pytest.mark.parametrize(
    ("wall_s", "passed_s", "is_step"),
    [
        (0.09, 1.0, False),
        (-0.09, 1.0, False),
        (0.11, 1.0, True),
        (-0.11, 1.0, True),
        (1.79, 3600.0, False),  # 500 ppm of an hour is 1.8 s
        (1.95, 3600.0, True),
    ],
)
def test_what_a_slewing_clock_may_do_is_no_step(wall_s: float, passed_s: float, is_step: bool) -> None:
    clocks = Clocks()
    watch = ClockWatch(clocks.look)
    clocks.move(passed_s + wall_s, passed_s)
    assert (watch.look() is not None) is is_step


def test_a_suspended_machine_shows_as_a_step_forward() -> None:
    clocks = Clocks()
    watch = ClockWatch(clocks.look)
    clocks.move(600.0, 1.0)  # monotonic time stands still while the machine sleeps
    step = watch.look()
    assert step is not None
    assert step.step_s == pytest.approx(599.0)


def test_the_state_at_the_step_is_the_state_after_it() -> None:
    clocks = Clocks()
    state = [STA_UNSYNC]
    kernel: Callable[[], tuple[int, int]] = lambda: (state[0], 0)  # noqa: E731 - typed
    watch = ClockWatch(partial(look, lambda: clocks.wall_ns, lambda: clocks.monotonic_ns, kernel))
    clocks.move(61.0, 1.0)
    state[0] = 0  # the time service found its server, and set the clock
    step = watch.look()
    assert step is not None
    assert step.synchronised == "yes"


def test_importing_it_is_light() -> None:
    code = "import sys, rig.wall_clock; print('ctypes' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
