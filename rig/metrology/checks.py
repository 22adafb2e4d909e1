"""Guards shared by the formulas: a value outside its validity raises, and NaN never passes."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rig.errors import BenchError

FloatArray: TypeAlias = NDArray[np.float64]


def within(name: str, value: ArrayLike, low: float, high: float, unit: str, *, source: str) -> FloatArray:
    """Return ``value`` as float64 of the same shape; ``BenchError`` if any element is not in [low, high]."""
    array = np.asarray(value, dtype=np.float64)
    good = (array >= low) & (array <= high)
    if not good.all():
        worst = float(array[~good].flat[0])
        raise BenchError(
            f"{name} is {worst:g} {unit}",
            where=source,
            expected=f"{low:g} to {high:g} {unit}",
            hint="check the sensor or the value stated in the bench file",
        )
    return array


def finite(name: str, value: float, *, positive: bool = False, non_negative: bool = False) -> float:
    """Return ``value``; ``BenchError`` if it is not finite, or not positive / not negative where asked."""
    number = float(value)
    if not np.isfinite(number) or (positive and number <= 0) or (non_negative and number < 0):
        wanted = "a positive number" if positive else "zero or more" if non_negative else "a finite number"
        raise BenchError(f"{name} is {number!r}", expected=wanted)
    return number
