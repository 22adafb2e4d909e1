"""The reference weight at the start and at the end of a run: the balance's claim, and how far its span went meanwhile.

The value is never corrected by it: a weight is put on by hand, and dust on it would become a correction. What the span
moved between both weighings enters the budget; an error beyond what the balance's certificate and the weight's leave
open forbids judging.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from rig.analysis.quality.scale import sigmas
from rig.config import BalanceConfig, BenchConfig, ReferenceWeightConfig
from rig.errors import BenchError
from rig.metrology.budget import Component, rectangular
from rig.metrology.checks import FloatArray
from rig.record.reader import Event
from rig.scenario.qualification import SETTLE_S, WEIGH_S

if TYPE_CHECKING:
    from rig.judging.view import RunView

NS_PER_S: Final = 1e9
FEWEST_READINGS: Final = 10
START, END = "start", "end"
INSTANTS: Final = ("weight_on_asked", "weight_on", "weight_off_asked", "weight_off")


@dataclass(frozen=True, slots=True)
class Weighed:
    """A weight that was put on and taken off: ``error_mg`` shown less conventional mass.

    ``u_each_mg``: u of this weighing alone; ``u_weight_mg``: of the weight, the same in every weighing of it.
    """

    which: str
    weight: ReferenceWeightConfig
    from_s: float
    to_s: float
    error_mg: float
    u_each_mg: float

    @property
    def u_mg(self) -> float:
        """Standard uncertainty of the error."""
        return math.hypot(self.u_each_mg, self.weight.u_mg)


def weighed_weights(
    events: Sequence[Event], origin_ns: int, times_s: FloatArray, masses_mg: FloatArray, bench: BenchConfig
) -> tuple[Weighed, ...]:
    """Return the weights of a run's start and end; arrays of all readings, those with the weight on included.

    One that was asked for and cannot be read (too few readings, another weight than the bench file has) is left out.
    """
    found = []
    for which in (START, END):
        told = {
            event.name: event for event in events if event.name in INSTANTS and str(event.data.get("which")) == which
        }
        if set(told) != set(INSTANTS):
            continue
        weight = find_weight(bench, float(told["weight_on"].data["nominal_g"]))
        at_s = {name: (event.at_ns - origin_ns) / NS_PER_S for name, event in told.items()}
        levels = _levels(at_s, times_s, masses_mg)
        if weight is not None and levels is not None:
            found.append(_weighed(which, weight, at_s, levels, bench.balance))
    return tuple(found)


def find_weight(bench: BenchConfig, nominal_g: float) -> ReferenceWeightConfig | None:
    """Return the weight of that nominal mass of a bench, or None."""
    weights = bench.reference_weights
    return next((each for each in weights if abs(each.nominal_g - nominal_g) <= 1e-9 * nominal_g), None)


def _levels(at_s: dict[str, float], times_s: FloatArray, masses_mg: FloatArray) -> tuple[float, float, float] | None:
    """Return the medians without, with, and again without the weight, mg."""
    spans = (
        (at_s["weight_on_asked"] - WEIGH_S, at_s["weight_on_asked"]),
        (at_s["weight_on"] + SETTLE_S, at_s["weight_off_asked"]),
        (at_s["weight_off"] + SETTLE_S, at_s["weight_off"] + SETTLE_S + WEIGH_S),
    )
    parts = [masses_mg[(times_s >= low) & (times_s <= high)] for low, high in spans]
    if min(part.size for part in parts) < FEWEST_READINGS:
        return None
    before, on, after = (float(np.median(part)) for part in parts)
    return before, on, after


def _weighed(
    which: str,
    weight: ReferenceWeightConfig,
    at_s: dict[str, float],
    levels: tuple[float, float, float],
    balance: BalanceConfig,
) -> Weighed:
    before, on, after = levels
    shown_mg = on - (before + after) / 2.0
    u_each_mg = math.hypot(
        balance.uncertainty.repeatability_mg * math.sqrt(1.5),
        rectangular((after - before) / 2.0),
        balance.resolution_mg / math.sqrt(6.0),
    )
    end_s = at_s["weight_off"] + SETTLE_S + WEIGH_S
    return Weighed(which, weight, at_s["weight_on_asked"] - WEIGH_S, end_s, shown_mg - weight.mass_g * 1e3, u_each_mg)


def claim_mg(weighed: Weighed, balance: BalanceConfig) -> float:
    """Return what the balance may be off by its certificate, for a difference of that mass, mg."""
    return balance.uncertainty.sensitivity_ppm * 1e-6 * weighed.weight.mass_g * 1e3


def error_limit_mg(weighed: Weighed, balance: BalanceConfig) -> float:
    """Return the largest error within the claim: exceeded by chance once in 10,000 weighings at its edge."""
    return claim_mg(weighed, balance) + sigmas(2.0) * weighed.u_mg


def drift_limit_mg(first: Weighed, last: Weighed, balance: BalanceConfig) -> float:
    """Return how far two weighings of one weight may lie apart; the weight's own error is in both."""
    return claim_mg(first, balance) + sigmas(2.0) * math.hypot(first.u_each_mg, last.u_each_mg)


