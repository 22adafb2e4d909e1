"""The budget file of a weighing log: a page of TOML that states what is known of the bench (reference section 5.9)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from rig.errors import ConfigError
from rig.metrology.buoyancy import tube_factor
from rig.profiles.strict import Flag, Nested, Number, Origin, Text, read_table, read_toml


@dataclass(frozen=True, slots=True)
class BalanceInput:
    """``[balance]``."""

    repeatability_mg: Annotated[float, Number(0, 1e4, "mg"), "standard deviation of one reading, mg"]
    resolution_mg: Annotated[float, Number(0, 1e4, "mg", positive=True), "last digit of the display, mg"]
    linearity_rel: Annotated[float, Number(0, 0.1), "half width of the relative error of a difference"] = 1e-4
    sensitivity_drift_ppm_per_k: Annotated[float, Number(0, 1e3, "ppm/K"), "temperature drift of the sensitivity"] = 1.5
    temperature_half_width_c: Annotated[
        float, Number(0, 50, "K"), "half width of the balance's temperature change over the analysis"
    ] = 0.5


@dataclass(frozen=True, slots=True)
class EvaporationInput:
    """``[evaporation]``."""

    half_width_mg_per_h: Annotated[
        float, Number(0, 1e4, "mg/h"), "half width within which the stated evaporation is true, mg/h"
    ]


@dataclass(frozen=True, slots=True)
class LiquidInput:
    """``[liquid]``: one of the two keys."""

    u_density_kg_per_m3: Annotated[
        float | None, Number(0, 100, "kg/m3"), "standard uncertainty of the density, kg/m3"
    ] = None
    temperature_half_width_c: Annotated[
        float | None, Number(0, 20, "K"), "half width of the liquid's temperature, for water"
    ] = None


@dataclass(frozen=True, slots=True)
class VesselInput:
    """``[vessel]``."""

    load_cm3: Annotated[float, Number(0, 1e4, "cm3"), "external volume of the vessel with its contents, cm3"]
    gross_g: Annotated[float, Number(0, 1e5, "g"), "mass of the vessel with its contents, g"]


@dataclass(frozen=True, slots=True)
class AirInput:
    """``[air]``: how far pressure and temperature may have moved over the analysis without being known."""

    pressure_half_width_hpa: Annotated[float, Number(0, 200, "hPa"), "half width of the pressure's change, hPa"]
    temperature_half_width_c: Annotated[float, Number(0, 30, "K"), "half width of the air temperature's change, K"]
    density_half_width_pct: Annotated[
        float | None, Number(0, 50, "%"), "half width of the air density in Z, percent of it"
    ] = None


@dataclass(frozen=True, slots=True)
class TubeInput:
    """``[tube]``: an outlet that dips into the vessel from outside."""

    outer_diameter_mm: Annotated[float, Number(0, 100, "mm"), "outer diameter of the tube, mm"]
    vessel_inner_diameter_mm: Annotated[float, Number(0, 1e3, "mm", positive=True), "inner diameter of the vessel, mm"]
    corrected: Annotated[bool, Flag(), "whether the masses of the log are already corrected for it"] = False
    u_rel_correction: Annotated[float, Number(0, 1), "relative standard uncertainty of that correction"] = 0.1


@dataclass(frozen=True, slots=True)
class PumpInput:
    """``[pump]``."""

    dose_u: Annotated[float, Number(0, 100, "U"), "one dose of the pump, U: below 100 doses its edge counts"]


@dataclass(frozen=True, slots=True)
class ClockInput:
    """``[clock]``."""

    half_width_ppm: Annotated[float, Number(0, 1e4, "ppm"), "half width of the log's time base, ppm"]


@dataclass(frozen=True, slots=True)
class LogBudget:
    """A budget file."""

    balance: Annotated[BalanceInput, Nested(BalanceInput), "the balance: repeatability_mg and resolution_mg at least"]
    evaporation: Annotated[EvaporationInput, Nested(EvaporationInput), "the evaporation: half_width_mg_per_h"]
    liquid: Annotated[LiquidInput, Nested(LiquidInput), "the liquid: what is known of its density"]
    vessel: Annotated[VesselInput | None, Nested(VesselInput), "the vessel on the pan"] = None
    air: Annotated[AirInput | None, Nested(AirInput), "the air around the vessel"] = None
    tube: Annotated[TubeInput | None, Nested(TubeInput), "an immersed outlet tube"] = None
    pump: Annotated[PumpInput | None, Nested(PumpInput), "the pump's dose"] = None
    clock: Annotated[ClockInput | None, Nested(ClockInput), "the time base"] = None
    source: Annotated[str, Text(), "where these values come from, for the report"] = ""


def read_budget(file: str) -> LogBudget:
    """Return the budget in ``file``; ``ConfigError`` names file, line, key and the nearest valid key."""
    data, text = read_toml(Path(file))
    origin = Origin(file, text)
    budget = read_table(LogBudget, data, origin)
    if (budget.liquid.u_density_kg_per_m3 is None) == (budget.liquid.temperature_half_width_c is None):
        raise ConfigError(
            "the density's uncertainty is stated not once",
            where=str(origin.child("liquid")),
            expected="either u_density_kg_per_m3 or temperature_half_width_c",
        )
    if budget.vessel is not None and budget.air is None:
        raise ConfigError(
            "a vessel without its air: what the weather does to its buoyancy is not known",
            where=str(origin.child("vessel")),
            expected="a table [air] with pressure_half_width_hpa and temperature_half_width_c",
        )
    if budget.tube is not None and budget.tube.outer_diameter_mm >= budget.tube.vessel_inner_diameter_mm:
        raise ConfigError(
            f"a tube of {budget.tube.outer_diameter_mm:g} mm in a vessel of "
            f"{budget.tube.vessel_inner_diameter_mm:g} mm",
            where=str(origin.child("tube")),
            expected="a tube narrower than the vessel",
        )
    return budget


def tube_effect(tube: TubeInput) -> float:
    """Return 1 - k_tube, the share by which an immersed tube makes the reading too large (reference section 5.5)."""
    return 1.0 - tube_factor(tube.outer_diameter_mm, tube.vessel_inner_diameter_mm)
