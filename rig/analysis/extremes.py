"""The smallest and largest change over windows of several lengths, without looking at every window.

A block of neighbouring readings has a smallest and a largest value. No change that starts in it can exceed the largest
value where it may end minus the smallest where it may start; where that bound does not beat the best change already
seen, none of the block's windows needs to be looked at. Where bounds do not help, every window is computed in pieces
that stay in the processor's cache.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from rig.analysis.series import extreme_differences
from rig.metrology.checks import FloatArray

SMALL = 20_000  # readings below which every window is computed at once
BLOCK = 64  # readings in a block where no divisor of the windows lies near it
_BLOCKS = (32, 64)  # sizes of block among which a common divisor of the windows is looked for
_FEW = 64  # blocks that are looked at without further thought
_SHARE = 0.05  # of all blocks may be looked at one by one; beyond, bounds do not help
_PIECE = 16_384  # readings at a time


@dataclass(frozen=True, slots=True)
class _Bounds:
    """Smallest and largest value minus ``slope`` x index in each block, each with one entry more that never wins."""

    block: int
    slope: float
    lows: FloatArray
    highs: FloatArray
    buffer: FloatArray  # of their length, used again and again: fresh memory costs more than the arithmetic

    def most(self, count: int, size: int, sign: float) -> FloatArray:
        """Return the upper bound of ``sign`` x change over ``size`` readings that starts in each block; a buffer."""
        blocks = -(-(count - size) // self.block)
        whole, rest = divmod(size, self.block)
        out = self.buffer[:blocks]
        begins, ends, better = (self.lows, self.highs, np.maximum) if sign > 0 else (self.highs, self.lows, np.minimum)
        far = ends[whole : whole + blocks]
        if rest:
            far = better(far, ends[whole + 1 : whole + 1 + blocks], out=out)
        np.subtract(far, begins[:blocks], out=out)
        if self.slope:
            out += self.slope * size
        return out if sign > 0 else np.negative(out, out=out)


def extreme_changes(values: FloatArray, sizes: Sequence[int]) -> tuple[tuple[float, float], ...]:
    """Return (smallest, largest) of ``values[i + size] - values[i]`` for each size, as ``extreme_differences`` does.

    ``values``: shape (n,), all finite, n > every size. The result is that of every window, exactly; only for a record
    that is almost a straight line it may miss by 20 times the spacing of floats at the largest value. O(n) in any case.
    """
    if values.size < SMALL:
        return tuple(extreme_differences(values, size) for size in sizes)
    block = _block_size(sizes)
    bounds: _Bounds | None = _bounds(values, block, 0.0)
    tolerance = 0.0
    found = []
    for size in sizes:
        extremes = None if bounds is None else _by_bounds(values, size, bounds, tolerance)
        if extremes is None and bounds is not None and values.size - size >= block:
            # What did not help with one window will not with the next: take the slope out, then give up.
            if bounds.slope:
                bounds = None
            else:
                tolerance = 8.0 * _spacing(bounds)  # with the rounding of the bounds themselves up to 20
                bounds = _bounds(values, block, float(values[-1] - values[0]) / (values.size - 1))
                extremes = _by_bounds(values, size, bounds, tolerance)
        found.append(extremes or extreme_differences(values, size))
    return tuple(found)


def _block_size(sizes: Sequence[int]) -> int:
    """Return a divisor of all sizes, so that a window ends in one block; else a size for which it ends in two."""
    common = math.gcd(*sizes)
    low, high = _BLOCKS
    return next((block for block in range(high, low - 1, -1) if common % block == 0), BLOCK)


def _bounds(values: FloatArray, block: int, slope: float) -> _Bounds:
    """Return the bounds of all blocks; with a slope in pieces, so that no second array of that length is made."""
    blocks = -(-values.size // block)
    lows = np.full(blocks + 1, np.inf)
    highs = np.full(blocks + 1, -np.inf)
    length = block * 1024
    line = slope * np.arange(length if slope else 0)
    buffer = np.empty(line.size)
    for first in range(0, values.size, length):
        part = values[first : first + length]
        if slope:
            part = np.subtract(part, line[: part.size], out=buffer[: part.size])
            part -= slope * first
        starts = np.arange(0, part.size, block)
        place = slice(first // block, first // block + starts.size)
        np.minimum.reduceat(part, starts, out=lows[place])
        np.maximum.reduceat(part, starts, out=highs[place])
    return _Bounds(block, slope, lows, highs, np.empty(blocks + 1))


def _spacing(bounds: _Bounds) -> float:
    """Return the distance between floats at the largest absolute value."""
    return float(np.spacing(max(abs(float(bounds.lows[:-1].min())), abs(float(bounds.highs[:-1].max())))))


def _by_bounds(values: FloatArray, size: int, bounds: _Bounds, tolerance: float) -> tuple[float, float] | None:
    """Return (smallest, largest) change, or None where too many blocks would have to be looked at."""
    if values.size - size < bounds.block:
        return None
    largest = _largest(values, size, bounds, 1.0, tolerance)
    smallest = None if largest is None else _largest(values, size, bounds, -1.0, tolerance)
    return None if largest is None or smallest is None else (-smallest, largest)


def _largest(values: FloatArray, size: int, bounds: _Bounds, sign: float, tolerance: float) -> float | None:
    """Return the largest of ``sign`` x change, or None where too many blocks would have to be looked at.

    Rounds: the blocks whose bound is in the top quarter between the best seen and the highest bound.
    """
    upper, block = bounds.most(values.size, size, sign), bounds.block
    best = _looked_at(values, size, np.array([upper.argmax()]), block, sign)
    left = np.flatnonzero(upper > best + tolerance)
    allowance = max(_FEW, int(_SHARE * upper.size))
    while left.size:
        most = upper[left]
        now = most >= (best + 0.75 * (most.max() - best) if left.size > _FEW else -math.inf)
        chosen = left[now]
        allowance -= chosen.size
        if allowance < 0:
            return None
        best = max(best, _looked_at(values, size, chosen, block, sign))
        left = left[~now & (most > best + tolerance)]
    return best


def _looked_at(values: FloatArray, size: int, blocks: NDArray[np.intp], block: int, sign: float) -> float:
    """Return the largest of ``sign`` x change among the windows that start in these blocks."""
    stretches = sliding_window_view(values, block)
    starts = np.minimum(blocks * block, values.size - size - block)
    rows = _PIECE // block
    best = -math.inf
    for at in range(0, starts.size, rows):
        begin = starts[at : at + rows]
        changes = stretches[begin + size] - stretches[begin]
        best = max(best, float(changes.max() if sign > 0.0 else -changes.min()))
    return best
