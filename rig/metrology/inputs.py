"""What the mass-to-volume chain needs to know, as small frozen values with their standard uncertainties."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rig.errors import BenchError
from rig.metrology.air import air_density_kg_per_m3
from rig.metrology.buoyancy import REFERENCE_DENSITY_KG_PER_M3, tube_factor
from rig.metrology.checks import FloatArray, finite
from rig.metrology.water import water_density_kg_per_m3, water_expansion_per_k
from rig.readings import Ambient

# How fast stated air may change: correlation times of an exponential (Ornstein-Uhlenbeck) model of room air, the
# rig's own assumption. Room temperature and humidity follow the air conditioning, pressure follows the weather.
TEMPERATURE_CORRELATION_S = 3600.0
HUMIDITY_CORRELATION_S = 3600.0
PRESSURE_CORRELATION_S = 12 * 3600.0
STANDARD_PRESSURE_PA = 101_325.0


@dataclass(frozen=True, slots=True)
class BalanceSpec:
    """What is known of the balance before the run (bench file, calibration certificate).

    ``linearity_rel``: half width of the relative error of a difference (certificate or data sheet).
    ``repeatability_mg`` is used only where no blank says better.
    """

    repeatability_mg: float
    resolution_mg: float
    linearity_rel: float = 1e-4
    sensitivity_drift_ppm_per_k: float = 1.5
    reference_density_kg_per_m3: float = REFERENCE_DENSITY_KG_PER_M3
    source: str = "bench file"

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        finite("balance repeatability", self.repeatability_mg, non_negative=True)
        finite("balance resolution", self.resolution_mg, positive=True)
        finite("balance linearity", self.linearity_rel, non_negative=True)
        finite("balance sensitivity drift", self.sensitivity_drift_ppm_per_k, non_negative=True)


@dataclass(frozen=True, slots=True)
class VesselSpec:
    """The receiving vessel: ``load_cm3`` is the external volume of glass and contents, ``gross_g`` their mass."""

    load_cm3: float
    gross_g: float
    u_load_cm3: float = 0.0
    inner_diameter_mm: float | None = None
    source: str = "bench file"

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        finite("vessel volume", self.load_cm3, non_negative=True)
        finite("vessel mass", self.gross_g, non_negative=True)
        finite("u of the vessel volume", self.u_load_cm3, non_negative=True)


@dataclass(frozen=True, slots=True)
class TubeSpec:
    """The outlet tube that dips into the vessel; ``u_rel_correction``: relative u of the correction 1 - k_tube."""

    outer_diameter_mm: float
    u_rel_correction: float = 0.1
    source: str = "bench file"

    def factor(self, vessel: VesselSpec) -> float:
        """Return k_tube in this vessel (reference section 5.5); ``BenchError`` without a vessel diameter."""
        if vessel.inner_diameter_mm is None:
            raise BenchError("an immersed tube needs the vessel's inner diameter", hint="[vessel] inner_diameter_mm")
        return tube_factor(self.outer_diameter_mm, vessel.inner_diameter_mm)


@dataclass(frozen=True, slots=True)
class LiquidSpec:
    """The delivered liquid at its temperature; density in kg/m3 (= mg/cm3)."""

    density_kg_per_m3: float
    u_density_kg_per_m3: float
    name: str = "liquid"
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse densities that no water-like liquid has."""
        finite("liquid density", self.density_kg_per_m3, positive=True)
        finite("u of the liquid density", self.u_density_kg_per_m3, non_negative=True)
        if not 500.0 <= self.density_kg_per_m3 <= 2000.0:
            raise BenchError(f"liquid density {self.density_kg_per_m3:g} kg/m3", expected="500 to 2000 kg/m3")


def water(
    temperature_c: float,
    u_temperature_c: float,
    *,
    air_saturated: bool = True,
    pressure_pa: float = STANDARD_PRESSURE_PA,
) -> LiquidSpec:
    """Return water at ``temperature_c``; u from the temperature, and half the air-saturation step as a width."""
    finite("u(T)", u_temperature_c, non_negative=True)
    density = float(water_density_kg_per_m3(temperature_c, pressure_pa=pressure_pa, air_saturated=air_saturated))
    u_temperature = density * water_expansion_per_k(temperature_c) * u_temperature_c
    u_air = abs(4.612e-3 - 0.106e-3 * temperature_c) / math.sqrt(12.0)
    return LiquidSpec(density, math.hypot(u_temperature, u_air, 1e-6 * density), "water", "Tanaka et al. 2001")


@dataclass(frozen=True, slots=True)
class AirState:
    """Air at one moment."""

    temperature_c: float
    humidity_pct: float
    pressure_hpa: float

    def density_kg_per_m3(self) -> float:
        """Return the air density by CIPM-2007 in kg/m3; ``BenchError`` outside its validity."""
        return float(air_density_kg_per_m3(self.temperature_c, self.pressure_hpa * 100.0, self.humidity_pct / 100.0))


