"""Deliveries that nobody programmed, as the balance sees them: where a run is searched, and what was found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rig.analysis.rises import Rise, Search, Stretch, find_rises
from rig.errors import BenchError
from rig.judging.boluses import JudgedBolus
from rig.judging.quality import programmed_u
from rig.judging.running import without
from rig.judging.valve_moves import valve_moves
from rig.judging.view import RunView

AFTER_BASAL_S = 240.0  # what the line still held of the basal has left it (as the rig waits before a bolus series)
AFTER_START_S = 900.0  # a basal that begins takes up the play of the drive first
BEFORE_BOLUS_S = 1.0
AFTER_BOLUS_S = 300.0  # of one whose close was not measured
MG_PER_UL_PER_DENSITY = 1e-3


@dataclass(frozen=True, slots=True)
class Unscheduled:
    """What a stretch of a run shows beyond SET; volumes in U. ``search`` None: nothing could be searched."""

    search: Search | None
    mg_per_u: float

    @property
    def rises(self) -> tuple[Rise, ...]:
        """Return what was found."""
        return () if self.search is None else self.search.rises

    def limit_u(self, from_s: float, to_s: float) -> float | None:
        """Return the detection limit in U of an interval that was searched whole, else None."""
        limit_mg = None if self.search is None else self.search.limit_at(from_s, to_s)
        return None if limit_mg is None else limit_mg / self.mg_per_u


def search_run(view: RunView, boluses: Sequence[JudgedBolus]) -> Unscheduled:
    """Return the lasting rises that SET does not explain; without a blank there is no noise to search by."""
    mg_per_u = view.ul_per_u * MG_PER_UL_PER_DENSITY * view.chain.liquid.density_kg_per_m3
    if view.evaporation is None or view.chain.noise is None or not view.programme.segments:
        return Unscheduled(None, mg_per_u)
    excess = (view.volume_u - programmed_u(view.programme, view.times_s)) * mg_per_u
    try:
        search = find_rises(
            view.times_s,
            excess,
            stretches_to_search(view, boluses, mg_per_u),
            view.chain.noise,
            u_slope_mg_per_h=view.evaporation.u_mg_per_h,
            resolution_mg=view.chain.balance.resolution_mg,
        )
    except BenchError:
        return Unscheduled(None, mg_per_u)
    return Unscheduled(search, mg_per_u)


def stretches_to_search(view: RunView, boluses: Sequence[JudgedBolus], mg_per_u: float) -> list[Stretch]:
    """Return the parts of a run in which SET is quiet or steady and every reading came."""
    busy = sorted(_busy(view, boluses))
    found: list[Stretch] = []
    former = math.inf  # nobody knows what the pump did before it was stopped for the run
    for part in view.programme.segments:
        wait_s = AFTER_START_S if part.rate_u_per_h > 0 else AFTER_BASAL_S if former > 0 else 0.0
        rate, dose = part.rate_u_per_h * mg_per_u, view.programme.dose_u * mg_per_u if part.rate_u_per_h > 0 else 0.0
        for from_s, to_s in without(part.start_s + wait_s, part.end_s, busy):
            found.append(Stretch(from_s, to_s, rate, dose))
        former = part.rate_u_per_h
    return found


def _busy(view: RunView, boluses: Sequence[JudgedBolus]) -> list[tuple[float, float]]:
    """Return where something programmed or unknown is on its way, and where readings are missing."""
    found = []
    for bolus in boluses:
        closed_s = bolus.measured.closed_s if bolus.measured is not None else bolus.order.end_s + AFTER_BOLUS_S
        found.append((bolus.order.start_s - BEFORE_BOLUS_S, closed_s))
    found += [(each.start_s, each.end_s) for each in view.unknown]
    found += [move.window_s for move in valve_moves(view.record.events, view.started_ns)]
    found += [(gap.start_s, gap.end_s) for gap in view.gaps]
    found += [(bridge.gap.start_s, bridge.gap.end_s) for bridge in view.bridges]
    return found
