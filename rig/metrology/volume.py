"""From a change of mass to a delivered volume with its budget (reference sections 5.1, 5.9; design 4.11)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from rig.errors import BenchError
from rig.metrology.budget import Budget, Component
from rig.metrology.buoyancy import UL_PER_CM3, collected_volume_ul
from rig.metrology.checks import FloatArray, finite
from rig.metrology.evaporation import Evaporation
from rig.metrology.inputs import AmbientStats, BalanceSpec, LiquidSpec, TubeSpec, VesselSpec
from rig.metrology.noise import NoiseModel

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Level:
    """An estimate of the balance's reading at one instant: the mean of ``count`` readings spread over ``span_s``.

    ``at_s`` is the mean time of those readings. A single (or interpolated) reading has count 1 and span 0.
    """

    mass_mg: float
    at_s: float
    count: int = 1
    span_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is not a number."""
        finite("mass level", self.mass_mg)
        finite("time of a mass level", self.at_s)
        if self.count < 1 or not self.span_s >= 0.0:
            raise BenchError(f"a level of {self.count} readings over {self.span_s} s", expected="at least one reading")


@dataclass(frozen=True, slots=True)
class MassChange:
    """Two levels; ``end`` is later than ``start``."""

    start: Level
    end: Level

    def __post_init__(self) -> None:
        """Refuse a change that goes back in time."""
        if self.end.at_s <= self.start.at_s:
            raise BenchError(
                f"mass change from {self.start.at_s:g} s to {self.end.at_s:g} s", expected="an end after its start"
            )

    @property
    def reading_mg(self) -> float:
        """Difference of the two readings, mg."""
        return self.end.mass_mg - self.start.mass_mg

    @property
    def duration_s(self) -> float:
        """Time between the levels, s."""
        return self.end.at_s - self.start.at_s


@dataclass(frozen=True, slots=True)
class WeighingChain:
    """Everything between a reading and a volume that stays the same during a run.

    ``evaporation`` None: none is corrected, and none is in the budget (state it, or measure it with blanks).
    ``noise`` None: ``balance.repeatability_mg`` for each level, not reduced by averaging, and no drift component.
    ``vessel`` None: no vessel buoyancy, sensitivity drift or tube terms.
    """

    balance: BalanceSpec
    liquid: LiquidSpec
    vessel: VesselSpec | None = None
    tube: TubeSpec | None = None
    evaporation: Evaporation | None = None
    noise: NoiseModel | None = None

    @property
    def k_tube(self) -> float:
        """Immersed-tube factor; 1 without a tube. ``BenchError`` for a tube without a vessel."""
        if self.tube is None:
            return 1.0
        if self.vessel is None:
            raise BenchError("an immersed tube needs its vessel", hint="[vessel] inner_diameter_mm in the bench file")
        return self.tube.factor(self.vessel)

    @property
    def evaporation_mg_per_h(self) -> float:
        """Loss rate that is added back, mg/h."""
        return 0.0 if self.evaporation is None else self.evaporation.rate_mg_per_h


@dataclass(frozen=True, slots=True)
class VolumeResult:
    """A delivered volume; ``budget`` is in uL. ``mass_mg``: reading change corrected for evaporation.

    ``notes``: what a report must print beside it, for example that zero drift was extrapolated beyond the blanks.
    """

    volume_ul: float
    mass_mg: float
    duration_s: float
    budget: Budget
    notes: tuple[str, ...] = ()

    @property
    def u_ul(self) -> float:
        """Combined standard uncertainty, uL."""
        return self.budget.combined


def volume_from_mass(
    change: MassChange, chain: WeighingChain, ambient: AmbientStats, *, truncation_mg: float = 0.0
) -> VolumeResult:
    """Return the volume that came between two levels, in uL, with its budget in uL.

    The extended model of reference section 5.1; components 1..9 of 5.9 plus the zero drift of the balance between the
    levels, from the blanks (random walk beyond their length, which is noted). ``truncation_mg``: standard uncertainty
    of what may still come after the end (boluses). ``BenchError`` for impossible inputs or air outside CIPM-2007.
    """
    rho_1 = ambient.start.density_kg_per_m3()
    rho_2 = ambient.end.density_kg_per_m3()
    mass_mg = change.reading_mg + chain.evaporation_mg_per_h * change.duration_s / SECONDS_PER_HOUR
    volume_ul = collected_volume_ul(
        mass_mg,
        liquid_density_kg_per_m3=chain.liquid.density_kg_per_m3,
        air_density_start_kg_per_m3=rho_1,
        air_density_end_kg_per_m3=rho_2,
        load_cm3=0.0 if chain.vessel is None else chain.vessel.load_cm3,
        k_tube=chain.k_tube,
        reference_density_kg_per_m3=chain.balance.reference_density_kg_per_m3,
    )
    per_mg = UL_PER_CM3 * (1.0 - rho_1 / chain.balance.reference_density_kg_per_m3) * chain.k_tube
    per_mg /= chain.liquid.density_kg_per_m3 - rho_2
    noise, notes = _noise_components(change, chain, per_mg)
    components = [*noise, *_balance_components(mass_mg, chain, ambient, per_mg)]
    if chain.evaporation is not None:
        hours = change.duration_s / SECONDS_PER_HOUR
        components += chain.evaporation.components(hours * per_mg)
    if truncation_mg > 0.0:
        components.append(
            Component(
                "bolus tail after closing", truncation_mg, "mg", per_mg, "B", "rectangular", "design 4.12", shared=True
            )
        )
    components += _liquid_components(volume_ul, chain, ambient)
    return VolumeResult(volume_ul, mass_mg, change.duration_s, Budget("uL", tuple(components)), notes)


