"""Numbers as instruments write them: the value, what one step of the last digit is worth, and what fits a field.

Decimal to the last moment: 8.333 uL/min is 499.98 uL/h and nothing near it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

FLOAT_NOISE = Decimal("1e-9")  # relative; what two or three operations on floats may have added to a wanted amount


class Shown(NamedTuple):
    """A number as an instrument shows it: in the unit of whoever asked, with the worth of its last digit."""

    value: float
    step: float
    text: str


class Fit(NamedTuple):
    """The number and unit that come nearest to a wanted amount; ``exact`` says whether they are that amount."""

    number: Decimal
    unit: str
    amount: float
    exact: bool


def shown(number: str, factor: Decimal, text: str) -> Shown:
    """Return ``number``, as written, times ``factor``; one step is a unit of its last written decimal."""
    value = Decimal(number)
    _, _, decimals = number.partition(".")
    return Shown(float(value * factor), float(Decimal(1).scaleb(-len(decimals)) * factor), text)


def fit(amount: float, units: Mapping[str, Decimal], digits: int, decimals: int) -> Fit | None:
    """Return the first unit that takes ``amount`` exactly in so many ``digits`` and ``decimals``, or the nearest.

    ``units`` gives the worth of one of each, in the unit of ``amount``, in order of preference. None: it fits nowhere,
    which includes amounts that are not above zero or not finite.
    """
    wanted = Decimal(repr(float(amount)))
    if not wanted.is_finite() or wanted <= 0:
        return None
    found = [each for unit, factor in units.items() if (each := _fit(wanted, unit, factor, digits, decimals))]
    exact = next((each for each in found if each.exact), None)
    return exact or min(found, key=lambda each: abs(Decimal(repr(each.amount)) - wanted), default=None)


def _fit(wanted: Decimal, unit: str, factor: Decimal, digits: int, decimals: int) -> Fit | None:
    number = wanted / factor
    places = min(decimals, digits - max(1, number.adjusted() + 1))
    if places < 0:
        return None
    number = number.quantize(Decimal(1).scaleb(-places))
    if number <= 0 or len(number.as_tuple().digits) > digits:  # 9.9996 becomes 10.000
        return None
    return Fit(number, unit, float(number * factor), exact=abs(number * factor - wanted) <= FLOAT_NOISE * wanted)
