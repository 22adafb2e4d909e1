"""What the budget calls unknown, drawn for one run: each input from the very distribution that the budget states.

The judge is told the stated values (`STATED`, those of the simulated bench); the twin gets the drawn ones.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

from rig.config import BenchConfig, load_bench
from rig.metrology.inputs import TubeSpec
from rig.sim.parameters import PlantParameters
from rig.sim.seeds import source

LOAD_U_CM3 = 0.5  # of the stated 15 cm3: read off a catalogue drawing
STAMP_U_S = 0.05  # a time stamp of a command on a busy Pi
EVAPORATION_MG_PER_H = (0.0, 0.04)  # under an oil film [reference 5.6, EX-12: 0.015]
PUMP_CLOCK_PPM = 20.0
PRESSURE_FORGOTTEN_H = 12.0  # as rig.metrology.inputs assumes; temperature and humidity: 1 h


def stated_bench() -> BenchConfig:
    """Return the simulated bench with an uncertainty of the vessel's volume."""
    bench = load_bench("simulated")
    return replace(bench, vessel=replace(bench.vessel, u_load_cm3=LOAD_U_CM3))


@dataclass(frozen=True, slots=True)
class Truths:
    """One run's drawn inputs: ``parameters`` of the plant, errors of the air sensor, of two time stamps.

    ``phases``: where between two readings the step begins, where its first reading lies, and the first after its end,
    in reading intervals.
    """

    parameters: PlantParameters
    plant_seed: int
    sensor: tuple[float, float, float]  # temperature K, humidity %, pressure hPa: what a sensor reads too much
    stamps_s: tuple[float, float]  # the run's two edges are recorded so much too late
    phases: tuple[float, float, float]


def draw(name: str, bench: BenchConfig, *, measured_air: bool = False) -> Truths:
    """Return the draw called ``name``: the same name gives the same run everywhere.

    Stated air: the room wanders about the stated values as the budget says (temperature and humidity forgotten in an
    hour, pressure in twelve). ``measured_air``: an ordinary laboratory, and a sensor whose offsets are drawn.
    """
    rng = random.Random(f"coverage/{name}")
    seed = rng.getrandbits(48)
    air, balance = bench.environment, bench.balance.uncertainty
    sensor = (
        rng.gauss(0.0, air.u_temperature_c),
        rng.gauss(0.0, air.u_humidity_pct),
        rng.gauss(0.0, air.u_pressure_hpa),
    )
    liquid_mg = PlantParameters().liquid_start_mg
    glass_mg = bench.vessel.gross_load_g * 1000.0 - liquid_mg
    glass_ul = bench.vessel.load_cm3 * 1000.0 - liquid_mg
    tube = TubeSpec(bench.tube.outer_diameter_mm)
    drawn = PlantParameters(
        vessel_mass_mg=glass_mg,
        vessel_volume_ul=glass_ul + 1000.0 * rng.gauss(0.0, bench.vessel.u_load_cm3),
        vessel_inner_diameter_mm=bench.vessel.inner_diameter_mm,
        tube_outer_diameter_mm=tube.outer_diameter_mm
        * math.sqrt(max(0.0, 1.0 + rng.gauss(0.0, tube.u_rel_correction))),
        evaporation_mg_per_h=rng.uniform(*EVAPORATION_MG_PER_H),
        sensitivity_ppm=_for_span(seed, rng.uniform(-balance.sensitivity_ppm, balance.sensitivity_ppm)),
        sensitivity_ppm_per_k=rng.choice((-1.0, 1.0)) * balance.temperature_ppm_per_k,
        clock_error_ppm=rng.gauss(0.0, PUMP_CLOCK_PPM),
    )
    if not measured_air:
        drawn = replace(
            drawn,
            temperature_wave_k=0.0,
            humidity_wave_pct=0.0,
            pressure_tide_hpa=0.0,
            room_sd_k=air.u_temperature_c,
            room_sd_pct=air.u_humidity_pct,
            weather_sd_hpa=air.u_pressure_hpa,
            weather_h=PRESSURE_FORGOTTEN_H,
        )
    stamps = (rng.gauss(0.0, STAMP_U_S), rng.gauss(0.0, STAMP_U_S))
    return Truths(drawn, seed, sensor, stamps, (rng.random(), rng.random(), rng.random()))


def _for_span(seed: int, wanted_ppm: float) -> float:
    """Return the plant's ``sensitivity_ppm`` that makes its own normal draw come out as ``wanted_ppm``.

    The plant draws its span error from a normal distribution, the budget states a rectangular one.
    """
    return wanted_ppm / source(seed, "balance.span").gauss(0.0, 1.0)
