"""Steps and speeds that depend on the size of what is set, and the arithmetic on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from rig.errors import ConfigError
from rig.profiles.strict import ListOf, Nested, Number, Origin

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


@dataclass(frozen=True, slots=True)
class Bands:
    """A list of bands, the first from 0, each from a higher value than the one before."""

    band: type[StepBand] | type[SpeedBand]

    def read(self, value: Any, origin: Origin) -> tuple[Any, ...]:
        """Return the bands, or raise `ConfigError` for bands that leave open how a value is taken."""
        bands = self._list.read(value, origin)
        starts = [start_of(band) for band in bands]
        if starts[0] != 0 or sorted(set(starts)) != starts:
            raise ConfigError("the bands are not in order", where=str(origin), expected="the first from 0, then rising")
        for band in bands:
            if isinstance(band, StepBand):
                steps = band.from_value / band.step
                if abs(steps - round(steps)) > _TINY:
                    expected = "a band that begins at a multiple of its step"
                    raise ConfigError(
                        f"a step of {band.step:g} from {band.from_value:g}", where=str(origin), expected=expected
                    )
            elif (band.u_per_min is None) == (band.duration_s is None):
                raise ConfigError("not one speed", where=str(origin), expected="either u_per_min or duration_s")
        return bands

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the list."""
        return self._list.schema()

    @property
    def _list(self) -> ListOf:
        return ListOf(Nested(self.band), 1)


def start_of(band: StepBand | SpeedBand) -> float:
    """Return where a band begins, in U or U/h."""
    return band.from_value if isinstance(band, StepBand) else band.from_u


def round_down(value: float, highest: float, bands: Sequence[StepBand]) -> float:
    """Return ``value`` (U or U/h) as a pump with these bands takes it: within 0 and ``highest``, rounded down.

    Free of binary residue; never more than ``value`` (but for a millionth of a step), and rounding the result again
    changes nothing.
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
