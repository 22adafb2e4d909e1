"""Judge one check: measurand, limits, rule, outcome, and every reason in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rig.errors import BenchError
from rig.judging.boluses import JudgedBolus
from rig.judging.fitness import Asked, leaves_room
from rig.judging.gates import why_unfit
from rig.judging.items import Item, Measured
from rig.judging.measures import measure
from rig.judging.occlusions import ALTERNATIVES as OF_OCCLUSIONS
from rig.judging.occlusions import OCCLUSIONS
from rig.judging.propagation import ITEM_DRAWS, Propagated, needs_a_look, propagated
from rig.judging.trace import Components, RawReadings, check_trace, item_trace
from rig.judging.view import RunView
from rig.metrology.budget import Budget
from rig.profiles.pump import PumpProfile
from rig.results import CheckResult, Finding, Outcome
from rig.scenario.measures import MEASURES
from rig.scenario.model import Check
from rig.verdict import (
    COVERAGE_FACTOR,
    GUARDED,
    SIMPLE,
    Decision,
    Limits,
    decide,
    decide_each,
    decide_proportion,
    resolve_limits,
)

ELECTRICAL = ("V", "mA")  # units of what is read at the supply: no balance and no evaporation stand behind them
BETWEEN_BLANKS = (
    "not excluded: a drift or an evaporation that came and went between the blanks; a reference weight, a twin vessel "
    "or further blanks would show it"
)
ALTERNATIVES = (
    "alternative bench causes not excluded: a leak or a lost dose cannot be told from low gain, nor a span error of "
    "the balance or a siphon from over-delivery, by one balance; a reference weight and a known flow separate them"
)


def judge_check(check: Check, view: RunView, boluses: tuple[JudgedBolus, ...], profile: PumpProfile) -> CheckResult:
    """Return the judged check; whatever the bench could not measure is INVALID with its reason, never a PASS."""
    limits = resolve_limits(check, profile, check.amount_u)
    try:
        measured = measure(check, view, boluses)
        deciding = _deciding(check, limits, measured, profile)
        weighed = deciding is not None and check.unit not in ELECTRICAL
        refused = why_unfit(view, measured.from_s, measured.to_s) if weighed else ""
    except BenchError as error:
        return invalid(check, limits, error.what)
    if refused:
        return invalid(check, deciding or limits, refused)
    if MEASURES[check.measure].each:
        return _each(check, measured, profile, view)
    amount_u = measured.items[0].amount_u
    return _single(check, measured, limits if amount_u is None else resolve_limits(check, profile, amount_u), view)


def _deciding(check: Check, limits: Limits, measured: Measured, profile: PumpProfile) -> Limits | None:
    """Return limits that decide, of the check or of any of its items; None where nothing decides.

    A claim in percent has no limit in U without an amount, but each bolus brings its own.
    """
    each = (limits, *(_limits_of(check, profile, item) for item in measured.items))
    return next((held for held in each if held.decide), None)


def _limits_of(check: Check, profile: PumpProfile, item: Item) -> Limits:
    """Return the limits of one item: a claim may say something else of each amount, and of each rate."""
    return resolve_limits(check, profile, item.amount_u, item.rate_u_per_h)


def invalid(check: Check, limits: Limits, why: str) -> CheckResult:
    """Return an INVALID check: the bench broke during the interval that it needs."""
    return _result(check, limits, Decision(Outcome.INVALID, why), None, (), None)


def _single(check: Check, measured: Measured, limits: Limits, view: RunView) -> CheckResult:
    item = measured.items[0]
    carlo = propagated(item, limits, check.unit)
    if measured.interval_pct is not None:
        decision = decide_proportion(measured.interval_pct, limits)
    else:
        decision = _fit(
            decide(item.value, item.u, limits, check.decision), item, limits, qualifies=view.evidence.scenario.qualifies
        )
        decision = _borne_out(check, decision, carlo, limits)
    components = Components()
    trace = check_trace(item, view, RawReadings(view), components)
    result = _result(check, limits, decision, measured, (), item, carlo)
    return replace(result, trace=trace, components=components.definitions())


def _each(check: Check, measured: Measured, profile: PumpProfile, view: RunView) -> CheckResult:
    judged, raw, components = [], RawReadings(view), Components()
    shown = max(measured.items, key=lambda item: abs(item.value or 0.0))
    shown_carlo = None
    own = [_limits_of(check, profile, item) for item in measured.items]
    decides = any(limits.decide for limits in own)
    for item, limits in zip(measured.items, own, strict=True):
        decision = _decide_item(check, item, limits, decides=decides, qualifies=view.evidence.scenario.qualifies)
        carlo = None
        if item is shown:
            carlo = shown_carlo = propagated(item, limits, check.unit)
        elif needs_a_look(item, limits, decision):
            carlo = propagated(item, limits, check.unit, draws=ITEM_DRAWS)
        judged.append((item, limits, _borne_out(check, decision, carlo, limits)))
    decision = decide_each([each for _, _, each in judged])
    limits = next(each for item, each, _ in judged if item is shown)
    traces = [item_trace(item, raw) for item in measured.items]
    trace = check_trace(shown, view, raw, components, traces)
    rows = tuple(
        {**_row(*entry), "budget": components.rows(entry[0].budget), "trace": walked}
        for entry, walked in zip(judged, traces, strict=True)
    )
    result = _result(check, limits, decision, measured, rows, shown, shown_carlo)
    return replace(result, trace=trace, components=components.definitions())


def _borne_out(check: Check, decision: Decision, carlo: Propagated | None, limits: Limits) -> Decision:
    """Return a decision without a PASS by y +- 2u that Monte Carlo does not bear out."""
    return decision if carlo is None or check.decision == "simple" else carlo.withhold(decision, limits)


def _decide_item(check: Check, item: Item, limits: Limits, *, decides: bool, qualifies: bool = False) -> Decision:
    """Return an item's decision; what could not be measured is INVALID wherever any item's limits decide."""
    if item.why_not and decides:
        return Decision(Outcome.INVALID, item.why_not)
    decision = _fit(decide(item.value, item.u, limits, check.decision), item, limits, qualifies=qualifies)
    if item.at_least and (decision.outcome is Outcome.PASS or limits.upper is None):
        return replace(decision, outcome=Outcome.INCONCLUSIVE, why="it had not happened by then: it can only be more")
    return decision


def _fit(decision: Decision, item: Item, limits: Limits, *, qualifies: bool) -> Decision:
    """Return the decision that this bench is fit to make (design 4.11)."""
    return Asked(decision, item.value, item.u, item.budget, limits, qualifies).fitted()


def _result(
    check: Check,
    limits: Limits,
    decision: Decision,
    measured: Measured | None,
    rows: tuple[dict[str, Any], ...],
    item: Item | None,
    carlo: Propagated | None = None,
) -> CheckResult:
    budget: Budget | None = item.budget if item is not None else None
    value, u = (item.value, item.u) if item is not None else (None, None)
    findings = [Finding("note", note) for note in (item.notes if item is not None else ())]
    findings += carlo.findings() if carlo is not None else []
    if limits.note:
        findings.append(Finding("limit-not-used", limits.note))
    if limits.decide and not leaves_room(u, limits):
        text = f"the bench's own U of {COVERAGE_FACTOR * (u or 0.0):.3g} {check.unit} is more than half the limit"
        findings.append(Finding("bench-not-fit", text))
    if decision.outcome is Outcome.FAIL and check.unit not in ELECTRICAL:
        occluded = check.measure in OCCLUSIONS
        findings.append(Finding("confounded", OF_OCCLUSIONS if occluded else ALTERNATIVES))
    if decision.outcome is Outcome.PASS and check.measure.startswith("basal."):
        findings.append(Finding("between-blanks", BETWEEN_BLANKS))
    return CheckResult(
        id=check.id,
        title=check.title,
        requirements=check.requirements,
        from_s=measured.from_s if measured is not None else None,
        to_s=measured.to_s if measured is not None else None,
        value=value,
        unit=check.unit,
        expanded_uncertainty=None if u is None else COVERAGE_FACTOR * u,
        coverage_factor=COVERAGE_FACTOR,
        budget=budget.lines() if budget is not None else (),
        lower_limit=limits.lower,
        upper_limit=limits.upper,
        limit_source=limits.source,
        decision_rule=SIMPLE if check.decision == "simple" else GUARDED,
        conformance_probability=decision.conformance_probability,
        measurement_capability=decision.measurement_capability,
        outcome=decision.outcome,
        why=decision.why,
        findings=tuple(findings),
        measure=check.measure,
        interval=measured.interval_pct if measured is not None else None,
        items=rows,
        interval_basis=measured.interval_basis if measured is not None else "",
        monte_carlo=carlo.document() if carlo is not None else None,
    )


def _row(item: Item, limits: Limits, decision: Decision) -> dict[str, Any]:
    return {
        "label": item.label,
        "from_s": item.from_s,
        "to_s": item.to_s,
        "set_u": item.set_u,
        "measured_u": item.measured_u,
        "value": item.value,
        "expanded_uncertainty": None if item.u is None else COVERAGE_FACTOR * item.u,
        "lower_limit": limits.lower,
        "upper_limit": limits.upper,
        "conformance_probability": decision.conformance_probability,
        "measurement_capability": decision.measurement_capability,
        "outcome": decision.outcome.value,
        "why": decision.why if not item.why_not else item.why_not,
    }
