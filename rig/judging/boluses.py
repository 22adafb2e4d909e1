"""Every bolus of a run, measured once, beside what was programmed and what the pump reported."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rig.analysis.bolus import BolusMeasurement, BolusWindow, measure_bolus
from rig.errors import BenchError
from rig.judging.programmed import match_log
from rig.judging.reported import Entry
from rig.judging.running import running_basal
from rig.judging.shifted import bolus_marked
from rig.judging.view import RunView
from rig.programme import BolusOrder
from rig.record.reader import Event

SLICE_MARGIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Report:
    """What the pump's own log says of one bolus."""

    delivered_u: float
    resolution_u: float | None
    source: str


@dataclass(frozen=True, slots=True)
class JudgedBolus:
    """One bolus in three truths; ``measured`` None with the reason where the bench could not see it whole."""

    order: BolusOrder
    measured: BolusMeasurement | None
    why_not: str
    report: Report | None
    ul_per_u: float

    @property
    def measured_u(self) -> float | None:
        """Return the measured amount in U."""
        return None if self.measured is None else self.measured.volume_u(self.ul_per_u)

    @property
    def u_u(self) -> float | None:
        """Return its standard uncertainty in U."""
        return None if self.measured is None else self.measured.volume.u_ul / self.ul_per_u


def judge_boluses(view: RunView) -> tuple[JudgedBolus, ...]:
    """Return every bolus that was started, in order."""
    if view.evidence.scenario.qualifies:
        return ()  # the known flows of a qualification are no boluses of a pump
    events = view.record.events
    closed = {_key(event): event for event in events if event.name == "bolus_closed"}
    logged, step_u = match_log(view), view.evidence.profile.history_amount_step_u
    orders = view.programme.boluses
    found = []
    for number, order in enumerate(orders):
        key = (order.step, order.index)
        following = orders[number + 1].start_s if number + 1 < len(orders) else view.end_s
        measured, why_not = _measure(view, order, closed.get(key), following)
        found.append(JudgedBolus(order, measured, why_not, _report(logged.entry_of(key), step_u), view.ul_per_u))
    return tuple(found)


def _measure(
    view: RunView, order: BolusOrder, closed: Event | None, following_s: float
) -> tuple[BolusMeasurement | None, str]:
    if closed is None:
        return None, "the run ended before this bolus was closed"
    if view.evaporation is None:
        return None, "no blank: the evaporation is unknown"
    from_s = view.seconds(int(closed.data["baseline_from_ns"]))
    to_s = min(view.seconds(int(closed.data["closed_ns"])), following_s)
    hole_s = view.hole_in(from_s, to_s)
    if hole_s > view.evidence.scenario.gap_tolerate_s:
        return None, f"no readings for {hole_s:.0f} s within this bolus"
    why_not = _disturbed(view, from_s, to_s)
    if why_not:
        return None, why_not
    keep = slice(*np.searchsorted(view.times_s, (from_s - SLICE_MARGIN_S, to_s + SLICE_MARGIN_S)))
    rate = view.programme.rate_at(order.start_s)
    basal = running_basal(view, rate)
    window = BolusWindow(order.start_s, order.duration_s, from_s, to_s)
    try:
        return measure_bolus(view.times_s[keep], view.masses_mg[keep], window, view.chain, view.air, basal=basal), ""
    except BenchError as error:
        return None, str(error)


def _disturbed(view: RunView, from_s: float, to_s: float) -> str:
    """Return what forbids measuring a bolus although readings came: within one, no slope bounds a shift."""
    bridge = next(iter(view.bridges_in(from_s, to_s)), None)
    if bridge is not None:
        return f"a reading gap of {bridge.gap.duration_s:.0f} s within this bolus ({bridge.gap.cause})"
    unknown = view.unknown_in(from_s, to_s)
    return bolus_marked(view, from_s, to_s) if unknown is None else f"{unknown.text}, at {unknown.start_s:.0f} s"


def _report(entry: Entry | None, step_u: float) -> Report | None:
    if entry is None or entry.delivered_u is None:
        return None
    return Report(entry.delivered_u, entry.resolution_u or step_u, "bolus history")


def _key(event: Event) -> tuple[int, int]:
    return int(event.data.get("step", -1)), int(event.data.get("index", -1))
