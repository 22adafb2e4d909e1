"""A weighing log as the chain of the rig's own analysis: one Z for the whole record (design 5.3), no vessel, no tube.

With a budget file the components are those of a basal or bolus log. Without one the balance's noise is taken from the
readings themselves, because the end of a release cannot be told without it; no uncertainty may be printed then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rig.analysis.occlusion import OcclusionInstants
from rig.analysis.pinch import WAIT_S, Air
from rig.errors import UsageError
from rig.metrology.budget import Component, rectangular
from rig.metrology.evaporation import stated_evaporation
from rig.metrology.inputs import AirState, AmbientStats, BalanceSpec, LiquidSpec
from rig.metrology.volume import MassChange, WeighingChain
from rig.weighing_log.budget import (
    Stretch,
    air_half_width,
    beside_the_chain,
    density_uncertainty,
    neighbour_scatter_mg,
)
from rig.weighing_log.budget_file import LogBudget
from rig.weighing_log.method import ASSUMED_AIR, Method
from rig.weighing_log.read import WeighingLog

FEWEST = 20  # second differences under closed clamps that tell a noise
FINEST_MG = 1e-6  # no display shows less
UNSEEN_MG = 1e-3  # last digit where no two readings differ


@dataclass(frozen=True, slots=True)
class RecordAir(AirState):
    """The air of a whole record, with the density that its method counts with: 0 for ``--buoyancy none``."""

    rho_kg_per_m3: float

    def density_kg_per_m3(self) -> float:
        """Return the density of the method, which may be extrapolated."""
        return self.rho_kg_per_m3


@dataclass(frozen=True, slots=True)
class RecordStats(AmbientStats):
    """One air at both edges of every interval; ``u_rho_kg_per_m3``: of its density in Z."""

    u_rho_kg_per_m3: float = 0.0

    def u_air_density_kg_per_m3(self) -> float:
        """Return u of the air density as the budget file states it."""
        return self.u_rho_kg_per_m3


def chain_of(
    log: WeighingLog, method: Method, budget: LogBudget | None, closed: Sequence[OcclusionInstants]
) -> WeighingChain:
    """Return the chain of ``log``; every u but the noise is 0 without ``budget``.

    ``UsageError`` where neither a budget nor readings under a closed clamp tell the balance's noise.
    """
    stated = method.evaporation_mg_per_h != 0.0 or budget is not None
    half_width = budget.evaporation.half_width_mg_per_h if budget else 0.0
    u_density = density_uncertainty(method, budget)[0] if budget else 0.0
    source = (budget.source if budget else "") or "budget file"

    def further(change: MassChange, volume_ul: float) -> list[Component]:
        if budget is None:
            return []
        origin_s = float(log.times_s[0])
        edges = (change.start.at_s - origin_s, change.end.at_s - origin_s)
        return beside_the_chain(log, method, budget, Stretch(*edges, volume_ul / method.ul_per_mg, 0.0, 0.0))

    return WeighingChain(
        balance=_balance(budget, source) if budget else _balance_seen(log, closed),
        liquid=LiquidSpec(method.density_kg_per_m3, u_density, method.liquid, source if budget else ""),
        evaporation=stated_evaporation(method.evaporation_mg_per_h, half_width) if stated else None,
        further=further,
    )


def air_of(method: Method, budget: LogBudget | None) -> Air:
    """Return the air: that of the whole record at both edges, so that nothing is corrected for its changes."""
    rho = method.air_density_kg_per_m3 or 0.0
    temperature_c, humidity_pct, pressure_hpa = (method.air[name].value for name in ASSUMED_AIR)
    state = RecordAir(temperature_c, humidity_pct, pressure_hpa, rho)
    half_pct, source = air_half_width(method, budget) if budget else (0.0, "")
    nothing = (0.0,) * 6
    stats = RecordStats(state, state, *nothing, source=source, u_rho_kg_per_m3=rectangular(half_pct / 100.0 * rho))
    return lambda _from_s, _to_s: stats


def _balance(budget: LogBudget, source: str) -> BalanceSpec:
    """Return the balance of a budget file; its sensitivity drift stands beside the chain."""
    known = budget.balance
    return BalanceSpec(known.repeatability_mg, known.resolution_mg, known.linearity_rel, source=source)


def _balance_seen(log: WeighingLog, closed: Sequence[OcclusionInstants]) -> BalanceSpec:
    """Return the balance as its readings show it: noise under the closed clamp, last digit by the smallest step."""
    scatter = resting_scatter_mg(log, closed)
    if scatter is None:
        scatter = neighbour_scatter_mg(log)
    if scatter is None:
        raise UsageError(
            "too few readings under the closed clamp to tell the balance's noise",
            where=log.file,
            expected=f"{FEWEST + 2} readings there, or a budget file with [balance] repeatability_mg",
            hint="--budget FILE",
        )
    digit = last_digit_mg(log)
    return BalanceSpec(max(scatter, digit / math.sqrt(12.0)), digit, 0.0, source="the readings themselves")


def resting_scatter_mg(log: WeighingLog, closed: Sequence[OcclusionInstants]) -> float | None:
    """Return the standard deviation of a reading while the clamp was closed, None where readings are few.

    From second differences, which do not see a steady leak or evaporation; their median makes single bumps count for
    nothing: median |d2| = 0.6745 sqrt(6) s for white noise.
    """
    bends = []
    for item in closed:
        until_s = item.opened_s if item.opened_s is not None else item.end_s
        first = int(np.searchsorted(log.times_s, item.closed_s + WAIT_S))
        bends.append(np.diff(log.masses_mg[first : int(np.searchsorted(log.times_s, until_s))], 2))
    found = np.abs(np.concatenate(bends)) if bends else np.empty(0)
    return None if found.size < FEWEST else float(np.median(found)) / (0.6745 * math.sqrt(6.0))


def last_digit_mg(log: WeighingLog) -> float:
    """Return the last digit of the display in mg: the smallest step between any two values that it showed."""
    steps = np.diff(np.unique(np.round(log.masses_mg / FINEST_MG)))
    return float(steps.min()) * FINEST_MG if steps.size else UNSEEN_MG
