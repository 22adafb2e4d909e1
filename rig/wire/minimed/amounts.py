"""Amounts and rates in a pump's own steps; whatever a step cannot represent is refused, never rounded.

The common unit is the *fortieth*: 0.025 U or 0.025 U/h. Source: minimed-protocol 0.4 and 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from rig.errors import ScenarioError

PER_UNIT = 40
MAX_BOLUS_U = 25.0
MAX_BASAL_U_PER_H = 35.0
MAX_PERCENT = 200
MAX_HALF_HOURS = 48
ENTRIES = 48
FIRST_YEAR, LAST_YEAR = 2000, 2099  # stamps of the history count from 2000 (minimed-protocol 6)
_CLOSE = 1e-6  # of a fortieth: 0.1 / 0.025 is not quite 4 in binary


@dataclass(frozen=True, slots=True)
class Band:
    """Below ``below`` (in fortieths), amounts are multiples of ``step`` fortieths."""

    below: float
    step: int


_ANY = float("inf")
_OLD_BOLUS = (Band(_ANY, 4),)
_OLD_BASAL = (Band(_ANY, 2),)
_NEW = (Band(1 * PER_UNIT, 1), Band(10 * PER_UNIT + 1, 2), Band(_ANY, 4))


def bolus_fortieths(amount_u: float, *, new: bool) -> int:
    """Return a bolus in fortieths; raise `ScenarioError` unless the family can be told exactly this amount.

    Old family: steps of 0.1 U. New family: 0.025 U below 1 U, 0.05 U to 10 U, 0.1 U above. At most 25 U.
    """
    return _fortieths(amount_u, "bolus of", "U", MAX_BOLUS_U, _NEW if new else _OLD_BOLUS, at_least=1)


def bolus_tenths(amount_u: float) -> int:
    """Return a largest bolus in 0.1 U; raise `ScenarioError` unless it is such a multiple, 0 to 25 U."""
    tenths = round(amount_u * 10)
    if not 0 <= amount_u <= MAX_BOLUS_U or abs(amount_u * 10 - tenths) > _CLOSE:
        raise ScenarioError(
            f"a largest bolus of {amount_u:g} U cannot be set on this pump",
            expected=f"a multiple of 0.1 U up to {MAX_BOLUS_U:g} U",
        )
    return tenths


def basal_fortieths(rate_u_per_h: float, *, new: bool) -> int:
    """Return a basal rate in fortieths; raise `ScenarioError` unless the family can be told exactly this rate.

    Old family: steps of 0.05 U/h. New family: 0.025 U/h below 1 U/h, 0.05 to 10, 0.1 above. At most 35 U/h.
    """
    return _fortieths(rate_u_per_h, "basal rate of", "U/h", MAX_BASAL_U_PER_H, _NEW if new else _OLD_BASAL, at_least=0)


def _fortieths(value: float, what: str, unit: str, limit: float, bands: Sequence[Band], *, at_least: int) -> int:
    if not 0 <= value <= limit:
        raise ScenarioError(f"a {what} {value:g} {unit} is beyond the pump", expected=f"0 to {limit:g} {unit}")
    steps = round(value * PER_UNIT)
    step = next(band.step for band in bands if steps < band.below)
    if steps < at_least or steps % step or abs(value * PER_UNIT - steps) > _CLOSE:
        raise ScenarioError(
            f"a {what} {value:g} {unit} cannot be set on this pump",
            expected=f"a multiple of {step / PER_UNIT:g} {unit} there",
            hint="round it as the pump's profile does",
        )
    return steps


def half_hours(minutes: int) -> int:
    """Return the length of a temporary basal in half-hours; 0 cancels; raise `ScenarioError` if it has none."""
    count, rest = divmod(minutes, 30)
    if rest or not 0 <= count <= MAX_HALF_HOURS:
        raise ScenarioError(
            f"a temporary basal of {minutes} min cannot be set on this pump",
            expected="a multiple of 30 min up to 24 h (0 cancels)",
        )
    return count


def check_percent(percent: int) -> int:
    """Return a relative temporary basal if the pump knows it; raise `ScenarioError` otherwise."""
    if not 0 <= percent <= MAX_PERCENT:
        raise ScenarioError(f"a temporary basal of {percent} % is beyond the pump", expected=f"0 to {MAX_PERCENT} %")
    return percent


def check_starts(starts_half_hours: Sequence[int]) -> None:
    """Raise `ScenarioError` unless these can be the starts of a profile's entries."""
    starts = list(starts_half_hours)
    rising = all(before < after for before, after in pairwise(starts))
    if not starts or starts[0] != 0 or not rising or starts[-1] >= ENTRIES:
        raise ScenarioError(
            f"a profile with entries at half-hours {starts} cannot be set on this pump",
            expected=f"1 to {ENTRIES} entries, the first at 0, each later than the one before, the last before 24 h",
        )


def check_local(local: datetime) -> datetime:
    """Return a time that a pump's clock can be set to; raise `ScenarioError` unless it is local, in whole seconds."""
    if local.tzinfo is not None or local.microsecond or not FIRST_YEAR <= local.year <= LAST_YEAR:
        raise ScenarioError(
            f"the pump's clock cannot be set to {local}",
            expected=f"a local time in whole seconds, {FIRST_YEAR} to {LAST_YEAR}",
        )
    return local
