"""Limit, source and decision rule -> outcome (design 4.7, 4.8, 5.1).

Basis of the rule: JCGM 106:2012 guarded acceptance with w = U (false acceptance below 2.3 %) and guarded rejection with
w = -U; ILAC-G8:09/2019; standards-and-metrology section 6.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rig.errors import ScenarioError
from rig.metrology.conformity import conformance_probability, measurement_capability
from rig.profiles.pump import Claim, PumpProfile
from rig.results import LimitSource, Outcome, Result
from rig.scenario.measures import MEASURES
from rig.scenario.model import Check
from rig.scenario.sources import CLAIMS, DEFAULT_LIMITS, OCCLUSION

COVERAGE_FACTOR = 2.0
S_PER_H = 3600.0
EXIT_PRECEDENCE = (5, 130, 2, 1, 4, 3, 0)
GUARDED = "guarded: PASS if L <= y - U and y + U <= H; FAIL if y + U < L or y - U > H; else INCONCLUSIVE (U = 2u)"
SIMPLE = "simple acceptance: PASS if L <= y <= H, else FAIL; chosen by the scenario"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds in the measure's unit, either side possibly open, and where they come from; no source: nothing decides.

    ``note`` says what of the scenario's own limit was not used.
    """

    lower: float | None
    upper: float | None
    source: LimitSource | None
    note: str = ""

    @property
    def decide(self) -> bool:
        """Return whether there is a sourced bound."""
        return self.source is not None and (self.lower is not None or self.upper is not None)

    @property
    def reach(self) -> float | None:
        """Return what a bench's own U is compared with: half the width, or the size of the only bound; None: nothing.

        For limits of +-5 % this is 5 %. A single bound of zero gives no scale.
        """
        if self.lower is not None and self.upper is not None:
            return (self.upper - self.lower) / 2.0
        only = self.upper if self.lower is None else self.lower
        return abs(only) if only else None


@dataclass(frozen=True, slots=True)
class Decision:
    """An outcome with its reason, the probability of conformance and the measurement capability (printed only)."""

    outcome: Outcome
    why: str
    conformance_probability: float | None = None
    measurement_capability: float | None = None


def resolve_limits(
    check: Check, profile: PumpProfile, amount_u: float | None = None, rate_u_per_h: float | None = None
) -> Limits:
    """Return the limits of a check in the order of design 4.8.

    A pump's claim decides only where it is the maker's, confirmed, or declared for the twin; an unconfirmed one leaves
    nothing to decide by. A rig default applies only where the scenario names it; one without a figure of its own takes
    the scenario's. ``amount_u`` picks the part of a bolus claim, ``rate_u_per_h`` that of a claim for occlusions.
    Raises `ScenarioError` for a limit without a source.
    """
    if check.source is None:
        if check.lower is not None or check.upper is not None:
            raise ScenarioError(f"check {check.id} has a limit without a source", expected="source: ...")
        return Limits(None, None, None)
    if check.source in (*CLAIMS, OCCLUSION):
        return _noted(check, _of_pump(check, profile, amount_u, rate_u_per_h))
    default = DEFAULT_LIMITS.get(check.source)
    if default is None:
        return Limits(check.lower, check.upper, LimitSource("scenario", check.source, "named by the scenario"))
    whose = "rig default" if default.of_the_bench else "rig default, not this pump's claim"
    text = f"{default.text} ({whose})"
    source = LimitSource(default.id, text, default.mark)
    if not default.decides:
        return Limits(None, None, source)
    if not default.brings_limit:
        return Limits(check.lower, check.upper, source)
    return _noted(check, Limits(*default.bounds(amount_u), source))


def _noted(check: Check, limits: Limits) -> Limits:
    """Return ``limits`` with a note where the scenario wrote figures that its source overrules."""
    own = (check.lower, check.upper)
    if own == (None, None) or limits.source is None or own == (limits.lower, limits.upper):
        return limits
    shown = " to ".join("open" if bound is None else f"{bound:g} {check.unit}" for bound in own)
    return replace(limits, note=f"the scenario's own limit of {shown} is not used: {check.source} comes first")


def _claimed(check: Check, claim: Claim, amount_u: float | None) -> Limits:
    source = LimitSource(str(check.source), claim.text, claim.mark)
    if not claim.decides or claim.limit_pct is None:
        return Limits(None, None, None)
    bound = claim.limit_pct
    small = claim.small_below_u is not None and amount_u is not None and amount_u < claim.small_below_u
    in_units = MEASURES[check.measure].unit == "U"
    if small and claim.small_limit_u is not None and amount_u:
        bound = claim.small_limit_u if in_units else 100.0 * claim.small_limit_u / amount_u
    elif in_units:
        if not amount_u:
            return Limits(None, None, None)
        bound = claim.limit_pct / 100.0 * amount_u
    return Limits(-bound, bound, source)


def _of_pump(check: Check, profile: PumpProfile, amount_u: float | None, rate_u_per_h: float | None) -> Limits:
    if check.source == OCCLUSION:
        return _of_occlusions(check, profile, rate_u_per_h)
    return _claimed(check, profile.claims[CLAIMS[str(check.source)]], amount_u)


