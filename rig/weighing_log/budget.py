"""The uncertainty of what a weighing log says, from a budget file (GUM; reference section 5.9, rows 1 to 10).

The value of design 5.3 has one Z for the whole record and neither a vessel nor a tube term. What is known and not
corrected enters as a bias: root sum of squares with u = |bias|, so that +-2 u keeps its 95 % (Phillips, Eberhardt and
Parry 1997, J. Res. NIST 102, 577 discuss the choice).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rig.analysis.basal import dose_edge_component
from rig.analysis.series import value_at
from rig.errors import ConfigError
from rig.metrology.air import unchecked_air_density_kg_per_m3
from rig.metrology.budget import Budget, Component, mean_budget, rectangular
from rig.metrology.buoyancy import REFERENCE_DENSITY_KG_PER_M3, UL_PER_CM3, z_factor_ul_per_mg
from rig.metrology.evaporation import stated_evaporation
from rig.metrology.volume import SENSITIVITY_DRIFT, SENSITIVITY_DRIFT_SEEN
from rig.metrology.water import water_expansion_per_k
from rig.weighing_log.budget_file import LogBudget, tube_effect
from rig.weighing_log.method import ASSUMED_AIR, MEASURED, Method
from rig.weighing_log.periods import Periods
from rig.weighing_log.read import WeighingLog

HOUR_S = 3600.0
PER_HPA, PER_K = 9.92e-4, 3.69e-3  # relative change of the air density (reference section 5.4)
SHORT_S, FEWEST = 10.0, 100  # closer readings than this, and so many of them, show the balance and not the pump's doses
NOISY = 2.0  # times the stated repeatability
KNOWN_AIR_PCT, ASSUMED_AIR_PCT = 1.0, 10.0  # half width of rho_air in Z: logged; assumed (a laboratory up to 1000 m)
BIAS = "known and not corrected: u = |bias|"


@dataclass(frozen=True, slots=True)
class Stretch:
    """One result: from one level to another, in s from the first row; ``expected_u`` gives 100 %.

    ``basal_u``: what a basal delivered in it, whose doses are cut at both edges; 0 for a bolus alone.
    """

    from_s: float
    to_s: float
    mass_mg: float
    expected_u: float
    basal_u: float


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """A budget in percent of what was programmed, with what to say about it."""

    budget_pct: Budget
    notes: tuple[str, ...] = ()

    @property
    def expanded_pct(self) -> float:
        """Expanded uncertainty U (k = 2), percent."""
        return self.budget_pct.expanded()

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines of the budget, largest contribution (in percent) first."""
        return [asdict(line) for line in self.budget_pct.lines()]


def basal_uncertainty(
    log: WeighingLog, method: Method, budget: LogBudget, periods: Periods, expected_u: float
) -> Uncertainty:
    """Return the uncertainty of the overall error over the analysis."""
    edges = np.array((periods.from_s, periods.to_s)) + log.times_s[0]
    mass = float(np.diff(value_at(log.times_s, log.masses_mg, edges))[0])
    mass += method.evaporation_mg_per_h * periods.analysis_s / HOUR_S
    found = stretch_budget(log, method, budget, Stretch(periods.from_s, periods.to_s, mass, expected_u, expected_u))
    return Uncertainty(found, budget_notes(log, budget, basal=True))


def mean_uncertainty(budgets: Sequence[Budget], log: WeighingLog, budget: LogBudget, *, basal: bool) -> Uncertainty:
    """Return the uncertainty of the mean error of several boluses; what they share does not average out."""
    return Uncertainty(mean_budget(budgets), budget_notes(log, budget, basal=basal))


def stretch_budget(log: WeighingLog, method: Method, budget: LogBudget, part: Stretch) -> Budget:
    """Return the budget of one result in percent of its ``expected_u``.

    Repeatability and resolution count for both levels in full, however many readings a level is the mean of.
    """
    per_mg = method.u_per_mg
    volume_u = part.mass_mg * per_mg
    components = [
        *_balance(log, budget, part, per_mg),
        *stated_evaporation(method.evaporation_mg_per_h, budget.evaporation.half_width_mg_per_h).components(
            (part.to_s - part.from_s) / HOUR_S * per_mg
        ),
        *_vessel(log, method, budget, part, per_mg),
        *_liquid(method, budget, volume_u),
        *_tube(budget, volume_u),
        *_clock(budget, volume_u),
    ]
    edge = dose_edge_component(part.basal_u, budget.pump.dose_u) if budget.pump and part.basal_u > 0.0 else None
    if edge is not None:
        components.append(edge)
    return Budget("U", tuple(components)).scaled(100.0 / part.expected_u, "%")


def beside_the_chain(log: WeighingLog, method: Method, budget: LogBudget, part: Stretch) -> list[Component]:
    """Return rows 4, 6, 9 and an absent buoyancy correction, in uL.

    What a ``WeighingChain`` of one Z and neither a vessel nor a tube does not know of.
    """
    per_mg = method.ul_per_mg
    volume_ul = part.mass_mg * per_mg
    return [
        *_sensitivity(log, budget, part, per_mg),
        *_vessel(log, method, budget, part, per_mg),
        *_buoyancy_not_corrected(method, volume_ul),
        *_tube(budget, volume_ul),
    ]


