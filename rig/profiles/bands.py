"""Steps and speeds that depend on the size of what is set, and the arithmetic on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from rig.profiles.strict import Number

_TINY = 1e-6  # of a step: 0.3 / 0.1 is not quite 3 in binary, and nobody means 2.9999999


@dataclass(frozen=True, slots=True)
class StepBand:
    """From ``from_value`` on (U or U/h), settings are multiples of ``step``."""

    from_value: Annotated[float, Number(0, 100), "first value of the band, U or U/h"]
    step: Annotated[float, Number(0, 10, positive=True), "increment in the band, U or U/h"]


@dataclass(frozen=True, slots=True)
class SpeedBand:
    """From ``from_u`` on a bolus runs at ``u_per_min``; or it lasts ``duration_s`` whatever its size."""

    from_u: Annotated[float, Number(0, 100, "U"), "smallest bolus of the band"]
    u_per_min: Annotated[float | None, Number(0, 100, "U/min", positive=True), "speed of the bolus"] = None
    duration_s: Annotated[float | None, Number(0, 7200, "s", positive=True), "duration of every bolus of the band"] = (
        None
    )


def round_down(value: float, highest: float, bands: Sequence[StepBand]) -> float:
    """Return ``value`` (U or U/h) as a pump with these bands takes it: within 0 and ``highest``, rounded down.

    Free of binary residue: never more than ``value``, and rounding the result again changes nothing.
    """
    held = min(max(value, 0.0), highest)
    step = bands[0].step
    for band in bands:
        if held >= band.from_value - _TINY * band.step:
            step = band.step
    return round(math.floor(held / step + _TINY) * step, 9)


def duration_s(amount_u: float, bands: Sequence[SpeedBand]) -> float:
    """Return the nominal delivery time in s of a bolus of ``amount_u`` by speed bands."""
    band = bands[0]
    for candidate in bands:
        if amount_u >= candidate.from_u - _TINY:
            band = candidate
    if band.duration_s is not None:
        return band.duration_s
    return 60.0 * amount_u / (band.u_per_min or math.inf)