def both(weights: Sequence[Weighed]) -> tuple[Weighed, Weighed] | None:
    """Return the weighings at start and end of one and the same weight, or None."""
    by_which = {each.which: each for each in weights}
    first, last = by_which.get(START), by_which.get(END)
    if first is None or last is None or first.weight != last.weight:
        return None
    return first, last


def weights_gate(view: RunView) -> str:
    """Return why the reference weights forbid judging, or nothing; nothing where none was asked for."""
    balance, ended = view.evidence.bench.balance, str(view.record.end.get("ended_utc") or "")[:10]
    for each in view.weights:
        due = each.weight.calibration.due.isoformat()
        if ended > due:
            return f"the certificate of the reference weight of {each.weight.nominal_g:g} g expired on {due}"
        limit = error_limit_mg(each, balance)
        if abs(each.error_mg) > limit:
            return (
                f"the balance shows the reference weight of {each.weight.nominal_g:g} g by {each.error_mg:+.3g} mg "
                f"wrong at the {each.which}: more than its certificate leaves open ({limit:.3g} mg)"
            )
    pair = both(view.weights)
    if pair is None:
        return ""
    moved, limit = pair[1].error_mg - pair[0].error_mg, drift_limit_mg(*pair, balance)
    if abs(moved) <= limit:
        return ""
    return (
        f"between start and end the balance came to show the reference weight by {moved:+.3g} mg otherwise: more than "
        f"its certificate leaves open ({limit:.3g} mg)"
    )


@dataclass(frozen=True, slots=True)
class SpanDrift:
    """What the span moved between two weighings, as more of the budget of a volume (`WeighingChain.further`).

    When the span moved is not known: the whole change is a rectangular half width of what it does to the gross load,
    in the share that an interval is of the time between both weighings.
    """

    relative: float
    between_s: float
    gross_mg: float
    ul_per_mg: float

    def component(self, duration_s: float) -> Component:
        """Return the component of an interval."""
        share = min(duration_s / self.between_s, 1.0)
        u_mg = rectangular(self.relative * self.gross_mg * share)
        name, source = "change of span, reference weight", "reference weight at start and end"
        return Component(name, u_mg, "mg", self.ul_per_mg, "B", "rectangular", source)


def span_drift(weights: Sequence[Weighed], gross_mg: float, ul_per_mg: float) -> SpanDrift | None:
    """Return what a run's weights say of the drift of the span; None without both. `BenchError` when out of order."""
    pair = both(weights)
    if pair is None:
        return None
    first, last = pair
    if last.from_s <= first.to_s:
        raise BenchError("the reference weight of the end was weighed before that of the start")
    relative = (last.error_mg - first.error_mg) / (first.weight.mass_g * 1e3)
    return SpanDrift(relative, last.from_s - first.to_s, gross_mg, ul_per_mg)