def budget_notes(log: WeighingLog, budget: LogBudget, *, basal: bool) -> tuple[str, ...]:
    """Return what a reader has to know about the budget; ``basal``: whether a basal is running."""
    notes = []
    if budget.vessel is None:
        notes.append(
            "the budget names no [vessel]: weather on its buoyancy and drift on its load are not in the uncertainty"
        )
    scatter_mg = neighbour_scatter_mg(log)
    if scatter_mg is not None and scatter_mg > NOISY * budget.balance.repeatability_mg:
        notes.append(
            f"neighbouring readings scatter by {scatter_mg:.2g} mg, the budget states "
            f"{budget.balance.repeatability_mg:g} mg: the uncertainty is too small"
        )
    if budget.pump is None and basal:
        notes.append("the budget names no [pump] dose_u: the edge of a dose is not in the uncertainty")
    if budget.tube is not None and not budget.tube.corrected:
        notes.append(
            f"the immersed tube makes readings {100.0 * tube_effect(budget.tube):.3g} % too large; "
            "this is not corrected but in the uncertainty"
        )
    if budget.vessel is not None and log.pressure_hpa is None:
        notes.append("the log has no pressure: the vessel's buoyancy rests on [air] pressure_half_width_hpa")
    return tuple(notes)


def neighbour_scatter_mg(log: WeighingLog) -> float | None:
    """Return the standard deviation of a reading from second differences, None where readings are few or far apart.

    The median makes doses and single bumps count for nothing: median |d2| = 0.6745 sqrt(6) s for white noise.
    """
    times, masses = log.times_s, log.masses_mg
    if times.size < FEWEST or (times[-1] - times[0]) / (times.size - 1) > SHORT_S:
        return None
    return float(np.median(np.abs(np.diff(masses, 2)))) / (0.6745 * math.sqrt(6.0))


def _balance(log: WeighingLog, budget: LogBudget, part: Stretch, per_mg: float) -> list[Component]:
    """Return repeatability, resolution, linearity and sensitivity drift (rows 1, 2, 6, 5)."""
    balance, source = budget.balance, budget.source or "budget file"
    root = math.sqrt(2.0)
    return [
        Component("repeatability, both readings", root * balance.repeatability_mg, "mg", per_mg, "A", source=source),
        Component(
            "resolution, both readings",
            root * balance.resolution_mg / math.sqrt(12.0),
            "mg",
            per_mg,
            "B",
            "rectangular",
            source,
        ),
        Component(
            "linearity",
            rectangular(balance.linearity_rel * part.mass_mg),
            "mg",
            per_mg,
            "B",
            "rectangular",
            source,
            shared=True,
        ),
        *_sensitivity(log, budget, part, per_mg),
    ]


def _sensitivity(log: WeighingLog, budget: LogBudget, part: Stretch, per_mg: float) -> list[Component]:
    """Return the drift of the sensitivity on the gross load (row 5), where the vessel is known.

    A change of temperature that the log shows is the same for all boluses of a warming room (shared); what is left of
    the stated half width, where that is the larger one, may have come in either direction each time.
    """
    if budget.vessel is None:
        return []
    balance = budget.balance
    seen_k = 0.0
    if log.temperature_c is not None:
        edges = np.array((part.from_s, part.to_s)) + log.times_s[0]
        seen_k = abs(float(np.diff(value_at(log.times_s, log.temperature_c, edges))[0]))
    unseen_k = math.sqrt(max(balance.temperature_half_width_c**2 - seen_k**2, 0.0))
    drift_mg_per_k = budget.vessel.gross_g * 1000.0 * balance.sensitivity_drift_ppm_per_k * 1e-6
    told = {SENSITIVITY_DRIFT: (unseen_k, False), SENSITIVITY_DRIFT_SEEN: (seen_k, True)}
    return [
        Component(
            name,
            rectangular(half_width_k),
            "K",
            drift_mg_per_k * per_mg,
            "B",
            "rectangular",
            budget.source or "budget file",
            shared=shared,
        )
        for name, (half_width_k, shared) in told.items()
        if half_width_k > 0.0 or name == SENSITIVITY_DRIFT
    ]


def _vessel(log: WeighingLog, method: Method, budget: LogBudget, part: Stretch, per_mg: float) -> list[Component]:
    """Return what the weather does to the vessel's buoyancy (row 4), and what the log's own columns say it did."""
    if budget.vessel is None or budget.air is None:
        return []
    source = budget.source or "budget file"
    rho = _air_density(log, method, np.array((part.from_s, part.to_s)) + log.times_s[0])
    lever = budget.vessel.load_cm3 * per_mg
    found = [
        Component(
            f"vessel buoyancy, {name}", rectangular(half), unit, lever * rho[0] * change, "B", "rectangular", source
        )
        for name, half, unit, change in (
            ("pressure", budget.air.pressure_half_width_hpa, "hPa", PER_HPA),
            ("air temperature", budget.air.temperature_half_width_c, "K", PER_K),
        )
    ]
    moved = abs(rho[1] - rho[0])
    if moved > 0.0:
        name = "vessel buoyancy over the record"
        found.append(Component(name, moved, "kg/m3", lever, "B", "normal", BIAS, shared=True))
    return found


