"""Turn stored numbers into the characters a reader sees; the only place that rounds.

A result with an expanded uncertainty U is printed with U to two significant digits and the value to the same decimal
place (JCGM 100:2008, 7.2.6). Typographic minus, non-breaking space before a unit, an em dash for what is not known.
"""

from __future__ import annotations

import math
from typing import Any

UNKNOWN = "—"
NBSP = "\u00a0"
MINUS = "−"

UNIT_TEXT = {
    "pct": "%",
    "percent": "%",
    "ul": "µL",
    "uL": "µL",
    "c": "°C",
    "degC": "°C",
    "u": "U",
    "u_per_h": "U/h",
    "mg_per_h": "mg/h",
    "kg/m3": "kg/m³",
    "1": "",
}


def as_number(value: Any) -> float | None:
    """Return ``value`` as a finite float, or None for anything that is not a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def unit_text(unit: str) -> str:
    """Return the printed form of a unit as the results spell it."""
    return UNIT_TEXT.get(unit, unit)


def fixed(value: Any, decimals: int, *, signed: bool = False) -> str:
    """Return ``value`` with a fixed number of decimals; an em dash when it is unknown."""
    number = as_number(value)
    if number is None:
        return UNKNOWN
    text = f"{number:+.{decimals}f}" if signed else f"{number:.{decimals}f}"
    if not text.strip("+-0."):  # a rounded zero carries no sign
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def general(value: Any, digits: int = 4) -> str:
    """Return ``value`` with up to ``digits`` significant digits, no trailing zeros, powers of ten only when far off."""
    number = as_number(value)
    if number is None:
        return UNKNOWN
    text = f"{number:.{digits}g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        power = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"{mantissa}·10{power}".replace("-", MINUS)
    return text.replace("-", MINUS)


def amount(value: Any) -> str:
    """Return an amount or rate of insulin as people write it: 1.0, 0.1, 0.025; never more than four decimals."""
    number = as_number(value)
    if number is None:
        return UNKNOWN
    shown = f"{number:.4f}".rstrip("0")
    return (f"{shown}0" if shown.endswith(".") else shown).replace("-", MINUS)


def decimals_for(uncertainty: Any, default: int = 3) -> int:
    """Return the decimals that show ``uncertainty`` with two significant digits (0 to 6)."""
    number = as_number(uncertainty)
    if number is None or number == 0.0:
        return default
    exponent = int(f"{abs(number):.1e}".partition("e")[2])
    return min(6, max(0, 1 - exponent))


def with_unit(text: str, unit: str) -> str:
    """Return ``text`` followed by its unit, never broken across lines; unknown stays bare."""
    shown = unit_text(unit)
    return text if text == UNKNOWN or not shown else f"{text}{NBSP}{shown}"


def measured(value: Any, expanded_uncertainty: Any, unit: str = "", *, default: int = 3) -> str:
    """Return ``y ± U unit``, or only ``y unit`` when U is not known."""
    signed = unit_text(unit) == "%"
    if as_number(value) is None:
        return UNKNOWN
    if as_number(expanded_uncertainty) is None:
        return with_unit(fixed(value, min(default, 2) if signed else default, signed=signed), unit)
    decimals = decimals_for(expanded_uncertainty, default)
    value_text = fixed(value, decimals, signed=signed)
    uncertainty_text = fixed(expanded_uncertainty, decimals)
    if not unit_text(unit):
        return f"{value_text}{NBSP}±{NBSP}{uncertainty_text}"
    return f"({value_text}{NBSP}±{NBSP}{uncertainty_text}){NBSP}{unit_text(unit)}"


def plus_minus(value: Any, spread: Any, *, signed: bool = False) -> str:
    """Return ``y ± U`` without its unit, which the column head carries."""
    decimals = decimals_for(spread, 2 if signed else 4)
    shown = fixed(value, decimals, signed=signed)
    return f"{shown} ± {fixed(spread, decimals)}" if as_number(spread) is not None and shown != UNKNOWN else shown


def interval(lower: Any, upper: Any, unit: str = "", digits: int = 6) -> str:
    """Return limits as ``[L, H] unit``; a side that is open becomes ``≥ L`` or ``≤ H``; none gives an em dash."""
    low, high = as_number(lower), as_number(upper)
    if low is None and high is None:
        return UNKNOWN
    if high is None:
        return with_unit(f"≥{NBSP}{general(low, digits)}", unit)
    if low is None:
        return with_unit(f"≤{NBSP}{general(high, digits)}", unit)
    if low == -high:
        return with_unit(f"±{NBSP}{general(high, digits)}", unit)
    return with_unit(f"[{general(low, digits)},{NBSP}{general(high, digits)}]", unit)


def probability(value: Any) -> str:
    """Return a probability to four decimals; the ends are bounded, not rounded to certainty."""
    number = as_number(value)
    if number is None:
        return UNKNOWN
    if number > 0.9999:
        return f">{NBSP}0.9999"
    if number < 0.0001:
        return f"<{NBSP}0.0001"
    return f"{number:.4f}"


def elapsed(seconds: Any) -> str:
    """Return a run time as ``h:mm:ss``."""
    number = as_number(seconds)
    if number is None:
        return UNKNOWN
    sign = MINUS if number < 0 and round(abs(number)) else ""
    whole = round(abs(number))
    return f"{sign}{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def span(from_s: Any, to_s: Any) -> str:
    """Return an interval of run time; an em dash when it is not known."""
    if as_number(from_s) is None and as_number(to_s) is None:
        return UNKNOWN
    return f"{elapsed(from_s)} – {elapsed(to_s)}"


def instant(text: Any) -> str:
    """Return an ISO 8601 time as a reader writes it: date, time to the second, UTC."""
    if not isinstance(text, str) or not text:
        return UNKNOWN
    plain = text.replace("T", " ").replace("+00:00", "").rstrip("Z")
    head, dot, _ = plain.partition(".")
    shown = head if dot else plain
    return f"{shown} UTC" if shown != text else text


def clean(value: Any) -> Any:
    """Return ``value`` with control characters and lone surrogates replaced and non-finite floats as None, deeply.

    A stored device answer may hold any byte; SVG, PDF and HTML each forbid some of them.
    """
    if isinstance(value, str):
        return "".join(_printable(character) for character in value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {clean(str(key)): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    return value


def _printable(character: str) -> str:
    """Return the character, a space for white space, or the replacement character for what XML cannot carry."""
    code = ord(character)
    if character in "\t\n\r":
        return " "
    forbidden = code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or code & 0xFFFE == 0xFFFE
    return "\ufffd" if forbidden else character
