"""From a change of mass to a delivered volume with its budget (reference sections 5.1, 5.9; design 4.11)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from rig.errors import BenchError
from rig.metrology.budget import Budget, Component, rectangular
from rig.metrology.buoyancy import UL_PER_CM3
from rig.metrology.checks import FloatArray, finite
from rig.metrology.evaporation import Evaporation
from rig.metrology.inputs import AmbientStats, BalanceSpec, LiquidSpec, TubeSpec, VesselSpec
from rig.metrology.liquids import LiquidModel
from rig.metrology.model import VolumeModel
from rig.metrology.noise import NoiseModel
from rig.metrology.sensitivity import SensitivityCheck

SECONDS_PER_HOUR = 3600.0
REPEATABILITY = "repeatability, both readings"
SENSITIVITY_DRIFT = "sensitivity drift on the gross load"
SENSITIVITY_DRIFT_SEEN = "sensitivity drift, change of temperature as read"


@dataclass(frozen=True, slots=True)
class Level:
    """An estimate of the balance's reading at one instant: the mean of ``count`` readings spread over ``span_s``.

    ``at_s`` is the mean time of those readings. A single (or interpolated) reading has count 1 and span 0.
    ``first_s``, ``last_s``: times of the first and last reading it was made of, or of the two it was interpolated
    between; None where it was not made of readings. ``bend_mg``: what ``mass_mg`` holds beside them, because the flow
    changed between the two.
    """

    mass_mg: float
    at_s: float
    count: int = 1
    span_s: float = 0.0
    first_s: float | None = None
    last_s: float | None = None
    bend_mg: float = 0.0

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


Further: TypeAlias = Callable[[MassChange, float], Sequence[Component]]


@dataclass(frozen=True, slots=True)
class WeighingChain:
    """Everything between a reading and a volume that stays the same during a run.

    ``evaporation`` None: none is corrected, and none is in the budget (state it, or measure it with blanks).
    ``noise`` None: ``balance.repeatability_mg`` for each level, not reduced by averaging, and no drift component.
    ``vessel`` None: no vessel buoyancy, sensitivity drift or tube terms. ``liquid_model`` gives the liquid at the mean
    temperature and pressure of each interval; None: ``liquid`` as it is. ``sensitivity``: what a reference weight
    showed before and after; None: none was weighed, and the stated temperature drift is in the budget instead.
    ``further``: more components of a volume, from its levels and its value in uL.
    """

    balance: BalanceSpec
    liquid: LiquidSpec
    vessel: VesselSpec | None = None
    tube: TubeSpec | None = None
    evaporation: Evaporation | None = None
    noise: NoiseModel | None = None
    liquid_model: LiquidModel | None = None
    sensitivity: SensitivityCheck | None = None
    further: Further | None = None

    def liquid_in(self, ambient: AmbientStats) -> LiquidSpec:
        """Return the liquid at the mean conditions of an interval."""
        if self.liquid_model is None or ambient.mean is None:
            return self.liquid
        return self.liquid_model.at(
            ambient.mean.temperature_c, ambient.u_temperature_c, ambient.mean.pressure_hpa * 100.0
        )

    @property
    def load_cm3(self) -> float:
        """Volume that the air buoys up; 0 where a twin vessel has taken that away with the evaporation."""
        if self.vessel is None or (self.evaporation is not None and self.evaporation.holds_buoyancy):
            return 0.0
        return self.vessel.load_cm3

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
    ``model`` holds every quantity that the volume was computed from, ``change`` the two levels.
    """

    volume_ul: float
    mass_mg: float
    duration_s: float
    budget: Budget
    notes: tuple[str, ...] = ()
    model: VolumeModel | None = None
    change: MassChange | None = None

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
    liquid = chain.liquid_in(ambient)
    model = _model(change, chain, ambient, liquid)
    volume_ul = float(model.volume_ul())
    noise, notes = _noise_components(change, chain, model)
    components = [*noise, *_balance_components(change, chain, ambient, model)]
    if chain.evaporation is not None:
        components += chain.evaporation.components(model.partial("evaporation"))
    if truncation_mg > 0.0:
        components.append(
            Component(
                "bolus tail after closing",
                truncation_mg,
                "mg",
                model.partial("mass"),
                "B",
                "rectangular",
                "design 4.12",
                shared=True,
                enters="mass",
            )
        )
    components += _liquid_components(liquid, chain, ambient, model)
    if chain.further is not None:
        components += chain.further(change, volume_ul)
    budget = Budget("uL", tuple(components))
    return VolumeResult(volume_ul, model.mass_mg, change.duration_s, budget, notes, model, change)