def volume_curve_ul(
    times_s: ArrayLike, masses_mg: ArrayLike, chain: WeighingChain, air_density_kg_per_m3: ArrayLike
) -> FloatArray:
    """Return cumulative volume in uL at every reading, zero at the first, shape (n,).

    Same model as ``volume_from_mass``, with ``air_density_kg_per_m3`` one value or one per reading.
    """
    times = np.asarray(times_s, dtype=np.float64)
    masses = np.asarray(masses_mg, dtype=np.float64)
    rho = np.broadcast_to(np.asarray(air_density_kg_per_m3, dtype=np.float64), times.shape)
    if times.ndim != 1 or times.shape != masses.shape or times.size == 0:
        raise BenchError(f"times {times.shape} and masses {masses.shape}", expected="two arrays of one length")
    corrected = masses - masses[0] + (times - times[0]) * (chain.evaporation_mg_per_h / SECONDS_PER_HOUR)
    corrected *= 1.0 - rho[0] / chain.balance.reference_density_kg_per_m3
    if chain.vessel is not None:
        corrected += (rho - rho[0]) * chain.vessel.load_cm3
    volume = corrected * (UL_PER_CM3 * chain.k_tube) / (chain.liquid.density_kg_per_m3 - rho)
    if not np.isfinite(volume).all():
        raise BenchError("a reading or an air density is not a number", expected="finite values only")
    return np.asarray(volume, dtype=np.float64)


def _noise_components(
    change: MassChange, chain: WeighingChain, per_mg: float
) -> tuple[list[Component], tuple[str, ...]]:
    """Return repeatability, resolution and zero drift of a difference of two levels."""
    balance = chain.balance
    resolution = Component(
        "resolution, both readings",
        balance.resolution_mg / np.sqrt(12.0) * np.sqrt(2.0),
        "mg",
        per_mg,
        distribution="rectangular",
        source=balance.source,
    )
    if chain.noise is None:
        u = balance.repeatability_mg * np.sqrt(2.0)
        return [Component("repeatability, both readings", u, "mg", per_mg, "A", source=balance.source), resolution], ()
    start, end = change.start, change.end
    u_noise, u_drift, extrapolated = chain.noise.u_difference_mg(
        start.count, start.span_s, end.count, end.span_s, change.duration_s
    )
    source = "Allan variance of the blanks"
    components = [
        Component("repeatability, both readings", u_noise, "mg", per_mg, "A", source=source),
        resolution,
        Component("balance zero drift", u_drift, "mg", per_mg, "A", source=source),
    ]
    note = f"zero drift extrapolated as a random walk beyond {chain.noise.length_s / 60.0:.0f} min of blank"
    return components, (note,) if extrapolated else ()


def _balance_components(mass_mg: float, chain: WeighingChain, ambient: AmbientStats, per_mg: float) -> list[Component]:
    """Return linearity, sensitivity drift and vessel buoyancy (reference section 5.9, rows 4 to 6)."""
    balance, vessel = chain.balance, chain.vessel
    linearity = balance.linearity_rel * abs(mass_mg) / np.sqrt(3.0)
    components = [
        Component("linearity", linearity, "mg", per_mg, "B", "rectangular", balance.source, shared=True),
    ]
    if vessel is None:
        return components
    drift_mg_per_k = vessel.gross_g * 1000.0 * balance.sensitivity_drift_ppm_per_k * 1e-6
    components.append(
        Component(
            "sensitivity drift on the gross load",
            ambient.u_change_temperature_c,
            "K",
            drift_mg_per_k * per_mg,
            source=balance.source,
        )
    )
    u_rho = ambient.u_air_density_change_kg_per_m3()
    components.append(Component("vessel buoyancy", u_rho, "kg/m3", vessel.load_cm3 * per_mg, source=ambient.source))
    if vessel.u_load_cm3 > 0.0:
        change = ambient.end.density_kg_per_m3() - ambient.start.density_kg_per_m3()
        components.append(
            Component("vessel volume", vessel.u_load_cm3, "cm3", change * per_mg, source=vessel.source, shared=True)
        )
    return components


def _liquid_components(volume_ul: float, chain: WeighingChain, ambient: AmbientStats) -> list[Component]:
    """Return liquid density, air density in Z and the immersed tube (reference section 5.9, rows 7 to 9)."""
    liquid = chain.liquid
    rho = liquid.density_kg_per_m3
    components = [
        Component(
            "liquid density", liquid.u_density_kg_per_m3, "kg/m3", -volume_ul / rho, source=liquid.source, shared=True
        ),
        Component(
            "air density in Z",
            ambient.u_air_density_kg_per_m3(),
            "kg/m3",
            volume_ul * (1.0 / rho - 1.0 / chain.balance.reference_density_kg_per_m3),
            source=ambient.source or "CIPM-2007",
            shared=True,
        ),
    ]
    if chain.tube is not None:
        k_tube = chain.k_tube
        u_tube = (1.0 - k_tube) * chain.tube.u_rel_correction
        components.append(
            Component("immersed tube", u_tube, "1", volume_ul / k_tube, source=chain.tube.source, shared=True)
        )
    return components
