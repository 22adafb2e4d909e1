"""Boluses that somebody programs at the pump's own keys: normal, square wave, dual wave.

No public source knows a command for square and dual boluses over the radio, so the twin takes them from its operator.
"""

from __future__ import annotations

from dataclasses import dataclass

from rig.errors import UsageError
from rig.units import INSULIN, TIME, parse_quantity

HALF_HOUR_S = 1800.0
LONGEST_HALF_HOURS = 16  # square and dual waves take 30 min to 8 h [pump-specs 1]
STEPS_PER_U = 40  # of 0.025 U
EXPECTED = "normal:AMOUNT, square:AMOUNT:TIME or dual:NOW:LATER:TIME, the time 30 min to 8 h in steps of 30 min"


@dataclass(frozen=True, slots=True)
class Wave:
    """A bolus keyed in at the pump: what is given at once, then what over how long; amounts in steps of 0.025 U."""

    now: int
    later: int
    half_hours: int

    @property
    def is_dual(self) -> bool:
        """Say whether it has both parts."""
        return self.now > 0 and self.later > 0


def read_wave(text: str) -> Wave:
    """Read ``normal:1U``, ``square:3U:2h`` or ``dual:1U:2U:1h``; raise `UsageError` for anything else."""
    kind, *fields = text.split(":")
    if (kind, len(fields)) == ("normal", 1):
        return Wave(_steps(fields[0]), 0, 0)
    if (kind, len(fields)) == ("square", 2):
        return Wave(0, _steps(fields[0]), _half_hours(fields[1]))
    if (kind, len(fields)) == ("dual", 3):
        return Wave(_steps(fields[0]), _steps(fields[1]), _half_hours(fields[2]))
    raise UsageError(f"'{text[:60]}' is not a bolus by hand", expected=EXPECTED)


def _steps(text: str) -> int:
    amount_u = parse_quantity(text, INSULIN)
    steps = round(amount_u * STEPS_PER_U)
    if steps <= 0 or abs(steps - amount_u * STEPS_PER_U) > 1e-6:
        raise UsageError(f"no pump can be given '{text[:20]}' by its keys", expected="whole steps of 0.025 U")
    return steps


def _half_hours(text: str) -> int:
    half_hours, rest = divmod(parse_quantity(text, TIME), HALF_HOUR_S)
    if rest or not 1 <= half_hours <= LONGEST_HALF_HOURS:
        raise UsageError(f"a wave cannot take '{text[:20]}'", expected="30 min to 8 h in steps of 30 min")
    return int(half_hours)
