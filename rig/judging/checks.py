"""Judge one check: measurand, limits, rule, outcome, and every reason in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rig.errors import BenchError
from rig.judging.boluses import JudgedBolus
from rig.judging.frozen import frozen_blank
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

EVAPORATION_GATE = 0.2  # of the programme's mean rate, design 4.11
RISING_SIGMAS = 3.0  # a rise within the blanks' own noise is no rise
RISING_SHARE = 0.01  # of the programme's mean rate: what a fifth of a 5 % limit would hide
FIT_SHARE = 0.5  # the bench's own U may be at most this share of a limit, design 4.11
ELECTRICAL = ("V", "mA")  # units of what is read at the supply: no balance and no evaporation stand behind them
MG_PER_UL = 1.0
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
        weighed = check.unit not in ELECTRICAL
        refused = _unfit(view, measured) if deciding is not None and weighed else ""
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
    each = (limits, *(resolve_limits(check, profile, item.amount_u) for item in measured.items))
    return next((held for held in each if held.decide), None)


def invalid(check: Check, limits: Limits, why: str) -> CheckResult:
    """Return an INVALID check: the bench broke during the interval that it needs."""
    return _result(check, limits, Decision(Outcome.INVALID, why), None, (), None)


def _single(check: Check, measured: Measured, limits: Limits, view: RunView) -> CheckResult:
    item = measured.items[0]
    carlo = propagated(item, limits, check.unit)
    if measured.interval_pct is not None:
        decision = decide_proportion(measured.interval_pct, limits)
    else:
        decision = _fit(decide(item.value, item.u, limits, check.decision), item.u, limits)
        decision = _borne_out(check, decision, carlo, limits)
    components = Components()
    trace = check_trace(item, view, RawReadings(view), components)
    result = _result(check, limits, decision, measured, (), item, carlo)
    return replace(result, trace=trace, components=components.definitions())


def _each(check: Check, measured: Measured, profile: PumpProfile, view: RunView) -> CheckResult:
    judged, raw, components = [], RawReadings(view), Components()
    shown = max(measured.items, key=lambda item: abs(item.value or 0.0))
    shown_carlo = None
    own = [resolve_limits(check, profile, item.amount_u) for item in measured.items]
    decides = any(limits.decide for limits in own)
    for item, limits in zip(measured.items, own, strict=True):
        decision = _decide_item(check, item, limits, decides=decides)
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


def _decide_item(check: Check, item: Item, limits: Limits, *, decides: bool) -> Decision:
    """Return an item's decision; what could not be measured is INVALID wherever any item's limits decide."""
    if item.why_not and decides:
        return Decision(Outcome.INVALID, item.why_not)
    decision = _fit(decide(item.value, item.u, limits, check.decision), item.u, limits)
    if item.at_least and (decision.outcome is Outcome.PASS or limits.upper is None):
        return replace(decision, outcome=Outcome.INCONCLUSIVE, why="it had not happened by then: it can only be more")
    return decision


def _fit(decision: Decision, u: float | None, limits: Limits) -> Decision:
    """Withhold a PASS from a bench whose own U is more than half the limit (design 4.11)."""
    if decision.outcome is not Outcome.PASS or _is_fit(u, limits):
        return decision
    why = "the bench is not fit to decide this: its own U is more than half the limit"
    return Decision(Outcome.INCONCLUSIVE, why, decision.conformance_probability, decision.measurement_capability)


def _is_fit(u: float | None, limits: Limits) -> bool:
    return u is None or limits.reach is None or COVERAGE_FACTOR * u <= FIT_SHARE * limits.reach


def _unfit(view: RunView, measured: Measured) -> str:
    """Return why evaporation forbids judging, or nothing (design 4.11)."""
    if view.evaporation is None:
        return "no blank: the evaporation is unknown"
    frozen = frozen_blank(view)
    if frozen:
        return frozen
    hours = (measured.to_s - measured.from_s) / 3600.0
    set_u = view.programme.expected_u(measured.from_s, measured.to_s)
    rate_mg_per_h = set_u * view.ul_per_u * MG_PER_UL / hours if hours > 0 else 0.0
    rising_mg_per_h = -view.evaporation.rate_mg_per_h
    if rising_mg_per_h > max(RISING_SIGMAS * view.evaporation.u_mg_per_h, RISING_SHARE * rate_mg_per_h):
        return (
            f"the mass rose by {rising_mg_per_h:.3g} mg/h with the pump stopped, which evaporation cannot do: a pump "
            "that leaks while suspended, a siphon or a drifting zero, and one balance cannot tell which"
        )
    evaporation = abs(view.evaporation.rate_mg_per_h)
    if set_u > 0 and evaporation > EVAPORATION_GATE * rate_mg_per_h:
        return f"evaporation of {evaporation:.3g} mg/h is more than 20 % of the programme's {rate_mg_per_h:.3g} mg/h"
    return ""


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
    if limits.decide and not _is_fit(u, limits):
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
