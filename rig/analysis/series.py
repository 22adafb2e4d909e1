"""A stored series as arrays: checked once, read at an instant, averaged over a window."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike

from rig.errors import BenchError, UsageError
from rig.metrology.checks import FloatArray
from rig.metrology.volume import Level

TIME_TOLERANCE_S = 1e-6  # an edge this far beyond the last reading is still on the record
_BLOCK = 32_768  # differences at a time, so that they stay in the processor's cache
_GRID_BLOCK = 65_536


def checked(times_s: ArrayLike, values: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return both as float64 arrays of shape (n,), n >= 2.

    ``BenchError`` unless all are finite and ``times_s`` is strictly increasing (a reversed, shuffled or doubled
    record is refused); the message names the first row at fault, counted from 0.
    """
    times, numbers = _arrays(times_s, values)
    _require_order(times, numbers)
    return times, numbers


def checked_steps(
    times_s: ArrayLike, values: ArrayLike, interval_s: float
) -> tuple[FloatArray, FloatArray, float, bool]:
    """Return both as ``checked`` does, the longest step in s, and whether every step is ``interval_s``.

    Times on a grid of ``interval_s``, but for the rounding of floats, are in order and need no second look.
    """
    times, numbers = _arrays(times_s, values)
    if on_grid(times, interval_s):
        if not np.isfinite(numbers.sum()):
            _refuse_row(times, numbers)
        return times, numbers, interval_s, True
    return times, numbers, _require_order(times, numbers), False


def on_grid(times_s: FloatArray, interval_s: float) -> bool:
    """Return whether reading i lies at the first + i x ``interval_s`` for all of them, shape (n,), n >= 2.

    But for the rounding of floats: within four times their spacing at the latest time. NaN lies on no grid.
    """
    tolerance = 4.0 * float(np.spacing(max(abs(times_s[0]), abs(times_s[-1]))))
    if not (np.isfinite(tolerance) and interval_s > 2.0 * tolerance):
        return False
    line = interval_s * np.arange(min(_GRID_BLOCK, times_s.size)) + times_s[0]
    buffer = np.empty(line.size)
    for first in range(0, times_s.size, _GRID_BLOCK):
        part = times_s[first : first + _GRID_BLOCK]
        ahead = np.subtract(part, line[: part.size], out=buffer[: part.size])
        wanted = interval_s * first
        if not (float(ahead.max()) - wanted <= tolerance and wanted - float(ahead.min()) <= tolerance):
            return False
    return True


