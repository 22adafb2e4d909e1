"""The air as whoever starts a run reads it off the room's instruments: the command line goes before the bench file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from rig.config.declared import BenchConfig
from rig.errors import ConfigError

OPERATOR: Final = "typed in by the operator"
FLAGS: Final[dict[str, tuple[str, str, float, float, str]]] = {  # key: flag, quantity, bounds and unit
    "temperature_c": ("--temperature", "temperature", 0.0, 40.0, "C"),
    "humidity_pct": ("--humidity", "humidity", 0.0, 100.0, "%"),
    "pressure_hpa": ("--pressure", "pressure", 600.0, 1100.0, "hPa"),
}


def with_operator_air(config: BenchConfig, told: Mapping[str, float | None], who: str) -> BenchConfig:
    """Return the bench with what the operator ``who`` says of its air; keys are those of `FLAGS`.

    The uncertainties stay the bench file's. Raises `ConfigError` for what cannot be, and for what a sensor measures.
    """
    given = {key: value for key, value in told.items() if value is not None}
    if not given:
        return config
    measured = {quantity: each.name for each in config.environment.sensors for quantity in each.measures}
    for key, value in given.items():
        flag, quantity, low, high, unit = FLAGS[key]
        if not math.isfinite(value) or not low <= value <= high:
            raise ConfigError(f"{value:g} is out of range", where=flag, expected=f"{low:g} to {high:g} {unit}")
        if quantity in measured:
            raise ConfigError(
                f"the {quantity} is measured by sensor {measured[quantity]}",
                where=flag,
                expected=f"no {flag} on bench {config.name}",
            )
    named = ", ".join(FLAGS[key][1] for key in given)
    rest = f"; else {config.environment.source}" if len(given) < len(FLAGS) else ""
    return _with(config, given, f"{named} {OPERATOR} {who}".rstrip() + rest)


def operator_air(config: BenchConfig) -> dict[str, Any]:
    """Return what stands in a record's header of an air that the operator told; nothing where nobody did."""
    held = config.environment
    if OPERATOR not in held.source:
        return {}
    return {"source": held.source, **{key: getattr(held, key) for key in FLAGS}}


def with_recorded_air(config: BenchConfig, recorded: Mapping[str, Any]) -> BenchConfig:
    """Return the bench with the air that the operator told when the run was begun."""
    if not recorded:
        return config
    values = {key: float(recorded[key]) for key in FLAGS if key in recorded}
    return _with(config, values, str(recorded.get("source", "")))


def _with(config: BenchConfig, values: Mapping[str, float], source: str) -> BenchConfig:
    held = config.environment
    environment = replace(
        held,
        temperature_c=values.get("temperature_c", held.temperature_c),
        humidity_pct=values.get("humidity_pct", held.humidity_pct),
        pressure_hpa=values.get("pressure_hpa", held.pressure_hpa),
        source=source,
    )
    return replace(config, environment=environment)
