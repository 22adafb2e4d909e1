"""The liquids that ``--liquid`` knows, and what is known of their density (reference sections 5.2, 5.3)."""

from __future__ import annotations

from dataclasses import dataclass

from rig.errors import BenchError, UsageError
from rig.metrology.water import water_density_kg_per_m3

PUMPED_AT_C = 20.0  # where nothing says otherwise


@dataclass(frozen=True, slots=True)
class Liquid:
    """A liquid by name; ``density_kg_per_m3`` None: water, by Tanaka's formula at its temperature.

    ``u_density_kg_per_m3`` None: nobody states it, so a budget has to.
    """

    density_kg_per_m3: float | None
    u_density_kg_per_m3: float | None
    source: str


LIQUIDS = {
    "water": Liquid(None, None, "air-free water, Tanaka et al. 2001"),
    "insulin": Liquid(
        1004.5,
        1.0,
        "estimate for U-100 rapid-acting insulin from its composition, at 20 C, standard uncertainty 1 kg/m3; "
        "not measured",
    ),
    "saline": Liquid(1004.6, None, "0.9 % sodium chloride at 20 C, general knowledge, not measured"),
}


def density_of(name: str, temperature_c: float) -> float:
    """Return the density in kg/m3; water at ``temperature_c`` (0 to 40 C, else ``UsageError``), others as stated."""
    density = LIQUIDS[name].density_kg_per_m3
    if density is not None:
        return density
    try:
        return float(water_density_kg_per_m3(temperature_c))
    except BenchError as error:
        raise UsageError(
            f"water at {temperature_c:g} C", where=error.where, expected=error.expected, hint="--density"
        ) from None
