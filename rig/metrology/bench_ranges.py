"""Whether the formulas hold on a bench at all: asked before anything moves, not after 49 hours."""

from __future__ import annotations

from rig.config import BenchConfig, Liquid
from rig.errors import BenchError, ConfigError
from rig.metrology.air import air_validity
from rig.metrology.liquids import LiquidModel, StatedLiquid, Water


def liquid_model(stated: Liquid | None) -> LiquidModel:
    """Return the liquid that a bench file names: water, or one whose density it states."""
    if stated is None:
        return Water()
    return StatedLiquid(
        stated.name,
        stated.density_kg_per_m3,
        stated.at_c,
        stated.u_density_kg_per_m3,
        stated.expansion_per_k,
        stated.u_expansion_per_k,
        stated.source,
    )


def refuse_out_of_range(config: BenchConfig) -> None:
    """Raise `ConfigError` where the air or the liquid that the bench file states is outside a formula's range."""
    held = config.environment
    why = air_validity(held.temperature_c, held.pressure_hpa * 100.0, held.humidity_pct / 100.0)
    if why is None:
        try:
            liquid_model(config.liquid).at(held.temperature_c, held.u_temperature_c, held.pressure_hpa * 100.0)
        except BenchError as error:
            why = f"{error.what}: {error.where} holds for {error.expected}"
    if why is not None:
        raise ConfigError(
            f"no result could be judged: {why}",
            where=f"{config.source_name or config.name}: environment",
            hint="another room, or what the sensors really say",
        )
