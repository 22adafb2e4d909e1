"""Series made short enough for a page, with their extremes kept."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np

from rig.judging.view import FloatArray

POINTS: Final = 1500


def thinned(count: int, values: FloatArray, points: int = POINTS) -> np.ndarray[Any, np.dtype[np.intp]]:
    """Return indices that keep the smallest and largest value of each of ``points``/2 stretches, in order."""
    if count <= points:
        return np.arange(count)
    edges = np.linspace(0, count, points // 2 + 1).astype(int)
    kept = {0, count - 1}
    for low, high in pairwise(edges):
        part = values[low:high]
        kept.update((low + int(part.argmin()), low + int(part.argmax())))
    return np.array(sorted(kept))