def _air_density(log: WeighingLog, method: Method, at_s: Any) -> tuple[float, float]:
    """Return the air density in kg/m3 at two instants, from the log's columns where there are any."""
    values = {}
    for name in ASSUMED_AIR:
        column = getattr(log, name)
        values[name] = method.air[name].value if column is None else value_at(log.times_s, column, at_s)
    rho = unchecked_air_density_kg_per_m3(
        values["temperature_c"], 100.0 * values["pressure_hpa"], values["humidity_pct"] / 100.0
    )
    both = np.broadcast_to(rho, (2,))
    return float(both[0]), float(both[1])


def _liquid(method: Method, budget: LogBudget, volume_u: float) -> list[Component]:
    """Return the liquid's density (row 7) and the air's in Z (row 8)."""
    rho, air = method.density_kg_per_m3, method.air_density_kg_per_m3 or 0.0
    u_density, shape = density_uncertainty(method, budget)
    source = budget.source or "budget file"
    found = [Component("liquid density", u_density, "kg/m3", -volume_u / (rho - air), "B", shape, source, shared=True)]
    if method.air_density_kg_per_m3 is None:
        return [*found, *_buoyancy_not_corrected(method, volume_u)]
    half_pct, told = air_half_width(method, budget)
    return [
        *found,
        Component(
            "air density in Z",
            rectangular(half_pct / 100.0 * method.air_density_kg_per_m3),
            "kg/m3",
            volume_u * (1.0 / (rho - air) - 1.0 / (REFERENCE_DENSITY_KG_PER_M3 - air)),
            "B",
            "rectangular",
            told,
            shared=True,
        ),
    ]


def density_uncertainty(method: Method, budget: LogBudget) -> tuple[float, str]:
    """Return the standard uncertainty of the liquid's density in kg/m3, and its distribution."""
    if budget.liquid.u_density_kg_per_m3 is not None:
        return budget.liquid.u_density_kg_per_m3, "normal"
    half_width_c = budget.liquid.temperature_half_width_c or 0.0
    return rectangular(half_width_c) * method.density_kg_per_m3 * _expansion(method), "rectangular"


def air_half_width(method: Method, budget: LogBudget) -> tuple[float, str]:
    """Return the half width of the air density in Z in percent of it, and where that comes from."""
    stated = budget.air.density_half_width_pct if budget.air else None
    if stated is not None:
        return stated, budget.source or "budget file"
    known = all(method.air[name].source == MEASURED for name in ("temperature_c", "pressure_hpa"))
    half_pct = KNOWN_AIR_PCT if known else ASSUMED_AIR_PCT
    return half_pct, f"assumed: half width {half_pct:g} %"


def _buoyancy_not_corrected(method: Method, volume: float) -> list[Component]:
    """Return what ``--buoyancy none`` leaves out, as a bias in the unit of ``volume``."""
    if method.air_density_kg_per_m3 is not None:
        return []
    t, h, p = (method.air[name].value for name in ASSUMED_AIR)
    air = float(unchecked_air_density_kg_per_m3(t, 100.0 * p, h / 100.0))
    missing = z_factor_ul_per_mg(method.density_kg_per_m3, air) * method.density_kg_per_m3 / UL_PER_CM3 - 1.0
    return [Component("buoyancy, not corrected", missing, "1", volume, "B", "normal", BIAS, shared=True)]


def _expansion(method: Method) -> float:
    """Return the relative change of density with temperature in 1/K; only water's is known."""
    if method.liquid != "water":
        raise ConfigError(
            f"[liquid] temperature_half_width_c tells nothing about the density of '{method.liquid}'",
            expected="u_density_kg_per_m3",
        )
    return abs(water_expansion_per_k(method.air["temperature_c"].value))


def _tube(budget: LogBudget, volume: float) -> list[Component]:
    """Return the immersed tube (row 9) in the unit of ``volume``."""
    if budget.tube is None:
        return []
    effect = tube_effect(budget.tube)
    u_tube = effect * budget.tube.u_rel_correction if budget.tube.corrected else effect
    why = (budget.source or "budget file") if budget.tube.corrected else BIAS
    return [Component("immersed tube", u_tube, "1", volume, "B", "normal", why, shared=True)]


def _clock(budget: LogBudget, volume: float) -> list[Component]:
    """Return the time base (row 10) in the unit of ``volume``."""
    if budget.clock is None:
        return []
    u_clock = rectangular(budget.clock.half_width_ppm * 1e-6)
    source = budget.source or "budget file"
    return [Component("time base", u_clock, "1", volume, "B", "rectangular", source, shared=True)]
