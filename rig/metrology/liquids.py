"""Density of what the pump delivers: water by Tanaka et al. 2001, or a liquid whose density somebody states.

A density is always an explicit input (reference section 5.3): insulin taken for water reads 0.63 % too large.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from rig.config import Liquid
from rig.metrology.checks import finite, within
from rig.metrology.inputs import STANDARD_PRESSURE_PA, LiquidSpec, water
from rig.metrology.ranges import stated_range_c
from rig.metrology.water import water_density_kg_per_m3, water_expansion_per_k


class LiquidModel(Protocol):
    """A liquid whose density follows its temperature."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    def at(self, temperature_c: float, u_temperature_c: float, pressure_pa: float = ...) -> LiquidSpec:
        """Return its density with uncertainty; ``BenchError`` outside its range."""
        ...

    def slope_kg_per_m3_k(self, temperature_c: float) -> float:
        """Return d rho/dT in kg/(m3 K)."""
        ...


@dataclass(frozen=True, slots=True)
class Water:
    """Water, 0..40 C; air-saturated unless told otherwise."""

    air_saturated: bool = True
    name: str = "water"

    def at(self, temperature_c: float, u_temperature_c: float, pressure_pa: float = STANDARD_PRESSURE_PA) -> LiquidSpec:
        """Return its density; u from the temperature, half the step of air saturation as a width, and the formula."""
        return water(temperature_c, u_temperature_c, air_saturated=self.air_saturated, pressure_pa=pressure_pa)

    def slope_kg_per_m3_k(self, temperature_c: float) -> float:
        """Return d rho/dT, from the derivative of Tanaka's formula."""
        return -water_expansion_per_k(temperature_c) * float(water_density_kg_per_m3(temperature_c))


@dataclass(frozen=True, slots=True)
class StatedLiquid:
    """A liquid by its density at one temperature and a constant expansion about it, each with its u (k = 1).

    rho(T) = rho_0 (1 - beta (T - T_0)), valid within 15 K of T_0 and 0..40 C. No term in pressure: water changes by
    5e-6 over 113 hPa. The temperature of the statement itself is taken to be in its uncertainty.
    """

    name: str
    density_kg_per_m3: float
    at_c: float
    u_density_kg_per_m3: float
    expansion_per_k: float
    u_expansion_per_k: float
    source: str

    def __post_init__(self) -> None:
        """Refuse what no liquid has."""
        LiquidSpec(self.density_kg_per_m3, self.u_density_kg_per_m3, self.name, self.source)
        within("temperature of the stated density", self.at_c, 0.0, 40.0, "C", source=self.name)
        within("thermal expansion", self.expansion_per_k, -1e-3, 2e-3, "1/K", source=self.name)
        finite("u of the thermal expansion", self.u_expansion_per_k, non_negative=True)

    def at(self, temperature_c: float, u_temperature_c: float, pressure_pa: float = STANDARD_PRESSURE_PA) -> LiquidSpec:
        """Return its density at a temperature; ``BenchError`` beyond 15 K from the statement or outside 0..40 C."""
        finite("u(T)", u_temperature_c, non_negative=True)
        finite("pressure", pressure_pa, positive=True)
        where = f"stated density of {self.name}"
        low, high = stated_range_c(self.at_c)
        apart_k = float(within("liquid temperature", temperature_c, low, high, "C", source=where)) - self.at_c
        scale = 1.0 - self.expansion_per_k * apart_k
        u = math.hypot(
            self.u_density_kg_per_m3 * scale,
            self.density_kg_per_m3 * self.expansion_per_k * u_temperature_c,
            self.density_kg_per_m3 * apart_k * self.u_expansion_per_k,
        )
        return LiquidSpec(self.density_kg_per_m3 * scale, u, self.name, self.source)

    def slope_kg_per_m3_k(self, temperature_c: float) -> float:
        """Return d rho/dT; the same at every ``temperature_c``."""
        finite("liquid temperature", temperature_c)
        return -self.density_kg_per_m3 * self.expansion_per_k


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


# Reference section 5.3, as examples to start from and never used unless a bench file states them. The expansion is
# that of water with a third of itself as uncertainty: neither was found in the literature.
SALINE = StatedLiquid("NaCl 0.9 %", 1004.6, 20.0, 0.5, 2.1e-4, 0.7e-4, "reference section 5.3, medium confidence")
INSULIN = StatedLiquid(
    "U-100 insulin, estimated", 1004.5, 20.0, 1.0, 2.1e-4, 0.7e-4, "reference section 5.3, from the composition"
)
