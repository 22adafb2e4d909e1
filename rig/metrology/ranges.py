"""Where the formulas hold, in plain Python: asked before anything moves, by a process that loads no numpy for weeks."""

from __future__ import annotations

from rig.config import BenchConfig
from rig.errors import ConfigError

TEMPERATURE_RANGE_C = (15.0, 27.0)
PRESSURE_RANGE_PA = (60_000.0, 110_000.0)
HUMIDITY_RANGE = (0.0, 1.0)
WATER_RANGE_C = (0.0, 40.0)
STATED_REACH_K = 15.0  # how far from the temperature of its statement a constant expansion may carry a density


def air_validity(temperature_c: float, pressure_pa: float, humidity: float) -> str | None:
    """Return which range of CIPM-2007 a state of air violates, in words, or None; not a number violates them all."""
    states = (
        ("air temperature", temperature_c, TEMPERATURE_RANGE_C, "C"),
        ("air pressure", pressure_pa, PRESSURE_RANGE_PA, "Pa"),
        ("relative humidity", humidity, HUMIDITY_RANGE, "(fraction)"),
    )
    for name, value, (low, high), unit in states:
        if not low <= value <= high:
            return f"{name} is {value:g} {unit}: CIPM-2007 holds from {low:g} to {high:g} {unit}"
    return None


def water_validity(temperature_c: float) -> str | None:
    """Return that a temperature is outside Tanaka's formula, in words, or None."""
    low, high = WATER_RANGE_C
    if low <= temperature_c <= high:
        return None
    return f"water temperature is {temperature_c:g} C: Tanaka's formula holds from {low:g} to {high:g} C"


def stated_range_c(at_c: float) -> tuple[float, float]:
    """Return between which temperatures a density stated at ``at_c`` may be used."""
    return max(WATER_RANGE_C[0], at_c - STATED_REACH_K), min(WATER_RANGE_C[1], at_c + STATED_REACH_K)


def refuse_out_of_range(config: BenchConfig) -> None:
    """Raise `ConfigError` where the air or the liquid that the bench file states is outside a formula's range."""
    held = config.environment
    why = air_validity(held.temperature_c, held.pressure_hpa * 100.0, held.humidity_pct / 100.0)
    if why is None and config.liquid is not None:
        low, high = stated_range_c(config.liquid.at_c)
        if not low <= held.temperature_c <= high:
            why = (
                f"liquid temperature is {held.temperature_c:g} C: the stated density of {config.liquid.name} holds "
                f"from {low:g} to {high:g} C"
            )
    if why is not None:
        raise ConfigError(
            f"no result could be judged: {why}",
            where=f"{config.source_name or config.name}: environment",
            hint="another room, or what the sensors really say",
        )
