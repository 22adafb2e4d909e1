"""How the masses of a log become insulin, every assumption named (design 5.3; reference sections 5.1 to 5.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rig.errors import UsageError
from rig.metrology.air import unchecked_air_density_kg_per_m3
from rig.metrology.buoyancy import REFERENCE_DENSITY_KG_PER_M3, UL_PER_CM3, z_factor_ul_per_mg
from rig.metrology.checks import FloatArray
from rig.units import volume_to_insulin_u
from rig.weighing_log.liquids import LIQUIDS, PUMPED_AT_C, density_of
from rig.weighing_log.read import WeighingLog
from rig.weighing_log.request import Request

ASSUMED_AIR = {"temperature_c": 20.0, "humidity_pct": 50.0, "pressure_hpa": 1013.25}
VALID_AIR = {"temperature_c": (15.0, 27.0), "humidity_pct": (0.0, 100.0), "pressure_hpa": (600.0, 1100.0)}
MEASURED, ASSUMED = "mean of the record", "assumed"


@dataclass(frozen=True, slots=True)
class AmbientValue:
    """One ambient quantity of the whole record: the mean of its column, or the standard value where there is none."""

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Method:
    """From mg to U for a whole record: U = (mass + E t) x ``ul_per_mg`` x concentration.

    ``air_density_kg_per_m3`` None: no buoyancy correction.
    """

    liquid: str
    density_kg_per_m3: float
    density_source: str
    buoyancy: str
    air: dict[str, AmbientValue]
    air_density_kg_per_m3: float | None
    ul_per_mg: float
    concentration_u_per_ml: float
    evaporation_mg_per_h: float
    notes: tuple[str, ...] = ()

    @property
    def u_per_mg(self) -> float:
        """Insulin per mg of corrected reading, U."""
        return volume_to_insulin_u(self.ul_per_mg, self.concentration_u_per_ml)

    @property
    def ul_per_u(self) -> float:
        """Volume of one unit, uL."""
        return UL_PER_CM3 / self.concentration_u_per_ml

    def to_json(self) -> dict[str, Any]:
        """Return the method as plain values."""
        return {
            "liquid": self.liquid,
            "density_kg_per_m3": self.density_kg_per_m3,
            "density_source": self.density_source,
            "buoyancy": self.buoyancy,
            "air": {name: {"value": item.value, "source": item.source} for name, item in self.air.items()},
            "air_density_kg_per_m3": self.air_density_kg_per_m3,
            "reference_density_kg_per_m3": REFERENCE_DENSITY_KG_PER_M3 if self.buoyancy == "standard" else None,
            "ul_per_mg": self.ul_per_mg,
            "concentration_u_per_ml": self.concentration_u_per_ml,
            "evaporation_mg_per_h": self.evaporation_mg_per_h,
        }


def method_for(log: WeighingLog, request: Request) -> Method:
    """Return the method for ``log``: one density and one Z for the whole record, no vessel or tube term.

    Air beyond CIPM-2007 (15 to 27 C, 600 to 1100 hPa) is extrapolated, which a note says. ``UsageError`` where water
    is asked for outside 0 to 40 C.
    """
    air = {name: _ambient(getattr(log, name), assumed) for name, assumed in ASSUMED_AIR.items()}
    liquid, density, source = _density(request, air["temperature_c"])
    notes = []
    rho_air = None
    if request.buoyancy == "standard":
        t, h, p = (air[name].value for name in ASSUMED_AIR)
        rho_air = float(unchecked_air_density_kg_per_m3(t, 100.0 * p, h / 100.0))
        per_mg = z_factor_ul_per_mg(density, rho_air)
        outside = [name for name, item in air.items() if not VALID_AIR[name][0] <= item.value <= VALID_AIR[name][1]]
        notes += [
            f"air outside the validity of CIPM-2007: {name} is {air[name].value:g}, valid {VALID_AIR[name][0]:g} to "
            f"{VALID_AIR[name][1]:g}; the formula is extrapolated"
            for name in outside
        ]
    else:
        per_mg = UL_PER_CM3 / density
    return Method(
        liquid=liquid,
        density_kg_per_m3=density,
        density_source=source,
        buoyancy=request.buoyancy,
        air=air,
        air_density_kg_per_m3=rho_air,
        ul_per_mg=per_mg,
        concentration_u_per_ml=request.concentration_u_per_ml,
        evaporation_mg_per_h=request.evaporation_mg_per_h,
        notes=tuple(notes),
    )


def insulin_u(log: WeighingLog, method: Method) -> FloatArray:
    """Return the cumulative insulin at every reading in U, evaporation added back, zero at the first; shape (n,)."""
    mass_mg = (log.times_s - log.times_s[0]) * (method.evaporation_mg_per_h / 3600.0)
    mass_mg += log.masses_mg - log.masses_mg[0]
    mass_mg *= method.u_per_mg
    return np.asarray(mass_mg, dtype=np.float64)


def elapsed_s(log: WeighingLog) -> FloatArray:
    """Return the times from the first row, s; shape (n,)."""
    return np.asarray(log.times_s - log.times_s[0], dtype=np.float64)


def log_json(log: WeighingLog) -> dict[str, Any]:
    """Return what was read, so that a result can be traced to its file."""
    return {
        "file": log.file,
        "sha256": log.sha256,
        "readings": log.times_s.size,
        "first_time_s": float(log.times_s[0]),
        "last_time_s": float(log.times_s[-1]),
        "ignored_columns": list(log.ignored),
    }


def _ambient(column: FloatArray | None, assumed: float) -> AmbientValue:
    """Return the mean of a column, or what is assumed without it."""
    if column is None:
        return AmbientValue(assumed, ASSUMED)
    return AmbientValue(float(column.mean()), MEASURED)


def _density(request: Request, temperature: AmbientValue) -> tuple[str, float, str]:
    """Return name, density in kg/m3 and source of the liquid: stated, by name, or water."""
    if request.density_kg_per_m3 is not None:
        if request.density_kg_per_m3 <= 0.0:
            raise UsageError("a density of zero", where="--density", expected="above zero")
        return "as stated", request.density_kg_per_m3, "stated (--density)"
    name = request.liquid or "water"
    source = LIQUIDS[name].source
    if name == "water":
        at = temperature.source if temperature.source == MEASURED else f"{ASSUMED}: {PUMPED_AT_C:g} C"
        source += f", at {temperature.value:.6g} C ({at})"
    return (
        name,
        density_of(name, temperature.value),
        source + ("" if request.liquid else "; no liquid stated, water assumed"),
    )
