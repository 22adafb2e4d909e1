"""What the marks of a run do to its checks (docs/reference/data-quality.md).

A check over readings that are too damaged is INVALID. A rise that was not programmed is never left out, for it may be
the over-delivery that this rig exists to find; a check is judged with it and without it, and a PASS needs both. A fall
is no delivery, but it may be the end of a rise that nobody saw: a check is judged with it taken out and as shown, and a
PASS needs both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from rig.analysis.quality.smear import edge_lag, smear_of
from rig.analysis.quality.steps import LEANING_S
from rig.judging.boluses import JudgedBolus, judge_boluses
from rig.judging.checks import judge_check
from rig.judging.marks import BUMP, DROP, NOISE, REPEAT, RISE, SPIKE, ZERO, Moved, Quality
from rig.judging.measures import suspended_spans
from rig.judging.view import RunView
from rig.metrology.checks import FloatArray
from rig.metrology.inputs import air_density_at
from rig.metrology.volume import volume_curve_ul
from rig.profiles.pump import PumpProfile
from rig.results import CheckResult, Finding, Outcome
from rig.scenario.measures import MEASURES
from rig.scenario.model import Check

MOST_MISSING = 0.05  # of an interval without a usable reading
HOLE_LINK_S = 15.0  # of link time: waking a pump holds up the readings for so long, at any speed
HOLE_INTERVALS = 5.0  # a reading so late is missing: a loaded host delays some, and they are as good as the others
MOST_MARKS = 5  # in one interval: where so much is seen, more of the same is below the detection limits
FORBIDDING = (ZERO, DROP)
COUNTED = (SPIKE, BUMP, RISE, REPEAT, NOISE)
DECIDED = (Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE)
TIMED = ("bolus.duration",)
DECIDES = ("step-decides", "fall-decides")
TELLS = "a second run, or a reference weight, tells them apart"
SMEAR_LEAST_S = 30.0


def judge_marked(check: Check, view: RunView, boluses: tuple[JudgedBolus, ...], profile: PumpProfile) -> CheckResult:
    """Return a check judged as `judge_check` does, and then against the marks of its interval."""
    result = judge_check(check, view, boluses, profile)
    if result.from_s is None or result.to_s is None:
        return result
    spans = _spans(check, result, view)
    damage = next((why for span in spans if (why := damaged(view, *span))), "")
    if damage and not _stands(check, result, view):
        return _withheld(result, Outcome.INVALID, damage)
    result = _doubted(_with_falls(result, view, spans), check, view, profile, spans)
    smeared = smear_of(*lags(view, boluses)) if check.measure in TIMED else None
    if smeared is not None and smeared.is_smeared:
        result = replace(result, findings=(*result.findings, Finding("Q-SMEAR", smeared.text)))
        if result.outcome is Outcome.PASS:
            return _withheld(result, Outcome.INCONCLUSIVE, smeared.text)
    return result


def _doubted(
    result: CheckResult, check: Check, view: RunView, profile: PumpProfile, spans: list[tuple[float, float]]
) -> CheckResult:
    """Return a check as judged, against what it would be had its falls and rises been something else."""

    def again(other: RunView) -> CheckResult:
        return judge_check(check, other, judge_boluses(other), profile)

    falls = [each for each in view.quality.falls if each.taken_out_mg and any(each.within(*span) for span in spans)]
    beside = () if check.measure.startswith("bolus.") else _beside(view, spans)
    rises = [rise for rise in view.quality.rises if any(rise.within(*span) for span in spans)]
    shown = as_shown(view, beside) if falls or beside else view
    falls = sorted((*falls, *(fall for fall, _ in beside)), key=lambda each: each.shift.before_s)
    if falls:
        result = _as_shown_too(result, again(shown), falls)
    if not rises:
        return result
    unseen_mg = view.quality.rise_limit_mg
    result = _both_ways(result, again(without_rises(view)), rises)
    if result.outcome is Outcome.PASS and again(without_rises(view, unseen_mg)).outcome is not Outcome.PASS:
        limit = f"{unseen_mg:.2g} mg"
        why = f"PASS only if no step just below the detection limit of {limit} came with those that were found"
        return _withheld(result, Outcome.INCONCLUSIVE, why)
    return _neither_nor(result, again, shown, unseen_mg) if falls else result


def damaged(view: RunView, from_s: float, to_s: float) -> str:
    """Return why the readings of an interval are too damaged to decide anything, or nothing."""
    forbidding = view.quality.of(FORBIDDING, from_s, to_s)
    if forbidding:
        return f"{forbidding[0].text} ({forbidding[0].rule}, from {forbidding[0].start_s:.0f} s on)"
    missing = missing_share(view, from_s, to_s)
    if missing > MOST_MISSING:
        return f"no usable reading for {missing:.1%} of the interval, more than {MOST_MISSING:.0%}: too damaged"
    marks = view.quality.of(COUNTED, from_s, to_s)
    if len(marks) > MOST_MARKS:
        return f"{len(marks)} disturbances marked in the interval, more than {MOST_MARKS}: too damaged"
    return ""


def missing_share(view: RunView, from_s: float, to_s: float) -> float:
    """Return the share of an interval without a usable reading: left out by rule, or a hole of several intervals.

    Readings that came a little late are readings. Gaps that the record explains have their own u, and do not count.
    """
    low, high = np.searchsorted(view.times_s, (from_s, to_s), side="right")
    times = view.times_s[max(int(low) - 1, 0) : int(high) + 1]
    if times.size < 2 or to_s <= from_s:
        return 0.0
    steps = np.diff(times)
    usual_s = max(view.evidence.scenario.balance_interval_s, float(np.median(steps)))
    speed = float(view.record.header.get("clock", {}).get("speed") or 1.0)
    holes = steps > max(HOLE_INTERVALS * usual_s, HOLE_LINK_S * speed)
    lost_s = float(np.sum(steps[holes] - usual_s))
    if view.quality.excluded_s is not None:
        left_out = view.quality.excluded_s
        left_out = left_out[(left_out > from_s) & (left_out <= to_s)]
        inside = np.searchsorted(times, left_out) - 1
        counted = holes[np.clip(inside, 0, holes.size - 1)]  # those in a hole are in its length already
        lost_s += usual_s * float(np.count_nonzero(~counted))
    lost_s -= sum(max(bridge.gap.duration_s - usual_s, 0.0) for bridge in view.bridges_in(from_s, to_s))
    return max(lost_s, 0.0) / (to_s - from_s)


def without_rises(view: RunView, unseen_mg: float = 0.0) -> RunView:
    """Return a view as if no unprogrammed rise had happened: the readings after each are lowered by its size.

    ``unseen_mg``: by as much more, for a rise that came with each and was too small to be found.
    """
    masses = view.masses_mg.copy()
    for rise in view.quality.rises:
        masses[view.times_s >= rise.shift.after_s] -= max(rise.size_mg, 0.0) + unseen_mg
    return _weighed_as(view, masses, replace(view.quality, rises=()))


def as_shown(view: RunView, beside: Sequence[tuple[Moved, float]] = ()) -> RunView:
    """Return a view with no fall taken out: as if each only gave back what had risen unseen before it.

    What is not known well enough of a fall stays in the budget. ``beside``: falls outside of an interval, each with the
    time within it from which on the readings are lowered by what fell.
    """
    masses = view.masses_mg.copy()
    for fall in view.quality.falls:
        masses[view.times_s >= fall.shift.after_s] -= fall.taken_out_mg
    for fall, at_s in beside:
        masses[view.times_s >= at_s] -= fall.fell_mg
    falls = tuple(replace(fall, as_shown=True) for fall in view.quality.falls)
    return _weighed_as(view, masses, replace(view.quality, falls=falls))


def _beside(view: RunView, spans: Sequence[tuple[float, float]]) -> tuple[tuple[Moved, float], ...]:
    """Return the falls just before or after an interval, each with the middle of the span that is nearest to it.

    What was let go after an interval may have risen within it; what fell before it may have crept back within it.
    """
    found = []
    for fall in view.quality.falls:
        near = [(max(low - fall.shift.after_s, fall.shift.before_s - high), low, high) for low, high in spans]
        away_s, low, high = min(near)
        if 0.0 <= away_s <= LEANING_S:
            found.append((fall, (low + high) / 2.0))
    return tuple(found)


def _weighed_as(view: RunView, masses: FloatArray, quality: Quality) -> RunView:
    air = air_density_at(view.record.ambient, view.times_s, origin_ns=view.started_ns)
    volume_u = volume_curve_ul(view.times_s, masses, view.chain, air) / view.ul_per_u
    return replace(view, masses_mg=masses, volume_u=volume_u, quality=quality)


def lags(view: RunView, boluses: Sequence[JudgedBolus]) -> tuple[list[float], list[float]]:
    """Return the edge lag of each bolus that lasts half a minute or more, and its u, in s."""
    found, spreads = [], []
    mg_per_u = view.ul_per_u * 1e-3 * view.chain.liquid.density_kg_per_m3
    noise_mg = view.chain.noise.reading_mg if view.chain.noise is not None else view.chain.balance.repeatability_mg
    for bolus in boluses:
        measured, nominal_s = bolus.measured, bolus.order.duration_s
        if measured is None or measured.start_delay_s is None or nominal_s < SMEAR_LEAST_S:
            continue
        begins_s = bolus.order.start_s + measured.start_delay_s
        part = slice(*np.searchsorted(view.times_s, (begins_s - 1e-6, measured.closed_s)))
        amount_mg = (bolus.measured_u or 0.0) * mg_per_u
        lag_s = edge_lag(view.times_s[part], view.masses_mg[part] - measured.baseline.mass_mg, amount_mg)
        if lag_s is not None:
            found.append(lag_s)
            dose_s = view.programme.dose_u / bolus.order.amount_u * nominal_s / math.sqrt(12.0)
            spreads.append(math.hypot(noise_mg / max(amount_mg, noise_mg) * nominal_s, dose_s))
    return found, spreads


def _spans(check: Check, result: CheckResult, view: RunView) -> list[tuple[float, float]]:
    """Return the intervals that a check rests on: those of its items where it has several, else its own.

    All suspensions but one are not shown: a display that stood still there would hide what they let through. A FAIL
    rests on the one that is shown.
    """
    if check.measure == "suspend.delivered" and result.outcome is not Outcome.FAIL:
        return suspended_spans(check, view)
    if MEASURES[check.measure].each and result.items:
        return [(float(row["from_s"]), float(row["to_s"])) for row in result.items]
    return [(float(result.from_s or 0.0), float(result.to_s or 0.0))]


def _stands(check: Check, result: CheckResult, view: RunView) -> bool:
    """Whether damage changes nothing: there is no decision, or an item FAILed whose own readings are sound."""
    if result.outcome not in DECIDED:
        return True
    return MEASURES[check.measure].each and any(
        row["outcome"] == Outcome.FAIL.value and not damaged(view, float(row["from_s"]), float(row["to_s"]))
        for row in result.items
    )


def _with_falls(result: CheckResult, view: RunView, spans: list[tuple[float, float]]) -> CheckResult:
    told = [
        Finding(
            "fall-taken-out" if fall.taken_out_mg else "fall-in-budget",
            f"the level fell by {fall.fell_mg:.3g} mg, which is no delivery: "
            + (f"{fall.taken_out_mg:.3g} mg" if fall.taken_out_mg else "not")
            + f" taken out, u = {fall.u_mg:.2g} mg",
            fall.shift.before_s,
            fall.shift.after_s,
        )
        for fall in view.quality.falls
        if any(fall.within(*span) for span in spans)
    ]
    return replace(result, findings=(*result.findings, *told)) if told else result


def _both_ways(result: CheckResult, other: CheckResult, rises: Sequence[Moved]) -> CheckResult:
    """Return a check whose interval holds unprogrammed rises: as judged with them, a PASS only if without them too."""
    total_mg = sum(rise.size_mg for rise in rises)
    first, last = rises[0].shift.before_s, rises[-1].shift.after_s
    without = _in_short(other)
    text = (
        f"{total_mg:+.3g} mg in {len(rises)} step(s) that were not programmed: a bump at the bench, or an unprogrammed "
        f"delivery; it stays in the value. Without it: {without}"
    )
    result = replace(result, findings=(*result.findings, Finding("unscheduled-step", text, first, last)))
    if result.outcome is Outcome.PASS and other.outcome is not Outcome.PASS:
        why = f"PASS only with an unscheduled step of {total_mg:+.3g} mg, which may be a bump (without it: {without})"
        return _withheld(result, Outcome.INCONCLUSIVE, why)
    if result.outcome is Outcome.FAIL and other.outcome is not Outcome.FAIL:
        told = (
            f"alternative bench causes not excluded: without the unscheduled step of {total_mg:+.3g} mg the check "
            f"would be {other.outcome.value}; a second run, or a reference weight, tells a bump from a delivery"
        )
        return replace(result, findings=(*result.findings, Finding("step-decides", told, first, last)))
    return result


def _as_shown_too(result: CheckResult, other: CheckResult, falls: Sequence[Moved]) -> CheckResult:
    """Return a check whose interval holds falls: as judged with them taken out, a PASS only if as shown too."""
    fell = f"{sum(fall.taken_out_mg or fall.fell_mg for fall in falls):.3g} mg in {len(falls)} fall(s)"
    first, last, shown = falls[0].shift.before_s, falls[-1].shift.after_s, _in_short(other)
    text = f"with nothing taken out, as if what fell, {fell}, had risen unseen within the interval: {shown}"
    result = replace(result, findings=(*result.findings, Finding("fall-as-shown", text, first, last)))
    if result.outcome is Outcome.PASS and other.outcome is not Outcome.PASS:
        why = (
            f"PASS only if the level before the fall was the true one ({fell}; had that risen unseen: {shown}): a fall "
            f"may end a rise too slow or too small to be seen, a drift or something that leant on the pan; {TELLS}"
        )
        return _withheld(result, Outcome.INCONCLUSIVE, why)
    if result.outcome is Outcome.FAIL and other.outcome is not Outcome.FAIL:
        told = (
            f"alternative bench causes not excluded: had what fell, {fell}, risen unseen before, the check would be "
            f"{other.outcome.value}; {TELLS}"
        )
        return replace(result, findings=(*result.findings, Finding("fall-decides", told, first, last)))
    return result


def _neither_nor(
    result: CheckResult, again: Callable[[RunView], CheckResult], shown: RunView, unseen_mg: float
) -> CheckResult:
    """Return a check whose interval holds falls and rises: a PASS only if without all of them too."""
    if result.outcome not in (Outcome.PASS, Outcome.FAIL):
        return result
    least = again(without_rises(shown))
    if result.outcome is Outcome.FAIL:
        if least.outcome is Outcome.FAIL or any(each.id in DECIDES for each in result.findings):
            return result
        told = (
            "alternative bench causes not excluded: without the unscheduled steps, and no fall taken out, the check "
            f"would be {least.outcome.value}; {TELLS}"
        )
        return replace(result, findings=(*result.findings, Finding("step-decides", told)))
    if least.outcome is Outcome.PASS:
        least = again(without_rises(shown, unseen_mg))
    if least.outcome is Outcome.PASS:
        return result
    why = (
        "PASS only if the level before each fall was the true one, or the unscheduled steps were delivered (otherwise: "
        f"{_in_short(least)}); {TELLS}"
    )
    return _withheld(result, Outcome.INCONCLUSIVE, why)


def _in_short(result: CheckResult) -> str:
    return "not measurable" if result.value is None else f"{result.value:.3g} {result.unit}, {result.outcome.value}"


def _withheld(result: CheckResult, outcome: Outcome, why: str) -> CheckResult:
    was = Finding("data-quality", f"without that it would have been {result.outcome.value}: {result.why}")
    return replace(result, outcome=outcome, why=why, conformance_probability=None, findings=(*result.findings, was))