def _model(change: MassChange, chain: WeighingChain, ambient: AmbientStats, liquid: LiquidSpec) -> VolumeModel:
    """Return the quantities of one change of mass."""
    span, drift_mg = 1.0, 0.0
    if chain.sensitivity is not None:
        gross_mg = 0.0 if chain.vessel is None else chain.vessel.gross_g * 1000.0
        span, drift_mg = chain.sensitivity.correction(change.start.at_s, change.end.at_s, gross_mg)
    return VolumeModel(
        start_mg=change.start.mass_mg,
        end_mg=change.end.mass_mg,
        hours=change.duration_s / SECONDS_PER_HOUR,
        evaporation_mg_per_h=chain.evaporation_mg_per_h,
        air_start_kg_per_m3=ambient.start.density_kg_per_m3(),
        air_end_kg_per_m3=ambient.end.density_kg_per_m3(),
        liquid_kg_per_m3=liquid.density_kg_per_m3,
        reference_kg_per_m3=chain.balance.reference_density_kg_per_m3,
        load_cm3=chain.load_cm3,
        k_tube=chain.k_tube,
        span=span,
        drift_mg=drift_mg,
    )


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
    corrected += (rho - rho[0]) * chain.load_cm3
    volume = corrected * (UL_PER_CM3 * chain.k_tube) / (chain.liquid.density_kg_per_m3 - rho)
    if not np.isfinite(volume).all():
        raise BenchError("a reading or an air density is not a number", expected="finite values only")
    return np.asarray(volume, dtype=np.float64)


def _noise_components(
    change: MassChange, chain: WeighingChain, model: VolumeModel
) -> tuple[list[Component], tuple[str, ...]]:
    """Return repeatability, resolution and zero drift of a difference of two levels."""
    balance, per_mg = chain.balance, model.partial("mass")
    resolution = Component(  # the difference of two rectangular errors of one digit each
        "resolution, both readings",
        balance.resolution_mg / math.sqrt(6.0),
        "mg",
        per_mg,
        distribution="triangular",
        source=balance.source,
        enters="mass",
    )
    if chain.noise is None:
        u, source = balance.repeatability_mg * math.sqrt(2.0), balance.source
        return [Component(REPEATABILITY, u, "mg", per_mg, "A", source=source, enters="mass"), resolution], ()
    start, end = change.start, change.end
    u_noise, u_drift, extrapolated = chain.noise.u_difference_mg(
        start.count, start.span_s, end.count, end.span_s, change.duration_s
    )
    source = "Allan variance of the blanks"
    freedom = chain.noise.walk_freedom
    components = [
        Component(REPEATABILITY, u_noise, "mg", per_mg, "A", source=source, enters="mass"),
        resolution,
        Component(
            "balance zero drift",
            u_drift,
            "mg",
            per_mg,
            "A",
            "normal" if freedom is None else "t",
            source,
            enters="mass",
            degrees_of_freedom=freedom,
        ),
    ]
    note = f"zero drift extrapolated as a random walk beyond {chain.noise.length_s / 60.0:.0f} min of blank"
    return components, (note,) if extrapolated else ()


