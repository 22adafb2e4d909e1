"""What somebody asks of a weighing log: the options of ``rig analyse LOG.csv``, read with their units (design 5.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rig.errors import UsageError
from rig.profiles.strict import nearest, printable
from rig.units import DENSITY, INSULIN, MASS_RATE, RATE, TIME, U100_U_PER_ML, Dimension, parse_concentration
from rig.units import parse_quantity as parse
from rig.weighing_log.liquids import LIQUIDS

BUOYANCY = ("standard", "none")
_MINUTES = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(?:min)?")


@dataclass(frozen=True, slots=True)
class Request:
    """The options, in the rig's units; None where nothing was asked.

    ``rate_u_per_h`` is the basal (under the boluses, where ``bolus_u`` is given); ``start_s`` counts from the first
    row, the stabilization begins there and the analysis after it.
    """

    rate_u_per_h: float | None = None
    bolus_u: float | None = None
    start_s: float = 0.0
    stabilization_s: float = 0.0
    analysis_s: float | None = None
    sample_interval_s: float = 900.0
    windows_min: tuple[float, ...] | None = None
    evaporation_mg_per_h: float = 0.0
    density_kg_per_m3: float | None = None
    liquid: str | None = None
    buoyancy: str = "standard"
    concentration_u_per_ml: float = U100_U_PER_ML
    unused: tuple[str, ...] = ()


def request_from(options: Mapping[str, Any]) -> Request:
    """Return the request that command line options ask for, each None or text; ``UsageError`` names the option."""
    bolus_u = _quantity(options, "bolus", INSULIN)
    rate = _quantity(options, "basal", RATE)
    for name, value in (("basal", rate), ("bolus", bolus_u)):
        no_basal = name == "basal" and value == 0.0 and bolus_u is not None  # a series under a basal of nothing
        if value is not None and value <= 0.0 and not no_basal:
            raise UsageError(f"'{options[name]}' is not above zero", where=f"--{name}", expected="above zero")
    if rate is None and bolus_u is None:
        raise UsageError(
            "a weighing log needs what was programmed",
            expected="--basal RATE, or --bolus AMOUNT with --events FILE",
            hint="--basal '1.0 U/h'",
        )
    density = _quantity(options, "density", DENSITY)
    liquid = _word(options, "liquid", tuple(LIQUIDS))
    if density is not None and liquid is not None:
        raise UsageError("--density and --liquid exclude each other", expected="one of them")
    if density is not None and not 500.0 <= density <= 2000.0:
        raise UsageError(f"{density:g} kg/m^3 is no watery liquid", where="--density", expected="500 to 2000 kg/m^3")
    return Request(
        rate_u_per_h=rate,
        bolus_u=bolus_u,
        start_s=_span(options, "start", default=0.0),
        stabilization_s=_span(options, "stabilization", default=0.0),
        analysis_s=_positive(options, "analysis"),
        sample_interval_s=_positive(options, "sample_interval") or 900.0,
        windows_min=_windows(options.get("windows")),
        evaporation_mg_per_h=_quantity(options, "evaporation", MASS_RATE) or 0.0,
        density_kg_per_m3=density,
        liquid=liquid,
        buoyancy=_word(options, "buoyancy", BUOYANCY) or "standard",
        concentration_u_per_ml=_concentration(options.get("concentration")),
        unused=_unused(options) if bolus_u is not None else (),
    )


def _unused(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the options that say nothing about boluses."""
    names = ("start", "stabilization", "analysis", "sample_interval", "windows")
    return tuple(f"--{name.replace('_', '-')}" for name in names if options.get(name) is not None)


def _quantity(options: Mapping[str, Any], name: str, dimension: Dimension) -> float | None:
    """Return an option as a quantity in the base unit, None where it was not given."""
    text = options.get(name)
    if text is None:
        return None
    try:
        return parse(text, dimension)
    except UsageError as error:
        where = f"--{name.replace('_', '-')}"
        raise UsageError(error.what, where=where, expected=error.expected, hint=error.hint) from None


def _span(options: Mapping[str, Any], name: str, *, default: float) -> float:
    """Return a time that may be zero."""
    value = _quantity(options, name, TIME)
    if value is not None and value < 0.0:
        raise UsageError(f"'{options[name]}' is before the record", where=f"--{name}", expected="zero or more")
    return default if value is None else value


def _positive(options: Mapping[str, Any], name: str) -> float | None:
    """Return a time above zero, None where it was not given."""
    value = _quantity(options, name, TIME)
    if value is not None and value <= 0.0:
        where = f"--{name.replace('_', '-')}"
        raise UsageError(f"'{options[name]}' is not above zero", where=where, expected="above zero")
    return value


def _word(options: Mapping[str, Any], name: str, words: tuple[str, ...]) -> str | None:
    """Return one of a few words."""
    word = options.get(name)
    if word is None or word in words:
        return word
    near = nearest(str(word), words)
    raise UsageError(
        f"'{printable(str(word))}' is not known",
        where=f"--{name}",
        expected=" or ".join(words),
        hint=near and f"--{name} {near}",
    )


def _windows(text: str | None) -> tuple[float, ...] | None:
    """Return the observation windows in minutes, ascending."""
    if text is None:
        return None
    found = [_MINUTES.fullmatch(part.strip()) for part in text.split(",")]
    values = sorted({float(match[1]) for match in found if match})
    if not all(found) or not values or values[0] <= 0.0:
        raise UsageError(
            f"'{printable(text)}' cannot be used", where="--windows", expected="minutes above zero, such as '15,60,150'"
        )
    return tuple(values)


def _concentration(text: str | None) -> float:
    """Return the concentration in U/mL."""
    if text is None:
        return U100_U_PER_ML
    try:
        return parse_concentration(text)
    except UsageError as error:
        bare = re.fullmatch(r"\s*([0-9]{1,4})\s*", text)
        hint = f"--concentration U{bare[1]}" if bare else ""
        raise UsageError(error.what, where="--concentration", expected=error.expected, hint=hint) from None
