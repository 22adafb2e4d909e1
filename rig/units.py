"""Quantities as a person writes them, and conversions between insulin and volume.

A quantity is a number and a unit: ``1.0 U/h``, ``24 h``, ``10 s``, ``200 ms``, ``5 %``, ``0.01 mg``, ``10uL``. Units
are spelt exactly; a bare number is refused, because nobody can say afterwards what it meant. Inside the rig times are
seconds, insulin is in units (U), rates in U/h, masses in mg, volumes in uL; names say so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from rig.errors import UsageError

UL_PER_ML = 1000.0
U100_U_PER_ML = 100.0  # U-100 insulin: 1 U = 10 uL

_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,5})?)\s*(?P<unit>[^\W\d_%].*|%.*)?", re.DOTALL
)
_SHOWN = 40  # characters of a wrong value that a message repeats


@dataclass(frozen=True, slots=True)
class Dimension:
    """One kind of quantity: its base unit, the accepted units with their factors, and the largest believable value."""

    name: str
    base: str
    factors: tuple[tuple[str, str], ...]  # unit as written, decimal factor to the base unit
    example: str
    largest: float  # in base units; anything beyond is a slip of the pen

    @property
    def units(self) -> tuple[str, ...]:
        """Return the accepted units, as written."""
        return tuple(unit for unit, _ in self.factors)

    @property
    def pattern(self) -> str:
        """Return a regular expression (JSON Schema dialect) for a non-negative quantity of this kind."""
        units = "|".join(re.escape(unit).replace("/", r"\/") for unit in self.units)
        return rf"^\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{{1,5}})?\s*({units})$"


_MICRO = (("\N{MICRO SIGN}", "u"), ("\N{GREEK SMALL LETTER MU}", "u"))  # two ways to type the same letter

TIME = Dimension(
    "time", "s", (("ms", "0.001"), ("s", "1"), ("min", "60"), ("h", "3600"), ("d", "86400")), "10 s", 3.2e7
)
RATE = Dimension("rate", "U/h", (("U/h", "1"),), "1.0 U/h", 1e4)
INSULIN = Dimension("amount of insulin", "U", (("U", "1"),), "0.1 U", 1e4)
PERCENT = Dimension("percentage", "%", (("%", "1"),), "5 %", 1e4)
MASS = Dimension("mass", "mg", (("ug", "0.001"), ("mg", "1"), ("g", "1000")), "0.01 mg", 1e7)
VOLUME = Dimension("volume", "uL", (("uL", "1"), ("mL", "1000")), "10 uL", 1e7)
MASS_RATE = Dimension("mass rate", "mg/h", (("mg/h", "1"), ("ug/h", "0.001"), ("g/h", "1000")), "0.015 mg/h", 1e7)
FLOW = Dimension(
    "flow",
    "uL/h",
    (("uL/h", "1"), ("uL/min", "60"), ("mL/h", "1000"), ("mL/min", "60000")),
    "100 uL/h",
    1e8,
)
DENSITY = Dimension("density", "kg/m^3", (("kg/m^3", "1"), ("g/mL", "1000"), ("g/cm^3", "1000")), "998.2 kg/m^3", 3e4)
PRESSURE = Dimension(
    "pressure",
    "kPa",
    (("kPa", "1"), ("hPa", "0.1"), ("Pa", "0.001"), ("mbar", "0.1"), ("bar", "100"), ("mmHg", "0.133322387415")),
    "100 kPa",
    1e5,
)
VOLTAGE = Dimension("voltage", "V", (("V", "1"), ("mV", "0.001")), "1.5 V", 1e3)
CURRENT = Dimension("current", "A", (("A", "1"), ("mA", "0.001"), ("uA", "0.000001")), "15 mA", 1e3)
FREQUENCY = Dimension("frequency", "Hz", (("Hz", "1"), ("kHz", "1000"), ("MHz", "1000000")), "5 Hz", 1e10)


def parse_quantity(text: str, dimension: Dimension) -> float:
    """Return ``text`` in the base unit of ``dimension``.

    Raises `UsageError` that says what was written and what was expected: no number, no unit, a unit of another kind,
    or a number too large to be meant. The conversion is decimal, so ``200 ms`` is exactly ``0.2``.
    """
    expected = f"a {dimension.name} such as '{dimension.example}'"
    shown = _shorten(text)
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or len(text) > 200:
        hint = "a dot for decimals" if re.fullmatch(r"[+-]?\d+,\d+.*", text.strip()) else ""
        raise UsageError(f"'{shown}' is not a number with a unit", expected=expected, hint=hint)
    unit = _normalise(match["unit"] or "")
    if not unit:
        raise UsageError(f"'{shown}' has no unit", expected=expected)
    factors = dict(dimension.factors)
    if unit not in factors:
        units = " or ".join(dimension.units)
        raise UsageError(
            f"'{shown}' has the unit '{_shorten(unit)}', which is no {dimension.name}", expected=f"{units}, {expected}"
        )
    value = float(Decimal(match["number"]) * Decimal(factors[unit]))
    if abs(value) > dimension.largest:
        raise UsageError(
            f"'{shown}' is beyond anything a bench can do", expected=f"at most {dimension.largest:g} {dimension.base}"
        )
    return value


def parse_concentration(text: str) -> float:
    """Return the insulin concentration in U/mL of a name such as ``U100`` or ``U-200``."""
    match = re.fullmatch(r"U-?(\d{1,4})", text.strip())
    if match is None or int(match[1]) == 0:
        raise UsageError(f"'{_shorten(text)}' is not an insulin concentration", expected="a name such as 'U100'")
    return float(match[1])


def insulin_to_volume_ul(amount_u: float, concentration_u_per_ml: float = U100_U_PER_ML) -> float:
    """Return the volume in uL of ``amount_u`` units; at U-100, 1 U is 10 uL."""
    return amount_u * (UL_PER_ML / _positive(concentration_u_per_ml))


def volume_to_insulin_u(volume_ul: float, concentration_u_per_ml: float = U100_U_PER_ML) -> float:
    """Return the units of insulin in ``volume_ul``; at U-100, 10 uL is 1 U."""
    return volume_ul * (_positive(concentration_u_per_ml) / UL_PER_ML)


def format_duration(seconds: float) -> str:
    """Return a time span for a person, such as ``49 h``, ``2 h 05 min``, ``3 min 20 s`` or ``0.2 s``."""
    if seconds < 0:
        return "-" + format_duration(-seconds)
    if seconds < 60:
        return f"{seconds:g} s"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        tail = f" {left:02d} s" if left else ""
        return f"{hours} h" + (f" {minutes:02d} min{tail}" if rest else "")
    return f"{minutes} min" + (f" {left:02d} s" if left else "")


def format_number(value: float) -> str:
    """Return ``value`` in the shortest decimal form that a person would write, such as ``0.1`` or ``12.35``."""
    return f"{value:.10g}"


def _normalise(unit: str) -> str:
    """Return ``unit`` with a micro sign spelt ``u``."""
    for sign, letter in _MICRO:
        unit = unit.replace(sign, letter)
    return unit


def _positive(concentration_u_per_ml: float) -> float:
    if not concentration_u_per_ml > 0:
        raise UsageError(f"an insulin concentration of {concentration_u_per_ml} U/mL is impossible")
    return concentration_u_per_ml


def _shorten(text: str) -> str:
    """Return ``text`` on one line and short enough to be repeated in a message."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 3] + "..."
