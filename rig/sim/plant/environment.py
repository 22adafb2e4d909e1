"""The air around the balance, and the liquid's density in it.

Chosen on purpose from other sources than the judge's: air as an ideal mixture with Magnus' vapour pressure (not
CIPM-2007), water by Kell's rational polynomial (not Tanaka's). They agree within 0.05 % and 5 ppm, as they should.
"""

from __future__ import annotations

import math

from rig.sim.parameters import HOUR_NS, PlantParameters
from rig.sim.seeds import source

NODE_NS = 300_000_000_000  # weather changes slowly: computed every 5 minutes, linear between
GAS_CONSTANT_DRY_J_PER_KG_K = 287.05
GAS_CONSTANT_VAPOUR_J_PER_KG_K = 461.495


def vapour_pressure_hpa(temperature_c: float) -> float:
    """Return the saturation vapour pressure over water in hPa (Magnus form, Sonntag 1990, -45 to 60 C)."""
    return 6.112 * math.exp(17.62 * temperature_c / (243.12 + temperature_c))


def air_density_mg_per_ul(temperature_c: float, humidity_pct: float, pressure_hpa: float) -> float:
    """Return the density of moist air in mg/uL (ideal gases); 20 C, 50 %, 1013.25 hPa gives 0.0011988."""
    vapour_pa = humidity_pct * vapour_pressure_hpa(temperature_c)
    kelvin = 273.15 + temperature_c
    dry_pa = pressure_hpa * 100.0 - vapour_pa
    density = dry_pa / (GAS_CONSTANT_DRY_J_PER_KG_K * kelvin) + vapour_pa / (GAS_CONSTANT_VAPOUR_J_PER_KG_K * kelvin)
    return density * 1e-3


def water_density_mg_per_ul(temperature_c: float) -> float:
    """Return the density of air-free water in mg/uL (Kell 1975, J. Chem. Eng. Data 20, 97); 20 C gives 0.998204."""
    t = temperature_c
    upper = 999.83952 + t * (
        16.945176 + t * (-7.9870401e-3 + t * (-46.170461e-6 + t * (105.56302e-9 - t * 280.54253e-12)))
    )
    return upper / (1.0 + 16.879850e-3 * t) * 1e-3


class Environment:
    """Daily waves of temperature and humidity with an irregular part, tide and weather of the pressure."""

    def __init__(self, parameters: PlantParameters, seed: int, start_ns: int) -> None:
        self._p = parameters
        self._start_ns = start_ns
        phases = source(seed, "air.phases")
        self._temperature_phase = phases.uniform(0.0, 2.0 * math.pi)
        self._humidity_phase = phases.uniform(0.0, 2.0 * math.pi)
        self._tide_phase = phases.uniform(0.0, 2.0 * math.pi)
        self._weather = source(seed, "air.weather")
        self._weather_hpa = self._weather.gauss(0.0, parameters.weather_sd_hpa)
        self._forget = math.exp(-NODE_NS / HOUR_NS / parameters.weather_h)
        self._renew = parameters.weather_sd_hpa * math.sqrt(1.0 - self._forget**2)
        self._room = source(seed, "air.room")
        self._room_k = self._room.gauss(0.0, parameters.room_sd_k)
        self._room_pct = self._room.gauss(0.0, parameters.room_sd_pct)
        self._room_stays = math.exp(-NODE_NS / HOUR_NS / parameters.room_h)
        self.node_ns = start_ns
        self.next_ns = start_ns + NODE_NS
        self._now = self._compute(start_ns)
        self._next = self._compute(self.next_ns)

    def step(self) -> None:
        """Go to the next node."""
        self.node_ns = self.next_ns
        self.next_ns += NODE_NS
        self._now = self._next
        self._next = self._compute(self.next_ns)

    def at(self, rig_ns: int) -> tuple[float, float, float]:
        """Return (air density in mg/uL, liquid density in mg/uL, temperature in C) between this node and the next."""
        share = (rig_ns - self.node_ns) / NODE_NS
        air, liquid, temperature_c = self._now[:3]
        air_next, liquid_next, next_c = self._next[:3]
        return (
            air + (air_next - air) * share,
            liquid + (liquid_next - liquid) * share,
            temperature_c + (next_c - temperature_c) * share,
        )

    def state(self, rig_ns: int) -> tuple[float, float, float]:
        """Return (temperature in C, humidity in %, pressure in hPa) between this node and the next."""
        share = (rig_ns - self.node_ns) / NODE_NS
        temperature_c, humidity_pct, pressure_hpa = (
            now + (after - now) * share for now, after in ((self._now[k], self._next[k]) for k in (2, 4, 5))
        )
        return temperature_c, humidity_pct, pressure_hpa

    @property
    def dryness(self) -> float:
        """Return how fast water evaporates now, relative to 20 C and 50 % (Dalton: vapour pressure deficit)."""
        return self._now[3]

    def _compute(self, rig_ns: int) -> tuple[float, ...]:
        p = self._p
        day = 2.0 * math.pi * (rig_ns - self._start_ns) / (24 * HOUR_NS)
        self._room_k = self._wander(self._room_k, p.room_sd_k)
        self._room_pct = self._wander(self._room_pct, p.room_sd_pct)
        temperature_c = p.temperature_c + p.temperature_wave_k * math.sin(day + self._temperature_phase) + self._room_k
        humidity_pct = p.humidity_pct + p.humidity_wave_pct * math.sin(day + self._humidity_phase) + self._room_pct
        self._weather_hpa = self._weather_hpa * self._forget + self._renew * self._weather.gauss(0.0, 1.0)
        pressure_hpa = p.pressure_hpa + p.pressure_tide_hpa * math.sin(2.0 * day + self._tide_phase) + self._weather_hpa
        deficit = vapour_pressure_hpa(temperature_c) * (100.0 - humidity_pct)
        return (
            air_density_mg_per_ul(temperature_c, humidity_pct, pressure_hpa),
            water_density_mg_per_ul(temperature_c),
            temperature_c,
            deficit / (vapour_pressure_hpa(20.0) * 50.0),
            humidity_pct,
            pressure_hpa,
        )

    def _wander(self, value: float, sd: float) -> float:
        """Return where the irregular part of temperature or humidity is a node later."""
        renew = sd * math.sqrt(1.0 - self._room_stays**2)
        return value * self._room_stays + renew * self._room.gauss(0.0, 1.0)