def _of_occlusions(check: Check, profile: PumpProfile, rate_u_per_h: float | None) -> Limits:
    """Return the upper limit that the pump's claim names for occlusions at this rate; of another it says nothing."""
    claim = next((each for each in profile.occlusion if rate_u_per_h is not None and each.holds_at(rate_u_per_h)), None)
    if claim is None:
        return Limits(None, None, None)
    upper = claim.longest_s / S_PER_H if MEASURES[check.measure].unit == "h" else claim.missed_most_u
    return (
        Limits(None, None, None)
        if upper is None
        else Limits(None, upper, LimitSource(OCCLUSION, claim.text, claim.mark))
    )


def decide(value: float | None, u: float | None, limits: Limits, rule: str = "guarded") -> Decision:
    """Return the outcome of one result ``value`` with standard uncertainty ``u`` of what left the outlet.

    Without a sourced limit: REPORT_ONLY. Without a finite value or uncertainty nothing can pass: INCONCLUSIVE.
    """
    if not limits.decide:
        return Decision(Outcome.REPORT_ONLY, "no sourced limit exists for this pump")
    if value is None or u is None or not math.isfinite(value) or not math.isfinite(u) or u < 0:
        return Decision(Outcome.INCONCLUSIVE, "no value with a stated uncertainty")
    low = -math.inf if limits.lower is None else limits.lower
    high = math.inf if limits.upper is None else limits.upper
    probability = conformance_probability(value, u, limits.lower, limits.upper) if u > 0 else None
    capability = measurement_capability(u, limits.lower, limits.upper) if u > 0 else None
    outcome, why = _compare(value, COVERAGE_FACTOR * u, low, high, rule)
    return Decision(outcome, why, probability, capability)


def _compare(value: float, expanded: float, low: float, high: float, rule: str) -> tuple[Outcome, str]:
    if rule == "simple":
        inside = low <= value <= high
        return (Outcome.PASS if inside else Outcome.FAIL), "simple acceptance, U not applied"
    if low <= value - expanded and value + expanded <= high:
        return Outcome.PASS, "y - U and y + U lie within the limits"
    if value + expanded < low:
        return Outcome.FAIL, "y + U lies below the lower limit"
    if value - expanded > high:
        return Outcome.FAIL, "y - U lies above the upper limit"
    return Outcome.INCONCLUSIVE, "a limit lies within y +- U: the measurement cannot decide"


def decide_proportion(interval: tuple[float, float], limits: Limits) -> Decision:
    """Return the outcome of a share by its 95 % Clopper-Pearson interval, in the limits' unit."""
    if not limits.decide:
        return Decision(Outcome.REPORT_ONLY, "no sourced limit exists for this pump")
    low = -math.inf if limits.lower is None else limits.lower
    high = math.inf if limits.upper is None else limits.upper
    if low <= interval[0] and interval[1] <= high:
        return Decision(Outcome.PASS, "the whole interval lies within the limits")
    if interval[1] < low or interval[0] > high:
        return Decision(Outcome.FAIL, "the whole interval lies outside the limits")
    return Decision(Outcome.INCONCLUSIVE, "a limit lies within the interval")


def decide_each(items: Sequence[Decision]) -> Decision:
    """Return the outcome of an "each" check: FAIL if any item FAILs, PASS only if all do."""
    if not items:
        return Decision(Outcome.INVALID, "nothing was measured")
    for outcome in (Outcome.FAIL, Outcome.INVALID, Outcome.INCONCLUSIVE, Outcome.REPORT_ONLY):
        count = sum(item.outcome is outcome for item in items)
        if count:
            first = next(item for item in items if item.outcome is outcome)
            return Decision(outcome, f"{count} of {len(items)} items {outcome.value}: {first.why}", *_worst(items))
    return Decision(Outcome.PASS, f"all {len(items)} items PASS", *_worst(items))


def _worst(items: Iterable[Decision]) -> tuple[float | None, float | None]:
    held = list(items)
    probabilities = [item.conformance_probability for item in held if item.conformance_probability is not None]
    capabilities = [item.measurement_capability for item in held if item.measurement_capability is not None]
    return min(probabilities, default=None), min(capabilities, default=None)


def overall(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the outcome of a run: a valid FAIL first, then INVALID, INCONCLUSIVE, PASS; else REPORT_ONLY."""
    found = set(outcomes)
    for outcome in (Outcome.FAIL, Outcome.INVALID, Outcome.INCONCLUSIVE, Outcome.PASS):
        if outcome in found:
            return outcome
    return Outcome.REPORT_ONLY


def exit_code(result: Result, *, safe_confirmed: bool) -> int:
    """Return the exit code of design 5.1 for a judged run."""
    if not safe_confirmed:
        return 5
    if result.end_reason == "aborted":
        return 130
    by_outcome = {Outcome.FAIL: 1, Outcome.INVALID: 4, Outcome.INCONCLUSIVE: 3, Outcome.REPORT_ONLY: 3, Outcome.PASS: 0}
    code = by_outcome[result.outcome]
    return worst_exit_code((code, 0 if result.end_reason == "completed" else 4))


def worst_exit_code(codes: Iterable[int]) -> int:
    """Return the first of several exit codes in order of precedence; 3 when there is none: nothing was decided."""
    found = set(codes)
    return next((code for code in EXIT_PRECEDENCE if code in found), 3)