def _balance_components(
    change: MassChange, chain: WeighingChain, ambient: AmbientStats, model: VolumeModel
) -> list[Component]:
    """Return linearity, sensitivity drift and vessel buoyancy (reference section 5.9, rows 4 to 6)."""
    balance, vessel, per_mg = chain.balance, chain.vessel, model.partial("mass")
    linearity = balance.linearity_rel * abs(model.mass_mg) / math.sqrt(3.0)
    found = [
        Component("linearity", linearity, "mg", per_mg, "B", "rectangular", balance.source, shared=True, enters="mass")
    ]
    if chain.sensitivity is not None:
        found += chain.sensitivity.components(
            change.start.at_s,
            change.end.at_s,
            gross_mg=0.0 if vessel is None else vessel.gross_g * 1000.0,
            per_span=model.partial("span"),
            per_mg=per_mg,
        )
    elif vessel is not None:
        found += _sensitivity_components(balance, vessel.gross_g * 1000.0, ambient, per_mg)
    if vessel is None or chain.load_cm3 == 0.0:
        return found
    u_rho = ambient.u_air_density_change_kg_per_m3()
    per_rho = model.partial("air_change")
    found.append(Component("vessel buoyancy", u_rho, "kg/m3", per_rho, source=ambient.source, enters="air_change"))
    if vessel.u_load_cm3 > 0.0:
        per_cm3, u_cm3 = model.partial("load"), vessel.u_load_cm3
        found.append(
            Component("vessel volume", u_cm3, "cm3", per_cm3, source=vessel.source, shared=True, enters="load")
        )
    return found


def _sensitivity_components(
    balance: BalanceSpec, gross_mg: float, ambient: AmbientStats, per_mg: float
) -> list[Component]:
    """Return the sensitivity drift on the gross load (reference section 5.9, row 5), where no reference was weighed.

    The coefficient TK is known by its half width alone: a change of temperature dT that was read moves the result by
    up to TK dT, and in one direction through all boluses of a run (shared); what may have changed unseen comes on top.
    """
    per_k = gross_mg * balance.sensitivity_drift_ppm_per_k * 1e-6 * per_mg
    unseen_k, seen_k = ambient.u_change_temperature_c, abs(ambient.end.temperature_c - ambient.start.temperature_c)
    found = [Component(SENSITIVITY_DRIFT, unseen_k, "K", per_k, source=balance.source, enters="mass")]
    if seen_k > 0.0:
        found.append(
            Component(
                SENSITIVITY_DRIFT_SEEN,
                rectangular(seen_k),
                "K",
                per_k,
                "B",
                "rectangular",
                balance.source,
                shared=True,
                enters="mass",
            )
        )
    return found


def _liquid_components(
    liquid: LiquidSpec, chain: WeighingChain, ambient: AmbientStats, model: VolumeModel
) -> list[Component]:
    """Return liquid density, air density in Z and the immersed tube (reference section 5.9, rows 7 to 9)."""
    per_rho = model.partial("liquid")
    found = [
        Component(
            "liquid density",
            liquid.u_density_kg_per_m3,
            "kg/m3",
            per_rho,
            source=liquid.source,
            shared=True,
            enters="liquid",
        ),
        Component(
            "air density in Z",
            ambient.u_air_density_kg_per_m3(),
            "kg/m3",
            model.partial("air"),
            source=ambient.source or "CIPM-2007",
            shared=True,
            enters="air",
        ),
    ]
    half_width_k = ambient.half_range_temperature_c
    if half_width_k > 0.0 and chain.liquid_model is not None and ambient.mean is not None:
        slope = chain.liquid_model.slope_kg_per_m3_k(ambient.mean.temperature_c)
        found.append(
            Component(
                "liquid temperature during the interval",
                half_width_k / math.sqrt(3.0),
                "K",
                slope * per_rho,
                "B",
                "rectangular",
                "range of the readings: the flow may have come at either end of it",
                enters="liquid",
            )
        )
    if chain.tube is not None:
        u_tube = (1.0 - chain.k_tube) * chain.tube.u_rel_correction
        per_k, source = model.partial("tube"), chain.tube.source
        found.append(Component("immersed tube", u_tube, "1", per_k, source=source, shared=True, enters="tube"))
    return found
