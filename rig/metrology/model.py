"""The measurement model of reference section 5.1 as numbers: evaluated at its estimates, shifted, or differentiated.

    V = { dW span (1 - rho_a1/rho_b) + (rho_a2 - rho_a1) V_load } / (rho_l - rho_a2) k_tube
    dW = (W2 - W1) + gross (f2 - f1) + E (t2 - t1)

The linear budget takes its sensitivities from ``partial``, Monte Carlo its values from ``volume_ul``; both therefore
speak of the same model, and the tests compare one with differences of the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from rig.errors import BenchError
from rig.metrology.buoyancy import REFERENCE_DENSITY_KG_PER_M3, UL_PER_CM3
from rig.metrology.checks import FloatArray

FORMULA = (
    "V = 1000 k_tube ((W2 - W1 + drift + E (t2 - t1)) span (1 - rho_a1/rho_b) + (rho_a2 - rho_a1) V_load)"
    " / (rho_l - rho_a2) - taken_off"
)


@dataclass(frozen=True, slots=True)
class VolumeModel:
    """Every quantity of one collected volume.

    Masses in mg, ``hours`` between the levels, densities in kg/m3 (= mg/cm3), ``load_cm3`` of vessel and content,
    ``span`` the factor that a reference weight gives (1: none was weighed), ``drift_mg`` what the change of that factor
    does to the gross load, ``taken_off_ul`` what is not counted (the basal under a bolus).
    """

    start_mg: float
    end_mg: float
    hours: float
    evaporation_mg_per_h: float
    air_start_kg_per_m3: float
    air_end_kg_per_m3: float
    liquid_kg_per_m3: float
    reference_kg_per_m3: float = REFERENCE_DENSITY_KG_PER_M3
    load_cm3: float = 0.0
    k_tube: float = 1.0
    span: float = 1.0
    drift_mg: float = 0.0
    taken_off_ul: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is not a number, and liquids that float in air."""
        if not all(math.isfinite(getattr(self, each.name)) for each in fields(self)):
            raise BenchError("a quantity of the volume model is not a number", expected="finite values only")
        if self.liquid_kg_per_m3 <= self.air_end_kg_per_m3:
            raise BenchError(f"liquid density {self.liquid_kg_per_m3:g} kg/m3", expected="denser than air")

    @property
    def mass_mg(self) -> float:
        """Mass that came: change of reading, drift on the gross load and evaporation added back, in mg."""
        return self.end_mg - self.start_mg + self.drift_mg + self.evaporation_mg_per_h * self.hours

    def volume_ul(self, shifts: Mapping[str, FloatArray | float] | None = None) -> FloatArray | float:
        """Return V in uL with quantities shifted from their estimates; arrays broadcast.

        Keys of ``shifts``: "mass" mg, "evaporation" mg/h, "air" (both states together), "air_change" (the second
        against the first) and "liquid" kg/m3, "load" cm3, "tube" and "span" without unit.
        """
        by = shifts or {}
        mass = self.mass_mg + by.get("mass", 0.0) + by.get("evaporation", 0.0) * self.hours
        air_1 = self.air_start_kg_per_m3 + by.get("air", 0.0)
        air_2 = self.air_end_kg_per_m3 + by.get("air", 0.0) + by.get("air_change", 0.0)
        lifted = mass * (self.span + by.get("span", 0.0)) * (1.0 - air_1 / self.reference_kg_per_m3)
        lifted = lifted + (air_2 - air_1) * (self.load_cm3 + by.get("load", 0.0))
        per_cm3 = UL_PER_CM3 * (self.k_tube + by.get("tube", 0.0))
        return lifted * per_cm3 / (self.liquid_kg_per_m3 + by.get("liquid", 0.0) - air_2) - self.taken_off_ul

    def partial(self, quantity: str) -> float:
        """Return the derivative of V by a quantity (a key of ``volume_ul``'s shifts), at the estimates."""
        air_1, air_2, rho_b = self.air_start_kg_per_m3, self.air_end_kg_per_m3, self.reference_kg_per_m3
        per_mg = UL_PER_CM3 * self.k_tube / (self.liquid_kg_per_m3 - air_2)
        lift = 1.0 - air_1 / rho_b
        collected = self.mass_mg * self.span * lift + (air_2 - air_1) * self.load_cm3
        by_density = collected * per_mg / (self.liquid_kg_per_m3 - air_2)
        found = {
            "mass": self.span * lift * per_mg,
            "evaporation": self.hours * self.span * lift * per_mg,
            "span": self.mass_mg * lift * per_mg,
            "load": (air_2 - air_1) * per_mg,
            "air": by_density - self.mass_mg * self.span / rho_b * per_mg,
            "air_change": by_density + self.load_cm3 * per_mg,
            "liquid": -by_density,
            "tube": collected * per_mg / self.k_tube,
        }
        return found[quantity]


def mean_model(models: Sequence[VolumeModel], weights: Sequence[float]) -> VolumeModel:
    """Return one model whose quantities are the weighted means of several; weights need not add up to 1.

    Exact but for products of what varies among them (mass and weather), which are of second order.
    """
    total = math.fsum(weights)
    if not models or len(models) != len(weights) or total == 0.0:
        raise BenchError("no volumes to average", expected="one weight for each, not zero together")
    means = {
        each.name: math.fsum(w * getattr(model, each.name) for w, model in zip(weights, models, strict=True)) / total
        for each in fields(VolumeModel)
    }
    return VolumeModel(**means)