@dataclass(frozen=True, slots=True)
class AmbientStats:
    """Air at the two edges of an interval.

    ``u_*``: standard uncertainty of the state itself. ``u_change_*``: standard uncertainty of the *difference*
    between the edges, which is what moves the vessel's buoyancy and the balance's sensitivity. ``mean``: time-weighted
    mean of the interval, None where only the edges are known; ``half_range_temperature_c``: half of what the
    temperature went through in it.
    """

    start: AirState
    end: AirState
    u_temperature_c: float
    u_humidity_pct: float
    u_pressure_hpa: float
    u_change_temperature_c: float
    u_change_humidity_pct: float
    u_change_pressure_hpa: float
    source: str = ""
    mean: AirState | None = None
    half_range_temperature_c: float = 0.0

    def u_air_density_kg_per_m3(self) -> float:
        """Return u of the air density at the start, in kg/m3 (numerical derivatives of CIPM-2007)."""
        return _air_density_u(self.start, self.u_temperature_c, self.u_humidity_pct, self.u_pressure_hpa)

    def u_air_density_change_kg_per_m3(self) -> float:
        """Return u of the change of air density between the edges, in kg/m3."""
        return _air_density_u(
            self.start, self.u_change_temperature_c, self.u_change_humidity_pct, self.u_change_pressure_hpa
        )


def _air_density_u(state: AirState, u_t: float, u_h: float, u_p: float) -> float:
    """Return u(rho_a) from u of temperature, humidity and pressure: reference section 5.4, relative sensitivities."""
    rho = state.density_kg_per_m3()
    return rho * math.hypot(3.69e-3 * u_t, 8.7e-5 * u_h, 9.92e-4 * u_p)


def ambient_stats(readings: Sequence[Ambient], from_s: float, to_s: float, *, origin_ns: int = 0) -> AmbientStats:
    """Return the air at ``from_s`` and ``to_s`` (seconds after ``origin_ns``), interpolated between ``readings``.

    Beyond the first or last reading its value is held. The difference of two states carries sqrt(2) u reduced by the
    correlation of room air over the interval, u_change^2 = 2 u^2 (1 - exp(-dt/tau)); with tau = 1 h for temperature
    and humidity and 12 h for pressure (the rig's assumption). ``BenchError`` without readings.
    """
    series = _air_series(readings, origin_ns)
    states = [AirState(*(float(np.interp(t, series[0], column)) for column in series[1:])) for t in (from_s, to_s)]
    inner = series[0][(series[0] > min(from_s, to_s)) & (series[0] < max(from_s, to_s))]
    knots = np.array([from_s, *inner, to_s])
    along = [np.interp(knots, series[0], column) for column in series[1:]]
    u_t = max(item.u_temperature_c for item in readings)
    u_h = max(item.u_humidity_pct for item in readings)
    u_p = max(item.u_pressure_hpa for item in readings)
    apart = abs(to_s - from_s)
    return AmbientStats(
        start=states[0],
        end=states[1],
        u_temperature_c=u_t,
        u_humidity_pct=u_h,
        u_pressure_hpa=u_p,
        u_change_temperature_c=_u_change(u_t, apart, TEMPERATURE_CORRELATION_S),
        u_change_humidity_pct=_u_change(u_h, apart, HUMIDITY_CORRELATION_S),
        u_change_pressure_hpa=_u_change(u_p, apart, PRESSURE_CORRELATION_S),
        source=", ".join(sorted({item.source for item in readings})),
        mean=AirState(*(_mean_over(knots, values) for values in along)),
        half_range_temperature_c=float(np.ptp(along[0])) / 2.0,
    )


def _mean_over(at_s: FloatArray, values: FloatArray) -> float:
    """Return the time-weighted mean of values that are linear between ``at_s``; of an instant, its value."""
    length = float(at_s[-1] - at_s[0])
    if length == 0.0:
        return float(values[0])
    return float(np.sum((values[1:] + values[:-1]) / 2.0 * np.diff(at_s)) / length)


def mean_air(readings: Sequence[Ambient]) -> AirState:
    """Return the plain mean of all readings; ``BenchError`` without any."""
    series = _air_series(readings, 0)
    return AirState(*(float(column.mean()) for column in series[1:]))


def air_density_at(readings: Sequence[Ambient], times_s: ArrayLike, *, origin_ns: int = 0) -> FloatArray:
    """Return the air density in kg/m3 at each of ``times_s`` (seconds after ``origin_ns``), shape as ``times_s``.

    Linear between ``readings``, held beyond them; ``BenchError`` without readings or outside CIPM-2007.
    """
    at_s, temperature_c, humidity_pct, pressure_hpa = _air_series(readings, origin_ns)
    density = air_density_kg_per_m3(temperature_c, pressure_hpa * 100.0, humidity_pct / 100.0)
    return np.asarray(np.interp(np.asarray(times_s, dtype=np.float64), at_s, density), dtype=np.float64)


def _air_series(readings: Sequence[Ambient], origin_ns: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return times in s, temperatures, humidities and pressures of ``readings`` in the order of time."""
    if not readings:
        raise BenchError("no ambient readings", hint="state [environment] in the bench file, or connect a sensor")
    ordered = sorted(readings, key=lambda item: item.at_ns)
    rows = [
        ((item.at_ns - origin_ns) * 1e-9, item.temperature_c, item.humidity_pct, item.pressure_hpa) for item in ordered
    ]
    table = np.asarray(rows, dtype=np.float64)
    if not np.isfinite(table).all():
        raise BenchError("an ambient reading is not a number", expected="finite temperature, humidity and pressure")
    return table[:, 0], table[:, 1], table[:, 2], table[:, 3]


def _u_change(u: float, apart_s: float, correlation_s: float) -> float:
    """Return u of the difference of two states ``apart_s`` apart under an exponential correlation."""
    return u * math.sqrt(2.0 * -math.expm1(-apart_s / correlation_s))
