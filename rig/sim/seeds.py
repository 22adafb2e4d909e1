"""One source of randomness per cause, seeded by name: adding a cause does not shift another."""

from __future__ import annotations

import math
import random


def source(seed: int, name: str) -> random.Random:
    """Return the generator of one named cause; the same seed and name give the same numbers everywhere."""
    return random.Random(f"{seed}/{name}")


def truncated_gauss(generator: random.Random, sd: float, limit: float) -> float:
    """Return a normal deviate of standard deviation ``sd`` (before cutting), within ``limit`` times it."""
    while True:
        deviate = generator.gauss(0.0, 1.0)
        if abs(deviate) <= limit:
            return deviate * sd


def geometric(generator: random.Random, mean: float) -> int:
    """Return a count of at least 1 with the given mean."""
    return 1 + int(-math.log(1.0 - generator.random()) * max(mean - 1.0, 1e-9))
