"""The weighing cell: from force to what the display shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from rig.sim.faults import FaultSet
from rig.sim.parameters import HOUR_NS, PlantParameters
from rig.sim.plant.disturbances import Disturbances
from rig.sim.plant.environment import air_density_mg_per_ul
from rig.sim.seeds import source

REFERENCE_DENSITY_MG_PER_UL = 8.0  # adjustment weights, by convention 8000 kg/m3
WHITE_CONVERSION_S = 0.1  # the white noise is stated for conversions this far apart
CACHED_STEPS = 64  # polls come at few different distances
OVERLOAD_FAULT_MG = 300_000.0  # something leans on the pan


class Ou:
    """A stationary Ornstein-Uhlenbeck process, sampled exactly at any distance."""

    __slots__ = ("_generator", "_sd", "_tau_s", "value")

    def __init__(self, generator: Random, sd: float, tau_s: float) -> None:
        self._generator = generator
        self._sd = sd
        self._tau_s = tau_s
        self.value = generator.gauss(0.0, sd)

    def change(self, sd: float, tau_s: float) -> None:
        """Go on from the present value as another process."""
        self._sd, self._tau_s = sd, tau_s

    def factors(self, step_s: float) -> tuple[float, float]:
        """Return (what stays, standard deviation of what comes) over a step."""
        stays = math.exp(-step_s / self._tau_s)
        return stays, self._sd * math.sqrt(max(0.0, 1.0 - stays * stays))

    def step(self, stays: float, comes: float) -> float:
        """Take one step with `factors` of its length; return the value there."""
        self.value = self.value * stays + comes * self._generator.gauss(0.0, 1.0)
        return self.value


def _filtered_white(sd: float, filter_s: float) -> float:
    """Return what a first-order filter leaves of white noise.

    Standard deviation s at conversions h apart is a density of s^2 h; behind the filter s^2 h / (2 tau) remains.
    """
    return sd * math.sqrt(WHITE_CONVERSION_S / (2.0 * filter_s))


class Noise:
    """White noise behind the filter, 1/f noise as a sum of processes one decade apart, and a random walk."""

    def __init__(self, parameters: PlantParameters, seed: int, filter_s: float) -> None:
        p = parameters
        filtered = _filtered_white(p.white_noise_mg, filter_s)
        flicker = source(seed, "balance.flicker")
        self._parts = [Ou(source(seed, "balance.white"), filtered, filter_s)]
        self._parts += [Ou(flicker, p.flicker_mg, tau_s) for tau_s in p.flicker_taus_s]
        self._walk = source(seed, "balance.walk")
        self._walk_mg_per_sqrt_ns = p.random_walk_mg_per_sqrt_h / math.sqrt(HOUR_NS)
        self._walked_mg = 0.0
        self._cache: dict[int, tuple[list[tuple[float, float]], float]] = {}

    def set_filter(self, parameters: PlantParameters, filter_s: float) -> None:
        """Change the filter behind which the white noise is seen."""
        self._parts[0].change(_filtered_white(parameters.white_noise_mg, filter_s), filter_s)
        self._cache.clear()

    def step(self, step_ns: int) -> float:
        """Let ``step_ns`` pass; return the noise in mg."""
        known = self._cache.get(step_ns)
        if known is None:
            if len(self._cache) >= CACHED_STEPS:
                self._cache.clear()
            step_s = step_ns * 1e-9
            known = [part.factors(step_s) for part in self._parts], self._walk_mg_per_sqrt_ns * math.sqrt(step_ns)
            self._cache[step_ns] = known
        factors, walk_mg = known
        self._walked_mg += walk_mg * self._walk.gauss(0.0, 1.0)
        total_mg = self._walked_mg
        for part, (stays, comes) in zip(self._parts, factors, strict=True):
            total_mg += part.step(stays, comes)
        return total_mg


@dataclass(frozen=True, slots=True)
class Sample:
    """What the balance knows of its load at one update; counts are steps of the last digit, net of tare."""

    counts: int
    stable: bool
    state: str  # "ok" | "over" | "under"


class BalanceCell:
    """Span, zero, tare, zero tracking and rounding of one balance."""

    def __init__(self, parameters: PlantParameters, seed: int, faults: FaultSet, start_ns: int) -> None:
        p = self._p = parameters
        self._faults = faults
        self._noise = Noise(p, seed, p.filter_s[2])
        self._room = Disturbances(seed, faults, start_ns)
        self._hung: Sample | None = None  # what the display showed when it hung
        air = air_density_mg_per_ul(p.temperature_c, p.humidity_pct, p.pressure_hpa)
        self._adjustments = source(seed, "balance.span")
        self._ideal_span = 1.0 / (1.0 - air / REFERENCE_DENSITY_MG_PER_UL)
        self._span = self._ideal_span
        self.adjust()
        self._per_digit = 1.0 / p.resolution_mg
        self._at_ns = start_ns
        self._zero_mg = 0.0
        self._tare_mg = 0.0
        self._over_mg = p.capacity_g * 1000.0
        self._pulled_mg_per_s = p.zero_digits_per_s * p.resolution_mg
        self.zero_tracking = False
        self.release = 1.0  # how much faster than usual a load may move and still be called stable

    def weigh(self, rig_ns: int, force_mg: float, temperature_c: float, slope_mg_per_s: float) -> Sample:
        """Return what is shown for a force; ``slope_mg_per_s`` is how fast the filtered load moves."""
        p = self._p
        if not self._faults.on("balance.frozen", rig_ns):
            self._hung = None
        elif self._hung is not None:
            return self._hung
        step_ns = max(0, rig_ns - self._at_ns)
        self._at_ns = rig_ns
        warm = 1.0 + p.sensitivity_ppm_per_k * 1e-6 * (temperature_c - p.temperature_c)
        if self._faults.any_balance:
            warm *= 1.0 + self._faults.number("balance.gain", rig_ns)
        gross_mg = force_mg * self._span * warm + self._noise.step(step_ns) + self._disturbance(rig_ns)
        net_mg = gross_mg - self._zero_mg - self._tare_mg
        if self.zero_tracking or self._faults.on("balance.zero_tracking", rig_ns):
            net_mg -= self._pull(net_mg, step_ns)
        if gross_mg > self._over_mg:
            return Sample(0, False, "over")
        if gross_mg < -1000.0 or self._faults.on("balance.underload", rig_ns):
            return Sample(0, False, "under")
        stable = abs(slope_mg_per_s) <= p.stable_digits_per_s * self.release * p.resolution_mg
        stable = stable and not self._faults.on("balance.unstable", rig_ns)
        shown = Sample(math.floor(net_mg * self._per_digit + 0.5), stable, "ok")
        if self._faults.any_balance and self._faults.on("balance.frozen", rig_ns):
            self._hung = shown
        return shown

    def adjust(self) -> None:
        """Adjust the span by the internal weight; what error remains differs from time to time."""
        self._span = self._ideal_span * (1.0 + self._adjustments.gauss(0.0, self._p.sensitivity_ppm) * 1e-6)

    def set_filter(self, filter_s: float) -> None:
        """Change the filter's time constant."""
        self._noise.set_filter(self._p, filter_s)

    @property
    def tare_counts(self) -> int:
        """Return the tare in digits."""
        return math.floor(self._tare_mg * self._per_digit + 0.5)

    def tare(self, counts: int) -> int:
        """Take what is shown as tare; return the tare in digits since zero."""
        self._tare_mg += counts * self._p.resolution_mg
        return self.tare_counts

    def set_tare(self, counts: int) -> None:
        """Set the tare to a known value."""
        self._tare_mg = counts * self._p.resolution_mg

    def zero(self, counts: int) -> None:
        """Take what is shown as the new zero; clears the tare."""
        self._zero_mg += self._tare_mg + counts * self._p.resolution_mg
        self._tare_mg = 0.0

    def _disturbance(self, rig_ns: int) -> float:
        faults = self._faults
        if not faults.any_balance:
            return 0.0
        overload_mg = OVERLOAD_FAULT_MG if faults.on("balance.overload", rig_ns) else 0.0
        return faults.integral("balance.drift", rig_ns) / HOUR_NS + overload_mg + self._room.force_mg(rig_ns)

    def _pull(self, net_mg: float, step_ns: int) -> float:
        """Return by how much zero tracking moves the zero: near it, and slowly."""
        if abs(net_mg) >= self._p.zero_band_mg:
            return 0.0
        most_mg = self._pulled_mg_per_s * step_ns * 1e-9
        pulled_mg = max(-most_mg, min(most_mg, net_mg))
        self._zero_mg += pulled_mg
        return pulled_mg