def _arrays(times_s: ArrayLike, values: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return both as float64 arrays; ``BenchError`` unless they have one length of 2 or more."""
    times = np.asarray(times_s, dtype=np.float64)
    numbers = np.asarray(values, dtype=np.float64)
    if times.ndim != 1 or times.shape != numbers.shape or times.size < 2:
        raise BenchError(
            f"times {times.shape} and values {numbers.shape}", expected="two arrays of one length, 2 or more"
        )
    return times, numbers


def _require_order(times: FloatArray, numbers: FloatArray) -> float:
    """Return the longest step; ``BenchError`` unless all are finite and the times strictly increase."""
    # A sum is finite only if every term is; increasing times with finite ends are all finite.
    smallest_step, longest_step = extreme_differences(times, 1)
    if not (np.isfinite(times[0] + times[-1]) and np.isfinite(smallest_step) and np.isfinite(numbers.sum())):
        _refuse_row(times, numbers)
    if smallest_step <= 0.0:
        row = int(np.argmin(times[1:] > times[:-1])) + 1
        raise BenchError(
            f"time does not increase at row {row}: {times[row - 1]!r} s then {times[row]!r} s",
            expected="strictly increasing times",
        )
    return longest_step


def _refuse_row(times: FloatArray, numbers: FloatArray) -> NoReturn:
    """Raise ``BenchError`` that names the first row which is not a number."""
    row = int(np.argmin(np.isfinite(times) & np.isfinite(numbers)))
    raise BenchError(f"row {row} is not a number", expected="finite times and values")


def extreme_differences(values: FloatArray, size: int) -> tuple[float, float]:
    """Return (smallest, largest) of ``values[i + size] - values[i]``; NaN if any difference is.

    In blocks, so that no second array of the record's length is made. ``values``: shape (n,), n > size.
    """
    count = values.size - size
    buffer = np.empty(min(_BLOCK, count))
    low, high = np.inf, -np.inf
    for first in range(0, count, _BLOCK):
        last = min(first + _BLOCK, count)
        part = buffer[: last - first]
        np.subtract(values[first + size : last + size], values[first:last], out=part)
        low = float(np.minimum(low, part.min()))
        high = float(np.maximum(high, part.max()))
    return low, high


def require_cover(times: FloatArray, start_s: float, end_s: float) -> None:
    """``UsageError`` unless the record reaches from ``start_s`` to ``end_s``."""
    if not (times[0] - TIME_TOLERANCE_S <= start_s < end_s <= times[-1] + TIME_TOLERANCE_S):
        raise UsageError(
            f"the period {start_s:g} s to {end_s:g} s is not within the record",
            expected=f"a period within {times[0]:g} s to {times[-1]:g} s",
        )


def value_at(times_s: FloatArray, values: FloatArray, at_s: ArrayLike) -> FloatArray:
    """Return the values at ``at_s``, interpolated linearly between the two neighbours, in the shape of ``at_s``.

    ``UsageError`` for an instant outside the record (never extrapolated).
    """
    at = np.asarray(at_s, dtype=np.float64)
    if at.size and not (at.min() >= times_s[0] - TIME_TOLERANCE_S and at.max() <= times_s[-1] + TIME_TOLERANCE_S):
        raise UsageError(
            f"an instant between {at.min():g} s and {at.max():g} s is not within the record",
            expected=f"within {times_s[0]:g} s to {times_s[-1]:g} s",
        )
    return np.asarray(np.interp(at, times_s, values), dtype=np.float64)


def level_at(times_s: FloatArray, masses_mg: FloatArray, at_s: float, *, half_width_s: float = 0.0) -> Level:
    """Return the mass level at an instant.

    ``half_width_s`` 0: linear interpolation, one reading's noise. Otherwise the mean of the readings within
    ``at_s`` +- ``half_width_s`` (falls back to interpolation below two), at their mean time: for steady flow
    both are unbiased. ``UsageError`` outside the record.
    """
    mass = float(value_at(times_s, masses_mg, at_s))
    if half_width_s > 0.0:
        first, last = np.searchsorted(times_s, (at_s - half_width_s, at_s + half_width_s), side="left")
        if last - first >= 2:
            return _mean_level(times_s[first:last], masses_mg[first:last])
    after = min(int(np.searchsorted(times_s, at_s)), times_s.size - 1)
    before = after if times_s[after] <= at_s else max(after - 1, 0)
    return Level(mass, at_s, first_s=float(times_s[before]), last_s=float(times_s[after]))


def level_between(times_s: FloatArray, masses_mg: FloatArray, from_s: float, to_s: float) -> Level:
    """Return the mean of the readings in [from_s, to_s] at their mean time; ``BenchError`` when there is none."""
    first = int(np.searchsorted(times_s, from_s - TIME_TOLERANCE_S, side="left"))
    last = int(np.searchsorted(times_s, to_s + TIME_TOLERANCE_S, side="right"))
    if last <= first:
        raise BenchError(f"no reading between {from_s:g} s and {to_s:g} s", expected="at least one reading for a level")
    return _mean_level(times_s[first:last], masses_mg[first:last])


def _mean_level(times: FloatArray, masses: FloatArray) -> Level:
    """Return the mean of these readings as a level."""
    first, last = float(times[0]), float(times[-1])
    return Level(float(masses.mean()), float(times.mean()), times.size, last - first, first, last)
